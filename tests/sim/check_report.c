/*
 * check_report.c
 *		The first breach of a run, and the order of ballots.
 */
#include "sim/check_report.h"

#include <stdarg.h>
#include <stdio.h>

void
check_fail(CheckReport *report, const char *rule, const char *format, ...)
{
	va_list args;

	if (report->failed)
		return;
	report->failed = true;
	snprintf(report->rule, sizeof(report->rule), "%s", rule);
	va_start(args, format);
	vsnprintf(report->text, sizeof(report->text), format, args);
	va_end(args);
}

int
check_ballot_compare(CheckBallot a, CheckBallot b)
{
	if (a.round != b.round)
		return a.round < b.round ? -1 : 1;
	if (a.node != b.node)
		return a.node < b.node ? -1 : 1;
	return 0;
}
