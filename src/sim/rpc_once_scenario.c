/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_once_scenario.c - at most once, on a cluster in which connections break, servers restart,
 * clients are copied, and answers come late or never.
 */
#include "sim/rpc_fixture.h"

static void a_copy_of_a_running_call_waits_for_its_answer(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 1, NULL);
	cluster_start(&cluster);
	hold_add(&cluster, C, &job, 5);
	assert_true(sim_reset_streams(node(&cluster, A), node(&cluster, C)) > 0);
	pass(&cluster, SIM_SECOND);
	assert_false(job.is_over);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

static void a_copy_of_a_finished_call_gets_the_same_answer(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 2, NULL);
	cluster_start(&cluster);
	hold_add(&cluster, C, &job, 5);
	sim_isolate(node(&cluster, C), true, true);
	sim_reset_streams(node(&cluster, A), node(&cluster, C));
	cluster.machines[A].served.hold = false;
	pass(&cluster, SIM_SECOND);
	assert_int_equal(cluster.machines[A].served.ended, 1);
	assert_int_equal(call(&cluster, D, KIND_ADD, 100), 105);
	assert_false(job.is_over);
	sim_heal(cluster.sim);
	/* Not 105 or 110: what it was then. */
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 2);
	cluster_end(&cluster);
}

/* Its copy must not be told "overloaded: it did not run", since it does. */
static void a_copy_that_finds_the_server_full_asks_again(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 25, NULL);
	cluster.machines[A].server_options.calls_max = 1;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	assert_true(sim_reset_streams(node(&cluster, A), node(&cluster, C)) > 0);
	pass(&cluster, SIM_SECOND);
	assert_false(job.is_over);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

/* Nor at the deadline: that it may have run is all that is known. */
static void a_copy_that_never_gets_in_is_not_said_to_have_done_nothing(void **state)
{
	struct cluster cluster;
	struct job job = {.timeout_ns = 3 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 26, NULL);
	cluster.machines[A].server_options.calls_max = 1;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	sim_reset_streams(node(&cluster, A), node(&cluster, C));
	assert_int_equal(job_wait(&cluster, &job), GW_E_OUTCOME_UNKNOWN);
	cluster.machines[A].served.hold = false;
	cluster_end(&cluster);
}

static void a_failure_is_remembered_as_well(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 3, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.fail_code = GW_E_NO_SPACE;
	hold_add(&cluster, C, &job, 5);
	sim_reset_streams(node(&cluster, A), node(&cluster, C));
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), GW_E_NO_SPACE);
	assert_string_equal(job.error.text, "add fails on purpose");
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

/* ---- Restart ----------------------------------------------------------------------------- */

static void after_a_restart_that_forgot_the_outcome_is_unknown(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 4, NULL);
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	sim_node_restart(node(&cluster, A), false, 10 * SIM_MS);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), GW_E_OUTCOME_UNKNOWN);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	/* The next call is a new one, and runs. */
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 6);
	cluster_end(&cluster);
}

static void after_a_restart_that_remembers_the_answer_comes(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 5, NULL);
	cluster.machines[A].memory = MEMORY_DURABLE;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	sim_node_restart(node(&cluster, A), true, 10 * SIM_MS);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 6);
	cluster_end(&cluster);
}

static void before_its_durable_record_a_call_may_run_again(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 5};

	(void)state;
	cluster_begin(&cluster, 6, NULL);
	cluster.machines[A].memory = MEMORY_DURABLE;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	/* The call leaves, and the server dies before it comes. */
	sim_isolate(node(&cluster, A), false, true);
	job_start(&cluster, C, &job);
	pass(&cluster, 10 * SIM_MS);
	sim_node_restart(node(&cluster, A), false, 10 * SIM_MS);
	sim_heal(cluster.sim);
	assert_int_equal(job_wait(&cluster, &job), 6);
	assert_int_equal(cluster.machines[A].served.adds, 2);
	cluster_end(&cluster);
}

static void at_a_replica_with_the_same_log_the_answer_is_found(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 7, NULL);
	cluster.machines[A].memory = cluster.machines[B].memory = MEMORY_DURABLE;
	cluster.machines[B].log = &cluster.machines[A].own_log;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	sim_node_kill(node(&cluster, A));
	/* B takes over: it has the log, and so the effect. */
	cluster.machines[B].served.total = cluster.machines[A].served.total;
	cluster_start_one(&cluster, B);
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[B].served.adds, 0);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 6);
	assert_int_equal(cluster.machines[B].served.adds, 1);
	cluster_end(&cluster);
}

static void at_a_replica_without_memory_the_outcome_is_unknown(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 8, NULL);
	cluster_start(&cluster);
	hold_add(&cluster, C, &job, 5);
	sim_node_kill(node(&cluster, A));
	assert_int_equal(job_wait(&cluster, &job), GW_E_OUTCOME_UNKNOWN);
	assert_int_equal(cluster.machines[B].served.adds, 0);
	cluster_end(&cluster);
}

/* ---- The three causes of no answer ------------------------------------------------------- */

static void a_call_that_never_arrived_is_unreachable(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 5, .timeout_ns = 5 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 9, NULL);
	cluster_start_one(&cluster, C);
	job_start(&cluster, C, &job);
	assert_int_equal(job_wait(&cluster, &job), GW_E_UNREACHABLE);
	assert_int_equal(cluster.machines[A].served.adds, 0);
	cluster_end(&cluster);
}

static void a_call_that_ran_on_a_server_that_crashed_is_unknown(void **state)
{
	struct cluster cluster;
	struct job job = {.timeout_ns = 5 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 10, NULL);
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	sim_node_kill(node(&cluster, A));
	assert_int_equal(job_wait(&cluster, &job), GW_E_OUTCOME_UNKNOWN);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

static void a_call_whose_answer_was_lost_is_answered_later(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 11, NULL);
	cluster_start(&cluster);
	hold_add(&cluster, C, &job, 5);
	/* The answer leaves, and falls into a half-open connection. */
	sim_hang_streams(node(&cluster, A), node(&cluster, C));
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

static void a_call_that_still_runs_at_its_deadline_timed_out(void **state)
{
	struct cluster cluster;
	struct job job = {.timeout_ns = 2 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 12, NULL);
	cluster_start(&cluster);
	hold_add(&cluster, C, &job, 5);
	assert_int_equal(job_wait(&cluster, &job), GW_E_TIMEOUT);
	cluster.machines[A].served.hold = false;
	/* Its number is given up; the ones behind it are not held back. */
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 6);
	cluster_end(&cluster);
}

/* ---- The trap: Put(k,10), Put(k,20), and a late copy of the first ------------------------ */

static int64_t trap(enum kind kind)
{
	struct cluster cluster;
	struct machine *server = &cluster.machines[A];
	struct job first = {.kind = kind, .number = 10};
	int64_t value;

	cluster_begin(&cluster, 13, NULL);
	if (kind == KIND_SET) /* what may run twice would soon be sent to another server */
		cluster.machines[C].address = "10.0.0.1:7000";
	cluster_start(&cluster);
	server->hold_set = true;
	job_start(&cluster, C, &first);
	until(&cluster, &server->sets, 1);
	sim_isolate(node(&cluster, C), true, true);
	sim_reset_streams(server->node, node(&cluster, C));
	server->hold_set = false;
	assert_int_equal(call(&cluster, D, kind, 20), 20);
	sim_heal(cluster.sim);
	assert_int_equal(job_wait(&cluster, &first), 10);
	value = server->value;
	cluster_end(&cluster);
	return value;
}

static void a_late_copy_undoes_a_later_put_under_best_effort(void **state)
{
	(void)state;
	assert_int_equal(trap(KIND_SET), 10);
}

static void a_late_copy_does_nothing_under_at_most_once(void **state)
{
	(void)state;
	assert_int_equal(trap(KIND_SET_ONCE), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_of_a_running_call_waits_for_its_answer),
		cmocka_unit_test(a_copy_of_a_finished_call_gets_the_same_answer),
		cmocka_unit_test(a_copy_that_finds_the_server_full_asks_again),
		cmocka_unit_test(a_copy_that_never_gets_in_is_not_said_to_have_done_nothing),
		cmocka_unit_test(a_failure_is_remembered_as_well),
		cmocka_unit_test(after_a_restart_that_forgot_the_outcome_is_unknown),
		cmocka_unit_test(after_a_restart_that_remembers_the_answer_comes),
		cmocka_unit_test(before_its_durable_record_a_call_may_run_again),
		cmocka_unit_test(at_a_replica_with_the_same_log_the_answer_is_found),
		cmocka_unit_test(at_a_replica_without_memory_the_outcome_is_unknown),
		cmocka_unit_test(a_call_that_never_arrived_is_unreachable),
		cmocka_unit_test(a_call_that_ran_on_a_server_that_crashed_is_unknown),
		cmocka_unit_test(a_call_whose_answer_was_lost_is_answered_later),
		cmocka_unit_test(a_call_that_still_runs_at_its_deadline_timed_out),
		cmocka_unit_test(a_late_copy_undoes_a_later_put_under_best_effort),
		cmocka_unit_test(a_late_copy_does_nothing_under_at_most_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
