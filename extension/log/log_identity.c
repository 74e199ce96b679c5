/*
 * log_identity.c
 *		Who this log belongs to: the file `identity` in the log's directory.
 *
 * It is written to a temporary file, synced, renamed and the directory synced, so there is always
 * one whole identity.  It names the directory (device, inode) in which it was written: a copy of
 * the directory has forgotten promises that the original gave since, so it must not act in the
 * original's name.
 */
#include "log/log_private.h"

#include "log/crc32c.h"

#define IDENTITY_NAME "identity"
#define IDENTITY_TEMPORARY_NAME "identity.tmp"

static const uint8_t identity_magic[8] = {'q', 'u', 'o', 'r', 'i', 'd', '\r', '\n'};

/* Offsets in the file. */
enum
{
	IDENTITY_VERSION = 8,
	IDENTITY_NODE = 12,
	IDENTITY_CLUSTER_ID = 16,
	IDENTITY_START_COUNTER = 32,
	IDENTITY_DEVICE = 40,
	IDENTITY_INODE = 48,
	IDENTITY_CRC = 56,
	IDENTITY_BYTES = 60
};

static void
encode(const LogIdentity *identity, uint8_t *bytes)
{
	memset(bytes, 0, IDENTITY_BYTES);
	memcpy(bytes, identity_magic, sizeof(identity_magic));
	log_put_u32(bytes + IDENTITY_VERSION, LOG_FORMAT_VERSION);
	log_put_u16(bytes + IDENTITY_NODE, identity->node);
	memcpy(bytes + IDENTITY_CLUSTER_ID, identity->cluster_id, LOG_CLUSTER_ID_BYTES);
	log_put_u64(bytes + IDENTITY_START_COUNTER, identity->start_counter);
	log_put_u64(bytes + IDENTITY_DEVICE, identity->place.device);
	log_put_u64(bytes + IDENTITY_INODE, identity->place.inode);
	log_put_u32(bytes + IDENTITY_CRC, crc32c_extend(0, bytes, IDENTITY_CRC));
}

static int
decode(const uint8_t *bytes, LogIdentity *identity)
{
	if (memcmp(bytes, identity_magic, sizeof(identity_magic)) != 0 ||
		log_get_u32(bytes + IDENTITY_CRC) != crc32c_extend(0, bytes, IDENTITY_CRC))
		return -EBADMSG;
	if (log_get_u32(bytes + IDENTITY_VERSION) != LOG_FORMAT_VERSION)
		return -EPROTO;
	identity->node = log_get_u16(bytes + IDENTITY_NODE);
	memcpy(identity->cluster_id, bytes + IDENTITY_CLUSTER_ID, LOG_CLUSTER_ID_BYTES);
	identity->start_counter = log_get_u64(bytes + IDENTITY_START_COUNTER);
	identity->place.device = log_get_u64(bytes + IDENTITY_DEVICE);
	identity->place.inode = log_get_u64(bytes + IDENTITY_INODE);
	return 0;
}

int
log_identity_read(const LogIo *io, LogIdentity *identity)
{
	uint8_t bytes[IDENTITY_BYTES];
	int handle = io->open(io->ctx, IDENTITY_NAME, LOG_IO_READ);
	int error;

	if (handle < 0)
		return handle;
	error = log_io_read_all(io, handle, bytes, sizeof(bytes), 0);
	io->close(io->ctx, handle);
	if (error == -ENODATA)
		return -EBADMSG;
	return error < 0 ? error : decode(bytes, identity);
}

static int
write_temporary(const LogIo *io, const LogIdentity *identity)
{
	uint8_t bytes[IDENTITY_BYTES];
	int handle;
	int error = io->unlink(io->ctx, IDENTITY_TEMPORARY_NAME);

	if (error < 0 && error != -ENOENT)
		return error;
	handle = io->open(io->ctx, IDENTITY_TEMPORARY_NAME, LOG_IO_CREATE);
	if (handle < 0)
		return handle;
	encode(identity, bytes);
	error = log_io_write_all(io, handle, bytes, sizeof(bytes), 0);
	if (error == 0)
		error = io->sync_data(io->ctx, handle);
	io->close(io->ctx, handle);
	return error;
}

int
log_identity_write(const LogIo *io, const LogIdentity *identity)
{
	int error = write_temporary(io, identity);

	if (error == 0)
		error = io->rename(io->ctx, IDENTITY_TEMPORARY_NAME, IDENTITY_NAME);
	if (error == 0)
		error = io->sync_directory(io->ctx);
	return error;
}

const LogIdentity *
log_identity(const Log *log)
{
	return &log->identity;
}

int
log_remove_identity(const LogIo *io)
{
	int result = io->unlink(io->ctx, IDENTITY_NAME);

	if (result < 0 && result != -ENOENT)
		return result;
	return io->sync_directory(io->ctx);
}
