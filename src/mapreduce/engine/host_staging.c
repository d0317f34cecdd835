/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_staging.c - see host_staging.h.
 *
 * Making and removing by two runs at once: who removes a stale directory holds its lock while
 * doing so; who makes one looks, once it holds the lock, whether the lock file still has a name,
 * and starts over if not.
 */
#include "host_staging.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES_MAX = 100 };

static const char suffix[] = ".gw-";

/* ---- Names ------------------------------------------------------------------------------------
 */

static char *format_path(const char *format, ...) GW_PRINTF(1, 2);

static char *format_path(const char *format, ...)
{
	va_list arguments;
	char *path;
	int size;

	va_start(arguments, format);
	size = vasprintf(&path, format, arguments);
	va_end(arguments);
	return size < 0 ? NULL : path;
}

static int no_memory(struct gw_error *error)
{
	gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	return GW_E_NO_MEMORY;
}

static char *without_slashes(const char *path)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	return strndup(path, size);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory that path is in, as a malloc'ed string. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* ---- Stale ones -------------------------------------------------------------------------------
 */

static bool is_staging_name(const char *entry, const char *name)
{
	size_t size = strlen(name);

	if (entry[0] != '.' || strncmp(entry + 1, name, size) != 0)
		return false;
	entry += 1 + size;
	if (strncmp(entry, suffix, sizeof(suffix) - 1) != 0)
		return false;
	entry += sizeof(suffix) - 1;
	return strlen(entry) == 8 && strspn(entry, "0123456789abcdef") == 8;
}

static void remove_if_stale(const char *path, struct mr_store *store)
{
	char lock[PATH_MAX];
	int fd;

	if (snprintf(lock, sizeof(lock), "%s/lock", path) >= (int)sizeof(lock))
		return;
	fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		/* No lock: it is being made, or was never finished. Only an empty one goes. */
		if (errno == ENOENT)
			(void)rmdir(path);
		return;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)store->operations->remove(store, path, NULL);
	close(fd);
}

static void remove_stale(const char *directory, const char *name, struct mr_store *store)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		char path[PATH_MAX];

		if (!is_staging_name(entry->d_name, name))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) <
		    (int)sizeof(path))
			remove_if_stale(path, store);
	}
	if (stream)
		closedir(stream);
}

/* ---- Making -----------------------------------------------------------------------------------
 */

/* Makes the lock file and locks it: 1, or 0 when another run took it for stale meanwhile. */
static int take_lock(const char *path, int *lock, struct gw_error *error)
{
	char *name = format_path("%s/lock", path);
	struct stat status;
	int fd, errno_value;

	if (!name)
		return no_memory(error);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	errno_value = errno;
	free(name);
	if (fd < 0 && errno_value == ENOENT)
		return 0;
	if (fd < 0)
		return gw_fail_errno(error, errno_value, "%s/lock", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 && status.st_nlink > 0) {
		*lock = fd;
		return 1;
	}
	close(fd);
	return 0;
}

/* A new private directory for NAME in the directory, locked. */
static int make_locked(const char *directory, const char *name, char **path, int *lock,
		       struct gw_error *error)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		uint32_t number;
		int code = 0;

		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			return gw_fail_errno(error, errno, "a random number");
		*path = format_path("%s/.%s%s%08x", directory, name, suffix, number);
		if (!*path)
			return no_memory(error);
		if (mkdir(*path, 0700) == 0)
			code = take_lock(*path, lock, error);
		else if (errno != EEXIST)
			code = gw_fail_errno(error, errno, "%s: cannot write there", directory);
		if (code == 1)
			return 0;
		free(*path);
		*path = NULL;
		if (code < 0)
			return code;
	}
	return gw_fail(error, GW_E_BUSY, "%s: no private directory could be made", directory);
}

/* The link in --temporary to the output that is made beside OUTPUT_DIR. */
static int link_out(const struct mr_staging *staging, struct gw_error *error)
{
	char *home = realpath(staging->home, NULL);
	char *to = home ? format_path("%s/out", home) : NULL;
	char *from = format_path("%s/out", staging->path);
	int code = 0;

	assert(staging->home_lock >= 0 && staging->path_lock >= 0);
	if (!home)
		code = gw_fail_errno(error, errno, "%s", staging->home);
	else if (!to || !from)
		code = no_memory(error);
	else if (symlink(to, from) < 0)
		code = gw_fail_errno(error, errno, "%s", from);
	free(home);
	free(to);
	free(from);
	return code;
}

static int make_out(const struct mr_staging *staging, struct mr_store *store,
		    struct gw_error *error)
{
	char *out = format_path("%s/out", staging->home);
	int code = out ? store->operations->make_directory(store, out, error) : no_memory(error);

	free(out);
	return code;
}

int mr_staging_check(const struct gw_mr_options *options, struct gw_error *error)
{
	char *output = without_slashes(options->output);
	struct stat status;
	int code = 0;

	if (!output)
		return no_memory(error);
	if (options->only_map >= 0 || options->only_reduce >= 0)
		code = 0; /* nothing will be committed */
	else if (lstat(output, &status) == 0)
		code = gw_fail(error, GW_E_EXISTS, "%s: the output exists already", output);
	else if (errno != ENOENT)
		code = gw_fail_errno(error, errno, "%s", output);
	free(output);
	return code;
}

static int make_in(struct mr_staging *staging, const char *parent, const char *temporary,
		   struct mr_store *store, struct gw_error *error)
{
	const char *name = base_name(staging->output);
	struct stat status;
	int code;

	assert(!staging->home && !staging->path);
	if (stat(parent, &status) < 0)
		return gw_fail_errno(error, errno, "%s: the directory of the output", parent);
	remove_stale(parent, name, store);
	code = make_locked(parent, name, &staging->home, &staging->home_lock, error);
	assert(code < 0 || (staging->home && staging->home_lock >= 0));
	if (code == 0)
		code = make_out(staging, store, error);
	if (code < 0)
		return code;
	if (!temporary) {
		staging->path = strdup(staging->home);
		return staging->path ? 0 : no_memory(error);
	}
	remove_stale(temporary, name, store);
	code = make_locked(temporary, name, &staging->path, &staging->path_lock, error);
	return code == 0 ? link_out(staging, error) : code;
}

int mr_staging_make(struct mr_staging *staging, const struct gw_mr_options *options,
		    struct mr_store *store, struct gw_error *error)
{
	char *parent;
	int code = mr_staging_check(options, error);

	*staging = (struct mr_staging){.home_lock = -1, .path_lock = -1};
	if (code < 0)
		return code;
	staging->output = without_slashes(options->output);
	parent = staging->output ? parent_of(staging->output) : NULL;
	if (!parent)
		code = no_memory(error);
	if (code == 0)
		code = make_in(staging, parent, options->temporary, store, error);
	free(parent);
	assert(code < 0 || (staging->output && staging->home && staging->path));
	if (code < 0) {
		mr_staging_remove(staging, store);
		mr_staging_done(staging);
	}
	return code;
}

/* ---- The end ----------------------------------------------------------------------------------
 */

static int make_success(const char *out, struct mr_store *store, struct gw_error *error)
{
	char *path = format_path("%s/_SUCCESS", out);
	struct mr_file *file;
	int code =
		path ? store->operations->create_temp(store, path, &file, error) : no_memory(error);

	if (code == 0)
		mr_file_close(file);
	free(path);
	return code;
}

int mr_staging_commit(const struct mr_staging *staging, struct mr_store *store,
		      struct gw_error *error)
{
	char *out = format_path("%s/out", staging->home);
	int code = out ? make_success(out, store, error) : no_memory(error);

	assert(staging->output && staging->home_lock >= 0);
	if (code == 0)
		code = store->operations->commit(store, out, staging->output, error);
	free(out);
	return code < 0 ? gw_fail_in(error, "%s", staging->output) : 0;
}

void mr_staging_remove(const struct mr_staging *staging, struct mr_store *store)
{
	if (staging->path)
		(void)store->operations->remove(store, staging->path, NULL);
	if (staging->home)
		(void)store->operations->remove(store, staging->home, NULL);
}

void mr_staging_done(struct mr_staging *staging)
{
	if (staging->home_lock >= 0)
		close(staging->home_lock);
	if (staging->path_lock >= 0)
		close(staging->path_lock);
	free(staging->output);
	free(staging->home);
	free(staging->path);
	*staging = (struct mr_staging){.home_lock = -1, .path_lock = -1};
}
