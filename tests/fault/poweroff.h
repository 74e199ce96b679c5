/*
 * poweroff.h
 *		The journal with which a loss of power is played: what the shim writes and the restorer reads.
 *
 * The shim (poweroff_shim.c) is preloaded into a server. Before each write to a file below one folder it
 * notes the bytes that the write replaces; after each sync it notes how far the journal had come before the sync
 * began. After the server was killed the restorer (poweroff_restore_main.c) takes back every write that
 * no sync of its file covers, as if the power had failed and the disk's cache had gone with it.
 *
 * What is played: the contents and lengths of files. What is not: names. A file that was made, renamed or removed
 * without a sync of its directory stays as it is, and so does a file truncated by open().
 */
#ifndef QUORATE_FAULT_POWEROFF_H
#define QUORATE_FAULT_POWEROFF_H

#include <stdint.h>

#define POWEROFF_ROOT_VARIABLE "QUORATE_POWEROFF_ROOT" /* absolute path of the folder */
#define POWEROFF_JOURNAL_VARIABLE \
	"QUORATE_POWEROFF_JOURNAL" /* path of the journal, outside of it */

/* Optional: syncs of files below this folder take up to that many microseconds longer, like a slow disk's. */
#define POWEROFF_SLOW_FOLDER_VARIABLE "QUORATE_POWEROFF_SLOW_FOLDER"
#define POWEROFF_SLOW_US_VARIABLE "QUORATE_POWEROFF_SLOW_US"

#define POWEROFF_MAGIC 0x51505746

typedef enum PoweroffKind
{
	POWEROFF_WRITE = 1, /* followed by old_bytes bytes: what was there */
	POWEROFF_SYNC
} PoweroffKind;

/* One record; all processes append to one journal, each record with one write. */
typedef struct PoweroffRecord
{
	uint32_t magic;
	uint32_t kind;
	uint64_t device;
	uint64_t inode;
	int64_t born_ns;   /* birth time of the file: inode numbers are used again */
	int64_t offset;    /* write: where */
	int64_t new_bytes; /* write: how many bytes it writes; 0: only the length changes */
	int64_t old_bytes; /* write: how many of them replaced bytes that were there before */
	int64_t old_size;  /* write: length of the file before */
	int64_t covers; /* sync: records that begin before this position of the journal are durable */
} PoweroffRecord;

#endif /* QUORATE_FAULT_POWEROFF_H */
