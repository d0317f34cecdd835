/* SPDX-License-Identifier: Apache-2.0 */
/* fs_names.c - `gw fs ls|mkdir|rm|undelete|mv|snapshot`. */
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

char *cli_fs_join(const char *directory, struct gw_bytes name)
{
	size_t used = strlen(directory);
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

/* The last name of a page, to go on behind it when the page is gone. */
static int keep_last(const struct gw_gfs_page *page, char **last, struct gw_bytes *after,
		     struct gw_error *error)
{
	struct gw_bytes name = page->entries[page->count - 1].name;
	char *copy = realloc(*last, name.size + 1);

	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a name");
	memcpy(copy, name.data, name.size);
	*last = copy;
	*after = (struct gw_bytes){copy, name.size};
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

int cli_fs_print_change(const struct cli_fs *fs, int code, const struct gw_gfs_change *change,
			struct gw_error *error)
{
	if (code < 0 || !fs->json)
		return code;
	return cli_kv_print_json(json_pack("{s:I,s:I}", "index", (json_int_t)change->index, "id",
					   (json_int_t)change->id),
				 error);
}

/* ---- ls -------------------------------------------------------------------------------------- */

static int print_json(const struct gw_gfs_entry *entry, struct gw_error *error)
{
	bool is_file = entry->kind == GW_GFS_FILE;
	json_t *json =
		json_pack("{s:s,s:I,s:i,s:i,s:i,s:i,s:I}", "kind", is_file ? "file" : "directory",
			  "id", (json_int_t)entry->id, "mode", (int)entry->mode, "user",
			  (int)entry->user, "group", (int)entry->group, "goal", (int)entry->goal,
			  "modifiedMs", (json_int_t)entry->modified_ms);

	if (!json)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for JSON");
	cli_kv_json_bytes(json, "name", entry->name);
	if (is_file) {
		json_object_set_new(json, "length", json_integer((json_int_t)entry->length));
		json_object_set_new(json, "chunks", json_integer((json_int_t)entry->chunks));
	}
	if (entry->due_ms)
		json_object_set_new(json, "dueMs", json_integer((json_int_t)entry->due_ms));
	return cli_kv_print_json(json, error);
}

static int print_entry(void *context, const struct gw_gfs_entry *entry, struct gw_error *error)
{
	const struct cli_fs *fs = context;
	time_t seconds = (time_t)(entry->modified_ms / 1000);
	char mode[10], text[32] = "";
	struct tm parts;

	if (fs->json)
		return print_json(entry, error);
	if (fs->details) {
		cli_fs_mode_text(entry->mode, mode);
		if (localtime_r(&seconds, &parts))
			(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &parts);
		printf("%c%s %" PRIu32 " %5" PRIu32 " %5" PRIu32 " %12" PRIu64 " %s ",
		       entry->kind == GW_GFS_DIRECTORY ? 'd' : '-', mode, entry->goal, entry->user,
		       entry->group, entry->length, text);
	}
	cli_kv_print_escaped(entry->name);
	puts(entry->kind == GW_GFS_DIRECTORY ? "/" : "");
	return 0;
}

int cli_fs_ls(struct cli_fs *fs, struct gw_error *error)
{
	const char *path = fs->count ? fs->operands[0] : "/";
	struct gw_gfs_stat stat;
	int code = 0;

	if (!fs->deleted)
		code = gw_gfs_stat(fs->client, gw_string(path), false, fs->weak, &stat, error);
	if (code < 0)
		return code;
	if (fs->deleted || stat.entry.kind == GW_GFS_DIRECTORY)
		return cli_fs_each(fs, path, print_entry, fs, error);
	stat.entry.name = gw_string(path);
	return print_entry(fs, &stat.entry, error);
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Also those above it; that it is there is fine, as long as it is a directory. */
static int make_path(struct cli_fs *fs, const char *path, uint32_t mode,
		     struct gw_gfs_change *change, struct gw_error *error)
{
	struct gw_error why = {0};
	struct gw_gfs_stat stat;
	size_t size = 0;
	int code = 0;

	while (path[size] && (code == 0 || code == GW_E_EXISTS)) {
		size += 1 + strcspn(path + size + 1, "/");
		code = gw_gfs_mkdir(fs->client, (struct gw_bytes){path, size}, mode, change, &why);
	}
	if (code != GW_E_EXISTS)
		return code < 0 ? gw_fail(error, code, "%s", why.text) : 0;
	code = gw_gfs_stat(fs->client, gw_string(path), false, false, &stat, error);
	if (code == 0 && stat.entry.kind != GW_GFS_DIRECTORY)
		code = gw_fail(error, GW_E_EXISTS, "%s", why.text);
	return code;
}

int cli_fs_mkdir(struct cli_fs *fs, struct gw_error *error)
{
	uint32_t mode = DIRECTORY_MODE;
	int code = fs->mode ? cli_fs_read_mode(fs->mode, &mode, error) : 0;

	for (size_t i = 0; i < fs->count && code == 0; i++) {
		struct gw_gfs_change change = {0};
		const char *path = fs->operands[i];

		code = fs->parents ? make_path(fs, path, mode, &change, error)
				   : gw_gfs_mkdir(fs->client, gw_string(path), mode, &change,
						  error);
		code = cli_fs_print_change(fs, code, &change, error);
	}
	return code;
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

int cli_fs_rm(struct cli_fs *fs, struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; i < fs->count && code == 0; i++)
		code = remove_path(fs, fs->operands[i], false, GW_GFS_FILE, error);
	return code;
}

int cli_fs_undelete(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	int code = gw_gfs_undelete(fs->client, gw_string(fs->operands[0]), (uint64_t)fs->id,
				   gw_string(fs->count > 1 ? fs->operands[1] : ""), &change, error);

	return cli_fs_print_change(fs, code, &change, error);
}

int cli_fs_mv(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	int code = gw_gfs_rename(fs->client, gw_string(fs->operands[0]), gw_string(fs->operands[1]),
				 fs->force, &change, error);

	return cli_fs_print_change(fs, code, &change, error);
}

int cli_fs_snapshot(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	int code = gw_gfs_snapshot(fs->client, gw_string(fs->operands[0]),
				   gw_string(fs->operands[1]), &change, error);

	return cli_fs_print_change(fs, code, &change, error);
}
