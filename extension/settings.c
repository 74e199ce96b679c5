/*
 * settings.c
 *		The settings of the extension, in alphabetical order.
 *
 * Defined in the postmaster while the library is preloaded, and again by a backend that loads the library
 * without that.  Settings that size shared memory, name places or belong to the protocol between nodes are
 * fixed at the start of the server; the rest belongs to a session.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "settings.h"

char *quorate_database;
char *quorate_log_directory;
int quorate_copy_rate_limit_kb;
int quorate_lease_duration_ms;
int quorate_heartbeat_interval_ms;
int quorate_log_size_max_mb;
int quorate_log_segment_size_kb;
int quorate_max_groups;
int quorate_max_nodes;
int quorate_proposal_buffer_kb;
int quorate_apply_buffer_kb;
int quorate_request_streams;
int quorate_request_timeout_ms;
int quorate_transaction_block;

static const struct config_enum_entry transaction_block_modes[] = {
	{"error", TRANSACTION_BLOCK_ERROR, false},
	{"apply", TRANSACTION_BLOCK_APPLY, false},
	{NULL, 0, false}};

/* One integer setting; the table below is easier to read than calls with eleven arguments. */
typedef struct IntSetting
{
	const char *name;
	const char *short_text;
	const char *long_text;
	int *variable;
	int initial;
	int minimum;
	int maximum;
	GucContext context;
	int flags;
} IntSetting;

static const IntSetting int_settings[] = {
	{"quorate.apply_buffer", "Shared memory for committed entries on their way to the applier.",
	 "What does not fit is read from the log again.", &quorate_apply_buffer_kb, 16 * 1024, 8 * 1024,
	 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB},
	{"quorate.copy_rate_limit",
	 "Bytes a second that this node copies from another one, or removes, at most.",
	 "For partitions that have come to this node, have fallen behind or have gone. 0 is no limit.",
	 &quorate_copy_rate_limit_kb, 50 * 1024, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB},
	{"quorate.heartbeat_interval", "Time between two heartbeats to each other node.",
	 "Should be equal on all nodes and at most a fifth of quorate.lease_duration.",
	 &quorate_heartbeat_interval_ms, 100, 10, 10 * 1000, PGC_POSTMASTER, GUC_UNIT_MS},
	{"quorate.lease_duration",
	 "How long a node promises to another, at a time, to let nobody else lead.",
	 "A failover takes at least this long. Should be equal on all nodes.",
	 &quorate_lease_duration_ms, 700, 100, 60 * 1000, PGC_POSTMASTER, GUC_UNIT_MS},
	{"quorate.log_segment_size", "Size of a new segment file of the log.", NULL,
	 &quorate_log_segment_size_kb, 16 * 1024, 1024, 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB},
	{"quorate.log_size_max", "Size of the log beyond which a node that fell behind is left behind.",
	 "Writers get an error if the log cannot be shortened below it.", &quorate_log_size_max_mb,
	 4 * 1024, 64, INT_MAX, PGC_POSTMASTER, GUC_UNIT_MB},
	{"quorate.max_groups", "Largest number of replication groups with a replica on this node.",
	 NULL, &quorate_max_groups, 1024, 16, 16384, PGC_POSTMASTER, 0},
	{"quorate.max_nodes", "Largest node id in the cluster.",
	 "Each node takes 8 MB of shared memory for what it sends here.", &quorate_max_nodes, 5, 1, 64,
	 PGC_POSTMASTER, 0},
	{"quorate.proposal_buffer", "Shared memory for writes on their way to the replicator.", NULL,
	 &quorate_proposal_buffer_kb, 16 * 1024, 8 * 1024, 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB},
	{"quorate.request_streams", "Connections for requests to each other node.", NULL,
	 &quorate_request_streams, 2, 1, 16, PGC_POSTMASTER, 0},
	{"quorate.request_timeout", "How long a request waits for its replication group at most.",
	 "A write that has been handed in by then has an unknown outcome.", &quorate_request_timeout_ms,
	 10 * 1000, 10, INT_MAX, PGC_USERSET, GUC_UNIT_MS}};

static void
define_int_settings(void)
{
	for (int i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *setting = &int_settings[i];

		/* The size of shared memory is settled once the postmaster has loaded its libraries. */
		if (setting->context == PGC_POSTMASTER && !process_shared_preload_libraries_in_progress)
			*setting->variable = setting->initial;
		else
			DefineCustomIntVariable(setting->name, setting->short_text, setting->long_text,
									setting->variable, setting->initial, setting->minimum,
									setting->maximum, setting->context, setting->flags, NULL, NULL,
									NULL);
	}
}

/* Settings that name places. */
static void
define_string_settings(void)
{
	if (!process_shared_preload_libraries_in_progress)
	{
		quorate_database = pstrdup("postgres");
		quorate_log_directory = pstrdup("pgsql_tmp_quorate");
		return;
	}
	DefineCustomStringVariable("quorate.database",
							   "The database that holds the item tables of this node.",
							   "Must be the same on all nodes.", &quorate_database, "postgres",
							   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"quorate.log_directory", "The directory of the log and of this node's identity.",
		"A relative path is taken from the data directory. Base backups skip "
		"names that start with pgsql_tmp, and must never hold this directory.",
		&quorate_log_directory, "pgsql_tmp_quorate", PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL,
		NULL);
}

void
settings_define(void)
{
	define_int_settings();
	define_string_settings();
	DefineCustomEnumVariable(
		"quorate.transaction_block",
		"What a write to an item table inside of a transaction block does.",
		"error refuses it; apply does it at once, and ROLLBACK does not undo it.",
		&quorate_transaction_block, TRANSACTION_BLOCK_ERROR, transaction_block_modes, PGC_USERSET,
		0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("quorate");
}
