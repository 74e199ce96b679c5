/*
 * sim_client.c
 *		The clients: writers and consistent readers, each with one operation at a time.
 *
 * A client asks the node that it believes to lead, and another one when that refuses.  A refused write was
 * never in a log; its next attempt is an operation of its own.  A write whose answer does not come in time
 * has an unknown outcome, and the client goes on to its next.
 *
 * A reader looks at the rows of its node and then at the lease, in this order: it may be stopped between
 * the two for longer than the lease lasts (I7).
 */
#include "sim/sim_world.h"

#define PATIENCE_US (2 * SIM_LEASE_US)
#define RETRY_MAX_US 20000
#define REQUEST_MAX_US 400
#define READ_MAX_US 200

static const CheckOperation *
operation_of(const SimWorld *world, uint64_t operation)
{
	return &world->history.operations[operation];
}

/* The client of an operation under way, -1 if it has given it up. */
static int
client_of(const SimWorld *world, uint64_t operation)
{
	for (int i = 0; i < SIM_CLIENTS; i++)
	{
		if (world->clients[i].operation == operation)
			return i;
	}
	return -1;
}

/* The client has its answer, or wants none any more. */
static void
next_operation(SimWorld *world, uint32_t client, int64_t pause_max_us)
{
	world->clients[client].operation = 0;
	sim_schedule(world, sim_random_between(&world->random, 0, pause_max_us),
				 (SimEvent){.kind = SIM_CLIENT, .value = client});
}

static void
send_request(SimWorld *world, uint32_t client)
{
	sim_schedule(world, sim_random_between(&world->random, 20, REQUEST_MAX_US),
				 (SimEvent){.kind = SIM_REQUEST,
							.node = world->clients[client].believed,
							.life = world->clients[client].operation,
							.value = client});
}

void
sim_client_begin(SimWorld *world, uint32_t client)
{
	SimClient *self = &world->clients[client];

	if (!sim_phase_has_clients(world) || self->operation != 0)
		return;
	self->operation = check_history_begin(&world->history, self->reads, client % SIM_GROUPS,
										  sim_random_below(&world->random, SIM_KEYS),
										  world->now_us);
	check_log_proposed(world->log, self->operation, client % SIM_GROUPS);
	sim_schedule_timeout(
		world, PATIENCE_US,
		(SimEvent){.kind = SIM_CLIENT_TIMEOUT, .life = self->operation, .value = client});
	send_request(world, client);
}

/* The node does not serve: the client tries the one that the node names, or any. */
static void
try_elsewhere(SimWorld *world, uint32_t client, const SimNode *node)
{
	SimClient *self = &world->clients[client];
	uint32_t group = operation_of(world, self->operation)->group;
	NodeId hint = node->engine ? node->replicas[group].published.leader : 0;

	if (hint == 0 || hint == node->index + 1 || sim_random_chance(&world->random, 300000))
		hint = (NodeId) (sim_random_below(&world->random, SIM_NODES) + 1);
	self->believed = hint - 1u;
	if (!self->reads)
		check_log_refused(world->log, self->operation);
	next_operation(world, client, RETRY_MAX_US);
}

bool
sim_client_lease_holds(const SimNode *node, uint32_t group)
{
	const SimPublished *published = &node->replicas[group].published;
	TimeUs now_us;

	if (!published->leads || published->commit_lsn < published->start_lsn)
		return false;
	now_us = sim_node_local_us(node);
	return now_us >= published->at_us && now_us < published->lease_until_us;
}

static int64_t
reader_pause_us(SimWorld *world)
{
	if (world->phase != SIM_PHASE_SAFETY || !world->faults.enabled[SIM_FAULT_reader_paused] ||
		!sim_random_chance(&world->random, 60000))
		return sim_random_between(&world->random, 0, READ_MAX_US);
	sim_fault_applied(world, SIM_FAULT_reader_paused);
	return sim_random_between(&world->random, READ_MAX_US, 4 * SIM_LEASE_US);
}

/* First half of a consistent read: the rows. */
static void
read_rows(SimWorld *world, uint32_t client, SimNode *node)
{
	const CheckOperation *operation = operation_of(world, world->clients[client].operation);
	SimReplica *replica = &node->replicas[operation->group];

	if (sim_client_lease_holds(node, operation->group) && replica->machine.rows_missing)
		check_fail(&world->report, "I11", "node %u serves group %u without its rows",
				   node->index + 1, operation->group);
	if (!sim_client_lease_holds(node, operation->group) ||
		replica->machine.lsn < replica->published.commit_lsn)
	{
		try_elsewhere(world, client, node);
		return;
	}
	world->history.operations[world->clients[client].operation].value_read =
		replica->machine.rows[operation->key].value;
	world->clients[client].read_ballot = replica->published.ballot;
	world->clients[client].read_operation = world->clients[client].operation;
	sim_schedule(
		world, reader_pause_us(world),
		(SimEvent){.kind = SIM_READ_END, .node = node->index, .life = node->life, .value = client});
}

/* Does the reader's last look at the state of its node allow the answer? */
static bool
may_answer(SimWorld *world, const SimNode *node, uint32_t client)
{
	CheckOperation *operation = &world->history.operations[world->clients[client].operation];
	const SimReplica *replica = &node->replicas[operation->group];

#ifdef MUTANT_LEASE_BEFORE_READ
	operation->value_read = replica->machine.rows[operation->key].value;
	return true;
#endif
	return sim_client_lease_holds(node, operation->group) &&
		   sim_ballot_equal(replica->published.ballot, world->clients[client].read_ballot);
}

void
sim_client_read_end(SimWorld *world, SimEvent event)
{
	uint32_t client = (uint32_t) event.value;
	SimClient *self = &world->clients[client];
	SimNode *node = &world->nodes[event.node];

	if (node->paused)
	{
		event.at_us = node->paused_until_us;
		sim_schedule(world, event.at_us - world->now_us, event);
		return;
	}
	if (self->operation == 0 || self->operation != self->read_operation)
		return;
	if (!may_answer(world, node, client))
	{
		try_elsewhere(world, client, node);
		return;
	}
	world->history.operations[self->operation].ended_us = world->now_us;
	world->reads++;
	next_operation(world, client, world->weather.think_max_us);
}

/* A write joins what waits for the replicator; it is evaluated under the ballot that is published now. */
static void
queue_write(SimWorld *world, uint32_t client, SimNode *node)
{
	const CheckOperation *operation = operation_of(world, world->clients[client].operation);

	sim_turn_add_request(node, &(SimRequest){
								   .operation = world->clients[client].operation,
								   .group = operation->group,
								   .key = operation->key,
								   .ballot = node->replicas[operation->group].published.ballot,
							   });
}

void
sim_client_request(SimWorld *world, uint32_t client, uint64_t operation, uint32_t at_node)
{
	SimClient *self = &world->clients[client];
	SimNode *node = &world->nodes[at_node];
	uint32_t group;

	if (self->operation != operation)
		return;
	group = operation_of(world, operation)->group;
	if (node->engine && node->paused)
	{
		/* Evaluated before the process was stopped; a read would only wait. */
		if (!self->reads && node->replicas[group].published.leads)
			queue_write(world, client, node);
	}
	else if (!node->engine || !node->replicas[group].published.leads)
		try_elsewhere(world, client, node);
	else if (self->reads)
		read_rows(world, client, node);
	else
		queue_write(world, client, node);
}

void
sim_client_timeout(SimWorld *world, uint32_t client, uint64_t operation)
{
	SimClient *self = &world->clients[client];

	if (self->operation != operation)
		return;
	self->believed = sim_random_below(&world->random, SIM_NODES);
	next_operation(world, client, world->weather.think_max_us);
}

void
sim_client_outcome(SimWorld *world, uint64_t operation, bool committed)
{
	int client = client_of(world, operation);

	if (committed)
	{
		check_log_acknowledged(world->log, operation);
		world->committed++;
	}
	if (client < 0)
		return;
	if (committed)
		world->history.operations[operation].ended_us = world->now_us;
	next_operation(world, (uint32_t) client, world->weather.think_max_us);
}

void
sim_client_refused(SimWorld *world, uint64_t operation)
{
	int client = client_of(world, operation);

	check_log_refused(world->log, operation);
	if (client < 0)
		return;
	world->clients[client].believed = sim_random_below(&world->random, SIM_NODES);
	next_operation(world, (uint32_t) client, RETRY_MAX_US);
}
