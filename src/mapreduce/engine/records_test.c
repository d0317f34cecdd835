/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records_test.c - borders between the records of a block, and what reading them refuses. That all
 * records come out, in every format, is shown by input_test.c.
 */
#include "records.h"

#include "input_test.h"

#include "support/allocation.h"

#include <sys/mman.h>

static struct mr_plan_file file = {"dir/file", 0, MR_PLAIN};
static const struct mr_plan plan = {.files = &file, .file_count = 1};

static struct mr_block block_of(const void *data, size_t size)
{
	return (struct mr_block){.data = data, .size = size, .offset = 1000};
}

/* Walks over the block by mr_record_end and asks for the beginning of every position. */
static void expect_borders(const struct mr_config *config, const char *data, size_t size,
			   const size_t *begins, size_t count)
{
	struct mr_block block = block_of(data, size);

	for (size_t i = 0; i < count; i++) {
		size_t end = i + 1 < count ? begins[i + 1] : size;

		assert_int_equal(mr_record_end(config, &block, begins[i]), end);
		for (size_t at = begins[i]; at < end; at++)
			assert_int_equal(mr_record_begin(config, &block, at), begins[i]);
	}
	assert_int_equal(mr_record_end(config, &block, size), size);
}

static void borders_of_lines(void **state)
{
	static const char text[] = "a\nbc\n\n\nlast";
	static const size_t begins[] = {0, 2, 5, 6, 7};
	struct mr_config config = {.job.input = GW_MR_LINES};
	struct mr_block block = block_of(text, 7);

	(void)state;
	expect_borders(&config, text, sizeof text - 1, begins, 5);
	/* Behind the last newline there is nothing yet. */
	assert_int_equal(mr_record_begin(&config, &block, 7), 7);
	config.job.input = GW_MR_COLUMNS;
	config.job.separator = '\t';
	expect_borders(&config, text, sizeof text - 1, begins, 5);
}

static void borders_of_fixed(void **state)
{
	static const size_t begins[] = {0, 4, 8};
	struct mr_config config = {.job = {.input = GW_MR_FIXED, .record_size = 4}};

	(void)state;
	expect_borders(&config, "aaaabbbbcccc", 12, begins, 3);
	expect_borders(&config, "aaaabbbbc", 9, begins, 3);
}

static void borders_of_files(void **state)
{
	static const size_t begins[] = {0};
	struct mr_config config = {.job.input = GW_MR_FILES};

	(void)state;
	expect_borders(&config, "a\nb", 3, begins, 1);
}

static void borders_of_csv(void **state)
{
	static const char text[] = "a,b\n\"x\ny\",\"z\"\nlast";
	static const size_t begins[] = {0, 4, 14};
	struct mr_config config = {.job = {.input = GW_MR_COLUMNS, .separator = ','}};

	(void)state;
	expect_borders(&config, text, sizeof text - 1, begins, 3);
}

static void borders_of_frames(void **state)
{
	struct mr_config config = {.job.input = GW_MR_FRAMED};
	struct base_buffer data = {0}, log = {0};
	size_t begins[3] = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		begins[i] = data.size;
		put_frame(&data, &log, (struct test_pair[]){{"key", "value"}, {"", "v"}},
			  1 + i % 2);
	}
	expect_borders(&config, (char *)data.data, data.size, begins, 3);
	/* A frame that is cut off ends with the block. */
	expect_borders(&config, (char *)data.data, data.size - 1, begins, 3);
	base_buffer_done(&data);
	base_buffer_done(&log);
}

static void whole_records(void **state)
{
	struct mr_config config = {.job = {.input = GW_MR_LINES, .record_size = 4}};

	(void)state;
	assert_int_equal(mr_whole_records(&config, "a\nb\nc", 5), 4);
	assert_int_equal(mr_whole_records(&config, "a\nb\n", 4), 4);
	assert_int_equal(mr_whole_records(&config, "abc", 3), 0);
	assert_int_equal(mr_whole_records(&config, "", 0), 0);
	config.job.input = GW_MR_FIXED;
	assert_int_equal(mr_whole_records(&config, "aaaabbbbc", 9), 8);
	config.job.input = GW_MR_FILES;
	assert_int_equal(mr_whole_records(&config, "a\nb\n", 4), 0);
	config.job.input = GW_MR_COLUMNS;
	config.job.separator = ',';
	assert_int_equal(mr_whole_records(&config, "a\n\"b\nc", 6), 2);
	assert_int_equal(mr_whole_records(&config, "\"b\nc", 4), 0);
	config.job.input = GW_MR_FRAMED;
	/* What is no frame is passed on, to be refused by its reader. */
	assert_int_equal(mr_whole_records(&config, "no frame, this", 14), 14);
	assert_int_equal(mr_whole_records(&config, "\xf7GW", 3), 0);
}

static int read_one(const struct mr_config *config, const struct mr_block *block,
		    struct gw_error *error)
{
	struct mr_records records;
	struct gw_bytes key, value;
	size_t at;
	int result;

	mr_records_init(&records, config, &plan, block);
	result = mr_records_next(&records, &key, &value, &at, error);
	mr_records_done(&records);
	return result;
}

static void expect_refused(enum gw_mr_input input, const void *data, size_t size, int code,
			   const char *text)
{
	struct mr_config config = {.job = {.input = input, .record_size = 10, .separator = ','}};
	struct mr_block block = block_of(data, size);
	struct gw_error error = {0};

	assert_int_equal(read_one(&config, &block, &error), code);
	assert_non_null(strstr(error.text, "dir/file: "));
	if (!strstr(error.text, text))
		fail_msg("\"%s\" does not say \"%s\"", error.text, text);
	/* Nobody has to want to know why. */
	assert_int_equal(read_one(&config, &block, NULL), code);
}

static void broken_records(void **state)
{
	(void)state;
	expect_refused(GW_MR_FIXED, "abc", 3, GW_E_TRUNCATED, "byte 1000 has only 3 of 10");
	expect_refused(GW_MR_COLUMNS, "\"a\n", 3, GW_E_CORRUPT, "byte 1000 has a quote");
	expect_refused(GW_MR_FRAMED, "hello, I am not a frame", 23, GW_E_CORRUPT,
		       "byte 1000: no frame");
	expect_refused(GW_MR_FRAMED, "\xf7GWF", 4, GW_E_TRUNCATED, "byte 1000: ends inside");
}

/* Payloads whose checksum is right and whose pairs are not. */
static void frames_written_wrong(void **state)
{
	static const struct {
		const char *payload;
		size_t size;
		uint32_t pairs;
	} rows[] = {
		{"\x05\x01kv", 4, 1},          /* the key is longer than the frame */
		{"\x01\x05kv", 4, 1},          /* the value is */
		{"\x01\x80", 2, 1},            /* a size goes on behind the end */
		{"\x80\x00\x00", 3, 1},        /* a size longer than it has to be */
		{"\x01\x01kv\x01\x01kv", 8, 1}, /* more than it says */
		{"\x00\x00\x00\x00", 4, 1},
		{"\x01\x03kvvv", 6, 2},        /* fewer than it says */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01k", 12, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gw_bytes part = {rows[i].payload, rows[i].size};
		uint8_t data[64];

		assert_int_equal(mr_frame_make_header(data, &part, 1, rows[i].pairs), 0);
		memcpy(data + MR_FRAME_HEADER_SIZE, part.data, part.size);
		expect_refused(GW_MR_FRAMED, data, MR_FRAME_HEADER_SIZE + part.size, GW_E_CORRUPT,
			       "does not fit its frame");
	}
}

static void masked_frame_in_a_block(void **state)
{
	struct base_buffer data = {0}, log = {0};

	(void)state;
	put_frame(&data, &log, (struct test_pair[]){{"k", "\xf7GWF"}}, 1);
	expect_refused(GW_MR_FRAMED, data.data, data.size, GW_E_CORRUPT, "masked");
	base_buffer_done(&data);
	base_buffer_done(&log);
}

static void over_two_gibibytes(void **state)
{
	size_t size = (size_t)MR_KEY_MAX + 10;
	/* Memory that is all zero and costs nothing to read. */
	char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			  0);

	(void)state;
	assert_true(data != MAP_FAILED);
	expect_refused(GW_MR_LINES, data, size, GW_E_TOO_LARGE, "byte 1000");
	expect_refused(GW_MR_FILES, data, size, GW_E_TOO_LARGE, "byte 1000");
	expect_refused(GW_MR_COLUMNS, data, size, GW_E_TOO_LARGE, "byte 1000");
	munmap(data, size);
}

static void a_key_is_a_number_where_it_says(void **state)
{
	struct mr_config config = {.job.input = GW_MR_LINES};
	struct mr_block block = block_of("ab\ncd\n", 6);
	struct mr_records records;
	struct gw_bytes key, value;
	size_t at;

	(void)state;
	mr_records_init(&records, &config, &plan, &block);
	assert_int_equal(mr_records_next(&records, &key, &value, &at, NULL), 1);
	assert_int_equal(mr_records_next(&records, &key, &value, &at, NULL), 1);
	assert_int_equal(key.size, 8);
	assert_int_equal(base_load64(key.data), 1003);
	assert_int_equal(at, 3);
	assert_int_equal(value.size, 2);
	assert_int_equal(mr_records_next(&records, &key, &value, &at, NULL), 0);
	assert_int_equal(mr_records_next(&records, &key, &value, &at, NULL), 0);
	mr_records_done(&records);
}

static int unquote(void *context)
{
	struct mr_config config = {
		.job = {.input = GW_MR_COLUMNS, .separator = ',', .key_column = 1}};
	struct mr_block block = block_of("\"a\"\"b\"\n", 7);
	int result = read_one(&config, &block, NULL);

	(void)context;
	return result < 0 ? result : 0;
}

static void out_of_memory(void **state)
{
	(void)state;
	assert_int_equal(test_each_allocation_fails(unquote, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(borders_of_lines),
		cmocka_unit_test(borders_of_fixed),
		cmocka_unit_test(borders_of_files),
		cmocka_unit_test(borders_of_csv),
		cmocka_unit_test(borders_of_frames),
		cmocka_unit_test(whole_records),
		cmocka_unit_test(broken_records),
		cmocka_unit_test(frames_written_wrong),
		cmocka_unit_test(masked_frame_in_a_block),
		cmocka_unit_test(over_two_gibibytes),
		cmocka_unit_test(a_key_is_a_number_where_it_says),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
