/*
 * node_list.c
 *		The nodes of the cluster as bytes; see node_list.h.
 *
 * Runs in the replicator and, for packing, in the backend of an administrator.  The bytes come from a
 * CRC-protected log, and are checked all the same: a newer version may have written them.
 */
#include "postgres.h"

#include "worker/node_list.h"

#define NODE_LIST_VERSION 1

/* Bytes that remain to be read. */
typedef struct Reader
{
	const uint8_t *next;
	Size left;
	bool failed;
} Reader;

static void
pack_u16(StringInfo out, unsigned int value)
{
	appendStringInfoCharMacro(out, (char) (value & 0xFF));
	appendStringInfoCharMacro(out, (char) (value >> 8 & 0xFF));
}

static void
pack_text(StringInfo out, const char *text)
{
	pack_u16(out, strlen(text));
	appendStringInfoString(out, text);
}

void
node_list_pack(const NodeInfo *nodes, int count, StringInfo out)
{
	appendStringInfoCharMacro(out, NODE_LIST_VERSION);
	appendStringInfoCharMacro(out, (char) count);
	for (int i = 0; i < count; i++)
	{
		pack_u16(out, nodes[i].node);
		pack_text(out, nodes[i].name);
		pack_text(out, nodes[i].zone);
		pack_text(out, nodes[i].conninfo);
	}
}

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

static unsigned int
take_u8(Reader *reader)
{
	const uint8_t *bytes = take(reader, 1);

	return bytes != NULL ? bytes[0] : 0;
}

static unsigned int
take_u16(Reader *reader)
{
	const uint8_t *bytes = take(reader, 2);

	return bytes != NULL ? bytes[0] | (unsigned int) bytes[1] << 8 : 0;
}

static void
take_text(Reader *reader, char *text, Size size)
{
	unsigned int length = take_u16(reader);
	const uint8_t *bytes = take(reader, length);

	if (bytes == NULL || length >= size)
	{
		reader->failed = true;
		return;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
}

int
node_list_unpack(const uint8_t *bytes, Size length, NodeInfo *nodes)
{
	Reader reader = {bytes, length, false};
	unsigned int version = take_u8(&reader);
	unsigned int count = take_u8(&reader);

	if (version != NODE_LIST_VERSION || count > CORE_NODES_MAX)
		return -1;
	for (unsigned int i = 0; i < count; i++)
	{
		memset(&nodes[i], 0, sizeof(nodes[i]));
		nodes[i].node = (NodeId) take_u16(&reader);
		take_text(&reader, nodes[i].name, sizeof(nodes[i].name));
		take_text(&reader, nodes[i].zone, sizeof(nodes[i].zone));
		take_text(&reader, nodes[i].conninfo, sizeof(nodes[i].conninfo));
	}
	return reader.failed || reader.left != 0 ? -1 : (int) count;
}
