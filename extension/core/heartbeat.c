/*
 * heartbeat.c
 *		Heartbeats and grants between this node and each other; see heartbeat.h and lease.h.
 *
 * A heartbeat says that its sender lives and when its disk last completed a sync; it asks for a grant and
 * carries the one given.  Before a grant longer than any before is given, its length is recorded, and the
 * heartbeats that carry it wait for that record: after a restart this is what has to be waited out.
 */
#include "core/heartbeat.h"

#include "core/core_assert.h"
#include "core/marks.h"
#include "core/progress.h"
#include "core/proposer.h"
#include "core/replica.h"

/* A grant given to `peer` ended: the replicas that it bound may elect somebody else after `patience_us`. */
static void
heartbeat_given_lapsed(CoreNode *node, NodeId peer, uint64_t number, TimeUs patience_us)
{
	Replica *replica;

	CORE_ASSERT(peer != node->config.self);
	for (replica = node->peers[peer].replicas; replica; replica = replica->peer_next)
	{
		if (replica->acked_number != number || replica->role != ROLE_FOLLOWER)
			continue;
		CORE_MARK(lapsed_grant_starts_election);
		replica_await_election(node, replica, patience_us);
		replica_settle(node, replica);
	}
}

/* The next of the replicas led here, starting with `replica` itself; walks over those that only stand. */
static Replica *
heartbeat_next_led(Replica *replica)
{
	while (replica && !replica_leads(replica))
		replica = replica->peer_next;
	return replica;
}

static void
heartbeat_held_lapsed(CoreNode *node)
{
	Replica *replica = heartbeat_next_led(node->peers[node->config.self].replicas);

	for (; replica; replica = heartbeat_next_led(replica->peer_next))
	{
		proposer_lease_lapsed(node, replica);
		replica_settle(node, replica);
	}
}

static void
heartbeat_notice_lapses(CoreNode *node)
{
	bool held_lapsed = false;
	NodeId id;

	for (id = 1; id <= node->peer_last; id++)
	{
		Peer *peer = &node->peers[id];

		if (peer->given.number != 0 && !peer->given.lapse_noticed &&
			!grant_given_is_valid(&peer->given, node->now))
		{
			peer->given.lapse_noticed = true;
			heartbeat_given_lapsed(node, id, peer->given.number, 0);
		}
		if (peer->held.number != 0 && !peer->held.lapse_noticed &&
			grant_held_number(&peer->held, node->now) == 0)
		{
			peer->held.lapse_noticed = true;
			held_lapsed = true;
		}
	}
	if (held_lapsed)
		heartbeat_held_lapsed(node);
}

static void
heartbeat_send(CoreNode *node, NodeId to)
{
	Peer *peer = &node->peers[to];
	Effect *effect = effects_add(&node->effects, EFFECT_SEND, 0);
	Heartbeat *heartbeat = &effect->message.heartbeat;

	CORE_ASSERT(to != node->config.self);
	effect->message.kind = MESSAGE_HEARTBEAT;
	effect->message.from = node->config.self;
	effect->message.to = to;
	heartbeat->start_counter = node->config.start_counter;
	heartbeat->sent_us = node->now;
	heartbeat->echo_us = peer->heartbeat_sent_us;
	heartbeat->echo_start_counter = peer->start_counter;
	heartbeat->sync_age_us = node->synced_once ? node->now - node->synced_us : LEASE_GRANT_US_MAX;
	heartbeat->shares_groups = peer->shared_groups > 0;
	heartbeat->wants_grant = node_sync_is_fresh(node);
	heartbeat->grant_number = grant_given_number(&peer->given, node->now);
	if (heartbeat->grant_number != 0)
	{
		heartbeat->grant_echo_us = peer->given.request_sent_us;
		heartbeat->grant_us = node->config.lease_us;
		effect->after_sync = node->grant_length_unsynced;
	}
}

void
heartbeat_tick(CoreNode *node)
{
	NodeId id;

	heartbeat_notice_lapses(node);
	if (node->now < node->heartbeat_due_us)
		return;
	node->heartbeat_due_us = node->now + node->config.heartbeat_us;
	for (id = 1; id <= node->peer_last; id++)
	{
		if (node->peers[id].shared_groups > 0)
			heartbeat_send(node, id);
	}
}

TimeUs
heartbeat_due(const CoreNode *node)
{
	TimeUs due = node->heartbeat_due_us;
	NodeId id;

	for (id = 1; id <= node->peer_last; id++)
	{
		const Peer *peer = &node->peers[id];

		if (peer->given.number != 0 && !peer->given.lapse_noticed &&
			peer->given.bound_until_us < due)
			due = peer->given.bound_until_us;
		if (peer->held.number != 0 && !peer->held.lapse_noticed && peer->held.until_us < due)
			due = peer->held.until_us;
	}
	return due;
}

/* Whether a heartbeat earns its sender a grant (I9; and no grant to a leader that cannot hear). */
static bool
heartbeat_earns_grant(const CoreNode *node, const Heartbeat *heartbeat)
{
	if (!heartbeat->wants_grant)
		return false;
	if (heartbeat->sync_age_us < 0 || heartbeat->sync_age_us > node->config.lease_us / 2 ||
		!node_sync_is_fresh(node))
	{
		CORE_MARK(stale_sync_stops_grants);
		return false;
	}
#ifdef MUTANT_GRANT_TO_THE_DEAF
	return true;
#endif
	if (heartbeat->echo_start_counter != node->config.start_counter ||
		heartbeat->echo_us > node->now || node->now - heartbeat->echo_us > node->config.lease_us)
	{
		CORE_MARK(grant_refused_deaf_leader);
		return false;
	}
	return true;
}

static void
heartbeat_record_grant_length(CoreNode *node)
{
	if (node->config.lease_us <= node->grant_length_recorded_us)
		return;
	CORE_MARK(grant_length_recorded);
	node->grant_length_recorded_us = node->config.lease_us;
	node->grant_length_unsynced = true;
	effects_add(&node->effects, EFFECT_GRANT_LENGTH, 0)->grant_us = node->config.lease_us;
}

static void
heartbeat_give_grant(CoreNode *node, NodeId to, const Heartbeat *heartbeat)
{
	Peer *peer = &node->peers[to];
	uint64_t before = peer->given.number;
	uint64_t number = node->config.start_counter << 32 | (node->grants_given + 1);
	TimeUs bound_until_us = node->now +
							lease_stretch(node->config.lease_us, node->config.clock_drift_ppm);

	heartbeat_record_grant_length(node);
	CORE_INVARIANT("I8", node->grant_length_recorded_us >= node->config.lease_us);
	if (!grant_given_renew(&peer->given, number, heartbeat->sent_us, bound_until_us, node->now))
		return;
	CORE_MARK(grant_number_renewed);
	CORE_ASSERT(node->grants_given < UINT32_MAX);
	node->grants_given++;
	/* The peer lives: leave it the time to have the new number acknowledged. */
	if (before != 0)
		heartbeat_given_lapsed(node, to, before, 3 * node->config.heartbeat_us);
}

/* Has every group led here acknowledged under the new grant, and wakes resends to a peer that was silent. */
static void
heartbeat_wake_led(CoreNode *node, NodeId from, bool reconfirm)
{
	Replica *replica = heartbeat_next_led(node->peers[node->config.self].replicas);

	for (; replica; replica = heartbeat_next_led(replica->peer_next))
	{
		if (reconfirm)
			progress_reconfirm(node, replica, from);
		replica_settle(node, replica);
	}
}

/* Returns true if the number of the grant held from the sender changed. */
static bool
heartbeat_take_grant(CoreNode *node, NodeId from, const Heartbeat *heartbeat)
{
	TimeUs until_us;

	if (heartbeat->grant_number == 0 || heartbeat->echo_start_counter != node->config.start_counter)
		return false;
	/* Damage, or an answer to a request from before the clock went wrong. */
	if (heartbeat->grant_us <= 0 || heartbeat->grant_us > LEASE_GRANT_US_MAX ||
		heartbeat->grant_echo_us > node->now || heartbeat->grant_echo_us <= node->held_void_us)
		return false;
	until_us = heartbeat->grant_echo_us + heartbeat->grant_us;
#ifdef MUTANT_LEASE_FROM_ARRIVAL
	until_us = node->now + heartbeat->grant_us;
#endif
	return grant_held_take(&node->peers[from].held, heartbeat->grant_number, until_us, node->now);
}

/* What the peer acknowledged in a former life it may have lost since: its word of now counts. */
static void
heartbeat_led_new_life(CoreNode *node, NodeId from)
{
	Replica *replica = heartbeat_next_led(node->peers[node->config.self].replicas);

	for (; replica; replica = heartbeat_next_led(replica->peer_next))
		progress_new_life(replica, from);
}

/* Notes the sender's life; false for a heartbeat of a former one, or one that was overtaken. */
static bool
heartbeat_note_life(CoreNode *node, NodeId from, const Heartbeat *heartbeat)
{
	Peer *peer = &node->peers[from];

	if (heartbeat->start_counter < peer->start_counter ||
		(heartbeat->start_counter == peer->start_counter &&
		 heartbeat->sent_us <= peer->heartbeat_sent_us))
	{
		CORE_MARK(stale_heartbeat_ignored);
		return false;
	}
	if (heartbeat->start_counter > peer->start_counter)
	{
		uint64_t number = peer->given.number;

		peer->start_counter = heartbeat->start_counter;
		heartbeat_led_new_life(node, from);
		grant_given_void(&peer->given);
		if (number != 0)
		{
			/* The process that could rely on the grant is gone: start counters are raised under a lock. */
			CORE_MARK(new_life_voids_grant);
			heartbeat_given_lapsed(node, from, number, 0);
		}
	}
	peer->heartbeat_sent_us = heartbeat->sent_us;
	return true;
}

void
heartbeat_receive(CoreNode *node, const Message *message)
{
	const Heartbeat *heartbeat = &message->heartbeat;
	Peer *peer = node_meet(node, message->from);
	TimeUs silence_us = node->now - peer->heard_us;
	bool was_silent = peer->heard_us == 0 || silence_us > node->config.lease_us;
	bool renumbered;

	CORE_ASSERT(message->kind == MESSAGE_HEARTBEAT);
	CORE_ASSERT(message->from != node->config.self);
	if (!heartbeat_note_life(node, message->from, heartbeat))
		return;
	peer->heard_us = node->now;
	renumbered = heartbeat_take_grant(node, message->from, heartbeat);
	if (renumbered || was_silent)
		heartbeat_wake_led(node, message->from, renumbered);
	if (heartbeat_earns_grant(node, heartbeat))
		heartbeat_give_grant(node, message->from, heartbeat);
	/* It may be about to make this node a member: it has to hear that this node lives. */
	if (peer->shared_groups == 0 && heartbeat->shares_groups)
		heartbeat_send(node, message->from);
}

void
heartbeat_clock_anomaly(CoreNode *node, TimeUs trusted_us)
{
	TimeUs longest_us = lease_stretch(node->grant_length_recorded_us, node->config.clock_drift_ppm);
	NodeId id;

	CORE_ASSERT(trusted_us <= node->now);
	CORE_MARK(clock_anomaly_voids_leases);
	node->held_void_us = node->now;
	node->synced_once = false;
	if (trusted_us < node->wait_out_until_us)
		node->wait_out_until_us = node->now + longest_us;
	for (id = 1; id <= node->peer_last; id++)
	{
		grant_held_void(&node->peers[id].held);
		if (grant_given_restart(&node->peers[id].given, trusted_us, node->now + longest_us))
			CORE_MARK(clock_anomaly_restarts_wait_out);
	}
	heartbeat_held_lapsed(node);
}
