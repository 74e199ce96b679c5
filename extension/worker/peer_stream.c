/*
 * peer_stream.c
 *		The procedure quorate._consensus_stream: frames of another node's replicator arrive here.
 *
 * Runs in the backend that the other node's replicator connects to.  It hands whole frames to this node's
 * replicator through a ring in shared memory, so that one wake-up serves a batch; it looks into none of
 * them.  When the ring is full it stops reading, and TCP pushes back on the sender.  Nothing is sent back:
 * this node's replicator has a stream of its own to the other node.
 *
 * What it refuses to assume: that the caller is the node that it claims to be beyond what authentication
 * proved (membership in quorate_peer), that it belongs to this cluster, or that its bytes mean anything.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "settings.h"
#include "shmem/inbound.h"
#include "shmem/shared_state.h"
#include "worker/copy_both.h"
#include "worker/peer_check.h"

/* While its ring is full a stream looks again this often, should a wake-up get lost. */
#define FULL_RETRY_MS 50

PG_FUNCTION_INFO_V1(quorate_consensus_stream);

/* Ends this stream unless it may go on. */
static void
require_ok(InboundResult state, NodeId from)
{
	if (state == INBOUND_REPLACED)
		ereport(ERROR, (errcode(ERRCODE_ADMIN_SHUTDOWN),
						errmsg("a newer consensus stream of node %u has taken over", from)));
	if (state == INBOUND_REFUSED)
	{
		peer_require_running();
		peer_require_not_removed(from);
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
						errmsg("invalid frame on the consensus stream of node %u", from)));
	}
}

/* Hands a frame to the replicator, waiting for room. */
static void
hand_over(NodeId from, uint64_t stream, const uint8_t *frame, Size length)
{
	InboundResult result;

	if (length > inbound_frame_bytes_max())
		require_ok(INBOUND_REFUSED, from);
	while ((result = inbound_put(from, stream, frame, length)) == INBOUND_FULL)
		copy_both_wait(FULL_RETRY_MS, false);
	require_ok(result, from);
}

Datum
quorate_consensus_stream(PG_FUNCTION_ARGS)
{
	NodeId from = peer_check(fcinfo);
	const uint8_t *frame;
	Size length;
	CopyBothResult result;
	uint64_t stream;

	copy_both_begin(fcinfo, inbound_frame_bytes_max(), 0);
	stream = inbound_open(from);
	for (;;)
	{
		while ((result = copy_both_receive(&frame, &length)) == COPY_BOTH_FRAME)
			hand_over(from, stream, frame, length);
		if (result == COPY_BOTH_ENDED)
			break;
		copy_both_wait(-1, true);
		require_ok(inbound_check(from, stream), from);
	}
	copy_both_end();
	PG_RETURN_VOID();
}
