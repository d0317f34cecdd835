/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_check_test.c - the checkers of the workload gfs see what is wrong, and nothing else. */
#include "sim/gfs_content.h"
#include "sim/gfs_names.h"

#include <stdlib.h>

#include "gfs/client/frame.h"
#include "support/unit.h"

/* ---- Bytes ----------------------------------------------------------------------------------- */

static int written(struct gfs_content *content, uint64_t offset, const char *text, bool is_known)
{
	int number = gfs_content_write(content, offset, gw_string(text), NULL);

	assert_true(number >= 0);
	if (is_known)
		gfs_content_acknowledged(content, number);
	return number;
}

static int seen(const struct gfs_content *content, uint64_t offset, const char *text)
{
	return gfs_content_check(content, offset, gw_string(text), false, NULL);
}

static void a_byte_is_of_the_last_acknowledged_write_or_of_an_unknown_one(void **state)
{
	struct gfs_content content = {0};

	(void)state;
	written(&content, 0, "aaaa", true);
	written(&content, 2, "bbbb", true);
	assert_int_equal(seen(&content, 0, "aabbbb"), 0);
	assert_int_equal(seen(&content, 1, "abb"), 0);
	assert_int_equal(seen(&content, 0, "aaabbb"), GW_E_CORRUPT); /* lost */
	written(&content, 1, "cc", false);
	assert_int_equal(seen(&content, 0, "aabbbb"), 0);
	assert_int_equal(seen(&content, 0, "acbbbb"), 0);
	assert_int_equal(seen(&content, 0, "accbbb"), 0);
	assert_int_equal(seen(&content, 0, "acccbb"), GW_E_CORRUPT);
	written(&content, 1, "dd", true);
	assert_int_equal(seen(&content, 0, "accbbb"), 0); /* it came late */
	assert_int_equal(seen(&content, 0, "aabbbb"), GW_E_CORRUPT);
	gfs_content_done(&content);
}

static void a_file_does_not_end_before_what_was_acknowledged(void **state)
{
	struct gfs_content content = {0};
	struct gw_error error = {0};

	(void)state;
	written(&content, 3, "aa", true);
	written(&content, 9, "bb", false);
	assert_int_equal(gfs_content_check(&content, 0, (struct gw_bytes){"\0\0\0a", 4}, true,
					   &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "ends at 4, and 5 was acknowledged");
	assert_int_equal(gfs_content_check(&content, 0, (struct gw_bytes){"\0\0\0aa", 5}, true,
					   &error), 0);
	assert_int_equal(gfs_content_check(&content, 4, (struct gw_bytes){"a\0\0\0\0b", 6}, true,
					   &error), 0);
	gfs_content_done(&content);
}

static int copied(const struct gfs_content *content, const struct gfs_content_part *part,
		  const char *text)
{
	return gfs_content_check_copy(content, part, gw_string(text), NULL);
}

static void a_loss_of_power_takes_what_was_not_synced(void **state)
{
	struct gfs_content content = {0};

	(void)state;
	written(&content, 0, "aaaa", true);
	gfs_content_synced(&content, 0);
	written(&content, 2, "bbbb", true);
	assert_int_equal(seen(&content, 0, "aaaa"), GW_E_CORRUPT);
	gfs_content_power_lost(&content);
	assert_int_equal(seen(&content, 0, "aaaa"), 0);
	assert_int_equal(seen(&content, 0, "aabbbb"), 0);
	assert_int_equal(seen(&content, 0, "bbbb"), GW_E_CORRUPT);
	gfs_content_done(&content);
}

static void a_copy_has_what_was_there_when_it_was_made(void **state)
{
	struct gfs_content_part part = {0};
	struct gfs_content content = {0};

	(void)state;
	written(&content, 0, "aaaa", true);
	part = (struct gfs_content_part){content.count, content.count, content.time};
	written(&content, 0, "bb", true);
	assert_int_equal(copied(&content, &part, "aaaa"), 0);
	assert_int_equal(copied(&content, &part, "bbaa"), GW_E_CORRUPT);
	assert_int_equal(copied(&content, &part, "aaa"), GW_E_CORRUPT);
	part.possible = SIZE_MAX; /* nobody knows when it was made */
	assert_int_equal(copied(&content, &part, "bbaa"), 0);
	assert_int_equal(copied(&content, &part, "bbca"), GW_E_CORRUPT);
	/* A sync that came later was none of the copy. */
	part.possible = 1;
	gfs_content_synced(&content, 0);
	gfs_content_power_lost(&content);
	assert_int_equal(copied(&content, &part, "aa"), 0);
	assert_int_equal(seen(&content, 0, "aaaa"), GW_E_CORRUPT);
	gfs_content_done(&content);
}

/* ---- Records --------------------------------------------------------------------------------- */

struct log {
	struct gfs_records records;
	uint8_t bytes[1024];
	size_t size;
};

static uint64_t put(struct log *log, uint64_t sequence)
{
	uint64_t at = log->size;

	log->size += gfs_frame_put(log->bytes + log->size,
				   &(struct gfs_frame){.writer = 1, .sequence = sequence,
						       .data = gw_string("data")});
	return at;
}

static int check(struct log *log)
{
	return gfs_records_check(&log->records, (struct gw_bytes){log->bytes, log->size}, NULL);
}

static void records_are_where_they_were_acknowledged_and_once_if_so(void **state)
{
	struct log log = {0};
	int plain, once, unknown;

	(void)state;
	plain = gfs_records_append(&log.records, 1, 1, false, NULL);
	once = gfs_records_append(&log.records, 1, 2, true, NULL);
	unknown = gfs_records_append(&log.records, 1, 3, true, NULL);
	assert_true(plain >= 0 && once >= 0 && unknown >= 0);
	put(&log, 1); /* a failed try */
	log.size += 50;
	gfs_records_acknowledged(&log.records, plain, put(&log, 1));
	gfs_records_acknowledged(&log.records, once, put(&log, 2));
	assert_int_equal(check(&log), 0);
	put(&log, 3);
	assert_int_equal(check(&log), 0);
	put(&log, 3);
	assert_int_equal(check(&log), GW_E_CORRUPT); /* twice */
	gfs_records_done(&log.records);
}

static void a_record_elsewhere_or_of_nobody_is_wrong(void **state)
{
	struct log log = {0};
	int plain = gfs_records_append(&log.records, 1, 1, false, NULL);

	(void)state;
	assert_true(plain >= 0);
	put(&log, 1);
	gfs_records_acknowledged(&log.records, plain, 1);
	assert_int_equal(check(&log), GW_E_CORRUPT);
	gfs_records_acknowledged(&log.records, plain, 0);
	assert_int_equal(check(&log), 0);
	put(&log, 7);
	assert_int_equal(check(&log), GW_E_CORRUPT);
	gfs_records_done(&log.records);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void said(struct gfs_names *names, enum gfs_names_kind kind, const char *path,
		 const char *to, uint64_t index, uint64_t id)
{
	int number = gfs_names_asked(names, kind, path, to, NULL);

	assert_true(number >= 0);
	gfs_names_answered(names, number, 0, index, id);
}

static void expect(struct gfs_names *names, const char *what)
{
	struct gw_error error = {0};
	int code = gfs_names_check(names, &error);

	if (!what && code < 0)
		fail_msg("%s", error.text);
	if (what && (code != GW_E_CORRUPT || !strstr(error.text, what)))
		fail_msg("%s, and not: %s", error.text, what);
	gfs_names_done(names);
}

static void begin(struct gfs_names *names)
{
	*names = (struct gfs_names){0};
	said(names, GFS_NAMES_MKDIR, "/d", NULL, 1, 10);
	said(names, GFS_NAMES_CREATE, "/d/a", NULL, 3, 11);
}

static void a_history_that_is_right_is_right(void **state)
{
	struct gfs_names names;
	int late, other;

	(void)state;
	begin(&names);
	late = gfs_names_asked(&names, GFS_NAMES_STAT, "/d/a", NULL, NULL);
	other = gfs_names_asked(&names, GFS_NAMES_CREATE, "/d/b", NULL, NULL);
	said(&names, GFS_NAMES_RENAME, "/d", "/e", 5, 10);
	gfs_names_answered(&names, late, 0, 4, 11);
	gfs_names_answered(&names, other, 0, 4, 12); /* before the rename */
	said(&names, GFS_NAMES_STAT, "/e/b", NULL, 5, 12);
	said(&names, GFS_NAMES_DELETE, "/e/a", NULL, 7, 11);
	other = gfs_names_asked(&names, GFS_NAMES_DELETE, "/e", NULL, NULL);
	gfs_names_answered(&names, other, GW_E_INVALID, 0, 0);
	expect(&names, NULL);
}

static void what_is_wrong_is_seen(void **state)
{
	static const struct {
		enum gfs_names_kind kind;
		const char *path, *to;
		uint64_t index, id;
		const char *what;
	} rows[] = {
		{GFS_NAMES_CREATE, "/d/a", NULL, 5, 12, "made what was there"},
		{GFS_NAMES_CREATE, "/x/a", NULL, 5, 12, "made in no directory"},
		{GFS_NAMES_DELETE, "/d", NULL, 5, 10, "deleted a directory with files"},
		{GFS_NAMES_DELETE, "/d/b", NULL, 5, 12, "deleted what was not there"},
		{GFS_NAMES_DELETE, "/d/a", NULL, 5, 12, "deleted what was not there"},
		{GFS_NAMES_RENAME, "/d/a", "/d", 5, 11, "moved over what was there"},
		{GFS_NAMES_RENAME, "/d/b", "/d/c", 5, 11, "moved what was not there"},
		{GFS_NAMES_RENAME, "/d/a", "/x/c", 5, 11, "moved into no directory"},
		{GFS_NAMES_STAT, "/d/a", NULL, 3, 12, "saw what was not there then"},
		{GFS_NAMES_STAT, "/d/a", NULL, 2, 11, "is older than what was known"},
		{GFS_NAMES_CREATE, "/d/b", NULL, 2, 12, "is older than what was known"},
		{GFS_NAMES_CREATE, "/d/b", NULL, 3, 12, "is not the only change there"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gfs_names names;

		begin(&names);
		said(&names, rows[i].kind, rows[i].path, rows[i].to, rows[i].index, rows[i].id);
		expect(&names, rows[i].what);
	}
}

static void nothing_is_said_of_names_that_may_have_changed(void **state)
{
	struct gfs_names names;

	(void)state;
	begin(&names);
	assert_true(gfs_names_asked(&names, GFS_NAMES_DELETE, "/d/a", NULL, NULL) >= 0);
	said(&names, GFS_NAMES_CREATE, "/d/a", NULL, 9, 14);
	expect(&names, NULL);
	begin(&names);
	assert_true(gfs_names_asked(&names, GFS_NAMES_MKDIR, "/e", NULL, NULL) >= 0);
	said(&names, GFS_NAMES_RENAME, "/e", "/f", 9, 14); /* so it was made */
	said(&names, GFS_NAMES_CREATE, "/f/a", NULL, 10, 15);
	expect(&names, NULL);
	begin(&names);
	said(&names, GFS_NAMES_CREATE, "/d/a", NULL, 9, 14);
	assert_true(gfs_names_asked(&names, GFS_NAMES_DELETE, "/d/a", NULL, NULL) >= 0);
	expect(&names, "made what was there"); /* it was asked too late for that */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_is_of_the_last_acknowledged_write_or_of_an_unknown_one),
		cmocka_unit_test(a_file_does_not_end_before_what_was_acknowledged),
		cmocka_unit_test(a_loss_of_power_takes_what_was_not_synced),
		cmocka_unit_test(a_copy_has_what_was_there_when_it_was_made),
		cmocka_unit_test(records_are_where_they_were_acknowledged_and_once_if_so),
		cmocka_unit_test(a_record_elsewhere_or_of_nobody_is_wrong),
		cmocka_unit_test(a_history_that_is_right_is_right),
		cmocka_unit_test(what_is_wrong_is_seen),
		cmocka_unit_test(nothing_is_said_of_names_that_may_have_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
