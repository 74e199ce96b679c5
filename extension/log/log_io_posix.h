/*
 * log_io_posix.h
 *		The real disk behind the log; see log_io.h for the meaning of the table.
 */
#ifndef QUORATE_LOG_IO_POSIX_H
#define QUORATE_LOG_IO_POSIX_H

#include "log/log_io.h"

/*
 * Makes `directory` (mode 0700) if it is missing, opens it and fills *io.  The parent directory is
 * synced when the directory was made.  Call log_io_posix_close at the end.  0 or -errno.
 */
extern int log_io_posix_open(const char *directory, LogIo *io);
extern void log_io_posix_close(LogIo *io);

#endif /* QUORATE_LOG_IO_POSIX_H */
