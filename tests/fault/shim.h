/*
 * shim.h
 *		What the libraries share that are preloaded into a server: finding the functions that they stand in front
 *		of, and the path of an open file.
 */
#ifndef QUORATE_FAULT_SHIM_H
#define QUORATE_FAULT_SHIM_H

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A server whose shim does not work would be blamed for what the test did wrong. */
static inline void __attribute__((noreturn)) shim_give_up(const char *what)
{
	dprintf(STDERR_FILENO, "fault shim: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static inline void *
shim_real(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		shim_give_up(name);
	return function;
}

/* Declares real_<function> and finds it at the first call. */
#define REAL(function)                            \
	static __typeof__(&function) real_##function; \
	if (!real_##function)                         \
	real_##function = (__typeof__(&function)) shim_real(#function)

/* Stores the path of an open file, with a final zero; its length, or -1. */
static inline ssize_t
shim_path_of(int descriptor, char *path, size_t path_bytes)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
	length = readlink(link, path, path_bytes - 1);
	if (length >= 0)
		path[length] = '\0';
	return length;
}

/* Is the path that of the folder, or of something below it? */
static inline bool
shim_is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return length > 0 && strncmp(path, folder, length) == 0 &&
		   (path[length] == '/' || path[length] == '\0');
}

#endif /* QUORATE_FAULT_SHIM_H */
