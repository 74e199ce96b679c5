/*
 * apply_feed.c
 *		How committed entries get from the replicator to the applier; see apply_feed.h.
 *
 * The ring has one writer, the replicator, and one reader, the applier.  Each item carries the generation
 * of the feed: an applier that starts anew takes the next generation and skips what was fed to its
 * predecessor.
 */
#include "postgres.h"

#include "settings.h"
#include "shmem/apply_feed.h"
#include "shmem/ring.h"
#include "shmem/shared_state.h"
#include "shmem/shmem_parts.h"

typedef struct ApplyFeed
{
	pg_atomic_uint64 generation; /* of the present applier */
	Ring ring;
} ApplyFeed;

/* What stands in the ring in front of the payload. */
typedef struct ItemHeader
{
	GroupId group;
	Lsn lsn;
	uint64_t generation;
} ItemHeader;

static ApplyFeed *feed;

Size
apply_feed_shmem_size(void)
{
	return add_size(MAXALIGN(sizeof(ApplyFeed)),
					ring_shmem_size(shmem_ring_bytes(quorate_apply_buffer_kb)));
}

void
apply_feed_shmem_init(void *memory, bool found)
{
	feed = memory;
	if (found)
		return;
	pg_atomic_init_u64(&feed->generation, 0);
	ring_init(&feed->ring, shmem_ring_bytes(quorate_apply_buffer_kb), NULL,
			  (char *) memory + MAXALIGN(sizeof(ApplyFeed)));
}

/* ---- applier ---- */

void
apply_feed_restart(void)
{
	NodeCommand command = {0};

	command.kind = COMMAND_FEED_RESTART;
	command.feed_generation = pg_atomic_add_fetch_u64(&feed->generation, 1);
	command_submit(&command, NULL, 0);
}

void
apply_feed_start(GroupId group, Lsn applied_lsn)
{
	NodeCommand command = {0};

	command.kind = COMMAND_FEED_START;
	command.group = group;
	command.lsn = applied_lsn;
	command.feed_generation = pg_atomic_read_u64(&feed->generation);
	command_submit(&command, NULL, 0);
}

bool
apply_feed_is_started(GroupShared *group)
{
	return pg_atomic_read_u64(&group->feed_generation) == pg_atomic_read_u64(&feed->generation);
}

bool
apply_feed_peek(ApplyItem *item)
{
	uint64_t generation = pg_atomic_read_u64(&feed->generation);
	const char *message;
	Size length;

	while ((message = ring_peek(&feed->ring, &length)) != NULL)
	{
		const ItemHeader *header = (const ItemHeader *) message;

		if (header->generation == generation)
		{
			item->group = header->group;
			item->lsn = header->lsn;
			item->feed_generation = header->generation;
			item->length = length - sizeof(ItemHeader);
			item->payload = (const uint8_t *) (header + 1);
			return true;
		}
		apply_feed_consume();
	}
	return false;
}

void
apply_feed_consume(void)
{
	uint64_t used_before = ring_used(&feed->ring);

	ring_consume(&feed->ring);

	/* The replicator stopped feeding when the ring was full: it goes on once there is room again. */
	if (used_before >= feed->ring.size / 4 && ring_used(&feed->ring) < feed->ring.size / 4)
		shared_wake_replicator();
}

/* ---- replicator ---- */

bool
apply_feed_write(const ApplyItem *item)
{
	ItemHeader header;

	header.group = item->group;
	header.lsn = item->lsn;
	header.generation = item->feed_generation;
	return ring_write(&feed->ring, &header, sizeof(header), item->payload, item->length);
}

Size
apply_feed_room(void)
{
	Size used = ring_used(&feed->ring);
	Size half = feed->ring.size / 2;

	return used < half ? half - used : 0;
}
