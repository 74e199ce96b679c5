/*
 * client.h
 *		The load client of the multi-node tests, the demonstration and the benchmark: what its parts share.
 *
 * One process, one thread a connection. Each thread owns its ClientSession; the history file is the only
 * thing that threads share, under a lock of its own.
 */
#ifndef QUORATE_TOOLS_CLIENT_H
#define QUORATE_TOOLS_CLIENT_H

#include "tools/history.h"

#define CLIENT_NODES_MAX 8
#define CLIENT_PROBE_KEYS_MAX 256

typedef struct ClientOptions
{
	const char *table;
	const char *partition_key; /* name of the table's partition key attribute, of type S */
	const char *sort_key;      /* name of its sort key attribute, of type N; NULL: none */
	const char *nodes[CLIENT_NODES_MAX]; /* connection strings */
	int node_count;
	const char *history; /* path; written by load and probe, read by reread; NULL: none */
	int seconds;         /* 0: until SIGTERM or SIGINT */
	int connections;
	int keys;               /* load: how many keys are used */
	const char *key_prefix; /* load: keys are this and a number */
	const char *probe_keys[CLIENT_PROBE_KEYS_MAX];
	int probe_key_count;
	int rate;        /* operations per second and connection; 0: as fast as possible */
	int put_percent; /* load: share of puts; the rest after deletes are gets */
	int delete_percent;
	int eventual_percent; /* load: share of eventually consistent gets among the gets */
	int timeout_ms;       /* an answer that takes longer counts as lost */
	int process;          /* number of the first connection in the history */
	uint64_t seed;
} ClientOptions;

/* One connection at a time to one of the nodes; the next one after the connection was lost. */
typedef struct ClientSession ClientSession;

/* first_node: which of the nodes to begin with, modulo their number. */
extern ClientSession *client_session_open(const ClientOptions *options, int first_node);
extern void client_session_close(ClientSession *session);

/*
 * Runs op->operation on op->key and stores value (of a get), start_us, end_us, connection and outcome. Writes: unknown
 * if the connection was lost, the answer took too long, or the server said so (SQLSTATE 08007); every
 * other error means that nothing was written. If no node can be reached the outcome is fail.
 * With a sort key, op->key is "<partition key>/<number>".
 */
extern void client_run_op(ClientSession *session, HistoryOp *op);

/* The text of the last error, for people. */
extern const char *client_last_error(const ClientSession *session);

/* Its SQLSTATE; "connection" if the server did not say one. */
extern const char *client_last_sqlstate(const ClientSession *session);

/* Microseconds of CLOCK_MONOTONIC. */
extern int64_t client_now_us(void);

/* Sleeps until that moment, or less if the client is told to stop. */
extern void client_sleep_until(int64_t at_us);

/* True once SIGTERM or SIGINT came or the time of the run is over. */
extern bool client_stopping(void);
extern void client_start_clock(int seconds);

/* The history file; all three are safe in threads. */
extern bool client_history_open(const char *path);
extern void client_history_add(const HistoryOp *op);
extern bool client_history_close(void);

/* Runs body(argument) for 0 .. count - 1 in threads of their own and waits for all. */
extern void client_run_threads(int count, void (*body)(int index, void *argument), void *argument);

/* The three modes; each returns the exit status of the program. */
extern int client_load(const ClientOptions *options);
extern int client_probe(const ClientOptions *options);
extern int client_reread(const ClientOptions *options);

#endif /* QUORATE_TOOLS_CLIENT_H */
