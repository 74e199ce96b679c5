/*
 * replicator_rows.c
 *		What the replicator has to do with rows: it learns that they are missing, and is told that they are
 *		there.
 *
 * Part of the replicator, which itself never sees a row.  The engine tells when the log of a replica was made to
 * begin anew, and when a replica came or went; from that follows, for the applier, that rows are to be copied or
 * removed (applier_rows.c), which the copier does.  The way back is a command of the applier.
 *
 * Order: the log's new beginning is published before the rows' state is voided, so whoever looks at the state
 * first and at the beginning then, cannot take old rows for good (shmem/rows_state.h).
 */
#include "postgres.h"

#include "shmem/rows_state.h"
#include "worker/replicator.h"

/* Tells the engine whether the rows of a group are those of its applied LSN. */
static void
tell_engine(GroupId group, bool present)
{
	if (replicator_engine != NULL && !engine_rows(replicator_engine, group, present))
		ereport(LOG, (errcode(ERRCODE_DISK_FULL),
					  errmsg("could not record in the log that rows of replication group "
							 UINT64_FORMAT " are %s", group, present ? "there" : "missing")));
}

/* Whatever was known of the rows is void; the applier finds out what they are. */
static void
void_rows(Replica *replica)
{
	feed_stop(replica);
	rows_state_void(replica->shared, ROWS_COPYING);
	shared_groups_changed();
}

/* ---- the engine's callbacks ---- */

void
replicator_group_rebased(void *context, GroupId group, Lsn base_lsn)
{
	Replica *replica = groups_find(group);

	if (replica == NULL)
		return;
	ereport(LOG, (errmsg("the log of replication group " UINT64_FORMAT
						 " begins anew above LSN " UINT64_FORMAT
						 "; its rows will be copied from another node",
						 group, base_lsn)));
	pg_atomic_write_u64(&replica->shared->base_lsn, base_lsn);
	void_rows(replica); /* the engine knows it */
}

void
replicator_group_opened(void *context, GroupId group)
{
	if (groups_find(group) != NULL)
		return;
	if (!groups_attach_one(group))
	{
		ereport(LOG, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					  errmsg("the new replica of replication group " UINT64_FORMAT
							 " takes part without rows: there are too many groups",
							 group),
					  errhint("Increase quorate.max_groups and restart the server.")));
		return;
	}
	ereport(LOG, (errmsg("this node got a replica of replication group " UINT64_FORMAT, group)));
	pg_atomic_write_u32(&groups_find(group)->shared->fresh, 1);
	groups_publish(groups_find(group));
}

void
replicator_group_removed(void *context, GroupId group)
{
	Replica *replica = groups_find(group);

	ereport(LOG, (errmsg("this node is no member of replication group " UINT64_FORMAT " any more",
						 group)));
	if (replica != NULL)
		groups_detach(replica);
	rows_note_gone(group);
	shared_groups_changed();
}

void
rows_fill_callbacks(EngineCallbacks *callbacks)
{
	callbacks->opened = replicator_group_opened;
	callbacks->rebased = replicator_group_rebased;
	callbacks->removed = replicator_group_removed;
}

/* ---- the rest ---- */

void
replicator_group_copy(GroupId group, Lsn lsn)
{
	Replica *replica = groups_find(group);

	if (replica == NULL || pg_atomic_read_u64(&replica->shared->copy_from_lsn) >= lsn)
		return;
	pg_atomic_write_u64(&replica->shared->copy_from_lsn, lsn);
	void_rows(replica);
	tell_engine(group, false);
}

void
rows_attach(Replica *replica)
{
	/*
	 * The log remembers that rows are missing.  If only this process is new, the applier may have said meanwhile that they
	 * are there.
	 */
	if (rows_state(replica->shared) == ROWS_READY)
		tell_engine(replica->group, true);
}

/* What this node is in a group; 0 if it is not among the members. */
static MemberKind
own_kind(const GroupStatus *status)
{
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		if (status->members[i].node == quorate_shared->self)
			return status->members[i].kind;
	}
	return (MemberKind) 0;
}

void
rows_note_status(Replica *replica, const GroupStatus *status)
{
	MemberKind kind = own_kind(status);
	MemberKind before = (MemberKind) pg_atomic_read_u32(&replica->shared->kind);

	if (kind == 0 || kind == before)
		return;
	pg_atomic_write_u32(&replica->shared->kind, kind);
	if (kind == MEMBER_LOG)
	{
		feed_stop(replica);
		rows_state_void(replica->shared, ROWS_NONE);
	}
	else if (before == MEMBER_LOG)
	{
		void_rows(replica);
		tell_engine(replica->group, false);
	}
	shared_groups_changed();
}

void
groups_rows(const NodeCommand *command)
{
	Replica *replica = groups_find(command->group);

	if (replica == NULL)
		return;
	if (command->rows_present && command->lsn < rows_base_lsn(replica->shared))
		return; /* said before the log was rebased */
	tell_engine(command->group, command->rows_present);
}
