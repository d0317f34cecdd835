/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_store.c - directories, whose they are, and which chunks there are; see chunk_store.h. */
#include "store_inside.h"

#include "task/await.h"
#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_DIGITS = 16 };

static int make_path(char path[CHUNK_PATH_MAX], const char *directory, const char *name,
		     struct gw_error *error)
{
	int size = snprintf(path, CHUNK_PATH_MAX, "%s/%s", directory, name);

	if (size < 0 || size >= CHUNK_PATH_MAX)
		return gw_fail(error, GW_E_INVALID, "%s: too long a path", directory);
	return 0;
}

void chunk_path(const struct chunk *chunk, enum chunk_file file, char path[CHUNK_PATH_MAX])
{
	static const char *const ends[] = {"log", "data", "new"};
	int size = snprintf(path, CHUNK_PATH_MAX, "%s/chunks/%016" PRIx64 ".%s", chunk->disk->path,
			    chunk->handle, ends[file]);

	assert(size > 0 && size < CHUNK_PATH_MAX);
}

int chunk_sync_names(const struct chunk_disk *disk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result = make_path(path, disk->path, "chunks", error);

	return result < 0 ? result : task_disk_sync_directory(path, error);
}

int chunk_fail_in(const struct chunk *chunk, int result, struct gw_error *error)
{
	(void)gw_fail_in(error, "chunk %" PRIx64 " version %" PRIu64, chunk->handle,
			 chunk->version);
	return result;
}

/* ---- Which there are ------------------------------------------------------------------------- */

struct chunk *chunk_find(const struct chunk_store *store, uint64_t handle)
{
	return base_map_get(&store->chunks, chunk_key(&handle));
}

struct chunk *chunk_next(const struct chunk_store *store, size_t *position)
{
	struct gw_bytes key;
	void *chunk;

	return base_map_next(&store->chunks, position, &key, &chunk) ? chunk : NULL;
}

size_t chunk_store_count(const struct chunk_store *store)
{
	return store->chunks.count;
}

struct chunk *chunk_add(struct chunk_store *store, struct chunk_disk *disk, uint64_t handle,
			struct gw_error *error)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk) {
		(void)gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", disk->path);
		return NULL;
	}
	*chunk = (struct chunk){
		.store = store, .disk = disk, .handle = handle, .lock = {.name = "chunk"}};
	if (base_map_put(&store->chunks, chunk_key(&handle), chunk, error) < 0) {
		free(chunk);
		return NULL;
	}
	disk->chunks++;
	return chunk;
}

void chunk_forget(struct chunk *chunk)
{
	if (!chunk->is_gone) {
		bool was_there = base_map_remove(&chunk->store->chunks, chunk_key(&chunk->handle),
						 NULL);

		assert(was_there);
		chunk->disk->chunks--;
		chunk->is_gone = true;
	}
	if (chunk->holders > 0)
		return;
	chunk_unload(chunk);
	free(chunk);
}

/* ---- Whose they are -------------------------------------------------------------------------- */

static int save_home(const struct chunk_disk *disk, const struct chunk_home *home,
		     struct gw_error *error)
{
	uint8_t bytes[CHUNK_HOME_BYTES];
	char path[CHUNK_PATH_MAX], fresh[CHUNK_PATH_MAX];
	int result = make_path(path, disk->path, "server", error);

	if (result == 0)
		result = make_path(fresh, disk->path, "server.new", error);
	chunk_home_encode(home, bytes);
	if (result == 0)
		result = task_disk_save(fresh, (struct gw_bytes){bytes, sizeof(bytes)}, error);
	if (result == 0)
		result = task_disk_rename(fresh, path, error);
	return result < 0 ? result : task_disk_sync_directory(disk->path, error);
}

int chunk_store_set_home(struct chunk_store *store, const struct chunk_home *home,
			 struct gw_error *error)
{
	for (size_t i = 0; i < store->disk_count; i++) {
		int result = save_home(&store->disks[i], home, error);

		if (result < 0)
			return result;
	}
	store->home = *home;
	return 0;
}

const struct chunk_home *chunk_store_home(const struct chunk_store *store)
{
	return &store->home;
}

/* 1: read; 0: the disk is new. */
static int load_home(const struct chunk_disk *disk, struct chunk_home *home,
		     struct gw_error *error)
{
	struct base_buffer bytes = {0};
	char path[CHUNK_PATH_MAX];
	int result = make_path(path, disk->path, "server", error);

	if (result == 0)
		result = task_disk_load(path, CHUNK_HOME_BYTES, &bytes, error);
	if (result == 0) {
		result = chunk_home_decode(path, base_buffer_bytes(&bytes), home, error);
		result = result == 0 ? 1 : result;
	} else if (result == GW_E_NOT_FOUND) {
		result = 0;
	}
	base_buffer_done(&bytes);
	return result;
}

/* All disks are of one server; new ones become its. The highest term was seen. */
static int agree_on_home(struct chunk_store *store, struct gw_error *error)
{
	bool is_known = false;

	for (size_t i = 0; i < store->disk_count; i++) {
		struct chunk_home home;
		int result = load_home(&store->disks[i], &home, error);

		if (result < 0)
			return result;
		if (result == 0)
			continue;
		if (is_known && memcmp(home.uuid, store->home.uuid, sizeof(home.uuid)) != 0)
			return gw_fail(error, GW_E_INVALID, "%s: a disk of another server than %s",
				       store->disks[i].path, store->disks[0].path);
		if (!is_known || home.term > store->home.term ||
		    (home.term == store->home.term && home.server != 0))
			store->home = home;
		is_known = true;
	}
	if (!is_known)
		io_random(store->io, store->home.uuid, sizeof(store->home.uuid));
	return chunk_store_set_home(store, &store->home, error);
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

static int open_disk(struct chunk_disk *disk, const char *directory, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result = make_path(path, directory, "chunks/0123456789abcdef.data", error);

	if (result < 0)
		return result;
	(void)snprintf(disk->path, sizeof(disk->path), "%s", directory);
	result = make_directory(disk->path, error);
	if (result == 0)
		result = sync_parent(disk->path, error);
	if (result == 0)
		result = make_path(path, directory, "lock", error);
	if (result == 0)
		result = task_disk_open(path, IO_READ | IO_WRITE | IO_CREATE | IO_LOCKED,
					&disk->lock, error);
	if (result == GW_E_BUSY)
		return gw_fail(error, result, "%s: another process has it", directory);
	if (result == 0)
		result = make_path(path, directory, "chunks", error);
	return result < 0 ? result : make_directory(path, error);
}

/* "0123456789abcdef.end" -> the handle; 0: another name. */
static uint64_t handle_of(const char *name, const char *end)
{
	uint64_t handle = 0;

	for (int i = 0; i < NAME_DIGITS; i++) {
		const char *digits = "0123456789abcdef", *digit = strchr(digits, name[i]);

		if (!name[i] || !digit)
			return 0;
		handle = handle << 4 | (uint64_t)(digit - digits);
	}
	return strcmp(name + NAME_DIGITS, end) == 0 ? handle : 0;
}

/* Reads it once, and lets it go. One that cannot be read is there, and bad. */
static int recover(struct chunk_store *store, struct chunk_disk *disk, uint64_t handle,
		   struct gw_error *error)
{
	struct chunk *chunk = chunk_find(store, handle);
	struct gw_error why = {0};
	int result;

	if (chunk)
		return gw_fail(error, GW_E_INVALID, "chunk %" PRIx64 " is in %s and in %s", handle,
			       chunk->disk->path, disk->path);
	chunk = chunk_add(store, disk, handle, error);
	if (!chunk)
		return GW_E_NO_MEMORY;
	result = chunk_hold(chunk, &why);
	if (result < 0)
		chunk->is_bad = true;
	else
		chunk_release(chunk);
	/* A clone that was not finished, or a name without anything durable behind it. */
	if ((result == 0 && chunk->version == 0) || result == GW_E_TRUNCATED)
		return chunk_drop(chunk, error);
	return result == GW_E_NO_MEMORY ? gw_fail(error, result, "%s", why.text) : 0;
}

static int remove_strays(struct chunk_store *store, const char *path, const struct io_list *list,
			 struct gw_error *error)
{
	int result = 0;

	for (size_t i = 0; i < list->count && result == 0; i++) {
		const char *name = list->entries[i].name;
		uint64_t of_data = handle_of(name, ".data");
		char stray[CHUNK_PATH_MAX];

		if (handle_of(name, ".new") == 0 && (of_data == 0 || chunk_find(store, of_data)))
			continue;
		result = make_path(stray, path, name, error);
		if (result == 0)
			result = task_disk_unlink(stray, error);
		/* It went with its log. */
		if (result == GW_E_NOT_FOUND)
			result = 0;
	}
	return result;
}

static int recover_disk(struct chunk_store *store, struct chunk_disk *disk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	struct io_list list;
	int result = make_path(path, disk->path, "chunks", error);

	if (result == 0)
		result = task_disk_list(path, &list, error);
	if (result < 0)
		return result;
	for (size_t i = 0; i < list.count && result == 0; i++) {
		uint64_t handle = handle_of(list.entries[i].name, ".log");

		if (handle != 0)
			result = recover(store, disk, handle, error);
	}
	if (result == 0)
		result = remove_strays(store, path, &list, error);
	io_list_free(store->io, &list);
	return result;
}

int chunk_store_open(struct chunk_store **out, const struct chunk_store_options *options,
		     struct gw_error *error)
{
	struct chunk_store *store;
	uint64_t total, free_bytes;
	int result = 0;

	if (options->count == 0 || options->count > CHUNK_DISKS_MAX)
		return gw_fail(error, GW_E_INVALID, "1 to %d directories are wanted",
			       CHUNK_DISKS_MAX);
	store = calloc(1, sizeof(*store));
	if (!store)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	store->io = task_io();
	store->loaded_max = options->loaded_max ? options->loaded_max : CHUNK_LOADED_MAX;
	store->log_bytes_max =
		options->log_bytes_max ? options->log_bytes_max : CHUNK_LOG_BYTES_MAX;
	io_boot_id(store->io, store->boot_id);
	for (size_t i = 0; i < options->count && result == 0; i++)
		result = open_disk(&store->disks[store->disk_count++], options->directories[i],
				   error);
	if (result == 0)
		result = agree_on_home(store, error);
	for (size_t i = 0; i < options->count && result == 0; i++)
		result = recover_disk(store, &store->disks[i], error);
	if (result < 0) {
		chunk_store_close(store);
		return result;
	}
	chunk_store_measure(store, &total, &free_bytes);
	*out = store;
	return 0;
}

void chunk_store_close(struct chunk_store *store)
{
	struct chunk *chunk;

	if (!store)
		return;
	for (size_t at = 0; (chunk = chunk_next(store, &at));)
		chunk_forget(chunk);
	base_map_done(&store->chunks);
	for (size_t i = 0; i < store->disk_count; i++)
		(void)task_disk_close(store->disks[i].lock, NULL);
	free(store);
}

/* ---- Space, new chunks, old chunks ----------------------------------------------------------- */

void chunk_store_measure(struct chunk_store *store, uint64_t *total_bytes,
			 uint64_t *free_bytes)
{
	*total_bytes = *free_bytes = 0;
	for (size_t i = 0; i < store->disk_count; i++) {
		struct chunk_disk *disk = &store->disks[i];
		struct io_space space = {0};
		struct task_request wait = {0};

		io_space(store->io, &wait.request, disk->path, &space, task_request_done);
		if (task_await(&wait, GW_FOREVER) < 0)
			space.free_bytes = 0;
		disk->total_bytes = space.total_bytes;
		disk->free_bytes = space.free_bytes;
		*total_bytes += space.total_bytes;
		*free_bytes += space.free_bytes;
	}
}

/* The one with the most space a chunk. */
static struct chunk_disk *choose_disk(struct chunk_store *store)
{
	struct chunk_disk *best = &store->disks[0];

	for (size_t i = 1; i < store->disk_count; i++) {
		struct chunk_disk *disk = &store->disks[i];

		if (disk->free_bytes / (disk->chunks + 1) > best->free_bytes / (best->chunks + 1))
			best = disk;
	}
	return best;
}

/* Writes the head of the log, durably with its name. */
static int make_log(struct chunk *chunk, uint64_t version, struct gw_error *error)
{
	struct chunk_state state = {
		.handle = chunk->handle,
		.chunk_log2 = chunk->chunk_log2,
		.version = version,
		.is_open = true,
	};
	struct base_buffer bytes = {0};
	char path[CHUNK_PATH_MAX];
	uint32_t crc = 0;
	int result;

	memcpy(state.boot_id, chunk->store->boot_id, sizeof(state.boot_id));
	chunk_path(chunk, CHUNK_FILE_LOG, path);
	result = chunk_log_all(&state, &bytes, &crc, error);
	if (result == 0)
		result = task_disk_save(path, base_buffer_bytes(&bytes), error);
	chunk->log_end = bytes.size;
	base_buffer_done(&bytes);
	return result < 0 ? result : chunk_sync_names(chunk->disk, error);
}

int chunk_create(struct chunk_store *store, uint64_t handle, uint8_t chunk_log2, uint64_t version,
		 struct chunk **out, struct gw_error *error)
{
	struct chunk *chunk;
	int result;

	if (handle == 0 || chunk_log2 < GFS_CHUNK_LOG2_MIN || chunk_log2 > GFS_CHUNK_LOG2_MAX)
		return gw_fail(error, GW_E_INVALID, "no chunk can be %" PRIx64 " of 2^%u bytes",
			       handle, chunk_log2);
	if (chunk_find(store, handle))
		return gw_fail(error, GW_E_EXISTS, "chunk %" PRIx64 " is there already", handle);
	chunk = chunk_add(store, choose_disk(store), handle, error);
	if (!chunk)
		return GW_E_NO_MEMORY;
	chunk->chunk_log2 = chunk_log2;
	chunk->made_ns = io_now_ns(store->io);
	chunk->is_partial = true;
	chunk_pin(chunk); /* while it is half made */
	result = make_log(chunk, version, error);
	if (result < 0) {
		(void)!chunk_drop(chunk, NULL);
		chunk_release(chunk);
		return result;
	}
	chunk->version = version;
	chunk->is_partial = version == 0;
	chunk->is_open = true;
	chunk->is_changed = true;
	chunk->is_recovered = true;
	*out = chunk;
	if (chunk->is_gone)
		result = gw_fail(error, GW_E_NOT_FOUND, "chunk %" PRIx64 " was dropped meanwhile",
				 handle);
	chunk_release(chunk);
	return result;
}

int chunk_drop(struct chunk *chunk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result, of_data;

	chunk_pin(chunk);
	/* Nothing is granted, read or reported of it while it goes. */
	chunk->is_partial = true;
	/* First the log: data without one are nothing. */
	chunk_path(chunk, CHUNK_FILE_LOG, path);
	result = task_disk_unlink(path, error);
	chunk_path(chunk, CHUNK_FILE_DATA, path);
	of_data = task_disk_unlink(path, NULL);
	if (result == GW_E_NOT_FOUND)
		result = 0;
	if (result == 0 && of_data < 0 && of_data != GW_E_NOT_FOUND)
		result = gw_fail(error, of_data, "cannot remove %s", path);
	chunk_forget(chunk);
	chunk_release(chunk);
	return result;
}
