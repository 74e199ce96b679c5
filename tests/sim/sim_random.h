/*
 * sim_random.h
 *		The only source of randomness of a simulated run: a stream of numbers from a seed.
 */
#ifndef QUORATE_SIM_RANDOM_H
#define QUORATE_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct SimRandom
{
	uint64_t state;
} SimRandom;

extern void sim_random_init(SimRandom *random, uint64_t seed);
extern uint64_t sim_random_next(SimRandom *random);

/* A number from low to high, both included. */
extern int64_t sim_random_between(SimRandom *random, int64_t low, int64_t high);

/* A number from 0 to below count. */
extern uint32_t sim_random_below(SimRandom *random, uint32_t count);

/* True in ppm out of a million cases. */
extern bool sim_random_chance(SimRandom *random, uint32_t ppm);

/* Mixes two numbers into one; also used for digests, which need not resist an adversary. */
extern uint64_t sim_mix(uint64_t a, uint64_t b);

/* A digest of bytes. */
extern uint64_t sim_digest(const void *bytes, uint32_t length);

#endif /* QUORATE_SIM_RANDOM_H */
