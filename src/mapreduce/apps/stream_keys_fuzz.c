/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_keys_fuzz.c - the input is options, separator and two keys, a line each; whatever they
 * are, the order must be one, a key equals itself, and equal fields go to the same part.
 */
#include "stream_keys.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_bytes take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *newline = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	struct gw_bytes line = {*data, newline ? (size_t)(newline - *data) : *size};

	*data += line.size + (newline != NULL);
	*size -= line.size + (newline != NULL);
	return line;
}

static void copy(char *text, size_t size, struct gw_bytes bytes)
{
	if (bytes.size >= size)
		bytes.size = size - 1;
	if (bytes.size > 0)
		memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_bytes options = take_line(&data, &size), separator = take_line(&data, &size);
	struct gw_bytes a = take_line(&data, &size), b = take_line(&data, &size);
	char text[200], small[MR_SEPARATOR_MAX + 1];
	struct mr_keys keys = {0};
	int order;

	copy(text, sizeof(text), options);
	copy(small, sizeof(small), separator);
	assert(mr_separator_set(&keys.separator, small, NULL) == 0);
	if (mr_keys_parse(&keys, text, NULL))
		return 0;
	order = mr_keys_compare(&keys, a, b);
	assert((order > 0) == (mr_keys_compare(&keys, b, a) < 0));
	assert(mr_keys_compare(&keys, a, a) == 0 && mr_keys_compare(&keys, b, b) == 0);
	assert(mr_keys_partition(&keys, a, 7) < 7);
	if (gw_bytes_compare(a, b) == 0)
		assert(order == 0);
	return 0;
}
