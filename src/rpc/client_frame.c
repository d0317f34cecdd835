/* SPDX-License-Identifier: Apache-2.0 */
/* client_frame.c - what comes to a client: answers, and the news of its lines. */
#include "rpc/client.h"

#include <assert.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "io/rare.h"
#include "rpc/message.h"

static void greeted(struct rpc_connection *connection)
{
	struct gw_rpc_client *client = rpc_line_of(connection)->owner;

	rpc_wake(&client->ready);
}

/* The handler's failure, or the server's. */
static int take_failure(struct gw_rpc_call *call, const struct rpc_header *header,
			struct gw_bytes payload, struct gw_error *error)
{
	struct rpc_failure failure;
	int result = rpc_failure_decode(payload, &failure, error);

	if (result < 0)
		return result;
	call->code = (int32_t)header->method;
	call->is_unrun = header->flags & RPC_FLAG_UNRUN;
	(void)gw_fail(call->error, call->code, "%.*s", (int)failure.text.size,
		      (const char *)failure.text.data);
	if (failure.redirect.size > 0) {
		free(call->redirect);
		/* Without memory for it nobody is followed; the addresses are still tried. */
		call->redirect = base_copy_text(failure.redirect);
	}
	return 0;
}

static int take_message(struct gw_rpc_call *call, const struct rpc_header *header,
			struct gw_bytes payload, struct gw_error *error)
{
	int result;

	call->code = (int32_t)header->method;
	if (call->is_open)
		return rpc_opened_decode(payload, &call->opened, error);
	if (call->method->reply_streams)
		return 0;
	result = rpc_message_unpack_owned(call->method->reply, payload, &call->reply, call->error);
	if (result < 0) {
		(void)gw_fail_in(call->error, "%s: reply", call->method->full_name);
		call->code = result;
	}
	return 0;
}

static int take_reply(struct rpc_line *line, const struct rpc_header *header,
		      struct gw_bytes payload, struct gw_error *error)
{
	struct gw_rpc_call *call = rpc_line_find(line, header->call);
	int result;

	/* The caller has given it up. */
	if (!call)
		return 0;
	if (call->is_ended)
		return gw_fail(error, GW_E_CORRUPT, "a second reply to one call");
	if (call->session && IO_RARE(line->connection->io, "rpc.answer-lost"))
		return gw_fail(error, GW_E_CLOSED, "the connection was lost with an answer");
	if ((int32_t)header->method < 0)
		result = take_failure(call, header, payload, error);
	else
		result = take_message(call, header, payload, error);
	if (result < 0)
		return result;
	assert(call->line == line && !call->is_served);
	result = rpc_flow_reply(call, header, error);
	call->is_ended = true;
	rpc_wake(&call->waiters);
	return result;
}

static int frame(struct rpc_connection *connection, const struct rpc_header *header,
		 struct gw_bytes payload, struct gw_error *error)
{
	struct rpc_line *line = rpc_line_of(connection);

	switch (header->kind) {
	case RPC_KIND_REPLY:
		return take_reply(line, header, payload, error);
	case RPC_KIND_ITEM:
	case RPC_KIND_END:
	case RPC_KIND_CREDIT:
		return rpc_flow_frame(line, rpc_line_find(line, header->call), header, payload,
				      error);
	case RPC_KIND_AWAY:
		rpc_client_retire(line->owner, line);
		return 0;
	default:
		return gw_fail(error, GW_E_CORRUPT, "%s frame from a server",
			       rpc_kind_name(header->kind));
	}
}

/* Whoever calls again soon acknowledges by that. */
static void ticked(struct rpc_connection *connection)
{
	struct rpc_line *line = rpc_line_of(connection);
	struct gw_rpc_client *client = line->owner;

	if (line == client->line)
		rpc_session_acknowledge(client, line);
}

static void closed(struct rpc_connection *connection, const struct gw_error *why)
{
	struct rpc_line *line = rpc_line_of(connection);
	struct gw_rpc_client *client = line->owner;
	struct gw_rpc_call *call;

	while ((call = rpc_line_any(line))) {
		rpc_line_remove(line, call);
		call->is_lost = true;
		rpc_wake(&call->waiters);
	}
	assert(why->code < 0 && line->call_count == 0);
	client->last_error = *why;
	if (client->line == line)
		client->line = NULL;
	if (client->greeting == line)
		client->greeting = NULL;
	rpc_line_unlink(&client->lines, line);
	rpc_wake(&client->ready);
	rpc_line_free(line);
	rpc_connection_unref(connection);
}

const struct rpc_connection_events rpc_client_events = {
	.greeted = greeted,
	.frame = frame,
	.part_place = rpc_flow_part_place,
	.part_filled = rpc_flow_part_filled,
	.part_end = rpc_flow_part_end,
	.dirty = rpc_line_dirty,
	.ticked = ticked,
	.written = rpc_line_written,
	.closed = closed,
};
