/*
 * forward.c
 *		Shared memory between routers and the forwarder process; see forward.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "shmem/forward.h"
#include "shmem/shared_state.h"
#include "shmem/shmem_parts.h"

ForwardShared *forward_shared;

/* Router side: the reply that is being put together. */
static StringInfoData partial_reply;
static uint64_t partial_reply_id;

/* Backend slots: one for each entry of ProcGlobal->allProcs that can run clients. */
static uint32_t
forward_slot_count(void)
{
	return (uint32_t) (MaxBackends + NUM_AUXILIARY_PROCS);
}

Size
forward_shmem_size(void)
{
	Size size = MAXALIGN(sizeof(ForwardShared));

	size = add_size(size, ring_shmem_size(FORWARD_REQUEST_RING_BYTES));
	size = add_size(size, mul_size(forward_slot_count(), MAXALIGN(sizeof(Ring))));
	size = add_size(size,
					mul_size(forward_slot_count(), ring_shmem_size(FORWARD_REPLY_RING_BYTES)));
	return size;
}

/* One ring a slot: its data follows those of the slots before it. */
static char *
forward_init_replies(char *data)
{
	for (uint32_t i = 0; i < forward_shared->slot_count; i++)
	{
		ring_init(&forward_shared->replies[i], FORWARD_REPLY_RING_BYTES, NULL, data);
		data += ring_shmem_size(FORWARD_REPLY_RING_BYTES);
	}
	return data;
}

void
forward_shmem_init(void *memory, bool found)
{
	char *data = memory;

	forward_shared = memory;
	if (found)
		return;
	forward_shared->conditional_lock = shmem_lock(LOCK_CONDITIONAL);
	forward_shared->slot_count = forward_slot_count();
	pg_atomic_init_u64(&forward_shared->life, 0);
	pg_atomic_init_u64(&forward_shared->last_id, 0);
	data += MAXALIGN(sizeof(ForwardShared));
	forward_shared->replies = (Ring *) data;
	data += forward_shared->slot_count * MAXALIGN(sizeof(Ring));
	data = forward_init_replies(data);
	ring_init(&forward_shared->requests, FORWARD_REQUEST_RING_BYTES, shmem_lock(LOCK_FORWARD),
			  data);
}

uint64_t
forward_life(void)
{
	return pg_atomic_read_u64(&forward_shared->life);
}

/* ---------------------------------------------------------------- router side */

uint64_t
forward_send(NodeId target, Request *request, uint64_t *life)
{
	ForwardRequest header = {0};
	Size length;
	uint8_t *bytes;
	bool written;

	header.id = request->id = pg_atomic_add_fetch_u64(&forward_shared->last_id, 1);
	header.slot = (uint32_t) MyProc->pgprocno;
	header.target = target;
	header.is_range = request->kind == REQUEST_RANGE || request->kind == REQUEST_COPY;
	bytes = palloc(request_packed_size(request));
	length = request_pack(request, bytes);
	*life = forward_life();
	written = ring_write(&forward_shared->requests, &header, sizeof(header), bytes, length);
	pfree(bytes);
	if (!written)
		return 0;
	shared_wake_forwarder();
	return header.id;
}

/* Starts or goes on with the reply that `chunk` belongs to. */
static void
forward_collect(const ForwardChunk *chunk, const char *bytes, Size length)
{
	if (partial_reply.data == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&partial_reply);
		MemoryContextSwitchTo(old);
	}
	if (chunk->id != partial_reply_id)
	{
		resetStringInfo(&partial_reply);
		partial_reply_id = chunk->id;
	}
	appendBinaryStringInfo(&partial_reply, bytes, (int) length);
}

bool
forward_receive(ForwardAnswer *answer)
{
	Ring *ring = &forward_shared->replies[MyProc->pgprocno];
	const char *message;
	Size length;

	while ((message = ring_peek(ring, &length)) != NULL)
	{
		ForwardChunk chunk;

		memcpy(&chunk, message, sizeof(chunk));
		forward_collect(&chunk, message + sizeof(chunk), length - sizeof(chunk));
		ring_consume(ring);
		if (!chunk.last)
			continue;
		shared_wake_forwarder(); /* it may wait for room in this ring */
		answer->id = chunk.id;
		answer->status = chunk.status;
		answer->bytes = (const uint8_t *) partial_reply.data;
		answer->length = (Size) partial_reply.len;
		partial_reply_id = 0;
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- forwarder side */

void
forward_begin_life(void)
{
	pg_atomic_fetch_add_u64(&forward_shared->life, 1);
	for (uint32_t i = 0; i < ProcGlobal->allProcCount && i < forward_shared->slot_count; i++)
		SetLatch(&ProcGlobal->allProcs[i].procLatch);
}

const ForwardRequest *
forward_next_request(const uint8_t **bytes, Size *length)
{
	const char *message = ring_peek(&forward_shared->requests, length);

	if (message == NULL)
		return NULL;
	*bytes = (const uint8_t *) message + sizeof(ForwardRequest);
	*length -= sizeof(ForwardRequest);
	return (const ForwardRequest *) message;
}

void
forward_consume_request(void)
{
	ring_consume(&forward_shared->requests);
}

bool
forward_answer(uint32_t slot, uint64_t id, ForwardStatus status, const uint8_t *bytes, Size length,
			   Size *sent)
{
	Ring *ring = &forward_shared->replies[slot];
	bool done = false;

	while (!done)
	{
		Size part = Min(length - *sent, FORWARD_CHUNK_BYTES);
		ForwardChunk chunk = {.id = id, .status = status, .last = *sent + part == length};

		if (!ring_write(ring, &chunk, sizeof(chunk), bytes + *sent, part))
			break;
		*sent += part;
		done = chunk.last;
	}
	SetLatch(&ProcGlobal->allProcs[slot].procLatch);
	return done;
}
