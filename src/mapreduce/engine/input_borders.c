/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_borders.c - the first border at or behind a position, for each format whose files may be
 * cut. The records of a piece are what lies between that of its beginning and that of its end; two
 * neighbours ask the same question about the same position, so nothing falls between them.
 */
#include "input_borders.h"

#include "base/crc32c.h"
#include "framed.h"

#include <assert.h>
#include <inttypes.h>

enum { FIRST_STEP = 4 << 10 }; /* most lines end within it */

static int read_window(struct mr_borders *borders, uint64_t offset, size_t size,
		       struct gw_error *error)
{
	assert(size > 0 && size <= sizeof borders->window);
	return borders->file->store->operations->read_at(borders->file, offset, borders->window,
							 size, error);
}

/* The first line that begins in [position, limit), or limit. */
static int line_border(struct mr_borders *borders, uint64_t position, uint64_t limit,
		       uint64_t *border, struct gw_error *error)
{
	uint64_t at = position - 1; /* the newline before it may be the byte before it */
	size_t step = FIRST_STEP;

	assert(position > 0);
	*border = limit;
	while (at < limit - 1) {
		size_t size = limit - 1 - at < step ? (size_t)(limit - 1 - at) : step;
		const uint8_t *newline;
		int result = read_window(borders, at, size, error);

		if (result < 0)
			return result;
		newline = memchr(borders->window, '\n', size);
		if (newline) {
			*border = at + (uint64_t)(newline - borders->window) + 1;
			break;
		}
		at += size;
		step = sizeof borders->window;
	}
	return 0;
}

/* 1: there is a frame at offset whose checksum is right; 0: there is none. */
static int is_frame(struct mr_borders *borders, uint64_t offset, struct gw_error *error)
{
	uint64_t left = borders->plan_file->size - offset;
	uint64_t end = borders->plan_file->size;
	struct mr_frame frame;
	uint32_t checksum;
	int result;

	assert(offset <= end);
	if (left < MR_FRAME_HEADER_SIZE)
		return 0;
	result = read_window(borders, offset, MR_FRAME_HEADER_SIZE, error);
	if (result < 0)
		return result;
	left -= MR_FRAME_HEADER_SIZE;
	if (mr_frame_read_header(borders->window, MR_FRAME_HEADER_SIZE, &frame, NULL) < 0 ||
	    frame.payload_size > left)
		return 0;
	checksum = mr_frame_checksum_begin(borders->window);
	offset += MR_FRAME_HEADER_SIZE;
	left = frame.payload_size;
	while (left > 0) {
		size_t size = left < sizeof borders->window ? (size_t)left : sizeof borders->window;

		result = read_window(borders, offset, size, error);
		if (result < 0)
			return result;
		checksum = base_crc32c(checksum, borders->window, size);
		offset += size;
		left -= size;
	}
	assert(offset <= end);
	return checksum == frame.checksum;
}

/* The first frame that begins in [position, limit), or limit. */
static int frame_border(struct mr_borders *borders, uint64_t position, uint64_t limit,
			uint64_t *border, struct gw_error *error)
{
	uint64_t file_size = borders->plan_file->size;

	assert(position < limit && limit <= file_size);
	*border = limit;
	while (position < limit && file_size - position >= MR_FRAME_HEADER_SIZE) {
		uint64_t left = file_size - position;
		size_t size = left < sizeof borders->window ? (size_t)left : sizeof borders->window;
		int result = read_window(borders, position, size, error);
		size_t at;

		if (result < 0)
			return result;
		at = mr_frame_find_magic(borders->window, size, 0);
		if (at == size) { /* the magic may begin in the last bytes of the window */
			position += size - (MR_FRAME_MAGIC_SIZE - 1);
			continue;
		}
		position += at;
		if (position >= limit)
			break;
		result = is_frame(borders, position, error);
		if (result < 0)
			return result;
		if (result == 1) {
			*border = position;
			break;
		}
		position++;
	}
	return 0;
}

/* The first record that begins in [position, limit), or limit. */
static int border_from(struct mr_borders *borders, uint64_t position, uint64_t limit,
		       uint64_t *border, struct gw_error *error)
{
	const struct gw_mr_job *job = &borders->config->job;
	uint64_t rest;

	assert(position <= limit && limit <= borders->plan_file->size);
	*border = position;
	if (position == 0 || position == limit)
		return 0;
	switch (job->input) {
	case GW_MR_FIXED:
		assert(job->record_size > 0);
		rest = position % job->record_size;
		if (rest)
			*border += job->record_size - rest;
		if (*border > limit)
			*border = limit;
		return 0;
	case GW_MR_FRAMED:
		return frame_border(borders, position, limit, border, error);
	default:
		return line_border(borders, position, limit, border, error);
	}
}

int mr_borders_find(struct mr_borders *borders, uint64_t from, uint64_t to, uint64_t *begin,
		    uint64_t *end, struct gw_error *error)
{
	const struct gw_mr_job *job = &borders->config->job;
	uint64_t file_size = borders->plan_file->size;
	int result;

	assert(from < to && to <= file_size);
	*end = to;
	result = border_from(borders, from, to, begin, error);
	if (result == 0 && *begin < to)
		result = border_from(borders, to, file_size, end, error);
	if (result < 0)
		return result;
	assert(*begin >= from && *begin <= to && *begin <= *end && *end <= file_size);
	if (job->input == GW_MR_FIXED && *begin < *end && (*end - *begin) % job->record_size)
		return gw_fail(error, GW_E_TRUNCATED,
			       "%s: the last record, at byte %" PRIu64 ", has only %" PRIu64
			       " of %" PRIu64 " bytes",
			       borders->plan_file->path, *end - *end % job->record_size,
			       *end % job->record_size, job->record_size);
	return 0;
}
