/* SPDX-License-Identifier: Apache-2.0 */
/* store_segment.c - see store_segment.h. */
#include "store_segment.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <inttypes.h>

static bool is_sector(uint32_t bytes)
{
	return bytes >= REPLOG_SECTOR_BYTES_MIN && bytes <= REPLOG_SECTOR_BYTES_MAX &&
	       (bytes & (bytes - 1)) == 0;
}

void replog_segment_encode(const struct replog_segment_head *head,
			   uint8_t out[REPLOG_SEGMENT_HEAD_BYTES])
{
	assert(is_sector(head->sector_bytes));
	base_store32(out, REPLOG_SEGMENT_MAGIC);
	base_store32(out + 4, REPLOG_SEGMENT_VERSION);
	base_store64(out + 8, head->number);
	base_store64(out + 16, head->nonce);
	base_store32(out + 24, head->sector_bytes);
	base_store32(out + 28, 0);
	memcpy(out + 32, head->cluster, REPLOG_CLUSTER_BYTES);
	base_store64(out + 48, head->member);
	base_store32(out + 56, base_crc32c(0, out, 56));
}

int replog_segment_decode(const char *name, struct gw_bytes in, struct replog_segment_head *head,
			  struct gw_error *error)
{
	const uint8_t *at = in.data;

	if (in.size < REPLOG_SEGMENT_HEAD_BYTES || base_load32(at) != REPLOG_SEGMENT_MAGIC)
		return gw_fail(error, GW_E_CORRUPT, "%s: no head of a segment at offset 0", name);
	if (base_load32(at + 4) != REPLOG_SEGMENT_VERSION)
		return gw_fail(error, GW_E_VERSION, "%s: version %u of a segment, not %u", name,
			       base_load32(at + 4), REPLOG_SEGMENT_VERSION);
	if (base_load32(at + 56) != base_crc32c(0, at, 56))
		return gw_fail(error, GW_E_CORRUPT, "%s: wrong checksum of the head at offset 0",
			       name);
	head->number = base_load64(at + 8);
	head->nonce = base_load64(at + 16);
	head->sector_bytes = base_load32(at + 24);
	memcpy(head->cluster, at + 32, REPLOG_CLUSTER_BYTES);
	head->member = base_load64(at + 48);
	if (!is_sector(head->sector_bytes))
		return gw_fail(error, GW_E_CORRUPT, "%s: %u bytes are no sector", name,
			       head->sector_bytes);
	return 0;
}

/* ---- Batches ------------------------------------------------------------------------------ */

/* Where the checksum of a batch begins: at what it has to belong to. */
static uint32_t batch_seed(const struct replog_segment_head *segment, uint64_t offset)
{
	uint8_t place[16];

	base_store64(place, segment->nonce);
	base_store64(place + 8, offset);
	return base_crc32c(0, place, sizeof(place));
}

void replog_batch_encode(const struct replog_segment_head *segment,
			 const struct replog_batch *batch, struct gw_bytes second,
			 uint8_t out[REPLOG_BATCH_HEAD_BYTES])
{
	uint32_t crc;

	assert(batch->offset % segment->sector_bytes == 0 && batch->offset > 0);
	assert(second.size <= UINT32_MAX - batch->body.size);
	base_store32(out, REPLOG_BATCH_MAGIC);
	base_store64(out + 8, batch->sequence);
	base_store32(out + 16, (uint32_t)(batch->body.size + second.size));
	base_store32(out + 20, batch->records);
	crc = base_crc32c(batch_seed(segment, batch->offset), out + 8,
			  REPLOG_BATCH_HEAD_BYTES - 8);
	crc = base_crc32c(crc, batch->body.data, batch->body.size);
	base_store32(out + 4, base_crc32c(crc, second.data, second.size));
}

bool replog_batch_decode(const struct replog_segment_head *segment, struct gw_bytes in,
			 uint64_t offset, struct replog_batch *batch)
{
	const uint8_t *at = (const uint8_t *)in.data + offset;
	uint32_t size;

	assert(offset <= in.size);
	if (in.size - offset < REPLOG_BATCH_HEAD_BYTES || base_load32(at) != REPLOG_BATCH_MAGIC)
		return false;
	size = base_load32(at + 16);
	if (size > in.size - offset - REPLOG_BATCH_HEAD_BYTES)
		return false;
	if (base_load32(at + 4) != base_crc32c(batch_seed(segment, offset), at + 8,
					       REPLOG_BATCH_HEAD_BYTES - 8 + (size_t)size))
		return false;
	batch->offset = offset;
	batch->sequence = base_load64(at + 8);
	batch->records = base_load32(at + 20);
	batch->body = (struct gw_bytes){at + REPLOG_BATCH_HEAD_BYTES, size};
	return true;
}

bool replog_batch_search(const struct replog_segment_head *segment, struct gw_bytes in,
			 uint64_t offset, uint64_t above, struct replog_batch *found)
{
	const uint8_t *bytes = in.data;

	for (; offset < in.size && in.size - offset >= REPLOG_BATCH_HEAD_BYTES;
	     offset += segment->sector_bytes) {
		/* The sequence is looked at first: a checksum is over much. */
		if (base_load32(bytes + offset) == REPLOG_BATCH_MAGIC &&
		    base_load64(bytes + offset + 8) > above &&
		    replog_batch_decode(segment, in, offset, found))
			return true;
	}
	return false;
}

/* ---- Records ------------------------------------------------------------------------------ */

void replog_record_encode(const struct replog_record *record, uint8_t *out)
{
	size_t size = record->entry.data.size;
	size_t end = REPLOG_RECORD_HEAD_BYTES + size;

	assert(record->kind >= REPLOG_RECORD_STATE && record->kind <= REPLOG_RECORD_POSITION);
	assert(size <= UINT32_MAX - REPLOG_RECORD_HEAD_BYTES);
	base_store32(out + 4, (uint32_t)size);
	base_store64(out + 8, record->index);
	base_store64(out + 16, record->entry.term);
	base_store32(out + 24, record->kind);
	base_store32(out + 28, record->entry.kind);
	if (size > 0)
		memcpy(out + REPLOG_RECORD_HEAD_BYTES, record->entry.data.data, size);
	base_store32(out, base_crc32c(0, out + 4, end - 4));
	memset(out + end, 0, replog_record_bytes(size) - end);
}

static int check_record(const struct replog_record *record, size_t offset, struct gw_error *error)
{
	bool right;

	switch (record->kind) {
	case REPLOG_RECORD_STATE:
		right = record->entry.data.size == 0;
		break;
	case REPLOG_RECORD_ENTRY:
		right = record->index > 0 && record->entry.kind <= RAFT_ENTRY_MEMBERS &&
			record->entry.data.size <= RAFT_ENTRY_BYTES_MAX;
		break;
	case REPLOG_RECORD_CLEAR:
	case REPLOG_RECORD_CUT:
	case REPLOG_RECORD_POSITION:
		right = record->index > 0 && record->entry.data.size == 0;
		break;
	default:
		right = false;
	}
	if (right)
		return 1;
	return gw_fail(error, GW_E_CORRUPT,
		       "record at byte %zu of the batch (kind %u, index %" PRIu64
		       "): fields that do not fit", offset, record->kind, record->index);
}

int replog_record_next(struct gw_bytes body, size_t *offset, struct replog_record *record,
		       struct gw_error *error)
{
	const uint8_t *at = (const uint8_t *)body.data + *offset;
	size_t left = body.size - *offset, start = *offset;
	uint32_t size;

	assert(*offset <= body.size);
	if (left == 0)
		return 0;
	if (left < REPLOG_RECORD_HEAD_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "record at byte %zu of the batch is cut",
			       start);
	size = base_load32(at + 4);
	if (replog_record_bytes(size) > left)
		return gw_fail(error, GW_E_CORRUPT, "record at byte %zu of the batch is cut",
			       start);
	record->index = base_load64(at + 8);
	record->entry.term = base_load64(at + 16);
	record->kind = base_load32(at + 24);
	record->entry.kind = base_load32(at + 28);
	record->entry.data = (struct gw_bytes){at + REPLOG_RECORD_HEAD_BYTES, size};
	if (base_load32(at) != base_crc32c(0, at + 4, REPLOG_RECORD_HEAD_BYTES - 4 + (size_t)size))
		return gw_fail(error, GW_E_CORRUPT,
			       "record at byte %zu of the batch (index %" PRIu64
			       "): wrong checksum", start, record->index);
	*offset += replog_record_bytes(size);
	return check_record(record, start, error);
}
