/* SPDX-License-Identifier: Apache-2.0 */
/* store_local_test.c - local files: what may be opened, reading, writing and mapping. */
#include "store_local_test.h"

#include "support/allocation.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

	put_file(place, "0", "x");
	assert_int_equal(test_each_allocation_fails(open_one, place), 1);
}

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
		TEST(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
