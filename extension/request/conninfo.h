/*
 * conninfo.h
 *		Which connection strings a node can be reached by.
 *
 * The processes that keep the streams up never look a name up, because that would block them; and a connection
 * string is on every node and in the views, so it is no place for a password.
 */
#ifndef QUORATE_REQUEST_CONNINFO_H
#define QUORATE_REQUEST_CONNINFO_H

#include "postgres.h"

/*
 * True if a conninfo can be used without looking a name up (it has hostaddr, a numeric host or a directory of a
 * Unix-domain socket) and holds no password.  Otherwise *reason (palloc'd, message style) says why not.
 */
extern bool conninfo_is_usable(const char *conninfo, char **reason);

#endif /* QUORATE_REQUEST_CONNINFO_H */
