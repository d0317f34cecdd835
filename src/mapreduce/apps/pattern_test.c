/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_test.c - lines found by literals and regular expressions; what fails, and without
 * memory. */
#include "pattern.h"

#include "support/allocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The numbers of the lines of text that match, one digit each: "024". */
static void find_lines(const struct mr_pattern *pattern, const char *text, char *numbers)
{
	struct gw_error error = {0};
	struct mr_matcher matcher;
	struct gw_bytes line;
	int more;

	assert_int_equal(mr_matcher_init(&matcher, pattern, &error), 0);
	mr_matcher_begin(&matcher, text, strlen(text));
	while ((more = mr_matcher_next(&matcher, &line, &error)) == 1) {
		const char *begin = line.data;

		assert_true(begin == text || begin[-1] == '\n');
		assert_true(begin[line.size] == '\n' || begin[line.size] == 0);
		*numbers++ = (char)('0' + mr_count_lines(MR_SEARCH_PLAIN, text,
							 (size_t)(begin - text)));
	}
	assert_int_equal(more, 0);
	assert_int_equal(mr_matcher_next(&matcher, &line, &error), 0);
	*numbers = 0;
	mr_matcher_done(&matcher);
}

/* Patterns are separated by newlines, as in one argument of grep. */
static void check(const char *patterns, struct mr_pattern_options options, const char *text,
		  const char *expected)
{
	struct gw_error error = {0};
	struct mr_pattern pattern;
	char numbers[50];

	assert_int_equal(mr_pattern_init(&pattern, &patterns, 1, &options, &error), 0);
	find_lines(&pattern, text, numbers);
	if (strcmp(numbers, expected) != 0)
		fail_msg("%s: lines %s, not %s", patterns, numbers, expected);
	mr_pattern_done(&pattern);
	mr_pattern_done(&pattern);
}

static const struct mr_pattern_options plain, fixed = {.fixed = true},
	ignore_case = {.ignore_case = true}, whole_word = {.whole_word = true},
	whole_line = {.whole_line = true};

static void test_lines_are_found(void **state)
{
	(void)state;
	check("foo", plain, "foo\nbar\nxfoox foo\nfo\no\nfoo", "025");
	check("f.o", plain, "foo\nbar\nxf oo", "02");
	check("^$", plain, "\nx\n\n", "02");
	check("", plain, "\nx\n", "01");
	check("x", plain, "", "");
	check("foo", plain, "FOO\nfoo", "1");
	check("foo", ignore_case, "FOO\nFo\nfOo", "02");
	check("a.c", fixed, "abc\na.c\nxa.cx", "12");
	check("a+", fixed, "aa\na+", "1");
}

static void test_one_of_several(void **state)
{
	(void)state;
	check("foo\nbar", plain, "bar\nx\nfoo bar\nfo", "02");
	check("foo|ba[rz]", plain, "bar\nx\nfoo\nbaz", "023");
	check("f.*\n^b", plain, "bar\nx\nfoo\nab", "02");
	check("foo\n", plain, "bar\nfoo", "01");
	check("(a)\\1\n(b)\\1", plain, "ab\naa\nbb\nba", "12");
	check("a\n\nb", fixed, "x\n\na", "012");
	check("foobar\nfoo", whole_line, "foobar\nfoo\nfoob\nbarfoo", "01");
}

static void test_words_and_lines(void **state)
{
	(void)state;
	check("foo", whole_word, "foo\nfoox\nxfoo\n foo_\nfoox foo\n-foo-\nfoofoo", "045");
	check("aa", whole_word, "aaa aa\naaa", "0");
	check("fo*", whole_word, "foo\nf1\nf-\nxf", "02");
	check("foo", whole_line, "foo\nfoo \n foo\nfoo", "03");
	check("foo|x+", whole_line, "foo\nxx\nxxfoo", "01");
	check("a+", (struct mr_pattern_options){.fixed = true, .whole_line = true}, "aa\na+", "1");
	check("x", (struct mr_pattern_options){.whole_line = true, .whole_word = true}, "x\nx y",
	      "0");
}

static void count_line(void *context, const char *line)
{
	assert_non_null(line);
	++*(size_t *)context;
}

static void test_only_lines_with_a_literal_are_tried(void **state)
{
	static const char text[] = "one\ntwo literals\nliteral\nnone\n";
	const char *expression = "literals$";
	struct mr_pattern pattern;
	struct mr_matcher matcher;
	struct gw_bytes line;
	size_t tried = 0;

	(void)state;
	assert_int_equal(mr_pattern_init(&pattern, &expression, 1, &plain, NULL), 0);
	assert_int_equal(mr_matcher_init(&matcher, &pattern, NULL), 0);
	matcher.before_line = count_line;
	matcher.context = &tried;
	mr_matcher_begin(&matcher, text, sizeof text - 1);
	assert_int_equal(mr_matcher_next(&matcher, &line, NULL), 1);
	assert_ptr_equal(line.data, text + 4);
	assert_int_equal(line.size, 12);
	assert_int_equal(mr_matcher_next(&matcher, &line, NULL), 0);
	assert_int_equal(tried, 1);
	/* A matcher goes on with other data. */
	mr_matcher_begin(&matcher, text, 16);
	assert_int_equal(mr_matcher_next(&matcher, &line, NULL), 1);
	mr_matcher_done(&matcher);
	mr_matcher_done(&matcher);
	mr_pattern_done(&pattern);
}

static void test_wrong_syntax_is_named(void **state)
{
	static const struct {
		const char *pattern, *sentence;
	} cases[] = {
		{"a(b", "pattern 'a(b': missing closing parenthesis, at byte 3"},
		{"a\n[b", "pattern '[b': missing terminating ] for character class, at byte 2"},
		{"a)(b", "pattern 'a)(b': unmatched closing parenthesis, at byte 1"},
		{"*", "pattern '*': quantifier does not follow a repeatable item, at byte 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mr_pattern_options options = {.whole_line = i % 2};
		struct gw_error error = {0};
		struct mr_pattern pattern;

		assert_int_equal(mr_pattern_init(&pattern, &cases[i].pattern, 1, &options, &error),
				 GW_E_USAGE);
		assert_string_equal(error.text, cases[i].sentence);
	}
}

static void test_a_limit_is_an_error(void **state)
{
	const char *expression = "(*LIMIT_MATCH=100)(a|aa)+(a|aa)+[cd]";
	struct gw_error error = {0};
	struct mr_pattern pattern;
	struct mr_matcher matcher;
	struct gw_bytes line;
	char text[200];

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(mr_pattern_init(&pattern, &expression, 1, &plain, &error), 0);
	assert_int_equal(mr_matcher_init(&matcher, &pattern, &error), 0);
	mr_matcher_begin(&matcher, text, sizeof text);
	assert_int_equal(mr_matcher_next(&matcher, &line, &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text, "the regular expression gave up on a line of 200 bytes: "
					"match limit exceeded");
	mr_matcher_done(&matcher);
	mr_pattern_done(&pattern);
}

static int make_and_free(void *context)
{
	struct mr_pattern pattern;
	const char *const *texts = context;
	int failed = mr_pattern_init(&pattern, texts, 2, &whole_word, NULL);

	if (!failed)
		mr_pattern_done(&pattern);
	return failed;
}

static void test_without_memory(void **state)
{
	const char *regular[] = {"a.*b", "c\nd"}, *literal[] = {"a", "b"};

	(void)state;
	assert_int_equal(test_each_allocation_fails(make_and_free, regular), 3);
	assert_int_equal(test_each_allocation_fails(make_and_free, literal), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_found),
		cmocka_unit_test(test_one_of_several),
		cmocka_unit_test(test_words_and_lines),
		cmocka_unit_test(test_only_lines_with_a_literal_are_tried),
		cmocka_unit_test(test_wrong_syntax_is_named),
		cmocka_unit_test(test_a_limit_is_an_error),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
