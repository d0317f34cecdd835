/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - see pool.h.
 *
 * Extents cut the pool without gaps and are linked in order of place; no two free ones are
 * neighbours. A granule in use knows its extent, so an offset is found without searching. The free
 * ones are linked too; a job that only allocates has one free extent, at the end.
 */
#include "pool.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

enum { NONE = UINT32_MAX };

struct mr_extent {
	uint32_t first, count;   /* granules */
	uint32_t before, behind; /* neighbours in the pool */
	uint32_t previous, next; /* in the list of free ones, or of its owner's */
	uint32_t owner;          /* NONE: free or kept */
	bool free;
};

/* Takes an unused extent structure; the caller made sure that there is one. */
static uint32_t take_unused(struct mr_pool *pool)
{
	uint32_t index = pool->unused;

	assert(index != NONE);
	pool->unused = pool->extents[index].next;
	return index;
}

static void give_unused(struct mr_pool *pool, uint32_t index)
{
	assert(index < pool->extent_capacity);
	pool->extents[index].next = pool->unused;
	pool->unused = index;
}

/* Makes sure of an unused extent structure. */
static int reserve(struct mr_pool *pool, struct gw_error *error)
{
	struct mr_extent *extents;
	size_t old = pool->extent_capacity;

	if (pool->unused != NONE)
		return 0;
	extents = base_grow(pool->extents, sizeof(*extents), &pool->extent_capacity, old + 1);
	if (!extents)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu extents of the pool", old);
	pool->extents = extents;
	for (size_t i = pool->extent_capacity; i > old; i--)
		give_unused(pool, (uint32_t)(i - 1));
	return 0;
}

int mr_pool_init(struct mr_pool *pool, uint64_t size, uint32_t owners, struct gw_error *error)
{
	uint64_t granules = size / MR_POOL_GRANULE;
	int code;

	*pool = (struct mr_pool){.unused = NONE, .free_first = NONE, .owners = owners};
	pool->granules = granules < NONE ? (uint32_t)granules : NONE - 1;
	pool->owned = calloc((size_t)owners + 1, sizeof(*pool->owned));
	/* Zeroed by calloc and never written at the end that is not used: costs nothing there. */
	pool->in_granule = calloc((size_t)pool->granules + 1, sizeof(*pool->in_granule));
	code = reserve(pool, error);
	if (code == 0 && (!pool->owned || !pool->in_granule)) {
		gw_fail(error, GW_E_NO_MEMORY, "no memory for a pool of %u granules",
			pool->granules);
		code = GW_E_NO_MEMORY;
	}
	if (code < 0) {
		mr_pool_done(pool);
		return code;
	}
	for (uint32_t i = 0; i < owners; i++)
		pool->owned[i] = NONE;
	if (pool->granules > 0) {
		pool->free_first = take_unused(pool);
		pool->extents[pool->free_first] =
			(struct mr_extent){0, pool->granules, NONE, NONE, NONE, NONE, NONE, true};
	}
	return 0;
}

void mr_pool_done(struct mr_pool *pool)
{
	free(pool->extents);
	free(pool->owned);
	free(pool->in_granule);
	*pool = (struct mr_pool){.unused = NONE, .free_first = NONE};
}

/* ---- Lists ------------------------------------------------------------------------------------
 */

static void list_remove(struct mr_pool *pool, uint32_t *first, uint32_t index)
{
	struct mr_extent *extent = &pool->extents[index];

	assert(extent->previous != NONE || *first == index);
	if (extent->previous == NONE)
		*first = extent->next;
	else
		pool->extents[extent->previous].next = extent->next;
	if (extent->next != NONE)
		pool->extents[extent->next].previous = extent->previous;
	extent->previous = extent->next = NONE;
}

/* Puts the extent behind previous (NONE: first). */
static void list_insert(struct mr_pool *pool, uint32_t *first, uint32_t previous, uint32_t index)
{
	struct mr_extent *extent = &pool->extents[index];

	assert(extent->previous == NONE && extent->next == NONE && previous != index);
	extent->previous = previous;
	extent->next = previous == NONE ? *first : pool->extents[previous].next;
	if (previous == NONE)
		*first = index;
	else
		pool->extents[previous].next = index;
	if (extent->next != NONE)
		pool->extents[extent->next].previous = index;
}

/* ---- Extents ----------------------------------------------------------------------------------
 */

/* Cuts the extent after count granules; returns the new extent behind it, in no list. An extent
 * structure was reserved. */
static uint32_t split(struct mr_pool *pool, uint32_t index, uint32_t count)
{
	uint32_t rest = take_unused(pool);
	struct mr_extent *extent = &pool->extents[index];

	assert(count > 0 && count < extent->count);
	pool->extents[rest] = *extent;
	pool->extents[rest].first += count;
	pool->extents[rest].count -= count;
	pool->extents[rest].before = index;
	pool->extents[rest].previous = pool->extents[rest].next = NONE;
	if (extent->behind != NONE)
		pool->extents[extent->behind].before = rest;
	extent->behind = rest;
	extent->count = count;
	return rest;
}

/* Adds the neighbour behind to the extent; neither is in a list. */
static void join(struct mr_pool *pool, uint32_t index)
{
	struct mr_extent *extent = &pool->extents[index];
	uint32_t behind = extent->behind;

	assert(behind != NONE && pool->extents[behind].before == index);
	assert(pool->extents[behind].first == extent->first + extent->count);
	extent->count += pool->extents[behind].count;
	extent->behind = pool->extents[behind].behind;
	if (extent->behind != NONE)
		pool->extents[extent->behind].before = index;
	give_unused(pool, behind);
}

/* The extent, in no list, becomes free: joins its neighbours and enters the list of free ones. */
static void make_free(struct mr_pool *pool, uint32_t index)
{
	uint32_t before = pool->extents[index].before;
	uint32_t behind = pool->extents[index].behind;

	assert(!pool->extents[index].free);
	if (behind != NONE && pool->extents[behind].free) {
		list_remove(pool, &pool->free_first, behind);
		join(pool, index);
	}
	if (before != NONE && pool->extents[before].free) {
		list_remove(pool, &pool->free_first, before);
		join(pool, before);
		index = before;
	}
	pool->extents[index].free = true;
	pool->extents[index].owner = NONE;
	before = pool->extents[index].before;
	while (before != NONE && !pool->extents[before].free)
		before = pool->extents[before].before;
	list_insert(pool, &pool->free_first, before, index);
}

/* The extent in use at offset, or NONE. */
static uint32_t find(const struct mr_pool *pool, uint64_t offset)
{
	uint64_t granule = offset / MR_POOL_GRANULE;
	uint32_t index;

	if (granule >= pool->granules)
		return NONE;
	index = pool->in_granule[granule];
	assert(index <= pool->extent_capacity);
	return index == 0 ? NONE : index - 1;
}

/* Notes in the granules that the extent has them, or that nobody does. */
static void mark(struct mr_pool *pool, uint32_t index, bool used)
{
	const struct mr_extent *extent = &pool->extents[index];

	assert(extent->count > 0 && extent->count <= pool->granules - extent->first);
	assert(!used || extent->count <= pool->granules - pool->used);
	for (uint32_t i = 0; i < extent->count; i++)
		pool->in_granule[extent->first + i] = used ? index + 1 : 0;
	assert(used || extent->count <= pool->used);
	if (used)
		pool->used += extent->count;
	else
		pool->used -= extent->count;
	if (pool->used > pool->used_peak)
		pool->used_peak = pool->used;
}

/* ---- What attempts do -------------------------------------------------------------------------
 */

int mr_pool_allocate(struct mr_pool *pool, uint32_t owner, uint64_t size, uint64_t *offset,
		     struct gw_error *error)
{
	uint64_t count = size / MR_POOL_GRANULE + (size % MR_POOL_GRANULE > 0);
	uint32_t index = pool->free_first;
	int code = reserve(pool, error);

	assert(owner < pool->owners);
	if (code < 0)
		return code;
	if (count == 0)
		count = 1;
	while (index != NONE && pool->extents[index].count < count)
		index = pool->extents[index].next;
	if (index == NONE)
		return 0;
	if (pool->extents[index].count > count) {
		uint32_t rest = split(pool, index, (uint32_t)count);

		list_insert(pool, &pool->free_first, index, rest);
	}
	assert(pool->extents[index].free && pool->extents[index].count == count);
	list_remove(pool, &pool->free_first, index);
	pool->extents[index].free = false;
	pool->extents[index].owner = owner;
	list_insert(pool, &pool->owned[owner], NONE, index);
	mark(pool, index, true);
	*offset = (uint64_t)pool->extents[index].first * MR_POOL_GRANULE;
	return 1;
}

void mr_pool_keep(struct mr_pool *pool, uint32_t owner, uint64_t offset)
{
	uint32_t index = find(pool, offset);

	assert(owner < pool->owners);
	if (index == NONE || pool->extents[index].owner != owner)
		return;
	list_remove(pool, &pool->owned[owner], index);
	pool->extents[index].owner = NONE;
}

void mr_pool_release(struct mr_pool *pool, uint64_t offset)
{
	uint32_t index = find(pool, offset);

	if (index == NONE || pool->extents[index].owner != NONE)
		return;
	mark(pool, index, false);
	make_free(pool, index);
}

void mr_pool_drop(struct mr_pool *pool, uint32_t owner)
{
	assert(owner < pool->owners);
	while (pool->owned[owner] != NONE) {
		uint32_t index = pool->owned[owner];

		list_remove(pool, &pool->owned[owner], index);
		mark(pool, index, false);
		make_free(pool, index);
	}
}

uint64_t mr_pool_used(const struct mr_pool *pool)
{
	return (uint64_t)pool->used * MR_POOL_GRANULE;
}

uint64_t mr_pool_used_peak(const struct mr_pool *pool)
{
	return (uint64_t)pool->used_peak * MR_POOL_GRANULE;
}
