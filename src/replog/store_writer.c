/* SPDX-License-Identifier: Apache-2.0 */
/* store_writer.c - making a snapshot of this member's own state; see store.h. */
#include "store_inside.h"

#include "base/allocate.h"
#include "base/crc32c.h"
#include "io/rare.h"
#include "store_manifest.h"

#include <assert.h>
#include <stdlib.h>

struct replog_snapshot_writer {
	struct replog_store *store;
	struct raft_snapshot snapshot;
	struct replog_snapshot_file *files; /* the last one is being written */
	uint32_t **checksums;               /* of each */
	size_t file_count, file_capacity, checksums_capacity;
	/* Of the file that is being written. */
	struct io_file *file; /* NULL: none */
	size_t piece_capacity;
	uint64_t written; /* whole pieces */
	uint8_t *piece;   /* REPLOG_PIECE_BYTES */
	size_t used;
	struct gw_error failed; /* code 0: nothing has */
};

int replog_snapshot_begin(struct replog_store *store, const struct raft_snapshot *snapshot,
			  struct replog_snapshot_writer **writer, struct gw_error *error)
{
	struct replog_snapshot_writer *made;
	int result = store_newer_than_newest(store, snapshot, error);

	assert(snapshot->index > 0 && store->making.index == 0);
	if (store->broken)
		return store_refused(store, error);
	if (result < 0)
		return result;
	if (store_same_snapshot(&store->fetching, snapshot))
		return gw_fail(error, GW_E_BUSY, "%s: this snapshot is being fetched", store->path);
	made = calloc(1, sizeof(*made));
	if (made)
		made->piece = malloc(REPLOG_PIECE_BYTES);
	if (!made || !made->piece) {
		free(made);
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a snapshot", store->path);
	}
	made->store = store;
	made->snapshot = *snapshot;
	store->making = *snapshot;
	*writer = made;
	return 0;
}

/* All that comes after a failure is refused with it. */
static int failed(struct replog_snapshot_writer *writer, struct gw_error *error)
{
	return gw_fail(error, writer->failed.code, "%s", writer->failed.text);
}

static int write_piece(struct replog_snapshot_writer *writer)
{
	struct replog_snapshot_file *file = &writer->files[writer->file_count - 1];
	uint32_t **checksums = &writer->checksums[writer->file_count - 1];
	struct gw_bytes piece = {writer->piece, writer->used};
	uint64_t number = writer->written / REPLOG_PIECE_BYTES;

	if (number == writer->piece_capacity) {
		uint32_t *grown = base_grow(*checksums, sizeof(**checksums),
					    &writer->piece_capacity, number + 1);

		if (!grown)
			return gw_fail(&writer->failed, GW_E_NO_MEMORY, "no memory for a snapshot");
		*checksums = grown;
	}
	(*checksums)[number] = base_crc32c(0, writer->piece, writer->used);
	file->size = writer->written + writer->used;
	writer->used = 0;
	if (task_disk_write(writer->file, &piece, 1, writer->written, 0, &writer->failed) < 0)
		return writer->failed.code;
	writer->written += REPLOG_PIECE_BYTES;
	return 0;
}

/* What was written of the file is durable then. */
static int end_file(struct replog_snapshot_writer *writer)
{
	struct io_file *file = writer->file;

	if (!file)
		return 0;
	if (writer->failed.code == 0 && writer->used > 0)
		(void)write_piece(writer);
	if (writer->failed.code == 0 && !IO_BUG(writer->store->io, "replog.snapshot-unsynced"))
		(void)!task_disk_sync(file, &writer->failed);
	writer->file = NULL;
	(void)task_disk_close(file, writer->failed.code ? NULL : &writer->failed);
	return writer->failed.code;
}

static int grow_files(struct replog_snapshot_writer *writer)
{
	size_t need = writer->file_count + 1;
	void *grown = writer->files;

	if (need > writer->file_capacity)
		grown = base_grow(writer->files, sizeof(*writer->files), &writer->file_capacity,
				  need);
	if (grown) {
		writer->files = grown;
		grown = writer->checksums;
		if (need > writer->checksums_capacity)
			grown = base_grow(writer->checksums, sizeof(*writer->checksums),
					  &writer->checksums_capacity, need);
	}
	if (!grown)
		return gw_fail(&writer->failed, GW_E_NO_MEMORY, "no memory for a snapshot");
	writer->checksums = grown;
	return 0;
}

static int begin_file(struct replog_snapshot_writer *writer, const char *name)
{
	char path[STORE_PATH_MAX];
	uint32_t number = (uint32_t)writer->file_count;

	if (!replog_is_file_name(gw_string(name)) || number == REPLOG_FILES_MAX)
		return gw_fail(&writer->failed, GW_E_INVALID, "a snapshot cannot have a file %s",
			       name);
	for (uint32_t i = 0; i < number; i++) {
		if (strcmp(writer->files[i].name, name) == 0)
			return gw_fail(&writer->failed, GW_E_EXISTS, "the snapshot has a file %s",
				       name);
	}
	if (grow_files(writer) < 0)
		return writer->failed.code;
	store_snapshot_file_path(path, writer->store->path, &writer->snapshot, number);
	if (task_disk_open(path, IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE, &writer->file,
			     &writer->failed) < 0)
		return writer->failed.code;
	writer->files[number] = (struct replog_snapshot_file){0};
	strncpy(writer->files[number].name, name, REPLOG_NAME_MAX - 1);
	writer->checksums[number] = NULL;
	writer->file_count++;
	writer->piece_capacity = 0;
	writer->written = 0;
	return 0;
}

int replog_snapshot_file(struct replog_snapshot_writer *writer, const char *name,
			 struct gw_error *error)
{
	if (writer->failed.code || end_file(writer) < 0 || begin_file(writer, name) < 0)
		return failed(writer, error);
	return 0;
}

int replog_snapshot_write(struct replog_snapshot_writer *writer, struct gw_bytes bytes,
			  struct gw_error *error)
{
	const uint8_t *at = bytes.data;

	if (writer->failed.code)
		return failed(writer, error);
	assert(writer->file);
	while (bytes.size > 0) {
		size_t size = REPLOG_PIECE_BYTES - writer->used;

		if (size > bytes.size)
			size = bytes.size;
		memcpy(writer->piece + writer->used, at, size);
		writer->used += size;
		at += size;
		bytes.size -= size;
		if (writer->used == REPLOG_PIECE_BYTES && write_piece(writer) < 0)
			return failed(writer, error);
	}
	return 0;
}

static int save_manifest(struct replog_snapshot_writer *writer)
{
	struct replog_manifest manifest = {.snapshot = writer->snapshot}, *decoded;
	struct base_buffer bytes = {0};
	struct gw_error *error = &writer->failed;
	char temporary[STORE_PATH_MAX];
	int result;

	for (size_t i = 0; i < writer->file_count; i++)
		writer->files[i].piece_checksums = writer->checksums[i];
	manifest.file_count = (uint32_t)writer->file_count;
	manifest.files = writer->files;
	store_snapshot_path(temporary, writer->store->path, &writer->snapshot, "new");
	result = replog_manifest_encode(&manifest, &bytes, error);
	if (result == 0)
		result = task_disk_save(temporary, base_buffer_bytes(&bytes), error);
	if (result == 0)
		result = replog_manifest_decode(temporary, base_buffer_bytes(&bytes), &decoded,
						error);
	base_buffer_done(&bytes);
	return result < 0 ? result : store_name_manifest(writer->store, temporary, decoded, error);
}

static void free_writer(struct replog_snapshot_writer *writer)
{
	writer->store->making = (struct raft_snapshot){0};
	for (size_t i = 0; i < writer->file_count; i++)
		free(writer->checksums[i]);
	free(writer->checksums);
	free(writer->files);
	free(writer->piece);
	free(writer);
}

int replog_snapshot_finish(struct replog_snapshot_writer *writer, struct gw_error *error)
{
	if (end_file(writer) == 0 && writer->failed.code == 0)
		(void)save_manifest(writer);
	if (writer->failed.code) {
		int code = failed(writer, error);

		replog_snapshot_abandon(writer);
		return code;
	}
	free_writer(writer);
	return 0;
}

void replog_snapshot_abandon(struct replog_snapshot_writer *writer)
{
	struct replog_store *store;

	if (!writer)
		return;
	store = writer->store;
	(void)task_disk_close(writer->file, NULL);
	free_writer(writer);
	(void)!store_clean_snapshots(store, NULL);
}
