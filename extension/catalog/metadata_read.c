/*
 * metadata_read.c
 *		Reads the items of the metadata table.
 *
 * Runs in any backend and in the applier.  An item that is not as metadata_items.c makes them is an
 * error and never skipped: routing by half of the metadata would lose data.
 */
#include "postgres.h"

#include "catalog/metadata_items.h"
#include "item/item_number.h"

/* An item, or a map in one. */
typedef struct ItemReader
{
	ItemContainer map;
} ItemReader;

static void
report_bad_item(const char *attribute)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("metadata item has no valid attribute \"%s\"", attribute)));
}

static bool
find_value(const ItemReader *reader, const char *name, ItemType type, ItemValue *value)
{
	return item_map_find(&reader->map, name, strlen(name), value) && value->type == type;
}

static ItemValue
get_value(const ItemReader *reader, const char *name, ItemType type)
{
	ItemValue value;

	if (!find_value(reader, name, type, &value))
		report_bad_item(name);
	return value;
}

static char *
get_string(const ItemReader *reader, const char *name)
{
	ItemValue value = get_value(reader, name, ITEM_STRING);

	return pnstrdup((const char *) value.bytes, value.length);
}

/* Copies a string of at most size - 1 bytes. */
static void
copy_string(const ItemReader *reader, const char *name, char *out, Size size)
{
	ItemValue value = get_value(reader, name, ITEM_STRING);

	if (value.length >= size)
		report_bad_item(name);
	memcpy(out, value.bytes, value.length);
	out[value.length] = '\0';
}

/* The whole number that a value or text holds, at most `max`. */
static uint64_t
parse_number(const char *text, const char *name, uint64_t max)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number > max)
		report_bad_item(name);
	return number;
}

static uint64_t
number_of(const ItemValue *value, const char *name, uint64_t max)
{
	char text[ITEM_NUMBER_TEXT_MAX + 1];

	text[item_number_to_text(value->bytes, value->length, text)] = '\0';
	return parse_number(text, name, max);
}

static uint64_t
get_number(const ItemReader *reader, const char *name, uint64_t max)
{
	ItemValue value = get_value(reader, name, ITEM_NUMBER);

	return number_of(&value, name, max);
}

/* A number that older items do not have. */
static uint64_t
get_number_or(const ItemReader *reader, const char *name, uint64_t max, uint64_t otherwise)
{
	ItemValue value;

	return find_value(reader, name, ITEM_NUMBER, &value) ? number_of(&value, name, max) : otherwise;
}

static bool
get_bool(const ItemReader *reader, const char *name)
{
	return get_value(reader, name, ITEM_BOOL).bytes[0] != 0;
}

static void
read_node(const ItemReader *reader, const char *sort_key, MetadataItem *result)
{
	ItemValue state;

	result->kind = METADATA_KIND_NODE;
	result->node.state = NODE_ACTIVE;
	if (find_value(reader, "state", ITEM_STRING, &state) &&
		!metadata_standing_from_name(get_string(reader, "state"), &result->node.state))
		report_bad_item("state");
	result->node.node = (NodeId) parse_number(sort_key, "sk", CORE_NODES_MAX);
	copy_string(reader, "name", result->node.name, NODE_NAME_MAX);
	copy_string(reader, "zone", result->node.zone, NODE_NAME_MAX);
	copy_string(reader, "conninfo", result->node.conninfo, NODE_CONNINFO_MAX);
}

static void
read_removed_node(const ItemReader *reader, const char *sort_key, MetadataItem *result)
{
	result->kind = METADATA_KIND_REMOVED_NODE;
	result->node.node = (NodeId) parse_number(sort_key, "sk", CORE_NODES_MAX);
	copy_string(reader, "name", result->node.name, NODE_NAME_MAX);
}

static void
read_settings(const ItemReader *reader, MetadataItem *result)
{
	result->kind = METADATA_KIND_SETTINGS;
	result->settings = (MetadataSettings){true, get_bool(reader, "healing"),
										  get_bool(reader, "balancing")};
}

static void
read_version(const ItemReader *reader, MetadataItem *result)
{
	result->kind = METADATA_KIND_VERSION;
	result->version = (ClusterVersion) get_number(reader, "version", PG_INT32_MAX);
}

static void
read_key_attribute(const ItemReader *reader, const char *name, const char *type_name,
				   KeyAttribute *attribute)
{
	ItemValue type = get_value(reader, type_name, ITEM_STRING);

	attribute->name = get_string(reader, name);
	attribute->name_length = (uint32_t) strlen(attribute->name);
	if (!item_type_from_name((const char *) type.bytes, type.length, &attribute->type) ||
		!item_type_is_key(attribute->type))
		report_bad_item(type_name);
}

static void
read_table(const ItemReader *reader, MetadataItem *result)
{
	TableInfo *table = &result->table;
	ItemValue sort_key;

	result->kind = METADATA_KIND_TABLE;
	copy_string(reader, "sk", table->name, sizeof(table->name));
	table->table_id = (uint32_t) get_number(reader, "table_id", PG_UINT32_MAX);
	table->partition_count = (uint32_t) get_number(reader, "partition_count", 1u << 20);
	read_key_attribute(reader, "partition_key", "partition_key_type", &table->key_schema.partition);
	table->key_schema.has_sort = find_value(reader, "sort_key", ITEM_STRING, &sort_key);
	if (table->key_schema.has_sort)
		read_key_attribute(reader, "sort_key", "sort_key_type", &table->key_schema.sort);
}

/* The number of a node, or a map of node and kind. */
static void
read_member(const ItemValue *value, Member *member)
{
	ItemReader reader;

	member->kind = MEMBER_STORAGE;
	if (value->type == ITEM_NUMBER)
		member->node = (NodeId) number_of(value, "members", CORE_NODES_MAX);
	else if (value->type == ITEM_MAP)
	{
		item_open_value(value, &reader.map);
		member->node = (NodeId) get_number(&reader, "node", CORE_NODES_MAX);
		if (!metadata_kind_from_name(get_string(&reader, "kind"), &member->kind))
			report_bad_item("kind");
	}
	else
		report_bad_item("members");
}

static void
read_members(const ItemReader *reader, Membership *membership)
{
	ItemValue value = get_value(reader, "members", ITEM_LIST);
	ItemContainer list;

	item_open_value(&value, &list);
	if (list.count < 1 || list.count > CORE_MEMBERS_MAX)
		report_bad_item("members");
	membership->generation = 1;
	membership->member_count = list.count;
	for (uint32_t i = 0; i < list.count; i++)
	{
		ItemValue member;

		item_element(&list, i, &member);
		read_member(&member, &membership->members[i]);
	}
}

static void
read_partition(const ItemReader *reader, const char *sort_key, MetadataItem *result)
{
	PartitionInfo *partition = &result->partition;
	ItemValue lower;
	char *stop = strchr(sort_key, '.');

	if (stop == NULL)
		report_bad_item("sk");
	result->kind = METADATA_KIND_PARTITION;
	result->table_id = (uint32_t) parse_number(pnstrdup(sort_key, stop - sort_key), "sk",
											   PG_UINT32_MAX);
	partition->number = (uint32_t) parse_number(stop + 1, "sk", PG_UINT32_MAX);
	partition->group = get_number(reader, "group_id", PG_INT64_MAX);
	partition->first_leader = (NodeId) get_number(reader, "first_leader", CORE_NODES_MAX);
	partition->placement = get_number_or(reader, "placement", PG_INT64_MAX, 1);
	if (find_value(reader, "lower", ITEM_BINARY, &lower))
	{
		partition->lower = memcpy(palloc(lower.length), lower.bytes, lower.length);
		partition->lower_length = lower.length;
	}
	read_members(reader, &partition->membership);
}

static void
read_table_id(const ItemReader *reader, const char *sort_key, MetadataItem *result)
{
	result->kind = METADATA_KIND_TABLE_ID;
	result->table_id = (uint32_t) parse_number(sort_key, "sk", PG_UINT32_MAX);
	result->partition_count = (uint32_t) get_number(reader, "partition_count", 1u << 20);
	result->dropped = get_bool(reader, "dropped");
}

void
metadata_read_item(const uint8_t *item, uint32_t length, MetadataItem *result)
{
	ItemReader reader;
	char *kind;
	char *sort_key;

	item_open(item, length, &reader.map);
	kind = get_string(&reader, "pk");
	sort_key = get_string(&reader, "sk");
	memset(result, 0, sizeof(*result));
	if (strcmp(kind, METADATA_PK_NODE) == 0)
		read_node(&reader, sort_key, result);
	else if (strcmp(kind, METADATA_PK_TABLE) == 0)
		read_table(&reader, result);
	else if (strcmp(kind, METADATA_PK_PARTITION) == 0)
		read_partition(&reader, sort_key, result);
	else if (strcmp(kind, METADATA_PK_TABLE_ID) == 0)
		read_table_id(&reader, sort_key, result);
	else if (strcmp(kind, METADATA_PK_REMOVED_NODE) == 0)
		read_removed_node(&reader, sort_key, result);
	else if (strcmp(kind, METADATA_PK_SETTINGS) == 0 && strcmp(sort_key, METADATA_VERSION_KEY) == 0)
		read_version(&reader, result);
	else if (strcmp(kind, METADATA_PK_SETTINGS) == 0)
		read_settings(&reader, result);
	else
		report_bad_item("pk");
}
