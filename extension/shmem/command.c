/*
 * command.c
 *		Commands to the replicator; see command.h.
 *
 * A ring with many writers, and a few places for answers, chosen by the command's id: administrators are
 * few, and one that finds its place taken over by a later command says that the outcome is unknown.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "shmem/command.h"
#include "shmem/ring.h"
#include "shmem/shared_state.h"
#include "shmem/shmem_parts.h"

#define COMMAND_RING_BYTES (256 * 1024)
#define ANSWERS_MAX 16
#define RETRY_MS 10

typedef struct Answer
{
	uint64_t id; /* of the command that was answered */
	CommandResult result;
} Answer;

typedef struct Commands
{
	pg_atomic_uint64 last_id;
	LWLock *lock; /* of the ring's writers, and of the answers */
	ConditionVariable answered;
	Answer answers[ANSWERS_MAX];
	Ring ring;
} Commands;

static Commands *commands;

Size
command_shmem_size(void)
{
	return add_size(MAXALIGN(sizeof(Commands)), ring_shmem_size(COMMAND_RING_BYTES));
}

void
command_shmem_init(void *memory, bool found)
{
	commands = memory;
	if (found)
		return;
	memset(memory, 0, sizeof(Commands));
	pg_atomic_init_u64(&commands->last_id, 0);
	commands->lock = shmem_lock(LOCK_COMMANDS);
	ConditionVariableInit(&commands->answered);
	ring_init(&commands->ring, COMMAND_RING_BYTES, commands->lock,
			  (char *) memory + MAXALIGN(sizeof(Commands)));
}

void
command_submit(NodeCommand *command, const void *data, Size length)
{
	if (sizeof(*command) + length > ring_message_max(&commands->ring))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("command to the replicator is too long")));

	while (!ring_write(&commands->ring, command, sizeof(*command), data, length))
	{
		shared_wake_replicator();
		pg_usleep(RETRY_MS * 1000L);
		CHECK_FOR_INTERRUPTS();
	}
	shared_wake_replicator();
}

void
group_command_open(GroupId group, const Membership *membership, NodeId first_leader)
{
	NodeCommand command = {0};

	command.kind = COMMAND_GROUP_OPEN;
	command.group = group;
	command.membership = *membership;
	command.first_leader = first_leader;
	command_submit(&command, NULL, 0);
}

void
group_command_close(GroupId group)
{
	NodeCommand command = {0};

	command.kind = COMMAND_GROUP_CLOSE;
	command.group = group;
	command_submit(&command, NULL, 0);
}

void
group_command_rows(GroupId group, Lsn applied_lsn, bool present)
{
	NodeCommand command = {0};

	command.kind = COMMAND_GROUP_ROWS;
	command.group = group;
	command.lsn = applied_lsn;
	command.rows_present = present;
	command_submit(&command, NULL, 0);
}

/* Is the command with this id answered?  Then *result is its answer. */
static bool
find_answer(uint64_t id, CommandResult *result)
{
	const Answer *answer = &commands->answers[id % ANSWERS_MAX];
	bool found;

	LWLockAcquire(commands->lock, LW_SHARED);
	found = answer->id == id;
	if (found)
		*result = answer->result;
	LWLockRelease(commands->lock);
	return found;
}

/* Waits for an answer; false if there is none in time. */
static bool
wait_for_answer(uint64_t id, long timeout_ms, CommandResult *result)
{
	TimeUs deadline_us = shared_now_us() + timeout_ms * INT64CONST(1000);
	bool found;

	ConditionVariablePrepareToSleep(&commands->answered);
	while (!(found = find_answer(id, result)) && shared_now_us() < deadline_us)
		ConditionVariableTimedSleep(&commands->answered, 100, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	return found;
}

void
command_run(NodeCommand *command, const void *data, Size length, long timeout_ms)
{
	CommandResult result;

	command->id = pg_atomic_add_fetch_u64(&commands->last_id, 1);
	command_submit(command, data, length);
	if (!wait_for_answer(command->id, timeout_ms, &result))
		ereport(ERROR, (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
						errmsg("the replicator of this node did not answer in time"),
						errdetail("The command may still be carried out.")));
	if (result.sqlstate != 0)
		ereport(ERROR, (errcode(result.sqlstate), errmsg("%s", result.message),
						result.hint[0] != '\0' ? errhint("%s", result.hint) : 0));
}

const NodeCommand *
command_peek(const void **data, Size *length)
{
	Size message_length;
	const char *message = ring_peek(&commands->ring, &message_length);

	if (message == NULL)
		return NULL;
	*data = message + sizeof(NodeCommand);
	*length = message_length - sizeof(NodeCommand);
	return (const NodeCommand *) message;
}

void
command_consume(void)
{
	ring_consume(&commands->ring);
}

void
command_answer(uint64_t id, const CommandResult *result)
{
	Answer *answer = &commands->answers[id % ANSWERS_MAX];

	LWLockAcquire(commands->lock, LW_EXCLUSIVE);
	answer->id = id;
	answer->result = *result;
	LWLockRelease(commands->lock);
	ConditionVariableBroadcast(&commands->answered);
}
