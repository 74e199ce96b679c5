/*
 * random.h
 *		Random schedules of faults on a cluster, with a seed each.
 */
#ifndef QUORATE_TESTS_RANDOM_H
#define QUORATE_TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Runs `steps` random steps (proposals, deliveries out of order, losses, duplicates, crashes, cut links,
 * handovers) on three nodes and two groups, then stops the faults and waits until both groups commit again.
 * Prints nothing but breaches; returns the number of entries committed, 0 if the groups never recovered.
 */
extern uint64_t random_schedule(uint64_t seed, uint32_t steps, FILE *out);

#endif /* QUORATE_TESTS_RANDOM_H */
