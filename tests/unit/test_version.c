/*
 * test_version.c
 *		Versions of a cluster: ranges, and what an engine makes of them (I14).
 */
#include "core/version.h"

#include <setjmp.h>
#include <string.h>

#include "core/core_assert.h"
#include "log/log.h"
#include "log/log_format.h"
#include "replication/engine.h"
#include "tap.h"
#include "unit/engine_cluster.h"

static TestCluster cluster;

static void
test_ranges(void)
{
	VersionRange own = version_range_own();
	VersionRange before = {VERSION_FIRST, VERSION_FIRST};
	VersionRange beyond = {own.newest + 1, own.newest + 2};

	TAP_OK(version_range_is_valid(own), "the own range is one");
	TAP_OK(own.newest - own.oldest <= 1, "neighbouring releases work together, no others");
	TAP_OK(version_is_read(own, own.oldest) && version_is_read(own, own.newest),
		   "its ends belong to it");
	TAP_OK(!version_is_read(own, own.newest + 1) && !version_is_read(own, own.oldest - 1),
		   "what is beyond does not");
	TAP_OK(!version_is_read(before, own.newest),
		   "an older release does not read the newest version");
	TAP_OK(!version_is_read(beyond, own.newest), "nor does a release two versions ahead");
	TAP_OK(!version_range_is_valid((VersionRange){0, 1}), "a range from 0 is none");
	TAP_OK(!version_range_is_valid((VersionRange){3, 2}), "nor is one that ends before it begins");
}

static void
test_kinds(void)
{
	uint32_t unknown = 0;

	for (int kind = MESSAGE_HEARTBEAT; kind <= MESSAGE_KIND_LAST; kind++)
		unknown += version_of_message((MessageKind) kind) < VERSION_FIRST ||
				   version_of_message((MessageKind) kind) > VERSION_LOG_REPAIR;
	for (int kind = LOG_ENTRY; kind <= LOG_KIND_LAST; kind++)
		unknown += log_version_of_record((LogRecordKind) kind) < VERSION_FIRST ||
				   log_version_of_record((LogRecordKind) kind) > VERSION_LOG_REPAIR;
	TAP_IS_INT(unknown, 0, "each kind of message and record belongs to a version that there is");
	TAP_IS_INT(version_of_message(MESSAGE_ACCEPT), VERSION_FIRST,
			   "ACCEPT was there from the beginning");
	TAP_IS_INT(log_version_of_record(LOG_ENTRY), VERSION_FIRST, "and so were entries");
}

/* An old cluster is finalized; the version outlives a loss of power, and never falls. */
static void
test_raise(void)
{
	TestNode *node = &cluster.nodes[1];

	cluster_default_config.cluster_version = VERSION_FIRST;
	cluster_start(&cluster, 1);
	cluster_await_leader(&cluster);
	TAP_IS_INT(engine_cluster_version(node->engine), VERSION_FIRST,
			   "a log begins with the version that it is given");
	TAP_OK(engine_set_cluster_version(node->engine, VERSION_NEWEST), "it is raised");
	TAP_IS_INT(engine_cluster_version(node->engine), VERSION_NEWEST, "at once");
	TAP_OK(engine_finish_turn(node->engine), "and durable with the turn");
	TAP_OK(engine_set_cluster_version(node->engine, VERSION_OLDEST),
		   "a lower one, of an old list of nodes, is no error");
	TAP_IS_INT(engine_cluster_version(node->engine), VERSION_NEWEST, "but changes nothing");
	cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, 1), ENGINE_OK, "after a loss of power");
	TAP_IS_INT(engine_cluster_version(node->engine), VERSION_NEWEST, "it is as it was");
	cluster_stop(&cluster);
	cluster_default_config.cluster_version = VERSION_NEWEST;
}

static TimeUs
on_now(void *context)
{
	(void) context;
	return 1000;
}

/* What a release ahead would have left in the log. */
static void
test_unread_log(void)
{
	EngineConfig config = cluster_default_config;
	Memdisk *disk = memdisk_create(3);
	EngineCallbacks callbacks = {.now = on_now};
	Engine *engine = NULL;
	LogOptions options = {.segment_bytes = 64 * 1024};
	uint8_t later[8] = {VERSION_NEWEST + 1};
	Log *log;

	config.self = 1;
	TAP_IS_INT(engine_bootstrap(memdisk_io(disk), &config), ENGINE_OK, "a node is laid out");
	TAP_IS_INT(log_open(&log, memdisk_io(disk), &options).status, LOG_OPEN_OK,
			   "another release runs it");
	TAP_OK(log_append_node(log, 0xFF05, later, sizeof(later)) == 0 && log_write(log) == 0 &&
			   log_sync(log) == 0,
		   "and its cluster gets a version that is not read here");
	log_close(log);
	TAP_IS_INT(engine_open(&engine, memdisk_io(disk), &config, &callbacks), ENGINE_VERSION,
			   "this release does not open that log");
	TAP_OK(strstr(engine_error(), "the cluster has version") != NULL, "and says why: %s",
		   engine_error());
	memdisk_free(disk);
}

static jmp_buf broken;
static char broken_rule[8];

static void
on_broken(const char *condition, const char *rule, const char *file, int line)
{
	(void) condition;
	(void) file;
	(void) line;
	snprintf(broken_rule, sizeof(broken_rule), "%s", rule);
	longjmp(broken, 1);
}

/* A record of a kind that the cluster's version does not have yet ends the process. */
static void
test_assertion(void)
{
	Memdisk *disk = memdisk_create(4);
	LogOptions options = {.segment_bytes = 64 * 1024};
	uint8_t cluster_id[LOG_CLUSTER_ID_BYTES] = "versions";
	Log *log;

	TAP_IS_INT(log_create(memdisk_io(disk), &options, cluster_id, 1), 0, "a log");
	TAP_IS_INT(log_open(&log, memdisk_io(disk), &options).status, LOG_OPEN_OK, "is opened");
	TAP_IS_INT(log_append_tick(log), 0, "and takes records");
	log_set_version(log, VERSION_FIRST - 1);
	core_assert_handler = on_broken;
	if (setjmp(broken) == 0)
	{
		log_append_tick(log);
		TAP_OK(false, "a record of a later version is refused by an assertion");
	}
	else
		TAP_IS_STR(broken_rule, "I14", "a record of a later version is refused by an assertion");
	core_assert_handler = NULL;
	log_close(log);
	memdisk_free(disk);
}

int
main(void)
{
	test_ranges();
	test_kinds();
	test_raise();
	test_unread_log();
	test_assertion();
	return tap_done();
}
