/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_copy.c - `gw fs put|get|cp|mv`: what goes where, and directories with all under them. What
 * goes to a directory that is there gets its own name in it, as with cp and mv; else it gets the
 * name that was given. The first failure ends it.
 */
#include "cli/fs.h"

#include "task/disk.h"
#include "task/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DIRECTORY_MODE = 0755 };

static bool is_standard(const char *name)
{
	return strcmp(name, "-") == 0;
}

/* ---- Files here ------------------------------------------------------------------------------ */

int cli_fs_open_local(const char *name, FILE **local, struct gw_error *error)
{
	*local = is_standard(name) ? stdin : fopen(name, "re");
	return *local ? 0 : gw_fail_errno(error, errno, "%s", name);
}

void cli_fs_close_local(FILE *local)
{
	if (local && local != stdin)
		(void)fclose(local);
}

static bool is_local_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* ---- Where to -------------------------------------------------------------------------------- */

struct target {
	char *path;
	bool is_directory; /* that is there */
};

/* Several things, or a name with a '/' behind it, need a directory. */
static int check_target(const struct target *target, const char *operand, size_t count,
			struct gw_error *error)
{
	if (!target->path)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	if (target->is_directory || (count < 2 && strlen(target->path) == strlen(operand)))
		return 0;
	return gw_fail(error, GW_E_NOT_FOUND, "%s: no such directory", operand);
}

static int find_target(struct cli_fs *fs, const char *operand, size_t count,
		       struct target *target, struct gw_error *error)
{
	struct gw_gfs_stat stat = {0};
	int code = 0;

	target->path = cli_fs_path(operand);
	if (target->path)
		code = gw_gfs_stat(fs->client, gw_string(target->path), false, false, &stat,
				   error);
	if (code < 0 && code != GW_E_NOT_FOUND)
		return code;
	target->is_directory = code == 0 && stat.entry.kind == GW_GFS_DIRECTORY;
	return check_target(target, operand, count, error);
}

static int find_local_target(const char *operand, size_t count, struct target *target,
			     struct gw_error *error)
{
	*target = (struct target){cli_fs_path(operand), is_local_directory(operand)};
	return check_target(target, operand, count, error);
}

/* The name that a source gets; malloc'ed. All that is in "." goes to the directory itself. */
static char *name_in(const struct target *target, const char *source)
{
	struct gw_bytes last = cli_fs_last(source);
	bool has_name = last.size > 0 && gw_bytes_compare(last, gw_string(".")) != 0 &&
			gw_bytes_compare(last, gw_string("..")) != 0;

	return target->is_directory && has_name ? cli_fs_join(target->path, last)
						: cli_fs_path(target->path);
}

/* For each source. */
typedef int copy_one(struct cli_fs *fs, const char *source, const char *to,
		     struct gw_error *error);

static int copy_each(struct cli_fs *fs, char **sources, size_t count, const struct target *target,
		     copy_one *copy, struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; i < count && code == 0; i++) {
		char *to = name_in(target, sources[i]);

		code = to ? copy(fs, sources[i], to, error)
			  : gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
		free(to);
	}
	return code;
}

/* Sources in the file system, and a target that is, too. */
static int copy_inside(struct cli_fs *fs, copy_one *copy, struct gw_error *error)
{
	const char *operand = fs->operands[fs->count - 1];
	struct cli_fs_paths paths = {0};
	struct target target = {0};
	int code = cli_fs_paths_of(fs, fs->operands, fs->count - 1, &paths, error);

	if (code == 0)
		code = find_target(fs, operand, paths.count, &target, error);
	if (code == 0)
		code = copy_each(fs, paths.items, paths.count, &target, copy, error);
	free(target.path);
	cli_fs_paths_done(&paths);
	return code;
}

static int check_recursive(const struct cli_fs *fs, const char *path, struct gw_error *error)
{
	return fs->recursive ? 0
			     : gw_fail(error, GW_E_INVALID,
				       "%s is a directory: --recursive copies it", path);
}

/* ---- put ------------------------------------------------------------------------------------- */

static int put_file(struct cli_fs *fs, const char *local, const char *path, struct gw_error *error)
{
	struct stat status;
	FILE *file;
	int code = cli_fs_open_local(local, &file, error);

	if (code < 0)
		return code;
	cli_fs_progress_begin(fs, local,
			      fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode)
				      ? (uint64_t)status.st_size
				      : 0);
	code = cli_fs_store(fs, file, local, path, error);
	cli_fs_progress_end(fs);
	cli_fs_close_local(file);
	return code;
}

static int put_directory(struct cli_fs *fs, const char *local, const char *path,
			 struct gw_error *error);

/* What nobody named: no pipe is waited for, and no link leads in a circle. */
static int put_entry(struct cli_fs *fs, const char *local, const char *path,
		     struct gw_error *error)
{
	struct stat status;

	if (lstat(local, &status) < 0)
		return gw_fail_errno(error, errno, "%s", local);
	if (S_ISDIR(status.st_mode))
		return put_directory(fs, local, path, error);
	if (S_ISLNK(status.st_mode) && stat(local, &status) < 0)
		return gw_fail_errno(error, errno, "%s", local);
	if (!S_ISREG(status.st_mode))
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "%s is neither a file nor a directory, nor a link to a file", local);
	return put_file(fs, local, path, error);
}

static int put_directory(struct cli_fs *fs, const char *local, const char *path,
			 struct gw_error *error)
{
	struct io_list list;
	int code = task_disk_list(local, &list, error);

	if (code < 0)
		return code;
	code = cli_fs_make_directory(fs, gw_string(path), DIRECTORY_MODE, NULL, error);
	for (size_t i = 0; i < list.count && code == 0; i++) {
		struct gw_bytes name = gw_string(list.entries[i].name);
		char *from = cli_fs_join(local, name), *to = cli_fs_join(path, name);

		code = from && to ? put_entry(fs, from, to, error)
				  : gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
		free(from);
		free(to);
	}
	io_list_free(task_io(), &list);
	return code;
}

static int put(struct cli_fs *fs, const char *local, const char *path, struct gw_error *error)
{
	if (is_standard(local) || !is_local_directory(local))
		return put_file(fs, local, path, error);
	return fs->recursive ? put_directory(fs, local, path, error)
			     : check_recursive(fs, local, error);
}

int cli_fs_put(struct cli_fs *fs, struct gw_error *error)
{
	size_t count = fs->count - 1;
	struct target target = {0};
	int code = find_target(fs, fs->operands[count], count, &target, error);

	for (size_t i = 0; i < count && code == 0; i++) {
		if (target.is_directory && is_standard(fs->operands[i]))
			code = gw_fail(error, GW_E_INVALID,
				       "%s is a directory: standard input needs a name",
				       target.path);
	}
	if (code == 0)
		code = copy_each(fs, fs->operands, count, &target, put, error);
	free(target.path);
	return code;
}

/* ---- Trees of the file system ---------------------------------------------------------------- */

struct tree {
	struct cli_fs *fs;
	const char *from, *to;
	/* Of a file, and of a directory before what is in it. */
	int (*copy_file)(struct cli_fs *fs, const char *from, const struct gw_gfs_entry *entry,
			 const char *to, struct gw_error *error);
	int (*make)(struct cli_fs *fs, const char *to, const struct gw_gfs_entry *entry,
		    struct gw_error *error);
};

static int copy_tree(const struct tree *tree, const struct gw_gfs_entry *entry,
		     struct gw_error *error);

static int copy_entry(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	const struct tree *above = context;
	struct tree tree = *above;
	char *from = cli_fs_join(above->from, entry->name);
	char *to = cli_fs_join(above->to, entry->name);
	int code;

	tree.from = from;
	tree.to = to;
	code = from && to ? copy_tree(&tree, entry, error)
			  : gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	free(from);
	free(to);
	return code;
}

static int copy_tree(const struct tree *tree, const struct gw_gfs_entry *entry,
		     struct gw_error *error)
{
	struct tree under = *tree;
	int code;

	if (entry->kind == GW_GFS_FILE)
		return tree->copy_file(tree->fs, tree->from, entry, tree->to, error);
	code = tree->make(tree->fs, tree->to, entry, error);
	return code < 0 ? code : cli_fs_each(tree->fs, tree->from, copy_entry, &under, error);
}

static int copy_named(const struct tree *tree, struct gw_error *error)
{
	struct gw_gfs_stat stat;
	int code = gw_gfs_stat(tree->fs->client, gw_string(tree->from), false, false, &stat, error);

	if (code == 0 && stat.entry.kind == GW_GFS_DIRECTORY)
		code = check_recursive(tree->fs, tree->from, error);
	return code < 0 ? code : copy_tree(tree, &stat.entry, error);
}

/* ---- cp -------------------------------------------------------------------------------------- */

static int cp_file(struct cli_fs *fs, const char *from, const struct gw_gfs_entry *entry,
		   const char *to, struct gw_error *error)
{
	int code;

	cli_fs_progress_begin(fs, from, entry->length);
	code = cli_fs_store_copy(fs, from, to, error);
	cli_fs_progress_end(fs);
	return code;
}

static int cp_make(struct cli_fs *fs, const char *to, const struct gw_gfs_entry *entry,
		   struct gw_error *error)
{
	return cli_fs_make_directory(fs, gw_string(to), entry->mode, NULL, error);
}

/* A directory that is copied into itself would never end. */
static int cp(struct cli_fs *fs, const char *from, const char *to, struct gw_error *error)
{
	const struct tree tree = {fs, from, to, cp_file, cp_make};
	size_t size = strlen(from);

	if (fs->recursive && strncmp(from, to, size) == 0 && (to[size] == '/' || size == 1))
		return gw_fail(error, GW_E_INVALID, "%s is in %s", to, from);
	return copy_named(&tree, error);
}

int cli_fs_cp(struct cli_fs *fs, struct gw_error *error)
{
	return copy_inside(fs, cp, error);
}

/* ---- mv -------------------------------------------------------------------------------------- */

static int mv(struct cli_fs *fs, const char *from, const char *to, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	int code = gw_gfs_rename(fs->client, gw_string(from), gw_string(to), fs->force, &change,
				 error);

	return cli_fs_print_change(fs, code, &change, error);
}

int cli_fs_mv(struct cli_fs *fs, struct gw_error *error)
{
	return copy_inside(fs, mv, error);
}

/* ---- get ------------------------------------------------------------------------------------- */

static int get_file(struct cli_fs *fs, const char *from, const struct gw_gfs_entry *entry,
		    const char *name, struct gw_error *error)
{
	FILE *local = fopen(name, "we");
	int code;

	if (!local)
		return gw_fail_errno(error, errno, "%s", name);
	cli_fs_progress_begin(fs, from, entry->length);
	code = cli_fs_fetch(fs, from, local, name, error);
	cli_fs_progress_end(fs);
	if (fclose(local) != 0 && code == 0)
		code = gw_fail_errno(error, errno, "%s", name);
	if (code < 0)
		(void)remove(name);
	return code;
}

static int get_make(struct cli_fs *fs, const char *to, const struct gw_gfs_entry *entry,
		    struct gw_error *error)
{
	(void)fs;
	(void)entry;
	return is_local_directory(to) ? 0 : task_disk_mkdir(to, error);
}

static int get(struct cli_fs *fs, const char *from, const char *to, struct gw_error *error)
{
	const struct tree tree = {fs, from, to, get_file, get_make};

	return copy_named(&tree, error);
}

/* The last of several operands is where they go to; of one, this directory. */
int cli_fs_get(struct cli_fs *fs, struct gw_error *error)
{
	size_t count = fs->count > 1 ? fs->count - 1 : 1;
	const char *operand = fs->count > 1 ? fs->operands[count] : ".";
	struct cli_fs_paths paths = {0};
	struct target target = {0};
	int code = cli_fs_paths_of(fs, fs->operands, count, &paths, error);

	if (code == 0 && is_standard(operand)) {
		for (size_t i = 0; i < paths.count && code == 0; i++)
			code = cli_fs_fetch(fs, paths.items[i], stdout, "standard output", error);
	} else if (code == 0) {
		code = find_local_target(operand, paths.count, &target, error);
		if (code == 0)
			code = copy_each(fs, paths.items, paths.count, &target, get, error);
	}
	free(target.path);
	cli_fs_paths_done(&paths);
	return code;
}
