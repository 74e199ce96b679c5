/*
 * reconciler.c
 *		Makes this node's relations and groups as the metadata wants them.
 *
 * Runs in the applier.  It compares what is wanted with what is there and does what is missing, so
 * it may be run at any time and be interrupted anywhere.  The order makes every state in between a
 * safe one:
 *	- A relation is created and its transaction flushed before a group that fills it is opened.  The
 *	  flush covers the metadata rows too, so an open group is never unknown to the metadata after a
 *	  crash.
 *	- The groups of a dropped table are closed before its relation goes.
 *	- A group is closed only on the tombstone of its table, never because the metadata does not know
 *	  it.
 */
#include "postgres.h"

#include "access/xact.h"

#include "catalog/item_relation.h"
#include "catalog/metadata_items.h"
#include "catalog/reconciler.h"
#include "shmem/apply_feed.h"
#include "storage/applied_table.h"
#include "storage/item_table.h"
#include "storage/own_transaction.h"

/* ---------------------------------------------------------------- tables that shall be */

static void
create_missing_relations(void)
{
	uint32_t count;
	const TableInfo *const *tables;

	own_transaction_begin();
	tables = metadata_tables(&count);
	for (uint32_t i = 0; i < count; i++)
	{
		if (OidIsValid(item_table_relid(tables[i]->table_id)))
			continue;
		ereport(LOG, (errmsg("creating the relation of item table \"%s\" (id %u)", tables[i]->name,
							 tables[i]->table_id)));
		item_relation_create(tables[i]->table_id, tables[i]->name);
		ForceSyncCommit();
	}
	own_transaction_commit();
}

static bool
is_member(const Membership *membership, NodeId node)
{
	for (uint32_t i = 0; i < membership->member_count; i++)
	{
		if (membership->members[i].node == node)
			return true;
	}
	return false;
}

/* Asks for this node's groups of a table that are not open; true if there were any. */
static bool
open_groups_of(const TableInfo *table)
{
	bool asked = false;

	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		const PartitionInfo *partition = &table->partitions[i];

		if (!is_member(&partition->membership, quorate_shared->self) ||
			shared_group_find(partition->group) != NULL)
			continue;
		group_command_open(partition->group, &partition->membership, partition->first_leader);
		asked = true;
	}
	return asked;
}

static bool
open_missing_groups(void)
{
	uint32_t count;
	const TableInfo *const *tables;
	bool asked = false;

	own_transaction_begin();
	tables = metadata_tables(&count);
	for (uint32_t i = 0; i < count; i++)
		asked = open_groups_of(tables[i]) || asked;
	own_transaction_commit();
	return asked;
}

/* ---------------------------------------------------------------- tables that were dropped */

/* Asks for the groups of a dropped table to be closed; true if there were any open. */
static bool
close_groups_of(const DroppedTable *dropped)
{
	bool asked = false;

	for (uint32_t i = 0; i < dropped->partition_count; i++)
	{
		GroupId group = metadata_group_id(dropped->table_id, i);

		if (shared_group_find(group) == NULL)
			continue;
		group_command_close(group);
		asked = true;
	}
	return asked;
}

/* Drops the relation and forgets how far its groups had been applied; false if it is in use now. */
static bool
drop_relation_of(const DroppedTable *dropped)
{
	KeyedTable applied;

	if (!item_relation_drop(dropped->table_id))
		return false;
	ereport(LOG, (errmsg("dropped the relation of item table %u", dropped->table_id)));
	applied_table_open(&applied, RowExclusiveLock);
	for (uint32_t i = 0; i < dropped->partition_count; i++)
		applied_table_remove(&applied, metadata_group_id(dropped->table_id, i));
	keyed_table_close(&applied, NoLock);
	ForceSyncCommit();
	return true;
}

static bool
remove_dropped_tables(void)
{
	uint32_t count;
	const DroppedTable *dropped;
	bool again = false;

	own_transaction_begin();
	dropped = metadata_dropped_tables(&count);
	for (uint32_t i = 0; i < count; i++)
	{
		if (close_groups_of(&dropped[i]))
			again = true;
		else if (OidIsValid(item_table_relid(dropped[i].table_id)) &&
				 !drop_relation_of(&dropped[i]))
			again = true;
	}
	own_transaction_commit();
	return again;
}

bool
reconciler_run(void)
{
	bool opening;
	bool removing;

	create_missing_relations();
	opening = open_missing_groups();
	removing = remove_dropped_tables();
	return opening || removing;
}
