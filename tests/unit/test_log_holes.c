/*
 * test_log_holes.c
 *		Random logs that are damaged at random places: what opens is right, and is whole when its holes are filled.
 *
 * The same with a crash at each operation of recovery and repair, and with a torn tail besides the damage.
 */
#include "support/log_script.h"
#include "support/memdisk.h"

#include "unit/tap.h"

#define SEGMENT_BYTES 16384
#define SEGMENTS_MAX 64
#define DAMAGES_MAX 3

static const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES] = "test cluster 01";
static const LogOptions small_segments = {.segment_bytes = SEGMENT_BYTES, .cache_bytes = 32768};

static uint64_t random_state;

static uint32_t
random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t) (random_state >> 33) % limit;
}

/* A log of some segments, synced; or with something unsynced behind it. */
static Memdisk *
new_disk(uint64_t seed, LogScript *script, bool ended)
{
	Memdisk *disk = memdisk_create(seed);
	Log *log = NULL;

	if (log_create(memdisk_io(disk), &small_segments, cluster_id, 1) != 0 ||
		log_open(&log, memdisk_io(disk), &small_segments).status != LOG_OPEN_OK ||
		log_script_run(script, log, 60) != 0 || log_script_end(script, log) != 0)
		abort();
	if (!ended)
		log_script_write(script, log, 10);
	log_close(log);
	memdisk_restart(disk, ended ? MEMDISK_LOSE_ALL : MEMDISK_LOSE_SOME);
	random_state = seed;
	return disk;
}

typedef struct Segments
{
	char names[SEGMENTS_MAX][32];
	uint32_t count;
} Segments;

static int
collect(void *context, const char *name)
{
	Segments *segments = context;

	if (strstr(name, ".segment") && segments->count < SEGMENTS_MAX)
		strcpy(segments->names[segments->count++], name);
	return 0;
}

/* What damages do: flip a bit or a sector's worth of them, make a block unreadable, or either. */
typedef enum Kind
{
	FLIPS,
	BAD_BLOCKS,
	FLIPS_AND_BAD_BLOCKS
} Kind;

static Kind kind;

static void
damage(Memdisk *disk)
{
	const LogIo *io = memdisk_io(disk);
	Segments segments = {.count = 0};
	const char *name;
	uint32_t offset = random_below(SEGMENT_BYTES);
	uint32_t length = random_below(3) == 0 ? 512 : 1;

	io->list(io->ctx, collect, &segments);
	name = segments.names[random_below(segments.count)];
	if (kind == BAD_BLOCKS || (kind == FLIPS_AND_BAD_BLOCKS && random_below(2) == 0))
	{
		memdisk_spoil(disk, name, offset);
		return;
	}
	for (uint32_t i = 0; i < length && offset + i < SEGMENT_BYTES; i++)
		memdisk_rot(disk, name, offset + i, (uint8_t) (1 << random_below(8)));
}

typedef struct Outcome
{
	int opened;
	int refused;
	int holes;
	int crashes;
} Outcome;

/* Opens, checks, fills the holes; false if something is wrong.  *done if it came to the end without a crash. */
static bool
open_and_mend(Memdisk *disk, LogScript *script, Outcome *outcome, bool *done)
{
	Log *log = NULL;
	LogOpenResult result = log_open(&log, memdisk_io(disk), &small_segments);
	const char *problem;
	int holes;

	*done = false;
	if (result.status != LOG_OPEN_OK)
	{
		*done = !memdisk_crashed(disk) &&
				(result.status == LOG_OPEN_ROTTEN ||
				 (result.status == LOG_OPEN_UNREADABLE && memdisk_spoiled_count(disk) > 0));
		outcome->refused += *done;
		return *done || memdisk_crashed(disk);
	}
	problem = log_script_check(script, log);
	if (problem)
		tap_note("%s (%s, segment %d, %d to %d)", problem,
				 result.damage.reason ? result.damage.reason : "no damage",
				 (int) result.damage.segment, (int) result.damage.begin_offset,
				 (int) result.damage.end_offset);
	holes = problem ? 0 : log_script_mend(script, log);
	if (holes >= 0 && !memdisk_crashed(disk))
	{
		outcome->opened++;
		outcome->holes += holes;
		*done = true;
	}
	log_close(log);
	return problem == NULL;
}

/* The log opens, has no holes, and goes on. */
static bool
is_whole_and_goes_on(Memdisk *disk, LogScript *script)
{
	Log *log = NULL;
	const char *problem = "it does not open";
	LogOpenResult result;
	int holes = 0;

	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	/* What could not be read may be there again: it says nothing else than before. */
	if (random_below(2) == 0)
		memdisk_unspoil(disk);
	if (log_open(&log, memdisk_io(disk), &small_segments).status == LOG_OPEN_OK)
		problem = log_script_check(script, log);
	if (!problem)
		holes = log_script_mend(script, log);
	if (!problem && log_script_run(script, log, 40) != 0)
		problem = "it does not go on";
	if (log)
		log_close(log);
	if (!problem)
	{
		memdisk_restart(disk, MEMDISK_LOSE_SOME);
		log = NULL;
		result = log_open(&log, memdisk_io(disk), &small_segments);
		if (result.status != LOG_OPEN_OK)
			problem = result.damage.reason ? result.damage.reason : "it does not open again";
		else
		{
			problem = log_script_check(script, log);
			log_close(log);
		}
	}
	if (problem)
		tap_note("after the repair: %s", problem);
	return problem == NULL && holes == 0;
}

/* One log, damaged `count` times, that crashes at the nth operation of its recovery (0: not at all). */
static bool
damaged_log_recovers(uint64_t seed, int count, bool ended, uint64_t nth, Outcome *outcome)
{
	LogScript *script = log_script_create(seed);
	Memdisk *disk = new_disk(seed, script, ended);
	int refused = outcome->refused;
	bool done = false;
	bool good;

	for (int i = 0; i < count; i++)
		damage(disk);
	memdisk_crash_at(disk, nth);
	good = open_and_mend(disk, script, outcome, &done);
	if (good && !done)
	{
		outcome->crashes++;
		memdisk_restart(disk, MEMDISK_LOSE_SOME);
		good = open_and_mend(disk, script, outcome, &done) && done;
	}
	if (good && outcome->refused == refused)
		good = is_whole_and_goes_on(disk, script);
	if (!good)
		tap_note("seed %d, %d damages, crash at %d", (int) seed, count, (int) nth);
	memdisk_free(disk);
	log_script_free(script);
	return good;
}

static void
test_damages(Kind what, int count, bool ended, const char *name)
{
	Outcome outcome = {0};
	bool good = true;

	kind = what;
	for (uint64_t seed = 1; seed <= 200 && good; seed++)
		good = damaged_log_recovers(seed, count, ended, 0, &outcome);
	TAP_OK(good && outcome.opened > 100 && outcome.holes > 50,
		   "%s: %d opened, %d entries filled, %d refused", name, outcome.opened, outcome.holes,
		   outcome.refused);
	TAP_OK(!ended || outcome.refused * 10 < outcome.opened * (1 + count),
		   "few are refused when a delta checkpoint ends the log");
}

static void
test_crashes(Kind what, uint64_t seed)
{
	Outcome outcome = {0};
	bool good = true;
	uint64_t nth = 0;
	int crashes;

	kind = what;
	do
	{
		crashes = outcome.crashes;
		good = damaged_log_recovers(seed, 2, true, ++nth, &outcome);
	} while (good && outcome.crashes > crashes);
	TAP_OK(good && (nth > 5 || outcome.refused > 0),
		   "a crash at each of %d operations of recovery and repair, seed %d", (int) nth - 1,
		   (int) seed);
}

int
main(void)
{
	test_damages(FLIPS, 1, true, "one damage");
	test_damages(FLIPS, DAMAGES_MAX, true, "three damages");
	test_damages(FLIPS, 1, false, "damage and a torn tail");
	test_damages(FLIPS, DAMAGES_MAX, false, "three damages and a torn tail");
	test_damages(BAD_BLOCKS, 1, true, "one bad block");
	test_damages(BAD_BLOCKS, DAMAGES_MAX, true, "three bad blocks");
	test_damages(BAD_BLOCKS, 1, false, "a bad block and a torn tail");
	test_damages(FLIPS_AND_BAD_BLOCKS, DAMAGES_MAX, true, "three damages, bad blocks too");
	test_damages(FLIPS_AND_BAD_BLOCKS, DAMAGES_MAX, false, "... and a torn tail");
	for (uint64_t seed = 1; seed <= 12; seed++)
	{
		test_crashes(FLIPS, seed);
		test_crashes(BAD_BLOCKS, seed);
	}
	return tap_done();
}
