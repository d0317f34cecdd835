/* SPDX-License-Identifier: Apache-2.0 */
/* output_test.c - pairs in each output format, and framed output read back by the input. */
#include "output.h"

#include "decimal.h"
#include "input_test.h"

#include "support/allocation.h"

#include <inttypes.h>

/* A sink that keeps what it is given. */
struct sink {
	struct base_buffer bytes;
	int calls, fails_at; /* the n-th call fails; 0: none */
	size_t longest;
};

static int sink_bytes(void *context, const void *data, size_t size, struct gw_error *error)
{
	struct sink *sink = context;

	if (++sink->calls == sink->fails_at)
		return gw_fail(error, GW_E_NO_SPACE, "part: no space left");
	assert_true(size > 0);
	sink->longest = size > sink->longest ? size : sink->longest;
	return base_buffer_append(&sink->bytes, data, size, error);
}

static void begin(struct mr_output *output, struct mr_config *config, struct sink *sink)
{
	*sink = (struct sink){.fails_at = 0};
	if (config->slot_memory == 0)
		config->slot_memory = 4 << 20;
	assert_int_equal(mr_output_init(output, config, sink_bytes, sink, NULL), 0);
}

static void put(struct mr_output *output, const char *key, const char *value)
{
	assert_int_equal(mr_output_pair(output, gw_string(key), gw_string(value), false, NULL), 0);
}

static void put_number(struct mr_output *output, const char *key, int64_t number)
{
	uint8_t value[8];

	base_store64(value, (uint64_t)number);
	assert_int_equal(mr_output_pair(output, gw_string(key), (struct gw_bytes){value, 8}, true,
					NULL), 0);
}

static void expect_output(struct mr_output *output, struct sink *sink, const void *wanted,
			  size_t size)
{
	assert_int_equal(mr_output_flush(output, NULL), 0);
	assert_int_equal(output->written, size);
	assert_int_equal(sink->bytes.size, size);
	if (size)
		assert_memory_equal(sink->bytes.data, wanted, size);
	mr_output_done(output);
	base_buffer_done(&sink->bytes);
}

#define EXPECT_OUTPUT(output, sink, text) expect_output(output, sink, text, sizeof(text) - 1)

static void text(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_TEXT};
	struct mr_output output;
	struct sink sink;

	(void)state;
	begin(&output, &config, &sink);
	put(&output, "key", "value");
	put(&output, "only a key", "");
	put(&output, "", "only a value");
	put(&output, "", "");
	put_number(&output, "count", 42);
	put_number(&output, "", -1);
	assert_int_equal(mr_output_pair(&output, (struct gw_bytes){NULL, 0},
					(struct gw_bytes){NULL, 0}, false, NULL), 0);
	assert_int_equal(mr_output_bytes(&output, "as it is", 8, NULL), 0);
	assert_int_equal(mr_output_bytes(&output, NULL, 0, NULL), 0);
	/* 8 bytes that are no number of gw_mr_emit_i64 stay as they are. */
	put(&output, "k", "8 bytes!");
	EXPECT_OUTPUT(&output, &sink,
		      "key\tvalue\nonly a key\n\tonly a value\n\ncount\t42\n\t-1\n\n"
		      "as it isk\t8 bytes!\n");
}

static void fixed(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_FIXED};
	struct mr_output output;
	struct sink sink;

	(void)state;
	begin(&output, &config, &sink);
	put(&output, "key", "value");
	put(&output, "", "x");
	put_number(&output, "n", 0x4142434445464748);
	EXPECT_OUTPUT(&output, &sink, "keyvaluexnHGFEDCBA");
}

static void nothing(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_FRAMED};
	struct mr_output output;
	struct sink sink;

	(void)state;
	begin(&output, &config, &sink);
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	assert_int_equal(sink.calls, 0);
	expect_output(&output, &sink, "", 0);
}

static void numbers_in_decimal(void **state)
{
	char wanted[32], got[MR_DECIMAL_MAX];
	uint64_t seed = 1;

	(void)state;
	for (uint64_t power = 1, digits = 0; digits < 19; power *= 10, digits++) {
		for (int64_t step = -2; step <= 2; step++) {
			for (int sign = -1; sign <= 1; sign += 2) {
				int64_t number = sign * ((int64_t)power + step);
				int size = snprintf(wanted, sizeof wanted, "%" PRId64, number);

				assert_int_equal(mr_decimal(got, number), size);
				assert_memory_equal(got, wanted, (size_t)size);
			}
		}
	}
	for (int i = 0; i < 100000; i++) {
		int64_t number;
		int size;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		number = (int64_t)seed >> (seed >> 32 & 63);
		size = snprintf(wanted, sizeof wanted, "%" PRId64, number);
		assert_int_equal(mr_decimal(got, number), size);
		assert_memory_equal(got, wanted, (size_t)size);
	}
	assert_int_equal(mr_decimal(got, INT64_MIN), 20);
	assert_memory_equal(got, "-9223372036854775808", 20);
	assert_int_equal(mr_decimal(got, INT64_MAX), 19);
	assert_memory_equal(got, "9223372036854775807", 19);
}

/* Pairs of all sizes around the capacity of the buffer. */
static void any_size_passes(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_TEXT, .slot_memory = 1};
	struct base_buffer wanted = {0};
	struct mr_output output;
	struct sink sink;
	char *bytes;

	(void)state;
	begin(&output, &config, &sink);
	bytes = malloc(3 * output.capacity + 1);
	memset(bytes, 'v', 3 * output.capacity);
	for (size_t i = 0; i < 300; i++) {
		size_t size = (i * i * 31) % (3 * output.capacity);

		bytes[size] = 0;
		put(&output, "k", bytes);
		assert_int_equal(base_buffer_append_format(&wanted, NULL, size ? "k\t%s\n" : "k\n",
							   bytes), 0);
		bytes[size] = 'v';
	}
	free(bytes);
	expect_output(&output, &sink, wanted.data, wanted.size);
	base_buffer_done(&wanted);
}

static void the_sink_gets_a_few_mebibytes(void **state)
{
	size_t size = 2 * MR_SINK_MAX + 12345;
	char *bytes = calloc(1, size);

	(void)state;
	for (unsigned format = GW_MR_OUT_TEXT; format <= GW_MR_OUT_FIXED; format++) {
		struct mr_config config = {.job.output = (enum gw_mr_output)format};
		struct mr_output output;
		struct sink sink;

		begin(&output, &config, &sink);
		assert_int_equal(mr_output_pair(&output, gw_string("k"),
						(struct gw_bytes){bytes, size}, false, NULL), 0);
		assert_int_equal(mr_output_flush(&output, NULL), 0);
		assert_int_equal(output.written, sink.bytes.size);
		assert_true(sink.bytes.size > size);
		assert_true(sink.longest <= MR_SINK_MAX);
		mr_output_done(&output);
		base_buffer_done(&sink.bytes);
	}
	free(bytes);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Reads the sink's bytes as framed input, cut into pieces, without their offsets. */
static void read_back(const struct sink *sink, size_t piece, struct base_buffer *pairs)
{
	struct mr_config config = {.job.input = GW_MR_FRAMED, .slot_memory = 16 << 20};
	struct memory_store store;
	struct cut_file cut;

	memory_store_init(&store, true);
	memory_store_add(&store, "f", sink->bytes.data, sink->bytes.size);
	cut_init(&cut, "f", sink->bytes.size, piece);
	for (uint32_t i = 0; i < cut.plan.split_count; i++) {
		struct base_buffer log = {0};
		struct gw_error error = {0};

		if (log_split(&config, &cut.plan, &store.store, i, &log, &error) < 0)
			fail_msg("%s", error.text);
		for (size_t at = 0; at < log.size;) {
			uint64_t numbers[3];

			memcpy(numbers, log.data + at, sizeof numbers);
			at += sizeof numbers;
			log_record(pairs, 0, (struct gw_bytes){log.data + at, numbers[1]},
				   (struct gw_bytes){log.data + at + numbers[1], numbers[2]});
			at += numbers[1] + numbers[2];
		}
		base_buffer_done(&log);
	}
	cut_done(&cut);
}

static void expect_pairs(const struct sink *sink, const struct base_buffer *wanted)
{
	for (size_t piece = sink->bytes.size; piece > sink->bytes.size / 9; piece -= piece / 4) {
		struct base_buffer pairs = {0};

		read_back(sink, piece, &pairs);
		expect_same_log(&pairs, wanted);
		base_buffer_done(&pairs);
	}
}

static void framed(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_FRAMED, .slot_memory = 1};
	struct base_buffer wanted = {0};
	char *bytes = malloc(300001);
	struct mr_output output;
	struct sink sink;

	(void)state;
	begin(&output, &config, &sink);
	for (size_t i = 0; i < 3000; i++) {
		/* Mostly short, some around the size of a frame, some larger than the buffer. */
		size_t size = i % 100 == 7 ? i * 97 % 300000 : i % 50;
		struct gw_bytes key = {&i, i % 9}, value = {bytes, size};

		memset(bytes, (int)('a' + i % 26), size);
		if (i % 3 == 0 && size > 4)
			memcpy(bytes + i % (size - 4), "\xf7GWF", 4);
		assert_int_equal(mr_output_pair(&output, key, value, false, NULL), 0);
		log_record(&wanted, 0, key, value);
	}
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	assert_int_equal(output.written, sink.bytes.size);
	expect_pairs(&sink, &wanted);
	mr_output_done(&output);
	base_buffer_done(&sink.bytes);
	base_buffer_done(&wanted);
	free(bytes);
}

static void frames_are_of_about_64_kib(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_FRAMED};
	struct mr_output output;
	struct mr_frame frame;
	struct sink sink;
	size_t at = 0, frames = 0;

	(void)state;
	begin(&output, &config, &sink);
	for (int i = 0; i < 50000; i++)
		put(&output, "a key", "and its value");
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	for (; at < sink.bytes.size; frames++) {
		assert_int_equal(mr_frame_check(sink.bytes.data + at, sink.bytes.size - at, &frame,
						NULL), 0);
		assert_true(frame.payload_size <= MR_FRAME_TARGET);
		at += MR_FRAME_HEADER_SIZE + frame.payload_size;
		assert_true(frame.payload_size > MR_FRAME_TARGET - 100 || at == sink.bytes.size);
	}
	assert_int_equal(frames, 50000 * 20 / MR_FRAME_TARGET + 1);
	mr_output_done(&output);
	base_buffer_done(&sink.bytes);
}

static void a_flush_ends_a_frame(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_FRAMED};
	struct base_buffer wanted = {0};
	struct mr_output output;
	struct sink sink;

	(void)state;
	begin(&output, &config, &sink);
	put(&output, "a", "1");
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	put_number(&output, "b", 2);
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	assert_int_equal(sink.calls, 2);
	log_record(&wanted, 0, gw_string("a"), gw_string("1"));
	log_record(&wanted, 0, gw_string("b"), (struct gw_bytes){"\2\0\0\0\0\0\0\0", 8});
	expect_pairs(&sink, &wanted);
	/* Bytes as they are come behind the frame. */
	put(&output, "c", "3");
	assert_int_equal(mr_output_bytes(&output, "tail", 4, NULL), 0);
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	assert_memory_equal(sink.bytes.data + sink.bytes.size - 4, "tail", 4);
	mr_output_done(&output);
	base_buffer_done(&sink.bytes);
	base_buffer_done(&wanted);
}

static void a_pair_too_long_for_a_frame(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_FRAMED};
	struct gw_error error = {0};
	struct mr_output output;
	struct sink sink;
	char byte = 0;

	(void)state;
	begin(&output, &config, &sink);
	assert_int_equal(mr_output_pair_other(&output, (struct gw_bytes){&byte, UINT32_MAX / 2},
					(struct gw_bytes){&byte, UINT32_MAX / 2}, false, &error),
			 GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "does not fit a frame"));
	expect_output(&output, &sink, "", 0);
}

/* ---- Sizes, failures ------------------------------------------------------------------------- */

static void expect_size(struct mr_config *config, const char *key, const char *value)
{
	struct mr_output output;
	struct sink sink;
	uint64_t size;

	assert_true(mr_output_pair_size(config, strlen(key), strlen(value), &size));
	begin(&output, config, &sink);
	put(&output, key, value);
	assert_int_equal(mr_output_flush(&output, NULL), 0);
	assert_int_equal(sink.bytes.size, size);
	mr_output_done(&output);
	base_buffer_done(&sink.bytes);
}

static int format_pair(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	(void)task;
	(void)key;
	(void)value;
	return 0;
}

static void sizes_of_pairs(void **state)
{
	struct mr_config config = {.job.output = GW_MR_OUT_TEXT};
	uint64_t size;

	(void)state;
	for (int i = 0; i < 2; i++) {
		expect_size(&config, "key", "value");
		expect_size(&config, "key", "");
		expect_size(&config, "", "value");
		expect_size(&config, "", "");
		config.job.output = GW_MR_OUT_FIXED;
	}
	config.job.combine_with = GW_MR_SUM;
	expect_size(&config, "key", "8 bytes!");
	config.job.output = GW_MR_OUT_TEXT;
	assert_false(mr_output_pair_size(&config, 1, 8, &size));
	config.job.combine_with = GW_MR_SET_UNION;
	expect_size(&config, "key", "value");
	config.job.format = format_pair;
	assert_false(mr_output_pair_size(&config, 1, 1, &size));
	config.job.format = NULL;
	config.job.output = GW_MR_OUT_FRAMED;
	assert_false(mr_output_pair_size(&config, 1, 1, &size));
}

static void a_failing_sink_is_passed_on(void **state)
{
	(void)state;
	for (unsigned format = GW_MR_OUT_TEXT; format <= GW_MR_OUT_FIXED; format++) {
		struct mr_config config = {.job.output = (enum gw_mr_output)format,
					   .slot_memory = 1};
		char *value = calloc(1, 200000);

		for (int fails_at = 1; fails_at < 8; fails_at++) {
			struct gw_error error = {0};
			struct mr_output output;
			struct sink sink;
			int result = 0;

			begin(&output, &config, &sink);
			sink.fails_at = fails_at;
			memcpy(value + 100, "\xf7GWF", 4);
			for (size_t i = 0; i < 100 && result == 0; i++)
				result = mr_output_pair(&output, gw_string("some key"),
							(struct gw_bytes){value, i * 2000}, false,
							&error);
			assert_int_equal(result, GW_E_NO_SPACE);
			assert_string_equal(error.text, "part: no space left");
			mr_output_done(&output);
			base_buffer_done(&sink.bytes);
		}
		free(value);
	}
}

static int init_output(void *context)
{
	struct mr_output output;
	int result = mr_output_init(&output, context, sink_bytes, NULL, NULL);

	mr_output_done(&output);
	return result;
}

static void out_of_memory(void **state)
{
	struct mr_config config = {.job.name = "j", .slot_memory = 4 << 20};

	(void)state;
	assert_int_equal(test_each_allocation_fails(init_output, &config), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(fixed),
		cmocka_unit_test(nothing),
		cmocka_unit_test(numbers_in_decimal),
		cmocka_unit_test(any_size_passes),
		cmocka_unit_test(the_sink_gets_a_few_mebibytes),
		cmocka_unit_test(framed),
		cmocka_unit_test(frames_are_of_about_64_kib),
		cmocka_unit_test(a_flush_ends_a_frame),
		cmocka_unit_test(a_pair_too_long_for_a_frame),
		cmocka_unit_test(sizes_of_pairs),
		cmocka_unit_test(a_failing_sink_is_passed_on),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
