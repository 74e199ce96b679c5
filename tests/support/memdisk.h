/*
 * memdisk.h
 *		A directory in memory that forgets, tears and fails as a disk may: the LogIo table for
 *		tests.
 *
 * Deterministic: equal seeds and equal calls give equal results.  A file has a content that reads
 * see and a durable content; writes between two syncs wait, and a crash decides for each 512-byte
 * sector how many of the waiting writes to it got through, in any combination over the sectors.
 * Directory operations wait for sync_directory in the same way; a crash keeps the first few of
 * them, or any subset.  After a failed sync_data the waiting writes of that file are never made
 * durable although reads go on to see them, as with a page cache that marks pages clean (a second
 * sync "succeeds").
 */
#ifndef QUORATE_TESTS_MEMDISK_H
#define QUORATE_TESTS_MEMDISK_H

#include "log/log_io.h"

typedef struct Memdisk Memdisk;

/* Operations that change something, for counting and failing them. */
typedef enum MemdiskOperation
{
	MEMDISK_ANY = 0,
	MEMDISK_WRITE,
	MEMDISK_SYNC_DATA,
	MEMDISK_SYNC_DIRECTORY,
	MEMDISK_OTHER /* create, reserve, rename, unlink */
} MemdiskOperation;

/* What a crash keeps of what was not synced. */
typedef enum MemdiskCrash
{
	MEMDISK_LOSE_ALL,
	MEMDISK_KEEP_ALL, /* the process died, the machine did not */
	MEMDISK_LOSE_SOME /* any combination, from the seed */
} MemdiskCrash;

extern Memdisk *memdisk_create(uint64_t seed);
extern void memdisk_free(Memdisk *disk);
extern const LogIo *memdisk_io(Memdisk *disk);

/* A copy of the current content with an identity of its own: what a restored backup is. */
extern Memdisk *memdisk_copy(const Memdisk *disk);

/* Mutating operations so far, of one kind or all. */
extern uint64_t memdisk_count(const Memdisk *disk, MemdiskOperation operation);

/*
 * The nth (from 1) mutating operation of this kind from now on fails with `error` (a positive
 * errno) and has no effect, but for a write, of which a random part happens.  0 switches it off.
 */
extern void memdisk_fail_at(Memdisk *disk, MemdiskOperation operation, uint64_t nth, int error);

/*
 * From now on every operation fails that would take the sum of all files' sizes above `bytes`; 0:
 * no limit.
 */
extern void memdisk_set_capacity(Memdisk *disk, uint64_t bytes);

/* Reads and writes are done by random pieces. */
extern void memdisk_set_short_io(Memdisk *disk, bool short_io);

/*
 * The power goes in the middle of the nth (from 1) mutating operation from now on: a write happens
 * in a random part and unsynced, a sync makes a random part durable, anything else happens or not.
 * From then on all operations fail with -EIO until memdisk_restart.
 */
extern void memdisk_crash_at(Memdisk *disk, uint64_t nth);
extern bool memdisk_crashed(const Memdisk *disk);

/* Crash and restart: handles and locks are void, what is durable is what there is. */
extern void memdisk_restart(Memdisk *disk, MemdiskCrash crash);

/*
 * Like memdisk_restart with MEMDISK_KEEP_ALL, but of the last unsynced write only the first
 * `bytes` bytes happened.  Returns false if the last unsynced write is not longer than that.
 */
extern bool memdisk_restart_torn(Memdisk *disk, size_t bytes);

/* Damage: flips bits in a durable byte.  False if there is no such byte. */
extern bool memdisk_rot(Memdisk *disk, const char *name, uint64_t offset, uint8_t flip);

/*
 * A bad block: the whole block of MEMDISK_BLOCK_BYTES that holds the offset can no longer be read.  Reads that touch
 * it fail with EIO, and so do writes to a part of it, for which the rest would have to be read.  One that covers it
 * heals it: the disk puts a spare block in its place.  False if there is no such byte.
 */
#define MEMDISK_BLOCK_BYTES 4096
extern bool memdisk_spoil(Memdisk *disk, const char *name, uint64_t offset);

/* All bad blocks are readable again, with what was in them: it was the cable. */
extern void memdisk_unspoil(Memdisk *disk);

/* Reads and writes that bad blocks made fail, so far. */
extern uint64_t memdisk_spoiled_count(const Memdisk *disk);

/* Whether a file is there, and its size. */
extern bool memdisk_file_size(const Memdisk *disk, const char *name, uint64_t *size);

#endif /* QUORATE_TESTS_MEMDISK_H */
