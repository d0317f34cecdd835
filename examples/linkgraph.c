/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkgraph.c - reverse web-link graph (paper section 2.3): which pages link to each page?
 *
 * Each HTML file is one record. For each href="http..." in it, map emits (target, file name).
 * SET_UNION keeps each source of a target once, in order, and reduce writes them as one line. (`gw
 * mr linkgraph` reads HTML properly, resolves relative links, and knows web archives.)
 */
#define _GNU_SOURCE 1 /* memmem */
#include <groundwork/mapreduce.h>

static int find_links(struct gw_mr_task *task, struct gw_bytes name, struct gw_bytes page)
{
	static const char href[] = "href=\"";
	const char *at = page.data, *end = at + page.size;

	while ((at = memmem(at, (size_t)(end - at), href, strlen(href))) != NULL) {
		at += strlen(href);
		const char *quote = memchr(at, '"', (size_t)(end - at));

		if (!quote)
			break;
		struct gw_bytes target = {at, (size_t)(quote - at)};

		if (target.size > 4 && memcmp(at, "http", 4) == 0)
			gw_mr_emit(task, target, name);
		at = quote;
	}
	return 0;
}

static int write_sources(struct gw_mr_task *task, struct gw_bytes target,
			 struct gw_mr_values *sources)
{
	struct gw_bytes source;
	const char *between = "\t";

	gw_mr_write(task, target.data, target.size);
	while (gw_mr_next(sources, &source)) {
		gw_mr_write(task, between, 1);
		gw_mr_write(task, source.data, source.size);
		between = " ";
	}
	gw_mr_write(task, "\n", 1);
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_mr_job job = {
		.name = "linkgraph",
		.summary = "List, for each http link in HTML files, the files that have it",
		.input = GW_MR_FILES,
		.map = find_links,
		.combine_with = GW_MR_SET_UNION,
		.reduce = write_sources,
	};

	return gw_mr_main(argc, argv, &job);
}
