/*
 * install.h
 *		Whether the extension's SQL objects are those that this library serves.
 */
#ifndef QUORATE_CATALOG_INSTALL_H
#define QUORATE_CATALOG_INSTALL_H

#include "postgres.h"

/*
 * Reports 55000 at this level (ERROR, FATAL) unless the SQL objects of this database are of this release or of the one
 * before.  In a transaction.
 */
extern void install_require_served(int level);

#endif /* QUORATE_CATALOG_INSTALL_H */
