/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_load.c - a chunk's log read into memory, its end compared with its bytes after a start, and
 * which chunks stay loaded.
 */
#include "store_inside.h"

#include "base/little_endian.h"
#include "io/rare.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Who is loaded --------------------------------------------------------------------------- */

static void idle_remove(struct chunk *chunk)
{
	struct chunk_store *store = chunk->store;

	*(chunk->older ? &chunk->older->newer : &store->oldest) = chunk->newer;
	*(chunk->newer ? &chunk->newer->older : &store->newest) = chunk->older;
	chunk->newer = chunk->older = NULL;
}

static void idle_add(struct chunk *chunk)
{
	struct chunk_store *store = chunk->store;

	chunk->older = store->newest;
	*(store->newest ? &store->newest->newer : &store->oldest) = chunk;
	store->newest = chunk;
}

void chunk_unload(struct chunk *chunk)
{
	struct io_file *log = chunk->log, *data = chunk->data;

	assert(chunk->holders == 0);
	if (!chunk->is_loaded)
		return;
	idle_remove(chunk);
	chunk->is_loaded = false;
	chunk->store->loaded--;
	chunk->log = chunk->data = NULL;
	chunk_state_done(&chunk->state);
	/* Waits, so last: it may be dropped meanwhile. What fails here a sync tells. */
	(void)task_disk_close(log, NULL);
	(void)task_disk_close(data, NULL);
}

void chunk_summarize(struct chunk *chunk)
{
	const struct chunk_state *state = &chunk->state;

	chunk->version = state->version;
	chunk->length = state->length;
	chunk->chunk_log2 = state->chunk_log2;
	chunk->is_open = state->is_open;
	chunk->is_partial = state->version == 0 || chunk->is_leaving;
	chunk->is_suspect = state->is_open && memcmp(state->boot_id, chunk->store->boot_id,
						     CHUNK_BOOT_ID_BYTES) != 0;
	chunk->is_changed = true;
}

/* ---- The log --------------------------------------------------------------------------------- */

/* What was found in a log before anything of it is believed. */
struct scan {
	const char *name;
	struct gw_bytes bytes;
	size_t end;      /* of the records that can be read */
	size_t redo;     /* from here on what has its bytes in the log is put in place */
	size_t doubtful; /* from here on the bytes may not be there */
	uint64_t version; /* of the last state, which was durable when it was told */
	bool *touched;   /* blocks that doubtful records are about */
	bool is_unsynced; /* bytes were changed behind the last sync */
	bool has_redo;
	uint32_t crc;
};

/*
 * Whether a record that cannot be read is no torn end: behind it is one that can. Of the batch that
 * was being written any part may be there; after a loss of power any part of all that was written
 * behind the last sync: only what came with one tells then.
 */
static bool goes_on(const struct scan *scan, struct gw_bytes rest, bool same_boot)
{
	const uint8_t *at = rest.data;
	size_t left = rest.size, size;
	uint32_t crc;

	if (left < CHUNK_RECORD_HEAD_BYTES)
		return false;
	crc = base_load32(at);
	size = base_load32(at + 4);
	while (size <= left - CHUNK_RECORD_HEAD_BYTES) {
		struct chunk_record record;
		int64_t next;

		at += CHUNK_RECORD_HEAD_BYTES + size;
		left -= CHUNK_RECORD_HEAD_BYTES + size;
		next = chunk_record_get(scan->name, (struct gw_bytes){at, left}, &crc, &record,
					NULL);
		if (next <= 0)
			return false;
		if (record.kind == CHUNK_RECORD_STATE || record.kind == CHUNK_RECORD_SYNCED ||
		    (same_boot && record.position == 0))
			return true;
		size = (size_t)next - CHUNK_RECORD_HEAD_BYTES;
	}
	return false;
}

/* Finds the end, and what is certain. */
static int scan_log(const struct chunk *chunk, struct scan *scan, struct gw_error *error)
{
	size_t batch = 0;
	bool is_open = false, same_boot = false;
	struct chunk_record record;
	int64_t size;

	for (;; scan->end += (size_t)size) {
		struct gw_bytes rest = {(const uint8_t *)scan->bytes.data + scan->end,
					scan->bytes.size - scan->end};

		size = chunk_record_get(scan->name, rest, &scan->crc, &record, error);
		if (size == 0)
			break;
		if (size < 0 && size != GW_E_VERSION && scan->end > 0 &&
		    !goes_on(scan, rest, same_boot))
			break;
		if (size < 0)
			return scan->end == 0 && size == GW_E_CORRUPT &&
					       !goes_on(scan, rest, false) ?
				       GW_E_TRUNCATED : (int)size;
		/* What they say was durable before anything came behind it. */
		if (record.kind == CHUNK_RECORD_SYNCED || record.kind == CHUNK_RECORD_CUT)
			scan->redo = scan->doubtful = scan->end + (size_t)size;
		if (record.kind == CHUNK_RECORD_WRITE && record.data) {
			scan->doubtful = scan->end + (size_t)size;
			scan->has_redo = true;
		}
		scan->is_unsynced = record.kind == CHUNK_RECORD_WRITE ||
				    record.kind == CHUNK_RECORD_PAD ||
				    record.kind == CHUNK_RECORD_CUT ||
				    (scan->is_unsynced && record.kind != CHUNK_RECORD_SYNCED);
		if (record.position == 0)
			batch = scan->end;
		if (record.kind == CHUNK_RECORD_STATE) {
			scan->version = record.version;
			is_open = record.is_open;
			same_boot = memcmp(record.boot_id, chunk->store->boot_id,
					   CHUNK_BOOT_ID_BYTES) == 0;
		}
	}
	if (scan->end == 0)
		return gw_fail(error, GW_E_TRUNCATED, "%s: empty", scan->name);
	if (!is_open || chunk->is_recovered)
		scan->redo = scan->doubtful = scan->end;
	else if (same_boot && batch > scan->doubtful)
		scan->doubtful = batch;
	return 0;
}

/* Applies the records up to a place. each (may be NULL) looks at those behind `from`, after they
 * were applied. */
static int replay(struct chunk *chunk, const struct scan *scan, size_t from, size_t to,
		  int (*each)(struct chunk *chunk, const struct scan *scan,
			      const struct chunk_record *record, struct gw_error *error),
		  size_t *reached, struct gw_error *error)
{
	uint32_t crc = 0;
	size_t at = 0;
	int result = 0;

	chunk_state_done(&chunk->state);
	chunk->synced_length = 0;
	while (at < to && result == 0) {
		struct chunk_record record;
		int64_t size = chunk_record_get(
			scan->name,
			(struct gw_bytes){(const uint8_t *)scan->bytes.data + at, to - at}, &crc,
			&record, error);

		if (size < 0)
			return (int)size;
		result = chunk_state_apply(&chunk->state, &record, error);
		if (result == 0 && (record.kind == CHUNK_RECORD_SYNCED ||
				    chunk->synced_length > chunk->state.length))
			chunk->synced_length = chunk->state.length;
		if (result == 0 && each && at >= from)
			result = each(chunk, scan, &record, error);
		if (result == 0)
			at += (size_t)size;
	}
	*reached = at;
	if (result < 0)
		return result;
	chunk->log_end = at;
	chunk->log_crc = crc;
	return 0;
}

/* ---- After a start --------------------------------------------------------------------------- */

/* Puts in place what the log has. */
static int redo(struct chunk *chunk, const struct scan *scan, const struct chunk_record *record,
		struct gw_error *error)
{
	struct gw_bytes data = {record->data, record->bytes};
	int result;

	if (record->kind != CHUNK_RECORD_WRITE)
		return 0;
	memset(scan->touched + record->offset / GFS_BLOCK_BYTES, true, record->crc_count);
	if (!record->data)
		return 0;
	result = chunk_data_open(chunk, true, error);
	if (result < 0)
		return result;
	/* Also if the record is cut: what it leaves behind the end is no zeros for a pad. */
	if (chunk->written_end < record->offset + record->bytes)
		chunk->written_end = record->offset + record->bytes;
	return task_disk_write(chunk->data, &data, 1, record->offset, 0, error);
}

static int check_block(struct chunk *chunk, uint32_t block, struct gw_error *error)
{
	uint8_t *bytes = malloc(GFS_BLOCK_BYTES);
	int result;

	if (!bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	result = chunk_read_block(chunk, block, chunk->state.length, chunk->state.crcs[block],
				  bytes, error);
	free(bytes);
	return result;
}

static int check(struct chunk *chunk, const struct scan *scan, const struct chunk_record *record,
		 struct gw_error *error)
{
	uint32_t first = (uint32_t)(record->offset / GFS_BLOCK_BYTES);
	int result = 0;

	(void)scan;
	/* The end of zeros is in a sector with what came behind them. */
	if (record->kind == CHUNK_RECORD_PAD && record->length > 0)
		return check_block(chunk, (uint32_t)((record->length - 1) / GFS_BLOCK_BYTES),
				   error);
	for (uint32_t i = 0; record->kind == CHUNK_RECORD_WRITE && i < record->crc_count &&
			     result == 0; i++)
		result = check_block(chunk, first + i, error);
	return result;
}

/* The end of the log, as far as its bytes are there: all of it, if its last state is, else up to
 * the first record whose bytes are not. */
static int recover_end(struct chunk *chunk, const struct scan *scan, struct gw_error *error)
{
	size_t reached;
	/* A life that died may have had it in the kernel only. */
	int result = scan->has_redo ? task_disk_sync(chunk->log, error) : 0;

	if (result == 0)
		result = replay(chunk, scan, scan->redo, scan->end, redo, &reached, error);
	for (uint32_t i = 0; i < chunk_block_count(chunk->state.length) && result == 0; i++) {
		if (scan->touched[i])
			result = check_block(chunk, i, error);
	}
	if (result != GW_E_CORRUPT)
		return result;
	IO_PROBE(chunk->store->io, "gfs.log-end-cut");
	result = replay(chunk, scan, scan->doubtful, scan->end, check, &reached, error);
	if (result != GW_E_CORRUPT)
		return result;
	result = replay(chunk, scan, 0, reached, NULL, &reached, error);
	/* Bytes that were lost take no version with them. */
	chunk->state.version = scan->version;
	return result;
}

static int read_state(struct chunk *chunk, struct scan *scan, struct gw_error *error)
{
	size_t reached;
	int result = scan_log(chunk, scan, error);

	if (result < 0)
		return result;
	if (scan->redo < scan->end) {
		scan->touched = calloc(1 << (GFS_CHUNK_LOG2_MAX - 16), sizeof(bool));
		result = scan->touched ? recover_end(chunk, scan, error) :
					 gw_fail(error, GW_E_NO_MEMORY, "out of memory");
		free(scan->touched);
	} else {
		result = replay(chunk, scan, 0, scan->end, NULL, &reached, error);
	}
	if (result < 0)
		return result;
	if (chunk->state.handle != chunk->handle)
		return gw_fail(error, GW_E_CORRUPT, "%s: the log of chunk %llx", scan->name,
			       (unsigned long long)chunk->state.handle);
	if (chunk->is_recovered)
		chunk->state.version = chunk->version;
	else
		/* The kernel may have what no sync to come would write: a life before may have seen
		 * one fail. What was synced is not written again: a loss of power would harm it. */
		chunk->data_is_doubtful = chunk->state.is_open && scan->is_unsynced;
	/* What was cut is removed before records come, not before: a version may be in it. */
	if (chunk->log_end < scan->bytes.size)
		chunk->log_is_torn = true;
	return 0;
}

static int load_log(struct chunk *chunk, struct gw_error *error)
{
	size_t size_max = chunk->store->log_bytes_max + 4 * (size_t)CHUNK_RECORD_BODY_MAX;
	struct base_buffer bytes = {0};
	struct scan scan = {0};
	char path[CHUNK_PATH_MAX];
	int result;

	chunk_path(chunk, CHUNK_FILE_LOG, path);
	scan.name = path;
	result = task_disk_open(path, IO_READ | IO_WRITE, &chunk->log, error);
	if (result == 0)
		result = task_disk_load(path, size_max, &bytes, error);
	if (result == 0)
		result = chunk_data_open(chunk, false, error);
	scan.bytes = base_buffer_bytes(&bytes);
	/* What a failed write left behind the end was seen for what it is. */
	if (result == 0 && chunk->is_recovered && scan.bytes.size < chunk->log_end)
		result = gw_fail(error, GW_E_CORRUPT, "%s: has become shorter", path);
	else if (chunk->is_recovered)
		scan.bytes.size = chunk->log_end;
	if (result == 0)
		result = read_state(chunk, &scan, error);
	base_buffer_done(&bytes);
	return result;
}

static int load(struct chunk *chunk, struct gw_error *error)
{
	int result;

	/* Its log is being written: a part of it is no sign of harm. */
	if (chunk->made_ns != 0 && !chunk->is_recovered)
		return gw_fail(error, GW_E_NOT_FOUND, "chunk %llx: not made yet",
			       (unsigned long long)chunk->handle);
	result = load_log(chunk, error);
	if (result < 0) {
		struct io_file *log = chunk->log, *data = chunk->data;

		chunk->log = chunk->data = NULL;
		chunk_state_done(&chunk->state);
		(void)task_disk_close(log, NULL);
		(void)task_disk_close(data, NULL);
		/* A log is as much of the chunk as its bytes are. */
		if (result == GW_E_CORRUPT || result == GW_E_TRUNCATED)
			chunk->is_bad = chunk->is_changed = true;
		chunk_disk_failed(chunk, result);
		return result;
	}
	if (!chunk->is_recovered) {
		chunk_summarize(chunk);
		/* As for the data, and no look at a log tells. */
		chunk->log_is_doubtful = true;
		chunk->data_is_new = chunk->is_open;
	}
	chunk->is_recovered = true;
	chunk->is_loaded = true;
	chunk->store->loaded++;
	return 0;
}

/* ---- Holding --------------------------------------------------------------------------------- */

/* Lets some go; others may come while one is closed. */
static void make_room(struct chunk_store *store)
{
	while (store->loaded > store->loaded_max && store->oldest)
		chunk_unload(store->oldest);
}

void chunk_pin(struct chunk *chunk)
{
	if (chunk->is_loaded && chunk->holders == 0)
		idle_remove(chunk);
	chunk->holders++;
}

int chunk_hold(struct chunk *chunk, struct gw_error *error)
{
	int result;

	chunk_pin(chunk);
	result = gw_lock(&chunk->lock, GW_FOREVER);
	if (result == 0) {
		if (chunk->is_gone)
			result = gw_fail(error, GW_E_NOT_FOUND, "chunk %llx: dropped",
					 (unsigned long long)chunk->handle);
		else if (!chunk->is_loaded)
			result = load(chunk, error);
		gw_unlock(&chunk->lock);
	} else {
		(void)gw_fail(error, result, "chunk %llx: %s", (unsigned long long)chunk->handle,
			      gw_code_text(result));
	}
	if (result < 0)
		chunk_release(chunk);
	return result;
}

void chunk_release(struct chunk *chunk)
{
	struct chunk_store *store = chunk->store;

	assert(chunk->holders > 0);
	if (--chunk->holders > 0)
		return;
	if (chunk->is_loaded)
		idle_add(chunk);
	if (chunk->is_gone)
		chunk_forget(chunk);
	make_room(store);
}
