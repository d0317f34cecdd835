/* SPDX-License-Identifier: Apache-2.0 */
/* store_local_tree_test.c - names of local files: committing, removing and listing them. */
#include "store_local_test.h"

#include "support/allocation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- Names ----------------------------------------------------------------------------------- */

static void commit_makes_visible(void **state)
{
	struct place *place = *state;
	const char *temporary = in(place, "staging"), *path = in(place, "out");
	struct mr_file *file;
	struct stat status;
	mode_t mask = umask(027);

	assert_int_equal(place->call->make_directory(&place->store, temporary, NULL), 0);
	assert_int_equal(stat(temporary, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(
		place->call->create_temp(&place->store, in(place, "staging/part"), &file, NULL), 0);
	assert_int_equal(place->call->append(file, "text", 4, NULL, NULL), 0);
	mr_file_close(file);
	assert_int_equal(place->call->commit(&place->store, temporary, path, &place->error), 0);
	assert_false(exists(temporary));
	expect_text(place, in(place, "out/part"), "text");
	/* As if made by the user. */
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_int_equal(stat(in(place, "out/part"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	umask(mask);
}

static void commit_never_replaces(void **state)
{
	struct place *place = *state;
	const char *temporary = put_file(place, "t", "new");
	const char *path = put_file(place, "old", "old");
	const char *directory = in(place, "empty"), *staging = in(place, "staging");

	assert_int_equal(place->call->commit(&place->store, temporary, path, &place->error),
			 GW_E_EXISTS);
	assert_non_null(strstr(place->error.text, path));
	expect_text(place, path, "old");
	expect_text(place, temporary, "new");
	/* Not even an empty directory, which rename would replace. */
	assert_int_equal(place->call->make_directory(&place->store, directory, NULL), 0);
	assert_int_equal(place->call->make_directory(&place->store, staging, NULL), 0);
	assert_int_equal(place->call->commit(&place->store, staging, directory, NULL), GW_E_EXISTS);
	assert_true(exists(staging));
	assert_int_equal(place->call->commit(&place->store, in(place, "no"), in(place, "x"), NULL),
			 GW_E_NOT_FOUND);
	assert_int_equal(place->call->commit(&place->store, temporary, in(place, "no/x"), NULL),
			 GW_E_NOT_FOUND);
}

static void commit_without_help_of_the_file_system(void **state)
{
	struct place *place = *state;
	const char *temporary = put_file(place, "t", "new"), *old = put_file(place, "old", "old");
	const char *staging = in(place, "staging"), *empty = in(place, "empty");

	assert_int_equal(mr_local_rename_checked(temporary, old), -1);
	assert_int_equal(errno, EEXIST);
	expect_text(place, old, "old");
	assert_int_equal(mr_local_rename_checked(temporary, in(place, "fresh")), 0);
	assert_false(exists(temporary));
	expect_text(place, in(place, "fresh"), "new");
	assert_int_equal(mkdir(staging, 0700), 0);
	assert_int_equal(mkdir(empty, 0700), 0);
	assert_int_equal(mr_local_rename_checked(staging, empty), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(mr_local_rename_checked(staging, in(place, "out")), 0);
	assert_false(exists(staging));
	assert_int_equal(mr_local_rename_checked(in(place, "absent"), in(place, "x")), -1);
	assert_int_equal(errno, ENOENT);
}

static void make_directory_fails_by_name(void **state)
{
	struct place *place = *state;

	assert_int_equal(place->call->make_directory(&place->store, place->directory,
						     &place->error), GW_E_EXISTS);
	assert_non_null(strstr(place->error.text, place->directory));
	assert_int_equal(place->call->make_directory(&place->store, in(place, "a/b"), NULL),
			 GW_E_NOT_FOUND);
}

static void remove_takes_all_but_what_links_lead_to(void **state)
{
	struct place *place = *state;
	const char *kept = in(place, "kept"), *tree = in(place, "tree");
	const char *inner = in(place, "kept/file");

	assert_int_equal(mkdir(kept, 0700), 0);
	put_file(place, "kept/file", "x");
	assert_int_equal(mkdir(tree, 0700), 0);
	assert_int_equal(mkdir(in(place, "tree/deep"), 0700), 0);
	assert_int_equal(mkdir(in(place, "tree/deep/er"), 0700), 0);
	put_file(place, "tree/deep/er/file", "x");
	put_file(place, "tree/file", "x");
	assert_int_equal(symlink(kept, in(place, "tree/deep/link")), 0);
	assert_int_equal(mkfifo(in(place, "tree/pipe"), 0600), 0);
	assert_int_equal(place->call->remove(&place->store, tree, &place->error), 0);
	assert_false(exists(tree));
	assert_true(exists(inner));
	/* A link that is named itself is removed, not what it leads to. */
	assert_int_equal(symlink(kept, tree), 0);
	assert_int_equal(place->call->remove(&place->store, tree, &place->error), 0);
	assert_false(exists(tree));
	assert_true(exists(inner));
	assert_int_equal(place->call->remove(&place->store, in(place, "absent"), NULL), 0);
	assert_int_equal(place->call->remove(&place->store, inner, NULL), 0);
	assert_false(exists(inner));
	/* What is no directory has nothing in it. */
	put_file(place, "file", "x");
	assert_true(place->call->remove(&place->store, in(place, "file/x"), &place->error) < 0);
}

static void trees_have_a_limit(void **state)
{
	struct place *place = *state;
	int fd = open(place->directory, O_RDONLY | O_DIRECTORY);

	for (int depth = 0; depth < 70; depth++) {
		int inner;

		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		inner = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = inner;
	}
	close(fd);
	assert_int_equal(place->call->remove(&place->store, in(place, "d"), &place->error),
			 GW_E_TOO_LARGE);
	/* From the middle it is not that deep. */
	assert_int_equal(
		place->call->remove(&place->store, in(place, "d/d/d/d/d/d/d/d/d/d/d"), NULL), 0);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

struct listed {
	char text[1024];
	size_t used;
	int count, fail_at;
};

static int collect(void *context, const struct mr_entry *entry, struct gw_error *error)
{
	struct listed *listed = context;

	if (++listed->count == listed->fail_at)
		return gw_fail(error, GW_E_CANCELLED, "enough");
	listed->used += (size_t)snprintf(
		listed->text + listed->used, sizeof listed->text - listed->used, "%s:%d%s%s ",
		strrchr(entry->path, '/') + 1, (int)entry->size * !entry->is_directory,
		entry->is_directory ? "d" : "", entry->is_readable ? "" : "!");
	return 0;
}

static void lists_by_name(void **state)
{
	struct place *place = *state;
	struct listed listed = {.fail_at = 0};
	char slash[80];

	put_file(place, "b", "12");
	put_file(place, "a.txt", "1");
	put_file(place, "B", "");
	put_file(place, "\xc3\xa4", "123");
	assert_int_equal(mkdir(in(place, "a"), 0700), 0);
	put_file(place, "a/inner", "x");
	assert_int_equal(symlink("b", in(place, "link")), 0);
	assert_int_equal(mkfifo(in(place, "pipe"), 0600), 0);
	assert_int_equal(place->call->list(&place->store, place->directory, collect, &listed,
					   &place->error), 0);
	assert_string_equal(listed.text, "B:0 a:0d a.txt:1 b:2 \xc3\xa4:3 ");
	/* A slash more is no other directory. */
	listed = (struct listed){.fail_at = 0};
	snprintf(slash, sizeof slash, "%s/", place->directory);
	assert_int_equal(place->call->list(&place->store, slash, collect, &listed, NULL), 0);
	assert_int_equal(listed.count, 5);
	listed = (struct listed){.fail_at = 2};
	assert_int_equal(place->call->list(&place->store, place->directory, collect, &listed, NULL),
			 GW_E_CANCELLED);
	assert_int_equal(listed.count, 2);
}

static void lists_a_file_as_itself(void **state)
{
	struct place *place = *state;
	struct listed listed = {.fail_at = 0};
	const char *path = put_file(place, "f", "123");

	assert_int_equal(place->call->list(&place->store, path, collect, &listed, NULL), 0);
	assert_string_equal(listed.text, "f:3 ");
	/* A link that is named is followed. */
	listed = (struct listed){.fail_at = 0};
	assert_int_equal(symlink("f", in(place, "link")), 0);
	assert_int_equal(
		place->call->list(&place->store, in(place, "link"), collect, &listed, NULL), 0);
	assert_string_equal(listed.text, "link:3 ");
	assert_int_equal(place->call->list(&place->store, in(place, "absent"), collect, &listed,
					   &place->error), GW_E_NOT_FOUND);
	assert_non_null(strstr(place->error.text, "absent"));
	assert_int_equal(mkfifo(in(place, "pipe"), 0600), 0);
	assert_int_equal(place->call->list(&place->store, in(place, "pipe"), collect, &listed,
					   &place->error), GW_E_INVALID);
	assert_int_equal(symlink("nowhere", in(place, "dangling")), 0);
	assert_int_equal(
		place->call->list(&place->store, in(place, "dangling"), collect, &listed, NULL),
		GW_E_NOT_FOUND);
}

static void lists_who_may_read(void **state)
{
	struct place *place = *state;
	struct listed listed = {.fail_at = 0};
	uid_t user = geteuid();

	put_file(place, "open", "x");
	put_file(place, "secret", "x");
	assert_int_equal(mkdir(in(place, "dir"), 0700), 0);
	assert_int_equal(chmod(place->directory, 0755), 0);
	assert_int_equal(chmod(in(place, "secret"), 0), 0);
	assert_int_equal(chmod(in(place, "dir"), 0), 0);
	assert_int_equal(user == 0 ? seteuid(65534) : 0, 0);
	assert_int_equal(place->call->list(&place->store, place->directory, collect, &listed, NULL),
			 0);
	assert_string_equal(listed.text, "dir:0d! open:1 secret:1! ");
	assert_int_equal(place->call->list(&place->store, in(place, "dir"), collect, &listed,
					   &place->error), GW_E_DENIED);
	assert_non_null(strstr(place->error.text, "dir"));
	assert_int_equal(user == 0 ? seteuid(user) : 0, 0);
	assert_int_equal(chmod(in(place, "dir"), 0700), 0);
}

static int list_all(void *context)
{
	struct place *place = context;
	struct listed listed = {.fail_at = 0};

	return place->call->list(&place->store, place->directory, collect, &listed, NULL);
}

static void out_of_memory(void **state)
{
	struct place *place = *state;
	char name[8];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "%d", i);
		put_file(place, name, "x");
	}
	assert_true(test_each_allocation_fails(list_all, place) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commit_makes_visible),
		TEST(commit_never_replaces),
		TEST(commit_without_help_of_the_file_system),
		TEST(make_directory_fails_by_name),
		TEST(remove_takes_all_but_what_links_lead_to),
		TEST(trees_have_a_limit),
		TEST(lists_by_name),
		TEST(lists_a_file_as_itself),
		TEST(lists_who_may_read),
		TEST(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
