/* SPDX-License-Identifier: Apache-2.0 */
/* words_test.c - which bytes make words, and words in lower case. */
#include "words.h"

#include "support/unit.h"

#include <stdlib.h>

static void test_letters_and_more_are_no_separators(void **state)
{
	struct gw_splitter splitter;

	(void)state;
	mr_splitter_of_letters(&splitter, gw_string("0_\xff"));
	for (int byte = 0; byte < 256; byte++) {
		bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			      byte == '0' || byte == '_' || byte == 0xff;

		assert_int_equal(splitter.member[byte], !letter);
	}
}

static void test_splits_at_everything_else(void **state)
{
	static const char text[] = "Some_words, 12 caf\xc3\xa9s; x";
	struct gw_splitter splitter;
	struct gw_token tokens[64];
	size_t position = 0;

	(void)state;
	mr_splitter_of_letters(&splitter, (struct gw_bytes){0});
	assert_int_equal(gw_split(&splitter, text, strlen(text), &position, tokens, 64), 5);
	assert_int_equal(position, strlen(text));
	assert_memory_equal(text + tokens[0].offset, "Some", tokens[0].size);
	assert_memory_equal(text + tokens[2].offset, "caf", tokens[2].size);
	assert_memory_equal(text + tokens[3].offset, "s", tokens[3].size);
	assert_int_equal(tokens[4].size, 1);
}

static void check_fold(const char *word, const char *expected)
{
	struct base_buffer scratch = {0};
	struct gw_bytes folded;

	assert_int_equal(mr_fold_word(gw_string(word), &scratch, &folded, NULL), 0);
	assert_int_equal(gw_bytes_compare(folded, gw_string(expected)), 0);
	/* A word that is in lower case already is not copied. */
	assert_int_equal(folded.data == word, strcmp(word, expected) == 0);
	base_buffer_done(&scratch);
}

static void test_folds_ascii_letters_only(void **state)
{
	(void)state;
	check_fold("", "");
	check_fold("lower", "lower");
	check_fold("UPPER", "upper");
	check_fold("miXed", "mixed");
	check_fold("@AZ[`az{", "@az[`az{");
	check_fold("\xc3\x89t\xc3\x89", "\xc3\x89t\xc3\x89");
	check_fold("a_1", "a_1");
}

static int fold_two(void *context)
{
	struct base_buffer scratch = {0};
	struct gw_bytes folded;
	int code = mr_fold_word(gw_string("WORD"), &scratch, &folded, NULL);

	(void)context;
	if (code == 0)
		code = mr_fold_word(gw_string("W"), &scratch, &folded, NULL);
	base_buffer_done(&scratch);
	return code;
}

static void test_memory_may_run_out(void **state)
{
	(void)state;
	assert_int_equal(test_each_allocation_fails(fold_two, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_letters_and_more_are_no_separators),
		cmocka_unit_test(test_splits_at_everything_else),
		cmocka_unit_test(test_folds_ascii_letters_only),
		cmocka_unit_test(test_memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
