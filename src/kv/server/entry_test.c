/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_test.c - entries and snapshots as bytes: what version 1 wrote is read for ever, and what is
 * damaged is told.
 */
#include "kv/server/entry.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "kv/server/golden_fixture.h"
#include "kv/server/state_fixture.h"

/* The entry that version 1 wrote as golden_entry. */
static void golden_make(struct base_buffer *out)
{
	const struct kv_operation operations[] = {
		{.kind = KV_PUT, .number = 3000, .key = gw_string("key"),
		 .value = gw_string("value")},
		{.kind = KV_DELETE, .key = gw_string("other")},
	};
	const struct kv_entry entry = {.kind = KV_ENTRY_WRITE,
				       .has_call = true,
				       .call = {.client = {{1, 2}},
						.sequence = 3,
						.first_incomplete = 2,
						.object = 4,
						.fingerprint = 5},
				       .count = 2};

	assert_int_equal(kv_entry_encode(&entry, operations, out, NULL), 0);
}

static void print_bytes(const struct base_buffer *bytes)
{
	for (size_t i = 0; i < bytes->size; i++)
		printf("%s0x%02x,", i % 12 ? " " : "\n# \t", bytes->data[i]);
	printf("\n");
}

static void an_entry_of_version_1_is_read(void **state)
{
	struct base_buffer bytes = {0};
	struct kv_operation operation;
	struct kv_entry entry;
	size_t position = 0;

	(void)state;
	golden_make(&bytes);
	if (bytes.size != sizeof(golden_entry) ||
	    memcmp(bytes.data, golden_entry, bytes.size) != 0)
		print_bytes(&bytes);
	assert_int_equal(bytes.size, sizeof(golden_entry));
	assert_memory_equal(bytes.data, golden_entry, bytes.size);
	assert_int_equal(kv_entry_decode((struct gw_bytes){golden_entry, sizeof(golden_entry)},
					 &entry, NULL), 0);
	assert_int_equal(entry.kind, KV_ENTRY_WRITE);
	assert_true(entry.has_call);
	assert_int_equal(entry.call.client.words[1], 2);
	assert_int_equal(entry.call.sequence, 3);
	assert_int_equal(entry.call.fingerprint, 5);
	assert_true(kv_entry_next(&entry, &position, &operation));
	assert_int_equal(operation.kind, KV_PUT);
	assert_int_equal(operation.number, 3000);
	assert_int_equal(gw_bytes_compare(operation.value, gw_string("value")), 0);
	assert_true(kv_entry_next(&entry, &position, &operation));
	assert_int_equal(operation.kind, KV_DELETE);
	assert_int_equal(gw_bytes_compare(operation.key, gw_string("other")), 0);
	assert_false(kv_entry_next(&entry, &position, &operation));
	base_buffer_done(&bytes);
}

static void a_damaged_entry_is_told(void **state)
{
	uint8_t bytes[sizeof(golden_entry)];
	struct gw_error error = {0};
	struct kv_entry entry;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		memcpy(bytes, golden_entry, sizeof(bytes));
		bytes[i] ^= 0x40;
		error = (struct gw_error){0};
		assert_true(kv_entry_decode((struct gw_bytes){bytes, sizeof(bytes)}, &entry,
					    &error) < 0);
		assert_true(error.text[0] != '\0');
		assert_true(kv_entry_decode((struct gw_bytes){golden_entry, i}, &entry, NULL) < 0);
	}
	memcpy(bytes, golden_entry, sizeof(bytes));
	bytes[0] = 2;
	assert_int_equal(kv_entry_decode((struct gw_bytes){bytes, sizeof(bytes)}, &entry, &error),
			 GW_E_VERSION);
	assert_non_null(strstr(error.text, "version 2"));
}

static void entries_without_operations_go_there_and_back(void **state)
{
	const struct kv_entry open = {.kind = KV_ENTRY_OPEN, .client = {{7, 8}}};
	const struct kv_entry tick = {.kind = KV_ENTRY_TICK};
	struct base_buffer bytes = {0};
	struct kv_entry entry;

	(void)state;
	assert_int_equal(kv_entry_encode(&open, NULL, &bytes, NULL), 0);
	assert_int_equal(kv_entry_decode(base_buffer_bytes(&bytes), &entry, NULL), 0);
	assert_int_equal(entry.kind, KV_ENTRY_OPEN);
	assert_int_equal(entry.client.words[0], 7);
	bytes.size = 0;
	assert_int_equal(kv_entry_encode(&tick, NULL, &bytes, NULL), 0);
	assert_int_equal(kv_entry_decode(base_buffer_bytes(&bytes), &entry, NULL), 0);
	assert_int_equal(entry.kind, KV_ENTRY_TICK);
	base_buffer_done(&bytes);
}

static void operations_over_a_limit_are_refused(void **state)
{
	static const char large[KV_WRITE_BYTES_MAX];
	const struct kv_operation no_key = {.kind = KV_PUT};
	const struct kv_operation long_key = {.kind = KV_PUT, .key = {large, KV_KEY_BYTES_MAX + 1}};
	const struct kv_operation large_value = {
		.kind = KV_PUT, .key = {large, 1}, .value = {large, KV_VALUE_BYTES_MAX + 1}};
	const struct kv_operation large_both = {.kind = KV_SWAP,
						.flags = KV_IF_VALUE,
						.key = {large, 1},
						.value = {large, KV_VALUE_BYTES_MAX},
						.expected = {large, KV_VALUE_BYTES_MAX}};
	const struct kv_operation flags = {.kind = KV_PUT, .flags = KV_REMOVE, .key = {large, 1}};
	const struct kv_operation fits = {.kind = KV_SWAP,
					  .flags = KV_IF_VALUE | KV_REMOVE,
					  .key = {large, KV_KEY_BYTES_MAX},
					  .value = {large, 1},
					  .expected = {large, KV_VALUE_BYTES_MAX}};

	(void)state;
	assert_int_equal(kv_operation_check(&no_key, NULL), GW_E_INVALID);
	assert_int_equal(kv_operation_check(&long_key, NULL), GW_E_TOO_LARGE);
	assert_int_equal(kv_operation_check(&large_value, NULL), GW_E_TOO_LARGE);
	assert_int_equal(kv_operation_check(&large_both, NULL), GW_E_TOO_LARGE);
	assert_int_equal(kv_operation_check(&flags, NULL), GW_E_INVALID);
	assert_int_equal(kv_operation_check(&fits, NULL), 0);
}

/* ---- Snapshots ------------------------------------------------------------------------------ */

static void fill(struct state_fixture *fixture)
{
	state_fixture_init(fixture, NULL);
	assert_int_equal(state_open(fixture, 1), 0);
	assert_int_equal(state_append_once(fixture, 1, 1, "a", "x"), 0);
	assert_int_equal(state_put(fixture, "b", "value", 5000), 0);
}

static void a_snapshot_of_version_1_is_read(void **state)
{
	const struct gw_bytes golden = {golden_snapshot, sizeof(golden_snapshot)};
	struct state_fixture fixture, other;
	struct base_buffer bytes;

	(void)state;
	fill(&fixture);
	state_snapshot(&fixture, &bytes);
	if (bytes.size != golden.size || memcmp(bytes.data, golden.data, golden.size) != 0)
		print_bytes(&bytes);
	assert_int_equal(bytes.size, golden.size);
	assert_memory_equal(bytes.data, golden.data, golden.size);
	state_fixture_init(&other, NULL);
	assert_int_equal(state_restore(&other, golden, 11, 3, NULL), 0);
	assert_string_equal(state_value(&other, "a"), "x");
	assert_int_equal(state_append_once(&other, 1, 1, "a", "x"), 0);
	assert_string_equal(state_value(&other, "a"), "x");
	base_buffer_done(&bytes);
	state_fixture_done(&fixture);
	state_fixture_done(&other);
}

static void a_snapshot_of_an_unknown_version_is_refused(void **state)
{
	uint8_t bytes[sizeof(golden_snapshot)];
	struct state_fixture fixture;
	struct gw_error error = {0};

	(void)state;
	memcpy(bytes, golden_snapshot, sizeof(bytes));
	golden_version(bytes, 2);
	state_fixture_init(&fixture, NULL);
	assert_int_equal(state_restore(&fixture, (struct gw_bytes){bytes, sizeof(bytes)}, 100, 3,
				       &error), GW_E_VERSION);
	assert_non_null(strstr(error.text, "version 2"));
	state_fixture_done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_of_version_1_is_read),
		cmocka_unit_test(a_damaged_entry_is_told),
		cmocka_unit_test(entries_without_operations_go_there_and_back),
		cmocka_unit_test(operations_over_a_limit_are_refused),
		cmocka_unit_test(a_snapshot_of_version_1_is_read),
		cmocka_unit_test(a_snapshot_of_an_unknown_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
