/* SPDX-License-Identifier: Apache-2.0 */
/* raft_members_test.c - sets of members, and their bytes. */
#include "raft.h"

#include "support/unit.h"

#include <stdio.h>

static struct raft_members some(void)
{
	struct raft_members members = {0};

	for (uint64_t id = 30; id > 0; id -= 10) {
		struct raft_member member = {.id = id, .votes = id != 20, .standby = id == 20};

		snprintf(member.address, sizeof member.address, "10.0.0.%u:7000", (unsigned)id);
		assert_int_equal(raft_member_add(&members, &member), 0);
	}
	return members;
}

static void members_are_kept_by_rising_ids(void **state)
{
	struct raft_members members = some();
	struct raft_member twice = {.id = 20};

	(void)state;
	assert_int_equal(members.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(members.items[i].id, 10 * (i + 1));
	assert_false(raft_member_find(&members, 20)->votes);
	assert_null(raft_member_find(&members, 15));
	assert_int_equal(raft_member_add(&members, &twice), GW_E_EXISTS);
	assert_int_equal(raft_member_remove(&members, 10), 0);
	assert_int_equal(raft_member_remove(&members, 10), GW_E_NOT_FOUND);
	assert_int_equal(members.items[0].id, 20);
}

static void there_is_a_limit(void **state)
{
	struct raft_members members = {0};
	struct raft_member member = {0};

	(void)state;
	for (member.id = 1; member.id <= RAFT_MEMBERS_MAX; member.id++)
		assert_int_equal(raft_member_add(&members, &member), 0);
	assert_int_equal(raft_member_add(&members, &member), GW_E_TOO_LARGE);
}

static void bytes_give_the_same_members(void **state)
{
	uint8_t bytes[RAFT_MEMBERS_BYTES_MAX];
	struct raft_members members = some(), back;
	size_t size = raft_members_encode(&members, bytes);

	(void)state;
	assert_int_equal(raft_members_decode((struct gw_bytes){bytes, size}, &back, NULL), 0);
	assert_memory_equal(&back, &members, sizeof members);
}

static void what_is_cut_or_wrong_is_refused(void **state)
{
	uint8_t bytes[RAFT_MEMBERS_BYTES_MAX + 1] = {0};
	struct raft_members members = some(), back;
	size_t size = raft_members_encode(&members, bytes);
	struct gw_error error;

	(void)state;
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(raft_members_decode((struct gw_bytes){bytes, cut}, &back, &error),
				 GW_E_CORRUPT);
	assert_int_equal(raft_members_decode((struct gw_bytes){bytes, size + 1}, &back, &error),
			 GW_E_CORRUPT);
	assert_int_equal(bytes[18], '1');
	bytes[18] = 0; /* in an address */
	assert_int_equal(raft_members_decode((struct gw_bytes){bytes, size}, &back, &error),
			 GW_E_CORRUPT);
	bytes[18] = '1';
	assert_int_equal(raft_members_decode((struct gw_bytes){bytes, size}, &back, NULL), 0);
	bytes[16] = 3; /* neither votes nor does not */
	assert_int_equal(raft_members_decode((struct gw_bytes){bytes, size}, &back, &error),
			 GW_E_CORRUPT);
	bytes[0] = 9;
	assert_int_equal(raft_members_decode((struct gw_bytes){bytes, size}, &back, &error),
			 GW_E_VERSION);
	assert_non_null(strstr(error.text, "version 9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_kept_by_rising_ids),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(bytes_give_the_same_members),
		cmocka_unit_test(what_is_cut_or_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
