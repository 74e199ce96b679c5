/*
 * engine_peers.c
 *		Which nodes are heard, and whom they say they reach.
 *
 * Run by the replicator (engine.h).  Where a link between two nodes is cut, a third one may still reach both; each
 * node says in its heartbeats whom it reaches, so that leaders can move to where everybody is reached
 * (routing/member_plan.c).  A heartbeat that echoes a recent one of this node has shown both directions to work.
 */
#include "replication/engine_private.h"

void
engine_meet(Engine *engine, NodeId peer, bool known)
{
	core_node_meet(engine->core, peer, known);
}

TimeUs
engine_peer_heard_us(const Engine *engine, NodeId peer)
{
	return core_peer_heard_us(engine->core, peer);
}

void
engine_describe_peers(const Engine *engine, Message *heartbeat)
{
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		TimeUs echoed_us = engine->peers[node].echoed_us;

		if (echoed_us != 0 && engine->now - echoed_us <= engine->config.lease_us)
			heartbeat->heartbeat.reaches |= node_id_bit(node);
	}
}

void
engine_note_heartbeat(Engine *engine, const Message *message)
{
	const Heartbeat *heartbeat = &message->heartbeat;
	EnginePeer *peer = &engine->peers[message->from];

	peer->reaches = heartbeat->reaches;
	if (heartbeat->echo_start_counter == engine->lives[0].start_counter)
		peer->echoed_us = heartbeat->echo_us;
}

uint64_t
engine_peer_reaches(const Engine *engine, NodeId peer)
{
	return engine->peers[peer].reaches;
}
