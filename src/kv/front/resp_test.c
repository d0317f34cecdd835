/* SPDX-License-Identifier: Apache-2.0 */
/* resp_test.c - the Redis protocol: commands whole, cut at any byte, and garbage; patterns. */
#include "kv/front/resp.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static int parse(const char *text, struct base_arena *arena, struct resp_command *command,
		 struct gw_error *error)
{
	return resp_parse(gw_string(text), arena, command, error);
}

static void assert_bytes(struct gw_bytes bytes, const char *text)
{
	assert_int_equal(bytes.size, strlen(text));
	assert_memory_equal(bytes.data, text, bytes.size);
}

static void a_command_is_an_array_of_strings(void **state)
{
	struct base_arena arena = {0};
	struct resp_command command;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(parse("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\nPING\r\n", &arena,
			       &command, &error),
			 1);
	assert_int_equal(command.count, 3);
	assert_bytes(command.arguments[0], "SET");
	assert_bytes(command.arguments[2], "a\r\nb");
	assert_int_equal(command.bytes, 30);
	assert_int_equal(parse("*0\r\n", &arena, &command, &error), 1);
	assert_int_equal(command.count, 0);
	assert_int_equal(command.bytes, 4);
	assert_int_equal(parse("*-1\r\n", &arena, &command, &error), 1);
	assert_int_equal(command.count, 0);
	base_arena_done(&arena);
}

static void a_command_may_be_a_line(void **state)
{
	struct base_arena arena = {0};
	struct resp_command command;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(parse("  SET  k v\r\nrest", &arena, &command, &error), 1);
	assert_int_equal(command.count, 3);
	assert_bytes(command.arguments[1], "k");
	assert_int_equal(command.bytes, 12);
	assert_int_equal(parse("\n", &arena, &command, &error), 1);
	assert_int_equal(command.count, 0);
	base_arena_done(&arena);
}

static void a_command_is_cut_anywhere(void **state)
{
	static const char text[] = "*2\r\n$4\r\nECHO\r\n$11\r\nhello world\r\n";
	struct base_arena arena = {0};
	struct resp_command command;
	struct gw_error error = {0};

	(void)state;
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		/* A copy, so that a sanitizer sees a read behind it. */
		char *copy = malloc(size + 1);

		memcpy(copy, text, size);
		assert_int_equal(
			resp_parse((struct gw_bytes){copy, size}, &arena, &command, &error), 0);
		free(copy);
	}
	assert_int_equal(parse(text, &arena, &command, &error), 1);
	base_arena_done(&arena);
}

static void garbage_is_told_as_redis_tells_it(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{"*x\r\n", "Protocol error: invalid multibulk length"},
		{"*4097\r\n", "Protocol error: invalid multibulk length"},
		{"*99999999999999999999999\r\n", "Protocol error: invalid multibulk length"},
		{"*1\r\n:3\r\n", "Protocol error: expected '$', got ':'"},
		{"*1\r\n\x01g\r\n", "Protocol error: expected '$', got '?'"},
		{"*1\r\n$-1\r\n", "Protocol error: invalid bulk length"},
		{"*1\r\n$2097153\r\n", "Protocol error: invalid bulk length"},
		{"*1\r\n$18446744073709551615\r\n", "Protocol error: invalid bulk length"},
		{"*1\r\n$00000000000000000000000000000000000001\r\n",
		 "Protocol error: invalid bulk length"},
	};
	struct base_arena arena = {0};
	struct resp_command command;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_error error = {0};

		assert_int_equal(parse(rows[i].text, &arena, &command, &error), GW_E_INVALID);
		assert_string_equal(error.text, rows[i].sentence);
	}
	base_arena_done(&arena);
}

static void what_is_too_large_does_not_go_on_for_ever(void **state)
{
	struct base_arena arena = {0};
	struct resp_command command;
	struct gw_error error = {0};
	struct base_buffer input = {0};

	(void)state;
	for (size_t i = 0; i < RESP_INLINE_BYTES_MAX - 1; i++)
		assert_int_equal(base_buffer_append(&input, "a", 1, &error), 0);
	assert_int_equal(resp_parse(base_buffer_bytes(&input), &arena, &command, &error), 0);
	assert_int_equal(base_buffer_append(&input, "a", 1, &error), 0);
	assert_int_equal(resp_parse(base_buffer_bytes(&input), &arena, &command, &error),
			 GW_E_INVALID);
	assert_string_equal(error.text, "Protocol error: too big inline request");
	/* Many arguments that each may be are too much together. */
	input.size = 0;
	assert_int_equal(base_buffer_append_string(&input, "*4\r\n$2097152\r\n", &error), 0);
	assert_int_equal(base_buffer_reserve(&input, RESP_COMMAND_BYTES_MAX, &error), 0);
	memset(input.data + input.size, 'x', RESP_BULK_BYTES_MAX + 2);
	input.size += RESP_BULK_BYTES_MAX + 2;
	assert_int_equal(base_buffer_append_string(&input, "$2097152\r\n", &error), 0);
	assert_int_equal(resp_parse(base_buffer_bytes(&input), &arena, &command, &error), 0);
	assert_int_equal(base_buffer_reserve(&input, RESP_COMMAND_BYTES_MAX - input.size, &error),
			 0);
	memset(input.data + input.size, 'x', RESP_COMMAND_BYTES_MAX - input.size);
	input.size = RESP_COMMAND_BYTES_MAX;
	assert_int_equal(resp_parse(base_buffer_bytes(&input), &arena, &command, &error),
			 GW_E_INVALID);
	assert_string_equal(error.text, "Protocol error: too big request");
	base_buffer_done(&input);
	base_arena_done(&arena);
}

static void numbers_are_those_of_redis(void **state)
{
	static const char *const no[] = {"",
					 "-",
					 "+1",
					 "01",
					 "-0",
					 " 1",
					 "1 ",
					 "1x",
					 "1.5",
					 "9223372036854775808",
					 "-9223372036854775809",
					 "18446744073709551616"};
	int64_t number;

	(void)state;
	assert_true(resp_number(gw_string("0"), &number) && number == 0);
	assert_true(resp_number(gw_string("-17"), &number) && number == -17);
	assert_true(resp_number(gw_string("9223372036854775807"), &number) && number == INT64_MAX);
	assert_true(resp_number(gw_string("-9223372036854775808"), &number) && number == INT64_MIN);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(resp_number(gw_string(no[i]), &number));
}

static bool matches(const char *pattern, const char *key)
{
	return resp_match(gw_string(pattern), gw_string(key));
}

static void patterns_are_those_of_redis(void **state)
{
	(void)state;
	assert_true(matches("*", ""));
	assert_true(matches("a*c*e", "abcde"));
	assert_false(matches("a*c*e", "abcdef"));
	assert_true(matches("h?llo", "hello"));
	assert_false(matches("h?llo", "hllo"));
	assert_true(matches("h[ae]llo", "hallo"));
	assert_false(matches("h[^e]llo", "hello"));
	assert_true(matches("h[c-a]llo", "hbllo"));
	assert_true(matches("a\\*b", "a*b"));
	assert_false(matches("a\\*b", "axb"));
	assert_true(matches("[\\]]", "]"));
	assert_false(matches("[", "a"));
	assert_true(matches("**a**", "a"));
	/* One that goes back for each star takes for ever here. */
	assert_false(
		matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void a_failure_is_one_line(void **state)
{
	struct base_buffer out = {0};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(resp_put_failure(&out, "ERR", "a\r\nb", &error), 0);
	assert_bytes(base_buffer_bytes(&out), "-ERR a  b\r\n");
	out.size = 0;
	assert_int_equal(resp_put_bytes(&out, gw_string("x"), &error), 0);
	assert_int_equal(resp_put_nothing(&out, &error), 0);
	assert_int_equal(resp_put_array(&out, 2, &error), 0);
	assert_int_equal(resp_put_number(&out, -3, &error), 0);
	assert_int_equal(resp_put_text(&out, "OK", &error), 0);
	assert_bytes(base_buffer_bytes(&out), "$1\r\nx\r\n$-1\r\n*2\r\n:-3\r\n+OK\r\n");
	base_buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_an_array_of_strings),
		cmocka_unit_test(a_command_may_be_a_line),
		cmocka_unit_test(a_command_is_cut_anywhere),
		cmocka_unit_test(garbage_is_told_as_redis_tells_it),
		cmocka_unit_test(what_is_too_large_does_not_go_on_for_ever),
		cmocka_unit_test(numbers_are_those_of_redis),
		cmocka_unit_test(patterns_are_those_of_redis),
		cmocka_unit_test(a_failure_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
