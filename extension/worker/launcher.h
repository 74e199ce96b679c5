/*
 * launcher.h
 *		Registration of the node's background workers.
 */
#ifndef QUORATE_WORKER_LAUNCHER_H
#define QUORATE_WORKER_LAUNCHER_H

/* Called by _PG_init while the library is preloaded: registers the launcher and the replicator. */
extern void launcher_register_static_workers(void);

#endif /* QUORATE_WORKER_LAUNCHER_H */
