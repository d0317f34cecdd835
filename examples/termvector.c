/* SPDX-License-Identifier: Apache-2.0 */
/*
 * termvector.c - term vector per host (paper section 2.3): the most frequent words of each host's
 * pages.
 *
 * Input: lines of URL TAB text. Map emits (host TAB word, 1), and the library adds up. All keys of
 * a host come to the same part (GW_MR_BY_PREFIX), one behind the other, and a part is reduced by
 * one attempt (whole_parts). So reduce keeps the best words of the host that it is at, in a state
 * of its own, and writes them when the next host begins, or in finish.
 */
#include <groundwork/mapreduce.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TERMS = 10, TERM_MAX = 64, KEY_MAX = 512 };

struct vector {
	char host[KEY_MAX];
	int count;
	struct {
		char text[TERM_MAX];
		int64_t number;
	} terms[TERMS + 1]; /* most frequent first; one place more for the newcomer */
};

static int count_words(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	struct gw_bytes url = gw_mr_column(task, line, '\t', 1);
	struct gw_bytes text = gw_mr_column(task, line, '\t', 2);
	struct gw_bytes host = gw_mr_column(task, url, '/', 3);
	struct gw_splitter splitter;
	struct gw_token tokens[64];
	char key[KEY_MAX];

	(void)offset;
	gw_splitter_init_space(&splitter);
	for (size_t at = 0; at < text.size;) {
		size_t count = gw_split(&splitter, text.data, text.size, &at, tokens, 64);

		for (size_t i = 0; i < count; i++) {
			int size = snprintf(key, sizeof(key), "%.*s\t%.*s", (int)host.size,
					    (const char *)host.data, (int)tokens[i].size,
					    (const char *)text.data + tokens[i].offset);

			if (tokens[i].size < TERM_MAX && size < KEY_MAX)
				gw_mr_emit_i64(task, (struct gw_bytes){key, (size_t)size}, 1);
		}
	}
	return 0;
}

static void write_vector(struct gw_mr_task *task, struct vector *vector)
{
	char line[TERMS * (TERM_MAX + 24)] = "";
	size_t size = 0;

	for (int i = 0; i < vector->count; i++)
		size += (size_t)snprintf(line + size, sizeof(line) - size, "%s%s:%" PRId64,
					 i ? "," : "", vector->terms[i].text,
					 vector->terms[i].number);
	if (size > 0)
		gw_mr_emit(task, gw_string(vector->host), (struct gw_bytes){line, size});
	vector->count = 0;
}

static int take_word(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct vector *vector = gw_mr_state(task);
	char text[KEY_MAX];
	int64_t number;

	snprintf(text, sizeof(text), "%.*s", (int)key.size, (const char *)key.data);
	char *word = strchr(text, '\t');

	if (!word || !gw_mr_next_i64(values, &number))
		return gw_mr_fail(task, "a key without a tab");
	*word++ = '\0';
	if (strcmp(text, vector->host) != 0)
		write_vector(task, vector);
	memcpy(vector->host, text, sizeof(text));
	/* Words come in order: of equally frequent ones the first stays in front. */
	int at = vector->count;

	for (; at > 0 && vector->terms[at - 1].number < number; at--)
		vector->terms[at] = vector->terms[at - 1];
	vector->terms[at].number = number;
	snprintf(vector->terms[at].text, TERM_MAX, "%s", word);
	vector->count += vector->count < TERMS;
	return 0;
}

static int start(struct gw_mr_task *task, void **state)
{
	*state = calloc(1, sizeof(struct vector));
	return *state ? 0 : gw_mr_fail(task, "no memory");
}

static int finish(struct gw_mr_task *task, void *state)
{
	write_vector(task, state);
	free(state);
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_mr_job job = {
		.name = "termvector",
		.summary = "Find the most frequent words of each host in lines of URL TAB text",
		.map = count_words,
		.combine_with = GW_MR_SUM,
		.reduce = take_word,
		.partition_by = GW_MR_BY_PREFIX,
		.partition_separator = '\t',
		.whole_parts = true,
		.start = start,
		.finish = finish,
	};

	return gw_mr_main(argc, argv, &job);
}
