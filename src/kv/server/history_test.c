/* SPDX-License-Identifier: Apache-2.0 */
/* history_test.c - the last changes: every one once, in order, or the word that they are gone. */
#include "kv/server/history.h"

#include "support/unit.h"

#include <stdio.h>

static void add(struct kv_history *history, uint64_t index, const char *key, struct gw_bytes value)
{
	const struct kv_event event = {.index = index, .change = KV_CHANGE_PUT,
				       .key = gw_string(key), .value = value};

	kv_history_add(history, &event);
}

static void expect(const struct kv_history *history, struct kv_history_place *place,
		   uint64_t index, const char *key)
{
	struct kv_event event;

	assert_int_equal(kv_history_next(history, place, &event), 1);
	assert_int_equal(event.index, index);
	assert_int_equal(gw_bytes_compare(event.key, gw_string(key)), 0);
}

static void events_come_once_in_order(void **state)
{
	struct kv_history *history = kv_history_new(0);
	struct kv_history_place place = {.from = 11}, later = {.from = 13};
	struct kv_event event;

	(void)state;
	kv_history_begin(history, 10);
	assert_int_equal(kv_history_first(history), 11);
	assert_int_equal(kv_history_next(history, &place, &event), 0);
	add(history, 11, "a", gw_string("1"));
	add(history, 11, "b", gw_string(""));
	expect(history, &place, 11, "a");
	expect(history, &place, 11, "b");
	assert_int_equal(kv_history_next(history, &place, &event), 0);
	add(history, 12, "c", gw_string("3"));
	add(history, 14, "d", gw_string("4"));
	expect(history, &place, 12, "c");
	expect(history, &place, 14, "d");
	expect(history, &later, 14, "d");
	assert_int_equal(kv_history_next(history, &later, &event), 0);
	kv_history_free(history);
	kv_history_free(NULL);
}

static void what_is_forgotten_is_told(void **state)
{
	static const char zeros[10000];
	const struct gw_bytes value = {zeros, sizeof(zeros)};
	struct kv_history *history = kv_history_new(600 << 10);
	struct kv_history_place slow = {.from = 1}, end = {.from = 1}, before;
	struct kv_event event;

	(void)state;
	kv_history_begin(history, 0);
	for (uint64_t i = 1; i <= 500; i++) {
		add(history, i, "key", value);
		expect(history, &end, i, "key");
		end.from = i + 1;
	}
	assert_true(kv_history_first(history) > 400 && kv_history_first(history) < 500);
	assert_int_equal(kv_history_next(history, &slow, &event), GW_E_COMPACTED);
	before = (struct kv_history_place){.from = kv_history_first(history) - 1};
	assert_int_equal(kv_history_next(history, &before, &event), GW_E_COMPACTED);
	before = (struct kv_history_place){.from = kv_history_first(history)};
	for (uint64_t i = kv_history_first(history); i <= 500; i++)
		expect(history, &before, i, "key");
	assert_int_equal(kv_history_next(history, &before, &event), 0);
	/* One who was at the end misses nothing, however much is forgotten behind it. */
	assert_int_equal(kv_history_next(history, &end, &event), 0);
	kv_history_begin(history, 900);
	assert_int_equal(kv_history_next(history, &end, &event), GW_E_COMPACTED);
	kv_history_free(history);
}

static void an_event_larger_than_all_room_is_kept_alone(void **state)
{
	static const char zeros[1 << 20];
	struct kv_history *history = kv_history_new(300 << 10);
	struct kv_history_place place = {.from = 2};

	(void)state;
	kv_history_begin(history, 0);
	add(history, 1, "small", gw_string("x"));
	add(history, 2, "large", (struct gw_bytes){zeros, sizeof(zeros)});
	assert_int_equal(kv_history_first(history), 2);
	expect(history, &place, 2, "large");
	kv_history_free(history);
}

static void without_memory_the_history_begins_anew(void **state)
{
	struct kv_history *history = kv_history_new(0);
	struct kv_history_place place = {.from = 6};

	(void)state;
	kv_history_begin(history, 4);
	test_fail_allocation(1);
	add(history, 5, "lost", gw_string("x"));
	test_fail_allocation(0);
	assert_int_equal(kv_history_first(history), 6);
	add(history, 6, "kept", gw_string("x"));
	expect(history, &place, 6, "kept");
	kv_history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_once_in_order),
		cmocka_unit_test(what_is_forgotten_is_told),
		cmocka_unit_test(an_event_larger_than_all_room_is_kept_alone),
		cmocka_unit_test(without_memory_the_history_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
