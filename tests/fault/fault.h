/*
 * fault.h
 *		The control file with which a test plays faults of the disk and of the clocks on a running server.
 *
 * The shim (fault_disk.c, fault_clock.c) is preloaded into the server and maps the file into every process
 * of it, so that a change counts at once and for all of them, and a server without a fault pays for a
 * comparison. tests/tap/lib/QuorateFault.pm writes the file: a field's place here is its place there.
 */
#ifndef QUORATE_FAULT_FAULT_H
#define QUORATE_FAULT_FAULT_H

#include <stdint.h>

#define FAULT_CONTROL_VARIABLE "QUORATE_FAULT_CONTROL" /* path of the control file, which exists */

#define FAULT_FOLDER_BYTES 1024

typedef struct FaultControl
{
	/* Faults of files in or below the folder; 0: none. */
	int32_t hang;        /* syncs do not return as long as this is not 0 */
	int32_t slow_ms;     /* each sync takes that much longer */
	int32_t sync_error;  /* errno with which syncs fail */
	int32_t write_error; /* errno with which writes fail */
	int32_t short_write; /* writes write half of what they are given */
	int32_t full;        /* what would make a file longer fails with ENOSPC */
	int32_t read_error;  /* errno with which reads of a block fail ... */
	int32_t read_block;  /* ... of 4 kB, by its number in each file */

	/* What is added to the clocks, in microseconds. */
	int64_t realtime_us;
	int64_t monotonic_us;
	int64_t boottime_us;

	int64_t boottime_at_us; /* if not 0, CLOCK_BOOTTIME stands still there */

	/* How often a fault was played, so that a test that played none is noticed. */
	int64_t syncs_held;
	int64_t syncs_failed;
	int64_t writes_failed;
	int64_t clocks_changed;
	int64_t reads_failed;

	char folder[FAULT_FOLDER_BYTES]; /* absolute path */
} FaultControl;

/* Mapped, or NULL in a process whose environment names no control file. */
extern volatile FaultControl *fault_control;

#endif /* QUORATE_FAULT_FAULT_H */
