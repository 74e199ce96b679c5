/*
 * command.h
 *		Commands to the replicator from the other processes of the node: which groups shall be open, whom
 *		to feed, and what an administrator wants of the node itself.
 *
 * Commands are carried out in the order in which they were submitted.  Those of groups and feeds need no
 * answer; those of the node are answered, and command_run waits for that.
 */
#ifndef QUORATE_SHMEM_COMMAND_H
#define QUORATE_SHMEM_COMMAND_H

#include "postgres.h"

#include "core/core_types.h"
#include "shmem/node_list.h"

typedef enum CommandKind
{
	COMMAND_FEED_RESTART = 1,
	COMMAND_FEED_START,
	COMMAND_GROUP_OPEN,
	COMMAND_GROUP_CLOSE,
	COMMAND_GROUP_ROWS,
	COMMAND_GROUP_CHANGE,
	COMMAND_GROUP_INQUIRE, /* self: the node to ask */
	COMMAND_GROUP_RECOVER, /* lost_nodes */
	COMMAND_NODES,         /* data: the packed list of nodes (shmem/node_list.h) */
	COMMAND_BOOTSTRAP,     /* data: the same */
	COMMAND_UNBOOTSTRAP,
	COMMAND_ADOPT
} CommandKind;

typedef struct NodeCommand
{
	CommandKind kind;
	uint64_t id; /* to be answered under; 0: not to be answered */
	GroupId group;
	Lsn lsn;           /* FEED_START, GROUP_ROWS: applied */
	bool rows_present; /* GROUP_ROWS */
	uint64_t feed_generation;
	Membership membership;  /* GROUP_OPEN; GROUP_CHANGE: node and kind of each member to be */
	NodeId first_leader;    /* GROUP_OPEN */
	uint64_t lost_nodes;    /* GROUP_RECOVER: a set, node_id_bit */
	uint8_t cluster_id[16]; /* BOOTSTRAP */
	NodeId self;            /* BOOTSTRAP */
	bool joins;             /* BOOTSTRAP: an existing cluster, of whose groups it keeps none yet */
} NodeCommand;

/* How a command ended: sqlstate 0 if it was carried out, else an error in message style. */
typedef struct CommandResult
{
	int sqlstate;
	char message[256];
	char hint[256];
} CommandResult;

/*
 * Reconciler, in the applier: tells the replicator which groups shall be open on this node.  Durable and
 * idempotent; `storage` members as given.
 */
extern void group_command_open(GroupId group, const Membership *membership, NodeId first_leader);
extern void group_command_close(GroupId group);

/* Autoadmin: asks for other members of a group that this node leads; nothing happens if it cannot be done now. */
extern void group_command_change(GroupId group, const Membership *wanted);

/* Autoadmin: has this node's replica of a group ask a member whether it is still one itself. */
extern void group_command_inquire(GroupId group, NodeId member);

/*
 * Applier: tells the replicator whether this node's rows of a group are those of applied_lsn.  It takes no
 * notice if the log has been made to begin above that LSN meanwhile.
 */
extern void group_command_rows(GroupId group, Lsn applied_lsn, bool present);

/*
 * Reconciler: the nodes of the cluster as the metadata has them.  The replicator keeps them in its log, unless it
 * knows them as of a later LSN, and makes and ends streams accordingly.
 */
extern void node_command_list(const NodeList *list);

/* Submits a command with up to 96 KB of data; waits while the ring is full. */
extern void command_submit(NodeCommand *command, const void *data, Size length);

/*
 * Submits a command and waits until the replicator has answered it; raises its error.  ERROR 57014 or
 * 08007 if the wait is cancelled or takes longer than timeout_ms: the command may be carried out later.
 */
extern void command_run(NodeCommand *command, const void *data, Size length, long timeout_ms);

/* Replicator: the next command and its data; NULL if there is none.  Valid until command_consume. */
extern const NodeCommand *command_peek(const void **data, Size *length);
extern void command_consume(void);
extern void command_answer(uint64_t id, const CommandResult *result);

#endif /* QUORATE_SHMEM_COMMAND_H */
