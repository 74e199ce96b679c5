/*
 * autoadmin_watch.c
 *		Which members of a group that this node leads are stuck; see autoadmin.h and routing/member_watch.h.
 *
 * What is remembered of a group lives only while a member of it lacks something and this process leads it.  A
 * member whose log gets on but whose rows do not is none of its business: it counts as well as a log replica would.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "routing/member_watch.h"
#include "settings.h"
#include "worker/autoadmin.h"

/* A member that is heard is given up later than a silent one: by so much. */
#define STUCK_FACTOR 10

/* How long it has to keep up before it counts again. */
#define WELL_AFTER_US (10 * INT64CONST(1000) * 1000)

typedef struct GroupWatch
{
	GroupId group; /* hash key */
	NodeId nodes[CORE_MEMBERS_MAX];
	MemberWatch members[CORE_MEMBERS_MAX];
} GroupWatch;

static HTAB *watches;

static void
make_watches(void)
{
	HASHCTL control = {.keysize = sizeof(GroupId), .entrysize = sizeof(GroupWatch)};

	control.hcxt = TopMemoryContext;
	watches = hash_create("quorate members that lack something", 64, &control,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* What is remembered of a node as a member; members come and go. */
static MemberWatch
watch_of(const GroupWatch *watch, NodeId node)
{
	for (int i = 0; i < CORE_MEMBERS_MAX; i++)
	{
		if (watch->nodes[i] == node)
			return watch->members[i];
	}
	return (MemberWatch){0};
}

static bool
lacks_something(const GroupStatus *status)
{
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		if (status->members[i].durable_lsn < status->commit_lsn)
			return true;
	}
	return false;
}

/* What was remembered, or nothing; NULL if there is nothing to remember either. */
static GroupWatch *
find_watch(const GroupStatus *status)
{
	GroupWatch *watch;
	bool found;

	if (watches == NULL)
		make_watches();
	watch = hash_search(watches, &status->group, lacks_something(status) ? HASH_ENTER : HASH_FIND,
						&found);
	if (watch != NULL && !found)
	{
		memset(watch, 0, sizeof(*watch));
		watch->group = status->group;
	}
	return watch;
}

uint32_t
autoadmin_stuck_members(const GroupStatus *status)
{
	const WatchLimits limits = {.stuck_after_us = quorate_heal_after_ms * INT64CONST(1000) *
												  STUCK_FACTOR,
								.well_after_us = WELL_AFTER_US,
								.near_entries = AUTOADMIN_NEAR_ENTRIES};
	GroupWatch *watch = find_watch(status);
	GroupWatch before;
	bool is_idle = true;
	uint32_t stuck = 0;

	if (watch == NULL)
		return 0;
	before = *watch;
	memset(watch->nodes, 0, sizeof(watch->nodes));
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		const MemberStatus *member = &status->members[i];

		watch->nodes[i] = member->node;
		watch->members[i] = watch_of(&before, member->node);
		if (member_watch_look(&watch->members[i], member->durable_lsn, status->commit_lsn,
							  shared_now_us(), &limits))
			stuck |= 1u << i;
		is_idle &= member_watch_is_idle(&watch->members[i]);
	}
	if (is_idle)
		autoadmin_forget_members(status->group);
	return stuck;
}

void
autoadmin_forget_members(GroupId group)
{
	if (watches != NULL)
		hash_search(watches, &group, HASH_REMOVE, NULL);
}
