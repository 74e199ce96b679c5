/*
 * sim_fault.c
 *		See sim_fault.h.
 */
#include "sim/sim_fault.h"

const char *const sim_fault_names[SIM_FAULT_COUNT] = {
#define SIM_FAULT_NAME(name, meaning) #name,
	SIM_FAULTS(SIM_FAULT_NAME)
#undef SIM_FAULT_NAME
};

/* How often a kind takes part, in parts per million of the seeds. */
#define TAKES_PART_PPM 550000

void
sim_faults_choose(SimFaults *faults, SimRandom *random)
{
	for (int kind = 0; kind < SIM_FAULT_COUNT; kind++)
	{
		faults->enabled[kind] = sim_random_chance(random, TAKES_PART_PPM);
		faults->applied[kind] = 0;
	}

	/* Leadership has to move in every run: proposers that never meet show nothing. */
	faults->enabled[SIM_FAULT_node_isolated] = true;
	faults->enabled[SIM_FAULT_leadership_transferred] = true;
}
