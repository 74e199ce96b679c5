/*
 * own_transaction.c
 *		Transactions of a process that no client drives.
 *
 * Runs in the applier.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "utils/snapmgr.h"

#include "storage/own_transaction.h"

void
own_transaction_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
own_transaction_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/*
 * At the beginning of a page the insert position is behind the page's header, which is generated with the next record
 * only: a flush up to there would be an error.
 */
static XLogRecPtr
end_of_generated_wal(void)
{
	XLogRecPtr position = GetXLogInsertRecPtr();
	uint32 in_page = position % XLOG_BLCKSZ;
	bool begins_segment = XLogSegmentOffset(position, wal_segment_size) == in_page;

	return in_page == (begins_segment ? SizeOfXLogLongPHD : SizeOfXLogShortPHD) ? position - in_page
																				: position;
}

void
own_transaction_flush_all(void)
{
	XLogFlush(end_of_generated_wal());
}
