/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort_key.c - see sort_key.h.
 */
#include "sort_key.h"

#include <assert.h>
#include <endian.h>

/* ---- Reading a key's definition -------------------------------------------------------------- */

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* A decimal number; one too large stands for "as far as the line goes". NULL when there is none. */
static const char *read_number(const char *text, size_t *number)
{
	if (!is_digit((uint8_t)*text))
		return NULL;
	for (*number = 0; is_digit((uint8_t)*text); text++) {
		size_t digit = (size_t)(*text - '0');

		if (*number > (MR_SORT_NONE - 1 - digit) / 10)
			*number = MR_SORT_NONE - 1;
		else
			*number = *number * 10 + digit;
	}
	return text;
}

static const char *read_letters(const char *text, struct mr_sort_order *order, bool *skip_blanks)
{
	for (;; text++) {
		switch (*text) {
		case 'b':
			*skip_blanks = true;
			break;
		case 'd':
			order->dictionary = true;
			break;
		case 'f':
			order->fold = true;
			break;
		case 'i':
			order->printing = true;
			break;
		case 'n':
			order->numeric = true;
			break;
		case 'r':
			order->reverse = true;
			break;
		default:
			return text;
		}
	}
}

/* FIELD[.BYTE]; *byte stays as it is when not given. */
static int read_position(const char **at, const char *whole, size_t *field, size_t *byte,
			 struct gw_error *error)
{
	const char *text = read_number(*at, field);

	if (!text)
		return gw_fail(error, GW_E_USAGE, "sort key '%s': no field number at '%s'", whole,
			       *at);
	if (*field == 0)
		return gw_fail(error, GW_E_USAGE, "sort key '%s': fields are counted from 1",
			       whole);
	--*field;
	if (*text == '.') {
		const char *end = read_number(text + 1, byte);

		if (!end)
			return gw_fail(error, GW_E_USAGE, "sort key '%s': no number behind '.'",
				       whole);
		text = end;
	}
	*at = text;
	return 0;
}

int mr_sort_key_parse(struct mr_sort_key *key, const char *text, struct gw_error *error)
{
	const char *at = text;

	*key = (struct mr_sort_key){.first_byte = 1, .last_field = MR_SORT_NONE};
	int code = read_position(&at, text, &key->first_field, &key->first_byte, error);

	if (code < 0)
		return code;
	if (key->first_byte == 0)
		return gw_fail(error, GW_E_USAGE, "sort key '%s': bytes are counted from 1", text);
	key->first_byte--;
	at = read_letters(at, &key->order, &key->skip_first_blanks);
	if (*at == ',') {
		at++;
		code = read_position(&at, text, &key->last_field, &key->last_byte, error);
		if (code < 0)
			return code;
		at = read_letters(at, &key->order, &key->skip_last_blanks);
	}
	if (*at && strchr("ghMRV", *at))
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "sort key '%s': order '%c' is not supported (b d f i n r are)", text,
			       *at);
	if (*at)
		return gw_fail(error, GW_E_USAGE, "sort key '%s': unexpected '%s'", text, at);
	return 0;
}

/* ---- The rules as a whole -------------------------------------------------------------------- */

static bool is_default(const struct mr_sort_key *key)
{
	const struct mr_sort_order *order = &key->order;

	return !order->numeric && !order->fold && !order->dictionary && !order->printing &&
	       !key->skip_first_blanks && !key->skip_last_blanks;
}

int mr_sort_rules_finish(struct mr_sort_rules *rules, const struct mr_sort_global *global,
			 struct gw_error *error)
{
	const struct mr_sort_key all = {
		.first_field = MR_SORT_NONE,
		.last_field = MR_SORT_NONE,
		.skip_first_blanks = global->skip_blanks,
		.skip_last_blanks = global->skip_blanks,
		.order = global->order,
	};

	assert(rules->key_count <= MR_SORT_KEYS_MAX && rules->separator < 256);
	rules->reverse = global->order.reverse;
	rules->last_resort = !global->stable;
	if (rules->key_count == 0 && (!is_default(&all) || global->stable))
		rules->keys[rules->key_count++] = all;
	for (size_t i = 0; i < rules->key_count; i++) {
		struct mr_sort_key *key = &rules->keys[i];

		if (is_default(key) && !key->order.reverse) {
			key->order = global->order;
			key->skip_first_blanks = global->skip_blanks;
			key->skip_last_blanks = global->skip_blanks;
		}
		if (key->order.numeric && (key->order.dictionary || key->order.printing))
			return gw_fail(error, GW_E_USAGE,
				       "sort key %zu: numeric order (n) excludes d and i", i + 1);
	}
	return 0;
}

bool mr_sort_rules_plain(const struct mr_sort_rules *rules)
{
	const struct mr_sort_key *key = rules->keys;

	if (rules->key_count == 0)
		return !rules->reverse;
	return rules->key_count == 1 && is_default(key) && !key->order.reverse && !rules->reverse &&
	       key->first_field == MR_SORT_NONE && key->last_field == MR_SORT_NONE;
}

/* ---- Finding a key in a line ----------------------------------------------------------------- */

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n';
}

static size_t skip_blanks(struct gw_bytes line, size_t at)
{
	const uint8_t *data = line.data;

	assert(at <= line.size);
	while (at < line.size && is_blank(data[at]))
		at++;
	return at;
}

/* The end of the field that begins at `at`: the separator, or the blank before the next field. */
static size_t field_end(const struct mr_sort_rules *rules, struct gw_bytes line, size_t at)
{
	const uint8_t *data = line.data;

	if (rules->separator >= 0) {
		const uint8_t *found =
			at < line.size ? memchr(data + at, rules->separator, line.size - at) : NULL;

		return found ? (size_t)(found - data) : line.size;
	}
	at = skip_blanks(line, at);
	while (at < line.size && !is_blank(data[at]))
		at++;
	return at;
}

/* Where field number `field` begins, or the end of the line. */
static size_t field_begin(const struct mr_sort_rules *rules, struct gw_bytes line, size_t field)
{
	size_t at = 0;

	for (; field > 0 && at < line.size; field--) {
		at = field_end(rules, line, at);
		if (rules->separator >= 0 && at < line.size)
			at++;
	}
	return at;
}

static size_t advance(struct gw_bytes line, size_t at, size_t bytes)
{
	assert(at <= line.size);
	return bytes > line.size - at ? line.size : at + bytes;
}

static struct gw_bytes find_key(const struct mr_sort_rules *rules, const struct mr_sort_key *key,
				struct gw_bytes line)
{
	bool from_start = key->first_field == MR_SORT_NONE;
	size_t begin = from_start ? 0 : field_begin(rules, line, key->first_field);
	size_t end = line.size;

	if (key->skip_first_blanks)
		begin = skip_blanks(line, begin);
	begin = advance(line, begin, key->first_byte);
	if (key->last_field != MR_SORT_NONE) {
		end = field_begin(rules, line, key->last_field);
		if (key->last_byte == 0) {
			end = field_end(rules, line, end);
		} else {
			if (key->skip_last_blanks)
				end = skip_blanks(line, end);
			end = advance(line, end, key->last_byte);
		}
	}
	assert(begin <= line.size && end <= line.size);
	/* A key that ends before it begins is empty. */
	return (struct gw_bytes){(const char *)line.data + begin, end > begin ? end - begin : 0};
}

/* ---- Codes ----------------------------------------------------------------------------------- */

/*
 * Of bytes: the bytes that count, as they count, a zero byte as 0 255, and 0 0 behind them. Of a
 * number: its sign, how many digits it has before the point, these, those behind the point, and 0;
 * for negative ones all that is behind the sign is inverted. Of a reverse order: all is inverted.
 */
enum {
	CODE_NEGATIVE = 1,
	CODE_ZERO = 2,
	CODE_POSITIVE = 3,
	CODE_MANY_DIGITS = 255,		 /* their number follows in 8 bytes */
	CODE_NUMBER_MAX = 1 + 1 + 8 + 1, /* bytes of a number's code besides its digits */
};

static void invert(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)~bytes[i];
}

static bool counts(uint8_t byte, const struct mr_sort_order *order)
{
	uint8_t folded = byte | 0x20;

	if (order->dictionary)
		return is_blank(byte) || is_digit(byte) || (folded >= 'a' && folded <= 'z');
	return !order->printing || (byte >= ' ' && byte < 0x7f);
}

/* Writes at most 2 * key.size + 2 bytes; returns where they end. */
static uint8_t *put_bytes(uint8_t *out, struct gw_bytes key, const struct mr_sort_order *order)
{
	const uint8_t *data = key.data;
	bool as_it_is = !order->fold && !order->dictionary && !order->printing;

	if (as_it_is && key.size > 0 && !memchr(data, 0, key.size)) {
		out = (uint8_t *)mempcpy(out, data, key.size);
	} else {
		for (size_t i = 0; i < key.size; i++) {
			uint8_t byte = data[i];

			if (!counts(byte, order))
				continue;
			if (order->fold && byte >= 'a' && byte <= 'z')
				byte -= 0x20;
			*out++ = byte;
			if (byte == 0)
				*out++ = 255;
		}
	}
	*out++ = 0;
	*out++ = 0;
	return out;
}

/* A decimal number of any length: digits before and after the point, no needless zeros. */
struct number {
	bool negative;
	struct gw_bytes whole, fraction;
};

static struct number read_decimal(struct gw_bytes key)
{
	const uint8_t *data = key.data;
	size_t at = skip_blanks(key, 0), begin;
	struct number number = {.negative = at < key.size && data[at] == '-'};

	at += number.negative;
	while (at < key.size && data[at] == '0')
		at++;
	for (begin = at; at < key.size && is_digit(data[at]); at++)
		;
	number.whole = (struct gw_bytes){data + begin, at - begin};
	if (at < key.size && data[at] == '.') {
		for (begin = ++at; at < key.size && is_digit(data[at]); at++)
			;
		while (at > begin && data[at - 1] == '0')
			at--;
		number.fraction = (struct gw_bytes){data + begin, at - begin};
	}
	assert(at <= key.size);
	return number;
}

/* Writes at most key.size + CODE_NUMBER_MAX bytes. */
static uint8_t *put_number(uint8_t *out, struct gw_bytes key)
{
	struct number number = read_decimal(key);
	uint64_t digits = htobe64(number.whole.size);

	if (number.whole.size == 0 && number.fraction.size == 0) {
		*out++ = CODE_ZERO;
		return out;
	}
	*out++ = number.negative ? CODE_NEGATIVE : CODE_POSITIVE;
	uint8_t *begin = out;

	if (number.whole.size < CODE_MANY_DIGITS) {
		*out++ = (uint8_t)number.whole.size;
	} else {
		*out++ = CODE_MANY_DIGITS;
		out = (uint8_t *)mempcpy(out, &digits, sizeof(digits));
	}
	out = (uint8_t *)mempcpy(out, number.whole.data, number.whole.size);
	if (number.fraction.size > 0)
		out = (uint8_t *)mempcpy(out, number.fraction.data, number.fraction.size);
	*out++ = 0;
	if (number.negative)
		invert(begin, (size_t)(out - begin));
	return out;
}

static int encode_key(struct gw_bytes key, const struct mr_sort_order *order,
		      struct base_buffer *code, struct gw_error *error)
{
	size_t most = 2 * key.size + CODE_NUMBER_MAX;
	int failed = base_buffer_reserve(code, most, error);

	if (failed < 0)
		return failed;
	uint8_t *begin = code->data + code->size;
	uint8_t *end = order->numeric ? put_number(begin, key) : put_bytes(begin, key, order);

	assert(end > begin && (size_t)(end - begin) <= most);
	if (order->reverse)
		invert(begin, (size_t)(end - begin));
	code->size += (size_t)(end - begin);
	return 0;
}

int mr_sort_encode(const struct mr_sort_rules *rules, struct gw_bytes line,
		   struct base_buffer *code, struct gw_error *error)
{
	int failed = 0;

	for (size_t i = 0; failed == 0 && i < rules->key_count; i++) {
		const struct mr_sort_key *key = &rules->keys[i];

		failed = encode_key(find_key(rules, key, line), &key->order, code, error);
	}
	return failed;
}

int mr_sort_encode_backwards(struct gw_bytes line, struct base_buffer *code, struct gw_error *error)
{
	return encode_key(line, &(struct mr_sort_order){.reverse = true}, code, error);
}

int mr_sort_decode_backwards(struct gw_bytes code, struct base_buffer *line, struct gw_error *error)
{
	const uint8_t *data = code.data;
	int failed = base_buffer_reserve(line, code.size, error);

	if (failed < 0)
		return failed;
	for (size_t i = 0; i < code.size; i++) {
		uint8_t byte = (uint8_t)~data[i];

		if (byte == 0) {
			uint8_t next = ++i < code.size ? (uint8_t)~data[i] : 1;

			if (next == 0 && i + 1 == code.size)
				return 0;
			if (next != 255)
				break;
		}
		line->data[line->size++] = byte;
	}
	return gw_fail(error, GW_E_CORRUPT, "a line's code that is none");
}
