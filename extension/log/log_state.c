/*
 * log_state.c
 *		The log's content in memory: table of groups, node values, and the effect of each record.
 *
 * See log_state.h.  What concerns the entries of a single group is in log_group.c.
 */
#include "log/log_state.h"

#include <stdlib.h>

#include "core/core_assert.h"
#include "log/log_group.h"

#define SLOTS_AT_FIRST 64

void *
log_allocate(size_t bytes)
{
	void *memory = calloc(1, bytes);

	CORE_ASSERT(memory != NULL);
	return memory;
}

void *
log_reallocate(void *memory, size_t bytes)
{
	memory = realloc(memory, bytes);
	CORE_ASSERT(memory != NULL);
	return memory;
}

void
log_state_init(LogState *state)
{
	memset(state, 0, sizeof(*state));
	state->slot_count = SLOTS_AT_FIRST;
	state->slots = log_allocate(state->slot_count * sizeof(*state->slots));
	state->checkpoint_bytes = log_record_bytes(LOG_CHECKPOINT_BEGIN_BYTES);
}

void
log_state_free(LogState *state)
{
	LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(state, &slot)) != NULL)
		log_group_free(group);
	for (uint32_t i = 0; i < state->node_value_count; i++)
		free(state->node_values[i].value);
	free(state->node_values);
	free(state->touched);
	free(state->changed);
	free(state->dropped);
	free(state->slots);
	memset(state, 0, sizeof(*state));
}

/* ---- table of groups ---- */

/* Group ids are small numbers in a row: spread them (Fibonacci hashing). */
static uint32_t
home_slot(const LogState *state, GroupId group)
{
	return (uint32_t) ((group * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (state->slot_count - 1);
}

static uint32_t
find_slot(const LogState *state, GroupId group)
{
	uint32_t slot = home_slot(state, group);

	while (state->slots[slot] && state->slots[slot]->group != group)
		slot = (slot + 1) & (state->slot_count - 1);
	return slot;
}

LogGroup *
log_state_group(const LogState *state, GroupId group)
{
	return state->slots[find_slot(state, group)];
}

LogGroup *
log_state_next_group(const LogState *state, uint32_t *slot)
{
	while (*slot < state->slot_count)
	{
		LogGroup *group = state->slots[(*slot)++];

		if (group)
			return group;
	}
	return NULL;
}

static void
grow_slots(LogState *state)
{
	LogGroup **old_slots = state->slots;
	uint32_t old_count = state->slot_count;

	state->slot_count *= 2;
	state->slots = log_allocate(state->slot_count * sizeof(*state->slots));
	for (uint32_t i = 0; i < old_count; i++)
		if (old_slots[i])
			state->slots[find_slot(state, old_slots[i]->group)] = old_slots[i];
	free(old_slots);
}

static LogGroup *
add_group(LogState *state, GroupId id)
{
	LogGroup *group = log_allocate(sizeof(*group));

	if ((state->group_count + 1) * 2 > state->slot_count)
		grow_slots(state);
	group->group = id;
	state->slots[find_slot(state, id)] = group;
	state->group_count++;
	state->checkpoint_bytes += log_group_checkpoint_bytes(group);
	return group;
}

/* Takes it out of the table; moves those up that it pushed out of their place. */
static void
detach_group(LogState *state, LogGroup *group)
{
	uint32_t mask = state->slot_count - 1;
	uint32_t hole = find_slot(state, group->group);

	state->checkpoint_bytes -= log_group_checkpoint_bytes(group);
	state->group_count--;
	state->slots[hole] = NULL;
	for (uint32_t slot = (hole + 1) & mask; state->slots[slot]; slot = (slot + 1) & mask)
	{
		uint32_t home = home_slot(state, state->slots[slot]->group);

		if (((slot - home) & mask) >= ((slot - hole) & mask))
		{
			state->slots[hole] = state->slots[slot];
			state->slots[slot] = NULL;
			hole = slot;
		}
	}
}

/* ---- changes since the last checkpoint ---- */

static void
list_add(GroupId **items, uint32_t *count, uint32_t *capacity, GroupId group)
{
	if (*count == *capacity)
	{
		*capacity = *capacity ? *capacity * 2 : 16;
		*items = log_reallocate(*items, *capacity * sizeof(**items));
	}
	(*items)[(*count)++] = group;
}

static void
note_change(LogState *state, LogGroup *group)
{
	if (group->changed)
		return;
	group->changed = true;
	list_add(&state->changed, &state->changed_count, &state->changed_capacity, group->group);
}

static void
remove_group(LogState *state, LogGroup *group)
{
	list_add(&state->dropped, &state->dropped_count, &state->dropped_capacity, group->group);
	detach_group(state, group);
	log_group_free(group);
}

bool
log_state_has_changes(const LogState *state)
{
	return state->changed_count > 0 || state->dropped_count > 0 || state->node_values_changed;
}

void
log_state_settle(LogState *state, uint32_t offset)
{
	for (uint32_t i = 0; i < state->changed_count; i++)
	{
		LogGroup *group = log_state_group(state, state->changed[i]);

		if (group)
			group->changed = false;
	}
	state->changed_count = 0;
	state->dropped_count = 0;
	state->node_values_changed = false;
	state->settled_offset = offset;
}

uint64_t
log_state_delta_bytes(const LogState *state)
{
	uint64_t bytes = log_record_bytes(LOG_DELTA_BEGIN_BYTES) +
					 (uint64_t) state->dropped_count * log_record_bytes(0);

	for (uint32_t i = 0; i < state->changed_count; i++)
	{
		const LogGroup *group = log_state_group(state, state->changed[i]);

		if (group)
			bytes += log_group_checkpoint_bytes(group);
	}
	for (uint32_t i = 0; state->node_values_changed && i < state->node_value_count; i++)
		bytes += log_record_bytes(state->node_values[i].length);
	return bytes;
}

/* ---- values of the node ---- */

const LogNodeValue *
log_state_node_value(const LogState *state, uint16_t key)
{
	for (uint32_t i = 0; i < state->node_value_count; i++)
		if (state->node_values[i].key == key)
			return &state->node_values[i];
	return NULL;
}

static void
remove_node_value(LogState *state, uint16_t key)
{
	LogNodeValue *value = (LogNodeValue *) log_state_node_value(state, key);

	if (!value)
		return;
	state->checkpoint_bytes -= log_record_bytes(value->length);
	free(value->value);
	*value = state->node_values[--state->node_value_count];
}

void
log_state_forget_node_values(LogState *state)
{
	while (state->node_value_count > 0)
		remove_node_value(state, state->node_values[0].key);
}

static void
set_node_value(LogState *state, const LogRecord *record)
{
	LogNodeValue *value;

	state->node_values_changed = true;
	remove_node_value(state, (uint16_t) record->lsn);
	if (record->payload_length == 0)
		return;
	state->node_values = log_reallocate(state->node_values, (state->node_value_count + 1) *
																sizeof(*state->node_values));
	value = &state->node_values[state->node_value_count++];
	value->key = (uint16_t) record->lsn;
	value->length = record->payload_length;
	value->value = log_allocate(record->payload_length);
	memcpy(value->value, record->payload, record->payload_length);
	state->checkpoint_bytes += log_record_bytes(value->length);
}

/* ---- the index of the segment being filled ---- */

void
log_state_begin_segment(LogState *state, uint32_t segment)
{
	state->segment = segment;
	state->touched_count = 0;
	log_state_settle(state, LOG_RECORDS_OFFSET);
}

static LogIndexItem *
touch_group(LogState *state, LogGroup *group, Lsn lsn, uint32_t offset)
{
	if (group->touched_segment == state->segment)
		return &state->touched[group->touched_position];
	if (state->touched_count == state->touched_capacity)
	{
		state->touched_capacity = state->touched_capacity ? state->touched_capacity * 2 : 16;
		state->touched = log_reallocate(state->touched,
										state->touched_capacity * sizeof(*state->touched));
	}
	group->touched_segment = state->segment;
	group->touched_position = state->touched_count;
	state->touched[state->touched_count] = (LogIndexItem){
		.group = group->group,
		.first_lsn = lsn,
		.last_lsn = lsn,
		.first_offset = offset,
	};
	return &state->touched[state->touched_count++];
}

static void
index_entry(LogState *state, LogGroup *group, Lsn lsn, uint32_t offset)
{
	LogIndexItem *item = touch_group(state, group, lsn, offset);

	if (lsn < item->first_lsn)
		item->first_lsn = lsn;
	if (lsn > item->last_lsn)
		item->last_lsn = lsn;
	item->entries++;
}

/* ---- records ---- */

/* A rebase names a committed entry that the log does not hold: all that it knows as committed lies below. */
static const char *
objection_to_rebase(const LogGroup *group, Lsn lsn)
{
	return lsn <= group->base_lsn || lsn <= group->commit_hint ? "rebase below committed entries"
															   : NULL;
}

const char *
log_state_objection(const LogState *state, const LogRecord *record)
{
	const LogGroup *group = log_state_group(state, record->group);

	switch (record->kind)
	{
		case LOG_TICK:
			return NULL;
		case LOG_NODE:
			return record->lsn <= UINT16_MAX && record->payload_length <= LOG_BLOB_MAX_BYTES
					   ? NULL
					   : "node value out of bounds";
		case LOG_GROUP:
			return record->group != 0 && record->payload_length <= LOG_BLOB_MAX_BYTES
					   ? NULL
					   : "membership out of bounds";
		default:
			break;
	}
	if (!group)
		return "record of a group that was not opened";
	switch (record->kind)
	{
		case LOG_ENTRY:
			if (record->lsn != group->append_lsn + 1)
				return "entries of a group are not dense";
			return log_ballot_below(record->ballot, log_group_ballot_at(group, group->append_lsn))
					   ? "ballot below that of the preceding entry"
					   : NULL;
		case LOG_ENTRY_AGAIN:
			if (record->lsn <= group->base_lsn || record->lsn > group->append_lsn)
				return "entry that the log does not hold";
			return log_ballot_equal(record->ballot, log_group_ballot_at(group, record->lsn))
					   ? NULL
					   : "entry under another ballot than the log holds it";
		case LOG_PROMISE:
			return log_ballot_below(record->ballot, group->promised)
					   ? "promise below an earlier promise"
					   : NULL;
		case LOG_CUT:
			if (record->lsn < group->commit_hint)
				return "cut of committed entries";
			return record->lsn < group->base_lsn || record->lsn > group->append_lsn
					   ? "cut outside of the log"
					   : NULL;
		case LOG_REBASE:
			return objection_to_rebase(group, record->lsn);
		case LOG_ROWS:
			return record->lsn <= 1 ? NULL : "rows neither there nor missing";
		case LOG_GROUP_DROP:
			return NULL;
		default:
			return "record kind out of place";
	}
}

static void
apply_to_group(LogState *state, LogGroup *group, const LogRecord *record, uint32_t offset)
{
	LogLocation location = {state->segment, offset, record->payload_length};

	switch (record->kind)
	{
		case LOG_ENTRY:
			log_group_append(group, record->ballot, location);
			index_entry(state, group, record->lsn, offset);
			break;
		case LOG_ENTRY_AGAIN:
			log_group_place(group, record->lsn, location);
			index_entry(state, group, record->lsn, offset);
			break;
		case LOG_CUT:
			log_group_cut(group, record->lsn);
			break;
		case LOG_REBASE:
			log_group_rebase(group, record->lsn, record->ballot);
			break;
		case LOG_ROWS:
			group->rows_missing = record->lsn == 0;
			break;
		case LOG_GROUP:
			log_group_set_membership(group, record->payload, record->payload_length);
			break;
		default:
			break;
	}
	/*
	 * Whoever took an entry or a cut of a ballot will not follow a lower one any more: it
	 * promised.  So did whoever took over the base of a log.
	 */
	if (log_ballot_below(group->promised, record->ballot))
		group->promised = record->ballot;
}

void
log_state_apply(LogState *state, const LogRecord *record, uint32_t offset)
{
	LogGroup *group;

	if (record->kind == LOG_TICK)
		return;
	if (record->kind == LOG_NODE)
	{
		set_node_value(state, record);
		return;
	}
	group = log_state_group(state, record->group);
	if (record->kind == LOG_GROUP_DROP)
	{
		remove_group(state, group);
		return;
	}
	if (!group)
		group = add_group(state, record->group);
	state->checkpoint_bytes -= log_group_checkpoint_bytes(group);
	apply_to_group(state, group, record, offset);
	state->checkpoint_bytes += log_group_checkpoint_bytes(group);
	note_change(state, group);
}

/* ---- checkpoints ---- */

const char *
log_state_restore(LogState *state, const LogRecord *record)
{
	LogGroupState described;
	LogGroup *group;

	if (!log_group_state_decode(record, &described) || described.base_lsn > described.append_lsn)
		return "state of a group in the checkpoint is malformed";
	if (record->group == 0 || log_state_group(state, record->group))
		return "group twice in the checkpoint";
	group = add_group(state, record->group);
	state->checkpoint_bytes -= log_group_checkpoint_bytes(group);
	group->promised = described.promised;
	group->base_lsn = described.base_lsn;
	group->base_ballot = described.base_ballot;
	group->append_lsn = described.append_lsn;
	group->commit_hint = described.commit_hint;
	group->rows_missing = described.rows_missing;
	for (uint32_t i = 0; i < described.run_count; i++)
		log_group_add_run(group, log_group_state_run(record, i));
	log_group_set_membership(group, described.membership, described.membership_length);
	state->checkpoint_bytes += log_group_checkpoint_bytes(group);
	return NULL;
}

/*
 * The group keeps its one line in the index: room is left for as many lines as groups were touched when the records
 * were written, not for one more for each damage.
 */
static void
keep_index_item(LogGroup *group, const LogGroup *old)
{
	group->touched_segment = old->touched_segment;
	group->touched_position = old->touched_position;
}

const char *
log_state_replace(LogState *state, const LogRecord *record, uint32_t segment)
{
	LogGroup *old = log_state_group(state, record->group);
	const char *objection;

	if (old)
		detach_group(state, old);
	objection = log_state_restore(state, record);
	if (!objection)
		log_group_take_places(log_state_group(state, record->group), old, segment);
	if (!objection && old)
		keep_index_item(log_state_group(state, record->group), old);
	if (old)
		log_group_free(old);
	return objection;
}

void
log_state_found(LogState *state, GroupId id, Lsn lsn, Ballot ballot, LogLocation location)
{
	LogGroup *group = log_state_group(state, id);

	if (!group || lsn <= group->base_lsn || lsn > group->append_lsn ||
		!log_ballot_equal(ballot, log_group_ballot_at(group, lsn)))
		return;
	log_group_place(group, lsn, location);
	if (location.segment == state->segment)
		index_entry(state, group, lsn, location.offset);
}

const char *
log_state_compare(LogState *state, const LogRecord *record)
{
	LogGroupState described;
	LogGroup *group = log_state_group(state, record->group);

	if (!log_group_state_decode(record, &described))
		return "state of a group in the checkpoint is malformed";
	if (!group || !log_ballot_equal(group->promised, described.promised) ||
		group->append_lsn != described.append_lsn ||
		group->rows_missing != described.rows_missing ||
		!log_ballot_equal(log_group_ballot_at(group, group->append_lsn), described.append_ballot) ||
		group->membership_length != described.membership_length ||
		(group->membership_length > 0 &&
		 memcmp(group->membership, described.membership, group->membership_length) != 0))
		return "checkpoint contradicts the records before it";
	group->commit_hint = described.commit_hint;
	/* What was given up before the checkpoint does not come back, even if its records are still there. */
	if (described.base_lsn > group->base_lsn)
		log_group_advance_base(state, group, described.base_lsn);
	return NULL;
}

void
log_group_advance_base(LogState *state, LogGroup *group, Lsn lsn)
{
	state->checkpoint_bytes -= log_group_checkpoint_bytes(group);
	log_group_drop_below(group, lsn);
	state->checkpoint_bytes += log_group_checkpoint_bytes(group);
}
