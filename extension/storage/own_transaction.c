/*
 * own_transaction.c
 *		Transactions of a process that no client drives.
 *
 * Runs in the applier.
 */
#include "postgres.h"

#include "access/xact.h"
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
