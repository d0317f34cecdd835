/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - web pages as the input of a job: files of HTML (a mirror on disk, say), or WARC
 * archives.
 *
 * A job's context begins with a struct mr_pages, its options have those below. Its prepare calls
 * mr_pages_prepare, which looks at the operands and sets the job's input; its map gives key and
 * value to mr_page_read. The struct lasts as long as the job; mr_pages_done frees what it owns.
 *
 * HTML files are those that the command line names, and those of its directories that end in .html,
 * .htm or .xhtml (perhaps with .gz, .zst or .lz4 behind that). The address of a page is --base and
 * its path below the directory; without --base it has none. Of an archive, which is read by one
 * slot from front to back, the pages are the responses with status 200 and a content of HTML or
 * XHTML, at most 64 MiB each.
 */
#ifndef MR_PAGE_H
#define MR_PAGE_H

#include "base/buffer.h"
#include "mapreduce/engine/plan.h"
#include "url.h"

struct mr_pages {
	const char *base; /* options */
	const char *format;
	bool archives; /* WARC, not HTML */
	char **roots;  /* the inputs as they were given; the caller's */
	size_t root_count;
	struct mr_store store;
	struct mr_plan found; /* all files of the roots */
	const char **files; /* those with pages in them, and behind them the job's other operands */
	size_t file_count;
};

/* What is said of --format auto. */
#define MR_PAGE_AUTO_HELP "warc if all inputs are .warc files, else html"

#define MR_PAGE_BASE_OPTION                                                                        \
	{"base", 0, GW_OPTION_STRING, offsetof(struct mr_pages, base), "URL",                      \
	 "The address of the input directory (or file), for HTML files", NULL}
#define MR_PAGE_FORMAT_OPTION                                                                      \
	{"format", 0, GW_OPTION_STRING, offsetof(struct mr_pages, format), "FORMAT",               \
	 "html, warc, or auto (default): " MR_PAGE_AUTO_HELP, "auto|html|warc"}

int mr_pages_prepare(struct mr_pages *pages, struct gw_mr_job *job, char ***operands, size_t *count,
		     struct gw_error *error) GW_MUST_CHECK;
void mr_pages_done(struct mr_pages *pages);

struct mr_page {
	struct gw_bytes html; /* in the record, or in the buffer that was passed */
	bool has_url;
	struct mr_url url;
};

/*
 * The page in a record: true; or false when there is none, which was counted: other_records (an
 * archive's responses that are no pages), bad_pages (broken or over a limit), bad_urls.
 */
bool mr_page_read(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value,
		  struct base_buffer *scratch, struct mr_page *page);

#endif
