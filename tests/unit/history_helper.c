/*
 * history_helper.c
 *		See history_helper.h.
 */
#include "history_helper.h"

#include <inttypes.h>
#include <stdlib.h>

static uint64_t random_state;

void
history_seed(uint64_t seed)
{
	random_state = seed;
}

int
history_random_below(int limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int) ((random_state >> 33) % (uint64_t) limit);
}

static bool
happens(int share)
{
	return history_random_below(1000) < share;
}

/* ---------------------------------------------------------------- a simulated register */

/* An operation with the moment at which it takes effect, or of which an eventually consistent get shows the state. */
typedef struct Planned
{
	HistoryOp op;
	int key;
	int64_t effect_us; /* INT64_MAX: never */
} Planned;

typedef struct Client
{
	int64_t free_us; /* when its last operation ended */
	int64_t seen_us; /* the newest state that its eventually consistent gets have shown */
} Client;

static HistoryOperation
choose_operation(const HistoryPlan *plan)
{
	int number = history_random_below(1000);

	if (number < plan->put_share)
		return HISTORY_PUT;
	if (number < plan->put_share + plan->delete_share)
		return HISTORY_DELETE;
	return happens(plan->eventual_share) ? HISTORY_EVENTUAL_GET : HISTORY_GET;
}

static void
choose_outcome(const HistoryPlan *plan, Planned *planned)
{
	if (happens(plan->fail_share))
	{
		planned->op.outcome = HISTORY_FAIL;
		planned->effect_us = INT64_MAX;
	}
	else if (happens(plan->unknown_share))
	{
		planned->op.outcome = HISTORY_UNKNOWN;
		if (happens(333))
			planned->effect_us = INT64_MAX;
		else if (happens(500))
			planned->effect_us = planned->op.start_us + history_random_below(HISTORY_LATE_MAX_US);
	}
}

static Planned
plan_op(const HistoryPlan *plan, size_t number, Client *clients)
{
	int client = (int) (number % (size_t) plan->clients);
	Client *self = &clients[client];
	int duration_us = 1 + history_random_below(HISTORY_DURATION_MAX_US - 1);
	Planned planned = {.op = {.process = client, .value = HISTORY_ABSENT},
					   .key = history_random_below(plan->keys)};

	snprintf(planned.op.key, sizeof(planned.op.key), "k%d", planned.key);
	planned.op.operation = choose_operation(plan);
	planned.op.start_us = self->free_us + history_random_below(20);
	planned.op.end_us = self->free_us = planned.op.start_us + duration_us;
	planned.effect_us = planned.op.start_us + history_random_below(duration_us + 1);
	if (planned.op.operation == HISTORY_PUT)
		planned.op.value = (int64_t) number;
	if (planned.op.operation == HISTORY_EVENTUAL_GET)
	{
		planned.effect_us -= history_random_below(HISTORY_LATE_MAX_US);
		if (planned.effect_us < self->seen_us)
			planned.effect_us = self->seen_us;
		self->seen_us = planned.effect_us;
	}
	else if (planned.op.operation != HISTORY_GET)
		choose_outcome(plan, &planned);
	return planned;
}

static int
compare_effects(const void *left, const void *right)
{
	const Planned *a = left;
	const Planned *b = right;

	if (a->effect_us != b->effect_us)
		return a->effect_us < b->effect_us ? -1 : 1;
	/* A client's gets of the same moment see the same state. */
	return a->op.start_us < b->op.start_us ? -1 : a->op.start_us > b->op.start_us;
}

History
history_generate(const HistoryPlan *plan)
{
	History history = {0};
	Planned *planned = calloc(plan->count, sizeof(Planned));
	Client *clients = calloc((size_t) plan->clients, sizeof(Client));
	int64_t *values = calloc((size_t) plan->keys, sizeof(int64_t));

	for (int key = 0; key < plan->keys; key++)
		values[key] = HISTORY_ABSENT;
	for (size_t i = 0; i < plan->count; i++)
		planned[i] = plan_op(plan, i, clients);
	qsort(planned, plan->count, sizeof(Planned), compare_effects);
	for (size_t i = 0; i < plan->count; i++)
	{
		HistoryOp *op = &planned[i].op;

		if (op->operation == HISTORY_GET || op->operation == HISTORY_EVENTUAL_GET)
			op->value = values[planned[i].key];
		else if (planned[i].effect_us != INT64_MAX)
			values[planned[i].key] = op->value;
		history_append(&history, op);
	}
	history_sort(&history);
	free(planned);
	free(clients);
	free(values);
	return history;
}

/* ---------------------------------------------------------------- anything, and all orders of it */

void
history_random(HistoryOp *ops, size_t count, int put_share, int delete_share)
{
	HistoryPlan plan = {.put_share = put_share, .delete_share = delete_share};

	for (size_t i = 0; i < count; i++)
	{
		HistoryOp op = {.key = "k", .process = (int) i, .value = HISTORY_ABSENT};

		op.operation = choose_operation(&plan);
		op.start_us = history_random_below(20);
		op.end_us = op.start_us + history_random_below(12);
		if (op.operation == HISTORY_PUT)
			op.value = (int64_t) i;
		else if (op.operation == HISTORY_GET && happens(600))
			op.value = history_random_below((int) count);
		if (op.operation != HISTORY_GET && happens(333))
			op.outcome = happens(600) ? HISTORY_UNKNOWN : HISTORY_FAIL;
		ops[i] = op;
	}
}

/* May op i be the next one, those in placed having taken effect? */
static bool
may_be_next(const HistoryOp *ops, size_t count, unsigned placed, size_t i, int64_t value)
{
	if ((placed & (1U << i)) || ops[i].outcome == HISTORY_FAIL ||
		(ops[i].operation == HISTORY_GET && ops[i].value != value))
		return false;
	for (size_t j = 0; j < count; j++)
		if (!(placed & (1U << j)) && j != i && ops[j].outcome == HISTORY_OK &&
			ops[j].end_us < ops[i].start_us)
			return false;
	return true;
}

static bool
explain_rest(const HistoryOp *ops, size_t count, unsigned placed, int64_t value)
{
	bool complete = true;

	for (size_t i = 0; i < count; i++)
		if (!(placed & (1U << i)) && ops[i].outcome == HISTORY_OK)
			complete = false;
	if (complete)
		return true;
	for (size_t i = 0; i < count; i++)
	{
		if (may_be_next(ops, count, placed, i, value) &&
			explain_rest(ops, count, placed | (1U << i),
						 ops[i].operation == HISTORY_GET ? value : ops[i].value))
			return true;
	}
	return false;
}

bool
history_some_order_explains(const HistoryOp *ops, size_t count)
{
	return explain_rest(ops, count, 0, HISTORY_ABSENT);
}
