/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_recover.c - the log when the store is opened: what store_read.h finds is made durable.
 *
 * What was read may be in the page cache only (its sync may have failed, or the process may have
 * died before it). Only the last batch can be such, since each is written when the one before it
 * is durable; so it is written once more, as the first of a new segment, before anything is
 * removed.
 */
#include "store_read.h"

#include "io/rare.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- Ready for more ------------------------------------------------------------------------- */

/* Segments without a batch are used again; a batch that a crash has torn may be in them, so not as
 * they are. */
static int retire_unused(struct store_reading *reading, struct gw_error *error)
{
	struct replog_store *store = reading->store;
	char log[STORE_PATH_MAX];
	bool retired = false, made_spare = false;
	int result = 0;

	for (size_t i = 0; result == 0 && i < reading->count; i++) {
		const struct store_segment *segment = &reading->found[i].segment;
		bool became_spare;

		if (reading->found[i].first_sequence > 0)
			continue;
		result = store_retire_segment(store, segment->number, segment->size, &became_spare,
					      error);
		made_spare |= became_spare;
		retired = true;
	}
	store_path(log, store->path, "log");
	if (result == 0 && retired)
		result = task_disk_sync_directory(log, error);
	if (result == 0 && made_spare) {
		store->has_spare = true;
		store->spare_bytes = store->segment_bytes;
	}
	return result;
}

/* The records of the batch that is to be written: those of the last one, if it has to be written
 * once more (but for state and position, which the first batch of a segment gets anyway), and that
 * the log is cleared. Returns how many. */
static int gather(struct store_reading *reading, bool copy, bool clear, struct base_buffer *body,
		  struct gw_error *error)
{
	struct replog_record record;
	uint8_t bytes[REPLOG_RECORD_HEAD_BYTES];
	size_t offset = 0, start = 0;
	int result, count = 0;

	while (copy && (result = replog_record_next(reading->last.body, &offset, &record,
						    error)) != 0) {
		const uint8_t *at = (const uint8_t *)reading->last.body.data + start;

		if (result > 0 && record.kind != REPLOG_RECORD_STATE &&
		    record.kind != REPLOG_RECORD_POSITION) {
			result = base_buffer_append(body, at, offset - start, error);
			count++;
		}
		if (result < 0)
			return result;
		start = offset;
	}
	if (!clear)
		return count;
	record = (struct replog_record){
		.kind = REPLOG_RECORD_CLEAR,
		.index = reading->store->added.next_index,
	};
	replog_record_encode(&record, bytes);
	result = base_buffer_append(body, bytes, sizeof(bytes), error);
	return result < 0 ? result : count + 1;
}

/* Of a segment with this batch and a mark behind it. */
static uint64_t bytes_for(const struct replog_store *store, size_t body)
{
	return store->sector_bytes +
	       replog_batch_bytes(body + STORE_FIRST_BYTES, store->sector_bytes) +
	       replog_batch_bytes(0, store->sector_bytes);
}

/* Writes the last batch once more, into a new segment. */
static int seal(struct store_reading *reading, bool clear, struct gw_error *error)
{
	struct replog_store *store = reading->store;
	struct store_added batch = store->added;
	bool copy = reading->next > 0 && !IO_BUG(store->io, "replog.cache-trusted");
	int result = gather(reading, copy, clear, &batch.bytes, error);

	if (result >= 0) {
		batch.records = (uint32_t)result;
		result = 0;
	}
	store->sequence = reading->next > 0 ? reading->next - 1 : 0;
	if (copy)
		store->sequence--; /* it keeps its number */
	if (result == 0)
		result = store_make_segment(store, bytes_for(store, batch.bytes.size),
					    &store->next, error);
	if (result == 0)
		result = store_take_segment(store, &store->next, error);
	if (result == 0)
		result = store_write_batch(store, &batch, error);
	base_buffer_done(&batch.bytes);
	if (result == 0)
		store->segments[store->segment_count - 1].last_index = reading->replay->last_index;
	return result;
}

static void keep_segments(struct store_reading *reading)
{
	struct replog_store *store = reading->store;

	for (size_t i = 0; i < reading->count; i++) {
		const struct store_found *found = &reading->found[i];

		if (found->first_sequence > 0 && !store_reading_is_left_over(reading, i))
			store->segments[store->segment_count++] = found->segment;
	}
}

/* When what they hold is durable elsewhere. A failure is none: they will be met again. */
static void remove_left_over(struct store_reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct store_found *found = &reading->found[i];
		char path[STORE_PATH_MAX];

		if (found->first_sequence == 0 || !store_reading_is_left_over(reading, i))
			continue;
		store_segment_path(path, reading->store->path, found->segment.number);
		(void)!task_disk_unlink(path, NULL);
	}
}

static int make_ready(struct store_reading *reading, struct replog_recovered *recovered, bool clear,
		      struct gw_error *error)
{
	struct replog_store *store = reading->store;
	uint64_t newest = reading->count > 0 ?
			  reading->found[reading->count - 1].segment.number : 0;
	int result;

	store->added.term = recovered->term;
	store->added.vote = recovered->vote;
	store->added.next_index = recovered->snapshot.index + 1 + recovered->entry_count;
	store->next_number = newest + 1;
	store->segments = calloc(reading->count + 1, sizeof(*store->segments));
	if (!store->segments)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for its segments",
			       store->path);
	store->segment_capacity = reading->count + 1;
	keep_segments(reading);
	result = retire_unused(reading, error);
	if (result == 0)
		result = seal(reading, clear, error);
	if (result == 0 && !store->marked)
		result = store_write_batch(store, &store->added, error);
	if (result == 0)
		remove_left_over(reading);
	return result;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static int recover(struct store_reading *reading, struct replog_recovered *recovered,
		   struct gw_error *error)
{
	struct replog_store *store = reading->store;
	bool clear;
	int result = store_reading_all(reading, error);

	if (result < 0)
		return result;
	recovered->identity = store->identity;
	recovered->term = reading->replay->term;
	recovered->vote = reading->replay->vote;
	recovered->torn_bytes = reading->torn_bytes;
	recovered->snapshot.members = store->identity.members;
	if (store->manifest)
		recovered->snapshot = store->manifest->snapshot;
	result = store_reading_fit(reading, recovered, &clear, error);
	if (result == 0)
		result = make_ready(reading, recovered, clear, error);
	return result;
}

int store_recover(struct replog_store *store, struct replog_recovered *recovered,
		  struct gw_error *error)
{
	struct store_reading reading = {.store = store};
	int result;

	reading.replay = calloc(1, sizeof(*reading.replay));
	if (!reading.replay)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to open it", store->path);
	recovered->memory = reading.replay;
	result = recover(&reading, recovered, error);
	store_reading_done(&reading);
	return result;
}

void replog_recovered_done(struct replog_recovered *recovered)
{
	if (recovered->memory)
		replog_replay_done(recovered->memory);
	free(recovered->memory);
	*recovered = (struct replog_recovered){0};
}
