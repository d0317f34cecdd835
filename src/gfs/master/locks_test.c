/* SPDX-License-Identifier: Apache-2.0 */
/*
 * locks_test.c - who excludes whom on paths, in which order, and many tasks with deadlines.
 */
#include "gfs/master/locks.h"
#include "task/loop_fixture.h"

enum { SOON_MS = 10 };

/* Whether a set of one or two paths can be had now; it is given back. */
static bool can_have(struct gfs_locks *locks, const char *path, bool write)
{
	const struct gfs_lock_path wanted = {gw_string(path), write};
	struct gfs_lock_set *set;
	int code = gfs_locks_take(locks, &wanted, 1, gw_after_ms(SOON_MS), &set, NULL);

	assert_true(code == 0 || code == GW_E_TIMEOUT);
	gfs_locks_drop(locks, set);
	return code == 0;
}

static struct gfs_lock_set *have(struct gfs_locks *locks, const char *path, bool write)
{
	const struct gfs_lock_path wanted = {gw_string(path), write};
	struct gfs_lock_set *set;

	assert_int_equal(gfs_locks_take(locks, &wanted, 1, GW_FOREVER, &set, NULL), 0);
	return set;
}

static int a_write_lock_excludes_all_under_it(void *argument)
{
	struct gfs_locks locks;
	struct gfs_lock_set *set;

	(void)argument;
	gfs_locks_init(&locks, 1);
	set = have(&locks, "/a/b", true);
	assert_false(can_have(&locks, "/a/b", false));
	assert_false(can_have(&locks, "/a/b/c", false));
	assert_false(can_have(&locks, "/a/b/c/d", true));
	assert_false(can_have(&locks, "/a", true));
	assert_false(can_have(&locks, "/", true));
	assert_true(can_have(&locks, "/a", false));
	assert_true(can_have(&locks, "/a/c", true));
	assert_true(can_have(&locks, "/a/bc", true)); /* not under it */
	gfs_locks_drop(&locks, set);
	assert_true(can_have(&locks, "/", true));
	gfs_locks_done(&locks);
	return 0;
}

static int files_of_a_directory_do_not_exclude_each_other(void *argument)
{
	struct gfs_locks locks;
	struct gfs_lock_set *one, *two;

	(void)argument;
	gfs_locks_init(&locks, 1);
	one = have(&locks, "/home/user/one", true);
	two = have(&locks, "/home/user/two", true);
	assert_false(can_have(&locks, "/home/user", true)); /* the paper's snapshot of it */
	gfs_locks_drop(&locks, one);
	assert_false(can_have(&locks, "/home/user", true));
	gfs_locks_drop(&locks, two);
	assert_true(can_have(&locks, "/home/user", true));
	gfs_locks_done(&locks);
	return 0;
}

static int a_path_and_one_under_it_are_one_set(void *argument)
{
	const struct gfs_lock_path paths[] = {{gw_string("/a/b"), true}, {gw_string("/a"), true}};
	struct gfs_locks locks;
	struct gfs_lock_set *set;

	(void)argument;
	gfs_locks_init(&locks, 1);
	assert_int_equal(gfs_locks_take(&locks, paths, 2, GW_FOREVER, &set, NULL), 0);
	assert_false(can_have(&locks, "/a", false));
	gfs_locks_drop(&locks, set);
	assert_true(can_have(&locks, "/a", true));
	gfs_locks_done(&locks);
	return 0;
}

struct waiter {
	struct gfs_locks *locks;
	const char *path;
	bool write;
	uint64_t deadline_ns;
	int *order, rank, code;
};

static int waits(void *argument)
{
	struct waiter *waiter = argument;
	const struct gfs_lock_path wanted = {gw_string(waiter->path), waiter->write};
	struct gfs_lock_set *set;

	waiter->code = gfs_locks_take(waiter->locks, &wanted, 1, waiter->deadline_ns, &set, NULL);
	waiter->rank = ++*waiter->order;
	gfs_locks_drop(waiter->locks, set);
	return 0;
}

static int a_writer_that_waits_is_not_overtaken(void *argument)
{
	int order = 0;
	struct gfs_locks locks;
	struct waiter writer = {&locks, "/a", true, GW_FOREVER, &order, 0, 1};
	struct waiter reader = {&locks, "/a", false, GW_FOREVER, &order, 0, 1};
	struct gw_group group = {0};
	struct gfs_lock_set *set;

	(void)argument;
	gfs_locks_init(&locks, 1);
	set = have(&locks, "/a", false);
	assert_int_equal(gw_spawn(&group, waits, &writer, NULL), 0);
	assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(gw_spawn(&group, waits, &reader, NULL), 0);
	assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(order, 0); /* the reader would fit beside the one that has it */
	gfs_locks_drop(&locks, set);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(writer.rank, 1);
	assert_int_equal(reader.rank, 2);
	gfs_locks_done(&locks);
	return 0;
}

static int a_writer_that_gives_up_lets_those_behind_it_in(void *argument)
{
	int order = 0;
	struct gfs_locks locks;
	struct waiter writer = {&locks, "/a", true, gw_after_ms(SOON_MS), &order, 0, 1};
	struct waiter reader = {&locks, "/a", false, GW_FOREVER, &order, 0, 1};
	struct gw_group group = {0};
	struct gfs_lock_set *set;

	(void)argument;
	gfs_locks_init(&locks, 1);
	set = have(&locks, "/a", false);
	assert_int_equal(gw_spawn(&group, waits, &writer, NULL), 0);
	assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(gw_spawn(&group, waits, &reader, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(writer.code, GW_E_TIMEOUT);
	assert_int_equal(reader.code, 0);
	gfs_locks_drop(&locks, set);
	gfs_locks_done(&locks);
	return 0;
}

/* ---- Many tasks ----------------------------------------------------------------------------- */

enum { TASKS = 60, ROUNDS = 40, PATHS = 8 };
static const char *const tree[PATHS] = {"/", "/a", "/a/b", "/a/c", "/a/b/d", "/e", "/e/f", "/g"};

struct crowd {
	struct gfs_locks locks;
	int readers[PATHS], writers[PATHS]; /* that hold exactly this path or one under it */
	uint32_t had, gave_up;
};

struct member {
	struct crowd *crowd;
	uint64_t random;
};

static bool is_under(const char *path, const char *above)
{
	size_t size = strlen(above);

	if (size == 1)
		return true;
	return strncmp(path, above, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* Counts what a set holds, and that it may. */
static void count(struct crowd *crowd, const char *path, bool write, int by)
{
	for (int i = 0; i < PATHS; i++) {
		if (!is_under(path, tree[i]))
			continue;
		if (write && strcmp(path, tree[i]) == 0)
			crowd->writers[i] += by;
		else
			crowd->readers[i] += by;
		assert_true(crowd->writers[i] <= 1);
		assert_true(crowd->writers[i] == 0 || crowd->readers[i] == 0);
	}
}

static int one_of_the_crowd(void *argument)
{
	struct member *member = argument;
	struct crowd *crowd = member->crowd;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t first = test_pick(&member->random, PATHS - 1);
		/* Two that are not under each other are counted apart. */
		struct gfs_lock_path paths[2] = {
			{gw_string(tree[first]), test_pick(&member->random, 2) == 0},
			{gw_string("/g"), test_pick(&member->random, 2) == 0},
		};
		size_t several = first == 0 ? 1 : 1 + test_pick(&member->random, 2);
		struct gfs_lock_set *set;
		int code = gfs_locks_take(&crowd->locks, paths, several,
					  gw_after_ms(1 + test_pick(&member->random, 50)), &set,
					  NULL);

		assert_true(code == 0 || code == GW_E_TIMEOUT);
		if (code < 0) {
			crowd->gave_up++;
			continue;
		}
		crowd->had++;
		for (size_t k = 0; k < several; k++)
			count(crowd, paths[k].path.data, paths[k].write, 1);
		assert_int_equal(gw_sleep_ms(test_pick(&member->random, 4)), 0);
		for (size_t k = 0; k < several; k++)
			count(crowd, paths[k].path.data, paths[k].write, -1);
		gfs_locks_drop(&crowd->locks, set);
	}
	return 0;
}

static int many_tasks_exclude_each_other_and_none_waits_in_a_circle(void *argument)
{
	struct crowd crowd = {.had = 0};
	struct member members[TASKS];
	struct gw_group group = {0};

	(void)argument;
	gfs_locks_init(&crowd.locks, 1);
	for (int i = 0; i < TASKS; i++) {
		members[i] = (struct member){&crowd, (uint64_t)i + 1};
		assert_int_equal(gw_spawn(&group, one_of_the_crowd, &members[i], NULL), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(crowd.had + crowd.gave_up, TASKS * ROUNDS);
	assert_true(crowd.had > TASKS && crowd.gave_up > TASKS);
	gfs_locks_done(&crowd.locks); /* asserts that nobody is left */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_the_loop(a_write_lock_excludes_all_under_it),
		in_the_loop(files_of_a_directory_do_not_exclude_each_other),
		in_the_loop(a_path_and_one_under_it_are_one_set),
		in_the_loop(a_writer_that_waits_is_not_overtaken),
		in_the_loop(a_writer_that_gives_up_lets_those_behind_it_in),
		in_the_loop(many_tasks_exclude_each_other_and_none_waits_in_a_circle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
