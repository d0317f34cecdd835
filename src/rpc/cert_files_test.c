/* SPDX-License-Identifier: Apache-2.0 */
/* cert_files_test.c - the directory of certificates: modes, nothing overwritten, nothing left. */
#include "rpc/cert_files.h"

#include "support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW_S = 1800000000 };

struct place {
	char top[64], directory[96];
};

static const struct rpc_cert_request a_request = {.role = "kv", .name = "a", .now_s = NOW_S};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strncpy(place->top, "/tmp/gw-cert-test-XXXXXX", sizeof(place->top) - 1);
	if (!mkdtemp(place->top))
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory), "%s/certs", place->top);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char command[160];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", place->top);
	free(place);
	return system(command);
}

static const char *path_of(const struct place *place, const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	return path;
}

static unsigned mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

/* How many names the directory has. */
static size_t count_names(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	assert_int_equal(closedir(directory), 0);
	return count - 2;
}

static void make_ca(const struct place *place)
{
	struct gw_error error = {0};

	if (rpc_cert_files_ca(place->directory, "test", NOW_S, 0, &error) < 0)
		fail_msg("%s", error.text);
}

static void files_are_private(void **state)
{
	const struct place *place = *state;
	char stem[RPC_CERT_STEM_BYTES_MAX + 1];

	make_ca(place);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, NULL), 0);
	assert_string_equal(stem, "kv.a");
	assert_int_equal(mode_of(place->directory), 0700);
	assert_int_equal(mode_of(path_of(place, "ca.key")), 0600);
	assert_int_equal(mode_of(path_of(place, "ca.crt")), 0600);
	assert_int_equal(mode_of(path_of(place, "kv.a.key")), 0600);
	assert_int_equal(mode_of(path_of(place, "kv.a.crt")), 0600);
	assert_int_equal(count_names(place->directory), 4);
}

static void what_was_written_is_read_back(void **state)
{
	const struct place *place = *state;
	char stem[RPC_CERT_STEM_BYTES_MAX + 1], key[256];
	struct rpc_pem pem;
	struct rpc_cert cert;

	make_ca(place);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, NULL), 0);
	strcpy(key, path_of(place, "kv.a.key"));
	assert_int_equal(rpc_cert_files_read(path_of(place, "kv.a.crt"), key, &pem, NULL), 0);
	assert_int_equal(rpc_cert_describe(gw_string(pem.certificate), &cert, NULL), 0);
	assert_string_equal(cert.role, "kv");
	assert_non_null(strstr(pem.key, "PRIVATE KEY"));
	rpc_pem_done(&pem);
}

static void nothing_is_overwritten(void **state)
{
	const struct place *place = *state;
	char stem[RPC_CERT_STEM_BYTES_MAX + 1];
	struct gw_error error = {0};
	struct rpc_pem before, after;

	make_ca(place);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, NULL), 0);
	assert_int_equal(rpc_cert_files_read(path_of(place, "kv.a.crt"), NULL, &before, NULL), 0);
	assert_int_equal(rpc_cert_files_ca(place->directory, "x", NOW_S, 0, &error), GW_E_EXISTS);
	assert_non_null(strstr(error.text, "ca.key exists already"));
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, &error),
			 GW_E_EXISTS);
	assert_int_equal(rpc_cert_files_read(path_of(place, "kv.a.crt"), NULL, &after, NULL), 0);
	assert_string_equal(before.certificate, after.certificate);
	assert_int_equal(count_names(place->directory), 4);
	rpc_pem_done(&before);
	rpc_pem_done(&after);
}

static void a_lone_certificate_or_link_is_not_overwritten_either(void **state)
{
	const struct place *place = *state;
	char stem[RPC_CERT_STEM_BYTES_MAX + 1];

	make_ca(place);
	assert_int_equal(symlink("/nonexistent", path_of(place, "kv.a.crt")), 0);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, NULL),
			 GW_E_EXISTS);
	assert_int_equal(access(path_of(place, "kv.a.key"), F_OK), -1);
	assert_int_equal(count_names(place->directory), 3);
}

static void a_directory_that_others_may_use_is_denied(void **state)
{
	const struct place *place = *state;
	struct gw_error error = {0};

	assert_int_equal(mkdir(place->directory, 0755), 0);
	assert_int_equal(chmod(place->directory, 0755), 0);
	assert_int_equal(rpc_cert_files_ca(place->directory, "x", NOW_S, 0, &error), GW_E_DENIED);
	assert_non_null(strstr(error.text, "mode 0755"));
	assert_int_equal(count_names(place->directory), 0);
	assert_int_equal(chmod(place->directory, 0700), 0);
	make_ca(place);
}

static void a_key_that_others_may_read_is_not_used(void **state)
{
	const struct place *place = *state;
	char stem[RPC_CERT_STEM_BYTES_MAX + 1];
	struct gw_error error = {0};

	make_ca(place);
	assert_int_equal(chmod(path_of(place, "ca.key"), 0640), 0);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, &error),
			 GW_E_DENIED);
	assert_non_null(strstr(error.text, "ca.key: others may use this key (mode 0640)"));
}

static void failures_leave_nothing_behind(void **state)
{
	const struct place *place = *state;
	char stem[RPC_CERT_STEM_BYTES_MAX + 1];
	struct rpc_cert_request wrong = {.role = "Kv", .name = "a", .now_s = NOW_S};
	struct gw_error error = {0};

	assert_int_equal(rpc_cert_files_ca(place->directory, "a b", NOW_S, 0, &error),
			 GW_E_INVALID);
	assert_int_equal(access(place->directory, F_OK), -1);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, &error),
			 GW_E_NOT_FOUND);
	assert_int_equal(mkdir(place->directory, 0700), 0);
	assert_int_equal(rpc_cert_files_issue(place->directory, &a_request, stem, &error),
			 GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "ca.crt"));
	assert_int_equal(rpc_cert_files_issue(place->directory, &wrong, stem, &error),
			 GW_E_INVALID);
	assert_int_equal(count_names(place->directory), 0);
}

static void only_regular_files_of_some_size_are_read(void **state)
{
	const struct place *place = *state;
	struct gw_error error = {0};
	struct rpc_pem pem;

	make_ca(place);
	assert_int_equal(rpc_cert_files_read(place->directory, NULL, &pem, &error), GW_E_INVALID);
	assert_int_equal(rpc_cert_files_read("/dev/zero", NULL, &pem, &error), GW_E_INVALID);
	assert_int_equal(mkfifo(path_of(place, "fifo"), 0600), 0);
	assert_int_equal(rpc_cert_files_read(path_of(place, "fifo"), NULL, &pem, &error),
			 GW_E_INVALID);
	assert_int_equal(truncate(path_of(place, "ca.crt"), RPC_PEM_BYTES_MAX + 1), 0);
	assert_int_equal(rpc_cert_files_read(path_of(place, "ca.crt"), NULL, &pem, &error),
			 GW_E_TOO_LARGE);
	assert_null(pem.certificate);
}

static int read_once(void *context)
{
	struct rpc_pem pem;
	int code = rpc_cert_files_read(context, context, &pem, NULL);

	rpc_pem_done(&pem);
	return code;
}

static void memory_may_end_at_any_point(void **state)
{
	const struct place *place = *state;
	char path[256];

	make_ca(place);
	strcpy(path, path_of(place, "ca.key"));
	assert_int_equal(test_each_allocation_fails(read_once, path), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_private, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_written_is_read_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_overwritten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_lone_certificate_or_link_is_not_overwritten_either, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_directory_that_others_may_use_is_denied, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_not_used, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(failures_leave_nothing_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_regular_files_of_some_size_are_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(memory_may_end_at_any_point, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
