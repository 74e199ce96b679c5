/*
 * protect.c
 *		Keeps everybody but the extension from changing its tables.
 *
 * Hooks that run in every backend.  A row that was written past the log would differ from its
 * replicas, and a trigger or constraint would be skipped by the applier's direct writes; so changes
 * are refused even to superusers: data by a hook on the executor and on TRUNCATE, definitions by a
 * hook on utility commands and on the creation and dropping of objects (which also sees what
 * CASCADE, DROP OWNED and the like would take along).  Reading is free: SELECT, ANALYZE, VACUUM,
 * REINDEX CONCURRENTLY, views, pg_dump.
 *
 * What belongs to the extension is what is in its schema quorate_data, in a database that has the
 * extension; without it nothing happens here.  Not refused, because harmless to the data:
 * database-wide VACUUM FULL, CLUSTER and REINDEX (they hold up the applier while they run), GRANT,
 * COMMENT.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_trigger.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "catalog/protect.h"
#include "compat.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "storage/keyed_table.h"

#define EXTENSION_NAME "quorate"
#define WRITE_PERMISSIONS (ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE)

static ExecutorStart_hook_type previous_executor_start = NULL;
static ProcessUtility_hook_type previous_utility = NULL;
static object_access_hook_type previous_object_access = NULL;

/* The extension itself is at work, in this backend. */
static bool own_command = false;

/* ---------------------------------------------------------------- what is protected */

static bool
is_own_work(void)
{
	return own_command || (creating_extension &&
						   CurrentExtensionObject == get_extension_oid(EXTENSION_NAME, true));
}

/* The schema of the extension's tables, InvalidOid if this database does not have the extension. */
static Oid
protected_schema(void)
{
	Oid schema = get_namespace_oid(DATA_SCHEMA, true);

	if (OidIsValid(schema) && OidIsValid(get_extension_oid(EXTENSION_NAME, true)))
		return schema;
	return InvalidOid;
}

static bool
is_protected(Oid relid)
{
	Oid schema = get_namespace_oid(DATA_SCHEMA, true);

	return OidIsValid(schema) && get_rel_namespace(relid) == schema &&
		   OidIsValid(protected_schema());
}

static void
refuse_relation(const char *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot change \"%s\": it belongs to item tables", relation),
			 errdetail("Only replicated writes change it; SELECT, ANALYZE, VACUUM and "
					   "REINDEX CONCURRENTLY are allowed."),
			 errhint("Use quorate.put_item(), quorate.delete_item(), quorate.create_table() and "
					 "quorate.drop_table().")));
}

static void
check_relation(Oid relid)
{
	if (OidIsValid(relid) && is_protected(relid))
		refuse_relation(get_rel_name(relid));
}

static void
check_range_var(const RangeVar *relation)
{
	if (relation != NULL)
		check_relation(RangeVarGetRelid(relation, NoLock, true));
}

static void
check_range_vars(List *relations)
{
	ListCell *cell;

	foreach (cell, relations)
		check_range_var(lfirst_node(RangeVar, cell));
}

static void
check_schema_name(const char *name)
{
	if (name != NULL && strcmp(name, DATA_SCHEMA) == 0 && OidIsValid(protected_schema()))
		refuse_relation(DATA_SCHEMA);
}

/* ---------------------------------------------------------------- data */

/* Refuses INSERT, UPDATE, DELETE, MERGE and row locks. */
static void
check_plan(PlannedStmt *planned)
{
	ListCell *cell;

	if (planned->commandType == CMD_SELECT && planned->rowMarks == NIL && !planned->hasModifyingCTE)
		return;
	foreach (cell, compat_perm_infos(planned))
	{
		CompatPermInfo *info = lfirst_node(CompatPermInfo, cell);

		if (info->requiredPerms & WRITE_PERMISSIONS)
			check_relation(info->relid);
	}
}

static void
protect_executor_start(QueryDesc *query, int flags)
{
	if (!is_own_work())
		check_plan(query->plannedstmt);
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

/* ---------------------------------------------------------------- utility commands */

/* True if an option like FULL or CONCURRENTLY is given and on. */
static bool
has_option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && defGetBoolean(option))
			return true;
	}
	return false;
}

static void
check_vacuum(VacuumStmt *statement)
{
	ListCell *cell;

	if (!statement->is_vacuumcmd || !has_option(statement->options, "full"))
		return;
	foreach (cell, statement->rels)
		check_range_var(lfirst_node(VacuumRelation, cell)->relation);
}

static void
check_reindex(ReindexStmt *statement)
{
	if (has_option(statement->params, "concurrently"))
		return;
	check_range_var(statement->relation);
	if (statement->kind == REINDEX_OBJECT_SCHEMA)
		check_schema_name(statement->name);
}

static void
refuse_drop_extension(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop extension \"%s\": this node belongs to a cluster", EXTENSION_NAME),
			 errdetail("The extension's tables hold this node's replicas."),
			 errhint("Use quorate.drop_cluster() first.")));
}

/* True unless it is certain that this node belongs to no cluster. */
static bool
has_cluster(void)
{
	return quorate_shared != NULL &&
		   pg_atomic_read_u32(&quorate_shared->node_state) != NODE_UNCONFIGURED;
}

static void
check_drop(DropStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->objects)
	{
		Node *object = lfirst(cell);

		if (statement->removeType == OBJECT_TABLE || statement->removeType == OBJECT_INDEX)
			check_range_var(makeRangeVarFromNameList(castNode(List, object)));
		else if (statement->removeType == OBJECT_SCHEMA)
			check_schema_name(strVal(object));
		else if (statement->removeType == OBJECT_EXTENSION &&
				 strcmp(strVal(object), EXTENSION_NAME) == 0 && has_cluster() &&
				 OidIsValid(get_extension_oid(EXTENSION_NAME, true)))
			refuse_drop_extension();
	}
}

/* ALTER TABLE of an item table, or of another one that is to inherit from it. */
static void
check_alter_table(AlterTableStmt *statement)
{
	ListCell *cell;

	check_range_var(statement->relation);
	foreach (cell, statement->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AddInherit)
			check_range_var(castNode(RangeVar, command->def));
	}
}

/* Renaming the schema or handing it to another owner. */
static void
check_schema_change(ObjectType type, const char *name)
{
	if (type == OBJECT_SCHEMA)
		check_schema_name(name);
}

static void
check_alter_extension(AlterExtensionContentsStmt *statement)
{
	if (strcmp(statement->extname, EXTENSION_NAME) == 0 && OidIsValid(protected_schema()))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot change the members of extension \"%s\"", EXTENSION_NAME)));
}

static void
check_utility(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CopyStmt:
			if (castNode(CopyStmt, statement)->is_from)
				check_range_var(castNode(CopyStmt, statement)->relation);
			break;
		case T_LockStmt:
			if (castNode(LockStmt, statement)->mode > AccessShareLock)
				check_range_vars(castNode(LockStmt, statement)->relations);
			break;
		case T_AlterTableStmt:
			check_alter_table(castNode(AlterTableStmt, statement));
			break;
		case T_CreateStmt:
			check_range_vars(castNode(CreateStmt, statement)->inhRelations);
			break;
		case T_RenameStmt:
			check_range_var(castNode(RenameStmt, statement)->relation);
			check_schema_change(castNode(RenameStmt, statement)->renameType,
								castNode(RenameStmt, statement)->subname);
			break;
		case T_AlterObjectSchemaStmt:
			check_range_var(castNode(AlterObjectSchemaStmt, statement)->relation);
			check_schema_name(castNode(AlterObjectSchemaStmt, statement)->newschema);
			break;
		case T_AlterOwnerStmt:
			if (castNode(AlterOwnerStmt, statement)->objectType == OBJECT_SCHEMA)
				check_schema_name(strVal(castNode(AlterOwnerStmt, statement)->object));
			break;
		case T_AlterExtensionContentsStmt:
			check_alter_extension(castNode(AlterExtensionContentsStmt, statement));
			break;
		case T_DropStmt:
			check_drop(castNode(DropStmt, statement));
			break;
		case T_IndexStmt:
			check_range_var(castNode(IndexStmt, statement)->relation);
			break;
		case T_RuleStmt:
			check_range_var(castNode(RuleStmt, statement)->relation);
			break;
		case T_CreatePolicyStmt:
			check_range_var(castNode(CreatePolicyStmt, statement)->table);
			break;
		case T_ClusterStmt:
			check_range_var(castNode(ClusterStmt, statement)->relation);
			break;
		case T_VacuumStmt:
			check_vacuum(castNode(VacuumStmt, statement));
			break;
		case T_ReindexStmt:
			check_reindex(castNode(ReindexStmt, statement));
			break;
		default:
			break;
	}
}

static void
protect_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
				DestReceiver *destination, QueryCompletion *completion)
{
	if (!is_own_work())
		check_utility(planned->utilityStmt);
	if (previous_utility)
		previous_utility(planned, query, read_only_tree, context, params, environment, destination,
						 completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, params, environment,
								destination, completion);
}

/* ---------------------------------------------------------------- objects */

/*
 * Reads one column of the catalog row that has just been made and that no ordinary look-up sees
 * yet.
 */
static Datum
new_catalog_value(Oid catalog, Oid oid_index, AttrNumber oid_column, Oid object, AttrNumber column)
{
	Relation relation = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Datum value = (Datum) 0;
	bool isnull;

	ScanKeyInit(&key, oid_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(relation, oid_index, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		value = heap_getattr(tuple, column, RelationGetDescr(relation), &isnull);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return value;
}

/*
 * Anything new in the schema, but for indexes: REINDEX CONCURRENTLY makes them too; CREATE INDEX is
 * checked above.
 */
static void
check_new_relation(Oid relid)
{
	Oid schema = protected_schema();
	Oid own_schema;
	char kind;

	if (!OidIsValid(schema))
		return;
	own_schema = DatumGetObjectId(new_catalog_value(
		RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relid, Anum_pg_class_relnamespace));
	if (own_schema != schema)
		return;
	kind = DatumGetChar(new_catalog_value(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid,
										  relid, Anum_pg_class_relkind));
	if (kind != RELKIND_INDEX)
		refuse_relation(DATA_SCHEMA);
}

/* Triggers of users, and those that make a foreign key. */
static void
check_new_trigger(Oid trigger)
{
	check_relation(
		DatumGetObjectId(new_catalog_value(TriggerRelationId, TriggerOidIndexId,
										   Anum_pg_trigger_oid, trigger, Anum_pg_trigger_tgrelid)));
}

static void
check_create(Oid catalog, Oid object, int column)
{
	if (catalog == RelationRelationId && column == 0)
		check_new_relation(object);
	else if (catalog == TriggerRelationId)
		check_new_trigger(object);
}

static void
check_drop_database(Oid database)
{
	char *name = get_database_name(database);

	if (name != NULL && strcmp(name, quorate_database) == 0 && has_cluster())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("cannot drop database \"%s\": this node belongs to a cluster", name),
						errdetail("The database holds this node's replicas."),
						errhint("Use quorate.drop_cluster() first.")));
}

/* What CASCADE, DROP OWNED and the like would take along. */
static void
refuse_drop(const char *relation)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
		 errmsg("cannot drop \"%s\": it belongs to item tables", relation),
		 errhint(
			 "Use quorate.drop_table() for an item table, quorate.drop_cluster() before dropping "
			 "the extension.")));
}

/* `internal` drops are steps of another command, like the old index of REINDEX CONCURRENTLY. */
static void
check_drop_object(Oid catalog, Oid object, bool internal)
{
	if (catalog == DatabaseRelationId)
		check_drop_database(object);
	else if (catalog == ExtensionRelationId && has_cluster() &&
			 object == get_extension_oid(EXTENSION_NAME, true))
		refuse_drop_extension();
	else if (catalog == RelationRelationId && has_cluster() && !internal && is_protected(object))
		refuse_drop(get_rel_name(object));
}

static void
protect_object_access(ObjectAccessType access, Oid catalog, Oid object, int column, void *argument)
{
	if (previous_object_access)
		previous_object_access(access, catalog, object, column, argument);
	if (is_own_work())
		return;

	if (access == OAT_POST_CREATE)
		check_create(catalog, object, column);
	else if (access == OAT_DROP)
		check_drop_object(catalog, object,
						  ((ObjectAccessDrop *) argument)->dropflags & PERFORM_DELETION_INTERNAL);
	else if (access == OAT_TRUNCATE)
		check_relation(object);
}

/* ---------------------------------------------------------------- the extension itself */

void
protect_install(void)
{
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = protect_executor_start;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = protect_utility;
	previous_object_access = object_access_hook;
	object_access_hook = protect_object_access;
}

void
protect_run_own(const char *sql)
{
	bool nested = own_command;

	own_command = true;
	PG_TRY();
	{
		SPI_connect();
		if (SPI_execute(sql, false, 0) < 0)
			elog(ERROR, "could not execute \"%s\"", sql);
		SPI_finish();
	}
	PG_FINALLY();
	{
		own_command = nested;
	}
	PG_END_TRY();
}
