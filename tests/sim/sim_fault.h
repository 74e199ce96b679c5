/*
 * sim_fault.h
 *		The kinds of faults, which of them a run uses and how often each was really applied.
 *
 * Each seed switches a random part of the kinds off ("swarm"): a run in which everything fails at once never
 * reaches the states in which one fault alone does harm.
 */
#ifndef QUORATE_SIM_FAULT_H
#define QUORATE_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim_random.h"

/* X(name, in how many of a thousand seeds it takes part, meaning) */
#define SIM_FAULTS(X)                                                                            \
	X(frame_dropped, 550, "a frame is lost")                                                     \
	X(frame_duplicated, 550, "a frame arrives twice")                                            \
	X(frame_reordered, 550, "a frame overtakes others")                                          \
	X(frame_delayed, 550, "a frame arrives up to a lease late")                                  \
	X(frame_damaged, 550, "a frame arrives with a flipped bit")                                  \
	X(frame_forged, 300, "a sound frame names a ballot that nobody can have reached")            \
	X(link_cut_one_way, 550, "one direction between two nodes carries nothing")                  \
	X(node_isolated, 1000, "a node neither sends nor receives")                                  \
	X(node_returned_to_one, 500, "an isolated node comes back with a link to one other only")    \
	X(process_killed, 550, "a process ends; its files keep what was written")                    \
	X(power_lost, 550, "a node ends; its files lose what was not synced")                        \
	X(power_lost_everywhere, 550, "all nodes end at once")                                       \
	X(majority_restarted, 550, "all but an isolated leader restart within its lease")            \
	X(leader_ambushed, 550, "a node is struck just as it begins to adopt or to lead")            \
	X(leaders_relayed, 600, "each new leader of a group is cut off, and the one before returns") \
	X(majority_jumped, 300, "the clocks of all but an isolated leader jump forward")             \
	X(leader_hears_late, 400, "a leader hears everything late, then nobody hears it")            \
	X(crash_in_io, 550, "a node ends in the middle of a write, sync or rename")                  \
	X(unsynced_lost, 1000, "unsynced bytes were really lost")                                    \
	X(write_torn, 1000, "a part of an unsynced write survived")                                  \
	X(write_failed, 550, "a write returns an error")                                             \
	X(write_short, 550, "a write does less than it was asked to")                                \
	X(sync_failed, 550, "a sync returns an error")                                               \
	X(sync_hung, 550, "a sync takes longer than half a lease")                                   \
	X(disk_slow, 550, "syncs take long for a while")                                             \
	X(disk_full, 550, "no room for a while")                                                     \
	X(clock_drifted, 550, "a clock changes its speed")                                           \
	X(clock_jumped_forward, 550, "a clock jumps forward")                                        \
	X(clock_jumped_back, 550, "a clock jumps back")                                              \
	X(node_paused, 550, "a process is stopped for a while")                                      \
	X(reader_paused, 550, "a reader is stopped between its read and its reply")                  \
	X(leadership_transferred, 1000, "an operator moves leadership")                              \
	X(operator_restless, 120,                                                                    \
	  "an operator moves leadership all the time, and no row is ever flushed")                   \
	X(group_replaced, 200, "an idle group is dropped and made anew, one node after the other")   \
	X(members_changed, 700, "a change of a group's members began")                               \
	X(change_ambushed, 500,                                                                      \
	  "a leader is struck as it changes the members, and one of them misses it")                 \
	X(join_repeated, 400, "the leave to make a replica arrives once more, late")                 \
	X(member_came, 1000, "a node made a replica because a leader asked for it")                  \
	X(member_went, 1000, "a node gave up a replica because it is no member any more")            \
	X(log_rebased, 1000, "a replica's log began anew, or its rows went")                         \
	X(copy_interrupted, 1000, "a page of rows did not come because its source died")             \
	X(disk_lost, 150, "a disk is lost for good, and a new node replaces its node")               \
	X(log_rotten, 400, "a log is damaged, and its node gets what it lacks from others")          \
	X(log_refused, 1000, "a log is damaged and does not say what was promised: it is refused")   \
	X(log_rotten_everywhere, 300, "all logs are damaged, each at other entries")                 \
	X(entries_repaired, 1000, "entries that were damaged came from other nodes")                 \
	X(disk_copied, 200, "a node is started on a copy of its disk, and refuses it")               \
	X(applied_rows_lost, 1000, "rows that were applied are lost in a crash")                     \
	X(proposers_competed, 1000, "two nodes strove to lead a group at once")                      \
	X(version_raised, 500, "an upgrade is finalized, and a node learns of it")                   \
	X(replica_left_behind, 150,                                                                  \
	  "a node is away until the others have given up the log that it lacks")

typedef enum SimFault
{
#define SIM_FAULT_ENUM(name, permille, meaning) SIM_FAULT_##name,
	SIM_FAULTS(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
	SIM_FAULT_COUNT
} SimFault;

extern const char *const sim_fault_names[SIM_FAULT_COUNT];

typedef struct SimFaults
{
	bool enabled[SIM_FAULT_COUNT];
	uint64_t applied[SIM_FAULT_COUNT];
} SimFaults;

/* Chooses the kinds for a run. */
extern void sim_faults_choose(SimFaults *faults, SimRandom *random);

#endif /* QUORATE_SIM_FAULT_H */
