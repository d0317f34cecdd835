/* SPDX-License-Identifier: Apache-2.0 */
/* error_test.c - codes, sentences and what happens when they are too long. */
#include "support/unit.h"

#include <errno.h>

static void fail_sets_code_and_sentence(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(gw_fail(&error, GW_E_NOT_FOUND, "%s: no such job", "wordcont"),
			 GW_E_NOT_FOUND);
	assert_int_equal(error.code, GW_E_NOT_FOUND);
	assert_string_equal(error.text, "wordcont: no such job");
}

static void fail_without_object_still_returns_the_code(void **state)
{
	(void)state;
	assert_int_equal(gw_fail(NULL, GW_E_IO, "nobody reads this"), GW_E_IO);
	assert_int_equal(gw_fail_errno(NULL, ENOENT, "x"), GW_E_NOT_FOUND);
	assert_int_equal(gw_fail_in(NULL, "x"), GW_E_FAILED);
}

static void errno_gives_code_and_text(void **state)
{
	static const struct {
		int errno_value, code;
	} rows[] = {
		{ENOMEM, GW_E_NO_MEMORY}, {ENOENT, GW_E_NOT_FOUND}, {ENOTDIR, GW_E_NOT_FOUND},
		{EEXIST, GW_E_EXISTS}, {ENOTEMPTY, GW_E_EXISTS}, {EACCES, GW_E_DENIED},
		{EPERM, GW_E_DENIED}, {EROFS, GW_E_DENIED}, {ENOSPC, GW_E_NO_SPACE},
		{EDQUOT, GW_E_NO_SPACE}, {EIO, GW_E_IO}, {EFBIG, GW_E_TOO_LARGE},
		{ENAMETOOLONG, GW_E_TOO_LARGE}, {EMFILE, GW_E_TOO_LARGE},
		{EINVAL, GW_E_INVALID}, {EISDIR, GW_E_INVALID}, {ENOSYS, GW_E_UNSUPPORTED},
		{ECANCELED, GW_E_CANCELLED}, {ETIMEDOUT, GW_E_TIMEOUT}, {EBUSY, GW_E_BUSY},
		{EPIPE, GW_E_CLOSED}, {ECONNRESET, GW_E_CLOSED}, {ELOOP, GW_E_FAILED},
		{EAGAIN, GW_E_BUSY}, {EWOULDBLOCK, GW_E_BUSY}, {EADDRINUSE, GW_E_BUSY},
		{ECONNABORTED, GW_E_CLOSED}, {ENOTCONN, GW_E_CLOSED}, {ESHUTDOWN, GW_E_CLOSED},
		{ECONNREFUSED, GW_E_UNREACHABLE}, {EHOSTUNREACH, GW_E_UNREACHABLE},
		{EHOSTDOWN, GW_E_UNREACHABLE}, {ENETUNREACH, GW_E_UNREACHABLE},
		{ENETDOWN, GW_E_UNREACHABLE}, {EADDRNOTAVAIL, GW_E_UNREACHABLE},
		{ENOBUFS, GW_E_NO_MEMORY}, {EMSGSIZE, GW_E_TOO_LARGE}, {E2BIG, GW_E_TOO_LARGE},
		{EAFNOSUPPORT, GW_E_UNSUPPORTED}, {EPROTONOSUPPORT, GW_E_UNSUPPORTED},
		{0, GW_E_FAILED},
	};
	struct gw_error error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(gw_fail_errno(&error, rows[i].errno_value, "x"), rows[i].code);
	gw_fail_errno(&error, ENOSPC, "%s/part-%05d", "out", 3);
	assert_string_equal(error.text, "out/part-00003: No space left on device");
}

static void context_goes_in_front(void **state)
{
	struct gw_error error = {0};

	(void)state;
	gw_fail(&error, GW_E_CORRUPT, "block 12: checksum mismatch");
	assert_int_equal(gw_fail_in(&error, "part-%d", 7), GW_E_CORRUPT);
	assert_int_equal(gw_fail_in(&error, "reading the output"), GW_E_CORRUPT);
	assert_string_equal(error.text, "reading the output: part-7: block 12: checksum mismatch");
}

static void an_argument_may_be_the_error_itself(void **state)
{
	struct gw_error error = {0};

	(void)state;
	gw_fail(&error, GW_E_IO, "first");
	gw_fail_in(&error, "[%s]", error.text);
	assert_string_equal(error.text, "[first]: first");
}

/* Every writer, with sentences around the limit: never longer, cut ones end in dots. */
static void too_long_is_cut_with_dots(void **state)
{
	char long_text[2 * GW_ERROR_TEXT_MAX];
	struct gw_error error = {0};

	(void)state;
	for (size_t length = GW_ERROR_TEXT_MAX - 8; length < GW_ERROR_TEXT_MAX + 8; length++) {
		memset(long_text, 'a', length);
		long_text[length] = '\0';

		gw_fail(&error, GW_E_IO, "%s", long_text);
		if (length < GW_ERROR_TEXT_MAX) {
			assert_string_equal(error.text, long_text);
		} else {
			assert_int_equal(strlen(error.text), GW_ERROR_TEXT_MAX - 1);
			assert_string_equal(error.text + GW_ERROR_TEXT_MAX - 5, "a...");
		}
		gw_fail_in(&error, "%s", long_text);
		assert_int_equal(strlen(error.text), GW_ERROR_TEXT_MAX - 1);
		assert_string_equal(error.text + GW_ERROR_TEXT_MAX - 4, "...");
		gw_fail_errno(&error, EIO, "%s", long_text);
		assert_int_equal(strlen(error.text), GW_ERROR_TEXT_MAX - 1);
		assert_string_equal(error.text + GW_ERROR_TEXT_MAX - 4, "...");
	}
}

static void every_code_has_name_and_text(void **state)
{
	(void)state;
	assert_string_equal(gw_code_name(GW_E_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(gw_code_text(GW_E_NOT_FOUND), "not found");
	for (int code = GW_E_NOT_LEADER; code <= GW_E_FAILED; code++) {
		assert_string_not_equal(gw_code_name(code), "UNKNOWN");
		assert_string_not_equal(gw_code_text(code), "unknown error");
	}
	assert_string_equal(gw_code_name(0), "UNKNOWN");
	assert_string_equal(gw_code_name(1), "UNKNOWN");
	assert_string_equal(gw_code_text(-1000), "unknown error");
}

static void bytes_are_ordered_unsigned_and_prefix_first(void **state)
{
	static const char *const sorted[] = {"",  "\x01", "a",	  "a\x01", "aa",
					     "b", "\x7f", "\x80", "\xff"};
	size_t count = sizeof(sorted) / sizeof(sorted[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			int order = gw_bytes_compare(gw_string(sorted[i]), gw_string(sorted[j]));

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	assert_int_equal(gw_bytes_compare((struct gw_bytes){0}, gw_string("")), 0);
	assert_true(gw_bytes_compare((struct gw_bytes){"a\0b", 3}, (struct gw_bytes){"a\0c", 3}) <
		    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_sets_code_and_sentence),
		cmocka_unit_test(fail_without_object_still_returns_the_code),
		cmocka_unit_test(errno_gives_code_and_text),
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(an_argument_may_be_the_error_itself),
		cmocka_unit_test(too_long_is_cut_with_dots),
		cmocka_unit_test(every_code_has_name_and_text),
		cmocka_unit_test(bytes_are_ordered_unsigned_and_prefix_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
