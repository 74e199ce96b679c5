/*
 * apply_feed.c
 *		How committed entries get from the replicator to the applier; see apply_feed.h.
 *
 * The ring has one writer, the replicator, and one reader, the applier.  Each item carries the generation
 * of the feed: an applier that starts anew takes the next generation and skips what was fed to its
 * predecessor.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "settings.h"
#include "shmem/apply_feed.h"
#include "shmem/ring.h"
#include "shmem/shared_state.h"
#include "shmem/shmem_parts.h"

#define GATHERED_BYTES (512 * 1024)

typedef struct ApplyFeed
{
	pg_atomic_uint64 generation; /* of the present applier */
	pg_atomic_uint32 idle;       /* the applier sleeps for want of work */
	pg_atomic_uint32 hurry;      /* somebody waits for rows; taken back by the applier */
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
	pg_atomic_init_u32(&feed->idle, 0);
	pg_atomic_init_u32(&feed->hurry, 0);
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

/* So much that waiting for more would not make the batch cheaper. */
static bool
has_gathered(void)
{
	return ring_used(&feed->ring) >= GATHERED_BYTES;
}

static int
sleep_on_latch(long timeout_ms)
{
	int events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout_ms,
						   PG_WAIT_EXTENSION);

	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return events;
}

int
apply_feed_wait(long timeout_ms)
{
	int events = WL_LATCH_SET;

	pg_atomic_write_u32(&feed->idle, 1);
	pg_memory_barrier(); /* what was written before the replicator could see this is seen now */
	if (ring_used(&feed->ring) == 0)
		events = sleep_on_latch(timeout_ms);
	pg_atomic_write_u32(&feed->idle, 0);
	return events;
}

void
apply_feed_gather(long timeout_ms)
{
	TimeUs until_us = shared_now_us() + timeout_ms * INT64CONST(1000);

	while (!has_gathered() && pg_atomic_exchange_u32(&feed->hurry, 0) == 0)
	{
		TimeUs left_us = until_us - shared_now_us();

		if (left_us <= 0)
			return;
		sleep_on_latch((long) ((left_us + 999) / 1000));
	}
}

void
apply_feed_hurry(void)
{
	pg_atomic_write_u32(&feed->hurry, 1);
	pg_memory_barrier();
	shared_wake_applier();
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

void
apply_feed_announce(void)
{
	pg_memory_barrier();
	if (pg_atomic_read_u32(&feed->idle) != 0 || has_gathered())
		shared_wake_applier();
}

Size
apply_feed_room(void)
{
	Size used = ring_used(&feed->ring);
	Size half = feed->ring.size / 2;

	return used < half ? half - used : 0;
}
