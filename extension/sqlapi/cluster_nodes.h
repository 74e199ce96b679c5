/*
 * cluster_nodes.h
 *		The nodes that create_cluster was given, parsed and checked.
 */
#ifndef QUORATE_SQLAPI_CLUSTER_NODES_H
#define QUORATE_SQLAPI_CLUSTER_NODES_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "shmem/shared_state.h"

/* What is wrong, one problem a line; shown as the error's detail. */
typedef struct ProblemList
{
	uint32_t count;
	StringInfoData text;
} ProblemList;

extern void problems_init(ProblemList *problems);
extern void problems_add(ProblemList *problems, const char *format, ...) pg_attribute_printf(2, 3);

/* Raises ERROR 55000 "cannot <what>: ..." with all problems in the detail, if there are any. */
extern void problems_check(const ProblemList *problems, const char *what);

/*
 * Reads [{"name": ..., "zone": ..., "conninfo": ...}, ...] into `nodes` (CORE_NODES_MAX entries); ids are
 * given in order from 1.  What the list itself gets wrong (names used twice, lengths, conninfo that
 * would need a name to be resolved) goes to `problems`.  ERROR 22023 if it is no such list at all.
 */
extern uint32_t cluster_nodes_parse(Jsonb *list, NodeInfo *nodes, ProblemList *problems);

/* How many elements the list has; ERROR 22023 if it is none. */
extern uint32_t cluster_nodes_count(Jsonb *list);

/* The nodes of a new cluster must be in different zones, unless the caller says otherwise. */
extern void cluster_nodes_check_zones(const NodeInfo *nodes, uint32_t count, ProblemList *problems);

/* The problem of two nodes in one zone. */
extern void problems_add_shared_zone(ProblemList *problems, const char *name,
									 const char *other_name, const char *zone);

#endif /* QUORATE_SQLAPI_CLUSTER_NODES_H */
