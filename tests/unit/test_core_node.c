/*
 * test_core_node.c
 *		A node with many groups: opening and closing, what idle groups cost, what a log replica never does.
 *
 * Node 2 of a cluster of three; the test plays nodes 1 and 3.
 */
#include "core/group.h"

#include "tap.h"

#define LEASE_US 1000000
#define HEARTBEAT_US 100000
#define MANY 10000

typedef struct Fixture
{
	CoreNode *node;
	TimeUs now;
	uint64_t sent[MESSAGE_KIND_LAST + 1]; /* messages by kind since the last look */
	uint64_t others;                      /* other effects */
	Heartbeat heard;                      /* the node's newest heartbeat to node 1 */
	uint32_t contenders_max;
} Fixture;

static void
step(Fixture *fixture, const Event *event)
{
	Effects effects = group_step(fixture->node, event, fixture->now);
	uint32_t i;

	for (i = 0; i < effects.count; i++)
	{
		const Effect *effect = &effects.items[i];

		if (effect->kind != EFFECT_SEND)
		{
			fixture->others++;
			continue;
		}
		fixture->sent[effect->message.kind]++;
		if (effect->message.kind == MESSAGE_HEARTBEAT && effect->message.to == 1)
			fixture->heard = effect->message.heartbeat;
	}
}

static void
look_away(Fixture *fixture)
{
	memset(fixture->sent, 0, sizeof(fixture->sent));
	fixture->others = 0;
}

static void
start(Fixture *fixture, MemberKind kind, uint32_t groups)
{
	CoreConfig config = {.self = 2,
						 .start_counter = 1,
						 .lease_us = LEASE_US,
						 .heartbeat_us = HEARTBEAT_US,
						 .clock_drift_ppm = 250000,
						 .accept_entries_max = 64,
						 .inflight_entries_max = 256,
						 .contenders_max = fixture->contenders_max,
						 .seed = 1};
	GroupId group;

	fixture->now = 1000000;
	fixture->node = core_node_create(&config, fixture->now);
	for (group = 1; group <= groups; group++)
	{
		MembershipAt at = {.membership = {.generation = 1,
										  .member_count = 3,
										  .members = {{1, MEMBER_STORAGE, HALF_BOTH, 1},
													  {2, kind, HALF_BOTH, 1},
													  {3, MEMBER_STORAGE, HALF_BOTH, 1}}}};
		GroupRecovered recovered = {
			.group = group, .membership_count = 1, .memberships = &at, .first_leader = 1};

		core_node_open_group(fixture->node, &recovered, fixture->now);
	}
}

/* Node 1 leads all groups under 1.1 and says so, with its first entry. */
static void
be_led(Fixture *fixture, uint32_t groups)
{
	Entry entry = {.ballot = {1, 1}};
	GroupId group;

	for (group = 1; group <= groups; group++)
	{
		Message message = {.kind = MESSAGE_ACCEPT,
						   .from_since = 1,
						   .to_since = 1,
						   .from = 1,
						   .to = 2,
						   .group = group,
						   .generation = 1,
						   .ballot = {1, 1},
						   .entry_count = 1,
						   .entries = &entry};
		Event event = {.kind = EVENT_MESSAGE, .message = &message};

		step(fixture, &event);
	}
}

/* One heartbeat interval: node 1 asks for its grant if it lives, the node syncs and ticks when due. */
static void
interval(Fixture *fixture, bool leader_lives)
{
	Message message = {.kind = MESSAGE_HEARTBEAT, .from = 1, .to = 2};
	Event heartbeat = {.kind = EVENT_MESSAGE, .message = &message};
	TimeUs end_us = fixture->now + HEARTBEAT_US;
	Event synced = {.kind = EVENT_SYNCED, .sync_started_us = fixture->now};
	Event tick = {.kind = EVENT_TICK};

	step(fixture, &synced);
	while (core_next_tick_us(fixture->node) <= end_us)
	{
		if (core_next_tick_us(fixture->node) > fixture->now)
			fixture->now = core_next_tick_us(fixture->node);
		step(fixture, &tick);
	}
	fixture->now = end_us;
	message.heartbeat.start_counter = 1;
	message.heartbeat.sent_us = fixture->now;
	message.heartbeat.echo_us = fixture->heard.sent_us;
	message.heartbeat.echo_start_counter = 1;
	message.heartbeat.wants_grant = true;
	if (leader_lives)
		step(fixture, &heartbeat);
}

static void
intervals(Fixture *fixture, uint32_t count, bool leader_lives)
{
	while (count-- > 0)
		interval(fixture, leader_lives);
}

static void
test_idle_groups_cost_nothing(void)
{
	Fixture fixture = {0};

	start(&fixture, MEMBER_STORAGE, MANY);
	intervals(&fixture, 5, true);
	be_led(&fixture, MANY);
	TAP_IS_INT(fixture.sent[MESSAGE_ACCEPTED], MANY, "each group acknowledges its leader");
	intervals(&fixture, 2, true);
	look_away(&fixture);
	intervals(&fixture, 100, true);
	TAP_IS_INT(fixture.others, 0, "ten idle seconds of ten thousand groups record nothing");
	TAP_OK(fixture.sent[MESSAGE_HEARTBEAT] >= 198 && fixture.sent[MESSAGE_HEARTBEAT] <= 202,
		   "they send a heartbeat a peer and interval");
	fixture.sent[MESSAGE_HEARTBEAT] = 0;
	TAP_OK(fixture.sent[MESSAGE_ASK] + fixture.sent[MESSAGE_ACCEPTED] == 0, "and nothing else");
	TAP_OK(core_next_tick_us(fixture.node) > fixture.now, "and no tick is due before the next one");

	intervals(&fixture, 30, false);
	TAP_OK(fixture.sent[MESSAGE_ASK] >= 2 * MANY, "when the leader falls silent all of them ask");
	core_node_free(fixture.node);
}

/* Node 3 answers: no leader lives. */
static void
answer(Fixture *fixture, GroupId group)
{
	Message message = {.kind = MESSAGE_ANSWER,
					   .from_since = 1,
					   .to_since = 1,
					   .from = 3,
					   .to = 2,
					   .group = group,
					   .generation = 1,
					   .ballot = {1, 1}};
	Event event = {.kind = EVENT_MESSAGE, .message = &message};

	step(fixture, &event);
}

/* Groups in which the node asks, and in which it stands. */
static void
count_roles(Fixture *fixture, uint32_t groups, uint32_t *asking, uint32_t *candidates)
{
	GroupStatus status;
	GroupId group;

	*asking = *candidates = 0;
	for (group = 1; group <= groups; group++)
	{
		core_group_status(fixture->node, group, &status, fixture->now);
		*asking += status.role == ROLE_ASKING;
		*candidates += status.role == ROLE_CANDIDATE;
	}
}

static void
test_elections_take_turns(void)
{
	Fixture fixture = {.contenders_max = 10};
	uint32_t asking;
	uint32_t candidates;
	GroupId group;

	start(&fixture, MEMBER_STORAGE, 100);
	intervals(&fixture, 5, true);
	be_led(&fixture, 100);
	intervals(&fixture, 2, true);
	look_away(&fixture);
	while (fixture.sent[MESSAGE_ASK] == 0)
		interval(&fixture, false);
	TAP_OK(fixture.sent[MESSAGE_ASK] <= 2 * 2 * 10, "few of many groups ask at a time");
	intervals(&fixture, 100, false);
	count_roles(&fixture, 100, &asking, &candidates);
	TAP_OK(fixture.sent[MESSAGE_ASK] > 2 * 100 && asking > 10,
		   "who asks in vain makes room for the others");
	for (group = 1; group <= 100; group++)
		answer(&fixture, group);
	count_roles(&fixture, 100, &asking, &candidates);
	TAP_OK(candidates > 0, "those who got an answer stand");
	intervals(&fixture, 200, false);
	look_away(&fixture);
	intervals(&fixture, 20, false);
	TAP_OK(fixture.sent[MESSAGE_ASK] > 0, "and make room when nobody promises");
	core_node_free(fixture.node);
}

static void
test_log_replica_never_stands(void)
{
	Fixture fixture = {0};
	GroupStatus status;

	start(&fixture, MEMBER_LOG, 1);
	intervals(&fixture, 5, true);
	be_led(&fixture, 1);
	intervals(&fixture, 100, false);
	TAP_IS_INT(fixture.sent[MESSAGE_PREPARE], 0, "a log replica does not stand (I11)");
	TAP_OK(fixture.sent[MESSAGE_ASK] > 0 && fixture.sent[MESSAGE_ASK] <= 10,
		   "it asks now and then whether it is still a member");
	TAP_OK(core_group_status(fixture.node, 1, &status, fixture.now), "its group is open");
	TAP_IS_INT(status.role, ROLE_FOLLOWER, "and it follows");
	TAP_IS_INT(status.append_lsn, 1, "and holds the log");
	core_node_free(fixture.node);
}

static void
test_open_and_close(void)
{
	Fixture fixture = {0};
	GroupStatus status;
	GroupId group;
	uint32_t found = 0;
	Event propose = {.kind = EVENT_PROPOSE, .group = 7, .entry = {.length = 1, .payload = "x"}};

	start(&fixture, MEMBER_STORAGE, 1000);
	be_led(&fixture, 1000);
	for (group = 1; group <= 1000; group += 2)
		core_node_close_group(fixture.node, group);
	core_node_close_group(fixture.node, 1);
	for (group = 1; group <= 1000; group++)
		if (core_group_status(fixture.node, group, &status, fixture.now))
			found += status.group == group && group % 2 == 0;
	TAP_IS_INT(found, 500, "closed groups are gone, the others are there");
	look_away(&fixture);
	step(&fixture, &propose);
	TAP_IS_INT(fixture.others, 1, "a proposal to a closed group is refused");
	intervals(&fixture, 40, false);
	TAP_OK(fixture.sent[MESSAGE_ASK] >= 1000, "the open ones live on");
	core_node_free(fixture.node);
}

static void
test_heard(void)
{
	Fixture fixture = {0};

	start(&fixture, MEMBER_STORAGE, 1);
	TAP_IS_INT(core_peer_heard_us(fixture.node, 1), 0, "never heard");
	intervals(&fixture, 1, true);
	TAP_IS_INT(core_peer_heard_us(fixture.node, 1), fixture.now, "heard now");
	TAP_IS_INT(core_peer_heard_us(fixture.node, 3), 0, "the other one still never");
	core_node_free(fixture.node);
}

int
main(void)
{
	test_idle_groups_cost_nothing();
	test_elections_take_turns();
	test_log_replica_never_stands();
	test_open_and_close();
	test_heard();
	return tap_done();
}
