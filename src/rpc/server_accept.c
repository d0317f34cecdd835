/* SPDX-License-Identifier: Apache-2.0 */
/* server_accept.c - connections as they come. */
#include "rpc/server.h"

#include <assert.h>
#include <stdlib.h>

#include "task/await.h"

static void line_start(struct gw_rpc_server *server, struct rpc_transport *transport)
{
	const struct gw_rpc_server_options *options = &server->options;
	struct rpc_connection *connection;
	struct rpc_line *line;

	/* Without memory for a line its peer sees the end of the connection. */
	if (rpc_line_new(&line, &server->flusher, transport, &rpc_server_events, server, NULL) < 0)
		return;
	assert(!server->is_closing);
	line->next = server->lines;
	if (line->next)
		line->next->previous = line;
	server->lines = line;
	server->line_count++;
	connection = line->connection;
	connection->ours.message_bytes_max = options->message_bytes_max;
	connection->ours.attachment_bytes_max = options->attachment_bytes_max;
	connection->incarnation = server->incarnation;
	connection->cluster = options->cluster;
	connection->may_stop = true;
	connection->tick_ns = options->keepalive_ms * 1000000;
	rpc_connection_start(connection, options->greeting_ms * 1000000);
}

struct arrival {
	struct gw_rpc_server *server;
	struct io_stream *stream;
};

static int shake_hands(void *argument)
{
	struct arrival *arrival = argument;
	struct gw_rpc_server *server = arrival->server;
	uint64_t deadline_ns = gw_after_ms(server->options.greeting_ms);
	struct rpc_transport *transport;

	if (rpc_transport_tls(&transport, server->io, arrival->stream, server->options.tls, true,
			      NULL, deadline_ns, NULL) == 0) {
		if (server->is_closing || server->is_draining)
			rpc_transport_close(transport, true);
		else
			line_start(server, transport);
	}
	assert(server->arriving > 0);
	server->arriving--;
	free(arrival);
	return 0;
}

static void arrive_by_tls(struct gw_rpc_server *server, struct io_stream *stream)
{
	static const struct gw_spawn_options options = {.name = "rpc handshake"};
	struct arrival *arrival = malloc(sizeof(*arrival));

	if (arrival) {
		*arrival = (struct arrival){server, stream};
		server->arriving++;
		if (task_spawn(server->loop, NULL, &server->group, shake_hands, arrival,
			       &options) == 0)
			return;
		server->arriving--;
	}
	free(arrival);
	io_stream_reset(server->io, stream);
}

static void arrive(struct gw_rpc_server *server, struct io_stream *stream)
{
	struct rpc_transport *transport;
	struct io_peer peer = {0};

	if (server->is_draining ||
	    server->line_count + server->arriving >= server->options.connections_max) {
		io_stream_reset(server->io, stream);
		return;
	}
	io_peer(server->io, stream, &peer);
	if (server->options.tls && peer.address.family != IO_FAMILY_UNIX) {
		arrive_by_tls(server, stream);
		return;
	}
	if (rpc_transport_plain(&transport, server->io, stream, NULL) == 0)
		line_start(server, transport);
}

int rpc_server_accept(void *argument)
{
	struct rpc_listening *listening = argument;
	struct gw_rpc_server *server = listening->server;

	while (!server->is_closing && !gw_cancelled()) {
		struct task_request accept = {0};
		struct io_stream *stream = NULL;
		int result;

		io_accept(server->io, &accept.request, listening->listener, &stream,
			  task_request_done);
		result = task_await(&accept, GW_FOREVER);
		if (result == 0)
			arrive(server, stream);
		else if (result == GW_E_CANCELLED)
			break;
		else
			(void)gw_sleep_ms(RPC_ACCEPT_PAUSE_MS);
	}
	return 0;
}
