/*
 * sim_clock.c
 *		Conversion between global time and a drifting local clock.
 */
#include "sim/sim_clock.h"

#define PPM INT64_C(1000000)

void
sim_clock_init(SimClock *clock, int64_t global_us, int64_t local_us, int64_t rate_ppm)
{
	clock->global_base_us = global_us;
	clock->local_base_us = local_us;
	clock->rate_ppm = rate_ppm;
}

int64_t
sim_clock_local(const SimClock *clock, int64_t global_us)
{
	return clock->local_base_us + (global_us - clock->global_base_us) * clock->rate_ppm / PPM;
}

int64_t
sim_clock_global(const SimClock *clock, int64_t global_us, int64_t local_us)
{
	int64_t ahead_us = local_us - sim_clock_local(clock, global_us);
	int64_t at_us = global_us;

	if (ahead_us > 0)
		at_us += (ahead_us * PPM + clock->rate_ppm - 1) / clock->rate_ppm;
	while (sim_clock_local(clock, at_us) < local_us)
		at_us++;
	return at_us;
}

void
sim_clock_set_rate(SimClock *clock, int64_t global_us, int64_t rate_ppm)
{
	sim_clock_init(clock, global_us, sim_clock_local(clock, global_us), rate_ppm);
}

void
sim_clock_jump(SimClock *clock, int64_t global_us, int64_t jump_us)
{
	sim_clock_init(clock, global_us, sim_clock_local(clock, global_us) + jump_us, clock->rate_ppm);
}
