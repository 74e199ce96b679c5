/*
 * sim_watch.c
 *		Reads the frames that a node sends, as somebody on the wire would: for the checker of promises and
 *		for the trace.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdlib.h>

#include "wire/frame.h"

static const char *
kind_name(MessageKind kind)
{
	static const char *const NAMES[] = {
		[MESSAGE_HEARTBEAT] = "heartbeat", [MESSAGE_ASK] = "ask",
		[MESSAGE_ANSWER] = "answer",       [MESSAGE_PREPARE] = "prepare",
		[MESSAGE_PROMISE] = "promise",     [MESSAGE_FETCH] = "fetch",
		[MESSAGE_ENTRIES] = "entries",     [MESSAGE_ACCEPT] = "accept",
		[MESSAGE_ACCEPTED] = "accepted",   [MESSAGE_RELEASE] = "release",
		[MESSAGE_APPLIED] = "applied",     [MESSAGE_JOIN_ASK] = "join-ask",
		[MESSAGE_JOIN] = "join",           [MESSAGE_REBASE] = "rebase",
		[MESSAGE_REMOVED] = "removed",     [MESSAGE_REPAIR_ASK] = "repair-ask",
		[MESSAGE_REPAIR] = "repair",
	};

	return NAMES[kind];
}

static void
trace_message(const SimWorld *world, const Message *message)
{
	if (message->kind == MESSAGE_HEARTBEAT)
		sim_trace(world, "%u > %u  heartbeat sent %ld grant %lu", message->from, message->to,
				  (long) message->heartbeat.sent_us,
				  (unsigned long) message->heartbeat.grant_number);
	else
		sim_trace(world,
				  "%u > %u  %s group %u generation %lu (%lu > %lu) ballot %lu.%u%s promised %lu.%u "
				  "prev %lu+%u commit %lu lsn %lu grant %lu",
				  message->from, message->to, kind_name(message->kind),
				  sim_group_index(message->group), (unsigned long) message->generation,
				  (unsigned long) message->from_since, (unsigned long) message->to_since,
				  (unsigned long) message->ballot.round, message->ballot.node,
				  message->ok ? " ok" : "", (unsigned long) message->promised.round,
				  message->promised.node, (unsigned long) message->prev_lsn, message->entry_count,
				  (unsigned long) message->commit_lsn, (unsigned long) message->lsn,
				  (unsigned long) message->grant_number);
}

/* A promise or an acknowledgement binds the sender to its ballot for ever (I3). */
static void
watch_message(SimNode *node, const Message *message)
{
	if (node->world->trace)
		trace_message(node->world, message);
	sim_version_check_message(node, message);
	if (!sim_is_checked(message->group))
		return;
	if (message->kind == MESSAGE_ACCEPTED && message->ok)
		sim_ambush_acknowledged(node->world, message->to - 1u, sim_group_index(message->group),
								message->lsn);
	if ((message->kind == MESSAGE_PROMISE || message->kind == MESSAGE_ACCEPTED) && message->ok)
		check_lead_promise_sent(node->world->lead, node->index, sim_group_index(message->group),
								sim_check_ballot(message->ballot));
}

bool
sim_watch_frame(SimNode *node, const uint8_t *bytes, size_t length)
{
	uint64_t memory[1024];
	WireArena arena;
	Frame frame;
	bool joins = false;

	wire_arena_init(&arena, memory, sizeof(memory), FRAME_ARENA_BYTES_MAX);
	if (frame_decode(bytes, length, &arena, &frame) != FRAME_OK)
		check_fail(&node->world->report, "frames", "node %u sends a frame that cannot be read",
				   node->index + 1);
	else
	{
		for (uint32_t i = 0; i < frame.message_count; i++)
		{
			watch_message(node, &frame.messages[i]);
			joins = joins || frame.messages[i].kind == MESSAGE_JOIN;
		}
	}
	wire_arena_free(&arena);
	return joins;
}
