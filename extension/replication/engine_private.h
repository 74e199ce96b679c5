/*
 * engine_private.h
 *		What the files of the engine know of each other; nobody else includes this.
 *
 *		engine.c			opening, closing, and the turn
 *		engine_groups.c		the groups that are open here
 *		engine_step.c		stepping the core and carrying out its effects
 *		engine_send.c		messages that wait for their frames
 *		engine_truncate.c	what every member has applied, and giving up old log
 *		engine_log.c		entries and node values for the owner
 */
#ifndef QUORATE_REPLICATION_ENGINE_PRIVATE_H
#define QUORATE_REPLICATION_ENGINE_PRIVATE_H

#include "replication/engine.h"

#include "core/core_assert.h"
#include "wire/arena.h"
#include "wire/bytes.h"
#include "wire/entry.h"
#include "wire/frame.h"

/* Keys of node values from here on belong to the engine; the owner's blobs are below. */
#define ENGINE_KEY_FIRST 0xFF00
#define ENGINE_KEY_GRANT_LENGTH 0xFF00 /* longest grant that this node may have given */
#define ENGINE_KEY_PEER_STARTS 0xFF01  /* start counters of the peers, highest seen */

#define ENGINE_PEER_STARTS_BYTES ((CORE_NODES_MAX + 1) * sizeof(uint64_t))

/* Bytes of a frame with a single entry besides its payload: header and structure. */
#define ENGINE_FRAME_OVERHEAD_MAX 4096

/* What is known of another member's rows (engine_truncate.c). */
typedef struct MemberApplied
{
	Lsn applied_lsn;  /* it said that its rows are durable up to here */
	Lsn told_lsn;     /* it said that it knows ours to be durable up to here */
	bool owes_answer; /* it told news, or knows less of us than there is to know */
} MemberApplied;

typedef struct EngineGroup
{
	GroupId group;
	Membership membership;
	uint32_t self_index; /* own place in the membership */
	NodeId first_leader; /* of a group that was made in this life */

	Lsn base_lsn; /* as the core knows it */
	Lsn applied_lsn;
	Lsn applied_durable_lsn;
	MemberApplied members[CORE_MEMBERS_MAX];

	/* Entries proposed here in this turn: entry i is turn_first_lsn + i; payloads lie in the turn's arena. */
	Lsn turn_first_lsn;
	uint32_t turn_count;
	uint32_t turn_capacity;
	Entry *turn_entries;

	bool leads;             /* between EFFECT_LEAD and EFFECT_STEP_DOWN */
	bool changed;           /* listed in Engine.changed */
	Lsn committed_lsn;      /* news for the owner at the end of the turn */
	bool committed_is_news; /* listed in Engine.committed */
} EngineGroup;

/* Groups in the order of opening, and a hash that finds them. */
typedef struct GroupMap
{
	EngineGroup **items;
	uint32_t count;
	uint32_t capacity;
	uint32_t *slots; /* index into items + 1; 0 for free */
	uint32_t slot_count;
} GroupMap;

/* A list of groups that grows. */
typedef struct GroupList
{
	GroupId *items;
	uint32_t count;
	uint32_t capacity;
} GroupList;

/* A message that waits for its frame.  What it points to lies in the turn's arena. */
typedef struct Waiting
{
	Message message;        /* ACCEPT, ENTRIES: entries is NULL until the frame is built */
	uint32_t payload_bytes; /* of entries proposed in this turn; UINT32_MAX if not known */
	bool dropped;
} Waiting;

typedef struct WaitingList
{
	Waiting *items;
	uint32_t count;
	uint32_t capacity;
} WaitingList;

typedef struct EnginePeer
{
	WaitingList now;        /* may leave at once */
	WaitingList after_sync; /* must not leave before everything recorded is durable (I2, I3) */
	uint64_t start_counter; /* highest life seen; frames of former lives are dropped */
} EnginePeer;

struct Engine
{
	EngineConfig config;
	EngineCallbacks callbacks;
	Log *log;
	CoreNode *core;
	bool started; /* the recovered groups are open in the core */

	GroupMap groups;
	GroupList changed;      /* status changed in this turn */
	GroupList changed_last; /* ... and in the turn before: what the owner reads */
	GroupList committed;
	EnginePeer peers[CORE_NODES_MAX + 1]; /* by node id */

	TimeUs now;             /* of the latest event; never goes back */
	TimeUs stepped_us;      /* of the latest step */
	TimeUs sync_started_us; /* of the last completed sync */
	TimeUs exchange_due_us; /* next round of APPLIED messages */
	TimeUs truncate_due_us; /* next truncation */
	TimeUs prepare_due_us;  /* not before then: making the next segment file */
	bool prepare_goes_on;   /* a part of that file is still missing */
	bool failed;            /* an append failed: the turn cannot be finished */
	bool starved;           /* no room for control records: nothing is stepped */
	uint64_t turn_tag;      /* tag of the proposal that is being stepped */

	WireArena turn_arena;  /* payloads and outlines of this turn; reset at its end */
	WireArena frame_arena; /* the frame that is being received */
	WireArena fill_arena;  /* entries read from the log for one message */
	FrameBuilder builder;
	LogBuffer read_buffer;
};

/* ---- engine.c ---- */

/* Reads the clock; steps EVENT_CLOCK_ANOMALY if it went back. */
extern void engine_read_clock(Engine *engine);

/* Opens the recovered groups in the core, once. */
extern void engine_start(Engine *engine);

/* Allocates or ends the process: the engine cannot go on with half a turn. */
extern void *engine_reallocate(void *memory, size_t size);

/* Sets the sentence that engine_error() returns. */
extern void engine_set_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- engine_groups.c ---- */

extern EngineGroup *engine_find_group(const Engine *engine, GroupId group);

/* Adds a group that the log knows; false if its membership cannot be read. */
extern bool engine_adopt_group(Engine *engine, const LogGroupState *state);

extern void engine_free_groups(Engine *engine);

/* Tells the core of a group that was recovered or made. */
extern void engine_open_in_core(Engine *engine, EngineGroup *group);

/* Lists the group as changed in this turn. */
extern void engine_mark_changed(Engine *engine, EngineGroup *group);

/* Lists all groups that this node leads: their leases may have changed. */
extern void engine_mark_led_changed(Engine *engine);

/* The commit LSN rose; the owner is told at the end of the turn. */
extern void engine_note_commit(Engine *engine, EngineGroup *group, Lsn commit_lsn);

/* ---- engine_step.c ---- */

/* Steps the core and carries out the effects. */
extern void engine_step(Engine *engine, const Event *event);

/* Has the log room for whatever an event without entries may record? */
extern bool engine_has_control_room(Engine *engine);

/* ---- engine_send.c ---- */

/* Queues a message; its outline is copied. */
extern void engine_queue_message(Engine *engine, const Message *message, bool after_sync);

/* Drops queued entries of a group above `lsn`: the log no longer holds what they promised to carry. */
extern void engine_drop_queued_entries(Engine *engine, GroupId group, Lsn lsn);

/* Builds and sends the frames of all peers from the given lists, and empties them. */
extern void engine_send_now(Engine *engine);
extern void engine_send_after_sync(Engine *engine);

/* True if anything waits for a sync. */
extern bool engine_has_queued(const Engine *engine);
extern void engine_free_queues(Engine *engine);

/* ---- engine_truncate.c ---- */

/* An APPLIED message of another member. */
extern void engine_receive_applied(Engine *engine, EngineGroup *group, const Message *message);

/* Tells others what they do not know of our rows, when it is time to. */
extern void engine_exchange_applied(Engine *engine);

/* Gives up log that nobody needs. */
extern void engine_truncate(Engine *engine);

#endif /* QUORATE_REPLICATION_ENGINE_PRIVATE_H */
