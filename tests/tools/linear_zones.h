/*
 * linear_zones.h
 *		What linear_check.c and linear_absent.c share: the times at which the values of a key must or may be there.
 */
#ifndef QUORATE_TOOLS_LINEAR_ZONES_H
#define QUORATE_TOOLS_LINEAR_ZONES_H

#include "tools/linear_check.h"

/* A put with the acknowledged gets that returned its value. */
typedef struct Zone
{
	const HistoryOp *put;
	const HistoryOp *first_end;  /* the operation of them that ended first; NULL: none has an end */
	const HistoryOp *last_start; /* the one that started last */
	int64_t first_end_us;        /* INT64_MAX: none has an end */
	int64_t last_start_us;
} Zone;

/* Zones of all puts that did not fail, by value. */
typedef struct ZoneTable
{
	Zone *zones;
	size_t count;
} ZoneTable;

/*
 * A zone whose first end comes before its last start is held: the value is there at every moment between the two,
 * and nothing else is. All operations of any other zone, a brief one, go on at every moment from the last
 * start to the first end, so that all of them can take effect at any one of these moments.
 */
typedef struct Zones
{
	Zone *held; /* in the order of time, no two of them overlapping */
	size_t held_count;
	Zone *brief; /* in the order of first_end_us */
	size_t brief_count;
} Zones;

/* calloc() that ends the program if memory runs out. */
extern void *linear_allocate(size_t count, size_t bytes);

/* The zones without their gets, to be freed by the caller. */
extern ZoneTable linear_build_table(const HistoryOp *ops, size_t count);

/* The first zone of the value, or NULL. */
extern Zone *linear_find_zone(const ZoneTable *table, int64_t value);

/* Did another put write the same value? zone is the first one of its value. */
extern bool linear_is_shared(const ZoneTable *table, const Zone *zone);

/*
 * Adds the acknowledged gets to the zones of their values. Returns false if it is not known which put one of them
 * read; sets result to LINEAR_NO if one of them is wrong by itself.
 */
extern bool
linear_add_gets(ZoneTable *table, const HistoryOp *ops, size_t count, LinearResult *result);

/* A get returned a value that no put wrote which did not fail. */
extern void linear_reject_unwritten(const HistoryOp *ops, size_t count, const HistoryOp *get,
									LinearResult *result);

/* The last held zone that begins before at_us, or NULL. */
extern const Zone *linear_last_held(const Zones *zones, int64_t at_us);

/*
 * Takes from the times of an operation, *from_us to *until_us, what lies inside of held zones at either side. If
 * nothing is left, returns the zone that they lie in; else NULL.
 */
extern const Zone *linear_fit(const Zones *zones, int64_t *from_us, int64_t *until_us);

/* Sets result to LINEAR_NO; against may be NULL. */
extern void linear_reject(LinearResult *result, const char *why, const HistoryOp *stuck,
						  const HistoryOp *against);

/* Can deletes and gets that found no item be given their moments? Sets result if not; it is LINEAR_YES before. */
extern void
linear_check_absent(const Zones *zones, const HistoryOp *ops, size_t count, LinearResult *result);

#endif /* QUORATE_TOOLS_LINEAR_ZONES_H */
