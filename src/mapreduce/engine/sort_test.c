/* SPDX-License-Identifier: Apache-2.0 */
/* sort_test.c - sorting equals the obvious stable sort, for every kind of key that has a trap in
 * it. */
#include "pair.h"
#include "sort.h"

#include "support/unit.h"

#include <stdlib.h>

struct item {
	uint8_t bytes[200];
	size_t size;
	size_t number;
};

static struct gw_bytes item_key(const void *item)
{
	const struct item *of = item;

	return (struct gw_bytes){of->bytes, of->size};
}

static int by_key(void *context, const void *a, const void *b)
{
	(void)context;
	return mr_compare_bytes(item_key(a), item_key(b));
}

/* Keys of up to size_max bytes, of `letters` different ones, behind `common` equal bytes. */
static struct item *make_items(size_t count, size_t common, size_t size_max, unsigned letters,
			       uint64_t seed)
{
	struct item *items = calloc(count + 1, sizeof *items);

	assert_non_null(items);
	for (size_t i = 0; i < count; i++) {
		items[i].number = i;
		items[i].size = common + test_pick(&seed, size_max + 1);
		for (size_t k = 0; k < items[i].size; k++)
			items[i].bytes[k] = k < common ? 'c' : (uint8_t)test_pick(&seed, letters);
	}
	return items;
}

static void check_sorted(const struct mr_sort_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct item *a = entries[i - 1].item, *b = entries[i].item;
		int order = mr_compare_bytes(item_key(a), item_key(b));

		assert_true(order <= 0);
		if (order == 0)
			assert_true(a->number < b->number);
	}
}

static void sort_and_check(struct item *items, size_t count, size_t depth)
{
	struct mr_sort_entry *entries = calloc(count + 1, sizeof *entries);
	struct mr_sort_entry *scratch = calloc(count + 1, sizeof *scratch);
	bool *seen = calloc(count + 1, sizeof *seen);

	assert_non_null(entries);
	assert_non_null(scratch);
	assert_non_null(seen);
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct mr_sort_entry){mr_key_prefix(item_key(&items[i]), depth),
						    &items[i]};
	mr_sort(entries, scratch, count, depth, item_key);
	check_sorted(entries, count);
	for (size_t i = 0; i < count; i++) {
		const struct item *item = entries[i].item;

		assert_false(seen[item->number]);
		seen[item->number] = true;
	}
	for (size_t i = 0; i < count; i++)
		entries[i].item = &items[i];
	mr_sort_by(entries, scratch, count, by_key, NULL);
	check_sorted(entries, count);
	free(entries);
	free(scratch);
	free(seen);
	free(items);
}

static void random_keys_of_every_size(void **state)
{
	(void)state;
	for (size_t count = 0; count < 200; count++)
		sort_and_check(make_items(count, 0, 20, 256, count + 1), count, 0);
	sort_and_check(make_items(20000, 0, 30, 256, 7), 20000, 0);
}

static void keys_that_end_where_others_have_zeros(void **state)
{
	(void)state;
	/* Letters 0 and 1: "a" and "a\0" have the same zero-padded prefix. */
	for (uint64_t seed = 1; seed < 60; seed++)
		sort_and_check(make_items(500, 0, 24, 2, seed), 500, 0);
	sort_and_check(make_items(5000, 0, 24, 1, 3), 5000, 0);
}

static void many_equal_keys_keep_their_order(void **state)
{
	(void)state;
	sort_and_check(make_items(30000, 3, 1, 2, 11), 30000, 3);
	sort_and_check(make_items(3000, 150, 0, 2, 12), 3000, 0);
}

static void long_common_prefixes_are_skipped_or_passed(void **state)
{
	(void)state;
	sort_and_check(make_items(3000, 150, 40, 3, 21), 3000, 0);
	sort_and_check(make_items(3000, 150, 40, 3, 22), 3000, 150);
	sort_and_check(make_items(3000, 13, 40, 250, 23), 3000, 13);
}

static void prefixes_order_as_bytes_do(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		struct item *items = make_items(2, 0, 9, 3, test_random(&seed));
		size_t depth = round % 4;
		uint64_t a = mr_key_prefix(item_key(&items[0]), depth);
		uint64_t b = mr_key_prefix(item_key(&items[1]), depth);
		struct gw_bytes x = {items[0].bytes + depth,
				     items[0].size > depth ? items[0].size - depth : 0};
		struct gw_bytes y = {items[1].bytes + depth,
				     items[1].size > depth ? items[1].size - depth : 0};

		if (a < b)
			assert_true(mr_compare_bytes(x, y) < 0);
		if (a > b)
			assert_true(mr_compare_bytes(x, y) > 0);
		free(items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_keys_of_every_size),
		cmocka_unit_test(keys_that_end_where_others_have_zeros),
		cmocka_unit_test(many_equal_keys_keep_their_order),
		cmocka_unit_test(long_common_prefixes_are_skipped_or_passed),
		cmocka_unit_test(prefixes_order_as_bytes_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
