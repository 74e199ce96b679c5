/*
 * client_common.c
 *		Time, threads, the end of a run and the shared history file of the load client.
 */
#include "tools/client.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_requested;
static int64_t stop_at_us = INT64_MAX;

static FILE *history_file;
static pthread_mutex_t history_lock = PTHREAD_MUTEX_INITIALIZER;

int64_t
client_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
client_sleep_until(int64_t at_us)
{
	while (!client_stopping())
	{
		int64_t left_us = at_us - client_now_us();

		if (left_us <= 0)
			return;
		usleep((useconds_t) (left_us < 50000 ? left_us : 50000));
	}
}

bool
client_stopping(void)
{
	return stop_requested || client_now_us() >= stop_at_us;
}

static void
request_stop(int signal_number)
{
	(void) signal_number;
	stop_requested = 1;
}

void
client_start_clock(int seconds)
{
	struct sigaction action = {.sa_handler = request_stop};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (seconds > 0)
		stop_at_us = client_now_us() + (int64_t) seconds * 1000000;
}

bool
client_history_open(const char *path)
{
	if (!path)
		return true;
	history_file = fopen(path, "a");
	if (!history_file)
	{
		perror(path);
		return false;
	}
	/* By the line: tests read the file while it grows. */
	setvbuf(history_file, NULL, _IOLBF, 1 << 16);
	return true;
}

void
client_history_add(const HistoryOp *op)
{
	if (!history_file)
		return;
	pthread_mutex_lock(&history_lock);
	history_write_op(history_file, op);
	pthread_mutex_unlock(&history_lock);
}

bool
client_history_close(void)
{
	bool written = true;

	if (history_file)
	{
		written = !ferror(history_file);
		written = fclose(history_file) == 0 && written;
		history_file = NULL;
	}
	if (!written)
		fprintf(stderr, "could not write the history file\n");
	return written;
}

typedef struct ThreadCall
{
	pthread_t thread;
	int index;
	void (*body)(int index, void *argument);
	void *argument;
} ThreadCall;

static void *
call_body(void *call_pointer)
{
	ThreadCall *call = call_pointer;

	call->body(call->index, call->argument);
	return NULL;
}

void
client_run_threads(int count, void (*body)(int index, void *argument), void *argument)
{
	ThreadCall *calls = calloc((size_t) count, sizeof(ThreadCall));

	if (!calls)
	{
		perror("history_client");
		abort();
	}
	for (int i = 0; i < count; i++)
	{
		calls[i] = (ThreadCall){.index = i, .body = body, .argument = argument};
		if (pthread_create(&calls[i].thread, NULL, call_body, &calls[i]) != 0)
		{
			fprintf(stderr, "could not create a thread\n");
			abort();
		}
	}
	for (int i = 0; i < count; i++)
		pthread_join(calls[i].thread, NULL);
	free(calls);
}
