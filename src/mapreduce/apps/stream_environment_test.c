/* SPDX-License-Identifier: Apache-2.0 */
/* stream_environment_test.c - what a command finds in its environment, and the same as a file. */
#include "stream_environment.h"

#include "stream_conf.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct mr_stream stream_of_test(void)
{
	struct mr_stream stream = {.truncate_limit = -1, .job_id = "local7_0001"};

	assert_int_equal(
		mr_properties_set(&stream.properties, "mapreduce.job.name", "my job", NULL), 0);
	assert_int_equal(
		mr_properties_set(&stream.properties, "my-own.property", "<x> & \ty", NULL), 0);
	return stream;
}

static void done(struct mr_stream *stream)
{
	mr_properties_done(&stream->properties);
	mr_strings_done(&stream->variables);
}

static const char *find(const char *const *list, const char *name)
{
	size_t size = strlen(name);
	const char *found = NULL;

	for (; *list; list++) {
		if (strncmp(*list, name, size) == 0 && (*list)[size] == '=') {
			assert_null(found); /* once */
			found = *list + size + 1;
		}
	}
	return found;
}

static void facts_of_a_map_task(void **state)
{
	struct mr_stream stream = stream_of_test();
	struct mr_facts facts = {.map = true,
				 .task = 17,
				 .attempt = 2,
				 .file = "in/a.txt",
				 .offset = 100,
				 .size = 50};
	struct base_arena arena = {0};
	const char *const *list;

	(void)state;
	assert_int_equal(mr_environment_make(&list, &stream, &facts, &arena, NULL), 0);
	assert_string_equal(find(list, "mapreduce_job_id"), "job_local7_0001");
	assert_string_equal(find(list, "mapreduce_job_name"), "my job");
	assert_string_equal(find(list, "mapred_job_name"), "my job");
	assert_string_equal(find(list, "my_own_property"), "<x> & \ty");
	assert_string_equal(find(list, "mapreduce_task_id"), "task_local7_0001_m_000017");
	assert_string_equal(find(list, "mapreduce_task_attempt_id"),
			    "attempt_local7_0001_m_000017_2");
	assert_string_equal(find(list, "mapred_task_id"), "attempt_local7_0001_m_000017_2");
	assert_string_equal(find(list, "mapred_tip_id"), "task_local7_0001_m_000017");
	assert_string_equal(find(list, "mapreduce_task_partition"), "17");
	assert_string_equal(find(list, "mapreduce_task_ismap"), "true");
	assert_string_equal(find(list, "mapreduce_map_input_file"), "in/a.txt");
	assert_string_equal(find(list, "map_input_file"), "in/a.txt");
	assert_string_equal(find(list, "mapreduce_map_input_start"), "100");
	assert_string_equal(find(list, "mapreduce_map_input_length"), "50");
	assert_non_null(find(list, "PATH")); /* this process's */
	base_arena_done(&arena);
	done(&stream);
}

static void facts_of_a_reduce_task(void **state)
{
	struct mr_stream stream = stream_of_test();
	struct mr_facts facts = {.task = 3};
	struct base_arena arena = {0};
	const char *const *list;

	(void)state;
	assert_int_equal(mr_environment_make(&list, &stream, &facts, &arena, NULL), 0);
	assert_string_equal(find(list, "mapreduce_task_id"), "task_local7_0001_r_000003");
	assert_string_equal(find(list, "mapreduce_task_ismap"), "false");
	assert_null(find(list, "mapreduce_map_input_file"));
	base_arena_done(&arena);
	done(&stream);
}

static void later_ones_replace_earlier_ones(void **state)
{
	struct mr_stream stream = stream_of_test();
	struct mr_facts facts = {.directory = "/work/here"};
	struct base_arena arena = {0};
	const char *const *list;

	(void)state;
	assert_int_equal(setenv("GW_STREAM_TEST", "outer", 1), 0);
	assert_int_equal(setenv("PATH", "/bin", 1), 0);
	assert_int_equal(
		mr_strings_add(&stream.variables, gw_string("GW_STREAM_TEST=cmdenv"), NULL), 0);
	assert_int_equal(mr_strings_add(&stream.variables, gw_string("mapreduce_job_name=x"), NULL),
			 0);
	assert_int_equal(mr_environment_make(&list, &stream, &facts, &arena, NULL), 0);
	assert_string_equal(find(list, "GW_STREAM_TEST"), "cmdenv");
	assert_string_equal(find(list, "mapreduce_job_name"), "x");
	assert_string_equal(find(list, "PATH"), "/work/here:/bin");
	assert_string_equal(find(list, "TMPDIR"), "/work/here");
	base_arena_done(&arena);
	done(&stream);
}

static void long_values_are_cut(void **state)
{
	struct mr_stream stream = stream_of_test();
	struct mr_facts facts = {0};
	struct base_arena arena = {0};
	const char *const *list;
	char *huge = malloc(300000);

	(void)state;
	memset(huge, 'x', 299999);
	huge[299999] = 0;
	assert_int_equal(mr_properties_set(&stream.properties, "huge", huge, NULL), 0);
	assert_int_equal(mr_environment_make(&list, &stream, &facts, &arena, NULL), 0);
	assert_true(strlen(find(list, "huge")) < 131072 - 10);
	assert_true(strlen(find(list, "huge")) > 100000);
	stream.truncate_limit = 3;
	assert_int_equal(mr_environment_make(&list, &stream, &facts, &arena, NULL), 0);
	assert_string_equal(find(list, "huge"), "xxx");
	assert_string_equal(find(list, "mapreduce_job_name"), "my ");
	base_arena_done(&arena);
	free(huge);
	done(&stream);
}

static void the_file_can_be_read_again(void **state)
{
	struct mr_stream stream = stream_of_test();
	struct mr_facts facts = {.map = true, .file = "a&b"};
	struct base_arena arena = {0};
	struct mr_properties again = {0};
	struct gw_bytes xml;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(mr_environment_describe(&xml, &stream, &facts, &arena, NULL), 0);
	assert_int_equal(mr_conf_read(&again, "job.xml", xml, &error), 0);
	assert_string_equal(mr_properties_get(&again, "my-own.property"), "<x> & \ty");
	assert_string_equal(mr_properties_get(&again, "mapreduce.map.input.file"), "a&b");
	mr_properties_done(&again);
	base_arena_done(&arena);
	done(&stream);
}

static int make_with_little_memory(void *context)
{
	struct mr_stream *stream = context;
	struct mr_facts facts = {.map = true, .file = "f", .directory = "/d"};
	struct base_arena arena = {0};
	const char *const *list;
	struct gw_bytes xml;
	struct gw_error error = {0};
	int result = mr_environment_make(&list, stream, &facts, &arena, &error);

	if (!result)
		result = mr_environment_describe(&xml, stream, &facts, &arena, &error);
	base_arena_done(&arena);
	return result;
}

static void memory_may_be_short(void **state)
{
	struct mr_stream stream = stream_of_test();

	(void)state;
	assert_true(test_each_allocation_fails(make_with_little_memory, &stream) >= 4);
	done(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_a_map_task),
		cmocka_unit_test(facts_of_a_reduce_task),
		cmocka_unit_test(later_ones_replace_earlier_ones),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(the_file_can_be_read_again),
		cmocka_unit_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
