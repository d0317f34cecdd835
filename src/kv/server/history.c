/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.c - events one behind the other in chunks, the oldest of which goes when there are too
 * many bytes.
 */
#include "kv/server/history.h"

#include <assert.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 256 << 10 };

struct event_head {
	uint64_t index, expires_ms;
	uint32_t key_size, value_size;
	uint32_t change, reserved;
};

struct chunk {
	struct chunk *next;
	uint64_t number;
	uint64_t last_index; /* of its last event */
	size_t used, capacity;
	uint8_t bytes[];
};

struct kv_history {
	struct chunk *first, *last;
	uint64_t base;        /* entries up to it are forgotten */
	uint64_t next_number; /* of a chunk; they rise for ever */
	size_t bytes, bytes_max;
};

struct kv_history *kv_history_new(size_t bytes_max)
{
	struct kv_history *history = calloc(1, sizeof(*history));

	if (history)
		history->bytes_max = bytes_max ? bytes_max : KV_HISTORY_BYTES_MAX;
	return history;
}

/* The oldest chunk; entries that have an event in it are no longer whole. */
static void drop(struct kv_history *history)
{
	struct chunk *chunk = history->first;

	history->first = chunk->next;
	if (!history->first)
		history->last = NULL;
	assert(history->bytes >= chunk->capacity && chunk->last_index >= history->base);
	history->bytes -= chunk->capacity;
	history->base = chunk->last_index;
	free(chunk);
}

void kv_history_begin(struct kv_history *history, uint64_t base)
{
	while (history->first)
		drop(history);
	history->base = base;
}

void kv_history_free(struct kv_history *history)
{
	if (!history)
		return;
	kv_history_begin(history, 0);
	free(history);
}

static size_t event_bytes(const struct event_head *head)
{
	size_t size = sizeof(*head) + head->key_size + head->value_size;

	return (size + 7) / 8 * 8;
}

static struct chunk *room(struct kv_history *history, size_t size)
{
	size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;
	struct chunk *chunk = history->last;

	if (chunk && size <= chunk->capacity - chunk->used)
		return chunk;
	while (history->first && history->bytes + capacity > history->bytes_max)
		drop(history);
	chunk = malloc(sizeof(*chunk) + capacity);
	if (!chunk)
		return NULL;
	*chunk = (struct chunk){.number = ++history->next_number, .capacity = capacity};
	if (history->last)
		history->last->next = chunk;
	else
		history->first = chunk;
	history->last = chunk;
	history->bytes += capacity;
	return chunk;
}

void kv_history_add(struct kv_history *history, const struct kv_event *event)
{
	const struct event_head head = {.index = event->index,
					.expires_ms = event->expires_ms,
					.key_size = (uint32_t)event->key.size,
					.value_size = (uint32_t)event->value.size,
					.change = event->change};
	struct chunk *chunk;
	uint8_t *at;

	if (event->index <= history->base)
		return; /* the rest of an entry that was forgotten */
	chunk = room(history, event_bytes(&head));
	if (!chunk) {
		kv_history_begin(history, event->index);
		return;
	}
	assert(event->index >= chunk->last_index);
	chunk->last_index = event->index;
	at = chunk->bytes + chunk->used;
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), event->key.data, event->key.size);
	if (event->value.size > 0)
		memcpy(at + sizeof(head) + event->key.size, event->value.data, event->value.size);
	chunk->used += event_bytes(&head);
}

uint64_t kv_history_first(const struct kv_history *history)
{
	return history->base + 1;
}

/* The chunk where a place is; when that is gone or not found yet, the first that can have it. */
static const struct chunk *chunk_of(const struct kv_history *history,
				    struct kv_history_place *place)
{
	const struct chunk *chunk = history->first;

	while (chunk && chunk->number != place->chunk)
		chunk = chunk->next;
	if (chunk)
		return chunk;
	chunk = history->first;
	while (chunk && chunk->last_index < place->from)
		chunk = chunk->next;
	if (chunk) {
		place->chunk = chunk->number;
		place->offset = 0;
	}
	return chunk;
}

int kv_history_next(const struct kv_history *history, struct kv_history_place *place,
		    struct kv_event *event)
{
	const struct chunk *chunk;

	if (place->from <= history->base)
		return GW_E_COMPACTED;
	chunk = chunk_of(history, place);
	while (chunk) {
		struct event_head head;
		const uint8_t *at = chunk->bytes + place->offset;

		if (place->offset == chunk->used) {
			if (!chunk->next)
				return 0;
			chunk = chunk->next;
			place->chunk = chunk->number;
			place->offset = 0;
			continue;
		}
		memcpy(&head, at, sizeof(head));
		place->offset += event_bytes(&head);
		assert(place->offset <= chunk->used);
		if (head.index < place->from)
			continue;
		place->from = head.index;
		*event = (struct kv_event){
			.index = head.index,
			.change = (uint8_t)head.change,
			.key = {at + sizeof(head), head.key_size},
			.value = {at + sizeof(head) + head.key_size, head.value_size},
			.expires_ms = head.expires_ms,
		};
		return 1;
	}
	return 0;
}
