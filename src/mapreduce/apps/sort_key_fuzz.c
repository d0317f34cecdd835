/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort_key_fuzz.c - the input is a byte of options, a separator, and then a key definition and
 * three lines, each ended by a newline: the order must be one (antisymmetric, transitive).
 */
#include "sort_key.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_bytes take_line(struct gw_bytes *rest)
{
	const char *data = rest->data;
	const char *end = rest->size > 0 ? memchr(data, '\n', rest->size) : NULL;
	size_t size = end ? (size_t)(end - data) : rest->size;

	*rest = (struct gw_bytes){data + size + (end != NULL), rest->size - size - (end != NULL)};
	return (struct gw_bytes){data, size};
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

static void check_order(const struct mr_sort_rules *rules, struct gw_bytes rest)
{
	struct gw_bytes a = take_line(&rest), b = take_line(&rest), c = take_line(&rest);
	int ab = sign(mr_sort_compare(rules, a, b)), bc = sign(mr_sort_compare(rules, b, c));
	int ac = sign(mr_sort_compare(rules, a, c));

	assert(mr_sort_compare(rules, a, a) == 0);
	assert(ab == -sign(mr_sort_compare(rules, b, a)));
	if (ab == bc)
		assert(ac == ab);
	if (ab == 0)
		assert(ac == bc);
	if (rules->last_resort && ab == 0)
		assert(gw_bytes_compare(a, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_sort_rules rules = {0};
	char text[64] = {0};

	if (size < 2)
		return 0;
	struct gw_bytes rest = {data + 2, size - 2}, key = take_line(&rest);
	const struct mr_sort_global global = {
		.order = {data[0] & 1, data[0] & 2, data[0] & 4, data[0] & 8, data[0] & 16},
		.skip_blanks = data[0] & 32,
		.stable = data[0] & 64,
	};

	rules.separator = data[1] < 128 ? data[1] : -1;
	memcpy(text, key.data, key.size < sizeof(text) ? key.size : sizeof(text) - 1);
	if (mr_sort_key_parse(&rules.keys[0], text, NULL) == 0)
		rules.key_count = 1;
	if (mr_sort_rules_finish(&rules, &global, NULL) == 0)
		check_order(&rules, rest);
	return 0;
}
