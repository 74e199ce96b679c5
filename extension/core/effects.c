/*
 * effects.c
 *		The list of effects of one step; see effects.h.
 */
#include "core/effects.h"

#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"

#define EFFECTS_CAPACITY_FIRST 16

void
effects_reset(EffectList *effects)
{
	CORE_ASSERT(effects->count <= effects->capacity);
	effects->count = 0;
	while (effects->block_count > 0)
		free(effects->blocks[--effects->block_count]);
}

void
effects_free(EffectList *effects)
{
	effects_reset(effects);
	free(effects->items);
	free(effects->blocks);
	memset(effects, 0, sizeof(*effects));
}

Effect *
effects_add(EffectList *effects, EffectKind kind, GroupId group)
{
	Effect *effect;

	CORE_ASSERT(kind >= EFFECT_APPEND && kind <= EFFECT_REMOVED);
	if (effects->count == effects->capacity)
	{
		effects->capacity = effects->capacity ? effects->capacity * 2 : EFFECTS_CAPACITY_FIRST;
		effects->items = realloc(effects->items, effects->capacity * sizeof(Effect));
		CORE_ASSERT(effects->items != NULL);
	}
	effect = &effects->items[effects->count++];
	memset(effect, 0, sizeof(*effect));
	effect->kind = kind;
	effect->group = group;
	return effect;
}

void *
effects_alloc(EffectList *effects, size_t size)
{
	void *block = malloc(size);

	CORE_ASSERT(block != NULL);
	if (effects->block_count == effects->block_capacity)
	{
		effects->block_capacity = effects->block_capacity ? effects->block_capacity * 2
														  : EFFECTS_CAPACITY_FIRST;
		effects->blocks = realloc(effects->blocks, effects->block_capacity * sizeof(void *));
		CORE_ASSERT(effects->blocks != NULL);
	}
	effects->blocks[effects->block_count++] = block;
	return block;
}
