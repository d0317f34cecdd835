/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hide_test.c - lists of deleted files.
 */
#include "gfs/master/namespace.h"
#include "gfs/master/state_fixture.h"
#include "support/unit.h"

#include <stdio.h>

enum { LISTED_MAX = 16, COLLECT_MS = 5000 };

struct listed {
	char paths[LISTED_MAX][32];
	struct gfs_deleted deleted[LISTED_MAX];
	int count, most; /* it ends behind so many */
};

static int take(void *context, const struct gfs_deleted *deleted)
{
	struct listed *listed = context;

	assert_true(listed->count < LISTED_MAX);
	snprintf(listed->paths[listed->count], sizeof(listed->paths[0]), "%.*s",
		 (int)deleted->path.size, (const char *)deleted->path.data);
	listed->deleted[listed->count++] = *deleted;
	return listed->count == listed->most ? 1 : 0;
}

/* Behind a path ("": all). */
static struct listed list_behind(struct state_fixture *fixture, const char *path,
				 const char *after)
{
	struct listed listed = {.most = LISTED_MAX};

	assert_int_equal(gfs_list_deleted(&fixture->state, gw_string(path), gw_string(after), take,
					  &listed), 0);
	return listed;
}

static struct listed list(struct state_fixture *fixture, const char *path)
{
	return list_behind(fixture, path, "");
}

/* Makes a file and deletes it; its id. */
static uint64_t lose(struct state_fixture *fixture, const char *path)
{
	const struct gfs_record delete = {.kind = GFS_RECORD_DELETE, .path = gw_string(path)};
	uint64_t id;

	assert_int_equal(state_create(fixture, path), 0);
	id = fixture->done.id;
	assert_int_equal(state_do(fixture, &delete), 0);
	return id;
}

static void begin(struct state_fixture *fixture)
{
	const struct gfs_record set = {.kind = GFS_RECORD_SET, .options = GFS_SET_COLLECT,
				       .collect_ms = COLLECT_MS + 1, .path = gw_string("/a")};

	state_fixture_init(fixture);
	assert_int_equal(state_mkdir(fixture, "/a"), 0);
	assert_int_equal(state_mkdir(fixture, "/a/b"), 0);
	assert_int_equal(state_mkdir(fixture, "/ab"), 0);
	assert_int_equal(state_do(fixture, &set), 0);
}

static void deleted_files_are_listed_with_their_time(void **state)
{
	struct state_fixture fixture;
	struct listed listed;
	uint64_t id;

	(void)state;
	begin(&fixture);
	assert_int_equal(list(&fixture, "/").count, 0);
	fixture.wall_ms = 2000;
	id = lose(&fixture, "/a/b/f");
	listed = list(&fixture, "/");
	assert_int_equal(listed.count, 1);
	assert_string_equal(listed.paths[0], "/a/b/f");
	assert_int_equal(listed.deleted[0].id, id);
	assert_int_equal(listed.deleted[0].due_ms, 2000 + COLLECT_MS);
	assert_int_equal(listed.deleted[0].deleted, fixture.state.applied);
	state_fixture_done(&fixture);
}

static void only_what_was_under_the_path_is_listed_in_order(void **state)
{
	struct state_fixture fixture;
	struct listed listed;

	(void)state;
	begin(&fixture);
	lose(&fixture, "/ab/z");
	lose(&fixture, "/a/x");
	lose(&fixture, "/a/b/f");
	lose(&fixture, "/ax");
	listed = list(&fixture, "/a");
	assert_int_equal(listed.count, 2);
	assert_string_equal(listed.paths[0], "/a/b/f");
	assert_string_equal(listed.paths[1], "/a/x");
	assert_int_equal(list(&fixture, "/a/x").count, 1);
	assert_int_equal(list(&fixture, "/a/nothing").count, 0);
	assert_int_equal(list(&fixture, "/").count, 4);
	state_fixture_done(&fixture);
}

static void each_file_that_had_a_path_is_listed_until_it_is_back(void **state)
{
	struct gfs_record undelete = {.kind = GFS_RECORD_UNDELETE, .path = gw_string("/a/f")};
	struct state_fixture fixture;
	struct listed listed;
	uint64_t first, second;

	(void)state;
	begin(&fixture);
	first = lose(&fixture, "/a/f");
	second = lose(&fixture, "/a/f");
	listed = list(&fixture, "/a/f");
	assert_int_equal(listed.count, 2);
	assert_int_equal(listed.deleted[0].id, first);
	assert_int_equal(listed.deleted[1].id, second);
	assert_int_equal(state_do(&fixture, &undelete), 0); /* the last that was deleted */
	listed = list(&fixture, "/a/f");
	assert_int_equal(listed.count, 1);
	assert_int_equal(listed.deleted[0].id, first);
	state_fixture_done(&fixture);
}

static void a_visitor_ends_the_list(void **state)
{
	struct listed listed = {.most = 2};
	struct state_fixture fixture;

	(void)state;
	begin(&fixture);
	lose(&fixture, "/a/1");
	lose(&fixture, "/a/2");
	lose(&fixture, "/a/3");
	assert_int_equal(gfs_list_deleted(&fixture.state, gw_string("/a"), gw_string(""), take,
					  &listed), 1);
	assert_int_equal(listed.count, 2);
	state_fixture_done(&fixture);
}

/* A directory's come before a name that goes on with a byte below '/'. */
static void a_list_goes_on_behind_each_path_that_it_gave(void **state)
{
	struct state_fixture fixture;
	struct listed all;

	(void)state;
	begin(&fixture);
	lose(&fixture, "/a/b/f");
	lose(&fixture, "/a!");
	lose(&fixture, "/a/b!");
	lose(&fixture, "/a/b!");
	lose(&fixture, "/ab/z");
	all = list(&fixture, "/");
	assert_int_equal(all.count, 5);
	assert_string_equal(all.paths[0], "/a/b/f");
	assert_string_equal(all.paths[1], "/a/b!");
	assert_string_equal(all.paths[3], "/a!");
	for (int i = 0; i < all.count; i++) {
		struct listed rest = list_behind(&fixture, "/", all.paths[i]);
		int next = i + 1;

		while (next < all.count && strcmp(all.paths[next], all.paths[i]) == 0)
			next++;
		assert_int_equal(rest.count, all.count - next);
		if (rest.count > 0)
			assert_string_equal(rest.paths[0], all.paths[next]);
	}
	/* Nor has the path that it goes on behind to be one of them. */
	assert_int_equal(list_behind(&fixture, "/a", "/").count, 3);
	assert_int_equal(list_behind(&fixture, "/a", "/a/b").count, 3);
	assert_int_equal(list_behind(&fixture, "/a", "/ab").count, 0);
	state_fixture_done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_files_are_listed_with_their_time),
		cmocka_unit_test(only_what_was_under_the_path_is_listed_in_order),
		cmocka_unit_test(each_file_that_had_a_path_is_listed_until_it_is_back),
		cmocka_unit_test(a_visitor_ends_the_list),
		cmocka_unit_test(a_list_goes_on_behind_each_path_that_it_gave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
