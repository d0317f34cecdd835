/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - the external half of sorter.h: sorted runs in the spill file, merged by a heap. They
 * are read as mapped memory, so any number of them needs no buffers. Among equal pairs the earlier
 * run comes first, which keeps the whole sort stable.
 */
#include "sorter.h"

#include <assert.h>
#include <stdlib.h>

enum { MERGE_WRITE_MAX = 1 << 20 }; /* bytes of pairs that are written at once */

/* ---- Writing sorted runs ------------------------------------------------------------------ */

static int write_piece(struct mr_sorter *sorter, const uint8_t *data, size_t size,
		       struct mr_region *region, struct gw_error *error)
{
	struct mr_space *space = sorter->task->setup.space;
	struct mr_region piece;
	int failed;

	if (size == 0)
		return 0;
	failed = space->spill(space, data, size, &piece, error);
	if (failed)
		return failed;
	*mr_task_counter(sorter->task, MR_COUNT_SPILLED_BYTES) += (int64_t)size;
	if (region->size == 0)
		*region = piece;
	else
		region->size += piece.size;
	assert(piece.size == size && piece.spilled);
	assert(piece.offset + piece.size == region->offset + region->size);
	return 0;
}

static int write_entries(struct mr_sorter *sorter, uint8_t *buffer, size_t room,
			 struct mr_region *region, struct gw_error *error)
{
	size_t used = 0;

	for (size_t i = 0; i < sorter->count; i++) {
		struct mr_pair pair;
		uint64_t size;
		int failed;

		mr_sorter_pair(sorter, sorter->entries[i].item, &pair);
		size = mr_pair_size(&pair, false);
		assert(size <= room);
		if (size > room - used) {
			failed = write_piece(sorter, buffer, used, region, error);
			if (failed)
				return failed;
			used = 0;
		}
		mr_put_pair(buffer + used, &pair, false);
		used += size;
	}
	return write_piece(sorter, buffer, used, region, error);
}

static size_t largest_pair(const struct mr_sorter *sorter)
{
	uint64_t largest = MERGE_WRITE_MAX;

	for (size_t i = 0; i < sorter->count; i++) {
		struct mr_pair pair;

		mr_sorter_pair(sorter, sorter->entries[i].item, &pair);
		if (mr_pair_size(&pair, false) > largest)
			largest = mr_pair_size(&pair, false);
	}
	return largest;
}

int mr_merge_add_run(struct mr_sorter *sorter, struct gw_error *error)
{
	struct mr_region region = {0};
	size_t room = largest_pair(sorter);
	uint8_t *buffer;
	int failed;

	if (sorter->count == 0)
		return 0;
	if (sorter->run_count == sorter->run_capacity) {
		uint32_t capacity = sorter->run_capacity * 2 + 16;
		struct mr_sorted_run *more = realloc(sorter->runs, capacity * sizeof *more);

		if (!more)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u sorted runs",
				       capacity);
		sorter->runs = more;
		sorter->run_capacity = capacity;
	}
	buffer = malloc(room);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a sorted run");
	failed = write_entries(sorter, buffer, room, &region, error);
	free(buffer);
	if (failed)
		return failed;
	assert(sorter->run_count < sorter->run_capacity && region.size > 0);
	sorter->runs[sorter->run_count] =
		(struct mr_sorted_run){.region = region, .number = sorter->run_count};
	sorter->run_count++;
	return 0;
}

/* ---- Merging ------------------------------------------------------------------------------ */

static int compare_pairs(const struct mr_sorter *sorter, const struct mr_pair *a,
			 const struct mr_pair *b)
{
	const struct gw_mr_task *task = sorter->task;
	struct gw_bytes x = {a->key, a->key_size}, y = {b->key, b->key_size};
	int order = mr_keys_compare(task, x, y);

	if (order || !mr_values_ordered(&task->config->job))
		return order;
	return mr_values_compare(task, (struct gw_bytes){a->value, a->value_size},
				 (struct gw_bytes){b->value, b->value_size});
}

static bool run_before(const struct mr_sorter *sorter, uint32_t a, uint32_t b)
{
	int order = compare_pairs(sorter, &sorter->runs[a].pair, &sorter->runs[b].pair);

	return order ? order < 0 : a < b;
}

static void heap_sink(struct mr_sorter *sorter, uint32_t at)
{
	uint32_t *heap = sorter->heap;
	uint32_t run = heap[at];

	for (;;) {
		uint32_t child = at * 2 + 1;

		if (child >= sorter->heap_size)
			break;
		if (child + 1 < sorter->heap_size &&
		    run_before(sorter, heap[child + 1], heap[child]))
			child++;
		if (!run_before(sorter, heap[child], run))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = run;
}

static bool run_advance(struct mr_sorted_run *run)
{
	if (run->at == run->end)
		return false;
	run->at = mr_get_pair(run->at, &run->pair);
	return true;
}

int mr_merge_next(struct mr_cursor *cursor, struct mr_pair *pair, struct gw_error *error)
{
	struct mr_sorter *sorter = (struct mr_sorter *)cursor;
	struct mr_sorted_run *run;

	(void)error;
	if (sorter->heap_size == 0)
		return 0;
	run = &sorter->runs[sorter->heap[0]];
	*pair = run->pair;
	if (!run_advance(run))
		sorter->heap[0] = sorter->heap[--sorter->heap_size];
	if (sorter->heap_size > 0)
		heap_sink(sorter, 0);
	return 1;
}

int mr_merge_begin(struct mr_sorter *sorter, struct gw_error *error)
{
	struct mr_space *space = sorter->task->setup.space;
	uint32_t *heap = realloc(sorter->heap, (sorter->run_count + 1) * sizeof *heap);

	if (!heap)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to merge %u runs",
			       sorter->run_count);
	sorter->heap = heap;
	sorter->heap_size = 0;
	for (uint32_t i = 0; i < sorter->run_count; i++) {
		struct mr_sorted_run *run = &sorter->runs[i];
		int failed = space->map(space, &run->region, &run->bytes, error);

		if (failed)
			return failed;
		assert(run->bytes.size == run->region.size && run->number == i);
		run->at = run->bytes.data;
		run->end = run->at + run->bytes.size;
		if (run_advance(run))
			heap[sorter->heap_size++] = i;
	}
	assert(sorter->heap_size <= sorter->run_count);
	for (uint32_t at = sorter->heap_size / 2; at-- > 0;)
		heap_sink(sorter, at);
	sorter->cursor.next = mr_merge_next;
	return 0;
}

void mr_merge_done(struct mr_sorter *sorter)
{
	struct mr_space *space = sorter->task->setup.space;

	for (uint32_t i = 0; i < sorter->run_count; i++) {
		if (sorter->runs[i].bytes.data)
			space->unmap(space, &sorter->runs[i].region, sorter->runs[i].bytes);
	}
	sorter->run_count = 0;
	sorter->heap_size = 0;
}
