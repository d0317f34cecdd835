/* SPDX-License-Identifier: Apache-2.0 */
/* action_test.c - what follows from a table of actions: what is run, said and offered. */
#include "cli/action.h"

#include "support/unit.h"

#include <stdlib.h>
#include <unistd.h>

struct values {
	bool help, loud;
	const char *name;
	int64_t number, seven;
};

static int do_add(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct values *at = values;

	if (at->number < 0)
		return gw_fail(error, GW_E_INVALID, "%s: less than nothing", operands[0]);
	if (at->seven == 8)
		return GW_E_NO_SPACE; /* without a sentence */
	printf("%s %zu %d %d %s", operands[0], count, (int)at->number, (int)at->seven,
	       at->loud ? "loud" : "");
	return 0;
}

static int do_nothing(void *values, char **operands, size_t count, struct gw_error *error)
{
	(void)values;
	(void)operands;
	(void)error;
	printf("nothing with %zu", count);
	return 5; /* any success is status 0 */
}

static void own_words(const void *values, const char *name, int code, const struct gw_error *error)
{
	const struct values *at = values;

	fprintf(stderr, "%s|%d|%s|%s", name, code, error->text, at->loud ? "loud" : "");
}

static const struct gw_option add_options[] = {
	{"number", 'n', GW_OPTION_INT, offsetof(struct values, number), "N", "A number", NULL},
	{"seven", 0, GW_OPTION_INT, offsetof(struct values, seven), "N", "Seven (7)", NULL},
	{0},
};

static const struct gw_option shared_options[] = {
	{"loud", 0, GW_OPTION_FLAG, offsetof(struct values, loud), NULL, "Aloud", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct values, help), NULL, "Print this help", NULL},
	{0},
};

static const struct values defaults = {.seven = 7};

static const struct cli_action table[] = {
	{"add", "FILE [MORE]", 1, 2, "Adds", "Adds a file.\n\n", add_options, shared_options,
	 sizeof(struct values), &defaults, do_add, NULL},
	{"nothing", "", 0, 0, "Does nothing", "Nothing.\n\n", shared_options, NULL,
	 sizeof(struct values), NULL, do_nothing, own_words},
	{0},
};

static const struct cli_actions actions = {"gw test", "Tests.\n\n", "gw test add file", table};

/* ---- Running with standard output and error in files --------------------------------------- */

struct said {
	int status;
	char out[2000], error[2000];
};

static void read_back(FILE *file, char *text, size_t size)
{
	rewind(file);
	text[fread(text, 1, size - 1, file)] = 0;
	assert_int_equal(fclose(file), 0);
}

/* Words with blanks between them. */
static struct said run(const struct cli_action *alone, const char *line)
{
	struct said said = {0};
	char copy[200], *argv[16], *rest = copy;
	FILE *files[2] = {tmpfile(), tmpfile()};
	int kept[2] = {dup(1), dup(2)}, argc = 0;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = word;
	argv[argc] = NULL;
	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		assert_non_null(files[i]);
		assert_true(dup2(fileno(files[i]), i + 1) >= 0);
	}
	said.status = alone ? cli_action_run(alone, argc, argv) :
			      cli_actions_run(&actions, argc, argv);
	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		assert_true(dup2(kept[i], i + 1) >= 0);
		(void)close(kept[i]);
	}
	read_back(files[0], said.out, sizeof(said.out));
	read_back(files[1], said.error, sizeof(said.error));
	return said;
}

static void an_action_gets_options_and_operands(void **state)
{
	struct said said = run(NULL, "test add --number=3 a --loud b");

	(void)state;
	assert_int_equal(said.status, 0);
	assert_string_equal(said.out, "a 2 3 7 loud");
	assert_string_equal(said.error, "");
	said = run(NULL, "test nothing");
	assert_int_equal(said.status, 0);
	assert_string_equal(said.out, "nothing with 0");
}

static void wrong_usage_is_status_2_and_says_why(void **state)
{
	static const char *const lines[][2] = {
		{"test", "Usage: gw test ACTION"},
		{"test gone", "gw test: gone: no such action; gw test --help lists them\n"},
		{"test add", "gw test add: wanted: FILE [MORE]; see --help\n"},
		{"test add a b c", "gw test add: wanted: FILE [MORE]; see --help\n"},
		{"test add --what a", "gw test add: --what"},
		{"test add --number=x a", "gw test add: --number"},
		{"test nothing a", "gw test nothing|-2|a: no operands are wanted|"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct said said = run(NULL, lines[i][0]);

		assert_int_equal(said.status, 2);
		assert_string_equal(said.out, "");
		assert_ptr_equal(strstr(said.error, lines[i][1]), said.error);
	}
}

static void a_failure_is_its_code_and_sentence(void **state)
{
	struct said said = run(NULL, "test add --number=-3 a");

	(void)state;
	assert_int_equal(said.status, -GW_E_INVALID);
	assert_string_equal(said.error, "gw test add: a: less than nothing\n");
	said = run(NULL, "test add --seven=8 a");
	assert_int_equal(said.status, -GW_E_NO_SPACE);
	assert_non_null(strstr(said.error, gw_code_text(GW_E_NO_SPACE)));
	said = run(NULL, "test nothing --loud a");
	assert_non_null(strstr(said.error, "|loud"));
}

static void help_has_usage_and_all_options(void **state)
{
	struct said said = run(NULL, "test add --help");

	(void)state;
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "Usage: gw test add [OPTION...] FILE [MORE]\n\nAdds a"));
	assert_non_null(strstr(said.out, "--number"));
	assert_non_null(strstr(said.out, "--loud"));
	said = run(NULL, "test --help");
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "  add     FILE [MORE]  Adds\n"));
	assert_non_null(strstr(said.out, "gw test add file"));
	said = run(&table[1], "nothing --help");
	assert_non_null(strstr(said.out, "Usage: nothing [OPTION...]\n"));
}

static void the_shell_is_offered_what_the_table_has(void **state)
{
	char test[] = "test", add[] = "add", number[] = "--number";
	char *argv[] = {test, add, number};
	static const char *const offered[] = {"add\nnothing\n--help\n",
					      "--number\n-n\n--seven\n--loud\n--help\n", ""};

	(void)state;
	for (int argc = 1; argc <= 3; argc++) {
		char *text = NULL;
		size_t size = 0;
		FILE *file = open_memstream(&text, &size);

		assert_non_null(file);
		cli_actions_words(&actions, argc, argv, file);
		assert_int_equal(fclose(file), 0);
		assert_string_equal(text, offered[argc - 1]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_action_gets_options_and_operands),
		cmocka_unit_test(wrong_usage_is_status_2_and_says_why),
		cmocka_unit_test(a_failure_is_its_code_and_sentence),
		cmocka_unit_test(help_has_usage_and_all_options),
		cmocka_unit_test(the_shell_is_offered_what_the_table_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
