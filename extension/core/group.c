/*
 * group.c
 *		The door: takes an event to the file that knows what to do with it; see group.h.
 */
#include "core/group.h"

#include "core/acceptor.h"
#include "core/adoption.h"
#include "core/ballot.h"
#include "core/change.h"
#include "core/core_assert.h"
#include "core/election.h"
#include "core/handover.h"
#include "core/heartbeat.h"
#include "core/join.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/node.h"
#include "core/proposer.h"
#include "core/recover.h"
#include "core/replica.h"
#include "core/replica_membership.h"

typedef void (*MessageReceiver)(CoreNode *node, Replica *replica, const Message *message);

/* Who takes a message of a group; a heartbeat belongs to no group. */
static const MessageReceiver group_receivers[] = {
	[MESSAGE_ASK] = election_receive_ask,         [MESSAGE_ANSWER] = election_receive_answer,
	[MESSAGE_PREPARE] = acceptor_receive_prepare, [MESSAGE_PROMISE] = election_receive_promise,
	[MESSAGE_FETCH] = acceptor_receive_fetch,     [MESSAGE_ENTRIES] = adoption_receive_entries,
	[MESSAGE_ACCEPT] = acceptor_receive_accept,   [MESSAGE_ACCEPTED] = proposer_receive_accepted,
	[MESSAGE_RELEASE] = handover_receive_release, [MESSAGE_JOIN_ASK] = join_receive_ask,
	[MESSAGE_REBASE] = acceptor_receive_rebase,   [MESSAGE_REMOVED] = join_receive_removed,
};

#define GROUP_RECEIVERS (sizeof(group_receivers) / sizeof(group_receivers[0]))

/*
 * True if the message is from a member of the group, and for this replica (I10).  A sender with a newer generation
 * than the committed one may be a member that this replica does not know of: it is heard as an acceptor hears a
 * proposer, and its answers count for nothing.  The membership in use is no measure: two leaders may each have
 * appended one of the same generation.
 */
static bool
group_sender_counts(CoreNode *node, Replica *replica, const Message *message)
{
	bool answer = message->kind == MESSAGE_PROMISE || message->kind == MESSAGE_ACCEPTED ||
				  message->kind == MESSAGE_ANSWER || message->kind == MESSAGE_ENTRIES ||
				  message->kind == MESSAGE_JOIN_ASK;
	uint32_t index = membership_find(&replica->membership, message->from);

#ifdef MUTANT_SINCE_IGNORED
	if (index != MEMBER_NONE)
		return true;
#endif
	if (message->to_since != 0 && message->to_since != replica->since)
	{
		CORE_MARK(message_for_another_replica);
		/* This node became a member anew, so a membership without it was committed before. */
		if (message->to_since > replica->since)
			replica_remove(node, replica);
		else
			join_refuse_stranger(node, replica, message);
		return false;
	}
	if (index != MEMBER_NONE && replica->membership.members[index].since == message->from_since)
		return true;
	if (message->generation > membership_newest_committed(replica)->generation && !answer)
	{
		CORE_MARK(newer_stranger_heard);
		return true;
	}
	CORE_MARK(stranger_ignored);
	join_refuse_stranger(node, replica, message);
	return message->kind == MESSAGE_REMOVED;
}

static bool
group_message_is_ours(CoreNode *node, Replica *replica, const Message *message)
{
	if (!group_sender_counts(node, replica, message))
		return false;
	/* A question may be asked under the zero ballot, by a replica that never promised. */
	if (message->kind == MESSAGE_ASK || message->kind == MESSAGE_ANSWER ||
		message->kind == MESSAGE_REMOVED)
		return true;
	if (!ballot_is_plausible(message->ballot, replica->promised))
	{
		CORE_MARK(implausible_ballot_ignored);
		return false;
	}
	return true;
}

static void
group_receive(CoreNode *node, const Message *message)
{
	Replica *replica;

	CORE_ASSERT(message->to == node->config.self);
	if (message->from == 0 || message->from > CORE_NODES_MAX || message->from == node->config.self)
		return;
	if (message->kind == MESSAGE_HEARTBEAT)
	{
		heartbeat_receive(node, message);
		return;
	}
	replica = node_find(node, message->group);
	if (!replica)
	{
		join_receive_without_group(node, message);
		return;
	}
	if (replica->removed || message->kind >= GROUP_RECEIVERS || !group_receivers[message->kind] ||
		!group_message_is_ours(node, replica, message))
	{
		replica_settle(node, replica);
		return;
	}
	group_receivers[message->kind](node, replica, message);
	replica_settle(node, replica);
}

/* What is asked of a group that is not open here is refused. */
static void
group_request(CoreNode *node, const Event *event)
{
	Replica *replica = node_find(node, event->group);

	if (!replica)
	{
		effects_add(&node->effects, EFFECT_REFUSE, event->group)->ballot = event->ballot;
		return;
	}
	if (event->kind == EVENT_PROPOSE)
		proposer_propose(node, replica, event);
	else if (event->kind == EVENT_CHANGE)
		change_begin(node, replica, event);
	else if (event->kind == EVENT_INQUIRE)
		join_inquire(node, replica, event->target);
	else if (event->kind == EVENT_RECOVER)
		recover_begin(node, replica, event);
	else
		handover_begin(node, replica, event);
	replica_settle(node, replica);
}

static void
group_synced(CoreNode *node, TimeUs sync_started_us)
{
	Replica *list = node->unsynced;

	CORE_ASSERT(sync_started_us <= node->now);
	/* A sync begun while the clock was in doubt says nothing about how fresh the disk is (I9). */
	if (sync_started_us > node->held_void_us)
	{
		if (!node->synced_once || sync_started_us > node->synced_us)
			node->synced_us = sync_started_us;
		node->synced_once = true;
	}
	node->grant_length_unsynced = false;
	/* The list is taken off first: what a sync completes may record anew. */
	node->unsynced = NULL;
	while (list)
	{
		Replica *replica = list;

		list = replica->unsynced_next;
		replica_synced(node, replica);
		replica_settle(node, replica);
	}
}

static void
group_tick(CoreNode *node)
{
	Replica *replica;

	heartbeat_tick(node);
	while ((replica = node_first_due(node)) != NULL && replica->due_us <= node->now)
	{
		if (replica_leads(replica))
			proposer_tick(node, replica);
		else
			election_tick(node, replica);
		replica_settle(node, replica);
		CORE_ASSERT(replica->due_us > node->now || replica->agenda_index == 0);
	}
}

/* Time passed.  A process that slept longer than half a lease cannot trust what it held before (I8). */
static void
group_advance_time(CoreNode *node, const Event *event, TimeUs now)
{
	TimeUs trusted_us = node->now;

	CORE_ASSERT(now >= node->now);
	node->now = now;
#ifdef MUTANT_PAUSE_KEEPS_LEASE
	trusted_us = now;
#endif
	if (event->kind == EVENT_CLOCK_ANOMALY || now - trusted_us > node->config.lease_us / 2)
		heartbeat_clock_anomaly(node, trusted_us);
}

Effects
group_step(CoreNode *node, const Event *event, TimeUs now)
{
	Effects effects;

	effects_reset(&node->effects);
	group_advance_time(node, event, now);
	switch (event->kind)
	{
		case EVENT_TICK:
			group_tick(node);
			break;
		case EVENT_MESSAGE:
			group_receive(node, event->message);
			break;
		case EVENT_PROPOSE:
		case EVENT_TRANSFER:
		case EVENT_CHANGE:
		case EVENT_INQUIRE:
		case EVENT_RECOVER:
			group_request(node, event);
			break;
		case EVENT_SYNCED:
			group_synced(node, event->sync_started_us);
			break;
		case EVENT_CLOCK_ANOMALY:
			break;
	}
	effects.count = node->effects.count;
	effects.items = node->effects.items;
	return effects;
}

const char *
core_recover_obstacle(const CoreNode *node, GroupId group, uint64_t lost_nodes)
{
	const Replica *replica = node_find(node, group);

	return replica ? recover_obstacle(node, replica, lost_nodes) : NULL;
}

TimeUs
core_next_tick_us(const CoreNode *node)
{
	TimeUs due = heartbeat_due(node);
	const Replica *first = node_first_due(node);

	return first && first->due_us < due ? first->due_us : due;
}
