/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.c - the directory of a member.
 */
#include "kv/server/home.h"

#include "task/disk.h"
#include "task/home.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

static const struct task_home_kind kind = {"groundwork kv 1\n", "the key/value service"};

/* The names. */
static int begin(struct kv_home *home, const char *directory, struct gw_error *error)
{
	*home = (struct kv_home){.directory = strdup(directory),
				 .log = task_home_path(directory, "log"),
				 .table = task_home_path(directory, "table"),
				 .table_lock = task_home_path(directory, "table-lock"),
				 .kept = task_home_path(directory, "kept")};
	if (!home->directory || !home->log || !home->table || !home->table_lock || !home->kept)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);
	return 0;
}

int kv_home_look(struct kv_home *home, const char *directory, struct gw_error *error)
{
	int code = begin(home, directory, error);

	if (code == 0)
		code = task_home_look(directory, &kind, &home->lock, error);
	if (code < 0)
		kv_home_close(home);
	return code;
}

int kv_home_open(struct kv_home *home, const char *directory, struct gw_error *error)
{
	int code = begin(home, directory, error);

	if (code == 0)
		code = task_home_open(directory, &kind, &home->lock, error);
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
