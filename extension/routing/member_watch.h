/*
 * member_watch.h
 *		Does a member that is heard keep up, or is it stuck?
 *
 * Pure: autoadmin looks at the members of the groups that it leads again and again and remembers a MemberWatch for
 * each that lacks something.  A member that gets on, however slowly, is not stuck: load alone never makes it so.
 */
#ifndef QUORATE_ROUTING_MEMBER_WATCH_H
#define QUORATE_ROUTING_MEMBER_WATCH_H

#include "core/core_types.h"

/* What is remembered of one member; all zero at first. */
typedef struct MemberWatch
{
	Lsn reached_lsn; /* where it was at the last look */
	TimeUs since_us; /* it lacks something and has been there since then; 0 if it lacks nothing */
	bool is_stuck;   /* it is, or was and has not been well for long enough */
	TimeUs well_since_us; /* stuck: keeps up again since then; 0 if it does not */
} MemberWatch;

/* How patient the watch is. */
typedef struct WatchLimits
{
	TimeUs stuck_after_us; /* stuck: lacks something and has got no further for so long */
	TimeUs well_after_us;  /* no longer stuck: has lacked no more than near_entries for so long */
	Lsn near_entries;
} WatchLimits;

/* Looks at a member that has reached an LSN of the committed ones; true if it is stuck. */
extern bool member_watch_look(MemberWatch *watch, Lsn reached_lsn, Lsn commit_lsn, TimeUs now,
							  const WatchLimits *limits);

/* True if there is nothing to be remembered. */
extern bool member_watch_is_idle(const MemberWatch *watch);

#endif /* QUORATE_ROUTING_MEMBER_WATCH_H */
