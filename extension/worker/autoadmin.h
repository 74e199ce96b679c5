/*
 * autoadmin.h
 *		What the files of autoadmin know of each other; nobody else includes this.
 *
 *		autoadmin.c			the process: rounds over the groups that this node leads
 *		autoadmin_place.c	what is wanted: members of the metadata, replicas in the place of lost ones
 *		autoadmin_watch.c	members that are heard and get no further
 */
#ifndef QUORATE_WORKER_AUTOADMIN_H
#define QUORATE_WORKER_AUTOADMIN_H

#include "postgres.h"

#include "catalog/metadata.h"
#include "core/group.h"
#include "shmem/shared_state.h"

/* A member holds nearly everything when it lacks at most so many entries. */
#define AUTOADMIN_NEAR_ENTRIES 1000

/* The nodes of the cluster, by node id. */
typedef struct AutoadminNodes
{
	TimeUs began_us; /* of this process: a node that was never heard is silent since then */
	bool is_known[CORE_NODES_MAX + 1];
	bool is_alive[CORE_NODES_MAX + 1]; /* heard within quorate.heal_after */
	TimeUs silent_us[CORE_NODES_MAX + 1];
	TimeUs well_since_us[CORE_NODES_MAX + 1]; /* heard without a break since then; 0 if it is not */
	TimeUs reached_us[CORE_NODES_MAX +
					  1]; /* when it was last known to reach this node and to be reached */
	TimeUs missed_since_us[CORE_NODES_MAX +
						   1]; /* others reach it, this node does not; 0 if that is not so */
	uint64_t
		reaches[CORE_NODES_MAX + 1]; /* the nodes that it reaches; 0 if that is not known now */
	NodeInfo info[CORE_NODES_MAX + 1];
} AutoadminNodes;

/* Who shall be the members of a group. */
typedef struct AutoadminWanted
{
	uint32_t count; /* 0: nothing is known, nothing is to be done */
	Member members[CORE_MEMBERS_MAX];
	NodeId preferred;
	bool heals;
	bool balances;
} AutoadminWanted;

/* False for a node that shall lead nothing: it drains or leaves, or nobody knows it. */
extern bool autoadmin_node_may_lead(const AutoadminNodes *nodes, NodeId node);

/*
 * The members, by index, of a group that this node leads which have got no further for ten times quorate.heal_after
 * although they lack something, and those that were so and have not kept up for long enough since.  And: what is
 * remembered of a group's members is forgotten.
 */
extern uint32_t autoadmin_stuck_members(const GroupStatus *status);
extern void autoadmin_forget_members(GroupId group);

/* What the metadata says of a partition. */
extern void autoadmin_want_partition(const PartitionInfo *partition, AutoadminWanted *wanted);

/* The acceptors of the metadata as they are, or others in the place of those that are lost; all others learn. */
extern void autoadmin_want_metadata(const AutoadminNodes *nodes, const GroupStatus *status,
									AutoadminWanted *wanted);

/*
 * On the node that leads the metadata: records what is wanted where replicas are lost, missing or badly spread.
 * Called within a transaction.
 */
extern void autoadmin_place(const AutoadminNodes *nodes);

#endif /* QUORATE_WORKER_AUTOADMIN_H */
