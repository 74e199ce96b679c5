/*
 * engine_private.h
 *		What the files of the engine know of each other; nobody else includes this.
 *
 *		engine.c			opening, closing, and the turn
 *		engine_groups.c		the groups that are open here
 *		engine_membership.c	their members; replicas that come, begin anew and go
 *		engine_step.c		stepping the core and carrying out its effects
 *		engine_send.c		messages that wait for their frames
 *		engine_peers.c		who is heard by whom
 *		engine_lives.c		the lives of the nodes; logs that were set back
 *		engine_repair.c		entries whose records are damaged
 *		engine_truncate.c	what every member has applied, and giving up old log
 *		engine_log.c		entries and node values for the owner
 */
#ifndef QUORATE_REPLICATION_ENGINE_PRIVATE_H
#define QUORATE_REPLICATION_ENGINE_PRIVATE_H

#include "replication/engine.h"

#include "core/core_assert.h"
#include "core/membership.h"
#include "wire/arena.h"
#include "wire/bytes.h"
#include "wire/entry.h"
#include "wire/frame.h"

/* Keys of node values from here on belong to the engine; the owner's blobs are below. */
#define ENGINE_KEY_FIRST 0xFF00
#define ENGINE_KEY_GRANT_LENGTH 0xFF00 /* longest grant that this node may have given */
#define ENGINE_KEY_PEER_LIVES 0xFF02   /* a LogLife of each peer: the newest that was heard */
#define ENGINE_KEY_OWN_LIVES 0xFF03    /* the last LOG_LIVES_MAX lives of this node, newest first */
#define ENGINE_KEY_SET_BACK \
	0xFF04                        /* the node that found this log set back; 0 as long as none did */
#define ENGINE_KEY_VERSION 0xFF05 /* the version of the cluster */

#define ENGINE_LIFE_BYTES (3 * sizeof(uint64_t))
#define ENGINE_PEER_LIVES_BYTES ((CORE_NODES_MAX + 1) * ENGINE_LIFE_BYTES)
#define ENGINE_OWN_LIVES_BYTES (LOG_LIVES_MAX * ENGINE_LIFE_BYTES)

/* Bytes of a frame with a single entry besides its payload: header and structure. */
#define ENGINE_FRAME_OVERHEAD_MAX 4096

/* What is known of another member's rows (engine_truncate.c). */
typedef struct MemberApplied
{
	Lsn applied_lsn;  /* it said that its rows are durable up to here */
	Lsn told_lsn;     /* it said that it knows ours to be durable up to here */
	bool owes_answer; /* it told news, or knows less of us than there is to know */
	bool has_rows;    /* it said that its rows are there */
	bool lacks_rows;  /* it said that they are not; neither, until it has said anything */
	bool told_rows;   /* ... and what it knows of ours */

	/* engine_repair.c: what it said of the entries that are missing here. */
	Lsn lacks_lsn; /* it does not have this one; 0 for none */
	Lsn base_lsn;  /* its log begins above this */
} MemberApplied;

typedef struct EngineGroup
{
	GroupId group;
	Membership membership; /* in use: the newest one of the log */
	uint32_t self_index;   /* own place in it; MEMBER_NONE if it does not name this node */
	NodeId first_leader;   /* of a group that was made in this life */
	bool record_is_stale;  /* the log's record names a membership whose entry was lost */

	Lsn base_lsn; /* as the core knows it */
	Lsn applied_lsn;
	Lsn applied_durable_lsn;
	bool rows_missing;      /* the rows are not those of applied_lsn: the owner has to copy them */
	bool rows_are_due;      /* this log replica became one with rows: say so after the step */
	uint32_t repair_index;  /* the member that was asked last for a damaged entry ... */
	TimeUs repair_asked_us; /* ... and when; 0 once it has answered */
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

/* What the owner is told of a group when the record of it is durable. */
typedef enum NewsKind
{
	NEWS_OPENED,
	NEWS_REBASED,
	NEWS_REMOVED
} NewsKind;

typedef struct News
{
	NewsKind kind;
	GroupId group;
	Lsn lsn;           /* REBASED */
	uint64_t position; /* of the log, behind the record */
} News;

typedef struct NewsList
{
	News *items;
	uint32_t count;
	uint32_t capacity;
} NewsList;

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
	LogLife life; /* newest one heard, and how far its log was durable; older frames are dropped */
	uint64_t reaches; /* the nodes that it reaches, as its last heartbeat said */
	TimeUs echoed_us; /* when the newest heartbeat of this life was sent that it has got for sure */
	bool knows_us;    /* its last heartbeat knew this life of ours */
	bool set_back;    /* its log is not what it was: nothing that it says is heard */
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
	GroupList removed;            /* given up by the core in the present step */
	GroupList buried;             /* gone for good: no invitation counts */
	GroupList left;               /* removed in this life: never made but by an invitation */
	GroupList converted;          /* keep rows since the present step */
	NewsList news;                /* oldest first */
	LogLife lives[LOG_LIVES_MAX]; /* of this node, newest first */
	uint32_t life_count;
	NodeId set_back_by;    /* the peer that remembers more of this log than there is; 0 for none */
	uint32_t joint_groups; /* groups whose membership in use is joint */
	EnginePeer peers[CORE_NODES_MAX + 1]; /* by node id */
	uint64_t waited_for;                  /* those for which a message waits, as node_id_bit() */

	TimeUs now;             /* of the latest event; never goes back */
	TimeUs stepped_us;      /* of the latest step */
	TimeUs sync_started_us; /* of the last completed sync */
	TimeUs exchange_due_us; /* next round of APPLIED messages */
	TimeUs truncate_due_us; /* next truncation */
	TimeUs remember_due_us; /* next record of what is known of the peers' logs */
	bool peers_grew;        /* more is known than was recorded */
	TimeUs leases_due_us;   /* when leases that grew are shown to the owner */
	bool leases_grew;       /* something came that makes the leases of all led groups longer */
	bool untold;            /* there may be something to tell other members of applied rows */
	bool untruncated;       /* there may be log to give up */
	TimeUs prepare_due_us;  /* not before then: making the next segment file */
	bool prepare_goes_on;   /* a part of that file is still missing */
	TimeUs delta_us;        /* of the last delta checkpoint */
	TimeUs opened_us;       /* when this life began */
	LogDamage damage;       /* the first damage that was met then */
	TimeUs repair_due_us;   /* next round of questions for damaged entries */
	uint64_t repaired_entries;
	bool failed;            /* an append failed: the turn cannot be finished */
	int append_error;       /* ... with this -errno */
	bool starved;           /* no room for control records: nothing is stepped */
	bool clock_went_back;   /* the core has not been told so yet: leases are void */
	bool sync_untold;       /* the core has not been told of the last sync, for want of room */
	ClusterVersion version; /* of the cluster; nothing newer is sent or recorded */
	uint64_t turn_tag;      /* tag of the proposal that is being stepped */

	uint64_t truncated_bytes; /* size of the log after the last truncation */

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

/* Adds a group of which nothing is known yet. */
extern EngineGroup *engine_add_group(Engine *engine, GroupId id);

/* Takes a group away, here and in the core; nothing is recorded. */
extern void engine_close_group(Engine *engine, GroupId id);

extern void engine_list_add(GroupList *list, GroupId group);
extern bool engine_list_has(const GroupList *list, GroupId group);

/* Adds a group that the log knows; false if its memberships cannot be read. */
extern bool engine_adopt_group(Engine *engine, const LogGroupState *state);

extern void engine_free_groups(Engine *engine);

/* Tells the core of a group that was recovered or made. */
extern void engine_open_in_core(Engine *engine, EngineGroup *group);

/* Lists the group as changed in this turn. */
extern void engine_mark_changed(Engine *engine, EngineGroup *group);

/* Lists all groups that this node leads: their leases may have changed. */
extern void engine_mark_led_changed(Engine *engine);

/* Something happened in a group that the rounds of engine_truncate.c look at; while nothing does, they rest. */
extern void engine_stir(Engine *engine);

/* The commit LSN rose; the owner is told at the end of the turn. */
extern void engine_note_commit(Engine *engine, EngineGroup *group, Lsn commit_lsn);

/* ---- engine_membership.c ---- */

/* True if this node is a member without rows. */
extern bool engine_is_log_replica(const EngineGroup *group);

extern void engine_set_membership(Engine *engine, EngineGroup *group, const Membership *next);

/* Takes over and records what the core uses; returns what log_append_group said. */
extern int engine_record_memberships(Engine *engine, EngineGroup *group);

/* Takes over what the core made of the `recorded` memberships of a group that was just opened in it. */
extern void engine_take_recovered_membership(Engine *engine, EngineGroup *group, uint32_t recorded);

/* True if the log's record names no membership that was lost; records it anew if need be. */
extern bool engine_mend_record(Engine *engine, EngineGroup *group);

/* Is there room for another group, in the log and by the owner's limit? */
extern bool engine_may_open_group(const Engine *engine);

/* Carry out effects; engine_finish_step does what must wait until all effects of the step are done. */
extern void engine_carry_out_open(Engine *engine, GroupId id);
extern void engine_carry_out_membership(Engine *engine, EngineGroup *group);
extern void engine_carry_out_rebase(Engine *engine, EngineGroup *group, const Effect *effect);
extern void engine_finish_step(Engine *engine);

/* The log was truncated: rows that are being copied have to be those of a later LSN. */
extern void engine_rows_out_of_reach(Engine *engine, const EngineGroup *group);

/* Tells the owner what is durable of opened, rebased and removed groups. */
extern void engine_tell_news(Engine *engine);
extern void engine_forget_news(Engine *engine, GroupId group);

/* ---- engine_step.c ---- */

/*
 * The result of an append that log_reserve promised room for.  It can still fail if the log had to write and
 * could not; then nothing more is recorded or said, and engine_finish_turn ends the engine.
 */
extern void engine_recorded(Engine *engine, int error);

/* Steps the core and carries out the effects. */
extern void engine_step(Engine *engine, const Event *event);

/* Has the log room for whatever an event without entries may record? */
extern bool engine_has_control_room(Engine *engine);

/* Steps the core with an order of the owner for a group; nothing happens without such a group, or without room. */
extern void engine_order(Engine *engine, const Event *event);

/* ---- engine_send.c ---- */

/* A message of replication/ itself to a member of the group, with who speaks to whom filled in. */
extern Message engine_message_to(const Engine *engine, const EngineGroup *group, uint32_t member,
								 MessageKind kind);

/* Queues a message; its outline, and the membership that it says, are copied. */
extern void engine_queue_message(Engine *engine, const Message *message, bool after_sync);

/* Drops queued entries of a group above `lsn`: the log no longer holds what they promised to carry. */
extern void engine_drop_queued_entries(Engine *engine, GroupId group, Lsn lsn);

/* Builds and sends the frames of all peers from the given lists, and empties them. */
extern void engine_send_now(Engine *engine);
extern void engine_send_after_sync(Engine *engine);

/* True if anything waits for a sync. */
extern bool engine_has_queued(const Engine *engine);
extern void engine_free_queues(Engine *engine);

/* ---- engine_peers.c ---- */

/* Adds to a heartbeat whom this node reaches. */
extern void engine_describe_peers(const Engine *engine, Message *heartbeat);

/* What a heartbeat says of the links of its sender. */
extern void engine_note_heartbeat(Engine *engine, const Message *message);

/* ---- engine_lives.c ---- */

/* What the log knows of the lives of this node and of its peers, and the record that a new one begins. */
extern void engine_recover_lives(Engine *engine);

/* Adds to a heartbeat what it says of the logs of both ends. */
extern void engine_describe_lives(Engine *engine, Message *heartbeat);

/* Is the frame of the newest life of its sender, and that one's log the one that was there before? */
extern bool engine_takes_life(Engine *engine, const Frame *frame);

/* Records, once in a while, how far the peers' logs are known to be durable. */
extern void engine_remember_peers(Engine *engine);

/* The sentence of engine_error() on a log of which `peer` remembers more. */
extern void engine_explain_set_back(NodeId peer);

/* Nothing is said or done any more but that the log was set back, for ever.  False if the log failed. */
extern bool engine_record_set_back(Engine *engine);

/* ---- engine_repair.c ---- */

/* May messages and records be used that only repair needs? */
extern bool engine_may_repair(const Engine *engine);

/* Tells the core how far the log lacks entries that the rows do not have. */
extern void engine_tell_missing(Engine *engine, const EngineGroup *group);

/* Asks other members for what is missing, when it is time to. */
extern void engine_repair(Engine *engine);
extern void
engine_receive_repair_ask(Engine *engine, const EngineGroup *group, const Message *asked);
extern void engine_receive_repair(Engine *engine, EngineGroup *group, const Message *message);

/* ---- engine_truncate.c ---- */

/* Has the node been heard within a lease length? */
extern bool engine_node_is_heard(const Engine *engine, NodeId node);

/* `since` of this node as a member, 0 if it is none. */
extern uint64_t engine_own_since(const EngineGroup *group);

/* Tells the core, and the owner if it copies rows, where the group's log begins now. */
extern void engine_take_over_base(Engine *engine, EngineGroup *group);

/* An APPLIED message of another member. */
extern void engine_receive_applied(Engine *engine, EngineGroup *group, const Message *message);

/* Tells others what they do not know of our rows, when it is time to; true if nothing is left to tell. */
extern bool engine_exchange_applied(Engine *engine);

/* Others shall know soon that this node's rows have come or gone: within a heartbeat, however many groups change. */
extern void engine_exchange_soon(Engine *engine);

/* As the member said last, and while it is heard. */
extern bool engine_can_take_over(const Engine *engine, GroupId id, NodeId target);

/* Gives up log that nobody needs. */
extern void engine_truncate(Engine *engine);

#endif /* QUORATE_REPLICATION_ENGINE_PRIVATE_H */
