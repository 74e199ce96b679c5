/*
 * sim_plan.h
 *		The input of the member planner (routing/member_plan.h) for a simulated leader.
 */
#ifndef QUORATE_SIM_PLAN_H
#define QUORATE_SIM_PLAN_H

#include "routing/member_plan.h"
#include "sim/sim_world.h"

/* The leader of the group, whose engine gave that status. */
extern void
sim_plan_fill(const SimNode *leader, uint32_t group, const GroupStatus *status, PlanInput *input);

#endif /* QUORATE_SIM_PLAN_H */
