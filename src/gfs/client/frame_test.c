/* SPDX-License-Identifier: Apache-2.0 */
/* frame_test.c - frames among everything that may be in a file. */
#include "gfs/client/frame.h"

#include <stdlib.h>

#include "support/unit.h"

enum { ROOM = 4096 };

static size_t put(uint8_t *out, uint64_t sequence, const char *text)
{
	return gfs_frame_put(
		out,
		&(struct gfs_frame){.writer = 9, .sequence = sequence, .data = gw_string(text)});
}

static void assert_finds(const uint8_t *data, size_t size, size_t at, size_t there,
			 uint64_t sequence)
{
	struct gfs_frame frame;

	assert_int_equal(gfs_frame_find((struct gw_bytes){data, size}, true, &at, &frame), 1);
	assert_int_equal(at, there);
	assert_int_equal(frame.sequence, sequence);
	assert_int_equal(frame.writer, 9);
}

/* The bytes of version 1, which are for ever. */
static void the_format_is_what_it_was(void **state)
{
	static const uint8_t golden[] = {'G',  'W',  'r',  '1',	 2,    0,    0,	 0,    0x28,
					 0xe3, 0x52, 0xe0, 1,	 0,    0,    0,	 0x88, 0x77,
					 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 5,	 0,    0,
					 0,    0,    0,	   0,	 0,    'h',  'i'};
	uint8_t frame[64];
	size_t size =
		gfs_frame_put(frame, &(struct gfs_frame){.kind = GFS_FRAME_CHECKPOINT,
							 .writer = UINT64_C(0x1122334455667788),
							 .sequence = 5,
							 .data = gw_string("hi")});

	(void)state;
	assert_int_equal(size, sizeof(golden));
	assert_memory_equal(frame, golden, sizeof(golden));
}

static void records_are_found_among_padding_and_parts(void **state)
{
	uint8_t *data = calloc(1, ROOM);
	size_t first, second, third, size = 0, at;
	struct gfs_frame frame;

	(void)state;
	assert_non_null(data);
	first = size = 100;
	size += put(data + size, 1, "one");
	size += put(data + size, 2, "cut") - 2; /* a part, and the next one over it */
	second = size;
	size += put(data + size, 3, "three");
	size += 200;
	third = size;
	size += put(data + size, 4, "");
	assert_finds(data, size, 0, first, 1);
	assert_finds(data, size, first + 1, second, 3);
	assert_finds(data, size, second + 1, third, 4);
	at = third + 1;
	assert_int_equal(gfs_frame_find((struct gw_bytes){data, size}, false, &at, &frame), 0);
	assert_int_equal(at, size);
	free(data);
}

static void a_part_at_the_end_is_waited_for_unless_it_is_the_end(void **state)
{
	uint8_t data[128] = {0};
	size_t size = 10 + put(data + 10, 1, "to come"), at;
	struct gfs_frame frame;

	(void)state;
	for (size_t cut = 11; cut < size; cut++) {
		at = 0;
		assert_int_equal(gfs_frame_find((struct gw_bytes){data, cut}, false, &at, &frame),
				 0);
		assert_int_equal(at, 10);
		at = 0;
		assert_int_equal(gfs_frame_find((struct gw_bytes){data, cut}, true, &at, &frame),
				 0);
		assert_int_equal(at, cut);
	}
	assert_finds(data, size, 0, 10, 1);
}

/* The head of a frame that was never written in whole does not hide what is behind it. */
static void a_part_does_not_hide_a_record_behind_it(void **state)
{
	uint8_t data[256] = {0};
	size_t there;

	(void)state;
	(void)put(data, 1,
		  "this says that it is longer than all that comes behind it, and it is not");
	there = GW_GFS_RECORD_FRAME_BYTES + 3;
	assert_finds(data, there + put(data + there, 2, "here"), 0, there, 2);
}

/* Until it is there as a whole, the data of a record are not taken for records. */
static void a_record_in_a_record_is_no_record(void **state)
{
	uint8_t data[256] = {0}, inner[64];
	size_t inner_size = put(inner, 2, "within"), size, at;
	struct gfs_frame frame = {.writer = 9, .sequence = 1, .data = {inner, inner_size}};

	(void)state;
	size = gfs_frame_put(data, &frame);
	for (size_t cut = 1; cut < size; cut++) {
		at = 0;
		assert_int_equal(gfs_frame_find((struct gw_bytes){data, cut}, false, &at, &frame),
				 0);
		assert_int_equal(at, 0);
	}
	assert_finds(data, size, 0, 0, 1);
}

static void any_flipped_bit_makes_it_no_record(void **state)
{
	uint8_t data[64];
	size_t size = put(data, 1, "each bit counts");
	struct gfs_frame frame;

	(void)state;
	for (size_t bit = 0; bit < size * 8; bit++) {
		size_t at = 0;

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(gfs_frame_find((struct gw_bytes){data, size}, true, &at, &frame),
				 0);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_finds(data, size, 0, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_is_what_it_was),
		cmocka_unit_test(records_are_found_among_padding_and_parts),
		cmocka_unit_test(a_part_at_the_end_is_waited_for_unless_it_is_the_end),
		cmocka_unit_test(a_part_does_not_hide_a_record_behind_it),
		cmocka_unit_test(a_record_in_a_record_is_no_record),
		cmocka_unit_test(any_flipped_bit_makes_it_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
