/*
 * copy_source.c
 *		Fetching a page of rows from another node; see copy_source.h.
 *
 * Runs in the copier.  Requests go through the forwarder to the stream for range reads, so a copy delays scans but
 * no short request and no heartbeat.  A source that fails is not asked again before all others.
 *
 * Nothing that arrives is believed: the frame has its CRC, each row its own (the one that it has in the source's
 * table, so damage there is not carried on), and an item has to be one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "item/item.h"
#include "shmem/forward.h"
#include "storage/item_table.h"
#include "worker/copy_source.h"
#include "worker/table_worker.h"

#define PAGE_TIMEOUT_MS 5000 /* for the source to have applied what is asked for, and to read */
#define ANSWER_GRACE_MS 5000 /* for the answer to arrive after that */
#define HEARD_LATELY_US (3 * 1000 * 1000)
#define WAIT_MS 100
#define COMPLAINT_INTERVAL_MS (60 * 1000)

/* Sources of one group, the best first. */
typedef struct SourceList
{
	int count;
	NodeId nodes[CORE_MEMBERS_MAX];
} SourceList;

static GroupId last_group; /* whose page was fetched last, and from where; 0 if that has failed */
static NodeId last_source;

/* ---- whom to ask ---- */

static bool
is_heard(NodeId node)
{
	TimeUs heard_us = (TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[node]);

	return heard_us != 0 && shared_now_us() - heard_us < HEARD_LATELY_US;
}

/* The lower the better. */
static int
source_rank(NodeId node, GroupId group, NodeId leader)
{
	if (group == last_group && node == last_source)
		return 0;
	if (!is_heard(node))
		return 3;
	return node == leader ? 2 : 1;
}

/* Storage replicas on other nodes, and learners, which have rows too. */
static void
list_sources(GroupShared *group, SourceList *list)
{
	GroupId id = pg_atomic_read_u64(&group->group);
	NodeId leader = (NodeId) pg_atomic_read_u64(&group->leader);
	GroupStatus *status = palloc(sizeof(GroupStatus));

	SpinLockAcquire(&group->mutex);
	*status = group->status;
	SpinLockRelease(&group->mutex);

	list->count = 0;
	for (int rank = 0; rank <= 3; rank++)
	{
		for (uint32_t i = 0; i < Min(status->member_count, CORE_MEMBERS_MAX); i++)
		{
			NodeId node = status->members[i].node;

			if (node != quorate_shared->self && status->members[i].kind != MEMBER_LOG &&
				source_rank(node, id, leader) == rank)
				list->nodes[list->count++] = node;
		}
	}
	pfree(status);
}

/* Says once in a while why a source is of no use. */
static void
complain(const Request *request, NodeId source, const char *problem)
{
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (last != 0 && !TimestampDifferenceExceeds(last, now, COMPLAINT_INTERVAL_MS))
		return;
	last = now;
	ereport(LOG, (errmsg("could not copy rows of replication group %llu from node %u: %s",
						 (unsigned long long) request->group, (unsigned) source, problem)));
}

/* ---- one question ---- */

/* The reply's bytes once they have come; NULL if they will not. */
static uint8_t *
await_answer(uint64_t id, uint64_t life, Size *length)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   PAGE_TIMEOUT_MS + ANSWER_GRACE_MS);

	for (;;)
	{
		ForwardAnswer answer;

		ResetLatch(MyLatch);
		while (forward_receive(&answer))
		{
			if (answer.id != id)
				continue;
			*length = answer.length;
			return answer.status == FORWARD_REPLY
					   ? memcpy(palloc(answer.length), answer.bytes, answer.length)
					   : NULL;
		}
		if (life != forward_life() || GetCurrentTimestamp() >= deadline)
			return NULL;
		table_worker_check_signals();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_MS,
						 PG_WAIT_EXTENSION);
	}
}

static void *
page_alloc(size_t size)
{
	return palloc(size);
}

static const Reply *
ask(NodeId source, Request *request)
{
	uint64_t life;
	uint64_t id;
	uint8_t *bytes;
	Size length;

	request->timeout_ms = PAGE_TIMEOUT_MS;
	id = forward_send(source, request, &life);
	if (id == 0)
		return NULL;
	bytes = await_answer(id, life, &length);
	return bytes == NULL ? NULL : reply_unpack(bytes, length, page_alloc);
}

/* ---- is it any good? ---- */

static bool
item_is_good(const Request *request, const ReplyItem *item, Lsn page_lsn)
{
	ItemError error;
	ItemRow row = {.position = item->position,
				   .position_length = item->position_length,
				   .lsn = item->lsn,
				   .item = item->item,
				   .item_length = item->item_length};

	return item->position_length > 0 && item->position_length <= KEY_POSITION_MAX &&
		   item->lsn <= page_lsn &&
		   item_compare_bytes(request->position, request->position_length, item->position,
							  item->position_length) <= 0 &&
		   (request->upper_length == 0 ||
			item_compare_bytes(item->position, item->position_length, request->upper,
							   request->upper_length) < 0) &&
		   item_row_checksum(&row) == item->crc &&
		   item_validate(item->item, item->item_length, &error);
}

static bool
page_is_good(const Request *request, const Reply *page)
{
	if (page->lsn < request->lsn || (page->item_count == 0 ? page->more : !page->has_rows))
		return false;
	for (uint32_t i = 0; i < page->item_count; i++)
	{
		const ReplyItem *item = &page->items[i];

		CHECK_FOR_INTERRUPTS();
		if (!item_is_good(request, item, page->lsn) ||
			(i > 0 && item_compare_bytes(item[-1].position, item[-1].position_length,
										 item->position, item->position_length) >= 0))
			return false;
	}
	return true;
}

/* ---- a page ---- */

/* A page from one source, or NULL. */
static const Reply *
fetch_from(NodeId source, Request *request)
{
	const Reply *page = ask(source, request);

	if (page == NULL)
		complain(request, source, "it does not answer");
	else if (page->status == REPLY_ERROR)
		complain(request, source, page->message != NULL ? page->message : "it failed");
	else if (page->status != REPLY_OK)
		complain(request, source, "its own rows are not ready");
	else if (!page_is_good(request, page))
		complain(request, source, "what it sent is damaged");
	else
		return page;
	return NULL;
}

const Reply *
copy_source_fetch(GroupShared *group, Request *request, NodeId *source)
{
	SourceList list;

	list_sources(group, &list);
	for (int i = 0; i < list.count; i++)
	{
		const Reply *page = fetch_from(list.nodes[i], request);

		if (page != NULL)
		{
			*source = last_source = list.nodes[i];
			last_group = request->group;
			return page;
		}
		last_group = 0;
	}
	*source = 0;
	return NULL;
}
