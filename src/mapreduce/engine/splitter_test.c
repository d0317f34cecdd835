/* SPDX-License-Identifier: Apache-2.0 */
/* splitter_test.c - every kernel of gw_split against the obvious loop, at the very edge of
 * memory. */
#include "splitter.h"

#include "support/unit.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ROOM = 1 << 16, PAGE = 4096, TOKENS_MAX = ROOM };

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

/* The bytes of set, as the caller's own loop would cut them. */
static size_t split_obvious(struct gw_bytes set, const char *data, size_t size, size_t position,
			    struct gw_token *tokens)
{
	size_t count = 0;
	bool inside = false;

	for (; position < size; position++) {
		if (set.size > 0 && memchr(set.data, data[position], set.size)) {
			inside = false;
			continue;
		}
		if (!inside)
			tokens[count++] = (struct gw_token){(uint32_t)position, 0};
		tokens[count - 1].size++;
		inside = true;
	}
	return count;
}

/* Cuts with calls of `max` tokens each; nothing may be written behind max. */
static size_t split_in_calls(const struct gw_splitter *splitter, const char *data, size_t size,
			     size_t position, size_t max, struct gw_token *tokens)
{
	size_t count = 0;

	while (position < size) {
		size_t before = position, made;

		assert_true(count + max < TOKENS_MAX);
		tokens[count + max] = (struct gw_token){0x5a5a5a5a, 0xa5a5a5a5};
		made = gw_split(splitter, data, size, &position, tokens + count, max);
		assert_int_equal(tokens[count + max].offset, 0x5a5a5a5a);
		assert_int_equal(tokens[count + max].size, 0xa5a5a5a5);
		assert_true(made <= max && position <= size && position > before);
		count += made;
	}
	assert_int_equal(position, size);
	return count;
}

static void check_kernel(struct gw_bytes set, enum mr_splitter_kernel kernel, const char *data,
			 size_t size, size_t position, size_t max)
{
	struct gw_token *expected = malloc(TOKENS_MAX * sizeof *expected);
	struct gw_token *tokens = malloc(TOKENS_MAX * sizeof *tokens);
	struct gw_splitter splitter;
	size_t count;

	assert_non_null(expected);
	assert_non_null(tokens);
	gw_splitter_init(&splitter, set);
	splitter.kernel = (uint8_t)kernel;
	count = split_obvious(set, data, size, position, expected);
	assert_int_equal(split_in_calls(&splitter, data, size, position, max, tokens), count);
	assert_memory_equal(tokens, expected, count * sizeof *tokens);
	free(tokens);
	free(expected);
}

static void check_all(struct gw_bytes set, const char *data, size_t size, size_t position,
		      size_t max)
{
	for (int kernel = 0; kernel < MR_SPLITTER_KERNELS; kernel++) {
		if (mr_splitter_runs_here(kernel))
			check_kernel(set, kernel, data, size, position, max);
	}
}

static void test_every_size_at_both_edges(void **state)
{
	char *room = room_new();
	struct gw_bytes set = gw_string(" \n");
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < ROOM; i++)
		room[i] = "a b\n"[test_pick(&seed, 4)];
	for (size_t size = 0; size < 300; size++) {
		check_all(set, room + ROOM - size, size, 0, 64);
		check_all(set, room, size, size / 3, 1000);
	}
	room_free(room);
}

static void test_random_sets_and_bytes(void **state)
{
	char *room = room_new();
	uint64_t seed = 2;

	(void)state;
	for (int round = 0; round < 400; round++) {
		size_t size = test_pick(&seed, 5000), set_size = test_pick(&seed, 256);
		unsigned values = round % 3 ? 1 + (unsigned)test_pick(&seed, 256) : 256;
		char *data = room + ROOM - size;
		uint8_t set[256];

		for (size_t i = 0; i < set_size; i++)
			set[i] = (uint8_t)test_random(&seed);
		for (size_t i = 0; i < size; i++)
			data[i] = (char)test_pick(&seed, values);
		check_all((struct gw_bytes){set, set_size}, data, size,
			  size ? test_pick(&seed, size) : 0, 64 + test_pick(&seed, 3000));
	}
	room_free(room);
}

static void test_each_byte_alone_separates(void **state)
{
	char *room = room_new();
	char data[512];

	(void)state;
	for (int i = 0; i < 512; i++)
		data[i] = (char)i;
	memcpy(room + ROOM - 512, data, 512);
	for (int byte = 0; byte < 256; byte++) {
		uint8_t only = (uint8_t)byte, others[255];

		for (int i = 0; i < 255; i++)
			others[i] = (uint8_t)(i < byte ? i : i + 1);
		check_all((struct gw_bytes){&only, 1}, room + ROOM - 512, 512, 0, 64);
		check_all((struct gw_bytes){others, 255}, room + ROOM - 512, 512, 0, 64);
	}
	room_free(room);
}

/* A token that runs over many blocks, with the room for tokens at its smallest. */
static void test_long_tokens_between_short_ones(void **state)
{
	char *room = room_new();
	size_t at = 0;

	(void)state;
	memset(room, 'x', ROOM);
	for (size_t length = 1; at + length < ROOM; at += length + 1) {
		room[at + length] = ' ';
		length = at % 7 == 0 ? 3 * length + 1 : 1 + length % 5;
	}
	for (size_t max = 64; max < 100; max++)
		check_all(gw_string(" "), room, ROOM, 0, max);
	room_free(room);
}

static void test_nothing_and_only_separators(void **state)
{
	struct gw_splitter splitter;
	struct gw_token tokens[64];
	char spaces[200];
	size_t position = 0;

	(void)state;
	memset(spaces, ' ', sizeof spaces);
	gw_splitter_init_space(&splitter);
	for (int kernel = 0; kernel < MR_SPLITTER_KERNELS; kernel++) {
		if (!mr_splitter_runs_here(kernel))
			continue;
		splitter.kernel = (uint8_t)kernel;
		position = 0;
		assert_int_equal(gw_split(&splitter, "", 0, &position, tokens, 64), 0);
		assert_int_equal(position, 0);
		assert_int_equal(gw_split(&splitter, spaces, 200, &position, tokens, 64), 0);
		assert_int_equal(position, 200);
	}
}

static void test_space_is_what_isspace_takes(void **state)
{
	struct gw_splitter splitter;

	(void)state;
	gw_splitter_init_space(&splitter);
	for (int i = 0; i < 256; i++)
		assert_int_equal(splitter.member[i], i == ' ' || (i >= '\t' && i <= '\r'));
	assert_true(mr_splitter_runs_here(splitter.kernel));
	assert_false(mr_splitter_runs_here(MR_SPLITTER_KERNELS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_at_both_edges),
		cmocka_unit_test(test_random_sets_and_bytes),
		cmocka_unit_test(test_each_byte_alone_separates),
		cmocka_unit_test(test_long_tokens_between_short_ones),
		cmocka_unit_test(test_nothing_and_only_separators),
		cmocka_unit_test(test_space_is_what_isspace_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
