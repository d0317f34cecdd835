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

/* No code is the beginning of another one, so the order of two does not change by what follows. */
static void check_codes(const struct mr_sort_rules *rules, struct gw_bytes a, struct gw_bytes b)
{
	struct base_buffer left = {0}, right = {0};

	assert(mr_sort_encode(rules, a, &left, NULL) == 0);
	assert(mr_sort_encode(rules, b, &right, NULL) == 0);
	int order = sign(gw_bytes_compare(base_buffer_bytes(&left), base_buffer_bytes(&right)));
	size_t common = left.size < right.size ? left.size : right.size;

	assert(order == sign(memcmp(left.data ? left.data : right.data,
				    right.data ? right.data : left.data, common)));
	base_buffer_done(&left);
	base_buffer_done(&right);
}

static void check_backwards(struct gw_bytes a, struct gw_bytes b)
{
	struct base_buffer left = {0}, right = {0}, line = {0};

	assert(mr_sort_encode_backwards(a, &left, NULL) == 0);
	assert(mr_sort_encode_backwards(b, &right, NULL) == 0);
	int order = gw_bytes_compare(base_buffer_bytes(&left), base_buffer_bytes(&right));

	assert(sign(order) == -sign(gw_bytes_compare(a, b)));
	assert(mr_sort_decode_backwards(base_buffer_bytes(&left), &line, NULL) == 0);
	assert(gw_bytes_compare(base_buffer_bytes(&line), a) == 0);
	line.size = 0;
	if (mr_sort_decode_backwards(a, &line, NULL) == 0) {
		left.size = 0;
		assert(mr_sort_encode_backwards(base_buffer_bytes(&line), &left, NULL) == 0);
		assert(gw_bytes_compare(base_buffer_bytes(&left), a) == 0);
	}
	base_buffer_done(&left);
	base_buffer_done(&right);
	base_buffer_done(&line);
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
	struct gw_bytes a = take_line(&rest), b = take_line(&rest);

	check_backwards(a, b);
	if (mr_sort_rules_finish(&rules, &global, NULL) == 0 && rules.key_count > 0)
		check_codes(&rules, a, b);
	return 0;
}
