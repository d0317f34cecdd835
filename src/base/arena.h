/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory by lifetime: many small allocations, freed together. Use one arena for each
 * thing that ends as a whole (a plan, a request, a map split).
 *
 *     struct base_arena arena = {0};
 *     name = base_arena_string(&arena, text);
 *     base_arena_done(&arena);
 *
 * Zero is an empty arena without a limit. Memory comes in chunks, each at least twice the last up
 * to BASE_ARENA_CHUNK_MAX; an allocation never moves.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <groundwork/base.h>

enum {
	BASE_ARENA_CHUNK_MIN = 4096,
	BASE_ARENA_CHUNK_MAX = 1 << 20,
	BASE_ARENA_ALIGNMENT_MAX = 4096,
};

struct base_arena_chunk;

struct base_arena {
	struct base_arena_chunk *chunks; /* newest first; only the first is allocated from */
	size_t bytes;                    /* taken from malloc, all chunks together */
	size_t bytes_max; /* bytes never exceeds it; 0: no limit. Set before first use. */
};

/*
 * size bytes at a multiple of alignment (a power of two, at most BASE_ARENA_ALIGNMENT_MAX), not
 * zeroed. NULL when memory is short or the limit would be passed; what was allocated before stays.
 * Size 0 gives an address that must not be read.
 */
void *base_arena_alloc(struct base_arena *arena, size_t size, size_t alignment) GW_MUST_CHECK;

/* count zeroed items of item_size bytes, aligned for any type; NULL as above or on overflow. */
void *base_arena_array(struct base_arena *arena, size_t count, size_t item_size) GW_MUST_CHECK;

/* A copy of the bytes, with a NUL behind them that is not counted. */
char *base_arena_copy(struct base_arena *arena, struct gw_bytes bytes) GW_MUST_CHECK;
char *base_arena_string(struct base_arena *arena, const char *text) GW_MUST_CHECK;

/* Forgets every allocation and keeps the newest chunk for the next ones. */
void base_arena_reset(struct base_arena *arena);

/* Gives everything back; the arena is empty as at the start, its limit kept. */
void base_arena_done(struct base_arena *arena);

#endif
