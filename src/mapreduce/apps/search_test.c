/* SPDX-License-Identifier: Apache-2.0 */
/* search_test.c - every kernel of search.c against the obvious loop, at the very edge of memory. */
#include "search.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { ROOM = 1 << 16, PAGE = 4096 };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ROOM bytes with unreadable pages on both sides: a read too far is a crash. */
static char *room_new(void)
{
	char *memory = mmap(NULL, ROOM + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	assert_int_equal(mprotect(memory + PAGE, ROOM, PROT_READ | PROT_WRITE), 0);
	return memory + PAGE;
}

static void room_free(char *room)
{
	munmap(room - PAGE, ROOM + 2 * PAGE);
}

static uint8_t folded(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static const char *find_obvious(struct gw_bytes needle, bool ignore_case, const char *data,
				const char *end)
{
	const char *bytes = needle.data;

	for (; (size_t)(end - data) >= needle.size; data++) {
		size_t i = 0;

		while (i < needle.size &&
		       (data[i] == bytes[i] || (ignore_case && folded((uint8_t)data[i]) ==
								       folded((uint8_t)bytes[i]))))
			i++;
		if (i == needle.size)
			return data;
	}
	return NULL;
}

/* All matches of the needle in [data, end), with every kernel that runs here. */
static void check_all(struct gw_bytes needle, bool ignore_case, const char *data, const char *end)
{
	struct mr_search search;

	mr_search_init(&search, needle, ignore_case);
	for (int kernel = 0; kernel < MR_SEARCH_KERNELS; kernel++) {
		const char *from = data;

		if (!mr_search_runs_here(kernel))
			continue;
		search.kernel = (uint8_t)kernel;
		while (from) {
			const char *expected = find_obvious(needle, ignore_case, from, end);

			assert_ptr_equal(mr_search_find(&search, from, end), expected);
			from = expected ? expected + 1 : NULL;
		}
	}
}

static void test_finds_at_every_place(void **state)
{
	char *room = room_new();
	char *end = room + ROOM;

	(void)state;
	memset(room, 'x', ROOM);
	for (size_t size = 0; size < 600; size++) {
		struct gw_bytes needle = gw_string("needle");

		for (size_t at = 0; at + needle.size <= size; at += at < 70 ? 1 : 13) {
			memcpy(end - size + at, needle.data, needle.size);
			check_all(needle, false, end - size, end);
			memset(end - size + at, 'x', needle.size);
		}
		check_all(needle, false, end - size, end);
	}
	room_free(room);
}

static void test_matches_the_obvious_loop(void **state)
{
	static const char *const alphabets[] = {"ab", "aA", "abcdefghijABCDEFGHIJ \n", "zZ@`[{"};
	char *room = room_new();
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		const char *alphabet = alphabets[round % 4];
		size_t letters = strlen(alphabet), size = next_random(&seed) % 700;
		char *data = room + ROOM - size;
		char needle[12];
		size_t needle_size = 1 + next_random(&seed) % sizeof needle;

		for (size_t i = 0; i < size; i++)
			data[i] = alphabet[next_random(&seed) % letters];
		for (size_t i = 0; i < needle_size; i++)
			needle[i] = alphabet[next_random(&seed) % letters];
		check_all((struct gw_bytes){needle, needle_size}, round / 4 % 2, data, data + size);
	}
	room_free(room);
}

static void test_reads_no_byte_before_or_behind(void **state)
{
	char *room = room_new();
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < ROOM; i++)
		room[i] = (char)next_random(&seed);
	for (size_t size = 1; size < 400; size += 3) {
		check_all((struct gw_bytes){room + ROOM - size, size}, false, room, room + ROOM);
		check_all((struct gw_bytes){room, size}, true, room, room + size);
	}
	room_free(room);
}

static void test_long_needle_with_its_rare_bytes_far_apart(void **state)
{
	char *room = room_new();
	char needle[2000];

	(void)state;
	memset(room, ' ', ROOM);
	memset(needle, ' ', sizeof needle);
	needle[0] = 'Q';
	needle[1999] = 'Z';
	memcpy(room + 5000, needle, sizeof needle);
	memcpy(room + ROOM - sizeof needle, needle, sizeof needle);
	check_all((struct gw_bytes){needle, sizeof needle}, false, room, room + ROOM);
	check_all((struct gw_bytes){needle, sizeof needle}, true, room, room + ROOM);
	room_free(room);
}

static void test_ignores_case_of_ascii_letters_only(void **state)
{
	static const char text[] = "@`[{^~\xc4\xe4 MiXeD mixed";
	const char *end = text + sizeof text - 1;
	struct mr_search search;

	(void)state;
	mr_search_init(&search, gw_string("mIxEd"), true);
	assert_ptr_equal(mr_search_find(&search, text, end), strstr(text, "MiXeD"));
	mr_search_init(&search, gw_string("`"), true);
	assert_ptr_equal(mr_search_find(&search, text, end), text + 1);
	mr_search_init(&search, gw_string("{"), true);
	assert_ptr_equal(mr_search_find(&search, text, end), text + 3);
	mr_search_init(&search, gw_string("\xe4"), true);
	assert_ptr_equal(mr_search_find(&search, text, end), text + 7);
	assert_true(mr_search_matches(&search, text + 7));
	assert_false(mr_search_matches(&search, text + 6));
}

static void test_compares_rare_bytes_first(void **state)
{
	struct mr_search search;

	(void)state;
	mr_search_init(&search, gw_string("the quiz"), false);
	assert_int_equal(search.first.offset, 4);
	assert_int_equal(search.second.offset, 7);
	mr_search_init(&search, gw_string("e"), true);
	assert_int_equal(search.first.offset, 0);
	assert_int_equal(search.second.offset, 0);
	assert_int_equal(search.first.fold, 0x20);
}

static void test_counts_lines(void **state)
{
	char *room = room_new();
	uint64_t seed = 99;

	(void)state;
	for (size_t size = 0; size < 2000; size += size < 400 ? 1 : 97) {
		char *data = room + ROOM - size;
		size_t expected = 0;

		for (size_t i = 0; i < size; i++) {
			data[i] = "a\n\v"[next_random(&seed) % 3];
			expected += data[i] == '\n';
		}
		for (int kernel = 0; kernel < MR_SEARCH_KERNELS; kernel++) {
			if (mr_search_runs_here(kernel))
				assert_int_equal(mr_count_lines(kernel, data, size), expected);
		}
	}
	room_free(room);
}

static void test_best_kernel_runs_here(void **state)
{
	(void)state;
	assert_true(mr_search_runs_here(mr_search_best_kernel()));
	assert_true(mr_search_runs_here(MR_SEARCH_PLAIN));
	assert_false(mr_search_runs_here(MR_SEARCH_KERNELS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_at_every_place),
		cmocka_unit_test(test_matches_the_obvious_loop),
		cmocka_unit_test(test_reads_no_byte_before_or_behind),
		cmocka_unit_test(test_long_needle_with_its_rare_bytes_far_apart),
		cmocka_unit_test(test_ignores_case_of_ascii_letters_only),
		cmocka_unit_test(test_compares_rare_bytes_first),
		cmocka_unit_test(test_counts_lines),
		cmocka_unit_test(test_best_kernel_runs_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
