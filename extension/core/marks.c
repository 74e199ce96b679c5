/*
 * marks.c
 *		The table behind the coverage marks; see marks.h.
 */
#include "core/marks.h"

uint64_t core_mark_hits[CORE_MARK_COUNT];

const char *const core_mark_names[CORE_MARK_COUNT] = {
#define CORE_MARK_NAME(name) #name,
	CORE_MARKS(CORE_MARK_NAME)
#undef CORE_MARK_NAME
};
