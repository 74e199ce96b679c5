/*
 * replicator_feed.c
 *		Feeding the applier: committed entries of each group, in order of LSN, from the log into the ring.
 *
 * Part of the replicator.  A replica is fed from where the applier asked it to be, and goes on as the commit LSN
 * moves and the ring has room.
 */
#include "postgres.h"

#include "lib/ilist.h"

#include "shmem/apply_feed.h"
#include "worker/replicator.h"

static bool hurry; /* something was committed that must be applied at once */
static dlist_head feed_list = DLIST_STATIC_INIT(feed_list);

/* ---- which replicas ---- */

void
feed_want(Replica *replica)
{
	if (replica->in_feed_list || pg_atomic_read_u64(&replica->shared->feed_generation) == 0)
		return;
	replica->in_feed_list = true;
	dlist_push_tail(&feed_list, &replica->feed_node);
}

void
feed_stop(Replica *replica)
{
	pg_atomic_write_u64(&replica->shared->feed_generation, 0);
}

void
feed_forget(Replica *replica)
{
	if (replica->in_feed_list)
		dlist_delete(&replica->feed_node);
	replica->in_feed_list = false;
}

void
feed_hurry(void)
{
	hurry = true;
}

/* ---- feeding ---- */

void
groups_feed_start(const NodeCommand *command)
{
	Replica *replica = groups_find(command->group);

	if (replica == NULL)
		return;
	if (command->lsn < pg_atomic_read_u64(&replica->shared->base_lsn))
	{
		/* The log was rebased meanwhile: the applier has to look again. */
		shared_groups_changed();
		return;
	}
	pg_atomic_write_u64(&replica->shared->fed_lsn, command->lsn);
	pg_atomic_write_u64(&replica->shared->feed_generation, command->feed_generation);
	replica->feed_broken = false;
	feed_want(replica);
}

/* One reading of entries for the feed. */
typedef struct FeedPass
{
	Replica *replica;
	bool full;
} FeedPass;

static void
feed_entry(void *context, Lsn lsn, const Entry *entry)
{
	FeedPass *pass = context;
	ApplyItem item;

	item.group = pass->replica->group;
	item.lsn = lsn;
	item.length = entry->length;
	item.payload = entry->payload;
	item.feed_generation = pg_atomic_read_u64(&pass->replica->shared->feed_generation);
	if (!pass->full && apply_feed_write(&item))
		pg_atomic_write_u64(&pass->replica->shared->fed_lsn, lsn);
	else
		pass->full = true;
}

/* Feeds what is committed of one replica; false if the ring is full. */
static bool
feed_replica(Replica *replica)
{
	GroupShared *shared = replica->shared;
	Lsn commit_lsn = pg_atomic_read_u64(&shared->commit_lsn);
	FeedPass pass = {replica, false};

	while (pg_atomic_read_u64(&shared->feed_generation) != 0 &&
		   pg_atomic_read_u64(&shared->fed_lsn) < commit_lsn)
	{
		Lsn from_lsn = pg_atomic_read_u64(&shared->fed_lsn) + 1;
		Size room = apply_feed_room();

		if (room == 0)
			return false;
		if (engine_read_entries(replicator_engine, replica->group, from_lsn, commit_lsn, room,
								feed_entry, &pass) == 0)
		{
			/* It is damaged: the engine gets it from another node, or has the rows copied. */
			if (!replica->feed_broken)
				ereport(LOG, (errmsg("entry " UINT64_FORMAT " of replication group " UINT64_FORMAT
									 " cannot be read from the log",
									 from_lsn, replica->group)));
			replica->feed_broken = true;
			return true;
		}
		replica->feed_broken = false;
		if (pass.full)
			return false;
	}
	return true;
}

/* Feeds the applier as far as there is room. */
void
feed_applier_now(void)
{
	bool fed = false;

	while (!dlist_is_empty(&feed_list))
	{
		Replica *replica = dlist_head_element(Replica, feed_node, &feed_list);

		fed = true;
		if (!feed_replica(replica))
			break;
		dlist_pop_head_node(&feed_list);
		replica->in_feed_list = false;
	}
	if (hurry)
		apply_feed_hurry();
	else if (fed)
		apply_feed_announce();
	hurry = false;
}
