/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_read.c - the bytes of a snapshot, from anywhere, as the state they hold. Nothing of a
 * block is believed before its checksum was right.
 */
#include "kv/server/snapshot.h"

#include <assert.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

static int corrupt(struct gw_error *error, const char *what)
{
	return gw_fail(error, GW_E_CORRUPT, "snapshot: %s", what);
}

static int take_head(struct kv_snapshot_reader *reader, const uint8_t *body, size_t size,
		     struct gw_error *error)
{
	if (reader->has_head)
		return corrupt(error, "it has two heads");
	if (size < 12 || memcmp(body, "GWKVSNAP", 8) != 0)
		return corrupt(error, "it does not begin as one");
	if (base_load32(body + 8) != KV_SNAPSHOT_VERSION)
		return gw_fail(error, GW_E_VERSION,
			       "a snapshot of version %u; this program knows %u",
			       base_load32(body + 8), KV_SNAPSHOT_VERSION);
	if (size != KV_SNAPSHOT_HEAD_BYTES)
		return corrupt(error, "its head is cut");
	reader->has_head = true;
	reader->head = (struct kv_snapshot_head){.index = base_load64(body + 16),
						 .wall_ms = base_load64(body + 24),
						 .keys = base_load64(body + 32),
						 .bytes = base_load64(body + 40)};
	return reader->visitor.head(reader->visitor.context, &reader->head, error);
}

/* Keys rise, so none is there twice. */
static int check_key(struct kv_snapshot_reader *reader, struct gw_bytes key, struct gw_error *error)
{
	if (key.size == 0 || key.size > KV_KEY_BYTES_MAX)
		return corrupt(error, "a key has no size that keys have");
	if (reader->pairs > 0 && gw_bytes_compare(base_buffer_bytes(&reader->last_key), key) >= 0)
		return corrupt(error, "its keys are not in order");
	reader->last_key.size = 0;
	return base_buffer_append(&reader->last_key, key.data, key.size, error);
}

static int take_pairs(struct kv_snapshot_reader *reader, const uint8_t *at, size_t left,
		      struct gw_error *error)
{
	int code = reader->calls.size > 0 ? corrupt(error, "pairs behind calls") : 0;

	while (left > 0 && code == 0) {
		struct gw_bytes key;
		struct kv_item item;

		if (left < KV_SNAPSHOT_PAIR_HEAD_BYTES)
			return corrupt(error, "a pair is cut");
		key.size = base_load16(at);
		item.value.size = base_load32(at + 2);
		item.version = base_load64(at + 6);
		item.expires_ms = base_load64(at + 14);
		at += KV_SNAPSHOT_PAIR_HEAD_BYTES;
		left -= KV_SNAPSHOT_PAIR_HEAD_BYTES;
		if (key.size > left || item.value.size > left - key.size ||
		    item.value.size > KV_VALUE_BYTES_MAX)
			return corrupt(error, "a pair is cut");
		key.data = at;
		item.value.data = at + key.size;
		code = check_key(reader, key, error);
		if (code == 0)
			code = reader->visitor.pair(reader->visitor.context, key, &item, error);
		reader->pairs++;
		reader->bytes += key.size + item.value.size;
		at += key.size + item.value.size;
		left -= key.size + item.value.size;
	}
	return code;
}

static int take_end(struct kv_snapshot_reader *reader, const uint8_t *body, size_t size,
		    struct gw_error *error)
{
	if (size != 16 || base_load64(body) != reader->pairs ||
	    base_load64(body + 8) != reader->calls.size || reader->head.keys != reader->pairs ||
	    reader->head.bytes != reader->bytes)
		return corrupt(error, "it does not hold as much as it says");
	reader->has_end = true;
	return reader->visitor.calls(reader->visitor.context, base_buffer_bytes(&reader->calls),
				     error);
}

static int take_block(struct kv_snapshot_reader *reader, uint32_t kind, const uint8_t *body,
		      size_t size, struct gw_error *error)
{
	if (reader->has_end)
		return corrupt(error, "there is more behind its end");
	if (kind == KV_SNAPSHOT_HEAD)
		return take_head(reader, body, size, error);
	if (!reader->has_head)
		return corrupt(error, "it does not begin as one");
	if (kind == KV_SNAPSHOT_PAIRS)
		return take_pairs(reader, body, size, error);
	if (kind == KV_SNAPSHOT_CALLS)
		return base_buffer_append(&reader->calls, body, size, error);
	if (kind == KV_SNAPSHOT_END)
		return take_end(reader, body, size, error);
	return corrupt(error, "it has a block of an unknown kind");
}

/* Whole blocks at the front of pending; what is left of them stays. */
static int take_pending(struct kv_snapshot_reader *reader, struct gw_error *error)
{
	const size_t head = KV_SNAPSHOT_BLOCK_HEAD_BYTES;
	const uint8_t *at = reader->pending.data;
	size_t left = reader->pending.size;
	int code = 0;

	while (code == 0 && left >= head) {
		size_t size = base_load32(at + 4);

		if (size > KV_SNAPSHOT_BODY_BYTES_MAX)
			return corrupt(error, "a block is larger than blocks are");
		if (size > left - head)
			break;
		if (base_load32(at + 8) != base_crc32c(base_crc32c(0, at, 8), at + head, size))
			return corrupt(error, "checksum mismatch in a block");
		code = take_block(reader, base_load32(at), at + head, size, error);
		at += head + size;
		left -= head + size;
	}
	if (left > 0 && at != reader->pending.data)
		memmove(reader->pending.data, at, left);
	reader->pending.size = left;
	return code;
}

int kv_snapshot_take(struct kv_snapshot_reader *reader, struct gw_bytes bytes,
		     struct gw_error *error)
{
	int code = 0;

	assert(reader->visitor.head && reader->visitor.pair && reader->visitor.calls);
	if (bytes.size > 0)
		code = base_buffer_append(&reader->pending, bytes.data, bytes.size, error);
	return code < 0 ? code : take_pending(reader, error);
}

int kv_snapshot_end(struct kv_snapshot_reader *reader, struct gw_error *error)
{
	if (!reader->has_end || reader->pending.size > 0)
		return gw_fail(error, GW_E_TRUNCATED, "snapshot: it ends in the middle");
	return 0;
}

void kv_snapshot_reader_done(struct kv_snapshot_reader *reader)
{
	base_buffer_done(&reader->pending);
	base_buffer_done(&reader->calls);
	base_buffer_done(&reader->last_key);
}
