/*
 * forwarder.h
 *		The entry point of the forwarder process.
 */
#ifndef QUORATE_WORKER_FORWARDER_H
#define QUORATE_WORKER_FORWARDER_H

#include "postgres.h"

extern PGDLLEXPORT void forwarder_main(Datum arg);

#endif /* QUORATE_WORKER_FORWARDER_H */
