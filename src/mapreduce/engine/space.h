/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space.h - the half of struct mr_space that is the same in a slot, in the driver and in a job
 * without processes: regions of the shared pool are at an address that all know, spilled ones in
 * files of the staging directory. Who may allocate, and who is told of what was published,
 * differs: whoever makes one fills in allocate, write, publish_run and publish_output.
 */
#ifndef MR_SHARED_SPACE_H
#define MR_SHARED_SPACE_H

#include "failure.h"

#include <assert.h>

enum { MR_LIVE_STRIDE = 64 * 1024 }; /* whole pages, of whatever size they are */

enum { MR_SPILL_READERS = 16 }; /* spill files of other attempts that a process keeps open */

/* Memory that driver and slots share, at the same address in all of them. */
struct mr_shared {
	void *memory;
	size_t size;
	int file; /* the same memory as a file, or -1 */
	void *board;
	uint8_t *lives; /* one a slot: mr_shared_live */
	uint8_t *pool;
	uint64_t pool_size;
};

static_assert(sizeof(struct mr_live) <= MR_LIVE_STRIDE, "a live page fits its stride");

/* The live page of a slot. */
static inline struct mr_live *mr_shared_live(const struct mr_shared *shared, uint32_t slot)
{
	return (struct mr_live *)(void *)(shared->lives + (size_t)slot * MR_LIVE_STRIDE);
}

struct mr_spill_reader {
	struct mr_attempt_id id;
	struct mr_file *file; /* NULL: free */
	uint64_t used;        /* when last; the oldest gives way */
};

struct mr_shared_space {
	struct mr_space space; /* first: one is the other */
	const struct mr_config *config;
	struct mr_store *store;
	const struct mr_shared *shared;
	struct mr_attempt_id id;    /* of the running attempt */
	struct mr_file *spill_file; /* its own, or NULL */
	struct mr_spill_reader readers[MR_SPILL_READERS];
	uint64_t uses;
	void *link; /* of whoever filled in the rest */
};

void mr_shared_space_init(struct mr_shared_space *space, const struct mr_config *config,
			  struct mr_store *store, const struct mr_shared *shared);
void mr_shared_space_done(struct mr_shared_space *space);

/* Before and after each attempt. */
void mr_shared_space_begin(struct mr_shared_space *space, const struct mr_attempt_id *id);
void mr_shared_space_end(struct mr_shared_space *space);

/* Whether all of the region is in the pool. */
bool mr_shared_space_contains(const struct mr_shared_space *space, const struct mr_region *region);

#endif
