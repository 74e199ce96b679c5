/*
 * reconciler.h
 *		Makes this node's relations and groups as the metadata wants them.
 */
#ifndef QUORATE_CATALOG_RECONCILER_H
#define QUORATE_CATALOG_RECONCILER_H

#include "postgres.h"

/*
 * Called by the applier, outside of a transaction, at its start and after it applied metadata.
 * True if something could not be done yet: call again after a while.
 */
extern bool reconciler_run(void);

#endif /* QUORATE_CATALOG_RECONCILER_H */
