/*
 * history.c
 *		Reading, writing and sorting histories; see history.h for the format.
 *
 * Used by the load client, the linearizability checker and their tests. Memory runs out only on a machine
 * that cannot run the tests either, so it ends the program.
 */
#include "tools/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const operation_names[] = {"put", "get", "delete", "get@"};
static const char *const outcome_names[] = {"ok", "fail", "unknown"};

void
history_append(History *history, const HistoryOp *op)
{
	if (history->count == history->capacity)
	{
		history->capacity = history->capacity ? history->capacity * 2 : 1024;
		history->ops = realloc(history->ops, history->capacity * sizeof(HistoryOp));
		if (!history->ops)
		{
			perror("history");
			abort();
		}
	}
	history->ops[history->count++] = *op;
}

void
history_write_op(FILE *out, const HistoryOp *op)
{
	char value[32] = "-";
	char connection[16] = "";

	if (op->operation == HISTORY_EVENTUAL_GET)
		snprintf(connection, sizeof(connection), "%d", op->connection);
	if (op->value != HISTORY_ABSENT)
		snprintf(value, sizeof(value), "%" PRId64, op->value);
	fprintf(out, "%d %s%s %s %s %" PRId64 " %" PRId64 " %s\n", op->process,
			operation_names[op->operation], connection, op->key, value, op->start_us, op->end_us,
			outcome_names[op->outcome]);
}

/* The index of word in names, or -1. */
static int
find_name(const char *word, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	return -1;
}

static bool
parse_value(const char *text, int64_t *value)
{
	char *end;

	if (strcmp(text, "-") == 0)
	{
		*value = HISTORY_ABSENT;
		return true;
	}
	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *value != HISTORY_ABSENT;
}

/* "put", "get", "delete" or "get@" with a number. */
static bool
parse_operation(char *text, HistoryOp *op)
{
	char *at = strchr(text, '@');
	char *end;
	int found;

	if (at)
	{
		op->connection = (int) strtol(at + 1, &end, 10);
		if (end == at + 1 || *end != '\0')
			return false;
		at[1] = '\0';
	}
	found = find_name(text, operation_names, 4);
	op->operation = (HistoryOperation) found;
	return found >= 0;
}

static bool
is_get(const HistoryOp *op)
{
	return op->operation == HISTORY_GET || op->operation == HISTORY_EVENTUAL_GET;
}

/* Returns false if the line breaks the format or contradicts itself. */
static bool
parse_line(const char *line, HistoryOp *op)
{
	char operation[24];
	char outcome[16];
	char value[32];
	char rest;
	int found;

	memset(op, 0, sizeof(*op));
	if (sscanf(line, "%d %23s %63s %31s %" SCNd64 " %" SCNd64 " %15s %c", &op->process, operation,
			   op->key, value, &op->start_us, &op->end_us, outcome, &rest) != 7)
		return false;
	if (!parse_operation(operation, op))
		return false;
	if ((found = find_name(outcome, outcome_names, 3)) < 0)
		return false;
	op->outcome = (HistoryOutcome) found;
	if (!parse_value(value, &op->value) || op->end_us < op->start_us)
		return false;
	if (op->operation == HISTORY_PUT && op->value == HISTORY_ABSENT)
		return false;
	if (op->operation == HISTORY_DELETE && op->value != HISTORY_ABSENT)
		return false;
	return !is_get(op) || op->outcome != HISTORY_UNKNOWN;
}

bool
history_read_file(History *history, const char *path)
{
	FILE *in = fopen(path, "r");
	char line[256];
	size_t number = 0;
	HistoryOp op;

	if (!in)
	{
		fprintf(stderr, "could not open %s: %s\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), in))
	{
		number++;
		if (!parse_line(line, &op))
		{
			fprintf(stderr, "%s:%zu: malformed line: %s", path, number, line);
			fclose(in);
			return false;
		}
		history_append(history, &op);
	}
	fclose(in);
	return true;
}

static int
compare_ops(const void *left, const void *right)
{
	const HistoryOp *a = left;
	const HistoryOp *b = right;
	int by_key = strcmp(a->key, b->key);

	if (by_key != 0)
		return by_key;
	if (a->start_us != b->start_us)
		return a->start_us < b->start_us ? -1 : 1;
	return a->end_us < b->end_us ? -1 : a->end_us > b->end_us;
}

void
history_sort(History *history)
{
	if (history->count > 0)
		qsort(history->ops, history->count, sizeof(HistoryOp), compare_ops);
}

size_t
history_key_run(const History *history, size_t first)
{
	size_t end = first;

	while (end < history->count && strcmp(history->ops[end].key, history->ops[first].key) == 0)
		end++;
	return end - first;
}

void
history_free(History *history)
{
	free(history->ops);
	memset(history, 0, sizeof(*history));
}
