/*
 * sim_machine.h
 *		The rows of one group at one node: what the applier makes of the log, and what a copier brings.
 *
 * A row remembers the LSN of its last write and a digest of all writes to it, so that one that is applied twice, or
 * left out, shows.
 */
#ifndef QUORATE_SIM_MACHINE_H
#define QUORATE_SIM_MACHINE_H

#include "sim/sim_payload.h"

#define SIM_PAGE_ROWS 2 /* a page of the copier */

typedef struct SimRow
{
	uint64_t value; /* operation that wrote it last */
	Lsn lsn;        /* of that write */
	uint64_t story; /* digest of all writes */
} SimRow;

typedef struct SimMachine
{
	Lsn lsn; /* applied up to here */
	bool chain_known;
	uint64_t chain; /* digest of the entries applied */
	bool
		rows_missing; /* not all rows are those of `lsn`: they are being copied, or there are none */
	Lsn base_lsn;     /* rows_missing: copied from here on */
	uint32_t copied;  /* rows that were copied so far */
	Lsn copied_lsn;   /* highest LSN at which a page was read */
	SimRow rows[SIM_KEYS];
} SimMachine;

/* No rows yet, of an empty log. */
extern void sim_machine_init(SimMachine *machine);

/* All rows are gone; they have to be copied for a log that begins above base_lsn. */
extern void sim_machine_clear(SimMachine *machine, Lsn base_lsn);

/* Applies entry machine->lsn + 1.  False if it was not proposed for this state of the log. */
extern bool sim_machine_apply(SimMachine *machine, uint32_t group, const Entry *entry);

/* Can it apply entries: are all rows there, though some may be newer than `lsn`? */
extern bool sim_machine_applies(const SimMachine *machine);

/* Takes over a page of another machine's rows; `from` is where that is. */
extern void sim_machine_take_page(SimMachine *machine, const SimRow *page, Lsn from_lsn);

/* Are the rows those of `lsn`? */
extern bool sim_machine_is_ready(const SimMachine *machine);

extern uint64_t sim_machine_digest(const SimMachine *machine);

#endif /* QUORATE_SIM_MACHINE_H */
