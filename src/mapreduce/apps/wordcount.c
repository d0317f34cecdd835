/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wordcount.c - how often each word occurs (paper section 2.1). A word is a run of bytes that C's
 * isspace refuses, or with --fold a run of ASCII letters, in lower case.
 */
#include "apps.h"
#include "words.h"

#include <assert.h>

struct wordcount {
	bool fold;
	struct gw_splitter splitter;
};

const struct gw_option mr_wordcount_options[] = {
	{"fold", 0, GW_OPTION_FLAG, offsetof(struct wordcount, fold), NULL,
	 "Count runs of the letters A-Z and a-z, in lower case", NULL},
	{0},
};

static int count_words(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const struct wordcount *job = gw_mr_context(task);
	struct gw_token tokens[MR_TOKENS_AT_ONCE];
	size_t position = 0;

	if (mr_check_split_size(task, block->size, block->file) < 0)
		return GW_E_USER_CODE;
	while (position < block->size) {
		size_t count = gw_split(&job->splitter, block->data, block->size, &position, tokens,
					MR_TOKENS_AT_ONCE);

		assert(position <= block->size && count <= MR_TOKENS_AT_ONCE);
		gw_mr_emit_tokens_i64(task, block->data, tokens, count, 1);
	}
	return 0;
}

static int count_folded_words(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const struct wordcount *job = gw_mr_context(task);
	struct gw_token tokens[MR_TOKENS_AT_ONCE];
	struct base_buffer scratch = {0};
	struct gw_error error = {0};
	size_t position = 0;
	int code = mr_check_split_size(task, block->size, block->file);

	while (code == 0 && position < block->size) {
		size_t count = gw_split(&job->splitter, block->data, block->size, &position, tokens,
					MR_TOKENS_AT_ONCE);

		for (size_t i = 0; i < count && code == 0; i++) {
			struct gw_bytes word = {block->data + tokens[i].offset, tokens[i].size};

			code = mr_fold_word(word, &scratch, &word, &error);
			if (code < 0)
				code = gw_mr_fail(task, "%s", error.text);
			else
				gw_mr_emit_i64(task, word, 1);
		}
		gw_mr_progress(task, block->data + position);
	}
	base_buffer_done(&scratch);
	return code;
}

static int prepare(struct gw_mr_job *job, char ***operands, size_t *count, struct gw_error *error)
{
	struct wordcount *wordcount = job->context;

	(void)operands;
	(void)count;
	(void)error;
	if (wordcount->fold) {
		mr_splitter_of_letters(&wordcount->splitter, (struct gw_bytes){0});
		job->map_block = count_folded_words;
	} else {
		gw_splitter_init_space(&wordcount->splitter);
	}
	return 0;
}

int mr_wordcount_main(int argc, char **argv)
{
	struct wordcount context = {0};
	const struct gw_mr_job job = {
		.name = "wordcount",
		.summary = "Count how often each word occurs: lines of word TAB count",
		.map_block = count_words,
		.combine_with = GW_MR_SUM,
		.context = &context,
		.options = mr_wordcount_options,
		.prepare = prepare,
	};

	return gw_mr_main(argc, argv, &job);
}
