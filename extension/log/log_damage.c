/*
 * log_damage.c
 *		Which entries a damaged range of a segment held, as far as what is left can tell.
 *
 * Used when the log is not opened because of the damage: whoever repairs the node needs to know
 * what to get from its peers.
 */
#include "log/log_private.h"

void
log_damage_add_group(LogDamage *damage, GroupId group, Lsn first_lsn, Lsn last_lsn)
{
	if (damage->group_count == LOG_DAMAGED_GROUPS_MAX)
	{
		damage->groups_complete = false;
		return;
	}
	damage->groups[damage->group_count++] = (LogDamagedGroup){group, first_lsn, last_lsn};
}

/* A closed segment's index names all groups; what the state already has of them is not lost. */
static void
add_from_index(LogDamage *damage, const LogState *state, const LogRecord *record)
{
	damage->groups_complete = true;
	for (uint32_t i = 0; i < record->payload_length / LOG_INDEX_ITEM_BYTES; i++)
	{
		LogIndexItem item;
		const LogGroup *group;

		log_index_item_decode(record->payload + i * LOG_INDEX_ITEM_BYTES, &item);
		group = log_state_group(state, item.group);
		if (group && item.first_lsn <= group->append_lsn)
			item.first_lsn = group->append_lsn + 1;
		if (item.first_lsn <= item.last_lsn)
			log_damage_add_group(damage, item.group, item.first_lsn, item.last_lsn);
	}
}

/*
 * Without an index: an entry after the range whose predecessors are unknown shows that they are
 * lost.  What was before a rebase is not needed.
 */
static void
add_gap_before(LogDamage *damage, LogState *state, const LogRecord *record)
{
	LogGroup *group = log_state_group(state, record->group);

	if (!group)
		return;
	if (record->kind == LOG_ENTRY && record->lsn > group->append_lsn + 1)
		log_damage_add_group(damage, record->group, group->append_lsn + 1, record->lsn - 1);
	group->append_lsn = record->lsn;
}

/* Finds the next record of one of two kinds after *offset, which moves behind it. */
static bool
find_record(const LogScan *scan, LogRecordKind kind, LogRecordKind or_kind, uint32_t *offset,
			LogRecord *record)
{
	while ((*offset = log_scan_find(scan, *offset, record)) < scan->image_bytes)
	{
		*offset += log_record_bytes(record->payload_length);
		if (record->kind == kind || record->kind == or_kind)
			return true;
	}
	return false;
}

void
log_damage_explain(LogDamage *damage, LogState *state, const LogScan *scan)
{
	LogRecord record;
	uint32_t offset = damage->begin_offset;

	damage->end_offset = log_scan_find(scan, damage->begin_offset, &record);
	if (find_record(scan, LOG_INDEX, LOG_INDEX, &offset, &record))
	{
		add_from_index(damage, state, &record);
		return;
	}
	offset = damage->begin_offset;
	while (find_record(scan, LOG_ENTRY, LOG_REBASE, &offset, &record))
		add_gap_before(damage, state, &record);
}
