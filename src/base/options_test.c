/* SPDX-License-Identifier: Apache-2.0 */
/* options_test.c - every form of every option, every wrong one, and random command lines. */
#include "base/options.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

struct values {
	bool verbose, quick;
	int64_t jobs;
	uint64_t memory, timeout_ms;
	const char *codec, *output;
	struct gw_option_list files;
};

static const struct gw_option own_table[] = {
	{"verbose", 'v', GW_OPTION_FLAG, offsetof(struct values, verbose), NULL, "Say more", NULL},
	{"quick", 'q', GW_OPTION_FLAG, offsetof(struct values, quick), NULL, "Do less", NULL},
	{"jobs", 'j', GW_OPTION_INT, offsetof(struct values, jobs), "N", "Slots", NULL},
	{"output", 'o', GW_OPTION_STRING, offsetof(struct values, output), "DIR", "Where to", NULL},
	{0},
};

static const struct gw_option more_table[] = {
	{"memory", 0, GW_OPTION_SIZE, offsetof(struct values, memory), "SIZE", "Budget", NULL},
	{"timeout", 't', GW_OPTION_MS, offsetof(struct values, timeout_ms), "TIME", "Limit", NULL},
	{"codec", 'c', GW_OPTION_STRING, offsetof(struct values, codec), "NAME", "Packing",
	 "lz4|zstd|none"},
	{"a-quite-long-option-name", 0, GW_OPTION_LIST, offsetof(struct values, files), "FILE",
	 "Files to send", NULL},
	{"file", 'f', GW_OPTION_LIST, offsetof(struct values, files), "FILE", "The same", NULL},
	{0},
};

enum { ARGUMENTS_MAX = 32 };

/* One parsed command line. */
struct parsed {
	struct values values;
	struct gw_option_group groups[3];
	char line[512];
	char *argv[ARGUMENTS_MAX];
	int argc;
	char **operands;
	size_t operand_count;
	struct gw_error error;
	int result;
};

/* Parses a line of words between single spaces; "" is no word, and ' stands for a space. */
static void parse(struct parsed *parsed, enum gw_option_style style, const char *line)
{
	char *at = parsed->line;

	*parsed = (struct parsed){.groups = {{"Own", own_table, &parsed->values},
					     {"More", more_table, &parsed->values}}};
	snprintf(parsed->line, sizeof(parsed->line), "program %s", line);
	for (char *word; (word = strsep(&at, " "));) {
		if (!*word)
			continue;
		assert_true(parsed->argc < ARGUMENTS_MAX);
		for (char *quote; (quote = strchr(word, '\''));)
			*quote = ' ';
		parsed->argv[parsed->argc++] = word;
	}
	parsed->result = gw_options_parse(parsed->groups, style, parsed->argc, parsed->argv,
					  &parsed->operands, &parsed->operand_count,
					  &parsed->error);
}

static void parsed_done(struct parsed *parsed)
{
	gw_options_done(parsed->groups);
	assert_null(parsed->values.files.items);
	free(parsed->operands);
}

static void assert_operands(const struct parsed *parsed, const char *expected)
{
	char joined[512] = "";

	assert_int_equal(parsed->result, 0);
	for (size_t i = 0; i < parsed->operand_count; i++) {
		strcat(joined, i ? " " : "");
		strcat(joined, parsed->operands[i]);
	}
	assert_null(parsed->operands[parsed->operand_count]);
	assert_string_equal(joined, expected);
}

static void nothing_leaves_defaults(void **state)
{
	struct values values = {.jobs = 7};
	const struct gw_option_group groups[] = {{NULL, own_table, &values}, {0}};
	char program[] = "program", *argv[] = {program, NULL};
	char **operands;
	size_t count;

	(void)state;
	for (int argc = 0; argc <= 1; argc++) {
		assert_int_equal(gw_options_parse(groups, GW_STYLE_GNU, argc, argv, &operands,
						  &count, NULL),
				 0);
		assert_int_equal(count, 0);
		assert_null(operands[0]);
		free(operands);
	}
	assert_int_equal(values.jobs, 7);
}

static void every_form_of_a_value(void **state)
{
	static const char *const lines[] = {"--jobs 12 x", "--jobs=12 x", "-j 12 x", "-j12 x",
					    "x -vj12", "x -vqj 12", "-j 1 x --jobs 12"};
	struct parsed parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(&parsed, GW_STYLE_GNU, lines[i]);
		assert_operands(&parsed, "x");
		assert_int_equal(parsed.values.jobs, 12);
		parsed_done(&parsed);
	}
}

static void flags_are_set_and_unset(void **state)
{
	struct parsed parsed;

	(void)state;
	parse(&parsed, GW_STYLE_GNU, "-vq --no-quick in out");
	assert_operands(&parsed, "in out");
	assert_true(parsed.values.verbose);
	assert_false(parsed.values.quick);
	parsed_done(&parsed);
}

static void operands_stand_anywhere(void **state)
{
	struct parsed parsed;

	(void)state;
	parse(&parsed, GW_STYLE_GNU, "a --verbose b - -j3 -- -v --jobs --");
	assert_operands(&parsed, "a b - -v --jobs --");
	assert_int_equal(parsed.values.jobs, 3);
	parsed_done(&parsed);
}

static void values_may_look_like_options(void **state)
{
	struct parsed parsed;

	(void)state;
	parse(&parsed, GW_STYLE_GNU, "-o --verbose -j -5 --codec=none --file -- --file=a=b");
	assert_operands(&parsed, "");
	assert_string_equal(parsed.values.output, "--verbose");
	assert_false(parsed.values.verbose);
	assert_int_equal(parsed.values.jobs, -5);
	assert_int_equal(parsed.values.files.count, 2);
	assert_string_equal(parsed.values.files.items[0], "--");
	assert_string_equal(parsed.values.files.items[1], "a=b");
	parsed_done(&parsed);
	parse(&parsed, GW_STYLE_GNU, "--output= x");
	assert_string_equal(parsed.values.output, "");
	parsed_done(&parsed);
}

static void hadoop_takes_one_dash_or_two(void **state)
{
	struct parsed parsed;

	(void)state;
	parse(&parsed, GW_STYLE_HADOOP,
	      "-jobs 4 --output=d -memory=64K -file a -f b -verbose -no-op -o e");
	assert_int_equal(parsed.result, GW_E_USAGE);
	assert_string_equal(parsed.error.text, "-no-op: no such option");
	parse(&parsed, GW_STYLE_HADOOP,
	      "-jobs 4 --output=d -memory=64K -file a -f b -verbose -qv x");
	assert_operands(&parsed, "x");
	assert_int_equal(parsed.values.jobs, 4);
	assert_int_equal(parsed.values.memory, 65536);
	assert_string_equal(parsed.values.output, "d");
	assert_int_equal(parsed.values.files.count, 2);
	assert_true(parsed.values.verbose && parsed.values.quick);
	parsed_done(&parsed);
	/* The same line in the other style is letters: -jobs is -j with the value "obs". */
	parse(&parsed, GW_STYLE_GNU, "-jobs 4");
	assert_string_equal(parsed.error.text, "-j: \"obs\" is not a number");
}

static void lists_keep_their_order(void **state)
{
	struct parsed parsed;

	(void)state;
	parse(&parsed, GW_STYLE_GNU,
	      "-f1 -f2 -f3 -f4 -f5 -f6 -f7 -f8 -f9 --file 10 --file=11 -f 12");
	assert_operands(&parsed, "");
	assert_int_equal(parsed.values.files.count, 12);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(atoi(parsed.values.files.items[i]), i + 1);
	parsed_done(&parsed);
}

static void wrong_usage_names_the_option(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
		{"--jbos 3", "--jbos: no such option"},
		{"--jbos=3", "--jbos: no such option"},
		{"-x", "-x: no such option"},
		{"-vx", "-x: no such option"},
		{"---", "---: no such option"},
		{"--=3", "--: no such option"},
		{"--no-jobs", "--no-jobs: no such option"},
		{"--no-", "--no-: no such option"},
		{"--job 3", "--job: no such option"},
		{"--jobs", "--jobs: needs a value (N)"},
		{"in -vj", "-j: needs a value (N)"},
		{"--verbose=yes", "--verbose: takes no value"},
		{"--no-verbose=", "--no-verbose: takes no value"},
		{"--jobs=", "--jobs: \"\" is not a number"},
		{"-j 1x", "-j: \"1x\" is not a number"},
		{"-j '1", "-j: \" 1\" is not a number"},
		{"-j +1", "-j: \"+1\" is not a number"},
		{"-j 0x10", "-j: \"0x10\" is not a number"},
		{"-j -", "-j: \"-\" is not a number"},
		{"-j 9223372036854775808", "-j: \"9223372036854775808\" is too large"},
		{"--memory lots", "--memory: \"lots\" is not a size (like 4096, 64K, 64M, 2G)"},
		{"--memory=-1", "--memory: \"-1\" is not a size (like 4096, 64K, 64M, 2G)"},
		{"--memory=20000000T", "--memory: \"20000000T\" is too large"},
		{"-t 10x", "-t: \"10x\" is not a time (like 250ms, 10s, 5m)"},
		{"-c lz", "-c: \"lz\" is none of lz4|zstd|none"},
		{"-c lz4|zstd", "-c: \"lz4|zstd\" is none of lz4|zstd|none"},
		{"--codec=", "--codec: \"\" is none of lz4|zstd|none"},
		{"-f a -f b --bad", "--bad: no such option"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct parsed parsed;

		parse(&parsed, GW_STYLE_GNU, rows[i].line);
		assert_int_equal(parsed.result, GW_E_USAGE);
		assert_int_equal(parsed.error.code, GW_E_USAGE);
		assert_string_equal(parsed.error.text, rows[i].text);
		assert_null(parsed.operands);
		assert_int_equal(parsed.operand_count, 0);
		assert_null(parsed.values.files.items);
	}
}

static void sizes_and_times(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {
		{"0", 0}, {"4096", 4096}, {"64K", 65536}, {"64k", 65536}, {"64M", 67108864},
		{"2G", UINT64_C(2147483648)}, {"1T", UINT64_C(1099511627776)}, {"007", 7},
		{"18446744073709551615", UINT64_MAX}, {"16777215T", UINT64_C(16777215) << 40},
	};
	static const struct {
		const char *text;
		uint64_t ms;
	} times[] = {
		{"0", 0},
		{"250ms", 250},
		{"10", 10000},
		{"10s", 10000},
		{"5m", 300000},
		{"1h", 3600000},
		{"18446744073709551615ms", UINT64_MAX},
	};
	static const char *const refused[] = {"", "K", "1KB", "1.5G", " 1", "1 ", "-1", "+1", "1e3",
					      "18446744073709551616", "18446744073709551615K", "s"};
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(gw_parse_size(sizes[i].text, &number, NULL), 0);
		assert_true(number == sizes[i].bytes);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_int_equal(gw_parse_ms(times[i].text, &number, NULL), 0);
		assert_true(number == times[i].ms);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct gw_error error = {0};

		assert_int_equal(gw_parse_size(refused[i], &number, &error), GW_E_INVALID);
		assert_non_null(strstr(error.text, refused[i]));
		assert_int_equal(gw_parse_ms(refused[i], &number, &error), GW_E_INVALID);
	}
}

/* What the function prints for the groups of a parsed line. */
static char *printed(void (*print)(const struct parsed *parsed, FILE *file),
		     const struct parsed *parsed)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	print(parsed, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void print_help(const struct parsed *parsed, FILE *file)
{
	gw_options_help(parsed->groups, file);
}

static void help_is_aligned(void **state)
{
	struct parsed parsed;
	char *text;

	(void)state;
	parse(&parsed, GW_STYLE_GNU, "");
	text = printed(print_help, &parsed);
	assert_string_equal(text,
			    "Own:\n"
			    "  -v, --verbose               Say more\n"
			    "  -q, --quick                 Do less\n"
			    "  -j, --jobs=N                Slots\n"
			    "  -o, --output=DIR            Where to\n"
			    "\n"
			    "More:\n"
			    "      --memory=SIZE           Budget\n"
			    "  -t, --timeout=TIME          Limit\n"
			    "  -c, --codec=NAME            Packing (lz4, zstd, none)\n"
			    "      --a-quite-long-option-name=FILE\n"
			    "                              Files to send (may be repeated)\n"
			    "  -f, --file=FILE             The same (may be repeated)\n");
	free(text);
	parsed_done(&parsed);
}

/* The last operand is the word before the one to complete. */
static void print_words(const struct parsed *parsed, FILE *file)
{
	const char *previous = parsed->argc > 1 ? parsed->argv[parsed->argc - 1] : NULL;

	base_options_words(parsed->groups, GW_STYLE_GNU, previous, file);
}

static void print_hadoop_words(const struct parsed *parsed, FILE *file)
{
	base_options_words(parsed->groups, GW_STYLE_HADOOP, NULL, file);
}

static void completion_offers_options_or_choices(void **state)
{
	static const char all[] =
		"--verbose\n-v\n--quick\n-q\n--jobs\n-j\n--output\n-o\n--memory\n--timeout\n-t\n"
		"--codec\n-c\n--a-quite-long-option-name\n--file\n-f\n";
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"", all}, {"input", all}, {"--verbose", all}, {"-v", all}, {"-", all}, {"--", all},
		{"--unknown", all}, {"-x", all}, {"--codec", "lz4\nzstd\nnone\n"},
		{"-c", "lz4\nzstd\nnone\n"}, {"-codec", "lz4\nzstd\nnone\n"}, {"--output", ""},
		{"-j", ""}, {"codec", all},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct parsed parsed;
		char *text;

		parse(&parsed, GW_STYLE_GNU, rows[i].line);
		text = printed(print_words, &parsed);
		assert_string_equal(text, rows[i].words);
		free(text);
		parsed_done(&parsed);
	}
}

static void completion_offers_one_dash_where_it_does(void **state)
{
	struct parsed parsed;
	char *text;

	(void)state;
	parse(&parsed, GW_STYLE_HADOOP, "");
	text = printed(print_hadoop_words, &parsed);
	assert_non_null(strstr(text, "\n--jobs\n-jobs\n-j\n"));
	free(text);
	parsed_done(&parsed);
}

/* "..." in a table: what is listed is offered and printed, and anything is taken. */
static void choices_may_be_some_of_those_allowed(void **state)
{
	const char *class = NULL;
	const struct gw_option table[] = {
		{"class", 0, GW_OPTION_STRING, 0, "NAME", "Class", "Hash|Range|..."}, {0}};
	const struct gw_option_group groups[] = {{NULL, table, &class}, {0}};
	char program[] = "program", option[] = "--class", value[] = "org.Other";
	char *argv[] = {program, option, value, NULL}, **operands, *text = NULL;
	size_t count, size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(gw_options_parse(groups, GW_STYLE_GNU, 3, argv, &operands, &count, NULL),
			 0);
	free(operands);
	assert_ptr_equal(class, value);
	base_options_words(groups, GW_STYLE_GNU, option, file);
	gw_options_help(groups, file);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, "Hash\nRange\n"
				  "      --class=NAME            Class (Hash, Range)\n");
	free(text);
}

/* Random lines made of known pieces: each argument is an operand, or belongs to one option;
 * nothing is lost, and writing operands last changes nothing. */
static void random_lines_lose_nothing(void **state)
{
	static const char *const pieces[] = {"-v", "-q",	"--no-verbose", "-j7",	 "--jobs=7",
					     "-f", "--file=x", "--file",       "x",	 "-",
					     "--", "-fy",	"--memory=1M",  "-t", "10ms"};
	uint64_t seed = 6;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct parsed parsed;
		char line[256] = "";
		size_t words = test_pick(&seed, 12);

		for (size_t i = 0; i < words; i++) {
			strcat(line, pieces[test_pick(&seed, sizeof(pieces) / sizeof(pieces[0]))]);
			strcat(line, " ");
		}
		parse(&parsed, round % 2 ? GW_STYLE_GNU : GW_STYLE_HADOOP, line);
		if (parsed.result == 0) {
			assert_true(parsed.operand_count + parsed.values.files.count <= words);
			assert_true(parsed.values.jobs == 0 || parsed.values.jobs == 7);
		} else {
			assert_int_equal(parsed.result, GW_E_USAGE);
			assert_true(parsed.error.text[0] == '-');
			assert_int_equal(parsed.operand_count, 0);
		}
		parsed_done(&parsed);
	}
}

static int parse_lists(void *context)
{
	struct parsed parsed;
	int result;

	(void)context;
	parse(&parsed, GW_STYLE_GNU, "-f a b -f c --file d");
	result = parsed.result;
	if (result < 0)
		assert_null(parsed.operands);
	parsed_done(&parsed);
	return result;
}

static void memory_that_runs_out_is_reported(void **state)
{
	(void)state;
	assert_int_equal(test_each_allocation_fails(parse_lists, NULL), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaves_defaults),
		cmocka_unit_test(every_form_of_a_value),
		cmocka_unit_test(flags_are_set_and_unset),
		cmocka_unit_test(operands_stand_anywhere),
		cmocka_unit_test(values_may_look_like_options),
		cmocka_unit_test(hadoop_takes_one_dash_or_two),
		cmocka_unit_test(lists_keep_their_order),
		cmocka_unit_test(wrong_usage_names_the_option),
		cmocka_unit_test(sizes_and_times),
		cmocka_unit_test(help_is_aligned),
		cmocka_unit_test(completion_offers_options_or_choices),
		cmocka_unit_test(completion_offers_one_dash_where_it_does),
		cmocka_unit_test(choices_may_be_some_of_those_allowed),
		cmocka_unit_test(random_lines_lose_nothing),
		cmocka_unit_test(memory_that_runs_out_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
