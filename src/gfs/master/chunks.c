/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks.c - the array of chunk records and its free slots.
 */
#include "gfs/master/chunks.h"

_Static_assert(sizeof(struct gfs_chunk) == 20, "20 bytes a chunk");

void gfs_chunks_init(struct gfs_chunks *chunks)
{
	*chunks = (struct gfs_chunks){.first_free = GFS_SLOT_NONE};
}

void gfs_chunks_done(struct gfs_chunks *chunks)
{
	gfs_pages_done(&chunks->pages);
	gfs_chunks_init(chunks);
}

static const struct gfs_chunk *record(const struct gfs_chunks *chunks, uint32_t slot)
{
	const struct gfs_chunk *page;

	assert(slot < chunks->slots);
	page = gfs_pages_read(&chunks->pages, slot / GFS_CHUNKS_PER_PAGE);
	return &page[slot % GFS_CHUNKS_PER_PAGE];
}

static struct gfs_chunk *record_write(struct gfs_chunks *chunks, uint32_t slot)
{
	struct gfs_chunk *page = gfs_pages_write(&chunks->pages, slot / GFS_CHUNKS_PER_PAGE);

	assert(slot < chunks->slots);
	return page ? &page[slot % GFS_CHUNKS_PER_PAGE] : NULL;
}

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for the record of a chunk");
}

/* Room for the slot behind the last. */
static int grow(struct gfs_chunks *chunks, struct gw_error *error)
{
	if (chunks->slots == GFS_SLOT_NONE)
		return gw_fail(error, GW_E_TOO_LARGE, "no handle for another chunk");
	if (chunks->slots % GFS_CHUNKS_PER_PAGE == 0 &&
	    chunks->slots / GFS_CHUNKS_PER_PAGE == chunks->pages.count &&
	    gfs_pages_new(&chunks->pages) == GFS_PAGE_NONE)
		return no_memory(error);
	chunks->slots++;
	return 0;
}

int gfs_chunks_add(struct gfs_chunks *chunks, uint32_t version, uint8_t goal, uint64_t *handle,
		   struct gw_error *error)
{
	uint32_t slot = chunks->first_free;
	bool is_new = slot == GFS_SLOT_NONE;
	struct gfs_chunk *chunk;
	int code = is_new ? grow(chunks, error) : 0;

	if (code < 0)
		return code;
	if (is_new)
		slot = chunks->slots - 1;
	chunk = record_write(chunks, slot);
	if (!chunk)
		return no_memory(error);
	if (is_new)
		*chunk = (struct gfs_chunk){.generation = 1};
	else
		chunks->first_free = chunk->live;
	assert(chunk->references == 0 && chunk->generation > 0);
	*chunk = (struct gfs_chunk){.generation = chunk->generation, .version = version,
				    .references = 1, .live = 1, .goal = goal};
	chunks->count++;
	*handle = (uint64_t)chunk->generation << 32 | slot;
	return 0;
}

const struct gfs_chunk *gfs_chunks_slot(const struct gfs_chunks *chunks, uint32_t slot)
{
	const struct gfs_chunk *chunk;

	if (slot >= chunks->slots)
		return NULL;
	chunk = record(chunks, slot);
	return chunk->references > 0 ? chunk : NULL;
}

const struct gfs_chunk *gfs_chunks_find(const struct gfs_chunks *chunks, uint64_t handle)
{
	const struct gfs_chunk *chunk = gfs_chunks_slot(chunks, gfs_slot_of(handle));

	return chunk && chunk->generation == handle >> 32 ? chunk : NULL;
}

uint64_t gfs_chunks_handle(const struct gfs_chunks *chunks, uint32_t slot)
{
	return (uint64_t)record(chunks, slot)->generation << 32 | slot;
}

struct gfs_chunk *gfs_chunks_write(struct gfs_chunks *chunks, uint32_t slot)
{
	assert(gfs_chunks_slot(chunks, slot));
	return record_write(chunks, slot);
}

int gfs_chunks_free(struct gfs_chunks *chunks, uint32_t slot, struct gw_error *error)
{
	struct gfs_chunk *chunk = record_write(chunks, slot);
	uint32_t generation;

	if (!chunk)
		return no_memory(error);
	assert(chunk->references == 0 && chunk->live == 0 && chunks->count > 0);
	generation = chunk->generation + 1;
	*chunk = (struct gfs_chunk){.generation = generation == 0 ? 1 : generation,
				    .live = chunks->first_free};
	chunks->first_free = slot;
	chunks->count--;
	return 0;
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

struct gfs_chunk gfs_chunks_raw(uint8_t *const *pages, uint32_t slot)
{
	struct gfs_chunk chunk;

	memcpy(&chunk, pages[slot / GFS_CHUNKS_PER_PAGE] +
	       slot % GFS_CHUNKS_PER_PAGE * sizeof(chunk), sizeof(chunk));
	return chunk;
}

int gfs_chunks_restore(struct gfs_chunks *chunks, const struct gfs_chunk *chunk,
		       struct gw_error *error)
{
	int code = grow(chunks, error);
	struct gfs_chunk *to = code == 0 ? record_write(chunks, chunks->slots - 1) : NULL;

	if (code < 0)
		return code;
	if (!to)
		return no_memory(error);
	*to = *chunk;
	if (chunk->references > 0)
		chunks->count++;
	return 0;
}

bool gfs_chunks_are_sound(const struct gfs_chunks *chunks)
{
	uint32_t left = chunks->slots - chunks->count;

	for (uint32_t i = 0; i < chunks->slots; i++) {
		const struct gfs_chunk *chunk = record(chunks, i);

		if (chunk->generation == 0 ||
		    (chunk->references > 0 && chunk->live > chunk->references))
			return false;
	}
	/* A list with a ring in it is longer than the free slots are many. */
	for (uint32_t slot = chunks->first_free; slot != GFS_SLOT_NONE; left--) {
		const struct gfs_chunk *chunk;

		if (slot >= chunks->slots || left == 0)
			return false;
		chunk = record(chunks, slot);
		if (chunk->references > 0)
			return false;
		slot = chunk->live;
	}
	return left == 0;
}
