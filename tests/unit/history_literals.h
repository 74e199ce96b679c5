/*
 * history_literals.h
 *		Histories written down in the tests of the history checkers: operations on key "k", times in microseconds.
 */
#ifndef QUORATE_UNIT_HISTORY_LITERALS_H
#define QUORATE_UNIT_HISTORY_LITERALS_H

#include "tools/history.h"

#define PUT(value, start, end, outcome)                    \
	{                                                      \
		"k", 1, HISTORY_PUT, outcome, value, start, end, 0 \
	}
#define GET(value, start, end)                                \
	{                                                         \
		"k", 2, HISTORY_GET, HISTORY_OK, value, start, end, 0 \
	}
#define DELETE(start, end, outcome)                                    \
	{                                                                  \
		"k", 3, HISTORY_DELETE, outcome, HISTORY_ABSENT, start, end, 0 \
	}
#define NEAR(connection, value, start, end)                                     \
	{                                                                           \
		"k", 4, HISTORY_EVENTUAL_GET, HISTORY_OK, value, start, end, connection \
	}
#define OK HISTORY_OK
#define FAIL HISTORY_FAIL
#define UNKNOWN HISTORY_UNKNOWN
#define ABSENT HISTORY_ABSENT
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif /* QUORATE_UNIT_HISTORY_LITERALS_H */
