/*
 * node_list.c
 *		The nodes of the cluster as bytes; see node_list.h.
 *
 * Runs in the replicator and, for packing, in the applier and in the backend of an administrator.  The bytes
 * come from a CRC-protected log, and are checked all the same: a newer version may have written them.
 */
#include "postgres.h"

#include "shmem/node_list.h"

#define NODE_LIST_VERSION 3

/* Bytes that remain to be read. */
typedef struct Reader
{
	const uint8_t *next;
	Size left;
	bool failed;
} Reader;

/* ---- packing ---- */

static void
pack_number(StringInfo out, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		appendStringInfoCharMacro(out, (char) (value >> (8 * i) & 0xFF));
}

static void
pack_text(StringInfo out, const char *text)
{
	pack_number(out, strlen(text), 2);
	appendStringInfoString(out, text);
}

void
node_list_pack(const NodeList *list, StringInfo out)
{
	pack_number(out, NODE_LIST_VERSION, 1);
	pack_number(out, list->lsn, 8);
	pack_number(out, list->removed_nodes, 8);
	pack_number(out, list->cluster_version, 4);
	pack_number(out, list->count, 1);
	for (uint32_t i = 0; i < list->count; i++)
	{
		pack_number(out, list->nodes[i].node, 2);
		pack_number(out, list->nodes[i].state, 1);
		pack_text(out, list->nodes[i].name);
		pack_text(out, list->nodes[i].zone);
		pack_text(out, list->nodes[i].conninfo);
	}
}

/* ---- unpacking ---- */

static const uint8_t *
take(Reader *reader, Size length)
{
	const uint8_t *taken = reader->next;

	if (reader->failed || reader->left < length)
	{
		reader->failed = true;
		return NULL;
	}
	reader->next += length;
	reader->left -= length;
	return taken;
}

static uint64_t
take_number(Reader *reader, int bytes)
{
	const uint8_t *taken = take(reader, (Size) bytes);
	uint64_t number = 0;

	for (int i = bytes - 1; i >= 0 && taken != NULL; i--)
		number = number << 8 | taken[i];
	return number;
}

static void
take_text(Reader *reader, char *text, Size size)
{
	Size length = take_number(reader, 2);
	const uint8_t *bytes = take(reader, length);

	if (bytes == NULL || length >= size)
	{
		reader->failed = true;
		return;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
}

static void
take_node(Reader *reader, NodeInfo *node)
{
	memset(node, 0, sizeof(*node));
	node->node = (NodeId) take_number(reader, 2);
	node->state = (NodeStanding) take_number(reader, 1);
	take_text(reader, node->name, sizeof(node->name));
	take_text(reader, node->zone, sizeof(node->zone));
	take_text(reader, node->conninfo, sizeof(node->conninfo));
	if (node->node < 1 || node->node > CORE_NODES_MAX || node->state < NODE_ACTIVE ||
		node->state > NODE_LEAVING)
		reader->failed = true;
}

bool
node_list_unpack(const uint8_t *bytes, Size length, NodeList *list)
{
	Reader reader = {bytes, length, false};

	if (take_number(&reader, 1) != NODE_LIST_VERSION)
		return false;
	list->lsn = take_number(&reader, 8);
	list->removed_nodes = take_number(&reader, 8);
	list->cluster_version = (ClusterVersion) take_number(&reader, 4);
	list->count = (uint32_t) take_number(&reader, 1);
	if (list->count > CORE_NODES_MAX)
		return false;
	for (uint32_t i = 0; i < list->count && !reader.failed; i++)
		take_node(&reader, &list->nodes[i]);
	return !reader.failed && reader.left == 0;
}

/* ---- comparing ---- */

NodeList *
node_list_published(void)
{
	NodeList *list = palloc0(sizeof(NodeList));

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	list->lsn = quorate_shared->nodes_lsn;
	list->removed_nodes = quorate_shared->removed_nodes;
	list->cluster_version = quorate_shared->cluster_version;
	for (int i = 0; i < CORE_NODES_MAX; i++)
	{
		if (quorate_shared->nodes[i].node != 0)
			list->nodes[list->count++] = quorate_shared->nodes[i];
	}
	LWLockRelease(quorate_shared->lock);
	return list;
}

static bool
nodes_equal(const NodeInfo *left, const NodeInfo *right)
{
	return left->node == right->node && left->state == right->state &&
		   strcmp(left->name, right->name) == 0 && strcmp(left->zone, right->zone) == 0 &&
		   strcmp(left->conninfo, right->conninfo) == 0;
}

bool
node_list_equal(const NodeList *left, const NodeList *right)
{
	bool equal = left->count == right->count && left->removed_nodes == right->removed_nodes &&
				 left->cluster_version == right->cluster_version;

	for (uint32_t i = 0; i < left->count && equal; i++)
		equal = nodes_equal(&left->nodes[i], &right->nodes[i]);
	return equal;
}
