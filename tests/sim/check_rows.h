/*
 * check_rows.h
 *		Checker of applied rows: at each LSN all replicas whose rows are complete have the same.
 */
#ifndef QUORATE_CHECK_ROWS_H
#define QUORATE_CHECK_ROWS_H

#include <stddef.h>

#include "sim/check_report.h"

typedef struct CheckRows CheckRows;

extern CheckRows *check_rows_create(uint32_t group_count, CheckReport *report);
extern void check_rows_free(CheckRows *rows);

/* The node applied everything up to lsn, and its rows, all of them, have this digest. */
extern void
check_rows_applied(CheckRows *rows, uint32_t node, uint32_t group, uint64_t lsn, uint64_t digest);

#endif /* QUORATE_CHECK_ROWS_H */
