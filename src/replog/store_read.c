/* SPDX-License-Identifier: Apache-2.0 */
/* store_read.c - see store_read.h. */
#include "store_read.h"

#include "base/allocate.h"
#include "base/little_endian.h"
#include "io/rare.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct gw_bytes *bytes_of(struct store_reading *reading, struct gw_bytes *bytes)
{
	*bytes = base_buffer_bytes(&reading->bytes);
	return bytes;
}

/* ---- What is there ------------------------------------------------------------------------ */

static int file_size(const char *path, uint64_t *size, struct gw_error *error)
{
	struct io_file *file;
	int result = task_disk_open(path, IO_READ, &file, error);

	if (result < 0)
		return result;
	result = task_disk_size(file, size, error);
	(void)task_disk_close(file, NULL);
	return result;
}

static int add_found(struct store_reading *reading, uint64_t number, struct gw_error *error)
{
	if (reading->count == reading->capacity) {
		struct store_found *grown = base_grow(reading->found, sizeof(*grown),
						      &reading->capacity, reading->count + 1);

		if (!grown)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for a list of segments");
		reading->found = grown;
	}
	reading->found[reading->count++] = (struct store_found){.segment = {.number = number}};
	return 0;
}

static int look_at_spare(struct replog_store *store, struct gw_error *error)
{
	char path[STORE_PATH_MAX];
	int result;

	store_path(path, store->path, "log/spare");
	result = file_size(path, &store->spare_bytes, error);
	if (result == 0)
		store->has_spare = store->spare_bytes == store->segment_bytes;
	return result;
}

int store_reading_list(struct store_reading *reading, struct gw_error *error)
{
	struct replog_store *store = reading->store;
	char path[STORE_PATH_MAX];
	struct io_list list;
	uint64_t number;
	int result;

	store_path(path, store->path, "log");
	/* Names that were taken away must not come back, now that they are acted upon. */
	result = task_disk_sync_directory(path, error);
	if (result == 0)
		result = task_disk_list(path, &list, error);
	if (result < 0)
		return result;
	for (size_t i = 0; result == 0 && i < list.count; i++) {
		const char *name = list.entries[i].name; /* sorted, and so are the numbers */

		if (store_is_segment_name(name, &number))
			result = add_found(reading, number, error);
		else if (strcmp(name, "spare") == 0)
			result = look_at_spare(store, error);
	}
	io_list_free(store->io, &list);
	return result;
}

/* ---- Heads and first batches ---------------------------------------------------------------- */

/* Reads the first `size` bytes of the file, or all that it has. */
static int read_start(struct store_reading *reading, struct io_file *file, size_t size,
		      struct gw_error *error)
{
	int result;

	reading->bytes.size = 0;
	result = base_buffer_reserve(&reading->bytes, size, error);
	if (result == 0)
		result = task_disk_read(file, reading->bytes.data, size, 0, error);
	if (result >= 0)
		reading->bytes.size = (size_t)result;
	return result < 0 ? result : 0;
}

static int check_head(struct store_reading *reading, const char *path, struct store_found *found,
		      struct gw_error *error)
{
	const struct replog_identity *identity = &reading->store->identity;
	const struct replog_segment_head *head = &found->head;
	int result = replog_segment_decode(path, base_buffer_bytes(&reading->bytes),
					   &found->head, error);

	if (result < 0)
		return result;
	if (head->number != found->segment.number)
		return gw_fail(error, GW_E_CORRUPT, "%s: it is segment %" PRIu64, path,
			       head->number);
	if (head->member != identity->member ||
	    memcmp(head->cluster, identity->cluster, REPLOG_CLUSTER_BYTES) != 0)
		return gw_fail(error, GW_E_CORRUPT, "%s: it is of another member", path);
	return 0;
}

/* Without a right first batch: nothing was ever acknowledged here, or there is damage. */
static int check_unused(struct store_reading *reading, const char *path, struct store_found *found,
			struct gw_error *error)
{
	struct replog_batch batch;
	struct gw_bytes in;
	int result = task_disk_load(path, STORE_SEGMENT_BYTES_MAX, &reading->bytes, error);
	uint32_t sector = found->head.sector_bytes;
	const uint8_t *at;

	if (result < 0)
		return result;
	if (replog_batch_search(&found->head, *bytes_of(reading, &in), sector, 0, &batch))
		return gw_fail(error, GW_E_CORRUPT, "%s: damage at offset %u, where batch %" PRIu64
			       " should begin", path, sector, batch.sequence - 1);
	if (in.size < sector + (size_t)REPLOG_BATCH_HEAD_BYTES)
		return 0;
	at = (const uint8_t *)in.data + sector;
	if (base_load32(at) == REPLOG_BATCH_MAGIC) {
		found->torn_sequence = base_load64(at + 8);
		found->torn_bytes = base_load32(at + 16);
	}
	return 0;
}

static int read_first(struct store_reading *reading, const char *path, struct io_file *file,
		      struct store_found *found, struct gw_error *error)
{
	struct replog_batch batch;
	struct gw_bytes in;
	uint64_t size;
	int result = read_start(reading, file, REPLOG_SEGMENT_HEAD_BYTES, error);

	if (result == 0)
		result = task_disk_size(file, &found->segment.size, error);
	if (result == 0)
		result = check_head(reading, path, found, error);
	if (result == 0)
		result = read_start(reading, file, found->head.sector_bytes +
				    (size_t)REPLOG_BATCH_HEAD_BYTES, error);
	if (result < 0)
		return result;
	size = found->head.sector_bytes + (uint64_t)REPLOG_BATCH_HEAD_BYTES;
	if (reading->bytes.size < size)
		return gw_fail(error, GW_E_CORRUPT,
			       "%s: ends at offset %zu, before its first batch", path,
			       reading->bytes.size);
	size += base_load32(reading->bytes.data + found->head.sector_bytes + 16);
	if (size <= found->segment.size && size <= STORE_SEGMENT_BYTES_MAX) {
		result = read_start(reading, file, (size_t)size, error);
		if (result < 0)
			return result;
		if (replog_batch_decode(&found->head, *bytes_of(reading, &in),
					found->head.sector_bytes, &batch)) {
			found->first_sequence = batch.sequence;
			return 0;
		}
	}
	return check_unused(reading, path, found, error);
}

int store_reading_look(struct store_reading *reading, size_t i, struct gw_error *error)
{
	struct store_found *found = &reading->found[i];
	char path[STORE_PATH_MAX];
	struct io_file *file;
	int result;

	store_segment_path(path, reading->store->path, found->segment.number);
	result = task_disk_open(path, IO_READ, &file, error);
	if (result < 0)
		return result;
	result = read_first(reading, path, file, found, error);
	(void)task_disk_close(file, NULL);
	return result;
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* Bug: what stands at the end of the log is taken for a batch, whatever its checksum says. */
static bool take_torn(struct store_reading *reading, uint64_t offset, struct replog_batch *batch)
{
	const uint8_t *at = reading->bytes.data + offset;
	size_t left = reading->bytes.size - offset;

	if (left < REPLOG_BATCH_HEAD_BYTES || !IO_BUG(reading->store->io, "replog.torn-taken") ||
	    base_load32(at) != REPLOG_BATCH_MAGIC || base_load64(at + 8) != reading->next ||
	    base_load32(at + 16) > left - REPLOG_BATCH_HEAD_BYTES)
		return false;
	*batch = (struct replog_batch){offset, reading->next, base_load32(at + 20),
				       {at + REPLOG_BATCH_HEAD_BYTES, base_load32(at + 16)}};
	return true;
}

/* Reads batches from the start of the segment up to `limit`; *offset is where it ended. */
static int read_batches(struct store_reading *reading, const char *path, struct store_found *found,
			uint64_t limit, uint64_t *offset, struct gw_error *error)
{
	struct replog_batch batch;
	struct gw_bytes in;

	*offset = found->head.sector_bytes;
	(void)bytes_of(reading, &in);
	while (reading->next < limit && *offset < in.size) {
		int result;

		if ((!replog_batch_decode(&found->head, in, *offset, &batch) ||
		     batch.sequence != reading->next) &&
		    !take_torn(reading, *offset, &batch))
			break;
		reading->batches++;
		result = replog_replay_batch(reading->replay, &batch, error);
		if (result < 0)
			return gw_fail_in(error, "%s: batch %" PRIu64 " at offset %" PRIu64, path,
					  batch.sequence, *offset);
		if (found->segment.last_index < reading->replay->last_index)
			found->segment.last_index = reading->replay->last_index;
		reading->last = batch;
		reading->next++;
		*offset += replog_batch_bytes(batch.body.size, found->head.sector_bytes);
	}
	return 0;
}

/* The chain ends at offset, and there is more of the log: in this segment or in a later one. */
static int judge_end(struct store_reading *reading, const char *path,
		     const struct store_found *found, uint64_t offset, bool is_last,
		     struct gw_error *error)
{
	struct replog_batch later;
	struct gw_bytes in;
	const uint8_t *at;

	(void)bytes_of(reading, &in);
	if (offset < in.size &&
	    replog_batch_search(&found->head, in, offset, reading->next, &later))
		return gw_fail(error, GW_E_CORRUPT,
			       "%s: damage at offset %" PRIu64 ", where batch %" PRIu64
			       " should begin: batch %" PRIu64 " behind it is whole", path, offset,
			       reading->next, later.sequence);
	if (!is_last) {
		(void)gw_fail(&reading->gap, GW_E_CORRUPT, "%s: batch %" PRIu64 " should begin at "
			      "offset %" PRIu64 ", and later segments go on", path, reading->next,
			      offset);
		return 0;
	}
	if (offset > in.size || in.size - offset < REPLOG_BATCH_HEAD_BYTES)
		return 0;
	at = (const uint8_t *)in.data + offset;
	if (base_load32(at) == REPLOG_BATCH_MAGIC && base_load64(at + 8) == reading->next)
		reading->torn_bytes = base_load32(at + 16);
	return 0;
}

/* Begins anew with segment i: those before it have gone, or should have. */
static void begin_at(struct store_reading *reading, size_t i)
{
	replog_replay_forget(reading->replay);
	reading->next = reading->found[i].first_sequence;
	reading->kept = i;
}

/* Batches of segment i from there on are in later segments; UINT64_MAX: there are none. */
static uint64_t limit_of(const struct store_reading *reading, size_t i)
{
	uint64_t limit = UINT64_MAX;

	while (++i < reading->count) {
		uint64_t first = reading->found[i].first_sequence;

		if (first > 0 && first < limit)
			limit = first;
	}
	return limit;
}

int store_reading_segment(struct store_reading *reading, size_t i, struct gw_error *error)
{
	struct store_found *found = &reading->found[i];
	uint64_t limit = limit_of(reading, i), offset;
	char path[STORE_PATH_MAX];
	int result;

	if (found->first_sequence == 0) {
		if (reading->next > 0 && found->torn_sequence == reading->next)
			reading->torn_bytes = found->torn_bytes;
		return 0;
	}
	if (reading->next == 0 || found->first_sequence > reading->next)
		begin_at(reading, i);
	if (found->first_sequence >= limit)
		return 0; /* all of it was written once more */
	store_segment_path(path, reading->store->path, found->segment.number);
	result = task_disk_load(path, STORE_SEGMENT_BYTES_MAX, &reading->bytes, error);
	if (result == 0)
		result = read_batches(reading, path, found, limit, &offset, error);
	if (result == 0 && offset == found->head.sector_bytes)
		return gw_fail(error, GW_E_CORRUPT,
			       "%s: damage at offset %" PRIu64
			       ", in the first batch, which was right a moment ago", path, offset);
	if (result == 0 && reading->next < limit)
		result = judge_end(reading, path, found, offset, limit == UINT64_MAX, error);
	return result;
}

int store_reading_all(struct store_reading *reading, struct gw_error *error)
{
	int result = store_reading_list(reading, error);

	for (size_t i = 0; result == 0 && i < reading->count; i++)
		result = store_reading_look(reading, i, error);
	for (size_t i = 0; result == 0 && i < reading->count; i++)
		result = store_reading_segment(reading, i, error);
	return result;
}

void store_reading_done(struct store_reading *reading)
{
	base_buffer_done(&reading->bytes);
	free(reading->found);
}

bool store_reading_is_left_over(const struct store_reading *reading, size_t i)
{
	return i < reading->kept || reading->found[i].first_sequence >= limit_of(reading, i);
}

/* ---- Log and snapshot ----------------------------------------------------------------------- */

/* What of the log is behind the snapshot; *clear: the log is of no use beside it. */
int store_reading_fit(const struct store_reading *reading, struct replog_recovered *recovered,
		      bool *clear, struct gw_error *error)
{
	const struct replog_replay *replay = reading->replay;
	const struct raft_snapshot *snapshot = &recovered->snapshot;
	const struct raft_entry *entry = replog_replay_entry(replay, snapshot->index);
	uint64_t next = replay->base + replay->count;

	*clear = false;
	if (replay->base > snapshot->index + 1) {
		if (reading->gap.code)
			return gw_fail(error, reading->gap.code, "%s", reading->gap.text);
		return gw_fail(error, GW_E_CORRUPT, "%s: the log begins at index %" PRIu64
			       ", the newest snapshot ends at %" PRIu64, reading->store->path,
			       replay->base, snapshot->index);
	}
	if (next <= snapshot->index || (entry && entry->term != snapshot->term)) {
		/* What is left of it may contradict the snapshot; raft.h, RAFT_INSTALLED. */
		*clear = replay->base > 0;
		return 0;
	}
	recovered->entry_count = next - (snapshot->index + 1);
	if (recovered->entry_count > 0)
		recovered->entries = replay->entries + (snapshot->index + 1 - replay->base);
	return 0;
}

