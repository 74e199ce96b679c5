/*
 * commands.h
 *		The commands of an interaction script.
 */
#ifndef QUORATE_TESTS_COMMANDS_H
#define QUORATE_TESTS_COMMANDS_H

#include <stdio.h>

#include "cluster.h"

/* What a script has set up so far. */
typedef struct Script
{
	Cluster *cluster; /* NULL before `nodes` */
	FILE *out;        /* the transcript of the block being run */
} Script;

/* Runs one command line; what it did, or why it could not, goes to the transcript. */
extern void command_run(Script *script, const char *line);

/* Ends the script's cluster. */
extern void command_finish(Script *script);

#endif /* QUORATE_TESTS_COMMANDS_H */
