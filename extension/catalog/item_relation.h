/*
 * item_relation.h
 *		Creating and dropping the relations of item tables on this node.
 *
 * Relations are members of the extension, so that pg_dump leaves them out, pg_upgrade carries them
 * and nobody drops one by itself, and belong to the owner of the extension.
 */
#ifndef QUORATE_CATALOG_ITEM_RELATION_H
#define QUORATE_CATALOG_ITEM_RELATION_H

#include "postgres.h"

/*
 * Creates the relation of an item table; in a transaction with an active snapshot.  `table_name` is
 * for the comment.  ERROR if it exists.
 */
extern void item_relation_create(uint32_t table_id, const char *table_name);

/*
 * Drops it, with the views that users made on it.  False, and nothing done, if somebody uses it at
 * this moment: it never waits for a lock, behind which readers would queue.
 */
extern bool item_relation_drop(uint32_t table_id);

/* True if anything is left of a cluster: relations of item tables, metadata, or applied LSNs. */
extern bool item_relations_left(void);

/*
 * Removes all of it, waiting for readers; for a node that leaves its cluster.  The node must not be
 * a member any more, so that the applier does not write.
 */
extern void item_relations_clear(void);

#endif /* QUORATE_CATALOG_ITEM_RELATION_H */
