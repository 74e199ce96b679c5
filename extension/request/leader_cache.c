/*
 * leader_cache.c
 *		A backend's memory of leaders; see leader_cache.h.
 *
 * Runs in the request router of client backends.  One small entry for each group that this backend has sent requests
 * for, for the life of the backend.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "request/leader_cache.h"

#define GROUPS_EXPECTED 64

typedef struct KnownLeader
{
	GroupId group; /* hash key */
	NodeId leader;
} KnownLeader;

static HTAB *known_leaders;

NodeId
leader_cache_get(GroupId group)
{
	const KnownLeader *known = NULL;

	if (known_leaders != NULL)
		known = hash_search(known_leaders, &group, HASH_FIND, NULL);
	return known != NULL ? known->leader : 0;
}

void
leader_cache_set(GroupId group, NodeId leader)
{
	HASHCTL control = {.keysize = sizeof(GroupId), .entrysize = sizeof(KnownLeader)};
	KnownLeader *known;

	if (known_leaders == NULL)
		known_leaders = hash_create("quorate leaders", GROUPS_EXPECTED, &control,
									HASH_ELEM | HASH_BLOBS);
	known = hash_search(known_leaders, &group, HASH_ENTER, NULL);
	known->leader = leader;
}
