/*
 * sim_util.h
 *		Memory that cannot run out: a simulator without memory ends.
 */
#ifndef QUORATE_SIM_UTIL_H
#define QUORATE_SIM_UTIL_H

#include <stddef.h>

/* Zeroed memory. */
extern void *sim_allocate(size_t size);

/* Makes room for `count` elements in an array that has room for *capacity; new elements are zeroed. */
extern void *sim_grow(void *array, size_t *capacity, size_t count, size_t element_size);

#endif /* QUORATE_SIM_UTIL_H */
