/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_read.c - records of a file, without padding, parts and copies, as far as it has come or to
 * its last checkpoint.
 *
 * No record crosses a border of chunks (3.3), so what seems to is none. A writer appends one record
 * after the other, so of each writer a sequence that is not higher than the last is a copy.
 */
#include "gfs/client/client.h"

#include <assert.h>
#include <stdlib.h>

#include "gfs/client/frame.h"

enum { WINDOW_BYTES = 2 * GW_GFS_PIECE_BYTES }; /* a frame fits in it wherever it begins */

/* A walk from frame to frame. */
struct cursor {
	uint64_t position; /* where to look next */
	uint8_t *window;   /* bytes of the file */
	uint64_t start;    /* of the window in the file */
	size_t size;
};

struct gw_gfs_record_reader {
	struct gw_gfs_file *file;
	struct cursor records;
	struct cursor checkpoints; /* goes ahead */
	bool to_checkpoint;
	uint64_t from, good; /* good: the last checkpoint is there */
	uint64_t taken;      /* bytes of records that were new */
	struct base_map last; /* sequence of each writer, as the value */
};

/* ---- Frames ---------------------------------------------------------------------------------- */

static uint64_t border_behind(const struct gw_gfs_file *file, uint64_t position)
{
	return ((position >> file->chunk_log2) + 1) << file->chunk_log2;
}

/* More of the file from the cursor's position on. 1: there is more than before. */
static int fill(struct gw_gfs_file *file, struct cursor *cursor, struct gw_error *error)
{
	uint64_t end = cursor->start + cursor->size;
	uint64_t left = border_behind(file, cursor->position) - cursor->position;
	size_t had = end > cursor->position ? (size_t)(end - cursor->position) : 0, got;
	int code;

	if (!cursor->window)
		cursor->window = malloc(WINDOW_BYTES);
	if (!cursor->window)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to read records");
	cursor->size = 0;
	code = gw_gfs_read(file, cursor->position, cursor->window,
			   left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES, &got, error);
	if (code < 0)
		return code;
	cursor->start = cursor->position;
	cursor->size = got;
	return got > had;
}

/* Looks in the window. 1: the cursor is behind the frame then; 0: it is where one may begin, which
 * with is_end (nothing comes behind the window) it stays at. */
static int look_in_window(struct cursor *cursor, bool is_end, struct gfs_frame *frame,
			  uint64_t *offset)
{
	size_t at = (size_t)(cursor->position - cursor->start);

	if (at >= cursor->size)
		return 0;
	if (gfs_frame_find((struct gw_bytes){cursor->window, cursor->size}, is_end, &at, frame) ==
	    0) {
		if (!is_end)
			cursor->position = cursor->start + at;
		return 0;
	}
	*offset = cursor->start + at;
	cursor->position = *offset + GW_GFS_RECORD_FRAME_BYTES + frame->data.size;
	return 1;
}

/*
 * The next frame; the cursor is behind it then. 1, or 0: there is none now. A record is there as a
 * whole or not at all, so a part that the file as it is now has no more of is none, and does not
 * hide what is behind it; but first the file is asked.
 */
static int next_frame(struct gw_gfs_file *file, struct cursor *cursor, struct gfs_frame *frame,
		      uint64_t *offset, struct gw_error *error)
{
	int code = 1;

	while (code == 1) {
		uint64_t end = cursor->start + cursor->size;

		if (look_in_window(cursor, false, frame, offset) == 1)
			return 1;
		if (end == border_behind(file, cursor->start)) {
			if (look_in_window(cursor, true, frame, offset) == 1)
				return 1;
			if (cursor->position < end)
				cursor->position = end;
		}
		code = fill(file, cursor, error);
	}
	return code < 0 ? code : look_in_window(cursor, true, frame, offset);
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

static int find_checkpoints(struct gw_gfs_record_reader *reader, struct gw_error *error)
{
	struct gfs_frame frame;
	uint64_t offset;
	int code;

	do {
		code = next_frame(reader->file, &reader->checkpoints, &frame, &offset, error);
		if (code == 1 && frame.kind == GFS_FRAME_CHECKPOINT)
			reader->good = offset;
	} while (code == 1);
	return code;
}

/* ---- Records --------------------------------------------------------------------------------- */

static bool is_copy(const struct gw_gfs_record_reader *reader, const struct gfs_frame *frame)
{
	void *last;

	return base_map_find(&reader->last,
			     (struct gw_bytes){&frame->writer, sizeof(frame->writer)}, &last) &&
	       frame->sequence <= (uintptr_t)last;
}

static int take(struct gw_gfs_record_reader *reader, const struct gfs_frame *frame,
		uint64_t offset, struct gw_gfs_record *record, struct gw_error *error)
{
	int code = base_map_put(&reader->last,
				(struct gw_bytes){&frame->writer, sizeof(frame->writer)},
				(void *)(uintptr_t)frame->sequence, error);

	if (code < 0) {
		reader->records.position = offset; /* it comes again */
		return code;
	}
	reader->taken += GW_GFS_RECORD_FRAME_BYTES + frame->data.size;
	*record = (struct gw_gfs_record){frame->data, offset, frame->writer, frame->sequence};
	return 1;
}

int gw_gfs_record_next(struct gw_gfs_record_reader *reader, struct gw_gfs_record *record,
		       struct gw_error *error)
{
	struct gfs_frame frame;
	uint64_t offset;
	int code = 1;

	*record = (struct gw_gfs_record){0};
	if (reader->to_checkpoint && reader->records.position >= reader->good)
		code = find_checkpoints(reader, error);
	if (code < 0 || (reader->to_checkpoint && reader->records.position >= reader->good))
		return code < 0 ? code : 0;
	for (;;) {
		code = next_frame(reader->file, &reader->records, &frame, &offset, error);
		if (code <= 0)
			return code;
		if (reader->to_checkpoint && offset >= reader->good) {
			reader->records.position = offset;
			return 0;
		}
		if (frame.kind == GFS_FRAME_RECORD && !is_copy(reader, &frame))
			return take(reader, &frame, offset, record, error);
	}
}

uint64_t gw_gfs_record_position(const struct gw_gfs_record_reader *reader)
{
	return reader->records.position;
}

uint64_t gw_gfs_record_skipped(const struct gw_gfs_record_reader *reader)
{
	return reader->records.position - reader->from - reader->taken;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

int gw_gfs_record_reader_new(struct gw_gfs_record_reader **out, struct gw_gfs_file *file,
			     const struct gw_gfs_record_options *options, struct gw_error *error)
{
	struct gw_gfs_record_reader *reader = calloc(1, sizeof(*reader));

	*out = reader;
	if (!reader)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a reader of records");
	reader->file = file;
	if (!options)
		return 0;
	reader->to_checkpoint = options->to_checkpoint;
	reader->from = options->from;
	reader->records.position = reader->records.start = options->from;
	reader->checkpoints.position = reader->checkpoints.start = options->from;
	return 0;
}

void gw_gfs_record_reader_free(struct gw_gfs_record_reader *reader)
{
	if (!reader)
		return;
	free(reader->records.window);
	free(reader->checkpoints.window);
	base_map_done(&reader->last);
	free(reader);
}
