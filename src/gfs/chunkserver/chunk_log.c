/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_log.c - the log of a chunk as it is written: state records, all of it anew; and syncs,
 * which are what it says is on the disk.
 */
#include "store_inside.h"

#include "base/little_endian.h"
#include "io/rare.h"

#include <assert.h>
#include <stdlib.h>

/* What a write or sync has lost no later one brings back. */
void chunk_disk_failed(struct chunk *chunk, int result)
{
	if (result == GW_E_IO)
		chunk->is_bad = chunk->is_changed = true;
}

int chunk_log_clean(struct chunk *chunk, struct gw_error *error)
{
	int result;

	if (!chunk->log_is_torn)
		return 0;
	result = task_disk_truncate(chunk->log, chunk->log_end, error);
	if (result == 0)
		chunk->log_is_torn = false;
	return result;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int put_table(const struct chunk_state *state, struct base_buffer *buffer, uint32_t *crc,
		     struct gw_error *error)
{
	uint32_t count = chunk_block_count(state->length);
	struct chunk_record record = {.kind = CHUNK_RECORD_TABLE,
				      .position = CHUNK_BATCH_LAST,
				      .length = state->length,
				      .crc_count = count};
	uint8_t *crcs = malloc(4 * (size_t)count + 1);
	int result;

	if (!crcs)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		base_store32(crcs + 4 * (size_t)i, state->crcs[i]);
	record.crcs = crcs;
	result = chunk_record_put(buffer, &record, crc, error);
	free(crcs);
	return result;
}

void chunk_tail_record(struct chunk_record *record, uint64_t length, const uint8_t *bytes)
{
	*record = (struct chunk_record){
		.kind = CHUNK_RECORD_WRITE,
		.position = CHUNK_BATCH_LAST,
		.offset = length - length % CHUNK_SECTOR_BYTES,
		.bytes = (uint32_t)(length % CHUNK_SECTOR_BYTES),
		.data = bytes,
		.crc_count = 1,
	};
}

/* What the next append will write beside is synced now, and that write may ruin the sector. */
struct tail {
	uint8_t block[GFS_BLOCK_BYTES];
	uint8_t crc[4];
	struct chunk_record record;
};

/* 1: there is one; 0: the last sector is full. */
static int tail_of(struct chunk *chunk, struct tail *tail, struct gw_error *error)
{
	uint64_t length = chunk->state.length;
	uint32_t block = (uint32_t)(length / GFS_BLOCK_BYTES);
	int result;

	if (length % CHUNK_SECTOR_BYTES == 0)
		return 0;
	result = chunk_read_block(chunk, block, length, chunk->state.crcs[block], tail->block,
				  error);
	if (result == GW_E_CORRUPT)
		chunk->is_bad = chunk->is_changed = true;
	if (result < 0)
		return result;
	chunk_tail_record(&tail->record, length,
			  tail->block + length % GFS_BLOCK_BYTES - length % CHUNK_SECTOR_BYTES);
	base_store32(tail->crc, chunk->state.crcs[block]);
	tail->record.crcs = tail->crc;
	return 1;
}

static int put_tail(struct chunk *chunk, struct base_buffer *buffer, uint32_t *crc,
		    struct gw_error *error)
{
	struct tail *tail = malloc(sizeof(*tail));
	int result = tail ? tail_of(chunk, tail, error) :
			    gw_fail(error, GW_E_NO_MEMORY, "out of memory");

	if (result == 1)
		result = chunk_record_put(buffer, &tail->record, crc, error);
	free(tail);
	return result < 0 ? result : chunk_record_fill(buffer, 0, crc, error);
}

/* The log says that all of it is on the disk. */
static void is_synced(struct chunk *chunk)
{
	chunk->has_unsynced_end = chunk->has_unsynced_changes = false;
	chunk->synced_length = chunk->state.length;
}

int chunk_log_all(const struct chunk_state *state, struct base_buffer *buffer, uint32_t *crc,
		  struct gw_error *error)
{
	struct chunk_record head = {.kind = CHUNK_RECORD_HEAD,
				    .handle = state->handle,
				    .chunk_log2 = state->chunk_log2};
	struct chunk_record own = {.kind = CHUNK_RECORD_STATE,
				   .position = CHUNK_BATCH_LAST,
				   .version = state->version,
				   .is_open = state->is_open,
				   .boot_id = state->boot_id};
	struct chunk_record synced = {.kind = CHUNK_RECORD_SYNCED, .position = CHUNK_BATCH_LAST};
	int result = chunk_record_put(buffer, &head, crc, error);

	if (result == 0)
		result = chunk_record_put(buffer, &own, crc, error);
	if (result == 0)
		result = put_table(state, buffer, crc, error);
	for (size_t i = 0; i < state->completion_count && result == 0; i++) {
		struct chunk_record record = {.kind = CHUNK_RECORD_COMPLETION,
					      .position = CHUNK_BATCH_LAST,
					      .completion = state->completions[i]};

		result = chunk_record_put(buffer, &record, crc, error);
	}
	if (result == 0)
		result = chunk_record_put(buffer, &synced, crc, error);
	return result < 0 ? result : chunk_record_fill(buffer, 0, crc, error);
}

/* The new log takes the place of the old one when it is whole on the disk. */
static int replace(struct chunk *chunk, struct gw_bytes bytes, struct io_file **log,
		   struct gw_error *error)
{
	char path[CHUNK_PATH_MAX], fresh[CHUNK_PATH_MAX];
	int result;

	chunk_path(chunk, CHUNK_FILE_LOG, path);
	chunk_path(chunk, CHUNK_FILE_NEW, fresh);
	result = task_disk_save(fresh, bytes, error);
	if (result == 0)
		result = task_disk_open(fresh, IO_READ | IO_WRITE, log, error);
	if (result < 0)
		return result;
	result = task_disk_rename(fresh, path, error);
	if (result < 0)
		(void)task_disk_close(*log, NULL);
	return result;
}

int chunk_log_renew(struct chunk *chunk, struct gw_error *error)
{
	struct base_buffer bytes = {0};
	struct io_file *log = NULL, *old = chunk->log;
	uint32_t crc = 0;
	int result = chunk_log_all(&chunk->state, &bytes, &crc, error);

	if (result == 0)
		result = put_tail(chunk, &bytes, &crc, error);
	if (result == 0)
		result = replace(chunk, base_buffer_bytes(&bytes), &log, error);
	if (result == 0) {
		chunk->log = log;
		chunk->log_end = bytes.size;
		chunk->log_crc = crc;
		chunk->log_is_torn = chunk->log_is_unsynced = false;
		is_synced(chunk);
		(void)task_disk_close(old, NULL);
		result = chunk_sync_names(chunk->disk, error);
		chunk->log_is_doubtful = result < 0;
	}
	base_buffer_done(&bytes);
	return result;
}

/* ---- Syncs ----------------------------------------------------------------------------------- */

/* A sync that failed leaves bytes in the cache that no later one writes; a life before this one
 * may have seen it fail. What was synced is left alone: a loss of power would harm it. What was
 * changed of it the log has put there again. */
static int rewrite_data(struct chunk *chunk, struct gw_error *error)
{
	uint8_t *buffer = malloc(GFS_BLOCK_BYTES);
	uint64_t from = chunk->synced_length - chunk->synced_length % CHUNK_SECTOR_BYTES;
	int result = buffer ? 0 : gw_fail(error, GW_E_NO_MEMORY, "out of memory");

	for (uint32_t i = (uint32_t)(from / GFS_BLOCK_BYTES);
	     i < chunk_block_count(chunk->state.length) && result == 0; i++) {
		uint64_t start = (uint64_t)i * GFS_BLOCK_BYTES;
		size_t skip = from > start ? (size_t)(from - start) : 0;
		struct gw_bytes bytes = {buffer + skip,
					 chunk_block_bytes(chunk->state.length, i) - skip};

		result = chunk_read_block(chunk, i, chunk->state.length, chunk->state.crcs[i],
					  buffer, error);
		if (result == 0)
			result = task_disk_write(chunk->data, &bytes, 1, start + skip, 0, error);
	}
	free(buffer);
	if (result == GW_E_CORRUPT)
		chunk->is_bad = chunk->is_changed = true;
	return result;
}

int chunk_sync_data(struct chunk *chunk, struct gw_error *error)
{
	int result = 0;

	if (chunk->data && chunk->data_is_doubtful) {
		result = rewrite_data(chunk, error);
		if (result < 0)
			return result;
	}
	chunk->data_is_doubtful = false;
	if (chunk->data && !IO_BUG(chunk->store->io, "gfs.data-not-synced"))
		result = task_disk_sync(chunk->data, error);
	if (result == 0 && chunk->data_is_new) {
		result = chunk_sync_names(chunk->disk, error);
		if (result == 0)
			chunk->data_is_new = false;
	}
	return result;
}

/* ---- State ----------------------------------------------------------------------------------- */

/* A new log in place of one that cannot be relied on, or is too long. */
static int make_sure_of_log(struct chunk *chunk, struct gw_error *error)
{
	int result;

	if (!chunk->log_is_doubtful && chunk->log_end <= chunk->store->log_bytes_max)
		return 0;
	result = chunk_sync_data(chunk, error);
	return result < 0 ? result : chunk_log_renew(chunk, error);
}

/* A record of a sync that is on the disk tells that all before it is: a loss of power while both
 * are written may keep the second alone. */
static int sync_before(struct chunk *chunk, struct gw_error *error)
{
	int result = chunk->log_is_unsynced ? task_disk_sync(chunk->log, error) : 0;

	if (result < 0)
		chunk->log_is_doubtful = true;
	else
		chunk->log_is_unsynced = false;
	return result;
}

/* Writes records durably, then applies them. */
static int write_records(struct chunk *chunk, const struct chunk_record *records, size_t count,
			 struct gw_error *error)
{
	struct base_buffer buffer = {0};
	uint32_t crc, flags = IO_BUG(chunk->store->io, "gfs.open-not-durable") ? 0 : IO_WRITE_SYNC;
	struct gw_bytes bytes;
	int result = make_sure_of_log(chunk, error);

	if (result == 0)
		result = chunk_log_clean(chunk, error);
	if (result == 0)
		result = sync_before(chunk, error);
	crc = chunk->log_crc;
	for (size_t i = 0; i < count && result == 0; i++)
		result = chunk_record_put(&buffer, &records[i], &crc, error);
	if (result == 0)
		result = chunk_record_fill(&buffer, chunk->log_end, &crc, error);
	bytes = base_buffer_bytes(&buffer);
	if (result == 0) {
		chunk->log_is_torn = true;
		result = task_disk_write(chunk->log, &bytes, 1, chunk->log_end, flags, error);
		/* If it was the sync, what was written before may be lost, too. */
		if (result < 0)
			chunk->log_is_doubtful = true;
	}
	for (size_t i = 0; i < count && result == 0; i++)
		result = chunk_state_apply(&chunk->state, &records[i], error);
	if (result == 0) {
		chunk->log_end += bytes.size;
		chunk->log_crc = crc;
		chunk->log_is_torn = false;
		chunk_summarize(chunk);
	}
	base_buffer_done(&buffer);
	return result;
}

/* The lock of a chunk that is held, unless it was dropped meanwhile: nothing is to be written to
 * its files' names, which may be another one's now. */
static int lock(struct chunk *chunk, struct gw_error *error)
{
	int result = gw_lock(&chunk->lock, GW_FOREVER);

	if (result < 0 || !chunk->is_gone)
		return result;
	gw_unlock(&chunk->lock);
	return gw_fail(error, GW_E_NOT_FOUND, "it was dropped");
}

int chunk_grant(struct chunk *chunk, uint64_t version, struct gw_error *error)
{
	struct chunk_record record = {.kind = CHUNK_RECORD_STATE,
				      .version = version,
				      .is_open = true,
				      .boot_id = chunk->store->boot_id};
	int result = chunk_hold(chunk, error);

	if (result < 0)
		return result;
	result = lock(chunk, error);
	if (result == 0) {
		if (version < chunk->version)
			result = gw_fail(error, GW_E_STALE, "version %llu is old",
					 (unsigned long long)version);
		else if (chunk->is_suspect)
			result = gw_fail(error, GW_E_STALE, "it is suspect");
		else
			result = write_records(chunk, &record, 1, error);
		chunk_disk_failed(chunk, result);
		gw_unlock(&chunk->lock);
	}
	if (result < 0)
		result = chunk_fail_in(chunk, result, error);
	chunk_release(chunk);
	return result;
}

static int sync_as(struct chunk *chunk, bool close, uint64_t version, struct gw_error *error)
{
	struct tail *tail = malloc(sizeof(*tail));
	struct chunk_record records[3] = {{.kind = CHUNK_RECORD_SYNCED}};
	size_t count = 1;
	int result = tail ? chunk_sync_data(chunk, error) :
			    gw_fail(error, GW_E_NO_MEMORY, "out of memory");

	if (close)
		records[count++] = (struct chunk_record){.kind = CHUNK_RECORD_STATE,
							 .position = 1,
							 .version = version,
							 .boot_id = chunk->store->boot_id};
	if (result == 0)
		result = tail_of(chunk, tail, error);
	if (result == 1)
		records[count++] = tail->record;
	if (result >= 0)
		result = write_records(chunk, records, count, error);
	if (result == 0)
		is_synced(chunk);
	free(tail);
	return result;
}

int chunk_log_sync(struct chunk *chunk, bool close, struct gw_error *error)
{
	return sync_as(chunk, close, chunk->state.version, error);
}

int chunk_sync(struct chunk *chunk, bool close, struct gw_error *error)
{
	int result = chunk_hold(chunk, error);

	if (result < 0)
		return result;
	result = lock(chunk, error);
	if (result == 0) {
		if (chunk->is_bad || chunk->is_suspect)
			result = gw_fail(error, GW_E_CORRUPT, "it is %s",
					 chunk->is_bad ? "bad" : "suspect");
		else
			result = chunk_log_sync(chunk, close, error);
		chunk_disk_failed(chunk, result);
		gw_unlock(&chunk->lock);
	}
	if (result < 0)
		result = chunk_fail_in(chunk, result, error);
	chunk_release(chunk);
	return result;
}

/* ---- Suspects -------------------------------------------------------------------------------- */

/* 1: it is so already. */
static int check_settle(const struct chunk *chunk, uint64_t version, uint64_t length,
			struct gw_error *error)
{
	if (chunk->is_bad)
		return gw_fail(error, GW_E_CORRUPT, "it is bad");
	if (!chunk->is_suspect && chunk->version == version && chunk->length == length)
		return 1;
	if (!chunk->is_suspect || version < chunk->version)
		return gw_fail(error, GW_E_STALE, "it is %s",
			       chunk->is_suspect ? "newer" : "no suspect");
	if (length > chunk->length)
		return gw_fail(error, GW_E_INVALID, "it has %llu bytes, not %llu",
			       (unsigned long long)chunk->length, (unsigned long long)length);
	return 0;
}

int chunk_settle(struct chunk *chunk, uint64_t version, uint64_t length, struct gw_error *error)
{
	int result = chunk_hold(chunk, error);

	if (result < 0)
		return result;
	/* As good as new from here on: what a heartbeat said of a suspect is not to have it
	 * dropped. */
	chunk->made_ns = UINT64_MAX;
	result = lock(chunk, error);
	if (result == 0) {
		result = check_settle(chunk, version, length, error);
		if (result == 0) {
			result = chunk_cut(chunk, length, error);
			if (result == 0)
				result = sync_as(chunk, true, version, error);
			chunk_disk_failed(chunk, result);
		}
		gw_unlock(&chunk->lock);
	}
	chunk->made_ns = io_now_ns(chunk->store->io);
	if (result < 0)
		result = chunk_fail_in(chunk, result, error);
	chunk_release(chunk);
	return result < 0 ? result : 0;
}
