/*
 * applier.h
 *		The process that brings committed entries into this node's tables.
 */
#ifndef QUORATE_WORKER_APPLIER_H
#define QUORATE_WORKER_APPLIER_H

#include "postgres.h"

/* Entry point of the background worker "quorate applier"; the launcher starts it. */
extern PGDLLEXPORT void applier_main(Datum argument);

#endif /* QUORATE_WORKER_APPLIER_H */
