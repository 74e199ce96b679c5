/*
 * autoadmin.c
 *		The process that takes care of the members of the groups that this node leads.
 *
 * One background worker, connected to quorate.database.  Twice a second, or more often while something is under
 * way, it looks at every group that this node leads: who is a member, who has been heard, what the metadata wants.
 * routing/member_plan.c says the next step, which the replicator is asked to take.  What comes of it is seen in the
 * next round; nothing is remembered, so that the process may end anywhere and a new leader goes on.
 *
 * On the node that leads the metadata it also decides where replicas shall be (autoadmin_place.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "routing/member_plan.h"
#include "settings.h"
#include "shmem/command.h"
#include "shmem/proposal.h"
#include "storage/own_transaction.h"
#include "worker/autoadmin.h"
#include "worker/table_worker.h"

#define IDLE_MS 500 /* between two rounds when all is steady */
#define BUSY_MS 50  /* ... while something is under way */

/* The leader is moved to the preferred node only when this has been well for so long. */
#define BALANCE_AFTER_US (10 * 1000 * 1000)

PGDLLEXPORT void autoadmin_main(Datum argument);

/* Replicas that nobody wants ask this often whether they are still members. */
#define INQUIRE_INTERVAL_US (5 * 1000 * 1000)

/* The nodes as this round sees them. */
static AutoadminNodes nodes;

static bool inquiries_due; /* in this round */
static bool
	links_in_question; /* a node is reached by others and not by this one: a leader may have to move soon */

/* ---------------------------------------------------------------- nodes */

/* What each node says it reaches, and when it was last known to reach this node and to be reached. */
static uint64_t
look_at_links(TimeUs now, TimeUs lease_us)
{
	NodeId self = quorate_shared->self;
	uint64_t reached_by_others = 0;

	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		bool heard = nodes.is_known[node] && nodes.silent_us[node] <= lease_us;

		if (node == self)
			continue;
		nodes.reaches[node] = heard ? pg_atomic_read_u64(&quorate_shared->peer_reaches[node]) : 0;
		if (heard && (nodes.reaches[node] == 0 || (nodes.reaches[node] & node_id_bit(self))))
			nodes.reached_us[node] = now;
		reached_by_others |= nodes.reaches[node];
	}
	return reached_by_others;
}

/*
 * Whom this node reaches.  One that others still reach is missed only when that has been so for a lease: what they say
 * is a little old, so a node that dies would look like one that only this node does not reach; and when a node comes
 * back its links do not come back all at once.
 */
static void
look_whom_this_reaches(TimeUs now, TimeUs lease_us, uint64_t reached_by_others)
{
	uint64_t reaches = 0;

	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		bool reached = now - nodes.reached_us[node] <= lease_us;
		bool in_question = !reached && (reached_by_others & node_id_bit(node)) != 0;

		if (!nodes.is_known[node] || node == quorate_shared->self)
			continue;
		if (!in_question)
			nodes.missed_since_us[node] = 0;
		else if (nodes.missed_since_us[node] == 0)
			nodes.missed_since_us[node] = now;
		if (reached || (in_question && now - nodes.missed_since_us[node] < lease_us))
			reaches |= node_id_bit(node);
		links_in_question |= in_question;
	}
	nodes.reaches[quorate_shared->self] = reaches;
}

/*
 * Since when each node is well: heard without a break, and reaching whom this one reaches.  A leader that is moved to
 * one that comes and goes, or reaches less, would have to be moved away again.
 */
static void
look_who_is_well(TimeUs now, TimeUs lease_us)
{
	uint64_t self_reaches = nodes.reaches[quorate_shared->self];

	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		uint64_t less = self_reaches & ~(nodes.reaches[node] | node_id_bit(node));

		if (!nodes.is_known[node] || nodes.silent_us[node] > lease_us ||
			(nodes.reaches[node] != 0 && less != 0))
			nodes.well_since_us[node] = 0;
		else if (nodes.well_since_us[node] == 0)
			nodes.well_since_us[node] = now;
	}
}

static void
look_at_nodes(void)
{
	TimeUs now = shared_now_us();
	TimeUs heal_us = quorate_heal_after_ms * INT64CONST(1000);
	TimeUs lease_us = quorate_lease_duration_ms * INT64CONST(1000);
	const NodeInfo *known;
	uint32_t count;

	known = metadata_nodes(&count);
	memset(nodes.is_known, 0, sizeof(nodes.is_known));
	for (uint32_t i = 0; i < count; i++)
	{
		NodeId node = known[i].node;
		TimeUs heard_us = (TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[node]);

		nodes.is_known[node] = true;
		nodes.info[node] = known[i];
		if (node == quorate_shared->self)
			heard_us = now;
		nodes.silent_us[node] = heard_us == 0 ? now - nodes.began_us : now - heard_us;
		nodes.is_alive[node] = heard_us != 0 && nodes.silent_us[node] < heal_us;
	}
	links_in_question = false;
	look_whom_this_reaches(now, lease_us, look_at_links(now, lease_us));
	look_who_is_well(now, lease_us);
}

static bool
node_is_well(NodeId node)
{
	return nodes.well_since_us[node] != 0 &&
		   shared_now_us() - nodes.well_since_us[node] >= BALANCE_AFTER_US;
}

/* ---------------------------------------------------------------- one group */

static void
fill_member(PlanMember *plan, const MemberStatus *member, const GroupStatus *status)
{
	NodeId node = member->node;
	bool is_self = node == quorate_shared->self;

	plan->node = node;
	plan->kind = member->kind;
	plan->is_away = !is_self && (!nodes.is_known[node] || !nodes.is_alive[node]);
	plan->is_heard = is_self || nodes.silent_us[node] < (TimeUs) quorate_lease_duration_ms * 1000;
	plan->is_caught_up = is_self ||
						 (!member->needs_snapshot && member->durable_lsn > 0 &&
						  member->durable_lsn + AUTOADMIN_NEAR_ENTRIES >= status->commit_lsn);
	plan->has_rows = is_self || member->has_rows;
	plan->may_lead = autoadmin_node_may_lead(&nodes, node);
	plan->reaches = nodes.reaches[node];
}

/* A node for a log replica: one whose zone has none of the members that live, else any other. */
static NodeId
choose_stand_in(const PlanInput *input, GroupId group)
{
	NodeId found = 0;
	bool found_zone = false;

	for (uint32_t i = 0; i < CORE_NODES_MAX; i++)
	{
		NodeId node = (NodeId) (1 + (group + i) % CORE_NODES_MAX);
		bool is_member = false;
		bool zone_is_free = true;

		if (!nodes.is_known[node] || !nodes.is_alive[node] ||
			nodes.info[node].state == NODE_LEAVING)
			continue;
		for (uint32_t k = 0; k < input->member_count; k++)
		{
			const PlanMember *member = &input->members[k];

			is_member |= member->node == node;
			zone_is_free &= member->is_away || !nodes.is_known[member->node] ||
							strcmp(nodes.info[member->node].zone, nodes.info[node].zone) != 0;
		}
		if (is_member || (found != 0 && (found_zone || !zone_is_free)))
			continue;
		found = node;
		found_zone = zone_is_free;
	}
	return found;
}

static void
fill_input(PlanInput *input, const GroupStatus *status, const AutoadminWanted *wanted)
{
	uint32_t stuck = autoadmin_stuck_members(status);

	memset(input, 0, sizeof(*input));
	input->self = quorate_shared->self;
	input->is_settled = status->generation == status->committed_generation &&
						status->start_lsn > 0 && status->commit_lsn >= status->start_lsn;
	input->heals = wanted->heals;
	input->balances = wanted->balances && node_is_well(wanted->preferred);
	input->preferred = wanted->preferred;
	input->wanted_count = wanted->count;
	memcpy(input->wanted, wanted->members, wanted->count * sizeof(Member));
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		if (status->members[i].half != HALF_BOTH)
			input->is_settled = false;
		fill_member(&input->members[i], &status->members[i], status);
		if (status->members[i].node != input->self && (stuck & 1u << i))
		{
			input->members[i].is_away = true;
			input->members[i].is_heard = false;
		}
		input->member_count++;
	}
	memcpy(input->is_alive, nodes.is_alive, sizeof(input->is_alive));
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
		input->is_alive[node] &= nodes.is_known[node];
	input->stand_in = choose_stand_in(input, status->group);
}

static void
publish_step(GroupShared *group, const PlanStep *step)
{
	uint64_t said = (uint64_t) step->state | (uint64_t) step->about << 32;

	if (pg_atomic_read_u64(&group->plan) == said)
		return;
	pg_atomic_write_u64(&group->plan_since_us, (uint64_t) shared_now_us());
	pg_atomic_write_u64(&group->plan, said);
	if (step->action == PLAN_DO_CHANGE || step->state == PLAN_NO_PLACE)
		ereport(LOG, (errmsg("replication group " UINT64_FORMAT ": %s%s%s",
							 pg_atomic_read_u64(&group->group), member_plan_state_name(step->state),
							 step->about != 0 ? ", node " : "",
							 step->about == 0              ? ""
							 : nodes.is_known[step->about] ? nodes.info[step->about].name
														   : "unknown")));
}

/* The group's status if this node leads it and holds its lease now. */
static bool
leads(GroupShared *group, GroupStatus *status)
{
	if (group == NULL || pg_atomic_read_u64(&group->lead_sequence) % 2 == 0 ||
		(TimeUs) pg_atomic_read_u64(&group->lease_until_us) <= shared_now_us())
		return false;
	SpinLockAcquire(&group->mutex);
	*status = group->status;
	SpinLockRelease(&group->mutex);
	return status->group != 0;
}

/*
 * A replica here that the metadata does not want may have been removed without hearing of it: another group can keep
 * it bound to its leader's node.  It asks the wanted members, one a round.
 */
static void
inquire_if_unwanted(GroupId id, const AutoadminWanted *wanted)
{
	static uint32_t turn;

	if (wanted->count == 0 || !inquiries_due)
		return;
	for (uint32_t i = 0; i < wanted->count; i++)
	{
		if (wanted->members[i].node == quorate_shared->self)
			return;
	}
	group_command_inquire(id, wanted->members[turn++ % wanted->count].node);
}

/* Takes the next step of a group; true if something is under way there. */
static bool
care_for_group(GroupId id, const AutoadminWanted *wanted)
{
	GroupShared *group = shared_group_find(id);
	GroupStatus status;
	PlanInput input;
	PlanStep step;

	if (!leads(group, &status))
	{
		if (group == NULL)
			return false;
		pg_atomic_write_u64(&group->plan, 0);
		autoadmin_forget_members(id);
		inquire_if_unwanted(id, wanted);
		return false;
	}
	if (wanted->count == 0)
		return false;
	fill_input(&input, &status, wanted);
	member_plan(&input, &step);
	publish_step(group, &step);
	if (step.action == PLAN_DO_CHANGE)
		group_command_change(id, &step.change);
	else if (step.action == PLAN_DO_TRANSFER)
		(void) proposal_transfer(id, step.target);
	return step.state != PLAN_STEADY;
}

/* ---------------------------------------------------------------- all groups */

/* The metadata is kept by up to so many acceptors; all other nodes learn it. */
static bool
care_for_metadata(void)
{
	GroupShared *group = shared_group_find(GROUP_METADATA);
	AutoadminWanted wanted;
	GroupStatus status;

	if (!leads(group, &status))
		return care_for_group(GROUP_METADATA, &(AutoadminWanted){0});
	autoadmin_want_metadata(&nodes, &status, &wanted);
	autoadmin_place(&nodes);
	return care_for_group(GROUP_METADATA, &wanted);
}

static bool
care_for_tables(void)
{
	uint32_t count;
	const TableInfo *const *tables = metadata_tables(&count);
	bool busy = false;

	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t k = 0; k < tables[i]->partition_count; k++)
		{
			AutoadminWanted wanted;

			autoadmin_want_partition(&tables[i]->partitions[k], &wanted);
			busy |= care_for_group(tables[i]->partitions[k].group, &wanted);
		}
		CHECK_FOR_INTERRUPTS();
	}
	return busy;
}

/* One round; returns how long to wait before the next. */
static long
do_round(void)
{
	static TimeUs inquired_us;
	bool busy;

	if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_RUNNING || !metadata_is_complete())
		return IDLE_MS;
	inquiries_due = shared_now_us() - inquired_us >= INQUIRE_INTERVAL_US;
	if (inquiries_due)
		inquired_us = shared_now_us();
	own_transaction_begin();
	look_at_nodes();
	busy = care_for_metadata();
	busy |= care_for_tables();
	own_transaction_commit();
	return busy || links_in_question ? BUSY_MS : IDLE_MS;
}

void
autoadmin_main(Datum argument)
{
	table_worker_start("quorate autoadmin");
	own_transaction_begin();
	table_worker_require_extension();
	own_transaction_commit();
	shared_register_latch(&quorate_shared->autoadmin_latch);
	nodes.began_us = shared_now_us();
	for (;;)
	{
		long wait_ms;

		ResetLatch(MyLatch);
		table_worker_check_signals();
		table_worker_check_member();
		wait_ms = do_round();
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait_ms,
				  PG_WAIT_EXTENSION);
	}
}
