/*
 * random.c
 *		Random schedules of faults and membership changes on a cluster; see random.h.
 *
 * A quick net under the core for whoever changes it: seconds, no log, no wire.  The simulator in tests/sim
 * is the thorough one.
 */
#include "random.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

#define NODES 5
#define GROUPS 2
#define ENTRIES_HEADROOM 100
#define RECOVERY_STEP_US 1000000
#define RECOVERY_STEPS_MAX 40
#define RECOVERY_STEPS_MIN 4
#define KINDS_MAX 4 /* no member, and the three kinds of members */

uint64_t random_seed_under_way;

typedef struct Schedule
{
	Cluster *cluster;
	uint64_t state;
	uint64_t proposed;
	uint32_t step_us; /* time passes in steps of at most this */
} Schedule;

static uint32_t
draw(Schedule *schedule, uint32_t bound)
{
	schedule->state = schedule->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t) (schedule->state >> 33) % bound;
}

static NodeId
draw_node(Schedule *schedule)
{
	return (NodeId) (1 + draw(schedule, NODES));
}

static GroupId
draw_group(Schedule *schedule)
{
	return 1 + draw(schedule, GROUPS);
}

/* Says in a loud schedule what it does, as the command that a script would have. */
static void __attribute__((format(printf, 2, 3))) say(Schedule *schedule, const char *format, ...)
{
	va_list args;

	if (schedule->cluster->silent)
		return;
	va_start(args, format);
	vfprintf(schedule->cluster->out, format, args);
	va_end(args);
}

static bool
status_of(const Cluster *cluster, NodeId id, GroupId group, GroupStatus *status)
{
	const SimNode *sim = &cluster->nodes[id];

	return sim->core &&
		   core_group_status(sim->core, group, status, cluster->now_us + sim->clock_offset_us);
}

static StoredGroup *
stored_of(Schedule *schedule, NodeId id, GroupId group)
{
	return &schedule->cluster->nodes[id].recorded->groups[group - 1];
}

/* Whether there is room for more entries in what the cluster remembers. */
static bool
has_room(Schedule *schedule, GroupId group)
{
	NodeId id;

	for (id = 1; id <= NODES; id++)
	{
		if (stored_of(schedule, id, group)->last_lsn + ENTRIES_HEADROOM > CLUSTER_ENTRIES_MAX)
			return false;
	}
	return true;
}

/* The node that leads, mostly; or any. */
static NodeId
draw_leader(Schedule *schedule, GroupId group)
{
	NodeId leader = cluster_leader(schedule->cluster, group);

	return leader != 0 && draw(schedule, 4) != 0 ? leader : draw_node(schedule);
}

static void
propose_somewhere(Schedule *schedule)
{
	GroupId group = draw_group(schedule);
	NodeId id = draw_leader(schedule, group);
	Ballot current = {0};
	char payload[CLUSTER_PAYLOAD_MAX];

	if (!has_room(schedule, group))
		return;
	snprintf(payload, sizeof(payload), "v%" PRIu64, ++schedule->proposed);
	say(schedule, "propose %u \"%s\" group=%" PRIu64 "\n", id, payload, group);
	cluster_propose(schedule->cluster, id, group, payload, current);
}

static void
crash_or_start(Schedule *schedule)
{
	NodeId id = draw_node(schedule);
	uint32_t keep = draw(schedule, 4) == 0 ? UINT32_MAX : draw(schedule, 4);

	if (!schedule->cluster->nodes[id].core)
	{
		say(schedule, "start %u\n", id);
		cluster_start(schedule->cluster, id);
	}
	else if (draw(schedule, 3) == 0)
	{
		say(schedule, "crash %u keep=%u\n", id, keep);
		cluster_crash(schedule->cluster, id, keep);
	}
}

static void
cut_or_heal(Schedule *schedule)
{
	NodeId from = draw_node(schedule);
	NodeId to = draw_node(schedule);
	bool *cut = &schedule->cluster->cut[from][to];

	*cut = !*cut && draw(schedule, 3) == 0;
	say(schedule, "%s %u->%u\n", *cut ? "cut" : "heal", from, to);
}

/* The nodes fall into two parts that do not hear each other, or all hear all again. */
static void
part_or_join(Schedule *schedule)
{
	uint32_t parts = draw(schedule, 2) ? draw(schedule, 1u << NODES) : 0;
	NodeId from;
	NodeId to;

	say(schedule, "parts %x\n", parts);
	for (from = 1; from <= NODES; from++)
	{
		for (to = 1; to <= NODES; to++)
			schedule->cluster->cut[from][to] = (parts >> (from - 1) & 1) != (parts >> (to - 1) & 1);
	}
}

static void
time_passes(Schedule *schedule)
{
	Cluster *cluster = schedule->cluster;
	NodeId id;

	/* mostly small steps, rarely one that a core must take for a pause */
	cluster_advance(cluster, draw(schedule, 200) == 0 ? 700000 : draw(schedule, schedule->step_us));
	for (id = 1; id <= NODES; id++)
	{
		if (cluster->nodes[id].core &&
			core_next_tick_us(cluster->nodes[id].core) <= cluster->now_us && draw(schedule, 8))
			cluster_tick(cluster, id);
	}
}

/* Another kind for a node, or none: what the rules allow, mostly. */
static uint32_t
draw_kind(Schedule *schedule, uint32_t kind)
{
	uint32_t any = draw(schedule, KINDS_MAX);

	if (draw(schedule, 8) == 0)
		return any;
	if (kind == 0)
		return MEMBER_LEARNER;
	if (kind == MEMBER_LEARNER)
		return any == MEMBER_LEARNER ? MEMBER_STORAGE : any;
	if (kind == MEMBER_LOG)
		return any == MEMBER_LOG ? MEMBER_STORAGE : any;
	return any < 2 ? 0 : MEMBER_LEARNER;
}

/* Asks for other members: one or two nodes become something else. */
static void
change_members(Schedule *schedule)
{
	static const char letters[KINDS_MAX] = {
		[MEMBER_STORAGE] = 's', [MEMBER_LOG] = 'l', [MEMBER_LEARNER] = 'n'};
	GroupId group = draw_group(schedule);
	NodeId leader = draw_leader(schedule, group);
	uint32_t kinds[NODES + 1] = {0};
	uint32_t count = 1 + draw(schedule, 2);
	char text[8 * NODES] = "";
	GroupStatus status;
	uint32_t i;
	NodeId id;

	if (!status_of(schedule->cluster, leader, group, &status) || !has_room(schedule, group))
		return;
	for (i = 0; i < status.member_count; i++)
	{
		if (status.members[i].half != HALF_OUTGOING)
			kinds[status.members[i].node] = status.members[i].kind;
	}
	while (count-- > 0)
	{
		id = draw_node(schedule);
		if (id != leader || draw(schedule, 8) == 0)
			kinds[id] = draw_kind(schedule, kinds[id]);
	}
	for (id = 1; id <= NODES; id++)
	{
		size_t length = strlen(text);

		if (kinds[id] != 0)
			snprintf(text + length, sizeof(text) - length, "%s%u%c", length ? "," : "", id,
					 letters[kinds[id]]);
	}
	say(schedule, "change %u members=%s group=%" PRIu64 "\n", leader, text, group);
	cluster_change(schedule->cluster, leader, group, text);
}

/* A node's rows are copied from another one that has them: both must have applied enough of the log for it. */
static void
copy_rows(Schedule *schedule, NodeId id, GroupId group)
{
	Cluster *cluster = schedule->cluster;
	GroupStatus status;
	uint32_t i;
	NodeId from;

	if (!status_of(cluster, id, group, &status) || !status.rows_missing)
		return;
	for (i = 0; i < status.member_count; i++)
	{
		if (status.members[i].node == id && status.members[i].kind == MEMBER_LOG)
			return;
	}
	for (from = 1; from <= NODES; from++)
	{
		GroupStatus source;

		if (from == id || !status_of(cluster, from, group, &source) || source.rows_missing ||
			source.commit_lsn < status.base_lsn || source.commit_lsn > status.commit_lsn)
			continue;
		say(schedule, "rows %u group=%" PRIu64 "\n", id, group);
		cluster_rows(cluster, id, group, true);
		return;
	}
}

/* A node forgets entries that it has applied; whose rows are missing still needs all that it has. */
static void
truncate_somewhere(Schedule *schedule)
{
	GroupId group = draw_group(schedule);
	NodeId id = draw_node(schedule);
	GroupStatus status;
	Lsn lsn;

	if (!status_of(schedule->cluster, id, group, &status) || status.rows_missing ||
		status.commit_lsn <= status.base_lsn)
		return;
	lsn = status.base_lsn + 1 + draw(schedule, (uint32_t) (status.commit_lsn - status.base_lsn));
	say(schedule, "truncate %u lsn=%" PRIu64 " group=%" PRIu64 "\n", id, lsn, group);
	cluster_truncate(schedule->cluster, id, group, lsn);
}

static void
deliver_some(Schedule *schedule)
{
	NodeId to = draw_node(schedule);
	uint32_t count = 1 + draw(schedule, 8);

	while (count-- > 0)
		cluster_deliver(schedule->cluster, 0, to, 0, draw(schedule, 3) ? 0 : draw(schedule, 4));
}

static void
transfer_somewhere(Schedule *schedule)
{
	GroupId group = draw_group(schedule);
	NodeId from = draw_leader(schedule, group);
	NodeId to = draw_node(schedule);

	say(schedule, "transfer %u to=%u group=%" PRIu64 "\n", from, to, group);
	cluster_transfer(schedule->cluster, from, group, to);
}

/* For a while everything goes as in life, but what is cut or down stays so. */
static void
calm(Schedule *schedule)
{
	TimeUs us = 10000 * (1 + (TimeUs) draw(schedule, 40));

	say(schedule, "run %" PRId64 "ms\n", us / 1000);
	cluster_run(schedule->cluster, us);
}

static void
random_step(Schedule *schedule)
{
	Cluster *cluster = schedule->cluster;
	uint32_t what = draw(schedule, 1000);

	if (what < 120)
		time_passes(schedule);
	else if (what < 300)
		cluster_sync(cluster, draw_node(schedule));
	else if (what < 340)
		propose_somewhere(schedule);
	else if (what < 350)
		cluster_drop(cluster, 0, draw_node(schedule), 0);
	else if (what < 370)
		cluster_duplicate(cluster, draw_node(schedule), 0, 0);
	else if (what < 380)
		crash_or_start(schedule);
	else if (what < 384)
		cut_or_heal(schedule);
	else if (what < 386)
		part_or_join(schedule);
	else if (what < 390)
		transfer_somewhere(schedule);
	else if (what < 391)
		cluster_clock_anomaly(cluster, draw_node(schedule));
	else if (what < 420)
		change_members(schedule);
	else if (what < 440)
		copy_rows(schedule, draw_node(schedule), draw_group(schedule));
	else if (what < 450)
		truncate_somewhere(schedule);
	else if (what < 456)
		calm(schedule);
	else
		deliver_some(schedule);
}

/* ---------------------------------------------------------------- recovery */

static void
stop_faults(Schedule *schedule)
{
	Cluster *cluster = schedule->cluster;
	NodeId from;
	NodeId to;

	say(schedule, "heal all\nstart all\n");
	for (from = 1; from <= NODES; from++)
	{
		cluster_start(cluster, from);
		for (to = 1; to <= NODES; to++)
			cluster->cut[from][to] = false;
	}
}

/* What a member named by the leader lacks; NULL for nothing. */
static const char *
member_lacks(const Cluster *cluster, const MemberStatus *member, const GroupStatus *leader)
{
	GroupStatus status;
	uint32_t i;

	if (!status_of(cluster, member->node, leader->group, &status))
		return "a member has no replica";
	for (i = 0; i < status.member_count; i++)
	{
		if (status.members[i].node == member->node && status.members[i].since != member->since)
			return "a member has a former replica";
	}
	if (status.commit_lsn < leader->commit_lsn)
		return "a member is behind";
	if (status.rows_missing && member->kind != MEMBER_LOG)
		return "a member has no rows";
	return NULL;
}

/* What keeps a group from being whole; NULL for nothing. */
static const char *
group_lacks(const Cluster *cluster, GroupId group)
{
	NodeId id = cluster_leader(cluster, group);
	bool member[NODES + 1] = {false};
	GroupStatus leader;
	GroupStatus status;
	uint32_t i;

	if (id == 0)
		return "no leader";
	if (!status_of(cluster, id, group, &leader) || leader.commit_lsn < leader.append_lsn)
		return "something is not committed";
	for (i = 0; i < leader.member_count; i++)
	{
		const char *lack = member_lacks(cluster, &leader.members[i], &leader);

		if (leader.members[i].half != HALF_BOTH)
			return "still joint";
		if (lack)
			return lack;
		member[leader.members[i].node] = true;
	}
	for (id = 1; id <= NODES; id++)
	{
		if (!member[id] && status_of(cluster, id, group, &status))
			return "a removed replica lives on";
	}
	return NULL;
}

static const char *
cluster_lacks(const Cluster *cluster)
{
	GroupId group;
	const char *lack = NULL;

	for (group = 1; group <= GROUPS && !lack; group++)
		lack = group_lacks(cluster, group);
	return lack;
}

static void
recovery_step(Schedule *schedule)
{
	GroupId group;
	NodeId id;

	say(schedule, "run %uus\n", RECOVERY_STEP_US);
	cluster_run(schedule->cluster, RECOVERY_STEP_US);
	for (group = 1; group <= GROUPS; group++)
	{
		NodeId leader = cluster_leader(schedule->cluster, group);

		for (id = 1; id <= NODES; id++)
		{
			copy_rows(schedule, id, group);
			if (id != leader && schedule->cluster->nodes[id].recorded->groups[group - 1].exists)
				cluster_inquire(schedule->cluster, id, group, leader);
		}
	}
}

/* The faults stop; true if both groups become whole and commit something new (I13). */
static bool
recover(Schedule *schedule)
{
	Cluster *cluster = schedule->cluster;
	uint32_t steps = 0;
	const char *lack = NULL;
	GroupId group;

	stop_faults(schedule);
	for (steps = 0; steps < RECOVERY_STEPS_MAX; steps++)
	{
		recovery_step(schedule);
		lack = cluster_lacks(cluster);
		if (!lack && steps >= RECOVERY_STEPS_MIN)
			break;
	}
	for (group = 1; group <= GROUPS && !lack; group++)
	{
		Ballot current = {0};
		Lsn before = cluster->chosen_lsn[group - 1];

		cluster_propose(cluster, cluster_leader(cluster, group), group, "last", current);
		cluster_run(cluster, cluster->lease_us);
		if (cluster->chosen_lsn[group - 1] <= before)
			lack = "nothing new is committed";
	}
	if (!lack)
		lack = cluster_lacks(cluster);
	if (lack)
	{
		fprintf(cluster->out, "not recovered: %s\n", lack);
		for (group = 1; group <= GROUPS; group++)
			cluster_print_status(cluster, group);
	}
	return !lack;
}

uint64_t
random_schedule(uint64_t seed, uint32_t steps, bool loud, FILE *out)
{
	static const uint32_t step_us[] = {8000, 30000, 100000};
	Schedule schedule = {.cluster = cluster_create(NODES, 4, out), .state = seed * 7919 + 1};
	Cluster *cluster = schedule.cluster;
	uint64_t committed = 0;
	GroupId group;
	uint32_t i;

	random_seed_under_way = seed;
	cluster->silent = !loud;
	cluster->seed = seed;
	schedule.step_us = step_us[draw(&schedule, 3)];
	for (group = 1; group <= GROUPS; group++)
	{
		uint32_t members = 1 + draw(&schedule, 4);

		cluster_open_group(cluster, group, members, (NodeId) (1 + draw(&schedule, members)));
	}
	if (draw(&schedule, 2))
		cluster_run(cluster, 1000000);
	for (i = 0; i < steps && cluster->violations == 0; i++)
		random_step(&schedule);
	if (cluster->violations == 0 && recover(&schedule) && cluster->violations == 0)
		committed = cluster->chosen_lsn[0] + cluster->chosen_lsn[1];
	cluster_free(cluster);
	random_seed_under_way = 0;
	return committed;
}
