/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.c - a block of memory as records, in each input format, and the borders between records.
 */
#include "records.h"

#include "base/varint.h"
#include "framed.h"

#include <assert.h>
#include <inttypes.h>

/* ---- Borders --------------------------------------------------------------------------------- */

static size_t behind_newline(const char *data, size_t size, size_t from)
{
	const char *newline = from < size ? memchr(data + from, '\n', size - from) : NULL;

	return newline ? (size_t)(newline - data) + 1 : size;
}

/* The end of the frame at data[begin]; size when there is none or it is cut off. */
static size_t frame_end(const char *data, size_t size, size_t begin)
{
	struct mr_frame frame;

	assert(begin < size);
	if (mr_frame_read_header(data + begin, size - begin, &frame, NULL) < 0 ||
	    frame.payload_size > size - begin - MR_FRAME_HEADER_SIZE)
		return size;
	return begin + MR_FRAME_HEADER_SIZE + frame.payload_size;
}

size_t mr_record_end(const struct mr_config *config, const struct mr_block *block, size_t begin)
{
	uint64_t record_size = config->job.record_size;

	assert(begin <= block->size);
	if (begin == block->size)
		return begin;
	switch (config->job.input) {
	case GW_MR_FILES:
		return block->size;
	case GW_MR_FIXED:
		return record_size < block->size - begin ? begin + record_size : block->size;
	case GW_MR_FRAMED:
		return frame_end(block->data, block->size, begin);
	case GW_MR_COLUMNS:
		if (mr_config_quoted(config))
			return begin + mr_csv_record_end(block->data + begin, block->size - begin,
							 NULL);
		return behind_newline(block->data, block->size, begin);
	default:
		return behind_newline(block->data, block->size, begin);
	}
}

size_t mr_record_begin(const struct mr_config *config, const struct mr_block *block,
		       size_t position)
{
	const char *newline;
	size_t begin = 0, end;

	assert(position <= block->size);
	switch (config->job.input) {
	case GW_MR_FILES:
		return 0;
	case GW_MR_FIXED:
		return position - position % config->job.record_size;
	case GW_MR_COLUMNS:
		if (mr_config_quoted(config))
			break;
		/* fall through */
	case GW_MR_LINES:
		newline = memrchr(block->data, '\n', position);
		return newline ? (size_t)(newline - block->data) + 1 : 0;
	default:
		break;
	}
	/* These can be told only from the front. */
	while ((end = mr_record_end(config, block, begin)) <= position && end < block->size)
		begin = end;
	return begin;
}

static size_t whole_frames(const char *data, size_t size)
{
	struct mr_frame frame;
	size_t end = 0;

	while (end < size) {
		int result = mr_frame_read_header(data + end, size - end, &frame, NULL);

		if (result < 0 && result != GW_E_TRUNCATED)
			return size; /* no more will help: let the reader of the frames say so */
		if (result < 0 || frame.payload_size > size - end - MR_FRAME_HEADER_SIZE)
			break;
		end += MR_FRAME_HEADER_SIZE + frame.payload_size;
	}
	assert(end <= size);
	return end;
}

size_t mr_whole_records(const struct mr_config *config, const char *data, size_t size)
{
	struct mr_block block = {.data = data, .size = size};
	size_t begin = 0, end = 0;

	if (size == 0)
		return 0;
	switch (config->job.input) {
	case GW_MR_FILES:
		return 0;
	case GW_MR_FIXED:
		return size - size % config->job.record_size;
	case GW_MR_FRAMED:
		return whole_frames(data, size);
	default:
		if (!mr_config_quoted(config))
			return mr_record_begin(config, &block, size);
	}
	/* Quoted: the last one may go on; whether it ends here is found out when more is there. */
	while ((end = mr_record_end(config, &block, begin)) < size)
		begin = end;
	return begin;
}

/* ---- Reading --------------------------------------------------------------------------------- */

void mr_records_init(struct mr_records *records, const struct mr_config *config,
		     const struct mr_plan *plan, const struct mr_block *block)
{
	assert(block->file < plan->file_count && (block->data || block->size == 0));
	*records = (struct mr_records){
		.config = config,
		.block = block,
		.data = block->data,
		.size = block->size,
		.lines = config->job.input == GW_MR_LINES,
		.name = plan->files[block->file].path,
	};
}

void mr_records_done(struct mr_records *records)
{
	mr_scratch_done(&records->scratch);
}

static int fail_long(const struct mr_records *records, size_t at, struct gw_error *error)
{
	return gw_fail(error, GW_E_TOO_LARGE, "%s: the record at byte %" PRIu64
		       " has a key or value of more than %d bytes", records->name,
		       records->block->offset + at, MR_KEY_MAX);
}

static void set_number_key(struct mr_records *records, size_t at, struct gw_bytes *key)
{
	records->number = (int64_t)htole64(records->block->offset + at);
	*key = (struct gw_bytes){&records->number, sizeof records->number};
}

static int next_file(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value,
		     struct gw_error *error)
{
	if (records->size > MR_KEY_MAX)
		return fail_long(records, 0, error);
	*key = gw_string(records->name);
	*value = (struct gw_bytes){records->data, records->size};
	records->position = records->size;
	return 1;
}

static int next_fixed(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value,
		      struct gw_error *error)
{
	const struct gw_mr_job *job = &records->config->job;
	const char *record = records->data + records->position;
	size_t left = records->size - records->position;

	assert(job->key_size <= job->record_size && records->position < records->size);
	if (left < job->record_size)
		return gw_fail(error, GW_E_TRUNCATED,
			       "%s: the record at byte %" PRIu64 " has only %zu "
			       "of %" PRIu64 " bytes",
			       records->name, records->block->offset + records->position, left,
			       job->record_size);
	*key = (struct gw_bytes){record, job->key_size};
	*value = (struct gw_bytes){record + job->key_size, job->record_size - job->key_size};
	records->position += job->record_size;
	return 1;
}

static int next_columns(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value,
			struct gw_error *error)
{
	const struct gw_mr_job *job = &records->config->job;
	size_t begin = records->position, end, size;
	const char *line = records->data + begin;
	bool open = false;
	int result;

	if (mr_config_quoted(records->config))
		end = begin + mr_csv_record_end(line, records->size - begin, &open);
	else
		end = behind_newline(records->data, records->size, begin);
	if (open)
		return gw_fail(error, GW_E_CORRUPT, "%s: the record at byte %" PRIu64
			       " has a quote that is not closed", records->name,
			       records->block->offset + begin);
	assert(end > begin && end <= records->size);
	size = end - begin;
	size -= line[size - 1] == '\n';
	if (size > MR_KEY_MAX)
		return fail_long(records, begin, error);
	*value = (struct gw_bytes){line, size};
	records->position = end;
	if (job->key_column == 0) {
		set_number_key(records, begin, key);
		return 1;
	}
	result = mr_column(*value, job->separator, job->key_column, &records->scratch, key, error);
	return result < 0 ? result : 1;
}

static int fail_frame(const struct mr_records *records, size_t at, struct gw_error *error)
{
	return gw_fail_in(error, "%s: at byte %" PRIu64, records->name,
			  records->block->offset + at);
}

static int fail_pair(const struct mr_records *records, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT,
		       "%s: at byte %" PRIu64 ": a pair does not fit its frame", records->name,
		       records->block->offset + records->position);
}

/* Checks the frame at position and goes to its first pair. */
static int enter_frame(struct mr_records *records, struct gw_error *error)
{
	struct gw_error local = {0};
	struct mr_frame frame;
	int result = mr_frame_check(records->data + records->position,
				    records->size - records->position, &frame, &local);

	if (result == 0 && frame.mask)
		result = gw_fail(&local, GW_E_CORRUPT, "a masked frame where none can be");
	if (result < 0) {
		fail_frame(records, records->position, &local);
		if (error)
			*error = local;
		return result;
	}
	assert(frame.payload_size <= records->size - records->position - MR_FRAME_HEADER_SIZE);
	records->position += MR_FRAME_HEADER_SIZE;
	records->frame_end = records->position + frame.payload_size;
	records->frame_pairs = frame.pairs;
	return 0;
}

/* The checksum was right, so what does not fit was written wrong: it is refused all the same. */
static int next_framed(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value,
		       size_t *at, struct gw_error *error)
{
	uint64_t key_size, value_size;
	const uint8_t *pair;
	size_t left, taken, more;
	int result;

	if (records->position == records->frame_end) {
		result = enter_frame(records, error);
		if (result < 0)
			return result;
	}
	assert(records->position < records->frame_end && records->frame_end <= records->size);
	*at = records->position;
	pair = (const uint8_t *)records->data + records->position;
	left = records->frame_end - records->position;
	taken = base_varint_get(pair, left, &key_size);
	more = taken ? base_varint_get(pair + taken, left - taken, &value_size) : 0;
	if (more == 0 || records->frame_pairs == 0)
		return fail_pair(records, error);
	pair += taken + more;
	left -= taken + more;
	if (key_size > left || value_size > left - key_size)
		return fail_pair(records, error);
	left -= key_size + value_size;
	if ((left == 0) != (--records->frame_pairs == 0))
		return fail_pair(records, error);
	if (key_size > MR_KEY_MAX || value_size > MR_KEY_MAX)
		return fail_long(records, records->position, error);
	*key = (struct gw_bytes){pair, key_size};
	*value = (struct gw_bytes){pair + key_size, value_size};
	records->position = records->frame_end - left;
	return 1;
}

int mr_records_next_other(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value,
			  size_t *at, struct gw_error *error)
{
	assert(records->position <= records->size);
	if (records->position == records->size)
		return 0;
	*at = records->position;
	switch (records->config->job.input) {
	case GW_MR_FILES:
		return next_file(records, key, value, error);
	case GW_MR_FIXED:
		return next_fixed(records, key, value, error);
	case GW_MR_COLUMNS:
		return next_columns(records, key, value, error);
	case GW_MR_FRAMED:
		return next_framed(records, key, value, at, error);
	default: /* a line: it is too long, or it would have been dealt with */
		return fail_long(records, records->position, error);
	}
}
