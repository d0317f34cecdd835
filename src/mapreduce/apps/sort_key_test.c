/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort_key_test.c - the order of pairs of lines under options of sort. What is expected was taken
 * from GNU sort; test/e2e/results.py compares whole outputs with it besides.
 */
#include "sort_key.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* Rules from "n", "-", ... for the global letters (s too) and keys separated by blanks. */
static void make_rules(struct mr_sort_rules *rules, int separator, const char *letters,
		       const char *keys)
{
	const struct mr_sort_global global = {
		.order = {.numeric = strchr(letters, 'n'),
			  .reverse = strchr(letters, 'r'),
			  .fold = strchr(letters, 'f'),
			  .dictionary = strchr(letters, 'd'),
			  .printing = strchr(letters, 'i')},
		.skip_blanks = strchr(letters, 'b'),
		.stable = strchr(letters, 's'),
	};
	char copy[64];
	char *rest = copy, *key;

	*rules = (struct mr_sort_rules){.separator = separator};
	snprintf(copy, sizeof(copy), "%s", keys);
	while ((key = strsep(&rest, " ")) != NULL)
		if (*key)
			assert_int_equal(
				mr_sort_key_parse(&rules->keys[rules->key_count++], key, NULL), 0);
	assert_int_equal(mr_sort_rules_finish(rules, &global, NULL), 0);
}

/* What the job sort makes of a line: the code of its keys and, as last resort, the line. */
static struct gw_bytes encode(const struct mr_sort_rules *rules, struct gw_bytes line,
			      struct base_buffer *code)
{
	code->size = 0;
	assert_int_equal(mr_sort_encode(rules, line, code, NULL), 0);
	if (rules->last_resort && rules->reverse)
		assert_int_equal(mr_sort_encode_backwards(line, code, NULL), 0);
	else if (rules->last_resort)
		assert_int_equal(base_buffer_append(code, line.data, line.size, NULL), 0);
	return base_buffer_bytes(code);
}

static int compare(const struct mr_sort_rules *rules, struct gw_bytes a, struct gw_bytes b)
{
	struct base_buffer left = {0}, right = {0};
	int order = gw_bytes_compare(encode(rules, a, &left), encode(rules, b, &right));

	base_buffer_done(&left);
	base_buffer_done(&right);
	return order;
}

struct order {
	const char *letters, *keys;
	const char *first, *second;
	int sign; /* of the comparison */
};

static void check(int separator, const struct order *orders, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct order *one = &orders[i];
		struct gw_bytes a = gw_string(one->first), b = gw_string(one->second);
		struct mr_sort_rules rules;

		make_rules(&rules, separator, one->letters, one->keys);
		int there = compare(&rules, a, b), back = compare(&rules, b, a);

		if ((there > 0) - (there < 0) != one->sign || (back > 0) - (back < 0) != -one->sign)
			fail_msg("-%s %s: '%s' '%s': %d and %d", one->letters, one->keys,
				 one->first, one->second, there, back);
	}
}

#define CHECK(separator, orders) check(separator, orders, sizeof(orders) / sizeof((orders)[0]))

static void test_bytes(void **state)
{
	static const struct order orders[] = {
		{"", "", "a", "b", -1},	     {"", "", "a", "aa", -1},
		{"", "", "", "a", -1},	     {"", "", "Z", "a", -1},
		{"", "", "z", "\xc3", -1},   {"", "", "a", "a", 0},
		{"r", "", "a", "b", 1},	     {"rs", "", "a", "b", 1},
		{"s", "", "a", "b", -1},     {"f", "", "a", "B", -1},
		{"f", "", "a", "A", 1},	     {"fs", "", "a", "A", 0},
		{"fr", "", "a", "A", -1},    {"b", "", "  b", "a", 1},
		{"b", "", " a", "a", -1},    {"d", "", "a-b", "ac", -1},
		{"ds", "", "a-b", "ab", 0},  {"ds", "", "a b", "ab", -1},
		{"is", "", "a\x01", "a", 0}, {"i", "", "a\x01", "a", 1},
		{"is", "", "\xc3_", "_", 0}, {"di", "", "a-", "a", 1},
	};

	(void)state;
	CHECK(-1, orders);
}

static void test_numbers(void **state)
{
	static const struct order orders[] = {
		{"ns", "", "9", "10", -1},
		{"ns", "", "-1", "1", -1},
		{"ns", "", "-2", "-1", -1},
		{"ns", "", "-10", "-9", -1},
		{"ns", "", "0", "-0", 0},
		{"ns", "", "", "0", 0},
		{"ns", "", "x", "0", 0},
		{"ns", "", "+1", "0", 0},
		{"ns", "", "1e3", "2", -1},
		{"ns", "", "007", "7", 0},
		{"ns", "", ".5", "0.5", 0},
		{"ns", "", "0.50", ".5", 0},
		{"ns", "", "1.", "1", 0},
		{"ns", "", "1.05", "1.5", -1},
		{"ns", "", "1.5", "1.45", 1},
		{"ns", "", "-.5", "-.25", -1},
		{"ns", "", "-", "0", 0},
		{"ns", "", "- 5", "0", 0},
		{"ns", "", "--5", "0", 0},
		{"ns", "", " \t12", "12", 0},
		{"ns", "", "1,000", "2", -1},
		{"ns", "", "0x10", "0", 0},
		{"ns", "", "-0.0", "0", 0},
		{"ns", "", "-x", "-1", 1},
		{"ns", "", "12345678901234567890123", "12345678901234567890124", -1},
		{"ns", "", "99999999999999999999", "100000000000000000000", -1},
		{"n", "", "01", "1", -1},
		{"nr", "", "01", "1", 1},
		{"nr", "", "1", "2", 1},
		{"nrs", "", "01", "1", 0},
	};

	(void)state;
	CHECK(-1, orders);
}

static void test_fields_by_blanks(void **state)
{
	static const struct order orders[] = {
		{"s", "2", "x b", "y a", 1},
		{"s", "2", "x  a", "y b", -1},
		{"s", "2b", "x  b", "y a", 1},
		{"s", "2,2", "x a z", "y a b", 0},
		{"s", "2", "x a z", "y a b", 1},
		{"s", "3", "a b", "c", 0},
		{"s", "1.2", "xb", "ya", 1},
		{"s", "1.2,1.2", "xbz", "yba", 0},
		{"s", "1,1.1", "ab", "ac", 0},
		{"s", "2,1", "x b", "y a", 0},
		{"s", "2.2", "x b", "y a", 1},
		{"s", "2.3", "x b", "y a", 0},
		{"s", "2.2b", "x  zb", "y za", 1},
		{"s", "1,2.1", "x a", "x b", 0},
		{"s", "1,2.1b", "x  a", "x  b", -1},
		{"s", "2n", "x 10", "y 9", 1},
		{"s", "2nr", "x 10", "y 9", -1},
		{"", "2,2", "y a", "x a", 1},
		{"r", "2,2", "y a", "x a", -1},
		{"r", "2,2n", "y 1", "x 2", -1},
		{"r", "2,2n", "y 1", "x 1", -1},
		{"s", "2,2 1,1", "b x", "a x", 1},
		{"s", "2,2r 1,1", "b x", "a y", 1},
		{"ns", "1,1 2,2f", "1 a", "01 A", 0},
		{"s", "99999999999999999999999", "a", "b", 0},
		{"s", "1.99999999999999999999999", "a", "b", 0},
		{"s", "1,99999999999999999999999.9", "a", "b", -1},
		{"b", "2,2 1.2", "x  a", "y a", -1},
	};

	(void)state;
	CHECK(-1, orders);
}

static void test_fields_by_separator(void **state)
{
	static const struct order orders[] = {
		{"s", "2", "x:b", "y:a", 1},	     {"s", "2", "x::a", "x:b", -1},
		{"s", "2,2", "x::a", "x::b", 0},     {"s", "3", "x::a", "x::b", -1},
		{"s", "2,2", "x:", "x", 0},	     {"s", "2", "x:", "x:a", -1},
		{"s", "2.2,2.2", "x:ab", "x:bb", 0}, {"s", "1,1", "a:z", "a:b", 0},
		{"s", "1,1", "a:z", "a", 0},	     {"s", "2n,2", "x:10:z", "x:9:a", 1},
		{"s", "2,2 1", "b:1", "a:1", 1},     {"s", "3,2", "x:y:b", "x:y:a", 0},
		{"s", "2,3", "x:y:b", "x:y:a", 1},   {"s", "1,2", "x:y:b", "x:y:a", 0},
	};

	(void)state;
	CHECK(':', orders);
}

static void test_zero_bytes_and_ends_of_keys(void **state)
{
	static const struct gw_bytes keys[] = {{"", 0},	      {"\0", 1},  {"\0\0", 2}, {"\0\1", 2},
					       {"\0\377", 2}, {"\1", 1},  {"a", 1},    {"a\0", 2},
					       {"a\0b", 3},   {"a\1", 2}, {"ab", 2},   {"\377", 1},
					       {"\377\0", 2}};
	enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
	struct base_buffer line = {0}, code = {0};
	struct mr_sort_rules rules, backwards;

	(void)state;
	make_rules(&rules, -1, "s", "1");
	make_rules(&backwards, -1, "rs", "");
	for (size_t i = 0; i < KEYS; i++) {
		for (size_t j = 0; j < KEYS; j++) {
			int order = compare(&rules, keys[i], keys[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			order = compare(&backwards, keys[i], keys[j]);
			assert_int_equal((order > 0) - (order < 0), (i < j) - (i > j));
		}
		code.size = line.size = 0;
		assert_int_equal(mr_sort_encode_backwards(keys[i], &code, NULL), 0);
		assert_int_equal(mr_sort_decode_backwards(base_buffer_bytes(&code), &line, NULL),
				 0);
		assert_int_equal(gw_bytes_compare(base_buffer_bytes(&line), keys[i]), 0);
	}
	base_buffer_done(&line);
	base_buffer_done(&code);
}

static void test_what_is_no_code_is_refused(void **state)
{
	static const struct gw_bytes wrong[] = {{"", 0}, {"x", 1}, {"\377", 1}, {"\377\377x", 3}};
	struct base_buffer line = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(mr_sort_decode_backwards(wrong[i], &line, NULL), GW_E_CORRUPT);
	base_buffer_done(&line);
}

/* Numbers with so many digits that their count has its long form. */
static void test_numbers_of_any_length(void **state)
{
	static const size_t digits[] = {1, 2, 253, 254, 255, 256, 1000, 70000};
	enum { SIZES = sizeof(digits) / sizeof(digits[0]) };
	char *text = malloc(70001);
	struct mr_sort_rules rules;

	(void)state;
	make_rules(&rules, -1, "ns", "");
	text[0] = '-';
	memset(text + 1, '7', 70000);
	for (size_t i = 0; i < SIZES; i++) {
		for (size_t j = 0; j < SIZES; j++) {
			struct gw_bytes a = {text + 1, digits[i]}, b = {text + 1, digits[j]};
			int order = compare(&rules, a, b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			a = (struct gw_bytes){text, digits[i] + 1};
			assert_true(compare(&rules, a, b) < 0);
			b = (struct gw_bytes){text, digits[j] + 1};
			order = compare(&rules, a, b);
			assert_int_equal((order > 0) - (order < 0), (i < j) - (i > j));
		}
	}
	free(text);
}

static int encode_once(void *context)
{
	struct base_buffer code = {0};
	int failed = mr_sort_encode(context, gw_string("a b c"), &code, NULL);

	base_buffer_done(&code);
	return failed;
}

static void test_memory_may_run_out(void **state)
{
	struct mr_sort_rules rules;

	(void)state;
	make_rules(&rules, -1, "", "2 1n");
	assert_true(test_each_allocation_fails(encode_once, &rules) > 0);
}

static void test_plain_rules_are_known(void **state)
{
	struct mr_sort_rules rules;

	(void)state;
	make_rules(&rules, -1, "", "");
	assert_true(mr_sort_rules_plain(&rules));
	make_rules(&rules, -1, "s", "");
	assert_true(mr_sort_rules_plain(&rules));
	make_rules(&rules, -1, "r", "");
	assert_false(mr_sort_rules_plain(&rules));
	make_rules(&rules, -1, "rs", "");
	assert_false(mr_sort_rules_plain(&rules));
	make_rules(&rules, -1, "b", "");
	assert_false(mr_sort_rules_plain(&rules));
	make_rules(&rules, -1, "", "1");
	assert_false(mr_sort_rules_plain(&rules));
}

static void check_refused(const char *text, int code, const char *because)
{
	struct mr_sort_key key;
	struct gw_error error = {0};

	if (mr_sort_key_parse(&key, text, &error) != code)
		fail_msg("'%s' gives %d: %s", text, error.code, error.text);
	assert_non_null(strstr(error.text, text));
	assert_non_null(strstr(error.text, because));
}

static void test_bad_keys_are_named(void **state)
{
	(void)state;
	check_refused("", GW_E_USAGE, "no field number");
	check_refused("n", GW_E_USAGE, "no field number");
	check_refused("-1", GW_E_USAGE, "no field number");
	check_refused("0", GW_E_USAGE, "counted from 1");
	check_refused("1.0", GW_E_USAGE, "bytes are counted from 1");
	check_refused("1.", GW_E_USAGE, "no number behind");
	check_refused("1.x", GW_E_USAGE, "no number behind");
	check_refused("1,", GW_E_USAGE, "no field number");
	check_refused("1,0", GW_E_USAGE, "counted from 1");
	check_refused("1,2.", GW_E_USAGE, "no number behind");
	check_refused("1,2,3", GW_E_USAGE, "unexpected ',3'");
	check_refused("1x", GW_E_USAGE, "unexpected 'x'");
	check_refused("1 ", GW_E_USAGE, "unexpected ' '");
	check_refused("2g", GW_E_UNSUPPORTED, "'g' is not supported");
	check_refused("2,3V", GW_E_UNSUPPORTED, "'V' is not supported");
}

static void test_orders_that_exclude_each_other(void **state)
{
	const struct mr_sort_global global = {.order = {.numeric = true, .dictionary = true}};
	struct mr_sort_rules rules = {.separator = -1};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(mr_sort_rules_finish(&rules, &global, &error), GW_E_USAGE);
	assert_non_null(strstr(error.text, "excludes"));
	/* The same, from a key's own letters. */
	rules = (struct mr_sort_rules){.separator = -1, .key_count = 1};
	assert_int_equal(mr_sort_key_parse(&rules.keys[0], "1n,1i", NULL), 0);
	assert_int_equal(mr_sort_rules_finish(&rules, &(struct mr_sort_global){0}, &error),
			 GW_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_fields_by_blanks),
		cmocka_unit_test(test_fields_by_separator),
		cmocka_unit_test(test_zero_bytes_and_ends_of_keys),
		cmocka_unit_test(test_what_is_no_code_is_refused),
		cmocka_unit_test(test_numbers_of_any_length),
		cmocka_unit_test(test_memory_may_run_out),
		cmocka_unit_test(test_plain_rules_are_known),
		cmocka_unit_test(test_bad_keys_are_named),
		cmocka_unit_test(test_orders_that_exclude_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
