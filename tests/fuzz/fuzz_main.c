/*
 * fuzz_main.c
 *		Drives a reader with damaged inputs: fuzz_<reader> [runs [seed]].
 *
 * Each run takes a valid example, damages it one to eight times and gives it to the reader in a buffer that
 * ends where the input does.  Prints TAP; a crash names the run's seed, so that
 * `fuzz_<reader> 1 SEED` repeats it.
 */
#include "fuzz/fuzz.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_DEFAULT 20000
#define SEED_DEFAULT 1

static uint64_t random_state;
static uint64_t present_seed;

/* Sanitizers end the process by abort(), so that the seed is named. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *
__asan_default_options(void)
{
	return "abort_on_error=1";
}

const char *
__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

/* For the readers that have none of their own. */
__attribute__((weak)) void
fuzz_mend(uint8_t *bytes, size_t length)
{
	(void) bytes;
	(void) length;
}

static void
name_seed(int signal_number)
{
	(void) signal_number;
	fprintf(stderr, "# seed %" PRIu64 "\n", present_seed);
}

/* splitmix64: any seed will do, 0 included. */
uint64_t
fuzz_random(void)
{
	uint64_t z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Numbers at which bounds are. */
static uint8_t
interesting_byte(void)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x10, 0x40};

	return values[fuzz_random() % sizeof(values)];
}

/* Takes `count` bytes out at `at`. */
static size_t
cut_out(uint8_t *bytes, size_t length, size_t at, size_t count)
{
	if (count > length - at)
		count = length - at;
	memmove(bytes + at, bytes + at + count, length - at - count);
	return length - count;
}

/* Repeats `count` bytes at `at`. */
static size_t
repeat(uint8_t *bytes, size_t length, size_t at, size_t count)
{
	if (count > length - at)
		count = length - at;
	if (length + count > FUZZ_BYTES_MAX)
		return length;
	memmove(bytes + at + count, bytes + at, length - at);
	return length + count;
}

/* One damage; returns the new length. */
static size_t
damage(uint8_t *bytes, size_t length)
{
	size_t at;

	if (length == 0)
		return 0;
	at = fuzz_random() % length;
	switch (fuzz_random() % 7)
	{
		case 0:
			bytes[at] ^= (uint8_t) (1u << (fuzz_random() % 8));
			return length;
		case 1:
			bytes[at] = interesting_byte();
			return length;
		case 2:
			bytes[at] = (uint8_t) fuzz_random();
			return length;
		case 3:
			return at;
		case 4:
			return cut_out(bytes, length, at, 1 + fuzz_random() % 16);
		case 5:
			return repeat(bytes, length, at, 1 + fuzz_random() % 64);
		default:
			memset(bytes + at, interesting_byte(), (length - at) < 8 ? length - at : 8);
			return length;
	}
}

static int
run_one(uint64_t seed)
{
	static uint8_t input[FUZZ_BYTES_MAX];
	size_t length;
	uint8_t *exact;
	int taken;

	random_state = seed;
	length = fuzz_example(input);
	for (uint64_t damages = fuzz_random() % 9; damages > 0; damages--)
		length = damage(input, length);
	if (fuzz_random() % 8 != 0)
		fuzz_mend(input, length);
	exact = malloc(length > 0 ? length : 1);
	memcpy(exact, input, length);
	taken = fuzz_one(exact, length);
	free(exact);
	return taken;
}

int
main(int argc, char **argv)
{
	uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : RUNS_DEFAULT;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : SEED_DEFAULT;
	uint64_t taken = 0;

	signal(SIGABRT, name_seed);
	for (uint64_t run = 0; run < runs; run++)
	{
		present_seed = seed + run;
		taken += run_one(present_seed);
	}
	printf("# %" PRIu64 " of %" PRIu64 " inputs were taken\n", taken, runs);
	printf("%s 1 - %" PRIu64 " inputs are survived, some of them taken\n1..1\n",
		   taken > 0 || runs < 100 ? "ok" : "not ok", runs);
	return taken > 0 || runs < 100 ? EXIT_SUCCESS : EXIT_FAILURE;
}
