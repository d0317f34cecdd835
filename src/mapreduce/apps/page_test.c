/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_test.c - which files of a command line hold pages, and of what kind. What is read from them
 * is compared with references in test/e2e/results.py.
 */
#include "page.h"
#include "warc_reader.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory with pages, archives and other files; the tests run in it. */
static int make_files(void **state)
{
	static const char *const names[] = {"site/b.html", "site/a.htm.gz", "site/c.xhtml",
					    "site/d.txt",  "site/_e.html",  "site/html",
					    "one.warc",	   "two.warc.gz",   "other"};
	char *directory = strdup("/tmp/gw-pages-XXXXXX");

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(mkdir("site", 0700), 0);
	assert_int_equal(mkdir("empty", 0700), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *file = fopen(names[i], "w");

		assert_non_null(file);
		fputs("x", file);
		assert_int_equal(fclose(file), 0);
	}
	*state = directory;
	return 0;
}

static int remove_files(void **state)
{
	struct mr_store store;

	mr_store_local_init(&store);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(store.operations->remove(&store, *state, NULL), 0);
	free(*state);
	return 0;
}

/* A command line as prepare gets it, and what it makes of it. */
struct line {
	struct mr_pages pages;
	struct gw_mr_job job;
	char words[6][32];
	char *given[7];
	char **operands;
	size_t count;
	struct gw_error error;
};

static int prepare(struct line *line, const char *format, const char *words)
{
	*line = (struct line){.pages.format = format};
	for (const char *at = words; *at; line->count++) {
		size_t size = strcspn(at, " ");

		memcpy(line->words[line->count], at, size);
		line->given[line->count] = line->words[line->count];
		at += size + strspn(at + size, " ");
	}
	line->operands = line->given;
	return mr_pages_prepare(&line->pages, &line->job, &line->operands, &line->count,
				&line->error);
}

static void check(const char *format, const char *words, bool archives, const char *expected)
{
	char text[256] = "";
	struct line line;

	assert_int_equal(prepare(&line, format, words), 0);
	assert_int_equal(line.job.reader == &mr_warc_reader, archives);
	assert_int_equal(line.job.input == GW_MR_FILES, !archives);
	if (archives)
		assert_int_equal(line.job.reader->split_count(&line.pages), line.pages.file_count);
	for (size_t i = 0; i < line.pages.file_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
			 line.pages.files[i]);
	for (size_t i = archives ? 0 : line.count - 1; i < line.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "> %s",
			 line.operands[i]);
	assert_string_equal(text, expected);
	mr_pages_done(&line.pages);
}

static void test_picks_the_files_of_a_kind(void **state)
{
	(void)state;
	check(NULL, "site out", false, "site/a.htm.gz site/b.html site/c.xhtml > out");
	check("auto", "site/ other out", false,
	      "site/a.htm.gz site/b.html site/c.xhtml other > out");
	check("auto", "one.warc two.warc.gz out", true, "one.warc two.warc.gz > out");
	check("auto", "one.warc site out", false,
	      "one.warc site/a.htm.gz site/b.html site/c.xhtml > out");
	check("warc", ". out", true, "./one.warc ./two.warc.gz > out");
	check("warc", "other out", true, "other > out");
	check("html", "one.warc out", false, "one.warc > out");
}

static void check_refused(const char *format, const char *words, int code, const char *because)
{
	struct line line;

	assert_int_equal(prepare(&line, format, words), code);
	assert_non_null(strstr(line.error.text, because));
	mr_pages_done(&line.pages);
}

static void test_refuses_what_has_no_pages(void **state)
{
	(void)state;
	check_refused(NULL, "empty out", GW_E_NOT_FOUND, "empty: no .html files");
	check_refused("warc", "site out", GW_E_NOT_FOUND, "site: no .warc files");
	check_refused("html", "missing out", GW_E_NOT_FOUND, "missing");
}

static void test_base_is_checked(void **state)
{
	static const char *const wrong[] = {"", "example.org", "ftp://a/", "http:"};
	struct line line = {.pages.base = "http://a/b", .given = {line.words[0], line.words[1]}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		line.operands = line.given;
		line.count = 2;
		line.pages.base = wrong[i];
		assert_int_equal(mr_pages_prepare(&line.pages, &line.job, &line.operands,
						  &line.count, &line.error),
				 GW_E_USAGE);
		assert_non_null(strstr(line.error.text, "--base"));
	}
	mr_pages_done(&line.pages);
}

static void test_too_few_operands_are_left_alone(void **state)
{
	struct line line;

	(void)state;
	assert_int_equal(prepare(&line, NULL, "out"), 0);
	assert_int_equal(line.count, 1);
	assert_ptr_equal(line.operands, line.given);
	assert_null(line.job.reader);
	mr_pages_done(&line.pages);
}

static int prepare_site(void *context)
{
	struct line line;
	int code = prepare(&line, NULL, "site out");

	(void)context;
	mr_pages_done(&line.pages);
	return code;
}

static void test_memory_may_run_out(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(prepare_site, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_picks_the_files_of_a_kind),
		cmocka_unit_test(test_refuses_what_has_no_pages),
		cmocka_unit_test(test_base_is_checked),
		cmocka_unit_test(test_too_few_operands_are_left_alone),
		cmocka_unit_test(test_memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
