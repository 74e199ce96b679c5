/*
 * sim_nemesis.h
 *		What happens to the nodes: faults, ambushes, changes of members, disks that decay.
 */
#ifndef QUORATE_SIM_NEMESIS_H
#define QUORATE_SIM_NEMESIS_H

#include "sim/sim_world.h"

/* ---- sim_nemesis.c ---- */

extern void sim_nemesis_begin(SimWorld *world);
extern void sim_nemesis_strike(SimWorld *world);
extern void sim_nemesis_end(SimWorld *world, SimEvent event);

/* Another member of a group that the node leads or has, if there is one; else any other node. */
extern uint32_t sim_nemesis_companion(SimWorld *world, const SimNode *node);

/* How long a fault lasts, and a process is down. */
extern int64_t sim_nemesis_lasts_us(SimWorld *world);
extern int64_t sim_nemesis_down_us(SimWorld *world);

/* Cuts a node off, in both directions, until then. */
extern void sim_nemesis_isolate(SimWorld *world, uint32_t node, int64_t until_us);

/* The node's clock jumps and it notices at once; false if it is in no state to. */
extern bool sim_nemesis_jump(SimNode *node, int64_t jump_us);

/* A fault that lasts ends later, or goes into its second half: sim_nemesis_end. */
extern void
sim_nemesis_end_later(SimWorld *world, const SimNode *node, SimFault fault, int64_t after_us);

/* The process runs and is between two turns. */
extern bool sim_nemesis_is_idle(const SimNode *node);

/* Ends all faults for good. */
extern void sim_nemesis_stop(SimWorld *world);

/* ---- sim_ambush.c: faults that wait for their moment, or come in a chosen order ---- */

/* A node begins to adopt or to lead: perhaps it is struck within the next milliseconds. */
extern void sim_ambush_lay(SimNode *node, uint32_t group, bool leads);
extern void sim_ambush_spring(SimNode *node);

/* A leader began a change of members: perhaps one of them does not hear of it, and the leader is struck. */
extern void sim_ambush_change(SimNode *leader, const GroupStatus *status);
extern bool sim_ambush_return_to_one(SimWorld *world, SimNode *node);
extern bool sim_ambush_restart_majority(SimWorld *world, SimNode *node);
extern bool sim_ambush_jump_majority(SimWorld *world, SimNode *node);

/* A leader hears everything late; after a while nobody hears it any more. */
extern bool sim_ambush_hear_late(SimWorld *world, SimNode *node);
extern void sim_ambush_mute(SimWorld *world, uint32_t node);

/* The leader of a group is cut off; so is each of the next few, while the one before returns. */
extern bool sim_ambush_relay(SimWorld *world, SimNode *node);
extern bool sim_ambush_relay_runs(const SimWorld *world);
extern void sim_ambush_relay_next(SimWorld *world, uint32_t node, uint64_t leg);

/* A follower tells the node that it has entries up to lsn. */
extern void sim_ambush_acknowledged(SimWorld *world, uint32_t node, uint32_t group, Lsn lsn);

/* The restless operator's next move. */
extern void sim_ambush_operate(SimWorld *world);

/* The idle group gets a new generation, which the nodes learn of one after the other. */
extern bool sim_ambush_replace_group(SimWorld *world, SimNode *node);

extern void sim_ambush_replace_at(SimNode *node);

/* A frame of the node goes out once more, naming an absurd ballot; NULL if it names none. */
extern SimFrame *sim_ambush_forge(const SimFrame *frame);

/* ---- sim_members.c: who changes the members ---- */

/* Chooses the groups' first members. */
extern void sim_members_begin(SimWorld *world);

/* Looks at a group and perhaps asks its leader for a change. */
extern void sim_members_step(SimWorld *world);

/* Three usable nodes for each group, to be reached from now on. */
extern void sim_members_settle(SimWorld *world);
extern bool sim_members_are_settled(const SimWorld *world, uint32_t group);

/* ---- sim_rot.c: logs that are damaged ---- */

/* A node ends, and some bytes of its log are damaged. */
extern bool sim_rot_one(SimWorld *world, SimNode *node);

/* All nodes end, and in each log some entries are damaged that are not damaged in any other. */
extern bool sim_rot_everywhere(SimWorld *world, SimNode *node);

/* ---- sim_decay.c: disks that are lost or copied ---- */

/* Could every group do without the node, for good? */
extern bool sim_decay_may_lose(const SimWorld *world, uint32_t index);

extern bool sim_decay_lose(SimWorld *world, SimNode *node);
extern bool sim_decay_copy(SimWorld *world, SimNode *node);

/* The node's log was refused: its life is over, and a new node takes its place. */
extern void sim_decay_end(SimNode *node);

/* A lost node that no group names any more is forgotten, and another one may be lost. */
extern void sim_decay_look(SimWorld *world);

#endif /* QUORATE_SIM_NEMESIS_H */
