/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_work.c - names of what is shipped, and the directories of attempts. What has to be
 * prepared once for all attempts is made under a name of the process's own and renamed: whichever
 * attempt is first wins, and the others use what is there.
 */
#include "stream_work.h"

#include "stream_files.h"
#include "stream_process.h"

#include "base/allocate.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_DESCRIPTORS = 16 };

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
	for (size_t i = 0; i < work->count; i++) {
		free(work->items[i].link);
		free(work->items[i].path);
	}
	free(work->items);
	*work = (struct mr_work){0};
}

/* ---- What is shipped ---------------------------------------------------------------------- */

static struct mr_shipped *find_link(const struct mr_work *work, const char *link)
{
	for (size_t i = 0; i < work->count; i++) {
		if (strcmp(work->items[i].link, link) == 0)
			return &work->items[i];
	}
	return NULL;
}

/* Adds an item; the path is the work's from here on, whatever happens. */
static int add_item(struct mr_work *work, const char *link, char *path, bool archive,
		    struct gw_error *error)
{
	struct mr_shipped *items;
	char *copy = strdup(link);

	assert(path && path[0] == '/' && *link);
	items = base_grow(work->items, sizeof(*items), &work->capacity, work->count + 1);
	if (items)
		work->items = items;
	if (!items || !copy) {
		free(copy);
		free(path);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for shipped files");
	}
	work->items[work->count++] =
		(struct mr_shipped){.link = copy, .path = path, .archive = archive};
	work->wanted = true;
	return 0;
}

/* The last name of a path as it was written, or of what it stands for ("dir/", "."). */
static const char *last_name(const char *written, const char *path)
{
	const char *slash = strrchr(written, '/');
	const char *name = slash ? slash + 1 : written;

	assert(path[0] == '/');
	if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return name;
	return strrchr(path, '/') + 1;
}

int mr_work_ship(struct mr_work *work, const char *text, bool archive, struct gw_error *error)
{
	const char *hash = strrchr(text, '#'), *link;
	char written[PATH_MAX], *path;
	char *plain = strndup(text, hash ? (size_t)(hash - text) : strlen(text));
	int result;

	if (!plain)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for shipped files");
	result = mr_path_of(plain, written, sizeof(written), error);
	free(plain);
	if (result)
		return result;
	path = realpath(written, NULL);
	if (!path)
		return gw_fail_errno(error, errno, "%s", written);
	link = hash ? hash + 1 : last_name(written, path);
	if (!*link || strchr(link, '/') || strcmp(link, ".") == 0 || strcmp(link, "..") == 0)
		result = gw_fail(error, GW_E_USAGE, "%s: \"%s\" is no name for a link", text, link);
	else if (find_link(work, link))
		result = gw_fail(error, GW_E_USAGE, "%s: another shipped file is called %s, too; "
				 "say PATH#NAME", text, link);
	if (!result)
		return add_item(work, link, path, archive, error);
	free(path);
	return result;
}

/* ---- Commands ----------------------------------------------------------------------------- */

/* The shipped file that the first word of a command means, by its path or by its link. */
static struct mr_shipped *find_program(struct mr_work *work, const char *word)
{
	char *path = realpath(word, NULL);
	struct mr_shipped *found = NULL;

	for (size_t i = 0; i < work->count && !found; i++) {
		if (path && !work->items[i].archive && strcmp(work->items[i].path, path) == 0)
			found = &work->items[i];
	}
	free(path);
	return found ? found : find_link(work, strncmp(word, "./", 2) == 0 ? word + 2 : word);
}

int mr_work_command(struct mr_work *work, const char *command, char **changed,
		    struct gw_error *error)
{
	size_t size = strcspn(command, " \t");
	char *word = strndup(command, size);
	struct mr_shipped *item = word ? find_program(work, word) : NULL;
	struct stat facts;
	int length;

	*changed = NULL;
	free(word);
	if (!word)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
	if (item && (stat(item->path, &facts) < 0 || !S_ISREG(facts.st_mode)))
		item = NULL;
	if (item)
		item->program |= !(facts.st_mode & 0111);
	length = item ? asprintf(changed, "./%s%s", item->link, command + size)
		      : asprintf(changed, "%s", command);
	if (length >= 0)
		return 0;
	*changed = NULL;
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
}

/* ---- What is prepared once ---------------------------------------------------------------- */

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
			return "if command -v unzip >/dev/null; then exec unzip -q \"$1\" -d "
			       "\"$2\"; "
			       "else exec python3 -m zipfile -e \"$1\" \"$2\"; fi";
	}
	for (size_t i = 0; i < sizeof(tars) / sizeof(tars[0]); i++) {
		if (ends_with(path, tars[i]))
			return "exec tar -xf \"$1\" -C \"$2\"";
	}
	return "exec cp \"$1\" \"$2\"";
}

/* Copies or unpacks an item to `made`, which is not there yet. */
static int make(const struct mr_shipped *item, const char *made, struct gw_error *error)
{
	const char *arguments[] = {item->path, made, NULL};
	int result = 0;

	assert(item->archive || item->program);
	if (item->archive && mkdir(made, 0700) < 0)
		return gw_fail_errno(error, errno, "%s", made);
	result = run_tool(item->archive ? unpacker(item->path)
					: "cp \"$1\" \"$2\" && chmod u+rx \"$2\"",
			  arguments, error);
	return result ? gw_fail_in(error, "%s %s", item->archive ? "unpacking" : "copying",
				   item->path)
		      : 0;
}

/* Where the link of an item leads: the file itself, or what was made of it. */
static int prepare(const struct mr_work *work, const struct mr_shipped *item, const char *home,
		   char *target, size_t size, struct gw_error *error)
{
	size_t number = (size_t)(item - work->items);
	char made[PATH_MAX];
	int result = 0;

	assert(number < work->count);
	if (!item->archive && !item->program) {
		result = snprintf(target, size, "%s", item->path) >= (int)size;
	} else if (snprintf(target, size, "%s/user-shipped-%zu", home, number) >= (int)size ||
		   snprintf(made, sizeof(made), "%s-%" PRId64, target, mr_process_number()) >=
			   (int)sizeof(made)) {
		result = 1;
	} else if (access(target, F_OK) < 0) {
		mr_work_leave(made);
		result = make(item, made, error);
		/* Another attempt may have been faster: then what it made is as good. */
		if (!result && rename(made, target) < 0 && access(target, F_OK) < 0)
			result = gw_fail_errno(error, errno, "%s", target);
		mr_work_leave(made);
		return result;
	}
	return result ? gw_fail(error, GW_E_TOO_LARGE, "%s: too long a path", item->path) : 0;
}

/* ---- Attempts ----------------------------------------------------------------------------- */

static int make_links(const struct mr_work *work, const char *home, const char *directory,
		      struct gw_error *error)
{
	char path[PATH_MAX], target[PATH_MAX];
	int result = 0;

	assert(home[0] == '/' && directory[0] == '/');
	for (size_t i = 0; i < work->count && !result; i++) {
		const struct mr_shipped *item = &work->items[i];

		result = prepare(work, item, home, target, sizeof(target), error);
		if (result)
			break;
		if (snprintf(path, sizeof(path), "%s/%s", directory, item->link) >=
		    (int)sizeof(path))
			return gw_fail(error, GW_E_TOO_LARGE, "%s: too long a path", item->link);
		if (symlink(target, path) < 0)
			result = gw_fail_errno(error, errno, "%s", path);
	}
	return result;
}

static int make_directory(const struct mr_work *work, const char *home, const char *directory,
			  struct gw_error *error)
{
	mr_work_leave(directory); /* of an attempt of this name that was killed */
	if (mkdir(directory, 0700) < 0)
		return gw_fail_errno(error, errno, "%s", directory);
	return make_links(work, home, directory, error);
}

int mr_work_enter(const struct mr_work *work, const char *home, const char *attempt, char **path,
		  struct gw_error *error)
{
	char *absolute = realpath(home, NULL);
	int result;

	*path = NULL;
	assert(work->wanted);
	if (!absolute)
		return gw_fail_errno(error, errno, "%s", home);
	if (asprintf(path, "%s/user-%s", absolute, attempt) < 0) {
		*path = NULL;
		result = gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	} else {
		result = make_directory(work, absolute, *path, error);
	}
	free(absolute);
	if (result) {
		mr_work_leave(*path);
		free(*path);
		*path = NULL;
	}
	return result;
}
