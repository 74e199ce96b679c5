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

/* Forgets the node's records: they are durable, or lost. */
static void
records_free(SimNode *sim)
{
	while (sim->records)
	{
		Record *record = sim->records;

		sim->records = record->next;
		free(record->memberships);
		free(record);
	}
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
		records_free(&cluster->nodes[id]);
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
stored_append(StoredGroup *stored, const Record *record)
{
	CORE_ASSERT(record->lsn == stored->last_lsn + 1);
	CORE_ASSERT(record->lsn <= CLUSTER_ENTRIES_MAX);
	stored->entries[record->lsn - 1] = record->entry;
	stored->last_lsn = record->lsn;
}

static void
stored_rebase(StoredGroup *stored, const Record *record)
{
	stored->base_lsn = stored->last_lsn = stored->commit_lsn = record->lsn;
	stored->base_ballot = record->ballot;
	stored->rows_missing = true;
}

static void
stored_memberships(StoredGroup *stored, const Record *record)
{
	stored->membership_count = record->membership_count;
	memcpy(stored->memberships, record->memberships,
		   record->membership_count * sizeof(MembershipAt));
}

static void
stored_new(StoredGroup *stored, const Record *record)
{
	memset(stored, 0, offsetof(StoredGroup, entries));
	stored->exists = true;
	stored->group = record->group;
	stored_memberships(stored, record);
}

/* What a record does to a disk. */
static void
disk_record(Disk *disk, const Record *record)
{
	StoredGroup *stored = record->group ? disk_group(disk, record->group) : NULL;

	switch (record->kind)
	{
		case EFFECT_APPEND:
			stored_append(stored, record);
			break;
		case EFFECT_PROMISE:
			stored->promised = record->ballot;
			break;
		case EFFECT_CUT:
			stored->last_lsn = record->lsn;
			break;
		case EFFECT_GRANT_LENGTH:
			disk->grant_us = record->grant_us;
			break;
		case EFFECT_MEMBERSHIP:
			stored_memberships(stored, record);
			break;
		case EFFECT_REBASE:
			stored_rebase(stored, record);
			break;
		case EFFECT_OPEN:
			stored_new(stored, record);
			break;
		case EFFECT_REMOVED:
			stored->exists = false;
			break;
		default:
			CORE_ASSERT(record->kind == EFFECT_SEND); /* none of these is recorded */
			break;
	}
}

/* The record that an effect asks for. */
static Record *
record_create(const Cluster *cluster, NodeId node, const Effect *effect)
{
	Record *record = calloc(1, sizeof(Record));

	CORE_ASSERT(record && effect->entry.length < CLUSTER_PAYLOAD_MAX);
	record->kind = effect->kind;
	record->group = effect->group;
	record->lsn = effect->lsn;
	record->ballot = effect->ballot;
	record->grant_us = effect->grant_us;
	record->entry.ballot = effect->entry.ballot;
	record->entry.length = effect->entry.length;
	if (effect->entry.length > 0)
		memcpy(record->entry.payload, effect->entry.payload, effect->entry.length);
	if (effect->kind == EFFECT_MEMBERSHIP || effect->kind == EFFECT_OPEN)
	{
		record->memberships = calloc(MEMBERSHIPS_MAX, sizeof(MembershipAt));
		record->membership_count = core_group_memberships(cluster->nodes[node].core, effect->group,
														  record->memberships, MEMBERSHIPS_MAX);
		CORE_ASSERT(record->membership_count > 0 && record->membership_count <= MEMBERSHIPS_MAX);
	}
	return record;
}

/* A log may begin anew only above an entry that was chosen. */
static void
watch_rebase(Cluster *cluster, const Record *record)
{
	const StoredEntry *chosen = &cluster->chosen[record->group - 1][record->lsn - 1];

	if (record->lsn > cluster->chosen_lsn[record->group - 1] ||
		!ballot_equal(chosen->ballot, record->ballot))
		violation(cluster, "rebased above what is not chosen", record->group, record->lsn);
}

/* A member has one life: a second replica of it would have forgotten what the first one promised. */
static void
watch_open(Cluster *cluster, NodeId node, const Record *record)
{
	uint64_t since = membership_since(&record->memberships[0].membership, node);

	if (disk_group(cluster->nodes[node].recorded, record->group)->exists)
		violation(cluster, "opened twice", record->group, 0);
	if (since <= cluster->lived_since[record->group - 1][node])
		violation(cluster, "a member began a second life", record->group, 0);
}

static void
effect_record(Cluster *cluster, NodeId node, const Effect *effect)
{
	Record *record = record_create(cluster, node, effect);
	Record **link = &cluster->nodes[node].records;

	if (record->kind == EFFECT_REBASE)
		watch_rebase(cluster, record);
	if (record->kind == EFFECT_OPEN)
		watch_open(cluster, node, record);
	disk_record(cluster->nodes[node].recorded, record);
	while (*link)
		link = &(*link)->next;
	*link = record;
}

static void
effect_apply(Cluster *cluster, NodeId node, const Effect *effect)
{
	StoredGroup *stored;

	switch (effect->kind)
	{
		case EFFECT_COMMIT:
			stored = disk_group(cluster->nodes[node].recorded, effect->group);
			watch_commit(cluster, stored, effect->lsn);
			stored->commit_lsn = effect->lsn;
			break;
		case EFFECT_SEND:
			effect_send(cluster, effect);
			return;
		case EFFECT_LEAD:
		case EFFECT_STEP_DOWN:
		case EFFECT_REFUSE:
			break;
		default:
			effect_record(cluster, node, effect);
			break;
	}
	transcript_effect(cluster, node, effect);
}

/* Everything recorded is durable. */
static void
disk_sync(Cluster *cluster, NodeId node)
{
	SimNode *sim = &cluster->nodes[node];
	const Record *record;
	uint32_t i;

	for (record = sim->records; record; record = record->next)
		disk_record(sim->durable, record);
	records_free(sim);
	for (i = 0; i < CLUSTER_GROUPS_MAX; i++)
	{
		const StoredGroup *stored = &sim->recorded->groups[i];
		const MembershipAt *newest = &stored->memberships[0];

		/* what goes without a record: the rows, and what is known of them */
		memcpy(&sim->durable->groups[i], stored, offsetof(StoredGroup, entries));
		if (stored->exists && membership_since(&newest->membership, node) != 0)
			cluster->lived_since[i][node] = membership_since(&newest->membership, node);
	}
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
		if (cluster->chosen_lsn[group - 1] > 0)
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
	disk_sync(cluster, node);
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
cluster_damage(Cluster *cluster, NodeId node, GroupId group, Lsn lsn)
{
	if (cluster->nodes[node].core)
		core_node_missing(cluster->nodes[node].core, group, lsn);
}

void
cluster_forget(Cluster *cluster, NodeId node, GroupId group, Lsn lsn)
{
	SimNode *sim = &cluster->nodes[node];
	Record cut = {.kind = EFFECT_CUT, .group = group, .lsn = lsn};

	if (sim->core)
		return;
	disk_record(sim->durable, &cut);
	*sim->recorded = *sim->durable;
}

void
cluster_clock_anomaly(Cluster *cluster, NodeId node)
{
	Event event = {.kind = EVENT_CLOCK_ANOMALY};

	cluster_step(cluster, node, &event);
}

void
cluster_inquire(Cluster *cluster, NodeId node, GroupId group, NodeId target)
{
	Event event = {.kind = EVENT_INQUIRE, .group = group, .target = target};

	cluster_step(cluster, node, &event);
}

void
cluster_recover(Cluster *cluster, NodeId node, GroupId group, uint64_t lost_nodes)
{
	Event event = {.kind = EVENT_RECOVER, .group = group, .lost_nodes = lost_nodes};

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

		if (packet->held || packet->frozen ||
			cluster->stopped[packet->message.from][packet->message.to] ||
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
cluster_freeze(Cluster *cluster, NodeId from, NodeId to, int kind)
{
	Packet **link = packet_find(cluster, from, to, kind, 0);

	if (link)
		(*link)->frozen = true;
	return link != NULL;
}

void
cluster_thaw(Cluster *cluster)
{
	Packet *packet;

	for (packet = cluster->packets; packet; packet = packet->next)
		packet->frozen = false;
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
cluster_crash(Cluster *cluster, NodeId node, uint32_t keep)
{
	SimNode *sim = &cluster->nodes[node];
	const Record *record;
	uint32_t i;

	if (!sim->core)
		return;
	core_node_free(sim->core);
	sim->core = NULL;
	cluster_drop_held(cluster, node);
	if (keep == UINT32_MAX)
		disk_sync(cluster, node);
	for (record = sim->records; record && keep > 0; record = record->next, keep--)
		disk_record(sim->durable, record);
	for (i = 0; i < CLUSTER_GROUPS_MAX; i++)
	{
		/* their owner, who took rows for missing, does so again */
		if (sim->recorded->groups[i].rows_missing)
			sim->durable->groups[i].rows_missing = true;
	}
	records_free(sim);
	*sim->recorded = *sim->durable;
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

	if (cluster->hung == node)
		return false;
	for (packet = cluster->packets; packet; packet = packet->next)
	{
		if (packet->held && packet->message.from == node)
			return true;
	}
	return sim->core && sim->records;
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
