/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client_scenario.c - who a client is to the servers that remember its calls: clients that
 * reboot, are copied, are silent for long, ask too much at once, or send what they sent before.
 */
#include "sim/rpc_fixture.h"

#include "rpc/client.h"
#include "rpc/dup_table.h"

/* ---- Clients and their ids --------------------------------------------------------------- */

static void a_client_that_reboots_is_a_new_client(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 14, NULL);
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	hold_add(&cluster, C, &job, 5);
	sim_node_kill(node(&cluster, C));
	cluster.machines[A].served.hold = false;
	cluster_start_one(&cluster, C);
	/* The numbers begin at 1 again, and nobody takes them for the old ones. */
	assert_int_equal(call(&cluster, C, KIND_ADD, 10), 16);
	assert_int_equal(call(&cluster, C, KIND_ADD, 10), 26);
	assert_int_equal(cluster.machines[A].served.adds, 4);
	cluster_end(&cluster);
}

/* Makes the session of D the one of C, as a copied machine would have it. */
static void copy_session(struct cluster *cluster)
{
	struct rpc_session *from = cluster->machines[C].client->sessions;
	struct rpc_session *to = cluster->machines[D].client->sessions;

	assert_non_null(from);
	assert_non_null(to);
	to->id = from->id;
	to->first_incomplete = from->first_incomplete;
	to->last = from->last;
}

static void a_forked_or_restored_client_that_asks_for_other_things_is_refused(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 15, NULL);
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_int_equal(call(&cluster, D, KIND_ADD, 1), 2);
	copy_session(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 10), 12);
	/* The same number, another request. */
	assert_int_equal(call(&cluster, D, KIND_ADD, 20), GW_E_INVALID);
	assert_int_equal(cluster.machines[A].served.adds, 3);
	cluster_end(&cluster);
}

static void a_forked_or_restored_client_that_lags_behind_gets_stale(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 16, NULL);
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_int_equal(call(&cluster, D, KIND_ADD, 1), 2);
	copy_session(&cluster);
	for (int i = 0; i < 3; i++)
		assert_true(call(&cluster, C, KIND_ADD, 1) > 0);
	/* It was stale, so it ran under a new id: once. */
	assert_int_equal(call(&cluster, D, KIND_ADD, 100), 105);
	assert_int_equal(cluster.machines[A].served.adds, 6);
	assert_true(memcmp(&cluster.machines[C].client->sessions->id,
			   &cluster.machines[D].client->sessions->id,
			   sizeof(struct rpc_client_id)) != 0);
	cluster_end(&cluster);
}

/* Both call at once; the first still runs when the other comes with the same number. */
static void two_clients_with_one_id_are_told_apart_by_their_requests(void **state)
{
	struct cluster cluster;
	struct job job = {0};

	(void)state;
	cluster_begin(&cluster, 24, NULL);
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_int_equal(call(&cluster, D, KIND_ADD, 1), 2);
	copy_session(&cluster);
	hold_add(&cluster, C, &job, 10);
	assert_int_equal(call(&cluster, D, KIND_ADD, 20), GW_E_INVALID);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 12);
	assert_int_equal(cluster.machines[A].served.adds, 3);
	/* The one that was refused goes on behind the number, and is not taken for the other. */
	assert_int_equal(call(&cluster, D, KIND_ADD, 20), 32);
	cluster_end(&cluster);
}

static void two_clients_never_get_the_same_id_from_a_server(void **state)
{
	struct cluster cluster;
	struct rpc_client_id id;
	struct gw_error error = {0};
	struct gw_rpc_dup *dup;

	(void)state;
	cluster_begin(&cluster, 17, NULL);
	cluster.machines[A].memory = MEMORY_DURABLE;
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	id = cluster.machines[C].client->sessions->id;
	dup = cluster.machines[A].dup;
	assert_int_equal(dup->operations->open(dup, id, NULL, &error), GW_E_EXISTS);
	cluster_end(&cluster);
}

static void a_lease_that_ends_in_flight_makes_the_copy_stale(void **state)
{
	struct cluster cluster;
	struct job job = {.timeout_ns = 120 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 18, NULL);
	cluster.machines[A].server_options.lease_ms = 5000;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	sim_isolate(node(&cluster, C), true, true);
	sim_reset_streams(node(&cluster, A), node(&cluster, C));
	cluster.machines[A].served.hold = false;
	pass(&cluster, 30 * SIM_SECOND);
	sim_heal(cluster.sim);
	assert_int_equal(job_wait(&cluster, &job), GW_E_STALE);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	/* The client goes on under a new id. */
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 6);
	cluster_end(&cluster);
}

static void a_call_that_runs_keeps_its_client_known(void **state)
{
	struct cluster cluster;
	struct job job = {.timeout_ns = 120 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 19, NULL);
	cluster.machines[A].server_options.lease_ms = 5000;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	hold_add(&cluster, C, &job, 5);
	pass(&cluster, 60 * SIM_SECOND);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

static void an_idle_client_whose_lease_ended_just_goes_on(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 20, NULL);
	cluster.machines[A].server_options.lease_ms = 5000;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	for (int i = 1; i < 5; i++) {
		assert_int_equal(call(&cluster, C, KIND_ADD, 1), i);
		pass(&cluster, 60 * SIM_SECOND);
	}
	cluster_end(&cluster);
}

/* ---- The window -------------------------------------------------------------------------- */

enum { MANY = GW_RPC_WINDOW + 100 };

static void more_calls_than_the_window_wait_their_turn(void **state)
{
	static struct job jobs[MANY];
	struct cluster cluster;
	struct served *served = &cluster.machines[A].served;

	(void)state;
	memset(jobs, 0, sizeof(jobs));
	cluster_begin(&cluster, 21, NULL);
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	served->hold = true;
	for (int i = 0; i < MANY; i++) {
		jobs[i] = (struct job){.kind = KIND_ADD, .number = 1};
		job_start(&cluster, C, &jobs[i]);
	}
	until(&cluster, &served->adds, GW_RPC_WINDOW);
	pass(&cluster, SIM_SECOND);
	assert_int_equal(served->adds, GW_RPC_WINDOW);
	served->hold = false;
	for (int i = 0; i < MANY; i++)
		assert_true(job_wait(&cluster, &jobs[i]) > 0);
	assert_int_equal(served->adds, MANY);
	assert_int_equal(served->total, MANY);
	cluster_end(&cluster);
}

/* ---- A copy of an acknowledged call ------------------------------------------------------ */

/* Sends call 1 of the session once more, as the network might have kept it. */
static int send_old_copy(void *argument)
{
	struct machine *machine = argument;
	struct rpc_line *line = machine->client->line;
	Fixture__Number request = FIXTURE__NUMBER__INIT;
	struct rpc_header header = {.kind = RPC_KIND_CALL,
				    .flags = RPC_FLAG_ONCE,
				    .method = gw_rpc_method_id("fixture.Fixture.Add"),
				    .call = 1000000,
				    .number = UINT64_MAX};
	uint8_t payload[16];

	request.number = 1;
	header.once.client = machine->client->sessions->id;
	header.once.incarnation = machine->client->sessions->incarnation;
	header.once.sequence = 1;
	header.once.first_incomplete = 1;
	return rpc_connection_send(
		line->connection, &header,
		(struct gw_bytes){payload, fixture__number__pack(&request, payload)}, NULL);
}

static void a_copy_of_an_acknowledged_call_is_not_run(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 22, NULL);
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	/* Not acknowledged yet, so remembered: the copy is answered and not run. */
	assert_int_equal(run_at(&cluster, C, send_old_copy, &cluster.machines[C]), 0);
	pass(&cluster, SIM_SECOND);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	/* The second call acknowledges the first, which may be forgotten now; its copy is stale. */
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 2);
	assert_int_equal(run_at(&cluster, C, send_old_copy, &cluster.machines[C]), 0);
	pass(&cluster, SIM_SECOND);
	assert_int_equal(cluster.machines[A].served.adds, 2);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 3);
	cluster_end(&cluster);
}

static void an_idle_client_acknowledges_its_last_calls(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 23, NULL);
	cluster.machines[A].memory = MEMORY_DURABLE;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_true(dup_table_of(cluster.machines[A].dup)->bytes > 0);
	pass(&cluster, 10 * SIM_SECOND);
	assert_int_equal(dup_table_of(cluster.machines[A].dup)->bytes, 0);
	assert_int_equal(run_at(&cluster, C, send_old_copy, &cluster.machines[C]), 0);
	pass(&cluster, SIM_SECOND);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 2);
	cluster_end(&cluster);
}

/* ---- Addresses --------------------------------------------------------------------------- */

static uint64_t call_time_ns(struct cluster *cluster, int machine)
{
	uint64_t begun_ns = sim_now_ns(cluster->sim);

	assert_int_equal(call(cluster, machine, KIND_ECHO, 1), 0);
	return sim_now_ns(cluster->sim) - begun_ns;
}

/* A was the first to be asked; its kernel takes connections all the same. */
static void a_server_that_is_paused_is_soon_left_for_the_next(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 25, NULL);
	cluster.machines[D].address = "10.0.0.1:7000";
	cluster_start(&cluster);
	sim_node_pause(node(&cluster, A), SIM_PAUSE_PROCESS);
	assert_true(call_time_ns(&cluster, C) < GW_RPC_CONNECT_TIMEOUT_MS * SIM_MS / 2);
	/* Who has no other address waits for it. */
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), GW_E_UNREACHABLE);
	sim_node_resume(node(&cluster, A));
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), 0);
	cluster_end(&cluster);
}

/* It answers after a second, and there is no other one. */
static void a_server_that_is_slow_and_alone_is_reached(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 26, NULL);
	cluster.machines[C].client_options.patience_ms = 100;
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	sim_link(node(&cluster, C), node(&cluster, A))->delay_min_ns = SIM_SECOND;
	assert_true(call_time_ns(&cluster, C) >= SIM_SECOND);
	cluster_end(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_reboots_is_a_new_client),
		cmocka_unit_test(a_forked_or_restored_client_that_asks_for_other_things_is_refused),
		cmocka_unit_test(a_forked_or_restored_client_that_lags_behind_gets_stale),
		cmocka_unit_test(two_clients_with_one_id_are_told_apart_by_their_requests),
		cmocka_unit_test(two_clients_never_get_the_same_id_from_a_server),
		cmocka_unit_test(a_lease_that_ends_in_flight_makes_the_copy_stale),
		cmocka_unit_test(a_call_that_runs_keeps_its_client_known),
		cmocka_unit_test(an_idle_client_whose_lease_ended_just_goes_on),
		cmocka_unit_test(more_calls_than_the_window_wait_their_turn),
		cmocka_unit_test(a_copy_of_an_acknowledged_call_is_not_run),
		cmocka_unit_test(an_idle_client_acknowledges_its_last_calls),
		cmocka_unit_test(a_server_that_is_paused_is_soon_left_for_the_next),
		cmocka_unit_test(a_server_that_is_slow_and_alone_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
