/*
 * member_plan.h
 *		The next step by which a group's leader takes its members to what the metadata wants.
 *
 * Pure: autoadmin (worker/autoadmin.c) fills in what its node knows of a group that it leads, and carries out the
 * step.  Called again and again, from whatever state a crash, a new leader or a change of mind has left: a plan has
 * no memory.  docs/operations.md explains the states to operators.
 */
#ifndef QUORATE_ROUTING_MEMBER_PLAN_H
#define QUORATE_ROUTING_MEMBER_PLAN_H

#include "core/core_types.h"

/* One member as its leader sees it. */
typedef struct PlanMember
{
	NodeId node;
	MemberKind kind;
	bool is_away;  /* silent for longer than a log replica waits for, or stuck (member_watch.h) */
	bool is_heard; /* heard within a lease and not stuck: it may be counted on for a quorum */
	bool is_caught_up; /* its log holds nearly all that is committed */
	bool has_rows;     /* its rows are those of its log */
	bool may_lead;     /* its node is not draining or leaving */

	/* The nodes that its node reaches in both directions (node_id_bit); 0 if the leader does not know. */
	uint64_t reaches;
} PlanMember;

typedef struct PlanInput
{
	NodeId self;
	bool
		is_settled; /* the newest membership is committed, and an entry of the leader's own ballot */
	uint32_t member_count;
	PlanMember members[CORE_MEMBERS_MAX];
	uint32_t wanted_count;
	Member wanted[CORE_MEMBERS_MAX];   /* node and kind: storage replicas and learners */
	bool is_alive[CORE_NODES_MAX + 1]; /* by node: can be made a member now */
	NodeId preferred;                  /* should lead; 0 for nobody in particular */
	NodeId stand_in;                   /* where a log replica may go now; 0 for nowhere */
	bool heals;                        /* log replicas may be added */
	bool balances;                     /* the leader may be moved to the preferred one */
} PlanInput;

typedef enum PlanStage
{
	PLAN_STEADY = 1,   /* as it should be */
	PLAN_CHANGING,     /* a change is being committed */
	PLAN_HANDING_OVER, /* this leader shall not stay: another one takes over */
	PLAN_ADDING,       /* wanted members are made learners */
	PLAN_CATCHING_UP,  /* a learner gets the log */
	PLAN_COPYING,      /* a learner gets the rows */
	PLAN_SWAPPING, /* a ready learner becomes a storage replica, in the place of another member if there is one */
	PLAN_ADDING_LOG,  /* a member is away: a log replica is prepared elsewhere */
	PLAN_STANDING_IN, /* a log replica counts in the place of a member that is away */
	PLAN_NO_PLACE,    /* a member is away, and no node can take a log replica */
	PLAN_PROMOTING,   /* a log replica becomes a storage replica */
	PLAN_REMOVING,    /* members that are not wanted go */
	PLAN_BALANCING,   /* the preferred leader takes over */
	PLAN_WAITING,     /* a wanted member cannot be reached */
	PLAN_NO_QUORUM    /* the next change would leave a group without a quorum that is heard */
} PlanStage;

#define PLAN_STATE_LAST PLAN_NO_QUORUM

typedef enum PlanAction
{
	PLAN_DO_NOTHING = 0,
	PLAN_DO_CHANGE,  /* EVENT_CHANGE to `change` */
	PLAN_DO_TRANSFER /* EVENT_TRANSFER to `target` */
} PlanAction;

typedef struct PlanStep
{
	PlanStage state;
	PlanAction action;
	Membership change;
	NodeId target;
	NodeId about; /* the member that the state is about; 0 for none in particular */
} PlanStep;

/* The next step.  Called on the leader of the group, `self`, which is a member. */
extern void member_plan(const PlanInput *input, PlanStep *step);

/* The state as an operator reads it, such as "copying rows". */
extern const char *member_plan_state_name(PlanStage state);

#endif /* QUORATE_ROUTING_MEMBER_PLAN_H */
