/*
 * history.h
 *		The history of operations that clients ran against an item table, as a text file and in memory.
 *
 * A file holds one line per finished invocation:
 *
 *		process operation key value start_us end_us outcome
 *
 * with single blanks between, times in microseconds of CLOCK_MONOTONIC (one clock for all processes of
 * the machine), value "-" for "no item", and outcome
 *
 *		ok		 acknowledged: it took effect between start_us and end_us
 *		fail	 it did not and will not take effect
 *		unknown  it may take effect at any time after start_us, or never (writes only)
 *
 * Operations are put, get (consistent), delete and get@N, an eventually consistent get through the process's
 * connection number N. A connection leads to one node, whose own replica answers: so process and connection name a
 * session at one replica.
 */
#ifndef QUORATE_TOOLS_HISTORY_H
#define QUORATE_TOOLS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTORY_KEY_BYTES_MAX 64

/* What a get returns when there is no item, and what a delete writes. */
#define HISTORY_ABSENT INT64_MIN

typedef enum HistoryOperation
{
	HISTORY_PUT,
	HISTORY_GET, /* consistent */
	HISTORY_DELETE,
	HISTORY_EVENTUAL_GET
} HistoryOperation;

typedef enum HistoryOutcome
{
	HISTORY_OK,
	HISTORY_FAIL,
	HISTORY_UNKNOWN
} HistoryOutcome;

typedef struct HistoryOp
{
	char key[HISTORY_KEY_BYTES_MAX];
	int process;
	HistoryOperation operation;
	HistoryOutcome outcome;
	int64_t value; /* put: written; gets: read; delete: HISTORY_ABSENT */
	int64_t start_us;
	int64_t end_us;
	int connection; /* eventually consistent get: which one of the process; else of no meaning */
} HistoryOp;

typedef struct History
{
	HistoryOp *ops;
	size_t count;
	size_t capacity;
} History;

/* Did op write, or may it have? */
static inline bool
history_may_have_written(const HistoryOp *op)
{
	return (op->operation == HISTORY_PUT || op->operation == HISTORY_DELETE) &&
		   op->outcome != HISTORY_FAIL;
}

/* Appends a copy of op. */
extern void history_append(History *history, const HistoryOp *op);

/* Writes op as one line. */
extern void history_write_op(FILE *out, const HistoryOp *op);

/*
 * Reads a file to the end of history. Returns false, with a message on stderr that names the line, if
 * it cannot be read or a line is malformed.
 */
extern bool history_read_file(History *history, const char *path);

/* Sorts by key, then by start. Operations of one key are neighbours afterwards. */
extern void history_sort(History *history);

/* The number of operations from ops[first] on that have the key of ops[first]; history is sorted. */
extern size_t history_key_run(const History *history, size_t first);

extern void history_free(History *history);

#endif /* QUORATE_TOOLS_HISTORY_H */
