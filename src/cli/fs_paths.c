/* SPDX-License-Identifier: Apache-2.0 */
/* fs_paths.c - paths of the file system: what is in and under them, and patterns of them. */
#include "cli/fs.h"

#include "base/allocate.h"

#include <fnmatch.h>
#include <stdlib.h>

#define WILDCARDS "*?["

/* ---- Paths ----------------------------------------------------------------------------------- */

/* Without slashes at the end. */
static size_t size_of(const char *path)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	return size;
}

char *cli_fs_join(const char *directory, struct gw_bytes name)
{
	size_t used = size_of(directory);
	char *path = malloc(used + name.size + 2);

	if (!path)
		return NULL;
	memcpy(path, directory, used);
	if (used == 0 || path[used - 1] != '/')
		path[used++] = '/';
	memcpy(path + used, name.data, name.size);
	path[used + name.size] = 0;
	return path;
}

char *cli_fs_path(const char *operand)
{
	return base_copy_text((struct gw_bytes){operand, size_of(operand)});
}

struct gw_bytes cli_fs_last(const char *path)
{
	size_t size = size_of(path), from = size;

	while (from > 0 && path[from - 1] != '/')
		from--;
	return (struct gw_bytes){path + from, size - from};
}

/* ---- In a directory, and under it ------------------------------------------------------------ */

/* The last name of a page, to go on behind it when the page is gone. */
static int keep_last(const struct gw_gfs_page *page, char **last, struct gw_bytes *after,
		     struct gw_error *error)
{
	struct gw_bytes name = page->entries[page->count - 1].name;
	char *kept = realloc(*last, name.size + 1);

	if (!kept)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a name");
	memcpy(kept, name.data, name.size);
	*last = kept;
	*after = (struct gw_bytes){kept, name.size};
	return 0;
}

int cli_fs_each(struct cli_fs *fs, const char *directory,
		int (*visit)(void *context, const struct gw_gfs_entry *entry,
			     struct gw_error *error),
		void *context, struct gw_error *error)
{
	struct gw_gfs_range range = {.weak = fs->weak};
	struct gw_gfs_page page = {0};
	char *last = NULL;
	bool more = true;
	int code = 0;

	while (more && code == 0) {
		code = (fs->deleted ? gw_gfs_list_deleted : gw_gfs_list)(
			fs->client, gw_string(directory), &range, &page, error);
		for (size_t i = 0; i < page.count && code == 0; i++)
			code = visit(context, &page.entries[i], error);
		more = code == 0 && page.more && page.count > 0;
		if (more)
			code = keep_last(&page, &last, &range.after, error);
		gw_gfs_page_done(&page);
	}
	free(last);
	return code;
}

struct walk {
	struct cli_fs *fs;
	const char *directory;
	cli_fs_visit *visit;
	void *context;
};

static int walk_under(struct walk *walk, const char *path, struct gw_error *error);

static int walk_entry(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	struct walk *walk = context;
	char *path = cli_fs_join(walk->directory, entry->name);
	int code;

	if (!path)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	code = walk->visit(walk->context, path, entry, error);
	if (code == 0 && entry->kind == GW_GFS_DIRECTORY)
		code = walk_under(walk, path, error);
	free(path);
	return code;
}

static int walk_under(struct walk *walk, const char *path, struct gw_error *error)
{
	struct walk under = *walk;

	under.directory = path;
	return cli_fs_each(walk->fs, path, walk_entry, &under, error);
}

int cli_fs_walk(struct cli_fs *fs, const char *path, bool recursive, cli_fs_visit *visit,
		void *context, struct gw_error *error)
{
	struct walk walk = {.fs = fs, .visit = visit, .context = context};
	struct gw_gfs_stat stat;
	int code = gw_gfs_stat(fs->client, gw_string(path), false, fs->weak, &stat, error);

	if (code == 0)
		code = visit(context, path, &stat.entry, error);
	if (code == 0 && recursive && stat.entry.kind == GW_GFS_DIRECTORY)
		code = walk_under(&walk, path, error);
	return code;
}

/* ---- Patterns -------------------------------------------------------------------------------- */

/* Takes the path. */
static int add(struct cli_fs_paths *paths, char *path, struct gw_error *error)
{
	char **items = path ? base_grow(paths->items, sizeof(*items), &paths->capacity,
					paths->count + 1)
			    : NULL;

	if (!items) {
		free(path);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for paths");
	}
	paths->items = items;
	paths->items[paths->count++] = path;
	return 0;
}

struct match {
	struct cli_fs *fs;
	struct cli_fs_paths *paths;
	const char *directory;
	const char *pattern; /* of a name in it */
	const char *rest;    /* of the whole pattern, behind that */
};

static int match_under(struct cli_fs *fs, struct cli_fs_paths *paths, const char *directory,
		       const char *pattern, struct gw_error *error);

static int match_entry(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	const struct match *match = context;
	char *path = cli_fs_join(match->directory, entry->name);
	int code = 0;

	if (!path)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	if (fnmatch(match->pattern, path + strlen(path) - entry->name.size, FNM_PERIOD) == 0) {
		if (!*match->rest)
			return add(match->paths, path, error);
		if (entry->kind == GW_GFS_DIRECTORY)
			code = match_under(match->fs, match->paths, path, match->rest, error);
	}
	free(path);
	return code;
}

/* A name that is no pattern, so the directory need not be read. */
static int match_name(struct match *match, struct gw_error *error)
{
	char *path = cli_fs_join(match->directory, gw_string(match->pattern));
	struct gw_gfs_stat stat;
	int code = path ? gw_gfs_stat(match->fs->client, gw_string(path), false, match->fs->weak,
				      &stat, error)
			: gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");

	if (code == 0 && !*match->rest)
		return add(match->paths, path, error);
	if (code == 0 && stat.entry.kind == GW_GFS_DIRECTORY)
		code = match_under(match->fs, match->paths, path, match->rest, error);
	free(path);
	return code == GW_E_NOT_FOUND ? 0 : code;
}

/* Adds all that the pattern, which begins with its slashes, means from the directory on. */
static int match_under(struct cli_fs *fs, struct cli_fs_paths *paths, const char *directory,
		       const char *pattern, struct gw_error *error)
{
	size_t from = strspn(pattern, "/"), size = strcspn(pattern + from, "/");
	char *name = base_copy_text((struct gw_bytes){pattern + from, size});
	struct match match = {.fs = fs,
			      .paths = paths,
			      .directory = directory,
			      .pattern = name,
			      .rest = pattern + from + size};
	int code;

	if (!name)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a pattern");
	match.rest += strspn(match.rest, "/");
	if (strpbrk(name, WILDCARDS "\\"))
		code = cli_fs_each(fs, directory, match_entry, &match, error);
	else
		code = match_name(&match, error);
	free(name);
	return code == GW_E_NOT_FOUND ? 0 : code; /* deleted meanwhile */
}

static int take_path(struct cli_fs *fs, struct cli_fs_paths *paths, const char *operand,
		     struct gw_error *error)
{
	char *path = cli_fs_path(operand);
	size_t before = paths->count;
	struct gw_gfs_stat stat;
	int code = 0;

	if (path && !fs->literal && *path == '/' && strpbrk(path, WILDCARDS)) {
		code = gw_gfs_stat(fs->client, gw_string(path), false, fs->weak, &stat, error);
		if (code == GW_E_NOT_FOUND)
			code = match_under(fs, paths, "/", path, error);
	}
	if (code == 0 && paths->count == before)
		return add(paths, path, error);
	free(path);
	return code;
}

int cli_fs_paths_of(struct cli_fs *fs, char **operands, size_t count, struct cli_fs_paths *paths,
		    struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; i < count && code == 0; i++)
		code = take_path(fs, paths, operands[i], error);
	return code;
}

void cli_fs_paths_done(struct cli_fs_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->items[i]);
	free(paths->items);
	*paths = (struct cli_fs_paths){0};
}

int cli_fs_each_path(struct cli_fs *fs, size_t from,
		     int (*visit)(struct cli_fs *fs, const char *path, struct gw_error *error),
		     struct gw_error *error)
{
	struct cli_fs_paths paths = {0};
	int code = cli_fs_paths_of(fs, fs->operands + from, fs->count - from, &paths, error);

	fs->several = paths.count > 1;
	for (size_t i = 0; i < paths.count && code == 0; i++)
		code = visit(fs, paths.items[i], error);
	cli_fs_paths_done(&paths);
	return code;
}

int cli_fs_walk_all(struct cli_fs *fs, cli_fs_visit *visit, void *context, struct gw_error *error)
{
	char root[] = "/", *all[] = {root};
	struct cli_fs_paths paths = {0};
	int code = cli_fs_paths_of(fs, fs->count ? fs->operands : all, fs->count ? fs->count : 1,
				   &paths, error);

	for (size_t i = 0; i < paths.count && code == 0; i++)
		code = cli_fs_walk(fs, paths.items[i], true, visit, context, error);
	cli_fs_paths_done(&paths);
	return code;
}
