/* SPDX-License-Identifier: Apache-2.0 */
/* server_frame.c - what comes to a server, and the end of its lines. */
#include "rpc/server.h"

#include <assert.h>

static void greeted(struct rpc_connection *connection)
{
	(void)connection;
}

static int take_ack(struct rpc_line *line, const struct rpc_header *header, struct gw_error *error)
{
	struct rpc_service *service = rpc_server_service_by_id(line->owner, header->method);

	if (!(header->flags & RPC_FLAG_ONCE))
		return gw_fail(error, GW_E_CORRUPT, "ack frame of nobody");
	if (service)
		service->dup->operations->forget_below(service->dup, header->once.client,
						       header->once.first_incomplete);
	return 0;
}

static int frame(struct rpc_connection *connection, const struct rpc_header *header,
		 struct gw_bytes payload, struct gw_error *error)
{
	struct rpc_line *line = rpc_line_of(connection);
	struct gw_rpc_call *call;

	switch (header->kind) {
	case RPC_KIND_CALL:
		return rpc_server_take_call(line, header, payload, error);
	case RPC_KIND_OPEN:
		return rpc_server_take_open(line, header, error);
	case RPC_KIND_CANCEL:
		call = rpc_line_find(line, header->call);
		if (call)
			rpc_server_cancel(call);
		return 0;
	case RPC_KIND_ACK:
		return take_ack(line, header, error);
	case RPC_KIND_ITEM:
	case RPC_KIND_END:
	case RPC_KIND_CREDIT:
		call = rpc_line_find(line, header->call);
		return rpc_flow_frame(line, call && call->served ? call : NULL, header, payload,
				      error);
	default:
		return gw_fail(error, GW_E_CORRUPT, "%s frame from a client",
			       rpc_kind_name(header->kind));
	}
}

static void closed(struct rpc_connection *connection, const struct gw_error *why)
{
	struct rpc_line *line = rpc_line_of(connection);
	struct gw_rpc_server *server = line->owner;
	struct gw_rpc_call *call;

	(void)why;
	while ((call = rpc_line_any(line))) {
		rpc_line_remove(line, call);
		call->is_lost = true;
		rpc_server_cancel(call);
	}
	assert(line->call_count == 0);
	rpc_line_unlink(&server->lines, line);
	assert(server->line_count > 0);
	server->line_count--;
	rpc_wake(&server->idle);
	rpc_line_free(line);
	rpc_connection_unref(connection);
}

const struct rpc_connection_events rpc_server_events = {
	.greeted = greeted,
	.frame = frame,
	.part_place = rpc_flow_part_place,
	.part_filled = rpc_flow_part_filled,
	.part_end = rpc_flow_part_end,
	.dirty = rpc_line_dirty,
	.written = rpc_line_written,
	.closed = closed,
};
