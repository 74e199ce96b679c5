/*
 * arena.h
 *		Memory that is given back all at once: what decoding one frame, entry or request needs.
 *
 * Bounded: a sender that makes us decode something monstrous gets a refusal, not our memory.  Used by
 * every process that decodes; each has its own arenas.
 */
#ifndef QUORATE_WIRE_ARENA_H
#define QUORATE_WIRE_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct WireArenaBlock WireArenaBlock;

typedef struct WireArena
{
	uint8_t *next; /* free bytes of the present block */
	size_t left;
	size_t used;            /* bytes handed out since the last reset */
	size_t limit;           /* most that may be handed out between two resets */
	WireArenaBlock *blocks; /* blocks from malloc, newest (and largest) first */
} WireArena;

/*
 * Starts an arena.  `first` (first_size bytes, aligned to 8, or NULL) is memory of the caller that is used
 * before anything is taken from malloc; it is used once, not again after a reset.
 */
extern void wire_arena_init(WireArena *arena, void *first, size_t first_size, size_t limit);

/* `size` bytes aligned to 8, not cleared; NULL beyond the limit or without memory. */
extern void *wire_arena_alloc(WireArena *arena, size_t size);

/* Takes back everything that was handed out; keeps the largest block for the next use. */
extern void wire_arena_reset(WireArena *arena);

/* Gives all memory back; the arena may be used again as after wire_arena_init without a first block. */
extern void wire_arena_free(WireArena *arena);

#endif /* QUORATE_WIRE_ARENA_H */
