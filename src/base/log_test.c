/* SPDX-License-Identifier: Apache-2.0 */
/* log_test.c - one line per call, whatever the text. */
#include "base/log.h"

#include "support/unit.h"

#include <stdlib.h>
#include <unistd.h>

/* 2026-11-22T18:29:08.123Z */
static const uint64_t NOON_MS = 1795372148123;

/* What the calls between pipe_log and this wrote. */
static char *read_log(const int ends[2])
{
	char *text = calloc(1, 65536);
	size_t used = 0;
	ssize_t got;

	assert_non_null(text);
	close(ends[1]);
	while ((got = read(ends[0], text + used, 65535 - used)) > 0)
		used += (size_t)got;
	close(ends[0]);
	return text;
}

static struct base_log pipe_log(int ends[2], enum base_log_level level)
{
	assert_int_equal(pipe(ends), 0);
	return (struct base_log){.fd = ends[1], .level = level, .name = "gw"};
}

static void a_line_has_time_name_level_text(void **state)
{
	int ends[2];
	struct base_log log = pipe_log(ends, BASE_LOG_DEBUG);
	char *text;

	(void)state;
	base_log_line(&log, BASE_LOG_WARNING, NOON_MS, "%s: slow disk", "/data");
	base_log_line(&log, BASE_LOG_DEBUG, 0, "start");
	text = read_log(ends);
	assert_string_equal(text, "2026-11-22T18:29:08.123Z gw: warning: /data: slow disk\n"
				  "1970-01-01T00:00:00.000Z gw: debug: start\n");
	free(text);
}

static void lines_above_the_level_are_dropped(void **state)
{
	int ends[2];
	struct base_log log = pipe_log(ends, BASE_LOG_WARNING);
	char *text;

	(void)state;
	base_log_line(&log, BASE_LOG_INFO, 0, "no");
	base_log_line(&log, BASE_LOG_ERROR, 0, "yes");
	text = read_log(ends);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z gw: error: yes\n");
	free(text);
}

static void a_line_stays_one_line(void **state)
{
	int ends[2];
	struct base_log log = pipe_log(ends, BASE_LOG_INFO);
	char *text;

	(void)state;
	base_log_line(&log, BASE_LOG_INFO, 0, "a\nb\r\x1b[31m\x7f\xc3\xa9");
	text = read_log(ends);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z gw: info: a b  [31m \xc3\xa9\n");
	free(text);
}

static void long_lines_are_cut_with_dots(void **state)
{
	char name[300], long_text[3 * BASE_LOG_LINE_MAX];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t length = 1700; length < 2 * BASE_LOG_LINE_MAX;
	     length += length < 2100 ? 1 : 500) {
		int ends[2];
		struct base_log log = pipe_log(ends, BASE_LOG_INFO);
		char *text;
		size_t size;

		log.name = name;
		memset(long_text, 'x', length);
		long_text[length] = '\0';
		base_log_line(&log, BASE_LOG_INFO, UINT64_MAX, "%s", long_text);
		text = read_log(ends);
		size = strlen(text);
		assert_true(size <= BASE_LOG_LINE_MAX);
		assert_int_equal(text[size - 1], '\n');
		assert_ptr_equal(strchr(text, '\n'), text + size - 1);
		if (!strstr(text, long_text))
			assert_string_equal(text + size - 5, "x...\n");
		free(text);
	}
}

static void a_closed_descriptor_is_no_harm(void **state)
{
	struct base_log log = {.fd = -1, .level = BASE_LOG_INFO, .name = "gw"};

	(void)state;
	base_log_line(&log, BASE_LOG_INFO, 0, "lost");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_name_level_text),
		cmocka_unit_test(lines_above_the_level_are_dropped),
		cmocka_unit_test(a_line_stays_one_line),
		cmocka_unit_test(long_lines_are_cut_with_dots),
		cmocka_unit_test(a_closed_descriptor_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
