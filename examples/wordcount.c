/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wordcount.c - how often each word occurs (paper section 2.1).
 *
 *     cc wordcount.c -o wordcount $(pkg-config --cflags --libs groundwork)
 *     ./wordcount /usr/include words && sort -k2nr words/part-* | head
 *
 * The map function sees one line at a time and emits (word, 1); the library adds up the numbers of
 * a word, before the data moves and after it, and writes lines of word TAB sum.
 */
#include <groundwork/mapreduce.h>

/* As isspace has it in the "C" locale. */
static bool is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static int count_words(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	const char *at = line.data, *end = at + line.size;

	(void)key; /* where the line is in its file */
	while (at < end) {
		while (at < end && is_space(*at))
			at++;
		const char *word = at;

		while (at < end && !is_space(*at))
			at++;
		if (at > word)
			gw_mr_emit_i64(task, (struct gw_bytes){word, (size_t)(at - word)}, 1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_mr_job job = {
		.name = "wordcount",
		.summary = "Count how often each word occurs",
		.map = count_words,
		.combine_with = GW_MR_SUM,
	};

	return gw_mr_main(argc, argv, &job);
}
