/*
 * check_rows.c
 *		See check_rows.h.
 */
#include "sim/check_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/sim_util.h"

/* What the first replica had after each LSN. */
typedef struct GroupRows
{
	uint64_t *digests; /* 0: nobody told yet */
	size_t capacity;
} GroupRows;

struct CheckRows
{
	CheckReport *report;
	uint32_t group_count;
	GroupRows *groups;
};

CheckRows *
check_rows_create(uint32_t group_count, CheckReport *report)
{
	CheckRows *rows = sim_allocate(sizeof(CheckRows));

	rows->report = report;
	rows->group_count = group_count;
	rows->groups = sim_allocate(group_count * sizeof(GroupRows));
	return rows;
}

void
check_rows_free(CheckRows *rows)
{
	for (uint32_t i = 0; i < rows->group_count; i++)
		free(rows->groups[i].digests);
	free(rows->groups);
	free(rows);
}

void
check_rows_applied(CheckRows *rows, uint32_t node, uint32_t group, uint64_t lsn, uint64_t digest)
{
	GroupRows *known = &rows->groups[group];

	known->digests = sim_grow(known->digests, &known->capacity, lsn + 1, sizeof(uint64_t));
	if (known->digests[lsn] == 0)
		known->digests[lsn] = digest;
	else if (known->digests[lsn] != digest)
		check_fail(rows->report, "rows",
				   "node %u's rows of group %u at LSN %" PRIu64 " differ from another replica's",
				   node + 1, group, lsn);
}
