/*
 * inbound.h
 *		Frames from the other nodes on their way to the replicator: one ring for each node.
 *
 * The backend that serves a node's consensus stream writes, the replicator reads.  A node has one stream: a
 * newer one takes over and the older ends.  The replicator can refuse a stream whose frames are garbage.
 */
#ifndef QUORATE_SHMEM_INBOUND_H
#define QUORATE_SHMEM_INBOUND_H

#include "postgres.h"

#include "core/core_types.h"

typedef enum InboundResult
{
	INBOUND_OK = 1,
	INBOUND_FULL,     /* wait for MyLatch and try again */
	INBOUND_REPLACED, /* a newer stream of the same node has taken over: end this one */
	INBOUND_REFUSED   /* the replicator could not make sense of this stream: end it */
} InboundResult;

/* Bytes of the longest frame that fits. */
extern Size inbound_frame_bytes_max(void);

/* Stream backend: becomes the stream of node `from`; returns the stream's number. */
extern uint64_t inbound_open(NodeId from);
extern InboundResult inbound_check(NodeId from, uint64_t stream);
extern InboundResult inbound_put(NodeId from, uint64_t stream, const void *frame, Size length);

/* Replicator: the next frame of a node, or NULL; valid until inbound_consume. */
extern const uint8_t *inbound_peek(NodeId from, uint64_t *stream, Size *length);
extern void inbound_consume(NodeId from);
extern void inbound_refuse(NodeId from, uint64_t stream);

/* Replicator: that node is no node of the cluster any more: its stream ends, as in inbound_end_all. */
extern void inbound_end(NodeId from);

/* Replicator: this node leaves its cluster: all streams end, and what they brought is thrown away. */
extern void inbound_end_all(void);

/* Replicator: end of a turn; wakes streams that found their ring full. */
extern void inbound_wake_writers(void);

#endif /* QUORATE_SHMEM_INBOUND_H */
