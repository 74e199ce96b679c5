/*
 * sim_random.c
 *		SplitMix64 and what is made of it.
 */
#include "sim/sim_random.h"

#include <string.h>

static uint64_t
scramble(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void
sim_random_init(SimRandom *random, uint64_t seed)
{
	random->state = scramble(seed + 1);
}

uint64_t
sim_random_next(SimRandom *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return scramble(random->state);
}

int64_t
sim_random_between(SimRandom *random, int64_t low, int64_t high)
{
	return low + (int64_t) (sim_random_next(random) % (uint64_t) (high - low + 1));
}

uint32_t
sim_random_below(SimRandom *random, uint32_t count)
{
	return (uint32_t) (sim_random_next(random) % count);
}

bool
sim_random_chance(SimRandom *random, uint32_t ppm)
{
	return ppm > 0 && sim_random_below(random, 1000000) < ppm;
}

uint64_t
sim_mix(uint64_t a, uint64_t b)
{
	return scramble(a * UINT64_C(0x9e3779b97f4a7c15) + scramble(b + 1));
}

/* Both halves of the product of two numbers that depend on all bits of what is digested. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128) (a ^ UINT64_C(0xa0761d6478bd642f)) *
								(b ^ UINT64_C(0xe7037ed1a0b428db));

	return (uint64_t) product ^ (uint64_t) (product >> 64);
}

uint64_t
sim_digest(const void *bytes, uint32_t length)
{
	const uint8_t *at = bytes;
	uint64_t digest = length;
	uint64_t words[2];

	for (; length >= sizeof(words); at += sizeof(words), length -= sizeof(words))
	{
		memcpy(words, at, sizeof(words));
		digest = fold(digest ^ words[0], words[1]);
	}
	memset(words, 0, sizeof(words));
	memcpy(words, at, length);
	return sim_mix(fold(digest ^ words[0], words[1]), digest);
}
