/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_log.c - writing the log: records that were added, commits, the life of a segment.
 *
 * A segment is made under the name log/new: filled with zeros (or a spare one, whose bytes are of
 * no matter), given its head, synced, renamed, and the directory is synced. The next one is made
 * by a task of the store when the current one is half full, so that a commit seldom waits for it.
 */
#include "store_inside.h"

#include "base/allocate.h"
#include "io/rare.h"

#include <assert.h>
#include <inttypes.h>

/* ---- Segments ----------------------------------------------------------------------------- */

/* The file log/new with its space; it has no head yet. */
static int make_file(struct replog_store *store, const char *path, uint64_t bytes,
		     struct store_open_segment *made, struct gw_error *error)
{
	int result;

	if (store->has_spare && store->spare_bytes >= bytes) {
		char spare[STORE_PATH_MAX];

		IO_PROBE(store->io, "replog.segment-used-again");
		store_path(spare, store->path, "log/spare");
		store->has_spare = false;
		store->taking_spare = true; /* until then nothing else gets that name */
		made->size = store->spare_bytes;
		result = task_disk_rename(spare, path, error);
		store->taking_spare = false;
		return result < 0 ? result : task_disk_open(path, IO_READ | IO_WRITE, &made->file,
							      error);
	}
	made->size = bytes;
	result = task_disk_open(path, IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE, &made->file,
				  error);
	return result < 0 ? result : task_disk_fill(made->file, 0, bytes, error);
}

static int write_head(struct replog_store *store, struct store_open_segment *made,
		      struct gw_error *error)
{
	static const uint8_t zeros[REPLOG_SECTOR_BYTES_MAX];
	uint8_t bytes[REPLOG_SEGMENT_HEAD_BYTES];
	struct gw_bytes pieces[2] = {
		{bytes, sizeof(bytes)},
		{zeros, store->sector_bytes - sizeof(bytes)},
	};

	made->head = (struct replog_segment_head){
		.number = store->next_number,
		.sector_bytes = store->sector_bytes,
		.member = store->identity.member,
	};
	memcpy(made->head.cluster, store->identity.cluster, REPLOG_CLUSTER_BYTES);
	io_random(store->io, &made->head.nonce, sizeof(made->head.nonce));
	replog_segment_encode(&made->head, bytes);
	return task_disk_write(made->file, pieces, 2, 0,
				 IO_BUG(store->io, "replog.head-unsynced") ? 0 : IO_WRITE_SYNC,
				 error);
}

/* Gives it its name, by which it is opened again, for sentences to name it rightly. */
static int name_segment(struct replog_store *store, const char *path,
			struct store_open_segment *made, struct gw_error *error)
{
	char name[STORE_PATH_MAX], log[STORE_PATH_MAX];
	struct io_file *file = made->file;
	int result;

	store_segment_path(name, store->path, made->head.number);
	store_path(log, store->path, "log");
	made->file = NULL;
	result = task_disk_close(file, error);
	if (result == 0)
		result = task_disk_rename(path, name, error);
	if (result == 0 && !IO_BUG(store->io, "replog.directory-unsynced"))
		result = task_disk_sync_directory(log, error);
	if (result == 0)
		result = task_disk_open(name, IO_READ | IO_WRITE | IO_LOG, &made->file, error);
	return result;
}

int store_make_segment(struct replog_store *store, uint64_t bytes,
		       struct store_open_segment *made, struct gw_error *error)
{
	char path[STORE_PATH_MAX];
	int result;

	bytes = replog_round_up(bytes, store->sector_bytes);
	if (bytes < store->segment_bytes)
		bytes = store->segment_bytes;
	assert(bytes <= STORE_SEGMENT_BYTES_MAX);
	*made = (struct store_open_segment){.offset = store->sector_bytes};
	store_path(path, store->path, "log/new");
	result = make_file(store, path, bytes, made, error);
	if (result == 0)
		result = write_head(store, made, error);
	if (result == 0)
		result = name_segment(store, path, made, error);
	if (result < 0) {
		(void)task_disk_close(made->file, NULL);
		made->file = NULL;
		return gw_fail_in(error, "no new segment in %s/log", store->path);
	}
	store->next_number++;
	return 0;
}

int store_take_segment(struct replog_store *store, struct store_open_segment *made,
		       struct gw_error *error)
{
	struct io_file *old = store->current.file;

	assert(made->file && !made->begun);
	if (store->segment_count == store->segment_capacity) {
		struct store_segment *grown =
			base_grow(store->segments, sizeof(*grown), &store->segment_capacity,
				  store->segment_count + 1);

		if (!grown)
			return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a segment",
				       store->path);
		store->segments = grown;
	}
	store->segments[store->segment_count++] = (struct store_segment){
		.number = made->head.number,
		.size = made->size,
	};
	store->current = *made;
	*made = (struct store_open_segment){0};
	(void)task_disk_close(old, NULL); /* all in it is durable */
	return 0;
}

int store_retire_segment(struct replog_store *store, uint64_t number, uint64_t size,
			 bool *became_spare, struct gw_error *error)
{
	char path[STORE_PATH_MAX], spare[STORE_PATH_MAX];

	store_segment_path(path, store->path, number);
	*became_spare = !store->has_spare && !store->taking_spare && size == store->segment_bytes;
	if (!*became_spare)
		return task_disk_unlink(path, error);
	store_path(spare, store->path, "log/spare");
	return task_disk_rename(path, spare, error);
}

/* ---- The next segment, ahead of time -------------------------------------------------------- */

static int prepare(void *argument)
{
	struct replog_store *store = argument;
	struct store_open_segment made;

	if (store_make_segment(store, 0, &made, &store->prepare_error) < 0)
		store->prepare_failed = true;
	else
		store->next = made;
	return 0;
}

static void prepare_soon(struct replog_store *store)
{
	struct gw_spawn_options options = {.name = "replog segment"};

	if (store->next.file || store->preparing.count > 0 || store->prepare_failed)
		return;
	/* When it cannot be started, the commit that needs the segment makes it. */
	(void)gw_spawn(&store->preparing, prepare, store, &options);
}

static void wait_for_prepare(struct replog_store *store)
{
	gw_shield_begin();
	(void)gw_group_wait(&store->preparing, GW_FOREVER);
	gw_shield_end();
}

/* Only the lack of space or memory passes; a disk that failed otherwise is not tried again. */
static int judge(struct replog_store *store, const struct gw_error *why, struct gw_error *error)
{
	if (why->code != GW_E_NO_SPACE && why->code != GW_E_NO_MEMORY)
		return store_break(store, why, error);
	return gw_fail(error, why->code, "%s", why->text);
}

/* The current segment is the next one from now on; it has room for `bytes`. */
static int roll(struct replog_store *store, uint64_t bytes, struct gw_error *error)
{
	struct gw_error why = {0};
	int result = 0;

	bytes += store->sector_bytes;
	wait_for_prepare(store);
	if (store->prepare_failed) {
		store->prepare_failed = false;
		if (store->prepare_error.code != GW_E_NO_SPACE &&
		    store->prepare_error.code != GW_E_NO_MEMORY)
			return store_break(store, &store->prepare_error, error);
	}
	if (!store->next.file)
		result = store_make_segment(store, bytes, &store->next, &why);
	else if (store->next.size < bytes)
		result = task_disk_fill(store->next.file, store->next.size,
					  replog_round_up(bytes, store->sector_bytes), &why);
	if (result < 0)
		return judge(store, &why, error);
	if (store->next.size < bytes)
		store->next.size = replog_round_up(bytes, store->sector_bytes);
	return store_take_segment(store, &store->next, error);
}

/* ---- Batches ------------------------------------------------------------------------------ */

/* Whether a batch with these records, and the state if it is the first, has room. */
static bool fits(const struct replog_store *store, uint64_t body)
{
	const struct store_open_segment *current = &store->current;

	if (!current->begun)
		body += STORE_FIRST_BYTES;
	return replog_batch_bytes(body, store->sector_bytes) <= current->size - current->offset;
}

/* What the first batch of a segment ends with. */
static void encode_first(const struct store_added *added, uint8_t out[STORE_FIRST_BYTES])
{
	struct replog_record state = {
		.kind = REPLOG_RECORD_STATE,
		.index = added->vote,
		.entry = {.term = added->term},
	};
	struct replog_record position = {
		.kind = REPLOG_RECORD_POSITION,
		.index = added->next_index,
	};

	replog_record_encode(&state, out);
	replog_record_encode(&position, out + replog_record_bytes(0));
}

int store_write_batch(struct replog_store *store, const struct store_added *added,
		      struct gw_error *error)
{
	struct store_open_segment *current = &store->current;
	struct gw_bytes body = base_buffer_bytes(&added->bytes);
	uint8_t head[REPLOG_BATCH_HEAD_BYTES], first[STORE_FIRST_BYTES];
	static const uint8_t zeros[REPLOG_SECTOR_BYTES_MAX];
	struct gw_bytes pieces[4] = {{head, sizeof(head)}, body, {first, 0}, {zeros, 0}};
	struct replog_batch batch = {current->offset, store->sequence + 1, added->records, body};
	uint32_t flags = IO_WRITE_SYNC;
	uint64_t taken;
	int result;

	assert(fits(store, body.size));
	if (!current->begun) {
		encode_first(added, first);
		pieces[2].size = sizeof(first);
		batch.records += 2;
	}
	replog_batch_encode(&current->head, &batch, pieces[2], head);
	/* Whole sectors, as IO_LOG wants them. */
	taken = replog_batch_bytes(body.size + pieces[2].size, store->sector_bytes);
	pieces[3].size = taken - sizeof(head) - body.size - pieces[2].size;
	assert(pieces[3].size < store->sector_bytes);
	if (IO_BUG(store->io, "replog.vote-unsynced") && body.size == replog_record_bytes(0))
		flags = 0;
	result = task_disk_write(current->file, pieces, 4, current->offset, flags, error);
	if (result < 0 && IO_BUG(store->io, "replog.sync-again"))
		result = task_disk_sync(current->file, error);
	if (result < 0)
		return result;
	current->begun = true;
	current->offset += taken;
	assert(current->offset <= current->size);
	store->sequence++;
	store->marked = added->records == 0;
	return 0;
}

/* ---- Adding ------------------------------------------------------------------------------- */

static int add_record(struct replog_store *store, const struct replog_record *record,
		      struct gw_error *error)
{
	struct base_buffer *bytes = &store->added.bytes;
	size_t size = replog_record_bytes(record->entry.data.size);
	int result;

	if (store->broken)
		return store_refused(store, error);
	if (record->entry.data.size > RAFT_ENTRY_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "entry %" PRIu64 ": %zu bytes", record->index,
			       record->entry.data.size);
	if (size > REPLOG_BATCH_BYTES_MAX - bytes->size)
		return gw_fail(error, GW_E_OVERLOADED, "%s: more than %d bytes wait to be written",
			       store->path, REPLOG_BATCH_BYTES_MAX);
	result = base_buffer_reserve(bytes, size, error);
	if (result < 0)
		return result;
	replog_record_encode(record, bytes->data + bytes->size);
	bytes->size += size;
	store->added.records++;
	return 0;
}

int replog_store_add_state(struct replog_store *store, uint64_t term, uint64_t vote,
			   struct gw_error *error)
{
	struct replog_record record = {
		.kind = REPLOG_RECORD_STATE,
		.index = vote,
		.entry = {.term = term},
	};
	int result;

	assert(term >= store->added.term);
	result = add_record(store, &record, error);
	if (result < 0)
		return result;
	store->added.term = term;
	store->added.vote = vote;
	return 0;
}

int replog_store_add_entry(struct replog_store *store, uint64_t index,
			   const struct raft_entry *entry, struct gw_error *error)
{
	struct replog_record record = {REPLOG_RECORD_ENTRY, index, *entry};
	int result;

	assert(index > 0 && index <= store->added.next_index);
	assert(entry->kind <= RAFT_ENTRY_MEMBERS);
	result = add_record(store, &record, error);
	if (result < 0)
		return result;
	store->added.next_index = index + 1;
	if (index > store->added.last_index)
		store->added.last_index = index;
	return 0;
}

int replog_store_add_cut(struct replog_store *store, uint64_t index, struct gw_error *error)
{
	struct replog_record record = {.kind = REPLOG_RECORD_CUT, .index = index};
	int result;

	assert(index > 0 && index <= store->added.next_index);
	result = add_record(store, &record, error);
	if (result == 0)
		store->added.next_index = index;
	return result;
}

int replog_store_add_clear(struct replog_store *store, uint64_t next, struct gw_error *error)
{
	struct replog_record record = {.kind = REPLOG_RECORD_CLEAR, .index = next};
	int result;

	assert(next > 0);
	result = add_record(store, &record, error);
	if (result < 0)
		return result;
	store->added.next_index = next;
	store->added.clears = true;
	return 0;
}

static int add_entries(struct replog_store *store, const struct raft *raft,
		       const struct raft_action *action, struct gw_error *error)
{
	int result = 0;

	if (action->anew)
		result = replog_store_add_clear(store, action->index, error);
	else if (action->count == 0)
		result = replog_store_add_cut(store, action->index, error);
	for (uint64_t i = 0; result == 0 && i < action->count; i++) {
		const struct raft_entry *entry = raft_log_entry(raft, action->index + i);

		assert(entry);
		result = replog_store_add_entry(store, action->index + i, entry, error);
	}
	return result;
}

int replog_store_add(struct replog_store *store, const struct raft *raft,
		     const struct raft_action *action, struct gw_error *error)
{
	size_t size = store->added.bytes.size;
	uint32_t records = store->added.records;
	uint64_t next_index = store->added.next_index;
	bool clears = store->added.clears;
	int result;

	if (action->kind == RAFT_SAVE_STATE)
		return replog_store_add_state(store, action->term, action->vote, error);
	assert(action->kind == RAFT_SAVE_ENTRIES);
	result = add_entries(store, raft, action, error);
	if (result < 0) {
		store->added.bytes.size = size;
		store->added.records = records;
		store->added.next_index = next_index;
		store->added.clears = clears;
	}
	return result;
}

size_t replog_store_added_bytes(const struct replog_store *store)
{
	size_t size = store->added.bytes.size;

	if (store->writing.records > 0 && !store->committing)
		size += store->writing.bytes.size;
	return size;
}

bool replog_store_is_broken(const struct replog_store *store)
{
	return store->broken;
}

uint64_t replog_store_next_index(const struct replog_store *store)
{
	return store->added.next_index;
}

/* ---- Commits ------------------------------------------------------------------------------ */

/* What was added is now what is written; what is added from here on is the next commit's. */
static void swap_added(struct replog_store *store)
{
	struct base_buffer bytes = store->writing.bytes;

	assert(store->writing.records == 0);
	bytes.size = 0;
	if (bytes.capacity > STORE_KEEP_BYTES)
		base_buffer_done(&bytes);
	store->writing = store->added;
	store->added.bytes = bytes;
	store->added.records = 0;
	store->added.last_index = 0;
	store->added.clears = false;
}

/* Writes what is to be written. Without space, memory: it may be tried again. */
static int write_it(struct replog_store *store, struct gw_error *error)
{
	struct store_added *writing = &store->writing;
	struct gw_error why = {0};
	struct store_segment *segment;
	int result = 0;

	if (!fits(store, writing->bytes.size))
		result = roll(store, replog_batch_bytes(writing->bytes.size + STORE_FIRST_BYTES,
							store->sector_bytes), error);
	if (result < 0)
		return result;
	segment = &store->segments[store->segment_count - 1];
	if (segment->last_index < writing->last_index)
		segment->last_index = writing->last_index;
	if (store_write_batch(store, writing, &why) < 0)
		return store_break(store, &why, error);
	writing->records = 0;
	writing->clears = false;
	if (store->current.offset > store->current.size / 2)
		prepare_soon(store);
	return 0;
}

static int commit(struct replog_store *store, struct gw_error *error)
{
	int result = 0;

	if (store->broken)
		return store_refused(store, error);
	if (store->writing.records > 0) /* of a commit that had no space */
		result = write_it(store, error);
	if (result < 0 || (store->added.records == 0 && store->marked))
		return result;
	swap_added(store);
	return write_it(store, error);
}

int replog_store_commit(struct replog_store *store, struct gw_error *error)
{
	int result;

	gw_shield_begin();
	result = gw_lock(&store->commit, GW_FOREVER);
	if (result == 0) {
		store->committing = true;
		result = commit(store, error);
		store->committing = false;
		gw_unlock(&store->commit);
	} else {
		(void)gw_fail(error, result, "%s: a commit was not begun", store->path);
	}
	gw_shield_end();
	return result;
}
