/* SPDX-License-Identifier: Apache-2.0 */
/* table_test.c - the combiner's table against a list that is searched from the front. */
#include "hash.h"
#include "table.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 3000, KEY_SIZE_MAX = 40 };

struct expected {
	char key[KEY_SIZE_MAX];
	size_t size;
	int64_t value;
	bool used;
};

/* Distinct keys of 0 to 39 bytes, zeros among them. */
static void make_keys(struct expected *keys)
{
	for (size_t i = 0; i < KEYS; i++) {
		keys[i] = (struct expected){.size = i % KEY_SIZE_MAX};
		for (size_t k = 0; k < keys[i].size; k++)
			keys[i].key[k] = (char)(i / KEY_SIZE_MAX >> (k % 4 * 8));
		if (keys[i].size < 4 && i >= KEY_SIZE_MAX * (keys[i].size ? 75 : 1))
			keys[i].size = 0;
	}
}

static int64_t combined(enum gw_mr_combiner combiner, int64_t a, int64_t b)
{
	if (combiner == GW_MR_MIN)
		return a < b ? a : b;
	if (combiner == GW_MR_MAX)
		return a > b ? a : b;
	return a + b;
}

static struct expected *find(struct expected *keys, struct gw_bytes key)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (keys[i].used && keys[i].size == key.size &&
		    memcmp(keys[i].key, key.data, key.size) == 0)
			return &keys[i];
	}
	return NULL;
}

static void put(struct mr_table *table, struct expected *keys, size_t index, int64_t value)
{
	struct gw_bytes key = {keys[index].key, keys[index].size};
	struct expected *known = find(keys, key);
	bool made;
	struct mr_slot *slot;

	assert_int_equal(mr_table_reserve(table, 1, NULL), 1);
	slot = mr_table_put(table, key.data, key.size, &made);
	mr_slot_combine(slot, table->combiner, value, made);
	assert_int_equal(made, known == NULL);
	if (!known) {
		keys[index].used = true;
		keys[index].value = value;
	} else {
		known->value = combined(table->combiner, known->value, value);
	}
}

static void check_all(struct mr_table *table, struct expected *keys)
{
	size_t count, expected = 0;
	const struct mr_slot *slots = mr_table_take(table, &count);

	for (size_t i = 0; i < KEYS; i++)
		expected += keys[i].used;
	assert_int_equal(count, expected);
	for (size_t i = 0; i < count; i++) {
		struct expected *known = find(keys, mr_slot_key(&slots[i]));

		assert_non_null(known);
		assert_int_equal(known->value, slots[i].value);
		known->used = false;
	}
	mr_table_clear(table);
}

static void combines_like_a_list(void **state)
{
	static const enum gw_mr_combiner combiners[] = {GW_MR_SUM, GW_MR_MIN, GW_MR_MAX,
							GW_MR_COUNT};
	struct expected *keys = calloc(KEYS, sizeof *keys);
	uint64_t seed = 5;

	(void)state;
	assert_non_null(keys);
	for (size_t c = 0; c < 4; c++) {
		struct mr_table table;

		make_keys(keys);
		assert_int_equal(mr_table_init(&table, combiners[c], 1 << 14, NULL), 0);
		for (size_t round = 0; round < 2; round++) {
			for (size_t i = 0; i < 2 * KEYS; i++)
				put(&table, keys, test_pick(&seed, KEYS),
				    (int64_t)test_pick(&seed, 2000) - 1000);
			check_all(&table, keys);
		}
		mr_table_done(&table);
	}
	free(keys);
}

static void says_when_it_is_full(void **state)
{
	struct mr_table table;
	char key[16];
	size_t put_keys = 0;
	bool made;

	(void)state;
	assert_int_equal(mr_table_init(&table, GW_MR_SUM, 5000, NULL), 0);
	while (mr_table_reserve(&table, MR_TABLE_BATCH, NULL) == 1) {
		int size = snprintf(key, sizeof key, "key%zu", put_keys++);

		mr_slot_combine(mr_table_put(&table, key, (size_t)size, &made), GW_MR_SUM, 1, true);
		assert_true(made);
	}
	assert_true(table.slot_count <= 5000);
	assert_true(put_keys > 2000);
	mr_table_clear(&table);
	assert_int_equal(mr_table_reserve(&table, MR_TABLE_BATCH, NULL), 1);
	mr_table_done(&table);
}

/* A batch of tokens does what one put a token does, also at the very end of readable memory. */
static void tokens_are_put_like_single_keys(void **state)
{
	const char *text = "a bb ccc a bb a "
			   "a-word-of-more-than-sixteen-bytes x a-word-of-more-than-sixteen-bytes "
			   "sixteen-bytes-16";
	size_t size = strlen(text);
	char *data = malloc(size);
	struct gw_token tokens[MR_TABLE_BATCH];
	struct mr_table batch, single;
	size_t count = 0, begin = 0;

	(void)state;
	assert_non_null(data);
	memcpy(data, text, size);
	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] != ' ')
			continue;
		if (i > begin)
			tokens[count++] = (struct gw_token){(uint32_t)begin, (uint32_t)(i - begin)};
		begin = i + 1;
	}
	assert_int_equal(mr_table_init(&batch, GW_MR_SUM, 4096, NULL), 0);
	assert_int_equal(mr_table_init(&single, GW_MR_SUM, 4096, NULL), 0);
	mr_table_put_tokens(&batch, data, size, tokens, count, 3);
	for (size_t i = 0; i < count; i++) {
		bool made;
		struct mr_slot *slot =
			mr_table_put(&single, data + tokens[i].offset, tokens[i].size, &made);

		mr_slot_combine(slot, GW_MR_SUM, 3, made);
	}
	assert_int_equal(batch.used, 6);
	assert_int_equal(batch.used, single.used);
	assert_memory_equal(batch.slots, single.slots, batch.slot_count * sizeof *batch.slots);
	mr_table_done(&batch);
	mr_table_done(&single);
	free(data);
}

static void hashes_read_only_the_key(void **state)
{
	uint64_t low, high;

	(void)state;
	for (size_t size = 0; size <= 64; size++) {
		char *key = malloc(size + 1);
		uint8_t padded[16] = {0};

		assert_non_null(key);
		for (size_t i = 0; i < size; i++)
			key[i] = (char)(i * 7 + 1);
		if (size <= 16) {
			memcpy(padded, key, size);
			mr_load_short(key, size, &low, &high);
			assert_int_equal(low, mr_load64(padded));
			assert_int_equal(high, mr_load64(padded + 8));
		}
		key[size] = 'x';
		low = mr_hash(key, size);
		key[size] = 'y';
		assert_int_equal(low, mr_hash(key, size));
		free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combines_like_a_list),
		cmocka_unit_test(says_when_it_is_full),
		cmocka_unit_test(tokens_are_put_like_single_keys),
		cmocka_unit_test(hashes_read_only_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
