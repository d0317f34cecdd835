/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space.c - see space.h.
 */
#include "space.h"

#include <assert.h>
#include <limits.h>

static struct mr_shared_space *shared_space(struct mr_space *space)
{
	return (struct mr_shared_space *)(void *)space;
}

bool mr_shared_space_contains(const struct mr_shared_space *space, const struct mr_region *region)
{
	return region->offset <= space->shared->pool_size &&
	       region->size <= space->shared->pool_size - region->offset;
}

static struct mr_attempt_id id_of(const struct mr_region *region)
{
	return (struct mr_attempt_id){region->kind, region->task, region->number};
}

static int check_pool(const struct mr_shared_space *space, const struct mr_region *region,
		      struct gw_error *error)
{
	if (mr_shared_space_contains(space, region))
		return 0;
	return gw_fail(error, GW_E_INVALID, "a region of task %u lies outside of the shared memory",
		       region->task);
}

/* ---- Spilling ---------------------------------------------------------------------------------
 */

static int open_spill(struct mr_shared_space *space, const struct mr_region *region,
		      struct gw_error *error)
{
	char path[PATH_MAX];

	mr_spill_path(space->config, region, path, sizeof(path));
	return space->store->operations->create_temp(space->store, path, &space->spill_file, error);
}

static int spill(struct mr_space *base, const void *data, size_t size, struct mr_region *region,
		 struct gw_error *error)
{
	struct mr_shared_space *space = shared_space(base);
	int code = 0;

	assert(data || size == 0);
	*region = (struct mr_region){.spilled = 1,
				     .kind = space->id.kind,
				     .task = space->id.task,
				     .number = space->id.number,
				     .size = size};
	if (!space->spill_file)
		code = open_spill(space, region, error);
	if (code < 0)
		return code;
	return space->store->operations->append(space->spill_file, data, size, &region->offset,
						error);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static struct mr_spill_reader *choose_reader(struct mr_shared_space *space,
					     const struct mr_attempt_id *id)
{
	struct mr_spill_reader *oldest = &space->readers[0];

	for (unsigned i = 0; i < MR_SPILL_READERS; i++) {
		struct mr_spill_reader *reader = &space->readers[i];

		if (reader->file && mr_attempt_id_equal(&reader->id, id))
			return reader;
		if (!reader->file || (oldest->file && reader->used < oldest->used))
			oldest = reader;
	}
	assert(oldest >= space->readers && oldest < space->readers + MR_SPILL_READERS);
	mr_file_close(oldest->file);
	oldest->file = NULL;
	return oldest;
}

/* The spill file that the region is in, open; it stays the space's. */
static int spill_of(struct mr_shared_space *space, const struct mr_region *region,
		    struct mr_file **file, struct gw_error *error)
{
	struct mr_attempt_id id = id_of(region);
	struct mr_spill_reader *reader;
	char path[PATH_MAX];
	int code = 0;

	if (space->spill_file && mr_attempt_id_equal(&space->id, &id)) {
		*file = space->spill_file;
		return 0;
	}
	reader = choose_reader(space, &id);
	if (!reader->file) {
		mr_spill_path(space->config, region, path, sizeof(path));
		code = space->store->operations->open(space->store, path, &reader->file, error);
		reader->id = id;
	}
	assert(code < 0 || reader->file);
	reader->used = ++space->uses;
	*file = reader->file;
	return code;
}

static int read_region(struct mr_space *base, const struct mr_region *region, uint64_t offset,
		       void *data, size_t size, struct gw_error *error)
{
	struct mr_shared_space *space = shared_space(base);
	struct mr_file *file;
	int code;

	assert(offset <= region->size && size <= region->size - offset);
	if (!region->spilled) {
		code = check_pool(space, region, error);
		if (code == 0)
			memcpy(data, space->shared->pool + region->offset + offset, size);
		return code;
	}
	code = spill_of(space, region, &file, error);
	if (code < 0)
		return code;
	return space->store->operations->read_at(file, region->offset + offset, data, size, error);
}

static int map_region(struct mr_space *base, const struct mr_region *region, struct gw_bytes *bytes,
		      struct gw_error *error)
{
	struct mr_shared_space *space = shared_space(base);
	struct mr_file *file;
	int code;

	*bytes = (struct gw_bytes){NULL, 0};
	if (region->size == 0)
		return 0;
	if (!region->spilled) {
		code = check_pool(space, region, error);
		if (code == 0)
			*bytes = (struct gw_bytes){space->shared->pool + region->offset,
						   region->size};
		return code;
	}
	code = spill_of(space, region, &file, error);
	if (code < 0)
		return code;
	return space->store->operations->map(file, region->offset, region->size, bytes, error);
}

static void unmap_region(struct mr_space *base, const struct mr_region *region,
			 struct gw_bytes bytes)
{
	struct mr_shared_space *space = shared_space(base);

	assert(bytes.size == 0 || bytes.size == region->size);
	if (region->spilled && bytes.size > 0)
		space->store->operations->unmap(space->store, bytes);
}

/* ---- The space --------------------------------------------------------------------------------
 */

void mr_shared_space_init(struct mr_shared_space *space, const struct mr_config *config,
			  struct mr_store *store, const struct mr_shared *shared)
{
	assert(config && store && shared);
	*space = (struct mr_shared_space){.config = config, .store = store, .shared = shared};
	space->space.spill = spill;
	space->space.read = read_region;
	space->space.map = map_region;
	space->space.unmap = unmap_region;
}

static void close_readers(struct mr_shared_space *space)
{
	for (unsigned i = 0; i < MR_SPILL_READERS; i++)
		mr_file_close(space->readers[i].file);
	memset(space->readers, 0, sizeof(space->readers));
}

void mr_shared_space_done(struct mr_shared_space *space)
{
	mr_shared_space_end(space);
	close_readers(space);
}

void mr_shared_space_begin(struct mr_shared_space *space, const struct mr_attempt_id *id)
{
	assert(!space->spill_file && id->kind <= MR_PLACE);
	space->id = *id;
}

void mr_shared_space_end(struct mr_shared_space *space)
{
	mr_file_close(space->spill_file);
	space->spill_file = NULL;
	/* What is placed is removed: an open file would hold its disk space. */
	if (space->id.kind == MR_PLACE)
		close_readers(space);
}
