/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_content.c - what may be in a file, and whether it is. */
#include "sim/gfs_content.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "gfs/client/frame.h"

/* ---- Writes ---------------------------------------------------------------------------------- */

int gfs_content_write(struct gfs_content *content, uint64_t offset, struct gw_bytes bytes,
		      struct gw_error *error)
{
	struct gfs_content_write *writes = base_grow(content->writes, sizeof(*writes),
						     &content->capacity, content->count + 1);
	uint8_t *copy;

	if (!writes)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for what was written");
	content->writes = writes;
	copy = malloc(bytes.size);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for what was written");
	memcpy(copy, bytes.data, bytes.size);
	writes[content->count] = (struct gfs_content_write){
		.offset = offset, .bytes = copy, .size = bytes.size};
	return (int)content->count++;
}

void gfs_content_acknowledged(struct gfs_content *content, int number)
{
	assert((size_t)number < content->count);
	content->writes[number].acknowledged = true;
}

void gfs_content_synced(struct gfs_content *content, size_t first)
{
	content->time++;
	for (size_t i = first; i < content->count; i++) {
		if (content->writes[i].acknowledged && content->writes[i].synced == 0)
			content->writes[i].synced = content->time;
	}
}

void gfs_content_power_lost(struct gfs_content *content)
{
	content->power_lost = ++content->time;
	for (size_t i = 0; i < content->count; i++)
		content->writes[i].acknowledged = content->writes[i].synced != 0;
}

static bool is_certain(const struct gfs_content *content, const struct gfs_content_part *part,
		       size_t i)
{
	const struct gfs_content_write *write = &content->writes[i];
	bool lasts = content->power_lost <= part->time ||
		     (write->synced != 0 && write->synced <= part->time);

	return write->acknowledged && i < part->certain && lasts;
}

/* The bytes that both have: where they begin in each, and how many. */
static size_t overlap(const struct gfs_content_write *write, uint64_t offset, size_t size,
		      size_t *in_write, size_t *in_read)
{
	uint64_t from = write->offset > offset ? write->offset : offset;
	uint64_t to = write->offset + write->size < offset + size ? write->offset + write->size
								  : offset + size;

	*in_write = (size_t)(from - write->offset);
	*in_read = (size_t)(from - offset);
	return from < to ? (size_t)(to - from) : 0;
}

/* What the acknowledged writes, in their order, leave there. */
static void lay_down(const struct gfs_content *content, const struct gfs_content_part *part,
		     uint64_t offset, uint8_t *expected, size_t size)
{
	size_t in_write, in_read;

	memset(expected, 0, size);
	for (size_t i = 0; i < content->count; i++) {
		const struct gfs_content_write *write = &content->writes[i];
		size_t n = overlap(write, offset, size, &in_write, &in_read);

		if (n > 0 && is_certain(content, part, i))
			memcpy(expected + in_read, write->bytes + in_write, n);
	}
}

/* Whether a write that was not acknowledged put this byte there. */
static bool may_be(const struct gfs_content *content, const struct gfs_content_part *part,
		   uint64_t at, uint8_t byte)
{
	for (size_t i = 0; i < content->count && i < part->possible; i++) {
		const struct gfs_content_write *write = &content->writes[i];

		if (!is_certain(content, part, i) && at >= write->offset &&
		    at - write->offset < write->size && write->bytes[at - write->offset] == byte)
			return true;
	}
	return false;
}

static uint64_t end_of(const struct gfs_content *content, const struct gfs_content_part *part)
{
	uint64_t end = 0;

	for (size_t i = 0; i < content->count; i++) {
		const struct gfs_content_write *write = &content->writes[i];

		if (is_certain(content, part, i) && write->offset + write->size > end)
			end = write->offset + write->size;
	}
	return end;
}

static int check(const struct gfs_content *content, const struct gfs_content_part *part,
		 uint64_t offset, struct gw_bytes bytes, struct gw_error *error)
{
	const uint8_t *data = bytes.data;
	uint8_t *expected;
	int code = 0;

	if (bytes.size == 0)
		return 0;
	expected = malloc(bytes.size);
	if (!expected)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for what is to be there");
	lay_down(content, part, offset, expected, bytes.size);
	for (size_t i = 0; i < bytes.size && code == 0; i++) {
		if (data[i] != expected[i] && !may_be(content, part, offset + i, data[i]))
			code = gw_fail(error, GW_E_CORRUPT, "byte %" PRIu64
				       " is %u, and %u was acknowledged", offset + i, data[i],
				       expected[i]);
	}
	free(expected);
	return code;
}

static int check_end(const struct gfs_content *content, const struct gfs_content_part *part,
		     uint64_t at, struct gw_error *error)
{
	uint64_t end = end_of(content, part);

	return at >= end ? 0
			 : gw_fail(error, GW_E_CORRUPT, "ends at %" PRIu64 ", and %" PRIu64
				   " was acknowledged", at, end);
}

int gfs_content_check(const struct gfs_content *content, uint64_t offset, struct gw_bytes bytes,
		      bool is_end, struct gw_error *error)
{
	const struct gfs_content_part all = {content->count, content->count, UINT64_MAX};
	int code = is_end ? check_end(content, &all, offset + bytes.size, error) : 0;

	return code < 0 ? code : check(content, &all, offset, bytes, error);
}

int gfs_content_check_copy(const struct gfs_content *content, const struct gfs_content_part *part,
			   struct gw_bytes bytes, struct gw_error *error)
{
	int code = check_end(content, part, bytes.size, error);

	return code < 0 ? code : check(content, part, 0, bytes, error);
}

void gfs_content_done(struct gfs_content *content)
{
	for (size_t i = 0; i < content->count; i++)
		free(content->writes[i].bytes);
	free(content->writes);
	*content = (struct gfs_content){0};
}

/* ---- Records --------------------------------------------------------------------------------- */

int gfs_records_append(struct gfs_records *records, uint64_t writer, uint64_t sequence, bool once,
		       struct gw_error *error)
{
	struct gfs_content_record *items = base_grow(records->items, sizeof(*items),
						     &records->capacity, records->count + 1);

	if (!items)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for what was appended");
	records->items = items;
	items[records->count] = (struct gfs_content_record){
		.writer = writer, .sequence = sequence, .once = once};
	return (int)records->count++;
}

void gfs_records_acknowledged(struct gfs_records *records, int number, uint64_t offset)
{
	assert((size_t)number < records->count);
	records->items[number].acknowledged = true;
	records->items[number].offset = offset;
}

void gfs_records_synced(struct gfs_records *records, uint64_t writer)
{
	for (size_t i = 0; i < records->count; i++) {
		if (records->items[i].writer == writer)
			records->items[i].synced = records->items[i].acknowledged;
	}
}

void gfs_records_power_lost(struct gfs_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		records->items[i].acknowledged = records->items[i].synced;
}

static struct gfs_content_record *find(struct gfs_records *records, const struct gfs_frame *frame)
{
	for (size_t i = 0; i < records->count; i++) {
		if (records->items[i].writer == frame->writer &&
		    records->items[i].sequence == frame->sequence)
			return &records->items[i];
	}
	return NULL;
}

static int wrong(struct gw_error *error, const struct gfs_content_record *record, const char *what)
{
	return gw_fail(error, GW_E_CORRUPT, "record %" PRIu64 " of writer %" PRIu64 " %s",
		       record->sequence, record->writer, what);
}

static int check_record(const struct gfs_content_record *record, struct gw_bytes file,
			struct gw_error *error)
{
	struct gfs_frame frame = {0};
	size_t at = (size_t)record->offset;

	if (record->once && record->found > 1)
		return wrong(error, record, "is there twice");
	if (!record->acknowledged)
		return 0;
	if (record->offset >= file.size || gfs_frame_find(file, true, &at, &frame) == 0 ||
	    at != record->offset || frame.writer != record->writer ||
	    frame.sequence != record->sequence)
		return wrong(error, record, "is not where it was acknowledged");
	return 0;
}

int gfs_records_check(struct gfs_records *records, struct gw_bytes file, struct gw_error *error)
{
	struct gfs_frame frame;
	int code = 0;

	for (size_t i = 0; i < records->count; i++)
		records->items[i].found = 0;
	for (size_t at = 0; gfs_frame_find(file, true, &at, &frame) == 1;) {
		struct gfs_content_record *record = find(records, &frame);

		if (!record)
			return gw_fail(error, GW_E_CORRUPT, "nobody appended what is at %zu", at);
		record->found++;
		at += GW_GFS_RECORD_FRAME_BYTES + frame.data.size;
	}
	for (size_t i = 0; i < records->count && code == 0; i++)
		code = check_record(&records->items[i], file, error);
	return code;
}

void gfs_records_done(struct gfs_records *records)
{
	free(records->items);
	*records = (struct gfs_records){0};
}
