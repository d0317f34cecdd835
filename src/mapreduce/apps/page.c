/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - finds the files that hold pages, and the page in a record. See page.h.
 */
#include "page.h"
#include "http.h"
#include "warc_reader.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Which files ----------------------------------------------------------------------------- */

/* Whether the path ends in one of the endings, which a NULL follows. */
static bool ends_in(const char *path, size_t size, const char *const *endings)
{
	for (; *endings; endings++) {
		size_t ending = strlen(*endings);

		if (size > ending && memcmp(path + size - ending, *endings, ending) == 0)
			return true;
	}
	return false;
}

/* The same before the ending of a compressed file. */
static bool is_kind(const char *path, const char *const *endings)
{
	static const char *const packed[] = {".gz", ".zst", ".lz4", NULL};
	size_t size = strlen(path);

	if (ends_in(path, size, packed))
		size = (size_t)(strrchr(path, '.') - path);
	return ends_in(path, size, endings);
}

static bool is_archive(const char *path)
{
	static const char *const endings[] = {".warc", NULL};

	return is_kind(path, endings);
}

static bool is_html(const char *path)
{
	static const char *const endings[] = {".html", ".htm", ".xhtml", NULL};

	return is_kind(path, endings);
}

static bool wants_archives(const struct mr_pages *pages)
{
	bool automatic = !pages->format || strcmp(pages->format, "auto") == 0;

	for (size_t i = 0; automatic && i < pages->root_count; i++)
		if (!is_archive(pages->roots[i]))
			return false;
	return automatic || strcmp(pages->format, "warc") == 0;
}

static bool is_root(const struct mr_pages *pages, const char *path)
{
	for (size_t i = 0; i < pages->root_count; i++)
		if (strcmp(pages->roots[i], path) == 0)
			return true;
	return false;
}

/* Walks the roots as the engine does with inputs. */
static int find_files(struct mr_pages *pages, struct gw_error *error)
{
	const struct mr_config config = {
		.job.input = GW_MR_FILES,
		.options.inputs = (const char *const *)pages->roots,
		.options.input_count = pages->root_count,
		.options.split_size = UINT64_MAX,
		.slots = 1,
	};

	mr_store_local_init(&pages->store);
	return mr_plan_init(&pages->found, &config, &pages->store, error);
}

static int pick_files(struct mr_pages *pages, struct gw_error *error)
{
	const struct mr_plan *found = &pages->found;
	bool archives = pages->archives;

	pages->files = calloc((size_t)found->file_count + 2, sizeof(*pages->files));
	if (!pages->files)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the names of %u files",
			       found->file_count);
	for (uint32_t i = 0; i < found->file_count; i++) {
		const char *path = found->files[i].path;

		if (is_root(pages, path) || (archives ? is_archive(path) : is_html(path)))
			pages->files[pages->file_count++] = path;
	}
	assert(pages->root_count > 0 && pages->file_count <= found->file_count);
	if (pages->file_count == 0)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: no %s files there", pages->roots[0],
			       archives ? ".warc" : ".html");
	return 0;
}

int mr_pages_prepare(struct mr_pages *pages, struct gw_mr_job *job, char ***operands, size_t *count,
		     struct gw_error *error)
{
	struct mr_url url;

	if (*count < 2)
		return 0; /* the library asks for what is missing */
	pages->roots = *operands;
	pages->root_count = *count - 1;
	if (pages->base && !mr_url_of_file(&url, gw_string(pages->base), gw_string("host")))
		return gw_fail(error, GW_E_USAGE, "--base %s: not an http or https URL",
			       pages->base);
	assert(!pages->files);
	pages->archives = wants_archives(pages);
	int code = find_files(pages, error);

	if (code == 0)
		code = pick_files(pages, error);
	if (code < 0)
		return code;
	if (pages->archives) {
		job->reader = &mr_warc_reader;
		*operands += pages->root_count;
		*count = 1;
		return 0;
	}
	job->input = GW_MR_FILES;
	pages->files[pages->file_count] = (*operands)[*count - 1];
	/* Operands are strings that nobody writes to. */
	memcpy(operands, &(const char **){pages->files}, sizeof(*operands));
	*count = pages->file_count + 1;
	return 0;
}

void mr_pages_done(struct mr_pages *pages)
{
	free(pages->files);
	pages->files = NULL;
	mr_plan_done(&pages->found);
}

/* ---- The page in a record -------------------------------------------------------------------- */

/* The path of a file below the root that it was found in; its name when it is a root itself. */
static struct gw_bytes path_below(const struct mr_pages *pages, const char *path)
{
	const char *below = path;

	if (is_root(pages, path)) {
		const char *slash = strrchr(path, '/');

		return gw_string(slash ? slash + 1 : path);
	}
	for (size_t i = 0; i < pages->root_count; i++) {
		size_t size = strlen(pages->roots[i]);

		while (size > 0 && pages->roots[i][size - 1] == '/')
			size--;
		const char *rest = path + size;

		if (strncmp(path, pages->roots[i], size) != 0 || *rest != '/')
			continue;
		while (*rest == '/')
			rest++;
		if (rest > below)
			below = rest;
	}
	assert(below >= path);
	return gw_string(below);
}

static bool count(struct gw_mr_task *task, const char *what)
{
	gw_mr_count(task, what, 1);
	return false;
}

static bool read_file(struct gw_mr_task *task, struct gw_bytes html, struct mr_page *page)
{
	const struct mr_pages *pages = gw_mr_context(task);

	page->html = html;
	page->has_url = pages->base != NULL;
	if (!page->has_url)
		return true;
	struct gw_bytes below = path_below(pages, gw_mr_input_name(task));

	return mr_url_of_file(&page->url, gw_string(pages->base), below) || count(task, "bad_urls");
}

bool mr_page_read(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value,
		  struct base_buffer *scratch, struct mr_page *page)
{
	const struct mr_pages *pages = gw_mr_context(task);
	struct mr_http_response response;

	if (!pages->archives)
		return read_file(task, value, page);
	if (mr_warc_reader_passed_over(value))
		return count(task, "bad_pages");
	if (!mr_http_parse(&response, value) || response.status != 200 ||
	    !mr_http_is_html(&response))
		return count(task, "other_records");
	if (!mr_url_resolve(&page->url, NULL, key))
		return count(task, "bad_urls");
	page->has_url = true;
	if (mr_http_body(&response, scratch, &page->html, NULL) < 0)
		return count(task, "bad_pages");
	return true;
}
