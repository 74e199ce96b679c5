/*
 * compat.h
 *		Every difference between major versions of PostgreSQL, and nothing else.
 *
 * PostgreSQL 15 is the version that is tested; 16 to 18 must stay possible. Code of the
 * extension never asks for PG_VERSION_NUM itself: it calls a name defined here, which is
 * the newest version's name where there is one, so that supporting an older version is
 * deleting lines one day and not rewriting callers.
 *
 * Included after postgres.h.
 */
#ifndef QUORATE_COMPAT_H
#define QUORATE_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "quorate needs PostgreSQL 15 or newer"
#endif

#include "miscadmin.h"
#include "storage/proc.h"

/* This process's place among all that can run SQL or be background workers: below quorate_proc_count(). */
static inline int
quorate_proc_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

static inline int
quorate_proc_count(void)
{
	return MaxBackends;
}

/* What table_tuple_update says about indexes: a flag at first, from 16 on an enum whose 0 is "none". */
#if PG_VERSION_NUM >= 160000
#define CompatUpdateIndexes TU_UpdateIndexes
#else
#define CompatUpdateIndexes bool
#endif

/* Rights that a statement needs on its relations: in the range table at first, from 16 on in a list of their own. */
#if PG_VERSION_NUM >= 160000
#define CompatPermInfo RTEPermissionInfo
#define compat_perm_infos(planned) ((planned)->permInfos)
#else
#define CompatPermInfo RangeTblEntry
#define compat_perm_infos(planned) ((planned)->rtable)
#endif

#endif /* QUORATE_COMPAT_H */
