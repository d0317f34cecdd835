/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_space_test.h - a space for tests of one thing: a spill file that is an array of bytes, and
 * shared memory for a single region. Keeps the run that was published last.
 */
#ifndef MR_MEMORY_SPACE_TEST_H
#define MR_MEMORY_SPACE_TEST_H

#include "attempt.h"

#include <assert.h>
#include <stdlib.h>

struct memory_space {
	struct mr_space space; /* first: one is the other */
	uint8_t *spilled;      /* owned */
	size_t spilled_size, spilled_capacity;
	uint8_t *shared;       /* owned; the region is all of it */
	uint64_t shared_max;   /* what may be allocated; 0: everything is spilled */
	struct mr_run run;
	uint32_t runs;
	uint64_t calls, fails_at; /* the n-th call fails; 0: none */
};

static inline int memory_space_fails(struct mr_space *space, struct gw_error *error)
{
	struct memory_space *memory = (struct memory_space *)space;

	if (++memory->calls != memory->fails_at)
		return 0;
	return gw_fail(error, GW_E_NO_SPACE, "space: no space left");
}

static inline int memory_space_allocate(struct mr_space *space, uint64_t size,
					struct mr_region *region, struct gw_error *error)
{
	struct memory_space *memory = (struct memory_space *)space;

	if (memory_space_fails(space, error))
		return GW_E_NO_SPACE;
	if (size > memory->shared_max)
		return 0;
	free(memory->shared);
	memory->shared = malloc(size);
	assert(memory->shared);
	*region = (struct mr_region){.size = size};
	return 1;
}

static inline int memory_space_write(struct mr_space *space, const struct mr_region *region,
				     const void *data, size_t size, struct gw_error *error)
{
	assert(size <= region->size);
	if (memory_space_fails(space, error))
		return GW_E_NO_SPACE;
	memcpy(((struct memory_space *)space)->shared, data, size);
	return 0;
}

static inline int memory_space_spill(struct mr_space *space, const void *data, size_t size,
				     struct mr_region *region, struct gw_error *error)
{
	struct memory_space *memory = (struct memory_space *)space;

	if (memory_space_fails(space, error))
		return GW_E_NO_SPACE;
	if (size > memory->spilled_capacity - memory->spilled_size) {
		memory->spilled_capacity = memory->spilled_size + size;
		memory->spilled = realloc(memory->spilled, memory->spilled_capacity);
		assert(memory->spilled);
	}
	if (size > 0)
		memcpy(memory->spilled + memory->spilled_size, data, size);
	*region = (struct mr_region){.spilled = 1, .offset = memory->spilled_size, .size = size};
	memory->spilled_size += size;
	return 0;
}

static inline const uint8_t *memory_space_bytes(struct mr_space *space,
						const struct mr_region *region)
{
	struct memory_space *memory = (struct memory_space *)space;

	return region->spilled ? memory->spilled + region->offset : memory->shared;
}

static inline int memory_space_read(struct mr_space *space, const struct mr_region *region,
				    uint64_t offset, void *data, size_t size,
				    struct gw_error *error)
{
	if (memory_space_fails(space, error))
		return GW_E_NO_SPACE;
	if (offset > region->size || size > region->size - offset)
		return gw_fail(error, GW_E_TRUNCATED, "space: ends before byte %llu",
			       (unsigned long long)(offset + size));
	memcpy(data, memory_space_bytes(space, region) + offset, size);
	return 0;
}

static inline int memory_space_map(struct mr_space *space, const struct mr_region *region,
				   struct gw_bytes *bytes, struct gw_error *error)
{
	if (memory_space_fails(space, error))
		return GW_E_NO_SPACE;
	*bytes = (struct gw_bytes){memory_space_bytes(space, region), region->size};
	return 0;
}

static inline void memory_space_unmap(struct mr_space *space, const struct mr_region *region,
				      struct gw_bytes bytes)
{
	assert(bytes.data == memory_space_bytes(space, region));
}

static inline int memory_space_publish_run(struct mr_space *space, const struct mr_run *run,
					   struct gw_error *error)
{
	struct memory_space *memory = (struct memory_space *)space;

	if (memory_space_fails(space, error))
		return GW_E_NO_SPACE;
	memory->run = *run;
	memory->runs++;
	return 0;
}

static inline void memory_space_init(struct memory_space *memory, uint64_t shared_max)
{
	*memory = (struct memory_space){
		.space = {.allocate = memory_space_allocate, .write = memory_space_write,
			  .spill = memory_space_spill, .read = memory_space_read,
			  .map = memory_space_map, .unmap = memory_space_unmap,
			  .publish_run = memory_space_publish_run},
		.shared_max = shared_max,
	};
}

static inline void memory_space_done(struct memory_space *memory)
{
	free(memory->spilled);
	free(memory->shared);
}

#endif
