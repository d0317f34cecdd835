/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grep.c - `gw mr grep`: the lines that match a pattern, as `LC_ALL=C grep -a` prints them
 * (regular expressions are Perl's, as with grep -P). A map-only job over blocks: no line is
 * looked at before there is a hit in it. With -c the map function emits a number for each file,
 * which reduce sums up.
 */
#include "grep.h"

#include "apps.h"

#include <assert.h>
#include <stdlib.h>

#define AT(field) offsetof(struct grep, field)

const struct gw_option mr_grep_options[] = {
	{"regexp", 'e', GW_OPTION_LIST, AT(patterns), "PATTERN",
	 "Look for PATTERN", NULL},
	{"fixed-strings", 'F', GW_OPTION_FLAG, AT(fixed), NULL, "Patterns are strings", NULL},
	{"ignore-case", 'i', GW_OPTION_FLAG, AT(ignore_case), NULL,
	 "Ignore case of ASCII letters", NULL},
	{"word-regexp", 'w', GW_OPTION_FLAG, AT(whole_word), NULL, "Match whole words only", NULL},
	{"line-regexp", 'x', GW_OPTION_FLAG, AT(whole_line), NULL, "Match whole lines only", NULL},
	{"invert-match", 'v', GW_OPTION_FLAG, AT(invert), NULL,
	 "Take lines that do not match", NULL},
	{"count", 'c', GW_OPTION_FLAG, AT(count), NULL,
	 "Print how many lines, for each file", NULL},
	{"line-number", 'n', GW_OPTION_FLAG, AT(line_numbers), NULL,
	 "Print line numbers; a file is then not cut into splits", NULL},
	{"with-filename", 'H', GW_OPTION_FLAG, AT(with_names), NULL, "Print file names", NULL},
	{"no-filename", 'h', GW_OPTION_FLAG, AT(without_names), NULL,
	 "Print no file names (default: for more than one file)", NULL},
	{0},
};

int grep_start(struct gw_mr_task *task, void **state)
{
	const struct grep *grep = gw_mr_context(task);
	struct grep_state *made = calloc(1, sizeof *made);
	struct gw_error error = {0};

	assert(grep && (grep->pattern.code || grep->pattern.literal_count > 0));
	if (!made)
		return gw_mr_fail(task, "grep: no memory");
	made->grep = grep;
	made->kernel = mr_search_best_kernel();
	if (mr_matcher_init(&made->matcher, &grep->pattern, &error) < 0) {
		free(made);
		return gw_mr_fail(task, "grep: %s", error.text);
	}
	*state = made;
	return 0;
}

int grep_finish(struct gw_mr_task *task, void *state)
{
	struct grep_state *mine = state;
	bool reduces = mine->grep->count && gw_mr_input_name(task)[0] == 0;
	int failed = reduces ? grep_finish_counts(task, mine) : 0;

	assert(mine && mine->grep == gw_mr_context(task));
	mr_matcher_done(&mine->matcher);
	free(mine->prefix);
	free(mine);
	return failed;
}

/* GNU grep's rule: names, unless there is one operand and that is a file. */
static bool prints_names(const struct grep *grep, struct gw_bytes name)
{
	if (grep->with_names || grep->without_names)
		return grep->with_names;
	return !grep->only_input || gw_bytes_compare(gw_string(grep->only_input), name) != 0;
}

int grep_begin_file(struct gw_mr_task *task, struct grep_state *state, struct gw_bytes name)
{
	char *prefix = realloc(state->prefix, name.size + 1 + GREP_NUMBER_SIZE);

	if (!prefix)
		return gw_mr_fail(task, "grep: no memory for a file name of %zu bytes", name.size);
	memcpy(prefix, name.data, name.size);
	prefix[name.size] = ':';
	state->prefix = prefix;
	state->name_size = name.size;
	state->names = prints_names(state->grep, name);
	state->has_file = true;
	state->file_number++;
	state->offset = 0;
	state->lines = 0;
	state->matches = 0;
	return 0;
}

static int make_pattern(struct grep *grep, const char *const *texts, size_t count,
			struct gw_error *error)
{
	struct mr_pattern_options options = {
		.fixed = grep->fixed, .ignore_case = grep->ignore_case,
		.whole_word = grep->whole_word, .whole_line = grep->whole_line,
	};

	return mr_pattern_init(&grep->pattern, texts, count, &options, error);
}

static int grep_prepare(struct gw_mr_job *job, char ***operands, size_t *count,
			struct gw_error *error)
{
	struct grep *grep = job->context;
	const char *const *texts = grep->patterns.items;
	size_t text_count = grep->patterns.count;
	const char *first;
	int failed;

	if (grep->with_names && grep->without_names)
		return gw_fail(error, GW_E_USAGE, "-H and -h exclude each other");
	if (text_count == 0) {
		if (*count == 0)
			return gw_fail(error, GW_E_USAGE, "a PATTERN is missing");
		first = (*operands)[0];
		texts = &first;
		text_count = 1;
		++*operands;
		--*count;
	}
	if (*count == 2)
		grep->only_input = (*operands)[0];
	failed = make_pattern(grep, texts, text_count, error);
	if (failed || !grep->count) {
		job->whole_files = grep->line_numbers;
		return failed;
	}
	job->map_only = false;
	job->combine_with = GW_MR_SUM;
	job->reduce = grep_sum_counts;
	job->partition = grep_count_part;
	job->whole_parts = true;
	job->empty_files = true;
	return 0;
}

int mr_grep_main(int argc, char **argv)
{
	struct grep grep = {0};
	struct gw_mr_job job = {
		.name = "grep",
		.summary = "Write the lines that match: PATTERN (or -e PATTERN), then the inputs",
		.map_block = grep_map,
		.start = grep_start,
		.finish = grep_finish,
		.map_only = true,
		.context = &grep,
		.options = mr_grep_options,
		.prepare = grep_prepare,
	};
	int status = gw_mr_main(argc, argv, &job);

	mr_pattern_done(&grep.pattern);
	return status;
}
