/*
 * peer_connection.h
 *		Ordinary connections to other nodes, for setting a cluster up.
 *
 * Run by client backends.  Waiting is interruptible and bounded; failures are returned as text, because the
 * pre-flight check lists everything that is wrong instead of stopping at the first.
 */
#ifndef QUORATE_SQLAPI_PEER_CONNECTION_H
#define QUORATE_SQLAPI_PEER_CONNECTION_H

#include "postgres.h"

typedef struct PeerConnection PeerConnection;

/*
 * Connects to the database `quorate.database` of a node.  `replication`: the way in which the streams
 * connect.  Returns NULL and sets *problem (palloc'd) if that is impossible within 5 seconds.  Connections
 * are closed at the end of the memory context that was current.
 */
extern PeerConnection *peer_connect(const char *conninfo, bool replication, char **problem);

/*
 * Runs a query with text parameters.  Returns the number of rows, or -1 and sets *problem.
 */
extern int peer_query(PeerConnection *peer, const char *sql, int parameter_count,
					  const char *const *parameters, char **problem);

/* A field of the last query's result; NULL for null. */
extern const char *peer_value(PeerConnection *peer, int row, int column);

extern void peer_disconnect(PeerConnection *peer);

#endif /* QUORATE_SQLAPI_PEER_CONNECTION_H */
