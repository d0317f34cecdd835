/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.c - what files hold, twice: as the program sees it, and as the disk has it (disk.h).
 */
#include "disk.h"

#include <stdlib.h>

enum { WRITEBACK_PPM = SIM_PPM / 8 };

static struct leaf *leaf_find(struct inode *inode, uint64_t index, bool make)
{
	size_t at = (size_t)(index / LEAF_PAGES);

	assert(index < file_bytes_max / PAGE_BYTES);
	if (at >= inode->leaf_count) {
		size_t count = at + 1;

		if (!make)
			return NULL;
		inode->leaves = realloc(inode->leaves, count * sizeof(struct leaf *));
		assert(inode->leaves && "no memory for the simulator");
		memset(inode->leaves + inode->leaf_count, 0,
		       (count - inode->leaf_count) * sizeof(struct leaf *));
		inode->leaf_count = count;
	}
	if (!inode->leaves[at] && make)
		inode->leaves[at] = (struct leaf *)sim_allocate(sizeof(struct leaf));
	return inode->leaves[at];
}

static bool inode_is_counted(const struct inode *inode)
{
	return inode->links + inode->opens > 0;
}

static void count_pages(struct inode *inode, int64_t pages)
{
	assert(pages >= 0 || inode->page_count >= (uint64_t)-pages);
	inode->page_count += (uint64_t)pages;
	if (inode_is_counted(inode))
		inode->disk->used_pages += (uint64_t)pages;
	assert(inode->disk->used_pages < UINT64_MAX / 2);
}

struct page *page_find(struct inode *inode, uint64_t index, bool make)
{
	struct leaf *leaf = leaf_find(inode, index, make);
	size_t at = (size_t)(index % LEAF_PAGES);
	uint64_t bit = UINT64_C(1) << (at % 64);
	struct page *page;

	if (!leaf || leaf->pages[at] || !make)
		return leaf ? leaf->pages[at] : NULL;
	page = (struct page *)sim_take(disk_sim(inode->disk), sizeof(*page));
	*page = (struct page){.index = index};
	page->current = (uint8_t *)sim_take(disk_sim(inode->disk), PAGE_BYTES);
	memset(page->current, 0, PAGE_BYTES);
	leaf->pages[at] = page;
	if (leaf->reserved[at / 64] & bit)
		leaf->reserved[at / 64] &= ~bit;
	else
		count_pages(inode, 1);
	return page;
}

/* Pages of the range that have no space yet; those are reserved if told so. */
static uint64_t walk_missing(struct inode *inode, uint64_t offset, uint64_t size, bool reserve)
{
	uint64_t first = offset / PAGE_BYTES, end = (offset + size + PAGE_BYTES - 1) / PAGE_BYTES;
	uint64_t missing = 0;

	for (uint64_t index = first; size > 0 && index < end; index++) {
		struct leaf *leaf = leaf_find(inode, index, reserve);
		size_t at = (size_t)(index % LEAF_PAGES);
		uint64_t bit = UINT64_C(1) << (at % 64);

		if (leaf && ((leaf->pages[at] && !leaf->pages[at]->hole) ||
			     (leaf->reserved[at / 64] & bit)))
			continue;
		missing++;
		if (reserve && !leaf->pages[at])
			leaf->reserved[at / 64] |= bit;
		else if (reserve)
			leaf->pages[at]->hole = false;
	}
	return missing;
}

uint64_t pages_missing(struct inode *inode, uint64_t offset, uint64_t size)
{
	return walk_missing(inode, offset, size, false);
}

void pages_reserve(struct inode *inode, uint64_t offset, uint64_t size)
{
	assert(offset <= file_bytes_max && size <= file_bytes_max - offset);
	count_pages(inode, (int64_t)walk_missing(inode, offset, size, true));
}

static uint8_t *sector(uint8_t *page, unsigned at)
{
	assert(at < PAGE_SECTORS);
	return page + (size_t)at * SIM_SECTOR_BYTES;
}

static void copy_sector(uint8_t *to, uint8_t *from, unsigned at)
{
	memcpy(sector(to, at), sector(from, at), SIM_SECTOR_BYTES);
}

/* The sectors of a part of a page, as bits. */
static uint8_t sectors_of(size_t offset, size_t size)
{
	unsigned first = (unsigned)(offset / SIM_SECTOR_BYTES);
	unsigned last = (unsigned)((offset + size - 1) / SIM_SECTOR_BYTES);

	assert(size > 0 && size <= PAGE_BYTES && offset <= PAGE_BYTES - size);
	return (uint8_t)((0xffU << first) & (0xffU >> (PAGE_SECTORS - 1 - last)));
}

/* Before sectors are changed: keeps what the disk has of them. Now and then the kernel has written
 * an older change by itself, so that of three versions each may be the one that is left. */
static void make_dirty(struct inode *inode, struct page *page, uint8_t sectors)
{
	struct disk *disk = inode->disk;
	bool writeback = (page->dirty & sectors) &&
			 sim_random_chance(&disk->node->disk_random, WRITEBACK_PPM);

	if (!page->durable)
		page->durable = (uint8_t *)sim_take(disk_sim(disk), PAGE_BYTES);
	for (unsigned at = 0; at < PAGE_SECTORS; at++) {
		unsigned bit = 1U << at;

		if (!(sectors & bit))
			continue;
		if (!((page->dirty | page->lost) & bit) || (writeback && (page->dirty & bit)))
			copy_sector(page->durable, page->current, at);
	}
	page->dirty |= sectors;
	page->lost &= (uint8_t)~sectors;
	page->damaged &= (uint8_t)~sectors;
	if (!page->listed) {
		page->listed = true;
		page->next_dirty = inode->dirty;
		inode->dirty = page;
	}
}

void pages_write(struct inode *inode, uint64_t offset, const uint8_t *data, size_t size)
{
	assert(offset <= file_bytes_max && size <= file_bytes_max - offset);
	while (size > 0) {
		size_t at = (size_t)(offset % PAGE_BYTES);
		size_t part = size < PAGE_BYTES - at ? size : PAGE_BYTES - at;
		struct page *page = page_find(inode, offset / PAGE_BYTES, data != NULL);

		if (page) {
			make_dirty(inode, page, sectors_of(at, part));
			if (data)
				memcpy(page->current + at, data, part);
			else
				memset(page->current + at, 0, part);
			if (data && page->hole) {
				page->hole = false;
				count_pages(inode, 1);
			}
		}
		if (data)
			data += part;
		offset += part;
		size -= part;
	}
}

int pages_read(struct inode *inode, uint64_t offset, uint8_t *data, size_t size)
{
	assert(offset <= inode->size && size <= inode->size - offset);
	while (size > 0) {
		size_t at = (size_t)(offset % PAGE_BYTES);
		size_t part = size < PAGE_BYTES - at ? size : PAGE_BYTES - at;
		struct page *page = page_find(inode, offset / PAGE_BYTES, false);

		if (page && (page->damaged & sectors_of(at, part)))
			return GW_E_IO;
		if (page)
			memcpy(data, page->current + at, part);
		else
			memset(data, 0, part);
		data += part;
		offset += part;
		size -= part;
	}
	return 0;
}

/* Zeros in the range; only pages that exist are touched, in steps that fit a size_t. */
static void write_zeros(struct inode *inode, uint64_t offset, uint64_t end)
{
	uint64_t limit = (uint64_t)inode->leaf_count * LEAF_PAGES * PAGE_BYTES;

	if (end > limit)
		end = limit;
	if (offset < end)
		pages_write(inode, offset, NULL, (size_t)(end - offset));
}

static void release_reserved(struct inode *inode, uint64_t first, uint64_t end)
{
	for (uint64_t index = first; index < end; index++) {
		struct leaf *leaf = leaf_find(inode, index, false);
		size_t at = (size_t)(index % LEAF_PAGES);
		uint64_t bit = UINT64_C(1) << (at % 64);

		if (index / LEAF_PAGES >= inode->leaf_count)
			return;
		if (!leaf)
			continue;
		if (leaf->pages[at] && !leaf->pages[at]->hole) {
			leaf->pages[at]->hole = true;
			count_pages(inode, -1);
		} else if (leaf->reserved[at / 64] & bit) {
			leaf->reserved[at / 64] &= ~bit;
			count_pages(inode, -1);
		}
	}
}

void pages_punch(struct inode *inode, uint64_t offset, uint64_t size)
{
	uint64_t end = size > file_bytes_max - offset ? file_bytes_max : offset + size;

	write_zeros(inode, offset, end);
	release_reserved(inode, (offset + PAGE_BYTES - 1) / PAGE_BYTES, end / PAGE_BYTES);
}

void pages_resize(struct inode *inode, uint64_t size)
{
	assert(inode->type == INODE_FILE && size <= file_bytes_max);
	if (size < inode->size)
		pages_punch(inode, size, file_bytes_max - size);
	if (size != inode->size)
		inode->size_dirty = true;
	inode->size = size;
}

static void page_free(struct inode *inode, struct page *page)
{
	struct sim *sim = disk_sim(inode->disk);

	assert(page->index / LEAF_PAGES < inode->leaf_count);
	sim_give(sim, page->durable, PAGE_BYTES);
	sim_give(sim, page->current, PAGE_BYTES);
	inode->leaves[page->index / LEAF_PAGES]->pages[page->index % LEAF_PAGES] = NULL;
	sim_give(sim, page, sizeof(*page));
}

static void page_is_clean(struct inode *inode, struct page *page)
{
	page->dirty = 0;
	if (page->lost == 0) {
		sim_give(disk_sim(inode->disk), page->durable, PAGE_BYTES);
		page->durable = NULL;
		if (page->hole)
			page_free(inode, page);
	}
}

static struct page *take_dirty(struct inode *inode)
{
	struct page *page = inode->dirty;

	if (!page)
		return NULL;
	inode->dirty = page->next_dirty;
	page->next_dirty = NULL;
	assert(page->listed && page->durable);
	page->listed = false;
	return page;
}

void pages_sync(struct inode *inode)
{
	struct page *page;

	while ((page = take_dirty(inode)))
		page_is_clean(inode, page);
	if (inode->size_dirty)
		inode->durable_size = inode->size;
	inode->size_dirty = false;
}

void pages_lose(struct inode *inode)
{
	struct page *page;

	while ((page = take_dirty(inode))) {
		page->lost |= page->dirty;
		page->dirty = 0;
	}
	inode->size_dirty = false;
}

void pages_settle(struct inode *inode, uint64_t offset, uint64_t size)
{
	for (uint64_t at = offset - offset % SIM_SECTOR_BYTES; at < offset + size;
	     at += SIM_SECTOR_BYTES) {
		struct page *page = page_find(inode, at / PAGE_BYTES, false);

		if (page && page->durable)
			copy_sector(page->durable, page->current,
				    (unsigned)(at % PAGE_BYTES / SIM_SECTOR_BYTES));
	}
}

/* ---- Power loss ---------------------------------------------------------------------- */

static void tear_sector(struct disk *disk, struct page *page, unsigned at)
{
	struct sim_random *random = &disk->node->disk_random;
	size_t cut = (size_t)sim_random_below(random, SIM_SECTOR_BYTES);

	assert(page->durable && (page->dirty & (1U << at)));
	sim_counted(disk_sim(disk), SIM_COUNT_SECTOR_TORN);
	if (sim_random_below(random, 2))
		sim_random_bytes(random, sector(page->current, at), SIM_SECTOR_BYTES);
	else
		memcpy(sector(page->current, at) + cut, sector(page->durable, at) + cut,
		       SIM_SECTOR_BYTES - cut);
}

static void settle_sector(struct disk *disk, struct page *page, unsigned at)
{
	unsigned bit = 1U << at;
	uint64_t chance = sim_random_below(&disk->node->disk_random, SIM_PPM);

	if ((page->dirty & bit) && chance < disk->faults.keep_ppm) {
		sim_counted(disk_sim(disk), SIM_COUNT_SECTOR_KEPT);
	} else if ((page->dirty & bit) &&
		   chance < (uint64_t)disk->faults.keep_ppm + disk->faults.tear_ppm) {
		tear_sector(disk, page, at);
	} else {
		sim_counted(disk_sim(disk), SIM_COUNT_SECTOR_DROPPED);
		copy_sector(page->current, page->durable, at);
	}
}

static void settle_page(struct inode *inode, struct page *page)
{
	for (unsigned at = 0; at < PAGE_SECTORS; at++)
		if ((page->dirty | page->lost) & (1U << at))
			settle_sector(inode->disk, page, at);
	if (page->hole)
		count_pages(inode, 1);
	page->dirty = page->lost = 0;
	page->listed = page->hole = false;
	page->next_dirty = NULL;
	sim_give(disk_sim(inode->disk), page->durable, PAGE_BYTES);
	page->durable = NULL;
}

static void settle_size(struct inode *inode)
{
	struct disk *disk = inode->disk;
	struct sim_random *random = &disk->node->disk_random;
	uint64_t low = inode->durable_size, high = inode->size;

	if (low == high)
		return;
	if (!inode->size_dirty || !sim_random_chance(random, disk->faults.keep_ppm))
		inode->size = low;
	else if (low < high && sim_random_below(random, 2))
		inode->size = low + sim_random_below(random, high - low + 1);
}

void pages_power_lost(struct inode *inode)
{
	settle_size(inode);
	for (size_t i = 0; i < inode->leaf_count; i++) {
		if (!inode->leaves[i])
			continue;
		for (size_t at = 0; at < LEAF_PAGES; at++)
			if (inode->leaves[i]->pages[at])
				settle_page(inode, inode->leaves[i]->pages[at]);
	}
	inode->dirty = NULL;
	/* Nothing is behind the end, so that a longer file has zeros there. */
	inode->size_dirty = false;
	inode->durable_size = inode->size;
	write_zeros(inode, inode->size, file_bytes_max);
	pages_sync(inode);
}

void pages_free(struct inode *inode)
{
	for (size_t i = 0; i < inode->leaf_count; i++) {
		for (size_t at = 0; inode->leaves[i] && at < LEAF_PAGES; at++)
			if (inode->leaves[i]->pages[at])
				page_free(inode, inode->leaves[i]->pages[at]);
		free(inode->leaves[i]);
	}
	free(inode->leaves);
	inode->leaves = NULL;
	inode->leaf_count = 0;
	inode->dirty = NULL;
	count_pages(inode, -(int64_t)inode->page_count);
}

uint64_t pages_unsynced_bytes(const struct inode *inode)
{
	uint64_t sectors = 0;

	for (const struct page *page = inode->dirty; page; page = page->next_dirty)
		sectors += (unsigned)__builtin_popcount(page->dirty);
	return sectors * SIM_SECTOR_BYTES;
}
