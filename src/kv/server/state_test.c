/* SPDX-License-Identifier: Apache-2.0 */
/* state_test.c - the state machine by itself: what entries do, once, and what a snapshot holds. */
#include "kv/server/state_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/dup_table.h"
#include "rpc/frame.h"

static void expect(struct state_fixture *fixture, const char *key, const char *value)
{
	const char *found = state_value(fixture, key);

	assert_int_equal(found != NULL, value != NULL);
	if (value)
		assert_string_equal(found, value);
}

static Kv__ChangeReply *change_reply(const struct state_fixture *fixture)
{
	Kv__ChangeReply *reply;

	assert_int_equal(fixture->code, 0);
	reply = kv__change_reply__unpack(NULL, fixture->payload.size, fixture->payload.data);
	assert_non_null(reply);
	return reply;
}

static void puts_appends_and_deletes_answer_what_was_there(void **state)
{
	struct state_fixture fixture;
	Kv__ChangeReply *reply;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_put(&fixture, "a", "one", 0), 0);
	reply = change_reply(&fixture);
	assert_int_equal(reply->index, 1);
	assert_false(reply->existed);
	assert_int_equal(reply->size, 3);
	kv__change_reply__free_unpacked(reply, NULL);
	assert_int_equal(state_append(&fixture, "a", "two"), 0);
	reply = change_reply(&fixture);
	assert_true(reply->existed);
	assert_int_equal(reply->size, 6);
	kv__change_reply__free_unpacked(reply, NULL);
	expect(&fixture, "a", "onetwo");
	assert_int_equal(state_append(&fixture, "new", "x"), 0);
	expect(&fixture, "new", "x");
	assert_int_equal(state_delete(&fixture, "a"), 0);
	expect(&fixture, "a", NULL);
	assert_int_equal(state_delete(&fixture, "a"), 0);
	reply = change_reply(&fixture);
	assert_false(reply->existed);
	kv__change_reply__free_unpacked(reply, NULL);
	state_fixture_done(&fixture);
}

static int64_t increment(struct state_fixture *fixture, const char *key, int64_t amount, int code)
{
	const struct kv_operation operation = {
		.kind = KV_INCREMENT, .number = (uint64_t)amount, .key = gw_string(key)};
	Kv__IncrementReply *reply;
	int64_t value;

	assert_int_equal(state_change(fixture, &operation), code);
	if (code < 0)
		return 0;
	reply = kv__increment_reply__unpack(NULL, fixture->payload.size, fixture->payload.data);
	assert_non_null(reply);
	value = reply->value;
	kv__increment_reply__free_unpacked(reply, NULL);
	return value;
}

static void a_number_is_counted_and_what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {"", "-", "01", "1x", " 1", "+1", "-0",
					    "9223372036854775808", "-9223372036854775809",
					    "99999999999999999999"};
	struct state_fixture fixture;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(increment(&fixture, "n", 5, 0), 5);
	assert_int_equal(increment(&fixture, "n", -7, 0), -2);
	expect(&fixture, "n", "-2");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(state_put(&fixture, "n", wrong[i], 0), 0);
		(void)increment(&fixture, "n", 1, GW_E_INVALID);
		expect(&fixture, "n", wrong[i]);
	}
	assert_int_equal(state_put(&fixture, "n", "9223372036854775806", 0), 0);
	assert_true(increment(&fixture, "n", 1, 0) == INT64_MAX);
	(void)increment(&fixture, "n", 1, GW_E_INVALID);
	expect(&fixture, "n", "9223372036854775807");
	assert_int_equal(state_put(&fixture, "n", "-9223372036854775808", 0), 0);
	assert_true(increment(&fixture, "n", 0, 0) == INT64_MIN);
	assert_int_equal(fixture.state.refused, 11);
	state_fixture_done(&fixture);
}

static bool swap(struct state_fixture *fixture, uint8_t flags, uint64_t version,
		 const char *expected, const char *value)
{
	const struct kv_operation operation = {.kind = KV_SWAP,
					       .flags = flags,
					       .version_expected = version,
					       .key = gw_string("k"),
					       .value = gw_string(value),
					       .expected = gw_string(expected)};
	Kv__CompareAndSwapReply *reply;
	const char *now = state_value(fixture, "k");
	char before[64] = "";
	bool swapped;

	if (now)
		snprintf(before, sizeof(before), "%s", now);
	assert_int_equal(state_change(fixture, &operation), 0);
	reply = kv__compare_and_swap_reply__unpack(NULL, fixture->payload.size,
						   fixture->payload.data);
	assert_non_null(reply);
	swapped = reply->swapped;
	if (!swapped) {
		assert_int_equal(reply->found, now != NULL);
		assert_int_equal(reply->value.len, strlen(before));
		assert_memory_equal(reply->value.data ? reply->value.data : (uint8_t *)before,
				    before, strlen(before));
	}
	kv__compare_and_swap_reply__free_unpacked(reply, NULL);
	return swapped;
}

static void a_swap_happens_when_it_is_as_expected(void **state)
{
	struct state_fixture fixture;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_false(swap(&fixture, KV_IF_VALUE, 0, "", "x"));
	assert_false(swap(&fixture, KV_IF_VERSION, 9, "", "x"));
	assert_true(swap(&fixture, 0, 0, "", "first"));
	assert_false(swap(&fixture, 0, 0, "", "again"));
	assert_false(swap(&fixture, KV_IF_VERSION, 0, "", "again"));
	expect(&fixture, "k", "first");
	assert_true(swap(&fixture, KV_IF_VALUE, 0, "first", "second"));
	assert_false(swap(&fixture, KV_IF_VALUE, 0, "first", "third"));
	assert_true(swap(&fixture, KV_IF_VERSION, fixture.index - 1, "", "third"));
	assert_false(swap(&fixture, KV_IF_VERSION, 1, "", "fourth"));
	expect(&fixture, "k", "third");
	assert_true(swap(&fixture, KV_IF_VALUE | KV_REMOVE, 0, "third", ""));
	expect(&fixture, "k", NULL);
	assert_true(swap(&fixture, KV_REMOVE, 0, "", "")); /* there is none, as was expected */
	state_fixture_done(&fixture);
}

static void a_write_of_several_is_one_entry(void **state)
{
	const struct kv_operation operations[] = {
		{.kind = KV_PUT, .key = gw_string("a"), .value = gw_string("1")},
		{.kind = KV_PUT, .key = gw_string("b"), .value = gw_string("2")},
		{.kind = KV_DELETE, .key = gw_string("a")},
		{.kind = KV_DELETE, .key = gw_string("c")},
	};
	const struct kv_entry entry = {.kind = KV_ENTRY_WRITE, .count = 4};
	struct state_fixture fixture;
	Kv__WriteReply *reply;

	(void)state;
	state_fixture_init(&fixture, NULL);
	state_apply(&fixture, &entry, operations);
	assert_int_equal(fixture.code, 0);
	reply = kv__write_reply__unpack(NULL, fixture.payload.size, fixture.payload.data);
	assert_non_null(reply);
	assert_int_equal(reply->index, 1);
	assert_int_equal(reply->existed, 1);
	kv__write_reply__free_unpacked(reply, NULL);
	expect(&fixture, "a", NULL);
	expect(&fixture, "b", "2");
	state_fixture_done(&fixture);
}

static void a_value_that_grows_too_large_is_refused(void **state)
{
	struct state_fixture fixture;
	char *large = malloc(KV_VALUE_BYTES_MAX + 1);

	(void)state;
	memset(large, 'x', KV_VALUE_BYTES_MAX);
	large[KV_VALUE_BYTES_MAX] = '\0';
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_put(&fixture, "a", large, 0), 0);
	assert_int_equal(state_append(&fixture, "a", ""), 0);
	assert_int_equal(state_append(&fixture, "a", "y"), GW_E_TOO_LARGE);
	expect(&fixture, "a", large);
	free(large);
	state_fixture_done(&fixture);
}

/* ---- Time ----------------------------------------------------------------------------------- */

static int expire(struct state_fixture *fixture, const char *key, uint64_t ttl_ms)
{
	const struct kv_operation operation = {
		.kind = KV_EXPIRE, .number = ttl_ms, .key = gw_string(key)};

	return state_change(fixture, &operation);
}

static void a_key_is_gone_when_an_entry_is_not_earlier_than_its_end(void **state)
{
	struct state_fixture fixture;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_put(&fixture, "a", "x", 100), 0);
	assert_int_equal(state_put(&fixture, "stays", "x", 0), 0);
	state_tick(&fixture, 1000099);
	expect(&fixture, "a", "x");
	assert_int_equal(state_append(&fixture, "a", "y"), 0); /* its end stays */
	state_tick(&fixture, 1000100);
	expect(&fixture, "a", NULL);
	expect(&fixture, "stays", "x");
	assert_int_equal(fixture.table->keys, 1);
	assert_int_equal(state_append(&fixture, "a", "z"), 0);
	expect(&fixture, "a", "z");
	assert_int_equal(expire(&fixture, "a", 50), 0);
	assert_int_equal(expire(&fixture, "none", 50), 0);
	state_tick(&fixture, 1000200);
	expect(&fixture, "a", NULL);
	assert_int_equal(state_put(&fixture, "long", "x", UINT64_MAX), 0);
	assert_int_equal(state_put(&fixture, "b", "x", 100), 0);
	assert_int_equal(expire(&fixture, "b", 0), 0);
	state_tick(&fixture, 9000000);
	expect(&fixture, "b", "x");
	expect(&fixture, "long", "x");
	state_fixture_done(&fixture);
}

static void many_keys_that_end_are_absent_before_they_are_taken_out(void **state)
{
	struct state_fixture fixture;
	char key[16];

	(void)state;
	state_fixture_init(&fixture, NULL);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(state_put(&fixture, key, "x", 100), 0);
	}
	fixture.wall_ms += 1000;
	assert_int_equal(state_put(&fixture, "other", "x", 0), 0);
	assert_int_equal(fixture.table->keys, 101 - KV_EXPIRE_CHANGE_MAX);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		expect(&fixture, key, NULL);
	}
	assert_int_equal(state_append(&fixture, "99", "y"), 0);
	expect(&fixture, "99", "y");
	state_tick(&fixture, fixture.wall_ms);
	assert_int_equal(fixture.table->keys, 2);
	state_fixture_done(&fixture);
}

/* ---- Once ----------------------------------------------------------------------------------- */

static void two_entries_of_one_call_have_one_effect_and_one_answer(void **state)
{
	struct state_fixture fixture;
	uint8_t first[64];
	size_t size;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_append_once(&fixture, 1, 1, "a", "x"), GW_E_STALE);
	assert_int_equal(state_open(&fixture, 1), 0);
	assert_int_equal(state_open(&fixture, 1), GW_E_EXISTS);
	assert_int_equal(state_append_once(&fixture, 1, 1, "a", "x"), 0);
	size = fixture.payload.size;
	assert_true(size > 0 && size < sizeof(first));
	memcpy(first, fixture.payload.data, size);
	assert_int_equal(state_append_once(&fixture, 1, 2, "a", "y"), 0);
	assert_int_equal(state_append_once(&fixture, 1, 1, "a", "x"), 0);
	assert_int_equal(fixture.payload.size, size);
	assert_memory_equal(fixture.payload.data, first, size);
	expect(&fixture, "a", "xy");
	state_fixture_done(&fixture);
}

static void a_refusal_is_remembered_as_an_answer(void **state)
{
	const struct kv_operation operation = {
		.kind = KV_INCREMENT, .number = 1, .key = gw_string("a")};
	const struct kv_entry entry = {.kind = KV_ENTRY_CHANGE,
				       .has_call = true,
				       .call = {.client = {{5, 5}},
						.sequence = 1,
						.first_incomplete = 1,
						.fingerprint = 3},
				       .count = 1};
	struct state_fixture fixture;
	struct rpc_failure failure;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_open(&fixture, 5), 0);
	assert_int_equal(state_put(&fixture, "a", "no number", 0), 0);
	state_apply(&fixture, &entry, &operation);
	assert_int_equal(fixture.code, GW_E_INVALID);
	assert_int_equal(rpc_failure_decode(fixture.payload, &failure, NULL), 0);
	assert_true(failure.text.size > 10);
	assert_int_equal(state_put(&fixture, "a", "7", 0), 0);
	state_apply(&fixture, &entry, &operation);
	assert_int_equal(fixture.code, GW_E_INVALID);
	expect(&fixture, "a", "7");
	state_fixture_done(&fixture);
}

static void a_silent_client_is_forgotten_by_the_time_of_entries(void **state)
{
	struct state_fixture fixture;

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_open(&fixture, 1), 0);
	assert_int_equal(state_append_once(&fixture, 1, 1, "a", "x"), 0);
	fixture.wall_ms += GW_RPC_LEASE_MS;
	assert_int_equal(state_append_once(&fixture, 1, 2, "a", "y"), 0);
	fixture.wall_ms += GW_RPC_LEASE_MS + 1;
	assert_int_equal(state_append_once(&fixture, 1, 3, "a", "z"), GW_E_STALE);
	expect(&fixture, "a", "xy");
	state_fixture_done(&fixture);
}

/* ---- Snapshots ------------------------------------------------------------------------------ */

static void fill(struct state_fixture *fixture, int keys)
{
	char key[16], value[200];

	assert_int_equal(state_open(fixture, 1), 0);
	assert_int_equal(state_open(fixture, 2), 0);
	assert_int_equal(state_append_once(fixture, 1, 1, "once", "x"), 0);
	assert_int_equal(state_append_once(fixture, 2, 1, "once", "y"), 0);
	for (int i = 0; i < keys; i++) {
		snprintf(key, sizeof(key), "key%05d", i);
		memset(value, 'a' + i % 26, sizeof(value));
		value[i % 199] = '\0';
		assert_int_equal(state_put(fixture, key, value, i % 7 ? 0 : 5000), 0);
	}
}

static void a_snapshot_holds_keys_and_calls(void **state)
{
	struct state_fixture fixture, other;
	struct base_buffer first, second;
	struct gw_error error = {0};
	static const size_t pieces[] = {1 << 20, 1, 4099};

	(void)state;
	state_fixture_init(&fixture, NULL);
	fill(&fixture, 2000);
	state_snapshot(&fixture, &first);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		state_fixture_init(&other, NULL);
		assert_int_equal(state_put(&other, "old", "x", 5), 0);
		if (state_restore(&other, base_buffer_bytes(&first), pieces[i], fixture.index,
				  &error) < 0)
			fail_msg("%s", error.text);
		state_snapshot(&other, &second);
		assert_int_equal(second.size, first.size);
		assert_memory_equal(second.data, first.data, first.size);
		expect(&other, "old", NULL);
		/* The copy of a call from before, and the next one. */
		assert_int_equal(state_append_once(&other, 1, 1, "once", "x"), 0);
		assert_int_equal(state_append_once(&other, 1, 2, "once", "z"), 0);
		expect(&other, "once", "xyz");
		assert_int_equal(kv_history_first(other.state.history), fixture.index + 1);
		state_tick(&other, fixture.wall_ms + 5000);
		expect(&other, "key00007", NULL);
		expect(&other, "key00008", "iiiiiiii");
		base_buffer_done(&second);
		state_fixture_done(&other);
	}
	base_buffer_done(&first);
	state_fixture_done(&fixture);
}

static void a_damaged_snapshot_is_told_and_leaves_nothing(void **state)
{
	struct state_fixture fixture, other;
	struct base_buffer bytes;
	uint64_t random = 99;

	(void)state;
	state_fixture_init(&fixture, NULL);
	fill(&fixture, 200);
	state_snapshot(&fixture, &bytes);
	for (int i = 0; i < 200; i++) {
		size_t at = test_pick(&random, bytes.size);
		struct gw_error error = {0};
		int code;

		state_fixture_init(&other, NULL);
		bytes.data[at] ^= 0x10;
		code = state_restore(&other, base_buffer_bytes(&bytes), 5000, 900, &error);
		assert_true(code < 0 && error.text[0]);
		bytes.data[at] ^= 0x10;
		assert_int_equal(other.table->keys, 0);
		assert_int_equal(other.state.applied, 0);
		state_fixture_done(&other);
		/* And one that is cut. */
		state_fixture_init(&other, NULL);
		code = state_restore(&other, (struct gw_bytes){bytes.data, at}, 5000, 900, &error);
		assert_true(code == GW_E_TRUNCATED);
		assert_int_equal(other.table->keys, 0);
		state_fixture_done(&other);
	}
	base_buffer_done(&bytes);
	state_fixture_done(&fixture);
}

/* The same entries give the same bytes, whatever holds the keys and wherever a snapshot came in
 * between. */
static void members_that_apply_the_same_are_the_same(void **state)
{
	char folder[] = "/tmp/kv-state-XXXXXX", path[64], key[16];
	struct state_fixture one, two, three;
	struct base_buffer bytes[3];
	uint64_t random = 4711;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/table", folder);
	state_fixture_init(&one, NULL);
	state_fixture_init(&two, path);
	state_fixture_init(&three, NULL);
	for (int i = 0; i < 2000; i++) {
		struct state_fixture *all[] = {&one, &two, &three};
		uint64_t chosen = test_random(&random), sequence = 1 + chosen / 1000 % 40;

		snprintf(key, sizeof(key), "%d", (int)(chosen % 50));
		for (int j = 0; j < 3; j++) {
			all[j]->wall_ms += chosen % 97;
			if (chosen % 11 == 0)
				(void)state_open(all[j], chosen / 100 % 4);
			else if (chosen % 5 == 0)
				(void)state_append_once(all[j], chosen / 100 % 4, sequence, key,
							"v");
			else if (chosen % 7 == 0)
				(void)state_delete(all[j], key);
			else
				(void)state_put(all[j], key, key, chosen / 77 % 400);
			assert_int_equal(all[j]->code, one.code);
		}
		if (i % 500 == 250) {
			state_snapshot(&two, &bytes[0]);
			assert_int_equal(state_restore(&three, base_buffer_bytes(&bytes[0]), 999,
						       two.index, NULL), 0);
			base_buffer_done(&bytes[0]);
		}
	}
	state_snapshot(&one, &bytes[0]);
	state_snapshot(&two, &bytes[1]);
	state_snapshot(&three, &bytes[2]);
	for (int j = 0; j < 3; j++) {
		assert_int_equal(bytes[j].size, bytes[0].size);
		assert_memory_equal(bytes[j].data, bytes[0].data, bytes[0].size);
	}
	for (int j = 0; j < 3; j++)
		base_buffer_done(&bytes[j]);
	state_fixture_done(&one);
	state_fixture_done(&two);
	state_fixture_done(&three);
	unlink(path);
	snprintf(path, sizeof(path), "%s/table-lock", folder);
	unlink(path);
	rmdir(folder);
}

static void what_a_clean_stop_keeps_comes_back(void **state)
{
	char folder[] = "/tmp/kv-state-XXXXXX", path[64];
	struct base_buffer kept = {0}, before, after;
	struct state_fixture fixture;
	struct gw_error error = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/table", folder);
	state_fixture_init(&fixture, path);
	fill(&fixture, 100);
	state_snapshot(&fixture, &before);
	assert_int_equal(kv_state_keep(&fixture.state, &kept, &error), 0);
	state_fixture_done(&fixture);
	state_fixture_init(&fixture, path);
	if (kv_state_restore_kept(&fixture.state, base_buffer_bytes(&kept), &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(kv_machine.applied(&fixture.state), 104);
	fixture.index = 104;
	state_snapshot(&fixture, &after);
	assert_int_equal(after.size, before.size);
	assert_memory_equal(after.data, before.data, before.size);
	assert_int_equal(state_append_once(&fixture, 1, 1, "once", "x"), 0);
	expect(&fixture, "once", "xy");
	kv_state_done(&fixture.state);
	/* What was kept is of another entry now. */
	assert_int_equal(kv_state_init(&fixture.state, NULL, fixture.table, NULL, NULL), 0);
	assert_int_equal(kv_state_restore_kept(&fixture.state, base_buffer_bytes(&kept), &error),
			 GW_E_CORRUPT);
	base_buffer_done(&before);
	base_buffer_done(&after);
	base_buffer_done(&kept);
	state_fixture_done(&fixture);
	unlink(path);
	snprintf(path, sizeof(path), "%s/table-lock", folder);
	unlink(path);
	rmdir(folder);
}

static void an_entry_that_cannot_be_read_stops_the_member(void **state)
{
	struct replog_entry entry = {.index = 1, .term = 1, .wall_ms = 5,
				     .bytes = gw_string("no entry at all")};
	struct state_fixture fixture;
	struct gw_error error = {0};

	(void)state;
	state_fixture_init(&fixture, NULL);
	assert_int_equal(kv_machine.run_begin(&fixture.state, NULL), 0);
	assert_int_equal(kv_machine.apply(&fixture.state, &entry, &fixture.reply, &error),
			 GW_E_VERSION);
	assert_non_null(strstr(error.text, "entry 1"));
	state_fixture_done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_appends_and_deletes_answer_what_was_there),
		cmocka_unit_test(a_number_is_counted_and_what_is_none_is_refused),
		cmocka_unit_test(a_swap_happens_when_it_is_as_expected),
		cmocka_unit_test(a_write_of_several_is_one_entry),
		cmocka_unit_test(a_value_that_grows_too_large_is_refused),
		cmocka_unit_test(a_key_is_gone_when_an_entry_is_not_earlier_than_its_end),
		cmocka_unit_test(many_keys_that_end_are_absent_before_they_are_taken_out),
		cmocka_unit_test(two_entries_of_one_call_have_one_effect_and_one_answer),
		cmocka_unit_test(a_refusal_is_remembered_as_an_answer),
		cmocka_unit_test(a_silent_client_is_forgotten_by_the_time_of_entries),
		cmocka_unit_test(a_snapshot_holds_keys_and_calls),
		cmocka_unit_test(a_damaged_snapshot_is_told_and_leaves_nothing),
		cmocka_unit_test(members_that_apply_the_same_are_the_same),
		cmocka_unit_test(what_a_clean_stop_keeps_comes_back),
		cmocka_unit_test(an_entry_that_cannot_be_read_stops_the_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
