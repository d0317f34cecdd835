/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_write.c - a frozen state, block after block.
 */
#include "gfs/master/checkpoint.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"
#include "gfs/master/page.h"

struct gfs_checkpoint_writer {
	struct gfs_state *state;  /* to thaw it; another thread does not look at it */
	struct gfs_state frozen_state; /* its numbers as they were; nothing of it is owned */
	struct gfs_frozen table, chunks;
	struct gfs_cursor cursor;
	bool more;                /* the cursor is at an entry */
	struct base_buffer calls;
	size_t calls_at;
	uint32_t slot;            /* the next one */
	uint32_t kind;            /* of the last block that was made; 0: none */
	uint8_t *block;           /* of the greatest size */
	size_t size, at;          /* of the block, and how much of it was read */
};

int gfs_checkpoint_writer_new(struct gfs_checkpoint_writer **out, struct gfs_state *state,
			      struct base_buffer *calls, struct gw_error *error)
{
	struct gfs_checkpoint_writer *writer = calloc(1, sizeof(*writer));
	int code = 0;

	*out = writer;
	if (!writer) {
		base_buffer_done(calls);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to write a checkpoint");
	}
	writer->calls = *calls;
	*calls = (struct base_buffer){0};
	writer->block = malloc(GFS_CHECKPOINT_BLOCK_HEAD_BYTES + GFS_CHECKPOINT_BODY_BYTES_MAX);
	if (!writer->block)
		code = gw_fail(error, GW_E_NO_MEMORY, "no memory to write a checkpoint");
	if (code == 0)
		code = gfs_pages_freeze(&state->table.pages, &writer->table, error);
	if (code == 0) {
		code = gfs_pages_freeze(&state->chunks.pages, &writer->chunks, error);
		if (code < 0)
			gfs_pages_thaw(&state->table.pages, &writer->table);
	}
	if (code == 0)
		writer->state = state;
	if (code < 0) {
		gfs_checkpoint_writer_free(writer);
		*out = NULL;
		return code;
	}
	writer->frozen_state = *state;
	writer->more = gfs_cursor_seek(&writer->cursor,
				       gfs_table_view_frozen(&state->table, &writer->table),
				       gw_string(""));
	return 0;
}

void gfs_checkpoint_writer_free(struct gfs_checkpoint_writer *writer)
{
	if (!writer)
		return;
	if (writer->state) {
		gfs_pages_thaw(&writer->state->table.pages, &writer->table);
		gfs_pages_thaw(&writer->state->chunks.pages, &writer->chunks);
	}
	base_buffer_done(&writer->calls);
	free(writer->block);
	free(writer);
}

/* ---- Blocks --------------------------------------------------------------------------------- */

/* Each fills the body and returns how many bytes. */

static size_t head_body(struct gfs_checkpoint_writer *writer, uint8_t *body)
{
	const struct gfs_state *state = &writer->frozen_state;
	const uint64_t numbers[GFS_CHECKPOINT_NUMBERS] = {
		state->applied, state->wall_ms, state->next_id, state->next_writer,
		state->next_server, state->files, state->directories, state->hidden,
		state->writers, state->table.entries, state->chunks.slots,
		state->chunks.first_free,
	};

	memcpy(body, "GWGFSCHK", 8);
	base_store32(body + 8, GFS_CHECKPOINT_VERSION);
	base_store32(body + 12, 0);
	for (size_t i = 0; i < GFS_CHECKPOINT_NUMBERS; i++)
		base_store64(body + 16 + 8 * i, numbers[i]);
	return GFS_CHECKPOINT_HEAD_BYTES;
}

static size_t chunks_body(struct gfs_checkpoint_writer *writer, uint8_t *body)
{
	size_t size = 0;

	while (writer->slot < writer->frozen_state.chunks.slots &&
	       size < GFS_CHECKPOINT_BLOCK_BYTES) {
		struct gfs_chunk chunk = gfs_chunks_raw(writer->chunks.pages, writer->slot++);

		base_store32(body + size, chunk.generation);
		base_store32(body + size + 4, chunk.version);
		base_store32(body + size + 8, chunk.references);
		base_store32(body + size + 12, chunk.live);
		body[size + 16] = chunk.goal;
		size += GFS_CHECKPOINT_CHUNK_BYTES;
	}
	return size;
}

static size_t entries_body(struct gfs_checkpoint_writer *writer, uint8_t *body)
{
	struct gfs_cursor *cursor = &writer->cursor;
	uint8_t last[GFS_KEY_BYTES_MAX];
	struct gw_bytes before = {last, 0};
	size_t size = 0;

	while (writer->more && size < GFS_CHECKPOINT_BLOCK_BYTES) {
		struct gw_bytes key = gfs_cursor_key(cursor);
		size_t common = gfs_page_common(before, key), rest = key.size - common;

		size += base_varint_put(body + size, common);
		size += base_varint_put(body + size, rest);
		size += base_varint_put(body + size, cursor->value.size);
		memcpy(body + size, cursor->key + common, rest);
		size += rest;
		if (cursor->value.size > 0)
			memcpy(body + size, cursor->value.data, cursor->value.size);
		size += cursor->value.size;
		memcpy(last + common, cursor->key + common, rest);
		before.size = key.size;
		writer->more = gfs_cursor_next(cursor);
	}
	assert(size <= GFS_CHECKPOINT_BODY_BYTES_MAX);
	return size;
}

static size_t calls_body(struct gfs_checkpoint_writer *writer, uint8_t *body)
{
	size_t size = writer->calls.size - writer->calls_at;

	if (size > GFS_CHECKPOINT_BLOCK_BYTES)
		size = GFS_CHECKPOINT_BLOCK_BYTES;
	if (size > 0)
		memcpy(body, writer->calls.data + writer->calls_at, size);
	writer->calls_at += size;
	return size;
}

/* The next block; false: there is none. */
static bool block_make(struct gfs_checkpoint_writer *writer)
{
	uint8_t *body = writer->block + GFS_CHECKPOINT_BLOCK_HEAD_BYTES;
	uint32_t crc;
	size_t size;

	if (writer->kind == GFS_CHECKPOINT_END)
		return false;
	if (writer->kind == 0) {
		writer->kind = GFS_CHECKPOINT_HEAD;
		size = head_body(writer, body);
	} else if ((size = chunks_body(writer, body)) > 0) {
		writer->kind = GFS_CHECKPOINT_CHUNKS;
	} else if ((size = entries_body(writer, body)) > 0) {
		writer->kind = GFS_CHECKPOINT_ENTRIES;
	} else if ((size = calls_body(writer, body)) > 0) {
		writer->kind = GFS_CHECKPOINT_CALLS;
	} else {
		writer->kind = GFS_CHECKPOINT_END;
	}
	base_store32(writer->block, writer->kind);
	base_store32(writer->block + 4, (uint32_t)size);
	crc = base_crc32c(0, writer->block, 8);
	base_store32(writer->block + 8, base_crc32c(crc, body, size));
	writer->size = GFS_CHECKPOINT_BLOCK_HEAD_BYTES + size;
	writer->at = 0;
	return true;
}

int gfs_checkpoint_read(struct gfs_checkpoint_writer *writer, void *buffer, size_t size)
{
	uint8_t *out = buffer;
	size_t done = 0;

	assert(size > 0 && size <= INT32_MAX);
	while (done < size) {
		size_t some = writer->size - writer->at;

		if (some == 0) {
			if (!block_make(writer))
				break;
			continue;
		}
		if (some > size - done)
			some = size - done;
		memcpy(out + done, writer->block + writer->at, some);
		writer->at += some;
		done += some;
	}
	return (int)done;
}
