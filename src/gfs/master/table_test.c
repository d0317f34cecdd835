/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_test.c - pages and the table on them: beside a plain sorted list, frozen while they change,
 * with keys of every length, and without memory.
 */
#include "gfs/master/table.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { MODEL_MAX = 4000 };

struct model_entry {
	char key[300];
	uint32_t key_bytes, value;
	uint32_t value_bytes;
};

struct model {
	struct model_entry entries[MODEL_MAX];
	uint32_t count;
};

static struct gw_bytes key_of(const struct model_entry *entry)
{
	return (struct gw_bytes){entry->key, entry->key_bytes};
}

static uint32_t model_find(const struct model *model, struct gw_bytes key, bool *equal)
{
	uint32_t i = 0;

	while (i < model->count && gw_bytes_compare(key_of(&model->entries[i]), key) < 0)
		i++;
	*equal = i < model->count && gw_bytes_compare(key_of(&model->entries[i]), key) == 0;
	return i;
}

static void value_fill(uint8_t *value, uint32_t number, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		value[i] = (uint8_t)(number * 31 + i);
}

/* Few letters and long runs of the same, so that prefixes come and go. */
static void draw_key(uint64_t *random, struct model_entry *entry)
{
	static const char *const begins[] = {"", "/a/", "/a/b/", "/abcdefghijklmnopqrstuvwxyz/",
					     "\001", "\377\377"};
	const char *begin = begins[test_random(random) % 6];
	uint32_t run = test_random(random) % 8 == 0 ? test_random(random) % 200 : 0;

	entry->key_bytes = (uint32_t)strlen(begin);
	memcpy(entry->key, begin, entry->key_bytes);
	for (uint32_t i = 0; i < run; i++)
		entry->key[entry->key_bytes++] = 'x';
	for (uint32_t i = 0; i < 3; i++)
		entry->key[entry->key_bytes++] = (char)(test_random(random) % 16 * 16);
	entry->value = (uint32_t)test_random(random);
	entry->value_bytes = (uint32_t)(test_random(random) % 8 == 0 ? test_random(random) % 4000
							      : test_random(random) % 40);
}

static void put(struct gfs_table *table, struct model *model, const struct model_entry *entry)
{
	uint8_t value[GFS_VALUE_BYTES_MAX];
	bool equal;
	uint32_t at = model_find(model, key_of(entry), &equal);

	value_fill(value, entry->value, entry->value_bytes);
	assert_int_equal(gfs_table_put(table, key_of(entry),
				       (struct gw_bytes){value, entry->value_bytes}, NULL), 0);
	if (!equal) {
		memmove(&model->entries[at + 1], &model->entries[at],
			(model->count - at) * sizeof(*entry));
		model->count++;
	}
	model->entries[at] = *entry;
}

static void take(struct gfs_table *table, struct model *model, struct gw_bytes key)
{
	bool equal;
	uint32_t at = model_find(model, key, &equal);

	assert_int_equal(gfs_table_remove(table, key, NULL), equal);
	if (!equal)
		return;
	model->count--;
	memmove(&model->entries[at], &model->entries[at + 1],
		(model->count - at) * sizeof(model->entries[0]));
}

static void compare(struct gfs_view view, const struct model *model)
{
	struct gfs_cursor cursor;
	uint8_t value[GFS_VALUE_BYTES_MAX];
	bool more = gfs_cursor_seek(&cursor, view, gw_string(""));

	for (uint32_t i = 0; i < model->count; i++, more = gfs_cursor_next(&cursor)) {
		const struct model_entry *entry = &model->entries[i];

		assert_true(more);
		assert_int_equal(gw_bytes_compare(gfs_cursor_key(&cursor), key_of(entry)), 0);
		value_fill(value, entry->value, entry->value_bytes);
		assert_int_equal(cursor.value.size, entry->value_bytes);
		assert_memory_equal(cursor.value.data, value, entry->value_bytes);
	}
	assert_false(more);
}

/* One drawn change. */
static void change(struct gfs_table *table, struct model *model, uint64_t *random, bool grow)
{
	struct model_entry entry;

	draw_key(random, &entry);
	if (model->count < MODEL_MAX - 1 && (test_random(random) % 4 != 0) == grow)
		put(table, model, &entry);
	else if (model->count > 0 && test_random(random) % 4 != 0)
		take(table, model, key_of(&model->entries[test_random(random) % model->count]));
	else
		take(table, model, key_of(&entry));
}

static void a_table_is_as_a_sorted_list(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct gfs_table table;
	uint64_t random = 88172645463325252u;

	(void)state;
	assert_int_equal(gfs_table_init(&table, NULL), 0);
	for (uint32_t i = 0; i < 12000; i++) {
		change(&table, model, &random, i / 3000 % 2 == 0);
		if (i % 1000 == 0) {
			assert_int_equal(gfs_table_check(&table, NULL), 0);
			compare(gfs_table_view(&table), model);
		}
	}
	while (model->count > 0)
		take(&table, model, key_of(&model->entries[test_random(&random) % model->count]));
	assert_int_equal(table.entries, 0);
	assert_int_equal(table.bytes, 0);
	assert_int_equal(table.depth, 1);
	assert_int_equal(table.pages.count - table.pages.free_count, 1);
	gfs_table_done(&table);
	free(model);
}

static void what_was_frozen_stays_as_it_was(void **state)
{
	struct model *model = calloc(1, sizeof(*model)), *before = calloc(1, sizeof(*model));
	struct gfs_table table, at_freeze;
	struct gfs_frozen frozen;
	uint64_t random = 1234567;

	(void)state;
	assert_int_equal(gfs_table_init(&table, NULL), 0);
	for (uint32_t round = 0; round < 6; round++) {
		for (uint32_t i = 0; i < 600; i++)
			change(&table, model, &random, true);
		*before = *model;
		at_freeze = table;
		assert_int_equal(gfs_pages_freeze(&table.pages, &frozen, NULL), 0);
		for (uint32_t i = 0; i < 600; i++)
			change(&table, model, &random, round % 2 == 0);
		compare(gfs_table_view_frozen(&at_freeze, &frozen), before);
		compare(gfs_table_view(&table), model);
		gfs_pages_thaw(&table.pages, &frozen);
		compare(gfs_table_view(&table), model);
	}
	gfs_table_done(&table);
	free(model);
	free(before);
}

static void keys_in_order_leave_full_pages(void **state)
{
	struct gfs_table table;
	uint8_t value[20] = {0};
	char key[32];
	uint64_t pages;

	(void)state;
	assert_int_equal(gfs_table_init(&table, NULL), 0);
	for (uint32_t i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "/directory/file-%08u", i);
		assert_int_equal(gfs_table_put(&table, gw_string(key),
					       (struct gw_bytes){value, sizeof(value)}, NULL), 0);
	}
	assert_int_equal(gfs_table_check(&table, NULL), 0);
	/* 4 or so bytes of the key, 20 of the value, 4 around. */
	pages = table.pages.count - table.pages.free_count;
	assert_true(pages * GFS_PAGE_BYTES < 100000u * 33);
	gfs_table_done(&table);
}

static void the_longest_keys_and_values_fit(void **state)
{
	struct gfs_table table;
	uint8_t *key = malloc(GFS_KEY_BYTES_MAX), *value = calloc(1, GFS_VALUE_BYTES_MAX);
	struct gw_bytes long_value = {value, GFS_VALUE_BYTES_MAX}, found;

	(void)state;
	assert_int_equal(gfs_table_init(&table, NULL), 0);
	memset(key, 'k', GFS_KEY_BYTES_MAX);
	/* Keys that differ in the last bytes, and in the first. */
	for (uint32_t i = 0; i < 300; i++) {
		key[GFS_KEY_BYTES_MAX - 1] = (uint8_t)(i * 7);
		key[i % 3 == 0 ? 0 : GFS_KEY_BYTES_MAX - 2] = (uint8_t)i;
		assert_int_equal(gfs_table_put(&table,
					       (struct gw_bytes){key, GFS_KEY_BYTES_MAX},
					       i % 2 ? long_value : gw_string("short"), NULL), 0);
		assert_true(gfs_table_get(&table, (struct gw_bytes){key, GFS_KEY_BYTES_MAX},
					  &found));
	}
	assert_int_equal(gfs_table_check(&table, NULL), 0);
	gfs_table_done(&table);
	free(key);
	free(value);
}

static int fill_and_empty(void *context)
{
	struct gfs_table table, at_freeze;
	struct gfs_frozen frozen;
	char key[64];
	int code = gfs_table_init(&table, NULL);

	(void)context;
	if (code < 0)
		return code;
	for (uint32_t i = 0; code >= 0 && i < 3000; i++) {
		snprintf(key, sizeof(key), "%u/and a name that is rather long %u", i % 7, i);
		code = gfs_table_put(&table, gw_string(key), gw_string("a value"), NULL);
	}
	at_freeze = table;
	if (code >= 0)
		code = gfs_pages_freeze(&table.pages, &frozen, NULL);
	if (code < 0) {
		gfs_table_done(&table);
		return code;
	}
	for (uint32_t i = 0; code >= 0 && i < 3000; i++) {
		snprintf(key, sizeof(key), "%u/and a name that is rather long %u", i % 7, i);
		code = gfs_table_remove(&table, gw_string(key), NULL);
	}
	assert_true(at_freeze.entries == 3000);
	gfs_pages_thaw(&table.pages, &frozen);
	gfs_table_done(&table);
	return code < 0 ? code : 0;
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(fill_and_empty, NULL) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_as_a_sorted_list),
		cmocka_unit_test(what_was_frozen_stays_as_it_was),
		cmocka_unit_test(keys_in_order_leave_full_pages),
		cmocka_unit_test(the_longest_keys_and_values_fit),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
