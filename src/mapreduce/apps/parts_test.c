/* SPDX-License-Identifier: Apache-2.0 */
/* parts_test.c - directories of parts, whole and broken ones: read, cut into lines, searched. */
#include "parts.h"
#include "query.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct directory {
	char path[64];
	struct mr_store store;
};

static int make_directory(void **state)
{
	struct directory *directory = calloc(1, sizeof(*directory));

	snprintf(directory->path, sizeof(directory->path), "/tmp/gw-parts-XXXXXX");
	assert_non_null(mkdtemp(directory->path));
	mr_store_local_init(&directory->store);
	*state = directory;
	return 0;
}

static int remove_directory(void **state)
{
	struct directory *directory = *state;

	assert_int_equal(
		directory->store.operations->remove(&directory->store, directory->path, NULL), 0);
	free(directory);
	return 0;
}

static void write_file(const struct directory *directory, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
}

static int append(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	return base_buffer_append(context, bytes.data, bytes.size, error);
}

static int append_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	int code = base_buffer_append(context, line.data, line.size, error);

	return code < 0 ? code : base_buffer_append(context, "|", 1, error);
}

static void assert_text(struct base_buffer *buffer, const char *expected)
{
	assert_int_equal(base_buffer_append(buffer, "", 1, NULL), 0);
	assert_string_equal((const char *)buffer->data, expected);
	buffer->size = 0;
}

static void test_reads_parts_in_order(void **state)
{
	struct directory *directory = *state;
	struct base_buffer text = {0};
	struct mr_parts parts;

	write_file(directory, "part-00001-of-00003", "b\nlong");
	write_file(directory, "part-00000-of-00003", "a\n\n");
	write_file(directory, "part-00002-of-00003", "er\nlast");
	write_file(directory, "side-file", "no part");
	write_file(directory, "_SUCCESS", "");
	assert_int_equal(mr_parts_open(&parts, directory->path, false, NULL), 0);
	assert_int_equal(parts.count, 3);
	assert_int_equal(mr_parts_read(&parts, append, &text, NULL), 0);
	assert_text(&text, "a\n\nb\nlonger\nlast");
	assert_int_equal(mr_parts_lines(&parts, append_line, &text, NULL), 0);
	assert_text(&text, "a||b|longer|last|");
	mr_parts_done(&parts);
	base_buffer_done(&text);
}

static void check_refused(const struct directory *directory, const char *path, int code,
			  const char *because, size_t forced_count)
{
	struct mr_parts parts;
	struct gw_error error = {0};

	assert_int_equal(mr_parts_open(&parts, path, false, &error), code);
	assert_non_null(strstr(error.text, because));
	assert_non_null(strstr(error.text, directory->path));
	mr_parts_done(&parts);
	if (forced_count == SIZE_MAX)
		return;
	assert_int_equal(mr_parts_open(&parts, path, true, NULL), 0);
	assert_int_equal(parts.count, forced_count);
	mr_parts_done(&parts);
}

static void test_refuses_what_is_not_whole(void **state)
{
	struct directory *directory = *state;
	char path[128];

	check_refused(directory, directory->path, GW_E_NOT_FOUND, "no _SUCCESS", 0);
	write_file(directory, "part-00000-of-00002", "a\n");
	check_refused(directory, directory->path, GW_E_NOT_FOUND, "no _SUCCESS", 1);
	write_file(directory, "_SUCCESS", "");
	check_refused(directory, directory->path, GW_E_CORRUPT, "part-00000-of-00002", 1);
	write_file(directory, "part-00002-of-00002", "c\n");
	check_refused(directory, directory->path, GW_E_CORRUPT, "part-00002-of-00002", 2);
	snprintf(path, sizeof(path), "%s/part-00000-of-00002", directory->path);
	check_refused(directory, path, GW_E_INVALID, "not the output directory", SIZE_MAX);
	snprintf(path, sizeof(path), "%s/missing", directory->path);
	check_refused(directory, path, GW_E_NOT_FOUND, "missing", SIZE_MAX);
}

static void test_other_names_are_no_parts(void **state)
{
	static const char *const names[] = {"part-",	   "part-1",	   "part-1-of-",
					    "part-x-of-1", "part-1-of-1x", "xpart-0-of-1"};
	struct directory *directory = *state;
	struct mr_parts parts;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_file(directory, names[i], "no\n");
	write_file(directory, "_SUCCESS", "");
	assert_int_equal(mr_parts_open(&parts, directory->path, false, NULL), 0);
	assert_int_equal(parts.count, 0);
	mr_parts_done(&parts);
}

static int refuse(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	(void)context;
	(void)bytes;
	return gw_fail(error, GW_E_CANCELLED, "enough");
}

static void test_the_function_may_end_it(void **state)
{
	struct directory *directory = *state;
	struct mr_parts parts;
	struct gw_error error = {0};

	write_file(directory, "part-00000-of-00001", "a\nb\n");
	assert_int_equal(mr_parts_open(&parts, directory->path, true, NULL), 0);
	assert_int_equal(mr_parts_lines(&parts, refuse, NULL, &error), GW_E_CANCELLED);
	assert_string_equal(error.text, "enough");
	mr_parts_done(&parts);
}

static void check_found(struct mr_parts *parts, const char *key, const char *expected)
{
	struct base_buffer rest = {0};
	int found = mr_parts_find(parts, gw_string(key), &rest, NULL);

	if (found != (expected != NULL))
		fail_msg("'%s': %d", key, found);
	if (expected)
		assert_text(&rest, expected);
	base_buffer_done(&rest);
}

static void test_finds_lines(void **state)
{
	struct directory *directory = *state;
	struct mr_parts parts;

	write_file(directory, "part-00000-of-00003", "aa\t1\nab\t2 3\nabc\t4\nx");
	write_file(directory, "part-00001-of-00003", "");
	write_file(directory, "part-00002-of-00003", "ac\t5\nb\t\nzz\t6");
	assert_int_equal(mr_parts_open(&parts, directory->path, true, NULL), 0);
	check_found(&parts, "aa", "1");
	check_found(&parts, "ab", "2 3");
	check_found(&parts, "abc", "4");
	check_found(&parts, "ac", "5");
	check_found(&parts, "b", "");
	check_found(&parts, "x", "");
	check_found(&parts, "zz", "6");
	check_found(&parts, "a", NULL);
	check_found(&parts, "abcd", NULL);
	check_found(&parts, "aba", NULL);
	check_found(&parts, "zzz", NULL);
	check_found(&parts, "", NULL);
	mr_parts_done(&parts);
}

/* Digits of the value behind key number i: some lines are longer than what is read at once. */
static int value_width(int i)
{
	return 3 + i * i % 977 * (i % 50 ? 1 : 20);
}

static void test_finds_every_line_of_many(void **state)
{
	enum { LINES = 700 };
	struct directory *directory = *state;
	struct base_buffer text = {0};
	struct mr_parts parts;
	char key[32];

	for (int i = 0; i < LINES; i++)
		assert_int_equal(base_buffer_append_format(&text, NULL, "%06d\t%0*d\n", 2 * i,
							   value_width(i), i),
				 0);
	assert_int_equal(base_buffer_append(&text, "", 1, NULL), 0);
	write_file(directory, "part-00000-of-00001", (const char *)text.data);
	assert_int_equal(mr_parts_open(&parts, directory->path, true, NULL), 0);
	for (int i = 0; i < LINES; i++) {
		snprintf(key, sizeof(key), "%06d", 2 * i);
		assert_int_equal(mr_parts_find(&parts, gw_string(key), &text, NULL), 1);
		assert_int_equal(text.size, value_width(i));
		snprintf(key, sizeof(key), "%06d", 2 * i + 1);
		check_found(&parts, key, NULL);
	}
	mr_parts_done(&parts);
	base_buffer_done(&text);
}

static void add_document(void *context, struct gw_bytes document)
{
	assert_int_equal(append_line(context, document, NULL), 0);
}

static void check_query(struct mr_parts *index, const char *const *words, size_t count,
			const char *expected)
{
	struct gw_bytes bytes[MR_QUERY_WORDS_MAX];
	struct base_buffer found = {0};

	for (size_t i = 0; i < count; i++)
		bytes[i] = gw_string(words[i]);
	assert_int_equal(mr_query(index, bytes, count, add_document, &found, NULL), 0);
	assert_text(&found, expected);
	base_buffer_done(&found);
}

static void test_query_gives_documents_with_all_words(void **state)
{
	static const char *const words[] = {"one", "two", "three", "none", "one"};
	struct directory *directory = *state;
	struct mr_parts index;

	write_file(directory, "part-00000-of-00002", "one\ta b c/d e\nthree\tb e f\n");
	write_file(directory, "part-00001-of-00002", "two\ta b c c/d e\n");
	assert_int_equal(mr_parts_open(&index, directory->path, true, NULL), 0);
	check_query(&index, words, 1, "a|b|c/d|e|");
	check_query(&index, words, 2, "a|b|c/d|e|");
	check_query(&index, words, 3, "b|e|");
	check_query(&index, words, 4, "");
	check_query(&index, words + 2, 1, "b|e|f|");
	check_query(&index, words + 3, 2, "");
	check_query(&index, words + 4, 1, "a|b|c/d|e|");
	assert_int_equal(mr_query(&index, NULL, 0, add_document, NULL, NULL), GW_E_USAGE);
	assert_int_equal(mr_query(&index, NULL, MR_QUERY_WORDS_MAX + 1, add_document, NULL, NULL),
			 GW_E_USAGE);
	mr_parts_done(&index);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_parts_in_order),
		TEST(test_refuses_what_is_not_whole),
		TEST(test_other_names_are_no_parts),
		TEST(test_the_function_may_end_it),
		TEST(test_finds_lines),
		TEST(test_finds_every_line_of_many),
		TEST(test_query_gives_documents_with_all_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
