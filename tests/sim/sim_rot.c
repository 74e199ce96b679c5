/*
 * sim_rot.c
 *		Damage in logs: bits that flip in the files of one node anywhere, and blocks that it cannot read; or bits that
 *		flip in the logs of all nodes, in different entries.
 *
 * A node mends what takes entries only from the others (docs/decisions/0009-log-rot.md), as long as each
 * committed entry is whole in one log of those that have it.  Damage at the very end of a log that looks like a
 * torn write is not played: no node can tell.  A block that cannot be read may lie there, too.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "log/log_format.h"
#include "sim/sim_util.h"

#define FILE_HEAD_BYTES 512
#define DAMAGES_MAX 3

/* That a damage is a block that cannot be read. */
#define BAD_BLOCK_CHANCE 400000

/* ---- segments ---- */

/* The whole segment file; NULL if it cannot be read. */
static uint8_t *
read_file(const SimNode *node, const char *name, uint64_t *size)
{
	const LogIo *io = &node->disk.below;
	uint8_t *image;
	int handle;

	if (!strstr(name, ".segment") || !memdisk_file_size(node->disk.memory, name, size) ||
		*size <= FILE_HEAD_BYTES)
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

/*
 * Where damage in the newest segment can be told from a torn write: up to where its last record says that it was synced
 * when that was made.
 */
static uint64_t
provable_bytes(const uint8_t *image, uint64_t size)
{
	LogSegmentHeader header;
	LogRecord record = {.synced_offset = LOG_RECORDS_OFFSET};
	uint32_t offset = LOG_RECORDS_OFFSET;

	log_header_decode(image, &header);
	while (log_record_decode(image, (uint32_t) size, offset, header.crc, &record) == 0)
		offset += log_record_bytes(record.payload_length);
	return record.synced_offset;
}

/* The newest segment of a node that holds records. */
typedef struct SegmentSearch
{
	const SimNode *node;
	char newest[SIM_DISK_NAME_BYTES];
	uint64_t provable_bytes;
} SegmentSearch;

static int
look_at_segment(void *context, const char *name)
{
	SegmentSearch *search = context;
	LogSegmentHeader header;
	LogRecord record;
	uint64_t size;
	uint8_t *image = read_file(search->node, name, &size);

	if (image && log_header_decode(image, &header) == 0 &&
		log_record_decode(image, (uint32_t) size, LOG_RECORDS_OFFSET, header.crc, &record) == 0 &&
		strcmp(name, search->newest) > 0)
	{
		strncpy(search->newest, name, SIM_DISK_NAME_BYTES - 1);
		search->provable_bytes = provable_bytes(image, size);
	}
	free(image);
	return 0;
}

static SegmentSearch
find_newest(const SimNode *node)
{
	SegmentSearch search = {.node = node};

	node->disk.below.list(node->disk.below.ctx, look_at_segment, &search);
	return search;
}

/* ---- damage anywhere ---- */

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
damage_anywhere(SimWorld *world, SimNode *node, const SegmentSearch *search)
{
	Choice file = {.disk = node->disk.memory, .random = &world->random};
	uint64_t offset;

	node->disk.below.list(node->disk.below.ctx, choose_file, &file);
	if (file.count == 0)
		return;
	if (sim_random_chance(&world->random, BAD_BLOCK_CHANCE))
	{
		offset = (uint64_t) sim_random_between(&world->random, 0, (int64_t) file.size - 1);
		sim_trace(world, "node %u: byte %lu of %s cannot be read", node->index + 1,
				  (unsigned long) offset, file.name);
		node->is_rotten |= memdisk_spoil(node->disk.memory, file.name, offset);
		return;
	}
	if (strcmp(file.name, search->newest) == 0)
		file.size = search->provable_bytes;
	offset = (uint64_t) sim_random_between(&world->random, 0, (int64_t) file.size - 1);
	sim_trace(world, "node %u: byte %lu of %s is damaged", node->index + 1, (unsigned long) offset,
			  file.name);
	node->is_rotten |= memdisk_rot(node->disk.memory, file.name, offset,
								   (uint8_t) (1u << sim_random_below(&world->random, 8)));
}

/*
 * The damage is found when the node starts.  What could not be read since an earlier one is readable again.  It may
 * also lie where nothing of the log is any more: then the node starts as if nothing had happened.
 */
bool
sim_rot_one(SimWorld *world, SimNode *node)
{
	uint32_t damages = 1 + sim_random_below(&world->random, DAMAGES_MAX);
	SegmentSearch search;

	if (!node->engine || !sim_decay_may_lose(world, node->index))
		return false;
	sim_node_crash(node, false, sim_nemesis_down_us(world));
	memdisk_unspoil(node->disk.memory);
	search = find_newest(node);
	while (damages-- > 0)
		damage_anywhere(world, node, &search);
	return false;
}

/* ---- damage everywhere ---- */

typedef struct Spoiling
{
	SimWorld *world;
	SimNode *node;
	SegmentSearch search;

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

/*
 * Is it a committed entry that no other node spoils, and another one has?  One that is not committed may be
 * nowhere else: a group whose members all lack the ends of their logs has no leader.
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
		if (may_be_spoiled(spoiling, &record) &&
			sim_random_chance(&spoiling->world->random, 100000))
			spoiling->node->is_rotten |= memdisk_rot(spoiling->node->disk.memory, name, offset + 20,
													 0x20);
}

static int
spoil_file(void *context, const char *name)
{
	Spoiling *spoiling = context;
	uint64_t size;
	uint8_t *image = strcmp(name, spoiling->search.newest) < 0
						 ? read_file(spoiling->node, name, &size)
						 : NULL;

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
sim_rot_everywhere(SimWorld *world, SimNode *struck)
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
		sim_node_crash(spoiling.node, false, sim_nemesis_down_us(world));
		memdisk_unspoil(spoiling.node->disk.memory);
		spoiling.search = find_newest(spoiling.node);
		io->list(io->ctx, spoil_file, &spoiling);
		spoiled |= spoiling.node->is_rotten;
	}
	return spoiled;
}
