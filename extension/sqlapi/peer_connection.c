/*
 * peer_connection.c
 *		Ordinary connections to other nodes; see peer_connection.h.
 */
#include "postgres.h"

#include "libpq-fe.h"
#include "libpq/libpq-be-fe-helpers.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "sqlapi/peer_connection.h"

#define PEER_CONNECT_TIMEOUT_S "5"
#define PEER_QUERY_TIMEOUT "-c statement_timeout=20s"

struct PeerConnection
{
	PGconn *connection;
	PGresult *result;
	MemoryContextCallback at_reset;
};

static void
peer_close(void *arg)
{
	PeerConnection *peer = arg;

	if (peer->result)
		PQclear(peer->result);
	peer->result = NULL;
	if (peer->connection)
		libpqsrv_disconnect(peer->connection);
	peer->connection = NULL;
}

PeerConnection *
peer_connect(const char *conninfo, bool replication, char **problem)
{
	const char *keywords[] = {"dbname",
							  "dbname",
							  "connect_timeout",
							  "application_name",
							  "options",
							  replication ? "replication" : NULL,
							  NULL};
	const char *values[] = {conninfo,
							GetConfigOption("quorate.database", false, false),
							PEER_CONNECT_TIMEOUT_S,
							"quorate setup",
							PEER_QUERY_TIMEOUT,
							"database",
							NULL};
	PeerConnection *peer = palloc0(sizeof(PeerConnection));

	peer->at_reset.func = peer_close;
	peer->at_reset.arg = peer;
	peer->connection = libpqsrv_connect_params(keywords, values, true, PG_WAIT_EXTENSION);
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &peer->at_reset);
	if (PQstatus(peer->connection) == CONNECTION_OK)
		return peer;
	*problem = pchomp(PQerrorMessage(peer->connection));
	peer_disconnect(peer);
	return NULL;
}

void
peer_disconnect(PeerConnection *peer)
{
	peer_close(peer);
}

int
peer_query(PeerConnection *peer, const char *sql, int parameter_count,
		   const char *const *parameters, char **problem)
{
	if (peer->result)
		PQclear(peer->result);
	peer->result = NULL;
	if (PQsendQueryParams(peer->connection, sql, parameter_count, NULL, parameters, NULL, NULL, 0))
		peer->result = libpqsrv_get_result_last(peer->connection, PG_WAIT_EXTENSION);
	if (peer->result && (PQresultStatus(peer->result) == PGRES_TUPLES_OK ||
						 PQresultStatus(peer->result) == PGRES_COMMAND_OK))
		return PQntuples(peer->result);
	*problem = pchomp(PQerrorMessage(peer->connection));
	return -1;
}

const char *
peer_value(PeerConnection *peer, int row, int column)
{
	return PQgetisnull(peer->result, row, column) ? NULL : PQgetvalue(peer->result, row, column);
}
