/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_output_scenario.c - the directories of a job: what an earlier run left, where the output
 * goes, side files.
 */
#include "host_fixture.h"

#include "support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What an earlier run left
 * ------------------------------------------------------------------- */

static void make_staging(const struct host_fixture *fixture, const char *name, bool lock, int *fd)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/spill-1-0-0", fixture->directory, name);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "%s/%s/lock", fixture->directory, name);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(*fd >= 0);
	if (lock)
		assert_int_equal(flock(*fd, LOCK_EX), 0);
	else
		close(*fd);
}

static void test_stale_staging_is_removed(void **state)
{
	struct host_fixture *fixture = *state;
	int stale, held, other;

	make_staging(fixture, ".out.gw-0123abcd", false, &stale);
	make_staging(fixture, ".out.gw-deadbeef", true, &held);
	make_staging(fixture, ".outer.gw-0123abcd", false, &other); /* of another output */
	make_staging(fixture, ".out.gw-0123abcz", false, &other);   /* not one of ours */
	fixture->task = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), 0);
	host_fixture_all_gone(fixture);
	assert_int_equal(host_fixture_count(fixture, ".out.gw-0123abcd"), 0);
	assert_int_equal(host_fixture_count(fixture, ".out.gw-"), 2);
	assert_int_equal(host_fixture_count(fixture, ".outer.gw-"), 1);
	close(held);
}

static void test_temporary_files_elsewhere(void **state)
{
	struct host_fixture *fixture = *state;
	char temporary[128];
	int stale;

	snprintf(temporary, sizeof(temporary), "%s/tmp", fixture->directory);
	assert_int_equal(mkdir(temporary, 0700), 0);
	make_staging(fixture, "tmp/.out.gw-0123abcd", false, &stale);
	fixture->options.temporary = temporary;
	fixture->task = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), 0);
	host_fixture_check_left(fixture, true);
	assert_int_equal(rmdir(temporary), 0); /* it is empty */
}

static void test_an_output_that_exists(void **state)
{
	struct host_fixture *fixture = *state;

	assert_int_equal(mkdir(fixture->output, 0700), 0);
	fixture->task = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), GW_E_EXISTS);
	assert_non_null(strstr(fixture->error.text, fixture->output));
	host_fixture_check_left(fixture, true);
}

static int make_output(struct stage *stage, struct gw_error *error)
{
	if (mkdir(stage->fixture->output, 0700) < 0)
		return gw_fail(error, GW_E_IO, "mkdir");
	return stage_emit_number(stage, error);
}

static void test_an_output_that_appears_meanwhile(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = make_output;
	assert_int_equal(host_fixture_run(fixture), GW_E_EXISTS);
	host_fixture_check_left(fixture, true);
	assert_int_equal(rmdir(fixture->output), 0); /* it was not touched */
}

static void test_no_directory_for_the_output(void **state)
{
	struct host_fixture *fixture = *state;
	char output[128];

	snprintf(output, sizeof(output), "%s/nowhere/out", fixture->directory);
	fixture->options.output = output;
	fixture->task = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), GW_E_NOT_FOUND);
	assert_non_null(strstr(fixture->error.text, "nowhere"));
	host_fixture_check_left(fixture, false);
}

/* ---- Side files
 * ------------------------------------------------------------------------------------ */

static int make_side_file(struct stage *stage, const char *name, struct gw_error *error)
{
	struct mr_live *live = stage->setup.live;
	struct mr_store *store = stage->setup.store;
	struct mr_file *file;
	char path[4096];
	int code;

	mr_side_path(stage->setup.config, stage->attempt, live->side_count, path, sizeof(path));
	code = store->operations->create_temp(store, path, &file, error);
	if (code < 0)
		return code;
	mr_file_close(file);
	snprintf(live->side_names[live->side_count++], MR_SIDE_NAME_MAX, "%s", name);
	return 0;
}

/* The first attempt makes a side file and fails; the second makes another. */
static int make_two(struct stage *stage, struct gw_error *error)
{
	int code = make_side_file(stage, stage->attempt->number == 0 ? "first" : "second", error);

	if (code == 0 && stage->attempt->number == 0)
		return gw_fail(error, GW_E_USER_CODE, "on purpose");
	return code;
}

static void test_side_files_of_the_successful_attempt(void **state)
{
	struct host_fixture *fixture = *state;
	char path[192];

	fixture->task = make_two;
	assert_int_equal(host_fixture_run(fixture), 0);
	snprintf(path, sizeof(path), "%s/second", fixture->output);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/first", fixture->output);
	assert_int_equal(access(path, F_OK), -1);
	host_fixture_check_left(fixture, true);
}

static int make_same(struct stage *stage, struct gw_error *error)
{
	return make_side_file(stage, "same", error);
}

static void test_side_files_with_one_name(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 2;
	fixture->task = make_same;
	assert_int_equal(host_fixture_run(fixture), GW_E_EXISTS);
	assert_non_null(strstr(fixture->error.text, "same"));
	host_fixture_check_left(fixture, false);
}

int main(void)
{
#define SCENARIO(test)                                                                             \
	cmocka_unit_test_setup_teardown(test, host_fixture_setup, host_fixture_teardown)
	const struct CMUnitTest tests[] = {
		SCENARIO(test_stale_staging_is_removed),
		SCENARIO(test_temporary_files_elsewhere),
		SCENARIO(test_an_output_that_exists),
		SCENARIO(test_an_output_that_appears_meanwhile),
		SCENARIO(test_no_directory_for_the_output),
		SCENARIO(test_side_files_of_the_successful_attempt),
		SCENARIO(test_side_files_with_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
