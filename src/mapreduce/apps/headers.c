/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.c - see headers.h.
 */
#include "headers.h"

#include <assert.h>

size_t mr_head_size(struct gw_bytes text)
{
	const char *data = text.data;
	struct gw_bytes rest = text, line;

	while (mr_head_next(&rest, &line))
		if (rest.size == 0)
			return 0; /* the last line is not empty, or has no end yet */
	size_t size = text.size - rest.size;

	assert(rest.size <= text.size);

	return size > 0 && data[size - 1] == '\n' ? size : 0;
}

bool mr_head_next(struct gw_bytes *head, struct gw_bytes *line)
{
	if (head->size == 0)
		return false;
	const char *data = head->data, *end = memchr(data, '\n', head->size);
	size_t size = end ? (size_t)(end - data) : head->size;
	size_t step = end ? size + 1 : size;

	if (size > 0 && data[size - 1] == '\r')
		size--;
	assert(step <= head->size && size <= step);
	*line = (struct gw_bytes){data, size};
	*head = (struct gw_bytes){data + step, head->size - step};
	return size > 0;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

bool mr_head_field(struct gw_bytes line, struct gw_bytes *name, struct gw_bytes *value)
{
	const char *data = line.data;
	const char *colon = line.size > 0 ? memchr(data, ':', line.size) : NULL;

	if (!colon || colon == data || is_blank(data[0]))
		return false;
	size_t begin = (size_t)(colon - data) + 1, end = line.size;

	*name = (struct gw_bytes){data, begin - 1};
	while (begin < end && is_blank(data[begin]))
		begin++;
	while (end > begin && is_blank(data[end - 1]))
		end--;
	assert(begin <= end && end <= line.size);
	*value = (struct gw_bytes){data + begin, end - begin};
	return true;
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

bool mr_begins_with(struct gw_bytes text, const char *name)
{
	const char *data = text.data;

	for (size_t i = 0; name[i]; i++)
		if (i == text.size || lower(data[i]) != lower(name[i]))
			return false;
	return true;
}

bool mr_same_name(struct gw_bytes text, const char *name)
{
	return text.size == strlen(name) && mr_begins_with(text, name);
}

bool mr_head_number(struct gw_bytes text, uint64_t *number)
{
	const char *data = text.data;

	*number = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint64_t digit = (uint64_t)(data[i] - '0');

		if (data[i] < '0' || data[i] > '9' || *number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return text.size > 0;
}
