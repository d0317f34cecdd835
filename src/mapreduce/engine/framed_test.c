/* SPDX-License-Identifier: Apache-2.0 */
#include "framed.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A frame of one part, as it is stored; returns its size. */
static size_t make_frame(uint8_t *out, const void *payload, size_t size, uint32_t pairs)
{
	struct gw_bytes part = {payload, size};
	uint16_t mask = mr_frame_make_header(out, &part, 1, pairs);

	memcpy(out + MR_FRAME_HEADER_SIZE, payload, size);
	mr_frame_mask(out + MR_FRAME_HEADER_SIZE, size, mask, 0);
	return MR_FRAME_HEADER_SIZE + size;
}

static const char magic[] = "\xf7GWF";

static void header_is_as_described(void **state)
{
	uint8_t data[64];
	size_t size = make_frame(data, "\1\2kvv", 5, 1);
	uint8_t fields[12] = {1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0};
	uint32_t checksum = base_crc32c(base_crc32c(0, fields, 12), "\1\2kvv", 5);

	(void)state;
	assert_int_equal(size, 25);
	assert_memory_equal(data, magic, 4);
	assert_memory_equal(data + 4, fields, 12);
	assert_int_equal(base_load32(data + 16), checksum);
	assert_memory_equal(data + 20, "\1\2kvv", 5);
}

static void frame_reads_back(void **state)
{
	uint8_t data[64];
	size_t size = make_frame(data, "\1\2kvv\0\0", 7, 2);
	struct mr_frame frame;

	(void)state;
	assert_int_equal(mr_frame_check(data, size, &frame, NULL), 0);
	assert_int_equal(frame.payload_size, 7);
	assert_int_equal(frame.pairs, 2);
	assert_int_equal(frame.mask, 0);
	/* What follows does not matter. */
	assert_int_equal(mr_frame_check(data, sizeof data, &frame, NULL), 0);
}

static void cut_frame_is_truncated(void **state)
{
	uint8_t data[64];
	size_t size = make_frame(data, "\1\2kvv", 5, 1);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		struct gw_error error = {0};
		struct mr_frame frame;

		assert_int_equal(mr_frame_check(data, cut, &frame, &error), GW_E_TRUNCATED);
		assert_int_equal(error.code, GW_E_TRUNCATED);
	}
}

static void every_flipped_bit_is_seen(void **state)
{
	uint8_t data[64];
	size_t size = make_frame(data, "\1\2kvv", 5, 1);

	(void)state;
	for (size_t bit = 0; bit < size * 8; bit++) {
		struct mr_frame frame;

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(mr_frame_check(data, size, &frame, NULL) < 0);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void expect_refused(size_t at, uint8_t value, int code, const char *text)
{
	uint8_t data[64];
	size_t size = make_frame(data, "\1\2kvv", 5, 1);
	struct gw_error error = {0};
	struct mr_frame frame;

	data[at] = value;
	base_store32(data + 16, base_crc32c(mr_frame_checksum_begin(data), data + 20, 5));
	assert_int_equal(mr_frame_check(data, size, &frame, &error), code);
	assert_non_null(strstr(error.text, text));
}

static void strange_headers_are_refused_by_name(void **state)
{
	(void)state;
	expect_refused(0, 'G', GW_E_CORRUPT, "no frame");
	expect_refused(4, 2, GW_E_VERSION, "version 2");
	expect_refused(5, 9, GW_E_VERSION, "codec 9");
	expect_refused(12, 0, GW_E_CORRUPT, "0 pairs");
	expect_refused(12, 3, GW_E_CORRUPT, "3 pairs");
	expect_refused(15, 255, GW_E_CORRUPT, "pairs");
	expect_refused(11, 255, GW_E_TRUNCATED, "inside a frame");
}

static void magic_is_found(void **state)
{
	char data[] = "ab\xf7\xf7GWFx\xf7GWF\xf7GW";
	size_t size = sizeof data - 1;

	(void)state;
	assert_int_equal(mr_frame_find_magic(data, size, 0), 3);
	assert_int_equal(mr_frame_find_magic(data, size, 3), 3);
	assert_int_equal(mr_frame_find_magic(data, size, 4), 8);
	assert_int_equal(mr_frame_find_magic(data, size, 9), size);
	assert_int_equal(mr_frame_find_magic(data, size, size), size);
	assert_int_equal(mr_frame_find_magic(data, 6, 0), 6);
	assert_int_equal(mr_frame_find_magic(data, 0, 0), 0);
}

static void expect_masked(const uint8_t *payload, size_t size)
{
	uint8_t *data = malloc(MR_FRAME_HEADER_SIZE + size);
	size_t frame_size = make_frame(data, payload, size, 1);
	struct mr_frame frame;

	assert_int_equal(mr_frame_check(data, frame_size, &frame, NULL), 0);
	assert_int_not_equal(frame.mask, 0);
	/* The only magic is the header's. */
	assert_int_equal(mr_frame_find_magic(data, frame_size, 1), frame_size);
	mr_frame_unmask(data, &frame);
	assert_memory_equal(data + MR_FRAME_HEADER_SIZE, payload, size);
	assert_int_equal(mr_frame_check(data, frame_size, &frame, NULL), 0);
	assert_int_equal(frame.mask, 0);
	free(data);
}

static void payload_with_magic_is_masked(void **state)
{
	uint8_t payload[9000] = {0};

	(void)state;
	/* At either parity, and across the chunks in which a mask is tried. */
	for (size_t at = 0; at + 4 <= sizeof payload; at += at < 16 || at > 4080 ? 1 : 97) {
		memset(payload, 'x', sizeof payload);
		memcpy(payload + at, magic, 4);
		expect_masked(payload, sizeof payload);
	}
	expect_masked((const uint8_t *)magic, 4);
}

static void masks_that_make_magic_are_passed_over(void **state)
{
	uint8_t payload[4 + 4 * 200];

	(void)state;
	/* The magic, and what the first 200 masks to be tried would turn into it. */
	memcpy(payload, magic, 4);
	for (uint32_t i = 1; i <= 200; i++) {
		memcpy(payload + 4 * i, magic, 4);
		mr_frame_mask(payload + 4 * i, 4, (uint16_t)(i * 0x9e37), 0);
	}
	expect_masked(payload, sizeof payload);
}

static void parts_make_the_same_frame(void **state)
{
	uint8_t payload[10000], header[MR_FRAME_HEADER_SIZE], whole[MR_FRAME_HEADER_SIZE];
	struct gw_bytes all = {payload, sizeof payload};

	(void)state;
	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)(i * i >> 3);
	memcpy(payload + 5000, magic, 4);
	for (int masked = 0; masked < 2; masked++) {
		uint16_t mask = mr_frame_make_header(whole, &all, 1, 1);

		assert_int_equal(mask != 0, !masked);
		for (size_t cut = 4990; cut < 5010; cut++) {
			struct gw_bytes parts[4] = {
				{payload, 3}, {payload + 3, cut - 3}, {NULL, 0},
				{payload + cut, sizeof payload - cut}};

			assert_int_equal(mr_frame_make_header(header, parts, 4, 1), mask);
			assert_memory_equal(header, whole, sizeof header);
		}
		payload[5000] = 'x';
	}
}

/* Pairs of the golden file, in order. The fourth has the magic in it: its frame is masked. */
static const struct golden_pair {
	const char *key;
	size_t key_size;
	const char *value;
	size_t value_size;
} golden_pairs[] = {
	{"apple", 5, "1", 1},
	{"", 0, "", 0},
	{"\0\xff\n", 3, "two\nlines", 9},
	{"nested", 6, "ab\xf7GWF\1", 7},
	{"zebra", 5, "", 0},
};

static size_t put_pair(uint8_t *out, const struct golden_pair *pair)
{
	size_t size = base_varint_put(out, pair->key_size);

	size += base_varint_put(out + size, pair->value_size);
	memcpy(out + size, pair->key, pair->key_size);
	memcpy(out + size + pair->key_size, pair->value, pair->value_size);
	return size + pair->key_size + pair->value_size;
}

/* Version 1 as it was when it was new: three frames, of 3, 1 and 1 pairs. */
static size_t make_golden(uint8_t *out)
{
	static const uint32_t frames[] = {3, 1, 1};
	size_t used = 0, pair = 0;

	for (size_t i = 0; i < 3; i++) {
		uint8_t payload[256];
		size_t size = 0;

		for (uint32_t k = 0; k < frames[i]; k++)
			size += put_pair(payload + size, &golden_pairs[pair++]);
		used += make_frame(out + used, payload, size, frames[i]);
	}
	return used;
}

static void version_1_is_for_ever(void **state)
{
	/* Beside this file, whichever directory the test runs in. */
	static const char here[] = __FILE__;
	char path[4096];
	uint8_t golden[512], made[512];
	size_t directory = strlen(here) - strlen("src/mapreduce/engine/framed_test.c");
	size_t size;
	FILE *file;

	(void)state;
	snprintf(path, sizeof path, "%.*stest/corpus/framed/v1.bin", (int)directory, here);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s cannot be read", path);
	size = fread(golden, 1, sizeof golden, file);
	fclose(file);
	assert_int_equal(size, make_golden(made));
	assert_memory_equal(golden, made, size);
	for (size_t at = 0; at < size;) {
		struct mr_frame frame;

		assert_int_equal(mr_frame_check(golden + at, size - at, &frame, NULL), 0);
		at += MR_FRAME_HEADER_SIZE + frame.payload_size;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_as_described),
		cmocka_unit_test(frame_reads_back),
		cmocka_unit_test(cut_frame_is_truncated),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(strange_headers_are_refused_by_name),
		cmocka_unit_test(magic_is_found),
		cmocka_unit_test(payload_with_magic_is_masked),
		cmocka_unit_test(masks_that_make_magic_are_passed_over),
		cmocka_unit_test(parts_make_the_same_frame),
		cmocka_unit_test(version_1_is_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
