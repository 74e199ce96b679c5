/*
 * inbound.c
 *		Rings of frames from the other nodes; see inbound.h.
 *
 * A stream that is replaced may be in the middle of writing when its successor starts, so writers take the
 * ring's lock; it is contended at no other time.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"

#include "settings.h"
#include "shmem/inbound.h"
#include "shmem/ring.h"
#include "shmem/shared_state.h"
#include "shmem/shmem_parts.h"

#define INBOUND_RING_BYTES (8 * 1024 * 1024)

typedef struct InboundPeer
{
	pg_atomic_uint64 last_stream; /* number of the newest stream: the one that may write */
	pg_atomic_uint64 refused_stream;
	pg_atomic_uint32 writer_waits; /* the newest stream found the ring full */
	Latch *writer_latch;           /* of the newest stream */
	Ring ring;
} InboundPeer;

/* Node n is peers[n - 1]. */
static InboundPeer *peers;

Size
inbound_shmem_size(void)
{
	return add_size(MAXALIGN(mul_size(quorate_max_nodes, sizeof(InboundPeer))),
					mul_size(quorate_max_nodes, ring_shmem_size(INBOUND_RING_BYTES)));
}

void
inbound_shmem_init(void *memory, bool found)
{
	char *data = (char *) memory + MAXALIGN(quorate_max_nodes * sizeof(InboundPeer));

	peers = memory;
	for (int i = 0; i < quorate_max_nodes && !found; i++)
	{
		pg_atomic_init_u64(&peers[i].last_stream, 0);
		pg_atomic_init_u64(&peers[i].refused_stream, 0);
		pg_atomic_init_u32(&peers[i].writer_waits, 0);
		peers[i].writer_latch = NULL;
		ring_init(&peers[i].ring, INBOUND_RING_BYTES, shmem_lock(LOCK_INBOUND_FIRST + i),
				  data + i * ring_shmem_size(INBOUND_RING_BYTES));
	}
}

static InboundPeer *
peer_of(NodeId node)
{
	Assert(node >= 1 && node <= quorate_max_nodes);
	return &peers[node - 1];
}

Size
inbound_frame_bytes_max(void)
{
	/* Each message starts with its stream's number. */
	return ring_message_max(&peers[0].ring) - sizeof(uint64_t);
}

/* ---- stream backends ---- */

uint64_t
inbound_open(NodeId from)
{
	InboundPeer *peer = peer_of(from);
	Latch *replaced;
	uint64_t stream;

	LWLockAcquire(peer->ring.lock, LW_EXCLUSIVE);
	replaced = peer->writer_latch;
	peer->writer_latch = MyLatch;
	stream = pg_atomic_add_fetch_u64(&peer->last_stream, 1);
	LWLockRelease(peer->ring.lock);

	if (replaced != NULL && replaced != MyLatch)
		SetLatch(replaced);
	return stream;
}

InboundResult
inbound_check(NodeId from, uint64_t stream)
{
	InboundPeer *peer = peer_of(from);

	if (pg_atomic_read_u64(&peer->last_stream) != stream)
		return INBOUND_REPLACED;
	if (pg_atomic_read_u64(&peer->refused_stream) == stream)
		return INBOUND_REFUSED;
	return INBOUND_OK;
}

InboundResult
inbound_put(NodeId from, uint64_t stream, const void *frame, Size length)
{
	InboundPeer *peer = peer_of(from);
	InboundResult state = inbound_check(from, stream);

	if (state != INBOUND_OK)
		return state;
	if (ring_write(&peer->ring, &stream, sizeof(stream), frame, length))
	{
		shared_wake_replicator();
		return INBOUND_OK;
	}

	/* Announce the wait, then look again: the replicator may have made room in between. */
	pg_atomic_write_u32(&peer->writer_waits, 1);
	pg_memory_barrier();
	if (!ring_write(&peer->ring, &stream, sizeof(stream), frame, length))
		return INBOUND_FULL;
	pg_atomic_write_u32(&peer->writer_waits, 0);
	shared_wake_replicator();
	return INBOUND_OK;
}

/* ---- replicator ---- */

const uint8_t *
inbound_peek(NodeId from, uint64_t *stream, Size *length)
{
	Size message_length;
	const char *message = ring_peek(&peer_of(from)->ring, &message_length);

	if (message == NULL)
		return NULL;
	memcpy(stream, message, sizeof(*stream));
	*length = message_length - sizeof(*stream);
	return (const uint8_t *) message + sizeof(*stream);
}

void
inbound_consume(NodeId from)
{
	ring_consume(&peer_of(from)->ring);
}

void
inbound_refuse(NodeId from, uint64_t stream)
{
	InboundPeer *peer = peer_of(from);

	pg_atomic_write_u64(&peer->refused_stream, stream);
	if (peer->writer_latch != NULL)
		SetLatch(peer->writer_latch);
}

void
inbound_end(NodeId from)
{
	InboundPeer *peer = peer_of(from);

	inbound_refuse(from, pg_atomic_read_u64(&peer->last_stream));
	ring_reset(&peer->ring);
}

void
inbound_end_all(void)
{
	for (int i = 0; i < quorate_max_nodes; i++)
		inbound_end((NodeId) (i + 1));
}

void
inbound_wake_writers(void)
{
	for (int i = 0; i < quorate_max_nodes; i++)
	{
		if (pg_atomic_read_u32(&peers[i].writer_waits) != 0 &&
			pg_atomic_exchange_u32(&peers[i].writer_waits, 0) != 0 && peers[i].writer_latch != NULL)
			SetLatch(peers[i].writer_latch);
	}
}
