/*
 * commands.c
 *		The commands of an interaction script; tests/interaction/README.md lists them.
 *
 * Each command is a row of a table: its name and the function that reads the rest of the line.  A command
 * that cannot be read prints "error: ..." into the transcript, where the diff shows it.
 */
#include "commands.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/marks.h"
#include "random.h"

typedef void (*CommandRunner)(Script *script, const char *arguments);

typedef struct Command
{
	const char *name;
	CommandRunner run;
	bool needs_cluster;
} Command;

static void __attribute__((format(printf, 2, 3))) fail(Script *script, const char *format, ...)
{
	va_list args;

	fprintf(script->out, "error: ");
	va_start(args, format);
	vfprintf(script->out, format, args);
	va_end(args);
	fprintf(script->out, "\n");
}

/* The number after `name=` anywhere in the arguments, `otherwise` if it is not there. */
static int64_t
argument_number(const char *arguments, const char *name, int64_t otherwise)
{
	size_t length = strlen(name);
	const char *at = arguments;

	while ((at = strstr(at, name)) != NULL)
	{
		if (at[length] == '=' && (at == arguments || at[-1] == ' '))
			return strtoll(at + length + 1, NULL, 10);
		at += length;
	}
	return otherwise;
}

/* The ballot after `name=`, written round.node; zero if it is not there. */
static Ballot
argument_ballot(const char *arguments, const char *name)
{
	Ballot ballot = {0};
	char pattern[32];
	const char *at;
	unsigned node = 0;

	snprintf(pattern, sizeof(pattern), " %s=", name);
	at = strstr(arguments, pattern);
	if (at && sscanf(at + strlen(pattern), "%" SCNu64 ".%u", &ballot.round, &node) == 2)
		ballot.node = (NodeId) node;
	return ballot;
}

/* Reads a node number; 0 and a line in the transcript if it is none of the cluster's. */
static NodeId
argument_node(Script *script, const char *arguments)
{
	unsigned node = 0;

	if (sscanf(arguments, "%u", &node) != 1 || node == 0 || node > script->cluster->node_count)
	{
		fail(script, "no such node: %s", arguments);
		return 0;
	}
	return (NodeId) node;
}

/* Reads "1->2 KIND"; the kind may be missing or "all".  False and a line in the transcript otherwise. */
static bool
argument_link(Script *script, const char *arguments, NodeId *from, NodeId *to, int *kind)
{
	unsigned from_number;
	unsigned to_number;
	char name[16] = "";

	if (sscanf(arguments, "%u->%u %15[A-Z_]", &from_number, &to_number, name) < 2 ||
		from_number > script->cluster->node_count || to_number > script->cluster->node_count)
	{
		fail(script, "no such link: %s", arguments);
		return false;
	}
	*from = (NodeId) from_number;
	*to = (NodeId) to_number;
	*kind = name[0] ? message_kind_parse(name) : 0;
	if (name[0] && *kind == 0)
		fail(script, "no such message: %s", name);
	return !name[0] || *kind != 0;
}

/* A time such as 250ms, 2s or 70us, in microseconds; 0 if it is none. */
static TimeUs
argument_time(const char *arguments)
{
	char *unit;
	TimeUs number = strtoll(arguments, &unit, 10);

	if (strncmp(unit, "ms", 2) == 0)
		return number * 1000;
	if (strncmp(unit, "us", 2) == 0)
		return number;
	return *unit == 's' ? number * 1000000 : 0;
}

static GroupId
argument_group(const char *arguments)
{
	return (GroupId) argument_number(arguments, "group", 1);
}

/* ---------------------------------------------------------------- the commands */

static void
run_nodes(Script *script, const char *arguments)
{
	Cluster *cluster;

	command_finish(script);
	cluster = script->cluster = cluster_create((uint32_t) strtoul(arguments, NULL, 10),
											   (uint32_t) argument_number(arguments, "batch", 4),
											   script->out);
	cluster->frame_entries_max = (uint32_t) argument_number(arguments, "frame", 4096);
}

static void
run_group(Script *script, const char *arguments)
{
	cluster_open_group(
		script->cluster, strtoull(arguments, NULL, 10),
		(uint32_t) argument_number(arguments, "members", script->cluster->node_count),
		(NodeId) argument_number(arguments, "first", 0));
}

static void
run_advance(Script *script, const char *arguments)
{
	cluster_advance(script->cluster, argument_time(arguments));
}

static void
run_run(Script *script, const char *arguments)
{
	cluster_run(script->cluster, argument_time(arguments));
}

static void
run_settle(Script *script, const char *arguments)
{
	(void) arguments;
	cluster_settle(script->cluster);
}

/* Applies a function of one node to the node named, or to all. */
static void
for_nodes(Script *script, const char *arguments, void (*act)(Cluster *cluster, NodeId node))
{
	NodeId node;

	if (strncmp(arguments, "all", 3) == 0)
	{
		for (node = 1; node <= script->cluster->node_count; node++)
			act(script->cluster, node);
	}
	else if ((node = argument_node(script, arguments)) != 0)
		act(script->cluster, node);
}

static void
run_tick(Script *script, const char *arguments)
{
	for_nodes(script, arguments, cluster_tick);
}

static void
run_sync(Script *script, const char *arguments)
{
	for_nodes(script, arguments, cluster_sync);
}

static void
run_start(Script *script, const char *arguments)
{
	for_nodes(script, arguments, cluster_start);
}

static void
run_anomaly(Script *script, const char *arguments)
{
	for_nodes(script, arguments, cluster_clock_anomaly);
}

static void
run_crash(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	uint32_t all = strstr(arguments, "lose-unsynced") ? 0 : UINT32_MAX;

	if (node)
		cluster_crash(script->cluster, node, (uint32_t) argument_number(arguments, "keep", all));
}

static void
run_restart(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	run_crash(script, arguments);
	if (node)
		cluster_start(script->cluster, node);
}

static void
run_clock(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);
	const char *by = strchr(arguments, ' ');

	if (node && by)
		script->cluster->nodes[node].clock_offset_us += argument_time(by + 1);
}

static void
run_propose(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);
	char payload[24] = "";

	if (!node || sscanf(arguments, "%*u \"%23[^\"]\"", payload) != 1)
		return;
	cluster_propose(script->cluster, node, argument_group(arguments), payload,
					argument_ballot(arguments, "ballot"));
}

static void
run_transfer(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_transfer(script->cluster, node, argument_group(arguments),
						 (NodeId) argument_number(arguments, "to", 0));
}

static void
run_change(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);
	const char *members = strstr(arguments, "members=");

	if (node && members)
		cluster_change(script->cluster, node, argument_group(arguments),
					   members + strlen("members="));
}

static void
run_inquire(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_inquire(script->cluster, node, argument_group(arguments),
						(NodeId) argument_number(arguments, "to", 0));
}

/* recover 1 lost=2,3: node 1 goes on without them. */
static void
run_recover(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);
	const char *at = strstr(arguments, "lost=");
	uint64_t lost_nodes = 0;

	if (!node || !at)
		return;
	for (at += strlen("lost="); *at >= '0' && *at <= '9'; at += *at == ',')
	{
		char *end;

		lost_nodes |= node_id_bit((NodeId) strtoul(at, &end, 10));
		at = end;
	}
	cluster_recover(script->cluster, node, argument_group(arguments), lost_nodes);
}

static void
run_rows(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_rows(script->cluster, node, argument_group(arguments),
					 strstr(arguments, "missing") == NULL);
}

static void
run_damage(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_damage(script->cluster, node, argument_group(arguments),
					   (Lsn) argument_number(arguments, "lsn", 0));
}

static void
run_forget(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_forget(script->cluster, node, argument_group(arguments),
					   (Lsn) argument_number(arguments, "lsn", 0));
}

static void
run_truncate(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_truncate(script->cluster, node, argument_group(arguments),
						 (Lsn) argument_number(arguments, "lsn", 0));
}

static void
run_deliver(Script *script, const char *arguments)
{
	NodeId from;
	NodeId to;
	int kind;
	uint32_t skip = (uint32_t) argument_number(arguments, "skip", 0);
	uint32_t delivered = 0;
	bool all = strstr(arguments, " all") != NULL;

	if (!argument_link(script, arguments, &from, &to, &kind))
		return;
	while (cluster_deliver(script->cluster, from, to, kind, skip))
	{
		delivered++;
		if (!all)
			return;
	}
	if (delivered == 0)
		fail(script, "nothing to deliver");
}

static void
run_drop(Script *script, const char *arguments)
{
	NodeId from;
	NodeId to;
	int kind;
	uint32_t dropped = 0;
	bool all = strstr(arguments, " all") != NULL;

	if (!argument_link(script, arguments, &from, &to, &kind))
		return;
	while (cluster_drop(script->cluster, from, to, kind))
	{
		dropped++;
		if (!all)
			break;
	}
	if (dropped == 0 && !all)
		fail(script, "nothing to drop");
}

/* Does something to the first message of a link. */
static void
run_on_link(Script *script, const char *arguments,
			bool (*act)(Cluster *cluster, NodeId from, NodeId to, int kind), const char *otherwise)
{
	NodeId from;
	NodeId to;
	int kind;

	if (argument_link(script, arguments, &from, &to, &kind) &&
		!act(script->cluster, from, to, kind))
		fail(script, otherwise);
}

static void
run_duplicate(Script *script, const char *arguments)
{
	run_on_link(script, arguments, cluster_duplicate, "nothing to duplicate");
}

/* A message is late: it travels only after `thaw`. */
static void
run_freeze(Script *script, const char *arguments)
{
	run_on_link(script, arguments, cluster_freeze, "nothing to freeze");
}

static void
run_thaw(Script *script, const char *arguments)
{
	(void) arguments;
	cluster_thaw(script->cluster);
}

static void
set_cut(Script *script, const char *arguments, bool cut)
{
	NodeId from;
	NodeId to;
	int kind;

	if (argument_link(script, arguments, &from, &to, &kind))
		script->cluster->cut[from][to] = cut;
}

static void
run_cut(Script *script, const char *arguments)
{
	set_cut(script, arguments, true);
}

static void
run_heal(Script *script, const char *arguments)
{
	if (strncmp(arguments, "all", 3) == 0)
		memset(script->cluster->cut, 0, sizeof(script->cluster->cut));
	else
		set_cut(script, arguments, false);
}

/* Cuts a node off from all others, in both directions. */
static void
run_isolate(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);
	NodeId other;

	for (other = 1; node && other <= script->cluster->node_count; other++)
		script->cluster->cut[node][other] = script->cluster->cut[other][node] = true;
}

/* Delays, or no longer delays, what travels on a link. */
static void
run_hold(Script *script, const char *arguments)
{
	NodeId from;
	NodeId to;
	int kind;

	if (argument_link(script, arguments, &from, &to, &kind))
		script->cluster->stopped[from][to] = true;
}

static void
run_release(Script *script, const char *arguments)
{
	NodeId from;
	NodeId to;
	int kind;

	if (argument_link(script, arguments, &from, &to, &kind))
		script->cluster->stopped[from][to] = false;
}

/* Only heartbeats travel until `mute off`. */
static void
run_mute(Script *script, const char *arguments)
{
	script->cluster->mute = strcmp(arguments, "off") != 0;
}

/* The node's syncs do not complete until `hang off`. */
static void
run_hang(Script *script, const char *arguments)
{
	script->cluster->hung = 0;
	if (strcmp(arguments, "off") != 0)
		script->cluster->hung = argument_node(script, arguments);
}

static void
run_inject(Script *script, const char *arguments)
{
	Message message = {.generation = 1, .group = 1};
	NodeId from;
	NodeId to;
	int kind;

	if (!argument_link(script, arguments, &from, &to, &kind) || kind == 0)
		return;
	message.kind = (MessageKind) kind;
	message.from = from;
	message.to = to;
	message.ballot = argument_ballot(arguments, "ballot");
	message.generation = (uint64_t) argument_number(arguments, "generation", 1);
	message.from_since = (uint64_t) argument_number(arguments, "from_since", 1);
	message.to_since = (uint64_t) argument_number(arguments, "to_since", 1);
	message.prev_lsn = (Lsn) argument_number(arguments, "after", 0);
	message.prev_ballot = argument_ballot(arguments, "after_ballot");
	message.commit_lsn = (Lsn) argument_number(arguments, "commit", 0);
	cluster_inject(script->cluster, &message);
}

static void
run_status(Script *script, const char *arguments)
{
	cluster_print_status(script->cluster, argument_group(arguments));
}

static void
run_lease(Script *script, const char *arguments)
{
	NodeId node = argument_node(script, arguments);

	if (node)
		cluster_print_lease(script->cluster, node, argument_group(arguments));
}

static void
run_log(Script *script, const char *arguments)
{
	NodeId node;

	if (strncmp(arguments, "all", 3) == 0)
	{
		for (node = 1; node <= script->cluster->node_count; node++)
			cluster_print_log(script->cluster, node, argument_group(arguments));
	}
	else if ((node = argument_node(script, arguments)) != 0)
		cluster_print_log(script->cluster, node, argument_group(arguments));
}

static void
run_messages(Script *script, const char *arguments)
{
	(void) arguments;
	cluster_print_messages(script->cluster);
}

static void
run_silent(Script *script, const char *arguments)
{
	script->cluster->silent = strcmp(arguments, "off") != 0;
}

/* Says whether a coverage mark was reached since the script began. */
static void
run_mark(Script *script, const char *arguments)
{
	uint32_t i;

	for (i = 0; i < CORE_MARK_COUNT; i++)
	{
		if (strcmp(arguments, core_mark_names[i]) != 0)
			continue;
		fprintf(script->out, "%s: %s\n", arguments, core_mark_hits[i] ? "reached" : "NOT REACHED");
		return;
	}
	fail(script, "no such mark: %s", arguments);
}

/* Runs random schedules and says how many recovered; seeds=N steps=N first=N. */
static void
run_random(Script *script, const char *arguments)
{
	uint64_t first = (uint64_t) argument_number(arguments, "first", 1);
	uint64_t seeds = (uint64_t) argument_number(arguments, "seeds", 20);
	uint32_t steps = (uint32_t) argument_number(arguments, "steps", 20000);
	uint64_t recovered = 0;
	uint64_t seed;

	for (seed = first; seed < first + seeds; seed++)
	{
		if (random_schedule(seed, steps, strstr(arguments, "loud") != NULL, script->out) > 0)
			recovered++;
		else
			fprintf(script->out, "seed %" PRIu64 " did not recover\n", seed);
	}
	fprintf(script->out, "%" PRIu64 " of %" PRIu64 " schedules recovered\n", recovered, seeds);
}

static const Command commands[] = {
	{"advance", run_advance, true},   {"anomaly", run_anomaly, true},
	{"clock", run_clock, true},       {"crash", run_crash, true},
	{"cut", run_cut, true},           {"deliver", run_deliver, true},
	{"drop", run_drop, true},         {"duplicate", run_duplicate, true},
	{"group", run_group, true},       {"hang", run_hang, true},
	{"heal", run_heal, true},         {"hold", run_hold, true},
	{"inject", run_inject, true},     {"isolate", run_isolate, true},
	{"lease", run_lease, true},       {"log", run_log, true},
	{"mark", run_mark, false},        {"messages", run_messages, true},
	{"mute", run_mute, true},         {"nodes", run_nodes, false},
	{"propose", run_propose, true},   {"random", run_random, false},
	{"release", run_release, true},   {"restart", run_restart, true},
	{"run", run_run, true},           {"settle", run_settle, true},
	{"silent", run_silent, true},     {"start", run_start, true},
	{"status", run_status, true},     {"sync", run_sync, true},
	{"tick", run_tick, true},         {"transfer", run_transfer, true},
	{"truncate", run_truncate, true}, {"change", run_change, true},
	{"rows", run_rows, true},         {"inquire", run_inquire, true},
	{"damage", run_damage, true},     {"freeze", run_freeze, true},
	{"thaw", run_thaw, true},         {"recover", run_recover, true},
	{"forget", run_forget, true},
};

void
command_run(Script *script, const char *line)
{
	size_t length = strcspn(line, " ");
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		const Command *command = &commands[i];

		if (strlen(command->name) != length || strncmp(command->name, line, length) != 0)
			continue;
		if (command->needs_cluster && !script->cluster)
			fail(script, "a script begins with `nodes`");
		else
			command->run(script, line + length + strspn(line + length, " "));
		return;
	}
	fail(script, "no such command: %s", line);
}

void
command_finish(Script *script)
{
	if (script->cluster)
		cluster_free(script->cluster);
	script->cluster = NULL;
}
