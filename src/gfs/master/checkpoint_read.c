/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_read.c - a state from its bytes. Each entry is looked at before it is taken, so that
 * nothing that reads the table meets what it cannot read.
 */
#include "gfs/master/checkpoint.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"
#include "gfs/master/entry.h"

static int corrupt(struct gw_error *error, const char *what)
{
	return gw_fail(error, GW_E_CORRUPT, "a checkpoint: %s", what);
}

/* ---- Bodies --------------------------------------------------------------------------------- */

static int take_head(struct gfs_checkpoint_reader *reader, const uint8_t *body, size_t size,
		     struct gw_error *error)
{
	struct gfs_state *state = reader->state;
	uint64_t numbers[GFS_CHECKPOINT_NUMBERS];

	if (size < 16 || memcmp(body, "GWGFSCHK", 8) != 0)
		return corrupt(error, "its head is that of something else");
	if (base_load32(body + 8) != GFS_CHECKPOINT_VERSION)
		return gw_fail(error, GW_E_VERSION, "a checkpoint of version %u; %d is known",
			       base_load32(body + 8), GFS_CHECKPOINT_VERSION);
	if (size != GFS_CHECKPOINT_HEAD_BYTES || base_load32(body + 12) != 0)
		return corrupt(error, "its head has another size");
	for (size_t i = 0; i < GFS_CHECKPOINT_NUMBERS; i++)
		numbers[i] = base_load64(body + 16 + 8 * i);
	state->applied = numbers[0];
	state->wall_ms = numbers[1];
	state->next_id = numbers[2];
	state->next_writer = numbers[3];
	state->next_server = numbers[4];
	state->files = numbers[5];
	state->directories = numbers[6];
	state->hidden = numbers[7];
	state->writers = numbers[8];
	reader->entries = numbers[9];
	reader->slots = numbers[10];
	if (numbers[10] > UINT32_MAX || numbers[11] > UINT32_MAX ||
	    numbers[4] > GFS_SERVERS_MAX + 1)
		return corrupt(error, "a number in its head cannot be");
	state->chunks.first_free = (uint32_t)numbers[11];
	return 0;
}

static int take_chunks(struct gfs_checkpoint_reader *reader, const uint8_t *body, size_t size,
		       struct gw_error *error)
{
	if (size == 0 || size % GFS_CHECKPOINT_CHUNK_BYTES != 0)
		return corrupt(error, "a part of a chunk's record");
	for (size_t at = 0; at < size; at += GFS_CHECKPOINT_CHUNK_BYTES) {
		struct gfs_chunk chunk = {.generation = base_load32(body + at),
					  .version = base_load32(body + at + 4),
					  .references = base_load32(body + at + 8),
					  .live = base_load32(body + at + 12),
					  .goal = body[at + 16]};
		int code;

		if (reader->slots == 0)
			return corrupt(error, "more chunks than its head says");
		if (chunk.generation == 0 || chunk.goal > GFS_GOAL_MAX ||
		    (chunk.references > 0 && chunk.live > chunk.references))
			return corrupt(error, "the record of a chunk cannot be");
		reader->slots--;
		code = gfs_chunks_restore(&reader->state->chunks, &chunk, error);
		if (code < 0)
			return code;
	}
	return 0;
}

struct sizes {
	uint64_t common, rest, value;
};

/* The three numbers in front of an entry; how many bytes they take, 0 when they cannot be. */
static size_t take_sizes(const uint8_t *body, size_t size, size_t last, struct sizes *sizes)
{
	size_t head = base_varint_get(body, size, &sizes->common), took;

	took = head > 0 ? base_varint_get(body + head, size - head, &sizes->rest) : 0;
	if (took == 0)
		return 0;
	head += took;
	took = base_varint_get(body + head, size - head, &sizes->value);
	if (took == 0)
		return 0;
	head += took;
	if (sizes->common > last || sizes->rest > GFS_KEY_BYTES_MAX - sizes->common ||
	    sizes->value > GFS_VALUE_BYTES_MAX || sizes->rest > size - head ||
	    sizes->value > size - head - sizes->rest)
		return 0;
	return head;
}

static int take_entries(struct gfs_checkpoint_reader *reader, const uint8_t *body, size_t size,
			struct gw_error *error)
{
	struct gfs_key *last = &reader->last;
	size_t at = 0;

	if (size == 0)
		return corrupt(error, "a block without entries");
	while (at < size) {
		struct sizes sizes;
		size_t head = take_sizes(body + at, size - at, at == 0 ? 0 : last->size, &sizes);
		const uint8_t *rest = body + at + head;
		struct gw_bytes value;
		int code;

		if (head == 0)
			return corrupt(error, "an entry of the table cannot be read");
		if (reader->entries-- == 0)
			return corrupt(error, "more entries than its head says");
		if (last->size > 0 &&
		    gw_bytes_compare((struct gw_bytes){last->bytes + sizes.common,
						       last->size - sizes.common},
				     (struct gw_bytes){rest, sizes.rest}) >= 0)
			return corrupt(error, "its entries are not in order");
		last->size = sizes.common;
		gfs_key_add(last, rest, sizes.rest);
		value = (struct gw_bytes){rest + sizes.rest, sizes.value};
		code = gfs_entry_check(gfs_key_bytes(last), value, error);
		if (code == 0)
			code = gfs_table_put(&reader->state->table, gfs_key_bytes(last), value,
					     error);
		if (code < 0)
			return code;
		at += head + sizes.rest + sizes.value;
	}
	return 0;
}

/* ---- Blocks --------------------------------------------------------------------------------- */

static int block_take(struct gfs_checkpoint_reader *reader, uint32_t kind, const uint8_t *body,
		      size_t size, struct gw_error *error)
{
	/* HEAD once, then the others in their order. */
	if (reader->kind == GFS_CHECKPOINT_END ||
	    (kind == GFS_CHECKPOINT_HEAD) != (reader->kind == 0) || kind < reader->kind)
		return corrupt(error, "its blocks are not in order");
	reader->kind = kind;
	switch (kind) {
	case GFS_CHECKPOINT_HEAD:
		return take_head(reader, body, size, error);
	case GFS_CHECKPOINT_CHUNKS:
		return take_chunks(reader, body, size, error);
	case GFS_CHECKPOINT_ENTRIES:
		return take_entries(reader, body, size, error);
	case GFS_CHECKPOINT_CALLS:
		return base_buffer_append(&reader->calls, body, size, error);
	case GFS_CHECKPOINT_END:
		return size == 0 ? 0 : corrupt(error, "its end is not empty");
	default:
		return corrupt(error, "a block of an unknown kind");
	}
}

/* Whole blocks at the front; how many bytes they are. */
static int blocks_take(struct gfs_checkpoint_reader *reader, struct gw_bytes bytes, size_t *taken,
		       struct gw_error *error)
{
	const size_t head = GFS_CHECKPOINT_BLOCK_HEAD_BYTES;
	const uint8_t *at = bytes.data;
	size_t left = bytes.size;
	int code = 0;

	while (code == 0 && left >= head) {
		size_t size = base_load32(at + 4);
		uint32_t crc;

		if (size > GFS_CHECKPOINT_BODY_BYTES_MAX)
			return corrupt(error, "a block is too large");
		if (size > left - head)
			break;
		crc = base_crc32c(base_crc32c(0, at, 8), at + head, size);
		if (crc != base_load32(at + 8))
			return corrupt(error, "a block has a wrong checksum");
		code = block_take(reader, base_load32(at), at + head, size, error);
		at += head + size;
		left -= head + size;
	}
	*taken = bytes.size - left;
	return code;
}

int gfs_checkpoint_take(struct gfs_checkpoint_reader *reader, struct gw_bytes bytes,
			struct gw_error *error)
{
	struct base_buffer *pending = &reader->pending;
	size_t taken = 0;
	int code = base_buffer_append(pending, bytes.data, bytes.size, error);

	if (code == 0)
		code = blocks_take(reader, base_buffer_bytes(pending), &taken, error);
	if (code < 0)
		return code;
	memmove(pending->data, pending->data + taken, pending->size - taken);
	pending->size -= taken;
	return 0;
}

int gfs_checkpoint_end(struct gfs_checkpoint_reader *reader, struct gw_error *error)
{
	if (reader->kind != GFS_CHECKPOINT_END || reader->pending.size > 0)
		return gw_fail(error, GW_E_TRUNCATED, "a checkpoint that has no end");
	if (reader->entries != 0 || reader->slots != 0)
		return corrupt(error, "fewer entries than its head says");
	if (!gfs_chunks_are_sound(&reader->state->chunks))
		return corrupt(error, "its free chunks are no list");
	return 0;
}

void gfs_checkpoint_reader_done(struct gfs_checkpoint_reader *reader)
{
	base_buffer_done(&reader->pending);
	base_buffer_done(&reader->calls);
}
