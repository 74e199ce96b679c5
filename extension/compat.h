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

#endif /* QUORATE_COMPAT_H */
