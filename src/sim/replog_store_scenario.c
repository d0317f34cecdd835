/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replog_store_scenario.c - a store in the hands of store_user.h that meets one trouble, at each
 * operation in turn: the process dies, the power goes, the disk fails or is full. Whatever it was
 * doing then, the next life finds what was promised.
 */
#include "sim/store_user.h"

#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	POINTS_MAX = 700, /* operations of a life that has made all that is asked of it */
	STEP = 5,         /* from point to point; seeds of the workload try the others */
	COMMITS = 12,      /* asked of it, with SNAPSHOTS snapshots */
	SNAPSHOTS = 2,
	COMMITS_AFTER = 3, /* of the life after the trouble */
	LIVES_MAX = 40,
};

struct member {
	struct sim *sim;
	struct store_user user;
	uint64_t commits; /* to wait for */
	uint64_t snapshots;
	char point[64];   /* for a failure's sentence */
};

static void wrong(void *context, const char *sentence)
{
	struct member *member = context;

	fail_msg("%s: %s", member->point, sentence);
}

static void member_start(struct member *member, uint64_t seed)
{
	struct sim_program program = store_user_program;

	*member = (struct member){0};
	store_user_init(&member->user);
	member->sim = sim_new(seed, NULL, NULL);
	assert_non_null(member->sim);
	program.argument = &member->user;
	member->user.node = sim_node_add(member->sim, "member", &program);
	member->user.segment_bytes = REPLOG_SEGMENT_BYTES_MIN;
	member->user.wait_ns_max = SIM_MS;
	member->user.wrong = wrong;
	member->user.context = member;
	sim_disk(member->user.node)->tear_ppm = SIM_PPM / 5;
	sim_disk(member->user.node)->in_order = seed % 2;
	sim_node_start(member->user.node);
}

static void member_end(struct member *member)
{
	sim_free(member->sim);
	store_user_done(&member->user);
}

static bool done_or_down(void *context)
{
	struct member *member = context;

	return !sim_node_is_up(member->user.node) ||
	       (member->user.commits >= member->commits &&
		member->user.snapshots + member->user.fetches >= member->snapshots);
}

/* True when it has done what is asked; false when its life has ended before. */
static bool member_works(struct member *member, uint64_t commits, uint64_t snapshots)
{
	member->commits = member->user.commits + commits;
	member->snapshots = member->user.snapshots + member->user.fetches + snapshots;
	if (!sim_run_when(member->sim, done_or_down, member,
			  sim_now_ns(member->sim) + 1000 * SIM_SECOND))
		fail_msg("%s: it stands still", member->point);
	return sim_node_is_up(member->user.node);
}

/* Starts it until a life does something; power goes, and so once more. */
static void member_recovers(struct member *member)
{
	for (int round = 0; round < 2; round++) {
		int lives = 0;

		sim_node_start(member->user.node);
		while (!member_works(member, COMMITS_AFTER, 0)) {
			assert_true(++lives < LIVES_MAX);
			sim_node_start(member->user.node);
		}
		sim_node_power_loss(member->user.node);
	}
}

/* ---- Deaths ------------------------------------------------------------------------------- */

/* One trouble at each operation; the seed changes with it, so all sorts of things are under way. */
static unsigned each_point(void (*trouble)(struct member *member, uint64_t n), const char *name)
{
	unsigned points = 0;
	bool reached_end = false;

	for (uint64_t n = 1; n <= POINTS_MAX; n += STEP) {
		struct member member;

		member_start(&member, 1 + n % 7);
		snprintf(member.point, sizeof(member.point), "%s, point %u", name, (unsigned)n);
		trouble(&member, n);
		if (member_works(&member, COMMITS, SNAPSHOTS))
			reached_end = true;
		else
			points++;
		sim_node_die_at(member.user.node, 0, false);
		sim_disk_fail_at(member.user.node, 0, 0, 0, 0);
		sim_node_power_loss(member.user.node);
		member_recovers(&member);
		member_end(&member);
	}
	assert_true(reached_end); /* enough points: whole lives were gone through */
	return points;
}

static void dies(struct member *member, uint64_t n)
{
	sim_node_die_at(member->user.node, n, false);
}

static void loses_power(struct member *member, uint64_t n)
{
	sim_node_die_at(member->user.node, n, true);
}

static void what_was_promised_is_there_wherever_the_process_dies(void **state)
{
	(void)state;
	assert_true(each_point(dies, "killed") > POINTS_MAX / 20);
}

static void what_was_promised_is_there_wherever_the_power_goes(void **state)
{
	(void)state;
	assert_true(each_point(loses_power, "power lost") > POINTS_MAX / 20);
}

static void power_may_go_again_at_each_operation_of_a_recovery(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 60; n++) {
		for (uint64_t seed = 1; seed <= 2; seed++) {
			struct member member;

			member_start(&member, seed);
			snprintf(member.point, sizeof(member.point), "seed %u, point %u",
				 (unsigned)seed, (unsigned)n);
			assert_true(member_works(&member, COMMITS, SNAPSHOTS));
			sim_node_power_loss(member.user.node);
			sim_node_start(member.user.node);
			sim_node_die_at(member.user.node, n, true);
			(void)member_works(&member, COMMITS_AFTER, 0);
			sim_node_die_at(member.user.node, 0, false);
			sim_node_power_loss(member.user.node);
			member_recovers(&member);
			member_end(&member);
		}
	}
}

/* ---- Disks -------------------------------------------------------------------------------- */

static void fails_once(struct member *member, uint64_t n)
{
	sim_disk_fail_at(member->user.node, UINT32_MAX, n, 1, EIO);
}

static void fails_for_long(struct member *member, uint64_t n)
{
	sim_disk_fail_at(member->user.node, UINT32_MAX, n, 50, EIO);
}

static void sync_fails(struct member *member, uint64_t n)
{
	sim_disk_fail_at(member->user.node,
			 1U << IO_OPERATION_SYNC | 1U << IO_OPERATION_SYNC_DIRECTORY, n, 1, EIO);
}

static void is_full_for_a_while(struct member *member, uint64_t n)
{
	sim_disk_fail_at(member->user.node, UINT32_MAX, n, 5, ENOSPC);
}

static void a_failed_operation_of_the_disk_loses_nothing(void **state)
{
	(void)state;
	assert_true(each_point(fails_once, "fails once") > POINTS_MAX / 40);
	assert_true(each_point(fails_for_long, "fails for long") > POINTS_MAX / 40);
}

static void a_failed_sync_loses_nothing_and_ends_the_life(void **state)
{
	(void)state;
	assert_true(each_point(sync_fails, "sync fails") > 5);
}

static void a_lack_of_space_loses_nothing(void **state)
{
	(void)state;
	assert_true(each_point(is_full_for_a_while, "no space") > 2);
}

static void a_full_disk_stops_commits_and_space_lets_them_go_on(void **state)
{
	struct member member;
	uint64_t commits;

	(void)state;
	member_start(&member, 3);
	snprintf(member.point, sizeof(member.point), "full");
	member.user.without_snapshots = true; /* nothing is ever removed */
	assert_true(member_works(&member, COMMITS, 0));
	sim_disk(member.user.node)->total_bytes = 1;
	sim_run_for(member.sim, 10 * SIM_SECOND);
	assert_true(sim_node_is_up(member.user.node));
	assert_true(member.user.no_space > 10);
	commits = member.user.commits;
	sim_run_for(member.sim, 10 * SIM_SECOND);
	assert_int_equal(member.user.commits, commits);
	sim_disk(member.user.node)->total_bytes = UINT64_C(1) << 34;
	assert_true(member_works(&member, COMMITS, 0));
	sim_node_power_loss(member.user.node);
	member_recovers(&member);
	member_end(&member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_promised_is_there_wherever_the_process_dies),
		cmocka_unit_test(what_was_promised_is_there_wherever_the_power_goes),
		cmocka_unit_test(power_may_go_again_at_each_operation_of_a_recovery),
		cmocka_unit_test(a_failed_operation_of_the_disk_loses_nothing),
		cmocka_unit_test(a_failed_sync_loses_nothing_and_ends_the_life),
		cmocka_unit_test(a_lack_of_space_loses_nothing),
		cmocka_unit_test(a_full_disk_stops_commits_and_space_lets_them_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
