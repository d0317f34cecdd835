/* SPDX-License-Identifier: Apache-2.0 */
#include "store_local.h"

#include "support/allocation.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory of the test's own, and a store. Paths made by `in` are valid for some calls. */
struct place {
	struct mr_store store;
	const struct mr_store_operations *call;
	char directory[64];
	char paths[8][256];
	unsigned next;
	struct gw_error error;
};

static const char *in(struct place *place, const char *name)
{
	char *path = place->paths[place->next++ % 8];

	snprintf(path, sizeof place->paths[0], "%s/%s", place->directory, name);
	return path;
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	if (!place)
		return -1;
	mr_store_local_init(&place->store);
	place->call = place->store.operations;
	snprintf(place->directory, sizeof place->directory, "/tmp/gw-store-XXXXXX");
	*state = place;
	return mkdtemp(place->directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	int result = place->call->remove(&place->store, place->directory, NULL);

	free(place);
	return result;
}

static const char *put_file(struct place *place, const char *name, const char *text)
{
	const char *path = in(place, name);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void expect_text(struct place *place, const char *path, const char *wanted)
{
	struct mr_file *file;
	char text[256] = {0};
	uint64_t size;

	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), 0);
	assert_int_equal(place->call->size(file, &size, &place->error), 0);
	assert_int_equal(size, strlen(wanted));
	assert_int_equal(place->call->read_at(file, 0, text, size, &place->error), 0);
	assert_string_equal(text, wanted);
	mr_file_close(file);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void expect_refused(struct place *place, const char *path, int code, const char *text)
{
	struct mr_file *file;

	place->error = (struct gw_error){0};
	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), code);
	assert_non_null(strstr(place->error.text, path));
	assert_non_null(strstr(place->error.text, text));
}

static void what_is_no_file_is_refused(void **state)
{
	struct place *place = *state;
	const char *path = in(place, "pipe");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	expect_refused(place, place->directory, GW_E_INVALID, "is a directory");
	expect_refused(place, in(place, "absent"), GW_E_NOT_FOUND, "No such file");
	expect_refused(place, "/dev/null", GW_E_INVALID, "not a regular file");
	/* Nobody writes to the FIFO: opening it must not wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused(place, path, GW_E_INVALID, "is a pipe");
	path = in(place, "socket");
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	expect_refused(place, path, GW_E_INVALID, "not a regular file");
	close(fd);
}

static void unreadable_file_is_refused(void **state)
{
	struct place *place = *state;
	const char *path = put_file(place, "secret", "x");
	uid_t user = geteuid();

	/* The super-user may read everything, so be somebody else for a moment. */
	assert_int_equal(chmod(place->directory, 0755), 0);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(user == 0 ? seteuid(65534) : 0, 0);
	expect_refused(place, path, GW_E_DENIED, "Permission denied");
	assert_int_equal(user == 0 ? seteuid(user) : 0, 0);
}

static void reads_exactly(void **state)
{
	struct place *place = *state;
	const char *path = put_file(place, "f", "0123456789");
	struct mr_file *file;
	char data[16];

	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), 0);
	assert_int_equal(place->call->read_at(file, 3, data, 4, &place->error), 0);
	assert_memory_equal(data, "3456", 4);
	assert_int_equal(place->call->read_at(file, 10, data, 0, &place->error), 0);
	assert_int_equal(place->call->read_at(file, 8, data, 3, &place->error), GW_E_TRUNCATED);
	assert_non_null(strstr(place->error.text, path));
	assert_non_null(strstr(place->error.text, "byte 11"));
	assert_int_equal(place->call->read_at(file, 99, data, 1, &place->error), GW_E_TRUNCATED);
	assert_int_equal(place->call->read_at(file, UINT64_MAX, data, 1, NULL), GW_E_TRUNCATED);
	/* Open for reading only. */
	assert_int_equal(place->call->write_at(file, 0, "x", 1, NULL), GW_E_FAILED);
	assert_int_equal(place->call->locations(file, 0, 10, NULL, 0, NULL), 0);
	mr_file_close(file);
}

static void temporary_files(void **state)
{
	struct place *place = *state;
	const char *path = in(place, "t");
	struct mr_file *file, *again;
	struct stat status;
	uint64_t offset;

	assert_int_equal(place->call->create_temp(&place->store, path, &file, &place->error), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_true(fcntl(place->call->descriptor(file), F_GETFD) & FD_CLOEXEC);
	assert_int_equal(place->call->append(file, "abc", 3, &offset, &place->error), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(place->call->append(file, "def", 3, &offset, &place->error), 0);
	assert_int_equal(offset, 3);
	assert_int_equal(place->call->append(file, "", 0, NULL, &place->error), 0);
	/* Another process writes elsewhere in it. */
	assert_int_equal(place->call->open_temp(&place->store, path, &again, &place->error), 0);
	assert_int_equal(place->call->write_at(again, 8, "jk", 2, &place->error), 0);
	assert_int_equal(place->call->write_at(file, 6, "gh", 2, &place->error), 0);
	mr_file_close(again);
	assert_int_equal(place->call->open_temp(&place->store, path, &again, &place->error), 0);
	assert_int_equal(place->call->append(again, "l", 1, &offset, &place->error), 0);
	assert_int_equal(offset, 10);
	mr_file_close(again);
	mr_file_close(file);
	expect_text(place, path, "abcdefghjkl");
	/* Never over another file. */
	assert_int_equal(place->call->create_temp(&place->store, path, &file, &place->error),
			 GW_E_EXISTS);
	assert_non_null(strstr(place->error.text, path));
	assert_int_equal(place->call->open_temp(&place->store, in(place, "no"), &file, NULL),
			 GW_E_NOT_FOUND);
	mr_file_close(NULL);
}

static void short_write_is_followed_up(void **state)
{
	struct place *place = *state;
	struct rlimit old, limit;
	char data[200] = {0};
	struct mr_file *file;
	int result;

	assert_int_equal(place->call->create_temp(&place->store, in(place, "t"), &file, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){.rlim_cur = 4096, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	/* The first 96 bytes fit: a short write, then the reason why there can be no more. */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	result = place->call->write_at(file, 4000, data, sizeof data, &place->error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(result, GW_E_TOO_LARGE);
	assert_non_null(strstr(place->error.text, "byte 4096"));
	assert_int_equal(place->call->write_at(file, UINT64_MAX - 1, data, 2, NULL),
			 GW_E_TOO_LARGE);
	mr_file_close(file);
}

/* ---- Maps ------------------------------------------------------------------------------------ */

static void maps_any_range(void **state)
{
	struct place *place = *state;
	size_t size = 3 * 4096 + 100;
	char *data = malloc(size + 1);
	struct mr_file *file;
	const char *path;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)('a' + i * 7 % 26);
	data[size] = 0;
	path = put_file(place, "f", data);
	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), 0);
	for (size_t begin = 0; begin < size; begin += begin < 3 ? 1 : 1361) {
		for (size_t end = begin; end <= size; end += end == begin ? 1 : 977) {
			struct gw_bytes bytes;

			assert_int_equal(place->call->map(file, begin, end - begin, &bytes,
							  &place->error), 0);
			assert_int_equal(bytes.size, end - begin);
			if (bytes.size)
				assert_memory_equal(bytes.data, data + begin, bytes.size);
			place->call->unmap(&place->store, bytes);
		}
	}
	mr_file_close(file);
	free(data);
}

static void maps_outlive_the_file(void **state)
{
	struct place *place = *state;
	const char *path = put_file(place, "f", "hello, world");
	struct gw_bytes bytes;
	struct mr_file *file;

	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), 0);
	assert_int_equal(place->call->map(file, 7, 5, &bytes, &place->error), 0);
	mr_file_close(file);
	assert_memory_equal(bytes.data, "world", 5);
	place->call->unmap(&place->store, bytes);
}

static void map_behind_the_end_is_truncated(void **state)
{
	struct place *place = *state;
	const char *path = put_file(place, "f", "hello");
	struct gw_bytes bytes = {"x", 1};
	struct mr_file *file;

	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), 0);
	assert_int_equal(place->call->map(file, 3, 3, &bytes, &place->error), GW_E_TRUNCATED);
	assert_int_equal(bytes.size, 0);
	assert_non_null(strstr(place->error.text, path));
	assert_int_equal(place->call->map(file, 6, 0, &bytes, NULL), GW_E_TRUNCATED);
	assert_int_equal(place->call->map(file, UINT64_MAX, 2, &bytes, NULL), GW_E_TRUNCATED);
	assert_int_equal(place->call->map(file, 0, SIZE_MAX, &bytes, NULL), GW_E_TRUNCATED);
	mr_file_close(file);
}

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

/* ---- Memory ---------------------------------------------------------------------------------- */

static int list_all(void *context)
{
	struct place *place = context;
	struct listed listed = {.fail_at = 0};

	return place->call->list(&place->store, place->directory, collect, &listed, NULL);
}

static int open_one(void *context)
{
	struct place *place = context;
	struct mr_file *file;
	int result = place->call->open(&place->store, in(place, "0"), &file, NULL);

	if (result == 0)
		mr_file_close(file);
	return result;
}

static void out_of_memory(void **state)
{
	struct place *place = *state;
	char name[8];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "%d", i);
		put_file(place, name, "x");
	}
	assert_int_equal(test_each_allocation_fails(open_one, place), 1);
	assert_true(test_each_allocation_fails(list_all, place) > 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_file_is_refused),
		TEST(unreadable_file_is_refused),
		TEST(reads_exactly),
		TEST(temporary_files),
		TEST(short_write_is_followed_up),
		TEST(maps_any_range),
		TEST(maps_outlive_the_file),
		TEST(map_behind_the_end_is_truncated),
		TEST(commit_makes_visible),
		TEST(commit_never_replaces),
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
