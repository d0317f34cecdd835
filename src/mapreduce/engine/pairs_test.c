/* SPDX-License-Identifier: Apache-2.0 */
/* pairs_test.c - the pair buffer: what it keeps, copies, refuses and drops; and pairs as bytes. */
#include "pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct mr_pair make_pair(const char *key, const char *value)
{
	return (struct mr_pair){.key = key, .key_size = (uint32_t)strlen(key), .value = value,
				.value_size = (uint32_t)strlen(value) & INT32_MAX};
}

static void copies_only_what_does_not_last(void **state)
{
	char key[] = "key", value[] = "value";
	struct mr_pair pair = make_pair(key, value);
	struct mr_pairs pairs;

	(void)state;
	assert_int_equal(mr_pairs_init(&pairs, 1 << 20, false, NULL), 0);
	assert_int_equal(mr_pairs_add(&pairs, &pair, true, false, NULL), 1);
	assert_ptr_equal(pairs.pairs[0].key, key);
	assert_ptr_not_equal(pairs.pairs[0].value, value);
	value[0] = 'X';
	assert_memory_equal(pairs.pairs[0].value, "value", 5);
	assert_int_equal(pairs.copied, 5);
	mr_pairs_done(&pairs);
}

static void is_full_by_memory_and_takes_one_pair_of_any_size(void **state)
{
	static char big[10000];
	struct mr_pair pair = {.key = "k", .key_size = 1, .value = big, .value_size = sizeof big};
	struct mr_pairs pairs;
	size_t count = 0;

	(void)state;
	assert_int_equal(mr_pairs_init(&pairs, 4096, false, NULL), 0);
	assert_int_equal(mr_pairs_add(&pairs, &pair, false, false, NULL), 1);
	assert_int_equal(mr_pairs_add(&pairs, &pair, false, false, NULL), 0);
	mr_pairs_clear(&pairs);
	pair.value_size = 10;
	while (mr_pairs_add(&pairs, &pair, true, true, NULL) == 1)
		count++;
	assert_in_range(count, 100, 4096 / sizeof(struct mr_pair));
	mr_pairs_done(&pairs);
}

static void a_set_keeps_each_pair_once(void **state)
{
	struct mr_pairs pairs;
	char key[8], value[8];

	(void)state;
	assert_int_equal(mr_pairs_init(&pairs, 64 << 20, true, NULL), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 30000; i++) {
			struct mr_pair pair;

			snprintf(key, sizeof key, "k%d", i % 100);
			snprintf(value, sizeof value, "%d", i % 150);
			pair = make_pair(key, value);
			assert_int_equal(mr_pairs_add(&pairs, &pair, false, false, NULL), 1);
		}
		assert_int_equal(pairs.count, 300);
		mr_pairs_clear(&pairs);
	}
	mr_pairs_done(&pairs);
}

static void check_coding(const struct mr_pair *pair, bool numbers)
{
	uint8_t bytes[64];
	const uint8_t *end = mr_put_pair(bytes, pair, numbers);
	struct mr_pair got;
	struct gw_bytes key;
	int64_t number;

	assert_int_equal(end - bytes, mr_pair_size(pair, numbers));
	if (numbers) {
		assert_ptr_equal(mr_get_number_pair(bytes, &key, &number), end);
		assert_int_equal(number, mr_pair_number(pair));
	} else {
		assert_ptr_equal(mr_get_pair(bytes, &got), end);
		assert_int_equal(got.value_size, pair->value_size);
		assert_int_equal(got.number, pair->number);
		assert_memory_equal(got.value, pair->value, pair->value_size);
		key = mr_pair_key(bytes);
	}
	assert_int_equal(key.size, pair->key_size);
	assert_memory_equal(key.data, pair->key, key.size);
}

static void pairs_come_back_from_bytes(void **state)
{
	static const int64_t numbers[] = {0,   1,    -1,   63,	      64,	-64,
					  -65, 8191, 8192, INT64_MAX, INT64_MIN};

	(void)state;
	for (uint32_t size = 0; size < 20; size++) {
		struct mr_pair pair = {.key = "01234567890123456789", .key_size = size,
				       .value = "abcdefghijklmnopqrst", .value_size = 20 - size};

		check_coding(&pair, false);
		for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
			pair.value = (const char *)&numbers[i];
			pair.value_size = 8;
			pair.number = 1;
			check_coding(&pair, true);
			check_coding(&pair, false);
		}
	}
}

static void varints_of_every_size(void **state)
{
	uint8_t bytes[BASE_VARINT_MAX];
	uint64_t number;

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int less = 0; less < 2; less++) {
			uint64_t put = (UINT64_C(1) << bit) - (uint64_t)less;
			const uint8_t *end = mr_put_varint(bytes, put);

			assert_int_equal(end - bytes, mr_varint_size(put));
			assert_ptr_equal(mr_get_varint(bytes, &number), end);
			assert_true(number == put);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_only_what_does_not_last),
		cmocka_unit_test(is_full_by_memory_and_takes_one_pair_of_any_size),
		cmocka_unit_test(a_set_keeps_each_pair_once),
		cmocka_unit_test(pairs_come_back_from_bytes),
		cmocka_unit_test(varints_of_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
