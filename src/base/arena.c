/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - chunks of memory, allocated from front to back, freed together.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>

struct base_arena_chunk {
	struct base_arena_chunk *next; /* older */
	size_t size;                   /* bytes in data */
	size_t used;
	max_align_t data[];
};

/* Where in the chunk an allocation with this alignment would begin; more than chunk->size if
 * nowhere. */
static size_t place(const struct base_arena_chunk *chunk, size_t alignment)
{
	uintptr_t free_from = (uintptr_t)chunk->data + chunk->used;
	size_t padding = -free_from & (alignment - 1);

	assert(chunk->used <= chunk->size);
	return chunk->used + padding;
}

/* Adds a chunk in which size bytes at alignment fit; false when it must not or cannot be had. */
static bool add_chunk(struct base_arena *arena, size_t size, size_t alignment)
{
	struct base_arena_chunk *chunk;
	size_t wanted = arena->chunks ? arena->chunks->size : BASE_ARENA_CHUNK_MIN / 2;
	size_t least;

	wanted = wanted < BASE_ARENA_CHUNK_MAX / 2 ? wanted * 2 : BASE_ARENA_CHUNK_MAX;
	if (size > PTRDIFF_MAX - sizeof(*chunk) - BASE_ARENA_ALIGNMENT_MAX)
		return false;
	least = size + alignment;
	if (wanted < least)
		wanted = least;
	if (arena->bytes_max) {
		size_t left = arena->bytes_max - arena->bytes;

		assert(arena->bytes <= arena->bytes_max);
		if (left < sizeof(*chunk) || left - sizeof(*chunk) < least)
			return false;
		if (wanted > left - sizeof(*chunk))
			wanted = left - sizeof(*chunk);
	}
	chunk = malloc(sizeof(*chunk) + wanted);
	if (!chunk)
		return false;
	chunk->next = arena->chunks;
	chunk->size = wanted;
	chunk->used = 0;
	arena->chunks = chunk;
	arena->bytes += sizeof(*chunk) + wanted;
	assert(arena->bytes_max == 0 || arena->bytes <= arena->bytes_max);
	return true;
}

void *base_arena_alloc(struct base_arena *arena, size_t size, size_t alignment)
{
	struct base_arena_chunk *chunk = arena->chunks;
	size_t at;

	assert(alignment > 0 && (alignment & (alignment - 1)) == 0);
	assert(alignment <= BASE_ARENA_ALIGNMENT_MAX);
	at = chunk ? place(chunk, alignment) : 0;
	if (!chunk || at > chunk->size || size > chunk->size - at) {
		if (!add_chunk(arena, size, alignment))
			return NULL;
		chunk = arena->chunks;
		at = place(chunk, alignment);
	}
	assert(at <= chunk->size && size <= chunk->size - at);
	chunk->used = at + size;
	return (char *)chunk->data + at;
}

void *base_arena_array(struct base_arena *arena, size_t count, size_t item_size)
{
	size_t size;
	void *items;

	if (__builtin_mul_overflow(count, item_size, &size))
		return NULL;
	items = base_arena_alloc(arena, size, _Alignof(max_align_t));
	if (items)
		memset(items, 0, size);
	return items;
}

char *base_arena_copy(struct base_arena *arena, struct gw_bytes bytes)
{
	char *copy;

	if (bytes.size == SIZE_MAX)
		return NULL;
	copy = base_arena_alloc(arena, bytes.size + 1, 1);
	if (!copy)
		return NULL;
	if (bytes.size)
		memcpy(copy, bytes.data, bytes.size);
	copy[bytes.size] = '\0';
	return copy;
}

char *base_arena_string(struct base_arena *arena, const char *text)
{
	return base_arena_copy(arena, gw_string(text));
}

static void free_chunks(struct base_arena *arena, struct base_arena_chunk *chunk)
{
	while (chunk) {
		struct base_arena_chunk *next = chunk->next;

		assert(arena->bytes >= sizeof(*chunk) + chunk->size);
		arena->bytes -= sizeof(*chunk) + chunk->size;
		free(chunk);
		chunk = next;
	}
}

void base_arena_reset(struct base_arena *arena)
{
	struct base_arena_chunk *newest = arena->chunks;

	if (!newest)
		return;
	free_chunks(arena, newest->next);
	newest->next = NULL;
	newest->used = 0;
	assert(arena->bytes == sizeof(*newest) + newest->size);
}

void base_arena_done(struct base_arena *arena)
{
	if (!arena)
		return;
	free_chunks(arena, arena->chunks);
	arena->chunks = NULL;
	assert(arena->bytes == 0);
}
