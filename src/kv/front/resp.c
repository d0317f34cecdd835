/* SPDX-License-Identifier: Apache-2.0 */
/* resp.c - the Redis protocol; see resp.h. */
#include "kv/front/resp.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 20, LENGTH_LINE_BYTES_MAX = 32 };

/* ---- Commands -------------------------------------------------------------------------------- */

bool resp_number(struct gw_bytes text, int64_t *number)
{
	const char *at = text.data;
	bool is_negative = text.size > 0 && at[0] == '-';
	size_t begin = is_negative;
	uint64_t value = 0, most = is_negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

	if (text.size <= begin || text.size > NUMBER_BYTES_MAX)
		return false;
	if (at[begin] == '0' && (text.size > 1 || is_negative))
		return false;
	for (size_t i = begin; i < text.size; i++) {
		uint64_t digit = (uint64_t)(at[i] - '0');

		if (at[i] < '0' || at[i] > '9' || value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = is_negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

/* The line that begins at offset, without its end: 1, and *next behind it. 0: not all is here. */
static int take_line(struct gw_bytes input, size_t offset, size_t most, struct gw_bytes *line,
		     size_t *next)
{
	const char *begin = (const char *)input.data + offset;
	size_t left = input.size - offset;
	const char *end = left > 0 ? memchr(begin, '\n', left < most ? left : most) : NULL;
	size_t size;

	if (!end)
		return left >= most ? GW_E_TOO_LARGE : 0;
	size = (size_t)(end - begin);
	*next = offset + size + 1;
	if (size > 0 && begin[size - 1] == '\r')
		size--;
	*line = (struct gw_bytes){begin, size};
	return 1;
}

/* The number behind a '*' or '$', in a line of its own. */
static int take_length(struct gw_bytes input, size_t *offset, const char *what, int64_t most,
		       int64_t *length, struct gw_error *error)
{
	struct gw_bytes line;
	int code = take_line(input, *offset, LENGTH_LINE_BYTES_MAX, &line, offset);

	if (code == 0)
		return 0;
	if (code == 1) {
		line.data = (const char *)line.data + 1;
		line.size--;
	}
	if (code < 0 || !resp_number(line, length) || *length > most)
		return gw_fail(error, GW_E_INVALID, "Protocol error: invalid %s length", what);
	return 1;
}

static int take_argument(struct gw_bytes input, size_t *offset, struct gw_bytes *argument,
			 struct gw_error *error)
{
	const char *bytes = input.data;
	int64_t length;
	int code;

	if (*offset == input.size)
		return 0;
	if (bytes[*offset] != '$')
		return gw_fail(error, GW_E_INVALID, "Protocol error: expected '$', got '%c'",
			       isprint((unsigned char)bytes[*offset]) ? bytes[*offset] : '?');
	code = take_length(input, offset, "bulk", RESP_BULK_BYTES_MAX, &length, error);
	if (code <= 0)
		return code;
	if (length < 0)
		return gw_fail(error, GW_E_INVALID, "Protocol error: invalid bulk length");
	if ((size_t)length + 2 > input.size - *offset)
		return 0;
	*argument = (struct gw_bytes){bytes + *offset, (size_t)length};
	*offset += (size_t)length + 2; /* Redis does not look at these two either */
	return 1;
}

static int parse_array(struct gw_bytes input, struct base_arena *arena,
		       struct resp_command *command, struct gw_error *error)
{
	size_t offset = 0;
	int64_t count;
	int code = take_length(input, &offset, "multibulk", RESP_ARGUMENTS_MAX, &count, error);

	if (code == 1 && count > 0) {
		/* Each argument has four bytes at least, so short input asks for no memory. */
		if ((uint64_t)count > (input.size - offset) / 4 && input.size < 4096)
			return 0;
		command->arguments =
			base_arena_array(arena, (size_t)count, sizeof(*command->arguments));
		if (!command->arguments)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
	}
	while (code == 1 && (int64_t)command->count < count) {
		code = take_argument(input, &offset, &command->arguments[command->count], error);
		command->count += code == 1;
	}
	command->bytes = offset;
	if (code == 0 && input.size >= RESP_COMMAND_BYTES_MAX)
		return gw_fail(error, GW_E_INVALID, "Protocol error: too big request");
	return code;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\0';
}

static int parse_inline(struct gw_bytes input, struct base_arena *arena,
			struct resp_command *command, struct gw_error *error)
{
	struct gw_bytes line;
	const char *text;
	size_t words = 0;
	int code = take_line(input, 0, RESP_INLINE_BYTES_MAX, &line, &command->bytes);

	if (code < 0)
		return gw_fail(error, GW_E_INVALID, "Protocol error: too big inline request");
	if (code == 0)
		return 0;
	text = line.data;
	for (size_t i = 0; i < line.size; i++)
		words += !is_space(text[i]) && (i == 0 || is_space(text[i - 1]));
	if (words > RESP_ARGUMENTS_MAX)
		return gw_fail(error, GW_E_INVALID, "Protocol error: too big inline request");
	command->arguments = base_arena_array(arena, words, sizeof(*command->arguments));
	if (words > 0 && !command->arguments)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
	for (size_t i = 0; i < line.size; i++) {
		if (is_space(text[i]))
			continue;
		if (i == 0 || is_space(text[i - 1]))
			command->arguments[command->count++] = (struct gw_bytes){text + i, 0};
		command->arguments[command->count - 1].size++;
	}
	assert(command->count == words);
	return 1;
}

int resp_parse(struct gw_bytes input, struct base_arena *arena, struct resp_command *command,
	       struct gw_error *error)
{
	*command = (struct resp_command){0};
	if (input.size == 0)
		return 0;
	return *(const char *)input.data == '*' ? parse_array(input, arena, command, error)
						: parse_inline(input, arena, command, error);
}

/* ---- Words ----------------------------------------------------------------------------------- */

bool resp_is(struct gw_bytes argument, const char *word)
{
	const unsigned char *bytes = argument.data;

	for (size_t i = 0; i < argument.size; i++) {
		if (!word[i] || toupper(bytes[i]) != word[i])
			return false;
	}
	return word[argument.size] == '\0';
}

/* Whether byte is in the set that begins behind '['; *at is moved behind its ']'. */
static bool in_set(struct gw_bytes pattern, size_t *at, unsigned char byte)
{
	const unsigned char *set = pattern.data;
	size_t i = *at;
	bool is_not = i < pattern.size && set[i] == '^', is_in = false;

	for (i += is_not; i < pattern.size && set[i] != ']'; i++) {
		if (set[i] == '\\' && i + 1 < pattern.size) {
			is_in = is_in || set[++i] == byte;
		} else if (i + 2 < pattern.size && set[i + 1] == '-') {
			unsigned char a = set[i], b = set[i + 2];

			is_in = is_in || (a <= b ? byte >= a && byte <= b : byte >= b && byte <= a);
			i += 2;
		} else {
			is_in = is_in || set[i] == byte;
		}
	}
	*at = i < pattern.size ? i + 1 : i;
	return is_in != is_not;
}

/* One element of the pattern, no star, against one byte. */
static bool match_one(struct gw_bytes pattern, size_t *at, unsigned char byte)
{
	const unsigned char *p = pattern.data;
	unsigned char element = p[(*at)++];

	if (element == '?')
		return true;
	if (element == '[')
		return in_set(pattern, at, byte);
	if (element == '\\' && *at < pattern.size)
		element = p[(*at)++];
	return element == byte;
}

bool resp_match(struct gw_bytes pattern, struct gw_bytes key)
{
	const unsigned char *p = pattern.data, *k = key.data;
	size_t at = 0, i = 0, star = SIZE_MAX, star_i = 0;

	/* Only the last star is gone back to: what it may stand for covers the earlier ones. */
	while (i < key.size) {
		if (at < pattern.size && p[at] == '*') {
			star = ++at;
			star_i = i;
		} else if (at < pattern.size && match_one(pattern, &at, k[i])) {
			i++;
		} else if (star != SIZE_MAX) {
			at = star;
			i = ++star_i;
		} else {
			return false;
		}
	}
	while (at < pattern.size && p[at] == '*')
		at++;
	return at == pattern.size;
}

/* ---- Replies --------------------------------------------------------------------------------- */

/* sign, the number in decimal, line end. */
static int put_head(struct base_buffer *out, char sign, int64_t number, struct gw_error *error)
{
	char text[1 + NUMBER_BYTES_MAX + 2];
	size_t at = sizeof(text);
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	text[--at] = '\n';
	text[--at] = '\r';
	do {
		text[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		text[--at] = '-';
	text[--at] = sign;
	return base_buffer_append(out, text + at, sizeof(text) - at, error);
}

int resp_put_text(struct base_buffer *out, const char *text, struct gw_error *error)
{
	size_t size = strlen(text);
	int code = base_buffer_reserve(out, size + 3, error);

	assert(!strpbrk(text, "\r\n"));
	if (code < 0)
		return code;
	out->data[out->size] = '+';
	memcpy(out->data + out->size + 1, text, size);
	memcpy(out->data + out->size + 1 + size, "\r\n", 2);
	out->size += size + 3;
	return 0;
}

int resp_put_failure(struct base_buffer *out, const char *kind, const char *text,
		     struct gw_error *error)
{
	size_t begin = out->size + 1;
	int code = base_buffer_append_format(out, error, "-%s %s", kind, text);

	for (size_t i = begin; code == 0 && i < out->size; i++) {
		if (out->data[i] == '\r' || out->data[i] == '\n')
			out->data[i] = ' ';
	}
	return code == 0 ? base_buffer_append(out, "\r\n", 2, error) : code;
}

int resp_put_number(struct base_buffer *out, int64_t number, struct gw_error *error)
{
	return put_head(out, ':', number, error);
}

int resp_put_bytes(struct base_buffer *out, struct gw_bytes bytes, struct gw_error *error)
{
	int code = put_head(out, '$', (int64_t)bytes.size, error);

	if (code == 0)
		code = base_buffer_append(out, bytes.data, bytes.size, error);
	return code == 0 ? base_buffer_append(out, "\r\n", 2, error) : code;
}

int resp_put_nothing(struct base_buffer *out, struct gw_error *error)
{
	return base_buffer_append(out, "$-1\r\n", 5, error);
}

int resp_put_array(struct base_buffer *out, size_t count, struct gw_error *error)
{
	return put_head(out, '*', (int64_t)count, error);
}
