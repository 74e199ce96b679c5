/*
 * test_log_crash.c
 *		The log on a disk that crashes at every operation, tears, and fails.
 *
 * A run of random operations with small segments, so that segments change, are made, recycled and
 * removed all the time; after each crash the log must be what was synced, or a little more.
 */
#include "support/log_script.h"
#include "support/memdisk.h"

#include "unit/tap.h"

static const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES] = "test cluster 01";
static const LogOptions small_segments = {.segment_bytes = 16384, .cache_bytes = 32768};

static Memdisk *
new_disk(uint64_t seed)
{
	Memdisk *disk = memdisk_create(seed);

	if (log_create(memdisk_io(disk), &small_segments, cluster_id, 1) != 0)
		abort();
	return disk;
}

/* Opens the log and compares it with the script; explains what is wrong. */
static bool
opens_as_it_should(Memdisk *disk, LogScript *script, Log **log)
{
	LogOpenResult result = log_open(log, memdisk_io(disk), &small_segments);
	const char *problem;

	if (result.status != LOG_OPEN_OK)
	{
		tap_note("not opened: %s, error %d, %s, segment %d at %d",
				 log_open_status_text(result.status), result.error,
				 result.damage.reason ? result.damage.reason : "", (int) result.damage.segment,
				 (int) result.damage.begin_offset);
		return false;
	}
	problem = log_script_check(script, *log);
	if (problem)
	{
		tap_note("%s", problem);
		log_close(*log);
	}
	return problem == NULL;
}

/*
 * Three lives on one disk that crash at their nth operation, then one that does not. Returns the
 * number of crashes, -1 if the log was not what it must be.
 */
static int
crash_at(uint64_t seed, uint64_t nth, MemdiskCrash crash)
{
	Memdisk *disk = new_disk(seed * 1000 + nth);
	LogScript *script = log_script_create(seed);
	Log *log = NULL;
	bool good = true;
	int crashes = 0;

	for (int life = 0; life < 4 && (good = opens_as_it_should(disk, script, &log)); life++)
	{
		memdisk_crash_at(disk, life < 3 ? nth : 0);
		log_script_run(script, log, 40);
		if (memdisk_crashed(disk))
			crashes++;
		memdisk_restart(disk, crash);
		log_close(log);
	}
	log_script_free(script);
	memdisk_free(disk);
	return good ? crashes : -1;
}

static void
test_crash_everywhere(uint64_t seed, MemdiskCrash crash, const char *name)
{
	uint64_t nth = 0;
	int crashes;

	do
		crashes = crash_at(seed, ++nth, crash);
	while (crashes > 0);
	TAP_OK(crashes == 0 && nth > 50, "crash at each of %d operations, %s, seed %d", (int) nth - 1,
		   name, (int) seed);
}

int
main(void)
{
	for (uint64_t seed = 1; seed <= 2; seed++)
		test_crash_everywhere(seed, MEMDISK_LOSE_SOME, "some sectors and names survive");
	test_crash_everywhere(4, MEMDISK_LOSE_ALL, "nothing unsynced survives");
	test_crash_everywhere(5, MEMDISK_KEEP_ALL, "only the process dies");
	return tap_done();
}
