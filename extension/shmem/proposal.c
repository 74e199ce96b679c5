/*
 * proposal.c
 *		Proposals from executors to the replicator, and completions back; see proposal.h.
 *
 * One ring takes the proposals of all executors; each executor has a slot with a ring of completions that
 * only the replicator writes and only the owner reads.  A slot belongs to a place in the array of PGPROCs,
 * so it needs no allocation; a new owner raises its generation, and answers to its predecessor are skipped.
 *
 * Lives: if the replicator ends (by an error; a crash restarts the whole instance and makes all of this
 * anew) nobody knows any more whether what it had taken was appended.  Its successor begins a new life; an
 * executor that notices answers its own outstanding proposals with COMPLETION_UNKNOWN.  The ring never
 * holds proposals of another life: it is emptied, and written to, under the lock.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "settings.h"
#include "shmem/proposal.h"
#include "shmem/proposal_queue.h"
#include "shmem/ring.h"
#include "shmem/shmem_parts.h"

/* Completions that can wait in a slot: as many as proposals can be outstanding. */
#define COMPLETIONS_MAX PROPOSALS_OUTSTANDING_MAX

typedef struct RequestSlot
{
	pg_atomic_uint64 generation; /* of the present owner's outstanding proposals */
	pg_atomic_uint64 completed;  /* completions ever written; by the replicator */
	uint64_t consumed;           /* completions ever read; by the owner */
	uint64_t submitted; /* proposals ever submitted, less those that nobody will answer; owner */
	uint64_t life;      /* of the replicator that the outstanding proposals went to; owner */
	Latch *latch;
	Completion completions[COMPLETIONS_MAX];
} RequestSlot;

typedef struct Proposals
{
	pg_atomic_uint64 life;    /* of the replicator; written under lock */
	pg_atomic_uint64 waiting; /* messages in the ring */
	pg_atomic_uint64 wake_at; /* the replicator wants to be woken when so many wait */
	LWLock *lock;             /* writers of the ring; the start of a life */
	Ring ring;
	uint32_t slot_count;
	RequestSlot slots[FLEXIBLE_ARRAY_MEMBER];
} Proposals;

static Proposals *proposals;

/* This process's slot, and the tags of its proposals of the present generation that are unanswered. */
static RequestSlot *my_slot;
static uint64_t my_tags[PROPOSALS_OUTSTANDING_MAX];
static uint32_t my_tag_count;

/* Replicator: slots that got completions since it last woke executors. */
static uint32_t *completed_slots;
static uint32_t completed_slot_count;
static bool *slot_is_completed;

static Size
slots_size(void)
{
	return add_size(offsetof(Proposals, slots),
					mul_size(quorate_proc_count(), sizeof(RequestSlot)));
}

Size
proposal_shmem_size(void)
{
	return add_size(MAXALIGN(slots_size()),
					ring_shmem_size(shmem_ring_bytes(quorate_proposal_buffer_kb)));
}

void
proposal_shmem_init(void *memory, bool found)
{
	proposals = memory;
	if (found)
		return;

	memset(memory, 0, slots_size());
	pg_atomic_init_u64(&proposals->life, 0);
	pg_atomic_init_u64(&proposals->waiting, 0);
	pg_atomic_init_u64(&proposals->wake_at, 1);
	proposals->lock = shmem_lock(LOCK_PROPOSALS);
	ring_init(&proposals->ring, shmem_ring_bytes(quorate_proposal_buffer_kb), NULL,
			  (char *) memory + MAXALIGN(slots_size()));
	proposals->slot_count = quorate_proc_count();
	for (uint32_t i = 0; i < proposals->slot_count; i++)
	{
		pg_atomic_init_u64(&proposals->slots[i].generation, 0);
		pg_atomic_init_u64(&proposals->slots[i].completed, 0);
	}
}

/* ---- executors ---- */

/* Takes this process's slot. */
static void
acquire_slot(void)
{
	if (my_slot != NULL)
		return;
	my_slot = &proposals->slots[quorate_proc_number()];
	my_slot->latch = MyLatch;
	pg_atomic_fetch_add_u64(&my_slot->generation, 1);
	my_tag_count = 0;
}

static void
forget_tag(uint64_t tag)
{
	for (uint32_t i = 0; i < my_tag_count; i++)
	{
		if (my_tags[i] == tag)
		{
			my_tags[i] = my_tags[--my_tag_count];
			return;
		}
	}
}

/* Takes the next completion out of the ring, skipping those of former generations. */
static bool
read_completion(Completion *completion)
{
	uint64_t completed = pg_atomic_read_u64(&my_slot->completed);
	uint64_t generation = pg_atomic_read_u64(&my_slot->generation);

	pg_read_barrier();
	while (my_slot->consumed != completed)
	{
		*completion = my_slot->completions[my_slot->consumed % COMPLETIONS_MAX];
		pg_memory_barrier();
		my_slot->consumed++;
		if (completion->generation == generation)
			return true;
	}
	return false;
}

bool
proposal_next_completion(Completion *completion)
{
	bool orphaned;

	acquire_slot();
	orphaned = my_slot->life != pg_atomic_read_u64(&proposals->life);
	pg_read_barrier(); /* all answers of that life are in the ring */
	if (read_completion(completion))
	{
		forget_tag(completion->tag);
		return true;
	}
	if (!orphaned || my_tag_count == 0)
		return false;

	memset(completion, 0, sizeof(*completion));
	completion->generation = pg_atomic_read_u64(&my_slot->generation);
	completion->tag = my_tags[--my_tag_count];
	completion->status = COMPLETION_UNKNOWN;
	return true;
}

uint32_t
proposal_outstanding(void)
{
	return my_tag_count;
}

void
proposal_abandon(void)
{
	acquire_slot();
	pg_atomic_fetch_add_u64(&my_slot->generation, 1);
	my_tag_count = 0;
}

/* Makes the slot ready for a proposal in the present life of the replicator; holds the lock. */
static bool
slot_has_room(uint64_t life)
{
	Completion skipped;

	if (my_slot->life != life)
	{
		/* Outstanding ones have to be answered to the caller first, by proposal_next_completion. */
		if (my_tag_count > 0)
			return false;
		my_slot->consumed = my_slot->submitted = pg_atomic_read_u64(&my_slot->completed);
		my_slot->life = life;
	}

	/* Without outstanding proposals of its own, all that is in the ring belongs to former generations. */
	while (my_tag_count == 0 && read_completion(&skipped))
		;
	return my_slot->submitted - my_slot->consumed < PROPOSALS_OUTSTANDING_MAX;
}

/* It was handed in and will be answered. */
static void
count_write(const ProposalHeader *header)
{
	GroupShared *group = shared_group_find(header->group);

	my_slot->submitted++;
	my_tags[my_tag_count++] = header->origin.tag;
	key_writes_add(header->origin.key_hash);
	if (group != NULL)
		pg_atomic_fetch_add_u64(&group->pending_writes, 1);
}

/*
 * Writes one message to the ring, with the lock held.  `expected`: see proposal_submit_evaluated; NULL for a
 * write that was evaluated on nothing.
 */
static SubmitResult
submit_locked(ProposalHeader *header, const void *payload, Size length, const uint64_t *expected)
{
	if (expected != NULL && key_writes_count(header->origin.key_hash) != *expected)
		return SUBMIT_CHANGED;
	if (header->kind == PROPOSAL_WRITE && !slot_has_room(pg_atomic_read_u64(&proposals->life)))
		return SUBMIT_FULL;
	if (!ring_write(&proposals->ring, header, sizeof(*header), payload, length))
		return SUBMIT_FULL;
	if (header->kind == PROPOSAL_WRITE)
		count_write(header);
	return SUBMIT_OK;
}

static SubmitResult
submit(ProposalHeader *header, const void *payload, Size length, const uint64_t *expected)
{
	SubmitResult result;
	uint64_t waiting = 0;

	LWLockAcquire(proposals->lock, LW_EXCLUSIVE);
	result = submit_locked(header, payload, length, expected);
	if (result == SUBMIT_OK)
		waiting = pg_atomic_add_fetch_u64(&proposals->waiting, 1);
	LWLockRelease(proposals->lock);
	if (waiting >= pg_atomic_read_u64(&proposals->wake_at) || header->kind == PROPOSAL_TRANSFER)
		shared_wake_replicator();
	return result;
}

static SubmitResult
submit_write(GroupId group, Ballot ballot, const void *payload, Size length, uint32_t key_hash,
			 const uint64_t *expected, uint64_t tag)
{
	ProposalHeader header = {0};

	if (length > PROPOSAL_BYTES_MAX)
		return SUBMIT_TOO_LARGE;

	acquire_slot();
	header.kind = PROPOSAL_WRITE;
	header.group = group;
	header.ballot = ballot;
	header.origin.slot = quorate_proc_number();
	header.origin.generation = pg_atomic_read_u64(&my_slot->generation);
	header.origin.tag = tag;
	header.origin.key_hash = key_hash;
	return submit(&header, payload, length, expected);
}

SubmitResult
proposal_submit(GroupId group, Ballot ballot, const void *payload, Size length,
				const uint8_t *mark_position, Size mark_length, uint64_t tag)
{
	uint32_t key_hash = KEY_WRITES_ALL;

	if (mark_position != NULL)
		key_hash = pending_mark_hash(group, mark_position, mark_length);
	return submit_write(group, ballot, payload, length, key_hash, NULL, tag);
}

SubmitResult
proposal_submit_evaluated(GroupId group, Ballot ballot, const void *payload, Size length,
						  uint32_t key_hash, uint64_t expected, uint64_t tag)
{
	return submit_write(group, ballot, payload, length, key_hash, &expected, tag);
}

SubmitResult
proposal_transfer(GroupId group, NodeId target)
{
	ProposalHeader header = {0};

	header.kind = PROPOSAL_TRANSFER;
	header.group = group;
	header.target = target;
	return submit(&header, NULL, 0, NULL);
}

/* ---- replicator ---- */

void
proposal_queue_begin_life(void)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);

	completed_slots = palloc0(proposals->slot_count * sizeof(uint32_t));
	slot_is_completed = palloc0(proposals->slot_count * sizeof(bool));
	MemoryContextSwitchTo(context);

	LWLockAcquire(proposals->lock, LW_EXCLUSIVE);
	pg_atomic_fetch_add_u64(&proposals->life, 1);
	ring_reset(&proposals->ring);
	pg_atomic_write_u64(&proposals->waiting, 0);
	pg_atomic_write_u64(&proposals->wake_at, 1);
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
		pg_atomic_write_u64(&quorate_shared->groups[i].pending_writes, 0);
	key_writes_forget();
	LWLockRelease(proposals->lock);

	for (uint32_t i = 0; i < proposals->slot_count; i++)
	{
		if (proposals->slots[i].latch != NULL)
			SetLatch(proposals->slots[i].latch);
	}
}

const ProposalHeader *
proposal_queue_peek(const void **payload, Size *length)
{
	Size message_length;
	const char *message = ring_peek(&proposals->ring, &message_length);

	if (message == NULL)
		return NULL;
	*payload = message + sizeof(ProposalHeader);
	*length = message_length - sizeof(ProposalHeader);
	return (const ProposalHeader *) message;
}

void
proposal_queue_consume(void)
{
	ring_consume(&proposals->ring);
	pg_atomic_fetch_sub_u64(&proposals->waiting, 1);
}

uint64_t
proposal_queue_wake_at(uint64_t count)
{
	pg_atomic_write_u64(&proposals->wake_at, count);
	pg_memory_barrier(); /* an executor that missed it had submitted before */
	return pg_atomic_read_u64(&proposals->waiting);
}

void
proposal_queue_complete(const ProposalOrigin *origin, GroupShared *group, Lsn lsn,
						CompletionStatus status)
{
	RequestSlot *slot = &proposals->slots[origin->slot];
	uint64_t completed = pg_atomic_read_u64(&slot->completed);
	Completion *completion = &slot->completions[completed % COMPLETIONS_MAX];

	completion->generation = origin->generation;
	completion->tag = origin->tag;
	completion->lsn = lsn;
	completion->status = status;
	key_writes_answer(origin->key_hash);
	if (group != NULL)
		pg_atomic_fetch_sub_u64(&group->pending_writes, 1);
	pg_write_barrier();
	pg_atomic_write_u64(&slot->completed, completed + 1);

	if (!slot_is_completed[origin->slot])
	{
		slot_is_completed[origin->slot] = true;
		completed_slots[completed_slot_count++] = origin->slot;
	}
}

void
proposal_queue_wake(void)
{
	for (uint32_t i = 0; i < completed_slot_count; i++)
	{
		SetLatch(proposals->slots[completed_slots[i]].latch);
		slot_is_completed[completed_slots[i]] = false;
	}
	completed_slot_count = 0;
}
