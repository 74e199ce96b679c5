/*
 * join.c
 *		How a replica comes to be on a node, and how it goes; see docs/decisions/0006-membership.md.
 *
 * A node makes a replica only in answer to a question of its own, whose nonce proves that neither a restart nor
 * the drop of a group lies between question and answer: a late answer must not raise a replica that was removed,
 * for it would have forgotten what it promised.  Both ways rest on committed memberships alone.
 */
#include "core/join.h"

#include "core/core_assert.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/progress.h"
#include "core/replica.h"
#include "core/replica_membership.h"

/* Changes with every life of the node and every group that it closes. */
static uint64_t
join_nonce(const CoreNode *node)
{
	return node->config.start_counter << 32 | node->groups_closed;
}

/* A message that answers one of a group that is not open here. */
static Message *
join_answer(CoreNode *node, MessageKind kind, const Message *message)
{
	Message *answer = &effects_add(&node->effects, EFFECT_SEND, message->group)->message;

	answer->kind = kind;
	answer->from = node->config.self;
	answer->to = message->from;
	answer->group = message->group;
	answer->generation = message->generation;
	answer->from_since = message->to_since;
	answer->to_since = message->from_since;
	answer->ballot = message->ballot;
	return answer;
}

void
join_put_membership(CoreNode *node, Message *message, const Membership *membership)
{
	Entry *entry = effects_alloc(&node->effects, sizeof(Entry));
	uint8_t *bytes = effects_alloc(&node->effects, MEMBERSHIP_BYTES_MAX);

	entry->ballot = message->prev_ballot;
	entry->length = (uint32_t) membership_encode(membership, bytes);
	entry->payload = bytes;
	message->entry_count = 1;
	message->entries = entry;
}

/* The leave to make a replica has come. */
static void
join_make_replica(CoreNode *node, const Message *message)
{
	MembershipAt at = {0};
	GroupRecovered recovered = {.group = message->group, .membership_count = 1, .memberships = &at};
	Replica *replica;

#ifndef MUTANT_JOIN_WITHOUT_NONCE
	if (message->lsn != join_nonce(node))
	{
		CORE_MARK(stale_join_ignored);
		return;
	}
#endif
	if (message->entry_count != 1 ||
		!membership_decode(message->entries[0].payload, message->entries[0].length,
						   &at.membership) ||
		membership_since(&at.membership, node->config.self) != message->to_since ||
		membership_since(&at.membership, message->from) != message->from_since)
		return;
	CORE_MARK(joined);
	replica = node_open(node, &recovered);
	replica_await_election(node, replica, node->config.lease_us);
	effects_add(&node->effects, EFFECT_OPEN, replica->group);
	replica_settle(node, replica);
}

void
join_receive_without_group(CoreNode *node, const Message *message)
{
	if (message->group == 0 || message->to_since == 0 || message->from_since == 0)
		return;
	if (message->kind == MESSAGE_ACCEPT || message->kind == MESSAGE_REBASE)
		join_answer(node, MESSAGE_JOIN_ASK, message)->lsn = join_nonce(node);
	else if (message->kind == MESSAGE_JOIN)
		join_make_replica(node, message);
}

void
join_receive_ask(CoreNode *node, Replica *replica, const Message *message)
{
	const Membership *committed = membership_newest_committed(replica);
	Message *answer;

	CORE_ASSERT(message->kind == MESSAGE_JOIN_ASK);
	/* Only a leader that cannot have been replaced knows that this membership is still in force. */
	if (!replica_leads(replica) || !replica_has_lease(node, replica) ||
		replica->commit_lsn < replica->proposer->start_lsn ||
		membership_since(committed, message->from) != message->from_since)
		return;
	answer = node_reply(node, replica, MESSAGE_JOIN, message, false);
	answer->ballot = replica->promised;
	answer->lsn = message->lsn;
	join_put_membership(node, answer, committed);
	progress_greet(node, replica, message->from);
}

static void
join_send_removed(CoreNode *node, const Replica *replica, NodeId to, uint64_t since)
{
	Message *message = node_send(node, replica, MESSAGE_REMOVED, to, false);

	CORE_MARK(told_removed);
	message->generation = membership_newest_committed(replica)->generation;
	message->to_since = since;
}

void
join_refuse_stranger(CoreNode *node, const Replica *replica, const Message *message)
{
	const Membership *committed = membership_newest_committed(replica);

	if (message->kind == MESSAGE_REMOVED || message->from_since == 0 ||
		message->from_since > committed->generation ||
		membership_since(committed, message->from) == message->from_since)
		return;
	join_send_removed(node, replica, message->from, message->from_since);
}

void
join_receive_removed(CoreNode *node, Replica *replica, const Message *message)
{
	CORE_ASSERT(message->kind == MESSAGE_REMOVED);
	/*
	 * The sender knows a committed membership that does not name this replica.  It named it from generation
	 * `since` on, so any later one that does not has removed it.
	 */
	if (message->to_since != replica->since || message->generation < replica->since)
		return;
	CORE_MARK(removed_by_message);
	replica_remove(node, replica);
}

void
join_inquire(CoreNode *node, Replica *replica, NodeId target)
{
	if (target == 0 || target > CORE_NODES_MAX || target == node->config.self ||
		replica_leads(replica))
		return;
	node_send(node, replica, MESSAGE_ASK, target, false)->ballot = replica->promised;
}

void
join_dismiss(CoreNode *node, const Replica *replica, const Membership *before)
{
	const Membership *committed = membership_newest_committed(replica);
	uint32_t i;

	for (i = 0; i < before->member_count; i++)
	{
		const Member *member = &before->members[i];

		if (member->node != node->config.self &&
			membership_since(committed, member->node) != member->since)
			join_send_removed(node, replica, member->node, member->since);
	}
}
