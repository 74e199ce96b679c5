/*
 * sim_disk.h
 *		A node's disk: tests/support/memdisk with time, and with a record of what is durable.
 *
 * All calls of the log pass through here.  Each sync takes time; after each successful one the bytes that it
 * made durable are searched for payloads, and the checkers are told which operations this disk now keeps.
 * That record owes nothing to the log's own idea of what is durable.
 */
#ifndef QUORATE_SIM_DISK_H
#define QUORATE_SIM_DISK_H

#include "core/core_types.h"
#include "log/log_io.h"
#include "sim/sim_fault.h"
#include "sim/sim_random.h"
#include "support/memdisk.h"

#define SIM_DISK_HANDLES 64
#define SIM_DISK_NAME_BYTES 64

/* What the disk tells its owner. */
typedef struct SimDiskHooks
{
	void *context;
	void (*spend)(void *context, int64_t us);           /* the call takes so long */
	void (*durable)(void *context, uint64_t operation); /* the operation's bytes are safe here */

	/* So is the entry that brings this membership. */
	void (*durable_membership)(void *context, GroupId group, const void *bytes, size_t length);
	void (*fault)(void *context, SimFault fault); /* a fault really happened */
} SimDiskHooks;

/* Bytes of an open file that were written since its last sync. */
typedef struct SimDirty
{
	char name[SIM_DISK_NAME_BYTES];
	uint64_t low;
	uint64_t high; /* 0: none */
} SimDirty;

typedef struct SimDisk
{
	Memdisk *memory;
	LogIo below;
	LogIo io; /* what the engine uses */
	SimDiskHooks hooks;
	SimRandom *random;
	bool disturbed;      /* a call failed by injection since the process started */
	int64_t sync_max_us; /* a sync takes up to this long */
	int64_t hang_us;     /* the next sync takes so much longer */
	SimDirty dirty[SIM_DISK_HANDLES];
} SimDisk;

extern void
sim_disk_init(SimDisk *disk, SimRandom *random, int64_t sync_max_us, const SimDiskHooks *hooks);
extern void sim_disk_free(SimDisk *disk);

/* A new process begins to use the disk. */
extern void sim_disk_revive(SimDisk *disk);

/* The process ends; `power`: what was not synced is lost, wholly or in random parts. */
extern void sim_disk_crash(SimDisk *disk, bool power);

/* True after the power went in the middle of a call: nothing works until sim_disk_crash. */
extern bool sim_disk_crashed(const SimDisk *disk);

/* True if a call of this process failed, or the disk crashed, by injection. */
extern bool sim_disk_disturbed(const SimDisk *disk);

#endif /* QUORATE_SIM_DISK_H */
