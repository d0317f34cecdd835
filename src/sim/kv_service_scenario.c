/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_service_scenario.c - whole clusters of the key/value service: elections, failover in the
 * middle of an append, copies of calls, snapshots, disks that are lost.
 */
#include "sim/kv_fixture.h"

#include <stdio.h>

static void three_members_answer_as_one(void **state)
{
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 3, 1);
	kv_world_start(&world);
	kv_put_pair(&world, "a", "one");
	kv_append_to(&world, "a", "two");
	kv_expect(&world, "a", "onetwo");
	kv_expect(&world, "b", NULL);
	kv_all_equal(&world);
	kv_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_members_answer_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
