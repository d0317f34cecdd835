/* SPDX-License-Identifier: Apache-2.0 */
/* warc_test.c - archives as writers make them, and broken ones. */
#include "warc.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* An archive in memory, given out in pieces of at most step bytes. */
struct archive {
	struct base_buffer bytes;
	size_t at, step;
	bool fails; /* at the end, instead of ending */
};

static int read_archive(void *context, void *data, size_t size, size_t *got, struct gw_error *error)
{
	struct archive *archive = context;
	size_t left = archive->bytes.size - archive->at;

	*got = size < left ? size : left;
	if (*got > archive->step)
		*got = archive->step;
	if (*got == 0 && archive->fails)
		return gw_fail(error, GW_E_IO, "the disk is gone");
	if (*got > 0)
		memcpy(data, archive->bytes.data + archive->at, *got);
	archive->at += *got;
	return 0;
}

static void add_record(struct archive *archive, const char *type, const char *target,
		       struct gw_bytes block)
{
	struct base_buffer *bytes = &archive->bytes;

	assert_int_equal(
		base_buffer_append_format(bytes, NULL,
					  "WARC/1.0\r\nWARC-Type: %s\r\n"
					  "WARC-Target-URI: %s\r\nContent-Length: %zu\r\n\r\n",
					  type, target, block.size),
		0);
	assert_int_equal(base_buffer_append(bytes, block.data, block.size, NULL), 0);
	assert_int_equal(base_buffer_append_string(bytes, "\r\n\r\n", NULL), 0);
}

static void assert_bytes(struct gw_bytes bytes, const char *text)
{
	if (gw_bytes_compare(bytes, gw_string(text)) != 0)
		fail_msg("'%.*s' is not '%s'", (int)bytes.size, (const char *)bytes.data, text);
}

static void expect(struct mr_warc *warc, const char *target, const char *block)
{
	struct mr_warc_record record;

	assert_int_equal(mr_warc_next(warc, "response", &record, NULL), 1);
	assert_bytes(record.head.type, "response");
	assert_bytes(record.head.target, target);
	assert_bytes(record.block, block);
	assert_false(record.too_large);
}

static void test_records_of_a_type(void **state)
{
	static const size_t steps[] = {1, 7, 1 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct archive archive = {.step = steps[i]};
		struct mr_warc_record record;
		struct mr_warc warc;

		add_record(&archive, "warcinfo", "", gw_string("software: x"));
		add_record(&archive, "request", "http://a/", gw_string("GET / HTTP/1.1\r\n\r\n"));
		add_record(&archive, "response", "http://a/",
			   gw_string("HTTP/1.1 200 OK\r\n\r\nx"));
		add_record(&archive, "Response", "<http://b/>", gw_string(""));
		add_record(&archive, "metadata", "http://b/", gw_string("\r\n\r\n"));
		mr_warc_init(&warc, read_archive, &archive);
		expect(&warc, "http://a/", "HTTP/1.1 200 OK\r\n\r\nx");
		assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 1);
		assert_bytes(record.head.target, "http://b/");
		assert_int_equal(record.block.size, 0);
		assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 0);
		assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 0);
		mr_warc_done(&warc);
		base_buffer_done(&archive.bytes);
	}
}

static void test_empty_archive(void **state)
{
	struct archive archive = {.step = 1};
	struct mr_warc_record record;
	struct mr_warc warc;

	(void)state;
	mr_warc_init(&warc, read_archive, &archive);
	assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 0);
	mr_warc_done(&warc);
}

static void test_blocks_larger_than_a_read(void **state)
{
	enum { SIZE = 3 << 20 };
	char *block = malloc(SIZE);
	struct archive archive = {.step = 100000};
	struct mr_warc_record record;
	struct mr_warc warc;

	(void)state;
	for (int i = 0; i < SIZE; i++)
		block[i] = (char)(i * 31 >> 3);
	for (int i = 0; i < 3; i++)
		add_record(&archive, i == 1 ? "resource" : "response", "http://a/",
			   (struct gw_bytes){block, SIZE});
	mr_warc_init(&warc, read_archive, &archive);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 1);
		assert_int_equal(record.block.size, SIZE);
		assert_memory_equal(record.block.data, block, SIZE);
		assert_bytes(record.head.target, "http://a/");
	}
	assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 0);
	assert_true(warc.buffer.capacity < 3 * SIZE);
	mr_warc_done(&warc);
	base_buffer_done(&archive.bytes);
	free(block);
}

static void test_a_block_over_the_limit_is_passed_over(void **state)
{
	size_t size = MR_WARC_BLOCK_MAX + 1;
	char *block = calloc(1, size);
	struct archive archive = {.step = 1 << 20};
	struct mr_warc_record record;
	struct mr_warc warc;

	(void)state;
	add_record(&archive, "response", "http://big/", (struct gw_bytes){block, size});
	add_record(&archive, "response", "http://a/", gw_string("x"));
	mr_warc_init(&warc, read_archive, &archive);
	assert_int_equal(mr_warc_next(&warc, "response", &record, NULL), 1);
	assert_true(record.too_large);
	assert_int_equal(record.block.size, 0);
	assert_true(record.head.block_size == size);
	expect(&warc, "http://a/", "x");
	assert_true(warc.buffer.capacity < 4 << 20);
	mr_warc_done(&warc);
	base_buffer_done(&archive.bytes);
	free(block);
}

/* What the first call says of the archive with this text. */
static void check_broken(const char *text, int code, const char *because)
{
	struct archive archive = {.step = 1000};
	struct mr_warc_record record;
	struct mr_warc warc;
	struct gw_error error = {0};

	assert_int_equal(base_buffer_append_string(&archive.bytes, text, NULL), 0);
	mr_warc_init(&warc, read_archive, &archive);
	assert_int_equal(mr_warc_next(&warc, "response", &record, &error), code);
	assert_non_null(strstr(error.text, because));
	assert_non_null(strstr(error.text, "byte "));
	mr_warc_done(&warc);
	base_buffer_done(&archive.bytes);
}

static void test_broken_archives(void **state)
{
	(void)state;
	check_broken("<html>", GW_E_CORRUPT, "record at byte 0: not a WARC record");
	check_broken("\r\n\r\n\x1f\x8b\x08xx", GW_E_CORRUPT, "record at byte 4: not a WARC record");
	check_broken("WARC/2.0\r\nContent-Length: 1\r\n\r\nx", GW_E_VERSION, "'WARC/2.0'");
	check_broken("WARC/1.0\r\n\r\n", GW_E_CORRUPT, "without Content-Length");
	check_broken("WARC/1.0\r\nContent-Length: -1\r\n\r\n", GW_E_CORRUPT, "without Content-Len");
	check_broken("WAR", GW_E_TRUNCATED, "head");
	check_broken("WARC/1.0\r\nContent-Length: 1\r\n", GW_E_TRUNCATED, "head");
	check_broken("WARC/1.0\r\nContent-Length: 2\r\n\r\nx", GW_E_TRUNCATED, "block");
	check_broken("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 2\r\n\r\nx",
		     GW_E_TRUNCATED, "block");
	check_broken("WARC/1.0\r\nContent-Length: 18446744073709551615\r\n\r\nx", GW_E_TRUNCATED,
		     "block");
	/* With no room for error's text all the same. */
	struct mr_warc_head head;

	assert_int_equal(mr_warc_parse_head(&head, gw_string("x\r\n\r\n"), NULL), GW_E_CORRUPT);
}

static void test_head_is_limited(void **state)
{
	struct archive archive = {.step = 1 << 20};
	struct mr_warc_record record;
	struct mr_warc warc;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(base_buffer_append_string(&archive.bytes, "WARC/1.0\r\n", NULL), 0);
	for (int i = 0; i < MR_WARC_HEAD_MAX; i++)
		assert_int_equal(base_buffer_append_string(&archive.bytes, "x: y\r\n", NULL), 0);
	mr_warc_init(&warc, read_archive, &archive);
	assert_int_equal(mr_warc_next(&warc, "response", &record, &error), GW_E_TOO_LARGE);
	mr_warc_done(&warc);
	base_buffer_done(&archive.bytes);
}

static void test_failures_of_reading_are_passed_on(void **state)
{
	struct archive archive = {.step = 10, .fails = true};
	struct mr_warc_record record;
	struct mr_warc warc;
	struct gw_error error = {0};

	(void)state;
	add_record(&archive, "response", "http://a/", gw_string("x"));
	mr_warc_init(&warc, read_archive, &archive);
	/* A record's head is read ahead, so the failure may come with the record or behind it. */
	assert_int_equal(mr_warc_next(&warc, "response", &record, &error), GW_E_IO);
	assert_non_null(strstr(error.text, "the disk is gone"));
	mr_warc_done(&warc);
	base_buffer_done(&archive.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_of_a_type),
		cmocka_unit_test(test_empty_archive),
		cmocka_unit_test(test_blocks_larger_than_a_read),
		cmocka_unit_test(test_a_block_over_the_limit_is_passed_over),
		cmocka_unit_test(test_broken_archives),
		cmocka_unit_test(test_head_is_limited),
		cmocka_unit_test(test_failures_of_reading_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
