/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_segment_fuzz.c - bytes that are said to be a segment: read as recovery does. So that it
 * gets behind the checksums, those of the input are mended when its first byte is odd.
 */
#include "store_segment.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "store_replay.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Records of the batch get right checksums. */
static void mend_records(uint8_t *at, size_t size)
{
	while (size >= REPLOG_RECORD_HEAD_BYTES) {
		uint64_t whole = replog_record_bytes(base_load32(at + 4));

		if (whole > size)
			return;
		base_store32(at, base_crc32c(0, at + 4, REPLOG_RECORD_HEAD_BYTES - 4 +
					     (size_t)base_load32(at + 4)));
		at += whole;
		size -= whole;
	}
}

static void mend(uint8_t *bytes, size_t size, uint32_t sector)
{
	struct replog_segment_head head = {
		.nonce = base_load64(bytes + 16),
		.sector_bytes = sector,
	};

	base_store32(bytes + 56, base_crc32c(0, bytes, 56));
	for (uint64_t at = sector; at < size && size - at >= REPLOG_BATCH_HEAD_BYTES;) {
		uint8_t *batch = bytes + at, made[REPLOG_BATCH_HEAD_BYTES];
		uint32_t body = base_load32(batch + 16);
		struct replog_batch one = {at, base_load64(batch + 8), base_load32(batch + 20),
					   {batch + REPLOG_BATCH_HEAD_BYTES, body}};

		if (body > size - at - REPLOG_BATCH_HEAD_BYTES)
			return;
		mend_records(batch + REPLOG_BATCH_HEAD_BYTES, body);
		replog_batch_encode(&head, &one, (struct gw_bytes){NULL, 0}, made);
		memcpy(batch, made, sizeof(made));
		at += replog_batch_bytes(body, sector);
	}
}

static void read_segment(struct gw_bytes in)
{
	struct replog_segment_head head;
	struct replog_replay replay = {0};
	struct replog_batch batch, later;
	struct gw_error error = {0};
	uint64_t offset;

	if (replog_segment_decode("input", in, &head, &error) < 0)
		return;
	for (offset = head.sector_bytes; offset < in.size;
	     offset += replog_batch_bytes(batch.body.size, head.sector_bytes)) {
		if (!replog_batch_decode(&head, in, offset, &batch)) {
			(void)replog_batch_search(&head, in, offset, 1, &later);
			break;
		}
		if (replog_replay_batch(&replay, &batch, &error) < 0)
			break;
		if (replay.count > 0)
			assert(replog_replay_entry(&replay, replay.base + replay.count - 1));
		assert(!replog_replay_entry(&replay, replay.base + replay.count));
	}
	replog_replay_done(&replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;

	if (size < 1 + REPLOG_SEGMENT_HEAD_BYTES)
		return 0;
	bytes = malloc(size - 1);
	assert(bytes);
	memcpy(bytes, data + 1, size - 1);
	if (data[0] & 1) {
		base_store32(bytes + 24, REPLOG_SECTOR_BYTES_MIN);
		mend(bytes, size - 1, REPLOG_SECTOR_BYTES_MIN);
	}
	read_segment((struct gw_bytes){bytes, size - 1});
	free(bytes);
	return 0;
}
