/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splitter_fuzz.c - the kernels of gw_split must agree. Input: size of the set, room for tokens,
 * where to begin, the set, the text.
 */
#include "splitter.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM_MAX = 64 + 255 };

/* The plain kernel needs no slack, so it can be asked for as many as the other made. */
static void compare(const struct gw_splitter *splitter, const char *text, size_t size,
		    size_t position, size_t room)
{
	struct gw_splitter plain = *splitter;
	struct gw_token tokens[ROOM_MAX], expected[ROOM_MAX];
	size_t plain_position = position;

	while (position < size) {
		size_t count = gw_split(splitter, text, size, &position, tokens, room);
		size_t same = mr_split_plain(&plain, text, size, &plain_position, expected, count);

		assert(count <= room && same == count);
		assert(memcmp(tokens, expected, count * sizeof *tokens) == 0);
	}
	assert(mr_split_plain(&plain, text, size, &plain_position, expected, 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_splitter splitter;
	size_t set, room, from;
	char *text;

	if (size < 3 || data[0] > size - 3)
		return 0;
	set = data[0];
	room = 64 + (size_t)data[1];
	from = data[2];
	gw_splitter_init(&splitter, (struct gw_bytes){data + 3, set});
	size -= 3 + set;
	text = malloc(size); /* exactly as long, so that the sanitizer sees a read behind it */
	if (!text)
		return 0;
	memcpy(text, data + 3 + set, size);
	for (int kernel = 0; kernel < MR_SPLITTER_KERNELS; kernel++) {
		splitter.kernel = (uint8_t)kernel;
		if (mr_splitter_runs_here(kernel))
			compare(&splitter, text, size, from < size ? from : size, room);
	}
	free(text);
	return 0;
}
