/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warc.c - reads records front to back. The buffer holds the head and the block of one record; a
 * block that nobody wants is passed over in pieces, so that an archive of videos costs no memory.
 */
#include "warc.h"
#include "headers.h"

#include <assert.h>
#include <inttypes.h>

enum { READ_SIZE = 256 << 10 };

int mr_warc_parse_head(struct mr_warc_head *head, struct gw_bytes text, struct gw_error *error)
{
	struct gw_bytes line, name, value;
	bool sized = false;

	*head = (struct mr_warc_head){0};
	if (!mr_head_next(&text, &line) || !mr_begins_with(line, "WARC/"))
		return gw_fail(error, GW_E_CORRUPT, "not a WARC record");
	if (!mr_begins_with(line, "WARC/1.") && !mr_begins_with(line, "WARC/0."))
		return gw_fail(error, GW_E_VERSION, "WARC version '%.*s' is unknown",
			       line.size < 20 ? (int)line.size : 20, (const char *)line.data);
	while (mr_head_next(&text, &line)) {
		if (!mr_head_field(line, &name, &value))
			continue;
		if (mr_same_name(name, "warc-type"))
			head->type = value;
		else if (mr_same_name(name, "warc-target-uri"))
			head->target = value;
		else if (mr_same_name(name, "content-length"))
			sized = mr_head_number(value, &head->block_size);
	}
	if (!sized)
		return gw_fail(error, GW_E_CORRUPT, "a WARC record without Content-Length");
	const char *target = head->target.data;

	if (head->target.size >= 2 && target[0] == '<' && target[head->target.size - 1] == '>')
		head->target = (struct gw_bytes){target + 1, head->target.size - 2};
	return 0;
}

void mr_warc_init(struct mr_warc *warc, mr_warc_read *read, void *context)
{
	*warc = (struct mr_warc){.read = read, .context = context};
}

void mr_warc_done(struct mr_warc *warc)
{
	base_buffer_done(&warc->buffer);
}

static struct gw_bytes rest(const struct mr_warc *warc)
{
	assert(warc->begin <= warc->buffer.size);
	return (struct gw_bytes){warc->buffer.data + warc->begin, warc->buffer.size - warc->begin};
}

static void use(struct mr_warc *warc, size_t size)
{
	assert(size <= warc->buffer.size - warc->begin);
	warc->begin += size;
	warc->offset += size;
}

/* Reads until at least `size` unused bytes are there, or the stream ends. */
static int fill(struct mr_warc *warc, size_t size, struct gw_error *error)
{
	struct base_buffer *buffer = &warc->buffer;

	while (buffer->size - warc->begin < size && !warc->ended) {
		size_t left = buffer->size - warc->begin, got = 0;

		if (warc->begin > 0) {
			memmove(buffer->data, buffer->data + warc->begin, left);
			warc->begin = 0;
			buffer->size = left;
		}
		size_t want = size - left > READ_SIZE ? size - left : READ_SIZE;
		int code = base_buffer_reserve(buffer, want, error);

		if (code == 0)
			code = warc->read(warc->context, buffer->data + left, want, &got, error);
		if (code < 0)
			return code;
		assert(got <= want);
		buffer->size += got;
		warc->ended = got == 0;
	}
	return 0;
}

/* Passes over the line ends between records; at the end of the stream nothing is left then. */
static int skip_line_ends(struct mr_warc *warc, struct gw_error *error)
{
	for (;;) {
		int code = fill(warc, 1, error);
		struct gw_bytes left = rest(warc);
		const char *data = left.data;

		if (code < 0 || left.size == 0 || (data[0] != '\r' && data[0] != '\n'))
			return code;
		use(warc, 1);
	}
}

/* The head at the front of the buffer: its size, or a negative code. */
static int read_head(struct mr_warc *warc, struct mr_warc_head *head, struct gw_error *error)
{
	for (size_t want = 1024;; want *= 2) {
		int code = fill(warc, want, error);
		struct gw_bytes text = rest(warc);

		if (code < 0)
			return code;
		if (text.size >= 5 && !mr_begins_with(text, "WARC/"))
			return gw_fail(error, GW_E_CORRUPT, "not a WARC record");
		if (text.size > MR_WARC_HEAD_MAX)
			text.size = MR_WARC_HEAD_MAX;
		size_t size = mr_head_size(text);

		if (size > 0) {
			text.size = size;
			code = mr_warc_parse_head(head, text, error);
			return code < 0 ? code : (int)size;
		}
		if (text.size == MR_WARC_HEAD_MAX)
			return gw_fail(error, GW_E_TOO_LARGE, "head of more than %d bytes",
				       MR_WARC_HEAD_MAX);
		if (warc->ended)
			return gw_fail(error, GW_E_TRUNCATED, "cut off in the head of a record");
	}
}

static int skip_block(struct mr_warc *warc, uint64_t size, struct gw_error *error)
{
	while (size > 0) {
		int code = fill(warc, 1, error);
		size_t here = rest(warc).size;

		if (code < 0)
			return code;
		if (here == 0)
			return gw_fail(error, GW_E_TRUNCATED, "cut off in the block of a record");
		if (here > size)
			here = (size_t)size;
		use(warc, here);
		size -= here;
	}
	return 0;
}

/* Keeps head and block together in the buffer; the head is parsed anew where it is then. */
static int read_block(struct mr_warc *warc, size_t head_size, struct mr_warc_record *record,
		      struct gw_error *error)
{
	size_t size = head_size + (size_t)record->head.block_size;
	int code = fill(warc, size, error);

	if (code < 0)
		return code;
	struct gw_bytes text = rest(warc);

	assert(record->head.block_size <= MR_WARC_BLOCK_MAX);
	if (text.size < size)
		return gw_fail(error, GW_E_TRUNCATED, "cut off in the block of a record");
	record->block = (struct gw_bytes){(const char *)text.data + head_size, size - head_size};
	text.size = head_size;
	use(warc, size);
	return mr_warc_parse_head(&record->head, text, error);
}

/* 1: a record of the type; 2: another one, passed over; 0: the end. */
static int next_record(struct mr_warc *warc, const char *type, struct mr_warc_record *record,
		       struct gw_error *error)
{
	int head_size = read_head(warc, &record->head, error);

	if (head_size < 0)
		return head_size;
	bool wanted = mr_same_name(record->head.type, type);

	record->block = (struct gw_bytes){0};
	record->too_large = record->head.block_size > MR_WARC_BLOCK_MAX;
	if (wanted && !record->too_large) {
		int code = read_block(warc, (size_t)head_size, record, error);

		return code < 0 ? code : 1;
	}
	uint64_t block_size = record->head.block_size;

	record->head = (struct mr_warc_head){.block_size = block_size}; /* its text moves away */
	use(warc, (size_t)head_size);
	int code = skip_block(warc, block_size, error);

	return code < 0 ? code : wanted ? 1 : 2;
}

int mr_warc_next(struct mr_warc *warc, const char *type, struct mr_warc_record *record,
		 struct gw_error *error)
{
	for (;;) {
		int code = skip_line_ends(warc, error);

		if (code < 0)
			return gw_fail_in(error, "byte %" PRIu64, warc->offset);
		if (rest(warc).size == 0)
			return 0;
		record->offset = warc->offset;
		code = next_record(warc, type, record, error);
		if (code < 0)
			return gw_fail_in(error, "record at byte %" PRIu64, record->offset);
		if (code == 1)
			return 1;
	}
}
