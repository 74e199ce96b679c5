/*
 * transcript.c
 *		Writes what the cores of a cluster do; see transcript.h.
 *
 * A ballot is written round.node, an entry lsn:ballot"payload".  Heartbeats and grants are not written:
 * there are too many; `status` shows what came of them.
 */
#include "transcript.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/core_assert.h"

static const char *const kind_names[] = {
	[MESSAGE_HEARTBEAT] = "HEARTBEAT", [MESSAGE_ASK] = "ASK",
	[MESSAGE_ANSWER] = "ANSWER",       [MESSAGE_PREPARE] = "PREPARE",
	[MESSAGE_PROMISE] = "PROMISE",     [MESSAGE_FETCH] = "FETCH",
	[MESSAGE_ENTRIES] = "ENTRIES",     [MESSAGE_ACCEPT] = "ACCEPT",
	[MESSAGE_ACCEPTED] = "ACCEPTED",   [MESSAGE_RELEASE] = "RELEASE",
	[MESSAGE_JOIN_ASK] = "JOIN_ASK",   [MESSAGE_JOIN] = "JOIN",
	[MESSAGE_REBASE] = "REBASE",       [MESSAGE_REMOVED] = "REMOVED",
};

#define KIND_NAMES (sizeof(kind_names) / sizeof(kind_names[0]))

const char *
message_kind_name(int kind)
{
	CORE_ASSERT(kind > 0 && kind < (int) KIND_NAMES && kind_names[kind]);
	return kind_names[kind];
}

int
message_kind_parse(const char *name)
{
	int kind;

	for (kind = 1; kind < (int) KIND_NAMES; kind++)
	{
		if (kind_names[kind] && strcmp(kind_names[kind], name) == 0)
			return kind;
	}
	return 0;
}

static void __attribute__((format(printf, 2, 3))) say(Cluster *cluster, const char *format, ...)
{
	va_list args;

	if (cluster->silent)
		return;
	va_start(args, format);
	vfprintf(cluster->out, format, args);
	va_end(args);
}

static void
say_ballot(Cluster *cluster, const char *label, Ballot ballot)
{
	say(cluster, "%s%" PRIu64 ".%u", label, ballot.round, ballot.node);
}

/* Members as node and kind, in a joint generation with - for those that leave and + for those that come. */
static void
say_membership(Cluster *cluster, const Membership *membership)
{
	static const char kinds[] = {
		[MEMBER_STORAGE] = 's', [MEMBER_LOG] = 'l', [MEMBER_LEARNER] = 'n'};
	static const char *const halves[] = {
		[HALF_BOTH] = "", [HALF_OUTGOING] = "-", [HALF_INCOMING] = "+"};
	uint32_t i;

	say(cluster, "g%" PRIu64 "{", membership->generation);
	for (i = 0; i < membership->member_count; i++)
	{
		const Member *member = &membership->members[i];

		say(cluster, "%s%s%u%c", i > 0 ? " " : "", halves[member->half], member->node,
			kinds[member->kind]);
	}
	say(cluster, "}");
}

static void
say_entry(Cluster *cluster, Lsn lsn, Ballot ballot, uint32_t length, const char *payload)
{
	say(cluster, " %" PRIu64 ":", lsn);
	say_ballot(cluster, "", ballot);
	if (membership_is_encoded(payload, length))
	{
		Membership membership;

		CORE_ASSERT(membership_decode(payload, length, &membership));
		say_membership(cluster, &membership);
	}
	else if (length > 0)
		say(cluster, "\"%.*s\"", (int) length, payload);
}

static const MembershipAt *
newest_membership(const Cluster *cluster, NodeId node, GroupId group)
{
	const StoredGroup *stored = &cluster->nodes[node].recorded->groups[group - 1];

	return &stored->memberships[stored->membership_count - 1];
}

void
transcript_effect(Cluster *cluster, NodeId node, const Effect *effect)
{
	say(cluster, "  %u ", node);
	switch (effect->kind)
	{
		case EFFECT_APPEND:
			say(cluster, "records");
			say_entry(cluster, effect->lsn, effect->entry.ballot, effect->entry.length,
					  effect->entry.payload);
			break;
		case EFFECT_PROMISE:
			say_ballot(cluster, "records promise ", effect->ballot);
			break;
		case EFFECT_CUT:
			say(cluster, "records cut above %" PRIu64, effect->lsn);
			break;
		case EFFECT_GRANT_LENGTH:
			say(cluster, "records grant length %" PRId64 " us", effect->grant_us);
			break;
		case EFFECT_COMMIT:
			say(cluster, "commits up to %" PRIu64, effect->lsn);
			break;
		case EFFECT_LEAD:
			say_ballot(cluster, "LEADS under ", effect->ballot);
			say(cluster, " from %" PRIu64, effect->lsn);
			break;
		case EFFECT_STEP_DOWN:
			say_ballot(cluster, "STEPS DOWN from ", effect->ballot);
			break;
		case EFFECT_REFUSE:
			say_ballot(cluster, "REFUSES the request under ", effect->ballot);
			break;
		case EFFECT_MEMBERSHIP:
			say(cluster, "uses ");
			say_membership(cluster, &newest_membership(cluster, node, effect->group)->membership);
			break;
		case EFFECT_REBASE:
			say(cluster, "begins its log above %" PRIu64, effect->lsn);
			say_ballot(cluster, "@", effect->ballot);
			break;
		case EFFECT_OPEN:
			say(cluster, "MAKES A REPLICA ");
			say_membership(cluster, &newest_membership(cluster, node, effect->group)->membership);
			break;
		case EFFECT_REMOVED:
			say(cluster, "DROPS ITS REPLICA");
			break;
		case EFFECT_SEND:
			break;
	}
	say(cluster, "\n");
}

static void
say_outline(Cluster *cluster, const LogOutline *outline)
{
	say(cluster, " log=%" PRIu64 "..%" PRIu64, outline->base_lsn, outline->last_lsn);
	if (outline->last_lsn > outline->base_lsn)
		say_ballot(cluster, "@", outline->last_ballot);
}

static void
say_reply(Cluster *cluster, const Message *message)
{
	say(cluster, message->ok ? " ok" : " REFUSED");
	if (!message->ok || message->kind == MESSAGE_ANSWER)
		say_ballot(cluster, " promised=", message->promised);
}

/* What a message carries besides its ballot, by kind. */
static void
say_message_body(Cluster *cluster, const Message *message)
{
	switch (message->kind)
	{
		case MESSAGE_ANSWER:
			say_reply(cluster, message);
			break;
		case MESSAGE_PROMISE:
			say_reply(cluster, message);
			if (message->ok)
				say_outline(cluster, &message->outline);
			break;
		case MESSAGE_PREPARE:
			if (message->released.round > 0)
				say_ballot(cluster, " released=", message->released);
			break;
		case MESSAGE_FETCH:
			say(cluster, " %" PRIu64 "..%" PRIu64, message->prev_lsn + 1, message->lsn);
			break;
		case MESSAGE_ENTRIES:
		case MESSAGE_ACCEPT:
			say(cluster, " after %" PRIu64, message->prev_lsn);
			if (message->prev_lsn > 0)
				say_ballot(cluster, "@", message->prev_ballot);
			say(cluster, " entries=%u", message->entry_count);
			if (message->kind == MESSAGE_ACCEPT)
				say(cluster, " commit=%" PRIu64, message->commit_lsn);
			break;
		case MESSAGE_ACCEPTED:
			say_reply(cluster, message);
			if (message->ok)
				say(cluster, " lsn=%" PRIu64, message->lsn);
			else if (message->outline.last_lsn > 0)
				say_outline(cluster, &message->outline);
			say(cluster, " commit=%" PRIu64, message->commit_lsn);
			break;
		case MESSAGE_REBASE:
			say(cluster, " above %" PRIu64, message->prev_lsn);
			say_ballot(cluster, "@", message->prev_ballot);
			break;
		case MESSAGE_REMOVED:
			say(cluster, " in g%" PRIu64, message->generation);
			break;
		case MESSAGE_RELEASE:
			say(cluster, " target=%u", message->target);
			break;
		default:
			break;
	}
}

static void
say_message(Cluster *cluster, const Message *message)
{
	say(cluster, "%s", message_kind_name(message->kind));
	if (message->group != 1)
		say(cluster, " group=%" PRIu64, message->group);
	if (message->ballot.round > 0)
		say_ballot(cluster, " ", message->ballot);
	say_message_body(cluster, message);
}

void
transcript_send(Cluster *cluster, const Effect *effect)
{
	say(cluster, "  %u -> %u ", effect->message.from, effect->message.to);
	say_message(cluster, &effect->message);
	say(cluster, effect->after_sync ? " (after sync)\n" : "\n");
}

void
transcript_receive(Cluster *cluster, const Message *message)
{
	say(cluster, "%u -> %u ", message->from, message->to);
	say_message(cluster, message);
	say(cluster, "\n");
}

static const char *
role_name(GroupRole role)
{
	static const char *const names[] = {
		[ROLE_FOLLOWER] = "follower",   [ROLE_ASKING] = "asking",
		[ROLE_CANDIDATE] = "candidate", [ROLE_ADOPTING] = "adopting",
		[ROLE_LEADER] = "leader",       [ROLE_HANDING_OVER] = "handing-over",
	};

	return names[role];
}

void
cluster_print_status(const Cluster *cluster, GroupId group)
{
	NodeId id;

	for (id = 1; id <= cluster->node_count; id++)
	{
		const SimNode *sim = &cluster->nodes[id];
		TimeUs clock_us = cluster->now_us + sim->clock_offset_us;
		GroupStatus status;

		if (!sim->core)
		{
			fprintf(cluster->out, "%u: down\n", id);
			continue;
		}
		if (!core_group_status(sim->core, group, &status, clock_us))
			continue;
		fprintf(cluster->out,
				"%u: %s promised=%" PRIu64 ".%u leader=%u append=%" PRIu64 " durable=%" PRIu64
				" commit=%" PRIu64 "%s%s",
				id, role_name(status.role), status.promised.round, status.promised.node,
				status.leader, status.append_lsn, status.durable_lsn, status.commit_lsn,
				status.lease_until_us > clock_us ? " lease" : "",
				status.rows_missing ? " no-rows" : "");
		if (status.generation > 1)
			fprintf(cluster->out, " g%" PRIu64 "%s", status.generation,
					status.committed_generation < status.generation ? "?" : "");
		fprintf(cluster->out, "\n");
	}
}

void
cluster_print_lease(const Cluster *cluster, NodeId node, GroupId group)
{
	TimeUs clock_us = cluster->now_us + cluster->nodes[node].clock_offset_us;
	GroupStatus status;

	if (cluster->nodes[node].core &&
		core_group_status(cluster->nodes[node].core, group, &status, clock_us))
		fprintf(cluster->out, "%u: lease ends in %" PRId64 " ms\n", node,
				status.lease_until_us > clock_us ? (status.lease_until_us - clock_us) / 1000 : 0);
}

void
cluster_print_log(const Cluster *cluster, NodeId node, GroupId group)
{
	const StoredGroup *stored = &cluster->nodes[node].recorded->groups[group - 1];
	Cluster loud = {.out = cluster->out};
	Lsn lsn;

	fprintf(cluster->out, "%u:", node);
	for (lsn = stored->base_lsn + 1; lsn <= stored->last_lsn; lsn++)
	{
		const StoredEntry *entry = &stored->entries[lsn - 1];

		say_entry(&loud, lsn, entry->ballot, entry->length, entry->payload);
	}
	fprintf(cluster->out, "\n");
}

void
cluster_print_messages(const Cluster *cluster)
{
	Cluster loud = {.out = cluster->out};
	const Packet *packet;

	for (packet = cluster->packets; packet; packet = packet->next)
	{
		if (packet->message.kind == MESSAGE_HEARTBEAT)
			continue;
		fprintf(cluster->out, "%u -> %u ", packet->message.from, packet->message.to);
		say_message(&loud, &packet->message);
		fprintf(cluster->out, packet->held ? " (held)\n" : "\n");
	}
}
