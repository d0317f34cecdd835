/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_task.c - map, reduce and the rest of a streaming job.
 *
 * A mapper gets its block in one command, from start to end inside mr_stream_map_block, so that the
 * engine knows which block it was that failed and can look for the record in it. Only where one
 * command has to see several blocks (a compressed file, -inputformat CombineTextInputFormat, the
 * sample) does it live on, until the file changes or the attempt is finished.
 *
 * A reducer's failure is kept until mr_stream_finish: it is noticed long after the record that
 * caused it was written, so no record must be blamed for it.
 */
#include "stream_task.h"

#include "stream_aggregate.h"
#include "stream_combine.h"
#include "stream_process.h"
#include "stream_reader.h"

#include "base/buffer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct mr_stream_attempt {
	struct mr_stream *stream;
	struct gw_mr_task *task;
	struct mr_facts facts;
	char *directory;            /* of its own, or NULL */
	struct mr_command *command; /* the mapper or the reducer, if it runs */
	struct mr_combiner *combiner;
	const char *data_end;       /* of the lines being looked at */
	struct base_buffer line;    /* a line that got its newline */
	uint64_t line_offset;       /* in the file, of the next line to be fed with its offset */
	struct gw_error error;      /* what happened first; nothing is done after it */
};

static struct mr_stream *stream_of(const struct gw_mr_task *task)
{
	return gw_mr_context(task);
}

/* ---- The output --------------------------------------------------------------------------- */

static void put_line(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	const struct mr_stream *stream = stream_of(task);

	gw_mr_write(task, key.data, key.size);
	if (value.size > 0 || stream->tab_always) {
		gw_mr_write(task, stream->text_out.bytes, stream->text_out.size);
		gw_mr_write(task, value.data, value.size);
	}
	gw_mr_write(task, "\n", 1);
}

int mr_stream_format(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	put_line(task, key, value);
	return 0;
}

static int write_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;
	const struct mr_stream *stream = attempt->stream;
	struct gw_bytes key, value;

	(void)error;
	mr_cut_line(attempt->facts.map ? &stream->map_out : &stream->reduce_out, line, &key,
		    &value);
	put_line(attempt->task, key, value);
	return 0;
}

/* Output of a command (or input of a job without mapper) that is the output of the job. */
static int take_output(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;

	if (attempt->stream->format_output)
		return mr_each_line(data, size, write_line, attempt, error);
	gw_mr_write(attempt->task, data, size);
	return 0;
}

/* ---- The pairs of the mapper -------------------------------------------------------------- */

/* The line with a newline behind it, where the engine writes pairs as they are. */
static int end_line(struct mr_stream_attempt *attempt, struct gw_bytes *line,
		    struct gw_error *error)
{
	struct base_buffer *copy = &attempt->line;
	int result;

	if ((const char *)line->data + line->size < attempt->data_end)
		return 0; /* it stands there anyway */
	copy->size = 0;
	result = base_buffer_append(copy, line->data, line->size, error);
	if (!result)
		result = base_buffer_append(copy, "\n", 1, error);
	if (!result)
		*line = (struct gw_bytes){copy->data, copy->size - 1};
	return result;
}

static int emit_line(struct mr_stream_attempt *attempt, const struct mr_cut *cut,
		     struct gw_bytes line, struct gw_error *error)
{
	struct gw_bytes key, value;
	int result = 0;

	assert(!attempt->stream->map_only);
	if (attempt->stream->newline_kept)
		result = end_line(attempt, &line, error);
	if (result)
		return result;
	mr_cut_line(cut, line, &key, &value);
	value.size += attempt->stream->newline_kept;
	gw_mr_emit(attempt->task, key, value);
	return 0;
}

static int take_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;
	struct gw_bytes key, value;
	int taken = 0;

	if (attempt->combiner) {
		mr_cut_line(&attempt->stream->map_out, line, &key, &value);
		taken = mr_combiner_add(attempt->combiner, key, value, error);
	}
	if (taken)
		return taken < 0 ? taken : 0;
	return emit_line(attempt, &attempt->stream->map_out, line, error);
}

static int take_combined(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;

	assert(attempt->combiner);
	return emit_line(attempt, &attempt->stream->combine_out, line, error);
}

static int take_pairs(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;

	attempt->data_end = data + size;
	return mr_each_line(data, size, take_line, attempt, error);
}

/* The combiner may run while lines of the mapper are being looked at. */
static int take_combined_pairs(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;
	const char *data_end = attempt->data_end;
	int result;

	attempt->data_end = data + size;
	result = mr_each_line(data, size, take_combined, attempt, error);
	attempt->data_end = data_end;
	return result;
}

static mr_process_take *map_take(const struct mr_stream *stream)
{
	return stream->map_only ? take_output : take_pairs;
}

/* ---- Starting and ending ------------------------------------------------------------------ */

static void free_attempt(struct mr_stream_attempt *attempt)
{
	if (!attempt)
		return;
	mr_command_free(attempt->command);
	mr_combiner_free(attempt->combiner);
	mr_work_leave(attempt->directory);
	free(attempt->directory);
	base_buffer_done(&attempt->line);
	free(attempt);
}

void mr_stream_abandon(struct mr_stream *stream)
{
	free_attempt(stream->running);
	stream->running = NULL;
}

int mr_stream_start(struct gw_mr_task *task, void **state)
{
	struct mr_stream *stream = stream_of(task);
	struct mr_stream_attempt *attempt;

	mr_stream_abandon(stream);
	attempt = calloc(1, sizeof(*attempt));
	if (!attempt)
		return gw_mr_fail(task, "no memory for an attempt");
	attempt->stream = stream;
	attempt->task = task;
	attempt->facts.task = gw_mr_task_number(task);
	attempt->facts.attempt = gw_mr_attempt_number(task);
	*state = stream->running = attempt;
	return 0;
}

/* Remembers the failure; in a sample that is all. */
static int fail(struct mr_stream_attempt *attempt)
{
	assert(attempt->error.code);
	if (gw_mr_sampling(attempt->task))
		return 0;
	return gw_mr_fail(attempt->task, "%s", attempt->error.text);
}

static int make_directory(struct mr_stream_attempt *attempt)
{
	char name[160];
	int result;

	if (!attempt->stream->work.wanted || attempt->directory)
		return 0;
	mr_attempt_name(attempt->stream, &attempt->facts, name, sizeof(name));
	result = mr_work_enter(&attempt->stream->work, gw_mr_directory(attempt->task), name,
			       &attempt->directory, &attempt->error);
	attempt->facts.directory = attempt->directory;
	return result;
}

static int make_combiner(struct mr_stream_attempt *attempt)
{
	struct mr_combiner_setup setup = {
		.stream = attempt->stream, .task = attempt->task, .facts = attempt->facts,
		.take = take_combined_pairs, .context = attempt,
	};

	if (!attempt->stream->combiner || attempt->combiner || gw_mr_sampling(attempt->task))
		return 0;
	setup.facts.file = NULL; /* it may be that of several */
	return mr_combiner_new(&attempt->combiner, &setup, &attempt->error);
}

static int start_command(struct mr_stream_attempt *attempt)
{
	const struct mr_stream *stream = attempt->stream;
	bool map = attempt->facts.map;
	struct mr_command_setup setup = {
		.stream = stream, .task = attempt->task, .role = map ? "mapper" : "reducer",
		.text = map ? stream->mapper : stream->reducer, .facts = &attempt->facts,
		.take = map ? map_take(stream) : take_output,
		.lines = (map && !stream->map_only) || stream->format_output, .context = attempt,
	};

	assert(!attempt->command && (map ? stream->mapper : stream->reducer));
	return mr_command_start(&attempt->command, &setup, &attempt->error);
}

static int finish_command(struct mr_stream_attempt *attempt)
{
	struct mr_command *command = attempt->command;

	attempt->command = NULL;
	return command ? mr_command_finish(command, &attempt->error) : 0;
}

int mr_stream_finish(struct gw_mr_task *task, void *state)
{
	struct mr_stream_attempt *attempt = state;
	int result = attempt->error.code;

	assert(attempt && attempt->task == task);
	(void)task;
	if (!result)
		result = finish_command(attempt);
	if (!result && attempt->combiner)
		result = mr_combiner_flush(attempt->combiner, &attempt->error);
	if (result)
		result = fail(attempt);
	mr_stream_abandon(attempt->stream);
	return result;
}

/* ---- Map ---------------------------------------------------------------------------------- */

static int put(struct mr_stream_attempt *attempt, struct gw_bytes bytes)
{
	return mr_command_put(attempt->command, bytes.data, bytes.size, &attempt->error);
}

/* A line of its own to the mapper. */
static int put_line_of(struct mr_stream_attempt *attempt, struct gw_bytes bytes)
{
	int result = put(attempt, bytes);

	return result ? result : put(attempt, gw_string("\n"));
}

/* Key, separator, value and newline to the mapper. */
static int put_record(struct mr_stream_attempt *attempt, struct gw_bytes key, struct gw_bytes value)
{
	const struct mr_separator *separator = &attempt->stream->map_in;
	int result = put(attempt, key);

	if (!result)
		result = put(attempt, (struct gw_bytes){separator->bytes, separator->size});
	if (!result)
		result = put_line_of(attempt, value);
	return result;
}

/* A line of a block that is not fed as it is. */
static int feed_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct mr_stream_attempt *attempt = context;
	const struct mr_separator *separator = &attempt->stream->key_value_in;
	struct gw_bytes value;
	char offset[24];
	size_t at, behind;

	(void)error; /* it is that of the attempt */
	gw_mr_progress(attempt->task, line.data);
	if (attempt->stream->feed == MR_FEED_OFFSET) {
		snprintf(offset, sizeof(offset), "%" PRIu64, attempt->line_offset);
		attempt->line_offset += line.size + 1;
		return put_record(attempt, gw_string(offset), line);
	}
	at = mr_separator_find(separator, line.data, line.size);
	behind = at < line.size ? at + separator->size : line.size;
	value = (struct gw_bytes){(const char *)line.data + behind, line.size - behind};
	if (attempt->stream->feed == MR_FEED_VALUE)
		return put_line_of(attempt, value);
	return put_record(attempt, (struct gw_bytes){line.data, at}, value);
}

/* A piece is written before the progress line hears of it; many times the size of a pipe. */
enum { FEED_AT_ONCE = 4 * MR_PROCESS_PIPE_SIZE };

static int feed_bytes(struct mr_stream_attempt *attempt, const char *data, size_t size)
{
	int result = 0;

	while (!result && size > 0) {
		size_t piece = size < FEED_AT_ONCE ? size : FEED_AT_ONCE;

		result = mr_command_write(attempt->command, data, piece, &attempt->error);
		data += piece;
		size -= piece;
		gw_mr_progress(attempt->task, data);
	}
	return result;
}

static int feed_block(struct mr_stream_attempt *attempt, const struct gw_mr_block *block)
{
	int result;

	assert(attempt->command && block->size > 0);
	if (attempt->stream->feed != MR_FEED_LINE) {
		attempt->line_offset = block->offset;
		return mr_each_line(block->data, block->size, feed_line, attempt, &attempt->error);
	}
	result = feed_bytes(attempt, block->data, block->size);
	if (!result && block->data[block->size - 1] != '\n')
		result = put(attempt, gw_string("\n"));
	return result;
}

static bool is_compressed(const char *file)
{
	static const char *const ends[] = {".gz", ".zst", ".lz4"};
	const char *dot = strrchr(file, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (strcmp(dot, ends[i]) == 0)
			return true;
	}
	return false;
}

/* Whether the mapper that has this block may get the next one as well, if it is of the same
 * file. */
static bool goes_on(const struct mr_stream_attempt *attempt, const char *file)
{
	const struct mr_stream *stream = attempt->stream;

	if (gw_mr_sampling(attempt->task))
		return true;
	return !stream->one_by_one && (stream->input == MR_STREAM_COMBINED || is_compressed(file));
}

static bool same_input(const struct mr_stream_attempt *attempt, const char *file)
{
	assert(attempt->facts.file);
	return gw_mr_sampling(attempt->task) || attempt->stream->input == MR_STREAM_COMBINED ||
	       strcmp(attempt->facts.file, file) == 0;
}

static int map_by_command(struct mr_stream_attempt *attempt, const struct gw_mr_block *block)
{
	int result = 0;

	if (attempt->command && !same_input(attempt, block->file))
		result = finish_command(attempt);
	if (!result && !attempt->command) {
		attempt->facts.file = block->file;
		attempt->facts.offset = block->offset;
		attempt->facts.size = block->size;
		result = start_command(attempt);
	}
	if (!result)
		result = feed_block(attempt, block);
	if (!result && !goes_on(attempt, block->file))
		result = finish_command(attempt);
	return result;
}

/* No mapper: the input itself. */
static int map_as_it_is(struct mr_stream_attempt *attempt, const char *data, size_t size)
{
	struct gw_error *error = &attempt->error;
	int result = map_take(attempt->stream)(attempt, data, size, error);

	if (!result && attempt->stream->map_only && !attempt->stream->format_output &&
	    (size == 0 || data[size - 1] != '\n'))
		result = take_output(attempt, "\n", 1, error);
	return result;
}

static int begin_map(struct mr_stream_attempt *attempt)
{
	int result;

	attempt->facts.map = true;
	result = make_directory(attempt);
	return result ? result : make_combiner(attempt);
}

int mr_stream_map_block(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	struct mr_stream_attempt *attempt = gw_mr_state(task);
	int result;

	assert(attempt->task == task && block->size > 0);
	if (attempt->error.code)
		return fail(attempt);
	result = begin_map(attempt);
	if (!result && attempt->stream->mapper)
		result = map_by_command(attempt, block);
	else if (!result)
		result = map_as_it_is(attempt, block->data, block->size);
	return result ? fail(attempt) : 0;
}

/* ---- Map of records (stream_reader.h) ----------------------------------------------------- */

static int map_record(struct mr_stream_attempt *attempt, struct gw_bytes key, struct gw_bytes value)
{
	const struct mr_stream *stream = attempt->stream;
	int result = 0;

	assert(stream->reader && stream->mapper);
	if (!attempt->command) {
		mr_reader_split(stream->reader, attempt->facts.task, &attempt->facts.file,
				&attempt->facts.offset, &attempt->facts.size);
		result = start_command(attempt);
	}
	if (!result && stream->feed == MR_FEED_OFFSET)
		result = put_record(attempt, key, value);
	else if (!result)
		result = put_line_of(attempt, value);
	if (!result && stream->one_by_one)
		result = finish_command(attempt);
	return result;
}

int mr_stream_map(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	struct mr_stream_attempt *attempt = gw_mr_state(task);
	int result;

	assert(attempt->task == task);
	if (attempt->error.code)
		return fail(attempt);
	result = begin_map(attempt);
	if (!result && attempt->stream->mapper)
		result = map_record(attempt, key, value);
	else if (!result)
		result = map_as_it_is(attempt, value.data, value.size);
	return result ? fail(attempt) : 0;
}

/* ---- Reduce ------------------------------------------------------------------------------- */

int mr_stream_put_pair(const struct mr_stream *stream, struct mr_command *command,
		       struct gw_bytes key, struct gw_bytes value, struct gw_error *error)
{
	int result = mr_command_put(command, key.data, key.size, error);

	if (!result && !stream->key_only_in) {
		if (!stream->plain_lines)
			result = mr_command_put(command, stream->reduce_in.bytes,
						stream->reduce_in.size, error);
		if (!result)
			result = mr_command_put(command, value.data, value.size, error);
	}
	return result ? result : mr_command_put(command, "\n", 1, error);
}

static int begin_reduce(struct mr_stream_attempt *attempt)
{
	int result;

	if (attempt->command)
		return 0;
	attempt->facts.map = false;
	result = make_directory(attempt);
	return result ? result : start_command(attempt);
}

int mr_stream_reduce(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct mr_stream_attempt *attempt = gw_mr_state(task);
	const struct mr_stream *stream = attempt->stream;
	struct gw_bytes value;
	int result = attempt->error.code;

	assert(attempt->task == task);
	if (!result)
		result = begin_reduce(attempt);
	while (!result && mr_command_reads(attempt->command) && gw_mr_next(values, &value))
		result = mr_stream_put_pair(stream, attempt->command, key, value, &attempt->error);
	return 0; /* mr_stream_finish says what went wrong */
}

int mr_stream_reduce_aggregate(struct gw_mr_task *task, struct gw_bytes key,
			       struct gw_mr_values *values)
{
	assert(stream_of(task)->aggregate);
	return mr_aggregate_reduce(task, key, values, stream_of(task)->uniques_max, put_line);
}

/* ---- Order -------------------------------------------------------------------------------- */

/* Keys that the options find equal are still different lines: their bytes decide. */
int mr_stream_compare(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	const struct mr_keys *order = &stream_of(task)->order;
	int result = order->count > 0 ? mr_keys_compare(order, a, b) : 0;

	return result ? result : gw_bytes_compare(a, b);
}

uint32_t mr_stream_partition(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts)
{
	assert(stream_of(task)->spread_by_keys && parts > 0);
	return mr_keys_partition(&stream_of(task)->spread, key, parts);
}
