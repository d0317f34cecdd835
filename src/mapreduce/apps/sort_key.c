/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort_key.c - see sort_key.h. Keys are found anew for every comparison: nothing is kept per line.
 */
#include "sort_key.h"

#include <assert.h>

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

/* ---- Comparing ------------------------------------------------------------------------------- */

/* A decimal number of any length: sign, digits before and after the point, no needless zeros. */
struct number {
	int sign; /* -1, 0 or 1 */
	struct gw_bytes whole, fraction;
};

static struct number read_decimal(struct gw_bytes key)
{
	const uint8_t *data = key.data;
	size_t at = skip_blanks(key, 0), begin;
	struct number number = {.sign = 1};

	if (at < key.size && data[at] == '-') {
		number.sign = -1;
		at++;
	}
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
	if (number.whole.size == 0 && number.fraction.size == 0)
		number.sign = 0;
	return number;
}

static int compare_numbers(struct gw_bytes left, struct gw_bytes right)
{
	struct number a = read_decimal(left), b = read_decimal(right);
	int difference;

	if (a.sign != b.sign)
		return a.sign < b.sign ? -1 : 1;
	if (a.whole.size != b.whole.size)
		difference = a.whole.size < b.whole.size ? -1 : 1;
	else
		difference = gw_bytes_compare(a.whole, b.whole);
	if (difference == 0)
		difference = gw_bytes_compare(a.fraction, b.fraction);
	return a.sign < 0 ? -difference : difference;
}

static bool counts(uint8_t byte, const struct mr_sort_order *order)
{
	uint8_t folded = byte | 0x20;

	if (order->dictionary)
		return is_blank(byte) || is_digit(byte) || (folded >= 'a' && folded <= 'z');
	return !order->printing || (byte >= ' ' && byte < 0x7f);
}

/* The next byte of the key that counts, as it counts; -1 at the end. */
static int next_byte(struct gw_bytes key, size_t *at, const struct mr_sort_order *order)
{
	const uint8_t *data = key.data;

	assert(*at <= key.size);
	while (*at < key.size && !counts(data[*at], order))
		++*at;
	if (*at == key.size)
		return -1;
	uint8_t byte = data[(*at)++];

	return order->fold && byte >= 'a' && byte <= 'z' ? byte - 0x20 : byte;
}

static int compare_keys(struct gw_bytes a, struct gw_bytes b, const struct mr_sort_order *order)
{
	size_t at = 0, bt = 0;

	if (order->numeric)
		return compare_numbers(a, b);
	if (!order->fold && !order->dictionary && !order->printing)
		return gw_bytes_compare(a, b);
	for (;;) {
		int x = next_byte(a, &at, order), y = next_byte(b, &bt, order);

		if (x != y)
			return x < y ? -1 : 1;
		if (x < 0)
			return 0;
	}
}

int mr_sort_compare(const struct mr_sort_rules *rules, struct gw_bytes a, struct gw_bytes b)
{
	for (size_t i = 0; i < rules->key_count; i++) {
		const struct mr_sort_key *key = &rules->keys[i];
		int difference =
			compare_keys(find_key(rules, key, a), find_key(rules, key, b), &key->order);

		if (difference != 0)
			return key->order.reverse ? -difference : difference;
	}
	if (!rules->last_resort)
		return 0;
	int difference = gw_bytes_compare(a, b);

	return rules->reverse ? -difference : difference;
}
