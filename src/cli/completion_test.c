/* SPDX-License-Identifier: Apache-2.0 */
/* completion_test.c - the table of subcommands, and the words that are offered from it. */
#include "cli/cli.h"

#include "support/unit.h"

#include <stdlib.h>

/* What is offered after `gw` and the words. */
static char *words_after(int argc, char **argv)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	cli_words(argc, argv, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	size_t size = strlen(line);

	for (const char *at = text; at && *at; at = strchr(at, '\n') + 1) {
		if (strncmp(at, line, size) == 0 && at[size] == '\n')
			return true;
	}
	return false;
}

static void every_command_is_whole_and_found(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct cli_command *command = cli_commands; command->name; command++, count++) {
		assert_ptr_equal(cli_find(command->name), command);
		assert_non_null(command->run);
		assert_in_range(strlen(command->summary), 1, 70);
	}
	assert_true(count > 0);
	assert_null(cli_find("no-such-command"));
	assert_null(cli_find(""));
}

static void the_first_word_is_a_command(void **state)
{
	char *text = words_after(0, NULL);

	(void)state;
	for (const struct cli_command *command = cli_commands; command->name; command++)
		assert_true(has_line(text, command->name));
	assert_true(has_line(text, "--help"));
	assert_true(has_line(text, "--version"));
	free(text);
}

static void later_words_are_the_commands_own(void **state)
{
	char completion[] = "completion", bash[] = "bash", unknown[] = "no-such-command";
	char *own[] = {completion, bash}, *other[] = {unknown};
	char *text = words_after(1, own);

	(void)state;
	assert_string_equal(text, "bash\n");
	free(text);
	text = words_after(2, own);
	assert_string_equal(text, "");
	free(text);
	text = words_after(1, other);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_whole_and_found),
		cmocka_unit_test(the_first_word_is_a_command),
		cmocka_unit_test(later_words_are_the_commands_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
