/* SPDX-License-Identifier: Apache-2.0 */
/* ranges_test.c - buckets of keys: ranges by splitters against a search from the front; parts by
 * hash, prefix, host, range and the user's function. */
#include "pair.h"
#include "ranges.h"

#include "support/unit.h"

#include <stdlib.h>

enum { SPLITTER_BYTES = 1 << 16, KEY_MAX = 12 };

struct fixture {
	struct mr_config config;
	struct mr_board board;
	struct mr_ranges ranges;
	uint8_t bytes[SPLITTER_BYTES];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	if (!fixture)
		return -1;
	fixture->config.parts = 1;
	fixture->board.ranges = 1;
	fixture->board.splitters = fixture->bytes;
	fixture->board.splitter_capacity = SPLITTER_BYTES;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	mr_ranges_done(&fixture->ranges);
	free(fixture);
	return 0;
}

static void load(struct fixture *fixture, uint32_t ranges, const struct gw_bytes *splitters,
		 uint32_t count)
{
	assert_int_equal(mr_board_set_ranges(&fixture->board, ranges, splitters, count, NULL), 0);
	assert_int_equal(mr_ranges_load(&fixture->ranges, &fixture->config, &fixture->board, NULL),
			 0);
}

static uint32_t bucket(const struct fixture *fixture, const char *key)
{
	return mr_ranges_bucket(&fixture->ranges, NULL, gw_string(key));
}

static size_t random_key(uint8_t *key, uint64_t *seed, size_t common)
{
	size_t size = common + test_pick(seed, KEY_MAX - common + 1);

	for (size_t i = 0; i < size; i++)
		key[i] = i < common ? 'p' : (uint8_t)test_pick(seed, 3);
	return size;
}

static int compare_splitters(const void *a, const void *b)
{
	return mr_compare_bytes(*(const struct gw_bytes *)a, *(const struct gw_bytes *)b);
}

static int compare_backwards(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return mr_compare_bytes(b, a);
}

static int compare_splitters_backwards(const void *a, const void *b)
{
	return compare_splitters(b, a);
}

/* The number of splitters that are not behind the key, counted one by one. */
static uint32_t counted(const struct gw_bytes *splitters, uint32_t count, struct gw_bytes key,
			bool backwards)
{
	uint32_t before = 0;

	while (before < count) {
		int order = mr_compare_bytes(splitters[before], key);

		if ((backwards ? -order : order) > 0)
			break;
		before++;
	}
	return before;
}

static void check_random_ranges(struct fixture *fixture, uint64_t seed, size_t common,
				bool backwards)
{
	uint8_t memory[100][KEY_MAX];
	struct gw_bytes splitters[100];
	uint32_t count = (uint32_t)test_pick(&seed, 100);

	for (uint32_t i = 0; i < count; i++)
		splitters[i] = (struct gw_bytes){memory[i], random_key(memory[i], &seed, common)};
	qsort(splitters, count, sizeof *splitters,
	      backwards ? compare_splitters_backwards : compare_splitters);
	fixture->config.job.compare = backwards ? compare_backwards : NULL;
	load(fixture, count + 1, splitters, count);
	for (size_t i = 0; i < 2000; i++) {
		uint8_t bytes[KEY_MAX];
		struct gw_bytes key = {bytes, random_key(bytes, &seed, i % 2 ? common : 0)};

		assert_int_equal(mr_ranges_bucket(&fixture->ranges, NULL, key),
				 counted(splitters, count, key, backwards));
	}
}

static void ranges_are_those_of_a_search_from_the_front(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		check_random_ranges(*state, seed, 0, false);
		check_random_ranges(*state, seed, 9, false);
		check_random_ranges(*state, seed, 0, true);
	}
}

static void a_bucket_knows_what_its_keys_share(void **state)
{
	struct fixture *fixture = *state;
	const struct gw_bytes splitters[] = {gw_string("abcd"), gw_string("abxy"), gw_string("b")};

	load(fixture, 4, splitters, 3);
	assert_int_equal(mr_ranges_common(&fixture->ranges, 0), 0);
	assert_int_equal(mr_ranges_common(&fixture->ranges, 1), 2);
	assert_int_equal(mr_ranges_common(&fixture->ranges, 2), 0);
	assert_int_equal(mr_ranges_common(&fixture->ranges, 3), 0);
}

static void parts_by_hash_spread_and_keep_ranges(void **state)
{
	struct fixture *fixture = *state;
	const struct gw_bytes splitters[] = {gw_string("m")};
	unsigned seen[8] = {0};

	fixture->config.parts = 4;
	load(fixture, 2, splitters, 1);
	for (int i = 0; i < 1000; i++) {
		char key[3] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), 0};
		uint32_t number = bucket(fixture, key);

		assert_true(number < 8);
		assert_int_equal(number % 2, key[0] >= 'm');
		seen[number]++;
	}
	for (size_t i = 0; i < 8; i++)
		assert_true(seen[i] > 40);
}

static void parts_by_host_and_prefix_keep_keys_together(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.parts = 1000;
	fixture->config.job.partition_by = GW_MR_BY_HOST;
	load(fixture, 1, NULL, 0);
	assert_int_equal(bucket(fixture, "http://a.example/x"),
			 bucket(fixture, "https://a.example:8080/y?z"));
	assert_int_equal(bucket(fixture, "http://me@a.example"),
			 bucket(fixture, "http://a.example#top"));
	assert_int_not_equal(bucket(fixture, "http://a.example/x"),
			     bucket(fixture, "http://b.example/x"));
	fixture->config.job.partition_by = GW_MR_BY_PREFIX;
	fixture->config.job.partition_separator = '/';
	assert_int_equal(bucket(fixture, "k/1"), bucket(fixture, "k/2"));
	assert_int_equal(bucket(fixture, "k/1"), bucket(fixture, "k"));
	assert_int_not_equal(bucket(fixture, "k/1"), bucket(fixture, "l/1"));
}

static uint32_t too_many_parts(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts)
{
	(void)task;
	return parts + (uint32_t)key.size;
}

static void parts_of_the_user_are_taken_modulo(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.parts = 5;
	fixture->config.job.partition = too_many_parts;
	load(fixture, 1, NULL, 0);
	assert_int_equal(bucket(fixture, "xx"), 2);
	assert_int_equal(bucket(fixture, "1234567"), 2);
}

static void parts_by_range_are_in_order(void **state)
{
	struct fixture *fixture = *state;
	const struct gw_bytes splitters[] = {gw_string("b"), gw_string("c"), gw_string("d")};

	fixture->config.parts = 2;
	fixture->config.job.partition_by = GW_MR_BY_RANGE;
	load(fixture, 2, splitters, 3);
	assert_int_equal(bucket(fixture, ""), 0);
	assert_int_equal(bucket(fixture, "b"), 1);
	assert_int_equal(bucket(fixture, "cz"), 2);
	assert_int_equal(bucket(fixture, "zz"), 3);
}

/* Whatever is left behind the last key that fits: nothing, or less than a size takes. */
static void keys_of_ranges_stay_in_their_memory(void **state)
{
	struct fixture *fixture = *state;
	const struct gw_bytes splitters[] = {gw_string("bbbb"), gw_string("c")};

	for (uint32_t capacity = 8; capacity < 13; capacity++) {
		struct gw_error error = {0};

		memset(fixture->bytes, '#', 32);
		fixture->board.splitter_capacity = capacity;
		assert_int_equal(mr_board_set_ranges(&fixture->board, 3, splitters, 2, &error),
				 GW_E_TOO_LARGE);
		assert_int_equal(fixture->bytes[capacity], '#');
	}
	fixture->board.splitter_capacity = 13;
	load(fixture, 3, splitters, 2);
	assert_int_equal(bucket(fixture, "c"), 2);
}

static void host_of_what_is_no_url(void **state)
{
	(void)state;
	assert_int_equal(mr_url_host(gw_string("")).size, 0);
	assert_int_equal(mr_url_host(gw_string("word")).size, 4);
	assert_int_equal(mr_url_host(gw_string("a/b://c")).size, 1);
	assert_int_equal(mr_url_host(gw_string("://")).size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ranges_are_those_of_a_search_from_the_front, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_bucket_knows_what_its_keys_share, setup,
						teardown),
		cmocka_unit_test_setup_teardown(parts_by_hash_spread_and_keep_ranges, setup,
						teardown),
		cmocka_unit_test_setup_teardown(parts_by_host_and_prefix_keep_keys_together, setup,
						teardown),
		cmocka_unit_test_setup_teardown(parts_of_the_user_are_taken_modulo, setup,
						teardown),
		cmocka_unit_test_setup_teardown(parts_by_range_are_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_of_ranges_stay_in_their_memory, setup,
						teardown),
		cmocka_unit_test(host_of_what_is_no_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
