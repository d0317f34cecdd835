/* SPDX-License-Identifier: Apache-2.0 */
/* stream_reader_test.c - splits of so many lines; records between marks, wherever splits are cut */
#include "stream_reader.h"

#include "stream_work.h"

#include "support/unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char path[64];
	struct mr_strings inputs;
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	snprintf(place->path, sizeof(place->path), "/tmp/gw-stream-reader-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	mr_work_leave(place->path);
	mr_strings_done(&place->inputs);
	free(place);
	return 0;
}

/* A file of the place that is an input. */
static void add_file(struct place *place, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->path, name);
	assert_int_equal(mr_file_write(path, gw_string(text), NULL), 0);
	assert_int_equal(mr_strings_add(&place->inputs, gw_string(path), NULL), 0);
}

/* Everything that a split gives: "key=value;" for each record. */
static int read_split(struct mr_stream_reader *reader, uint32_t split, char *text, size_t size,
		      struct gw_error *error)
{
	struct gw_bytes key, value;
	size_t used = 0;
	void *state;
	int more = mr_reader_open(reader, split, &state, error);

	text[0] = 0;
	if (more)
		return more;
	while ((more = mr_reader_next(state, &key, &value, error)) == 1)
		used += (size_t)snprintf(text + used, size - used, "%.*s=%.*s;", (int)key.size,
					 (const char *)key.data, (int)value.size,
					 (const char *)value.data);
	mr_reader_close(state);
	return more;
}

static void check_split(struct mr_stream_reader *reader, uint32_t split, const char *expected)
{
	char text[1000];

	assert_int_equal(read_split(reader, split, text, sizeof(text), NULL), 0);
	assert_string_equal(text, expected);
}

static void a_split_has_so_many_lines(void **state)
{
	struct place *place = *state;
	struct mr_reader_setup setup = {.inputs = &place->inputs, .lines = 2};
	struct mr_stream_reader *reader;
	const char *file;
	uint64_t offset, size;

	add_file(place, "a", "one\ntwo\nthree\n");
	add_file(place, "empty", "");
	add_file(place, "b", "\nlast");
	assert_int_equal(mr_reader_new(&reader, &setup, NULL), 0);
	assert_int_equal(mr_reader_splits(reader), 3);
	check_split(reader, 0, "0=one;4=two;");
	check_split(reader, 1, "8=three;");
	check_split(reader, 2, "0=;1=last;");
	mr_reader_split(reader, 1, &file, &offset, &size);
	assert_non_null(strstr(file, "/a"));
	assert_int_equal(offset, 8);
	assert_int_equal(size, 6);
	mr_reader_free(reader);
	mr_reader_free(NULL);
}

static void directories_are_walked_without_hidden_files(void **state)
{
	struct place *place = *state;
	struct mr_strings inputs = {0};
	struct mr_reader_setup setup = {.inputs = &inputs, .lines = 1};
	struct mr_stream_reader *reader;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sub", place->path);
	assert_int_equal(mkdir(path, 0700), 0);
	add_file(place, "z", "z");
	add_file(place, "sub/b", "b");
	add_file(place, "a", "a");
	add_file(place, "_SUCCESS", "no");
	add_file(place, ".hidden", "no");
	assert_int_equal(mr_strings_add(&inputs, gw_string(place->path), NULL), 0);
	assert_int_equal(mr_reader_new(&reader, &setup, NULL), 0);
	assert_int_equal(mr_reader_splits(reader), 3);
	check_split(reader, 0, "0=a;");
	check_split(reader, 1, "0=b;");
	check_split(reader, 2, "0=z;");
	mr_reader_free(reader);
	mr_strings_done(&inputs);
}

static void records_are_found_wherever_splits_are_cut(void **state)
{
	static const char text[] = "head <p>one</p> between <p>\ntwo </p><p>three</p> tail";
	struct place *place = *state;
	struct mr_reader_setup setup = {.inputs = &place->inputs, .begin = "<p>", .end = "</p>"};

	add_file(place, "pages", text);
	for (uint64_t size = 1; size <= sizeof(text); size++) {
		struct mr_stream_reader *reader;
		char all[1000] = "", one[1000];

		setup.split_size = size;
		assert_int_equal(mr_reader_new(&reader, &setup, NULL), 0);
		assert_int_equal(mr_reader_splits(reader), (sizeof(text) - 1 + size - 1) / size);
		for (uint32_t i = 0; i < mr_reader_splits(reader); i++) {
			assert_int_equal(read_split(reader, i, one, sizeof(one), NULL), 0);
			strcat(all, one);
		}
		assert_string_equal(all, "5=<p>one</p>;24=<p>\ntwo </p>;36=<p>three</p>;");
		mr_reader_free(reader);
	}
}

static void a_record_has_to_end(void **state)
{
	struct place *place = *state;
	struct mr_reader_setup setup = {
		.inputs = &place->inputs, .begin = "<p>", .end = "</p>", .split_size = 100};
	struct mr_stream_reader *reader;
	struct gw_error error = {0};
	char text[100];

	add_file(place, "pages", "x<p>one");
	assert_int_equal(mr_reader_new(&reader, &setup, NULL), 0);
	assert_int_equal(read_split(reader, 0, text, sizeof(text), &error), GW_E_TRUNCATED);
	assert_non_null(strstr(error.text, "/pages: the record at byte 1 does not end"));
	mr_reader_free(reader);
}

static void files_may_be_missing_or_become_shorter(void **state)
{
	struct place *place = *state;
	struct mr_reader_setup setup = {.inputs = &place->inputs, .lines = 1};
	struct mr_stream_reader *reader;
	struct gw_error error = {0};
	char text[100];

	add_file(place, "a", "one\ntwo\n");
	assert_int_equal(mr_reader_new(&reader, &setup, NULL), 0);
	assert_int_equal(truncate(place->inputs.items[0], 5), 0);
	assert_int_equal(read_split(reader, 0, text, sizeof(text), &error), 0);
	assert_int_equal(read_split(reader, 1, text, sizeof(text), &error), GW_E_TRUNCATED);
	assert_non_null(strstr(error.text, "became shorter"));
	assert_int_equal(unlink(place->inputs.items[0]), 0);
	assert_int_equal(read_split(reader, 0, text, sizeof(text), &error), GW_E_NOT_FOUND);
	mr_reader_free(reader);
	assert_int_equal(mr_reader_new(&reader, &setup, &error), GW_E_NOT_FOUND);
	assert_null(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_split_has_so_many_lines, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(directories_are_walked_without_hidden_files,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(records_are_found_wherever_splits_are_cut,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(a_record_has_to_end, make_place, remove_place),
		cmocka_unit_test_setup_teardown(files_may_be_missing_or_become_shorter, make_place,
						remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
