/*
 * replicator_damage.c
 *		Telling the administrator of damage in the log, and of its repair.
 *
 * Part of the replicator.  What is done about it is the engine's business (replication/engine_repair.c); here it is
 * logged and counted.  The state is that of one life of the engine.
 */
#include "postgres.h"

#include "worker/replicator.h"

static uint64_t missing;  /* entries that were missing when it was last looked */
static uint64_t repaired; /* entries that were counted */

static uint32_t
groups_with_missing_entries(void)
{
	uint32_t count = engine_list_groups(replicator_engine, NULL, 0);
	GroupId *groups = palloc(count * sizeof(GroupId));
	uint32_t found = 0;
	LogHole hole;

	engine_list_groups(replicator_engine, groups, count);
	for (uint32_t i = 0; i < count; i++)
		found += engine_next_missing(replicator_engine, groups[i], 0, &hole);
	pfree(groups);
	return found;
}

void
damage_report(void)
{
	const LogDamage *damage = engine_log_damage(replicator_engine);

	repaired = 0;
	missing = engine_missing_entries(replicator_engine);
	if (damage == NULL)
		return;
	shared_count(COUNTER_LOG_DAMAGES, 1);
	ereport(LOG, (errcode(ERRCODE_DATA_CORRUPTED),
				  errmsg("the log of this node is damaged in segment " UINT64_FORMAT
						 ", bytes %u to %u: %s",
						 damage->segment, damage->begin_offset, damage->end_offset, damage->reason),
				  errdetail(UINT64_FORMAT " entries of %u replication groups are missing.", missing,
							groups_with_missing_entries()),
				  errhint("They are taken from other nodes. Look for the cause: memory, disk, "
						  "or somebody who writes to the log directory.")));
}

void
damage_housekeep(void)
{
	uint64_t now_missing = engine_missing_entries(replicator_engine);
	uint64_t now_repaired = engine_repaired_entries(replicator_engine);

	shared_count(COUNTER_ENTRIES_REPAIRED, now_repaired - repaired);
	if (missing == 0 && now_missing > 0)
		ereport(LOG, (errcode(ERRCODE_DATA_CORRUPTED),
					  errmsg("the log of this node is damaged: " UINT64_FORMAT
							 " entries cannot be read and are taken from other nodes",
							 now_missing)));
	else if (missing > 0 && now_missing == 0)
		ereport(LOG, (errmsg("the log of this node has no missing entries any more: " UINT64_FORMAT
							 " were repaired since its start",
							 now_repaired)));
	missing = now_missing;
	repaired = now_repaired;
}
