/*
 * metadata_items.c
 *		Makes and reads the items of the metadata table, and the entries that change them.
 *
 * Making runs in the backend of whoever changes the cluster, reading in any backend and in the
 * applier. Nothing here is durable: a change exists once the metadata's group has committed it.
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "catalog/metadata_draft.h"

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

const char *
metadata_kind_name(MemberKind kind)
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

bool
metadata_kind_from_name(const char *name, MemberKind *kind)
{
	for (int i = MEMBER_STORAGE; i <= MEMBER_LEARNER; i++)
	{
		if (strcmp(name, metadata_kind_name((MemberKind) i)) == 0)
		{
			*kind = (MemberKind) i;
			return true;
		}
	}
	return false;
}

bool
metadata_wants(const PartitionInfo *partition, const WantedReplicas *wanted)
{
	const Membership *present = &partition->membership;
	uint32_t same = 0;

	for (uint32_t i = 0; i < present->member_count; i++)
	{
		for (uint32_t j = 0; j < wanted->count; j++)
			same += present->members[i].node == wanted->replicas[j].node &&
					present->members[i].kind == wanted->replicas[j].kind;
	}
	return same == present->member_count && same == wanted->count;
}

/* ---------------------------------------------------------------- sort keys */

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
	metadata_change_put(change, METADATA_PK_TABLE, spec->name, EXPECT_ABSENT, draft);
}

static void
put_table_id(MetadataChange *change, uint32_t table_id, const char *name, uint32_t partition_count,
			 bool dropped)
{
	char key[SORT_KEY_MAX];
	ItemDraft *draft = draft_begin(METADATA_PK_TABLE_ID, table_id_key(table_id, key));

	draft_string(draft, "table_name", name);
	draft_number(draft, "partition_count", partition_count);
	draft_bool(draft, "dropped", dropped);
	metadata_change_put(change, METADATA_PK_TABLE_ID, key, dropped ? EXPECT_PRESENT : EXPECT_ABSENT,
						draft);
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

/*
 * The members are numbers of nodes, which stand for storage replicas; a member of another kind is to be a map of node
 * and kind.
 */
static void
draft_members(ItemDraft *draft, const WantedReplicas *wanted)
{
	item_writer_name(&draft->writer, "members", strlen("members"));
	item_writer_open(&draft->writer, ITEM_LIST);
	for (uint32_t i = 0; i < wanted->count; i++)
	{
		const WantedReplica *replica = &wanted->replicas[i];

		if (replica->kind == MEMBER_STORAGE)
			draft_number_value(draft, replica->node);
		else
		{
			item_writer_open(&draft->writer, ITEM_MAP);
			draft_number(draft, "node", replica->node);
			draft_string(draft, "kind", metadata_kind_name(replica->kind));
			item_writer_close(&draft->writer);
		}
	}
	item_writer_close(&draft->writer);
}

/* The item of a partition; `lower` may be empty. */
static ItemDraft *
draft_partition(const char *key, GroupId group, const uint8_t *lower, uint32_t lower_length)
{
	ItemDraft *draft = draft_begin(METADATA_PK_PARTITION, key);

	draft_number(draft, "group_id", group);
	if (lower_length > 0)
	{
		item_writer_name(&draft->writer, "lower", strlen("lower"));
		item_writer_binary(&draft->writer, lower, lower_length);
	}
	return draft;
}

static void
draft_wanted(ItemDraft *draft, const WantedReplicas *wanted, uint64_t placement)
{
	Assert(wanted->count >= 1 && wanted->count <= CORE_MEMBERS_MAX);
	draft_members(draft, wanted);
	draft_number(draft, "first_leader", wanted->leader);
	draft_number(draft, "placement", placement);
}

static void
put_partition(MetadataChange *change, uint32_t table_id, uint32_t number, uint32_t count,
			  const WantedReplicas *wanted)
{
	char key[SORT_KEY_MAX];
	uint8_t lower[sizeof(uint32_t)];
	uint32_t lower_length = partition_lower(number, count, lower);
	ItemDraft *draft = draft_partition(partition_key(table_id, number, key),
									   metadata_group_id(table_id, number), lower, lower_length);

	draft_wanted(draft, wanted, 1);
	metadata_change_put(change, METADATA_PK_PARTITION, key, EXPECT_ABSENT, draft);
}

void
metadata_build_create_table(const TableSpec *spec, uint32_t table_id,
							const WantedReplicas *placement, MetadataChange *change)
{
	Assert(spec->partition_count >= 1 && spec->partition_count <= METADATA_PARTITIONS_MAX);

	metadata_change_begin(change, spec->partition_count + 2);
	put_table(change, spec, table_id);
	put_table_id(change, table_id, spec->name, spec->partition_count, false);
	for (uint32_t i = 0; i < spec->partition_count; i++)
		put_partition(change, table_id, i, spec->partition_count, &placement[i]);
}

void
metadata_build_placement(uint32_t table_id, const PartitionInfo *partition,
						 const WantedReplicas *wanted, MetadataChange *change)
{
	bool members_change = !metadata_wants(partition, wanted);
	char key[SORT_KEY_MAX];
	ItemDraft *draft = draft_partition(partition_key(table_id, partition->number, key),
									   partition->group, partition->lower, partition->lower_length);

	metadata_change_begin(change, 1);
	draft_wanted(draft, wanted, partition->placement + (members_change ? 1 : 0));
	metadata_change_put(change, METADATA_PK_PARTITION, key, EXPECT_UNCHANGED, draft);
}

void
metadata_build_drop_table(const TableInfo *table, MetadataChange *change)
{
	char key[SORT_KEY_MAX];

	metadata_change_begin(change, table->partition_count + 2);
	metadata_change_add(change, METADATA_PK_TABLE, table->name, IMAGE_DELETE, EXPECT_PRESENT);
	put_table_id(change, table->table_id, table->name, table->partition_count, true);

	/*
	 * The partitions' items carry the table's id: they tell it from a later table of the same name.
	 */
	for (uint32_t i = 0; i < table->partition_count; i++)
		metadata_change_add(change, METADATA_PK_PARTITION, partition_key(table->table_id, i, key),
							IMAGE_DELETE, EXPECT_PRESENT);
}
