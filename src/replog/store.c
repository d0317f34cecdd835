/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - see store.h: the directory, who may use it, opening and closing. */
#include "store_inside.h"

#include "store_format.h"
#include "store_manifest.h"
#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Names -------------------------------------------------------------------------------- */

void store_path(char *out, const char *directory, const char *name)
{
	int size = snprintf(out, STORE_PATH_MAX, "%s/%s", directory, name);

	assert(size > 0 && size < STORE_PATH_MAX);
}

void store_segment_path(char *out, const char *directory, uint64_t number)
{
	int size = snprintf(out, STORE_PATH_MAX, "%s/log/%016" PRIx64, directory, number);

	assert(size > 0 && size < STORE_PATH_MAX);
}

void store_snapshot_path(char *out, const char *directory, const struct raft_snapshot *snapshot,
			 const char *kind)
{
	int size = snprintf(out, STORE_PATH_MAX, "%s/snapshot/%016" PRIx64 "-%016" PRIx64 ".%s",
			    directory, snapshot->index, snapshot->term, kind);

	assert(size > 0 && size < STORE_PATH_MAX);
}

void store_snapshot_file_path(char *out, const char *directory,
			      const struct raft_snapshot *snapshot, uint32_t file)
{
	char kind[16];

	snprintf(kind, sizeof(kind), "%u", file);
	store_snapshot_path(out, directory, snapshot, kind);
}

/* 16 digits as printf writes them; NULL or what is behind them. */
static const char *read_number(const char *text, uint64_t *number)
{
	*number = 0;
	for (int i = 0; i < 16; i++, text++) {
		if (*text >= '0' && *text <= '9')
			*number = *number << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			*number = *number << 4 | (uint64_t)(*text - 'a' + 10);
		else
			return NULL;
	}
	return text;
}

bool store_is_segment_name(const char *name, uint64_t *number)
{
	const char *end = read_number(name, number);

	return end && *end == '\0' && *number > 0;
}

bool store_is_snapshot_name(const char *name, uint64_t *index, uint64_t *term, const char **kind)
{
	const char *end = read_number(name, index);

	if (!end || *end != '-')
		return false;
	end = read_number(end + 1, term);
	if (!end || *end != '.')
		return false;
	*kind = end + 1;
	return true;
}

/* ---- Trouble -------------------------------------------------------------------------------- */

int store_refused(const struct replog_store *store, struct gw_error *error)
{
	assert(store->broken);
	return gw_fail(error, store->why.code, "%s cannot be used any more: %s", store->path,
		       store->why.text);
}

int store_break(struct replog_store *store, const struct gw_error *why, struct gw_error *error)
{
	assert(why->code < 0);
	if (!store->broken) {
		store->broken = true;
		store->why = *why;
		if (store->why.code == GW_E_NO_SPACE || store->why.code == GW_E_NO_MEMORY)
			store->why.code = GW_E_IO; /* trying again does not help */
	}
	return store_refused(store, error);
}

/* ---- A new directory ------------------------------------------------------------------------ */

static int check_path(const char *path, struct gw_error *error)
{
	if (path[0] == '\0' || strlen(path) >= REPLOG_PATH_MAX)
		return gw_fail(error, GW_E_INVALID,
			       "the path of a log's directory is empty or longer than %d bytes",
			       REPLOG_PATH_MAX - 1);
	return 0;
}

/* Makes what is in the directory durable, and the directory itself. */
static int sync_with_parent(const char *path, struct gw_error *error)
{
	char parent[REPLOG_PATH_MAX];
	size_t size = strlen(path);
	int result = task_disk_sync_directory(path, error);

	if (result < 0)
		return result;
	while (size > 1 && path[size - 1] == '/')
		size--;
	while (size > 0 && path[size - 1] != '/')
		size--;
	while (size > 1 && path[size - 1] == '/')
		size--;
	snprintf(parent, sizeof(parent), "%.*s", size > 0 ? (int)size : 1, size > 0 ? path : ".");
	return task_disk_sync_directory(parent, error);
}

static int lock_directory(const char *path, struct io_file **lock, struct gw_error *error)
{
	char name[STORE_PATH_MAX];
	int result;

	store_path(name, path, "lock");
	result = task_disk_open(name, IO_READ | IO_WRITE | IO_CREATE | IO_LOCKED, lock, error);
	if (result == GW_E_BUSY)
		return gw_fail(error, GW_E_BUSY, "%s is in use by another process", path);
	return result;
}

static int make_subdirectory(const char *path, const char *name, struct gw_error *error)
{
	char whole[STORE_PATH_MAX];
	struct io_list list;
	int result;

	store_path(whole, path, name);
	result = task_disk_mkdir(whole, error);
	if (result != GW_E_EXISTS)
		return result;
	result = task_disk_list(whole, &list, error);
	if (result < 0)
		return result;
	if (list.count > 0)
		result = gw_fail(error, GW_E_EXISTS, "%s is not empty", whole);
	io_list_free(task_io(), &list);
	return result;
}

/* Only what a create that was cut short leaves may be in it. */
static int check_empty(const char *path, struct gw_error *error)
{
	static const char *const known[] = {"format.new", "lock", "log", "snapshot"};
	struct io_list list;
	int result = task_disk_list(path, &list, error);

	if (result < 0)
		return result;
	for (size_t i = 0; result == 0 && i < list.count; i++) {
		bool is_known = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			is_known |= strcmp(list.entries[i].name, known[k]) == 0;
		if (strcmp(list.entries[i].name, "format") == 0)
			result = gw_fail(error, GW_E_EXISTS, "%s holds a replicated log already",
					 path);
		else if (!is_known)
			result = gw_fail(error, GW_E_EXISTS, "%s is not empty: it has %s", path,
					 list.entries[i].name);
	}
	io_list_free(task_io(), &list);
	return result;
}

static int make_format(const char *path, const struct replog_identity *identity,
		       struct gw_error *error)
{
	char name[STORE_PATH_MAX], temporary[STORE_PATH_MAX];
	uint8_t bytes[REPLOG_FORMAT_BYTES_MAX];
	size_t size = replog_format_encode(identity, bytes);
	int result;

	store_path(name, path, "format");
	store_path(temporary, path, "format.new");
	result = task_disk_save(temporary, (struct gw_bytes){bytes, size}, error);
	if (result == 0) /* log and snapshot are there before it says that all is */
		result = task_disk_sync_directory(path, error);
	if (result == 0)
		result = task_disk_rename(temporary, name, error);
	if (result == 0)
		result = sync_with_parent(path, error);
	return result;
}

int replog_store_create(const char *path, const struct replog_identity *identity,
			struct gw_error *error)
{
	struct io_file *lock;
	int result = check_path(path, error);

	if (result < 0)
		return result;
	if (identity->member == 0)
		return gw_fail(error, GW_E_INVALID, "%s: 0 is no member's id", path);
	result = task_disk_mkdir(path, error);
	if (result == 0 || result == GW_E_EXISTS)
		result = check_empty(path, error);
	if (result == 0)
		result = lock_directory(path, &lock, error);
	if (result < 0)
		return result;
	result = check_empty(path, error); /* again: another one may have had the lock */
	if (result == 0)
		result = make_subdirectory(path, "log", error);
	if (result == 0)
		result = make_subdirectory(path, "snapshot", error);
	if (result == 0)
		result = make_format(path, identity, error);
	(void)task_disk_close(lock, NULL);
	return result;
}

int replog_store_identity(const char *path, struct replog_identity *identity,
			  struct gw_error *error)
{
	char name[STORE_PATH_MAX];
	struct base_buffer bytes = {0};
	int result = check_path(path, error);

	if (result < 0)
		return result;
	store_path(name, path, "format");
	result = task_disk_load(name, REPLOG_FORMAT_BYTES_MAX, &bytes, error);
	if (result == GW_E_NOT_FOUND)
		result = gw_fail(error, GW_E_NOT_FOUND,
				 "%s holds no replicated log: it has no file named format", path);
	if (result == 0)
		result = replog_format_decode(name, base_buffer_bytes(&bytes), identity, error);
	base_buffer_done(&bytes);
	return result;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static bool is_power_of_two(uint32_t number)
{
	return number > 0 && (number & (number - 1)) == 0;
}

static int check_options(const struct replog_store *store,
			 const struct replog_store_options *options, struct gw_error *error)
{
	const struct replog_identity *identity = &store->identity;

	if (store->segment_bytes < REPLOG_SEGMENT_BYTES_MIN ||
	    store->segment_bytes > STORE_SEGMENT_BYTES_MAX ||
	    store->segment_bytes % store->sector_bytes != 0)
		return gw_fail(error, GW_E_INVALID,
			       "segments of %" PRIu64 " bytes: not %d to %d in whole sectors",
			       store->segment_bytes, REPLOG_SEGMENT_BYTES_MIN,
			       STORE_SEGMENT_BYTES_MAX);
	if (options && options->cluster &&
	    memcmp(options->cluster, identity->cluster, REPLOG_CLUSTER_BYTES) != 0)
		return gw_fail(error, GW_E_INVALID, "%s is of another cluster", store->path);
	if (options && options->member != 0 && options->member != identity->member)
		return gw_fail(error, GW_E_INVALID, "%s is of member %" PRIu64 ", not %" PRIu64,
			       store->path, identity->member, options->member);
	return 0;
}

static int open_in(struct replog_store *store, const struct replog_store_options *options,
		   struct replog_recovered *recovered, struct gw_error *error)
{
	int result = replog_store_identity(store->path, &store->identity, error);

	if (result == 0)
		result = check_options(store, options, error);
	if (result == 0)
		result = lock_directory(store->path, &store->lock, error);
	/* The process that made these names may have died before they were durable. */
	if (result == 0)
		result = sync_with_parent(store->path, error);
	if (result == 0)
		result = store_load_snapshots(store, error);
	if (result == 0)
		result = store_recover(store, recovered, error);
	return result;
}

static void free_store(struct replog_store *store)
{
	(void)task_disk_close(store->current.file, NULL);
	(void)task_disk_close(store->next.file, NULL);
	(void)task_disk_close(store->lock, NULL);
	base_buffer_done(&store->added.bytes);
	base_buffer_done(&store->writing.bytes);
	replog_manifest_free(store->manifest);
	free(store->segments);
	free(store);
}

int replog_store_open(struct replog_store **store, const char *path,
		      const struct replog_store_options *options,
		      struct replog_recovered *recovered, struct gw_error *error)
{
	struct replog_store *made;
	int result = check_path(path, error);

	if (result < 0)
		return result;
	made = calloc(1, sizeof(*made));
	if (!made)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to open it", path);
	made->io = task_io();
	strncpy(made->path, path, sizeof(made->path) - 1);
	made->commit.name = "replog commit";
	made->preparing.name = "replog segments";
	made->segment_bytes = REPLOG_SEGMENT_BYTES;
	made->sector_bytes = REPLOG_SECTOR_BYTES;
	if (options && options->segment_bytes)
		made->segment_bytes = options->segment_bytes;
	if (options && options->sector_bytes)
		made->sector_bytes = options->sector_bytes;
	*recovered = (struct replog_recovered){0};
	if (!is_power_of_two(made->sector_bytes) ||
	    made->sector_bytes < REPLOG_SECTOR_BYTES_MIN ||
	    made->sector_bytes > REPLOG_SEGMENT_BYTES_MIN / 2)
		result = gw_fail(error, GW_E_INVALID, "%u bytes are no sector", made->sector_bytes);
	if (result == 0)
		result = open_in(made, options, recovered, error);
	if (result < 0) {
		replog_recovered_done(recovered);
		free_store(made);
		return result;
	}
	*store = made;
	return 0;
}

void replog_store_close(struct replog_store *store)
{
	struct gw_error error;

	if (!store)
		return;
	assert(store->making.index == 0 && store->fetching.index == 0);
	/* What nobody has committed is dropped; a mark would tell of a position behind it. */
	if (!store->broken && store->added.records == 0 && store->writing.records == 0)
		(void)!replog_store_commit(store, &error);
	(void)gw_group_done(&store->preparing);
	free_store(store);
}

const struct replog_identity *replog_store_owner(const struct replog_store *store)
{
	return &store->identity;
}
