/*
 * metadata_write.h
 *		Changing the metadata from a client backend, and waiting for what follows from it.
 */
#ifndef QUORATE_SQLAPI_METADATA_WRITE_H
#define QUORATE_SQLAPI_METADATA_WRITE_H

#include "postgres.h"

#include "catalog/metadata_items.h"

#define LEARN_POLL_MS 2
#define CHANGE_TRIES_MAX 100 /* of a change that others got in the way of */

/*
 * Proposes a change; returns the LSN of its entry, or 0 if the metadata was not as the change expects it: then
 * nothing was changed.  Raises QR001, 08007 and so on.
 */
extern Lsn metadata_write(const MetadataChange *change);

/* Sleeps; ERROR if the statement is cancelled. */
extern void wait_a_little(long wait_ms);

/* quorate.request_timeout from now on, by the clock of shared_now_us(). */
extern TimeUs wait_deadline_us(void);

/*
 * Makes a change from what this node's metadata shows now; false if there is nothing to change.  May raise an ERROR
 * if what it finds does not allow the change.
 */
typedef bool (*ChangeBuilder)(void *context, MetadataChange *change);

/*
 * Builds a change and writes it, anew as long as others get in the way; returns when this node's metadata shows it.
 * ERROR QR001, with `what` in the text, after CHANGE_TRIES_MAX times.
 */
extern void metadata_change(ChangeBuilder build, void *context, const char *what);

/* Waits until this node's metadata shows an LSN; false if it does not within quorate.request_timeout. */
extern bool metadata_wait(Lsn lsn);

#endif /* QUORATE_SQLAPI_METADATA_WRITE_H */
