/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h - memory in pages that are named by 32-bit numbers and can be kept as they are while they
 * go on changing: the first write to a page that is frozen copies it. Freezing copies a list of
 * addresses, 8 bytes for each 32 KiB; nothing is copied that is not written meanwhile.
 *
 *     number = gfs_pages_new(&pages);               // zeroed; GFS_PAGE_NONE: no memory
 *     page = gfs_pages_write(&pages, number);       // NULL: no memory for a copy
 *     gfs_pages_freeze(&pages, &frozen, &error);
 *     ... another thread reads gfs_frozen_page(&frozen, number), while writes go on ...
 *     gfs_pages_thaw(&pages, &frozen);
 *
 * An address lasts until the next write, new or drop of the same page, and any freeze. All is
 * called on one thread, but for gfs_frozen_page. One freeze at a time.
 */
#ifndef GFS_MASTER_PAGES_H
#define GFS_MASTER_PAGES_H

#include <groundwork/base.h>

#include <assert.h>

enum { GFS_PAGE_BYTES = 32 << 10 };
#define GFS_PAGE_NONE UINT32_MAX

struct gfs_pages {
	uint8_t **pages;     /* by number; NULL: free */
	bool *shared;        /* by number: a frozen set has it, too */
	uint32_t *free;      /* numbers to give again, the last first */
	uint32_t count;      /* numbers given so far */
	uint32_t free_count;
	size_t pages_capacity, shared_capacity, free_capacity;
	bool is_frozen;
};

struct gfs_frozen {
	uint8_t **pages;
	uint32_t count;
};

/* The lowest number comes first while none were dropped. */
uint32_t gfs_pages_new(struct gfs_pages *pages) GW_MUST_CHECK;
void *gfs_pages_write(struct gfs_pages *pages, uint32_t number) GW_MUST_CHECK;
void gfs_pages_drop(struct gfs_pages *pages, uint32_t number);

int gfs_pages_freeze(struct gfs_pages *pages, struct gfs_frozen *frozen,
		     struct gw_error *error) GW_MUST_CHECK;
void gfs_pages_thaw(struct gfs_pages *pages, struct gfs_frozen *frozen);

/* Frees all; the same as at the start. Not while frozen. */
void gfs_pages_done(struct gfs_pages *pages);

/* What it holds and what it takes to hold it; copies for a frozen set are not counted. */
uint64_t gfs_pages_bytes(const struct gfs_pages *pages);

static inline const void *gfs_pages_read(const struct gfs_pages *pages, uint32_t number)
{
	assert(number < pages->count && pages->pages[number]);
	return pages->pages[number];
}

static inline const void *gfs_frozen_page(const struct gfs_frozen *frozen, uint32_t number)
{
	assert(number < frozen->count && frozen->pages[number]);
	return frozen->pages[number];
}

#endif
