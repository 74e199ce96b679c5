/*
 * metadata_node_items.c
 *		Changes of the metadata that concern nodes, settings and the version: see metadata_items.h.
 *
 * Runs in client backends and workers that change the metadata.  A change of what was read is made under
 * EXPECT_UNCHANGED, so that of two that rest on the same state one fails and looks again.
 */
#include "postgres.h"

#include "catalog/metadata_draft.h"

static const char *const standing_names[] = {
	[NODE_ACTIVE] = "active",
	[NODE_JOINING] = "joining",
	[NODE_DRAINING] = "draining",
	[NODE_LEAVING] = "leaving",
};

const char *
metadata_standing_name(NodeStanding standing)
{
	return standing >= NODE_ACTIVE && standing <= NODE_LEAVING ? standing_names[standing]
															   : "unknown";
}

bool
metadata_standing_from_name(const char *name, NodeStanding *standing)
{
	for (int i = NODE_ACTIVE; i <= NODE_LEAVING; i++)
	{
		if (strcmp(name, standing_names[i]) == 0)
		{
			*standing = (NodeStanding) i;
			return true;
		}
	}
	return false;
}

static const char *
node_key(NodeId node, char key[SORT_KEY_MAX])
{
	snprintf(key, SORT_KEY_MAX, "%05u", node);
	return key;
}

static void
put_node(MetadataChange *change, const NodeInfo *node, ImageExpectation expectation)
{
	char key[SORT_KEY_MAX];
	ItemDraft *draft = draft_begin(METADATA_PK_NODE, node_key(node->node, key));

	draft_string(draft, "name", node->name);
	draft_string(draft, "zone", node->zone);
	draft_string(draft, "conninfo", node->conninfo);
	draft_string(draft, "state", metadata_standing_name(node->state));
	metadata_change_put(change, METADATA_PK_NODE, key, expectation, draft);
}

static void
put_version(MetadataChange *change, ClusterVersion version, ImageExpectation expectation)
{
	ItemDraft *draft = draft_begin(METADATA_PK_SETTINGS, METADATA_VERSION_KEY);

	draft_number(draft, "version", version);
	metadata_change_put(change, METADATA_PK_SETTINGS, METADATA_VERSION_KEY, expectation, draft);
}

void
metadata_build_nodes(const NodeInfo *nodes, uint32_t node_count, ClusterVersion version,
					 MetadataChange *change)
{
	metadata_change_begin(change, node_count + 1);
	for (uint32_t i = 0; i < node_count; i++)
		put_node(change, &nodes[i], EXPECT_ABSENT);
	put_version(change, version, EXPECT_ABSENT);
}

void
metadata_build_version(ClusterVersion version, MetadataChange *change)
{
	metadata_change_begin(change, 1);
	put_version(change, version, EXPECT_UNCHANGED);
}

void
metadata_build_add_node(const NodeInfo *node, MetadataChange *change)
{
	char key[SORT_KEY_MAX];

	metadata_change_begin(change, 2);
	put_node(change, node, EXPECT_ABSENT);

	/* Deletes nothing: it asserts that no node of this id was ever removed. */
	metadata_change_add(change, METADATA_PK_REMOVED_NODE, node_key(node->node, key), IMAGE_DELETE,
						EXPECT_ABSENT);
}

void
metadata_build_set_node(const NodeInfo *node, MetadataChange *change)
{
	metadata_change_begin(change, 1);
	put_node(change, node, EXPECT_UNCHANGED);
}

void
metadata_build_remove_node(const NodeInfo *node, MetadataChange *change)
{
	char key[SORT_KEY_MAX];
	ItemDraft *draft = draft_begin(METADATA_PK_REMOVED_NODE, node_key(node->node, key));

	metadata_change_begin(change, 2);
	metadata_change_add(change, METADATA_PK_NODE, key, IMAGE_DELETE, EXPECT_UNCHANGED);
	draft_string(draft, "name", node->name);
	metadata_change_put(change, METADATA_PK_REMOVED_NODE, key, EXPECT_ABSENT, draft);
}

void
metadata_build_settings(const MetadataSettings *settings, MetadataChange *change)
{
	ItemDraft *draft = draft_begin(METADATA_PK_SETTINGS, METADATA_SETTINGS_KEY);

	metadata_change_begin(change, 1);
	draft_bool(draft, "healing", settings->healing);
	draft_bool(draft, "balancing", settings->balancing);
	metadata_change_put(change, METADATA_PK_SETTINGS, METADATA_SETTINGS_KEY,
						settings->recorded ? EXPECT_UNCHANGED : EXPECT_ABSENT, draft);
}
