/*
 * metadata_write.c
 *		Changing the metadata from a client backend; see metadata_write.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "request/router.h"
#include "request/sqlstate.h"
#include "settings.h"
#include "sqlapi/metadata_write.h"

Lsn
metadata_write(const MetadataChange *change)
{
	RouterCall call = {0};

	call.request.kind = REQUEST_WRITE;
	call.request.group = GROUP_METADATA;
	call.request.table_id = METADATA_TABLE_ID;
	call.request.lsn = change->lsn;
	call.request.image_count = change->image_count;
	call.request.images = change->images;
	call.request.expectations = change->expectations;
	router_execute(&call);
	router_check(&call);
	return call.reply->status == REPLY_OK ? call.reply->lsn : 0;
}

void
wait_a_little(long wait_ms)
{
	CHECK_FOR_INTERRUPTS();
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait_ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

TimeUs
wait_deadline_us(void)
{
	return shared_now_us() + quorate_request_timeout_ms * INT64CONST(1000);
}

bool
metadata_wait(Lsn lsn)
{
	TimeUs deadline_us = wait_deadline_us();

	while (metadata_lsn() < lsn)
	{
		if (shared_now_us() >= deadline_us)
			return false;
		wait_a_little(LEARN_POLL_MS);
	}
	return true;
}

void
metadata_change(ChangeBuilder build, void *context, const char *what)
{
	for (int i = 0; i < CHANGE_TRIES_MAX; i++)
	{
		MetadataChange change;
		Lsn lsn;

		if (!build(context, &change))
			return;
		lsn = metadata_write(&change);
		if (lsn != 0)
		{
			metadata_wait(lsn);
			return;
		}
		wait_a_little(LEARN_POLL_MS);
	}
	ereport(ERROR, errcode(QUORATE_ERRCODE_UNAVAILABLE),
			errmsg("could not %s: the metadata is being changed by too many others", what),
			errhint("Retry."));
}
