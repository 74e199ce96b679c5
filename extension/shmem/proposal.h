/*
 * proposal.h
 *		How an executor hands proposals to the replicator and learns what became of them.
 *
 * Executors are client backends and the backends of request streams.  Each takes one request slot for its
 * life; a proposal carries the slot, the slot's generation and a tag of the executor's choice.  The
 * replicator answers each proposal exactly once, by a completion in the slot's ring, and sets the owner's
 * latch once a turn.  An executor that gives up waiting (cancel, timeout) raises its slot's generation:
 * completions of older generations are skipped when read.  So an executor may have at most
 * PROPOSALS_OUTSTANDING_MAX proposals of all generations unanswered; proposal_submit enforces it.
 */
#ifndef QUORATE_SHMEM_PROPOSAL_H
#define QUORATE_SHMEM_PROPOSAL_H

#include "postgres.h"

#include "core/core_types.h"
#include "shmem/key_writes.h"
#include "shmem/pending_mark.h"
#include "shmem/shared_state.h"

#define PROPOSALS_OUTSTANDING_MAX 512

/* Longest payload of a proposal: a frame that carries it must fit into a ring of the other nodes. */
#define PROPOSAL_BYTES_MAX (3 * 1024 * 1024)

typedef enum CompletionStatus
{
	COMPLETION_COMMITTED = 1,
	COMPLETION_REFUSED,  /* not leader under that ballot: in no log, never will be */
	COMPLETION_LOG_FULL, /* likewise: this node's log has no space */
	COMPLETION_UNKNOWN   /* appended, then leadership ended: may or may not be chosen */
} CompletionStatus;

typedef struct Completion
{
	uint64_t generation;
	uint64_t tag;
	Lsn lsn;
	CompletionStatus status;
} Completion;

typedef enum SubmitResult
{
	SUBMIT_OK = 0,
	SUBMIT_FULL, /* ring full or too many outstanding: wait for the latch, or a little, and retry */
	SUBMIT_TOO_LARGE, /* longer than PROPOSAL_BYTES_MAX */
	SUBMIT_CHANGED    /* another write of the key came first: evaluate again */
} SubmitResult;

/*
 * Hands in a proposal (a packed entry, wire/entry.h) for a group that this node leads under `ballot`.
 * `mark_position` names the key whose row the entry changes: reads of that key wait for it (pending_mark.h);
 * an entry with several images is submitted with NULL, which marks the whole group.  A group that is not open
 * here any more refuses.
 */
extern SubmitResult proposal_submit(GroupId group, Ballot ballot, const void *payload, Size length,
									const uint8_t *mark_position, Size mark_length, uint64_t tag);

/*
 * The same for a write that was evaluated on its key's row: handed in only if the key's count of writes
 * (key_writes_count) is still `expected`.  `ballot` is that of the evaluation.
 */
extern SubmitResult
proposal_submit_evaluated(GroupId group, Ballot ballot, const void *payload, Size length,
						  uint32_t key_hash, uint64_t expected, uint64_t tag);

/* Asks the replicator to hand over leadership of a group; has no completion: watch the group's leader. */
extern SubmitResult proposal_transfer(GroupId group, NodeId target);

/* The next completion of this process's present generation; false if there is none now. */
extern bool proposal_next_completion(Completion *completion);

/* Number of proposals of the present generation that are unanswered. */
extern uint32_t proposal_outstanding(void);

/* Gives up on all outstanding proposals: their completions will be skipped. */
extern void proposal_abandon(void);

#endif /* QUORATE_SHMEM_PROPOSAL_H */
