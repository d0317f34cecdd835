/* SPDX-License-Identifier: Apache-2.0 */
/* buffer_test.c - growing arrays and buffers. */
#include "base/buffer.h"

#include "base/allocate.h"
#include "support/unit.h"

#include <stdlib.h>

static void arrays_at_least_double(void **state)
{
	size_t capacity = 0;
	size_t grown = 0;
	uint32_t *items = NULL;

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		size_t before = capacity;

		items = base_grow(items, sizeof(*items), &capacity, i + 1);
		assert_non_null(items);
		assert_true(capacity > i);
		grown += capacity != before;
		items[i] = (uint32_t)i;
	}
	assert_true(grown < 20);
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(items[i], i);
	free(items);
}

static void arrays_that_cannot_be_are_refused(void **state)
{
	size_t capacity = 0;

	(void)state;
	assert_null(base_grow(NULL, 8, &capacity, SIZE_MAX / 8 + 1));
	assert_null(base_grow(NULL, 1, &capacity, SIZE_MAX));
	assert_int_equal(capacity, 0);
	capacity = SIZE_MAX / 2 + 1; /* doubling would wrap */
	assert_null(base_grow(NULL, 1, &capacity, SIZE_MAX / 2 + 2));
}

static void appends_add_up(void **state)
{
	struct base_buffer buffer = {0};
	uint64_t seed = 3;
	size_t size = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		unsigned char piece[256];
		size_t piece_size = test_pick(&seed, sizeof(piece));

		for (size_t j = 0; j < piece_size; j++)
			piece[j] = (unsigned char)((size + j) * 7);
		assert_int_equal(base_buffer_append(&buffer, piece, piece_size, NULL), 0);
		size += piece_size;
	}
	assert_int_equal(base_buffer_bytes(&buffer).size, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(buffer.data[i], (unsigned char)(i * 7));
	base_buffer_done(&buffer);
	base_buffer_done(&buffer);
	base_buffer_done(NULL);
}

static void text_and_formats(void **state)
{
	struct base_buffer buffer = {0};

	(void)state;
	assert_int_equal(base_buffer_append(&buffer, NULL, 0, NULL), 0);
	assert_int_equal(base_buffer_append_string(&buffer, "key", NULL), 0);
	assert_int_equal(base_buffer_append_format(&buffer, NULL, "\t%d\n", 42), 0);
	assert_int_equal(base_buffer_append_format(&buffer, NULL, "%s", ""), 0);
	assert_int_equal(buffer.size, 7);
	assert_memory_equal(buffer.data, "key\t42\n", 7);
	base_buffer_done(&buffer);
}

/* The limit counts bytes in use: it can be reached, by every way of appending, but not passed. */
static void the_limit_can_be_reached_but_not_passed(void **state)
{
	struct base_buffer buffer = {.size_max = 20};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(base_buffer_append_string(&buffer, "0123456789", &error), 0);
	assert_int_equal(base_buffer_append_string(&buffer, "01234567890", &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text, "a buffer of 10 bytes cannot take 11 more");
	assert_int_equal(base_buffer_append_format(&buffer, &error, "%011d", 1), GW_E_TOO_LARGE);
	assert_int_equal(base_buffer_append_format(&buffer, &error, "%010d", 1), 0);
	assert_int_equal(buffer.size, 20);
	assert_memory_equal(buffer.data, "01234567890000000001", 20);
	assert_int_equal(base_buffer_append(&buffer, "x", SIZE_MAX, &error), GW_E_TOO_LARGE);
	assert_int_equal(base_buffer_reserve(&buffer, 0, &error), 0);
	base_buffer_done(&buffer);
	assert_int_equal(buffer.size_max, 20);
}

static int fill(void *context)
{
	struct base_buffer buffer = {0};
	struct gw_error error = {0};
	int result = 0;

	(void)context;
	for (int i = 0; i < 100 && result == 0; i++)
		result = base_buffer_append_string(&buffer, "some bytes", &error);
	for (int i = 0; i < 100 && result == 0; i++)
		result = base_buffer_append_format(&buffer, &error, "%064d", i);
	assert_int_equal(error.code, result);
	base_buffer_done(&buffer);
	return result;
}

static int copy_three(void *unused)
{
	char first[] = "first";
	const char *one = first, *none = NULL, *three = "three";
	const char **texts[] = {&one, &none, &three};
	bool all = base_copy_texts(texts, 3);

	(void)unused;
	first[0] = 'F';
	assert_null(none);
	if (all) {
		assert_string_equal(one, "first");
		assert_string_equal(three, "three");
	} else {
		assert_null(three);
	}
	base_free_texts(texts, 3);
	assert_null(one);
	return all ? 0 : GW_E_NO_MEMORY;
}

static void memory_that_runs_out_is_reported(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(fill, NULL) > 3);
}

static void texts_are_copied_all_or_freed(void **state)
{
	(void)state;
	assert_int_equal(copy_three(NULL), 0);
	assert_int_equal(test_each_allocation_fails(copy_three, NULL), 2);
}

static void bytes_that_do_not_end_are_copied_as_a_text(void **state)
{
	char *three = malloc(3), *copy, *empty = base_copy_text((struct gw_bytes){NULL, 0});

	(void)state;
	assert_non_null(three);
	memcpy(three, "abc", 3);
	copy = base_copy_text((struct gw_bytes){three, 3});
	assert_string_equal(copy, "abc");
	assert_string_equal(empty, "");
	free(three);
	free(copy);
	free(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_at_least_double),
		cmocka_unit_test(arrays_that_cannot_be_are_refused),
		cmocka_unit_test(appends_add_up),
		cmocka_unit_test(text_and_formats),
		cmocka_unit_test(the_limit_can_be_reached_but_not_passed),
		cmocka_unit_test(memory_that_runs_out_is_reported),
		cmocka_unit_test(texts_are_copied_all_or_freed),
		cmocka_unit_test(bytes_that_do_not_end_are_copied_as_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
