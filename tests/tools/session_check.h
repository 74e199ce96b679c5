/*
 * session_check.h
 *		Do the eventually consistent gets of a session at one replica ever go back?
 *
 * They may be late by any time, but what they show comes in the order in which it was written. A session is a
 * connection: process and connection number (history.h).
 */
#ifndef QUORATE_TOOLS_SESSION_CHECK_H
#define QUORATE_TOOLS_SESSION_CHECK_H

#include "tools/linear_check.h"

/*
 * Checks the eventually consistent gets in ops[0..count), all of one key. Never LINEAR_UNDECIDED. LINEAR_NO is a proof;
 * LINEAR_YES is none, because only what the acknowledged operations tell about the order of the puts is used: gets
 * of values that several puts wrote are passed over. Time O(count * log(count)), memory O(count).
 */
extern LinearResult session_check_key(const HistoryOp *ops, size_t count);

#endif /* QUORATE_TOOLS_SESSION_CHECK_H */
