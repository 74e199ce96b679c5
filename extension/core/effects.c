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
}

void
effects_free(EffectList *effects)
{
	free(effects->items);
	memset(effects, 0, sizeof(*effects));
}

Effect *
effects_add(EffectList *effects, EffectKind kind, GroupId group)
{
	Effect *effect;

	CORE_ASSERT(kind >= EFFECT_APPEND && kind <= EFFECT_REFUSE);
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
