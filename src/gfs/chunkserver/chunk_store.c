/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_store.c - which chunks there are: found at a start, made, dropped; see chunk_store.h. */
#include "store_inside.h"

#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_DIGITS = 16 };

void chunk_path(const struct chunk *chunk, enum chunk_file file, char path[CHUNK_PATH_MAX])
{
	static const char *const ends[] = {"log", "data", "new"};
	int size = snprintf(path, CHUNK_PATH_MAX, "%s/chunks/%016" PRIx64 ".%s", chunk->disk->path,
			    chunk->handle, ends[file]);

	assert(size > 0 && size < CHUNK_PATH_MAX);
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

static struct chunk *chunk_new(struct chunk_disk *disk, uint64_t handle, struct gw_error *error)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk) {
		(void)gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", disk->path);
		return NULL;
	}
	*chunk = (struct chunk){
		.store = disk->store, .disk = disk, .handle = handle, .lock = {.name = "chunk"}};
	disk->chunks++;
	return chunk;
}

static int chunk_take_in(struct chunk *chunk, struct gw_error *error)
{
	return base_map_put(&chunk->store->chunks, chunk_key(&chunk->handle), chunk, error);
}

/* NULL and a sentence. */
static struct chunk *chunk_add(struct chunk_disk *disk, uint64_t handle, struct gw_error *error)
{
	struct chunk *chunk = chunk_new(disk, handle, error);

	if (!chunk || chunk_take_in(chunk, error) == 0)
		return chunk;
	disk->chunks--;
	free(chunk);
	return NULL;
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

/* ---- Opening --------------------------------------------------------------------------------- */

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

/* Whether a replica is to be kept rather than another of the same chunk. */
static bool is_better(const struct chunk *chunk, const struct chunk *other)
{
	if (chunk->is_bad != other->is_bad)
		return other->is_bad && chunk->version > 0;
	if (chunk->version != other->version)
		return chunk->version > other->version;
	return !chunk->is_suspect && other->is_suspect;
}

/* Two disks have the chunk: one was away, and another replica came to this server meanwhile. */
static int choose_of_two(struct chunk *chunk, struct chunk *other, struct gw_error *error)
{
	struct chunk *worse = chunk;

	if (is_better(chunk, other)) {
		/* In the place of the other one, which needs no memory. */
		int result = chunk_take_in(chunk, error);

		assert(result == 0);
		worse = other;
	}
	worse->disk->chunks--;
	worse->is_gone = true;
	return chunk_drop(worse, error);
}

/* Reads it once, and lets it go. One that cannot be read is there, and bad. */
static int recover(struct chunk_disk *disk, uint64_t handle, struct gw_error *error)
{
	struct chunk *other = chunk_find(disk->store, handle), *chunk;
	struct gw_error why = {0};
	int result;

	chunk = other ? chunk_new(disk, handle, error) : chunk_add(disk, handle, error);
	if (!chunk)
		return GW_E_NO_MEMORY;
	result = chunk_hold(chunk, &why);
	if (result < 0)
		chunk->is_bad = true;
	else
		chunk_release(chunk);
	if (other)
		return choose_of_two(chunk, other, error);
	/* A clone that was not finished, or a name without anything durable behind it. */
	if ((result == 0 && chunk->version == 0) || result == GW_E_TRUNCATED)
		return chunk_drop(chunk, error);
	return result == GW_E_NO_MEMORY ? gw_fail(error, result, "%s", why.text) : 0;
}

static int remove_strays(struct chunk_disk *disk, const char *path, const struct io_list *list,
			 struct gw_error *error)
{
	int result = 0;

	for (size_t i = 0; i < list->count && result == 0; i++) {
		const char *name = list->entries[i].name;
		uint64_t of_data = handle_of(name, ".data");
		const struct chunk *chunk = of_data ? chunk_find(disk->store, of_data) : NULL;
		char stray[CHUNK_PATH_MAX];

		if (handle_of(name, ".new") == 0 &&
		    (of_data == 0 || (chunk && chunk->disk == disk)))
			continue;
		result = chunk_disk_path(stray, path, name, error);
		if (result == 0)
			result = task_disk_unlink(stray, error);
		/* It went with its log. */
		if (result == GW_E_NOT_FOUND)
			result = 0;
	}
	return result;
}

static int recover_disk(struct chunk_disk *disk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	struct io_list list;
	int result = chunk_disk_path(path, disk->path, "chunks", error);

	if (result == 0)
		result = task_disk_list(path, &list, error);
	if (result < 0)
		return result;
	for (size_t i = 0; i < list.count && result == 0; i++) {
		uint64_t handle = handle_of(list.entries[i].name, ".log");

		if (handle != 0)
			result = recover(disk, handle, error);
	}
	if (result == 0)
		result = remove_strays(disk, path, &list, error);
	io_list_free(disk->store->io, &list);
	return result;
}

static int name_disks(struct chunk_store *store, const struct chunk_store_options *options,
		      struct gw_error *error)
{
	for (size_t i = 0; i < options->count; i++) {
		struct chunk_disk *disk = &store->disks[i];
		char path[CHUNK_PATH_MAX];
		int result = chunk_disk_path(path, options->directories[i],
					     "chunks/0123456789abcdef.data", error);

		if (result < 0)
			return result;
		disk->store = store;
		(void)snprintf(disk->path, sizeof(disk->path), "%s", options->directories[i]);
		store->disk_count++;
	}
	return 0;
}

int chunk_store_open(struct chunk_store **out, const struct chunk_store_options *options,
		     struct gw_error *error)
{
	struct chunk_store *store;
	uint64_t total, free_bytes;
	int result;

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
	store->troubled = options->troubled;
	store->context = options->context;
	result = name_disks(store, options, error);
	if (result == 0)
		result = chunk_disks_try(store, chunk_disk_open, error);
	if (result == 0)
		result = chunk_disks_agree(store, error);
	if (result == 0)
		result = chunk_disks_try(store, recover_disk, error);
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
	chunk = chunk_add(chunk_disk_choose(store), handle, error);
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

static int remove_files(const struct chunk *chunk, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result, of_data;

	/* First the log: data without one are nothing. */
	chunk_path(chunk, CHUNK_FILE_LOG, path);
	result = task_disk_unlink(path, error);
	chunk_path(chunk, CHUNK_FILE_DATA, path);
	of_data = task_disk_unlink(path, NULL);
	if (result == GW_E_NOT_FOUND)
		result = 0;
	if (result == 0 && of_data < 0 && of_data != GW_E_NOT_FOUND)
		result = gw_fail(error, of_data, "cannot remove %s", path);
	return result;
}

int chunk_drop(struct chunk *chunk, struct gw_error *error)
{
	bool was_leaving = chunk->is_leaving;
	int locked, result;

	chunk_pin(chunk);
	/* Nothing is granted, read or reported of it while it goes, nor by what is under way: that
	 * may write its log anew, and ends before. */
	chunk->is_leaving = chunk->is_partial = true;
	locked = gw_lock(&chunk->lock, GW_FOREVER);
	if (locked < 0)
		result = gw_fail(error, locked, "chunk %" PRIx64 ": %s", chunk->handle,
				 gw_code_text(locked));
	else
		/* Behind another drop the files may be those of another chunk. */
		result = was_leaving ? 0 : remove_files(chunk, error);
	chunk_forget(chunk);
	if (locked == 0)
		gw_unlock(&chunk->lock);
	chunk_release(chunk);
	return result;
}
