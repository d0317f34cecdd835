/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_chaos_scenario.c - the proxy of src/rpc/chaos.h as a machine of a simulated cluster, between
 * caller D and server A: whatever it does, a call that runs at most once counts once.
 */
#include "rpc/chaos.h"
#include "sim/rpc_fixture.h"

enum { PROXY_PORT = 7001, CALLS = 60 };

struct proxy {
	struct io *io;
	struct rpc_chaos *chaos;
	struct rpc_chaos_options options;
	struct io_address server;
	struct rpc_chaos_counts counts; /* when it ended */
};

static void *proxy_start(struct sim_node *node, struct io *io, void *argument)
{
	struct proxy *proxy = argument;
	struct io_address listen;

	sim_node_address(node, PROXY_PORT, &listen);
	proxy->io = io;
	assert_int_equal(rpc_chaos_new(&proxy->chaos, io, &listen, &proxy->server,
				       &proxy->options, NULL),
			 0);
	return proxy;
}

static void proxy_stop(void *life)
{
	struct proxy *proxy = life;

	proxy->counts = rpc_chaos_counts(proxy->chaos);
	rpc_chaos_stop(proxy->chaos, NULL, NULL);
	assert_true(sim_io_unwind(proxy->io));
}

/* D calls A through the proxy, which is machine 10.0.0.5. */
static void begin(struct cluster *cluster, struct proxy *proxy, uint64_t seed)
{
	struct sim_program program = {proxy_start, proxy_stop, proxy};
	struct sim_node *node;

	cluster_begin(cluster, seed, NULL);
	cluster->machines[D].address = "10.0.0.5:7001";
	cluster->machines[D].client_options.keepalive_ms = 1000;
	sim_node_address(cluster->machines[A].node, CLUSTER_PORT, &proxy->server);
	proxy->options.seed = seed;
	node = sim_node_add(cluster->sim, "proxy", &program);
	cluster_start_one(cluster, A);
	sim_node_start(node);
	sim_run_for(cluster->sim, SIM_MS);
	cluster_start_one(cluster, D);
}

/* Adds 1 again and again: each call is answered, with the number of those before it. */
static uint64_t add_all(struct proxy *proxy, uint64_t seed)
{
	struct cluster cluster;
	uint64_t hash;

	begin(&cluster, proxy, seed);
	for (int i = 1; i <= CALLS; i++)
		assert_int_equal(call(&cluster, D, KIND_ADD, 1), i);
	assert_int_equal(cluster.machines[A].served.adds, CALLS);
	hash = sim_hash(cluster.sim);
	cluster_end(&cluster);
	return hash;
}

static void late_and_cut_pieces_change_nothing(void **state)
{
	struct proxy proxy = {.options = {.delay_ms = 20, .jitter_ms = 50, .split = true}};

	(void)state;
	(void)add_all(&proxy, 1);
	assert_true(proxy.counts.pieces > CALLS);
}

static void a_slow_line_delays_calls_and_loses_none(void **state)
{
	struct proxy proxy = {.options = {.bytes_per_s = 2000}};

	(void)state;
	(void)add_all(&proxy, 2);
}

static void calls_count_once_through_resets(void **state)
{
	struct proxy proxy = {.options = {.reset_ppm = 150000, .refuse_ppm = 300000}};

	(void)state;
	(void)add_all(&proxy, 3);
	assert_true(proxy.counts.resets > 3);
	assert_true(proxy.counts.refused > 0);
}

static void calls_count_once_through_connections_that_fall_silent(void **state)
{
	struct proxy proxy = {.options = {.drop_ppm = 100000, .half_open_ppm = 500000}};

	(void)state;
	(void)add_all(&proxy, 4);
	assert_true(proxy.counts.drops > 1);
	assert_true(proxy.counts.half_open > 0);
}

static void the_same_seed_sees_the_same_faults(void **state)
{
	const struct rpc_chaos_options options = {.reset_ppm = 50000, .jitter_ms = 3,
						  .split = true};
	struct proxy one = {.options = options}, two = one, other = one;
	uint64_t hash;

	(void)state;
	hash = add_all(&one, 5);
	assert_true(add_all(&two, 5) == hash);
	assert_true(add_all(&other, 6) != hash);
	assert_int_equal(one.counts.resets, two.counts.resets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_and_cut_pieces_change_nothing),
		cmocka_unit_test(a_slow_line_delays_calls_and_loses_none),
		cmocka_unit_test(calls_count_once_through_resets),
		cmocka_unit_test(calls_count_once_through_connections_that_fall_silent),
		cmocka_unit_test(the_same_seed_sees_the_same_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
