/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_read.c - bytes of a chunk, each checked before it is given out. */
#include "store_inside.h"

#include "base/crc32c.h"
#include "io/rare.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

int chunk_data_open(struct chunk *chunk, bool make, struct gw_error *error)
{
	char path[CHUNK_PATH_MAX];
	int result;

	if (chunk->data)
		return 0;
	chunk_path(chunk, CHUNK_FILE_DATA, path);
	result = task_disk_open(path, IO_READ | IO_WRITE | (make ? IO_CREATE : 0), &chunk->data,
				error);
	if (result == GW_E_NOT_FOUND && !make)
		return 0;
	if (result < 0)
		return result;
	if (make)
		chunk->data_is_new = true;
	return task_disk_size(chunk->data, &chunk->written_end, error);
}

int chunk_mismatch(const struct chunk *chunk, uint32_t block, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT,
		       "chunk %" PRIx64 " version %" PRIu64 ": checksum mismatch in block %u",
		       chunk->handle, chunk->version, block);
}

/* Where the file has nothing there are zeros. */
static int read_zeros_behind(struct chunk *chunk, uint64_t offset, uint8_t *buffer, size_t size,
			     struct gw_error *error)
{
	int result = 0;

	if (chunk->data)
		result = task_disk_read(chunk->data, buffer, size, offset, error);
	if (result < 0)
		return result;
	memset(buffer + result, 0, size - (size_t)result);
	return 0;
}

int chunk_read_block(struct chunk *chunk, uint32_t block, uint64_t length, uint32_t crc,
		     uint8_t *buffer, struct gw_error *error)
{
	uint32_t bytes = chunk_block_bytes(length, block);
	int result = read_zeros_behind(chunk, (uint64_t)block * GFS_BLOCK_BYTES, buffer, bytes,
				       error);

	if (result < 0)
		return result;
	return base_crc32c(0, buffer, bytes) == crc ? 0 : chunk_mismatch(chunk, block, error);
}

/* What is to be read, and what was known when the reading began. */
struct range {
	uint64_t offset, length; /* of the chunk */
	uint32_t bytes, first, count;
	uint8_t *buffer;
	uint32_t *crcs;
};

/* The checksum of the part of a block that was asked for. */
static void piece_crc(const struct range *range, uint32_t i, uint32_t of_block)
{
	uint64_t start = (uint64_t)(range->first + i) * GFS_BLOCK_BYTES;
	uint64_t from = start > range->offset ? start : range->offset;
	uint64_t to = start + chunk_block_bytes(range->length, range->first + i);

	if (!range->crcs)
		return;
	if (to > range->offset + range->bytes)
		to = range->offset + range->bytes;
	if (from == start && to == start + chunk_block_bytes(range->length, range->first + i))
		range->crcs[i] = of_block;
	else
		range->crcs[i] = base_crc32c(
			0, range->buffer + (from - (uint64_t)range->first * GFS_BLOCK_BYTES),
			(size_t)(to - from));
}

/* To what there is now; false: nothing. */
static bool bound(const struct chunk *chunk, struct range *range)
{
	range->length = chunk->state.length;
	if (range->offset >= range->length)
		range->bytes = 0;
	else if (range->bytes > range->length - range->offset)
		range->bytes = (uint32_t)(range->length - range->offset);
	range->count = range->bytes ? chunk_blocks_of(range->offset, range->bytes) : 0;
	return range->bytes > 0;
}

static int read_checked(struct chunk *chunk, struct range *range, struct gw_error *error)
{
	uint64_t start = (uint64_t)range->first * GFS_BLOCK_BYTES, end;
	uint32_t crcs[CHUNK_READ_BYTES_MAX / GFS_BLOCK_BYTES + 1];
	int result;

	if (!bound(chunk, range))
		return 0;
	end = range->length;
	assert(range->count <= sizeof(crcs) / sizeof(crcs[0]));
	memcpy(crcs, chunk->state.crcs + range->first, range->count * sizeof(crcs[0]));
	if (end > start + (uint64_t)range->count * GFS_BLOCK_BYTES)
		end = start + (uint64_t)range->count * GFS_BLOCK_BYTES;
	result = read_zeros_behind(chunk, start, range->buffer, (size_t)(end - start), error);
	for (uint32_t i = 0; i < range->count && result == 0; i++) {
		uint32_t bytes = chunk_block_bytes(range->length, range->first + i);
		const uint8_t *at = range->buffer + (size_t)i * GFS_BLOCK_BYTES;

		if (base_crc32c(0, at, bytes) != crcs[i] &&
		    !IO_BUG(chunk->store->io, "gfs.read-unchecked"))
			result = chunk_mismatch(chunk, range->first + i, error);
		else
			piece_crc(range, i, crcs[i]);
	}
	return result;
}

/* A block that is being overwritten has neither its old nor its new bytes for a moment: then once
 * more, when nothing is under way. */
static int read_between_writes(struct chunk *chunk, struct range *range,
			       struct gw_error *error)
{
	uint64_t overwrites = chunk->overwrites;
	bool is_busy = chunk->is_overwriting;
	int result = read_checked(chunk, range, error);

	if (result != GW_E_CORRUPT ||
	    (!is_busy && !chunk->is_overwriting && chunk->overwrites == overwrites))
		return result;
	IO_PROBE(chunk->store->io, "gfs.read-again");
	result = gw_lock(&chunk->lock, GW_FOREVER);
	if (result < 0)
		return gw_fail(error, result, "%s", gw_code_text(result));
	result = read_checked(chunk, range, error);
	gw_unlock(&chunk->lock);
	return result;
}

int chunk_read(struct chunk *chunk, uint64_t offset, uint32_t bytes, uint8_t *buffer,
	       struct gw_bytes *out, uint32_t *crcs, struct gw_error *error)
{
	struct range range = {.offset = offset, .bytes = bytes, .buffer = buffer, .crcs = crcs,
			      .first = (uint32_t)(offset / GFS_BLOCK_BYTES)};
	int result;

	assert(bytes <= CHUNK_READ_BYTES_MAX);
	*out = (struct gw_bytes){buffer, 0};
	result = chunk_hold(chunk, error);
	if (result < 0)
		return result;
	result = read_between_writes(chunk, &range, error);
	if (range.bytes > 0)
		*out = (struct gw_bytes){buffer + offset % GFS_BLOCK_BYTES, range.bytes};
	if (result == GW_E_CORRUPT)
		chunk->is_bad = chunk->is_changed = true;
	chunk_disk_failed(chunk, result);
	chunk_release(chunk);
	return result;
}

int chunk_checksums(struct chunk *chunk, uint64_t length, uint32_t *crcs, struct gw_error *error)
{
	uint32_t last = (uint32_t)(length / GFS_BLOCK_BYTES), rest = length % GFS_BLOCK_BYTES;
	uint8_t *buffer = malloc(GFS_BLOCK_BYTES);
	int result = buffer ? chunk_hold(chunk, error) :
			      gw_fail(error, GW_E_NO_MEMORY, "out of memory");

	if (result < 0) {
		free(buffer);
		return result;
	}
	if (length > chunk->state.length)
		result = gw_fail(error, GW_E_INVALID, "it has %llu bytes, not %llu",
				 (unsigned long long)chunk->state.length,
				 (unsigned long long)length);
	if (result == 0 && last > 0)
		memcpy(crcs, chunk->state.crcs, last * sizeof(*crcs));
	if (result == 0 && rest > 0)
		result = chunk_read_block(chunk, last, chunk->state.length,
					  chunk->state.crcs[last], buffer, error);
	if (result == 0 && rest > 0)
		crcs[last] = base_crc32c(0, buffer, rest);
	if (result == GW_E_CORRUPT)
		chunk->is_bad = chunk->is_changed = true;
	chunk_disk_failed(chunk, result);
	chunk_release(chunk);
	free(buffer);
	return result;
}
