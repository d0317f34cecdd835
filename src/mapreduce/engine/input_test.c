/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_test.c - splits as blocks as records: every way to cut and to store a file gives the
 * records that a simple reader of the whole file gives, each once.
 */
#include "input_test.h"

#include "pack_test.h"

#include "support/allocation.h"

/* The bytes under test: a file, how it is to be read, and what is to come out. */
struct subject {
	struct mr_config config;
	const char *data;
	size_t size;
	struct base_buffer wanted;
};

static int log_all(const struct subject *subject, const struct mr_plan *plan, bool maps,
		   struct base_buffer *log, struct gw_error *error)
{
	struct memory_store store;
	int result = 0;

	memory_store_init(&store, maps);
	memory_store_add(&store, plan->files[0].path, subject->data, subject->size);
	for (uint32_t i = 0; i < plan->split_count && result == 0; i++)
		result = log_split(&subject->config, plan, &store.store, i, log, error);
	assert_int_equal(store.open_files, 0);
	assert_int_equal(store.maps, 0);
	return result;
}

static void expect_records(const struct subject *subject, const struct mr_plan *plan, bool maps)
{
	struct base_buffer log = {0};
	struct gw_error error = {0};

	if (log_all(subject, plan, maps, &log, &error) < 0)
		fail_msg("%s", error.text);
	expect_same_log(&log, &subject->wanted);
	base_buffer_done(&log);
}

static void cut_everywhere(const struct subject *subject, size_t first, size_t step)
{
	for (size_t size = first; size <= subject->size + 1; size += step) {
		struct cut_file cut;

		cut_init(&cut, "f", subject->size, size);
		expect_records(subject, &cut.plan, true);
		/* The same pieces as one split. */
		cut.splits[0].piece_count = cut.plan.piece_count;
		cut.plan.split_count = 1;
		expect_records(subject, &cut.plan, false);
		cut_done(&cut);
	}
}

/* With blocks so short that each split has several, and as they usually are. */
static void cut_small(struct subject *subject, uint64_t slot_memory)
{
	subject->config.slot_memory = slot_memory;
	cut_everywhere(subject, 1, 1);
	subject->config.slot_memory = 4 << 20;
	cut_everywhere(subject, 1, 1);
	base_buffer_done(&subject->wanted);
}

static void lines_cut_at_every_byte(void **state)
{
	static const char *const texts[] = {
		"one\ntwo\n\nfour is longer\n\n\nseven\xff\x80 is the last, without a newline",
		"ends with a newline\r\nand has\r\n", "\n", "\n\n\n", "x", "x\n", "\nx",
		"a line that is longer than many pieces and blocks together\ny\nz\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct subject subject = {.config.job.input = GW_MR_LINES,
					  .data = texts[i],
					  .size = strlen(texts[i])};

		naive_lines(&subject.wanted, subject.data, subject.size);
		cut_small(&subject, 80);
	}
}

static void lines_of_any_bytes(void **state)
{
	char data[120];
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct subject subject = {.config.job.input = GW_MR_LINES, .data = data};

		subject.size = 1 + (size_t)round * 3;
		for (size_t i = 0; i < subject.size; i++) {
			seed = seed * 1664525 + 1013904223;
			data[i] = "\n\0a\xff\r\n\t "[seed >> 29];
		}
		naive_lines(&subject.wanted, subject.data, subject.size);
		cut_small(&subject, 128);
	}
}

static void fixed_cut_at_every_byte(void **state)
{
	char data[7 * 13];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 37);
	for (size_t key_size = 0; key_size <= 7; key_size += 3) {
		struct subject subject = {
			.config.job = {
				.input = GW_MR_FIXED, .record_size = 7, .key_size = key_size},
			.data = data, .size = sizeof data};

		if (key_size == 6)
			subject.config.job.key_size = 7;
		naive_fixed(&subject.wanted, data, sizeof data, 7, subject.config.job.key_size);
		cut_small(&subject, 40);
	}
}

static void tabs_cut_at_every_byte(void **state)
{
	static const char text[] = "a\tb\tc\nd\n\n\"e\tf\ng\th\ti\r\nlast\tone";
	struct subject subject = {
		.config.job = {.input = GW_MR_COLUMNS, .separator = '\t', .key_column = 2},
		.data = text, .size = strlen(text)};
	static const struct {
		uint64_t offset;
		const char *key, *value;
	} wanted[] = {
		{0, "b", "a\tb\tc"}, {6, "", "d"},           {8, "", ""},
		{9, "f", "\"e\tf"},  {14, "h", "g\th\ti\r"}, {21, "one", "last\tone"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		log_record(&subject.wanted, wanted[i].offset, gw_string(wanted[i].key),
			   gw_string(wanted[i].value));
	cut_small(&subject, 40);
}

static void csv_is_read_whole(void **state)
{
	static const char text[] = "a,b\n\"multi\nline\",\"x\"\"y\"\r\n,\n\"\n\n\",z\nlast,\"q\"";
	struct subject subject = {
		.config.job = {.input = GW_MR_COLUMNS, .separator = ',', .key_column = 2},
		.data = text, .size = strlen(text)};
	struct cut_file cut;

	(void)state;
	log_record(&subject.wanted, 0, gw_string("b"), gw_string("a,b"));
	log_record(&subject.wanted, 4, gw_string("x\"y"),
		   gw_string("\"multi\nline\",\"x\"\"y\"\r"));
	log_record(&subject.wanted, 25, gw_string(""), gw_string(","));
	log_record(&subject.wanted, 27, gw_string("z"), gw_string("\"\n\n\",z"));
	log_record(&subject.wanted, 34, gw_string("q"), gw_string("last,\"q\""));
	cut_init(&cut, "f", subject.size, subject.size);
	for (uint64_t memory = 28; memory < 300; memory++) {
		subject.config.slot_memory = memory;
		expect_records(&subject, &cut.plan, true);
		expect_records(&subject, &cut.plan, false);
	}
	cut_done(&cut);
	base_buffer_done(&subject.wanted);
}

static void columns_without_a_key_column(void **state)
{
	static const char text[] = "a\tb\nc\n\nd";
	struct subject subject = {
		.config.job = {.input = GW_MR_COLUMNS, .separator = '\t'},
		.data = text, .size = strlen(text)};

	(void)state;
	naive_lines(&subject.wanted, subject.data, subject.size);
	cut_small(&subject, 40);
}

/* Frames with the magic in some values, among them a whole framed file. */
static void make_frames(struct base_buffer *file, struct base_buffer *log)
{
	const struct test_pair plain[] = {{"k", "v"}, {"", ""}, {"key", "longer value"}};
	const struct test_pair magic[] = {{"m", "\xf7GWF"}, {"n", "x\xf7GWF\x01"}};
	struct base_buffer nested = {0}, nested_log = {0};

	put_frame(&nested, &nested_log, (struct test_pair[]){{"in", "ner"}}, 1);
	for (size_t i = 0; i < nested.size; i++) /* a value of a test has no NUL in it */
		nested.data[i] |= nested.data[i] ? 0 : 0x40;
	assert_int_equal(base_buffer_append(&nested, "", 1, NULL), 0);
	put_frame(file, log, plain, 3);
	put_frame(file, log, magic, 2);
	put_frame(file, log, plain, 1);
	put_frame(file, log, (struct test_pair[]){{"n", (char *)nested.data}}, 1);
	put_frame(file, log, magic, 1);
	put_frame(file, log, plain + 2, 1);
	base_buffer_done(&nested);
	base_buffer_done(&nested_log);
}

static void frames_cut_at_every_byte(void **state)
{
	struct subject subject = {.config.job.input = GW_MR_FRAMED};
	struct base_buffer file = {0};

	(void)state;
	make_frames(&file, &subject.wanted);
	subject.data = (const char *)file.data;
	subject.size = file.size;
	cut_small(&subject, 100);
	base_buffer_done(&file);
}

static void framed_file_as_a_value(void **state)
{
	struct subject subject = {.config = {.job.input = GW_MR_FRAMED, .slot_memory = 4 << 20}};
	struct base_buffer inner = {0}, inner_log = {0}, file = {0};
	uint8_t header[MR_FRAME_HEADER_SIZE], sizes[2 * BASE_VARINT_MAX];
	struct gw_bytes parts[2];
	uint16_t mask;

	(void)state;
	make_frames(&inner, &inner_log);
	parts[0] = (struct gw_bytes){sizes, base_varint_put(sizes, 0)};
	parts[0].size += base_varint_put(sizes + 1, inner.size);
	parts[1] = base_buffer_bytes(&inner);
	mask = mr_frame_make_header(header, parts, 2, 1);
	log_record(&subject.wanted, sizeof header, (struct gw_bytes){NULL, 0}, parts[1]);
	assert_int_equal(base_buffer_append(&file, header, sizeof header, NULL), 0);
	assert_int_equal(base_buffer_append(&file, sizes, parts[0].size, NULL), 0);
	assert_int_equal(base_buffer_append(&file, inner.data, inner.size, NULL), 0);
	mr_frame_mask(file.data + sizeof header, file.size - sizeof header, mask, 0);
	put_frame(&file, &subject.wanted, (struct test_pair[]){{"after", "it"}}, 1);
	subject.data = (const char *)file.data;
	subject.size = file.size;
	cut_everywhere(&subject, 1, 1);
	base_buffer_done(&file);
	base_buffer_done(&inner);
	base_buffer_done(&inner_log);
	base_buffer_done(&subject.wanted);
}

static void whole_files_as_records(void **state)
{
	static const char text[] = "the\nwhole\0file";
	struct subject subject = {
		.config = {.job.input = GW_MR_FILES, .slot_memory = 64},
		.data = text, .size = sizeof text - 1};
	struct cut_file cut;

	(void)state;
	log_record(&subject.wanted, 0, gw_string("dir/f"), (struct gw_bytes){text, subject.size});
	cut_init(&cut, "dir/f", subject.size, subject.size);
	expect_records(&subject, &cut.plan, true);
	expect_records(&subject, &cut.plan, false);
	cut_done(&cut);
	base_buffer_done(&subject.wanted);
}

/* ---- Maps
 * ---------------------------------------------------------------------------------------- */

enum { BIG_SIZE = 700 * 1024 };

/* Lines of very different lengths, some over 64 KiB. */
static char *make_lines(size_t size)
{
	char *data = malloc(size);
	uint32_t seed = 3;
	size_t at = 0;

	assert_non_null(data);
	memset(data, 'x', size);
	while (at < size) {
		seed = seed * 1664525 + 1013904223;
		at += seed >> 30 ? (seed >> 20) % 100 : (seed >> 12) % 90000;
		if (at < size)
			data[at++] = '\n';
	}
	return data;
}

static void big_pieces_are_mapped(void **state)
{
	char *data = make_lines(BIG_SIZE);
	struct subject subject = {
		.config = {.job.input = GW_MR_LINES, .slot_memory = 4 << 20},
		.data = data, .size = BIG_SIZE};

	(void)state;
	naive_lines(&subject.wanted, data, BIG_SIZE);
	cut_everywhere(&subject, 60000, 34567);
	subject.config.job = (struct gw_mr_job){
		.input = GW_MR_FIXED, .record_size = 1024, .key_size = 10};
	base_buffer_done(&subject.wanted);
	naive_fixed(&subject.wanted, data, BIG_SIZE, 1024, 10);
	cut_everywhere(&subject, 60000, 34567);
	base_buffer_done(&subject.wanted);
	free(data);
}

static void big_frames_are_mapped(void **state)
{
	struct subject subject = {.config = {.job.input = GW_MR_FRAMED, .slot_memory = 4 << 20}};
	struct base_buffer file = {0};
	char *text = malloc(90001);

	(void)state;
	/* Every third frame has the magic in it and has to be copied out of the map. */
	for (int i = 0; i < 20; i++) {
		const struct test_pair pair = {"key", text};

		memset(text, 'a' + i, 90000);
		text[i * 4500] = 0;
		if (i % 3 == 1)
			memcpy(text + i * 2000, "\xf7GWF", 4);
		put_frame(&file, &subject.wanted, &pair, 1);
	}
	subject.data = (const char *)file.data;
	subject.size = file.size;
	cut_everywhere(&subject, 20000, 45678);
	base_buffer_done(&file);
	base_buffer_done(&subject.wanted);
	free(text);
}

static void maps_are_stable(void **state)
{
	char *data = make_lines(BIG_SIZE);
	struct mr_config config = {.job.input = GW_MR_LINES, .slot_memory = 4 << 20};
	struct memory_store store;
	struct mr_block blocks[8];
	struct mr_input *input;
	struct cut_file cut;
	int count = 0;

	(void)state;
	memory_store_init(&store, true);
	memory_store_add(&store, "f", data, BIG_SIZE);
	cut_init(&cut, "f", BIG_SIZE, 150000);
	cut.splits[0].piece_count = cut.plan.piece_count;
	assert_int_equal(mr_input_open(&input, &config, &cut.plan, &store.store, 0, NULL), 0);
	while (mr_input_next(input, &blocks[count], NULL) == 1)
		count++;
	assert_int_equal(count, 5);
	/* All blocks are still there, one behind the other, and no file is open any more. */
	assert_int_equal(store.open_files, 0);
	for (int i = 0; i < count; i++) {
		assert_true(blocks[i].stable);
		assert_memory_equal(blocks[i].data, data + blocks[i].offset, blocks[i].size);
		assert_int_equal(blocks[i].offset + blocks[i].size,
				 i + 1 < count ? blocks[i + 1].offset : BIG_SIZE);
	}
	/* Asking again changes nothing. */
	assert_int_equal(mr_input_next(input, &blocks[7], NULL), 0);
	mr_input_close(input);
	assert_int_equal(store.maps, 0);
	cut_done(&cut);
	free(data);
}

static void small_pieces_are_read(void **state)
{
	struct mr_config config = {.job.input = GW_MR_LINES, .slot_memory = 4 << 20};
	struct memory_store store;
	struct mr_input *input;
	struct mr_block block;
	struct cut_file cut;

	(void)state;
	memory_store_init(&store, true);
	memory_store_add(&store, "f", "a\nb\n", 4);
	cut_init(&cut, "f", 4, 4);
	assert_int_equal(mr_input_open(&input, &config, &cut.plan, &store.store, 0, NULL), 0);
	assert_int_equal(mr_input_next(input, &block, NULL), 1);
	assert_false(block.stable);
	assert_int_equal(block.size, 4);
	assert_int_equal(store.maps, 0);
	mr_input_close(input);
	mr_input_close(NULL);
	cut_done(&cut);
}

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
	/* Any broken bit, and any end but one between frames, is an error wherever pieces are cut.
	 * */
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
	subject.size = file.size + 0;
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
		cmocka_unit_test(lines_cut_at_every_byte),
		cmocka_unit_test(lines_of_any_bytes),
		cmocka_unit_test(fixed_cut_at_every_byte),
		cmocka_unit_test(tabs_cut_at_every_byte),
		cmocka_unit_test(csv_is_read_whole),
		cmocka_unit_test(columns_without_a_key_column),
		cmocka_unit_test(frames_cut_at_every_byte),
		cmocka_unit_test(framed_file_as_a_value),
		cmocka_unit_test(whole_files_as_records),
		cmocka_unit_test(big_pieces_are_mapped),
		cmocka_unit_test(big_frames_are_mapped),
		cmocka_unit_test(maps_are_stable),
		cmocka_unit_test(small_pieces_are_read),
		cmocka_unit_test(packed_files),
		cmocka_unit_test(packed_and_broken),
		cmocka_unit_test(records_over_the_memory),
		cmocka_unit_test(a_cut_off_record),
		cmocka_unit_test(a_quote_left_open),
		cmocka_unit_test(broken_frames),
		cmocka_unit_test(a_file_that_changed),
		cmocka_unit_test(every_failing_read_is_passed_on),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
