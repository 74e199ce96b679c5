/*
 * core_assert.h
 *		Assertions that stay on in production.
 *
 * A broken invariant means that continuing could lose an acknowledged write, so the process ends.  The
 * handler is a hook because ending means different things: the simulator prints its seed, PostgreSQL
 * raises PANIC with the invariant's number in the detail.
 */
#ifndef QUORATE_CORE_ASSERT_H
#define QUORATE_CORE_ASSERT_H

/* Called with the failed condition and its place; must not return. */
typedef void (*CoreAssertHandler)(const char *condition, const char *invariant, const char *file,
								  int line);

extern CoreAssertHandler core_assert_handler;

extern void core_assert_failed(const char *condition, const char *invariant, const char *file,
							   int line) __attribute__((noreturn));

/* An internal rule of the code. */
#define CORE_ASSERT(condition)                                      \
	do                                                              \
	{                                                               \
		if (!(condition))                                           \
			core_assert_failed(#condition, "", __FILE__, __LINE__); \
	} while (0)

/* A rule of the protocol: `invariant` is its number in docs/invariants.md, for example "I4". */
#define CORE_INVARIANT(invariant, condition)                                 \
	do                                                                       \
	{                                                                        \
		if (!(condition))                                                    \
			core_assert_failed(#condition, (invariant), __FILE__, __LINE__); \
	} while (0)

#endif /* QUORATE_CORE_ASSERT_H */
