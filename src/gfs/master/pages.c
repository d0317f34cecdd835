/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.c - pages by number, copied by the first write after a freeze.
 */
#include "gfs/master/pages.h"

#include <stdlib.h>

#include "base/allocate.h"

/* Room in all three lists, so that a drop needs no memory. */
static bool make_room(struct gfs_pages *pages)
{
	size_t need = (size_t)pages->count + 1;
	void *grown;

	if (need >= GFS_PAGE_NONE)
		return false;
	grown = base_grow(pages->pages, sizeof(*pages->pages), &pages->pages_capacity, need);
	if (!grown)
		return false;
	pages->pages = grown;
	grown = base_grow(pages->shared, sizeof(*pages->shared), &pages->shared_capacity, need);
	if (!grown)
		return false;
	pages->shared = grown;
	grown = base_grow(pages->free, sizeof(*pages->free), &pages->free_capacity, need);
	if (!grown)
		return false;
	pages->free = grown;
	return true;
}

uint32_t gfs_pages_new(struct gfs_pages *pages)
{
	uint32_t number;
	uint8_t *page;

	if (pages->free_count == 0 && !make_room(pages))
		return GFS_PAGE_NONE;
	page = calloc(1, GFS_PAGE_BYTES);
	if (!page)
		return GFS_PAGE_NONE;
	number = pages->free_count > 0 ? pages->free[--pages->free_count] : pages->count++;
	pages->pages[number] = page;
	pages->shared[number] = false;
	return number;
}

void *gfs_pages_write(struct gfs_pages *pages, uint32_t number)
{
	uint8_t *copy;

	assert(number < pages->count && pages->pages[number]);
	if (!pages->shared[number])
		return pages->pages[number];
	assert(pages->is_frozen);
	copy = malloc(GFS_PAGE_BYTES);
	if (!copy)
		return NULL;
	memcpy(copy, pages->pages[number], GFS_PAGE_BYTES);
	pages->pages[number] = copy; /* the old one is the frozen set's now */
	pages->shared[number] = false;
	return copy;
}

void gfs_pages_drop(struct gfs_pages *pages, uint32_t number)
{
	assert(number < pages->count && pages->pages[number]);
	assert(pages->free_count < pages->count);
	if (!pages->shared[number])
		free(pages->pages[number]);
	pages->pages[number] = NULL;
	pages->shared[number] = false;
	pages->free[pages->free_count++] = number;
}

int gfs_pages_freeze(struct gfs_pages *pages, struct gfs_frozen *frozen, struct gw_error *error)
{
	assert(!pages->is_frozen);
	*frozen = (struct gfs_frozen){malloc((size_t)pages->count * sizeof(*frozen->pages) + 1),
				      pages->count};
	if (!frozen->pages)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to freeze %u pages", pages->count);
	for (uint32_t i = 0; i < pages->count; i++) {
		frozen->pages[i] = pages->pages[i];
		pages->shared[i] = pages->pages[i] != NULL;
	}
	pages->is_frozen = true;
	return 0;
}

void gfs_pages_thaw(struct gfs_pages *pages, struct gfs_frozen *frozen)
{
	assert(pages->is_frozen && frozen->count <= pages->count);
	for (uint32_t i = 0; i < frozen->count; i++) {
		if (!frozen->pages[i])
			continue;
		if (pages->shared[i])
			pages->shared[i] = false;
		else
			free(frozen->pages[i]);
	}
	free(frozen->pages);
	*frozen = (struct gfs_frozen){0};
	pages->is_frozen = false;
}

void gfs_pages_done(struct gfs_pages *pages)
{
	assert(!pages->is_frozen);
	for (uint32_t i = 0; i < pages->count; i++)
		free(pages->pages[i]);
	free(pages->pages);
	free(pages->shared);
	free(pages->free);
	*pages = (struct gfs_pages){0};
}

uint64_t gfs_pages_bytes(const struct gfs_pages *pages)
{
	const uint64_t overhead = 16; /* of an allocation */

	return (uint64_t)(pages->count - pages->free_count) * (GFS_PAGE_BYTES + overhead) +
	       pages->pages_capacity * sizeof(*pages->pages) +
	       pages->shared_capacity * sizeof(*pages->shared) +
	       pages->free_capacity * sizeof(*pages->free);
}
