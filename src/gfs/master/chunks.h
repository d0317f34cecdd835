/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks.h - what the log says of each chunk: an array of small records in pages (pages.h), 20
 * bytes each. A chunk's handle is the generation of its slot (high 32 bits) and the slot: a slot
 * that is freed gets the next generation, so a handle is never given twice, and finding a chunk is
 * no search. Free slots are given again in the order last freed, first given, which is part of the
 * state. Where replicas are is not here: replicas.h.
 */
#ifndef GFS_MASTER_CHUNKS_H
#define GFS_MASTER_CHUNKS_H

#include "gfs/master/pages.h"

#define GFS_SLOT_NONE UINT32_MAX

struct gfs_chunk {
	uint32_t generation;
	uint32_t version;    /* of the last grant; 0: none yet */
	uint32_t references; /* of files, also deleted ones, and of copies under way; 0: free */
	uint32_t live;       /* of files that are not deleted; of a free slot: the next free one */
	uint8_t goal;
	uint8_t spare[3];
};

enum { GFS_CHUNKS_PER_PAGE = GFS_PAGE_BYTES / sizeof(struct gfs_chunk) };

struct gfs_chunks {
	struct gfs_pages pages;
	uint32_t slots;      /* ever used */
	uint32_t first_free; /* GFS_SLOT_NONE: none */
	uint32_t count;      /* chunks that are */
};

static inline uint32_t gfs_slot_of(uint64_t handle)
{
	return (uint32_t)handle;
}

void gfs_chunks_init(struct gfs_chunks *chunks);
void gfs_chunks_done(struct gfs_chunks *chunks);

/* A chunk with one live reference. 0, or GW_E_NO_MEMORY and GW_E_TOO_LARGE. */
int gfs_chunks_add(struct gfs_chunks *chunks, uint32_t version, uint8_t goal, uint64_t *handle,
		   struct gw_error *error) GW_MUST_CHECK;
/* The record of a slot; NULL: it is free or was never used. */
const struct gfs_chunk *gfs_chunks_slot(const struct gfs_chunks *chunks, uint32_t slot);
/* NULL: there is no such chunk, or no more. */
const struct gfs_chunk *gfs_chunks_find(const struct gfs_chunks *chunks, uint64_t handle);
uint64_t gfs_chunks_handle(const struct gfs_chunks *chunks, uint32_t slot);
/* To change it; until the next call. NULL: no memory. It is there. */
struct gfs_chunk *gfs_chunks_write(struct gfs_chunks *chunks, uint32_t slot) GW_MUST_CHECK;
/* Frees a slot that has no references any more. */
int gfs_chunks_free(struct gfs_chunks *chunks, uint32_t slot,
		    struct gw_error *error) GW_MUST_CHECK;

/* For checkpoints: the record of any slot, free ones too, as it is or was. */
struct gfs_chunk gfs_chunks_raw(uint8_t *const *pages, uint32_t slot);
/* The next slot, as it was written. */
int gfs_chunks_restore(struct gfs_chunks *chunks, const struct gfs_chunk *chunk,
		       struct gw_error *error) GW_MUST_CHECK;
/* Whether free slots are one list that has all of them, as first_free begins. */
bool gfs_chunks_are_sound(const struct gfs_chunks *chunks);

#endif
