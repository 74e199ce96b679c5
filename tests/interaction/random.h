/*
 * random.h
 *		Random schedules: faults and membership changes in any order, then recovery.
 */
#ifndef QUORATE_TESTS_RANDOM_H
#define QUORATE_TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The seed of the schedule that runs, 0 for none: a failed assertion names it. */
extern uint64_t random_seed_under_way;

/*
 * Runs `steps` random steps on five nodes and two groups, then lets the faults stop.  Breaches, and what did not
 * recover, are printed to `out`; everything that happens, if `loud`.  Returns how many entries were committed, 0 if
 * there was a breach or a group did not recover.
 */
extern uint64_t random_schedule(uint64_t seed, uint32_t steps, bool loud, FILE *out);

#endif /* QUORATE_TESTS_RANDOM_H */
