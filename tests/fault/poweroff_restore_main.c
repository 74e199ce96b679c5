/*
 * poweroff_restore_main.c
 *		poweroff_restore ROOT JOURNAL [SEED]: what a disk would hold after the power failed.
 *
 * Runs when no process of the server is left. Reads the journal (poweroff.h) from its end to its beginning and takes
 * back each write that no later sync of its file covers. With a SEED the disk is not that simple: of each file's
 * writes without a sync a random number of the first ones is kept, and of the next one a random part in sectors of
 * 512 bytes, so that the last write is torn. The journal is emptied, so that the server can be started again.
 *
 * Prints how many writes were taken back. Refuses a journal that it does not understand.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/poweroff.h"

#define SECTOR_BYTES 512

/* A file of the journal. */
typedef struct FileState
{
	uint64_t device;
	uint64_t inode;
	int64_t born_ns;
	int64_t durable;  /* records before this position are durable */
	int64_t unsynced; /* writes that no sync covers */
	int64_t kept;     /* how many of them stay, the first ones */
	int64_t seen;     /* counted down while they are taken back */
	char *path;       /* NULL: the file does not exist any more */
} FileState;

static const char *journal;
static int64_t journal_bytes;
static FileState *files;
static size_t file_count;
static uint64_t random_state;

static void __attribute__((noreturn)) give_up(const char *what)
{
	fprintf(stderr, "poweroff_restore: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t
random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return limit ? (random_state >> 33) % limit : 0;
}

/* Spreads neighbouring seeds; never 0, which stands for "no seed". */
static uint64_t
mix_seed(uint64_t seed)
{
	seed = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	seed = (seed ^ (seed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	return (seed ^ (seed >> 27)) | 1;
}

static void
map_journal(const char *path)
{
	struct stat state;
	int descriptor = open(path, O_RDONLY);

	if (descriptor < 0 || fstat(descriptor, &state) != 0)
		give_up(path);
	journal_bytes = state.st_size;
	if (journal_bytes > 0)
	{
		void *bytes = mmap(NULL, (size_t) journal_bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);

		if (bytes == MAP_FAILED)
			give_up(path);
		journal = bytes;
	}
	close(descriptor);
}

/* The record at a position; one cut off at the end of the journal, by the kill, is not there. */
static bool
record_at(int64_t at, PoweroffRecord *record)
{
	if (at + (int64_t) sizeof(*record) > journal_bytes)
		return false;
	memcpy(record, journal + at, sizeof(*record));
	if (record->magic != POWEROFF_MAGIC || record->old_bytes < 0)
	{
		errno = EINVAL;
		give_up("the journal is damaged");
	}
	return at + (int64_t) sizeof(*record) + record->old_bytes <= journal_bytes;
}

static FileState *
find_file(uint64_t device, uint64_t inode, int64_t born_ns)
{
	for (size_t i = 0; i < file_count; i++)
		if (files[i].inode == inode && files[i].device == device && files[i].born_ns == born_ns)
			return &files[i];
	return NULL;
}

static FileState *
find_or_add_file(const PoweroffRecord *record)
{
	FileState *file = find_file(record->device, record->inode, record->born_ns);

	if (file)
		return file;
	files = realloc(files, (file_count + 1) * sizeof(*files));
	if (!files)
		give_up("memory");
	file = &files[file_count++];
	*file = (FileState){
		.device = record->device, .inode = record->inode, .born_ns = record->born_ns};
	return file;
}

/* Calls visit for each whole record, from the first to the last. */
static void
for_each_record(void (*visit)(int64_t at, const PoweroffRecord *record))
{
	PoweroffRecord record;

	for (int64_t at = 0; record_at(at, &record); at += (int64_t) sizeof(record) + record.old_bytes)
		visit(at, &record);
}

static void
note_sync(int64_t at, const PoweroffRecord *record)
{
	FileState *file = find_or_add_file(record);

	(void) at;
	if (record->kind == POWEROFF_SYNC && record->covers > file->durable)
		file->durable = record->covers;
}

static int64_t *write_positions;
static size_t write_count;

static void
note_unsynced_write(int64_t at, const PoweroffRecord *record)
{
	FileState *file = find_or_add_file(record);

	if (record->kind != POWEROFF_WRITE || at < file->durable)
		return;
	file->unsynced++;
	write_positions = realloc(write_positions, (write_count + 1) * sizeof(*write_positions));
	if (!write_positions)
		give_up("memory");
	write_positions[write_count++] = at;
}

static int
note_path(const char *path, const struct stat *state, int type, struct FTW *place)
{
	struct statx born;
	FileState *file;

	(void) place;
	if (type != FTW_F)
		return 0;
	memset(&born, 0, sizeof(born));
	statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &born);
	file = find_file(state->st_dev, state->st_ino,
					 born.stx_btime.tv_sec * INT64_C(1000000000) + born.stx_btime.tv_nsec);
	if (file)
		file->path = strdup(path);
	return 0;
}

/* Takes a write back, all but its first keep_bytes. */
static void
take_back(const FileState *file, const PoweroffRecord *record, const char *old, int64_t keep_bytes)
{
	int64_t size = record->old_size;
	int descriptor = open(file->path, O_WRONLY);

	if (descriptor < 0)
		give_up(file->path);
	if (keep_bytes < record->old_bytes &&
		pwrite(descriptor, old + keep_bytes, (size_t) (record->old_bytes - keep_bytes),
			   record->offset + keep_bytes) != record->old_bytes - keep_bytes)
		give_up(file->path);
	if (keep_bytes > 0 && record->offset + keep_bytes > size)
		size = record->offset + keep_bytes;
	if (ftruncate(descriptor, size) != 0 || close(descriptor) != 0)
		give_up(file->path);
}

/* How much of a write stays: all, nothing, or of the first one that is lost some sectors. */
static int64_t
bytes_to_keep(FileState *file, const PoweroffRecord *record)
{
	int64_t number = --file->seen;

	if (number < file->kept)
		return INT64_MAX;
	if (number > file->kept || random_state == 0)
		return 0;
	return (int64_t) random_below((uint64_t) (record->new_bytes / SECTOR_BYTES) + 1) * SECTOR_BYTES;
}

static void
decide_what_stays(void)
{
	for (size_t i = 0; i < file_count; i++)
	{
		files[i].seen = files[i].unsynced;
		if (random_state != 0)
			files[i].kept = (int64_t) random_below((uint64_t) files[i].unsynced + 1);
	}
}

int
main(int argc, char **argv)
{
	int64_t taken_back = 0;

	if (argc < 3 || argc > 4)
	{
		fprintf(stderr, "usage: %s ROOT JOURNAL [SEED]\n", argv[0]);
		return 2;
	}
	random_state = argc == 4 ? mix_seed(strtoull(argv[3], NULL, 10)) : 0;
	map_journal(argv[2]);
	for_each_record(note_sync);
	for_each_record(note_unsynced_write);
	decide_what_stays();
	if (nftw(argv[1], note_path, 64, FTW_PHYS) != 0)
		give_up(argv[1]);
	for (size_t i = write_count; i > 0; i--)
	{
		PoweroffRecord record;
		FileState *file;
		int64_t keep;

		record_at(write_positions[i - 1], &record);
		file = find_file(record.device, record.inode, record.born_ns);
		keep = bytes_to_keep(file, &record);
		if (keep == INT64_MAX || !file->path)
			continue;
		take_back(file, &record, journal + write_positions[i - 1] + sizeof(record), keep);
		taken_back++;
	}
	if (truncate(argv[2], 0) != 0)
		give_up(argv[2]);
	printf("%" PRId64 " of %zu writes without a sync taken back\n", taken_back, write_count);
	return 0;
}
