/* SPDX-License-Identifier: Apache-2.0 */
/* stream_files_test.c - paths, patterns, small files, and what is shipped with a job, in a
 * directory of the test's own. */
#include "stream_files.h"
#include "stream_work.h"

#include "support/unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory of the test, which is the working directory while it runs. */
struct place {
	char path[PATH_MAX];
	char before[PATH_MAX];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char name[] = "/tmp/gw-stream-files-XXXXXX";

	assert_non_null(getcwd(place->before, sizeof(place->before)));
	assert_non_null(mkdtemp(name));
	assert_non_null(realpath(name, place->path));
	assert_int_equal(chdir(place->path), 0);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	assert_int_equal(chdir(place->before), 0);
	mr_work_leave(place->path);
	assert_int_equal(access(place->path, F_OK), -1);
	free(place);
	return 0;
}

static void make_file(const char *path, const char *text)
{
	assert_int_equal(mr_file_write(path, gw_string(text), NULL), 0);
}

static void check_content(const char *path, const char *text)
{
	char *data;
	size_t size;

	assert_int_equal(mr_file_read(path, 1000, &data, &size, NULL), 0);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(data, text, size);
	free(data);
}

/* ---- Paths and patterns  ---- */

static void uris_are_paths(void **state)
{
	static const struct uri {
		const char *text, *path;
	} all[] = {
		{"a/b", "a/b"},
		{"/a", "/a"},
		{"file:///a/b", "/a/b"},
		{"file:/a", "/a"},
		{"file://localhost/a", "/a"},
		{"a:b", "a:b"},
		{"C:/x", "C:/x"},
		{"file:x", "file:x"},
	};
	char path[100], small[4];
	struct gw_error error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(mr_path_of(all[i].text, path, sizeof(path), &error), 0);
		assert_string_equal(path, all[i].path);
	}
	assert_int_equal(mr_path_of("hdfs://h:1/a", path, sizeof(path), &error), GW_E_UNSUPPORTED);
	assert_string_equal(error.text,
			    "hdfs://h:1/a: only files of this machine (file:) can be used");
	assert_int_equal(mr_path_of("s3://b/a", path, sizeof(path), &error), GW_E_UNSUPPORTED);
	assert_int_equal(mr_path_of("file://host/a", path, sizeof(path), &error), GW_E_UNSUPPORTED);
	assert_int_equal(mr_path_of("", path, sizeof(path), &error), GW_E_USAGE);
	assert_int_equal(mr_path_of("abcd", small, sizeof(small), &error), GW_E_USAGE);
}

static void check_inputs(const char *text, const char *expected)
{
	struct mr_strings inputs = {0};
	char joined[500] = "";

	assert_int_equal(mr_inputs_add(&inputs, text, NULL), 0);
	for (size_t i = 0; i < inputs.count; i++) {
		strcat(joined, inputs.items[i]);
		strcat(joined, " ");
	}
	assert_string_equal(joined, expected);
	mr_strings_done(&inputs);
}

static void inputs_are_lists_and_patterns(void **state)
{
	struct mr_strings inputs = {0};
	struct gw_error error = {0};

	(void)state;
	make_file("a.log", "");
	make_file("b.log", "");
	make_file("c.txt", "");
	make_file("star*", "");
	make_file("starfish", "");
	check_inputs("b.log,a.log", "b.log a.log ");
	check_inputs("*.log", "a.log b.log ");
	check_inputs("{a,c}.*,,b.log", "a.log c.txt b.log ");
	check_inputs("[ab].log", "a.log b.log ");
	check_inputs("?.txt", "c.txt ");
	check_inputs("star*", "star* ");     /* it is there by that name */
	check_inputs("missing", "missing "); /* the engine says so */
	assert_int_equal(mr_inputs_add(&inputs, "*.nope", &error), GW_E_NOT_FOUND);
	assert_string_equal(error.text, "input pattern *.nope matches no file");
	assert_int_equal(mr_inputs_add(&inputs, "a.log,hdfs://x/y", &error), GW_E_UNSUPPORTED);
	mr_strings_done(&inputs);
}

static void small_files_are_read_whole(void **state)
{
	char *data;
	size_t size;
	struct gw_error error = {0};

	(void)state;
	make_file("small", "content");
	check_content("small", "content");
	assert_int_equal(mr_file_read("small", 6, &data, &size, &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text, "small: over 6 bytes");
	assert_int_equal(mr_file_read("none", 6, &data, &size, &error), GW_E_NOT_FOUND);
	assert_int_equal(mr_file_read("/", 6, &data, &size, &error), GW_E_INVALID);
	assert_null(data);
	assert_int_equal(mr_file_write("no/such", gw_string(""), &error), GW_E_NOT_FOUND);
}

static void empty_parts_are_removed(void **state)
{
	(void)state;
	assert_int_equal(mkdir("out", 0700), 0);
	make_file("out/part-00000-of-00002", "");
	make_file("out/part-00001-of-00002", "x");
	make_file("out/_SUCCESS", "");
	assert_int_equal(mr_remove_empty_parts("out", NULL), 0);
	assert_int_equal(access("out/part-00000-of-00002", F_OK), -1);
	assert_int_equal(access("out/part-00001-of-00002", F_OK), 0);
	assert_int_equal(access("out/_SUCCESS", F_OK), 0);
	assert_int_equal(mr_remove_empty_parts("none", NULL), GW_E_NOT_FOUND);
}

/* ---- What is shipped  ---- */

static void shipped_files_are_links(void **state)
{
	struct place *place = *state;
	struct mr_work work = {0};
	char *path, name[PATH_MAX + 20];

	make_file("dict.txt", "words");
	assert_int_equal(mkdir("folder", 0700), 0);
	make_file("folder/inside", "deep");
	assert_int_equal(mr_work_ship(&work, "dict.txt#d", false, NULL), 0);
	assert_int_equal(mr_work_ship(&work, "./folder/", false, NULL), 0);
	snprintf(name, sizeof(name), "file://%s/dict.txt", place->path);
	assert_int_equal(mr_work_ship(&work, name, false, NULL), 0);
	assert_int_equal(mkdir("home", 0700), 0);
	assert_int_equal(mr_work_enter(&work, "home", "attempt_1", &path, NULL), 0);
	assert_int_equal(path[0], '/');
	assert_int_equal(chdir(path), 0);
	check_content("d", "words");
	check_content("dict.txt", "words");
	check_content("folder/inside", "deep");
	assert_int_equal(chdir(place->path), 0);
	mr_work_leave(path);
	assert_int_equal(access(path, F_OK), -1);
	check_content("folder/inside", "deep"); /* what links lead to stays */
	free(path);
	mr_work_done(&work);
	mr_work_done(&work);
}

static void archives_are_unpacked_once(void **state)
{
	struct mr_work work = {0};
	char *first, *second, name[PATH_MAX];

	(void)state;
	make_file("one", "1");
	assert_int_equal(system("tar -czf a.tgz one && tar -cf b.tar one"), 0);
	assert_int_equal(mr_work_ship(&work, "a.tgz#dir", true, NULL), 0);
	assert_int_equal(mr_work_ship(&work, "b.tar", true, NULL), 0);
	assert_int_equal(mr_work_ship(&work, "one#plain", true, NULL), 0);
	assert_int_equal(mkdir("home", 0700), 0);
	assert_int_equal(mr_work_enter(&work, "home", "1", &first, NULL), 0);
	snprintf(name, sizeof(name), "%s/dir/one", first);
	check_content(name, "1");
	snprintf(name, sizeof(name), "%s/b.tar/one", first);
	check_content(name, "1");
	snprintf(name, sizeof(name), "%s/plain/one", first); /* no archive: as it is */
	check_content(name, "1");
	assert_int_equal(unlink("a.tgz"), 0); /* not needed again */
	assert_int_equal(mr_work_enter(&work, "home", "2", &second, NULL), 0);
	snprintf(name, sizeof(name), "%s/dir/one", second);
	check_content(name, "1");
	free(first);
	free(second);
	mr_work_done(&work);
}

static void check_command(struct mr_work *work, const char *command, const char *expected)
{
	char *changed;

	assert_int_equal(mr_work_command(work, command, &changed, NULL), 0);
	assert_string_equal(changed, expected);
	free(changed);
}

static void commands_find_their_programs(void **state)
{
	struct place *place = *state;
	struct mr_work work = {0};
	char command[PATH_MAX + 20], *path;
	struct stat facts;

	make_file("map.sh", "#!/bin/sh\n");
	assert_int_equal(mkdir("home", 0700), 0);
	assert_int_equal(mr_work_ship(&work, "map.sh", false, NULL), 0);
	check_command(&work, "cat -n", "cat -n");
	assert_false(work.items[0].program);
	check_command(&work, "map.sh", "./map.sh");
	assert_true(work.items[0].program); /* it may not be executed as it is */
	check_command(&work, "./map.sh a b", "./map.sh a b");
	snprintf(command, sizeof(command), "%s/map.sh x", place->path);
	check_command(&work, command, "./map.sh x");
	check_command(&work, "sh map.sh", "sh map.sh");
	assert_int_equal(mr_work_enter(&work, "home", "1", &path, NULL), 0);
	snprintf(command, sizeof(command), "%s/map.sh", path);
	assert_int_equal(stat(command, &facts), 0);
	assert_true(facts.st_mode & 0100);
	assert_int_equal(stat("map.sh", &facts), 0);
	assert_false(facts.st_mode & 0100); /* the user's own is not touched */
	free(path);
	mr_work_done(&work);
}

static void what_cannot_be_shipped_is_named(void **state)
{
	struct mr_work work = {0};
	struct gw_error error = {0};
	char *path;

	(void)state;
	make_file("a", "");
	assert_int_equal(mr_work_ship(&work, "missing", false, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "missing"));
	assert_int_equal(mr_work_ship(&work, "a#", false, &error), GW_E_USAGE);
	assert_int_equal(mr_work_ship(&work, "a#b/c", false, &error), GW_E_USAGE);
	assert_int_equal(mr_work_ship(&work, "a#..", false, &error), GW_E_USAGE);
	assert_int_equal(mr_work_ship(&work, "a", false, &error), 0);
	assert_int_equal(mr_work_ship(&work, "a", false, &error), GW_E_USAGE);
	assert_string_equal(error.text, "a: another shipped file is called a, too; say PATH#NAME");
	assert_int_equal(mr_work_ship(&work, "hdfs://h/a", false, &error), GW_E_UNSUPPORTED);
	assert_int_equal(mr_work_enter(&work, "nowhere", "1", &path, &error), GW_E_NOT_FOUND);
	assert_null(path);
	mr_work_done(&work);
}

static void a_broken_archive_is_named(void **state)
{
	struct mr_work work = {0};
	struct gw_error error = {0};
	char *path;

	(void)state;
	make_file("bad.tgz", "this is no archive");
	assert_int_equal(mkdir("home", 0700), 0);
	assert_int_equal(mr_work_ship(&work, "bad.tgz", true, NULL), 0);
	assert_int_equal(mr_work_enter(&work, "home", "1", &path, &error), GW_E_FAILED);
	assert_null(path);
	assert_non_null(strstr(error.text, "unpacking "));
	assert_non_null(strstr(error.text, "bad.tgz: ended with exit status 2"));
	assert_int_equal(rmdir("home"), 0); /* nothing is left in it */
	mr_work_done(&work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_are_paths),
		cmocka_unit_test_setup_teardown(inputs_are_lists_and_patterns, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(small_files_are_read_whole, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(empty_parts_are_removed, make_place, remove_place),
		cmocka_unit_test_setup_teardown(shipped_files_are_links, make_place, remove_place),
		cmocka_unit_test_setup_teardown(archives_are_unpacked_once, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(commands_find_their_programs, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(what_cannot_be_shipped_is_named, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(a_broken_archive_is_named, make_place,
						remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
