/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - see words.h.
 */
#include "words.h"

#include <assert.h>

static bool is_upper(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

void mr_splitter_of_letters(struct gw_splitter *splitter, struct gw_bytes more)
{
	uint8_t set[256];
	size_t count = 0;

	for (unsigned byte = 0; byte < 256; byte++) {
		bool letter = is_upper((uint8_t)byte) || (byte >= 'a' && byte <= 'z');

		if (!letter && !(more.size > 0 && memchr(more.data, (int)byte, more.size)))
			set[count++] = (uint8_t)byte;
	}
	assert(count <= sizeof(set));
	gw_splitter_init(splitter, (struct gw_bytes){set, count});
}

int mr_fold_word(struct gw_bytes word, struct base_buffer *scratch, struct gw_bytes *folded,
		 struct gw_error *error)
{
	const uint8_t *data = word.data;
	size_t at = 0;

	while (at < word.size && !is_upper(data[at]))
		at++;
	*folded = word;
	if (at == word.size)
		return 0;
	scratch->size = 0;
	int code = base_buffer_append(scratch, data, word.size, error);

	if (code < 0)
		return code;
	assert(scratch->size == word.size);
	for (; at < word.size; at++)
		if (is_upper(data[at]))
			scratch->data[at] |= 0x20;
	*folded = base_buffer_bytes(scratch);
	return 0;
}

int mr_check_split_size(struct gw_mr_task *task, size_t size, const char *name)
{
	if (size > UINT32_MAX)
		return gw_mr_fail(task, "%s: a line of more than 4 GiB", name);
	return 0;
}
