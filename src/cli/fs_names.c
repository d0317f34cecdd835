/* SPDX-License-Identifier: Apache-2.0 */
/* fs_names.c - `gw fs ls|mkdir|rm|undelete|snapshot`. */
#include "cli/fs.h"

#include "cli/kv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { DIRECTORY_MODE = 0755 };

/* ---- Shared ---------------------------------------------------------------------------------- */

void cli_fs_mode_text(uint32_t mode, char text[10])
{
	static const char letters[] = "rwxrwxrwx";

	for (unsigned i = 0; i < 9; i++)
		text[i] = mode & (0400u >> i) ? letters[i] : '-';
	text[9] = 0;
}

int cli_fs_print_change(const struct cli_fs *fs, int code, const struct gw_gfs_change *change,
			struct gw_error *error)
{
	if (code < 0 || !fs->json)
		return code;
	return cli_kv_print_json(json_pack("{s:I,s:I}", "index", (json_int_t)change->index, "id",
					   (json_int_t)change->id),
				 error);
}

int cli_fs_print_json(const char *path, json_t *json, struct gw_error *error)
{
	if (json)
		cli_kv_json_bytes(json, "path", gw_string(path));
	return cli_kv_print_json(json, error);
}

/* ---- ls -------------------------------------------------------------------------------------- */

/* path: all of it, where names alone would not do; else NULL. */
static int print_json(const struct gw_gfs_entry *entry, const char *path, struct gw_error *error)
{
	bool is_file = entry->kind == GW_GFS_FILE;
	json_t *json =
		json_pack("{s:s,s:I,s:i,s:i,s:i,s:i,s:I}", "kind", is_file ? "file" : "directory",
			  "id", (json_int_t)entry->id, "mode", (int)entry->mode, "user",
			  (int)entry->user, "group", (int)entry->group, "goal", (int)entry->goal,
			  "modifiedMs", (json_int_t)entry->modified_ms);

	if (!json)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for JSON");
	cli_kv_json_bytes(json, path ? "path" : "name", path ? gw_string(path) : entry->name);
	if (is_file) {
		json_object_set_new(json, "length", json_integer((json_int_t)entry->length));
		json_object_set_new(json, "chunks", json_integer((json_int_t)entry->chunks));
	}
	if (entry->due_ms)
		json_object_set_new(json, "dueMs", json_integer((json_int_t)entry->due_ms));
	return cli_kv_print_json(json, error);
}

static int print(const struct cli_fs *fs, const struct gw_gfs_entry *entry, const char *path,
		 struct gw_error *error)
{
	time_t seconds = (time_t)(entry->modified_ms / 1000);
	char mode[10], text[32] = "";
	struct tm parts;

	if (fs->json)
		return print_json(entry, path, error);
	if (fs->details) {
		cli_fs_mode_text(entry->mode, mode);
		if (localtime_r(&seconds, &parts))
			(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &parts);
		printf("%c%s %" PRIu32 " %5" PRIu32 " %5" PRIu32 " %12" PRIu64 " %s ",
		       entry->kind == GW_GFS_DIRECTORY ? 'd' : '-', mode, entry->goal, entry->user,
		       entry->group, entry->length, text);
	}
	cli_kv_print_escaped(path ? gw_string(path) : entry->name);
	puts(entry->kind == GW_GFS_DIRECTORY ? "/" : "");
	return 0;
}

static int print_name(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	return print(context, entry, NULL, error);
}

struct listing {
	struct cli_fs *fs;
	const char *directory; /* itself is not listed */
};

static int print_path(void *context, const char *path, const struct gw_gfs_entry *entry,
		      struct gw_error *error)
{
	const struct listing *listing = context;

	return path == listing->directory ? 0 : print(listing->fs, entry, path, error);
}

static int print_in(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	const struct listing *listing = context;
	char *path = cli_fs_join(listing->directory, entry->name);
	int code = path ? print(listing->fs, entry, path, error)
			: gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");

	free(path);
	return code;
}

/* Of one directory the names, else paths: who reads them has to know where they are. */
static int list(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	struct listing listing = {fs, path};
	struct gw_gfs_stat stat;
	int code = gw_gfs_stat(fs->client, gw_string(path), false, fs->weak, &stat, error);

	if (code < 0)
		return code;
	if (stat.entry.kind == GW_GFS_FILE) {
		stat.entry.name = gw_string(path);
		return print(fs, &stat.entry, fs->several ? path : NULL, error);
	}
	if (fs->recursive)
		return cli_fs_walk(fs, path, true, print_path, &listing, error);
	return fs->several ? cli_fs_each(fs, path, print_in, &listing, error)
			   : cli_fs_each(fs, path, print_name, fs, error);
}

int cli_fs_ls(struct cli_fs *fs, struct gw_error *error)
{
	if (fs->deleted)
		return fs->count < 2 ? cli_fs_each(fs, fs->count ? fs->operands[0] : "/",
						   print_name, fs, error)
				     : gw_fail(error, GW_E_USAGE, "--deleted takes one path");
	return fs->count ? cli_fs_each_path(fs, 0, list, error) : list(fs, "/", error);
}

/* ---- Changes --------------------------------------------------------------------------------- */

int cli_fs_make_directory(struct cli_fs *fs, struct gw_bytes path, uint32_t mode,
			  struct gw_gfs_change *change, struct gw_error *error)
{
	struct gw_gfs_stat stat;
	int code = gw_gfs_mkdir(fs->client, path, mode, change, error);

	if (code == GW_E_EXISTS &&
	    gw_gfs_stat(fs->client, path, false, false, &stat, NULL) == 0 &&
	    stat.entry.kind == GW_GFS_DIRECTORY)
		code = 0;
	return code;
}

/* Also those above it. */
static int make_path(struct cli_fs *fs, const char *path, uint32_t mode,
		     struct gw_gfs_change *change, struct gw_error *error)
{
	size_t size = 0;
	int code = *path ? 0 : gw_fail(error, GW_E_INVALID, "no path");

	while (code == 0 && path[size]) {
		size += 1 + strcspn(path + size + 1, "/");
		code = cli_fs_make_directory(fs, (struct gw_bytes){path, size}, mode, change,
					     error);
	}
	return code;
}

static int make_named(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	uint32_t mode = DIRECTORY_MODE;
	int code = fs->mode ? cli_fs_read_mode(fs->mode, &mode, error) : 0;

	if (code < 0)
		return code;
	code = fs->parents ? make_path(fs, path, mode, &change, error)
			   : gw_gfs_mkdir(fs->client, gw_string(path), mode, &change, error);
	return cli_fs_print_change(fs, code, &change, error);
}

int cli_fs_mkdir(struct cli_fs *fs, struct gw_error *error)
{
	fs->literal = true; /* what is to be there is no pattern of what is */
	return cli_fs_each_path(fs, 0, make_named, error);
}

static int remove_path(struct cli_fs *fs, const char *path, bool is_known, uint32_t kind,
		       struct gw_error *error);

struct removing {
	struct cli_fs *fs;
	const char *directory;
};

static int remove_entry(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	const struct removing *removing = context;
	char *path = cli_fs_join(removing->directory, entry->name);
	int code = path ? remove_path(removing->fs, path, true, entry->kind, error)
			: gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");

	free(path);
	return code;
}

/* A directory's entries before itself. */
static int remove_path(struct cli_fs *fs, const char *path, bool is_known, uint32_t kind,
		       struct gw_error *error)
{
	struct removing removing = {fs, path};
	struct gw_gfs_change change = {0};
	struct gw_gfs_stat stat;
	int code = 0;

	if (fs->recursive && !is_known) {
		code = gw_gfs_stat(fs->client, gw_string(path), false, false, &stat, error);
		kind = stat.entry.kind;
	}
	if (code == 0 && fs->recursive && kind == GW_GFS_DIRECTORY)
		code = cli_fs_each(fs, path, remove_entry, &removing, error);
	if (code == 0)
		code = gw_gfs_delete(fs->client, gw_string(path), fs->now, &change, error);
	return cli_fs_print_change(fs, code, &change, error);
}

static int remove_named(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	return remove_path(fs, path, false, GW_GFS_FILE, error);
}

int cli_fs_rm(struct cli_fs *fs, struct gw_error *error)
{
	return cli_fs_each_path(fs, 0, remove_named, error);
}

int cli_fs_undelete(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	int code = gw_gfs_undelete(fs->client, gw_string(fs->operands[0]), (uint64_t)fs->id,
				   gw_string(fs->count > 1 ? fs->operands[1] : ""), &change, error);

	return cli_fs_print_change(fs, code, &change, error);
}

int cli_fs_snapshot(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	int code = gw_gfs_snapshot(fs->client, gw_string(fs->operands[0]),
				   gw_string(fs->operands[1]), &change, error);

	return cli_fs_print_change(fs, code, &change, error);
}
