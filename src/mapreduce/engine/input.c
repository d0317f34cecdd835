/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - walks over the pieces of a split and gives each as blocks.
 *
 * A piece of a plain file is cut at record borders (input_borders.c) and mapped. What is small,
 * compressed, or in a store without maps goes through a buffer instead: filled from mr_unpack,
 * handed out up to the last whole record, the rest kept for the next block. A frame that is stored
 * under a mask (framed.h) has to be copied to be read, so it leaves a map as a block of its own.
 */
#include "input.h"

#include "base/allocate.h"
#include "framed.h"
#include "input_borders.h"
#include "records.h"
#include "unpack.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
	/* Bytes of a block that goes through the buffer, or this share of a small slot's memory. */
	BLOCK_SIZE = 4 << 20,
	BLOCK_SHARE = 4,
	/* Below this reading is cheaper than mapping. */
	MAP_MIN = 64 << 10,
	/* A .zst frame may ask for this much even from a small slot: what zstd -19 makes does. */
	WINDOW_MIN = 8 << 20,
};

struct mr_input {
	const struct mr_config *config;
	const struct mr_plan *plan;
	struct mr_store *store;
	const struct mr_split *split;
	uint32_t next_piece;         /* of the split */

	/* The piece that is being read; file is NULL when there is none. */
	struct mr_file *file;
	uint32_t file_number;
	uint64_t position, end;      /* of it, what has not been looked at */
	bool empty;                  /* it is all of its file, and there was nothing in it so far */

	/* Of a map, what has not been handed out. */
	const char *mapped;
	size_t mapped_size;
	uint64_t mapped_offset;      /* in the file */
	struct gw_bytes *maps;       /* all of the split: they last until the input is closed */
	size_t map_count, map_capacity;

	/* What goes through the buffer. */
	bool streaming, stream_ended;
	struct mr_unpack *unpack;
	char *buffer;                /* owned; data in [used, filled) has not been handed out */
	size_t capacity, used, filled;
	uint64_t stream_offset;      /* of buffer[used] in the file, unpacked */

	struct mr_borders borders;
};

static const struct mr_plan_file *plan_file(const struct mr_input *input)
{
	return &input->plan->files[input->file_number];
}

static int fail_memory(const struct mr_input *input, struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "%s: reading it: out of memory",
		       plan_file(input)->path);
}

int mr_input_open(struct mr_input **made, const struct mr_config *config,
		  const struct mr_plan *plan, struct mr_store *store, uint32_t split,
		  struct gw_error *error)
{
	struct mr_input *input = malloc(sizeof *input);

	assert(split < plan->split_count);
	if (!input)
		return gw_fail(error, GW_E_NO_MEMORY, "split %" PRIu32 ": out of memory", split);
	/* Not all of it: the window is big, and only some splits look through it. */
	memset(input, 0, offsetof(struct mr_input, borders));
	input->config = config;
	input->plan = plan;
	input->store = store;
	input->split = &plan->splits[split];
	assert(input->split->piece_count <= plan->piece_count - input->split->first_piece);
	*made = input;
	return 0;
}

void mr_input_close(struct mr_input *input)
{
	if (!input)
		return;
	mr_file_close(input->file);
	for (size_t i = 0; i < input->map_count; i++)
		input->store->operations->unmap(input->store, input->maps[i]);
	free(input->maps);
	free(input->buffer);
	mr_unpack_free(input->unpack);
	free(input);
}

/* ---- The buffer ------------------------------------------------------------------------------ */

/* To exactly that size, since it is counted; who needs more asks for twice as much. */
static int grow_buffer(struct mr_input *input, size_t need, struct gw_error *error)
{
	char *buffer;

	if (need <= input->capacity)
		return 0;
	buffer = realloc(input->buffer, need);
	if (!buffer)
		return fail_memory(input, error);
	input->buffer = buffer;
	input->capacity = need;
	return 0;
}

static int fail_record_long(const struct mr_input *input, uint64_t offset, struct gw_error *error)
{
	return gw_fail(error, GW_E_TOO_LARGE,
		       "%s: the record at byte %" PRIu64 " does not fit the %" PRIu64
		       " bytes of a slot; give more --memory",
		       plan_file(input)->path, offset, input->config->slot_memory);
}

static int start_stream(struct mr_input *input, uint64_t begin, uint64_t end,
			struct gw_error *error)
{
	uint64_t share = input->config->slot_memory / 2;
	struct mr_unpack_source source = {
		.file = input->file,
		.path = plan_file(input)->path,
		.begin = begin,
		.end = end,
		.compression = plan_file(input)->compression,
		.window_max = share > WINDOW_MIN ? share : WINDOW_MIN,
	};

	assert(begin < end && !input->streaming && input->file);
	input->streaming = true;
	input->stream_ended = false;
	input->stream_offset = begin; /* 0 for what is compressed */
	input->used = input->filled = 0;
	return mr_unpack_open(&input->unpack, &source, error);
}

/* Fills the buffer up to size bytes, the first of which are those kept. */
static int fill_buffer(struct mr_input *input, size_t size, struct gw_error *error)
{
	size_t got = 0;
	int result = grow_buffer(input, size, error);

	assert(input->filled < size && input->streaming);
	if (result == 0)
		result = mr_unpack_read(input->unpack, input->buffer + input->filled,
					size - input->filled, &got, error);
	if (result < 0)
		return result;
	assert(got <= size - input->filled && size <= input->capacity);
	input->stream_ended = got < size - input->filled;
	input->filled += got;
	return 0;
}

/* Only frames whose checksum is right: the others are left for their reader to refuse. */
static void unmask_frames(char *data, size_t size)
{
	struct mr_frame frame;
	size_t at = 0;

	while (at < size && mr_frame_read_header(data + at, size - at, &frame, NULL) == 0 &&
	       frame.payload_size <= size - at - MR_FRAME_HEADER_SIZE) {
		if (frame.mask && mr_frame_check(data + at, size - at, &frame, NULL) == 0)
			mr_frame_unmask(data + at, &frame);
		at += MR_FRAME_HEADER_SIZE + frame.payload_size;
	}
}

static void give_buffered(struct mr_input *input, size_t size, struct mr_block *block)
{
	assert(size > 0 && size <= input->filled - input->used);
	*block = (struct mr_block){
		.data = input->buffer + input->used,
		.size = size,
		.file = input->file_number,
		.offset = input->stream_offset,
	};
	if (input->config->job.input == GW_MR_FRAMED)
		unmask_frames(input->buffer + input->used, size);
	input->used += size;
	input->stream_offset += size;
}

static int check_last_record(const struct mr_input *input, struct gw_error *error)
{
	const struct gw_mr_job *job = &input->config->job;
	uint64_t rest;

	if (job->input != GW_MR_FIXED || input->filled % job->record_size == 0)
		return 0;
	rest = input->filled % job->record_size;
	return gw_fail(error, GW_E_TRUNCATED, "%s: the last record, at byte %" PRIu64 ", has only %"
		       PRIu64 " of %" PRIu64 " bytes", plan_file(input)->path,
		       input->stream_offset + input->filled - rest, rest, job->record_size);
}

/* 1 and a block, or 0 when the stream has ended. */
static int next_buffered(struct mr_input *input, struct mr_block *block, struct gw_error *error)
{
	uint64_t max = input->config->slot_memory;
	size_t size = max / BLOCK_SHARE < BLOCK_SIZE ? (size_t)(max / BLOCK_SHARE) : BLOCK_SIZE;
	size_t whole = 0;
	int result;

	assert(size > 0 && input->streaming && input->used <= input->filled);
	if (input->used > 0)
		memmove(input->buffer, input->buffer + input->used, input->filled - input->used);
	input->filled -= input->used;
	input->used = 0;
	for (; whole == 0 && !input->stream_ended;
	     size = size <= max / 2 ? size * 2 : (size_t)max) {
		if (input->filled >= size && size < max)
			continue;
		if (input->filled >= max)
			return fail_record_long(input, input->stream_offset, error);
		result = fill_buffer(input, size, error);
		if (result < 0)
			return result;
		if (!input->stream_ended)
			whole = mr_whole_records(input->config, input->buffer, input->filled);
	}
	if (input->stream_ended) {
		result = check_last_record(input, error);
		if (result < 0)
			return result;
		whole = input->filled;
	}
	assert(whole <= input->filled);
	if (whole == 0)
		return 0;
	give_buffered(input, whole, block);
	return 1;
}

/* ---- Maps ------------------------------------------------------------------------------------ */

static int map_piece(struct mr_input *input, uint64_t begin, uint64_t end, struct gw_error *error)
{
	struct gw_bytes *maps = base_grow(input->maps, sizeof *maps, &input->map_capacity,
					  input->map_count + 1);
	int result;

	if (!maps)
		return fail_memory(input, error);
	input->maps = maps;
	result = input->store->operations->map(input->file, begin, (size_t)(end - begin),
					       &maps[input->map_count], error);
	if (result < 0)
		return result;
	assert(maps[input->map_count].size == end - begin);
	input->mapped = maps[input->map_count].data;
	input->mapped_size = maps[input->map_count].size;
	input->mapped_offset = begin;
	input->map_count++;
	return 0;
}

/* A masked frame, its size known, copied to where it can be unmasked. */
static int copy_frame(struct mr_input *input, size_t size, struct gw_error *error)
{
	int result;

	if (size > input->config->slot_memory)
		return fail_record_long(input, input->mapped_offset, error);
	result = grow_buffer(input, size, error);
	if (result < 0)
		return result;
	assert(size <= input->mapped_size);
	memcpy(input->buffer, input->mapped, size);
	input->used = 0;
	input->filled = size;
	input->stream_offset = input->mapped_offset;
	return 0;
}

/* How much of the map can be given as it is, up to the next masked frame. 0: it begins with one,
 * which has *frame_size bytes. What is no frame can be given: its reader will refuse it. */
static size_t unmasked_size(const struct mr_input *input, size_t *frame_size)
{
	size_t at = 0, size = input->mapped_size;
	struct mr_frame frame;

	while (at < size) {
		if (mr_frame_read_header(input->mapped + at, size - at, &frame, NULL) < 0 ||
		    frame.payload_size > size - at - MR_FRAME_HEADER_SIZE)
			return size;
		*frame_size = MR_FRAME_HEADER_SIZE + frame.payload_size;
		if (frame.mask)
			break;
		at += *frame_size;
	}
	return at;
}

static int next_mapped(struct mr_input *input, struct mr_block *block, struct gw_error *error)
{
	size_t size = input->mapped_size, frame_size = 0;

	assert(size > 0 && input->mapped && !input->streaming);
	if (input->config->job.input == GW_MR_FRAMED)
		size = unmasked_size(input, &frame_size);
	if (size > 0) {
		*block = (struct mr_block){
			.data = input->mapped,
			.size = size,
			.file = input->file_number,
			.offset = input->mapped_offset,
			.stable = true,
		};
	} else {
		int result = copy_frame(input, frame_size, error);

		if (result < 0)
			return result;
		give_buffered(input, frame_size, block);
		size = frame_size;
	}
	assert(size <= input->mapped_size);
	input->mapped += size;
	input->mapped_size -= size;
	input->mapped_offset += size;
	return 1;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static int open_piece(struct mr_input *input, struct gw_error *error)
{
	const struct mr_piece *piece = &input->plan->pieces[input->split->first_piece +
							    input->next_piece++];

	assert(!input->file && piece->file < input->plan->file_count);
	input->file_number = piece->file;
	input->position = piece->offset;
	input->end = piece->offset + piece->size;
	input->empty = piece->offset == 0 && piece->size == plan_file(input)->size;
	return input->store->operations->open(input->store, plan_file(input)->path, &input->file,
					      error);
}

/* 1 and a block if the file was empty and the job wants to see those; else 0. */
static int close_piece(struct mr_input *input, struct mr_block *block)
{
	assert(input->mapped_size == 0 && !input->streaming);
	mr_file_close(input->file);
	input->file = NULL;
	*block = (struct mr_block){.data = "", .file = input->file_number};
	return input->empty && input->config->job.empty_files;
}

/* May a record be as long as the file, or its borders be known only from its front? */
static bool is_uncut(const struct mr_input *input)
{
	return plan_file(input)->compression != MR_PLAIN ||
	       input->config->job.input == GW_MR_FILES || mr_config_quoted(input->config);
}

/* Goes on to the next part of the piece: maps it or starts to stream it. */
static int next_part(struct mr_input *input, struct gw_error *error)
{
	uint64_t begin = input->position, end = input->end;
	int result;

	assert(begin < end && end <= plan_file(input)->size);
	assert(!input->streaming && input->mapped_size == 0);
	if (!is_uncut(input)) {
		if (end - begin > MR_BLOCK_MAX)
			end = begin + MR_BLOCK_MAX;
		input->position = end;
		input->borders.config = input->config;
		input->borders.plan_file = plan_file(input);
		input->borders.file = input->file;
		result = mr_borders_find(&input->borders, begin, end, &begin, &end, error);
		if (result < 0)
			return result;
	} else {
		input->position = end;
	}
	if (begin == end)
		return 0;
	if (plan_file(input)->compression == MR_PLAIN && end - begin >= MAP_MIN &&
	    end - begin <= SIZE_MAX && input->store->operations->map)
		return map_piece(input, begin, end, error);
	return start_stream(input, begin, end, error);
}

int mr_input_next(struct mr_input *input, struct mr_block *block, struct gw_error *error)
{
	int result = 0;

	while (result == 0) {
		if (input->mapped_size > 0) {
			result = next_mapped(input, block, error);
		} else if (input->streaming) {
			result = next_buffered(input, block, error);
			input->streaming = result != 0;
		} else if (input->file && input->position < input->end) {
			result = next_part(input, error);
		} else if (input->file) {
			result = close_piece(input, block);
		} else if (input->next_piece < input->split->piece_count) {
			result = open_piece(input, error);
		} else {
			return 0;
		}
	}
	input->empty = false;
	return result;
}
