/* SPDX-License-Identifier: Apache-2.0 */
/* log_line_test.c - lines as servers write them, and lines that are none. */
#include "log_line.h"

#include "support/unit.h"

#include <stdlib.h>

#define TIME "[10/Oct/2000:13:55:36 -0700]"

static void check(const char *line, const char *host, const char *url, uint32_t status)
{
	struct mr_log_line parsed;

	if (!mr_log_line_parse(&parsed, gw_string(line)))
		fail_msg("refused: %s", line);
	assert_int_equal(gw_bytes_compare(parsed.host, gw_string(host)), 0);
	assert_int_equal(gw_bytes_compare(parsed.url, gw_string(url)), 0);
	assert_int_equal(parsed.status, status);
}

static void test_common_and_combined(void **state)
{
	(void)state;
	check("127.0.0.1 - frank " TIME " \"GET /a.gif HTTP/1.0\" 200 2326", "127.0.0.1", "/a.gif",
	      200);
	check("::1 - - " TIME " \"POST /x?y=1 HTTP/1.1\" 302 - \"http://a/\" \"Agent \\\"x\\\" 1\"",
	      "::1", "/x?y=1", 302);
	check("h - - " TIME " \"GET / HTTP/1.1\" 200 5\r", "h", "/", 200);
	check("h - - " TIME " \"GET /\" 200 5", "h", "/", 200);
	check("h - - " TIME " \"GET  /two  HTTP/1.1\" 200 5", "h", "/two", 200);
}

static void test_odd_but_right(void **state)
{
	(void)state;
	check("h - user with blanks " TIME " \"GET /u HTTP/1.1\" 401 0", "h", "/u", 401);
	check("h - - " TIME " \"GET /q\\\"uote HTTP/1.1\" 404 0", "h", "/q\\\"uote", 404);
	check("example.org:443 10.0.0.1 - - " TIME " \"GET /v HTTP/2.0\" 200 1", "example.org:443",
	      "/v", 200);
	check("h - - " TIME " \"GET http://other/ HTTP/1.1\" 200 1 anything", "h", "http://other/",
	      200);
}

static void test_malformed(void **state)
{
	static const char *const lines[] = {
		"",
		"h",
		"h - -",
		" - - " TIME " \"GET / HTTP/1.1\" 200 5",
		"h - - [] \"GET / HTTP/1.1\" 200 5",
		"h - - [never closed \"GET / HTTP/1.1\" 200 5",
		"h - - " TIME "\"GET / HTTP/1.1\" 200 5",
		"h - - " TIME " GET / HTTP/1.1 200 5",
		"h - - " TIME " \"GET / HTTP/1.1 200 5",
		"h - - " TIME " \"GET / HTTP/1.1\\",
		"h - - " TIME " \"-\" 408 0",
		"h - - " TIME " \"\" 400 0",
		"h - - " TIME " \"GET \" 400 0",
		"h - - " TIME " \" GET\" 400 0",
		"h - - " TIME " \"\\x16\\x03\\x01\" 400 0",
		"h - - " TIME " \"GET / HTTP/1.1\"",
		"h - - " TIME " \"GET / HTTP/1.1\" ",
		"h - - " TIME " \"GET / HTTP/1.1\" 20",
		"h - - " TIME " \"GET / HTTP/1.1\" 20x 5",
		"h - - " TIME " \"GET / HTTP/1.1\" 2000 5",
		"h - - " TIME " \"GET / HTTP/1.1\" 200",
		"h - - " TIME " \"GET / HTTP/1.1\" 200 ",
		"h - - " TIME " \"GET / HTTP/1.1\" 200 5x",
		"h - - " TIME " \"GET / HTTP/1.1\" 200 x",
	};
	struct mr_log_line parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (mr_log_line_parse(&parsed, gw_string(lines[i])))
			fail_msg("taken: '%s'", lines[i]);
}

static void test_every_beginning_of_a_line_is_safe(void **state)
{
	static const char line[] = "h - - " TIME " \"GET /\\\" HTTP/1.1\" 200 51 \"r\" \"a\"";
	struct mr_log_line parsed;

	(void)state;
	for (size_t size = 0; size < sizeof(line); size++) {
		char *copy = malloc(size > 0 ? size : 1); /* exact, for the sanitizer */

		memcpy(copy, line, size);
		bool whole = size > strlen("h - - " TIME " \"GET /\\\" HTTP/1.1\" 200 ");
		bool taken = mr_log_line_parse(&parsed, (struct gw_bytes){copy, size});

		assert_int_equal(taken, whole);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common_and_combined),
		cmocka_unit_test(test_odd_but_right),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_every_beginning_of_a_line_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
