/*
 * view_functions.c
 *		What the views tell of the metadata: nodes, tables, partitions and their replicas.
 *
 * Run by client backends.  Shows this node's replica of the metadata; the published state of the replicas is
 * added by the views themselves (extension/sql/060_views.sql).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "catalog/metadata.h"
#include "sqlapi/api_call.h"

PG_FUNCTION_INFO_V1(quorate_view_nodes);
PG_FUNCTION_INFO_V1(quorate_view_tables);
PG_FUNCTION_INFO_V1(quorate_view_partitions);

/* Views have no rows where there is nothing to show; they are looked at when things go wrong, and do not wait. */
static bool
metadata_can_be_shown(void)
{
	shared_state_require();
	return pg_atomic_read_u32(&quorate_shared->node_state) == NODE_RUNNING &&
		   metadata_is_available();
}

static ReturnSetInfo *
begin_rows(FunctionCallInfo fcinfo)
{
	InitMaterializedSRF(fcinfo, 0);
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

static Datum
bytes_datum(const uint8_t *bytes, uint32_t length)
{
	bytea *datum = palloc(VARHDRSZ + length);

	SET_VARSIZE(datum, VARHDRSZ + length);
	memcpy(VARDATA(datum), bytes, length);
	return PointerGetDatum(datum);
}

static Datum
key_name_datum(const KeyAttribute *attribute)
{
	return PointerGetDatum(cstring_to_text_with_len(attribute->name, (int) attribute->name_length));
}

/* quorate._nodes(): node_id, name, zone */
Datum
quorate_view_nodes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = begin_rows(fcinfo);
	uint32_t count = 0;
	const NodeInfo *nodes = metadata_can_be_shown() ? metadata_nodes(&count) : NULL;

	for (uint32_t i = 0; i < count; i++)
	{
		Datum values[3] = {Int32GetDatum(nodes[i].node), CStringGetTextDatum(nodes[i].name),
						   CStringGetTextDatum(nodes[i].zone)};
		bool nulls[3] = {false};

		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* quorate._tables(): table_id, table_name, key names and types, partitions */
Datum
quorate_view_tables(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = begin_rows(fcinfo);
	uint32_t count = 0;
	const TableInfo *const *tables = metadata_can_be_shown() ? metadata_tables(&count) : NULL;

	for (uint32_t i = 0; i < count; i++)
	{
		const TableInfo *table = tables[i];
		const KeySchema *schema = &table->key_schema;
		Datum values[7] = {Int32GetDatum((int32) table->table_id),
						   CStringGetTextDatum(table->name),
						   key_name_datum(&schema->partition),
						   CStringGetTextDatum(item_type_name(schema->partition.type)),
						   (Datum) 0,
						   (Datum) 0,
						   Int32GetDatum((int32) table->partition_count)};
		bool nulls[7] = {false};

		nulls[4] = nulls[5] = !schema->has_sort;
		if (schema->has_sort)
		{
			values[4] = key_name_datum(&schema->sort);
			values[5] = CStringGetTextDatum(item_type_name(schema->sort.type));
		}
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static const char *
member_kind_name(MemberKind kind)
{
	switch (kind)
	{
		case MEMBER_STORAGE:
			return "storage";
		case MEMBER_LOG:
			return "log";
		case MEMBER_LEARNER:
			return "learner";
	}
	return "unknown";
}

/* Two arrays, node ids and kinds, one element a member. */
static void
member_arrays(const Membership *membership, Datum *nodes, Datum *kinds)
{
	Datum node_values[CORE_MEMBERS_MAX];
	Datum kind_values[CORE_MEMBERS_MAX];
	int count = (int) membership->member_count;

	for (int i = 0; i < count; i++)
	{
		node_values[i] = Int32GetDatum(membership->members[i].node);
		kind_values[i] = CStringGetTextDatum(member_kind_name(membership->members[i].kind));
	}
	*nodes = PointerGetDatum(
		construct_array(node_values, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	*kinds = PointerGetDatum(construct_array(kind_values, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_partition(ReturnSetInfo *rows, const TableInfo *table, uint32_t number)
{
	const PartitionInfo *partition = &table->partitions[number];
	bool is_last = number + 1 == table->partition_count;
	Datum values[7] = {Int32GetDatum((int32) table->table_id), Int32GetDatum((int32) number),
					   Int64GetDatum((int64) partition->group),
					   bytes_datum(partition->lower, partition->lower_length),
					   is_last ? (Datum) 0
							   : bytes_datum(partition[1].lower, partition[1].lower_length)};
	bool nulls[7] = {false};

	nulls[4] = is_last;
	member_arrays(&partition->membership, &values[5], &values[6]);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

/* quorate._partitions(): table_id, partition, group_id, position_from, position_to, members, kinds */
Datum
quorate_view_partitions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = begin_rows(fcinfo);
	uint32_t count = 0;
	const TableInfo *const *tables = metadata_can_be_shown() ? metadata_tables(&count) : NULL;

	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t number = 0; number < tables[i]->partition_count; number++)
			put_partition(rows, tables[i], number);
	}
	return (Datum) 0;
}
