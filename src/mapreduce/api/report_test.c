/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_test.c - a made-up job told in every form: text, JSON, HTML, the progress line, a failure.
 */
#include "failure.h"
#include "progress.h"
#include "report.h"
#include "text.h"

#include "support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Numbers ----------------------------------------------------------------------------------
 */

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0 B"},
		{999, "999 B"},
		{1000, "0.98 KiB"},
		{1024, "1.00 KiB"},
		{10240, "10.0 KiB"},
		{102400, "100 KiB"},
		{1048576, "1.00 MiB"},
		{UINT64_MAX, "16.0 EiB"},
	};
	char text[MR_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(mr_format_bytes(rows[i].bytes, text), rows[i].text);
}

static void test_counts_and_times(void **state)
{
	char text[MR_NUMBER_MAX];

	(void)state;
	assert_string_equal(mr_format_count(0, text), "0");
	assert_string_equal(mr_format_count(999, text), "999");
	assert_string_equal(mr_format_count(1000, text), "1,000");
	assert_string_equal(mr_format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
	assert_string_equal(mr_format_us(1500, text), "1.5 ms");
	assert_string_equal(mr_format_us(2500000, text), "2.50 s");
	assert_string_equal(mr_format_us(3723000000u, text), "62 m 03 s");
	assert_int_equal(mr_rate_of(100, 0), 0);
	assert_int_equal(mr_rate_of(100, 500000), 200);
}

/* ---- A job ------------------------------------------------------------------------------------
 */

static struct gw_mr_report *make_report(const char *file, const struct gw_error *ended)
{
	struct mr_config config = {.slots = 2, .parts = 3};
	struct mr_plan_file files[] = {{.path = file, .size = 5000}};
	struct mr_plan plan = {.files = files, .file_count = 1, .split_count = 4, .bytes = 5000};
	struct mr_result result = {.end_us = 2000000};
	struct gw_mr_report *report;

	config.job.name = "count & <check>";
	config.options = (struct gw_mr_options){
		.output = "out", .memory = 1 << 30, .only_map = -1, .only_reduce = -1};
	result.tasks[MR_MAP] = 4;
	result.attempts[MR_MAP] = 6;
	result.failures[MR_MAP] = 2;
	result.phase_us[MR_PHASE_MAP] = 10;
	result.phase_us[MR_PHASE_REDUCE] = 1500000;
	result.counters.automatic[MR_COUNT_MAP_BYTES_IN] = 5000;
	result.counters.automatic[MR_COUNT_MAP_RECORDS_IN] = 70;
	result.counters.user[0].value = -5;
	snprintf(result.counters.user[0].name, MR_COUNTER_NAME_MAX, "odd \"ones\"");
	for (uint64_t i = 1; i <= 30; i++) {
		struct mr_rate rate = {.at_us = i * 60000, .input_bytes = i * 100};
		struct mr_span span = {.kind = MR_MAP,
				       .task = (uint32_t)i,
				       .slot = i % 2,
				       .outcome = i % 3,
				       .from_us = i * 1000,
				       .to_us = i * 2000};

		mr_result_add_rate(&result, &rate);
		mr_result_add_span(&result, &span);
	}
	for (uint32_t i = 0; i < 30; i++) {
		struct mr_skipped skipped = {.kind = MR_MAP, .position = {0, i * 100}};

		mr_result_add_skipped(&result, &skipped);
	}
	assert_int_equal(
		mr_report_make(&report, config.job.name, &result, &config, &plan, ended, NULL), 0);
	assert_null(result.spans); /* taken over */
	return report;
}

static char *told(struct gw_mr_report *report,
		  int (*tell)(const struct gw_mr_report *, struct base_buffer *, struct gw_error *))
{
	struct base_buffer out = {0};

	assert_int_equal(tell(report, &out, NULL), 0);
	assert_int_equal(base_buffer_append(&out, "", 1, NULL), 0);
	return (char *)out.data;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void test_text(void **state)
{
	const struct gw_error well = {0};
	struct gw_mr_report *report = make_report("in.txt", &well);
	char *text = told(report, mr_report_text);

	(void)state;
	has(text, "count & <check>: done\n");
	has(text, "4 map (2 failed) in 2 slots\n");
	has(text, "70 records (2.44 KiB/s, 35 records/s)\n");
	has(text, "3 parts in out\n");
	has(text, "2.00 s (map 1.50 s, reduce 500.0 ms)\n");
	has(text, "odd \"ones\" -5\n");
	has(text, "30 bad records\n");
	has(text, "in.txt, byte 1900\n");
	assert_null(strstr(text, "byte 2000\n")); /* the text shows 20 of them */
	free(text);
	assert_int_equal(gw_mr_report_counter(report, "map_records_in"), 70);
	assert_int_equal(gw_mr_report_counter(report, "odd \"ones\""), -5);
	assert_int_equal(gw_mr_report_counter(report, "nothing"), 0);
	gw_mr_report_free(report);
	gw_mr_report_free(NULL);
}

static void test_json(void **state)
{
	const struct gw_error ended = {GW_E_CRASHED, "a task crashed"};
	struct gw_mr_report *report = make_report("bad\xff.txt", &ended);
	char *text = told(report, mr_report_json);
	json_t *root = json_loads(text, 0, NULL);
	json_t *skipped = json_object_get(root, "skipped");

	(void)state;
	assert_non_null(root);
	assert_false(json_boolean_value(json_object_get(root, "succeeded")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "error"), "message")),
		"a task crashed");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "user_counters"),
							    "odd \"ones\"")),
			 -5);
	assert_int_equal(json_integer_value(json_object_get(skipped, "count")), 30);
	assert_int_equal(json_array_size(json_object_get(skipped, "records")), 30);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(skipped, "records"), 0)),
		"bad?.txt, byte 0");
	assert_int_equal(json_integer_value(json_object_get(root, "records_per_second")), 35);
	json_decref(root);
	free(text);
	gw_mr_report_free(report);
}

static void test_html(void **state)
{
	const struct gw_error well = {0};
	struct gw_mr_report *report = make_report("<b>.txt", &well);
	char *text = told(report, mr_report_html);

	(void)state;
	has(text, "<h1>count &amp; &lt;check></h1>");
	has(text, "Input rate");
	has(text, "map 29, attempt 0");
	has(text, "&lt;b>.txt, byte 0");
	has(text, "odd &quot;ones&quot;");
	assert_null(strstr(text, "<b>"));
	assert_null(strstr(text, "http")); /* it needs nothing from elsewhere */
	assert_null(strstr(text, "nan"));
	free(text);
	gw_mr_report_free(report);
}

static void test_html_of_nothing(void **state)
{
	struct gw_mr_report report = {.title = (char *)(uintptr_t) "none",
				      .output = (char *)(uintptr_t) "out"};
	char *text = told(&report, mr_report_html);

	(void)state;
	has(text, "over before the first sample");
	free(text);
}

static int tell_all(void *context)
{
	struct base_buffer out = {0};
	struct gw_error error = {0};
	int code = mr_report_text(context, &out, &error);

	if (code == 0)
		code = mr_report_html(context, &out, &error);
	base_buffer_done(&out);
	return code;
}

static void test_no_memory(void **state)
{
	const struct gw_error well = {0};
	struct gw_mr_report *report = make_report("in.txt", &well);

	(void)state;
	assert_true(test_each_allocation_fails(tell_all, report) > 1);
	gw_mr_report_free(report);
}

/* ---- Rates ------------------------------------------------------------------------------------
 */

static void test_rates_are_thinned_out(void **state)
{
	struct mr_result result = {0};

	(void)state;
	for (uint64_t i = 1; i <= 20 * MR_RATES_MAX; i++) {
		struct mr_rate rate = {.at_us = i * MR_RATE_US, .input_bytes = i};

		mr_result_add_rate(&result, &rate);
	}
	assert_in_range(result.rate_count, MR_RATES_MAX / 2, MR_RATES_MAX);
	for (size_t i = 1; i < result.rate_count; i++) {
		uint64_t step_us = result.rates[i].at_us - result.rates[i - 1].at_us;

		assert_int_equal(result.rates[i].input_bytes * MR_RATE_US, result.rates[i].at_us);
		assert_in_range(step_us, 1, 2 * result.rate_us);
	}
	mr_result_done(&result);
}

/* ---- Progress ---------------------------------------------------------------------------------
 */

static void test_progress(void **state)
{
	struct mr_view begun = {.phase = MR_PHASE_MAP, .now_us = 1000000};
	struct mr_view view = {.phase = MR_PHASE_MAP,
			       .now_us = 3000000,
			       .phase_from_us = 1000000,
			       .tasks_done = 3,
			       .tasks = 12,
			       .bytes_done = 250,
			       .bytes = 1000,
			       .records_in = 5000,
			       .sums = {.input_bytes = 4096},
			       .status = "busy"};
	char line[MR_PROGRESS_MAX];

	(void)state;
	mr_progress_line("job", &view, &begun, 200, line);
	assert_string_equal(line, "job: map 25%, 3 of 12 tasks, 2,500 records/s, 2.00 KiB/s, "
				  "6 s left - busy");
	mr_progress_line("job", &view, &begun, 12, line);
	assert_string_equal(line, "job: map 25%");
	view = begun;
	mr_progress_line("job", &view, &begun, 200, line);
	assert_string_equal(line, "job: map 0%, 0 of 0 tasks");
}

/* ---- Failures ---------------------------------------------------------------------------------
 */

static void quoted(const char *word, const char *expected)
{
	struct base_buffer out = {0};

	assert_int_equal(mr_shell_quote(word, &out, NULL), 0);
	assert_int_equal(out.size, strlen(expected));
	assert_memory_equal(out.data, expected, out.size);
	base_buffer_done(&out);
}

static void test_words_for_the_shell(void **state)
{
	(void)state;
	quoted("plain-1.txt", "plain-1.txt");
	quoted("", "''");
	quoted("two words", "'two words'");
	quoted("it's", "'it'\\''s'");
	quoted("'", "''\\'''");
	quoted("$HOME*", "'$HOME*'");
}

static char *failure_told(const struct mr_failure_report *failure, const struct mr_command *command)
{
	struct mr_talk talk = {.name = "job", .command = command};
	struct base_buffer out = {0};

	assert_int_equal(mr_failure_text(failure, &talk, &out, NULL), 0);
	assert_int_equal(base_buffer_append(&out, "", 1, NULL), 0);
	return (char *)out.data;
}

static void test_a_failure(void **state)
{
	static char gw[] = "gw", mr[] = "mr", sort[] = "sort", key[] = "-k 2", in[] = "in";
	char *before[] = {gw, mr, sort, NULL}, *behind[] = {key, in, NULL};
	struct mr_command command = {before, behind};
	struct mr_failure_report failure = {.id = {MR_MAP, 17, 2},
					    .how = "killed by SIGSEGV",
					    .where = "in, byte 9",
					    .printed = "one\ntwo",
					    .printed_size = 7};
	char *text = failure_told(&failure, &command);

	(void)state;
	assert_string_equal(text, "job: map task 17, attempt 2: killed by SIGSEGV\n"
				  "  at in, byte 9\n"
				  "  it printed last:\n"
				  "    | one\n"
				  "    | two\n"
				  "  this task alone, in one process:\n"
				  "    gw mr sort --in-process --only-map 17 '-k 2' in\n");
	free(text);
	failure.id.kind = MR_REDUCE;
	failure.part = 3;
	text = failure_told(&failure, &command);
	has(text, "job: reduce task 17 (part 3), attempt 2");
	has(text, "--only-reduce 3");
	free(text);
	text = failure_told(&failure, NULL);
	assert_null(strstr(text, "--only-reduce"));
	free(text);
}

static void test_only_the_last_lines(void **state)
{
	struct mr_failure_report failure = {.id = {MR_MAP, 0, 0}};
	char printed[4096] = "", *text;
	size_t size = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		size += (size_t)snprintf(printed + size, sizeof(printed) - size, "line %d\n", i);
	failure.printed = printed;
	failure.printed_size = size;
	text = failure_told(&failure, NULL);
	has(text, "    | line 80\n");
	has(text, "    | line 99\n");
	assert_null(strstr(text, "line 79\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),     cmocka_unit_test(test_counts_and_times),
		cmocka_unit_test(test_text),      cmocka_unit_test(test_json),
		cmocka_unit_test(test_html),      cmocka_unit_test(test_html_of_nothing),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_rates_are_thinned_out),
		cmocka_unit_test(test_progress),  cmocka_unit_test(test_words_for_the_shell),
		cmocka_unit_test(test_a_failure), cmocka_unit_test(test_only_the_last_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
