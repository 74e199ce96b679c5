/*
 * fault_clock.c
 *		Preloaded into a PostgreSQL server: clocks that jump, as fault.h says.
 *
 * What a process is told changes, not what the kernel counts: a sleep with a time limit lasts as long as ever,
 * like on a machine whose clock was set.
 */
#include <sys/time.h>
#include <time.h>

#include "fault/fault.h"
#include "fault/shim.h"

#define SECOND_US INT64_C(1000000)

static int64_t
offset_of(clockid_t clock)
{
	if (!fault_control)
		return 0;
	switch (clock)
	{
		case CLOCK_REALTIME:
		case CLOCK_REALTIME_COARSE:
			return fault_control->realtime_us;
		case CLOCK_MONOTONIC:
		case CLOCK_MONOTONIC_RAW:
		case CLOCK_MONOTONIC_COARSE:
			return fault_control->monotonic_us;
		case CLOCK_BOOTTIME:
			return fault_control->boottime_us;
		default:
			return 0;
	}
}

/* Adds to a time of seconds and microseconds, which stays normal. */
static int64_t
add_offset(int64_t seconds, int64_t *microseconds, int64_t offset_us)
{
	int64_t total = seconds * SECOND_US + *microseconds + offset_us;

	__atomic_add_fetch(&fault_control->clocks_changed, 1, __ATOMIC_RELAXED);
	*microseconds = total % SECOND_US;
	return total / SECOND_US;
}

/* True if the clock stands still; *now is where. */
static bool
stands_still(clockid_t clock, struct timespec *now)
{
	int64_t microseconds = 0;
	int64_t at_us = fault_control && clock == CLOCK_BOOTTIME ? fault_control->boottime_at_us : 0;

	if (at_us == 0)
		return false;
	now->tv_sec = add_offset(0, &microseconds, at_us);
	now->tv_nsec = microseconds * 1000;
	return true;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int64_t offset_us = offset_of(clock);
	int result;

	if (stands_still(clock, now))
		return 0;
	REAL(clock_gettime);
	result = real_clock_gettime(clock, now);
	if (result == 0 && offset_us != 0)
	{
		int64_t microseconds = now->tv_nsec / 1000;

		now->tv_sec = add_offset(now->tv_sec, &microseconds, offset_us);
		now->tv_nsec = microseconds * 1000;
	}
	return result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int64_t offset_us = offset_of(CLOCK_REALTIME);
	int result;

	REAL(gettimeofday);
	result = real_gettimeofday(now, zone);
	if (result == 0 && offset_us != 0)
	{
		int64_t microseconds = now->tv_usec;

		now->tv_sec = add_offset(now->tv_sec, &microseconds, offset_us);
		now->tv_usec = microseconds;
	}
	return result;
}

time_t
time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
