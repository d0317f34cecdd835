/* SPDX-License-Identifier: Apache-2.0 */
/* table_test.c - what a table promises, held by the one in memory and the one in LMDB alike. */
#include "kv/server/table.h"

#include "support/allocation.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kv/server/tree.h"

enum { IN_MEMORY, IN_LMDB, IN_LMDB_UNMAPPED };

/* The kind that a test runs with is its state. */
static int kind_of(void **state)
{
	return *(int *)*state;
}

struct place {
	char folder[64], file[96], lock[96];
};

static void place_make(struct place *place)
{
	snprintf(place->folder, sizeof(place->folder), "/tmp/kv-table-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->file, sizeof(place->file), "%s/table", place->folder);
	snprintf(place->lock, sizeof(place->lock), "%s/table-lock", place->folder);
}

static void place_remove(const struct place *place)
{
	unlink(place->file);
	unlink(place->lock);
	rmdir(place->folder);
}

static struct kv_table *table_new(int kind, struct place *place)
{
	struct gw_error error = {0};
	struct kv_table *table;

	if (kind == IN_MEMORY) {
		assert_int_equal(kv_table_memory_new(&table, 7, &error), 0);
		return table;
	}
	place_make(place);
	if ((kind == IN_LMDB ? kv_table_lmdb_open : kv_table_lmdb_open_unmapped)(
		    &table, place->file, 1 << 28, &error) < 0)
		fail_msg("%s", error.text);
	return table;
}

static void table_done(int kind, struct kv_table *table, struct place *place)
{
	kv_table_free(table);
	if (kind != IN_MEMORY)
		place_remove(place);
}

static void begin(struct kv_table *table)
{
	assert_int_equal(table->operations->begin(table, NULL), 0);
}

static void end(struct kv_table *table, uint64_t applied)
{
	assert_int_equal(table->operations->end(table, applied, NULL), 0);
	assert_int_equal(table->applied, applied);
}

static bool has(struct kv_table *table, const char *key, struct kv_item *item)
{
	int code = table->operations->get(table, gw_string(key), item, NULL);

	assert_true(code >= 0);
	return code == 1;
}

static void put(struct kv_table *table, const char *key, const char *value, uint64_t version,
		uint64_t expires_ms)
{
	struct kv_item old, item = {gw_string(value), version, expires_ms};
	bool was = has(table, key, &old);

	assert_int_equal(table->operations->put(table, gw_string(key), was ? &old : NULL, &item,
						NULL), 0);
}

static void take(struct kv_table *table, const char *key)
{
	struct kv_item old;

	assert_true(has(table, key, &old));
	assert_int_equal(table->operations->remove(table, gw_string(key), &old, NULL), 0);
}

static void expect(struct kv_table *table, const char *key, const char *value)
{
	struct kv_item item;
	bool found;

	assert_int_equal(table->operations->read_begin(table, NULL), 0);
	found = has(table, key, &item);
	assert_int_equal(found, value != NULL);
	if (found) {
		assert_int_equal(item.value.size, strlen(value));
		assert_memory_equal(item.value.data, value, strlen(value));
	}
	table->operations->read_end(table);
}

/* All keys, with commas. */
static int note_key(void *context, struct gw_bytes key, const struct kv_item *item)
{
	char *text = context;
	size_t size = strlen(text);

	(void)item;
	snprintf(text + size, 1000 - size, "%.*s,", (int)key.size, (const char *)key.data);
	return 0;
}

static void expect_keys(struct kv_table *table, const char *from, const char *keys)
{
	char text[1000] = "";

	assert_int_equal(table->operations->read_begin(table, NULL), 0);
	assert_int_equal(table->operations->walk(table, gw_string(from), note_key, text, NULL), 0);
	table->operations->read_end(table);
	assert_string_equal(text, keys);
}

/* ---- What each table promises --------------------------------------------------------------- */

static void what_was_put_is_there_until_it_is_removed(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);
	struct kv_item item;

	expect(table, "a", NULL);
	begin(table);
	put(table, "a", "one", 1, 0);
	assert_true(has(table, "a", &item)); /* in the run, too */
	assert_int_equal(item.version, 1);
	put(table, "a", "another", 2, 0);
	put(table, "empty", "", 3, 0);
	end(table, 3);
	expect(table, "a", "another");
	expect(table, "empty", "");
	assert_int_equal(table->keys, 2);
	assert_int_equal(table->bytes, 13);
	begin(table);
	take(table, "a");
	end(table, 4);
	expect(table, "a", NULL);
	assert_int_equal(table->keys, 1);
	assert_int_equal(table->bytes, 5);
	table_done(kind_of(state), table, &place);
}

static void keys_are_walked_in_the_order_of_bytes(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);

	expect_keys(table, "", "");
	begin(table);
	put(table, "b", "", 1, 0);
	put(table, "\xff", "", 1, 0);
	put(table, "ab", "", 1, 0);
	put(table, "a", "", 1, 0);
	put(table, "B", "", 1, 0);
	end(table, 1);
	expect_keys(table, "", "B,a,ab,b,\xff,");
	expect_keys(table, "a", "a,ab,b,\xff,");
	expect_keys(table, "aa", "ab,b,\xff,");
	expect_keys(table, "\xff\xff", "");
	table_done(kind_of(state), table, &place);
}

static int stop_at_two(void *context, struct gw_bytes key, const struct kv_item *item)
{
	(void)key;
	(void)item;
	return ++*(int *)context == 2 ? 42 : 0;
}

static void a_walk_ends_where_its_visitor_says(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);
	int count = 0;

	begin(table);
	put(table, "a", "", 1, 0);
	put(table, "b", "", 1, 0);
	put(table, "c", "", 1, 0);
	end(table, 1);
	assert_int_equal(table->operations->read_begin(table, NULL), 0);
	assert_int_equal(table->operations->walk(table, gw_string(""), stop_at_two, &count, NULL),
			 42);
	table->operations->read_end(table);
	assert_int_equal(count, 2);
	table_done(kind_of(state), table, &place);
}

static void expect_due(struct kv_table *table, const char *key, uint64_t expires_ms)
{
	uint64_t found_ms = 0;
	struct gw_bytes found;
	int code;

	begin(table);
	code = table->operations->first_due(table, &found, &found_ms, NULL);
	assert_int_equal(code, key != NULL);
	if (key) {
		assert_int_equal(found.size, strlen(key));
		assert_memory_equal(found.data, key, found.size);
		assert_int_equal(found_ms, expires_ms);
	}
	end(table, table->applied);
}

static void the_key_whose_time_is_over_first_is_known(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);

	expect_due(table, NULL, 0);
	begin(table);
	put(table, "late", "x", 1, 70000);
	put(table, "soon", "x", 1, 255);
	put(table, "stays", "x", 1, 0);
	end(table, 1);
	expect_due(table, "soon", 255);
	begin(table);
	put(table, "soon", "x", 2, 80000); /* it lives longer now */
	end(table, 2);
	expect_due(table, "late", 70000);
	begin(table);
	put(table, "late", "y", 3, 0);
	end(table, 3);
	expect_due(table, "soon", 80000);
	begin(table);
	take(table, "soon");
	end(table, 4);
	expect_due(table, NULL, 0);
	table_done(kind_of(state), table, &place);
}

static void what_get_gave_may_be_given_back_to_put(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);
	struct gw_bytes key;
	struct kv_item old, item;
	uint64_t expires_ms;

	begin(table);
	put(table, "a", "the value", 1, 900);
	assert_true(has(table, "a", &old));
	item = old;
	item.expires_ms = 800;
	assert_int_equal(table->operations->put(table, gw_string("a"), &old, &item, NULL), 0);
	end(table, 1);
	expect(table, "a", "the value");
	begin(table);
	assert_int_equal(table->operations->first_due(table, &key, &expires_ms, NULL), 1);
	assert_int_equal(table->operations->get(table, key, &old, NULL), 1);
	assert_int_equal(table->operations->remove(table, key, &old, NULL), 0);
	end(table, 2);
	expect(table, "a", NULL);
	expect_due(table, NULL, 0);
	table_done(kind_of(state), table, &place);
}

static void a_large_value_and_the_longest_key_fit(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);
	uint8_t *value = malloc(KV_VALUE_BYTES_MAX);
	uint8_t name[KV_KEY_BYTES_MAX];
	struct gw_bytes key = {name, sizeof(name)};
	struct kv_item item = {{value, KV_VALUE_BYTES_MAX}, 1, 5}, found;

	memset(name, 0xfe, sizeof(name));
	memset(value, 0xa5, KV_VALUE_BYTES_MAX);
	begin(table);
	assert_int_equal(table->operations->put(table, key, NULL, &item, NULL), 0);
	end(table, 1);
	assert_int_equal(table->operations->read_begin(table, NULL), 0);
	assert_int_equal(table->operations->get(table, key, &found, NULL), 1);
	assert_int_equal(found.value.size, KV_VALUE_BYTES_MAX);
	assert_memory_equal(found.value.data, value, KV_VALUE_BYTES_MAX);
	table->operations->read_end(table);
	free(value);
	table_done(kind_of(state), table, &place);
}

static void what_is_frozen_stays_while_the_table_changes(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);
	struct kv_frozen *frozen;
	struct gw_bytes key;
	struct kv_item item;
	char text[32];

	begin(table);
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "%03d", i);
		put(table, text, "before", 1, 0);
	}
	end(table, 1);
	assert_int_equal(table->operations->freeze(table, &frozen, NULL), 0);
	for (int i = 0; i < 500; i++) {
		begin(table);
		snprintf(text, sizeof(text), "%03d", i);
		if (i % 3 == 0)
			take(table, text);
		else
			put(table, text, "after", 2, 0);
		snprintf(text, sizeof(text), "%03d.", i);
		put(table, text, "new", 2, 0);
		end(table, 2 + (uint64_t)i);
	}
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "%03d", i);
		assert_int_equal(frozen->next(frozen, &key, &item, NULL), 1);
		assert_int_equal(key.size, 3);
		assert_memory_equal(key.data, text, 3);
		assert_memory_equal(item.value.data, "before", 6);
	}
	assert_int_equal(frozen->next(frozen, &key, &item, NULL), 0);
	frozen->free(frozen);
	expect(table, "001", "after");
	expect(table, "003", NULL);
	table_done(kind_of(state), table, &place);
}

static void a_cleared_table_is_empty(void **state)
{
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);

	begin(table);
	put(table, "a", "x", 1, 77);
	put(table, "b", "x", 1, 0);
	end(table, 1);
	begin(table);
	assert_int_equal(table->operations->clear(table, NULL), 0);
	put(table, "c", "x", 2, 0);
	end(table, 2);
	expect_keys(table, "", "c,");
	expect_due(table, NULL, 0);
	assert_int_equal(table->keys, 1);
	assert_int_equal(table->bytes, 2);
	table_done(kind_of(state), table, &place);
}

/* Against an array: numbers of keys, each with a version or 0. */
static void a_thousand_changes_are_as_an_array_has_them(void **state)
{
	enum { KEYS = 97 };
	struct place place;
	struct kv_table *table = table_new(kind_of(state), &place);
	uint64_t versions[KEYS] = {0}, random = 12345, keys = 0;
	struct kv_frozen *frozen = NULL;
	struct kv_item item;
	char text[16];

	for (uint64_t i = 1; i <= 3000; i++) {
		int key;

		random = random * 6364136223846793005u + 1442695040888963407u;
		key = (int)((random >> 33) % KEYS);
		snprintf(text, sizeof(text), "%d", key);
		begin(table);
		assert_int_equal(has(table, text, &item), versions[key] != 0);
		if (versions[key] != 0 && (random >> 20) % 3 == 0) {
			assert_int_equal(item.version, versions[key]);
			take(table, text);
			versions[key] = 0;
			keys--;
		} else {
			put(table, text, text, i, (random >> 40) % 50);
			keys += versions[key] == 0;
			versions[key] = i;
		}
		end(table, i);
		assert_int_equal(table->keys, keys);
		if (i % 100 == 0) {
			if (frozen)
				frozen->free(frozen);
			assert_int_equal(table->operations->freeze(table, &frozen, NULL), 0);
		}
	}
	frozen->free(frozen);
	table_done(kind_of(state), table, &place);
}

/* ---- What only one of them does ------------------------------------------------------------- */

static void lmdb_keeps_what_a_run_left(void **state)
{
	struct kv_table *table;
	struct place place;

	(void)state;
	place_make(&place);
	assert_int_equal(kv_table_lmdb_open(&table, place.file, 0, NULL), 0);
	begin(table);
	put(table, "a", "kept", 1, 5);
	end(table, 9);
	assert_int_equal(table->operations->sync(table, NULL), 0);
	begin(table);
	put(table, "b", "not ended", 1, 0);
	kv_table_free(table);
	assert_int_equal(kv_table_lmdb_open(&table, place.file, 0, NULL), 0);
	assert_int_equal(table->applied, 9);
	assert_int_equal(table->keys, 1);
	assert_int_equal(table->bytes, 5);
	expect(table, "a", "kept");
	expect(table, "b", NULL);
	expect_due(table, "a", 5);
	kv_table_free(table);
	place_remove(&place);
}

/* Looks for a value in the file and changes a byte of it. */
static void rot(const char *path, const char *value)
{
	FILE *file = fopen(path, "r+");
	long size;
	char *bytes, *at;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	bytes = malloc((size_t)size);
	rewind(file);
	assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
	at = memmem(bytes, (size_t)size, value, strlen(value));
	assert_non_null(at);
	for (; at; at = memmem(at, (size_t)(bytes + size - at), value, strlen(value))) {
		*at ^= 1;
		assert_int_equal(fseek(file, at - bytes, SEEK_SET), 0);
		assert_int_equal(fwrite(at, 1, 1, file), 1);
	}
	fclose(file);
	free(bytes);
}

static void lmdb_tells_a_value_that_rots(void **state)
{
	struct gw_error error = {0};
	struct kv_table *table;
	struct kv_item item;
	struct place place;

	(void)state;
	place_make(&place);
	assert_int_equal(kv_table_lmdb_open(&table, place.file, 1 << 20, NULL), 0);
	begin(table);
	put(table, "key", "a value that will rot", 1, 0);
	end(table, 1);
	kv_table_free(table);
	rot(place.file, "value that will rot");
	assert_int_equal(kv_table_lmdb_open(&table, place.file, 1 << 20, NULL), 0);
	assert_int_equal(table->operations->read_begin(table, NULL), 0);
	assert_int_equal(table->operations->get(table, gw_string("key"), &item, &error),
			 GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "checksum"));
	assert_non_null(strstr(error.text, place.file));
	table->operations->read_end(table);
	kv_table_free(table);
	place_remove(&place);
}

static void lmdb_refuses_what_is_no_table(void **state)
{
	struct gw_error error = {0};
	struct kv_table *table;
	struct place place;
	FILE *file;

	(void)state;
	place_make(&place);
	file = fopen(place.file, "w");
	assert_non_null(file);
	for (int i = 0; i < 20000; i++)
		fputc('x', file);
	fclose(file);
	assert_int_equal(kv_table_lmdb_open(&table, place.file, 0, &error), GW_E_CORRUPT);
	assert_null(table);
	assert_non_null(strstr(error.text, place.file));
	assert_true(kv_table_lmdb_open(&table, "/nowhere/at/all", 0, &error) < 0);
	place_remove(&place);
}

static void lmdb_that_is_full_says_so(void **state)
{
	struct gw_error error = {0};
	struct kv_table *table;
	struct place place;
	char value[4000];
	struct kv_item item = {{value, sizeof(value)}, 1, 0};
	int code = 0;

	(void)state;
	memset(value, 'v', sizeof(value));
	place_make(&place);
	assert_int_equal(kv_table_lmdb_open(&table, place.file, 1 << 18, &error), 0);
	begin(table);
	for (uint32_t i = 0; code == 0 && i < 1000; i++)
		code = table->operations->put(table, (struct gw_bytes){&i, sizeof(i)}, NULL, &item,
					      &error);
	assert_int_equal(code, GW_E_NO_SPACE);
	kv_table_free(table);
	place_remove(&place);
}

/* Frozen, so that each change copies. */
static int change_a_tree(void *context)
{
	static const struct kv_item item = {{"v", 1}, 1, 0};
	struct kv_tree tree = {.seed = 3}, copy = {0};
	int code = 0;

	(void)context;
	for (int i = 0; i < 12 && code >= 0; i++)
		code = kv_tree_put(&tree, (struct gw_bytes){&i, sizeof(i)}, &item, NULL);
	if (code >= 0)
		copy = kv_tree_copy(&tree);
	for (int i = 3; i < 9 && code >= 0; i++)
		code = kv_tree_remove(&tree, (struct gw_bytes){&i, sizeof(i)}, NULL);
	kv_tree_done(&tree);
	kv_tree_done(&copy);
	return code < 0 ? code : 0;
}

static void memory_may_be_short_while_a_tree_changes(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(change_a_tree, NULL) > 24);
}

#define OF_ALL(test)                                                                              \
	{#test " in memory", test, NULL, NULL, &kinds[IN_MEMORY]},                                 \
	{#test " in lmdb", test, NULL, NULL, &kinds[IN_LMDB]},                                     \
	{#test " in lmdb by calls", test, NULL, NULL, &kinds[IN_LMDB_UNMAPPED]}

int main(void)
{
	static int kinds[] = {IN_MEMORY, IN_LMDB, IN_LMDB_UNMAPPED};
	const struct CMUnitTest tests[] = {
		OF_ALL(what_was_put_is_there_until_it_is_removed),
		OF_ALL(keys_are_walked_in_the_order_of_bytes),
		OF_ALL(a_walk_ends_where_its_visitor_says),
		OF_ALL(the_key_whose_time_is_over_first_is_known),
		OF_ALL(what_get_gave_may_be_given_back_to_put),
		OF_ALL(a_large_value_and_the_longest_key_fit),
		OF_ALL(what_is_frozen_stays_while_the_table_changes),
		OF_ALL(a_cleared_table_is_empty),
		OF_ALL(a_thousand_changes_are_as_an_array_has_them),
		cmocka_unit_test(lmdb_keeps_what_a_run_left),
		cmocka_unit_test(lmdb_tells_a_value_that_rots),
		cmocka_unit_test(lmdb_refuses_what_is_no_table),
		cmocka_unit_test(lmdb_that_is_full_says_so),
		cmocka_unit_test(memory_may_be_short_while_a_tree_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
