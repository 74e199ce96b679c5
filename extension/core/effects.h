/*
 * effects.h
 *		The list of effects that one group_step() builds, in the order in which they must be carried out.
 */
#ifndef QUORATE_EFFECTS_H
#define QUORATE_EFFECTS_H

#include "core/group.h"

typedef struct EffectList
{
	uint32_t count;
	uint32_t capacity;
	Effect *items;

	/* Memory that effects point to, as long as they live. */
	uint32_t block_count;
	uint32_t block_capacity;
	void **blocks;
} EffectList;

extern void effects_reset(EffectList *effects);
extern void effects_free(EffectList *effects);

/* Adds an effect with everything zero but kind and group; the caller fills in the rest at once. */
extern Effect *effects_add(EffectList *effects, EffectKind kind, GroupId group);

/* Memory for what an effect points to, freed with the effects. */
extern void *effects_alloc(EffectList *effects, size_t size);

#endif /* QUORATE_EFFECTS_H */
