/*
 * run.c
 *		Runs interaction scripts and compares their transcripts with those that the scripts hold.
 *
 *		run SCRIPT ...            prints TAP, a line a block
 *		REWRITE=1 run SCRIPT ...  writes the transcripts anew; the review is the diff
 *
 * A script is comment lines (#), blank lines, and blocks: command lines, a line "----", and the transcript
 * expected, which ends at a blank line.  A failed assertion of the core ends the script with a line in the
 * transcript, so that a mutant fails as readably as a wrong message.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "core/core_assert.h"
#include "random.h"

#define LINE_MAX_BYTES 4096

/* A growing text. */
typedef struct Text
{
	char *bytes;
	size_t length;
} Text;

static jmp_buf assertion_failed;
static FILE *assertion_out;
static bool script_over;

static void
report_assertion(const char *condition, const char *invariant, const char *file, int line)
{
	const char *name = strrchr(file, '/');

	(void) line;
	fprintf(assertion_out, "ASSERTION %s failed in %s: %s\n", invariant, name ? name + 1 : file,
			condition);
	if (random_seed_under_way != 0)
		fprintf(assertion_out, "in seed %" PRIu64 "\n", random_seed_under_way);
	longjmp(assertion_failed, 1);
}

static void
text_add(Text *text, const char *bytes)
{
	size_t length = strlen(bytes);

	text->bytes = realloc(text->bytes, text->length + length + 1);
	if (!text->bytes)
		abort();
	memcpy(text->bytes + text->length, bytes, length + 1);
	text->length += length;
}

/* Runs the command lines of a block; returns their transcript, which the caller frees. */
static char *
block_run(Script *script, const char *lines)
{
	char *copy = strdup(lines);
	char *transcript = NULL;
	char *rest = copy;
	char *line;
	size_t length = 0;

	script->out = assertion_out = open_memstream(&transcript, &length);
	if (!copy || !script->out)
		abort();
	if (script->cluster)
		script->cluster->out = script->out;
	while (!script_over && (line = strsep(&rest, "\n")) != NULL)
	{
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (setjmp(assertion_failed) == 0)
			command_run(script, line);
		else
			script_over = true; /* the core is in no state to go on, nor to be freed */
	}
	fclose(script->out);
	free(copy);
	return transcript;
}

/* Prints a text as TAP comments. */
static void
print_quoted(const char *title, const char *text)
{
	printf("# %s:\n", title);
	while (*text)
	{
		int length = (int) strcspn(text, "\n");

		printf("#   %.*s\n", length, text);
		text += length;
		if (*text)
			text++;
	}
}

/* Runs a block, prints its result, and adds what the file should say to `rewritten`. */
static bool
block_check(Script *script, const char *lines, const char *expected, int number, Text *rewritten)
{
	char *transcript = block_run(script, lines);
	bool same = strcmp(transcript, expected) == 0;
	const char *name_end = strchr(lines, '\n');

	if (getenv("REWRITE"))
		same = true;
	printf("%s %d - %.*s\n", same ? "ok" : "not ok", number, (int) (name_end - lines), lines);
	if (!same)
	{
		print_quoted("expected", expected);
		print_quoted("got", transcript);
	}
	else
	{
		text_add(rewritten, lines);
		text_add(rewritten, "----\n");
		text_add(rewritten, transcript);
	}
	free(transcript);
	return same;
}

/* Reads lines into `text` until one that satisfies `ends`; false at the end of the file. */
static bool
read_until(FILE *file, Text *text, const char *end)
{
	char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), file))
	{
		if (strcmp(line, end) == 0)
			return true;
		text_add(text, line);
	}
	return false;
}

/* Copies comments and blank lines; leaves the file at the first command line.  False at the end. */
static bool
skip_comments(FILE *file, Text *rewritten)
{
	char line[LINE_MAX_BYTES];
	long at = ftell(file);

	while (fgets(line, sizeof(line), file))
	{
		if (line[0] != '#' && line[0] != '\n')
		{
			if (fseek(file, at, SEEK_SET) != 0)
				abort(); /* not a file */
			return true;
		}
		text_add(rewritten, line);
		at = ftell(file);
	}
	return false;
}

/* Runs one script, whose blocks are numbered on from *count; returns how many failed. */
static int
script_run(FILE *file, Text *rewritten, int *count)
{
	Script script = {0};
	int failed = 0;

	script_over = false;
	while (skip_comments(file, rewritten))
	{
		Text lines = {0};
		Text expected = {0};
		bool more;

		text_add(&lines, "");
		text_add(&expected, "");
		read_until(file, &lines, "----\n");
		more = read_until(file, &expected, "\n");
		if (!block_check(&script, lines.bytes, expected.bytes, ++*count, rewritten))
			failed++;
		if (more)
			text_add(rewritten, "\n");
		free(lines.bytes);
		free(expected.bytes);
	}
	if (!script_over)
		command_finish(&script);
	return failed;
}

/* Runs the script of that name and writes it anew if REWRITE is set; returns how many blocks failed. */
static int
file_run(const char *name, int *count)
{
	Text rewritten = {0};
	FILE *file = fopen(name, "r");
	int failed;

	if (!file)
	{
		printf("not ok %d - %s cannot be read\n", ++*count, name);
		return 1;
	}
	printf("# %s\n", name);
	text_add(&rewritten, "");
	failed = script_run(file, &rewritten, count);
	fclose(file);
	if (getenv("REWRITE"))
	{
		file = fopen(name, "w");
		if (!file || fputs(rewritten.bytes, file) < 0 || fclose(file) != 0)
			abort();
	}
	free(rewritten.bytes);
	return failed;
}

int
main(int argument_count, char **arguments)
{
	int count = 0;
	int failed = 0;
	int i;

	core_assert_handler = report_assertion;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 1; i < argument_count; i++)
		failed += file_run(arguments[i], &count);
	printf("1..%d\n", count);
	return failed > 0 || count == 0;
}
