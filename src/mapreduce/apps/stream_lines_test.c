/* SPDX-License-Identifier: Apache-2.0 */
/* stream_lines_test.c - lines cut into key and value, and what commands say on their standard
 * error. */
#include "stream_lines.h"

#include "support/unit.h"

#include <stdlib.h>

static struct mr_cut cut_at(const char *separator, uint32_t fields)
{
	struct mr_cut cut = {.key_fields = fields};

	assert_int_equal(mr_separator_set(&cut.separator, separator, NULL), 0);
	return cut;
}

static void check(const struct mr_cut *cut, const char *line, const char *key, const char *value)
{
	struct gw_bytes got_key, got_value;

	mr_cut_line(cut, gw_string(line), &got_key, &got_value);
	assert_int_equal(gw_bytes_compare(got_key, gw_string(key)), 0);
	assert_int_equal(gw_bytes_compare(got_value, gw_string(value)), 0);
}

static void the_key_ends_at_a_separator(void **state)
{
	struct mr_cut tab = cut_at("\t", 1), four = cut_at(".", 4), wide = cut_at("::", 2);

	(void)state;
	check(&tab, "key\tvalue\tmore", "key", "value\tmore");
	check(&tab, "key", "key", "");
	check(&tab, "key\t", "key", "");
	check(&tab, "\tvalue", "", "value");
	check(&tab, "", "", "");
	check(&four, "11.12.1.2.rest.x", "11.12.1.2", "rest.x");
	check(&four, "11.12.1.2", "11.12.1.2", "");
	check(&four, "....", "...", "");
	check(&wide, "a::b::c", "a::b", "c");
	check(&wide, "a:b::c", "a:b::c", "");
}

static void the_value_may_keep_the_separator(void **state)
{
	struct mr_cut tab = cut_at("\t", 1), two = cut_at("\t", 2);

	(void)state;
	tab.keep_separator = two.keep_separator = true;
	check(&tab, "key\tvalue", "key", "\tvalue");
	check(&tab, "key\t", "key", "\t");
	check(&tab, "key", "key", "");
	check(&two, "a\tb\tc", "a\tb", "\tc");
}

static void a_line_may_be_all_key(void **state)
{
	struct mr_cut whole = cut_at("\t", 1), none = cut_at("", 1);

	(void)state;
	whole.whole = true;
	check(&whole, "key\tvalue", "key\tvalue", "");
	check(&none, "key\tvalue", "key\tvalue", "");
}

struct seen {
	char text[100];
	int count, stop_at;
};

static int see(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct seen *seen = context;

	(void)error;
	if (seen->stop_at && ++seen->count == seen->stop_at)
		return GW_E_CANCELLED;
	strncat(seen->text, line.data, line.size);
	strcat(seen->text, "|");
	return 0;
}

static void lines_end_at_newlines(void **state)
{
	struct seen all = {0}, some = {.stop_at = 2};

	(void)state;
	assert_int_equal(mr_each_line("", 0, see, &all, NULL), 0);
	assert_string_equal(all.text, "");
	assert_int_equal(mr_each_line("a\n\nb\r\nc", 7, see, &all, NULL), 0);
	assert_string_equal(all.text, "a||b\r|c|");
	assert_int_equal(mr_each_line("a\nb\nc\n", 6, see, &some, NULL), GW_E_CANCELLED);
	assert_string_equal(some.text, "a|");
}

/* ---- Messages  ---- */

static struct mr_message parse(const char *line)
{
	return mr_message_parse("reporter:", gw_string(line));
}

static void counters_are_understood(void **state)
{
	struct mr_message message = parse("reporter:counter:Group One,bad lines,-12");

	(void)state;
	assert_int_equal(message.kind, MR_MESSAGE_COUNTER);
	assert_int_equal(gw_bytes_compare(message.group, gw_string("Group One")), 0);
	assert_int_equal(gw_bytes_compare(message.name, gw_string("bad lines")), 0);
	assert_int_equal(message.amount, -12);
	message = parse("reporter:counter: a,b,3 \r");
	assert_int_equal(message.kind, MR_MESSAGE_COUNTER);
	assert_int_equal(gw_bytes_compare(message.group, gw_string("a")), 0);
	assert_int_equal(message.amount, 3);
}

static void a_status_is_trimmed(void **state)
{
	struct mr_message message = parse("reporter:status:  half done ");

	(void)state;
	assert_int_equal(message.kind, MR_MESSAGE_STATUS);
	assert_int_equal(gw_bytes_compare(message.text, gw_string("half done")), 0);
}

static void the_rest_is_not_for_us(void **state)
{
	static const char *const unclear[] = {
		"reporter:counter:a,b",
		"reporter:counter:a,b,c,1",
		"reporter:counter:a,b,x",
		"reporter:counter:a,b,",
		"reporter:counter:a,b,99999999999999999999999999999",
		"reporter:counter:a,b,9999999999999999999",
		"reporter:",
		"reporter:other:x",
		"reporter:counter:",
	};
	static const char *const plain[] = {"", "reporter", " reporter:status:x", "warning: x"};

	(void)state;
	for (size_t i = 0; i < sizeof(unclear) / sizeof(unclear[0]); i++)
		assert_int_equal(parse(unclear[i]).kind, MR_MESSAGE_UNCLEAR);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_int_equal(parse(plain[i]).kind, MR_MESSAGE_PLAIN);
	assert_int_equal(mr_message_parse("!", gw_string("!status:x")).kind, MR_MESSAGE_STATUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_ends_at_a_separator),
		cmocka_unit_test(the_value_may_keep_the_separator),
		cmocka_unit_test(a_line_may_be_all_key),
		cmocka_unit_test(lines_end_at_newlines),
		cmocka_unit_test(counters_are_understood),
		cmocka_unit_test(a_status_is_trimmed),
		cmocka_unit_test(the_rest_is_not_for_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
