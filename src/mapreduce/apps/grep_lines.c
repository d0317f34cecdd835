/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grep_lines.c - the map function of grep: from a block of whole lines to the lines that match.
 *
 * The block is taken in windows. Where bytes are read twice (by several literals, or by the count
 * of lines) a window fits the second-level cache, so that they come from memory once; otherwise it
 * is large, since at the end of each the stream from memory is interrupted.
 */
#include "grep.h"

#include <assert.h>
#include <stdio.h>

enum { WINDOW_SIZE = 256 << 10, WINDOW_SIZE_ONCE = 16 << 20 };

static size_t window_size(const struct grep *grep)
{
	bool once = grep->pattern.literal_count == 1 && !grep->line_numbers;

	return once ? WINDOW_SIZE_ONCE : WINDOW_SIZE;
}

static const char *window_end(const struct grep *grep, const char *data, const char *end)
{
	size_t size = window_size(grep);
	const char *newline;

	assert(data < end);
	if ((size_t)(end - data) <= size)
		return end;
	newline = memchr(data + size, '\n', (size_t)(end - data) - size);
	return newline ? newline + 1 : end;
}

static void count_lines_up_to(struct grep_state *state, const char *place)
{
	assert(place >= state->counted);
	if (state->grep->line_numbers)
		state->lines += mr_count_lines(state->kernel, state->counted,
					       (size_t)(place - state->counted));
	state->counted = place;
}

static void write_prefix(struct gw_mr_task *task, struct grep_state *state)
{
	size_t begin = state->names ? 0 : state->name_size + 1, end = state->name_size + 1;

	assert(state->has_file && state->prefix);
	if (state->grep->line_numbers)
		end += (size_t)snprintf(state->prefix + end, GREP_NUMBER_SIZE, "%llu:",
					(unsigned long long)state->lines + 1);
	gw_mr_write(task, state->prefix + begin, end - begin);
}

/* Writes the lines of [from, to), the last of which may lack its newline. */
static void write_lines(struct gw_mr_task *task, struct grep_state *state, const char *from,
			const char *to)
{
	if (from == to)
		return;
	count_lines_up_to(state, from);
	while ((state->names || state->grep->line_numbers) && from < to) {
		const char *newline = memchr(from, '\n', (size_t)(to - from));
		const char *end = newline ? newline + 1 : to;

		write_prefix(task, state);
		gw_mr_write(task, from, (size_t)(end - from));
		count_lines_up_to(state, end);
		from = end;
	}
	gw_mr_write(task, from, (size_t)(to - from));
	if (to[-1] != '\n')
		gw_mr_write(task, "\n", 1);
}

/* Finds the lines of [data, end) that match; writes what has to be written and returns their
 * number. */
static int64_t map_window(struct gw_mr_task *task, struct grep_state *state, const char *data,
			  const char *end)
{
	const struct grep *grep = state->grep;
	struct gw_error error = {0};
	struct gw_bytes line;
	int64_t matches = 0;
	int found;

	mr_matcher_begin(&state->matcher, data, (size_t)(end - data));
	while ((found = mr_matcher_next(&state->matcher, &line, &error)) == 1) {
		const char *begin = line.data, *behind = begin + line.size;

		behind += behind < end;
		matches++;
		if (!grep->count && grep->invert)
			write_lines(task, state, data, begin);
		else if (!grep->count)
			write_lines(task, state, begin, behind);
		data = behind;
	}
	if (found < 0)
		return gw_mr_fail(task, "%s", error.text);
	if (!grep->count && grep->invert)
		write_lines(task, state, data, end);
	count_lines_up_to(state, end);
	return matches;
}

/* A gap between two blocks is a record that is being skipped: one line. */
static int begin_block(struct gw_mr_task *task, struct grep_state *state,
		       const struct gw_mr_block *block)
{
	struct gw_bytes name = gw_string(block->file), current = {state->prefix, state->name_size};
	int failed;

	if (!state->has_file || block->offset == 0 || block->offset < state->offset ||
	    gw_bytes_compare(name, current) != 0) {
		failed = grep_begin_file(task, state, name);
		if (failed)
			return failed;
		state->begins = block->offset == 0;
	}
	if (block->offset > state->offset)
		state->lines++;
	state->offset = block->offset + block->size;
	state->counted = block->data;
	return 0;
}

static void before_line(void *task, const char *line)
{
	gw_mr_at(task, line);
}

int grep_map(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	struct grep_state *state = gw_mr_state(task);
	const char *data = block->data, *end = data + block->size;
	int64_t lines = 0;
	int failed = begin_block(task, state, block);

	assert(data && block->file);
	if (failed)
		return failed;
	state->matcher.before_line = before_line;
	state->matcher.context = task;
	while (data < end) {
		const char *next = window_end(state->grep, data, end);
		int64_t found = map_window(task, state, data, next);

		if (found < 0)
			return (int)found;
		lines += found;
		data = next;
		gw_mr_progress(task, data);
	}
	assert(data == end && lines >= 0);
	if (!state->grep->count)
		return 0;
	if (state->grep->invert)
		lines = (int64_t)mr_count_lines(state->kernel, block->data, block->size) +
			(block->size > 0 && end[-1] != '\n') - lines;
	return grep_emit_count(task, state, lines);
}
