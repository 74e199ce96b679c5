/*
 * settings.h
 *		The settings of the extension (GUCs); documented where they are defined, in settings.c.
 */
#ifndef QUORATE_SETTINGS_H
#define QUORATE_SETTINGS_H

#include "postgres.h"

/* quorate.transaction_block: what a write inside of a transaction block does. */
typedef enum TransactionBlockMode
{
	TRANSACTION_BLOCK_ERROR = 0,
	TRANSACTION_BLOCK_APPLY
} TransactionBlockMode;

extern char *quorate_database;
extern char *quorate_log_directory;
extern int quorate_copy_rate_limit_kb;
extern int quorate_lease_duration_ms;
extern int quorate_heartbeat_interval_ms;
extern int quorate_log_size_max_mb;
extern int quorate_log_segment_size_kb;
extern int quorate_max_groups;
extern int quorate_max_nodes;
extern int quorate_proposal_buffer_kb;
extern int quorate_apply_buffer_kb;
extern int quorate_request_streams;
extern int quorate_request_timeout_ms;
extern int quorate_transaction_block;

/* Defines them; called by _PG_init.  Those that size shared memory only while preloading. */
extern void settings_define(void);

#endif /* QUORATE_SETTINGS_H */
