/*
 * client_session.c
 *		One client connection: statements with a time limit, and what each way of ending means.
 *
 * Everything is asynchronous libpq with poll(), because a server process that was stopped keeps its
 * connection open and answers never. Refuses to assume that an error after sending means "not written".
 */
#include "tools/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "libpq-fe.h"

#define CONNECT_TIMEOUT_US 2000000
#define SQLSTATE_OUTCOME_UNKNOWN "08007"

struct ClientSession
{
	const ClientOptions *options;
	PGconn *connection; /* NULL: not connected */
	int node;           /* index of the node that is or was connected */
	int connections;    /* how many were begun so far */
	char error[512];
	char
		sqlstate[6]; /* of the last operation's error; empty if it was not the server who said it */
};

typedef enum Reply
{
	REPLY_DONE,    /* the statement succeeded */
	REPLY_REFUSED, /* the server refused it: nothing happened */
	REPLY_LOST     /* no answer, or one that leaves it open */
} Reply;

static const char *const statement_names[] = {"put", "get", "delete", "eventual_get"};

/* Parameters: $1 table, $2 item or key as DynamoDB JSON. */
static const char *const statements[] = {
	"SELECT quorate.put_item($1::text, $2::quorate.item)",
	"SELECT quorate.get_item($1::text, $2::quorate.item, consistent_read => true)",
	"SELECT quorate.delete_item($1::text, $2::quorate.item)",
	"SELECT quorate.get_item($1::text, $2::quorate.item, consistent_read => false)"};

ClientSession *
client_session_open(const ClientOptions *options, int first_node)
{
	ClientSession *session = calloc(1, sizeof(*session));

	if (!session)
	{
		perror("history_client");
		abort();
	}
	session->options = options;
	session->node = first_node % options->node_count;
	return session;
}

static void
note_error(ClientSession *session, const char *text)
{
	size_t length;

	snprintf(session->error, sizeof(session->error), "node %d: %s", session->node, text);
	length = strlen(session->error);
	while (length > 0 && session->error[length - 1] == '\n')
		session->error[--length] = '\0';
}

const char *
client_last_sqlstate(const ClientSession *session)
{
	return session->sqlstate[0] ? session->sqlstate : "connection";
}

const char *
client_last_error(const ClientSession *session)
{
	return session->error;
}

/* Gives the connection up; the next statement goes to the next node. */
static void
drop_connection(ClientSession *session)
{
	if (session->connection)
		PQfinish(session->connection);
	session->connection = NULL;
	session->node = (session->node + 1) % session->options->node_count;
}

void
client_session_close(ClientSession *session)
{
	if (session->connection)
		PQfinish(session->connection);
	free(session);
}

/* Waits for the socket; false at the deadline. */
static bool
wait_socket(PGconn *connection, short events, int64_t deadline_us)
{
	struct pollfd poller = {.fd = PQsocket(connection), .events = events};

	for (;;)
	{
		int64_t left_us = deadline_us - client_now_us();
		int ready;

		if (left_us <= 0 || poller.fd < 0)
			return false;
		ready = poll(&poller, 1, (int) (left_us / 1000) + 1);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
	}
}

/* The statement's result, to be cleared by the caller; NULL if the connection was lost or the deadline passed. */
static PGresult *
wait_result(ClientSession *session, int64_t deadline_us)
{
	PGresult *first = NULL;

	for (;;)
	{
		PGresult *result;

		while (PQisBusy(session->connection))
		{
			if (!wait_socket(session->connection, POLLIN, deadline_us))
			{
				note_error(session, "no answer in time");
				PQclear(first);
				return NULL;
			}
			if (!PQconsumeInput(session->connection))
				break;
		}
		result = PQgetResult(session->connection);
		if (!result)
			break;
		if (first)
			PQclear(result);
		else
			first = result;
	}
	if (PQstatus(session->connection) != CONNECTION_OK)
	{
		note_error(session, PQerrorMessage(session->connection));
		PQclear(first);
		return NULL;
	}
	return first;
}

static bool
finish_connecting(ClientSession *session, int64_t deadline_us)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK)
	{
		if (status == PGRES_POLLING_FAILED)
		{
			note_error(session, PQerrorMessage(session->connection));
			return false;
		}
		if (!wait_socket(session->connection, status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
						 deadline_us))
		{
			note_error(session, "connecting took too long");
			return false;
		}
		status = PQconnectPoll(session->connection);
	}
	return true;
}

static bool
prepare_statements(ClientSession *session, int64_t deadline_us)
{
	for (int i = 0; i < 4; i++)
	{
		PGresult *result;
		bool prepared;

		if (!PQsendPrepare(session->connection, statement_names[i], statements[i], 0, NULL))
			return false;
		result = wait_result(session, deadline_us);
		prepared = result && PQresultStatus(result) == PGRES_COMMAND_OK;
		if (result && !prepared)
			note_error(session, PQresultErrorMessage(result));
		PQclear(result);
		if (!prepared)
			return false;
	}
	return true;
}

/* Makes sure that there is a connection; tries each node once. */
static bool
ensure_connected(ClientSession *session)
{
	for (int i = 0; !session->connection && i < session->options->node_count; i++)
	{
		int64_t deadline_us = client_now_us() + CONNECT_TIMEOUT_US;

		session->connections++;
		session->connection = PQconnectStart(session->options->nodes[session->node]);
		if (!session->connection || PQstatus(session->connection) == CONNECTION_BAD ||
			!finish_connecting(session, deadline_us) || !prepare_statements(session, deadline_us))
			drop_connection(session);
	}
	return session->connection != NULL;
}

/* The JSON of an item's key, or of the whole item if value is given; "key" or "key/number". */
static void
format_item(const ClientOptions *options, const char *key, const int64_t *value, char *json,
			size_t json_bytes)
{
	const char *slash = options->sort_key ? strchr(key, '/') : NULL;
	int key_bytes = slash ? (int) (slash - key) : (int) strlen(key);
	size_t used = (size_t) snprintf(json, json_bytes, "{\"%s\": {\"S\": \"%.*s\"}",
									options->partition_key, key_bytes, key);

	if (slash)
		used += (size_t) snprintf(json + used, json_bytes - used, ", \"%s\": {\"N\": \"%s\"}",
								  options->sort_key, slash + 1);
	if (value)
		used += (size_t) snprintf(json + used, json_bytes - used,
								  ", \"v\": {\"N\": \"%" PRId64 "\"}", *value);
	snprintf(json + used, json_bytes - used, "}");
}

/* The number in attribute "v" of an item's text; false if there is none. */
static bool
parse_item_value(const char *json, int64_t *value)
{
	const char *at = strstr(json, "\"v\"");

	if (!at)
		return false;
	at = strstr(at + 3, "\"N\"");
	if (!at)
		return false;
	at = strchr(at + 3, '"');
	return at && sscanf(at + 1, "%" SCNd64, value) == 1;
}

/* Stores what a get returned; false if the answer is no item of ours. */
static bool
store_get(const PGresult *result, HistoryOp *op)
{
	op->value = HISTORY_ABSENT;
	if (PQntuples(result) != 1)
		return false;
	return PQgetisnull(result, 0, 0) || parse_item_value(PQgetvalue(result, 0, 0), &op->value);
}

static bool
is_get(const HistoryOp *op)
{
	return op->operation == HISTORY_GET || op->operation == HISTORY_EVENTUAL_GET;
}

static Reply
judge_result(ClientSession *session, const PGresult *result, HistoryOp *op)
{
	const char *sqlstate;

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
	{
		if (!is_get(op) || store_get(result, op))
			return REPLY_DONE;
		note_error(session, "the answer to a get is no item of this client");
		return REPLY_REFUSED;
	}
	note_error(session, PQresultErrorMessage(result));
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	snprintf(session->sqlstate, sizeof(session->sqlstate), "%s", sqlstate ? sqlstate : "");
	return sqlstate && strcmp(sqlstate, SQLSTATE_OUTCOME_UNKNOWN) == 0 ? REPLY_LOST : REPLY_REFUSED;
}

static Reply
execute(ClientSession *session, HistoryOp *op)
{
	const int64_t *value = op->operation == HISTORY_PUT ? &op->value : NULL;
	char json[512];
	const char *parameters[2] = {session->options->table, json};
	PGresult *result;
	Reply reply;

	format_item(session->options, op->key, value, json, sizeof(json));
	if (!PQsendQueryPrepared(session->connection, statement_names[op->operation], 2, parameters,
							 NULL, NULL, 0))
	{
		note_error(session, PQerrorMessage(session->connection));
		drop_connection(session);
		return REPLY_LOST;
	}
	result = wait_result(session, client_now_us() + (int64_t) session->options->timeout_ms * 1000);
	if (!result)
	{
		drop_connection(session);
		return REPLY_LOST;
	}
	reply = judge_result(session, result, op);
	PQclear(result);
	return reply;
}

void
client_run_op(ClientSession *session, HistoryOp *op)
{
	Reply reply = REPLY_REFUSED;

	session->sqlstate[0] = '\0';
	op->start_us = client_now_us();
	if (ensure_connected(session))
	{
		/* A statement that was never sent has its start after the connection was made. */
		op->start_us = client_now_us();
		op->connection = session->connections;
		reply = execute(session, op);
	}
	op->end_us = client_now_us();
	if (reply == REPLY_DONE)
		op->outcome = HISTORY_OK;
	else if (reply == REPLY_LOST && !is_get(op))
		op->outcome = HISTORY_UNKNOWN;
	else
		op->outcome = HISTORY_FAIL;
	if (is_get(op) && op->outcome == HISTORY_FAIL)
		op->value = HISTORY_ABSENT;
}
