/*
 * sim_util.c
 *		Memory for the simulator and its checkers.
 */
#include "sim/sim_util.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
out_of_memory(void)
{
	fprintf(stderr, "the simulator is out of memory\n");
	exit(2);
}

void *
sim_allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		out_of_memory();
	return memory;
}

void *
sim_grow(void *array, size_t *capacity, size_t count, size_t element_size)
{
	size_t wanted = *capacity ? *capacity : 16;

	if (count <= *capacity)
		return array;
	while (wanted < count)
		wanted *= 2;
	array = realloc(array, wanted * element_size);
	if (!array)
		out_of_memory();
	memset((uint8_t *) array + *capacity * element_size, 0, (wanted - *capacity) * element_size);
	*capacity = wanted;
	return array;
}
