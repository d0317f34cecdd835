/* SPDX-License-Identifier: Apache-2.0 */
/* drop.c - frees clients and servers of dead machines. */
#include "rpc/drop.h"

#include <stdlib.h>

#include "rpc/client.h"
#include "rpc/server.h"

static void drop_lines(struct rpc_line **lines)
{
	while (*lines) {
		struct rpc_line *line = *lines;

		*lines = line->next;
		rpc_connection_drop(line->connection);
		free(line->buckets);
		rpc_peer_unref(line->peer);
		free(line);
	}
}

void rpc_client_drop(struct gw_rpc_client *client)
{
	struct gw_rpc_call *call, *next;

	if (!client)
		return;
	for (call = client->active; call; call = next) {
		next = call->active_next;
		rpc_flow_done(call);
		gw_rpc_message_free(call->reply);
		free(call->redirect);
		rpc_session_unref(call->session);
		if (call->is_opened)
			free(call);
	}
	drop_lines(&client->lines);
	rpc_client_forget(client);
}

void rpc_server_drop(struct gw_rpc_server *server)
{
	struct gw_rpc_call *call, *next;

	if (!server)
		return;
	for (call = server->active; call; call = next) {
		next = call->active_next;
		rpc_flow_done(call);
		rpc_peer_unref(call->peer);
		free(call->redirect);
		base_arena_done(&call->arena);
		if (call->release)
			call->release(call->release_context);
		free(call);
	}
	drop_lines(&server->lines);
	rpc_server_forget(server);
}
