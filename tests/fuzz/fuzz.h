/*
 * fuzz.h
 *		What a fuzzed reader gives to the driver (fuzz_main.c).
 *
 * One program a reader: fuzz_<reader>.c.  The sanitizers judge whether an input was survived; fuzz_one aborts
 * by itself if the reader breaks a promise that they cannot see.
 */
#ifndef QUORATE_TESTS_FUZZ_H
#define QUORATE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_BYTES_MAX (64 * 1024)

/* Numbers for examples and mutations; equal seeds give equal numbers. */
extern uint64_t fuzz_random(void);

/* Writes a valid input of at most FUZZ_BYTES_MAX bytes, made with fuzz_random; returns its length. */
extern size_t fuzz_example(uint8_t *out);

/* Mends what would hide the reader from every mutation (a checksum).  A reader that nothing hides needs none. */
extern void fuzz_mend(uint8_t *bytes, size_t length);

/* Reads the bytes; returns 1 if the reader took them, 0 if it refused them. */
extern int fuzz_one(const uint8_t *bytes, size_t length);

#endif /* QUORATE_TESTS_FUZZ_H */
