/* SPDX-License-Identifier: Apache-2.0 */
/* pair_fixture.h - a server and a client of it in one loop, over a real socket of this machine. */
#ifndef RPC_PAIR_FIXTURE_H
#define RPC_PAIR_FIXTURE_H

#include "rpc/service_fixture.h"

#include "support/unit.h"

struct pair {
	struct served served;
	struct gw_rpc_server *server;
	struct gw_rpc_client *client;
};

static inline void begin(struct pair *pair, const struct gw_rpc_server_options *server_options,
		 const struct gw_rpc_client_options *client_options)
{
	struct gw_error error = {0};
	int result = gw_rpc_server_new(&pair->server, server_options, &error);

	if (result == 0)
		result = fixture_serve(pair->server, &served_handlers, &pair->served, NULL, &error);
	if (result == 0)
		result = gw_rpc_server_listen(pair->server, "127.0.0.1:0", &error);
	if (result == 0)
		result = gw_rpc_client_new(&pair->client, gw_rpc_server_address(pair->server),
					   client_options, &error);
	if (result < 0)
		print_error("%s\n", error.text);
	assert_int_equal(result, 0);
}

static inline void end(struct pair *pair)
{
	gw_rpc_client_free(pair->client);
	gw_rpc_server_free(pair->server);
}

/* A row of the table of tests: function(NULL) is run as the first task of a loop. */
#define in_a_task(function) {#function, run_in_a_task, NULL, NULL, (void *)(function)}

static inline void run_in_a_task(void **state)
{
	struct gw_run_options options = {.name = "test"};

	assert_int_equal(gw_run((gw_task_function *)*state, NULL, &options, NULL), 0);
}

#endif
