/*
 * member_watch.c
 *		Does a member that is heard keep up, or is it stuck?  See member_watch.h.
 */
#include "routing/member_watch.h"

/* A stuck member is given its place back only when it has kept up for a while: it may be stuck again at once. */
static void
watch_recovery(MemberWatch *watch, bool keeps_up, TimeUs now, TimeUs well_after_us)
{
	if (!keeps_up)
		watch->well_since_us = 0;
	else if (watch->well_since_us == 0)
		watch->well_since_us = now;
	else if (now - watch->well_since_us >= well_after_us)
		watch->is_stuck = false;
}

bool
member_watch_look(MemberWatch *watch, Lsn reached_lsn, Lsn commit_lsn, TimeUs now,
				  const WatchLimits *limits)
{
	/* A new leader knows of nobody at first: what a member has reached may seem to go back. */
	if (reached_lsn >= commit_lsn)
		watch->since_us = 0;
	else if (reached_lsn != watch->reached_lsn || watch->since_us == 0)
		watch->since_us = now;
	watch->reached_lsn = reached_lsn;
	if (watch->is_stuck)
		watch_recovery(watch, reached_lsn + limits->near_entries >= commit_lsn, now,
					   limits->well_after_us);
	else if (watch->since_us != 0 && now - watch->since_us >= limits->stuck_after_us)
	{
		watch->is_stuck = true;
		watch->well_since_us = 0;
	}
	return watch->is_stuck;
}

bool
member_watch_is_idle(const MemberWatch *watch)
{
	return !watch->is_stuck && watch->since_us == 0;
}
