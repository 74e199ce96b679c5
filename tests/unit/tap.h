/*
 * tap.h
 *		What a unit test needs to print TAP (Test Anything Protocol).
 *
 * A test program calls TAP_OK, TAP_IS_INT and so on as often as it likes and ends with
 * `return tap_done();`. The plan is printed at the end, so a program that dies half way
 * is seen as failed. Included by exactly one file of a program, the one with main().
 */
#ifndef QUORATE_TESTS_TAP_H
#define QUORATE_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failures;

/* Prints one diagnostic line; tests use it to explain a failure. */
static inline void __attribute__((format(printf, 1, 2))) tap_note(const char *format, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fputc('\n', stdout);
}

/* Prints one result line and returns the condition; place is "file:line". */
static inline bool __attribute__((format(printf, 3, 4)))
tap_result(bool passed, const char *place, const char *format, ...)
{
	va_list args;

	printf("%s %d - ", passed ? "ok" : "not ok", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fputc('\n', stdout);
	if (!passed)
	{
		tap_failures++;
		tap_note("failed at %s", place);
	}
	fflush(stdout);
	return passed;
}

#define TAP_STRING_(x) #x
#define TAP_STRING(x) TAP_STRING_(x)
#define TAP_PLACE __FILE__ ":" TAP_STRING(__LINE__)

/* TAP_OK(condition, description format, ...): the condition holds. */
#define TAP_OK(condition, ...) tap_result((condition), TAP_PLACE, __VA_ARGS__)

/* Called through TAP_IS_INT. */
static inline bool
tap_is_int(int64_t got, int64_t expected, const char *place, const char *description)
{
	if (!tap_result(got == expected, place, "%s", description))
	{
		tap_note("got %" PRId64 ", expected %" PRId64, got, expected);
		return false;
	}
	return true;
}

/* Called through TAP_IS_STR; NULL is equal to NULL only. */
static inline bool
tap_is_str(const char *got, const char *expected, const char *place, const char *description)
{
	bool equal = got && expected ? strcmp(got, expected) == 0 : got == expected;

	if (!tap_result(equal, place, "%s", description))
	{
		tap_note("got      \"%s\"", got ? got : "(null)");
		tap_note("expected \"%s\"", expected ? expected : "(null)");
	}
	return equal;
}

/* Called through TAP_IS_BYTES. */
static inline bool
tap_is_bytes(const void *got, size_t got_bytes, const void *expected, size_t expected_bytes,
			 const char *place, const char *description)
{
	bool equal = got_bytes == expected_bytes &&
				 (got_bytes == 0 || memcmp(got, expected, got_bytes) == 0);

	if (!tap_result(equal, place, "%s", description))
	{
		size_t common = got_bytes < expected_bytes ? got_bytes : expected_bytes;
		size_t at = 0;

		while (at < common && ((const uint8_t *) got)[at] == ((const uint8_t *) expected)[at])
			at++;
		tap_note("got %zu bytes, expected %zu, first difference at byte %zu", got_bytes,
				 expected_bytes, at);
	}
	return equal;
}

/* Integers of any width up to 64 bits; a uint64_t is compared by its bits. */
#define TAP_IS_INT(got, expected, description) \
	tap_is_int((int64_t) (got), (int64_t) (expected), TAP_PLACE, (description))
#define TAP_IS_STR(got, expected, description) \
	tap_is_str((got), (expected), TAP_PLACE, (description))
#define TAP_IS_BYTES(got, got_bytes, expected, expected_bytes, description) \
	tap_is_bytes((got), (got_bytes), (expected), (expected_bytes), TAP_PLACE, (description))

/* Prints the plan; the value for main() to return. A program without a result fails. */
static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failures > 0)
		tap_note("%d of %d failed", tap_failures, tap_count);
	return tap_failures > 0 || tap_count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* QUORATE_TESTS_TAP_H */
