/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_fault.c - what can be wrong with a disk, by chance or by order (sim.h).
 */
#include "disk.h"

#include <errno.h>

struct sim_disk *sim_disk(struct sim_node *node)
{
	return &node->disk->faults;
}

/* ---- Errors and lies ----------------------------------------------------------------- */

void sim_disk_fail_at(struct sim_node *node, uint32_t mask, uint64_t n, uint64_t times,
		      int os_error)
{
	assert(n == 0 || os_error > 0);
	node->disk->fail = (struct fail_rule){mask, n, times ? times : UINT64_MAX, os_error};
}

static int fail_by_rule(struct fail_rule *rule, enum io_operation operation)
{
	assert(operation < IO_OPERATIONS);
	if (rule->wait == 0 || !(rule->mask & (1U << operation)))
		return 0;
	if (rule->wait > 1) {
		rule->wait--;
		return 0;
	}
	if (rule->times != UINT64_MAX && --rule->times == 0)
		rule->wait = 0;
	return rule->os_error;
}

static uint32_t error_chance(const struct sim_disk *faults, enum io_operation operation)
{
	switch (operation) {
	case IO_OPERATION_PREADV:
		return faults->read_error_ppm;
	case IO_OPERATION_PWRITEV:
		return faults->write_error_ppm;
	case IO_OPERATION_SYNC:
	case IO_OPERATION_SYNC_DIRECTORY:
		return faults->sync_error_ppm;
	default:
		return 0;
	}
}

int disk_fault(struct disk *disk, enum io_operation operation)
{
	int os_error = fail_by_rule(&disk->fail, operation);

	if (!os_error && sim_random_chance(&disk->node->disk_random,
					   error_chance(&disk->faults, operation)))
		os_error = EIO;
	if (os_error)
		sim_counted(disk_sim(disk), SIM_COUNT_DISK_ERROR);
	return os_error;
}

/* Counts down; whether this is the one. */
static bool is_the_nth(uint64_t *wait)
{
	return *wait > 0 && --*wait == 0;
}

void sim_disk_lie_at(struct sim_node *node, uint64_t n)
{
	node->disk->lie_wait = n;
}

bool disk_sync_lies(struct disk *disk)
{
	if (!is_the_nth(&disk->lie_wait) &&
	    !sim_random_chance(&disk->node->disk_random, disk->faults.sync_lie_ppm))
		return false;
	sim_counted(disk_sim(disk), SIM_COUNT_SYNC_LIED);
	return true;
}

/* ---- Bytes that are wrong ------------------------------------------------------------ */

void sim_disk_misdirect_at(struct sim_node *node, uint64_t n)
{
	node->disk->misdirect_wait = n;
}

bool disk_is_misdirected(struct disk *disk)
{
	return is_the_nth(&disk->misdirect_wait) ||
	       sim_random_chance(&disk->node->disk_random, disk->faults.misdirect_ppm);
}

/* Any file that has bytes, each as likely; NULL when there is none. */
static struct inode *any_file(struct disk *disk)
{
	struct inode *chosen = NULL;
	uint64_t seen = 0;

	for (struct inode *inode = disk->inodes; inode; inode = inode->next)
		if (inode->type == INODE_FILE && inode->size > 0 &&
		    sim_random_below(&disk->node->disk_random, ++seen) == 0)
			chosen = inode;
	return chosen;
}

void disk_write_astray(struct disk *disk, const uint8_t *data, size_t size)
{
	struct inode *inode = any_file(disk);
	uint64_t offset;

	sim_counted(disk_sim(disk), SIM_COUNT_MISDIRECT);
	if (!inode)
		return;
	offset = sim_random_below(&disk->node->disk_random, inode->size);
	offset -= offset % SIM_SECTOR_BYTES;
	if (size > inode->size - offset)
		size = (size_t)(inode->size - offset);
	pages_write(inode, offset, data, size);
	pages_settle(inode, offset, size);
}

static void flip(struct inode *inode, uint64_t offset, uint8_t bit)
{
	struct page *page = page_find(inode, offset / PAGE_BYTES, true);

	assert(offset < inode->size);
	page->current[offset % PAGE_BYTES] ^= (uint8_t)(1U << (bit % 8));
	if (page->durable)
		page->durable[offset % PAGE_BYTES] ^= (uint8_t)(1U << (bit % 8));
	sim_counted(disk_sim(inode->disk), SIM_COUNT_ROT);
	trace_add(disk_sim(inode->disk), inode->disk->node, TRACE_FAULT, "a bit rots at",
		  (int64_t)offset, bit % 8);
}

void disk_rot_range(struct inode *inode, uint64_t offset, uint64_t size)
{
	struct sim_random *random = &inode->disk->node->disk_random;

	assert(size > 0);
	offset += sim_random_below(random, size);
	flip(inode, offset, (uint8_t)sim_random_below(random, 8));
}

static struct inode *file_at(struct disk *disk, const char *path)
{
	struct place place;

	if (names_find(disk, path, &place) || !place.inode || place.inode->type != INODE_FILE)
		return NULL;
	return place.inode;
}

bool sim_disk_rot(struct sim_node *node, const char *path, uint64_t offset, uint8_t bit)
{
	struct inode *inode = path ? file_at(node->disk, path) : any_file(node->disk);

	if (!inode || inode->size == 0 || (path && offset >= inode->size))
		return false;
	flip(inode, offset % inode->size, bit);
	return true;
}

bool sim_disk_damage(struct sim_node *node, const char *path, uint64_t offset, uint64_t size)
{
	struct inode *inode = file_at(node->disk, path);

	if (!inode || offset >= inode->size)
		return false;
	if (size > inode->size - offset)
		size = inode->size - offset;
	for (uint64_t at = offset - offset % SIM_SECTOR_BYTES; at < offset + size;
	     at += SIM_SECTOR_BYTES)
		page_find(inode, at / PAGE_BYTES, true)->damaged |=
			(uint8_t)(1U << (at % PAGE_BYTES / SIM_SECTOR_BYTES));
	trace_add(node->sim, node, TRACE_FAULT, "sectors die at", (int64_t)offset, (int64_t)size);
	return true;
}

void sim_disk_wipe(struct sim_node *node)
{
	assert(!sim_node_is_up(node));
	trace_add(node->sim, node, TRACE_FAULT, "gets another disk", 0, 0);
	names_free_all(node->disk);
	disk_start(node->disk);
}

void sim_disk_swap(struct sim_node *one, struct sim_node *other)
{
	struct disk *disk = one->disk;

	assert(!sim_node_is_up(one) && !sim_node_is_up(other));
	trace_add(one->sim, one, TRACE_FAULT, "gets the disk of", (int64_t)other->index, 0);
	one->disk = other->disk;
	other->disk = disk;
	one->disk->node = one;
	other->disk->node = other;
}

/* ---- For checkers -------------------------------------------------------------------- */

uint64_t sim_disk_unsynced_bytes(struct sim_node *node)
{
	uint64_t bytes = 0;

	for (const struct inode *inode = node->disk->inodes; inode; inode = inode->next)
		bytes += pages_unsynced_bytes(inode);
	return bytes;
}

int64_t sim_disk_peek(struct sim_node *node, const char *path, uint64_t offset, void *data,
		      size_t size)
{
	struct inode *inode = file_at(node->disk, path);

	if (!inode)
		return GW_E_NOT_FOUND;
	if (offset >= inode->size)
		return 0;
	if (size > inode->size - offset)
		size = (size_t)(inode->size - offset);
	if (pages_read(inode, offset, (uint8_t *)data, size) < 0)
		return GW_E_IO;
	return (int64_t)size;
}
