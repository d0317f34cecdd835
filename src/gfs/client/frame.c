/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - frames around records, written and found. */
#include "gfs/client/frame.h"

#include <assert.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

enum { LENGTH_AT = 4, SUM_AT = 8, KIND_AT = 12, WRITER_AT = 16, SEQUENCE_AT = 24 };

static uint32_t sum_of(const uint8_t *frame, size_t data_bytes)
{
	uint32_t sum = base_crc32c(0, frame, SUM_AT);

	return base_crc32c(sum, frame + KIND_AT,
			   GW_GFS_RECORD_FRAME_BYTES - KIND_AT + data_bytes);
}

size_t gfs_frame_put(uint8_t *out, const struct gfs_frame *frame)
{
	assert(frame->data.size <= GFS_FRAME_DATA_MAX);
	memset(out, 0, GW_GFS_RECORD_FRAME_BYTES);
	base_store32(out, GFS_FRAME_MAGIC);
	base_store32(out + LENGTH_AT, (uint32_t)frame->data.size);
	out[KIND_AT] = (uint8_t)frame->kind;
	base_store64(out + WRITER_AT, frame->writer);
	base_store64(out + SEQUENCE_AT, frame->sequence);
	if (frame->data.size > 0)
		memcpy(out + GW_GFS_RECORD_FRAME_BYTES, frame->data.data, frame->data.size);
	base_store32(out + SUM_AT, sum_of(out, frame->data.size));
	return GW_GFS_RECORD_FRAME_BYTES + frame->data.size;
}

/* What is at these bytes. 1: a frame; 0: none; -1: a part of one, perhaps. */
static int look(const uint8_t *at, size_t left, struct gfs_frame *frame)
{
	uint8_t start[LENGTH_AT];
	size_t data_bytes;

	base_store32(start, GFS_FRAME_MAGIC);
	if (memcmp(at, start, left < sizeof(start) ? left : sizeof(start)) != 0)
		return 0;
	if (left < GW_GFS_RECORD_FRAME_BYTES)
		return -1;
	data_bytes = base_load32(at + LENGTH_AT);
	if (data_bytes > GFS_FRAME_DATA_MAX)
		return 0;
	if (data_bytes > left - GW_GFS_RECORD_FRAME_BYTES)
		return -1;
	if (sum_of(at, data_bytes) != base_load32(at + SUM_AT) ||
	    at[KIND_AT] > GFS_FRAME_CHECKPOINT)
		return 0;
	*frame = (struct gfs_frame){
		.kind = at[KIND_AT],
		.writer = base_load64(at + WRITER_AT),
		.sequence = base_load64(at + SEQUENCE_AT),
		.data = {at + GW_GFS_RECORD_FRAME_BYTES, data_bytes},
	};
	return 1;
}

int gfs_frame_find(struct gw_bytes bytes, bool is_end, size_t *at, struct gfs_frame *frame)
{
	const uint8_t *data = bytes.data;

	for (size_t i = *at; i < bytes.size; i++) {
		const uint8_t *next = memchr(data + i, (uint8_t)GFS_FRAME_MAGIC, bytes.size - i);
		int found;

		if (!next)
			break;
		i = (size_t)(next - data);
		found = look(next, bytes.size - i, frame);
		if (found == 1 || (found < 0 && !is_end)) {
			*at = i;
			return found == 1;
		}
	}
	*at = bytes.size;
	return 0;
}
