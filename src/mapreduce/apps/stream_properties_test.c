/* SPDX-License-Identifier: Apache-2.0 */
/* stream_properties_test.c - properties by their new and old names, and configuration files. */
#include "stream_properties.h"

#include "stream_conf.h"

#include "support/unit.h"

#include <stdlib.h>

static void later_values_replace_earlier_ones(void **state)
{
	struct mr_properties properties = {0};

	(void)state;
	assert_null(mr_properties_get(&properties, "a"));
	assert_int_equal(mr_properties_set(&properties, "a", "1", NULL), 0);
	assert_int_equal(mr_properties_set_pair(&properties, "b=x=y", NULL), 0);
	assert_int_equal(mr_properties_set_pair(&properties, "a=", NULL), 0);
	assert_string_equal(mr_properties_get(&properties, "a"), "");
	assert_string_equal(mr_properties_get(&properties, "b"), "x=y");
	assert_int_equal(properties.count, 2);
	mr_properties_done(&properties);
	mr_properties_done(&properties);
}

static void old_names_mean_the_new_ones(void **state)
{
	struct mr_properties properties = {0};
	size_t at = 0;

	(void)state;
	assert_int_equal(mr_properties_set(&properties, "mapred.reduce.tasks", "3", NULL), 0);
	assert_string_equal(mr_properties_get(&properties, "mapreduce.job.reduces"), "3");
	assert_string_equal(mr_properties_get(&properties, "mapred.reduce.tasks"), "3");
	assert_string_equal(properties.items[0].name, "mapreduce.job.reduces");
	assert_string_equal(mr_properties_old_name("mapreduce.job.reduces", &at),
			    "mapred.reduce.tasks");
	assert_null(mr_properties_old_name("mapreduce.job.reduces", &at));
	mr_properties_done(&properties);
}

static void values_are_numbers_and_truths(void **state)
{
	struct mr_properties properties = {0};
	struct gw_error error = {0};
	int64_t number = 7;
	bool truth = true;

	(void)state;
	assert_int_equal(mr_properties_get_i64(&properties, "n", &number, &error), 0);
	assert_int_equal(number, 7);
	assert_int_equal(mr_properties_set(&properties, "n", "-12", NULL), 0);
	assert_int_equal(mr_properties_get_i64(&properties, "n", &number, &error), 0);
	assert_int_equal(number, -12);
	assert_int_equal(mr_properties_set(&properties, "n", "12x", NULL), 0);
	assert_int_equal(mr_properties_get_i64(&properties, "n", &number, &error), GW_E_INVALID);
	assert_string_equal(error.text, "n=12x: not a whole number");
	assert_int_equal(mr_properties_set(&properties, "n", "99999999999999999999", NULL), 0);
	assert_int_equal(mr_properties_get_i64(&properties, "n", &number, &error), GW_E_INVALID);
	assert_int_equal(mr_properties_set(&properties, "t", "FALSE", NULL), 0);
	assert_int_equal(mr_properties_get_bool(&properties, "t", &truth, &error), 0);
	assert_false(truth);
	assert_int_equal(mr_properties_set(&properties, "t", "yes", NULL), 0);
	assert_int_equal(mr_properties_get_bool(&properties, "t", &truth, &error), GW_E_INVALID);
	assert_string_equal(error.text, "t=yes: neither true nor false");
	mr_properties_done(&properties);
}

static void wrong_pairs_are_refused(void **state)
{
	struct mr_properties properties = {0};
	struct gw_error error = {0};
	char long_name[MR_PROPERTY_NAME_MAX + 3];

	(void)state;
	assert_int_equal(mr_properties_set_pair(&properties, "a", &error), GW_E_USAGE);
	assert_string_equal(error.text, "a: a property is written NAME=VALUE");
	assert_int_equal(mr_properties_set_pair(&properties, "=a", &error), GW_E_USAGE);
	memset(long_name, 'x', sizeof(long_name));
	long_name[MR_PROPERTY_NAME_MAX + 1] = '=';
	long_name[MR_PROPERTY_NAME_MAX + 2] = 0;
	assert_int_equal(mr_properties_set_pair(&properties, long_name, &error), GW_E_TOO_LARGE);
	long_name[MR_PROPERTY_NAME_MAX + 1] = 'x';
	assert_int_equal(mr_properties_set(&properties, long_name, "", &error), GW_E_TOO_LARGE);
	mr_properties_done(&properties);
}

/* ---- Configuration files  ---- */

static int read_conf(struct mr_properties *properties, const char *text, struct gw_error *error)
{
	return mr_conf_read(properties, "job.xml", gw_string(text), error);
}

static void a_configuration_sets_properties(void **state)
{
	static const char text[] =
		"<?xml version=\"1.0\"?>\n"
		"<!-- a comment with <property> in it -->\n"
		"<configuration>\n"
		"  <property>\n"
		"    <name> mapred.reduce.tasks </name>\n"
		"    <value>4</value>\n"
		"    <description>how many <b>parts</b></description>\n"
		"    <final>true</final>\n"
		"  </property>\n"
		"  <property><name>sep</name><value>&#9;&lt;&amp;&#x41;&gt;</value></property>\n"
		"  <property><value><![CDATA[<x>]]></value><name>late</name></property>\n"
		"  <property><name>empty</name><value/></property>\n"
		"  <property><name>none</name></property>\n"
		"  <property><name>wide</name><value>&#228;&#8364;&#x1F600;</value></property>\n"
		"</configuration>\n";
	struct mr_properties properties = {0};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(read_conf(&properties, text, &error), 0);
	assert_string_equal(mr_properties_get(&properties, "mapreduce.job.reduces"), "4");
	assert_string_equal(mr_properties_get(&properties, "sep"), "\t<&A>");
	assert_string_equal(mr_properties_get(&properties, "late"), "<x>");
	assert_string_equal(mr_properties_get(&properties, "empty"), "");
	assert_null(mr_properties_get(&properties, "none"));
	assert_string_equal(mr_properties_get(&properties, "wide"),
			    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	mr_properties_done(&properties);
}

static void a_wrong_configuration_is_refused_by_line(void **state)
{
	static const struct wrong {
		const char *text, *sentence;
	} all[] = {
		{"<a>\n<b></a>", "job.xml:2: an end tag that fits no begin tag"},
		{"</a>", "job.xml:1: an end tag that fits no begin tag"},
		{"<a>\n\n", "job.xml:3: ends inside an element"},
		{"<a", "job.xml:1: '<' without '>'"},
		{"<>", "job.xml:1: a tag without a name"},
		{"&x;", "job.xml:1: an entity that is not known"},
		{"&x", "job.xml:1: '&' without ';'"},
		{"&#xx;", "job.xml:1: a character number that cannot be read"},
		{"&#;", "job.xml:1: a character number that cannot be read"},
		{"&#-1;", "job.xml:1: a character number that cannot be read"},
		{"&#0;", "job.xml:1: no such character"},
		{"&#xd800;", "job.xml:1: no such character"},
		{"<!-- x", "job.xml:1: a comment without end"},
		{"<?x", "job.xml:1: '<?' without '?>'"},
		{"<![CDATA[x", "job.xml:1: CDATA without end"},
		{"<!DOCTYPE x>", "job.xml:1: declarations are not read here"},
		{"<property><value>1</value></property>", "job.xml:1: a property without a name"},
		{"<property><name> </name><value>1</value></property>",
		 "job.xml:1: a property without a name"},
		{"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
		 "job.xml:1: elements are nested too deeply"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct mr_properties properties = {0};
		struct gw_error error = {0};

		assert_int_equal(read_conf(&properties, all[i].text, &error), GW_E_INVALID);
		assert_string_equal(error.text, all[i].sentence);
		mr_properties_done(&properties);
	}
}

static int read_with_little_memory(void *context)
{
	struct mr_properties properties = {0};
	int result = read_conf(&properties,
			       "<c><property><name>a</name><value>b&lt;</value></property>"
			       "<property><name>a</name><value>c</value></property></c>",
			       context);

	mr_properties_done(&properties);
	return result;
}

static void memory_may_be_short(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_true(test_each_allocation_fails(read_with_little_memory, &error) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_values_replace_earlier_ones),
		cmocka_unit_test(old_names_mean_the_new_ones),
		cmocka_unit_test(values_are_numbers_and_truths),
		cmocka_unit_test(wrong_pairs_are_refused),
		cmocka_unit_test(a_configuration_sets_properties),
		cmocka_unit_test(a_wrong_configuration_is_refused_by_line),
		cmocka_unit_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
