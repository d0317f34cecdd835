/* SPDX-License-Identifier: Apache-2.0 */
/* stream_keys_test.c - -k options: the examples of Hadoop's manual, sort(1)'s meaning, and wrong
 * ones. */
#include "stream_keys.h"

#include "support/unit.h"

#include <stdlib.h>

static struct mr_keys parse(const char *separator, const char *options)
{
	struct mr_keys keys = {0};
	struct gw_error error = {0};

	assert_int_equal(mr_separator_set(&keys.separator, separator, &error), 0);
	assert_int_equal(mr_keys_parse(&keys, options, &error), 0);
	return keys;
}

static int compare(const char *separator, const char *options, const char *a, const char *b)
{
	struct mr_keys keys = parse(separator, options);
	int order = mr_keys_compare(&keys, gw_string(a), gw_string(b));

	assert_int_equal(mr_keys_compare(&keys, gw_string(b), gw_string(a)), -order);
	return order > 0 ? 1 : order < 0 ? -1 : 0;
}

static void the_manuals_example_of_a_comparator(void **state)
{
	static const char options[] = "-k2,2nr";

	(void)state;
	assert_int_equal(compare(".", options, "11.14.2.3", "11.14.2.2"), 0);
	assert_int_equal(compare(".", options, "11.14.2.3", "11.12.1.2"), -1);
	assert_int_equal(compare(".", options, "11.11.4.1", "11.12.1.1"), 1);
	assert_int_equal(compare(".", options, "11.9.4.1", "11.12.1.1"), 1);
}

static void the_manuals_example_of_a_partitioner(void **state)
{
	struct mr_keys keys = parse(".", "-k1,2");
	uint32_t part = mr_keys_partition(&keys, gw_string("11.12.1.2"), 3);

	(void)state;
	assert_int_equal(mr_keys_partition(&keys, gw_string("11.12.1.1"), 3), part);
	assert_int_equal(mr_keys_partition(&keys, gw_string("11.12"), 3), part);
	/* 31-hash of "11.12": as Java computes it. */
	assert_int_equal(mr_keys_partition(&keys, gw_string("11.12.9"), INT32_MAX),
			 (((('1' * 31u + '1') * 31u + '.') * 31u + '1') * 31u + '2') & INT32_MAX);
	assert_int_equal(mr_keys_partition(&keys, gw_string(""), 3), 0);
}

static void a_partition_without_options_is_that_of_the_key(void **state)
{
	struct mr_keys keys = parse("\t", "");

	(void)state;
	assert_int_equal(mr_keys_partition(&keys, gw_string("ab"), 9999), 'a' * 31 + 'b');
	/* Bytes are signed, and the sign of the hash does not count. */
	assert_int_equal(mr_keys_partition(&keys, gw_string("\xff"), 1000), INT32_MAX % 1000);
}

static void positions_are_fields_and_bytes(void **state)
{
	(void)state;
	assert_int_equal(compare(" ", "-k2", "x b c", "y b d"), -1); /* to the end of the key */
	assert_int_equal(compare(" ", "-k2,2", "x b c", "y b d"), 0);
	assert_int_equal(compare(" ", "-k1.2,1.3", "abcz", "xbcy"), 0);
	assert_int_equal(compare(" ", "-k1.2,1.4", "abcz", "xbcy"), 1);
	assert_int_equal(compare(" ", "-k 2,2 -k1,1r", "a x", "b x"), 1);
	assert_int_equal(compare(" ", "-k2,1", "a x", "b y"), 0);	/* empty */
	assert_int_equal(compare("::", "-k2,2", "a::b::c", "x::b"), 0); /* longer separators */
	assert_int_equal(compare(" ", "-k1.3", "ab", "abc"), -1);	/* no such byte: first */
	assert_int_equal(compare(" ", "-k3r", "a b", "a b c"), 1);	/* reversed: last */
	assert_int_equal(compare(" ", "-k3", "a b", "a"), 0);
}

static void options_for_all_and_for_one(void **state)
{
	(void)state;
	assert_int_equal(compare("\t", "-n", "9", "10"), -1);
	assert_int_equal(compare("\t", "-nr", "9", "10"), 1);
	assert_int_equal(compare("\t", "-r", "a", "b"), 1);
	assert_int_equal(compare("\t", "", "9", "10"), 1);
	assert_int_equal(compare("\t", "-n -k2,2", "x\t9", "x\t10"), -1);
	assert_int_equal(compare("\t", "-n -k2,2r", "x\t9", "x\t10"), -1); /* by bytes, reversed */
	assert_int_equal(compare("\t", "-k2n,2", "x\t9", "x\t10"), -1);
}

static int numbers(const char *a, const char *b)
{
	int order = mr_compare_numbers(gw_string(a), gw_string(b));

	assert_int_equal(mr_compare_numbers(gw_string(b), gw_string(a)) > 0, order < 0);
	return order > 0 ? 1 : order < 0 ? -1 : 0;
}

static void numbers_have_an_order(void **state)
{
	/* Each is less than the next. */
	static const char *const rising[] = {"-100", "-99.5", "-2",	"-1.25", "-1.2", "-.5",
					     "0",    "0.001", ".01",	"1",	 "1.5",	 "1.50001",
					     "2",    "10",    "0100.1", "1000"};
	enum { COUNT = sizeof(rising) / sizeof(rising[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < COUNT; j++)
			assert_int_equal(numbers(rising[i], rising[j]), (i > j) - (i < j));
	}
	assert_int_equal(numbers("-0.0", "0"), 0);
	assert_int_equal(numbers("", "0"), 0);
	assert_int_equal(numbers("007", "7.00"), 0);
	assert_int_equal(numbers("7 apples", "7"), 0);
	assert_int_equal(numbers("abc", "-"), 0);
	assert_int_equal(
		numbers("123456789012345678901234567890", "123456789012345678901234567891"), -1);
}

static void wrong_options_are_named(void **state)
{
	static const char *const wrong[] = {"-k",   "-kx", "-k0", "-k1.0", "-k1,", "-k1,2x",
					    "-k1x", "-z",  "k1",  "-",	   "-k1.", "-k99999999999"};
	struct mr_keys keys = {0};
	struct gw_error error = {0};
	char many[5 * (MR_KEY_PARTS_MAX + 1) + 1] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(mr_keys_parse(&keys, wrong[i], &error), GW_E_INVALID);
		assert_non_null(strstr(error.text, wrong[i][1] == 'k' ? "-k" : wrong[i]));
	}
	for (int i = 0; i <= MR_KEY_PARTS_MAX; i++)
		memcpy(many + 5 * i, "-k1  ", 6);
	assert_int_equal(mr_keys_parse(&keys, many, &error), GW_E_TOO_LARGE);
	memset(many, '.', MR_SEPARATOR_MAX + 1);
	many[MR_SEPARATOR_MAX + 1] = 0;
	assert_int_equal(mr_separator_set(&keys.separator, many, &error), GW_E_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manuals_example_of_a_comparator),
		cmocka_unit_test(the_manuals_example_of_a_partitioner),
		cmocka_unit_test(a_partition_without_options_is_that_of_the_key),
		cmocka_unit_test(positions_are_fields_and_bytes),
		cmocka_unit_test(options_for_all_and_for_one),
		cmocka_unit_test(numbers_have_an_order),
		cmocka_unit_test(wrong_options_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
