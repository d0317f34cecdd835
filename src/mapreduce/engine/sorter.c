/* SPDX-License-Identifier: Apache-2.0 */
/* sorter.c - see sorter.h. */
#include "sorter.h"

#include <assert.h>
#include <stdlib.h>

/* ---- What an entry stands for ------------------------------------------------------------- */

static struct gw_bytes encoded_key(const void *item)
{
	return mr_pair_key(item);
}

static struct gw_bytes pair_key(const void *item)
{
	const struct mr_pair *pair = item;

	return (struct gw_bytes){pair->key, pair->key_size};
}

static struct gw_bytes slot_key(const void *item)
{
	return mr_slot_key(item);
}

void mr_sorter_pair(const struct mr_sorter *sorter, const void *item, struct mr_pair *pair)
{
	const struct mr_slot *slot = item;
	struct gw_bytes key;

	if (sorter->key == encoded_key) {
		mr_get_pair(item, pair);
	} else if (sorter->key == pair_key) {
		*pair = *(const struct mr_pair *)item;
	} else {
		key = mr_slot_key(slot);
		*pair = (struct mr_pair){.key = key.data, .key_size = (uint32_t)key.size,
					 .value = (const char *)&slot->value,
					 .value_size = sizeof slot->value, .number = 1};
	}
}

/* ---- Order -------------------------------------------------------------------------------- */

static int compare_keys(void *context, const void *a, const void *b)
{
	struct mr_sorter *sorter = context;

	return mr_keys_compare(sorter->task, sorter->key(a), sorter->key(b));
}

static int compare_values(void *context, const void *a, const void *b)
{
	struct mr_sorter *sorter = context;
	struct mr_pair x, y;

	mr_sorter_pair(sorter, a, &x);
	mr_sorter_pair(sorter, b, &y);
	return mr_values_compare(sorter->task, (struct gw_bytes){x.value, x.value_size},
				 (struct gw_bytes){y.value, y.value_size});
}

static bool entries_same_key(struct mr_sorter *sorter, size_t a, size_t b)
{
	struct gw_bytes x = sorter->key(sorter->entries[a].item);
	struct gw_bytes y = sorter->key(sorter->entries[b].item);

	if (sorter->task->config->job.compare)
		return sorter->task->config->job.compare(sorter->task, x, y) == 0;
	return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}

/* Secondary sort: the values of each key. */
static void sort_values(struct mr_sorter *sorter)
{
	size_t end;

	for (size_t begin = 0; begin < sorter->count; begin = end) {
		for (end = begin + 1; end < sorter->count; end++) {
			if (!entries_same_key(sorter, begin, end))
				break;
		}
		mr_sort_by(sorter->entries + begin, sorter->scratch, end - begin, compare_values,
			   sorter);
	}
}

static void sort_entries(struct mr_sorter *sorter)
{
	assert(sorter->count <= sorter->capacity && sorter->key);
	if (sorter->task->config->job.compare)
		mr_sort_by(sorter->entries, sorter->scratch, sorter->count, compare_keys, sorter);
	else
		mr_sort(sorter->entries, sorter->scratch, sorter->count, sorter->depth,
			sorter->key);
	if (mr_values_ordered(&sorter->task->config->job))
		sort_values(sorter);
	sorter->at = 0;
}

/* ---- Memory ------------------------------------------------------------------------------- */

static int reserve_entries(struct mr_sorter *sorter, size_t count, struct gw_error *error)
{
	struct mr_sort_entry *entries, *scratch;

	if (count <= sorter->capacity)
		return 0;
	count += count / 4;
	entries = realloc(sorter->entries, count * sizeof *entries);
	if (entries)
		sorter->entries = entries;
	scratch = realloc(sorter->scratch, count * sizeof *scratch);
	if (scratch)
		sorter->scratch = scratch;
	if (!entries || !scratch)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to sort %zu pairs", count);
	sorter->capacity = count;
	return 0;
}

static int reserve_bytes(uint8_t **bytes, size_t *capacity, size_t size, struct gw_error *error)
{
	uint8_t *more;

	if (size <= *capacity)
		return 0;
	more = realloc(*bytes, size);
	if (!more)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a bucket of %zu bytes", size);
	*bytes = more;
	*capacity = size;
	return 0;
}

static inline void add_entry(struct mr_sorter *sorter, const void *item, struct gw_bytes key)
{
	struct mr_sort_entry *entry = &sorter->entries[sorter->count++];

	entry->item = item;
	entry->prefix = mr_key_prefix(key, sorter->depth);
}

/* ---- One chunk: some runs' part of the bucket --------------------------------------------- */

/* What a run's part of the bucket costs in memory while it is sorted. */
static uint64_t bucket_cost(const struct mr_run *run, const struct mr_bucket *bucket)
{
	uint64_t cost = (uint64_t)bucket->pairs * 2 * sizeof(struct mr_sort_entry);

	return cost + (run->region.spilled ? bucket->bytes : 0);
}

/* How many runs from `first` on fit the slot's memory together: at least one. */
static uint32_t chunk_end(const struct mr_sorter *sorter, uint32_t first, uint64_t *bytes,
			  uint64_t *pairs, uint32_t *packed)
{
	const struct mr_board *board = sorter->task->setup.board;
	uint64_t memory = 0;
	uint32_t i;

	*bytes = *pairs = *packed = 0;
	for (i = first; i < board->run_count; i++) {
		const struct mr_bucket *bucket = &sorter->buckets[i];

		memory += bucket_cost(&board->runs[i], bucket);
		if (i > first && memory > sorter->task->config->slot_memory)
			break;
		*pairs += bucket->pairs;
		*bytes += board->runs[i].region.spilled ? bucket->bytes : 0;
		if (bucket->stored < bucket->bytes && bucket->stored > *packed)
			*packed = bucket->stored;
	}
	assert(i > first || first == board->run_count);
	return i;
}

/* The run's part of the bucket as bytes that last until the sorter loads something else. */
static int read_part(struct mr_sorter *sorter, uint32_t run, const uint8_t **data,
		     struct gw_error *error)
{
	const struct mr_run *from = &sorter->task->setup.board->runs[run];
	const struct mr_bucket *bucket = &sorter->buckets[run];
	uint8_t *buffer = NULL;

	if (from->region.spilled) {
		buffer = sorter->loaded + sorter->loaded_used;
		sorter->loaded_used += bucket->bytes;
	}
	assert(sorter->loaded_used <= sorter->loaded_capacity);
	return mr_run_read_bucket(sorter->task->setup.space, from, bucket, buffer, sorter->packed,
				  data, error);
}

static int load_pairs(struct mr_sorter *sorter, uint32_t first, uint32_t end,
		      struct gw_error *error)
{
	for (uint32_t i = first; i < end; i++) {
		const uint8_t *at;
		struct mr_pair pair;
		int failed;

		if (sorter->buckets[i].pairs == 0)
			continue;
		failed = read_part(sorter, i, &at, error);
		if (failed)
			return failed;
		assert(sorter->buckets[i].pairs <= sorter->capacity - sorter->count);
		for (uint32_t n = 0; n < sorter->buckets[i].pairs; n++) {
			const uint8_t *item = at;

			at = mr_get_pair(at, &pair);
			add_entry(sorter, item, (struct gw_bytes){pair.key, pair.key_size});
		}
	}
	return 0;
}

/* ---- Numbers: aggregated before they are sorted ------------------------------------------- */

static void clear_table(struct mr_sorter *sorter)
{
	mr_table_clear(&sorter->table);
	base_arena_reset(&sorter->keys);
	sorter->key_bytes = 0;
}

/* All slots of the table as sorted entries. */
static int take_table(struct mr_sorter *sorter, struct gw_error *error)
{
	size_t count;
	struct mr_slot *slots;
	int failed = reserve_entries(sorter, sorter->table.used, error);

	if (failed)
		return failed;
	slots = mr_table_take(&sorter->table, &count);
	assert(count <= sorter->capacity);
	sorter->count = 0;
	for (size_t i = 0; i < count; i++)
		add_entry(sorter, &slots[i], mr_slot_key(&slots[i]));
	sort_entries(sorter);
	return 0;
}

/* The table is full: what it holds becomes a sorted run. */
static int evict_table(struct mr_sorter *sorter, struct gw_error *error)
{
	int failed = take_table(sorter, error);

	assert(sorter->table.used > 0);
	if (!failed)
		failed = mr_merge_add_run(sorter, error);
	clear_table(sorter);
	return failed;
}

static int put_number(struct mr_sorter *sorter, struct gw_bytes key, int64_t number, bool lasts,
		      struct gw_error *error)
{
	struct mr_slot *slot;
	bool made;
	int room = 1;

	if (sorter->key_bytes > sorter->task->config->slot_memory)
		room = 0;
	if (room)
		room = mr_table_reserve(&sorter->table, 1, error);
	if (room < 0)
		return room;
	if (room == 0) {
		room = evict_table(sorter, error);
		if (room < 0)
			return room;
	}
	slot = mr_table_put(&sorter->table, key.data, key.size, &made);
	mr_slot_combine(slot, sorter->table.combiner, number, made);
	if (made && !lasts && key.size > MR_SHORT_KEY_MAX) {
		char *copy = base_arena_alloc(&sorter->keys, key.size, 1);

		if (!copy)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for a key of %zu bytes",
				       key.size);
		memcpy(copy, key.data, key.size);
		mr_slot_set_key(slot, copy);
		sorter->key_bytes += key.size;
	}
	return 0;
}

static int add_numbers(struct mr_sorter *sorter, uint32_t run, struct gw_error *error)
{
	bool lasts = !sorter->task->setup.board->runs[run].region.spilled;
	const uint8_t *at;
	int failed;

	sorter->loaded_used = 0;
	failed = read_part(sorter, run, &at, error);
	for (uint32_t n = 0; n < sorter->buckets[run].pairs && !failed; n++) {
		struct gw_bytes key;
		int64_t number;

		at = mr_get_number_pair(at, &key, &number);
		failed = put_number(sorter, key, number, lasts, error);
	}
	return failed;
}

static int load_numbers(struct mr_sorter *sorter, struct gw_error *error)
{
	const struct mr_board *board = sorter->task->setup.board;
	uint32_t bytes = 0, packed = 0;
	int failed;

	for (uint32_t i = 0; i < board->run_count; i++) {
		const struct mr_bucket *bucket = &sorter->buckets[i];

		if (board->runs[i].region.spilled && bucket->bytes > bytes)
			bytes = bucket->bytes;
		if (bucket->stored < bucket->bytes && bucket->stored > packed)
			packed = bucket->stored;
	}
	failed = reserve_bytes(&sorter->loaded, &sorter->loaded_capacity, bytes, error);
	if (!failed)
		failed = reserve_bytes(&sorter->packed, &sorter->packed_capacity, packed, error);
	clear_table(sorter);
	sorter->key = slot_key;
	for (uint32_t i = 0; i < board->run_count && !failed; i++) {
		if (sorter->buckets[i].pairs > 0)
			failed = add_numbers(sorter, i, error);
	}
	if (failed)
		return failed;
	if (sorter->run_count == 0)
		return take_table(sorter, error);
	failed = evict_table(sorter, error);
	return failed ? failed : mr_merge_begin(sorter, error);
}

/* ---- General pairs ------------------------------------------------------------------------ */

static int load_chunk(struct mr_sorter *sorter, uint32_t first, uint32_t *end,
		      struct gw_error *error)
{
	uint64_t bytes, pairs;
	uint32_t packed;
	int failed;

	*end = chunk_end(sorter, first, &bytes, &pairs, &packed);
	assert(*end <= sorter->task->setup.board->run_count);
	sorter->count = sorter->loaded_used = 0;
	failed = reserve_entries(sorter, pairs, error);
	if (!failed)
		failed = reserve_bytes(&sorter->loaded, &sorter->loaded_capacity, bytes, error);
	if (!failed)
		failed = reserve_bytes(&sorter->packed, &sorter->packed_capacity, packed, error);
	if (!failed)
		failed = load_pairs(sorter, first, *end, error);
	if (!failed)
		sort_entries(sorter);
	return failed;
}

static int load_general(struct mr_sorter *sorter, struct gw_error *error)
{
	uint32_t count = sorter->task->setup.board->run_count;
	uint32_t first = 0, end = 0;
	int failed;

	sorter->key = encoded_key;
	for (; first < count || first == 0; first = end) {
		failed = load_chunk(sorter, first, &end, error);
		if (failed || (first == 0 && end == count))
			return failed;
		failed = mr_merge_add_run(sorter, error);
		if (failed)
			return failed;
	}
	return mr_merge_begin(sorter, error);
}

/* ---- The cursor --------------------------------------------------------------------------- */

static int sorter_next(struct mr_cursor *cursor, struct mr_pair *pair, struct gw_error *error)
{
	struct mr_sorter *sorter = (struct mr_sorter *)cursor;

	(void)error;
	if (sorter->at == sorter->count)
		return 0;
	mr_sorter_pair(sorter, sorter->entries[sorter->at++].item, pair);
	return 1;
}

static int read_indexes(struct mr_sorter *sorter, uint32_t bucket, struct gw_error *error)
{
	const struct mr_board *board = sorter->task->setup.board;

	if (board->run_count > sorter->bucket_capacity) {
		struct mr_bucket *more =
			realloc(sorter->buckets, board->run_count * sizeof *more);

		if (!more)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u runs",
				       board->run_count);
		sorter->buckets = more;
		sorter->bucket_capacity = board->run_count;
	}
	for (uint32_t i = 0; i < board->run_count; i++) {
		int failed = mr_run_read_index(sorter->task->setup.space, &board->runs[i], bucket,
					       1, &sorter->buckets[i], error);

		if (failed)
			return failed;
	}
	return 0;
}

int mr_sorter_load(struct mr_sorter *sorter, uint32_t bucket, size_t depth, struct gw_error *error)
{
	int failed = read_indexes(sorter, bucket, error);

	assert(bucket < sorter->task->ranges.buckets && sorter->run_count == 0);
	sorter->depth = depth;
	sorter->cursor.next = sorter_next;
	if (failed)
		return failed;
	if (sorter->has_table)
		return load_numbers(sorter, error);
	return load_general(sorter, error);
}

int mr_sorter_load_pairs(struct mr_sorter *sorter, const struct mr_pairs *pairs,
			 struct gw_error *error)
{
	int failed = reserve_entries(sorter, pairs->count, error);

	assert(sorter->run_count == 0 && sorter->count == 0);
	if (failed)
		return failed;
	sorter->key = pair_key;
	sorter->depth = 0;
	sorter->count = 0;
	sorter->cursor.next = sorter_next;
	for (size_t i = 0; i < pairs->count; i++)
		add_entry(sorter, &pairs->pairs[i], pair_key(&pairs->pairs[i]));
	sort_entries(sorter);
	return 0;
}

void mr_sorter_unload(struct mr_sorter *sorter)
{
	mr_merge_done(sorter);
	sorter->count = sorter->at = 0;
}

int mr_sorter_init(struct mr_sorter *sorter, struct gw_mr_task *task, struct gw_error *error)
{
	const struct gw_mr_job *job = &task->config->job;

	*sorter = (struct mr_sorter){.task = task};
	sorter->has_table = mr_job_number_runs(job);
	if (!sorter->has_table)
		return 0;
	return mr_table_init(&sorter->table, job->combine_with,
			     task->config->slot_memory / (4 * sizeof(struct mr_slot)), error);
}

void mr_sorter_done(struct mr_sorter *sorter)
{
	mr_merge_done(sorter);
	mr_table_done(&sorter->table);
	base_arena_done(&sorter->keys);
	free(sorter->entries);
	free(sorter->scratch);
	free(sorter->buckets);
	free(sorter->loaded);
	free(sorter->packed);
	free(sorter->runs);
	free(sorter->heap);
	*sorter = (struct mr_sorter){0};
}
