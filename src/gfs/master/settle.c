/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle.c - see settle.h.
 */
#include "gfs/master/settle.h"

#include <assert.h>

static bool is_in(uint32_t which, uint32_t i)
{
	return which >> i & 1;
}

uint32_t gfs_settle_newest(const struct gfs_settle_replica *replicas, uint32_t count)
{
	uint64_t version = 0;
	uint32_t which = 0;

	assert(count <= 32);
	for (uint32_t i = 0; i < count; i++)
		if (replicas[i].version > version)
			version = replicas[i].version;
	for (uint32_t i = 0; i < count; i++)
		if (replicas[i].version == version)
			which |= UINT32_C(1) << i;
	return which;
}

uint64_t gfs_settle_length(const struct gfs_settle_replica *replicas, uint32_t count,
			   uint32_t which)
{
	uint64_t length = UINT64_MAX;

	assert(which != 0);
	for (uint32_t i = 0; i < count; i++)
		if (is_in(which, i) && replicas[i].length < length)
			length = replicas[i].length;
	return length;
}

/* An acknowledged sync was one of all: it is within the least that any of them knows of, and, if
 * they speak the truth, within what all have. */
static uint64_t synced_by_all(const struct gfs_settle_replica *replicas, uint32_t count,
			      uint32_t which, uint64_t length)
{
	uint64_t synced = length;

	for (uint32_t i = 0; i < count; i++)
		if (is_in(which, i) && replicas[i].synced < synced)
			synced = replicas[i].synced;
	return synced;
}

static bool is_alike(const struct gfs_settle_replica *a, const struct gfs_settle_replica *b,
		     uint32_t from)
{
	if (!a->crcs || !b->crcs || a->crc_count != b->crc_count)
		return false;
	for (uint32_t i = from; i < a->crc_count; i++)
		if (a->crcs[i] != b->crcs[i])
			return false;
	return true;
}

/* The first block from `from` on in which two of them differ. */
static uint32_t first_unlike(const struct gfs_settle_replica *replicas, uint32_t count,
			     uint32_t which, uint32_t from, uint32_t blocks)
{
	const struct gfs_settle_replica *first = &replicas[__builtin_ctz(which)];

	for (uint32_t block = from; block < blocks; block++)
		for (uint32_t i = 0; i < count; i++)
			if (is_in(which, i) && replicas[i].crcs[block] != first->crcs[block])
				return block;
	return blocks;
}

uint64_t gfs_settle_common(const struct gfs_settle_replica *replicas, uint32_t count,
			   uint32_t which, uint64_t length)
{
	uint64_t synced = synced_by_all(replicas, count, which, length), common;
	uint32_t blocks = (uint32_t)((length + GFS_BLOCK_BYTES - 1) / GFS_BLOCK_BYTES), unlike;

	assert(which != 0);
	for (uint32_t i = 0; i < count; i++)
		assert(!is_in(which, i) || (replicas[i].crc_count == blocks &&
					    (blocks == 0 || replicas[i].crcs)));
	unlike = first_unlike(replicas, count, which, (uint32_t)(synced / GFS_BLOCK_BYTES), blocks);
	if (unlike == blocks)
		return length;
	common = (uint64_t)unlike * GFS_BLOCK_BYTES;
	return common > synced ? common : synced;
}

uint32_t gfs_settle_alike(const struct gfs_settle_replica *replicas, uint32_t count,
			  uint32_t which)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t alike = 0;

		for (uint32_t j = 0; j < count; j++)
			if (is_in(which, i) && is_in(which, j) &&
			    (i == j || is_alike(&replicas[i], &replicas[j], 0)))
				alike |= UINT32_C(1) << j;
		if (__builtin_popcount(alike) > __builtin_popcount(best))
			best = alike;
	}
	return best;
}
