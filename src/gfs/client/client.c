/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - a client is made and ended; the time that a call has. */
#include "gfs/client/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "task/loop.h"

static_assert((int)GW_GFS_PATH_BYTES_MAX == (int)GFS_PATH_BYTES_MAX &&
		      (int)GW_GFS_LIST_MAX == (int)GFS_LIST_ENTRIES_MAX &&
		      (int)GW_GFS_PIECE_BYTES == (int)GFS_PIECE_BYTES_MAX &&
		      (int)GW_GFS_APPEND_SHARE == (int)GFS_APPEND_SHARE &&
		      (int)GW_GFS_APPEND_BYTES_MAX == (int)GFS_APPEND_BYTES_MAX &&
		      (int)GW_GFS_CHUNK_LOG2_MIN == (int)GFS_CHUNK_LOG2_MIN &&
		      (int)GW_GFS_CHUNK_LOG2_MAX == (int)GFS_CHUNK_LOG2_MAX &&
		      (int)GW_GFS_GOAL_MAX == (int)GFS_GOAL_MAX &&
		      (int)GW_GFS_LOCATION_MS == (int)GFS_LOCATION_MS &&
		      (int)GW_GFS_TEXT_MAX > (int)GFS_ADDRESS_BYTES_MAX &&
		      (int)GW_GFS_RACK_MAX > (int)GFS_RACK_BYTES_MAX,
	      "the installed header says what the servers take");

static void fill_in(struct gw_gfs_client *client, const struct gw_gfs_client_options *options)
{
	static const struct gw_gfs_client_options none;

	client->options = options ? *options : none;
	if (client->options.timeout_ms == 0)
		client->options.timeout_ms = GW_GFS_TIMEOUT_MS;
	if (client->options.parallel == 0)
		client->options.parallel = GW_GFS_PARALLEL;
	if (client->options.parallel > GW_GFS_PARALLEL_MAX)
		client->options.parallel = GW_GFS_PARALLEL_MAX;
	gfs_client_copy(client->host, sizeof(client->host), client->options.host);
	gfs_client_copy(client->rack, sizeof(client->rack), client->options.rack);
	client->options.host = client->options.rack = NULL;
}

int gw_gfs_client_new(struct gw_gfs_client **out, const char *masters,
		      const struct gw_gfs_client_options *options, struct gw_error *error)
{
	struct gw_gfs_client *client = calloc(1, sizeof(*client));
	struct gw_rpc_client_options of_rpc;
	int code;

	assert(masters);
	*out = NULL;
	if (!client)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a client");
	fill_in(client, options);
	of_rpc = (struct gw_rpc_client_options){
		.name = client->options.name,
		.tls = client->options.tls,
		.insecure = client->options.insecure,
		.timeout_ms = client->options.timeout_ms,
		.connect_timeout_ms = GFS_CLIENT_CONNECT_MS,
		.keepalive_ms = GFS_CLIENT_KEEPALIVE_MS,
		.backoff_ms_max = GW_GFS_PAUSE_MS_MAX,
	};
	code = gw_rpc_client_new(&client->masters, masters, &of_rpc, error);
	if (code < 0) {
		free(client);
		return code;
	}
	io_random(task_io(), &client->data_client, sizeof(client->data_client));
	*out = client;
	return 0;
}

void gw_gfs_client_free(struct gw_gfs_client *client)
{
	if (!client)
		return;
	gw_rpc_client_free(client->masters);
	gfs_client_servers_free(client);
	free(client);
}

void gfs_client_copy(char *to, size_t size, const char *from)
{
	assert(size > 0);
	(void)snprintf(to, size, "%s", from ? from : "");
}

/* ---- Time ----------------------------------------------------------------------------------- */

void gfs_client_begin(const struct gw_gfs_client *client, struct gfs_client_call *call)
{
	uint64_t until_ns = gw_after_ms(client->options.timeout_ms);

	*call = (struct gfs_client_call){.before_ns = gw_deadline(), .pause_ms = GW_GFS_PAUSE_MS};
	call->until_ns = call->before_ns != GW_FOREVER ? call->before_ns : until_ns;
	(void)gw_deadline_set(call->until_ns);
}

int gfs_client_end(const struct gfs_client_call *call, int code)
{
	(void)gw_deadline_set(call->before_ns);
	return code;
}

bool gfs_client_is_refusal(int code)
{
	return code == GW_E_NOT_LEADER || code == GW_E_UNREACHABLE || code == GW_E_OVERLOADED;
}

bool gfs_client_pause(struct gfs_client_call *call, struct gw_error *error)
{
	uint64_t at_ns = gw_after_ms(call->pause_ms);

	if (at_ns >= call->until_ns || gw_sleep_until(at_ns) < 0)
		return false;
	if (call->pause_ms < GW_GFS_PAUSE_MS_MAX)
		call->pause_ms *= 2;
	if (error)
		*error = (struct gw_error){0};
	return true;
}

bool gfs_client_again(struct gfs_client_call *call, int code, struct gw_error *error)
{
	return gfs_client_is_refusal(code) && gfs_client_pause(call, error);
}
