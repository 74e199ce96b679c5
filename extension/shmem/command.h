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

typedef enum CommandKind
{
	COMMAND_FEED_RESTART = 1,
	COMMAND_FEED_START,
	COMMAND_GROUP_OPEN,
	COMMAND_GROUP_CLOSE,
	COMMAND_GROUP_ROWS,
	COMMAND_BOOTSTRAP, /* data: the packed list of nodes (worker/node_list.h) */
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
	Membership membership;  /* GROUP_OPEN */
	NodeId first_leader;    /* GROUP_OPEN */
	uint8_t cluster_id[16]; /* BOOTSTRAP */
	NodeId self;            /* BOOTSTRAP */
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

/*
 * Applier: tells the replicator whether this node's rows of a group are those of applied_lsn.  It takes no
 * notice if the log has been made to begin above that LSN meanwhile.
 */
extern void group_command_rows(GroupId group, Lsn applied_lsn, bool present);

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
