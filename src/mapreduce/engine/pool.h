/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - who has which part of the shared memory that attempts leave their results in.
 * Bookkeeping only: the pool knows offsets, not addresses, so it needs no mapping. The driver has
 * the one pool of a job.
 *
 * Memory is given out in granules, the lowest free place first. What an attempt allocates belongs
 * to its owner (the slot it runs in) until the attempt ends: then each region that it published is
 * kept, and the rest is dropped. A failed attempt's regions are all dropped.
 */
#ifndef MR_POOL_H
#define MR_POOL_H

#include <groundwork/base.h>

enum { MR_POOL_GRANULE = 64 * 1024 };

struct mr_extent;

struct mr_pool {
	struct mr_extent *extents; /* in use or free; grows */
	size_t extent_count, extent_capacity;
	uint32_t unused;     /* list of extents that stand for nothing */
	uint32_t free_first; /* list of free extents, in order of place */
	uint32_t *owned;     /* by owner: list of what its running attempt has */
	uint32_t owners;
	uint32_t *in_granule; /* extent that a granule belongs to, if it is in use */
	uint32_t granules;
	uint32_t used, used_peak; /* granules */
};

/* A pool of size bytes (rounded down to granules) for owners 0 .. owners - 1. */
int mr_pool_init(struct mr_pool *pool, uint64_t size, uint32_t owners,
		 struct gw_error *error) GW_MUST_CHECK;
void mr_pool_done(struct mr_pool *pool);

/* 1 and the offset of at least size bytes, 0 when no free place is that large, or negative. */
int mr_pool_allocate(struct mr_pool *pool, uint32_t owner, uint64_t size, uint64_t *offset,
		     struct gw_error *error) GW_MUST_CHECK;

/*
 * The following take the offset of any byte of what was allocated, and do nothing for one that is
 * not in use: offsets come from processes that run user code.
 */

/* The owner's attempt published it: it stays when the owner's are dropped. */
void mr_pool_keep(struct mr_pool *pool, uint32_t owner, uint64_t offset);
/* Frees what was kept. */
void mr_pool_release(struct mr_pool *pool, uint64_t offset);

/* Frees all that the owner has and that was not kept. */
void mr_pool_drop(struct mr_pool *pool, uint32_t owner);

uint64_t mr_pool_used(const struct mr_pool *pool);
uint64_t mr_pool_used_peak(const struct mr_pool *pool);

#endif
