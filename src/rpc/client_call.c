/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_call.c - a call as its caller sees it: sent, sent again where the method's semantics allow
 * it, given up at the deadline.
 */
#include "rpc/client.h"

#include <assert.h>
#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "io/rare.h"
#include "rpc/message.h"

enum { AGAIN = RPC_CLIENT_AGAIN };

static const char *call_name(const struct gw_rpc_call *call)
{
	return call->method->full_name;
}

/* ---- What is sent -------------------------------------------------------------------------- */

static uint64_t time_left(const struct gw_rpc_call *call)
{
	uint64_t now = io_now_ns(call->client->io);

	if (call->deadline_ns == GW_FOREVER ||
	    (call->times_sent > 0 && IO_BUG(call->client->io, "rpc.deadline-dropped")))
		return UINT64_MAX;
	return call->deadline_ns > now ? call->deadline_ns - now : 0;
}

static void header_of(const struct gw_rpc_call *call, struct rpc_header *header)
{
	uint64_t announced = call->options.attachment.size;

	*header = (struct rpc_header){.kind = RPC_KIND_CALL,
				      .method = call->method->id,
				      .call = call->id,
				      .number = time_left(call),
				      .trace = call->trace};
	header->attachment_bytes = announced ? announced : call->options.attachment_bytes;
	if (call->session || call->options.reply_attachment)
		header->flags |= RPC_FLAG_ONCE;
	if (call->session) {
		assert(call->sequence >= call->session->first_incomplete);
		rpc_session_once(call, &header->once);
	}
	header->once.reply_credit_bytes = call->in.granted;
}

static int send_call(struct gw_rpc_call *call, struct rpc_line *line,
		     const struct ProtobufCMessage *request, struct gw_error *error)
{
	struct rpc_header header;
	size_t bytes = request ? protobuf_c_message_get_packed_size(request) : 0;
	uint8_t *payload;

	if (bytes > line->connection->theirs.message_bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: request of %zu bytes, the limit is %u",
			       call_name(call), bytes, line->connection->theirs.message_bytes_max);
	assert(!call->line && line->connection->is_greeted);
	call->id = ++line->last_call;
	header_of(call, &header);
	header.payload_bytes = (uint32_t)bytes;
	if (header.attachment_bytes > line->connection->theirs.attachment_bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%s: attachment of %" PRIu64 " bytes, the limit is %" PRIu64,
			       call_name(call), header.attachment_bytes,
			       line->connection->theirs.attachment_bytes_max);
	payload = rpc_connection_begin(line->connection, &header);
	if (!payload || rpc_line_add(line, call) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", call_name(call));
	if (request)
		(void)protobuf_c_message_pack(request, payload);
	rpc_connection_end(line->connection, &header, payload);
	call->times_sent++;
	call->last_line = line;
	return 0;
}

/* Takes the call off its line; the server is told when it may still run. */
static void leave(struct gw_rpc_call *call)
{
	struct rpc_line *line = call->line;
	struct rpc_header header = {.kind = RPC_KIND_CANCEL, .call = call->id};

	if (!line)
		return;
	assert(line->owner == call->client && !call->is_lost);
	rpc_line_remove(line, call);
	if (!call->is_ended) {
		(void)rpc_connection_send(line->connection, &header, (struct gw_bytes){0}, NULL);
		if (call->times_sent > 1 && IO_BUG(call->client->io, "rpc.cancelled-reply"))
			line->last_call = call->id - 1;
	}
	rpc_client_left(call->client, line);
}

/* ---- One attempt ------------------------------------------------------------------------- */

static void attempt_reset(struct gw_rpc_call *call)
{
	assert(!call->line && call->out.under_way == 0);
	rpc_flow_done(call);
	rpc_flow_begin(call);
	gw_rpc_message_free(call->reply);
	call->reply = NULL;
	call->is_lost = false;
	call->is_ended = false;
	call->is_unrun = false;
	call->code = 0;
	if (call->options.reply_attachment) {
		call->in.buffer = call->options.reply_attachment;
		call->in.buffer_size = call->options.reply_attachment_max;
		call->in.granted = call->options.reply_attachment_max;
		if (call->in.granted < RPC_PART_AHEAD_BYTES)
			call->in.granted = RPC_PART_AHEAD_BYTES;
	}
	call->out.attachment_bytes = call->options.attachment.size ?
					     call->options.attachment.size :
					     call->options.attachment_bytes;
	call->out.has_attachment = call->out.attachment_bytes > 0;
	call->out.is_checked = call->options.attachment_is_checked;
}

/* 0: there is a line, and the call a session if it needs one. */
static int prepare(struct gw_rpc_call *call, struct rpc_line **line, struct gw_error *error)
{
	int result;

	do {
		result = rpc_client_ready(call->client, call, line, error);
		if (result < 0 && call->times_sent > 0) {
			call->is_lost = true;
			return rpc_client_gave_up(call, result, error);
		}
		if (result == 0 && rpc_method_runs_once(call->method))
			result = rpc_session_begin(call, *line, error);
		if (result == 0 && *line != call->client->line)
			result = AGAIN;
		while (result == 0 && !rpc_connection_has_room((*line)->connection)) {
			result = rpc_wait(&(*line)->room, "for room to send", call_name(call),
					  call->deadline_ns);
			if (result < 0)
				return rpc_client_gave_up(call, result, error);
			if (*line != call->client->line)
				result = AGAIN;
		}
	} while (result == AGAIN);
	return result;
}

static int attempt(struct gw_rpc_call *call, const struct ProtobufCMessage *request,
		   struct gw_error *error)
{
	struct rpc_line *line;
	int result;

	attempt_reset(call);
	result = prepare(call, &line, error);
	if (result == 0)
		result = send_call(call, line, request, error);
	if (result < 0)
		return result;
	if (call->options.attachment.size > 0)
		result = rpc_flow_send_all(call, call->options.attachment, error);
	while (!call->is_lost && !rpc_flow_is_whole(call) && !call->in.is_too_large && result >= 0)
		result = rpc_call_wait(call, "for the answer of");
	leave(call);
	rpc_flow_settle(call);
	assert(!call->line);
	if (call->in.is_too_large && (!call->is_ended || call->code >= 0))
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%s: attachment of %" PRIu64 " bytes, the buffer has %zu",
			       call_name(call), call->in.attachment_bytes,
			       call->options.reply_attachment_max);
	if (call->is_ended && rpc_flow_is_whole(call))
		return 0;
	if (!call->is_lost)
		return rpc_client_gave_up(call, result, error);
	IO_PROBE(call->client->io, "rpc.sent-again");
	return call->client->is_closing ?
		       gw_fail(error, GW_E_CANCELLED, "%s: the client was freed", call_name(call)) :
		       AGAIN;
}

/* ---- All attempts ------------------------------------------------------------------------ */

static int attempts(struct gw_rpc_call *call, const struct ProtobufCMessage *request,
		    struct gw_error *error)
{
	int result;

	do {
		result = attempt(call, request, error);
		if (result == 0)
			result = call->code;
		else if (result != GW_E_NOT_LEADER) /* that one is of the opening of its session */
			continue;
		if (result >= 0)
			return result;
		call->code = result;
		result = rpc_client_refused(call, error);
	} while (result == AGAIN);
	return result;
}

/* ---- Begin and end ----------------------------------------------------------------------- */

static uint64_t trace_of(struct gw_rpc_client *client, uint64_t asked)
{
	if (asked)
		return asked;
	if (task_trace()->low)
		return task_trace()->low;
	/* Unlike all others, and no secret. */
	asked = client->trace += 0x9e3779b97f4a7c15;
	asked = (asked ^ (asked >> 30)) * 0xbf58476d1ce4e5b9;
	asked = (asked ^ (asked >> 27)) * 0x94d049bb133111eb;
	asked ^= asked >> 31;
	return asked ? asked : 1;
}

static int call_begin(struct gw_rpc_call *call, struct gw_rpc_client *client,
		      const struct gw_rpc_method *method,
		      const struct gw_rpc_call_options *options, struct gw_error *error)
{
	uint64_t timeout_ms = method->timeout_ms ? method->timeout_ms : client->options.timeout_ms;

	*call = (struct gw_rpc_call){.client = client, .method = method, .error = error};
	assert(client->loop == task_loop());
	assert(method->request && method->reply);
	if (options)
		call->options = *options;
	if (client->is_closing)
		return gw_fail(error, GW_E_CANCELLED, "%s: the client was freed",
			       method->full_name);
	if (client->calls >= client->options.calls_max)
		return gw_fail(error, GW_E_OVERLOADED, "%s: %u calls of this client are under way",
			       method->full_name, client->calls);
	call->deadline_ns = call->options.deadline_ns ? call->options.deadline_ns :
							gw_after_ms(timeout_ms);
	if (gw_deadline() < call->deadline_ns)
		call->deadline_ns = gw_deadline();
	call->object = call->options.object;
	call->trace = trace_of(client, call->options.trace);
	client->calls++;
	return 0;
}

static void call_end(struct gw_rpc_call *call)
{
	struct gw_rpc_client *client = call->client;

	assert(!call->line && !call->out.under_way);
	rpc_session_end(call);
	rpc_flow_done(call);
	free(call->redirect);
	if (--client->calls == 0)
		rpc_wake(&client->idle);
}

int gw_rpc_invoke(struct gw_rpc_client *client, const struct gw_rpc_method *method,
		  const struct ProtobufCMessage *request, struct ProtobufCMessage **reply,
		  const struct gw_rpc_call_options *options, struct gw_error *error)
{
	struct gw_rpc_call call;
	int result;

	*reply = NULL;
	if (method->request_streams || method->reply_streams || !request)
		return gw_fail(error, GW_E_INVALID, "%s streams: it needs gw_rpc_open",
			       method->full_name);
	result = call_begin(&call, client, method, options, error);
	if (result < 0)
		return result;
	result = attempts(&call, request, error);
	if (result >= 0 && call.options.reply_attachment_bytes)
		*call.options.reply_attachment_bytes = (size_t)call.in.attachment_bytes;
	assert(result < 0 || call.reply);
	if (result >= 0)
		*reply = call.reply;
	else
		gw_rpc_message_free(call.reply);
	call_end(&call);
	return result;
}

int rpc_client_open_session(struct gw_rpc_call *first, struct rpc_line *line, uint32_t service,
			    struct rpc_client_id id, struct rpc_opened *opened,
			    struct gw_error *error)
{
	struct gw_rpc_client *client = first->client;
	struct gw_rpc_method method = {.full_name = "the opening of a session"};
	struct rpc_header header = {
		.kind = RPC_KIND_OPEN, .flags = RPC_FLAG_ONCE, .method = service};
	struct gw_rpc_call call = {.client = client,
				   .method = &method,
				   .deadline_ns = first->deadline_ns,
				   .error = error,
				   .is_open = true};
	int result;

	assert(line == client->line);
	rpc_flow_begin(&call);
	call.id = header.call = ++line->last_call;
	header.once.client = id;
	result = rpc_connection_send(line->connection, &header, (struct gw_bytes){0}, error);
	if (result == 0 && rpc_line_add(line, &call) < 0)
		result = gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", method.full_name);
	while (result == 0 && !call.is_ended && !call.is_lost)
		result = rpc_call_wait(&call, "for the answer to");
	if (call.is_ended)
		result = call.code;
	else if (result < 0)
		(void)gw_fail(error, result, "%s: %s", method.full_name, gw_code_text(result));
	leave(&call);
	rpc_flow_done(&call);
	free(first->redirect);
	first->redirect = call.redirect;
	first->last_line = line;
	*opened = call.opened;
	return call.is_lost ? AGAIN : result;
}

/* ---- Calls that are opened --------------------------------------------------------------- */

/* A call that outlives the function that began it, with room for its failure's sentence. */
struct opened_call {
	struct gw_rpc_call call; /* first */
	struct gw_error error;
};

int gw_rpc_open(struct gw_rpc_client *client, const struct gw_rpc_method *method,
		const struct ProtobufCMessage *request, const struct gw_rpc_call_options *options,
		struct gw_rpc_call **out, struct gw_error *error)
{
	struct opened_call *opened = calloc(1, sizeof(*opened));
	struct gw_rpc_call *call;
	struct rpc_line *line;
	int result;

	*out = NULL;
	if (!opened)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", method->full_name);
	call = &opened->call;
	result = call_begin(call, client, method, options, error);
	if (result < 0) {
		free(opened);
		return result;
	}
	call->error = &opened->error;
	attempt_reset(call);
	result = prepare(call, &line, error);
	if (result == 0)
		result = send_call(call, line, request, error);
	if (result == 0 && call->options.attachment.size > 0)
		result = rpc_flow_send_all(call, call->options.attachment, error);
	if (result < 0) {
		gw_rpc_abandon(call);
		return result;
	}
	*out = call;
	return 0;
}

void gw_rpc_abandon(struct gw_rpc_call *call)
{
	if (!call)
		return;
	assert(!call->is_served);
	leave(call);
	rpc_flow_settle(call);
	gw_rpc_message_free(call->reply);
	call_end(call);
	free(call);
}

int gw_rpc_finish(struct gw_rpc_call *call, struct ProtobufCMessage **reply, struct gw_error *error)
{
	int result = 0;

	assert(!call->is_served);
	if (reply)
		*reply = NULL;
	while (!call->is_ended && !call->is_lost && result >= 0)
		result = rpc_call_wait(call, "for the end of");
	if (call->is_ended) {
		result = call->code;
		if (result < 0 && error)
			*error = *call->error;
		if (result >= 0 && reply) {
			*reply = call->reply;
			call->reply = NULL;
		}
	} else if (call->is_lost) {
		result = gw_fail(error, call->session ? GW_E_OUTCOME_UNKNOWN : GW_E_CLOSED,
				 "%s: the connection was lost: %s", call_name(call),
				 call->client->last_error.text);
	} else {
		result = rpc_client_gave_up(call, result, error);
	}
	gw_rpc_abandon(call);
	return result;
}
