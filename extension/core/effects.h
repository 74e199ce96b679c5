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
} EffectList;

extern void effects_reset(EffectList *effects);
extern void effects_free(EffectList *effects);

/* Adds an effect with everything zero but kind and group; the caller fills in the rest at once. */
extern Effect *effects_add(EffectList *effects, EffectKind kind, GroupId group);

#endif /* QUORATE_EFFECTS_H */
