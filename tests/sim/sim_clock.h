/*
 * sim_clock.h
 *		The clock of a simulated node: it runs fast or slow and jumps, seen from global time.
 *
 * Global time is the simulator's own, in microseconds; nothing under test ever sees it.
 */
#ifndef QUORATE_SIM_CLOCK_H
#define QUORATE_SIM_CLOCK_H

#include <stdint.h>

typedef struct SimClock
{
	int64_t global_base_us; /* at this global time ... */
	int64_t local_base_us;  /* ... the node's clock showed this */
	int64_t rate_ppm;       /* 1000000: as fast as global time */
} SimClock;

extern void sim_clock_init(SimClock *clock, int64_t global_us, int64_t local_us, int64_t rate_ppm);

/* What the clock shows at a global time not before the last change. */
extern int64_t sim_clock_local(const SimClock *clock, int64_t global_us);

/* The first global time, not before global_us, at which the clock shows local_us or more. */
extern int64_t sim_clock_global(const SimClock *clock, int64_t global_us, int64_t local_us);

/* From now on the clock runs at another rate. */
extern void sim_clock_set_rate(SimClock *clock, int64_t global_us, int64_t rate_ppm);

/* The clock jumps forward, or back if jump_us is negative. */
extern void sim_clock_jump(SimClock *clock, int64_t global_us, int64_t jump_us);

#endif /* QUORATE_SIM_CLOCK_H */
