/*
 * sqlstate.h
 *		SQLSTATEs of our own, where PostgreSQL has none that fits.
 *
 * QR0 are answers of the cluster, QR1 exceptions of DynamoDB.  sqlapi/error_codes.c says what each one means, and
 * what PostgreSQL's own mean here; a new one needs its row there and in docs/error-codes.md.
 */
#ifndef QUORATE_REQUEST_SQLSTATE_H
#define QUORATE_REQUEST_SQLSTATE_H

#include "postgres.h"

/* Nobody could serve the request in time; it was certainly not applied. */
#define QUORATE_ERRCODE_UNAVAILABLE MAKE_SQLSTATE('Q', 'R', '0', '0', '1')

/* Said to a node that was removed from the cluster and speaks to it all the same. */
#define QUORATE_ERRCODE_REMOVED MAKE_SQLSTATE('Q', 'R', '0', '0', '2')

/* Said to a node that does not read the version of the cluster, or by one that does not. */
#define QUORATE_ERRCODE_VERSION MAKE_SQLSTATE('Q', 'R', '0', '0', '3')

/* ConditionalCheckFailedException */
#define QUORATE_ERRCODE_CONDITION_FAILED MAKE_SQLSTATE('Q', 'R', '1', '0', '1')

/* ItemCollectionSizeLimitExceededException */
#define QUORATE_ERRCODE_COLLECTION_SIZE MAKE_SQLSTATE('Q', 'R', '1', '0', '2')

/* ProvisionedThroughputExceededException */
#define QUORATE_ERRCODE_THROUGHPUT_EXCEEDED MAKE_SQLSTATE('Q', 'R', '1', '0', '3')

/* ThrottlingException */
#define QUORATE_ERRCODE_THROTTLING MAKE_SQLSTATE('Q', 'R', '1', '0', '4')

/* RequestLimitExceeded */
#define QUORATE_ERRCODE_REQUEST_LIMIT MAKE_SQLSTATE('Q', 'R', '1', '0', '5')

/* LimitExceededException */
#define QUORATE_ERRCODE_LIMIT_EXCEEDED MAKE_SQLSTATE('Q', 'R', '1', '0', '6')

/* TransactionConflictException */
#define QUORATE_ERRCODE_TRANSACTION_CONFLICT MAKE_SQLSTATE('Q', 'R', '1', '0', '7')

/* IdempotentParameterMismatchException */
#define QUORATE_ERRCODE_TOKEN_MISMATCH MAKE_SQLSTATE('Q', 'R', '1', '0', '8')

/* UnknownOperationException */
#define QUORATE_ERRCODE_UNKNOWN_OPERATION MAKE_SQLSTATE('Q', 'R', '1', '0', '9')

#endif /* QUORATE_REQUEST_SQLSTATE_H */
