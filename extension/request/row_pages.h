/*
 * row_pages.h
 *		Pages of rows: what a RANGE or COPY request is answered with, and one of a single row.
 */
#ifndef QUORATE_REQUEST_ROW_PAGES_H
#define QUORATE_REQUEST_ROW_PAGES_H

#include "postgres.h"

#include "storage/item_table.h"
#include "wire/request.h"

/* One row that was read becomes the reply's item; it is not copied. */
extern void row_page_of_one(const ItemRow *row, Reply *reply);

/*
 * Reads the items of a RANGE from this node's rows into the reply, until the range ends or the page is full;
 * in a transaction.  The items are palloc'd in the current memory context.
 */
extern void row_page_read(const Request *request, Reply *reply);

/*
 * The same for a COPY: under one snapshot with what the table of applied LSNs says, which becomes the reply's
 * LSN, so the page is that of a certain LSN exactly.  False if the rows are not this replica's own state of
 * request->lsn or later.
 */
extern bool row_page_copy(const Request *request, Reply *reply);

#endif /* QUORATE_REQUEST_ROW_PAGES_H */
