/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr_query.c - `gw mr query DIR WORD...`: asks an inverted index that `gw mr invindex` made.
 */
#include "cli/action.h"
#include "cli/mr.h"

#include "mapreduce/apps/query.h"

#include <assert.h>
#include <inttypes.h>

struct query {
	bool help, force, fold, count_only;
	int64_t limit;
	int64_t found;
};

const struct gw_option cli_mr_query_options[] = {
	{"fold", 0, GW_OPTION_FLAG, offsetof(struct query, fold), NULL,
	 "Take the words in lower case, for an index made with --fold", NULL},
	{"limit", 0, GW_OPTION_INT, offsetof(struct query, limit), "N",
	 "Print the first N documents only, and how many there are on standard error", NULL},
	{"count", 'c', GW_OPTION_FLAG, offsetof(struct query, count_only), NULL,
	 "Print how many documents there are instead", NULL},
	{"force", 0, GW_OPTION_FLAG, offsetof(struct query, force), NULL,
	 "Ask what is there, even if the job did not finish", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct query, help), NULL, "Print this help", NULL},
	{0},
};

static void print(void *context, struct gw_bytes document)
{
	struct query *query = context;

	query->found++;
	if (!query->count_only && (query->limit == 0 || query->found <= query->limit))
		printf("%.*s\n", (int)document.size, (const char *)document.data);
}

/* The words as the index has them; with --fold the arguments are changed in place. */
static void take_words(const struct query *query, char **words, size_t count,
		       struct gw_bytes *taken)
{
	for (size_t i = 0; i < count; i++) {
		for (char *at = words[i]; query->fold && *at; at++)
			if (*at >= 'A' && *at <= 'Z')
				*at |= 0x20;
		taken[i] = gw_string(words[i]);
	}
}

static int ask(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct query *query = values;
	struct gw_bytes words[MR_QUERY_WORDS_MAX];
	struct mr_parts index;

	assert(count >= 2 && count - 1 <= MR_QUERY_WORDS_MAX);
	if (query->limit < 0)
		return gw_fail(error, GW_E_USAGE, "--limit %" PRId64 ": less than 0", query->limit);
	take_words(query, operands + 1, count - 1, words);
	int code = mr_parts_open(&index, operands[0], query->force, error);

	if (code == 0)
		code = mr_query(&index, words, count - 1, print, query, error);
	mr_parts_done(&index);
	if (code == 0 && query->count_only)
		printf("%" PRId64 "\n", query->found);
	if (code == 0 && query->limit > 0 && query->found > query->limit)
		fprintf(stderr, "%" PRId64 " documents, the first %" PRId64 " are shown\n",
			query->found, query->limit);
	return code;
}

static const struct cli_action action = {
	.name = "gw mr query",
	.operands = "DIR WORD...",
	.operands_min = 2,
	.operands_max = 1 + MR_QUERY_WORDS_MAX,
	.help = "Prints the documents that hold all the words, from the index in DIR that\n"
		"gw mr invindex made.\n\n",
	.options = cli_mr_query_options,
	.values_bytes = sizeof(struct query),
	.run = ask,
};

int cli_mr_query(int argc, char **argv)
{
	return cli_action_run(&action, argc, argv);
}
