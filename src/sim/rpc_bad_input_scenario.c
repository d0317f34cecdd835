/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_bad_input_scenario.c - peers that do not keep to the protocol, and certificates, on a
 * simulated cluster: what a bad peer does at machine C costs its own connection, while the calls of
 * machine D go on. The peers are those of src/rpc/bad_input_fixture.h.
 */
#include "rpc/bad_input_fixture.h"
#include "rpc/tls_fixture.h"
#include "sim/rpc_fixture.h"
#include "task/await.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Bad peers ---------------------------------------------------------------------------- */

struct visit {
	struct cluster *cluster;
	struct io_address server;
	const struct bad_input *bad;
	void (*peer)(const struct io_address *server);
};

static int visit_badly(void *argument)
{
	struct visit *visit = argument;

	if (visit->bad)
		bad_input_run(visit->bad, &visit->server);
	else
		visit->peer(&visit->server);
	return 0;
}

enum { GOOD_CALLS = 40 };

/* The visit at C, during calls of D, over a network that cuts bytes anywhere. */
static void run_visit(struct visit *visit, uint64_t seed)
{
	struct sim_options options = {.split_ppm = 300000};
	struct job *jobs = calloc(GOOD_CALLS, sizeof(*jobs));
	struct cluster cluster;

	cluster_begin(&cluster, seed, &options);
	cluster.machines[A].server_options = bad_input_server_options(visit->bad);
	cluster_start(&cluster);
	visit->cluster = &cluster;
	sim_node_address(cluster.machines[A].node, CLUSTER_PORT, &visit->server);
	for (int i = 0; i < GOOD_CALLS; i++) {
		jobs[i] = (struct job){.kind = KIND_ECHO, .number = i};
		job_start(&cluster, D, &jobs[i]);
	}
	assert_int_equal(run_at(&cluster, C, visit_badly, visit), 0);
	for (int i = 0; i < GOOD_CALLS; i++)
		assert_int_equal(job_wait(&cluster, &jobs[i]), 0);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), 0);
	cluster_end(&cluster);
	free(jobs);
}

static void an_input(void **state)
{
	struct visit visit = {.bad = *state};

	run_visit(&visit, 11);
}

static void a_peer_that_sends_a_byte_at_a_time_is_cut(void **state)
{
	struct visit visit = {.peer = bad_peer_sends_a_byte_at_a_time};

	(void)state;
	run_visit(&visit, 12);
}

static void a_peer_that_says_nothing_is_cut(void **state)
{
	struct visit visit = {.peer = bad_peer_says_nothing};

	(void)state;
	run_visit(&visit, 13);
}

static void a_peer_that_greets_and_is_silent_is_cut(void **state)
{
	struct visit visit = {.peer = bad_peer_greets_and_is_silent};

	(void)state;
	run_visit(&visit, 14);
}

static void a_peer_that_never_reads_is_cut(void **state)
{
	struct visit visit = {.peer = bad_peer_never_reads};

	(void)state;
	run_visit(&visit, 15);
}

/* ---- Many peers --------------------------------------------------------------------------- */

enum { SILENT_PEERS = 10000 };

struct crowd {
	struct io_address server;
	struct io_stream *streams[SILENT_PEERS];
	int count;
	bool leaves;
};

/* Connects again and again, and says nothing. */
static int come(void *argument)
{
	struct crowd *crowd = argument;

	while (crowd->count < SILENT_PEERS) {
		struct task_request connect = {0};

		io_connect(task_io(), &connect.request, &crowd->server, "the server",
			   &crowd->streams[crowd->count], task_request_done);
		if (task_await(&connect, gw_after_ms(60000)) < 0)
			return -1;
		crowd->count++;
	}
	return 0;
}

static int leave(void *argument)
{
	struct crowd *crowd = argument;

	for (int i = 0; i < crowd->count; i++)
		io_stream_close(task_io(), crowd->streams[i]);
	return 0;
}

static void ten_thousand_connections_that_say_nothing_disturb_nobody(void **state)
{
	struct sim_options options = {.delay_min_ns = 1000, .delay_mean_ns = 1000};
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 16, &options);
	/* They may stay while they come: all of them are there at once. */
	cluster.machines[A].server_options.greeting_ms = 600000;
	cluster_start(&cluster);
	sim_node_address(cluster.machines[A].node, CLUSTER_PORT, &crowd->server);
	assert_int_equal(run_at(&cluster, C, come, crowd), 0);
	assert_int_equal(crowd->count, SILENT_PEERS);
	for (int i = 1; i <= 20; i++)
		assert_int_equal(call(&cluster, D, KIND_ADD, 1), i);
	assert_int_equal(run_at(&cluster, C, leave, crowd), 0);
	assert_int_equal(call(&cluster, D, KIND_ADD, 1), 21);
	cluster_end(&cluster);
	free(crowd);
}

static void over_its_limit_of_connections_a_server_takes_no_more(void **state)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 17, NULL);
	cluster.machines[A].server_options = bad_input_server_options(false);
	cluster.machines[A].server_options.connections_max = 100;
	cluster.machines[D].address = "10.0.0.1:7000";
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, D, KIND_ADD, 1), 1);
	sim_node_address(cluster.machines[A].node, CLUSTER_PORT, &crowd->server);
	/* Most of the crowd is reset at once, the rest when it has not greeted; D was first. */
	(void)run_at(&cluster, C, come, crowd);
	for (int i = 2; i <= 20; i++)
		assert_int_equal(call(&cluster, D, KIND_ADD, 1), i);
	assert_int_equal(run_at(&cluster, C, leave, crowd), 0);
	cluster_end(&cluster);
	free(crowd);
}

/* ---- Handlers ----------------------------------------------------------------------------- */

enum { HELD = 4 };

static void handlers_that_never_return_hold_their_places_until_the_deadline(void **state)
{
	struct job held[HELD], refused = {.kind = KIND_ECHO, .timeout_ns = SIM_SECOND};
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 18, NULL);
	cluster.machines[A].server_options.connection_calls_max = HELD;
	cluster_start(&cluster);
	cluster.machines[A].served.hold = true;
	for (int i = 0; i < HELD; i++) {
		held[i] = (struct job){.kind = KIND_ECHO, .timeout_ns = 5 * SIM_SECOND};
		job_start(&cluster, C, &held[i]);
	}
	until(&cluster, &cluster.machines[A].served.echoes, HELD);
	job_start(&cluster, C, &refused);
	assert_int_equal(job_wait(&cluster, &refused), GW_E_OVERLOADED);
	for (int i = 0; i < HELD; i++)
		assert_int_equal(job_wait(&cluster, &held[i]), GW_E_TIMEOUT);
	until(&cluster, &cluster.machines[A].served.ended, HELD);
	cluster.machines[A].served.hold = false;
	assert_int_equal(call(&cluster, C, KIND_ECHO, 1), 0);
	cluster_end(&cluster);
}

static void a_handler_that_fails_costs_one_call(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 19, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.fail_code = GW_E_EXISTS;
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), GW_E_EXISTS);
	cluster.machines[A].served.fail_code = 0;
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 2);
	cluster_end(&cluster);
}

/* ---- Certificates ------------------------------------------------------------------------- */

struct trust {
	struct tls_cluster cluster;
	struct gw_rpc_tls *server, *client;
};

/* Server A and caller D talk TLS, with certificates from now on for a year. */
static void begin_trust(struct trust *trust, struct cluster *cluster, uint64_t seed,
			const struct sim_options *options)
{
	struct rpc_cert_request request = {.role = "client", .name = "d", .client_only = true};

	cluster_begin(cluster, seed, options);
	cluster_start_one(cluster, C);
	tls_cluster_make(&trust->cluster,
			 io_wall_ns(sim_node_io(cluster->machines[C].node)) / 1000000000);
	request.now_s = trust->cluster.now_s;
	trust->server = tls_cluster_server(&trust->cluster);
	trust->client = tls_cluster_tls(&trust->cluster, &trust->cluster, &request, "kv");
	cluster->machines[A].server_options.tls = trust->server;
	cluster->machines[A].server_options.greeting_ms = 1000;
	cluster->machines[D].client_options.tls = trust->client;
	cluster->machines[D].address = "10.0.0.1:7000";
	cluster_start_one(cluster, A);
	cluster_start_one(cluster, D);
}

static void end_trust(struct trust *trust, struct cluster *cluster)
{
	cluster_end(cluster);
	gw_rpc_tls_free(trust->server);
	gw_rpc_tls_free(trust->client);
	tls_cluster_done(&trust->cluster);
}

static void tls_bears_a_network_that_cuts_anywhere(void **state)
{
	struct sim_options options = {.split_ppm = 900000, .segment_bytes = 11};
	struct cluster cluster;
	struct trust trust;

	(void)state;
	begin_trust(&trust, &cluster, 21, &options);
	for (int i = 1; i <= 20; i++)
		assert_int_equal(call(&cluster, D, KIND_ADD, 1), i);
	assert_int_equal(cluster.machines[A].served.peer.kind, GW_RPC_PEER_TLS);
	assert_string_equal(cluster.machines[A].served.peer.name, "d");
	end_trust(&trust, &cluster);
}

static void tls_comes_back_after_resets_and_restarts(void **state)
{
	struct cluster cluster;
	struct trust trust;

	(void)state;
	begin_trust(&trust, &cluster, 22, NULL);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), 0);
	for (int i = 0; i < 5; i++) {
		sim_reset_streams(cluster.machines[A].node, cluster.machines[D].node);
		assert_int_equal(call(&cluster, D, KIND_ECHO, i), 0);
	}
	sim_node_restart(cluster.machines[A].node, false, SIM_SECOND);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 6), 0);
	sim_node_restart(cluster.machines[A].node, true, SIM_SECOND);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 7), 0);
	end_trust(&trust, &cluster);
}

static void a_certificate_ends_by_the_clock_of_who_checks_it(void **state)
{
	const int64_t year_ns = INT64_C(366) * 24 * 3600 * 1000000000;
	struct job job = {.kind = KIND_ECHO, .timeout_ns = 3 * SIM_SECOND};
	struct cluster cluster;
	struct trust trust;

	(void)state;
	begin_trust(&trust, &cluster, 23, NULL);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), 0);
	/* A connection that is there stays; the next one is refused. */
	sim_clock_jump(cluster.machines[A].node, year_ns);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 2), 0);
	sim_reset_streams(cluster.machines[A].node, cluster.machines[D].node);
	pass(&cluster, SIM_SECOND);
	job_start(&cluster, D, &job);
	assert_true(job_wait(&cluster, &job) < 0);
	assert_non_null(strstr(job.error.text, "permission denied"));
	sim_clock_jump(cluster.machines[A].node, -year_ns);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 3), 0);
	end_trust(&trust, &cluster);
}

static void plain_text_at_a_tls_server_runs_nothing(void **state)
{
	struct job job = {.kind = KIND_ECHO, .timeout_ns = 3 * SIM_SECOND};
	struct cluster cluster;
	struct trust trust;

	(void)state;
	begin_trust(&trust, &cluster, 24, NULL);
	/* C has no certificate. */
	job_start(&cluster, C, &job);
	assert_int_equal(job_wait(&cluster, &job), GW_E_UNREACHABLE);
	assert_int_equal(cluster.machines[A].served.echoes, 0);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), 0);
	end_trust(&trust, &cluster);
}

static void a_handshake_that_never_ends_is_cut(void **state)
{
	struct visit visit = {.peer = bad_peer_says_nothing};
	struct cluster cluster;
	struct trust trust;

	(void)state;
	begin_trust(&trust, &cluster, 25, NULL);
	visit.cluster = &cluster;
	sim_node_address(cluster.machines[A].node, CLUSTER_PORT, &visit.server);
	assert_int_equal(run_at(&cluster, C, visit_badly, &visit), 0);
	assert_int_equal(call(&cluster, D, KIND_ECHO, 1), 0);
	end_trust(&trust, &cluster);
}

/* ---- All of them -------------------------------------------------------------------------- */

enum { TESTS_MAX = 64 };

static const struct CMUnitTest own_tests[] = {
	cmocka_unit_test(a_peer_that_sends_a_byte_at_a_time_is_cut),
	cmocka_unit_test(a_peer_that_says_nothing_is_cut),
	cmocka_unit_test(a_peer_that_greets_and_is_silent_is_cut),
	cmocka_unit_test(a_peer_that_never_reads_is_cut),
	cmocka_unit_test(ten_thousand_connections_that_say_nothing_disturb_nobody),
	cmocka_unit_test(over_its_limit_of_connections_a_server_takes_no_more),
	cmocka_unit_test(handlers_that_never_return_hold_their_places_until_the_deadline),
	cmocka_unit_test(a_handler_that_fails_costs_one_call),
	cmocka_unit_test(tls_bears_a_network_that_cuts_anywhere),
	cmocka_unit_test(tls_comes_back_after_resets_and_restarts),
	cmocka_unit_test(a_certificate_ends_by_the_clock_of_who_checks_it),
	cmocka_unit_test(plain_text_at_a_tls_server_runs_nothing),
	cmocka_unit_test(a_handshake_that_never_ends_is_cut),
};

int main(void)
{
	struct CMUnitTest tests[TESTS_MAX];
	char titles[TESTS_MAX][96];
	size_t count = sizeof(own_tests) / sizeof(own_tests[0]);

	memcpy(tests, own_tests, sizeof(own_tests));
	for (const struct bad_input *bad = bad_inputs; bad->title; bad++, count++) {
		assert_true(count < TESTS_MAX);
		(void)snprintf(titles[count], sizeof(titles[count]), "%s %s", bad->title,
			       bad->end == BAD_INPUT_HUNG_UP ? "costs only its connection"
							     : "is answered");
		tests[count] = (struct CMUnitTest){titles[count], an_input, NULL, NULL,
						   (void *)(uintptr_t)bad};
	}
	return _cmocka_run_group_tests("bad_input", tests, count, NULL, NULL);
}
