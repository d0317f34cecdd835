/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fetch.c - another member's snapshot, piece by piece; see store.h.
 *
 * The manifest is kept as INDEX-TERM.fetch, which tells that the files beside it are worth keeping,
 * and gets its right name when they are whole. What an earlier fetch left is read, verified and
 * written once more: it may be in the page cache only, after a sync that failed, and no sync of
 * ours would bring it to the disk then.
 */
#include "store_inside.h"

#include "base/crc32c.h"
#include "store_manifest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct replog_fetch {
	struct replog_store *store;
	struct replog_manifest *manifest;
	uint64_t *first; /* of each file: the number of its first piece among all */
	uint8_t *have;   /* of each piece */
	struct io_file *file; /* the one written last; NULL: none */
	uint32_t number;      /* its */
	bool failed;          /* a sync or write: begin again */
};

static uint8_t *have(const struct replog_fetch *fetch, uint32_t file, uint64_t piece)
{
	assert(file < fetch->manifest->file_count);
	assert(piece < replog_file_pieces(&fetch->manifest->files[file]));
	return &fetch->have[fetch->first[file] + piece];
}

static void free_fetch(struct replog_fetch *fetch)
{
	fetch->store->fetching = (struct raft_snapshot){0};
	replog_manifest_free(fetch->manifest);
	free(fetch->first);
	free(fetch->have);
	free(fetch);
}

/* ---- One file at a time is open ------------------------------------------------------------- */

static int end_file(struct replog_fetch *fetch, struct gw_error *error)
{
	int result = 0;

	if (!fetch->file)
		return 0;
	if (!fetch->failed)
		result = task_disk_sync(fetch->file, error);
	(void)task_disk_close(fetch->file, NULL);
	fetch->file = NULL;
	fetch->failed |= result < 0;
	return result;
}

static int open_file(struct replog_fetch *fetch, uint32_t number, struct gw_error *error)
{
	char path[STORE_PATH_MAX];
	int result;

	if (fetch->file && fetch->number == number)
		return 0;
	result = end_file(fetch, error);
	if (result < 0)
		return result;
	store_snapshot_file_path(path, fetch->store->path, &fetch->manifest->snapshot, number);
	fetch->number = number;
	return task_disk_open(path, IO_READ | IO_WRITE | IO_CREATE, &fetch->file, error);
}

static int write_piece(struct replog_fetch *fetch, uint64_t piece, struct gw_bytes bytes,
		       struct gw_error *error)
{
	int result = task_disk_write(fetch->file, &bytes, 1, piece * REPLOG_PIECE_BYTES, 0,
				       error);

	fetch->failed |= result < 0;
	return result;
}

/* Takes over what is there of the file from before. */
static int take_over_file(struct replog_fetch *fetch, uint32_t number, uint8_t *buffer,
			  struct gw_error *error)
{
	const struct replog_snapshot_file *file = &fetch->manifest->files[number];
	uint64_t size = 0;
	int result = open_file(fetch, number, error);

	if (result == 0)
		result = task_disk_size(fetch->file, &size, error);
	if (result == 0 && size > 0) /* the size has to be made durable anew, too */
		result = task_disk_truncate(fetch->file, size + 1, error);
	if (result == 0 && size > 0)
		result = task_disk_truncate(fetch->file, size < file->size ? size : file->size,
					      error);
	for (uint64_t i = 0; result == 0 && i < replog_file_pieces(file); i++) {
		uint32_t bytes = replog_piece_bytes(file, i);

		if (i * REPLOG_PIECE_BYTES >= size)
			break;
		result = task_disk_read(fetch->file, buffer, bytes, i * REPLOG_PIECE_BYTES,
					  error);
		if (result < 0)
			break;
		if ((uint32_t)result != bytes ||
		    base_crc32c(0, buffer, bytes) != file->piece_checksums[i]) {
			result = 0;
			continue;
		}
		result = write_piece(fetch, i, (struct gw_bytes){buffer, bytes}, error);
		*have(fetch, number, i) = result == 0;
	}
	return result;
}

static int take_over(struct replog_fetch *fetch, struct gw_error *error)
{
	uint8_t *buffer = malloc(REPLOG_PIECE_BYTES);
	char path[STORE_PATH_MAX];
	int result;

	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a piece",
			       fetch->store->path);
	store_snapshot_path(path, fetch->store->path, &fetch->manifest->snapshot, "fetch");
	result = task_disk_save(path, fetch->manifest->bytes, error);
	for (uint32_t i = 0; result == 0 && i < fetch->manifest->file_count; i++)
		result = take_over_file(fetch, i, buffer, error);
	free(buffer);
	return result;
}

/* ---- The interface -------------------------------------------------------------------------- */

static int count_pieces(struct replog_fetch *fetch, struct gw_error *error)
{
	const struct replog_manifest *manifest = fetch->manifest;
	uint64_t count = 0;

	fetch->first = calloc((size_t)manifest->file_count + 1, sizeof(*fetch->first));
	for (uint32_t i = 0; fetch->first && i < manifest->file_count; i++) {
		fetch->first[i] = count;
		count += replog_file_pieces(&manifest->files[i]);
	}
	if (fetch->first)
		fetch->have = calloc(count + 1, 1);
	if (!fetch->have)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a fetch",
			       fetch->store->path);
	return 0;
}

int replog_fetch_begin(struct replog_store *store, struct gw_bytes manifest,
		       struct replog_fetch **fetch, struct gw_error *error)
{
	struct replog_manifest *decoded;
	struct replog_fetch *made;
	int result;

	assert(store->fetching.index == 0);
	if (store->broken)
		return store_refused(store, error);
	result = replog_manifest_decode("manifest that was fetched", manifest, &decoded, error);
	if (result < 0)
		return result;
	result = store_newer_than_newest(store, &decoded->snapshot, error);
	if (result == 0 && store_same_snapshot(&store->making, &decoded->snapshot))
		result = gw_fail(error, GW_E_BUSY, "%s: this snapshot is being made", store->path);
	made = calloc(1, sizeof(*made));
	if (result == 0 && !made)
		result = gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a fetch", store->path);
	if (result < 0) {
		free(made);
		replog_manifest_free(decoded);
		return result;
	}
	made->store = store;
	made->manifest = decoded;
	store->fetching = decoded->snapshot;
	result = count_pieces(made, error);
	if (result == 0)
		result = take_over(made, error);
	if (result < 0) {
		replog_fetch_stop(made);
		return result;
	}
	*fetch = made;
	return 0;
}

const struct replog_manifest *replog_fetch_manifest(const struct replog_fetch *fetch)
{
	return fetch->manifest;
}

bool replog_fetch_missing(const struct replog_fetch *fetch, uint32_t *file, uint64_t *piece)
{
	for (; *file < fetch->manifest->file_count; (*file)++, *piece = 0) {
		uint64_t pieces = replog_file_pieces(&fetch->manifest->files[*file]);

		for (; *piece < pieces; (*piece)++) {
			if (!*have(fetch, *file, *piece))
				return true;
		}
	}
	return false;
}

int replog_fetch_put(struct replog_fetch *fetch, uint32_t file, uint64_t piece,
		     struct gw_bytes bytes, struct gw_error *error)
{
	const struct replog_manifest *manifest = fetch->manifest;
	const struct replog_snapshot_file *of;
	int result;

	if (fetch->failed)
		return gw_fail(error, GW_E_FAILED, "%s: a write of this fetch has failed",
			       fetch->store->path);
	if (file >= manifest->file_count || piece >= replog_file_pieces(&manifest->files[file]))
		return gw_fail(error, GW_E_INVALID, "the snapshot has no piece %" PRIu64
			       " of file %u", piece, file);
	of = &manifest->files[file];
	if (bytes.size != replog_piece_bytes(of, piece) ||
	    base_crc32c(0, bytes.data, bytes.size) != of->piece_checksums[piece])
		return gw_fail(error, GW_E_CORRUPT,
			       "piece %" PRIu64 " of file %s as it was fetched: wrong checksum",
			       piece, of->name);
	result = open_file(fetch, file, error);
	if (result == 0)
		result = write_piece(fetch, piece, bytes, error);
	if (result == 0)
		*have(fetch, file, piece) = 1;
	return result;
}

int replog_fetch_finish(struct replog_fetch *fetch, struct gw_error *error)
{
	struct replog_store *store = fetch->store;
	char path[STORE_PATH_MAX];
	uint32_t file = 0;
	uint64_t piece = 0;
	int result;

	assert(!replog_fetch_missing(fetch, &file, &piece));
	result = end_file(fetch, error);
	if (result == 0 && fetch->failed)
		result = gw_fail(error, GW_E_FAILED, "%s: a write of this fetch has failed",
				 store->path);
	store_snapshot_path(path, store->path, &fetch->manifest->snapshot, "fetch");
	if (result == 0) {
		struct replog_manifest *manifest = fetch->manifest;

		fetch->manifest = NULL; /* given away in any case */
		result = store_name_manifest(store, path, manifest, error);
	}
	(void)end_file(fetch, NULL);
	free_fetch(fetch);
	return result;
}

void replog_fetch_stop(struct replog_fetch *fetch)
{
	if (!fetch)
		return;
	(void)end_file(fetch, NULL);
	free_fetch(fetch);
}
