/*
 * metadata_items.c
 *		Makes and reads the items of the metadata table, and the entries that change them.
 *
 * Making runs in the backend of whoever changes the cluster, reading in any backend and in the
 * applier. Nothing here is durable: a change exists once the metadata's group has committed it.
 */
#include "postgres.h"

#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "catalog/metadata_items.h"
#include "item/item_number.h"
#include "item/item_writer.h"
#include "storage/item_memory.h"
#include "storage/position.h"

#define SERIAL_BITS 20 /* of a group id, below the table id */

static const KeySchema metadata_schema = {
	.partition = {.name = "pk", .name_length = 2, .type = ITEM_STRING},
	.has_sort = true,
	.sort = {.name = "sk", .name_length = 2, .type = ITEM_STRING},
};

const KeySchema *
metadata_key_schema(void)
{
	return &metadata_schema;
}

GroupId
metadata_group_id(uint32_t table_id, uint32_t serial)
{
	Assert(serial < (1u << SERIAL_BITS));
	return ((GroupId) table_id << SERIAL_BITS) | serial;
}

uint32_t
metadata_group_table_id(GroupId group)
{
	return (uint32_t) (group >> SERIAL_BITS);
}

/* ---------------------------------------------------------------- making items */

/* An item being made: a writer and the buffer it writes to. */
typedef struct ItemDraft
{
	ItemBuffer buffer;
	ItemWriter writer;
} ItemDraft;

static void
draft_string(ItemDraft *draft, const char *name, const char *value)
{
	item_writer_name(&draft->writer, name, strlen(name));
	item_writer_string(&draft->writer, value, strlen(value));
}

/* The value alone: an element of a list, or behind item_writer_name. */
static void
draft_number_value(ItemDraft *draft, uint64_t value)
{
	char text[32];

	item_writer_number_text(&draft->writer, text,
							snprintf(text, sizeof(text), "%llu", (unsigned long long) value));
}

static void
draft_number(ItemDraft *draft, const char *name, uint64_t value)
{
	item_writer_name(&draft->writer, name, strlen(name));
	draft_number_value(draft, value);
}

static ItemDraft *
draft_begin(const char *kind, const char *sort_key)
{
	ItemDraft *draft = palloc(sizeof(ItemDraft));

	item_buffer_init(&draft->buffer, &item_palloc_allocator);
	item_writer_begin(&draft->writer, &draft->buffer);
	draft_string(draft, "pk", kind);
	draft_string(draft, "sk", sort_key);
	return draft;
}

static void
change_begin(MetadataChange *change, uint32_t images_max)
{
	change->image_count = 0;
	change->images = palloc0(images_max * sizeof(EntryImage));
	change->expectations = palloc0(images_max * sizeof(ImageExpectation));
}

/* Adds an image of the item of this kind and sort key, without the item itself. */
static EntryImage *
change_add(MetadataChange *change, const char *kind, const char *sort_key, ImageKind image_kind,
		   ImageExpectation expectation)
{
	EntryImage *image = &change->images[change->image_count];
	Position *position = palloc(sizeof(Position));
	ItemKey key = {
		.partition = {ITEM_STRING, (uint32_t) strlen(kind), (const uint8_t *) kind},
		.sort = {ITEM_STRING, (uint32_t) strlen(sort_key), (const uint8_t *) sort_key},
	};

	position_of_key(&key, position);
	change->expectations[change->image_count++] = expectation;
	image->kind = image_kind;
	image->table_id = METADATA_TABLE_ID;
	image->position = position->bytes;
	image->position_length = position->length;
	return image;
}

static void
change_put(MetadataChange *change, const char *kind, const char *sort_key,
		   ImageExpectation expectation, ItemDraft *draft)
{
	EntryImage *image = change_add(change, kind, sort_key, IMAGE_PUT, expectation);

	if (!item_writer_finish(&draft->writer))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("could not write metadata: %s", draft->writer.error.message)));
	item_writer_release(&draft->writer);
	image->item = draft->buffer.bytes;
	image->item_length = (uint32_t) draft->buffer.length;
}

/* ---------------------------------------------------------------- sort keys */

#define SORT_KEY_MAX 32 /* bytes of the sort keys made here, with the final zero */

static const char *
table_id_key(uint32_t table_id, char key[SORT_KEY_MAX])
{
	snprintf(key, SORT_KEY_MAX, "%010u", table_id);
	return key;
}

static const char *
partition_key(uint32_t table_id, uint32_t number, char key[SORT_KEY_MAX])
{
	snprintf(key, SORT_KEY_MAX, "%010u.%06u", table_id, number);
	return key;
}

/* ---------------------------------------------------------------- changes */

void
metadata_build_nodes(const NodeInfo *nodes, uint32_t node_count, MetadataChange *change)
{
	change_begin(change, node_count);
	for (uint32_t i = 0; i < node_count; i++)
	{
		char key[SORT_KEY_MAX];
		ItemDraft *draft;

		snprintf(key, sizeof(key), "%05u", nodes[i].node);
		draft = draft_begin(METADATA_PK_NODE, key);
		draft_string(draft, "name", nodes[i].name);
		draft_string(draft, "zone", nodes[i].zone);
		draft_string(draft, "conninfo", nodes[i].conninfo);
		change_put(change, METADATA_PK_NODE, key, EXPECT_ABSENT, draft);
	}
}

static void
put_table(MetadataChange *change, const TableSpec *spec, uint32_t table_id)
{
	ItemDraft *draft = draft_begin(METADATA_PK_TABLE, spec->name);
	const KeyAttribute *partition = &spec->key_schema.partition;
	const KeyAttribute *sort = &spec->key_schema.sort;

	draft_number(draft, "table_id", table_id);
	draft_string(draft, "partition_key", pnstrdup(partition->name, partition->name_length));
	draft_string(draft, "partition_key_type", item_type_name(partition->type));
	if (spec->key_schema.has_sort)
	{
		draft_string(draft, "sort_key", pnstrdup(sort->name, sort->name_length));
		draft_string(draft, "sort_key_type", item_type_name(sort->type));
	}
	draft_number(draft, "partition_count", spec->partition_count);
	change_put(change, METADATA_PK_TABLE, spec->name, EXPECT_ABSENT, draft);
}

static void
put_table_id(MetadataChange *change, uint32_t table_id, const char *name, uint32_t partition_count,
			 bool dropped)
{
	char key[SORT_KEY_MAX];
	ItemDraft *draft = draft_begin(METADATA_PK_TABLE_ID, table_id_key(table_id, key));

	draft_string(draft, "table_name", name);
	draft_number(draft, "partition_count", partition_count);
	item_writer_name(&draft->writer, "dropped", strlen("dropped"));
	item_writer_bool(&draft->writer, dropped);
	change_put(change, METADATA_PK_TABLE_ID, key, dropped ? EXPECT_PRESENT : EXPECT_ABSENT, draft);
}

/*
 * The first position of partition `number` of `count` equal shares of the hash space, cut to the
 * shortest separator.  Partition 0 starts at the empty position.
 */
static uint32_t
partition_lower(uint32_t number, uint32_t count, uint8_t lower[sizeof(uint32_t)])
{
	uint32_t bound = pg_hton32((uint32_t) (((uint64_t) number << 32) / count));
	uint32_t length = sizeof(bound);

	memcpy(lower, &bound, sizeof(bound));
	while (length > 0 && lower[length - 1] == 0)
		length--;
	return length;
}

static void
put_partition(MetadataChange *change, uint32_t table_id, uint32_t number, uint32_t count,
			  const NodeId *nodes, uint32_t node_count)
{
	char key[SORT_KEY_MAX];
	ItemDraft *draft = draft_begin(METADATA_PK_PARTITION, partition_key(table_id, number, key));
	uint8_t lower[sizeof(uint32_t)];
	uint32_t lower_length = partition_lower(number, count, lower);

	draft_number(draft, "group_id", metadata_group_id(table_id, number));
	if (lower_length > 0)
	{
		item_writer_name(&draft->writer, "lower", strlen("lower"));
		item_writer_binary(&draft->writer, lower, lower_length);
	}
	item_writer_name(&draft->writer, "members", strlen("members"));
	item_writer_open(&draft->writer, ITEM_LIST);
	for (uint32_t i = 0; i < node_count; i++)
		draft_number_value(draft, nodes[i]);
	item_writer_close(&draft->writer);
	draft_number(draft, "first_leader", nodes[number % node_count]);
	change_put(change, METADATA_PK_PARTITION, key, EXPECT_ABSENT, draft);
}

void
metadata_build_create_table(const TableSpec *spec, uint32_t table_id, const NodeId *nodes,
							uint32_t node_count, MetadataChange *change)
{
	Assert(spec->partition_count >= 1 && spec->partition_count <= METADATA_PARTITIONS_MAX);
	Assert(node_count >= 1 && node_count <= CORE_MEMBERS_MAX);

	change_begin(change, spec->partition_count + 2);
	put_table(change, spec, table_id);
	put_table_id(change, table_id, spec->name, spec->partition_count, false);
	for (uint32_t i = 0; i < spec->partition_count; i++)
		put_partition(change, table_id, i, spec->partition_count, nodes, node_count);
}

void
metadata_build_drop_table(const TableInfo *table, MetadataChange *change)
{
	char key[SORT_KEY_MAX];

	change_begin(change, table->partition_count + 2);
	change_add(change, METADATA_PK_TABLE, table->name, IMAGE_DELETE, EXPECT_PRESENT);
	put_table_id(change, table->table_id, table->name, table->partition_count, true);

	/*
	 * The partitions' items carry the table's id: they tell it from a later table of the same name.
	 */
	for (uint32_t i = 0; i < table->partition_count; i++)
		change_add(change, METADATA_PK_PARTITION, partition_key(table->table_id, i, key),
				   IMAGE_DELETE, EXPECT_PRESENT);
}
