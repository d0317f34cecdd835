/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_staging_test.c - the private directories of a run: names, what of an earlier run is stale,
 * and two runs that make and remove them at the same time.
 */
#include "host_staging.h"

#include "support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
	char directory[64];
	char output[128];
	struct mr_store store;
	struct gw_mr_options options;
	struct mr_staging staging;
	struct gw_error error;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->directory, sizeof(world->directory), "/tmp/gw-staging-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	snprintf(world->output, sizeof(world->output), "%s/out", world->directory);
	mr_store_local_init(&world->store);
	gw_mr_options_init(&world->options);
	world->options.output = world->output;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	assert_int_equal(world->store.operations->remove(&world->store, world->directory, NULL), 0);
	free(world);
	return 0;
}

static int make(struct world *world)
{
	return mr_staging_make(&world->staging, &world->options, &world->store, &world->error);
}

static void end(struct world *world)
{
	mr_staging_remove(&world->staging, &world->store);
	mr_staging_done(&world->staging);
}

static unsigned entries(const struct world *world)
{
	DIR *stream = opendir(world->directory);
	unsigned count = 0;

	assert_non_null(stream);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2; /* . and .. */
}

static void test_made_and_removed(void **state)
{
	struct world *world = *state;
	struct stat status;

	assert_int_equal(make(world), 0);
	assert_int_equal(entries(world), 1);
	assert_int_equal(stat(world->staging.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	end(world);
	assert_int_equal(entries(world), 0);
}

static void test_committed(void **state)
{
	struct world *world = *state;
	struct stat status;
	char path[160];

	assert_int_equal(make(world), 0);
	assert_int_equal(mr_staging_commit(&world->staging, &world->store, NULL), 0);
	end(world);
	snprintf(path, sizeof(path), "%s/_SUCCESS", world->output);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(entries(world), 1);
	assert_int_equal(make(world), GW_E_EXISTS);
	assert_int_equal(entries(world), 1);
}

static void test_names(void **state)
{
	struct world *world = *state;
	char slashes[160];

	snprintf(slashes, sizeof(slashes), "%s///", world->output);
	world->options.output = slashes;
	assert_int_equal(make(world), 0);
	assert_string_equal(world->staging.output, world->output);
	end(world);
	assert_int_equal(chdir(world->directory), 0);
	world->options.output = "out";
	assert_int_equal(make(world), 0);
	assert_int_equal(entries(world), 1);
	end(world);
	world->options.output = "/";
	assert_int_equal(make(world), GW_E_EXISTS);
	world->options.output = ".";
	assert_int_equal(make(world), GW_E_EXISTS);
	world->options.output = "nowhere/out";
	assert_int_equal(make(world), GW_E_NOT_FOUND);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(entries(world), 0);
}

static void test_a_name_that_is_too_long(void **state)
{
	struct world *world = *state;
	char path[512];

	snprintf(path, sizeof(path), "%s/%0250d", world->directory, 1);
	world->options.output = path;
	assert_int_equal(make(world), GW_E_TOO_LARGE);
	assert_int_equal(entries(world), 0);
}

static void test_one_task_alone_does_not_mind_the_output(void **state)
{
	struct world *world = *state;

	assert_int_equal(mkdir(world->output, 0700), 0);
	world->options.only_map = 3;
	assert_int_equal(make(world), 0);
	end(world);
	assert_int_equal(entries(world), 1);
}

static void make_directory(const struct world *world, const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", world->directory, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* Without a lock it may be another run's that is being made: it goes only if nothing is in it. */
static void test_without_a_lock(void **state)
{
	struct world *world = *state;

	make_directory(world, ".out.gw-00000001");
	make_directory(world, ".out.gw-00000002");
	make_directory(world, ".out.gw-00000002/something");
	assert_int_equal(make(world), 0);
	end(world);
	assert_int_equal(entries(world), 1);
}

/* A link in a stale directory is removed, not followed. */
static void test_links_are_not_followed(void **state)
{
	struct world *world = *state;
	char link[300], lock[192], precious[192];

	make_directory(world, "precious");
	make_directory(world, "precious/thing");
	make_directory(world, ".out.gw-00000001");
	snprintf(precious, sizeof(precious), "%s/precious", world->directory);
	snprintf(link, sizeof(link), "%s/.out.gw-00000001/out", world->directory);
	snprintf(lock, sizeof(lock), "%s/.out.gw-00000001/lock", world->directory);
	assert_int_equal(symlink(precious, link), 0);
	fclose(fopen(lock, "we"));
	assert_int_equal(make(world), 0);
	end(world);
	assert_int_equal(entries(world), 1);
	snprintf(link, sizeof(link), "%s/thing", precious);
	assert_int_equal(access(link, F_OK), 0);
}

static void test_temporary_files_elsewhere(void **state)
{
	struct world *world = *state;
	char temporary[160], part[300];

	make_directory(world, "tmp");
	snprintf(temporary, sizeof(temporary), "%s/tmp", world->directory);
	world->options.temporary = temporary;
	assert_int_equal(make(world), 0);
	assert_memory_equal(world->staging.path, temporary, strlen(temporary));
	snprintf(part, sizeof(part), "%s/out/part", world->staging.path);
	fclose(fopen(part, "we"));
	assert_int_equal(mr_staging_commit(&world->staging, &world->store, NULL), 0);
	end(world);
	snprintf(part, sizeof(part), "%s/part", world->output);
	assert_int_equal(access(part, F_OK), 0);
	assert_int_equal(rmdir(temporary), 0);
	assert_int_equal(entries(world), 1);
}

static _Noreturn void make_many(struct world *world)
{
	for (int i = 0; i < 200; i++) {
		char part[300];

		if (make(world) < 0)
			_exit(1);
		snprintf(part, sizeof(part), "%s/out", world->staging.path);
		if (access(part, F_OK) < 0)
			_exit(2); /* somebody took it for stale */
		/* Every third run dies with what it made. */
		if (i % 3 > 0)
			mr_staging_remove(&world->staging, &world->store);
		mr_staging_done(&world->staging);
	}
	_exit(0);
}

static void test_several_runs_at_once(void **state)
{
	enum { RUNS = 4 };
	struct world *world = *state;
	int status;

	for (int i = 0; i < RUNS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			make_many(world);
	}
	for (int i = 0; i < RUNS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(make(world), 0); /* takes away what is left */
	end(world);
	assert_int_equal(entries(world), 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_made_and_removed),
		TEST(test_committed),
		TEST(test_names),
		TEST(test_a_name_that_is_too_long),
		TEST(test_one_task_alone_does_not_mind_the_output),
		TEST(test_without_a_lock),
		TEST(test_links_are_not_followed),
		TEST(test_temporary_files_elsewhere),
		TEST(test_several_runs_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
