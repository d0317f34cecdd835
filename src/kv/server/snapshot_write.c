/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_write.c - a frozen state as the bytes of a snapshot, block by block.
 */
#include "kv/server/snapshot.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

struct kv_snapshot_writer {
	struct kv_snapshot_head head;
	struct kv_frozen *frozen;
	struct base_buffer calls;
	size_t calls_done;
	uint64_t pairs;
	struct base_buffer block; /* the one that is being read */
	size_t block_done;
	bool has_head, has_pairs, has_end;
};

static int block_begin(struct kv_snapshot_writer *writer, uint32_t kind)
{
	uint8_t head[KV_SNAPSHOT_BLOCK_HEAD_BYTES] = {0};

	writer->block.size = writer->block_done = 0;
	base_store32(head, kind);
	return base_buffer_append(&writer->block, head, sizeof(head), NULL);
}

static void block_end(struct kv_snapshot_writer *writer)
{
	const size_t head = KV_SNAPSHOT_BLOCK_HEAD_BYTES;
	uint8_t *at = writer->block.data;
	uint32_t crc;

	assert(writer->block.size - head <= KV_SNAPSHOT_BODY_BYTES_MAX);
	base_store32(at + 4, (uint32_t)(writer->block.size - head));
	crc = base_crc32c(0, at, 8);
	base_store32(at + 8, base_crc32c(crc, at + head, writer->block.size - head));
}

static int head_block(struct kv_snapshot_writer *writer)
{
	uint8_t body[KV_SNAPSHOT_HEAD_BYTES] = "GWKVSNAP";
	int code = block_begin(writer, KV_SNAPSHOT_HEAD);

	base_store32(body + 8, KV_SNAPSHOT_VERSION);
	base_store64(body + 16, writer->head.index);
	base_store64(body + 24, writer->head.wall_ms);
	base_store64(body + 32, writer->head.keys);
	base_store64(body + 40, writer->head.bytes);
	if (code == 0)
		code = base_buffer_append(&writer->block, body, sizeof(body), NULL);
	writer->has_head = true;
	return code;
}

static int pair_append(struct base_buffer *block, struct gw_bytes key, const struct kv_item *item)
{
	uint8_t head[KV_SNAPSHOT_PAIR_HEAD_BYTES];
	int code = base_buffer_reserve(block, sizeof(head) + key.size + item->value.size, NULL);

	base_store16(head, (uint16_t)key.size);
	base_store32(head + 2, (uint32_t)item->value.size);
	base_store64(head + 6, item->version);
	base_store64(head + 14, item->expires_ms);
	if (code == 0)
		code = base_buffer_append(block, head, sizeof(head), NULL);
	if (code == 0)
		code = base_buffer_append(block, key.data, key.size, NULL);
	if (code == 0 && item->value.size > 0)
		code = base_buffer_append(block, item->value.data, item->value.size, NULL);
	return code;
}

/* May come out without a pair, at the end of the table. */
static int pairs_block(struct kv_snapshot_writer *writer)
{
	int code = block_begin(writer, KV_SNAPSHOT_PAIRS);
	struct gw_bytes key;
	struct kv_item item;

	while (code == 0 && writer->block.size < KV_SNAPSHOT_BLOCK_BYTES) {
		code = writer->frozen->next(writer->frozen, &key, &item, NULL);
		if (code <= 0) {
			writer->has_pairs = true;
			return code;
		}
		writer->pairs++;
		code = pair_append(&writer->block, key, &item);
	}
	return code;
}

static int calls_block(struct kv_snapshot_writer *writer)
{
	size_t left = writer->calls.size - writer->calls_done;
	size_t size = left < KV_SNAPSHOT_BLOCK_BYTES ? left : KV_SNAPSHOT_BLOCK_BYTES;
	int code = block_begin(writer, KV_SNAPSHOT_CALLS);

	if (code == 0)
		code = base_buffer_append(&writer->block, writer->calls.data + writer->calls_done,
					  size, NULL);
	writer->calls_done += size;
	return code;
}

static int end_block(struct kv_snapshot_writer *writer)
{
	int code = block_begin(writer, KV_SNAPSHOT_END);
	uint8_t body[16];

	base_store64(body, writer->pairs);
	base_store64(body + 8, writer->calls.size);
	if (code == 0)
		code = base_buffer_append(&writer->block, body, sizeof(body), NULL);
	writer->has_end = true;
	return code;
}

/* 1 when there is another block, 0 at the end. */
static int next_block(struct kv_snapshot_writer *writer)
{
	int code;

	if (!writer->has_head)
		code = head_block(writer);
	else if (!writer->has_pairs)
		code = pairs_block(writer);
	else if (writer->calls_done < writer->calls.size)
		code = calls_block(writer);
	else if (!writer->has_end)
		code = end_block(writer);
	else
		return 0;
	if (code < 0)
		return code;
	block_end(writer);
	return 1;
}

int kv_snapshot_read(struct kv_snapshot_writer *writer, void *buffer, size_t size)
{
	uint8_t *out = buffer;
	size_t done = 0;

	assert(size <= INT32_MAX);
	while (done < size) {
		size_t left = writer->block.size - writer->block_done;

		if (left == 0) {
			int code = next_block(writer);

			if (code < 0)
				return code;
			if (code == 0)
				break;
			continue;
		}
		if (left > size - done)
			left = size - done;
		memcpy(out + done, writer->block.data + writer->block_done, left);
		writer->block_done += left;
		done += left;
	}
	return (int)done;
}

int kv_snapshot_writer_new(struct kv_snapshot_writer **out, const struct kv_snapshot_head *head,
			   struct kv_frozen *frozen, struct base_buffer *calls,
			   struct gw_error *error)
{
	struct kv_snapshot_writer *writer = calloc(1, sizeof(*writer));

	*out = NULL;
	if (!writer) {
		frozen->free(frozen);
		base_buffer_done(calls);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	}
	writer->head = *head;
	writer->frozen = frozen;
	writer->calls = *calls;
	*calls = (struct base_buffer){0};
	*out = writer;
	return 0;
}

void kv_snapshot_writer_free(struct kv_snapshot_writer *writer)
{
	if (!writer)
		return;
	writer->frozen->free(writer->frozen);
	base_buffer_done(&writer->calls);
	base_buffer_done(&writer->block);
	free(writer);
}
