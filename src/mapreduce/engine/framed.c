/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framed.c - headers, checksums and masks of frames; see framed.h for the format.
 */
#include "framed.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>

enum {
	AT_VERSION = 4,
	AT_CODEC = 5,
	AT_MASK = 6,
	AT_PAYLOAD_SIZE = 8,
	AT_PAIRS = 12,
	AT_CHECKSUM = 16,
	PAIR_SIZE_MIN = 2, /* two sizes of 0 */
	CHUNK_SIZE = 4096, /* of a payload that is looked at under a mask */
};

static const uint8_t magic[MR_FRAME_MAGIC_SIZE] = {0xf7, 'G', 'W', 'F'};

int mr_frame_read_header(const void *data, size_t size, struct mr_frame *frame,
			 struct gw_error *error)
{
	const uint8_t *header = data;
	size_t looked_at = size < sizeof magic ? size : sizeof magic;

	assert(data);
	if (memcmp(header, magic, looked_at) != 0)
		return gw_fail(error, GW_E_CORRUPT, "no frame of pairs begins here");
	if (size < MR_FRAME_HEADER_SIZE)
		return gw_fail(error, GW_E_TRUNCATED, "ends inside the header of a frame");
	if (header[AT_VERSION] != MR_FRAME_VERSION)
		return gw_fail(error, GW_E_VERSION, "frame of version %u, only version %d is known",
			       header[AT_VERSION], MR_FRAME_VERSION);
	if (header[AT_CODEC] != 0)
		return gw_fail(error, GW_E_VERSION, "frame with codec %u, only codec 0 is known",
			       header[AT_CODEC]);
	frame->mask = base_load16(header + AT_MASK);
	frame->payload_size = base_load32(header + AT_PAYLOAD_SIZE);
	frame->pairs = base_load32(header + AT_PAIRS);
	frame->checksum = base_load32(header + AT_CHECKSUM);
	if (frame->pairs == 0 || frame->pairs > frame->payload_size / PAIR_SIZE_MIN)
		return gw_fail(error, GW_E_CORRUPT, "frame of %u bytes cannot have %u pairs",
			       frame->payload_size, frame->pairs);
	return 0;
}

uint32_t mr_frame_checksum_begin(const void *header)
{
	return base_crc32c(0, (const uint8_t *)header + AT_VERSION, AT_CHECKSUM - AT_VERSION);
}

int mr_frame_check(const void *data, size_t size, struct mr_frame *frame, struct gw_error *error)
{
	const uint8_t *header = data;
	int result = mr_frame_read_header(data, size, frame, error);

	if (result < 0)
		return result;
	if (frame->payload_size > size - MR_FRAME_HEADER_SIZE)
		return gw_fail(error, GW_E_TRUNCATED, "ends inside a frame of %u bytes",
			       frame->payload_size);
	if (base_crc32c(mr_frame_checksum_begin(header), header + MR_FRAME_HEADER_SIZE,
			frame->payload_size) != frame->checksum)
		return gw_fail(error, GW_E_CORRUPT, "checksum mismatch in a frame of %u bytes",
			       frame->payload_size);
	return 0;
}

size_t mr_frame_find_magic(const void *data, size_t size, size_t from)
{
	const uint8_t *begin = data, *end = begin + size;

	assert(from <= size);
	while (size - from >= sizeof magic) {
		/* The first byte occurs in no UTF-8 text, so memchr does all the work. */
		const uint8_t *at = memchr(begin + from, magic[0], size - from);

		if (!at || (size_t)(end - at) < sizeof magic)
			break;
		if (memcmp(at, magic, sizeof magic) == 0)
			return (size_t)(at - begin);
		from = (size_t)(at - begin) + 1;
	}
	return size;
}

void mr_frame_mask(void *data, size_t size, uint16_t mask, size_t position)
{
	uint8_t *bytes = data;
	const uint8_t parts[2] = {(uint8_t)mask, (uint8_t)(mask >> 8)};

	if (mask == 0)
		return;
	for (size_t i = 0; i < size; i++)
		bytes[i] ^= parts[(position + i) % 2];
}

/* Goes over the payload as it is stored under mask, in chunks that overlap by the size of the magic
 * less one. */
struct masked_walk {
	const struct gw_bytes *parts;
	size_t count, part, offset; /* where in the parts */
	size_t position;            /* in the payload */
	uint16_t mask;
	uint8_t chunk[CHUNK_SIZE];
	size_t kept, size; /* bytes of the chunk before, and of all the chunk */
};

static bool next_chunk(struct masked_walk *walk)
{
	assert(walk->size <= CHUNK_SIZE && walk->part <= walk->count);
	assert(walk->part == walk->count || walk->offset <= walk->parts[walk->part].size);
	walk->kept = walk->size < sizeof magic - 1 ? walk->size : sizeof magic - 1;
	memmove(walk->chunk, walk->chunk + walk->size - walk->kept, walk->kept);
	walk->size = walk->kept;
	while (walk->part < walk->count && walk->size < CHUNK_SIZE) {
		const struct gw_bytes *part = &walk->parts[walk->part];
		size_t step = part->size - walk->offset;

		if (step > CHUNK_SIZE - walk->size)
			step = CHUNK_SIZE - walk->size;
		if (step)
			memcpy(walk->chunk + walk->size, (const uint8_t *)part->data + walk->offset,
			       step);
		mr_frame_mask(walk->chunk + walk->size, step, walk->mask, walk->position);
		assert(step <= CHUNK_SIZE - walk->size && step <= part->size - walk->offset);
		walk->size += step;
		walk->offset += step;
		walk->position += step;
		if (walk->offset == part->size) {
			walk->part++;
			walk->offset = 0;
		}
	}
	return walk->size > walk->kept;
}

static bool has_magic(const struct gw_bytes *parts, size_t count, uint16_t mask)
{
	struct masked_walk walk = {.parts = parts, .count = count, .mask = mask};

	if (count == 1 && mask == 0)
		return mr_frame_find_magic(parts[0].data, parts[0].size, 0) < parts[0].size;
	while (next_chunk(&walk)) {
		if (mr_frame_find_magic(walk.chunk, walk.size, 0) < walk.size)
			return true;
	}
	return false;
}

/* 0 for nearly every payload. */
static uint16_t choose_mask(const struct gw_bytes *parts, size_t count)
{
	if (!has_magic(parts, count, 0))
		return 0;
	for (uint32_t i = 1; i <= UINT16_MAX; i++) {
		/* An odd factor makes all masks come, the good ones early. */
		uint16_t mask = (uint16_t)(i * 0x9e37);

		if (!has_magic(parts, count, mask))
			return mask;
	}
	return 0;
}

static uint32_t checksum_masked(uint32_t checksum, const struct gw_bytes *parts, size_t count,
				uint16_t mask)
{
	struct masked_walk walk = {.parts = parts, .count = count, .mask = mask};

	if (mask == 0) {
		for (size_t i = 0; i < count; i++)
			checksum = base_crc32c(checksum, parts[i].data, parts[i].size);
		return checksum;
	}
	while (next_chunk(&walk))
		checksum = base_crc32c(checksum, walk.chunk + walk.kept, walk.size - walk.kept);
	return checksum;
}

uint16_t mr_frame_make_header(uint8_t header[MR_FRAME_HEADER_SIZE], const struct gw_bytes *parts,
			      size_t count, uint32_t pairs)
{
	uint16_t mask = choose_mask(parts, count);
	size_t size = 0;

	for (size_t i = 0; i < count; i++) {
		assert(parts[i].size <= UINT32_MAX - size);
		size += parts[i].size;
	}
	assert(pairs > 0 && pairs <= size / PAIR_SIZE_MIN);
	memcpy(header, magic, sizeof magic);
	header[AT_VERSION] = MR_FRAME_VERSION;
	header[AT_CODEC] = 0;
	base_store16(header + AT_MASK, mask);
	base_store32(header + AT_PAYLOAD_SIZE, (uint32_t)size);
	base_store32(header + AT_PAIRS, pairs);
	base_store32(header + AT_CHECKSUM,
		     checksum_masked(mr_frame_checksum_begin(header), parts, count, mask));
	return mask;
}

void mr_frame_unmask(void *data, struct mr_frame *frame)
{
	uint8_t *header = data;
	uint8_t *payload = header + MR_FRAME_HEADER_SIZE;

	assert(memcmp(header, magic, sizeof magic) == 0 && frame->pairs > 0);
	mr_frame_mask(payload, frame->payload_size, frame->mask, 0);
	frame->mask = 0;
	base_store16(header + AT_MASK, 0);
	frame->checksum = base_crc32c(mr_frame_checksum_begin(header), payload,
				      frame->payload_size);
	base_store32(header + AT_CHECKSUM, frame->checksum);
}
