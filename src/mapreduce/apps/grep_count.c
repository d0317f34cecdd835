/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grep_count.c - grep -c: how many lines of each file, in the order of the files.
 *
 * A file may be cut into several splits, and may be named twice. So a key says where in the
 * input it stands: 4 bytes with the number of the split and 4 with that of the file in it (the
 * greater first, so that their order is that of bytes), one byte that is 0 if the file begins
 * there, then its name. All keys go to the first part, where one attempt sees them in order and
 * adds up neighbours.
 * The map function sees empty files too, so they are here with 0.
 */
#include "grep.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONTINUES_AT = 8, NAME_AT = 9, SHORT_KEY = 512 };

static void put_u32(char *out, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		out[i] = (char)(number >> (24 - 8 * i));
}

int grep_emit_count(struct gw_mr_task *task, const struct grep_state *state, int64_t lines)
{
	char short_key[SHORT_KEY], *key = short_key;
	size_t size = NAME_AT + state->name_size;

	if (size > sizeof short_key)
		key = malloc(size);
	if (!key)
		return gw_mr_fail(task, "grep: no memory for a key of %zu bytes", size);
	assert(state->has_file && state->prefix && lines >= 0);
	put_u32(key, gw_mr_task_number(task));
	put_u32(key + 4, state->file_number);
	key[CONTINUES_AT] = !state->begins;
	memcpy(key + NAME_AT, state->prefix, state->name_size);
	gw_mr_emit_i64(task, (struct gw_bytes){key, size}, lines);
	if (key != short_key)
		free(key);
	return 0;
}

static void write_count(struct gw_mr_task *task, struct grep_state *state)
{
	size_t begin = state->names ? 0 : state->name_size + 1, end = state->name_size + 1;

	if (!state->has_file)
		return;
	assert(state->prefix && state->matches >= 0);
	end += (size_t)snprintf(state->prefix + end, GREP_NUMBER_SIZE, "%lld\n",
				(long long)state->matches);
	gw_mr_write(task, state->prefix + begin, end - begin);
	state->has_file = false;
}

int grep_sum_counts(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct grep_state *state = gw_mr_state(task);
	const char *bytes = key.data;
	struct gw_bytes name = {bytes + NAME_AT, key.size - NAME_AT};
	struct gw_bytes current = {state->prefix, state->name_size};
	int64_t lines;
	int failed;

	assert(key.size >= NAME_AT);
	if (!state->has_file || !bytes[CONTINUES_AT] || gw_bytes_compare(name, current) != 0) {
		write_count(task, state);
		failed = grep_begin_file(task, state, name);
		if (failed)
			return failed;
	}
	while (gw_mr_next_i64(values, &lines))
		state->matches += lines;
	return 0;
}

int grep_finish_counts(struct gw_mr_task *task, struct grep_state *state)
{
	write_count(task, state);
	return 0;
}

uint32_t grep_count_part(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts)
{
	(void)task;
	(void)key;
	(void)parts;
	return 0;
}
