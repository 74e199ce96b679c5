/*
 * proposal_queue.h
 *		The replicator's side of proposals; proposal.h is the executors' side.
 */
#ifndef QUORATE_SHMEM_PROPOSAL_QUEUE_H
#define QUORATE_SHMEM_PROPOSAL_QUEUE_H

#include "postgres.h"

#include "core/core_types.h"
#include "shmem/proposal.h"

typedef enum ProposalKind
{
	PROPOSAL_WRITE = 1,
	PROPOSAL_TRANSFER
} ProposalKind;

/* Whom to answer. */
typedef struct ProposalOrigin
{
	uint32_t slot;
	uint64_t generation;
	uint64_t tag;
	uint32_t key_hash; /* whose write it is counted as (key_writes.h) */
} ProposalOrigin;

/* What stands in the ring in front of the payload. */
typedef struct ProposalHeader
{
	ProposalKind kind;
	ProposalOrigin origin;
	GroupId group;
	Ballot ballot;
	NodeId target; /* TRANSFER */
} ProposalHeader;

/*
 * A replicator starts: whatever its predecessor had not answered has an unknown outcome, and its executors
 * are told so when they look.
 */
extern void proposal_queue_begin_life(void);

/* The next proposal; NULL if there is none.  Valid until proposal_queue_consume. */
extern const ProposalHeader *proposal_queue_peek(const void **payload, Size *length);
extern void proposal_queue_consume(void);

/*
 * The replicator is about to sleep: executors shall wake it once `count` proposals wait.  Returns how many do
 * now.
 */
extern uint64_t proposal_queue_wake_at(uint64_t count);

/* Answers a write; its executor is woken by the next proposal_queue_wake. */
extern void proposal_queue_complete(const ProposalOrigin *origin, GroupShared *group, Lsn lsn,
									CompletionStatus status);
extern void proposal_queue_wake(void);

#endif /* QUORATE_SHMEM_PROPOSAL_QUEUE_H */
