/*
 * log_script.h
 *		A random but repeatable run of log operations, and a model that knows what the log must
 *		hold.
 *
 * The script remembers every record that was appended. After a crash, log_script_check finds out
 * whether the recovered log is what some prefix of these records says, and whether that prefix has
 * everything that was synced: nothing lost, nothing invented, nothing half.  After damage, entries may be missing if
 * the log says which.
 */
#ifndef QUORATE_TESTS_LOG_SCRIPT_H
#define QUORATE_TESTS_LOG_SCRIPT_H

#include "log/log.h"

typedef struct LogScript LogScript;

extern LogScript *log_script_create(uint64_t seed);
extern void log_script_free(LogScript *script);

/*
 * Appends, writes, syncs and truncates at random for `steps` turns. Ends early at the first error
 * of the log, which it returns; 0 if there was none.
 */
extern int log_script_run(LogScript *script, Log *log, int steps);

/*
 * NULL if the log is what the script says it must be, else why not. After a success the script goes
 * on from what the log holds.
 */
extern const char *log_script_check(LogScript *script, Log *log);

/* Ends a run: a delta checkpoint and proofs that it was synced.  0 or the log's error. */
extern int log_script_end(LogScript *script, Log *log);

/* Appends so many records and writes them, unsynced.  0 or the log's error. */
extern int log_script_write(LogScript *script, Log *log, int records);

/* Fills all holes with the entries that were lost, synced.  How many there were, or the log's error. */
extern int log_script_mend(LogScript *script, Log *log);

/* How many records were appended and not lost in a crash that was checked. */
extern uint32_t log_script_records(const LogScript *script);

#endif /* QUORATE_TESTS_LOG_SCRIPT_H */
