/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#include "memory_store_test.h"
#include "pack_test.h"

#include "support/allocation.h"

#include <setjmp.h>

#include <cmocka.h>

static const char *const names[] = {
	[MR_PLAIN] = "f", [MR_GZIP] = "f.gz", [MR_ZSTD] = "f.zst", [MR_LZ4] = "f.lz4"};

#define FOR_EACH_CODEC(codec) for (enum mr_compression codec = MR_GZIP; codec <= MR_LZ4; codec++)

/* Reads data as a file, step bytes at a time, into out. Returns the bytes, or the negative code. */
static int64_t unpack_with(struct mr_unpack **unpack, enum mr_compression compression,
			   const void *data, size_t size, size_t step, uint8_t *out, size_t room,
			   struct gw_error *error)
{
	struct memory_store store;
	struct mr_unpack_source source = {
		.path = names[compression], .end = size, .compression = compression,
		.window_max = 8 << 20};
	size_t total = 0, got = step;
	int result;

	memory_store_init(&store, false);
	memory_store_add(&store, names[compression], data, size);
	assert_int_equal(memory_open(&store.store, names[compression], &source.file, error), 0);
	result = mr_unpack_open(unpack, &source, error);
	while (result == 0 && got == step) {
		size_t want = step < room - total ? step : room - total;

		if (want == 0)
			break;
		result = mr_unpack_read(*unpack, out + total, want, &got, error);
		if (result == 0) {
			assert_true(got <= want);
			total += got;
		}
	}
	mr_file_close(source.file);
	return result < 0 ? result : (int64_t)total;
}

static int64_t unpack(enum mr_compression compression, const void *data, size_t size, size_t step,
		      uint8_t *out, size_t room, struct gw_error *error)
{
	struct mr_unpack *unpack = NULL;
	int64_t result = unpack_with(&unpack, compression, data, size, step, out, room, error);

	mr_unpack_free(unpack);
	return result;
}

/* Text that packs well, with a little that does not. */
static void make_text(uint8_t *text, size_t size)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		text[i] = i % 7 ? (uint8_t)("etaoin shrdlu\n"[(state >> 24) % 14])
				: (uint8_t)(state >> 16);
	}
}

enum { TEXT_SIZE = 600000 }; /* more than one refill of packed bytes */

static void reads_back_in_any_steps(void **state)
{
	static const size_t steps[] = {1000, 4097, 65536, TEXT_SIZE - 1, TEXT_SIZE, TEXT_SIZE + 1};
	uint8_t *text = malloc(TEXT_SIZE), *out = malloc(TEXT_SIZE + 10);

	(void)state;
	make_text(text, TEXT_SIZE);
	for (enum mr_compression codec = MR_PLAIN; codec <= MR_LZ4; codec++) {
		struct packed packed = {0};

		pack(&packed, codec, text, TEXT_SIZE);
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			int64_t got = unpack(codec, packed.data, packed.size, steps[i], out,
					     TEXT_SIZE + 10, NULL);

			assert_int_equal(got, TEXT_SIZE);
			assert_memory_equal(out, text, TEXT_SIZE);
		}
		free(packed.data);
	}
	free(text);
	free(out);
}

static void one_byte_at_a_time(void **state)
{
	uint8_t text[3000], out[3010];

	(void)state;
	make_text(text, sizeof text);
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};

		pack(&packed, codec, text, sizeof text);
		assert_int_equal(unpack(codec, packed.data, packed.size, 1, out, sizeof out, NULL),
				 sizeof text);
		assert_memory_equal(out, text, sizeof text);
		free(packed.data);
	}
}

static void a_range_of_a_plain_file(void **state)
{
	struct memory_store store;
	struct mr_unpack_source source = {.path = "f", .begin = 2, .end = 5};
	struct mr_unpack *unpack = NULL;
	char out[8];
	size_t got;

	(void)state;
	memory_store_init(&store, true);
	memory_store_add(&store, "f", "abcdefgh", 8);
	assert_int_equal(memory_open(&store.store, "f", &source.file, NULL), 0);
	assert_int_equal(mr_unpack_open(&unpack, &source, NULL), 0);
	assert_int_equal(mr_unpack_read(unpack, out, sizeof out, &got, NULL), 0);
	assert_int_equal(got, 3);
	assert_memory_equal(out, "cde", 3);
	assert_int_equal(mr_unpack_read(unpack, out, sizeof out, &got, NULL), 0);
	assert_int_equal(got, 0);
	mr_unpack_free(unpack);
	mr_file_close(source.file);
}

static void all_members_and_frames(void **state)
{
	uint8_t out[64];

	(void)state;
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};

		pack(&packed, codec, "one ", 4);
		pack(&packed, codec, "", 0);
		pack(&packed, codec, "two ", 4);
		pack(&packed, codec, "three", 5);
		for (size_t step = 1; step <= 20; step++) {
			assert_int_equal(unpack(codec, packed.data, packed.size, step, out,
						sizeof out, NULL), 13);
			assert_memory_equal(out, "one two three", 13);
		}
		free(packed.data);
	}
}

static void nothing_packed(void **state)
{
	uint8_t out[4];

	(void)state;
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};

		pack(&packed, codec, "", 0);
		assert_int_equal(unpack(codec, packed.data, packed.size, 4, out, 4, NULL), 0);
		free(packed.data);
	}
}

static void frames_without_data_are_skipped(void **state)
{
	static const uint8_t skippable[] = {0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z'};
	uint8_t out[8];

	(void)state;
	for (enum mr_compression codec = MR_ZSTD; codec <= MR_LZ4; codec++) {
		struct packed packed = {0};

		pack(&packed, MR_PLAIN, skippable, sizeof skippable);
		pack(&packed, codec, "data", 4);
		pack(&packed, MR_PLAIN, skippable, sizeof skippable);
		assert_int_equal(unpack(codec, packed.data, packed.size, 8, out, 8, NULL), 4);
		assert_memory_equal(out, "data", 4);
		free(packed.data);
	}
}

static void zeros_behind_gzip_are_padding(void **state)
{
	struct packed packed = {0};
	uint8_t out[8];

	(void)state;
	pack(&packed, MR_GZIP, "data", 4);
	pack(&packed, MR_PLAIN, "\0\0\0\0\0", 5);
	assert_int_equal(unpack(MR_GZIP, packed.data, packed.size, 8, out, 8, NULL), 4);
	free(packed.data);
}

static void garbage_behind_is_refused(void **state)
{
	uint8_t out[64];

	(void)state;
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};
		struct gw_error error = {0};

		pack(&packed, codec, "data", 4);
		pack(&packed, MR_PLAIN, "this is no compressed data at all", 33);
		assert_int_equal(unpack(codec, packed.data, packed.size, 64, out, 64, &error),
				 GW_E_CORRUPT);
		assert_non_null(strstr(error.text, names[codec]));
		assert_non_null(strstr(error.text, "unpacked byte 4"));
		free(packed.data);
	}
}

static void cut_anywhere_is_an_error(void **state)
{
	uint8_t text[2000], out[2010];

	(void)state;
	make_text(text, sizeof text);
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};

		pack(&packed, codec, text, sizeof text);
		for (size_t cut = 4; cut < packed.size; cut++) {
			struct gw_error error = {0};

			assert_int_equal(unpack(codec, packed.data, cut, sizeof out, out,
						sizeof out, &error),
					 GW_E_TRUNCATED);
			assert_non_null(strstr(error.text, names[codec]));
			assert_non_null(strstr(error.text, "cut off behind unpacked byte"));
		}
		free(packed.data);
	}
}

static void flipped_bits_never_pass_as_other_data(void **state)
{
	uint8_t text[300], out[2000];

	(void)state;
	make_text(text, sizeof text);
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};

		pack(&packed, codec, text, sizeof text);
		for (size_t bit = 0; bit < packed.size * 8; bit++) {
			int64_t got;

			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			got = unpack(codec, packed.data, packed.size, 64, out, sizeof out, NULL);
			/* A bit that says nothing about the data (a date, say) may be other. */
			if (got >= 0) {
				assert_int_equal(got, sizeof text);
				assert_memory_equal(out, text, sizeof text);
			}
			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		/* The last four bytes: gzip's length, zstd's and lz4's checksum. */
		packed.data[packed.size - 2] ^= 1;
		assert_int_equal(unpack(codec, packed.data, packed.size, 64, out, sizeof out, NULL),
				 GW_E_CORRUPT);
		free(packed.data);
	}
}

static void other_data_under_the_name(void **state)
{
	uint8_t out[8];

	(void)state;
	FOR_EACH_CODEC(codec) {
		struct gw_error error = {0};

		assert_int_equal(unpack(codec, "plain text\n", 11, 8, out, 8, &error),
				 GW_E_CORRUPT);
		assert_non_null(strstr(error.text, names[codec]));
		assert_non_null(strstr(error.text, "its name says"));
		assert_int_equal(unpack(codec, "p", 1, 8, out, 8, &error), GW_E_CORRUPT);
	}
}

static void window_has_a_limit(void **state)
{
	size_t size = 20 << 20;
	uint8_t *text = calloc(1, size), *out = malloc(1000);
	struct packed packed = {0};
	struct gw_error error = {0};

	(void)state;
	pack_zstd(&packed, text, size, 23);
	assert_int_equal(unpack(MR_ZSTD, packed.data, packed.size, 1000, out, 1000, &error), 1000);
	packed.size = 0;
	pack_zstd(&packed, text, size, 24);
	assert_int_equal(unpack(MR_ZSTD, packed.data, packed.size, 1000, out, 1000, &error),
			 GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "--memory"));
	free(packed.data);
	free(text);
	free(out);
}

static void one_struct_reads_many_files(void **state)
{
	struct mr_unpack *unpack = NULL;
	uint8_t out[64];

	(void)state;
	for (int round = 0; round < 3; round++) {
		FOR_EACH_CODEC(codec) {
			struct packed packed = {0};

			pack(&packed, codec, "some data", 9);
			assert_int_equal(unpack_with(&unpack, codec, packed.data, packed.size, 64,
						     out, 64, NULL), 9);
			assert_memory_equal(out, "some data", 9);
			/* Also after a failure, and after one that was not read to its end. */
			assert_true(unpack_with(&unpack, codec, packed.data, packed.size - 2, 64,
						out, 64, NULL) < 0);
			assert_int_equal(unpack_with(&unpack, codec, packed.data, packed.size, 4,
						     out, 4, NULL), 4);
			free(packed.data);
		}
	}
	mr_unpack_free(unpack);
	mr_unpack_free(NULL);
}

static void failing_reads_are_passed_on(void **state)
{
	uint8_t *text = malloc(TEXT_SIZE), *out = malloc(TEXT_SIZE);

	(void)state;
	make_text(text, TEXT_SIZE);
	FOR_EACH_CODEC(codec) {
		struct packed packed = {0};
		struct memory_store store;
		struct mr_unpack_source source = {
			.path = "f", .compression = codec, .window_max = 8 << 20};
		struct mr_unpack *unpack = NULL;
		size_t got;

		pack(&packed, codec, text, TEXT_SIZE);
		memory_store_init(&store, false);
		memory_store_add(&store, "f", packed.data, packed.size);
		source.end = packed.size;
		assert_int_equal(memory_open(&store.store, "f", &source.file, NULL), 0);
		store.read_fails_at = 1;
		assert_int_equal(mr_unpack_open(&unpack, &source, NULL), GW_E_IO);
		store.read_fails_at = 3;
		assert_int_equal(mr_unpack_open(&unpack, &source, NULL), 0);
		assert_int_equal(mr_unpack_read(unpack, out, TEXT_SIZE, &got, NULL), GW_E_IO);
		mr_unpack_free(unpack);
		mr_file_close(source.file);
		free(packed.data);
	}
	free(text);
	free(out);
}

static int unpack_gzip(void *context)
{
	const struct packed *packed = context;
	struct memory_store store;
	struct mr_unpack_source source = {.path = "f", .end = packed->size, .compression = MR_GZIP};
	struct mr_unpack *unpack = NULL;
	char out[8];
	size_t got;
	int result;

	memory_store_init(&store, false);
	memory_store_add(&store, "f", packed->data, packed->size);
	result = memory_open(&store.store, "f", &source.file, NULL);
	if (result < 0)
		return result;
	result = mr_unpack_open(&unpack, &source, NULL);
	if (result == 0)
		result = mr_unpack_read(unpack, out, sizeof out, &got, NULL);
	mr_unpack_free(unpack);
	mr_file_close(source.file);
	return result;
}

static void out_of_memory(void **state)
{
	struct packed packed = {0};

	(void)state;
	pack(&packed, MR_GZIP, "data", 4);
	/* The test's file, the struct, the state of inflate. */
	assert_int_equal(test_each_allocation_fails(unpack_gzip, &packed), 3);
	free(packed.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_in_any_steps),
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(a_range_of_a_plain_file),
		cmocka_unit_test(all_members_and_frames),
		cmocka_unit_test(nothing_packed),
		cmocka_unit_test(frames_without_data_are_skipped),
		cmocka_unit_test(zeros_behind_gzip_are_padding),
		cmocka_unit_test(garbage_behind_is_refused),
		cmocka_unit_test(cut_anywhere_is_an_error),
		cmocka_unit_test(flipped_bits_never_pass_as_other_data),
		cmocka_unit_test(other_data_under_the_name),
		cmocka_unit_test(window_has_a_limit),
		cmocka_unit_test(one_struct_reads_many_files),
		cmocka_unit_test(failing_reads_are_passed_on),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
