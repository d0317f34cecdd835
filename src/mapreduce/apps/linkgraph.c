/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkgraph.c - reverse web-link graph (paper section 2.3): for each page that is linked to, the
 * pages that do,
 *
 *     target<TAB>source source ...
 *
 * both in the order of bytes. Links are <a href> and <area href>, resolved against the page's
 * address (or a <base href> above them); http and https are kept, fragments dropped (url.h). A page
 * of a file without --base has no address: its source is the file's name, and only its absolute
 * links are kept.
 */
#include "apps.h"
#include "html.h"
#include "list.h"
#include "page.h"

#include <assert.h>
#include <stdlib.h>

/* What an attempt keeps while it goes through pages. */
struct scan {
	struct gw_mr_task *task;
	struct base_buffer body;
	struct mr_page page;
	struct mr_url base; /* links are resolved against it */
	bool has_base;
	struct mr_url target;
	char source[MR_NAME_MAX];
	size_t source_size;
};

_Static_assert((int)MR_NAME_MAX >= (int)MR_URL_MAX, "a source is a file's name or a URL");

const struct gw_option mr_linkgraph_options[] = {
	MR_PAGE_BASE_OPTION,
	MR_PAGE_FORMAT_OPTION,
	{0},
};

static void take_base(void *context, struct gw_bytes href)
{
	struct scan *scan = context;

	if (mr_url_resolve(&scan->target, scan->has_base ? &scan->base : NULL, href)) {
		scan->base = scan->target;
		scan->has_base = true;
	}
}

static void take_link(void *context, struct gw_bytes href)
{
	struct scan *scan = context;

	assert(scan->task && scan->source_size > 0);
	if (mr_url_resolve(&scan->target, scan->has_base ? &scan->base : NULL, href))
		gw_mr_emit(scan->task, mr_url_bytes(&scan->target),
			   (struct gw_bytes){scan->source, scan->source_size});
	else
		gw_mr_count(scan->task, "other_links", 1);
}

/* The name under which the page stands in lists; 0 when it is too long. */
static size_t name_source(struct scan *scan, struct gw_bytes file)
{
	if (!scan->page.has_url)
		return mr_escape_name(scan->source, sizeof(scan->source), file);
	assert(scan->page.url.size <= sizeof(scan->source));
	memcpy(scan->source, scan->page.url.text, scan->page.url.size);
	return scan->page.url.size;
}

static int scan_page(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	struct scan *scan = gw_mr_state(task);
	const struct mr_html_visitor visitor = {
		.base = take_base, .link = take_link, .context = scan};
	struct gw_error error = {0};

	scan->task = task;
	if (!mr_page_read(task, key, value, &scan->body, &scan->page))
		return 0;
	scan->source_size = name_source(scan, key);
	scan->has_base = scan->page.has_url;
	if (scan->has_base)
		scan->base = scan->page.url;
	if (scan->source_size == 0) {
		gw_mr_count(task, "bad_urls", 1);
		return 0;
	}
	int code = mr_html_visit(scan->page.html, &visitor, &error);

	if (code == GW_E_NO_MEMORY || code == GW_E_UNSUPPORTED)
		return gw_mr_fail(task, "%s", error.text);
	gw_mr_count(task, code < 0 ? "bad_pages" : "pages", 1);
	return 0;
}

static int start(struct gw_mr_task *task, void **state)
{
	*state = calloc(1, sizeof(struct scan));
	return *state ? 0 : gw_mr_fail(task, "no memory for a page's address");
}

static int finish(struct gw_mr_task *task, void *state)
{
	struct scan *scan = state;

	(void)task;
	base_buffer_done(&scan->body);
	free(scan);
	return 0;
}

static int prepare(struct gw_mr_job *job, char ***operands, size_t *count, struct gw_error *error)
{
	return mr_pages_prepare(job->context, job, operands, count, error);
}

int mr_linkgraph_main(int argc, char **argv)
{
	struct mr_pages pages = {0};
	const struct gw_mr_job job = {
		.name = "linkgraph",
		.summary = "Reverse web-link graph of HTML files or WARC archives: each target "
			   "with the "
			   "pages that link to it",
		.map = scan_page,
		.combine_with = GW_MR_SET_UNION,
		.reduce = mr_write_list,
		.start = start,
		.finish = finish,
		.context = &pages,
		.options = mr_linkgraph_options,
		.prepare = prepare,
	};
	int status = gw_mr_main(argc, argv, &job);

	mr_pages_done(&pages);
	return status;
}
