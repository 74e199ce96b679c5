/*
 * sim_turn.c
 *		The simulated replicator: hands the engine what waits, and carries out what it calls back.
 *
 * What the engine does in a turn happens at once in the simulator but takes time in the run, which spent_us
 * counts.  Frames carry the time at which they left; acknowledgements, rows and the published copy of the
 * state wait for SIM_TURN_DONE.  A leadership that is given up before the sync is withdrawn from readers
 * immediately, as in the real process.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim_util.h"

#define TURN_US 15   /* processor time of a turn */
#define FRAME_US 5   /* and of each frame */
#define EARLY_US 900 /* what is given up within this time of a turn is withdrawn at once */

/* ---- callbacks of the engine ---- */

static TimeUs
callback_now(void *context)
{
	return sim_node_local_us(context);
}

static void
callback_send(void *context, NodeId to, const uint8_t *frame, size_t length)
{
	SimNode *node = context;
	bool joins;

	if (sim_disk_crashed(&node->disk))
		return;
	joins = sim_watch_frame(node, frame, length);
	sim_network_send(node->world, node->index, to - 1u, frame, length,
					 node->world->now_us + node->spent_us, joins);
}

static void
add_outcome(SimNode *node, uint64_t operation, bool committed)
{
	node->outcomes = sim_grow(node->outcomes, &node->outcome_capacity, node->outcome_count + 1,
							  sizeof(SimOutcome));
	node->outcomes[node->outcome_count++] = (SimOutcome){operation, committed};
}

static void
callback_appended(void *context, uint64_t tag, GroupId group, Lsn lsn)
{
	SimNode *node = context;
	SimReplica *replica = &node->replicas[sim_group_index(group)];

	replica->pending = sim_grow(replica->pending, &replica->pending_capacity,
								replica->pending_count + 1, sizeof(SimPending));
	replica->pending[replica->pending_count++] = (SimPending){tag, lsn};
}

static void
callback_refused(void *context, uint64_t tag, GroupId group, EngineRefusal why)
{
	SimNode *node = context;

	sim_trace(node->world, "node %u refuses operation %lu (%d)", node->index + 1,
			  (unsigned long) tag, (int) why);
	memset(&node->replicas[sim_group_index(group)].tail, 0, sizeof(SimTail));
	if (!sim_disk_crashed(&node->disk))
		sim_client_refused(node->world, tag);
}

static void
callback_committed(void *context, GroupId group, Lsn commit_lsn)
{
	SimNode *node = context;
	SimReplica *replica = &node->replicas[sim_group_index(group)];
	uint32_t kept = 0;

	if (!sim_is_checked(group))
		return;
	for (uint32_t i = 0; i < replica->pending_count; i++)
	{
		if (replica->pending[i].lsn <= commit_lsn)
			add_outcome(node, replica->pending[i].operation, true);
		else
			replica->pending[kept++] = replica->pending[i];
	}
	replica->pending_count = kept;
}

static void
callback_leading(void *context, GroupId group, Ballot ballot, Lsn start_lsn)
{
	SimNode *node = context;

	if (!sim_is_checked(group))
		return;
	sim_trace(node->world, "node %u leads group %u under %lu.%u from LSN %lu", node->index + 1,
			  sim_group_index(group), (unsigned long) ballot.round, ballot.node,
			  (unsigned long) start_lsn);
	check_lead_took(node->world->lead, node->index, sim_group_index(group),
					sim_check_ballot(ballot));
	node->replicas[sim_group_index(group)].led_from = start_lsn;
	if (node->replicas[sim_group_index(group)].machine.rows_missing)
		check_fail(&node->world->report, "I11", "node %u leads group %u without its rows",
				   node->index + 1, sim_group_index(group));
	sim_ambush_lay(node, sim_group_index(group), true);
}

static void
callback_stepped_down(void *context, GroupId group, Ballot ballot)
{
	SimNode *node = context;
	SimReplica *replica = &node->replicas[sim_group_index(group)];

	if (!sim_is_checked(group))
		return;
	sim_trace(node->world, "node %u leads group %u under %lu.%u no longer", node->index + 1,
			  sim_group_index(group), (unsigned long) ballot.round, ballot.node);
	for (uint32_t i = 0; i < replica->pending_count; i++)
		add_outcome(node, replica->pending[i].operation, false);
	replica->pending_count = 0;
	if (node->spent_us < EARLY_US)
		replica->published.leads = false;
}

/* The idle group is dropped and made anew: others may invite to it, or have a newer one. */
static void
callback_opened(void *context, GroupId group)
{
	SimNode *node = context;

	if (sim_is_checked(group))
		sim_replica_opened(node, sim_group_index(group));
	else
		sim_schedule(node->world, 1, (SimEvent){.kind = SIM_REPLACE, .node = node->index});
}

static void
callback_removed(void *context, GroupId group)
{
	if (sim_is_checked(group))
		sim_replica_removed(context, sim_group_index(group));
}

static void
callback_rebased(void *context, GroupId group, Lsn base_lsn)
{
	if (sim_is_checked(group))
		sim_replica_rebased(context, sim_group_index(group), base_lsn);
}

/* No fault of the simulator sets a log back in its place: crashes and copies must not look like it. */
static void
callback_set_back(void *context, NodeId peer, bool set_back)
{
	SimNode *node = context;

	(void) set_back;
	check_fail(&node->world->report, "I3",
			   "node %u takes the log of node %u for one that was set back", node->index + 1, peer);
}

void
sim_turn_set_callbacks(SimNode *node)
{
	node->callbacks = (EngineCallbacks){
		.context = node,
		.now = callback_now,
		.send = callback_send,
		.appended = callback_appended,
		.refused = callback_refused,
		.committed = callback_committed,
		.leading = callback_leading,
		.stepped_down = callback_stepped_down,
		.opened = callback_opened,
		.rebased = callback_rebased,
		.removed = callback_removed,
		.set_back = callback_set_back,
	};
}

/* ---- proposing ---- */

static void
chain_entry(void *context, Lsn lsn, const Entry *entry)
{
	SimTail *tail = context;

	(void) lsn;
	if (check_membership_is(entry->payload, entry->length))
		return;
	tail->chain = sim_chain(tail->chain, entry->ballot, entry->payload, entry->length);
}

/*
 * A new leadership begins: the digest of the whole log, from the rows on.  Before the engine's turn, so
 * that the log ends where the last turn left it.
 */
static void
find_tail(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];

	if (!replica->published.leads || replica->status.role != ROLE_LEADER ||
		sim_ballot_equal(replica->tail.ballot, replica->published.ballot))
		return;
	replica->tail = (SimTail){replica->published.ballot, replica->machine.chain};
	if (replica->status.append_lsn > replica->machine.lsn &&
		engine_read_entries(node->engine, sim_group_id(group), replica->machine.lsn + 1,
							replica->status.append_lsn, SIZE_MAX, chain_entry,
							&replica->tail) < replica->status.append_lsn - replica->machine.lsn)
		check_fail(
			&node->world->report, "I15",
			"node %u leads group %u although its log lacks entries that its rows do not have",
			node->index + 1, group);
}

/*
 * Writes that were evaluated under a former ballot are proposed, too: the engine has to refuse them.  After a
 * refusal the digest is not known until the next turn, and nothing can be proposed.
 */
static void
propose(SimNode *node, const SimRequest *request)
{
	SimWorld *world = node->world;
	SimReplica *replica = &node->replicas[request->group];
	SimTail tail = replica->tail;
	bool is_current = sim_ballot_equal(request->ballot, replica->published.ballot);
	uint8_t bytes[SIM_PAYLOAD_BYTES_MAX];
	uint32_t length = (uint32_t) sim_random_between(&world->random, SIM_PAYLOAD_HEAD_BYTES,
													world->weather.payload_max_bytes);
	SimPayload payload = {
		.operation = request->operation,
		.group = request->group,
		.key = request->key,
		.chain_before = tail.chain,
	};

	if (is_current && !sim_ballot_equal(tail.ballot, request->ballot))
	{
		sim_client_refused(world, request->operation);
		return;
	}
	sim_payload_write(&payload, bytes, length);
	if (is_current)
		replica->tail.chain = sim_chain(tail.chain, request->ballot, bytes, length);
	engine_propose(node->engine, sim_group_id(request->group), request->ballot, bytes, length,
				   request->operation);
}

/* ---- the turn ---- */

void
sim_turn_request(SimNode *node, int64_t after_us)
{
	int64_t at_us = node->world->now_us + (after_us > 0 ? after_us : 0);

	if (!node->engine || node->turn_at_us <= at_us)
		return;
	node->turn_at_us = at_us;
	sim_schedule(node->world, at_us - node->world->now_us,
				 (SimEvent){.kind = SIM_TURN, .node = node->index, .life = node->life});
}

void
sim_turn_add_request(SimNode *node, const SimRequest *request)
{
	node->requests = sim_grow(node->requests, &node->request_capacity, node->request_count + 1,
							  sizeof(SimRequest));
	node->requests[node->request_count++] = *request;
	sim_turn_request(node, sim_random_between(&node->world->random, 0, 30));
}

/* Frames first: they may depose the leader that the requests were evaluated by. */
static void
hand_in(SimNode *node)
{
	for (uint32_t i = 0; i < node->inbox_count; i++)
	{
		SimFrame *frame = node->inbox[i];
		bool valid = engine_receive(node->engine, (NodeId) (frame->from + 1), frame->bytes,
									frame->length);

		if (valid == frame->damaged)
			check_fail(&node->world->report, "frames", "node %u %s a %s frame of node %u",
					   node->index + 1, valid ? "accepts" : "refuses",
					   frame->damaged ? "damaged" : "whole", frame->from + 1);
		node->spent_us += FRAME_US;
		free(frame);
	}
	node->inbox_count = 0;
	for (uint32_t i = 0; i < node->request_count; i++)
		propose(node, &node->requests[i]);
	node->request_count = 0;
	sim_version_learn(node);
	sim_replica_tell_rows(node);
	sim_node_tell_applied(node);
}

/* The engine's turn ended badly, or the node ended within it. */
static void
end_in_turn(SimNode *node)
{
	SimWorld *world = node->world;
	bool power = sim_disk_crashed(&node->disk);

	if (!sim_disk_disturbed(&node->disk))
		check_fail(&world->report, "turn", "node %u's engine failed without a fault",
				   node->index + 1);
	sim_node_crash(node, power, sim_random_between(&world->random, 1000, SIM_LEASE_US));
}

void
sim_turn(SimNode *node)
{
	SimWorld *world = node->world;
	bool alive;

	if (node->turn_at_us > world->now_us)
		return;
	node->turn_at_us = INT64_MAX;
	if (node->paused)
		return;
	if (node->busy_until_us > world->now_us)
	{
		sim_turn_request(node, node->busy_until_us - world->now_us);
		return;
	}
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		find_tail(node, group);
		check_members_turn(world->check_members, node->index, group);
	}
	node->in_turn = true;
	node->spent_us = TURN_US;
	hand_in(node);
	alive = engine_finish_turn(node->engine);
	node->in_turn = false;
	if (engine_set_back_by(node->engine) != 0)
		check_fail(&world->report, "I3", "node %u is told that its log was set back",
				   node->index + 1);
	if (!alive || sim_disk_crashed(&node->disk))
	{
		end_in_turn(node);
		return;
	}
	sim_version_keep(node);
	sim_observe(node);
	node->busy_until_us = world->now_us + node->spent_us;
	sim_schedule(world, node->spent_us,
				 (SimEvent){.kind = SIM_TURN_DONE, .node = node->index, .life = node->life});
	node->spent_us = 0;
}

/* Copies a replica's state to where readers and routers look. */
static void
publish(SimReplica *replica, TimeUs at_us)
{
	const GroupStatus *status = &replica->status;

	replica->published = (SimPublished){
		.leads = status->role == ROLE_LEADER,
		.ballot = status->promised,
		.start_lsn = status->start_lsn,
		.commit_lsn = status->commit_lsn,
		.at_us = at_us,
		.lease_until_us = status->lease_until_us,
		.leader = status->leader,
	};
}

void
sim_turn_done(SimNode *node)
{
	SimWorld *world = node->world;
	uint32_t outcome_count = node->outcome_count;
	int64_t wake_us;

	if (node->paused)
		return;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		if (node->replicas[group].open)
			publish(&node->replicas[group], sim_node_local_us(node));
	}
	node->outcome_count = 0;
	for (uint32_t i = 0; i < outcome_count; i++)
		sim_client_outcome(world, node->outcomes[i].operation, node->outcomes[i].committed);
	sim_schedule(world, sim_random_between(&world->random, 0, world->weather.apply_lag_max_us),
				 (SimEvent){.kind = SIM_APPLY, .node = node->index, .life = node->life});
	if (node->inbox_count > 0 || node->request_count > 0)
		sim_turn_request(node, 0);
	wake_us = sim_clock_global(&node->clock, world->now_us, engine_next_wake_us(node->engine));
	sim_turn_request(node, wake_us - world->now_us);
}
