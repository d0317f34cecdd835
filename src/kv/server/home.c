/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.c - the directory of a member.
 */
#include "kv/server/home.h"

#include "task/disk.h"
#include "task/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const char format_text[] = "groundwork kv 1\n";

static char *path_of(const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s/%s", directory, name);
	return path;
}

static int format_check(const char *path, struct gw_error *error)
{
	struct base_buffer bytes = {0};
	int code = task_disk_load(path, 4096, &bytes, error);

	if (code == 0 && (bytes.size != strlen(format_text) ||
			  memcmp(bytes.data, format_text, bytes.size) != 0))
		code = gw_fail(error, GW_E_VERSION,
			       "%s: this directory is not of a version that this program knows",
			       path);
	base_buffer_done(&bytes);
	return code;
}

/* A directory with anything in it that is not ours is left alone. */
static int format_make(const char *directory, const char *path, struct gw_error *error)
{
	struct io_list list;
	int code = task_disk_list(directory, &list, error);

	if (code < 0)
		return code;
	for (size_t i = 0; i < list.count && code == 0; i++)
		if (strcmp(list.entries[i].name, "lock") != 0 &&
		    strcmp(list.entries[i].name, "format.new") != 0)
			code = gw_fail(error, GW_E_CORRUPT,
				       "%s: not a directory of the key/value service: it has %s "
				       "and no file \"format\"",
				       directory, list.entries[i].name);
	io_list_free(task_io(), &list);
	if (code == 0) {
		char *fresh = path_of(directory, "format.new");

		code = fresh ? task_disk_save(fresh, gw_string(format_text), error)
			     : gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);
		if (code == 0)
			code = task_disk_rename(fresh, path, error);
		free(fresh);
	}
	return code == 0 ? task_disk_sync_directory(directory, error) : code;
}

static int format_open(const char *directory, struct gw_error *error)
{
	struct gw_error why = {0};
	char *path = path_of(directory, "format");
	int code = path ? format_check(path, &why)
			: gw_fail(&why, GW_E_NO_MEMORY, "%s: no memory", directory);

	if (code == GW_E_NOT_FOUND)
		code = format_make(directory, path, error);
	else if (code < 0)
		(void)gw_fail(error, code, "%s", why.text);
	free(path);
	return code;
}

/* The name in the directory above, which has to last as long as what is acknowledged. */
static int sync_above(const char *path, struct gw_error *error)
{
	char *above = strdup(path);
	char *slash = above ? strrchr(above, '/') : NULL;
	int code;

	if (!above)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", path);
	if (slash)
		slash[slash == above] = '\0';
	code = task_disk_sync_directory(slash ? above : ".", error);
	free(above);
	return code;
}

static int make_one(const char *path, struct gw_error *error)
{
	int code = task_disk_mkdir(path, error);

	return code == 0 ? sync_above(path, error) : code;
}

/* Also those above it that are not there. */
static int make_directory(const char *path, struct gw_error *error)
{
	struct gw_error why = {0};
	int code = make_one(path, &why);
	char *above, *slash;

	if (code == 0 || code == GW_E_EXISTS)
		return 0;
	above = strdup(path);
	slash = above ? strrchr(above, '/') : NULL;
	if (code != GW_E_NOT_FOUND || !slash || slash == above) {
		free(above);
		return gw_fail(error, code, "%s", why.text);
	}
	*slash = '\0';
	code = make_directory(above, error);
	free(above);
	if (code < 0)
		return code;
	code = make_one(path, error);
	return code == GW_E_EXISTS ? 0 : code;
}

/* The names; *lock is the caller's to free. */
static int begin(struct kv_home *home, const char *directory, char **lock, struct gw_error *error)
{
	*lock = path_of(directory, "lock");
	*home = (struct kv_home){.directory = strdup(directory),
				 .log = path_of(directory, "log"),
				 .table = path_of(directory, "table"),
				 .table_lock = path_of(directory, "table-lock"),
				 .kept = path_of(directory, "kept")};
	if (!*lock || !home->directory || !home->log || !home->table || !home->table_lock ||
	    !home->kept)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);
	return 0;
}

static int take_lock(struct kv_home *home, const char *lock, uint32_t flags, struct gw_error *error)
{
	int code = task_disk_open(lock, flags | IO_LOCKED, &home->lock, error);

	if (code != GW_E_BUSY)
		return code;
	return gw_fail(error, GW_E_BUSY, "%s: another process has this directory open",
		       home->directory);
}

int kv_home_look(struct kv_home *home, const char *directory, struct gw_error *error)
{
	char *lock, *format = path_of(directory, "format");
	int code = begin(home, directory, &lock, error);

	if (code == 0 && !format)
		code = gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);
	if (code == 0)
		code = format_check(format, error);
	if (code == 0)
		code = take_lock(home, lock, IO_READ, error);
	free(lock);
	free(format);
	if (code < 0)
		kv_home_close(home);
	return code;
}

int kv_home_open(struct kv_home *home, const char *directory, struct gw_error *error)
{
	char *lock;
	int code = begin(home, directory, &lock, error);

	if (code == 0)
		code = make_directory(directory, error);
	if (code == 0)
		code = take_lock(home, lock, IO_READ | IO_WRITE | IO_CREATE, error);
	free(lock);
	if (code == 0)
		code = format_open(directory, error);
	if (code < 0)
		kv_home_close(home);
	return code;
}

void kv_home_close(struct kv_home *home)
{
	(void)task_disk_close(home->lock, NULL);
	free(home->directory);
	free(home->log);
	free(home->table);
	free(home->table_lock);
	free(home->kept);
	*home = (struct kv_home){0};
}

/* ---- The table ------------------------------------------------------------------------------ */

static int unlink_if_there(const char *path, struct gw_error *error)
{
	struct gw_error why = {0};
	int code = task_disk_unlink(path, &why);

	if (code == 0 || code == GW_E_NOT_FOUND)
		return 0;
	return gw_fail(error, code, "%s", why.text);
}

/* What a clean stop has left, or nothing; it is not there any more when this returns. */
static int take_kept(struct kv_home *home, struct base_buffer *kept, struct gw_error *error)
{
	struct gw_error why = {0};
	int code = task_disk_load(home->kept, KV_KEPT_BYTES_MAX, kept, &why);

	if (code < 0)
		kept->size = 0;
	if (code == GW_E_NOT_FOUND)
		return 0;
	if (code == GW_E_NO_MEMORY || code == GW_E_CANCELLED)
		return gw_fail(error, code, "%s", why.text);
	/* One that cannot be read is none. */
	code = unlink_if_there(home->kept, error);
	return code == 0 ? task_disk_sync_directory(home->directory, error) : code;
}

int kv_home_table(struct kv_home *home, const struct kv_server_options *options,
		  struct kv_table **table, struct base_buffer *kept, struct gw_error *error)
{
	uint64_t seed;
	int code;

	*table = NULL;
	*kept = (struct base_buffer){0};
	if (options->table == KV_TABLE_MEMORY) {
		io_random(task_io(), &seed, sizeof(seed));
		return kv_table_memory_new(table, seed, error);
	}
	code = take_kept(home, kept, error);
	if (code == 0 && kept->size == 0)
		code = unlink_if_there(home->table, error);
	if (code == 0 && kept->size == 0)
		code = unlink_if_there(home->table_lock, error);
	return code == 0 ? kv_table_lmdb_open(table, home->table, options->map_bytes, error) : code;
}

int kv_home_keep(struct kv_home *home, struct gw_bytes kept, struct gw_error *error)
{
	int code;

	assert(kept.size > 0);
	if (kept.size > KV_KEPT_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: %zu bytes to be kept", home->kept,
			       kept.size);
	/* Its blocks have checksums and it has an end, so half of it is none. */
	code = task_disk_save(home->kept, kept, error);
	return code == 0 ? task_disk_sync_directory(home->directory, error) : code;
}
