/*
 * pending_mark.c
 *		The table of pending marks; see pending_mark.h.
 *
 * A mark is one 64-bit number: the slot of the group in 16 bits, the LSN in 48.  The slot 65535 stands for
 * "entries of several groups"; such a mark holds the number of the round in which it was last made so, and
 * counts until all entries of that round are applied.  A round ends when every group that this node led
 * has applied what it had appended when the round began (pending_mark_clean).
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "shmem/pending_mark.h"
#include "shmem/shmem_parts.h"

#define MARK_COUNT 131072 /* a power of two */
#define MARK_LSN_BITS 48
#define MARK_LSN_MASK ((UINT64CONST(1) << MARK_LSN_BITS) - 1)
#define MARK_SLOT_MIXED 65535

typedef struct PendingMarks
{
	pg_atomic_uint64 round;      /* the present round */
	pg_atomic_uint64 round_done; /* all entries appended in this round or before are applied */
	uint64_t round_waited;       /* the round whose end is waited for */
	uint64_t round_mixed;        /* the latest round in which a mark became mixed */
	pg_atomic_uint64 marks[MARK_COUNT];
	Lsn waited_lsn[FLEXIBLE_ARRAY_MEMBER]; /* by group slot: append LSN when that round ended */
} PendingMarks;

static PendingMarks *pending;

Size
pending_mark_shmem_size(void)
{
	return add_size(sizeof(PendingMarks), mul_size(shared_group_slot_count(), sizeof(Lsn)));
}

void
pending_mark_shmem_init(void *memory, bool found)
{
	pending = memory;
	if (found)
		return;
	memset(memory, 0, pending_mark_shmem_size());
	pg_atomic_init_u64(&pending->round, 1);
	pg_atomic_init_u64(&pending->round_done, 0);
	for (int i = 0; i < MARK_COUNT; i++)
		pg_atomic_init_u64(&pending->marks[i], 0);
}

static uint64_t
make_mark(uint32_t slot, uint64_t lsn)
{
	return ((uint64_t) slot << MARK_LSN_BITS) | (lsn & MARK_LSN_MASK);
}

static uint32_t
mark_slot(uint64_t mark)
{
	return (uint32_t) (mark >> MARK_LSN_BITS);
}

uint32_t
pending_mark_hash(GroupId group, const uint8_t *position, Size length)
{
	return hash_combine(hash_bytes(position, (int) length), (uint32) group) & (MARK_COUNT - 1);
}

/* What a mark asks of a reader of this group. */
static Lsn
mark_needed(uint64_t mark, uint32_t slot, Lsn commit_lsn)
{
	uint64_t value = mark & MARK_LSN_MASK;

	if (mark == 0)
		return 0;
	if (mark_slot(mark) == MARK_SLOT_MIXED)
		return value > pg_atomic_read_u64(&pending->round_done) ? commit_lsn : 0;
	return mark_slot(mark) == slot ? Min(value, commit_lsn) : 0;
}

Lsn
pending_mark_needed(GroupShared *group, const uint8_t *position, Size length, Lsn commit_lsn)
{
	uint32_t hash = pending_mark_hash(pg_atomic_read_u64(&group->group), position, length);
	Lsn needed_all;
	Lsn needed_key;

	pg_read_barrier(); /* the commit LSN was read first */
	needed_all = Min(pg_atomic_read_u64(&group->mark_all_lsn), commit_lsn);
	needed_key = mark_needed(pg_atomic_read_u64(&pending->marks[hash]), shared_group_slot(group),
							 commit_lsn);
	return Max(needed_all, needed_key);
}

/* Is the entry that a mark stands for, of another group or several, in its row by now? */
static bool
mark_is_done(uint64_t mark)
{
	GroupShared *occupant;

	if (mark_slot(mark) == MARK_SLOT_MIXED)
		return (mark & MARK_LSN_MASK) <= pg_atomic_read_u64(&pending->round_done);

	occupant = &quorate_shared->groups[mark_slot(mark)];
	return pg_atomic_read_u64(&occupant->applied_lsn) >= (mark & MARK_LSN_MASK);
}

void
pending_mark_set(GroupShared *group, uint32_t hash, Lsn lsn)
{
	uint32_t slot = shared_group_slot(group);
	uint64_t mark = pg_atomic_read_u64(&pending->marks[hash]);

	if (mark == 0 || mark_slot(mark) == slot || mark_is_done(mark))
		mark = make_mark(slot, lsn);
	else
	{
		pending->round_mixed = pg_atomic_read_u64(&pending->round);
		mark = make_mark(MARK_SLOT_MIXED, pending->round_mixed);
	}
	pg_atomic_write_u64(&pending->marks[hash], mark);
}

void
pending_mark_set_all(GroupShared *group, Lsn lsn)
{
	pg_atomic_write_u64(&group->mark_all_lsn, lsn);
}

/* Has a group, as far as readers of this node care, applied what the ended round had appended? */
static bool
group_is_done(uint32_t slot)
{
	GroupShared *group = &quorate_shared->groups[slot];
	bool leads = pg_atomic_read_u64(&group->lead_sequence) % 2 == 1;
	Lsn append_lsn = pg_atomic_read_u64(&group->append_lsn);

	/*
	 * A new leader serves only after it has applied all that was appended before its start.  What was waited for
	 * above the end of the log was cut, or was of another group that had the slot before.
	 */
	return !leads ||
		   pg_atomic_read_u64(&group->applied_lsn) >= Min(pending->waited_lsn[slot], append_lsn);
}

void
pending_mark_clean(void)
{
	uint64_t round = pg_atomic_read_u64(&pending->round);

	/* Rounds matter to mixed marks alone; there are few, and none at all while nothing is written. */
	if (pg_atomic_read_u64(&pending->round_done) >= pending->round_mixed)
		return;
	for (uint32_t slot = 0; slot < quorate_shared->group_slots; slot++)
	{
		if (!group_is_done(slot))
			return;
	}
	pg_atomic_write_u64(&pending->round_done, pending->round_waited);

	for (uint32_t slot = 0; slot < quorate_shared->group_slots; slot++)
		pending->waited_lsn[slot] = pg_atomic_read_u64(&quorate_shared->groups[slot].append_lsn);
	pending->round_waited = round;
	pg_atomic_write_u64(&pending->round, round + 1);
}
