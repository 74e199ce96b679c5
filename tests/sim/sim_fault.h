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

#define SIM_FAULTS(X)                                                      \
	X(frame_dropped, "a frame is lost")                                    \
	X(frame_duplicated, "a frame arrives twice")                           \
	X(frame_reordered, "a frame overtakes others")                         \
	X(frame_delayed, "a frame arrives up to a lease late")                 \
	X(frame_damaged, "a frame arrives with a flipped bit")                 \
	X(link_cut_one_way, "one direction between two nodes carries nothing") \
	X(node_isolated, "a node neither sends nor receives")                  \
	X(process_killed, "a process ends; its files keep what was written")   \
	X(power_lost, "a node ends; its files lose what was not synced")       \
	X(power_lost_everywhere, "all nodes end at once")                      \
	X(crash_in_io, "a node ends in the middle of a write, sync or rename") \
	X(unsynced_lost, "unsynced bytes were really lost")                    \
	X(write_torn, "a part of an unsynced write survived")                  \
	X(write_failed, "a write returns an error")                            \
	X(write_short, "a write does less than it was asked to")               \
	X(sync_failed, "a sync returns an error")                              \
	X(sync_hung, "a sync takes longer than half a lease")                  \
	X(disk_slow, "syncs take long for a while")                            \
	X(disk_full, "no room for a while")                                    \
	X(clock_drifted, "a clock changes its speed")                          \
	X(clock_jumped_forward, "a clock jumps forward")                       \
	X(clock_jumped_back, "a clock jumps back")                             \
	X(node_paused, "a process is stopped for a while")                     \
	X(reader_paused, "a reader is stopped between its read and its reply") \
	X(leadership_transferred, "an operator moves leadership")              \
	X(applied_rows_lost, "rows that were applied are lost in a crash")     \
	X(proposers_competed, "two nodes strove to lead a group at once")

typedef enum SimFault
{
#define SIM_FAULT_ENUM(name, meaning) SIM_FAULT_##name,
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
