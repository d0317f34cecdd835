/* SPDX-License-Identifier: Apache-2.0 */
/* map_test.c - the map beside the simplest thing that does the same: a list that is searched. */
#include "base/map.h"

#include "support/unit.h"

static void put_find_remove(void **state)
{
	struct base_map map = {0};
	int one = 1, two = 2;
	void *value = NULL;

	(void)state;
	assert_false(base_map_find(&map, gw_string("a"), &value));
	assert_int_equal(base_map_put(&map, gw_string("a"), &one, NULL), 0);
	assert_true(base_map_find(&map, gw_string("a"), &value));
	assert_ptr_equal(value, &one);
	assert_int_equal(base_map_put(&map, gw_string("a"), &two, NULL), 0);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(base_map_get(&map, gw_string("a")), &two);
	assert_true(base_map_remove(&map, gw_string("a"), &value));
	assert_ptr_equal(value, &two);
	assert_false(base_map_remove(&map, gw_string("a"), NULL));
	assert_null(base_map_get(&map, gw_string("a")));
	base_map_done(&map);
	base_map_done(&map);
	base_map_done(NULL);
}

static void keys_are_bytes_and_copied(void **state)
{
	struct base_map map = {0};
	char key[] = "k\0y";
	int value;

	(void)state;
	assert_int_equal(base_map_put(&map, (struct gw_bytes){key, 3}, &value, NULL), 0);
	key[2] = 'z';
	assert_ptr_equal(base_map_get(&map, (struct gw_bytes){"k\0y", 3}), &value);
	assert_false(base_map_find(&map, (struct gw_bytes){key, 3}, NULL));
	assert_false(base_map_find(&map, gw_string("k"), NULL));
	/* The empty key is a key; so is a value of NULL a value. */
	assert_false(base_map_find(&map, (struct gw_bytes){0}, NULL));
	assert_int_equal(base_map_put(&map, (struct gw_bytes){0}, NULL, NULL), 0);
	assert_true(base_map_find(&map, gw_string(""), NULL));
	base_map_done(&map);
}

enum { KEYS = 400 };

/* The model: keys are the numbers below KEYS, in order of insertion. */
struct model {
	uint32_t order[KEYS];
	void *values[KEYS];
	size_t count;
};

static size_t model_find(const struct model *model, uint32_t key)
{
	size_t at = 0;

	while (at < model->count && model->order[at] != key)
		at++;
	return at;
}

static void model_remove(struct model *model, size_t at)
{
	model->count--;
	for (; at < model->count; at++) {
		model->order[at] = model->order[at + 1];
		model->values[at] = model->values[at + 1];
	}
}

static struct gw_bytes key_bytes(const uint32_t *key)
{
	return (struct gw_bytes){key, sizeof(*key)};
}

static void assert_same(const struct base_map *map, const struct model *model)
{
	size_t position = 0, at = 0;
	struct gw_bytes key;
	void *value;

	assert_int_equal(map->count, model->count);
	while (base_map_next(map, &position, &key, &value)) {
		assert_true(at < model->count);
		assert_int_equal(key.size, sizeof(uint32_t));
		assert_memory_equal(key.data, &model->order[at], key.size);
		assert_ptr_equal(value, model->values[at]);
		at++;
	}
	assert_int_equal(at, model->count);
}

static void one_step(struct base_map *map, struct model *model, uint64_t *seed)
{
	uint32_t key = (uint32_t)test_pick(seed, KEYS);
	size_t at = model_find(model, key);
	void *value = (void *)(uintptr_t)test_random(seed);
	void *found = NULL;

	switch (test_pick(seed, 3)) {
	case 0:
		assert_int_equal(base_map_put(map, key_bytes(&key), value, NULL), 0);
		model->order[at] = key;
		model->values[at] = value;
		model->count += at == model->count;
		break;
	case 1:
		assert_int_equal(base_map_remove(map, key_bytes(&key), &found), at < model->count);
		if (at < model->count) {
			assert_ptr_equal(found, model->values[at]);
			model_remove(model, at);
		}
		break;
	default:
		assert_int_equal(base_map_find(map, key_bytes(&key), &found), at < model->count);
		if (at < model->count)
			assert_ptr_equal(found, model->values[at]);
	}
}

static void random_steps_agree_with_the_model(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		struct base_map map = {.seed = round};
		struct model model = {0};
		uint64_t seed = round;

		for (int step = 0; step < 4000; step++) {
			one_step(&map, &model, &seed);
			if (step % 97 == 0)
				assert_same(&map, &model);
		}
		assert_same(&map, &model);
		base_map_done(&map);
		assert_int_equal(map.seed, round);
	}
}

static void many_keys_grow_the_table(void **state)
{
	struct base_map map = {0};

	(void)state;
	for (uint32_t key = 0; key < 100000; key++)
		assert_int_equal(base_map_put(&map, key_bytes(&key), (void *)(uintptr_t)key, NULL),
				 0);
	for (uint32_t key = 0; key < 100000; key++)
		assert_ptr_equal(base_map_get(&map, key_bytes(&key)), (void *)(uintptr_t)key);
	assert_true(map.slot_count >= 2 * map.used);
	base_map_done(&map);
}

/* Removing while walking, as a caller that clears a map does; the table does not grow without
 * end. */
static void removing_makes_room_again(void **state)
{
	struct base_map map = {0};

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct gw_bytes key;
		size_t position = 0;

		for (uint32_t i = 0; i < 10; i++)
			assert_int_equal(base_map_put(&map, key_bytes(&i), NULL, NULL), 0);
		while (base_map_next(&map, &position, &key, NULL)) {
			uint32_t copy;

			memcpy(&copy, key.data, sizeof(copy));
			assert_true(base_map_remove(&map, key_bytes(&copy), NULL));
		}
		assert_int_equal(map.count, 0);
	}
	assert_true(map.slot_count <= 64);
	base_map_done(&map);
}

static int fill(void *context)
{
	struct base_map map = {0};
	struct gw_error error = {0};
	int result = 0;
	uint32_t key;

	(void)context;
	for (key = 0; key < 50; key++) {
		result = base_map_put(&map, key_bytes(&key), NULL, &error);
		if (result < 0)
			break;
	}
	/* What was put before the failure is there; what failed is not. */
	for (uint32_t other = 0; other < 50; other++)
		assert_int_equal(base_map_find(&map, key_bytes(&other), NULL), other < key);
	base_map_done(&map);
	return result;
}

static void memory_that_runs_out_is_reported(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(fill, NULL) > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_find_remove),
		cmocka_unit_test(keys_are_bytes_and_copied),
		cmocka_unit_test(random_steps_agree_with_the_model),
		cmocka_unit_test(many_keys_grow_the_table),
		cmocka_unit_test(removing_makes_room_again),
		cmocka_unit_test(memory_that_runs_out_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
