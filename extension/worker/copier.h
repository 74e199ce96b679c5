/*
 * copier.h
 *		The process that copies rows from other nodes, and removes those of replicas that have gone.
 */
#ifndef QUORATE_WORKER_COPIER_H
#define QUORATE_WORKER_COPIER_H

#include "postgres.h"

/* Entry point of the background worker "quorate copier"; the launcher starts it. */
extern PGDLLEXPORT void copier_main(Datum argument);

#endif /* QUORATE_WORKER_COPIER_H */
