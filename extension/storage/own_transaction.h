/*
 * own_transaction.h
 *		Transactions of a process that no client drives: the applier and what it calls.
 */
#ifndef QUORATE_STORAGE_OWN_TRANSACTION_H
#define QUORATE_STORAGE_OWN_TRANSACTION_H

#include "postgres.h"

/* Begins a transaction with an active snapshot; ends it.  An error ends the process instead. */
extern void own_transaction_begin(void);
extern void own_transaction_commit(void);

/* Flushes what all processes of this server have committed so far. */
extern void own_transaction_flush_all(void);

#endif /* QUORATE_STORAGE_OWN_TRANSACTION_H */
