/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_test.c - splits as blocks as records: every way to cut and to store a file gives the
 * records that a simple reader of the whole file gives, each once.
 */
#include "input_test.h"

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

/* A file so big that it is not there: only its map is, for as long as nobody looks. */
static int map_nothing(struct mr_file *file, uint64_t offset, size_t size, struct gw_bytes *bytes,
		       struct gw_error *error)
{
	(void)error;
	((struct memory_store *)file->store)->maps++;
	*bytes = (struct gw_bytes){(const char *)file + offset, size};
	return 0;
}

static void unmap_nothing(struct mr_store *store, struct gw_bytes bytes)
{
	(void)bytes;
	((struct memory_store *)store)->maps--;
}

static void very_big_pieces_have_several_blocks(void **state)
{
	const struct mr_store_operations operations = {
		.open = memory_open, .close = memory_close, .map = map_nothing,
		.unmap = unmap_nothing};
	const uint64_t record_size = 3000001, size = 300 * record_size;
	struct mr_config config = {
		.job = {.input = GW_MR_FIXED, .record_size = record_size}, .slot_memory = 4 << 20};
	struct memory_store store;
	struct mr_input *input;
	struct mr_block block;
	struct cut_file cut;
	uint64_t at = 0;
	int count = 0;

	(void)state;
	memory_store_init(&store, true);
	store.store.operations = &operations;
	memory_store_add(&store, "f", NULL, size);
	cut_init(&cut, "f", size, size);
	assert_int_equal(mr_input_open(&input, &config, &cut.plan, &store.store, 0, NULL), 0);
	for (; mr_input_next(input, &block, NULL) == 1; count++) {
		assert_int_equal(block.offset, at);
		assert_int_equal(block.size % record_size, 0);
		assert_true(block.size < MR_BLOCK_MAX + record_size);
		at += block.size;
	}
	assert_int_equal(at, size);
	assert_int_equal(count, 4);
	mr_input_close(input);
	assert_int_equal(store.maps, 0);
	/* But a record that may be as long as the file is not cut. */
	config.job.input = GW_MR_FILES;
	assert_int_equal(mr_input_open(&input, &config, &cut.plan, &store.store, 0, NULL), 0);
	assert_int_equal(mr_input_next(input, &block, NULL), 1);
	assert_int_equal(block.size, size);
	mr_input_close(input);
	cut_done(&cut);
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
		cmocka_unit_test(very_big_pieces_have_several_blocks),
		cmocka_unit_test(small_pieces_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
