/* SPDX-License-Identifier: Apache-2.0 */
/* literal.c - see literal.h. */
#include "literal.h"

#include <assert.h>

/* The pattern, which has no NUL, is read once from front to back. A step returns false to give
 * up. */
struct reader {
	const char *at, *end;
	struct mr_literals *literals;
	char *room;        /* where the next byte of a literal goes */
	char *run;         /* the bytes since here stand side by side in every match */
	struct gw_bytes best; /* the longest run of this alternative so far */
};

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Something else than a literal byte stands here: the run ends. */
static void end_run(struct reader *reader)
{
	size_t size = (size_t)(reader->room - reader->run);

	assert(reader->run <= reader->room && reader->at <= reader->end);
	if (size > reader->best.size)
		reader->best = (struct gw_bytes){reader->run, size};
	reader->run = reader->room;
}

static bool end_alternative(struct reader *reader)
{
	struct mr_literals *literals = reader->literals;

	end_run(reader);
	assert(literals->count <= MR_LITERALS_MAX);
	if (reader->best.size == 0 || literals->count == MR_LITERALS_MAX)
		return false;
	literals->items[literals->count++] = reader->best;
	reader->best.size = 0;
	return true;
}

/* A backslash and a letter that stand for one place or one byte of some kind, without an
 * argument. */
static bool is_plain_escape(char letter)
{
	return strchr("dDwWsSbBAzZhHvVRKXtnrfea", letter) != NULL;
}

/* After "[": up to behind the "]". */
static bool skip_class(struct reader *reader)
{
	if (reader->at < reader->end && *reader->at == '^')
		reader->at++;
	if (reader->at < reader->end && *reader->at == ']')
		reader->at++;
	while (reader->at < reader->end) {
		char byte = *reader->at++;

		if (byte == ']')
			return true;
		if (byte == '[' && reader->at < reader->end && strchr(":.=", *reader->at)) {
			reader->at++;
			while (reader->at < reader->end &&
			       (*reader->at == '^' || is_letter(*reader->at)))
				reader->at++;
			if (reader->end - reader->at < 2 || memcmp(reader->at, ":]", 2) != 0)
				return false;
			reader->at += 2;
		}
		if (byte == '\\') {
			if (reader->at == reader->end || strchr("QEc", *reader->at))
				return false;
			reader->at++;
		}
	}
	return false;
}

/* After "(": up to behind the ")" that belongs to it. Options that change the syntax give up. */
static bool skip_group(struct reader *reader)
{
	size_t depth = 1;

	for (bool begins = true; depth > 0; ) {
		char byte;

		if (begins && reader->end - reader->at >= 1 && strchr("?*", *reader->at)) {
			if (reader->end - reader->at < 2 || memcmp(reader->at, "?:", 2) != 0)
				return false;
			reader->at += 2;
		}
		begins = false;
		if (reader->at == reader->end)
			return false;
		byte = *reader->at++;
		if (byte == '(') {
			begins = true;
			depth++;
		} else if (byte == ')') {
			depth--;
		} else if (byte == '[') {
			if (!skip_class(reader))
				return false;
		} else if (byte == '\\') {
			if (reader->at == reader->end || strchr("QEc", *reader->at))
				return false;
			reader->at++;
		}
	}
	return true;
}

/* The size of a repeat count "{2,3}" at `at`, or 0. What only a newer PCRE2 takes for one is
 * one, too. */
static size_t counted_size(const struct reader *reader)
{
	const char *at = reader->at;

	if (at == reader->end || *at != '{')
		return 0;
	do
		at++;
	while (at < reader->end && (is_digit(*at) || *at == ',' || *at == ' '));
	return at < reader->end && *at == '}' ? (size_t)(at + 1 - reader->at) : 0;
}

static bool is_quantifier(const struct reader *reader)
{
	return reader->at < reader->end && (strchr("*+?", *reader->at) || counted_size(reader) > 0);
}

/* Steps over one quantifier and what makes it lazy or possessive. Two of them in a row give up. */
static bool skip_quantifier(struct reader *reader)
{
	size_t counted = counted_size(reader);

	assert(is_quantifier(reader));
	reader->literals->exact = false;
	reader->at += counted > 0 ? counted : 1;
	if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '?'))
		reader->at++;
	return !is_quantifier(reader);
}

static bool read_byte(struct reader *reader, char byte)
{
	*reader->room++ = byte;
	if (!is_quantifier(reader))
		return true;
	if (*reader->at == '+') { /* ab+c has ab, and bc */
		end_run(reader);
		*reader->room++ = byte;
		return skip_quantifier(reader);
	}
	reader->room--;
	end_run(reader);
	return skip_quantifier(reader);
}

/* Something that is no literal byte, up to `at`, and how often. */
static bool read_other(struct reader *reader)
{
	reader->literals->exact = false;
	end_run(reader);
	return !is_quantifier(reader) || skip_quantifier(reader);
}

static bool read_escape(struct reader *reader)
{
	char byte;

	if (reader->at == reader->end)
		return false;
	byte = *reader->at++;
	if (is_plain_escape(byte))
		return read_other(reader);
	if (is_letter(byte) || is_digit(byte))
		return false;
	return read_byte(reader, byte);
}

static bool read_item(struct reader *reader)
{
	char byte = *reader->at++;

	switch (byte) {
	case '|':
		return end_alternative(reader);
	case '(':
		return skip_group(reader) && read_other(reader);
	case '[':
		return skip_class(reader) && read_other(reader);
	case '.':
	case '^':
	case '$':
		return read_other(reader);
	case '\\':
		return read_escape(reader);
	case ')':
	case '*':
	case '+':
	case '?':
		return false;
	default:
		return read_byte(reader, byte);
	}
}

void mr_literals_find(struct mr_literals *literals, struct gw_bytes pattern, char *room)
{
	const char *text = pattern.data;
	struct reader reader = {
		.at = text, .end = text + pattern.size, .literals = literals,
		.room = room, .run = room,
	};
	bool known = pattern.size > 0 && !memchr(text, 0, pattern.size);

	*literals = (struct mr_literals){.exact = true};
	while (known && reader.at < reader.end)
		known = read_item(&reader);
	assert(reader.at <= reader.end);
	if (!known || !end_alternative(&reader))
		*literals = (struct mr_literals){0};
}
