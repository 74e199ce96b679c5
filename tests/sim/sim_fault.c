/*
 * sim_fault.c
 *		See sim_fault.h.
 */
#include "sim/sim_fault.h"

const char *const sim_fault_names[SIM_FAULT_COUNT] = {
#define SIM_FAULT_NAME(name, permille, meaning) #name,
	SIM_FAULTS(SIM_FAULT_NAME)
#undef SIM_FAULT_NAME
};

static const uint32_t TAKES_PART_PERMILLE[SIM_FAULT_COUNT] = {
#define SIM_FAULT_PERMILLE(name, permille, meaning) permille,
	SIM_FAULTS(SIM_FAULT_PERMILLE)
#undef SIM_FAULT_PERMILLE
};

void
sim_faults_choose(SimFaults *faults, SimRandom *random)
{
	for (int kind = 0; kind < SIM_FAULT_COUNT; kind++)
	{
		faults->enabled[kind] = sim_random_chance(random, TAKES_PART_PERMILLE[kind] * 1000);
		faults->applied[kind] = 0;
	}
}
