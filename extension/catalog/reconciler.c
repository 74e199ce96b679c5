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
 *	- A replica is made from the metadata only if it belongs to the group from its creation on (placement 1)
 *	  and was never here before: a replica that forgot its promises must not come back as the same member
 *	  (docs/decisions/0006-membership.md).  So the transaction that creates the table's relation, which happens
 *	  once, notes the groups that are to be opened, as rows of quorate_data.applied at LSN 0; a group is opened
 *	  while its row is still that one.  Members that come later are made by their leader's JOIN.  A leader may have
 *	  made a first member that way, too, and removed it, before this node heard of the table: so groups are opened
 *	  only by metadata that was up to date in this life of the node, and the engine refuses those that were removed
 *	  in this life.
 *
 * It also tells the replicator which nodes the metadata has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "catalog/item_relation.h"
#include "catalog/metadata_items.h"
#include "catalog/reconciler.h"
#include "core/membership.h"
#include "shmem/apply_feed.h"
#include "shmem/command.h"
#include "storage/applied_table.h"
#include "storage/item_table.h"
#include "storage/own_transaction.h"

/* ---------------------------------------------------------------- tables that shall be */

/* True if this node is to have a replica of a partition from the creation of its group on. */
static bool
is_first_member(const PartitionInfo *partition)
{
	return partition->placement == 1 &&
		   membership_find(&partition->membership, quorate_shared->self) != MEMBER_NONE;
}

/* Notes the groups of a new table that are to be opened here. */
static void
note_groups_to_open(const TableInfo *table)
{
	KeyedTable applied;

	applied_table_open(&applied, RowExclusiveLock);
	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		AppliedRow row;

		if (is_first_member(&table->partitions[i]) &&
			!applied_table_get(&applied, table->partitions[i].group, GetActiveSnapshot(), &row))
			applied_table_put(&applied, &row);
	}
	keyed_table_close(&applied, NoLock);
}

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
		note_groups_to_open(tables[i]);
		ForceSyncCommit();
	}
	own_transaction_commit();
}

/* True if the group was noted to be opened and nothing of it has been applied since. */
static bool
is_noted(KeyedTable *applied, GroupId group)
{
	AppliedRow row;

	return applied_table_get(applied, group, GetActiveSnapshot(), &row) && row.applied_lsn == 0;
}

/* Asks for this node's groups of a table that were noted and are not open; true if there were any. */
static bool
open_groups_of(const TableInfo *table, KeyedTable *applied, bool may_open)
{
	bool asked = false;

	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		const PartitionInfo *partition = &table->partitions[i];

		if (!is_first_member(partition) || shared_group_find(partition->group) != NULL ||
			!is_noted(applied, partition->group))
			continue;
		if (may_open)
			group_command_open(partition->group, &partition->membership, partition->first_leader);
		asked = true;
	}
	return asked;
}

/*
 * Has the metadata here been up to date at any time since the node started?  Then it shows what had been decided
 * before: that a member is removed, say.
 */
static bool
was_up_to_date_in_this_life(void)
{
	static uint64_t life; /* the newest one in which it was */
	GroupShared *metadata = shared_group_find(GROUP_METADATA);

	/* Without a leader that was heard in this life, the commit LSN is what was known before it. */
	if (life != quorate_shared->start_counter && metadata != NULL &&
		pg_atomic_read_u64(&metadata->leader) != 0 &&
		pg_atomic_read_u64(&metadata->commit_lsn) <= pg_atomic_read_u64(&metadata->applied_lsn))
		life = quorate_shared->start_counter;
	return life == quorate_shared->start_counter;
}

static bool
open_missing_groups(void)
{
	uint32_t count;
	const TableInfo *const *tables;
	KeyedTable applied;
	bool asked = false;
	bool may_open = was_up_to_date_in_this_life(); /* before the metadata is read */

	own_transaction_begin();
	tables = metadata_tables(&count);
	applied_table_open(&applied, AccessShareLock);
	for (uint32_t i = 0; i < count; i++)
		asked = open_groups_of(tables[i], &applied, may_open) || asked;
	keyed_table_close(&applied, AccessShareLock);
	own_transaction_commit();
	return asked;
}

/* ---------------------------------------------------------------- tables that were dropped */

/*
 * Asks for the groups of a dropped table to be closed; true if there were any open.  `all`: also those that seem not to
 * be open, because the command to open them may still be on its way, and a leader elsewhere may yet invite this node.
 */
static bool
close_groups_of(const DroppedTable *dropped, bool all)
{
	bool open = false;

	for (uint32_t i = 0; i < dropped->partition_count; i++)
	{
		GroupId group = metadata_group_id(dropped->table_id, i);
		bool is_open = shared_group_find(group) != NULL;

		if (is_open || all)
			group_command_close(group);
		open |= is_open;
	}
	return open;
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
		bool has_relation = OidIsValid(item_table_relid(dropped[i].table_id));

		if (close_groups_of(&dropped[i], has_relation))
			again = true;
		else if (has_relation && !drop_relation_of(&dropped[i]))
			again = true;
	}
	own_transaction_commit();
	return again;
}

/* ---------------------------------------------------------------- nodes */

static NodeList *
nodes_in_metadata(void)
{
	NodeList *list = palloc0(sizeof(NodeList));
	const NodeInfo *nodes = metadata_nodes(&list->count);

	memcpy(list->nodes, nodes, list->count * sizeof(NodeInfo));
	list->removed_nodes = metadata_removed_nodes();
	list->cluster_version = metadata_cluster_version();
	list->lsn = metadata_lsn();
	return list;
}

/*
 * Tells the replicator of the nodes if it knows others.  Until the first nodes are recorded, and on a new node that
 * has not applied the metadata yet, it knows more.
 */
static void
tell_nodes(void)
{
	const NodeList *known;
	const NodeList *list;

	own_transaction_begin();
	list = nodes_in_metadata();
	known = node_list_published();
	if (list->count > 0 && list->lsn >= known->lsn && !node_list_equal(list, known))
		node_command_list(list);
	own_transaction_commit();
}

bool
reconciler_run(void)
{
	bool opening;
	bool removing;

	/* Without a replica of the metadata, what is left of one is old or only half there. */
	if (shared_group_find(GROUP_METADATA) == NULL)
		return false;
	tell_nodes();
	create_missing_relations();
	opening = open_missing_groups();
	removing = remove_dropped_tables();
	return opening || removing;
}
