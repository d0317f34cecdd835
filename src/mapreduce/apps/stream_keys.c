/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_keys.c - finds, compares and hashes parts of keys. Nothing is allocated: a key is walked
 * from its front for each part, since keys have few fields.
 */
#include "stream_keys.h"

#include <assert.h>
#include <stdlib.h>

int mr_separator_set(struct mr_separator *separator, const char *text, struct gw_error *error)
{
	size_t size = strlen(text);

	if (size > MR_SEPARATOR_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "separator %.40s...: at most %d bytes", text,
			       MR_SEPARATOR_MAX);
	memcpy(separator->bytes, text, size);
	separator->size = size;
	return 0;
}

size_t mr_separator_find(const struct mr_separator *separator, const char *data, size_t size)
{
	const char *found;

	assert(separator->size <= MR_SEPARATOR_MAX);
	if (separator->size == 0 || size == 0)
		return size;
	if (separator->size == 1)
		found = memchr(data, separator->bytes[0], size);
	else
		found = memmem(data, size, separator->bytes, separator->size);
	return found ? (size_t)(found - data) : size;
}

/* ---- Parsing ------------------------------------------------------------------------------ */

static int read_number(const char **at, uint32_t *number)
{
	unsigned long value;
	char *end;

	if (**at < '0' || **at > '9')
		return -1;
	value = strtoul(*at, &end, 10);
	if (value > 1000000)
		return -1;
	*number = (uint32_t)value;
	*at = end;
	return 0;
}

/* FIELD[.BYTE][nr] */
static int read_position(const char **at, uint32_t *field, uint32_t *byte, struct mr_key_part *part)
{
	if (read_number(at, field))
		return -1;
	if (**at == '.') {
		(*at)++;
		if (read_number(at, byte))
			return -1;
	}
	for (; **at == 'n' || **at == 'r'; (*at)++) {
		part->numeric |= **at == 'n';
		part->reverse |= **at == 'r';
	}
	return 0;
}

static int read_part(const char *text, struct mr_key_part *part)
{
	*part = (struct mr_key_part){.first_field = 1, .first_byte = 1};
	if (read_position(&text, &part->first_field, &part->first_byte, part))
		return -1;
	if (*text == ',') {
		text++;
		if (read_position(&text, &part->last_field, &part->last_byte, part))
			return -1;
	}
	return *text || part->first_field == 0 || part->first_byte == 0 ? -1 : 0;
}

static int add_part(struct mr_keys *keys, const char *text, struct gw_error *error)
{
	if (keys->count == MR_KEY_PARTS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "more than %d key parts", MR_KEY_PARTS_MAX);
	if (!text || read_part(text, &keys->parts[keys->count]))
		return gw_fail(error, GW_E_INVALID,
			       "-k%s: a key part is written -kFIELD[.BYTE][nr][,FIELD[.BYTE][nr]]",
			       text ? text : "");
	keys->count++;
	return 0;
}

static int read_word(struct mr_keys *keys, char *word, char **rest, struct mr_key_part *all,
		     struct gw_error *error)
{
	if (strncmp(word, "-k", 2) == 0)
		return add_part(keys, word[2] ? word + 2 : strtok_r(NULL, " \t", rest), error);
	if (word[0] != '-' || !word[1] || word[1 + strspn(word + 1, "nr")])
		return gw_fail(error, GW_E_INVALID, "%s: a key option is -k, -n or -r", word);
	all->numeric |= strchr(word, 'n') != NULL;
	all->reverse |= strchr(word, 'r') != NULL;
	return 0;
}

int mr_keys_parse(struct mr_keys *keys, const char *options, struct gw_error *error)
{
	struct mr_key_part all = {.first_field = 1, .first_byte = 1};
	char *copy = strdup(options), *rest = NULL;
	int result = 0;

	keys->count = 0;
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory for key options");
	for (char *word = strtok_r(copy, " \t", &rest); word && !result;
	     word = strtok_r(NULL, " \t", &rest))
		result = read_word(keys, word, &rest, &all, error);
	free(copy);
	if (result)
		return result;
	for (uint32_t i = 0; i < keys->count; i++) {
		struct mr_key_part *part = &keys->parts[i];

		if (!part->numeric && !part->reverse) {
			part->numeric = all.numeric;
			part->reverse = all.reverse;
		}
	}
	if (keys->count == 0 && (all.numeric || all.reverse))
		keys->parts[keys->count++] = all;
	return 0;
}

/* ---- Finding ------------------------------------------------------------------------------ */

/* Where field number `field` begins, or key.size + 1 when there are not so many. */
static size_t field_begin(const struct mr_keys *keys, struct gw_bytes key, uint32_t field)
{
	const char *data = key.data;
	size_t at = 0;

	assert(field > 0);
	while (--field > 0) {
		size_t found = mr_separator_find(&keys->separator, data + at, key.size - at);

		if (found == key.size - at)
			return key.size + 1;
		at += found + keys->separator.size;
	}
	return at;
}

static size_t part_end(const struct mr_keys *keys, struct gw_bytes key,
		       const struct mr_key_part *part)
{
	size_t end;

	if (part->last_field == 0)
		return key.size;
	end = field_begin(keys, key, part->last_field);
	if (end > key.size)
		return key.size;
	if (part->last_byte == 0)
		return end + mr_separator_find(&keys->separator, (const char *)key.data + end,
					       key.size - end);
	return part->last_byte > key.size - end ? key.size : end + part->last_byte;
}

/* The bytes of the part; false when the key is too short to have it. */
static bool find_part(const struct mr_keys *keys, struct gw_bytes key,
		      const struct mr_key_part *part, struct gw_bytes *found)
{
	size_t begin = field_begin(keys, key, part->first_field), end;

	assert(part->first_field > 0 && part->first_byte > 0);
	if (begin >= key.size || part->first_byte > key.size - begin)
		return false;
	begin += part->first_byte - 1;
	end = part_end(keys, key, part);
	*found = (struct gw_bytes){(const char *)key.data + begin, end > begin ? end - begin : 0};
	assert(begin + found->size <= key.size);
	return true;
}

/* ---- Comparing ---------------------------------------------------------------------------- */

/* A decimal number as text, without leading zeros; fraction: without those at its end. */
struct number {
	bool negative;
	struct gw_bytes whole, fraction;
};

static size_t digits(const char *data, size_t size)
{
	size_t count = 0;

	while (count < size && data[count] >= '0' && data[count] <= '9')
		count++;
	return count;
}

static struct number read_decimal(struct gw_bytes text)
{
	const char *at = text.data;
	size_t left = text.size;
	struct number number = {0};

	if (left > 0 && *at == '-') {
		number.negative = true;
		at++;
		left--;
	}
	for (; left > 0 && *at == '0'; left--)
		at++;
	number.whole = (struct gw_bytes){at, digits(at, left)};
	at += number.whole.size;
	left -= number.whole.size;
	if (left > 0 && *at == '.') {
		number.fraction = (struct gw_bytes){at + 1, digits(at + 1, left - 1)};
		while (number.fraction.size > 0 && at[number.fraction.size] == '0')
			number.fraction.size--;
	}
	if (number.whole.size == 0 && number.fraction.size == 0)
		number.negative = false; /* -0 is 0 */
	return number;
}

int mr_compare_numbers(struct gw_bytes a, struct gw_bytes b)
{
	struct number x = read_decimal(a), y = read_decimal(b);
	int order;

	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	if (x.whole.size != y.whole.size)
		order = x.whole.size < y.whole.size ? -1 : 1;
	else
		order = gw_bytes_compare(x.whole, y.whole);
	if (order == 0)
		order = gw_bytes_compare(x.fraction, y.fraction);
	return x.negative ? -order : order;
}

static int compare_part(const struct mr_keys *keys, const struct mr_key_part *part,
			struct gw_bytes a, struct gw_bytes b)
{
	struct gw_bytes x, y;
	bool has_x = find_part(keys, a, part, &x), has_y = find_part(keys, b, part, &y);

	if (!has_x || !has_y)
		return has_x - has_y;
	return part->numeric ? mr_compare_numbers(x, y) : gw_bytes_compare(x, y);
}

int mr_keys_compare(const struct mr_keys *keys, struct gw_bytes a, struct gw_bytes b)
{
	assert(keys->count <= MR_KEY_PARTS_MAX);
	for (uint32_t i = 0; i < keys->count; i++) {
		int order = compare_part(keys, &keys->parts[i], a, b);

		if (order)
			return keys->parts[i].reverse ? -order : order;
	}
	return keys->count > 0 ? 0 : gw_bytes_compare(a, b);
}

/* ---- Partitioning ------------------------------------------------------------------------- */

/* As Java hashes a string of these bytes: 31 * hash + byte, bytes being signed. */
static uint32_t add_to_hash(uint32_t hash, struct gw_bytes bytes)
{
	const signed char *data = bytes.data;

	for (size_t i = 0; i < bytes.size; i++)
		hash = 31 * hash + (uint32_t)(int32_t)data[i];
	return hash;
}

uint32_t mr_keys_partition(const struct mr_keys *keys, struct gw_bytes key, uint32_t parts)
{
	uint32_t hash = 0;
	struct gw_bytes found;

	assert(parts > 0);
	if (keys->count == 0)
		hash = add_to_hash(0, key);
	for (uint32_t i = 0; i < keys->count; i++) {
		if (find_part(keys, key, &keys->parts[i], &found))
			hash = add_to_hash(hash, found);
	}
	return (hash & INT32_MAX) % parts;
}
