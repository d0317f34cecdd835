/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_combine.c - collects pairs in one piece of memory, key behind value behind key, with an
 * array of entries that is sorted. Pairs of equal keys stay in the order in which they came.
 */
#include "stream_combine.h"

#include "stream_task.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
	uint64_t prefix; /* the first bytes of the key, in the order of bytes */
	uint32_t offset, key_size, value_size;
};

enum { BYTES_A_PAIR = 24 }; /* of text, as a guess, for the number of entries */

struct mr_combiner {
	struct mr_combiner_setup setup;
	char *text;
	size_t used, capacity;
	struct entry *entries;
	size_t count, entries_max;
	bool flushing;
};

int mr_combiner_new(struct mr_combiner **made, const struct mr_combiner_setup *setup,
		    struct gw_error *error)
{
	struct mr_combiner *combiner = calloc(1, sizeof(*combiner));

	assert(setup->stream->combiner && setup->take);
	*made = combiner;
	if (!combiner)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to combine");
	combiner->setup = *setup;
	combiner->capacity = setup->stream->combine_bytes;
	assert(combiner->capacity <= UINT32_MAX);
	combiner->entries_max = combiner->capacity / BYTES_A_PAIR + 1;
	combiner->text = malloc(combiner->capacity);
	combiner->entries = malloc(combiner->entries_max * sizeof(*combiner->entries));
	if (combiner->text && combiner->entries)
		return 0;
	mr_combiner_free(combiner);
	*made = NULL;
	return gw_fail(error, GW_E_NO_MEMORY, "no memory to combine %zu bytes at once",
		       setup->stream->combine_bytes);
}

void mr_combiner_free(struct mr_combiner *combiner)
{
	if (!combiner)
		return;
	free(combiner->text);
	free(combiner->entries);
	free(combiner);
}

static uint64_t prefix_of(struct gw_bytes key)
{
	uint8_t bytes[8] = {0};
	uint64_t prefix = 0;

	if (key.size > 0)
		memcpy(bytes, key.data, key.size < 8 ? key.size : 8);
	for (int i = 0; i < 8; i++)
		prefix = prefix << 8 | bytes[i];
	return prefix;
}

int mr_combiner_add(struct mr_combiner *combiner, struct gw_bytes key, struct gw_bytes value,
		    struct gw_error *error)
{
	size_t size = key.size + value.size;
	struct entry *entry;
	int result = 0;

	assert(combiner->used <= combiner->capacity && combiner->count <= combiner->entries_max);
	if (combiner->flushing || size > combiner->capacity / 4)
		return 0;
	if (size > combiner->capacity - combiner->used || combiner->count == combiner->entries_max)
		result = mr_combiner_flush(combiner, error);
	if (result)
		return result;
	entry = &combiner->entries[combiner->count++];
	*entry = (struct entry){prefix_of(key), (uint32_t)combiner->used, (uint32_t)key.size,
				(uint32_t)value.size};
	if (key.size > 0)
		memcpy(combiner->text + combiner->used, key.data, key.size);
	if (value.size > 0)
		memcpy(combiner->text + combiner->used + key.size, value.data, value.size);
	combiner->used += size;
	return 1;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct entry *a = left, *b = right;
	const struct mr_combiner *combiner = context;
	int order;

	if (!combiner->setup.stream->order.count && a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	order = mr_stream_compare(combiner->setup.task,
				  (struct gw_bytes){combiner->text + a->offset, a->key_size},
				  (struct gw_bytes){combiner->text + b->offset, b->key_size});
	return order ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static int put_all(struct mr_combiner *combiner, struct mr_command *command, struct gw_error *error)
{
	int result = 0;

	assert(combiner->flushing && combiner->count > 0);
	for (size_t i = 0; i < combiner->count && !result; i++) {
		const struct entry *entry = &combiner->entries[i];
		const char *key = combiner->text + entry->offset;

		result = mr_stream_put_pair(combiner->setup.stream, command,
					    (struct gw_bytes){key, entry->key_size},
					    (struct gw_bytes){key + entry->key_size,
							      entry->value_size}, error);
	}
	return result;
}

int mr_combiner_flush(struct mr_combiner *combiner, struct gw_error *error)
{
	struct mr_command_setup setup = {
		.stream = combiner->setup.stream, .task = combiner->setup.task, .role = "combiner",
		.text = combiner->setup.stream->combiner, .facts = &combiner->setup.facts,
		.take = combiner->setup.take, .lines = true, .context = combiner->setup.context,
	};
	struct mr_command *command;
	int result;

	assert(!combiner->flushing);
	if (combiner->count == 0)
		return 0;
	qsort_r(combiner->entries, combiner->count, sizeof(*combiner->entries), compare, combiner);
	combiner->flushing = true;
	result = mr_command_start(&command, &setup, error);
	if (!result) {
		result = put_all(combiner, command, error);
		if (result)
			mr_command_free(command);
		else
			result = mr_command_finish(command, error);
	}
	combiner->flushing = false;
	combiner->count = combiner->used = 0;
	return result;
}
