/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns.c - finds fields with memchr, and looks at quotes only where a line has one.
 */
#include "columns.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

/* The end of the quoted field that begins at data[begin]: behind its last quote. open: there is
 * none. */
static size_t quoted_end(const char *data, size_t size, size_t begin, bool *open)
{
	size_t at = begin + 1;

	assert(begin < size && data[begin] == '"');
	*open = false;
	while (at < size) {
		const char *quote = memchr(data + at, '"', size - at);

		if (!quote)
			break;
		at = (size_t)(quote - data) + 1;
		if (at == size || data[at] != '"')
			return at;
		at++;
	}
	*open = true;
	return size;
}

static size_t find(const char *data, size_t size, size_t from, char wanted)
{
	const char *at = size > from ? memchr(data + from, wanted, size - from) : NULL;

	return at ? (size_t)(at - data) : size;
}

/* Where the field that begins at data[begin] ends: at its separator, or at size. */
static size_t field_end(const char *data, size_t size, size_t begin, char separator, bool quotes)
{
	bool open;

	if (quotes && begin < size && data[begin] == '"')
		return find(data, size, quoted_end(data, size, begin, &open), separator);
	return find(data, size, begin, separator);
}

/* Takes the quotes off: text up to the closing quote, doubled quotes once, and what follows it. */
static int unquote(struct gw_bytes raw, struct mr_scratch *scratch, struct gw_bytes *field,
		   struct gw_error *error)
{
	const char *data = raw.data;
	bool open;
	size_t end = quoted_end(data, raw.size, 0, &open);
	size_t inner_end = open ? end : end - 1;
	size_t used = 0;
	char *out;

	/* The common case needs no memory: nothing doubled, nothing behind. */
	if (end == raw.size && find(data, inner_end, 1, '"') == inner_end) {
		*field = (struct gw_bytes){data + 1, inner_end - 1};
		return 0;
	}
	out = base_grow(scratch->data, 1, &scratch->capacity, raw.size);
	if (!out)
		return gw_fail(error, GW_E_NO_MEMORY, "a field of %zu bytes: out of memory",
			       raw.size);
	scratch->data = out;
	for (size_t i = 1; i < inner_end; i++) {
		out[used++] = data[i];
		if (data[i] == '"')
			i++;
	}
	assert(used < inner_end && end <= raw.size);
	memcpy(out + used, data + end, raw.size - end);
	*field = (struct gw_bytes){out, used + raw.size - end};
	return 0;
}

int mr_column(struct gw_bytes line, uint8_t separator, uint32_t column, struct mr_scratch *scratch,
	      struct gw_bytes *field, struct gw_error *error)
{
	const char *data = line.data;
	bool quotes = separator == ',';
	size_t begin = 0, end;

	*field = (struct gw_bytes){NULL, 0};
	if (column == 0 || line.size == 0)
		return 0;
	if (quotes && data[line.size - 1] == '\r')
		line.size--;
	end = field_end(data, line.size, begin, (char)separator, quotes);
	while (--column > 0) {
		if (end == line.size)
			return 0;
		begin = end + 1;
		end = field_end(data, line.size, begin, (char)separator, quotes);
	}
	assert(begin <= end && end <= line.size);
	*field = (struct gw_bytes){data + begin, end - begin};
	if (quotes && begin < end && data[begin] == '"')
		return unquote(*field, scratch, field, error);
	return 0;
}

void mr_scratch_done(struct mr_scratch *scratch)
{
	free(scratch->data);
	*scratch = (struct mr_scratch){NULL, 0};
}

size_t mr_csv_record_end(const char *data, size_t size, bool *open)
{
	size_t newline = find(data, size, 0, '\n');
	size_t at = 0;
	bool in_quotes = false;

	/* A line without quotes, which is nearly every line, needs no look at its fields. */
	if (find(data, newline, 0, '"') == newline)
		at = newline;
	while (at < newline) {
		size_t end = at;

		if (data[at] == '"') {
			end = quoted_end(data, size, at, &in_quotes);
			if (end > newline)
				newline = find(data, size, end, '\n');
		}
		at = find(data, newline, end, ',');
		if (at < newline)
			at++;
	}
	assert(newline <= size && (!in_quotes || newline == size));
	if (open)
		*open = in_quotes;
	return newline < size ? newline + 1 : size;
}
