/*
 * protect.h
 *		Keeps everybody but the extension from changing its tables.
 */
#ifndef QUORATE_CATALOG_PROTECT_H
#define QUORATE_CATALOG_PROTECT_H

#include "postgres.h"

/* Installs the hooks; called by _PG_init while the library is preloaded. */
extern void protect_install(void);

/* Runs one SQL command on the extension's own tables, which is refused to everybody else. */
extern void protect_run_own(const char *sql);

#endif /* QUORATE_CATALOG_PROTECT_H */
