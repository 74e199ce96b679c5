/*
 * range_reader.h
 *		Reads a range of positions of an item table, page after page, over all its partitions.
 *
 * Run by client backends for query and scan.  Memory is bounded by one page.  Each page is one consistent (or
 * eventually consistent) read; pages are not one snapshot, as in DynamoDB.
 */
#ifndef QUORATE_REQUEST_RANGE_READER_H
#define QUORATE_REQUEST_RANGE_READER_H

#include "postgres.h"

#include "catalog/metadata.h"
#include "request/router.h"
#include "routing/position_range.h"

typedef struct RangeReader RangeReader;

/* A reader in the current memory context; `range` is copied. */
extern RangeReader *range_reader_open(const TableInfo *table, const PositionRange *range,
									  bool backward, bool consistent);

/* The next item, valid until the next call; false at the end.  Raises the errors of router_check. */
extern bool range_reader_next(RangeReader *reader, ReplyItem *item);

#endif /* QUORATE_REQUEST_RANGE_READER_H */
