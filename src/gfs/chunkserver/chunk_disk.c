/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_disk.c - the disks of a store: directories and locks, whose they are, how full. One that
 * fails by itself is set aside, and the store goes on with the others.
 */
#include "store_inside.h"

#include "task/await.h"
#include "task/loop.h"

#include <stdio.h>

int chunk_disk_path(char path[CHUNK_PATH_MAX], const char *directory, const char *name,
		    struct gw_error *error)
{
	int size = snprintf(path, CHUNK_PATH_MAX, "%s/%s", directory, name);

	if (size < 0 || size >= CHUNK_PATH_MAX)
		return gw_fail(error, GW_E_INVALID, "%s: too long a path", directory);
	return 0;
}

int chunk_sync_names(const struct chunk_disk *disk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result = chunk_disk_path(path, disk->path, "chunks", error);

	return result < 0 ? result : task_disk_sync_directory(path, error);
}

/* ---- One that fails -------------------------------------------------------------------------- */

/* Of the others the user, the program or the machine is to blame, not the disk. */
static bool is_of_disk(int result)
{
	switch (result) {
	case GW_E_IO:
	case GW_E_CORRUPT:
	case GW_E_TRUNCATED:
	case GW_E_DENIED:
	case GW_E_NOT_FOUND:
	case GW_E_NO_SPACE:
	case GW_E_FAILED:
		return true;
	default:
		return false;
	}
}

static void set_aside(struct chunk_disk *disk)
{
	struct chunk_store *store = disk->store;
	struct chunk *chunk;

	disk->is_bad = true;
	for (size_t at = 0; (chunk = chunk_next(store, &at));) {
		if (chunk->disk == disk)
			chunk_forget(chunk);
	}
}

int chunk_disks_try(struct chunk_store *store, chunk_disk_step *step, struct gw_error *error)
{
	size_t good = 0;

	for (size_t i = 0; i < store->disk_count; i++) {
		struct chunk_disk *disk = &store->disks[i];
		struct gw_error why = {0};
		int result = disk->is_bad ? 0 : step(disk, &why);

		if (result < 0 && is_of_disk(result)) {
			set_aside(disk);
			if (store->troubled)
				store->troubled(store->context, &why);
		} else if (result < 0) {
			return gw_fail(error, result, "%s", why.text);
		}
		good += !disk->is_bad;
		if (good == 0 && i + 1 == store->disk_count)
			return gw_fail(error, result < 0 ? result : GW_E_IO, "%s",
				       result < 0 ? why.text : "no disk can be used");
	}
	return 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int make_directory(const char *path, struct gw_error *error)
{
	int result = task_disk_mkdir(path, error);

	return result == GW_E_EXISTS ? 0 : result;
}

/* The directory's own name is in another one. */
static int sync_parent(const char *path, struct gw_error *error)
{
	const char *slash = strrchr(path, '/');
	char parent[CHUNK_PATH_MAX];

	if (!slash)
		return task_disk_sync_directory(".", error);
	(void)snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path),
		       path);
	return task_disk_sync_directory(parent, error);
}

int chunk_disk_open(struct chunk_disk *disk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result = make_directory(disk->path, error);

	if (result == 0)
		result = sync_parent(disk->path, error);
	if (result == 0)
		result = chunk_disk_path(path, disk->path, "lock", error);
	if (result == 0)
		result = task_disk_open(path, IO_READ | IO_WRITE | IO_CREATE | IO_LOCKED,
					&disk->lock, error);
	if (result == GW_E_BUSY)
		return gw_fail(error, result, "%s: another process has it", disk->path);
	if (result == 0)
		result = chunk_disk_path(path, disk->path, "chunks", error);
	return result < 0 ? result : make_directory(path, error);
}

/* ---- Whose they are -------------------------------------------------------------------------- */

/* Nothing is written when the file has it already. */
static int save_home(struct chunk_disk *disk, const struct chunk_home *home,
		     struct gw_error *error)
{
	uint8_t bytes[CHUNK_HOME_BYTES];
	char path[CHUNK_PATH_MAX], fresh[CHUNK_PATH_MAX];
	int result = chunk_disk_path(path, disk->path, "server", error);

	if (result == 0)
		result = chunk_disk_path(fresh, disk->path, "server.new", error);
	chunk_home_encode(home, bytes);
	if (result < 0 || memcmp(bytes, disk->home, sizeof(bytes)) == 0)
		return result;
	result = task_disk_save(fresh, (struct gw_bytes){bytes, sizeof(bytes)}, error);
	if (result == 0)
		result = task_disk_rename(fresh, path, error);
	if (result == 0)
		result = task_disk_sync_directory(disk->path, error);
	if (result == 0)
		memcpy(disk->home, bytes, sizeof(bytes));
	return result;
}

int chunk_store_set_home(struct chunk_store *store, const struct chunk_home *home,
			 struct gw_error *error)
{
	struct gw_error why = {0};
	size_t saved = 0;
	int first = 0;

	for (size_t i = 0; i < store->disk_count; i++) {
		struct chunk_disk *disk = &store->disks[i];
		int result = disk->is_bad ? GW_E_IO :
					    save_home(disk, home, first == 0 ? &why : NULL);

		if (result == GW_E_CANCELLED)
			return gw_fail(error, result, "%s", gw_code_text(result));
		if (result < 0 && first == 0 && !disk->is_bad)
			first = result;
		saved += result == 0;
	}
	if (saved == 0)
		return gw_fail(error, first < 0 ? first : GW_E_IO, "%s", why.text);
	store->home = *home;
	return 0;
}

const struct chunk_home *chunk_store_home(const struct chunk_store *store)
{
	return &store->home;
}

/* What a disk says of whose it is; one that is new says nothing. The highest term was seen. */
static int load_home(struct chunk_disk *disk, struct gw_error *error)
{
	struct chunk_store *store = disk->store;
	struct base_buffer bytes = {0};
	struct chunk_home home;
	char path[CHUNK_PATH_MAX];
	int result = chunk_disk_path(path, disk->path, "server", error);

	if (result == 0)
		result = task_disk_load(path, CHUNK_HOME_BYTES, &bytes, error);
	if (result == 0)
		result = chunk_home_decode(path, base_buffer_bytes(&bytes), &home, error);
	if (result == 0)
		memcpy(disk->home, bytes.data, sizeof(disk->home));
	base_buffer_done(&bytes);
	/* The life before may have ended before the names in it were durable. */
	if (result == 0)
		result = task_disk_sync_directory(disk->path, error);
	if (result < 0)
		return result == GW_E_NOT_FOUND ? 0 : result;
	if (store->has_home && memcmp(home.uuid, store->home.uuid, sizeof(home.uuid)) != 0)
		return gw_fail(error, GW_E_INVALID, "%s: a disk of another server than %s",
			       disk->path, store->disks[0].path);
	if (!store->has_home || home.term > store->home.term ||
	    (home.term == store->home.term && home.server != 0))
		store->home = home;
	store->has_home = true;
	return 0;
}

static int save_agreed(struct chunk_disk *disk, struct gw_error *error)
{
	int result = save_home(disk, &disk->store->home, error);

	/* What it has can be read, and is as old as it was; and chunks come when it has room again.
	 * Their directory is durable with the file, or by itself. */
	return result == GW_E_NO_SPACE ? task_disk_sync_directory(disk->path, error) : result;
}

int chunk_disks_agree(struct chunk_store *store, struct gw_error *error)
{
	int result = chunk_disks_try(store, load_home, error);

	if (result < 0)
		return result;
	if (!store->has_home) {
		for (size_t i = 0; i < store->disk_count; i++) {
			if (store->disks[i].is_bad)
				return gw_fail(error, GW_E_IO,
					       "%s cannot be used, and the others do not say of "
					       "which server they are", store->disks[i].path);
		}
		io_random(store->io, store->home.uuid, sizeof(store->home.uuid));
	}
	return chunk_disks_try(store, save_agreed, error);
}

/* ---- Space ----------------------------------------------------------------------------------- */

void chunk_store_measure(struct chunk_store *store, uint64_t *total_bytes,
			 uint64_t *free_bytes)
{
	*total_bytes = *free_bytes = 0;
	for (size_t i = 0; i < store->disk_count; i++) {
		struct chunk_disk *disk = &store->disks[i];
		struct io_space space = {0};
		struct task_request wait = {0};

		if (disk->is_bad)
			continue;
		io_space(store->io, &wait.request, disk->path, &space, task_request_done);
		if (task_await(&wait, GW_FOREVER) < 0)
			space.free_bytes = 0;
		disk->total_bytes = space.total_bytes;
		disk->free_bytes = space.free_bytes;
		*total_bytes += space.total_bytes;
		*free_bytes += space.free_bytes;
	}
}

struct chunk_disk *chunk_disk_choose(struct chunk_store *store)
{
	struct chunk_disk *best = NULL;

	for (size_t i = 0; i < store->disk_count; i++) {
		struct chunk_disk *disk = &store->disks[i];

		if (!disk->is_bad && (!best || disk->free_bytes / (disk->chunks + 1) >
						       best->free_bytes / (best->chunks + 1)))
			best = disk;
	}
	return best;
}
