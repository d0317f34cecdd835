/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_snapshot.c - snapshots on disk: finding the newest, reading its pieces, removing what is
 * not needed any more.
 *
 * A snapshot is there when its manifest has its name. Its files are written and synced before,
 * the manifest is written as INDEX-TERM.new and synced, the directory is synced, the manifest
 * renamed, and the directory synced again. What a
 * crash leaves before that is removed by whoever opens the directory next.
 */
#include "store_inside.h"

#include "base/allocate.h"
#include "base/crc32c.h"
#include "io/rare.h"
#include "store_manifest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- The newest --------------------------------------------------------------------------- */

const struct replog_manifest *replog_store_manifest(const struct replog_store *store)
{
	return store->manifest;
}

int store_newer_than_newest(const struct replog_store *store,
			    const struct raft_snapshot *snapshot, struct gw_error *error)
{
	if (store->manifest && store->manifest->snapshot.index >= snapshot->index)
		return gw_fail(error, GW_E_EXISTS, "%s has a snapshot at %" PRIu64 ", not before %"
			       PRIu64, store->path, store->manifest->snapshot.index,
			       snapshot->index);
	return 0;
}

bool store_same_snapshot(const struct raft_snapshot *a, const struct raft_snapshot *b)
{
	return a->index == b->index && a->term == b->term;
}

int store_name_manifest(struct replog_store *store, const char *temporary,
			struct replog_manifest *manifest, struct gw_error *error)
{
	char path[STORE_PATH_MAX], directory[STORE_PATH_MAX];
	int result;

	store_snapshot_path(path, store->path, &manifest->snapshot, "manifest");
	store_path(directory, store->path, "snapshot");
	/* The names of the files first: a power loss may keep names in any order. */
	result = task_disk_sync_directory(directory, error);
	if (result == 0)
		result = task_disk_rename(temporary, path, error);
	if (result == 0 && !IO_BUG(store->io, "replog.manifest-unsynced"))
		result = task_disk_sync_directory(directory, error);
	if (result == 0) /* another one may have come first */
		result = store_newer_than_newest(store, &manifest->snapshot, error);
	if (result < 0) {
		replog_manifest_free(manifest);
		return result;
	}
	replog_manifest_free(store->manifest);
	store->manifest = manifest;
	return 0;
}

/* ---- Finding it --------------------------------------------------------------------------- */

int store_check_file_size(const char *directory, const struct replog_manifest *manifest,
			  uint32_t number, struct gw_error *error)
{
	char path[STORE_PATH_MAX];
	struct io_file *file;
	uint64_t size;
	int result;

	store_snapshot_file_path(path, directory, &manifest->snapshot, number);
	result = task_disk_open(path, IO_READ, &file, error);
	if (result < 0)
		return result;
	result = task_disk_size(file, &size, error);
	(void)task_disk_close(file, NULL);
	if (result == 0 && size != manifest->files[number].size)
		return gw_fail(error, GW_E_CORRUPT, "%s: %" PRIu64 " bytes, the manifest says %"
			       PRIu64, path, size, manifest->files[number].size);
	return result;
}

int store_load_manifest(const char *directory, const struct raft_snapshot *snapshot,
			struct replog_manifest **manifest, struct gw_error *error)
{
	char path[STORE_PATH_MAX];
	struct base_buffer bytes = {0};
	int result;

	store_snapshot_path(path, directory, snapshot, "manifest");
	result = task_disk_load(path, REPLOG_MANIFEST_BYTES_MAX, &bytes, error);
	if (result == 0)
		result = replog_manifest_decode(path, base_buffer_bytes(&bytes), manifest, error);
	base_buffer_done(&bytes);
	if (result == 0 && !store_same_snapshot(&(*manifest)->snapshot, snapshot)) {
		result = gw_fail(error, GW_E_CORRUPT, "%s: the manifest of index %" PRIu64
				 " and term %" PRIu64, path, (*manifest)->snapshot.index,
				 (*manifest)->snapshot.term);
		replog_manifest_free(*manifest);
	}
	return result;
}

void store_newest_of(const struct io_list *list, struct raft_snapshot *newest)
{
	const char *kind;

	*newest = (struct raft_snapshot){0};
	for (size_t i = 0; i < list->count; i++) {
		struct raft_snapshot one = {0};

		if (store_is_snapshot_name(list->entries[i].name, &one.index, &one.term, &kind) &&
		    strcmp(kind, "manifest") == 0 && one.index >= newest->index)
			*newest = one; /* names are sorted: of one index the last term */
	}
}

int store_load_snapshots(struct replog_store *store, struct gw_error *error)
{
	char directory[STORE_PATH_MAX];
	struct raft_snapshot newest;
	struct io_list list;
	int result;

	store_path(directory, store->path, "snapshot");
	/* A manifest that is acted upon must not go away again. */
	result = task_disk_sync_directory(directory, error);
	if (result == 0)
		result = task_disk_list(directory, &list, error);
	if (result < 0)
		return result;
	store_newest_of(&list, &newest);
	io_list_free(store->io, &list);
	if (newest.index > 0) {
		struct replog_manifest *manifest;

		result = store_load_manifest(store->path, &newest, &manifest, error);
		if (result < 0)
			return result;
		store->manifest = manifest;
		for (uint32_t i = 0; result == 0 && i < manifest->file_count; i++)
			result = store_check_file_size(store->path, manifest, i, error);
	}
	if (result == 0) /* what cannot be removed now is met again */
		(void)!store_clean_snapshots(store, NULL);
	return result;
}

/* ---- Removing ----------------------------------------------------------------------------- */

/* Whether a fetch that was cut short may go on with this file. */
static bool is_being_fetched(const struct io_list *list, const struct raft_snapshot *snapshot)
{
	for (size_t i = 0; i < list->count; i++) {
		struct raft_snapshot one = {0};
		const char *kind;

		if (store_is_snapshot_name(list->entries[i].name, &one.index, &one.term, &kind) &&
		    strcmp(kind, "fetch") == 0 && store_same_snapshot(&one, snapshot))
			return true;
	}
	return false;
}

static bool is_known_kind(const char *kind)
{
	if (strcmp(kind, "manifest") == 0 || strcmp(kind, "new") == 0 || strcmp(kind, "fetch") == 0)
		return true;
	return kind[0] != '\0' && strspn(kind, "0123456789") == strlen(kind) && strlen(kind) < 8;
}

static bool is_needed(const struct replog_store *store, const struct io_list *list,
		      const char *name)
{
	struct raft_snapshot one = {0};
	const char *kind;

	if (!store_is_snapshot_name(name, &one.index, &one.term, &kind) || !is_known_kind(kind))
		return true; /* not ours to remove */
	if (store_same_snapshot(&one, &store->making) ||
	    store_same_snapshot(&one, &store->fetching))
		return true;
	if (store->manifest && store_same_snapshot(&one, &store->manifest->snapshot))
		return strcmp(kind, "new") != 0 && strcmp(kind, "fetch") != 0;
	if (store->manifest && one.index <= store->manifest->snapshot.index)
		return false;
	return is_being_fetched(list, &one);
}

/* Of those that are not needed, the manifests or the others; returns how many there were. */
static int remove_some(struct replog_store *store, const struct io_list *list,
		       const char *directory, bool manifests, struct gw_error *error)
{
	int count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->entries[i].name;
		const char *end = strrchr(name, '.');
		bool is_manifest = end && strcmp(end, ".manifest") == 0;
		char path[STORE_PATH_MAX];
		int result;

		if (is_manifest != manifests || is_needed(store, list, name))
			continue;
		store_path(path, directory, name);
		result = task_disk_unlink(path, error);
		if (result < 0)
			return result;
		count++;
	}
	return count;
}

int store_clean_snapshots(struct replog_store *store, struct gw_error *error)
{
	char directory[STORE_PATH_MAX];
	struct io_list list;
	int result;

	store_path(directory, store->path, "snapshot");
	result = task_disk_list(directory, &list, error);
	if (result < 0)
		return result;
	/* No manifest may come back without its files. */
	result = remove_some(store, &list, directory, true, error);
	if (result > 0)
		result = task_disk_sync_directory(directory, error);
	if (result == 0)
		result = remove_some(store, &list, directory, false, error);
	io_list_free(store->io, &list);
	return result < 0 ? result : 0;
}

/* The segments in front that nothing needs; *retired tells whether there was one. */
static int retire_segments(struct replog_store *store, uint64_t keep_index, bool *made_spare,
			   bool *retired, struct gw_error *error)
{
	while (store->segment_count > 1 && store->segments[0].last_index <= keep_index) {
		struct store_segment front = store->segments[0];
		bool became_spare;
		int result;

		/* Until the one behind it has a batch, the state may be nowhere else. (Of all
		 * segments only the current one can be without.) */
		if (store->segment_count == 2 && !store->current.begun &&
		    !IO_BUG(store->io, "replog.state-removed"))
			break;
		result = store_retire_segment(store, front.number, front.size, &became_spare,
					      error);
		if (result < 0)
			return result;
		*made_spare |= became_spare;
		*retired = true;
		store->segment_count--;
		memmove(store->segments, store->segments + 1,
			store->segment_count * sizeof(store->segments[0]));
	}
	return 0;
}

int replog_store_compact(struct replog_store *store, uint64_t keep_index, struct gw_error *error)
{
	uint64_t newest = store->manifest ? store->manifest->snapshot.index : 0;
	char log[STORE_PATH_MAX];
	bool made_spare = false, retired = false;
	int result;

	if (store->broken)
		return store_refused(store, error);
	if (keep_index > newest)
		keep_index = newest;
	if (IO_BUG(store->io, "replog.compact-too-much"))
		keep_index = newest + newest / 4;
	store_path(log, store->path, "log");
	/* A fetched snapshot that the log contradicts: the entry that tells so is there until the
	 * log is cleared on the disk, or those behind it would seem to follow from the snapshot. */
	if (store->added.clears || store->writing.clears)
		return store_clean_snapshots(store, error);
	result = retire_segments(store, keep_index, &made_spare, &retired, error);
	if (result == 0 && retired)
		result = task_disk_sync_directory(log, error);
	if (result == 0 && made_spare) {
		store->has_spare = true;
		store->spare_bytes = store->segment_bytes;
	}
	return result < 0 ? result : store_clean_snapshots(store, error);
}

/* ---- Reading ------------------------------------------------------------------------------ */

int store_read_piece(const char *path, const struct replog_snapshot_file *file, uint64_t piece,
		     void *buffer, struct gw_error *error)
{
	/* Kept here: the manifest may be replaced during the waits. */
	uint32_t size = replog_piece_bytes(file, piece), checksum = file->piece_checksums[piece];
	uint64_t offset = piece * REPLOG_PIECE_BYTES;
	struct io_file *opened;
	int result = task_disk_open(path, IO_READ, &opened, error);

	if (result < 0)
		return result;
	result = task_disk_read(opened, buffer, size, offset, error);
	(void)task_disk_close(opened, NULL);
	if (result < 0)
		return result;
	if ((uint32_t)result != size || base_crc32c(0, buffer, size) != checksum)
		return gw_fail(error, GW_E_CORRUPT, "%s: wrong checksum of the %u bytes at offset %"
			       PRIu64, path, size, offset);
	return (int)size;
}

int replog_snapshot_read(struct replog_store *store, uint64_t index, uint64_t term, uint32_t file,
			 uint64_t piece, void *buffer, struct gw_error *error)
{
	const struct replog_manifest *manifest = store->manifest;
	char path[STORE_PATH_MAX];

	if (!manifest || manifest->snapshot.index != index || manifest->snapshot.term != term)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: no snapshot at index %" PRIu64
			       " and term %" PRIu64, store->path, index, term);
	if (file >= manifest->file_count || piece >= replog_file_pieces(&manifest->files[file]))
		return gw_fail(error, GW_E_INVALID, "%s: the snapshot at index %" PRIu64
			       " has no piece %" PRIu64 " of file %u", store->path, index, piece,
			       file);
	store_snapshot_file_path(path, store->path, &manifest->snapshot, file);
	return store_read_piece(path, &manifest->files[file], piece, buffer, error);
}
