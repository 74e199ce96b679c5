/*
 * sqlstate.h
 *		SQLSTATEs of our own; docs/error-codes.md documents them.
 */
#ifndef QUORATE_REQUEST_SQLSTATE_H
#define QUORATE_REQUEST_SQLSTATE_H

#include "postgres.h"

/* Nobody could serve the request in time; it was certainly not applied. */
#define QUORATE_ERRCODE_UNAVAILABLE MAKE_SQLSTATE('Q', 'R', '0', '0', '1')

/* Said to a node that was removed from the cluster and speaks to it all the same. */
#define QUORATE_ERRCODE_REMOVED MAKE_SQLSTATE('Q', 'R', '0', '0', '2')

/* Said to a node that does not read the version of the cluster, or by one that does not. */
#define QUORATE_ERRCODE_VERSION MAKE_SQLSTATE('Q', 'R', '0', '0', '3')

#endif /* QUORATE_REQUEST_SQLSTATE_H */
