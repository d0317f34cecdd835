/* SPDX-License-Identifier: Apache-2.0 */
/*
 * termvector.c - term vector per host (paper section 2.3): the most frequent words of each host's
 * pages,
 *
 *     host<TAB>term:count,term:count ...
 *
 * most frequent first, equally frequent ones in the order of bytes. A term is a run of ASCII
 * letters and digits and of bytes from 0x80 on (which make up the other letters of UTF-8), A-Z as
 * a-z. Pages are those of page.h, or with --format text lines of URL TAB text.
 *
 * Map emits host TAB term, so that counts are added up in the library's own table. The terms of a
 * host follow each other in one part (the partition is chosen by the host), so reduce keeps the
 * best few of the host that it is at and writes them when the host changes.
 */
#include "apps.h"
#include "html.h"
#include "page.h"
#include "top.h"
#include "words.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct termvector {
	struct mr_pages pages; /* first: see page.h */
	int64_t terms;
	int64_t least;
	struct gw_splitter splitter;
};

const struct gw_option mr_termvector_options[] = {
	{"terms", 'k', GW_OPTION_INT, offsetof(struct termvector, terms), "N",
	 "Terms of each host that are written (default 10)", NULL},
	{"least", 0, GW_OPTION_INT, offsetof(struct termvector, least), "N",
	 "Leave out terms of fewer than N bytes (default 1)", NULL},
	MR_PAGE_BASE_OPTION,
	{"format", 0, GW_OPTION_STRING, offsetof(struct mr_pages, format), "FORMAT",
	 "html, warc, text (lines of URL TAB text) or auto (default): " MR_PAGE_AUTO_HELP,
	 "auto|html|warc|text"},
	{0},
};

/* What an attempt keeps: of pages in map, of the host in reduce. */
struct counting {
	struct gw_mr_task *task;
	struct base_buffer body, text, key, folded;
	struct mr_page page;
	struct mr_top top;
	struct base_buffer host, line;
	struct gw_error error;
	int code;
};

/* ---- Map ------------------------------------------------------------------------------------- */

static int emit_term(struct counting *counting, size_t prefix, struct gw_bytes word)
{
	const struct termvector *job = gw_mr_context(counting->task);
	struct base_buffer *key = &counting->key;
	int code;

	if (job->least > 0 && word.size < (uint64_t)job->least)
		return 0;
	code = mr_fold_word(word, &counting->folded, &word, &counting->error);
	assert(prefix > 0 && prefix <= key->size);
	key->size = prefix;
	if (code == 0)
		code = base_buffer_append(key, word.data, word.size, &counting->error);
	if (code == 0)
		gw_mr_emit_i64(counting->task, base_buffer_bytes(key), 1);
	return code;
}

static int count_terms(struct counting *counting, const struct mr_url *url, struct gw_bytes text)
{
	const struct termvector *job = gw_mr_context(counting->task);
	struct gw_bytes host = mr_url_host_name(url);
	struct gw_token tokens[MR_TOKENS_AT_ONCE];
	size_t position = 0;
	int code;

	assert(host.size > 0 && host.size < url->size);
	counting->key.size = 0;
	code = base_buffer_append(&counting->key, host.data, host.size, &counting->error);
	if (code == 0)
		code = base_buffer_append(&counting->key, "\t", 1, &counting->error);
	while (code == 0 && position < text.size) {
		size_t count = gw_split(&job->splitter, text.data, text.size, &position, tokens,
					MR_TOKENS_AT_ONCE);

		for (size_t i = 0; i < count && code == 0; i++) {
			const char *word = (const char *)text.data + tokens[i].offset;

			code = emit_term(counting, host.size + 1,
					 (struct gw_bytes){word, tokens[i].size});
		}
	}
	return code < 0 ? gw_mr_fail(counting->task, "%s", counting->error.text) : 0;
}

static void take_text(void *context, struct gw_bytes text)
{
	struct counting *counting = context;

	if (counting->code == 0)
		counting->code =
			base_buffer_append(&counting->text, text.data, text.size, &counting->error);
}

static void take_tag(void *context)
{
	take_text(context, (struct gw_bytes){" ", 1});
}

static int count_page(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	struct counting *counting = gw_mr_state(task);
	const struct mr_html_visitor visitor = {
		.text = take_text,
		.tag = take_tag,
		.context = counting,
	};

	counting->task = task;
	counting->code = 0;
	counting->text.size = 0;
	if (!mr_page_read(task, key, value, &counting->body, &counting->page))
		return 0;
	int code = mr_html_visit(counting->page.html, &visitor, &counting->error);

	if (code == GW_E_NO_MEMORY || code == GW_E_UNSUPPORTED || counting->code < 0)
		return gw_mr_fail(task, "%s", counting->error.text);
	gw_mr_count(task, code < 0 ? "bad_pages" : "pages", 1);
	return code < 0 ? 0
			: count_terms(counting, &counting->page.url,
				      base_buffer_bytes(&counting->text));
}

static int count_line(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	struct counting *counting = gw_mr_state(task);
	const char *data = line.data, *tab = line.size > 0 ? memchr(data, '\t', line.size) : NULL;
	size_t size = tab ? (size_t)(tab - data) : 0;

	(void)offset;
	counting->task = task;
	if (!tab || !mr_url_resolve(&counting->page.url, NULL, (struct gw_bytes){data, size})) {
		gw_mr_count(task, "malformed_lines", 1);
		return 0;
	}
	if (mr_check_split_size(task, line.size, gw_mr_input_name(task)) < 0)
		return GW_E_USER_CODE;
	return count_terms(counting, &counting->page.url,
			   (struct gw_bytes){tab + 1, line.size - size - 1});
}

/* ---- Reduce ---------------------------------------------------------------------------------- */

/* Writes the line of the host whose terms were read, if there is one. */
static int write_host(struct gw_mr_task *task, struct counting *counting)
{
	struct mr_top *top = &counting->top;
	struct base_buffer *line = &counting->line;
	int code = 0;

	if (counting->host.size == 0)
		return 0;
	assert(top->count > 0 && top->count <= top->max);
	line->size = 0;
	mr_top_sort(top);
	for (size_t i = 0; i < top->count && code == 0; i++)
		code = base_buffer_append_format(line, &counting->error, "%s%s:%" PRId64,
						 i > 0 ? "," : "", top->items[i].text,
						 top->items[i].number);
	mr_top_clear(top);
	if (code < 0)
		return gw_mr_fail(task, "%s", counting->error.text);
	gw_mr_emit(task, base_buffer_bytes(&counting->host), base_buffer_bytes(line));
	return 0;
}

static int take_count(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct counting *counting = gw_mr_state(task);
	struct base_buffer *host = &counting->host;
	const char *data = key.data, *tab = memchr(data, '\t', key.size);
	int64_t sum = 0, number;

	assert(tab && tab > data);
	size_t size = (size_t)(tab - data);
	struct gw_bytes term = {tab + 1, key.size - size - 1};

	while (gw_mr_next_i64(values, &number))
		sum += number;
	if (host->size != size || memcmp(host->data, data, size) != 0) {
		if (write_host(task, counting) < 0)
			return GW_E_USER_CODE;
		host->size = 0;
		if (base_buffer_append(host, data, size, &counting->error) < 0)
			return gw_mr_fail(task, "%s", counting->error.text);
	}
	if (mr_top_add(&counting->top, term, sum, &counting->error) < 0)
		return gw_mr_fail(task, "%s", counting->error.text);
	return 0;
}

/* ---- The job --------------------------------------------------------------------------------- */

static int start(struct gw_mr_task *task, void **state)
{
	const struct termvector *job = gw_mr_context(task);
	struct counting *counting = calloc(1, sizeof(*counting));

	if (!counting)
		return gw_mr_fail(task, "no memory for a page's address");
	counting->top.max = (size_t)job->terms;
	*state = counting;
	return 0;
}

static int finish(struct gw_mr_task *task, void *state)
{
	struct counting *counting = state;
	int code = write_host(task, counting); /* the last one; in a map task there is none */

	base_buffer_done(&counting->body);
	base_buffer_done(&counting->text);
	base_buffer_done(&counting->key);
	base_buffer_done(&counting->folded);
	base_buffer_done(&counting->host);
	base_buffer_done(&counting->line);
	mr_top_done(&counting->top);
	free(counting);
	return code;
}

static int prepare(struct gw_mr_job *job, char ***operands, size_t *count, struct gw_error *error)
{
	struct termvector *termvector = job->context;
	struct mr_pages *pages = &termvector->pages;

	if (termvector->terms < 1 || termvector->terms > MR_TOP_MAX)
		return gw_fail(error, GW_E_USAGE, "--terms %" PRId64 ": 1 to %d are possible",
			       termvector->terms, MR_TOP_MAX);
	if (pages->format && strcmp(pages->format, "text") == 0) {
		job->map = count_line;
		return 0;
	}
	int code = mr_pages_prepare(pages, job, operands, count, error);

	if (code == 0 && *count >= 2 && !pages->base)
		return gw_fail(
			error, GW_E_USAGE,
			"HTML files need --base URL, their address; http:// when the names of "
			"their directories are hosts");
	return code;
}

int mr_termvector_main(int argc, char **argv)
{
	struct termvector context = {.terms = 10};
	const struct gw_mr_job job = {
		.name = "termvector",
		.summary = "The most frequent terms of each host, from HTML files, WARC archives "
			   "or text",
		.map = count_page,
		.combine_with = GW_MR_SUM,
		.reduce = take_count,
		.partition_by = GW_MR_BY_PREFIX,
		.partition_separator = '\t',
		.whole_parts = true,
		.start = start,
		.finish = finish,
		.context = &context,
		.options = mr_termvector_options,
		.prepare = prepare,
	};
	char more[138] = "0123456789";

	for (unsigned byte = 0x80; byte < 0x100; byte++)
		more[10 + byte - 0x80] = (char)byte;
	mr_splitter_of_letters(&context.splitter, (struct gw_bytes){more, sizeof(more)});
	int status = gw_mr_main(argc, argv, &job);

	mr_pages_done(&context.pages);
	return status;
}
