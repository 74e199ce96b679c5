/*
 * replicator.h
 *		What the files of the replicator know of each other; nobody else includes this.
 *
 *		replicator.c			the process: its event loop and the turn
 *		replicator_engine.c		opening the engine, laying out a new node, taking it away again
 *		replicator_groups.c		per group: executors that wait, the feed of the applier, published state
 *		replicator_peers.c		streams to the other nodes
 *
 * All of it is one process and one thread; its state is in static variables of these files.
 */
#ifndef QUORATE_WORKER_REPLICATOR_H
#define QUORATE_WORKER_REPLICATOR_H

#include "postgres.h"

#include "replication/engine.h"
#include "shmem/command.h"
#include "shmem/proposal_queue.h"
#include "shmem/shared_state.h"

/* The engine of this node; NULL while it belongs to no cluster or its log cannot be used. */
extern Engine *replicator_engine;

/* ---- replicator_engine.c ---- */

/* Looks for an identity in the log directory and, if there is one, recovers; sets the node's state. */
extern void replicator_open(void);

/* Opens the engine again after an I/O error, if that is due.  Returns ms until it is, or -1. */
extern long replicator_reopen_if_due(void);

/* Carry out the node's commands. */
extern void replicator_bootstrap(const NodeCommand *command, const void *node_list, Size length,
								 CommandResult *result);
extern void replicator_unbootstrap(CommandResult *result);
extern void replicator_adopt(CommandResult *result);

/* ---- replicator_groups.c ---- */

/* A process's start: forgets the leaderships of its predecessor. */
extern void groups_init(void);

/* Voids all leaderships and leases that are published. */
extern void groups_step_down_all(void);

/*
 * Makes published state for every group that the engine recovered, and removes that of others.  False if
 * there are more groups than quorate.max_groups.
 */
extern bool groups_attach(void);
extern void groups_detach_all(void);

/* Carry out the commands of reconciler and applier. */
extern void groups_open(const NodeCommand *command);
extern void groups_close(GroupId group);
extern void groups_feed_restart(void);
extern void groups_feed_start(const NodeCommand *command);

/* Hands a write to the engine. */
extern void groups_propose(const ProposalHeader *header, const void *payload, Size length);

/* The engine's callbacks that concern groups. */
extern void groups_fill_callbacks(EngineCallbacks *callbacks);

/* End of a turn: publishes what changed, wakes executors, feeds the applier. */
extern void groups_finish_turn(void);

/* Writes that were appended here and not yet answered, of all groups. */
extern uint64_t groups_writes_under_way(void);

/* Once in a while: tells the engine what is applied, and publishes leases. */
extern void groups_housekeep(void);

/* ---- replicator_peers.c ---- */

/* Makes a stream for each other node in SharedState.nodes, and ends those that were there before. */
extern void peers_connect(void);
extern void peers_disconnect(void);

/* Goes on with all streams; sends a frame (the engine's callback); sleeps until there is something to do. */
extern void peers_run(void);
extern void peers_send(void *context, NodeId to, const uint8_t *frame, size_t length);
extern void peers_wait(long timeout_ms);

/* Frames that arrived go to the engine, up to a few MB from each node.  True if there are more. */
extern bool peers_receive(void);

/* Once in a while: publishes when each peer was heard last. */
extern void peers_publish(void);

#endif /* QUORATE_WORKER_REPLICATOR_H */
