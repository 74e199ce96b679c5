/*
 * test_session_check.c
 *		Eventually consistent gets of one session at one replica never go back: what the checker accepts and rejects,
 *		and how such gets are written to a history and read from it.
 */
#include "tools/session_check.h"

#include <unistd.h>

#include "history_literals.h"
#include "tap.h"

#define CHECK(expected, name, ...)                                                 \
	do                                                                             \
	{                                                                              \
		HistoryOp ops_[] = {__VA_ARGS__};                                          \
		TAP_IS_INT(session_check_key(ops_, COUNT(ops_)).verdict, expected, name);  \
		TAP_IS_INT(linear_check_key(ops_, COUNT(ops_), 1000).verdict, LINEAR_YES,  \
				   "eventually consistent gets do not matter to linearizability"); \
	} while (0)
#define ACCEPTS(name, ...) CHECK(LINEAR_YES, "accepts: " name, __VA_ARGS__)
#define REJECTS(name, ...) CHECK(LINEAR_NO, "rejects: " name, __VA_ARGS__)

static void
test_accepted(void)
{
	ACCEPTS("no eventually consistent get", PUT(1, 1, 2, OK), GET(1, 3, 4));
	ACCEPTS("gets that are late", PUT(1, 1, 2, OK), PUT(2, 3, 4, OK), NEAR(1, ABSENT, 5, 6),
			NEAR(1, 1, 7, 8), NEAR(1, 1, 9, 10), NEAR(1, 2, 11, 12));
	ACCEPTS("another connection that is later", PUT(1, 1, 2, OK), PUT(2, 3, 4, OK),
			NEAR(1, 2, 5, 6), NEAR(2, 1, 7, 8));
	ACCEPTS("concurrent puts in either order", PUT(1, 1, 10, OK), PUT(2, 2, 9, OK),
			NEAR(1, 2, 11, 12), NEAR(1, 1, 13, 14));
	ACCEPTS("an unknown put", PUT(1, 1, 2, UNKNOWN), PUT(2, 3, 4, OK), NEAR(1, 2, 5, 6),
			NEAR(1, 1, 7, 8));
	ACCEPTS("a deleted item", PUT(1, 1, 2, OK), DELETE(3, 4, OK), NEAR(1, 1, 5, 6),
			NEAR(1, ABSENT, 7, 8));
	ACCEPTS("an item that an unknown delete removed late", PUT(1, 1, 2, OK), DELETE(0, 1, UNKNOWN),
			NEAR(1, 1, 5, 6), NEAR(1, ABSENT, 7, 8));
}

static void
test_rejected(void)
{
	REJECTS("an older value after a newer one", PUT(1, 1, 2, OK), PUT(2, 3, 4, OK),
			NEAR(1, 2, 5, 6), NEAR(1, 1, 7, 8));
	REJECTS("a value again after another one", PUT(1, 1, 10, OK), PUT(2, 2, 9, OK),
			NEAR(1, 1, 11, 12), NEAR(1, 2, 13, 14), NEAR(1, 1, 15, 16));
	REJECTS("a value that consistent gets show to be older", PUT(1, 1, 10, OK), PUT(2, 2, 9, OK),
			GET(1, 3, 4), GET(2, 5, 6), NEAR(1, 2, 11, 12), NEAR(1, 1, 13, 14));
	REJECTS("a value again after nothing", PUT(1, 1, 2, OK), DELETE(3, 4, OK), NEAR(1, 1, 5, 6),
			NEAR(1, ABSENT, 7, 8), NEAR(1, 1, 9, 10));
	REJECTS("nothing after a value, without a delete", PUT(1, 1, 2, OK), DELETE(3, 4, FAIL),
			NEAR(1, 1, 5, 6), NEAR(1, ABSENT, 7, 8));
	REJECTS("nothing after a value that was put after the delete", PUT(1, 1, 2, OK),
			DELETE(3, 4, OK), PUT(2, 5, 6, OK), NEAR(1, 2, 7, 8), NEAR(1, ABSENT, 9, 10));
	REJECTS("nothing before the delete began", PUT(1, 1, 2, OK), NEAR(1, 1, 3, 4),
			NEAR(1, ABSENT, 5, 6), DELETE(7, 8, OK));
	REJECTS("a value that nobody wrote", NEAR(1, 7, 1, 2));
	REJECTS("the value of a failed put", PUT(7, 1, 2, FAIL), NEAR(1, 7, 3, 4));
	REJECTS("a value before its put began", NEAR(1, 7, 1, 2), PUT(7, 3, 4, OK));
}

static bool
same_op(const HistoryOp *a, const HistoryOp *b)
{
	return strcmp(a->key, b->key) == 0 && a->process == b->process &&
		   a->operation == b->operation && a->outcome == b->outcome && a->value == b->value &&
		   a->start_us == b->start_us && a->end_us == b->end_us && a->connection == b->connection;
}

static void
test_file(void)
{
	HistoryOp ops[] = {PUT(1, 1, 2, UNKNOWN), GET(ABSENT, 3, 4), DELETE(5, 6, FAIL),
					   NEAR(12, 1, 7, 8)};
	char path[] = "/tmp/test_session_check_XXXXXX";
	int descriptor = mkstemp(path);
	FILE *out = fdopen(descriptor, "w");
	History history = {0};

	for (size_t i = 0; i < COUNT(ops); i++)
		history_write_op(out, &ops[i]);
	fclose(out);
	TAP_OK(history_read_file(&history, path), "a written history can be read");
	TAP_IS_INT(history.count, COUNT(ops), "it has all operations");
	for (size_t i = 0; i < history.count; i++)
		TAP_OK(same_op(&history.ops[i], &ops[i]), "operation %zu is the same", i);
	history_free(&history);

	out = fopen(path, "w");
	fputs("4 get@ k 1 7 8 ok\n", out);
	fclose(out);
	TAP_OK(!history_read_file(&history, path), "get@ without a number is malformed");
	out = fopen(path, "w");
	fputs("4 put@1 k 1 7 8 ok\n", out);
	fclose(out);
	TAP_OK(!history_read_file(&history, path), "so is put@1");
	history_free(&history);
	unlink(path);
}

int
main(void)
{
	test_accepted();
	test_rejected();
	test_file();
	return tap_done();
}
