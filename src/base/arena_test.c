/* SPDX-License-Identifier: Apache-2.0 */
/* arena_test.c - alignment, overlap, limit, reset, and memory that runs out. */
#include "base/arena.h"

#include "support/unit.h"

static void zero_is_an_empty_arena(void **state)
{
	struct base_arena arena = {0};

	(void)state;
	base_arena_reset(&arena);
	base_arena_done(&arena);
	base_arena_done(NULL);
	assert_non_null(base_arena_alloc(&arena, 0, 1));
	base_arena_done(&arena);
	assert_int_equal(arena.bytes, 0);
}

/* Allocations of random sizes and alignments keep their bytes, so none overlaps another. */
static void allocations_are_aligned_and_apart(void **state)
{
	enum { COUNT = 2000 };
	static unsigned char *blocks[COUNT];
	static size_t sizes[COUNT];
	struct base_arena arena = {0};
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		size_t alignment = (size_t)1 << test_pick(&seed, 13);

		sizes[i] = test_pick(&seed, i % 100 ? 300 : 3000000);
		blocks[i] = base_arena_alloc(&arena, sizes[i], alignment);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % alignment, 0);
		memset(blocks[i], (int)(i & 0xff), sizes[i]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(blocks[i][j], i & 0xff);
	}
	base_arena_done(&arena);
}

static void copies_end_in_nul(void **state)
{
	struct base_arena arena = {0};
	char *copy;

	(void)state;
	assert_string_equal(base_arena_string(&arena, "a name"), "a name");
	copy = base_arena_copy(&arena, (struct gw_bytes){"a\0b", 3});
	assert_memory_equal(copy, "a\0b\0", 4);
	assert_string_equal(base_arena_copy(&arena, (struct gw_bytes){0}), "");
	base_arena_done(&arena);
}

static void arrays_are_zeroed_and_checked(void **state)
{
	struct base_arena arena = {0};
	uint64_t *numbers;

	(void)state;
	memset(base_arena_alloc(&arena, 4000, 1), 0xff, 4000);
	base_arena_reset(&arena);
	numbers = base_arena_array(&arena, 100, sizeof(*numbers));
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(numbers[i], 0);
	assert_null(base_arena_array(&arena, SIZE_MAX / 4, 8));
	base_arena_done(&arena);
}

static void absurd_sizes_are_refused(void **state)
{
	struct base_arena arena = {0};

	(void)state;
	assert_null(base_arena_alloc(&arena, SIZE_MAX, 1));
	assert_null(base_arena_alloc(&arena, PTRDIFF_MAX, 4096));
	assert_null(base_arena_copy(&arena, (struct gw_bytes){"", SIZE_MAX}));
	assert_int_equal(arena.bytes, 0);
	base_arena_done(&arena);
}

static void the_limit_is_never_passed(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (size_t limit = 1; limit < 100000; limit = limit * 3 + 1) {
		struct base_arena arena = {.bytes_max = limit};
		size_t got = 0;
		size_t size = test_pick(&seed, 900) + 1;

		while (base_arena_alloc(&arena, size, 8)) {
			got += size;
			assert_true(arena.bytes <= limit);
		}
		/* What is lost is less than a header, an alignment and one allocation per chunk. */
		if (limit > 20000)
			assert_true(got > limit / 2);
		assert_null(base_arena_alloc(&arena, limit, 1));
		base_arena_done(&arena);
		assert_int_equal(arena.bytes_max, limit);
	}
}

static void reset_keeps_one_chunk(void **state)
{
	struct base_arena arena = {0};
	size_t kept;
	void *first;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_non_null(base_arena_alloc(&arena, 1000, 8));
	base_arena_reset(&arena);
	kept = arena.bytes;
	assert_in_range(kept, BASE_ARENA_CHUNK_MIN, BASE_ARENA_CHUNK_MAX + 64);
	first = base_arena_alloc(&arena, 1000, 8);
	assert_non_null(first);
	assert_int_equal(arena.bytes, kept);
	base_arena_reset(&arena);
	assert_ptr_equal(base_arena_alloc(&arena, 1000, 8), first);
	base_arena_done(&arena);
}

static int fill(void *context)
{
	struct base_arena arena = {0};
	int result = 0;

	(void)context;
	for (int i = 0; i < 100 && result == 0; i++) {
		if (!base_arena_alloc(&arena, 5000, 16))
			result = GW_E_NO_MEMORY;
	}
	/* A failed allocation leaves an arena that still works. */
	if (result < 0)
		assert_non_null(base_arena_string(&arena, "still here"));
	base_arena_done(&arena);
	return result;
}

static void memory_that_runs_out_is_reported(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(fill, NULL) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_an_empty_arena),
		cmocka_unit_test(allocations_are_aligned_and_apart),
		cmocka_unit_test(copies_end_in_nul),
		cmocka_unit_test(arrays_are_zeroed_and_checked),
		cmocka_unit_test(absurd_sizes_are_refused),
		cmocka_unit_test(the_limit_is_never_passed),
		cmocka_unit_test(reset_keeps_one_chunk),
		cmocka_unit_test(memory_that_runs_out_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
