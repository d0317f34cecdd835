/* SPDX-License-Identifier: Apache-2.0 */
/* stream_aggregate_test.c - each aggregator, its results as Hadoop writes them, and values it
 * refuses. */
#include "stream_aggregate.h"

#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The job's side is not under test: values are given to the aggregators directly. */
void gw_mr_emit(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	(void)task;
	(void)key;
	(void)value;
}

bool gw_mr_next(struct gw_mr_values *values, struct gw_bytes *value)
{
	(void)values;
	(void)value;
	return false;
}

int gw_mr_fail(struct gw_mr_task *task, const char *format, ...)
{
	(void)task;
	(void)format;
	return GW_E_USER_CODE;
}

static int by_order(const void *a, const void *b)
{
	return mr_aggregate_compare_values(NULL, gw_string(*(const char *const *)a),
					   gw_string(*(const char *const *)b));
}

/* Sorts the values, as the engine does, and aggregates them. */
static int aggregate(const char *key, const char **values, size_t count, uint64_t uniques_max,
		     char *text, struct gw_error *error)
{
	struct mr_aggregate *aggregate;
	struct gw_bytes id, bytes;
	int result = mr_aggregate_start(&aggregate, gw_string(key), uniques_max, &id, error);

	qsort(values, count, sizeof(*values), by_order);
	for (size_t i = 0; i < count && !result; i++)
		result = mr_aggregate_add(aggregate, gw_string(values[i]), error);
	if (!result)
		result = mr_aggregate_result(aggregate, &bytes, error);
	if (!result)
		snprintf(text, 200, "%.*s=%.*s", (int)id.size, (const char *)id.data,
			 (int)bytes.size, (const char *)bytes.data);
	mr_aggregate_free(aggregate);
	return result;
}

#define CHECK(key, expected, ...)                                                                  \
	do {                                                                                       \
		const char *values[] = {__VA_ARGS__};                                              \
		char result_text[200];                                                             \
		assert_int_equal(aggregate(key, values, sizeof(values) / sizeof(values[0]), 1000,  \
					   result_text, NULL),                                     \
				 0);                                                               \
		assert_string_equal(result_text, expected);                                        \
	} while (0)

static void whole_numbers(void **state)
{
	(void)state;
	CHECK("LongValueSum:x", "x=6", "1", "2", "3");
	CHECK("longvaluesum:", "=-1", "-1");
	CHECK("LongValueSum:a:b", "a:b=0", "5", "-5");
	CHECK("LongValueMax:x", "x=10", "9", "10", "-3");
	CHECK("LongValueMin:x", "x=-3", "9", "10", "-3");
	CHECK("LongValueMax:x", "x=-7", "-7");
	CHECK("LongValueSum:x", "x=-9223372036854775808", "9223372036854775807", "1");
}

static void decimals(void **state)
{
	(void)state;
	CHECK("DoubleValueSum:x", "x=0.30000000000000004", "0.1", "0.2");
	CHECK("DoubleValueSum:x", "x=3.0", "1", "2 ");
	CHECK("DoubleValueSum:x", "x=1.0E10", "1e10");
}

static void strings(void **state)
{
	(void)state;
	CHECK("StringValueMax:x", "x=pear", "apple", "pear", "fig");
	CHECK("StringValueMin:x", "x=apple", "apple", "pear", "fig");
	CHECK("StringValueMin:x", "x=", "a", "");
}

static void distinct_values(void **state)
{
	const char *many[] = {"a", "b", "c"};
	char text[200];

	(void)state;
	CHECK("UniqValueCount:x", "x=3", "b", "a", "b", "c", "a", "a");
	CHECK("UniqValueCount:x", "x=1", "");
	/* Words and words with counts are different values. */
	CHECK("UniqValueCount:x", "x=3", "a\t1", "a", "a\t2", "a");
	assert_int_equal(aggregate("UniqValueCount:x", many, 3, 2, text, NULL), 0);
	assert_string_equal(text, "x=2");
}

static void histograms(void **state)
{
	(void)state;
	/* distinct, least, median, greatest, average, deviation */
	CHECK("ValueHistogram:x", "x=3\t1\t2\t3\t2.0\t0.816496580927726", "a", "b", "b", "c", "c",
	      "c");
	CHECK("ValueHistogram:x", "x=2\t1\t5\t5\t3.0\t2.0", "a\t2", "b", "a\t3");
	CHECK("ValueHistogram:x", "x=2\t1\t7\t7\t4.0\t3.0", "a", "a\t\t1", "a\t6");
}

static void numbers_as_java_writes_them(void **state)
{
	static const struct number {
		double number;
		const char *text;
	} all[] = {
		{0, "0.0"},
		{-0.0, "-0.0"},
		{1, "1.0"},
		{100, "100.0"},
		{0.001, "0.001"},
		{0.0001, "1.0E-4"},
		{9999999, "9999999.0"},
		{1e7, "1.0E7"},
		{1.5e300, "1.5E300"},
		{-123.456, "-123.456"},
		{1.0 / 3, "0.3333333333333333"},
		{12345678.9, "1.23456789E7"},
		{4.9e-324, "4.9E-324"},
		{2e22, "2.0E22"},
	};
	char text[MR_AGGREGATE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		mr_aggregate_write_double(all[i].number, text);
		if (all[i].number == 4.9e-324) /* the one that Java writes with a digit too many */
			assert_string_equal(text, "5.0E-324");
		else
			assert_string_equal(text, all[i].text);
	}
	mr_aggregate_write_double(NAN, text);
	assert_string_equal(text, "NaN");
	mr_aggregate_write_double(-INFINITY, text);
	assert_string_equal(text, "-Infinity");
}

static void wrong_keys_and_values_are_named(void **state)
{
	static const struct wrong {
		const char *key, *value, *part;
	} all[] = {
		{"noType", "1", "key \"noType\": aggregate needs TYPE:ID"},
		{"Sum:x", "1", "key \"Sum:x\": aggregate needs TYPE:ID"},
		{"", "1", "key \"\": aggregate needs TYPE:ID"},
		{"LongValueSum:x", "1.5", "value \"1.5\" is not a whole number of 64 bits"},
		{"LongValueSum:x", "", "value \"\" is not a whole number"},
		{"LongValueSum:x", " 1", "value \" 1\" is not a whole number"},
		{"LongValueMax:x", "9223372036854775808", "is not a whole number of 64 bits"},
		{"DoubleValueSum:x", "abc", "value \"abc\" is not a number"},
		{"DoubleValueSum:x", "", "value \"\" is not a number"},
		{"ValueHistogram:x", "a\tb", "value \"b\" is not a whole number"},
	};
	struct gw_error error = {0};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *values[] = {all[i].value};

		assert_int_equal(aggregate(all[i].key, values, 1, 10, text, &error), GW_E_INVALID);
		assert_non_null(strstr(error.text, all[i].part));
	}
}

static void only_some_can_be_combined(void **state)
{
	static const struct kind {
		const char *key;
		bool combines;
	} all[] = {
		{"LongValueSum:", true},    {"LongValueMax:", true},	{"StringValueMin:", true},
		{"DoubleValueSum:", false}, {"UniqValueCount:", false}, {"ValueHistogram:", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct mr_aggregate *one;
		struct gw_bytes id;

		assert_int_equal(mr_aggregate_start(&one, gw_string(all[i].key), 1, &id, NULL), 0);
		assert_int_equal(mr_aggregate_combines(one), all[i].combines);
		mr_aggregate_free(one);
	}
	mr_aggregate_free(NULL);
}

static int histogram_with_little_memory(void *context)
{
	const char *values[] = {"a", "b"};
	char text[200];

	return aggregate("ValueHistogram:x", values, 2, 10, text, context);
}

static void memory_may_be_short(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_true(test_each_allocation_fails(histogram_with_little_memory, &error) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(decimals),
		cmocka_unit_test(strings),
		cmocka_unit_test(distinct_values),
		cmocka_unit_test(histograms),
		cmocka_unit_test(numbers_as_java_writes_them),
		cmocka_unit_test(wrong_keys_and_values_are_named),
		cmocka_unit_test(only_some_can_be_combined),
		cmocka_unit_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
