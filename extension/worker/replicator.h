/*
 * replicator.h
 *		What the files of the replicator know of each other; nobody else includes this.
 *
 *		replicator.c			the process: its event loop and the turn
 *		replicator_engine.c		opening the engine, laying out a new node, taking it away again
 *		replicator_groups.c		per group: executors that wait, published state
 *		replicator_feed.c		per group: feeding the applier
 *		replicator_rows.c		per group: whether its rows are there
 *		replicator_damage.c		damage in the log: what is logged and counted of it
 *		replicator_nodes.c		the nodes of the cluster: their list in the log and in shared memory
 *		replicator_peers.c		streams to the other nodes
 *
 * All of it is one process and one thread; its state is in static variables of these files.
 */
#ifndef QUORATE_WORKER_REPLICATOR_H
#define QUORATE_WORKER_REPLICATOR_H

#include "postgres.h"

#include "lib/ilist.h"

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

/* PANIC after a turn that failed: what was not synced is recovered from the quorum. */
extern void replicator_log_failed(void) pg_attribute_noreturn();

/* Closes the engine: this node cannot take part; `reason` says why and is logged. */
extern void replicator_refuse(const char *reason);

/* ---- replicator_nodes.c ---- */

/* Copies a list to shared memory, for all processes of this node. */
extern void nodes_publish(const NodeList *list);

/* The same with the list in the engine's log; false if there is none that can be read. */
extern bool nodes_publish_recovered(void);

/* Reads the list with which a node is laid out; false if it cannot be, or does not fit the command. */
extern bool
nodes_first_list(const NodeCommand *command, const void *bytes, Size length, NodeList *list);

/* Carries out the command that brings another list; streams follow it. */
extern void nodes_take_list(const void *bytes, Size length);

/* Stops this node if a peer has told a version of the cluster that it does not read. */
extern void nodes_stop_if_unread(void);

/* This node was removed from its cluster: notes it in the log, and stops. */
extern void nodes_stop_removed(void);

/* Stops this node: its log was set back (engine_set_back_by). */
extern void nodes_stop_set_back(void);

/* EngineCallbacks.set_back. */
extern void nodes_note_set_back(void *context, NodeId peer, bool set_back);

/* After recovery: if the log says so, stops; true if it does. */
extern bool nodes_stop_if_removed(void);

/* ---- replicator_groups.c ---- */

/* A group that is open here. */
typedef struct Replica
{
	GroupId group; /* hash key */
	GroupShared *shared;
	slist_head waiters;      /* appended and not yet answered, in order of LSN */
	slist_node *last_waiter; /* NULL if there is none */
	dlist_node feed_node;    /* if in_feed_list */
	bool in_feed_list;       /* committed entries have not been fed yet */
	bool feed_broken;        /* the next entry to feed could not be read; logged */
	bool rows_untold;        /* the engine had no room to note that the rows are there */
} Replica;

/* The replica of a group; NULL if it is not open. */
extern Replica *groups_find(GroupId group);

/* Makes the replica of a group that is open in the engine; false if no more groups fit. */
extern bool groups_attach_one(GroupId group);

/* Forgets a replica: answers its executors and takes it out of shared memory. */
extern void groups_detach(Replica *replica);

/* Copies the engine's status of a replica to shared memory. */
extern void groups_publish(Replica *replica);

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

/* Carries out the command of an operator whose quorum is lost for good; 55000 if it cannot be done. */
extern void groups_recover(const NodeCommand *command, CommandResult *result);
extern void groups_feed_restart(void);

/* Hands a write to the engine. */
extern void groups_propose(const ProposalHeader *header, const void *payload, Size length);

/* The engine's callbacks that concern groups. */
extern void groups_fill_callbacks(EngineCallbacks *callbacks);

/* End of a turn: publishes what changed, wakes executors, feeds the applier. */
extern void groups_finish_turn(void);

/* Writes that were appended here and not yet answered, of all groups. */
extern uint64_t groups_writes_under_way(void);

/* Once in a while: tells the engine what is applied; logs how many leaders changed beyond those logged. */
extern void groups_housekeep(void);
extern void groups_log_leaders(void);

/* ---- replicator_damage.c ---- */

/* Reports what was found when the engine was opened. */
extern void damage_report(void);

/* Reports what has changed since. */
extern void damage_housekeep(void);

/* ---- replicator_feed.c ---- */

/* The applier wants to be fed from an LSN on (a command); puts a replica on the list of those to feed. */
extern void groups_feed_start(const NodeCommand *command);
extern void feed_want(Replica *replica);

/* Not until the applier asks again; not at all any more. */
extern void feed_stop(Replica *replica);
extern void feed_forget(Replica *replica);

/* What has been committed in this turn is wanted at once. */
extern void feed_hurry(void);

/* Feeds the applier as far as there is room. */
extern void feed_applier_now(void);

/* ---- replicator_rows.c ---- */

/*
 * The engine's callbacks on replicas that come, lose their rows or go (engine.h: opened, rebased, removed), and
 * where they are entered.
 */
extern void replicator_group_opened(void *context, GroupId group);
extern void replicator_group_rebased(void *context, GroupId group, Lsn base_lsn);
extern void replicator_group_removed(void *context, GroupId group);
extern void rows_fill_callbacks(EngineCallbacks *callbacks);

/*
 * Has the rows of a group copied from another replica if they do not show `lsn` yet, which must be committed and
 * not below the beginning of the group's log here.  Not durable by itself: nothing comes of it if the server is
 * restarted before the applier has seen it.
 */
extern void replicator_group_copy(GroupId group, Lsn lsn);

/* A replica was recovered: until the applier has looked, nobody knows about its rows. */
extern void rows_attach(Replica *replica);

/* The status of a replica was published: is it another kind of replica now? */
extern void rows_note_status(Replica *replica, const GroupStatus *status);

/* The applier has said whether the rows are there (a command). */
extern void groups_rows(const NodeCommand *command);

/* Once in a while: tells the engine again what it could not note. */
extern void rows_housekeep(Replica *replica);

/* ---- replicator_peers.c ---- */

/*
 * Makes the streams as SharedState.nodes wants them: one for each other node that has joined.  Those of nodes that have
 * not changed stay as they are.
 */
extern void peers_update(void);
extern void peers_disconnect(void);

/* True if a peer refuses this node's stream because this node was removed from the cluster. */
extern bool peers_say_removed(void);

/* Goes on with all streams; sends a frame (the engine's callback); sleeps until there is something to do. */
extern void peers_run(void);
extern void peers_send(void *context, NodeId to, const uint8_t *frame, size_t length);
extern void peers_wait(long timeout_ms);

/* Frames that arrived go to the engine, up to a few MB from each node.  True if there are more. */
extern bool peers_receive(void);

/* Once in a while: publishes when each peer was heard last, and what keeps its stream down. */
extern void peers_publish(void);

#endif /* QUORATE_WORKER_REPLICATOR_H */
