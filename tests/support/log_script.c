/*
 * log_script.c
 *		The random log user of the crash tests; see log_script.h.
 */
#include "support/log_script.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS 5
#define NODE_KEYS 3
#define PAYLOAD_MAX_BYTES 1800

/* Records that prove at the end of a run that what precedes them is synced: more than one damage destroys. */
#define END_RECORDS 24

typedef enum StepKind
{
	STEP_ENTRY,
	STEP_PROMISE,
	STEP_CUT,
	STEP_REBASE,
	STEP_ROWS,
	STEP_GROUP,
	STEP_DROP,
	STEP_NODE,
	STEP_AGAIN, /* an entry that is there is recorded once more */
	STEP_DELTA,
	STEP_TICK
} StepKind;

/* One record; `salt` and `length` determine its payload. */
typedef struct Step
{
	StepKind kind;
	uint32_t group; /* or key of a node value */
	Lsn lsn;
	Ballot ballot;
	uint64_t salt;
	uint32_t length;
} Step;

typedef struct ModelGroup
{
	bool open;
	bool rows_missing;
	Ballot promised;
	uint64_t membership_salt;
	uint32_t membership_length;
	Step *entries; /* entries[lsn - 1]; the rebase itself at base_lsn */
	Lsn base_lsn;  /* of the last rebase */
	Lsn append_lsn;
	Lsn capacity;
} ModelGroup;

typedef struct Model
{
	ModelGroup groups[GROUPS];
	Step node_values[NODE_KEYS];
} Model;

struct LogScript
{
	uint64_t random_state;
	Step *steps;
	uint32_t step_count;
	uint32_t synced_count;  /* these must survive */
	uint32_t written_count; /* these will be synced by the next sync */
	Model model;            /* after all steps */
	Lsn commit[GROUPS];     /* never cut at or below this */
	Lsn needed[GROUPS];     /* never truncated at or above this */
	bool dropped[GROUPS];   /* in a record that is not synced yet */
	uint64_t round;
};

static uint64_t
random_below(LogScript *script, uint64_t limit)
{
	uint64_t x = script->random_state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	script->random_state = x;
	return ((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % limit;
}

static void
make_payload(const Step *step, uint8_t *bytes)
{
	uint64_t x = step->salt;

	for (uint32_t i = 0; i < step->length; i++)
	{
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		bytes[i] = (uint8_t) (x >> 56);
	}
}

static bool
is_payload(const Step *step, const void *bytes, uint32_t length)
{
	uint8_t expected[PAYLOAD_MAX_BYTES];

	make_payload(step, expected);
	return length == step->length && (length == 0 || memcmp(bytes, expected, length) == 0);
}

static bool
ballot_below(Ballot a, Ballot b)
{
	return a.round != b.round ? a.round < b.round : a.node < b.node;
}

static bool
ballot_equal(Ballot a, Ballot b)
{
	return a.round == b.round && a.node == b.node;
}

/* ---- the model ---- */

static void
model_free(Model *model)
{
	for (int g = 0; g < GROUPS; g++)
		free(model->groups[g].entries);
	memset(model, 0, sizeof(*model));
}

static void
model_append(ModelGroup *group, const Step *step)
{
	while (group->capacity < step->lsn)
	{
		group->capacity = group->capacity ? group->capacity * 2 : 16;
		group->entries = realloc(group->entries, group->capacity * sizeof(Step));
		if (!group->entries)
			abort();
	}
	group->entries[step->lsn - 1] = *step;
	group->append_lsn = step->lsn;
}

static void
model_apply(Model *model, const Step *step)
{
	ModelGroup *group = &model->groups[step->group % GROUPS];

	switch (step->kind)
	{
		case STEP_ENTRY:
			model_append(group, step);
			break;
		case STEP_CUT:
			group->append_lsn = step->lsn;
			break;
		case STEP_REBASE:
			model_append(group, step);
			group->base_lsn = step->lsn;
			group->rows_missing = true;
			break;
		case STEP_ROWS:
			group->rows_missing = step->lsn == 0;
			break;
		case STEP_GROUP:
			group->open = true;
			group->membership_salt = step->salt;
			group->membership_length = step->length;
			break;
		case STEP_DROP:
			free(group->entries);
			memset(group, 0, sizeof(*group));
			return;
		case STEP_NODE:
			model->node_values[step->group] = *step;
			return;
		case STEP_AGAIN:
		case STEP_DELTA:
		case STEP_TICK:
			return;
		case STEP_PROMISE:
			break;
	}
	if (ballot_below(group->promised, step->ballot))
		group->promised = step->ballot;
}

/* ---- comparing ---- */

static bool
is_hole(const Log *log, GroupId group, Lsn lsn)
{
	LogHole hole;

	return log_is_damaged(log) && log_next_hole(log, group, lsn, &hole) && hole.first_lsn == lsn;
}

/* Each entry is what it was, or known to be missing. */
static bool
same_entries(Log *log, const ModelGroup *group, const LogGroupState *state)
{
	LogBuffer buffer = {0};
	LogEntry entry;
	bool same = true;

	for (Lsn lsn = state->base_lsn + 1; lsn <= state->append_lsn && same; lsn++)
	{
		const Step *step = &group->entries[lsn - 1];

		same = is_hole(log, state->group, lsn) ||
			   (log_read_entry(log, state->group, lsn, &buffer, &entry) == 0 && entry.lsn == lsn &&
				ballot_equal(entry.ballot, step->ballot) &&
				is_payload(step, entry.payload, entry.length));
	}
	log_buffer_free(&buffer);
	return same;
}

static bool
same_runs(const ModelGroup *group, const LogGroupState *state)
{
	uint32_t run = 0;

	for (Lsn lsn = state->base_lsn + 1; lsn <= state->append_lsn; lsn++)
	{
		if (run + 1 < state->run_count && state->runs[run + 1].first_lsn == lsn)
			run++;
		if (run >= state->run_count || state->runs[run].first_lsn > lsn ||
			!ballot_equal(state->runs[run].ballot, group->entries[lsn - 1].ballot))
			return false;
	}
	return state->base_lsn == 0 ||
		   ballot_equal(state->base_ballot, group->entries[state->base_lsn - 1].ballot);
}

static bool
same_group(Log *log, uint32_t number, const ModelGroup *group)
{
	LogGroupState state;
	Step membership = {.salt = group->membership_salt, .length = group->membership_length};

	if (!log_group_state(log, number + 1, &state))
		return !group->open;
	return group->open && ballot_equal(state.promised, group->promised) &&
		   state.append_lsn == group->append_lsn && state.base_lsn <= state.append_lsn &&
		   state.base_lsn >= group->base_lsn && state.rows_missing == group->rows_missing &&
		   is_payload(&membership, state.membership, state.membership_length) &&
		   same_runs(group, &state) && same_entries(log, group, &state);
}

static bool
same_as(Log *log, const Model *model)
{
	for (uint32_t g = 0; g < GROUPS; g++)
		if (!same_group(log, g, &model->groups[g]))
			return false;
	for (uint16_t key = 0; key < NODE_KEYS; key++)
	{
		uint32_t length;
		const void *value = log_node_value(log, key, &length);

		if (!is_payload(&model->node_values[key], value, length))
			return false;
	}
	return true;
}

/* Whether a dropped group comes back in a crash is decided. */
static void
forget_dropped(LogScript *script)
{
	for (uint32_t g = 0; g < GROUPS; g++)
	{
		if (script->dropped[g] && !script->model.groups[g].open)
			script->needed[g] = 0;
		script->dropped[g] = false;
	}
}

/*
 * A group whose drop was lost is back with `commit` reset.  One whose rebase was lost may end below it.  Only
 * a rebase may take entries that were needed.
 */
static const char *
check_truncation(LogScript *script, Log *log)
{
	for (uint32_t g = 0; g < GROUPS; g++)
	{
		LogGroupState state;

		if (!log_group_state(log, g + 1, &state))
			continue;
		if (script->needed[g] > 0 && state.base_lsn >= script->needed[g] &&
			state.base_lsn > script->model.groups[g].base_lsn)
			return "entries that were needed are gone";
		if (script->commit[g] > state.append_lsn)
			script->commit[g] = 0;
		if (script->commit[g] < state.base_lsn)
			script->commit[g] = state.base_lsn;
		if (script->commit[g] < state.commit_hint)
			script->commit[g] = state.commit_hint;
	}
	return NULL;
}

const char *
log_script_check(LogScript *script, Log *log)
{
	Model model = {0};

	for (uint32_t count = 0; count <= script->step_count; count++)
	{
		if (count > 0)
			model_apply(&model, &script->steps[count - 1]);
		if (count < script->synced_count || !same_as(log, &model))
			continue;
		script->step_count = script->synced_count = script->written_count = count;
		model_free(&script->model);
		script->model = model;
		forget_dropped(script);
		return check_truncation(script, log);
	}
	model_free(&model);
	return "the log is not what any prefix of the records says";
}

/* ---- acting ---- */

static int
append(Log *log, const Step *step)
{
	uint8_t payload[PAYLOAD_MAX_BYTES];
	GroupId group = step->group + 1;

	make_payload(step, payload);
	switch (step->kind)
	{
		case STEP_ENTRY:
			return log_append_entry(log, group, step->lsn, step->ballot, payload, step->length);
		case STEP_PROMISE:
			return log_append_promise(log, group, step->ballot);
		case STEP_CUT:
			return log_append_cut(log, group, step->lsn, step->ballot);
		case STEP_REBASE:
			return log_append_rebase(log, group, step->lsn, step->ballot);
		case STEP_ROWS:
			return log_append_rows(log, group, step->lsn == 1);
		case STEP_GROUP:
			return log_append_group(log, group, payload, step->length);
		case STEP_DROP:
			return log_append_group_drop(log, group);
		case STEP_NODE:
			return log_append_node(log, (uint16_t) step->group, payload, step->length);
		case STEP_AGAIN:
			return log_append_entry_again(log, group, step->lsn, step->ballot, payload,
										  step->length);
		case STEP_DELTA:
			return log_append_delta(log);
		case STEP_TICK:
			break;
	}
	return log_append_tick(log);
}

static int
take(LogScript *script, Log *log, Step step)
{
	int error = append(log, &step);

	if (error < 0)
		return error;
	script->steps = realloc(script->steps, (script->step_count + 1) * sizeof(Step));
	if (!script->steps)
		abort();
	script->steps[script->step_count++] = step;
	model_apply(&script->model, &step);
	return 0;
}

static Ballot
new_ballot(LogScript *script)
{
	return (Ballot){.round = ++script->round, .node = (NodeId) (1 + random_below(script, 3))};
}

/* A new leader's cut, above what is committed, under a new ballot. */
static Step
choose_cut(LogScript *script, uint32_t number)
{
	Lsn commit = script->commit[number];
	Lsn append_lsn = script->model.groups[number].append_lsn;

	return (Step){
		.kind = STEP_CUT,
		.group = number,
		.lsn = commit + random_below(script, append_lsn - commit + 1),
		.ballot = new_ballot(script),
	};
}

/* A leader's rebase, to an entry above what is committed, within the log or beyond it. */
static Step
choose_rebase(LogScript *script, uint32_t number)
{
	const ModelGroup *group = &script->model.groups[number];
	Lsn lsn = script->commit[number] + 1;

	lsn += random_below(script, group->append_lsn + 10 - script->commit[number]);
	script->commit[number] = lsn;
	return (Step){
		.kind = STEP_REBASE,
		.group = number,
		.lsn = lsn,
		/* A log that holds the entry is not rebased to it; so one within the log has another ballot. */
		.ballot = lsn <= group->append_lsn || random_below(script, 2) ? new_ballot(script)
																	  : group->promised,
	};
}

static Step
choose_drop(LogScript *script, uint32_t number)
{
	script->commit[number] = 0;
	script->dropped[number] = true;
	return (Step){.kind = STEP_DROP, .group = number};
}

/* One of the entries of the group that the log still has. */
static Step
choose_again(LogScript *script, Log *log, uint32_t number)
{
	LogGroupState state = {0};
	Step step = {.kind = STEP_TICK};

	log_group_state(log, number + 1, &state);
	if (state.append_lsn > state.base_lsn)
	{
		Lsn lsn = state.base_lsn + 1 + random_below(script, state.append_lsn - state.base_lsn);

		step = script->model.groups[number].entries[lsn - 1];
		step.kind = STEP_AGAIN;
	}
	return step;
}

static Step
choose_for_group(LogScript *script, Log *log, uint32_t number, uint64_t dice)
{
	const ModelGroup *group = &script->model.groups[number];
	Step step = {.group = number, .salt = random_below(script, 1 << 30)};

	if (!group->open || dice == 0)
	{
		step.kind = STEP_GROUP;
		step.length = (uint32_t) random_below(script, 60);
	}
	else if (dice == 1)
		return choose_cut(script, number);
	/* Entries of a group that was made anew do not share ballots with its former ones. */
	else if (dice == 2 || group->promised.round == 0)
	{
		step.kind = STEP_PROMISE;
		step.ballot = new_ballot(script);
	}
	else if (dice == 3 && random_below(script, 8) == 0)
		return choose_drop(script, number);
	else if (dice == 4 && random_below(script, 4) == 0)
		return choose_rebase(script, number);
	else if (dice == 6)
		return choose_again(script, log, number);
	else if (dice == 5 && random_below(script, 4) == 0)
		return (Step){.kind = STEP_ROWS, .group = number, .lsn = random_below(script, 2)};
	else
	{
		step.kind = STEP_ENTRY;
		step.lsn = group->append_lsn + 1;
		step.ballot = group->promised;
		step.length = (uint32_t) random_below(script, PAYLOAD_MAX_BYTES);
	}
	return step;
}

static Step
choose_step(LogScript *script, Log *log)
{
	uint64_t dice = random_below(script, 40);
	Step step = {.salt = random_below(script, 1 << 30)};

	if (dice == 39)
		return (Step){.kind = random_below(script, 2) ? STEP_TICK : STEP_DELTA};
	if (dice == 38)
	{
		step.kind = STEP_NODE;
		step.group = (uint32_t) random_below(script, NODE_KEYS);
		step.length = (uint32_t) random_below(script, 100);
		return step;
	}
	step.group = (uint32_t) random_below(script, GROUPS);
	if (script->dropped[step.group])
		return (Step){.kind = STEP_TICK};
	return choose_for_group(script, log, step.group, dice);
}

static Lsn
needed_from(void *ctx, GroupId group)
{
	const LogScript *script = ctx;

	return script->needed[group - 1];
}

static int
commit_and_truncate(LogScript *script, Log *log)
{
	int result;

	for (uint32_t g = 0; g < GROUPS; g++)
	{
		const ModelGroup *group = &script->model.groups[g];

		/* Everything is synced here; a little stays for members that are behind. */
		if (!group->open || group->append_lsn < script->commit[g])
			continue;
		script->commit[g] += random_below(script, group->append_lsn - script->commit[g] + 1);
		log_set_commit_hint(log, g + 1, script->commit[g]);
		script->needed[g] = script->commit[g] > 3 ? script->commit[g] - 2 : 1;
	}
	result = log_truncate(log, needed_from, script);
	return result < 0 ? result : 0;
}

static int
turn(LogScript *script, Log *log)
{
	uint64_t count = 1 + random_below(script, 6);
	int error;

	for (uint64_t i = 0; i < count; i++)
		if ((error = take(script, log, choose_step(script, log))) < 0)
			return error;
	if (random_below(script, 8) == 0 && (error = log_truncate(log, needed_from, script)) < 0)
		return error;
	if ((error = log_write(log)) < 0)
		return error;
	script->written_count = script->step_count;
	if (random_below(script, 4) == 0)
		return 0; /* several writes between two syncs */
	if ((error = log_sync(log)) < 0)
		return error;
	script->synced_count = script->written_count;
	forget_dropped(script);
	error = random_below(script, 2) == 0 ? log_prepare(log, 8192) : 0;
	if (error < 0 || random_below(script, 6) != 0)
		return error < 0 ? error : 0;
	return commit_and_truncate(script, log);
}

int
log_script_run(LogScript *script, Log *log, int steps)
{
	for (int i = 0; i < steps; i++)
	{
		int error = turn(script, log);

		if (error < 0)
			return error;
	}
	return 0;
}

int
log_script_end(LogScript *script, Log *log)
{
	int error = 0;

	for (uint32_t i = 0; i < END_RECORDS && error == 0; i++)
	{
		error = take(script, log, (Step){.kind = i == 0 ? STEP_DELTA : STEP_TICK});
		if (error == 0)
			error = log_write(log);
		if (error == 0)
			error = log_sync(log);
	}
	script->synced_count = script->written_count = script->step_count;
	forget_dropped(script);
	return error;
}

int
log_script_write(LogScript *script, Log *log, int records)
{
	int error = 0;

	for (int i = 0; i < records && error == 0; i++)
		error = take(script, log, choose_step(script, log));
	return error == 0 ? log_write(log) : error;
}

int
log_script_mend(LogScript *script, Log *log)
{
	uint8_t payload[PAYLOAD_MAX_BYTES];
	int holes = 0;
	int error = 0;

	for (uint32_t g = 0; g < GROUPS; g++)
	{
		const ModelGroup *group = &script->model.groups[g];

		for (Lsn lsn = 1; group->open && lsn <= group->append_lsn && error == 0; lsn++)
		{
			const Step *step = &group->entries[lsn - 1];

			if (!is_hole(log, g + 1, lsn))
				continue;
			make_payload(step, payload);
			error = log_append_entry_again(log, g + 1, lsn, step->ballot, payload, step->length);
			holes++;
		}
	}
	if (error == 0)
		error = log_write(log);
	if (error == 0)
		error = log_sync(log);
	return error < 0 ? error : holes;
}

LogScript *
log_script_create(uint64_t seed)
{
	LogScript *script = calloc(1, sizeof(*script));

	if (!script)
		abort();
	script->random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	return script;
}

void
log_script_free(LogScript *script)
{
	model_free(&script->model);
	free(script->steps);
	free(script);
}

uint32_t
log_script_records(const LogScript *script)
{
	return script->step_count;
}
