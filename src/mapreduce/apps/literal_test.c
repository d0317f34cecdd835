/* SPDX-License-Identifier: Apache-2.0 */
/* literal_test.c - what the analyser draws from regular expressions, and what it leaves alone. */
#include "literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* "exact: one two" or "some: one two" or "none". */
static void describe(const struct mr_literals *literals, char *text, size_t size)
{
	size_t at;

	if (literals->count == 0) {
		snprintf(text, size, "none");
		return;
	}
	at = (size_t)snprintf(text, size, "%s:", literals->exact ? "exact" : "some");
	for (size_t i = 0; i < literals->count; i++)
		at += (size_t)snprintf(text + at, size - at, " %.*s", (int)literals->items[i].size,
				       (const char *)literals->items[i].data);
}

static void check(const char *pattern, const char *expected)
{
	struct mr_literals literals;
	char text[500], *room = malloc(strlen(pattern) + !*pattern);

	assert_non_null(room);
	mr_literals_find(&literals, gw_string(pattern), room);
	describe(&literals, text, sizeof text);
	if (strcmp(text, expected) != 0)
		fail_msg("%s: %s, not %s", pattern, text, expected);
	free(room);
}

static void test_plain_text_is_exact(void **state)
{
	(void)state;
	check("foo", "exact: foo");
	check("a b#c", "exact: a b#c");
	check("foo|barfoo|x", "exact: foo barfoo x");
	check("a\\.b\\\\c\\/\\-", "exact: a.b\\c/-");
	check("]}", "exact: ]}");
	check("{foo}", "exact: {foo}");
	check("a{x}", "exact: a{x}");
	check("\xc3\xa4\\\xc3", "exact: \xc3\xa4\xc3");
}

static void test_longest_stretch_is_taken(void **state)
{
	(void)state;
	check("foo.*foobar.x", "some: foobar");
	check("^foo$", "some: foo");
	check("ab[cd]efg(hijkl)mn", "some: efg");
	check("\\bword\\b", "some: word");
	check("foo\\s+bar_", "some: bar_");
	check("(a|b)cd", "some: cd");
	check("(?:x(y[)]z)*)ab", "some: ab");
	check("[]a]bc", "some: bc");
	check("[^]a]bc", "some: bc");
	check("[[:alpha:]]bc", "some: bc");
	check("[a\\]b]cd", "some: cd");
	check("foo|[ab]x|^y", "some: foo x y");
}

static void test_quantifiers(void **state)
{
	(void)state;
	check("abc*", "some: ab");
	check("abc?de", "some: ab");
	check("abc+de", "some: abc");
	check("ab+cde", "some: bcde");
	check("ab++cde", "some: bcde");
	check("ab*?cde", "some: cde");
	check("ab{2}cd", "some: cd");
	check("abc{0,3}", "some: ab");
	check("abc{,3}", "some: ab");
	check("(foo)?bar", "some: bar");
	check("(foo){2,}+bar", "some: bar");
	check("\\d{3}foo", "some: foo");
	check("x{}y", "some: y");
}

static void test_nothing_is_drawn_from_what_is_not_known(void **state)
{
	static const char *const patterns[] = {
		"", "x*", "a?", ".", "^$", "foo|", "|foo", "foo|.*", "(foo)", "(?i)foo", "foo(?#x)",
		"foo(?=bar)", "(?R)foo", "(*UCP)foo", "\\Qfoo\\E", "foo\\E", "\\x41foo", "\\1foo",
		"\\p{L}foo", "\\cAfoo", "foo\\", "foo(", "foo)", "foo[", "foo[a", "[[:alpha:foo",
		"[\\Qa]b\\E]foo", "foo(\\Qa)b", "*foo", "+foo", "foo**", "fo+{2}", "\\N{U+41}foo",
		"[[.a.]]foo", "(a(*COMMIT)b)foo", "a|b|c|d|e|f|g|h|i",
	};

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		check(patterns[i], "none");
	check("a|b|c|d|e|f|g|h", "exact: a b c d e f g h");
}

static void test_nul_is_not_known(void **state)
{
	struct mr_literals literals;
	char room[3];

	(void)state;
	mr_literals_find(&literals, (struct gw_bytes){"a\0b", 3}, room);
	assert_int_equal(literals.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_is_exact),
		cmocka_unit_test(test_longest_stretch_is_taken),
		cmocka_unit_test(test_quantifiers),
		cmocka_unit_test(test_nothing_is_drawn_from_what_is_not_known),
		cmocka_unit_test(test_nul_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
