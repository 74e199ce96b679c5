/*
 * random.c
 *		Random schedules of faults on a cluster; see random.h.
 *
 * A quick net under the core for whoever changes it: seconds, no log, no wire.  The simulator in tests/sim
 * is the thorough one.
 */
#include "random.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cluster.h"

#define NODES 3
#define GROUPS 2
#define ENTRIES_HEADROOM 40
#define RECOVERY_US 12000000

typedef struct Schedule
{
	Cluster *cluster;
	uint64_t state;
	uint64_t proposed;
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

static void
propose_somewhere(Schedule *schedule)
{
	GroupId group = 1 + draw(schedule, GROUPS);
	Ballot current = {0};
	char payload[CLUSTER_PAYLOAD_MAX];
	NodeId id;

	for (id = 1; id <= NODES; id++)
	{
		const StoredGroup *stored = &schedule->cluster->nodes[id].recorded->groups[group - 1];

		if (stored->last_lsn + ENTRIES_HEADROOM > CLUSTER_ENTRIES_MAX)
			return;
	}
	snprintf(payload, sizeof(payload), "v%" PRIu64, ++schedule->proposed);
	cluster_propose(schedule->cluster, draw_node(schedule), group, payload, current);
}

static void
crash_or_start(Schedule *schedule)
{
	NodeId id = draw_node(schedule);

	if (!schedule->cluster->nodes[id].core)
		cluster_start(schedule->cluster, id);
	else if (draw(schedule, 4) == 0)
		cluster_crash(schedule->cluster, id, draw(schedule, 4) != 0);
}

static void
cut_or_heal(Schedule *schedule)
{
	NodeId from = draw_node(schedule);
	NodeId to = draw_node(schedule);
	bool *cut = &schedule->cluster->cut[from][to];

	*cut = !*cut && draw(schedule, 3) == 0;
}

static void
time_passes(Schedule *schedule)
{
	Cluster *cluster = schedule->cluster;
	NodeId id;

	/* mostly small steps, rarely one that a core must take for a pause */
	cluster_advance(cluster, draw(schedule, 200) == 0 ? 700000 : draw(schedule, 8000));
	for (id = 1; id <= NODES; id++)
	{
		if (cluster->nodes[id].core &&
			core_next_tick_us(cluster->nodes[id].core) <= cluster->now_us && draw(schedule, 8))
			cluster_tick(cluster, id);
	}
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
	else if (what < 360)
		propose_somewhere(schedule);
	else if (what < 370)
		cluster_drop(cluster, 0, draw_node(schedule), 0);
	else if (what < 390)
		cluster_duplicate(cluster, draw_node(schedule), 0, 0);
	else if (what < 393)
		crash_or_start(schedule);
	else if (what < 396)
		cut_or_heal(schedule);
	else if (what < 398)
		cluster_transfer(cluster, draw_node(schedule), 1 + draw(schedule, GROUPS),
						 draw_node(schedule));
	else if (what < 399)
		cluster_clock_anomaly(cluster, draw_node(schedule));
	else
		cluster_deliver(cluster, 0, draw_node(schedule), 0,
						draw(schedule, 3) ? 0 : draw(schedule, 4));
}

/* The faults stop; true if both groups then commit something new (I13). */
static bool
recover(Schedule *schedule)
{
	Cluster *cluster = schedule->cluster;
	Lsn before[GROUPS];
	GroupId group;
	NodeId from;
	NodeId to;

	for (from = 1; from <= NODES; from++)
	{
		cluster_start(cluster, from);
		for (to = 1; to <= NODES; to++)
			cluster->cut[from][to] = false;
	}
	cluster_run(cluster, RECOVERY_US);
	for (group = 1; group <= GROUPS; group++)
	{
		Ballot current = {0};

		before[group - 1] = cluster->chosen_lsn[group - 1];
		cluster_propose(cluster, cluster_leader(cluster, group), group, "last", current);
	}
	cluster_run(cluster, cluster->lease_us);
	for (group = 1; group <= GROUPS; group++)
	{
		for (from = 1; from <= NODES; from++)
		{
			if (cluster->nodes[from].recorded->groups[group - 1].commit_lsn <= before[group - 1])
				return false;
		}
	}
	return true;
}

uint64_t
random_schedule(uint64_t seed, uint32_t steps, FILE *out)
{
	Schedule schedule = {.cluster = cluster_create(NODES, 4, out), .state = seed};
	uint64_t committed = 0;
	GroupId group;
	uint32_t i;

	schedule.cluster->silent = true;
	schedule.cluster->seed = seed;
	for (group = 1; group <= GROUPS; group++)
		cluster_open_group(schedule.cluster, group, NODES, (NodeId) group);
	for (i = 0; i < steps && schedule.cluster->violations == 0; i++)
		random_step(&schedule);
	if (recover(&schedule))
		committed = schedule.cluster->chosen_lsn[0] + schedule.cluster->chosen_lsn[1];
	else
		for (group = 1; group <= GROUPS; group++)
			cluster_print_status(schedule.cluster, group);
	cluster_free(schedule.cluster);
	return committed;
}
