/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_work.c - the private directory of a job that ships files: WORK/files has copies, WORK/archive-N
 * what was unpacked, and WORK/ATTEMPT is where the commands of an attempt run.
 */
#include "stream_files.h"
#include "stream_process.h"

#include "base/allocate.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_DESCRIPTORS = 16 };

int mr_work_open(struct mr_work *work, const char *inside, struct gw_error *error)
{
	char path[PATH_MAX];

	assert(!work->path);
	if (snprintf(path, sizeof(path), "%s/.gw-stream-XXXXXX", inside) >= (int)sizeof(path))
		return gw_fail(error, GW_E_TOO_LARGE, "%s: too long a path", inside);
	if (!mkdtemp(path))
		return gw_fail_errno(error, errno, "a directory for shipped files in %s", inside);
	work->path = realpath(path, NULL);
	if (work->path)
		return 0;
	mr_work_leave(path);
	return gw_fail_errno(error, errno, "%s", path);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
	(void)facts;
	(void)kind;
	(void)place;
	(void)remove(path); /* what cannot be removed stays; the directories above it then too */
	return 0;
}

void mr_work_leave(const char *path)
{
	if (path)
		(void)nftw(path, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

void mr_work_done(struct mr_work *work)
{
	mr_work_leave(work->path);
	for (size_t i = 0; i < work->count; i++) {
		free(work->items[i].link);
		free(work->items[i].target);
	}
	free(work->items);
	free(work->path);
	*work = (struct mr_work){0};
}

/* ---- Shipping ---------------------------------------------------------------------------------------- */

static const struct mr_shipped *find_link(const struct mr_work *work, const char *link)
{
	for (size_t i = 0; i < work->count; i++) {
		if (strcmp(work->items[i].link, link) == 0)
			return &work->items[i];
	}
	return NULL;
}

/* Adds an item; the target is the work's from here on, whatever happens. */
static int add_item(struct mr_work *work, const char *link, char *target, struct gw_error *error)
{
	struct mr_shipped *items;
	char *copy = strdup(link);

	items = base_grow(work->items, sizeof(*items), &work->capacity, work->count + 1);
	if (items)
		work->items = items;
	if (!items || !copy || !target) {
		free(copy);
		free(target);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for shipped files");
	}
	work->items[work->count++] = (struct mr_shipped){copy, target};
	return 0;
}

/* Runs a small command of our own, with its errors to those of this process. */
static int run_tool(const char *command, const char *const *arguments, struct gw_error *error)
{
	struct mr_process_setup setup = {.command = command, .arguments = arguments};
	struct mr_process_end end;
	struct mr_process *process;
	char text[80];
	int result = mr_process_start(&process, &setup, error);

	if (!result)
		result = mr_process_finish(process, &end, error);
	mr_process_free(process);
	if (result)
		return result;
	mr_process_describe(&end, text, sizeof(text));
	return end.signal || end.status ? gw_fail(error, GW_E_FAILED, "ended with %s", text) : 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), tail = strlen(end);

	return size >= tail && strcmp(text + size - tail, end) == 0;
}

/* The command that unpacks $1 into the directory $2; what is no archive is put there as it is. */
static const char *unpacker(const char *path)
{
	static const char *const zips[] = {".zip", ".jar"};
	static const char *const tars[] = {".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2",
					   ".tar.zst"};

	for (size_t i = 0; i < sizeof(zips) / sizeof(zips[0]); i++) {
		if (ends_with(path, zips[i]))
			return "if command -v unzip >/dev/null; then exec unzip -q \"$1\" -d \"$2\"; "
			       "else exec python3 -m zipfile -e \"$1\" \"$2\"; fi";
	}
	for (size_t i = 0; i < sizeof(tars) / sizeof(tars[0]); i++) {
		if (ends_with(path, tars[i]))
			return "exec tar -xf \"$1\" -C \"$2\"";
	}
	return "exec cp \"$1\" \"$2\"";
}

/* Takes the archive's path and gives the directory it was unpacked into. */
static int unpack(struct mr_work *work, char **target, struct gw_error *error)
{
	const char *arguments[] = {*target, NULL, NULL};
	char *directory;
	int result;

	if (asprintf(&directory, "%s/archive-%zu", work->path, work->count) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for shipped files");
	arguments[1] = directory;
	if (mkdir(directory, 0700) < 0)
		result = gw_fail_errno(error, errno, "%s", directory);
	else
		result = run_tool(unpacker(*target), arguments, error);
	if (result)
		gw_fail_in(error, "unpacking %s", *target);
	free(*target);
	*target = directory;
	return result;
}

int mr_work_ship(struct mr_work *work, const char *text, bool archive, struct gw_error *error)
{
	const char *hash = strrchr(text, '#'), *link = hash ? hash + 1 : NULL;
	char path[PATH_MAX], *plain = strndup(text, hash ? (size_t)(hash - text) : strlen(text));
	char *target;
	int result = plain ? mr_path_of(plain, path, sizeof(path), error)
			   : gw_fail(error, GW_E_NO_MEMORY, "no memory for shipped files");

	assert(work->path);
	free(plain);
	if (result)
		return result;
	target = realpath(path, NULL);
	if (!target)
		return gw_fail_errno(error, errno, "%s", path);
	if (!link) {
		link = strrchr(path, '/') && strrchr(path, '/')[1] ? strrchr(path, '/') + 1 : path;
		link = strchr(link, '/') ? strrchr(target, '/') + 1 : link;
	}
	if (!*link || strchr(link, '/') || strcmp(link, ".") == 0 || strcmp(link, "..") == 0)
		result = gw_fail(error, GW_E_USAGE, "%s: \"%s\" is no name for a link", text, link);
	else if (find_link(work, link))
		result = gw_fail(error, GW_E_USAGE, "%s: another shipped file is called %s, too; "
				 "say PATH#NAME", text, link);
	else if (archive)
		result = unpack(work, &target, error);
	if (!result)
		return add_item(work, link, target, error);
	free(target);
	return result;
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

/* A copy that may be executed takes the place of a shipped file that may not. */
static int make_executable(struct mr_work *work, struct mr_shipped *item, struct gw_error *error)
{
	const char *arguments[] = {item->target, NULL, NULL};
	struct stat facts;
	char *copy;
	int result;

	if (stat(item->target, &facts) < 0 || !S_ISREG(facts.st_mode) || (facts.st_mode & 0111))
		return 0;
	if (asprintf(&copy, "%s/executable-%s", work->path, item->link) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for shipped files");
	arguments[1] = copy;
	result = run_tool("cp \"$1\" \"$2\" && chmod u+rx \"$2\"", arguments, error);
	if (result) {
		free(copy);
		return gw_fail_in(error, "copying %s", item->target);
	}
	free(item->target);
	item->target = copy;
	return 0;
}

/* The shipped file that the first word of a command means, by its path or by its link. */
static struct mr_shipped *find_program(struct mr_work *work, const char *word)
{
	char *path = realpath(word, NULL);
	struct mr_shipped *found = NULL;

	for (size_t i = 0; i < work->count && !found; i++) {
		if (path && strcmp(work->items[i].target, path) == 0)
			found = &work->items[i];
	}
	for (size_t i = 0; i < work->count && !found; i++) {
		if (strcmp(work->items[i].link, strncmp(word, "./", 2) == 0 ? word + 2 : word) == 0)
			found = &work->items[i];
	}
	free(path);
	return found;
}

int mr_work_command(struct mr_work *work, const char *command, char **changed, struct gw_error *error)
{
	size_t size = strcspn(command, " \t");
	char *word = strndup(command, size);
	struct mr_shipped *item = word ? find_program(work, word) : NULL;
	bool linked = item && strncmp(command, "./", 2) != 0;
	int result = 0;

	*changed = NULL;
	free(word);
	if (item)
		result = make_executable(work, item, error);
	if (result)
		return result;
	if (asprintf(changed, "%s%s", linked ? item->link : "", command + (linked ? size : 0)) >= 0)
		return 0;
	*changed = NULL;
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
}

/* ---- Attempts -------------------------------------------------------------------------------------------- */

static int make_links(const struct mr_work *work, const char *directory, struct gw_error *error)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < work->count; i++) {
		const struct mr_shipped *item = &work->items[i];

		if (snprintf(path, sizeof(path), "%s/%s", directory, item->link) >= (int)sizeof(path))
			return gw_fail(error, GW_E_TOO_LARGE, "%s: too long a path", item->link);
		if (symlink(item->target, path) < 0)
			return gw_fail_errno(error, errno, "%s", path);
	}
	return 0;
}

int mr_work_enter(const struct mr_work *work, const char *attempt, char **path, struct gw_error *error)
{
	int result = 0;

	*path = NULL;
	if (asprintf(path, "%s/%s", work->path, attempt) < 0) {
		*path = NULL;
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	}
	mr_work_leave(*path); /* of an attempt of this number that was killed */
	if (mkdir(*path, 0700) < 0)
		result = gw_fail_errno(error, errno, "%s", *path);
	if (!result)
		result = make_links(work, *path, error);
	if (!result)
		return 0;
	mr_work_leave(*path);
	free(*path);
	*path = NULL;
	return result;
}

int mr_remove_empty_parts(const char *output, struct gw_error *error)
{
	DIR *directory = opendir(output);
	struct dirent *entry;
	struct stat facts;
	int result = 0;

	if (!directory)
		return gw_fail_errno(error, errno, "%s", output);
	while (!result && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, "part-", 5) != 0 ||
		    fstatat(dirfd(directory), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(facts.st_mode) || facts.st_size > 0)
			continue;
		if (unlinkat(dirfd(directory), entry->d_name, 0) < 0)
			result = gw_fail_errno(error, errno, "%s/%s", output, entry->d_name);
	}
	closedir(directory);
	return result;
}
