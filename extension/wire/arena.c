/*
 * arena.c
 *		Bump allocation in blocks that double; see arena.h.
 */
#include "wire/arena.h"

#include <stdlib.h>

#define ARENA_BLOCK_MIN_BYTES 8192

struct WireArenaBlock
{
	WireArenaBlock *older;
	size_t size; /* bytes of data */
	uint64_t data[];
};

void
wire_arena_init(WireArena *arena, void *first, size_t first_size, size_t limit)
{
	arena->next = first;
	arena->left = first ? first_size : 0;
	arena->used = 0;
	arena->limit = limit;
	arena->blocks = NULL;
}

static void
arena_use_block(WireArena *arena, WireArenaBlock *block)
{
	arena->next = (uint8_t *) block->data;
	arena->left = block->size;
}

/* Adds a block with room for `size` bytes, at least twice as large as the newest. */
static int
arena_grow(WireArena *arena, size_t size)
{
	size_t wanted = arena->blocks ? arena->blocks->size * 2 : ARENA_BLOCK_MIN_BYTES;
	WireArenaBlock *block;

	if (wanted < size)
		wanted = size;
	block = malloc(sizeof(WireArenaBlock) + wanted);
	if (!block)
		return -1;
	block->older = arena->blocks;
	block->size = wanted;
	arena->blocks = block;
	arena_use_block(arena, block);
	return 0;
}

void *
wire_arena_alloc(WireArena *arena, size_t size)
{
	void *result;

	if (size > arena->limit)
		return NULL;
	size = (size + 7) & ~(size_t) 7;
	if (size > arena->limit - arena->used)
		return NULL;
	if (size > arena->left && arena_grow(arena, size) != 0)
		return NULL;
	result = arena->next;
	arena->next += size;
	arena->left -= size;
	arena->used += size;
	return result;
}

static void
arena_free_blocks(WireArenaBlock *block)
{
	while (block)
	{
		WireArenaBlock *older = block->older;

		free(block);
		block = older;
	}
}

void
wire_arena_reset(WireArena *arena)
{
	arena->used = 0;
	if (!arena->blocks)
		return;
	arena_free_blocks(arena->blocks->older);
	arena->blocks->older = NULL;
	arena_use_block(arena, arena->blocks);
}

void
wire_arena_free(WireArena *arena)
{
	arena_free_blocks(arena->blocks);
	wire_arena_init(arena, NULL, 0, arena->limit);
}
