/*
 * sim_decay.c
 *		Disks that are lost, damaged or copied, and the operator who then acts as docs/operations.md says.
 *
 * A node whose disk is gone, or whose log refuses it because it does not say any more what was promised, never comes
 * back.  A new node, under an id that was never used, takes its place by a change of members.  This
 * strikes one node at a time, when every group that has it can do without; more is not promised.
 * Damage that takes entries only is mended by the node itself from the others (docs/decisions/0009-log-rot.md), also
 * if all of them are damaged, as long as each committed entry is whole in one log of those that have it.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include "log/log_format.h"
#include "sim/sim_util.h"

#include <stdlib.h>
#include <string.h>

#define LAG_MAX 20
#define REBUILD_US 200000
#define FILE_HEAD_BYTES 512
#define FLIPS_MAX 3

/* ---- who can be spared ---- */

static uint32_t
spare_node(const SimWorld *world)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (!world->nodes[i].exists)
			return i;
	}
	return SIM_NODE_NONE;
}

/* The member works and has all that is committed. */
static bool
is_sound(const SimWorld *world, uint32_t index, uint32_t group)
{
	const SimNode *node = &world->nodes[index];
	const SimReplica *replica = &node->replicas[group];

	return node->engine && !node->paused && !node->lost && replica->open &&
		   replica->status.missing_entries == 0 &&
		   replica->status.append_lsn + LAG_MAX >= check_log_committed(world->log, group);
}

/* No node uses, in memory or on disk, a membership beyond the committed one. */
static bool
is_calm(const SimWorld *world, uint32_t group, const CheckMembership *committed)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const SimNode *node = &world->nodes[i];
		GroupStatus status;

		if (node->engine && engine_group_status(node->engine, sim_group_id(group), &status) &&
			status.generation > committed->generation)
			return false;
	}
	return !check_membership_is_joint(committed);
}

static bool
group_spares(const SimWorld *world, uint32_t group, uint32_t index)
{
	const CheckMembership *committed = check_members_committed(world->check_members, group);
	uint32_t counting = 0;
	uint32_t with_rows = 0;

	if (!is_calm(world, group, committed))
		return false;
	if (!check_membership_find(committed, index + 1))
		return !check_members_need(world->check_members, group, ~(1u << index));
	for (uint32_t i = 0; i < committed->count; i++)
	{
		const CheckMember *member = &committed->members[i];

		if (member->kind == CHECK_KIND_LEARNER || member->node == index + 1)
			continue;
		if (!is_sound(world, member->node - 1, group))
			return false;
		counting++;
		with_rows += !world->nodes[member->node - 1].replicas[group].machine.rows_missing &&
					 member->kind == CHECK_KIND_STORAGE;
	}
	return counting >= 2 && with_rows >= 1 &&
		   !check_members_need(world->check_members, group, ~(1u << index));
}

static bool
may_lose(const SimWorld *world, uint32_t index)
{
	if (world->members.lost != SIM_NODE_NONE || spare_node(world) == SIM_NODE_NONE)
		return false;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (world->nodes[i].is_rotten)
			return false;
	}
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		if (!group_spares(world, group, index))
			return false;
	}
	return true;
}

/* ---- losing a node ---- */

/* Nobody changes its members: without a quorum it would only keep the logs from being truncated. */
static void
drop_idle_group(SimWorld *world)
{
	world->idle_is_over = true;
	for (uint32_t i = 0; i < SIM_IDLE_NODES; i++)
		sim_schedule(world, 0, (SimEvent){.kind = SIM_REPLACE, .node = i});
}

void
sim_decay_end(SimNode *node)
{
	SimWorld *world = node->world;
	uint32_t spare = spare_node(world);

	sim_trace(world, "node %u is lost, node %u replaces it", node->index + 1, spare + 1);
	node->lost = true;
	node->is_rotten = false;
	node->life++;
	world->members.lost = node->index;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		sim_replica_lose(node, group);
	sim_schedule(world, REBUILD_US, (SimEvent){.kind = SIM_START, .node = spare});
	if (node->index < SIM_IDLE_NODES)
		drop_idle_group(world);
}

bool
sim_decay_lose(SimWorld *world, SimNode *node)
{
	if (!node->engine || !may_lose(world, node->index))
		return false;
	sim_node_crash(node, true, REBUILD_US);
	sim_decay_end(node);
	return true;
}

void
sim_decay_look(SimWorld *world)
{
	SimMembers *members = &world->members;

	if (members->lost == SIM_NODE_NONE)
		return;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		const CheckMembership *committed = check_members_committed(world->check_members, group);

		if (check_membership_find(committed, members->lost + 1) ||
			check_membership_is_joint(committed))
			return;
	}
	members->lost = SIM_NODE_NONE;
}

/* ---- damage ---- */

/* A segment file, chosen at random. */
typedef struct Choice
{
	const Memdisk *disk;
	char name[SIM_DISK_NAME_BYTES];
	uint64_t size;
	uint32_t count;
	SimRandom *random;
} Choice;

/* Any segment, each with the same chance. */
static int
choose_file(void *context, const char *name)
{
	Choice *choice = context;
	uint64_t size;

	if (!strstr(name, ".segment") || !memdisk_file_size(choice->disk, name, &size) ||
		size <= FILE_HEAD_BYTES)
		return 0;
	if (sim_random_below(choice->random, ++choice->count) == 0)
	{
		strncpy(choice->name, name, SIM_DISK_NAME_BYTES - 1);
		choice->size = size;
	}
	return 0;
}

static void
flip_anywhere(SimWorld *world, SimNode *node)
{
	Choice file = {.disk = node->disk.memory, .random = &world->random};

	node->disk.below.list(node->disk.below.ctx, choose_file, &file);
	if (file.count > 0)
		node->is_rotten |= memdisk_rot(
			node->disk.memory, file.name,
			(uint64_t) sim_random_between(&world->random, 0, (int64_t) file.size - 1),
			(uint8_t) (1u << sim_random_below(&world->random, 8)));
}

/*
 * The damage is found when the node starts.  It may also lie where nothing of the log is any more: then the node
 * starts as if nothing had happened.
 */
bool
sim_decay_rot(SimWorld *world, SimNode *node)
{
	uint32_t flips = 1 + sim_random_below(&world->random, FLIPS_MAX);

	if (!node->engine || !may_lose(world, node->index))
		return false;
	sim_node_crash(node, false, sim_nemesis_down_us(world));
	while (flips-- > 0)
		flip_anywhere(world, node);
	return false;
}

/* ---- damage everywhere ---- */

typedef struct Spoiling
{
	SimWorld *world;
	SimNode *node;
	char newest[SIM_DISK_NAME_BYTES]; /* the segment being written */

	/* What each node's log held of each group, as a counting member, before all ended: above base, up to durable. */
	Lsn base[SIM_NODES][SIM_GROUPS];
	Lsn durable[SIM_NODES][SIM_GROUPS];
} Spoiling;

static void
note_logs(Spoiling *spoiling)
{
	SimWorld *world = spoiling->world;

	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		const CheckMembership *committed = check_members_committed(world->check_members, group);

		for (uint32_t i = 0; i < SIM_NODES; i++)
		{
			const SimNode *node = &world->nodes[i];
			const CheckMember *member = check_membership_find(committed, i + 1);

			if (!node->engine || !node->replicas[group].open || !member ||
				member->kind == CHECK_KIND_LEARNER)
				continue;
			spoiling->base[i][group] = node->replicas[group].status.base_lsn;
			spoiling->durable[i][group] = node->replicas[group].status.durable_lsn;
		}
	}
}

/* Does another counting member have the committed entry? */
static bool
is_elsewhere(const Spoiling *spoiling, uint32_t group, Lsn lsn)
{
	bool elsewhere = false;

	for (uint32_t i = 0; i < SIM_NODES; i++)
		elsewhere |= i != spoiling->node->index && lsn > spoiling->base[i][group] &&
					 lsn <= spoiling->durable[i][group];
	return elsewhere && lsn <= check_log_committed(spoiling->world->log, group);
}

/* The whole segment file; NULL if it cannot be read. */
static uint8_t *
read_file(const Spoiling *spoiling, const char *name, uint64_t *size)
{
	const LogIo *io = &spoiling->node->disk.below;
	uint8_t *image;
	int handle;

	if (!strstr(name, ".segment") ||
		!memdisk_file_size(spoiling->node->disk.memory, name, size) || *size <= FILE_HEAD_BYTES)
		return NULL;
	image = sim_allocate(*size);
	handle = io->open(io->ctx, name, LOG_IO_READ);
	if (handle < 0 || log_io_read_all(io, handle, image, *size, 0) != 0)
	{
		free(image);
		image = NULL;
	}
	if (handle >= 0)
		io->close(io->ctx, handle);
	return image;
}

static int
find_newest(void *context, const char *name)
{
	Spoiling *spoiling = context;
	LogSegmentHeader header;
	LogRecord record;
	uint64_t size;
	uint8_t *image = read_file(spoiling, name, &size);

	if (image && log_header_decode(image, &header) == 0 &&
		log_record_decode(image, (uint32_t) size, LOG_RECORDS_OFFSET, header.crc, &record) == 0 &&
		strcmp(name, spoiling->newest) > 0)
		strncpy(spoiling->newest, name, SIM_DISK_NAME_BYTES - 1);
	free(image);
	return 0;
}

/*
 * Is it a committed entry that no other node spoils, and another one has?  One that is not committed may be nowhere else:
 * a group whose members all lack the ends of their logs has no leader.
 */
static bool
may_be_spoiled(const Spoiling *spoiling, const LogRecord *record)
{
	if (record->kind != LOG_ENTRY || record->lsn % SIM_NODES != spoiling->node->index)
		return false;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		if (record->group == sim_group_id(group))
			return is_elsewhere(spoiling, group, record->lsn);
	return false;
}

static void
spoil_records(Spoiling *spoiling, const char *name, const uint8_t *image, uint32_t size)
{
	LogSegmentHeader header;
	LogRecord record;

	if (log_header_decode(image, &header) != 0)
		return;
	for (uint32_t offset = LOG_RECORDS_OFFSET;
		 log_record_decode(image, size, offset, header.crc, &record) == 0;
		 offset += log_record_bytes(record.payload_length))
		if (may_be_spoiled(spoiling, &record) && sim_random_chance(&spoiling->world->random, 100000))
			spoiling->node->is_rotten |= memdisk_rot(spoiling->node->disk.memory, name, offset + 20,
													 0x20);
}

static int
spoil_file(void *context, const char *name)
{
	Spoiling *spoiling = context;
	uint64_t size;
	uint8_t *image = strcmp(name, spoiling->newest) < 0 ? read_file(spoiling, name, &size) : NULL;

	if (image)
		spoil_records(spoiling, name, image, (uint32_t) size);
	free(image);
	return 0;
}

/* Every node that is not lost runs and has all entries of its logs. */
static bool
all_are_whole(const SimWorld *world)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const SimNode *node = &world->nodes[i];

		if (node->exists && !node->lost &&
			(!node->engine || engine_missing_entries(node->engine) > 0 || node->is_rotten))
			return false;
	}
	return true;
}

bool
sim_decay_rot_everywhere(SimWorld *world, SimNode *struck)
{
	Spoiling spoiling = {.world = world};
	bool spoiled = false;

	(void) struck;
	if (!all_are_whole(world))
		return false;
	note_logs(&spoiling);
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const LogIo *io;

		spoiling.node = &world->nodes[i];
		if (!spoiling.node->engine)
			continue;
		io = &spoiling.node->disk.below;
		spoiling.newest[0] = 0;
		sim_node_crash(spoiling.node, false, sim_nemesis_down_us(world));
		io->list(io->ctx, find_newest, &spoiling);
		io->list(io->ctx, spoil_file, &spoiling);
		spoiled |= spoiling.node->is_rotten;
	}
	return spoiled;
}

/* ---- copies ---- */

/* A copy of the disk of a node that is down; its log must know that it is one. */
bool
sim_decay_copy(SimWorld *world, SimNode *node)
{
	EngineConfig config;
	EngineStatus status;
	Memdisk *copy;
	Engine *engine;

	if (!node->engine)
		return false;
	sim_node_crash(node, false, sim_nemesis_down_us(world));
	config = sim_node_config(node);
	copy = memdisk_copy(node->disk.memory);
	status = engine_open(&engine, memdisk_io(copy), &config, &node->callbacks);
	if (status == ENGINE_OK)
		engine_close(engine);
	memdisk_free(copy);
	if (status != ENGINE_FOREIGN)
		check_fail(&world->report, "identity", "node %u starts on a copy of its disk (status %d)",
				   node->index + 1, (int) status);
	return true;
}
