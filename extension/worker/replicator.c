/*
 * replicator.c
 *		The replicator: the one process of a node that runs consensus and writes the log.
 *
 * A static background worker without a database.  It runs the engine (replication/engine.h) on real files,
 * streams and shared memory.  One turn takes everything that waits (commands, frames of the other nodes,
 * proposals of executors), ends the engine's turn with one write and one fdatasync for all groups, and then
 * publishes, answers and feeds.  It sleeps until its latch is set, a stream has something to do, or the
 * engine wants its next turn.
 *
 * What is durable before what is the engine's business; nothing here answers anybody before the engine has
 * said so.  A failed write or sync and a broken invariant are PANIC: the instance restarts and recovers.
 * If this process ends in another way the postmaster starts it again; its shared memory is then as the
 * predecessor left it, so it first voids all leaderships and what its predecessor had not answered.
 *
 * It never blocks but in fdatasync, and never resolves a name.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/core_assert.h"
#include "settings.h"
#include "shmem/pending_mark.h"
#include "worker/replicator.h"

/* One turn takes at most about this much from the executors. */
#define PROPOSAL_BYTES_PER_TURN (4 * 1024 * 1024)

/* How often what is not urgent is done. */
#define HOUSEKEEPING_INTERVAL_US (100 * 1000)

/* How long a proposal is left so that others may join it, and how often that is looked after. */
#define GATHER_MAX_US 2000
#define GATHER_SLEEP_MS 1

PGDLLEXPORT void replicator_main(Datum argument);

static void
on_broken_invariant(const char *condition, const char *invariant, const char *file, int line)
{
	ereport(PANIC, (errcode(ERRCODE_INTERNAL_ERROR),
					errmsg("consensus invariant %s is broken",
						   invariant[0] != '\0' ? invariant : "(internal)"),
					errdetail("%s does not hold at %s:%d.", condition, file, line)));
}

/* ---- what a turn takes ---- */

/* Carries out a command; node commands fill the result. */
static void
execute_command(const NodeCommand *command, const void *data, Size length, CommandResult *result)
{
	switch (command->kind)
	{
		case COMMAND_FEED_RESTART:
			groups_feed_restart();
			break;
		case COMMAND_FEED_START:
			groups_feed_start(command);
			break;
		case COMMAND_GROUP_OPEN:
			groups_open(command);
			break;
		case COMMAND_GROUP_CLOSE:
			groups_close(command->group);
			break;
		case COMMAND_GROUP_ROWS:
			groups_rows(command);
			break;
		case COMMAND_GROUP_CHANGE:
			if (replicator_engine != NULL)
				engine_change(replicator_engine, command->group, &command->membership);
			break;
		case COMMAND_GROUP_INQUIRE:
			if (replicator_engine != NULL)
				engine_inquire(replicator_engine, command->group, command->self);
			break;
		case COMMAND_GROUP_RECOVER:
			groups_recover(command, result);
			break;
		case COMMAND_NODES:
			nodes_take_list(data, length);
			break;
		case COMMAND_BOOTSTRAP:
			replicator_bootstrap(command, data, length, result);
			break;
		case COMMAND_UNBOOTSTRAP:
			replicator_unbootstrap(result);
			break;
		case COMMAND_ADOPT:
			replicator_adopt(result);
			break;
	}
}

static void
take_commands(void)
{
	const NodeCommand *command;
	const void *data;
	Size length;

	while ((command = command_peek(&data, &length)) != NULL)
	{
		CommandResult result = {0};

		execute_command(command, data, length, &result);
		if (command->id != 0)
			command_answer(command->id, &result);
		command_consume();
	}
}

/*
 * Group commit.  A turn costs a sync here and one at each follower, however many entries it has.  So while
 * more writes are under way than wait, the waiting ones are left for a moment: the answers to the former will
 * bring more.  Never longer than GATHER_MAX_US, and not at all for a client that writes alone.  Returns how
 * long to sleep at most, in ms; 0 if the waiting proposals shall be taken now, -1 if there is nothing to
 * hurry for.
 */
static long
gather_proposals(void)
{
	static TimeUs gather_until_us; /* 0: none are being left */
	uint64_t under_way = groups_writes_under_way();
	uint64_t waiting = proposal_queue_wake_at(Max(under_way, 1));
	TimeUs now = shared_now_us();

	if (waiting == 0 || waiting >= under_way)
		gather_until_us = 0;
	else if (gather_until_us == 0)
		gather_until_us = now + GATHER_MAX_US;
	if (waiting >= Max(under_way, 1) || (waiting > 0 && now >= gather_until_us))
		return 0;
	return under_way > 1 ? GATHER_SLEEP_MS : -1;
}

/* True if there are more. */
static bool
take_proposals(void)
{
	const ProposalHeader *header;
	const void *payload;
	Size length;
	Size taken = 0;

	while ((header = proposal_queue_peek(&payload, &length)) != NULL)
	{
		if (taken >= PROPOSAL_BYTES_PER_TURN)
			return true;
		taken += length + sizeof(*header);
		if (header->kind == PROPOSAL_WRITE)
			groups_propose(header, payload, length);
		else if (replicator_engine != NULL)
			engine_transfer(replicator_engine, header->group, header->target);
		proposal_queue_consume();
	}
	return false;
}

/* What need not be done in every turn. */
static void
housekeep(void)
{
	static TimeUs due_us;
	TimeUs now = shared_now_us();

	if (now < due_us)
		return;
	due_us = now + HOUSEKEEPING_INTERVAL_US;
	groups_housekeep();
	groups_log_leaders();
	damage_housekeep();
	peers_publish();
	pending_mark_clean();
	pg_atomic_write_u64(&quorate_shared->log_bytes, engine_log_bytes(replicator_engine));
}

/*
 * The engine lets its time stand still while the clock is behind what it was: a moment, if it is a little
 * behind.  A clock that was set back by an hour would keep this node away for that hour, and what it has
 * published would look valid for as long.  A new life knows nothing that the old clock said; it waits out what
 * its predecessor may have granted.
 */
static void
check_clock(void)
{
	static TimeUs last_us;
	TimeUs now = shared_now_us();

	if (now + quorate_lease_duration_ms * INT64CONST(1000) < last_us)
	{
		groups_step_down_all();
		ereport(LOG, (errmsg("the clock of this machine went back by " INT64_FORMAT
							 " ms: the replicator starts anew",
							 (last_us - now) / 1000)));
		proc_exit(1);
	}
	last_us = now;
}

/* One turn.  Returns how long to sleep after it at most, in ms; -1 for ever. */
static long
run_turn(void)
{
	bool more;
	TimeUs sleep_us;
	long gather_ms;

	check_clock();
	pg_atomic_write_u64(&quorate_shared->turn_us, (uint64_t) shared_now_us());
	take_commands();
	peers_run();
	if (peers_say_removed())
		nodes_stop_removed();
	nodes_stop_if_unread();
	if (replicator_engine == NULL)
	{
		take_proposals();
		proposal_queue_wake();
		return replicator_reopen_if_due();
	}

	more = peers_receive();
	if (gather_proposals() == 0)
		more |= take_proposals();
	if (!engine_finish_turn(replicator_engine))
		replicator_log_failed();
	if (engine_set_back_by(replicator_engine) != 0)
	{
		nodes_stop_set_back();
		return 0;
	}
	groups_finish_turn();
	proposal_queue_wake();
	housekeep();
	shared_count(COUNTER_TURNS, 1);

	sleep_us = engine_next_wake_us(replicator_engine) - shared_now_us();
	gather_ms = gather_proposals();
	if (more || sleep_us <= 0 || gather_ms == 0)
		return 0;
	return gather_ms > 0 ? gather_ms : (long) ((sleep_us + 999) / 1000);
}

/* ---- the process ---- */

static void
handle_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
replicator_main(Datum argument)
{
	MemoryContext turn_context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("quorate replicator");

	core_assert_handler = on_broken_invariant;
	turn_context = AllocSetContextCreate(TopMemoryContext, "quorate turn", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn_context);
	shared_set_node_state(NODE_STARTING, "the log is being recovered");
	groups_init();
	proposal_queue_begin_life();
	shared_register_latch(&quorate_shared->replicator_latch);
	replicator_open();

	for (;;)
	{
		long timeout_ms;

		ResetLatch(MyLatch);
		handle_interrupts();
		timeout_ms = run_turn();
		MemoryContextReset(turn_context);
		peers_wait(timeout_ms);
	}
}
