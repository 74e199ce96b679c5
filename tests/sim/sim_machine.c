/*
 * sim_machine.c
 *		See sim_machine.h.
 */
#include "sim/sim_machine.h"

#include <string.h>

#include "sim/check_members.h"
#include "sim/sim_random.h"

void
sim_machine_init(SimMachine *machine)
{
	*machine = (SimMachine){.chain_known = true, .copied = SIM_KEYS};
}

void
sim_machine_clear(SimMachine *machine, Lsn base_lsn)
{
	*machine = (SimMachine){.rows_missing = true, .lsn = base_lsn, .base_lsn = base_lsn};
}

/* A row that was copied later than the entry has its effect already. */
static void
write_row(SimRow *row, Lsn lsn, uint64_t operation)
{
#ifndef MUTANT_ROW_GUARD_IGNORED
	if (row->lsn >= lsn)
		return;
#endif
	row->value = operation;
	row->lsn = lsn;
	row->story = sim_mix(row->story, operation);
}

bool
sim_machine_apply(SimMachine *machine, uint32_t group, const Entry *entry)
{
	SimPayload payload;

	machine->lsn++;
	if (check_membership_is(entry->payload, entry->length))
		return true;
	if (entry->length > 0)
	{
		if (!sim_payload_read(entry->payload, entry->length, &payload) || payload.group != group ||
			payload.key >= SIM_KEYS ||
			(machine->chain_known && payload.chain_before != machine->chain))
			return false;
		machine->chain = payload.chain_before;
		machine->chain_known = true;
		write_row(&machine->rows[payload.key], machine->lsn, payload.operation);
	}
	machine->chain = sim_chain(machine->chain, entry->ballot, entry->payload, entry->length);
	return true;
}

bool
sim_machine_applies(const SimMachine *machine)
{
	return machine->copied == SIM_KEYS;
}

void
sim_machine_take_page(SimMachine *machine, const SimRow *page, Lsn from_lsn)
{
	memcpy(machine->rows + machine->copied, page, SIM_PAGE_ROWS * sizeof(SimRow));
	machine->copied += SIM_PAGE_ROWS;
	if (from_lsn > machine->copied_lsn)
		machine->copied_lsn = from_lsn;
}

bool
sim_machine_is_ready(const SimMachine *machine)
{
#ifdef MUTANT_ROWS_READY_EARLY
	return machine->copied == SIM_KEYS;
#endif
	return machine->copied == SIM_KEYS && machine->lsn >= machine->copied_lsn;
}

uint64_t
sim_machine_digest(const SimMachine *machine)
{
	return sim_digest(machine->rows, sizeof(machine->rows)) | 1;
}
