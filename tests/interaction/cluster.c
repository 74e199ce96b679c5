/*
 * cluster.c
 *		A cluster of cores in one process; see cluster.h.
 *
 * Carries out effects exactly as group.h demands of the engine: records in order, messages after_sync held
 * back until the next sync, EVENT_SYNCED before anything else after it.
 */
#include "cluster.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"
#include "core/core_assert.h"
#include "transcript.h"

#define LEASE_US 1000000
#define HEARTBEAT_US 100000
#define RUN_STEP_US 10000
#define SETTLE_STEPS_MAX 5000

static TimeUs
node_clock(const Cluster *cluster, NodeId node)
{
	return cluster->now_us + cluster->nodes[node].clock_offset_us;
}

static StoredGroup *
disk_group(Disk *disk, GroupId group)
{
	CORE_ASSERT(group > 0 && group <= CLUSTER_GROUPS_MAX);
	return &disk->groups[group - 1];
}

static void
violation(Cluster *cluster, const char *what, GroupId group, Lsn lsn)
{
	cluster->violations++;
	fprintf(cluster->out, "VIOLATION: %s (group %" PRIu64 ", lsn %" PRIu64 ")\n", what, group, lsn);
}

Cluster *
cluster_create(uint32_t node_count, uint32_t accept_entries_max, FILE *out)
{
	Cluster *cluster = calloc(1, sizeof(Cluster));
	NodeId id;

	CORE_ASSERT(cluster && node_count > 0 && node_count <= CLUSTER_NODES_MAX);
	cluster->now_us = 1000000;
	cluster->lease_us = LEASE_US;
	cluster->heartbeat_us = HEARTBEAT_US;
	cluster->accept_entries_max = accept_entries_max;
	cluster->frame_entries_max = MESSAGE_ENTRIES_MAX;
	cluster->node_count = node_count;
	cluster->out = out;
	for (id = 1; id <= node_count; id++)
	{
		cluster->nodes[id].recorded = calloc(1, sizeof(Disk));
		cluster->nodes[id].durable = calloc(1, sizeof(Disk));
		cluster_start(cluster, id);
	}
	return cluster;
}

static void
packet_free(Packet *packet)
{
	free(packet->entries);
	free(packet->stored);
	free(packet);
}

void
cluster_free(Cluster *cluster)
{
	NodeId id;

	while (cluster->packets)
	{
		Packet *packet = cluster->packets;

		cluster->packets = packet->next;
		packet_free(packet);
	}
	for (id = 1; id <= cluster->node_count; id++)
	{
		if (cluster->nodes[id].core)
			core_node_free(cluster->nodes[id].core);
		free(cluster->nodes[id].recorded);
		free(cluster->nodes[id].durable);
	}
	free(cluster);
}

/* ---------------------------------------------------------------- watching */

/* Compares what a node reports as committed with what any node reported before. */
static void
watch_commit(Cluster *cluster, const StoredGroup *stored, Lsn lsn)
{
	StoredEntry *chosen = cluster->chosen[stored->group - 1];
	Lsn *chosen_lsn = &cluster->chosen_lsn[stored->group - 1];
	Lsn i;

	for (i = stored->commit_lsn + 1; i <= lsn; i++)
	{
		const StoredEntry *entry = &stored->entries[i - 1];

		if (i > stored->last_lsn)
		{
			violation(cluster, "committed entry is not in the log", stored->group, i);
			return;
		}
		if (i > *chosen_lsn)
		{
			chosen[i - 1] = *entry;
			*chosen_lsn = i;
		}
		else if (!ballot_equal(chosen[i - 1].ballot, entry->ballot) ||
				 chosen[i - 1].ballot.node != entry->ballot.node ||
				 strcmp(chosen[i - 1].payload, entry->payload) != 0)
			violation(cluster, "two values were chosen", stored->group, i);
	}
}

/* Counts the nodes that would serve consistent reads of the group. */
static void
watch_leases(Cluster *cluster, GroupId group)
{
	uint32_t serving = 0;
	NodeId id;

	for (id = 1; id <= cluster->node_count; id++)
	{
		GroupStatus status;

		if (cluster->nodes[id].core &&
			core_group_status(cluster->nodes[id].core, group, &status, node_clock(cluster, id)) &&
			status.lease_until_us > node_clock(cluster, id))
			serving++;
	}
	if (serving > 1)
		violation(cluster, "two leaders hold leases", group, 0);
}

/* ---------------------------------------------------------------- effects */

static void
packet_copy_entries(Packet *packet, const Entry *entries, uint32_t count)
{
	uint32_t i;

	packet->entries = calloc(count ? count : 1, sizeof(Entry));
	packet->stored = calloc(count ? count : 1, sizeof(StoredEntry));
	for (i = 0; i < count; i++)
	{
		packet->stored[i].ballot = entries[i].ballot;
		packet->stored[i].length = entries[i].length;
		if (entries[i].length > 0)
			memcpy(packet->stored[i].payload, entries[i].payload, entries[i].length);
		packet->entries[i] = entries[i];
		packet->entries[i].payload = packet->stored[i].payload;
	}
	packet->message.entries = packet->entries;
	packet->message.entry_count = count;
}

static Packet *
packet_create(const Message *message)
{
	Packet *packet = calloc(1, sizeof(Packet));

	packet->message = *message;
	CORE_ASSERT(message->outline.run_count <= MESSAGE_RUNS_MAX);
	if (message->outline.run_count > 0)
		memcpy(packet->runs, message->outline.runs, message->outline.run_count * sizeof(BallotRun));
	packet->message.outline.runs = packet->runs;
	return packet;
}

static void
packet_enqueue(Cluster *cluster, Packet *packet)
{
	Packet **link = &cluster->packets;

	while (*link)
		link = &(*link)->next;
	packet->next = NULL;
	*link = packet;
}

/* Fills in the entries that an outgoing message names, from what the sender has recorded. */
static void
packet_fill(Cluster *cluster, Packet *packet)
{
	const Message *message = &packet->message;
	StoredGroup *stored = disk_group(cluster->nodes[message->from].recorded, message->group);
	uint32_t count = message->entry_count;
	Entry entries[MESSAGE_ENTRIES_MAX];
	uint32_t i;

	if (count > cluster->frame_entries_max)
		count = cluster->frame_entries_max;
	for (i = 0; i < count; i++)
	{
		StoredEntry *entry = &stored->entries[message->prev_lsn + i];

		CORE_ASSERT(message->prev_lsn + i < stored->last_lsn);
		entries[i].ballot = entry->ballot;
		entries[i].length = entry->length;
		entries[i].payload = entry->payload;
	}
	packet_copy_entries(packet, entries, count);
}

static void
effect_send(Cluster *cluster, const Effect *effect)
{
	const Message *message = &effect->message;
	Packet *packet;

	if (message->kind != MESSAGE_HEARTBEAT)
		transcript_send(cluster, effect);
	if (cluster->cut[message->from][message->to] || message->to > cluster->node_count ||
		(cluster->mute && message->kind != MESSAGE_HEARTBEAT))
		return;
	packet = packet_create(message);
	packet->held = effect->after_sync;
	if (message->kind == MESSAGE_ACCEPT || message->kind == MESSAGE_ENTRIES)
		packet_fill(cluster, packet);
	else
		packet_copy_entries(packet, message->entries, message->entry_count);
	packet_enqueue(cluster, packet);
}

static void
effect_append(StoredGroup *stored, const Effect *effect)
{
	StoredEntry *entry = &stored->entries[effect->lsn - 1];

	CORE_ASSERT(effect->lsn == stored->last_lsn + 1);
	CORE_ASSERT(effect->lsn <= CLUSTER_ENTRIES_MAX);
	CORE_ASSERT(effect->entry.length < CLUSTER_PAYLOAD_MAX);
	memset(entry, 0, sizeof(*entry));
	entry->ballot = effect->entry.ballot;
	entry->length = effect->entry.length;
	if (entry->length > 0)
		memcpy(entry->payload, effect->entry.payload, entry->length);
	stored->last_lsn = effect->lsn;
}

/* The log begins anew above an entry that must have been chosen. */
static void
effect_rebase(Cluster *cluster, StoredGroup *stored, const Effect *effect)
{
	const StoredEntry *chosen = &cluster->chosen[stored->group - 1][effect->lsn - 1];

	if (effect->lsn > cluster->chosen_lsn[stored->group - 1] ||
		!ballot_equal(chosen->ballot, effect->ballot))
		violation(cluster, "rebased above what is not chosen", stored->group, effect->lsn);
	stored->base_lsn = stored->last_lsn = stored->commit_lsn = effect->lsn;
	stored->base_ballot = effect->ballot;
	stored->rows_missing = true;
}

static void
effect_memberships(Cluster *cluster, NodeId node, StoredGroup *stored)
{
	stored->membership_count = core_group_memberships(cluster->nodes[node].core, stored->group,
													  stored->memberships, MEMBERSHIPS_MAX);
	CORE_ASSERT(stored->membership_count > 0 && stored->membership_count <= MEMBERSHIPS_MAX);
}

static void
effect_open(Cluster *cluster, NodeId node, GroupId group)
{
	StoredGroup *stored = disk_group(cluster->nodes[node].recorded, group);

	if (stored->exists)
		violation(cluster, "opened twice", group, 0);
	memset(stored, 0, sizeof(*stored));
	stored->exists = true;
	stored->group = group;
	effect_memberships(cluster, node, stored);
}

static void
effect_apply(Cluster *cluster, NodeId node, const Effect *effect)
{
	Disk *disk = cluster->nodes[node].recorded;

	switch (effect->kind)
	{
		case EFFECT_APPEND:
			effect_append(disk_group(disk, effect->group), effect);
			break;
		case EFFECT_PROMISE:
			disk_group(disk, effect->group)->promised = effect->ballot;
			break;
		case EFFECT_CUT:
			disk_group(disk, effect->group)->last_lsn = effect->lsn;
			break;
		case EFFECT_GRANT_LENGTH:
			disk->grant_us = effect->grant_us;
			break;
		case EFFECT_COMMIT:
			watch_commit(cluster, disk_group(disk, effect->group), effect->lsn);
			disk_group(disk, effect->group)->commit_lsn = effect->lsn;
			break;
		case EFFECT_SEND:
			effect_send(cluster, effect);
			return;
		case EFFECT_MEMBERSHIP:
			effect_memberships(cluster, node, disk_group(disk, effect->group));
			break;
		case EFFECT_REBASE:
			effect_rebase(cluster, disk_group(disk, effect->group), effect);
			break;
		case EFFECT_OPEN:
			effect_open(cluster, node, effect->group);
			break;
		case EFFECT_REMOVED:
			disk_group(disk, effect->group)->exists = false;
			break;
		case EFFECT_LEAD:
		case EFFECT_STEP_DOWN:
		case EFFECT_REFUSE:
			break;
	}
	transcript_effect(cluster, node, effect);
}

static void
cluster_step(Cluster *cluster, NodeId node, const Event *event)
{
	SimNode *sim = &cluster->nodes[node];
	Effects effects;
	uint32_t i;
	GroupId group;

	if (!sim->core)
		return;
	effects = group_step(sim->core, event, node_clock(cluster, node));
	for (i = 0; i < effects.count; i++)
		effect_apply(cluster, node, &effects.items[i]);
	for (group = 1; group <= CLUSTER_GROUPS_MAX; group++)
	{
		GroupStatus status;

		if (!sim->recorded->groups[group - 1].exists)
			core_node_close_group(sim->core, group);
		else if (core_group_status(sim->core, group, &status, node_clock(cluster, node)))
			sim->recorded->groups[group - 1].rows_missing = status.rows_missing;
	}
	for (group = 1; group <= CLUSTER_GROUPS_MAX; group++)
	{
		if (cluster->nodes[1].recorded->groups[group - 1].exists)
			watch_leases(cluster, group);
	}
}

/* ---------------------------------------------------------------- what scripts do */

static void
stored_open(Cluster *cluster, NodeId node, const StoredGroup *stored)
{
	BallotRun *runs = calloc(stored->last_lsn + 1, sizeof(BallotRun));
	GroupRecovered recovered = {.group = stored->group,
								.membership_count = stored->membership_count,
								.memberships = stored->memberships,
								.promised = stored->promised,
								.base_lsn = stored->base_lsn,
								.base_ballot = stored->base_ballot,
								.append_lsn = stored->last_lsn,
								.commit_lsn = stored->commit_lsn,
								.runs = runs,
								.first_leader = stored->first_leader};
	Lsn lsn;

	for (lsn = stored->base_lsn + 1; lsn <= stored->last_lsn; lsn++)
	{
		Ballot ballot = stored->entries[lsn - 1].ballot;
		BallotRun *last = recovered.run_count ? &runs[recovered.run_count - 1] : NULL;

		if (last && last->ballot.round == ballot.round && last->ballot.node == ballot.node)
			continue;
		runs[recovered.run_count].ballot = ballot;
		runs[recovered.run_count].first_lsn = lsn;
		recovered.run_count++;
	}
	core_node_open_group(cluster->nodes[node].core, &recovered, node_clock(cluster, node));
	core_node_rows(cluster->nodes[node].core, stored->group, !stored->rows_missing);
	free(runs);
}

void
cluster_open_group(Cluster *cluster, GroupId group, uint32_t member_count, NodeId first_leader)
{
	NodeId id;

	for (id = 1; id <= member_count; id++)
	{
		StoredGroup *stored = disk_group(cluster->nodes[id].recorded, group);
		Membership *membership = &stored->memberships[0].membership;
		uint32_t i;

		stored->exists = true;
		stored->group = group;
		stored->first_leader = first_leader;
		stored->membership_count = 1;
		membership->generation = 1;
		membership->member_count = member_count;
		for (i = 0; i < member_count; i++)
		{
			membership->members[i].node = (NodeId) (i + 1);
			membership->members[i].kind = MEMBER_STORAGE;
			membership->members[i].since = 1;
		}
		*disk_group(cluster->nodes[id].durable, group) = *stored;
		stored_open(cluster, id, stored);
	}
}

void
cluster_advance(Cluster *cluster, TimeUs us)
{
	cluster->now_us += us;
}

void
cluster_tick(Cluster *cluster, NodeId node)
{
	Event event = {.kind = EVENT_TICK};

	cluster_step(cluster, node, &event);
}

void
cluster_sync(Cluster *cluster, NodeId node)
{
	Event event = {.kind = EVENT_SYNCED, .sync_started_us = node_clock(cluster, node)};
	Packet *packet;

	if (!cluster->nodes[node].core || cluster->hung == node)
		return;
	*cluster->nodes[node].durable = *cluster->nodes[node].recorded;
	cluster->nodes[node].last_auto_sync_us = cluster->now_us;
	for (packet = cluster->packets; packet; packet = packet->next)
	{
		if (packet->message.from == node)
			packet->held = false;
	}
	cluster_step(cluster, node, &event);
}

void
cluster_propose(Cluster *cluster, NodeId node, GroupId group, const char *payload, Ballot ballot)
{
	Event event = {.kind = EVENT_PROPOSE,
				   .group = group,
				   .ballot = ballot,
				   .entry = {.length = (uint32_t) strlen(payload), .payload = payload}};
	GroupStatus status;

	if (ballot_is_zero(ballot) && cluster->nodes[node].core &&
		core_group_status(cluster->nodes[node].core, group, &status, node_clock(cluster, node)))
		event.ballot = status.promised;
	cluster_step(cluster, node, &event);
}

void
cluster_transfer(Cluster *cluster, NodeId node, GroupId group, NodeId target)
{
	Event event = {.kind = EVENT_TRANSFER, .group = group, .target = target};

	cluster_step(cluster, node, &event);
}

void
cluster_change(Cluster *cluster, NodeId node, GroupId group, const char *members)
{
	Membership wanted = {0};
	Event event = {.kind = EVENT_CHANGE, .group = group, .change = &wanted};
	const char *at = members;

	while (at && *at >= '0' && *at <= '9' && wanted.member_count < CORE_MEMBERS_MAX)
	{
		Member *member = &wanted.members[wanted.member_count++];
		char *kind;

		member->node = (NodeId) strtoul(at, &kind, 10);
		member->kind = *kind == 'l' ? MEMBER_LOG : *kind == 'n' ? MEMBER_LEARNER : MEMBER_STORAGE;
		at = *kind && kind[1] == ',' ? kind + 2 : NULL;
	}
	cluster_step(cluster, node, &event);
}

void
cluster_rows(Cluster *cluster, NodeId node, GroupId group, bool present)
{
	if (!cluster->nodes[node].core)
		return;
	core_node_rows(cluster->nodes[node].core, group, present);
	disk_group(cluster->nodes[node].recorded, group)->rows_missing = !present;
}

void
cluster_clock_anomaly(Cluster *cluster, NodeId node)
{
	Event event = {.kind = EVENT_CLOCK_ANOMALY};

	cluster_step(cluster, node, &event);
}

/* Finds the link to a packet that can travel; NULL if there is none. */
static Packet **
packet_find(Cluster *cluster, NodeId from, NodeId to, int kind, uint32_t skip)
{
	Packet **link = &cluster->packets;

	for (; *link; link = &(*link)->next)
	{
		const Packet *packet = *link;

		if (packet->held || cluster->stopped[packet->message.from][packet->message.to] ||
			(from && packet->message.from != from) || (to && packet->message.to != to) ||
			(kind && (int) packet->message.kind != kind))
			continue;
		if (skip-- == 0)
			return link;
	}
	return NULL;
}

static Packet *
packet_take(Cluster *cluster, NodeId from, NodeId to, int kind, uint32_t skip)
{
	Packet **link = packet_find(cluster, from, to, kind, skip);
	Packet *packet = link ? *link : NULL;

	if (packet)
		*link = packet->next;
	return packet;
}

bool
cluster_deliver(Cluster *cluster, NodeId from, NodeId to, int kind, uint32_t skip)
{
	Packet *packet = packet_take(cluster, from, to, kind, skip);
	Event event = {.kind = EVENT_MESSAGE};

	if (!packet)
		return false;
	event.message = &packet->message;
	if (packet->message.kind != MESSAGE_HEARTBEAT)
		transcript_receive(cluster, &packet->message);
	cluster_step(cluster, packet->message.to, &event);
	packet_free(packet);
	return true;
}

bool
cluster_drop(Cluster *cluster, NodeId from, NodeId to, int kind)
{
	Packet *packet = packet_take(cluster, from, to, kind, 0);

	if (!packet)
		return false;
	packet_free(packet);
	return true;
}

bool
cluster_duplicate(Cluster *cluster, NodeId from, NodeId to, int kind)
{
	Packet **link = packet_find(cluster, from, to, kind, 0);
	Packet *copy;

	if (!link)
		return false;
	copy = packet_create(&(*link)->message);
	packet_copy_entries(copy, (*link)->message.entries, (*link)->message.entry_count);
	packet_enqueue(cluster, copy);
	return true;
}

void
cluster_inject(Cluster *cluster, const Message *message)
{
	Packet *packet = packet_create(message);

	packet_copy_entries(packet, message->entries, message->entry_count);
	packet_enqueue(cluster, packet);
}

/* Messages that waited for a sync die with the process; those under way arrive. */
static void
cluster_drop_held(Cluster *cluster, NodeId node)
{
	Packet **link = &cluster->packets;

	while (*link)
	{
		Packet *packet = *link;

		if (packet->held && packet->message.from == node)
		{
			*link = packet->next;
			packet_free(packet);
		}
		else
			link = &packet->next;
	}
}

void
cluster_crash(Cluster *cluster, NodeId node, bool lose_unsynced)
{
	SimNode *sim = &cluster->nodes[node];

	if (!sim->core)
		return;
	core_node_free(sim->core);
	sim->core = NULL;
	cluster_drop_held(cluster, node);
	if (lose_unsynced)
		*sim->recorded = *sim->durable;
	else
		*sim->durable = *sim->recorded;
}

void
cluster_start(Cluster *cluster, NodeId node)
{
	SimNode *sim = &cluster->nodes[node];
	CoreConfig config = {.self = node,
						 .lease_us = cluster->lease_us,
						 .heartbeat_us = cluster->heartbeat_us,
						 .clock_drift_ppm = 250000,
						 .accept_entries_max = cluster->accept_entries_max,
						 .inflight_entries_max = 4 * cluster->accept_entries_max,
						 .seed = cluster->seed};
	uint32_t i;

	if (sim->core)
		return;
	sim->recorded->start_counter++;
	*sim->durable = *sim->recorded;
	config.start_counter = sim->recorded->start_counter;
	config.wait_out_us = sim->recorded->grant_us;
	sim->core = core_node_create(&config, node_clock(cluster, node));
	for (i = 0; i < CLUSTER_GROUPS_MAX; i++)
	{
		if (sim->recorded->groups[i].exists)
			stored_open(cluster, node, &sim->recorded->groups[i]);
	}
}

void
cluster_truncate(Cluster *cluster, NodeId node, GroupId group, Lsn lsn)
{
	StoredGroup *stored = disk_group(cluster->nodes[node].recorded, group);

	stored->base_lsn = lsn;
	stored->base_ballot = stored->entries[lsn - 1].ballot;
	core_node_truncated(cluster->nodes[node].core, group, lsn, stored->base_ballot);
}

/* True if the node has something recorded, or messages that wait for a sync. */
static bool
cluster_wants_sync(const Cluster *cluster, NodeId node)
{
	const SimNode *sim = &cluster->nodes[node];
	const Packet *packet;
	uint32_t i;

	if (cluster->hung == node)
		return false;
	for (packet = cluster->packets; packet; packet = packet->next)
	{
		if (packet->held && packet->message.from == node)
			return true;
	}
	for (i = 0; sim->core && i < CLUSTER_GROUPS_MAX; i++)
	{
		const StoredGroup *recorded = &sim->recorded->groups[i];
		const StoredGroup *durable = &sim->durable->groups[i];

		if (recorded->last_lsn != durable->last_lsn || recorded->exists != durable->exists ||
			recorded->base_lsn != durable->base_lsn ||
			memcmp(&recorded->promised, &durable->promised, sizeof(Ballot)) != 0)
			return true;
	}
	return false;
}

void
cluster_settle(Cluster *cluster)
{
	uint32_t steps;
	NodeId id;

	for (steps = 0; steps < SETTLE_STEPS_MAX; steps++)
	{
		bool idle = true;

		if (cluster_deliver(cluster, 0, 0, 0, 0))
			continue;
		for (id = 1; id <= cluster->node_count; id++)
		{
			if (!cluster_wants_sync(cluster, id))
				continue;
			cluster_sync(cluster, id);
			idle = false;
		}
		if (idle)
			return;
	}
	violation(cluster, "messages never end", 0, 0);
}

void
cluster_run(Cluster *cluster, TimeUs us)
{
	TimeUs end_us = cluster->now_us + us;
	NodeId id;

	while (cluster->now_us < end_us)
	{
		cluster_advance(cluster, RUN_STEP_US);
		for (id = 1; id <= cluster->node_count; id++)
		{
			SimNode *sim = &cluster->nodes[id];

			if (!sim->core)
				continue;
			/* an idle node syncs a tick record */
			if (cluster->now_us - sim->last_auto_sync_us >= cluster->heartbeat_us)
				cluster_sync(cluster, id);
			if (core_next_tick_us(sim->core) <= node_clock(cluster, id))
				cluster_tick(cluster, id);
		}
		cluster_settle(cluster);
	}
}

NodeId
cluster_leader(const Cluster *cluster, GroupId group)
{
	NodeId id;

	for (id = 1; id <= cluster->node_count; id++)
	{
		GroupStatus status;

		if (cluster->nodes[id].core &&
			core_group_status(cluster->nodes[id].core, group, &status, node_clock(cluster, id)) &&
			status.lease_until_us > 0)
			return id;
	}
	return 0;
}
