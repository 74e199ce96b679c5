/*
 * conninfo.h
 *		Which connection strings a node can be reached by.
 *
 * The processes that keep the streams up never look a name up, because that would block them.
 */
#ifndef QUORATE_REQUEST_CONNINFO_H
#define QUORATE_REQUEST_CONNINFO_H

#include "postgres.h"

/*
 * True if a conninfo can be used without looking a name up: it has hostaddr, a numeric host or a directory of a
 * Unix-domain socket.  Otherwise *reason (palloc'd, message style) says why not.
 */
extern bool conninfo_is_usable(const char *conninfo, char **reason);

#endif /* QUORATE_REQUEST_CONNINFO_H */
