/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invindex.c - inverted index (paper section 2.3): which files hold each word?
 *
 * A block map sees a piece of a file at once. It emits (word, file name) for each of its words;
 * SET_UNION keeps each file of a word once, in order, and reduce writes them as one line. (`gw mr
 * invindex` emits a word less often, and `gw mr query` asks the index.)
 */
#include <groundwork/mapreduce.h>

static int index_words(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	struct gw_splitter splitter;
	struct gw_token tokens[256];

	gw_splitter_init_space(&splitter);
	for (size_t at = 0; at < block->size;) {
		size_t count = gw_split(&splitter, block->data, block->size, &at, tokens, 256);

		for (size_t i = 0; i < count; i++) {
			struct gw_bytes word = {block->data + tokens[i].offset, tokens[i].size};

			gw_mr_emit(task, word, gw_string(block->file));
		}
	}
	return 0;
}

static int write_files(struct gw_mr_task *task, struct gw_bytes word, struct gw_mr_values *files)
{
	struct gw_bytes file;
	const char *between = "\t";

	gw_mr_write(task, word.data, word.size);
	while (gw_mr_next(files, &file)) {
		gw_mr_write(task, between, 1);
		gw_mr_write(task, file.data, file.size);
		between = " ";
	}
	gw_mr_write(task, "\n", 1);
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_mr_job job = {
		.name = "invindex",
		.summary = "List the files that hold each word",
		.map_block = index_words,
		.combine_with = GW_MR_SET_UNION,
		.reduce = write_files,
	};

	return gw_mr_main(argc, argv, &job);
}
