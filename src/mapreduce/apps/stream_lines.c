/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_lines.c - cuts lines and reads messages; pure functions of the bytes they are given.
 */
#include "stream_lines.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void mr_cut_line(const struct mr_cut *cut, struct gw_bytes line, struct gw_bytes *key,
		 struct gw_bytes *value)
{
	const char *data = line.data;
	size_t end = 0, behind = 0;

	assert(cut->key_fields > 0);
	*key = line;
	*value = (struct gw_bytes){data + line.size, 0};
	if (cut->whole)
		return;
	for (uint32_t field = 0; field < cut->key_fields; field++) {
		end = behind +
		      mr_separator_find(&cut->separator, data + behind, line.size - behind);
		if (end == line.size)
			return;
		behind = end + cut->separator.size;
	}
	if (cut->keep_separator)
		behind = end;
	key->size = end;
	*value = (struct gw_bytes){data + behind, line.size - behind};
}

int mr_each_line(const char *data, size_t size, mr_line_function *function, void *context,
		 struct gw_error *error)
{
	int result = 0;

	assert(data || size == 0);
	while (size > 0 && !result) {
		const char *newline = memchr(data, '\n', size);
		size_t length = newline ? (size_t)(newline - data) : size;
		size_t step = length + (newline != NULL);

		result = function(context, (struct gw_bytes){data, length}, error);
		data += step;
		size -= step;
	}
	return result;
}

static bool take_prefix(struct gw_bytes *text, const char *prefix)
{
	size_t size = strlen(prefix);

	if (text->size < size || memcmp(text->data, prefix, size) != 0)
		return false;
	*text = (struct gw_bytes){(const char *)text->data + size, text->size - size};
	return true;
}

static struct gw_bytes trim(struct gw_bytes text)
{
	const char *data = text.data;

	while (text.size > 0 && (unsigned char)data[text.size - 1] <= ' ')
		text.size--;
	while (text.size > 0 && (unsigned char)*data <= ' ') {
		data++;
		text.size--;
	}
	return (struct gw_bytes){data, text.size};
}

/* Up to the next comma, which is taken away too; false when there is none. */
static bool take_column(struct gw_bytes *text, struct gw_bytes *column)
{
	const char *data = text->data, *comma = memchr(data, ',', text->size);

	assert(text->data || text->size == 0);
	if (!comma)
		return false;
	*column = (struct gw_bytes){data, (size_t)(comma - data)};
	*text = (struct gw_bytes){comma + 1, text->size - column->size - 1};
	return true;
}

static bool read_amount(struct gw_bytes text, int64_t *amount)
{
	char copy[24], *end;

	if (text.size == 0 || text.size >= sizeof(copy) || ((const char *)text.data)[0] == ' ')
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = 0;
	errno = 0;
	*amount = strtoll(copy, &end, 10);
	return end == copy + text.size && errno == 0;
}

struct mr_message mr_message_parse(const char *prefix, struct gw_bytes line)
{
	struct mr_message message = {.kind = MR_MESSAGE_PLAIN};
	struct gw_bytes text = line;

	assert(prefix);
	if (!take_prefix(&text, prefix))
		return message;
	message.kind = MR_MESSAGE_UNCLEAR;
	if (take_prefix(&text, "status:")) {
		message.kind = MR_MESSAGE_STATUS;
		message.text = trim(text);
	} else if (take_prefix(&text, "counter:")) {
		text = trim(text);
		if (take_column(&text, &message.group) && take_column(&text, &message.name) &&
		    read_amount(text, &message.amount))
			message.kind = MR_MESSAGE_COUNTER;
	}
	return message;
}
