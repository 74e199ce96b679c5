/*
 * check_report.h
 *		Where checkers report the first rule that a run broke.
 *
 * The checkers (check_*.c) judge what the nodes did from the outside.  They share no code and no types with
 * the consensus core: a mistake in the core's idea of, say, the order of ballots must not be repeated here.
 */
#ifndef QUORATE_CHECK_REPORT_H
#define QUORATE_CHECK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define CHECK_NODES_MAX 8

typedef struct CheckReport
{
	bool failed;
	char rule[32];  /* which invariant or checker: "I1", "linearizability" */
	char text[400]; /* what happened */
} CheckReport;

/* Remembers the breach unless an earlier one is remembered already. */
extern void check_fail(CheckReport *report, const char *rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A ballot as the checkers see it: round first, then node. */
typedef struct CheckBallot
{
	uint64_t round;
	uint32_t node;
} CheckBallot;

/* Less than, equal to, greater than 0. */
extern int check_ballot_compare(CheckBallot a, CheckBallot b);

#endif /* QUORATE_CHECK_REPORT_H */
