/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invindex.c - inverted index (paper section 2.3): for each word the documents that hold it,
 *
 *     word<TAB>document document ...
 *
 * A word is a run of [A-Za-z0-9_], a document an input file; words and lists are in the order of
 * bytes. Blanks, control bytes and '%' in file names are written as %XX. `gw mr query` asks the
 * index.
 */
#include "apps.h"
#include "list.h"
#include "url.h"
#include "words.h"

#include <assert.h>
#include <stdlib.h>

struct invindex {
	bool fold;
	struct gw_splitter splitter;
};

const struct gw_option mr_invindex_options[] = {
	{"fold", 0, GW_OPTION_FLAG, offsetof(struct invindex, fold), NULL,
	 "Index words in lower case", NULL},
	{0},
};

enum { RECENT_MAX = 2048 };

/*
 * An attempt's own. A word that was emitted for the same block a moment ago need not be emitted
 * again: most of the words of a text are the same few.
 */
struct indexing {
	struct {
		struct gw_bytes word; /* in the block */
		uint64_t block;	      /* its number; words of other blocks are forgotten */
	} recent[RECENT_MAX];
	uint64_t block;
	struct base_buffer folded;
	char document[MR_NAME_MAX];
	size_t document_size;
};

static uint32_t hash_word(struct gw_bytes word)
{
	const uint8_t *data = word.data;
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < word.size; i++)
		hash = (hash ^ data[i]) * 16777619;
	return hash ^ hash >> 15;
}

static bool seen_before(struct indexing *indexing, struct gw_bytes word)
{
	size_t slot = hash_word(word) % RECENT_MAX;
	struct gw_bytes *last = &indexing->recent[slot].word;

	assert(word.size > 0 && indexing->recent[slot].block <= indexing->block);

	if (indexing->recent[slot].block == indexing->block && last->size == word.size &&
	    memcmp(last->data, word.data, word.size) == 0)
		return true;
	indexing->recent[slot].block = indexing->block;
	*last = word;
	return false;
}

static int emit_words(struct gw_mr_task *task, const char *data, const struct gw_token *tokens,
		      size_t count)
{
	const struct invindex *job = gw_mr_context(task);
	struct indexing *indexing = gw_mr_state(task);
	struct gw_error error = {0};

	for (size_t i = 0; i < count; i++) {
		struct gw_bytes word = {data + tokens[i].offset, tokens[i].size};

		if (seen_before(indexing, word))
			continue;
		if (job->fold && mr_fold_word(word, &indexing->folded, &word, &error) < 0)
			return gw_mr_fail(task, "%s", error.text);
		gw_mr_emit(task, word,
			   (struct gw_bytes){indexing->document, indexing->document_size});
	}
	return 0;
}

static int index_block(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const struct invindex *job = gw_mr_context(task);
	struct indexing *indexing = gw_mr_state(task);
	struct gw_token tokens[MR_TOKENS_AT_ONCE];
	size_t position = 0;
	int code = mr_check_split_size(task, block->size, block->file);

	assert(indexing);
	indexing->block++;
	indexing->document_size = mr_escape_name(indexing->document, sizeof(indexing->document),
						 gw_string(block->file));
	if (code == 0 && indexing->document_size == 0)
		code = gw_mr_fail(task, "%s: the file name is too long", block->file);
	while (code == 0 && position < block->size) {
		size_t count = gw_split(&job->splitter, block->data, block->size, &position, tokens,
					MR_TOKENS_AT_ONCE);

		assert(position <= block->size);
		code = emit_words(task, block->data, tokens, count);
		gw_mr_progress(task, block->data + position);
	}
	return code;
}

static int start(struct gw_mr_task *task, void **state)
{
	*state = calloc(1, sizeof(struct indexing));
	return *state ? 0 : gw_mr_fail(task, "no memory for the last words");
}

static int finish(struct gw_mr_task *task, void *state)
{
	struct indexing *indexing = state;

	(void)task;
	base_buffer_done(&indexing->folded);
	free(indexing);
	return 0;
}

int mr_invindex_main(int argc, char **argv)
{
	struct invindex context = {0};
	const struct gw_mr_job job = {
		.name = "invindex",
		.summary =
			"Inverted index: for each word the sorted list of the files that hold it",
		.map_block = index_block,
		.combine_with = GW_MR_SET_UNION,
		.reduce = mr_write_list,
		.start = start,
		.finish = finish,
		.context = &context,
		.options = mr_invindex_options,
	};

	mr_splitter_of_letters(&context.splitter, gw_string("0123456789_"));
	return gw_mr_main(argc, argv, &job);
}
