/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_user_fixture.c - the functions that a user would write, as a draw has them. Each is written
 * once, against struct seed_out, and called by the engine through a gw_mr_task and by the reference
 * directly.
 */
#include "seed_fixture.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Words and what they are worth ---------------------------------------------------------- */

static uint64_t mix(uint64_t sum, struct gw_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		sum = (sum ^ ((const uint8_t *)bytes.data)[i]) * UINT64_C(0x100000001b3);
	return sum ^ sum >> 29;
}

static void put_pair(struct seed_out *out, struct gw_bytes key, int64_t number, bool as_number)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
	out->pair(out, key, (struct gw_bytes){bytes, 8}, as_number);
}

/* The bytes backwards, as many as there is room for. */
static struct gw_bytes backwards(struct gw_bytes bytes, uint8_t room[SEED_MADE_MAX])
{
	size_t size = bytes.size < SEED_MADE_MAX ? bytes.size : SEED_MADE_MAX;

	for (size_t i = 0; i < size; i++)
		room[i] = ((const uint8_t *)bytes.data)[bytes.size - 1 - i];
	return (struct gw_bytes){room, size};
}

/* Emits the key with a value of the drawn kind. word and rest are what the value is made of. */
static void emit(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		 struct gw_bytes word, struct gw_bytes rest)
{
	bool sums = draw->combine_with >= GW_MR_SUM && draw->combine_with <= GW_MR_COUNT;
	uint64_t hash = mix(rest.size, word);
	int64_t number = hash % 31 ? (int64_t)(hash / 31 % 17) - 5 : (int64_t)hash;
	enum seed_value value = draw->value;
	uint8_t room[SEED_MADE_MAX];

	if (value == SEED_MIXED)
		value = (enum seed_value)(hash / 7 % SEED_MIXED);
	switch (value) {
	case SEED_NUMBER:
		/* The 8 bytes of a number are no number to the text format, but one to a sum. */
		put_pair(out, key, number, sums ? hash % 2 : draw->value != SEED_MIXED || hash % 3);
		break;
	case SEED_NOTHING:
		out->pair(out, key, (struct gw_bytes){NULL, 0}, false);
		break;
	case SEED_REST:
		out->pair(out, key, rest, false);
		break;
	default:
		out->pair(out, key, backwards(word, room), false);
	}
}

/* ---- Map ------------------------------------------------------------------------------------ */

/* The next word of the text, blanks left out; false at the end. */
static bool next_word(struct gw_bytes text, size_t *at, struct gw_bytes *word)
{
	const char *data = text.data;
	size_t begin;

	while (*at < text.size && data[*at] == ' ')
		++*at;
	begin = *at;
	while (*at < text.size && data[*at] != ' ')
		++*at;
	*word = (struct gw_bytes){data + begin, *at - begin};
	return *at > begin;
}

static void emit_words(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes text)
{
	uint8_t room[SEED_MADE_MAX];
	struct gw_bytes word;
	int64_t words = 0;
	size_t at = 0;

	while (next_word(text, &at, &word)) {
		size_t left = text.size - at < 40 ? text.size - at : 40;
		struct gw_bytes rest = {(const char *)text.data + at, left};
		struct gw_bytes key = draw->emit == SEED_EMIT_MADE ? backwards(word, room) : word;

		emit(draw, out, key, word, rest);
		words++;
	}
	out->count(out, "words", words);
}

void seed_map_record(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		     struct gw_bytes value)
{
	struct gw_bytes first;
	size_t at = 0;

	out->count(out, "records", 1);
	if (mix(draw->seed, value) % 8 == 0) {
		out->count(out, "silent", 1);
		return;
	}
	switch (draw->emit) {
	case SEED_EMIT_RECORD:
		emit(draw, out, key, value, value);
		break;
	case SEED_EMIT_VALUE:
		emit(draw, out, value, key, key);
		break;
	case SEED_EMIT_FIRST:
		next_word(value, &at, &first);
		emit(draw, out, first, first,
		     (struct gw_bytes){(const char *)value.data + at, value.size - at});
		break;
	default:
		emit_words(draw, out, value);
	}
}

void seed_map_tokens(struct seed_out *out, struct gw_bytes text)
{
	const char *data = text.data;
	int64_t tokens = 0;

	for (size_t at = 0, end; at < text.size; at = end) {
		for (end = at; end < text.size && !memchr(" \t\n\v\f\r", data[end], 6); end++)
			continue;
		if (end > at) {
			put_pair(out, (struct gw_bytes){data + at, end - at}, SEED_TOKEN_NUMBER,
				 true);
			tokens++;
		}
		end += end == at;
	}
	out->count(out, "tokens", tokens);
}

/* ---- Reduce, combine ------------------------------------------------------------------------ */

static struct gw_bytes keep(uint8_t room[SEED_MADE_MAX], struct gw_bytes value)
{
	assert(value.size <= SEED_MADE_MAX);
	if (value.size > 0)
		memcpy(room, value.data, value.size);
	return (struct gw_bytes){room, value.size};
}

static void emit_ends(struct seed_out *out, struct gw_bytes key, struct seed_values *values)
{
	uint8_t least_room[SEED_MADE_MAX], greatest_room[SEED_MADE_MAX];
	struct gw_bytes value, least = {0}, greatest = {0};
	bool any = false;

	while (values->next(values, &value)) {
		if (!any || gw_bytes_compare(value, least) < 0)
			least = keep(least_room, value);
		if (!any || gw_bytes_compare(value, greatest) > 0)
			greatest = keep(greatest_room, value);
		any = true;
	}
	assert(any);
	out->pair(out, key, least, false);
	out->pair(out, key, greatest, false);
}

static void emit_sum(struct seed_out *out, struct gw_bytes key, struct seed_values *values)
{
	struct gw_bytes value;
	uint64_t sum = 0;

	while (values->next(values, &value))
		sum += (uint64_t)gw_mr_i64(value);
	put_pair(out, key, (int64_t)sum, true);
}

static void emit_each(struct seed_out *out, struct gw_bytes key, struct seed_values *values,
		      bool one)
{
	struct gw_bytes value;

	while (values->next(values, &value)) {
		out->pair(out, key, value, false);
		if (one)
			break;
	}
}

static void write_joined(struct seed_out *out, struct gw_bytes key, struct seed_values *values)
{
	struct gw_bytes value;

	out->write(out, key.data, key.size);
	while (values->next(values, &value)) {
		out->write(out, ",", 1);
		out->write(out, value.data, value.size);
	}
	out->write(out, "\n", 1);
}

static void emit_count(struct seed_out *out, struct gw_bytes key, struct seed_values *values)
{
	struct gw_bytes value;
	int64_t count = 0;

	while (values->next(values, &value))
		count++;
	out->count(out, "values", count);
	key.size = key.size < 3 ? key.size : 3;
	put_pair(out, key, count, true);
}

void seed_reduce_key(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		     struct seed_values *values)
{
	out->count(out, "groups", 1);
	switch (draw->reduce) {
	case SEED_SUM:
		return emit_sum(out, key, values);
	case SEED_JOIN:
		return write_joined(out, key, values);
	case SEED_FIRST_VALUE:
		return emit_each(out, key, values, true);
	case SEED_COUNT_VALUES:
		return emit_count(out, key, values);
	case SEED_ENDS:
		return emit_ends(out, key, values);
	default:
		return emit_each(out, key, values, false);
	}
}

/* What a combiner may do without changing what reduce makes of it. */
void seed_combine_key(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		      struct seed_values *values)
{
	if (draw->reduce == SEED_SUM)
		emit_sum(out, key, values);
	else if (draw->reduce == SEED_ENDS)
		emit_ends(out, key, values);
	else
		emit_each(out, key, values, draw->reduce == SEED_FIRST_VALUE);
}

void seed_format_pair(struct seed_out *out, struct gw_bytes key, struct gw_bytes value)
{
	out->write(out, "<", 1);
	out->write(out, key.data, key.size);
	out->write(out, "=", 1);
	out->write(out, value.data, value.size);
	out->write(out, ">\n", 2);
}

void seed_finish_pair(struct seed_out *out)
{
	put_pair(out, gw_string("~finish"), 1, true);
}

/* ---- Order and partition -------------------------------------------------------------------- */

static uint8_t small_letter(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

int seed_compare_keys(const struct seed_draw *draw, struct gw_bytes a, struct gw_bytes b)
{
	const uint8_t *x = a.data, *y = b.data;

	if (draw->compare == SEED_BACKWARDS)
		return gw_bytes_compare(b, a);
	if (draw->compare == SEED_BYTES)
		return gw_bytes_compare(a, b);
	for (size_t i = 0; i < a.size && i < b.size; i++) {
		if (small_letter(x[i]) != small_letter(y[i]))
			return small_letter(x[i]) < small_letter(y[i]) ? -1 : 1;
	}
	return (a.size > b.size) - (a.size < b.size);
}

int seed_compare_values(const struct seed_draw *draw, struct gw_bytes a, struct gw_bytes b)
{
	if (draw->values == SEED_VALUE_BACKWARDS)
		return gw_bytes_compare(b, a);
	if (draw->values == SEED_VALUE_SIZE)
		return (a.size > b.size) - (a.size < b.size);
	return gw_bytes_compare(a, b);
}

/* Not below the number of parts: the engine is to take the remainder. */
uint32_t seed_user_part(const struct seed_draw *draw, struct gw_bytes key)
{
	uint32_t first = key.size ? small_letter(*(const uint8_t *)key.data) : 0;

	if (draw->compare == SEED_CASELESS)
		return first * 31 + (uint32_t)key.size;
	return (uint32_t)mix(1, key);
}
