/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - see record.h. */
#include "gfs/chunkserver/record.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>

enum {
	HEAD_BYTES = 16,
	STATE_BYTES = 16 + CHUNK_BOOT_ID_BYTES,
	WRITE_BYTES = 40,
	PAD_BYTES = 8,
	TABLE_BYTES = 8,
	COMPLETION_BYTES = 32,
};

/* ---- Writing --------------------------------------------------------------------------------- */

static size_t body_bytes(const struct chunk_record *record)
{
	switch (record->kind) {
	case CHUNK_RECORD_HEAD:
		return HEAD_BYTES;
	case CHUNK_RECORD_STATE:
		return STATE_BYTES;
	case CHUNK_RECORD_WRITE:
		return WRITE_BYTES + 4 * (size_t)record->crc_count +
		       (record->data ? record->bytes : 0);
	case CHUNK_RECORD_PAD:
		return PAD_BYTES;
	case CHUNK_RECORD_TABLE:
	case CHUNK_RECORD_CUT:
		return TABLE_BYTES + 4 * (size_t)record->crc_count;
	case CHUNK_RECORD_COMPLETION:
		return COMPLETION_BYTES;
	case CHUNK_RECORD_FILL:
		return record->bytes;
	default:
		assert(record->kind == CHUNK_RECORD_SYNCED);
		return 0;
	}
}

static void put_write(uint8_t *out, const struct chunk_record *record)
{
	assert(record->bytes > 0);
	assert(record->crc_count == chunk_blocks_of(record->offset, record->bytes));
	base_store64(out, record->offset);
	base_store32(out + 8, record->bytes);
	base_store32(out + 12, record->data != NULL);
	base_store64(out + 16, record->completion.writer);
	base_store64(out + 24, record->completion.sequence);
	base_store64(out + 32, record->first_unanswered);
	memcpy(out + WRITE_BYTES, record->crcs, 4 * (size_t)record->crc_count);
	if (record->data)
		memcpy(out + WRITE_BYTES + 4 * (size_t)record->crc_count, record->data,
		       record->bytes);
}

static void put_body(uint8_t *out, const struct chunk_record *record)
{
	switch (record->kind) {
	case CHUNK_RECORD_HEAD:
		base_store32(out, CHUNK_RECORD_MAGIC);
		base_store16(out + 4, CHUNK_RECORD_VERSION);
		out[6] = record->chunk_log2;
		base_store64(out + 8, record->handle);
		break;
	case CHUNK_RECORD_STATE:
		base_store64(out, record->version);
		out[8] = record->is_open;
		memcpy(out + 16, record->boot_id, CHUNK_BOOT_ID_BYTES);
		break;
	case CHUNK_RECORD_WRITE:
		put_write(out, record);
		break;
	case CHUNK_RECORD_PAD:
		base_store64(out, record->length);
		break;
	case CHUNK_RECORD_TABLE:
	case CHUNK_RECORD_CUT:
		base_store64(out, record->length);
		if (record->crc_count > 0)
			memcpy(out + TABLE_BYTES, record->crcs, 4 * (size_t)record->crc_count);
		break;
	case CHUNK_RECORD_COMPLETION:
		base_store64(out, record->completion.writer);
		base_store64(out + 8, record->completion.sequence);
		base_store64(out + 16, record->completion.offset);
		base_store32(out + 24, record->completion.bytes);
		out[28] = record->completion.kind;
		break;
	}
}

int chunk_record_put(struct base_buffer *buffer, const struct chunk_record *record, uint32_t *crc,
		     struct gw_error *error)
{
	size_t body = body_bytes(record);
	int result = base_buffer_reserve(buffer, CHUNK_RECORD_HEAD_BYTES + body, error);
	uint8_t *out;

	assert(body <= CHUNK_RECORD_BODY_MAX);
	if (result < 0)
		return result;
	out = buffer->data + buffer->size;
	memset(out, 0, CHUNK_RECORD_HEAD_BYTES + (record->data ? WRITE_BYTES : body));
	base_store32(out + 4, (uint32_t)body);
	out[8] = record->kind;
	out[9] = record->position;
	put_body(out + CHUNK_RECORD_HEAD_BYTES, record);
	*crc = base_crc32c(*crc, out + 4, CHUNK_RECORD_HEAD_BYTES - 4 + body);
	base_store32(out, *crc);
	buffer->size += CHUNK_RECORD_HEAD_BYTES + body;
	return 0;
}

int chunk_record_fill(struct base_buffer *buffer, uint64_t before, uint32_t *crc,
		      struct gw_error *error)
{
	uint64_t end = before + buffer->size + CHUNK_RECORD_HEAD_BYTES;
	struct chunk_record record = {.kind = CHUNK_RECORD_FILL, .position = CHUNK_BATCH_LAST};

	record.bytes = (uint32_t)((CHUNK_SECTOR_BYTES - end % CHUNK_SECTOR_BYTES) %
				  CHUNK_SECTOR_BYTES);
	return chunk_record_put(buffer, &record, crc, error);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

static bool get_head(const uint8_t *in, size_t size, struct chunk_record *record)
{
	if (size != HEAD_BYTES)
		return false;
	record->chunk_log2 = in[6];
	record->handle = base_load64(in + 8);
	return in[7] == 0 && record->handle != 0 &&
	       record->chunk_log2 >= GFS_CHUNK_LOG2_MIN && record->chunk_log2 <= GFS_CHUNK_LOG2_MAX;
}

static bool get_state(const uint8_t *in, size_t size, struct chunk_record *record)
{
	if (size != STATE_BYTES || in[8] > 1 || !all_zero(in + 9, 7))
		return false;
	record->version = base_load64(in);
	record->is_open = in[8];
	record->boot_id = in + 16;
	return true;
}

static bool get_write(const uint8_t *in, size_t size, struct chunk_record *record)
{
	uint32_t flags;
	size_t crc_bytes;

	if (size < WRITE_BYTES)
		return false;
	record->offset = base_load64(in);
	record->bytes = base_load32(in + 8);
	flags = base_load32(in + 12);
	record->completion.writer = base_load64(in + 16);
	record->completion.sequence = base_load64(in + 24);
	record->first_unanswered = base_load64(in + 32);
	if (flags > 1 || record->bytes == 0 || record->offset > UINT64_C(1) << GFS_CHUNK_LOG2_MAX ||
	    record->bytes > (UINT64_C(1) << GFS_CHUNK_LOG2_MAX) - record->offset)
		return false;
	record->crc_count = chunk_blocks_of(record->offset, record->bytes);
	crc_bytes = 4 * (size_t)record->crc_count;
	if (size - WRITE_BYTES != crc_bytes + (flags ? record->bytes : 0))
		return false;
	record->crcs = in + WRITE_BYTES;
	record->data = flags ? in + WRITE_BYTES + crc_bytes : NULL;
	return true;
}

static bool get_table(const uint8_t *in, size_t size, struct chunk_record *record)
{
	if (size < TABLE_BYTES)
		return false;
	record->length = base_load64(in);
	record->crcs = in + TABLE_BYTES;
	if (record->length > UINT64_C(1) << GFS_CHUNK_LOG2_MAX)
		return false;
	if (record->kind == CHUNK_RECORD_CUT)
		record->crc_count = record->length % GFS_BLOCK_BYTES != 0;
	else
		record->crc_count = record->length ? chunk_blocks_of(0, record->length) : 0;
	return size - TABLE_BYTES == 4 * (size_t)record->crc_count;
}

static bool get_completion(const uint8_t *in, size_t size, struct chunk_record *record)
{
	struct chunk_completion *completion = &record->completion;

	if (size != COMPLETION_BYTES || !all_zero(in + 29, 3))
		return false;
	completion->writer = base_load64(in);
	completion->sequence = base_load64(in + 8);
	completion->offset = base_load64(in + 16);
	completion->bytes = base_load32(in + 24);
	completion->kind = in[28];
	return completion->writer != 0 && completion->kind <= CHUNK_FENCED;
}

static bool get_body(const uint8_t *in, size_t size, struct chunk_record *record)
{
	switch (record->kind) {
	case CHUNK_RECORD_HEAD:
		return get_head(in, size, record);
	case CHUNK_RECORD_STATE:
		return get_state(in, size, record);
	case CHUNK_RECORD_SYNCED:
		return size == 0;
	case CHUNK_RECORD_WRITE:
		return get_write(in, size, record);
	case CHUNK_RECORD_PAD:
		record->length = size == PAD_BYTES ? base_load64(in) : 0;
		return size == PAD_BYTES;
	case CHUNK_RECORD_TABLE:
	case CHUNK_RECORD_CUT:
		return get_table(in, size, record);
	case CHUNK_RECORD_COMPLETION:
		return get_completion(in, size, record);
	case CHUNK_RECORD_FILL:
		record->bytes = (uint32_t)size;
		return size < CHUNK_SECTOR_BYTES && all_zero(in, size);
	default:
		return false;
	}
}

static int check_version(const char *name, const uint8_t *in, size_t size, struct gw_error *error)
{
	if (size < 8 || base_load32(in) != CHUNK_RECORD_MAGIC)
		return gw_fail(error, GW_E_CORRUPT, "%s: not the log of a chunk", name);
	if (base_load16(in + 4) != CHUNK_RECORD_VERSION)
		return gw_fail(error, GW_E_VERSION, "%s: version %u of a chunk's log, not %u", name,
			       base_load16(in + 4), CHUNK_RECORD_VERSION);
	return 0;
}

int64_t chunk_record_get(const char *name, struct gw_bytes in, uint32_t *crc,
			 struct chunk_record *record, struct gw_error *error)
{
	const uint8_t *at = in.data;
	uint32_t body, sum;
	int result;

	if (in.size == 0)
		return 0;
	if (in.size < CHUNK_RECORD_HEAD_BYTES)
		return gw_fail(error, GW_E_TRUNCATED, "%s: ends within a record", name);
	body = base_load32(at + 4);
	if (body > CHUNK_RECORD_BODY_MAX)
		return gw_fail(error, GW_E_CORRUPT, "%s: a record of %u bytes", name, body);
	if (body > in.size - CHUNK_RECORD_HEAD_BYTES)
		return gw_fail(error, GW_E_TRUNCATED, "%s: ends within a record", name);
	sum = base_crc32c(*crc, at + 4, CHUNK_RECORD_HEAD_BYTES - 4 + body);
	if (sum != base_load32(at))
		return gw_fail(error, GW_E_CORRUPT, "%s: checksum mismatch in the log", name);
	*record = (struct chunk_record){.kind = at[8], .position = at[9]};
	if (record->kind == CHUNK_RECORD_HEAD) {
		result = check_version(name, at + CHUNK_RECORD_HEAD_BYTES, body, error);
		if (result < 0)
			return result;
	}
	if (base_load16(at + 10) != 0 || !get_body(at + CHUNK_RECORD_HEAD_BYTES, body, record))
		return gw_fail(error, GW_E_CORRUPT, "%s: a record of kind %u that makes no sense",
			       name, at[8]);
	*crc = sum;
	return CHUNK_RECORD_HEAD_BYTES + (int64_t)body;
}
