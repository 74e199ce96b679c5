/*
 * check_history.h
 *		Checker of what clients saw: every key is a linearizable register.
 *
 * Each write writes a value of its own, named by its operation number. Two judges look at the history. The
 * first is the one of the multi-node tests (tools/linear_check.h), which knows only what the clients saw. The
 * second also knows at which LSN the committed log has each write, and so the order of all operations of a key:
 * no operation may have ended before another one began that the log has earlier. That is stricter, for clients
 * cannot tell the order of writes that went on at the same time.
 */
#ifndef QUORATE_CHECK_HISTORY_H
#define QUORATE_CHECK_HISTORY_H

#include <stddef.h>

#include "sim/check_report.h"

#define CHECK_NEVER INT64_MAX

typedef struct CheckOperation
{
	bool is_read;
	uint32_t group;
	uint32_t key;
	int64_t begun_us;    /* global time */
	int64_t ended_us;    /* when the client had its answer; CHECK_NEVER if it has none */
	uint64_t lsn;        /* write: where it was committed; 0 if it was not */
	uint64_t value_read; /* read: operation number of the write whose value was seen; 0 for none */
} CheckOperation;

typedef struct CheckHistory
{
	CheckOperation *operations; /* element 0 is not used */
	size_t capacity;
	uint64_t top;
} CheckHistory;

/* A new operation that began now; returns its number, from 1 on. */
extern uint64_t check_history_begin(CheckHistory *history, bool is_read, uint32_t group,
									uint32_t key, int64_t begun_us);

/* Checks the whole history; the LSNs of writes must be filled in. */
extern void check_history_run(const CheckHistory *history, CheckReport *report);

extern void check_history_free(CheckHistory *history);

#endif /* QUORATE_CHECK_HISTORY_H */
