/*
 * core_assert.c
 *		The end of a process whose invariants do not hold; see core_assert.h.
 */
#include "core/core_assert.h"

#include <stdlib.h>

CoreAssertHandler core_assert_handler;

void
core_assert_failed(const char *condition, const char *invariant, const char *file, int line)
{
	if (core_assert_handler)
		core_assert_handler(condition, invariant, file, line);
	abort();
}
