/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_packed_test.c - compressed files as input, and what is broken: packed data, records,
 * frames, reads and memory.
 */
#include "input_test.h"

#include "pack_test.h"

#include "support/allocation.h"

/* ---- Packed files ---------------------------------------------------------------------------- */

static void expect_packed(struct subject *subject, enum mr_compression compression)
{
	const char *data = subject->data;
	size_t size = subject->size;
	struct packed packed = {0};
	struct cut_file cut;

	/* Two members or frames, cut inside a record. */
	pack(&packed, compression, data, size / 3);
	pack(&packed, compression, data + size / 3, size - size / 3);
	cut_init(&cut, "f", packed.size, packed.size);
	cut.file.compression = compression;
	subject->data = (const char *)packed.data;
	subject->size = packed.size;
	expect_records(subject, &cut.plan, true);
	subject->data = data;
	subject->size = size;
	cut_done(&cut);
	free(packed.data);
}

static void packed_files(void **state)
{
	struct base_buffer frames = {0};
	char *data = make_lines(BIG_SIZE);

	(void)state;
	for (enum mr_compression compression = MR_GZIP; compression <= MR_LZ4; compression++) {
		struct subject subject = {
			.config = {.job.input = GW_MR_LINES}, .data = data, .size = BIG_SIZE};

		naive_lines(&subject.wanted, data, BIG_SIZE);
		/* The longest line has under 90,000 bytes. */
		for (subject.config.slot_memory = 100000; subject.config.slot_memory < 8 << 20;
		     subject.config.slot_memory *= 3)
			expect_packed(&subject, compression);
		base_buffer_done(&subject.wanted);
		subject.config.job = (struct gw_mr_job){.input = GW_MR_FIXED, .record_size = 1024};
		subject.config.slot_memory = 5000;
		naive_fixed(&subject.wanted, data, BIG_SIZE, 1024, 0);
		expect_packed(&subject, compression);
		base_buffer_done(&subject.wanted);
		subject.config.job.input = GW_MR_FRAMED;
		frames.size = 0;
		make_frames(&frames, &subject.wanted);
		subject.data = (const char *)frames.data;
		subject.size = frames.size;
		for (subject.config.slot_memory = 70; subject.config.slot_memory < 400;
		     subject.config.slot_memory += 7)
			expect_packed(&subject, compression);
		base_buffer_done(&subject.wanted);
	}
	base_buffer_done(&frames);
	free(data);
}

/* One of no bytes, one that unpacks to none, and one of three: what a job sees of them. */
static void empty_files_are_blocks_when_the_job_wants_them(void **state)
{
	struct packed packed = {0};
	struct mr_plan_file files[] = {
		{"a", 0, MR_PLAIN}, {"b.gz", 0, MR_GZIP}, {"c", 3, MR_PLAIN}};
	struct mr_piece pieces[] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 3}};
	struct mr_split split = {0, 3, 3};
	struct mr_plan plan = {files, pieces, &split, 3, 3, 1, 3, NULL};
	struct mr_config config = {.slot_memory = 1000};
	struct memory_store store;

	(void)state;
	pack(&packed, MR_GZIP, "", 0);
	assert_true(packed.size > 0);
	pieces[1].size = files[1].size = packed.size;
	memory_store_init(&store, true);
	memory_store_add(&store, "a", "", 0);
	memory_store_add(&store, "b.gz", packed.data, packed.size);
	memory_store_add(&store, "c", "x\ny", 3);
	for (int wanted = 0; wanted < 2; wanted++) {
		struct mr_input *input;
		struct mr_block block;

		config.job.empty_files = wanted;
		assert_int_equal(mr_input_open(&input, &config, &plan, &store.store, 0, NULL), 0);
		for (uint32_t file = wanted ? 0 : 2; file < 3; file++) {
			assert_int_equal(mr_input_next(input, &block, NULL), 1);
			assert_int_equal(block.file, file);
			assert_int_equal(block.offset, 0);
			assert_int_equal(block.size, file < 2 ? 0 : 3);
		}
		assert_int_equal(mr_input_next(input, &block, NULL), 0);
		mr_input_close(input);
	}
	assert_int_equal(store.open_files, 0);
	free(packed.data);
}

static void expect_failure(struct subject *subject, enum mr_compression compression, int code,
			   const char *text)
{
	struct base_buffer log = {0};
	struct gw_error error = {0};
	struct cut_file cut;

	cut_init(&cut, "dir/file", subject->size, subject->size);
	cut.file.compression = compression;
	for (int maps = 0; maps < 2; maps++) {
		log.size = 0;
		assert_int_equal(log_all(subject, &cut.plan, maps, &log, &error), code);
		assert_non_null(strstr(error.text, "dir/file"));
		if (!strstr(error.text, text))
			fail_msg("\"%s\" does not say \"%s\"", error.text, text);
	}
	cut_done(&cut);
	base_buffer_done(&log);
}

static void packed_and_broken(void **state)
{
	char *data = make_lines(BIG_SIZE);
	struct packed packed = {0};
	struct subject subject = {.config = {.job.input = GW_MR_LINES, .slot_memory = 1 << 20}};

	(void)state;
	pack(&packed, MR_GZIP, data, BIG_SIZE);
	subject.data = (const char *)packed.data;
	subject.size = packed.size / 2;
	expect_failure(&subject, MR_GZIP, GW_E_TRUNCATED, "cut off behind unpacked byte");
	subject.size = packed.size;
	packed.data[packed.size / 2] ^= 0x10;
	expect_failure(&subject, MR_GZIP, GW_E_CORRUPT, "unpacked byte");
	expect_failure(&subject, MR_LZ4, GW_E_CORRUPT, "its name says lz4");
	free(packed.data);
	free(data);
}

static void records_over_the_memory(void **state)
{
	static const char text[] = "ab\ncd\na line of 40 bytes, so that it is long\nef\n";
	struct packed packed = {0};
	struct subject subject = {.config = {.job.input = GW_MR_LINES, .slot_memory = 32}};

	(void)state;
	pack(&packed, MR_ZSTD, text, sizeof text - 1);
	subject.data = (const char *)packed.data;
	subject.size = packed.size;
	expect_failure(&subject, MR_ZSTD, GW_E_TOO_LARGE, "record at byte 6");
	expect_failure(&subject, MR_ZSTD, GW_E_TOO_LARGE, "--memory");
	subject.config.job.input = GW_MR_FILES;
	expect_failure(&subject, MR_ZSTD, GW_E_TOO_LARGE, "record at byte 0");
	free(packed.data);
}

/* ---- Broken files ---------------------------------------------------------------------------- */

static void a_masked_frame_over_the_memory(void **state)
{
	struct subject subject = {.config = {.job.input = GW_MR_FRAMED, .slot_memory = 50000}};
	struct base_buffer file = {0};
	char *text = calloc(1, 100001);
	const struct test_pair pair = {"key", text};

	(void)state;
	memset(text, 'x', 100000);
	put_frame(&file, &subject.wanted, &pair, 1);
	subject.data = (const char *)file.data;
	subject.size = file.size;
	/* As it is it can be read from a map; with a mask it would have to be copied. */
	expect_records_of_one_piece(&subject, true);
	memcpy(text + 5000, "\xf7GWF", 4);
	file.size = 0;
	put_frame(&file, &subject.wanted, &pair, 1);
	subject.data = (const char *)file.data;
	expect_failure(&subject, MR_PLAIN, GW_E_TOO_LARGE, "record at byte 0");
	base_buffer_done(&file);
	base_buffer_done(&subject.wanted);
	free(text);
}

static void a_cut_off_record(void **state)
{
	struct subject subject = {
		.config = {
			.job = {.input = GW_MR_FIXED, .record_size = 10}, .slot_memory = 4 << 20},
		.data = "0123456789abcdefghijxyz", .size = 23};
	struct base_buffer log = {0};
	struct cut_file cut;

	(void)state;
	expect_failure(&subject, MR_PLAIN, GW_E_TRUNCATED, "at byte 20, has only 3 of 10");
	/* Only the last piece fails. */
	cut_init(&cut, "f", 23, 15);
	assert_int_equal(log_all(&subject, &cut.plan, true, &log, NULL), GW_E_TRUNCATED);
	naive_fixed(&subject.wanted, subject.data, 20, 10, 0);
	expect_same_log(&log, &subject.wanted);
	cut_done(&cut);
	base_buffer_done(&log);
	base_buffer_done(&subject.wanted);
	{
		struct packed packed = {0};

		pack(&packed, MR_GZIP, subject.data, subject.size);
		subject.data = (const char *)packed.data;
		subject.size = packed.size;
		expect_failure(&subject, MR_GZIP, GW_E_TRUNCATED, "at byte 20, has only 3 of 10");
		free(packed.data);
	}
}

static void a_quote_left_open(void **state)
{
	struct subject subject = {.config = {.job = {.input = GW_MR_COLUMNS, .separator = ','},
					     .slot_memory = 4 << 20},
				  .data = "a,b\n\"c,d\ne,f\n",
				  .size = 13};

	(void)state;
	expect_failure(&subject, MR_PLAIN, GW_E_CORRUPT, "record at byte 4 has a quote");
}

static void broken_frames(void **state)
{
	struct subject subject = {.config = {.job.input = GW_MR_FRAMED, .slot_memory = 4 << 20}};
	struct base_buffer file = {0}, copy = {0};
	struct gw_error error = {0};

	(void)state;
	make_frames(&file, &subject.wanted);
	/* Any broken bit is an error, wherever pieces are cut. */
	for (size_t at = 0; at < file.size; at++) {
		struct base_buffer log = {0};
		struct cut_file cut;

		copy.size = 0;
		assert_int_equal(base_buffer_append(&copy, file.data, file.size, NULL), 0);
		copy.data[at] ^= 0x20;
		subject.data = (const char *)copy.data;
		subject.size = copy.size;
		cut_init(&cut, "f", copy.size, at % 60 + 20);
		assert_true(log_all(&subject, &cut.plan, true, &log, &error) < 0);
		assert_non_null(strstr(error.text, "f: at byte"));
		cut_done(&cut);
		base_buffer_done(&log);
	}
	subject.data = (const char *)file.data;
	subject.size = file.size - 1;
	expect_failure(&subject, MR_PLAIN, GW_E_TRUNCATED, "ends inside a frame");
	subject.size = file.size;
	file.data[4] = 7;
	expect_failure(&subject, MR_PLAIN, GW_E_VERSION, "at byte 0: frame of version 7");
	base_buffer_done(&file);
	base_buffer_done(&copy);
	base_buffer_done(&subject.wanted);
}

static void a_file_that_changed(void **state)
{
	struct subject subject = {
		.config = {.job.input = GW_MR_LINES, .slot_memory = 4 << 20}, .data = "ab\ncd\nef",
		.size = 8};
	struct base_buffer log = {0};
	struct cut_file cut;

	(void)state;
	/* It grew: what was there when the plan was made is read. */
	naive_lines(&subject.wanted, "ab\ncd\n", 6);
	for (size_t piece = 1; piece <= 6; piece++) {
		cut_init(&cut, "f", 6, piece);
		expect_records(&subject, &cut.plan, true);
		cut_done(&cut);
	}
	/* It shrank. */
	cut_init(&cut, "f", 9, 9);
	assert_int_equal(log_all(&subject, &cut.plan, true, &log, NULL), GW_E_TRUNCATED);
	cut_done(&cut);
	/* It is gone. */
	cut_init(&cut, "f", 8, 8);
	cut.file.path = "f";
	{
		struct memory_store store;
		struct gw_error error = {0};

		memory_store_init(&store, true);
		assert_int_equal(log_split(&subject.config, &cut.plan, &store.store, 0, &log,
					   &error), GW_E_NOT_FOUND);
	}
	cut_done(&cut);
	base_buffer_done(&log);
	base_buffer_done(&subject.wanted);
}

static void every_failing_read_is_passed_on(void **state)
{
	struct base_buffer frames = {0}, wanted = {0};
	enum gw_mr_input formats[] = {GW_MR_LINES, GW_MR_FIXED, GW_MR_FRAMED};

	(void)state;
	make_frames(&frames, &wanted);
	for (size_t i = 0; i < 3; i++) {
		struct mr_config config = {
			.job = {.input = formats[i], .record_size = 2}, .slot_memory = 200};
		struct base_buffer log = {0};
		struct memory_store store;
		struct cut_file cut;
		uint64_t reads, at = 0;

		memory_store_init(&store, true);
		memory_store_add(&store, "f", frames.data, frames.size & ~(size_t)1);
		cut_init(&cut, "f", frames.size & ~(size_t)1, 50);
		cut.splits[0].piece_count = cut.plan.piece_count;
		(void)!log_split(&config, &cut.plan, &store.store, 0, &log, NULL);
		reads = store.reads;
		while (++at <= reads) {
			store.reads = 0;
			store.read_fails_at = at;
			assert_int_equal(log_split(&config, &cut.plan, &store.store, 0, &log, NULL),
					 GW_E_IO);
			assert_int_equal(store.open_files, 0);
		}
		cut_done(&cut);
		base_buffer_done(&log);
	}
	base_buffer_done(&frames);
	base_buffer_done(&wanted);
}

struct reading {
	struct mr_config config;
	struct mr_plan *plan;
	struct memory_store store;
};

static int read_blocks(void *context)
{
	struct reading *reading = context;
	struct mr_input *input;
	struct mr_block block;
	int result = mr_input_open(&input, &reading->config, reading->plan, &reading->store.store,
				   0, NULL);

	if (result < 0)
		return result;
	while ((result = mr_input_next(input, &block, NULL)) == 1)
		continue;
	mr_input_close(input);
	assert_int_equal(reading->store.open_files, 0);
	assert_int_equal(reading->store.maps, 0);
	return result;
}

static void out_of_memory(void **state)
{
	char *data = make_lines(BIG_SIZE);
	struct packed packed = {0};
	struct reading reading = {.config = {.job.input = GW_MR_LINES, .slot_memory = 100000}};
	struct cut_file cut;

	(void)state;
	cut_init(&cut, "f", BIG_SIZE, 300000);
	cut.splits[0].piece_count = cut.plan.piece_count;
	reading.plan = &cut.plan;
	memory_store_init(&reading.store, true);
	memory_store_add(&reading.store, "f", data, BIG_SIZE);
	assert_true(test_each_allocation_fails(read_blocks, &reading) >= 5);
	cut_done(&cut);

	pack(&packed, MR_GZIP, data, BIG_SIZE);
	cut_init(&cut, "f", packed.size, packed.size);
	cut.file.compression = MR_GZIP;
	memory_store_init(&reading.store, true);
	memory_store_add(&reading.store, "f", packed.data, packed.size);
	/* The input, the file, the unpacker, inflate, the buffer and its growth. */
	assert_true(test_each_allocation_fails(read_blocks, &reading) >= 6);
	cut_done(&cut);
	free(packed.data);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_files),
		cmocka_unit_test(empty_files_are_blocks_when_the_job_wants_them),
		cmocka_unit_test(packed_and_broken),
		cmocka_unit_test(records_over_the_memory),
		cmocka_unit_test(a_masked_frame_over_the_memory),
		cmocka_unit_test(a_cut_off_record),
		cmocka_unit_test(a_quote_left_open),
		cmocka_unit_test(broken_frames),
		cmocka_unit_test(a_file_that_changed),
		cmocka_unit_test(every_failing_read_is_passed_on),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
