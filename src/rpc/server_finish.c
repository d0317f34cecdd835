/* SPDX-License-Identifier: Apache-2.0 */
/* server_finish.c - the end of a call at its server: the answer, and the memory of it. */
#include "rpc/server.h"

#include <assert.h>
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "base/little_endian.h"
#include "io/rare.h"
#include "rpc/message.h"

struct gw_rpc_call *rpc_server_call_new(struct gw_rpc_server *server)
{
	struct gw_rpc_call *call = server->pool;
	struct base_arena arena = {0};

	if (call) {
		server->pool = call->pool_next;
		server->pooled--;
		arena = call->arena;
	} else {
		call = malloc(sizeof(*call));
		if (!call)
			return NULL;
	}
	*call = (struct gw_rpc_call){.server = server, .is_served = true, .arena = arena};
	rpc_flow_begin(call);
	call->active_next = server->active;
	if (call->active_next)
		call->active_next->active_previous = call;
	server->active = call;
	server->calls++;
	return call;
}

/* The task of the call may be the one that runs this, so its group stays readable: the memory is
 * kept, or freed by others later. */
void rpc_server_call_free(struct gw_rpc_call *call)
{
	struct gw_rpc_server *server = call->server;

	assert(!call->line && !call->copies);
	if (call->active_next)
		call->active_next->active_previous = call->active_previous;
	if (call->active_previous)
		call->active_previous->active_next = call->active_next;
	else
		server->active = call->active_next;
	rpc_flow_done(call);
	rpc_peer_unref(call->peer);
	free(call->redirect);
	call->peer = NULL;
	call->redirect = NULL;
	if (call->release)
		call->release(call->release_context);
	call->release = NULL;
	if (server->pooled < RPC_SERVER_POOL_MAX)
		base_arena_reset(&call->arena);
	else
		base_arena_done(&call->arena);
	call->pool_next = server->pool;
	server->pool = call;
	server->pooled++;
	if (--server->calls == 0)
		rpc_wake(&server->idle);
}

void rpc_server_answer(struct rpc_line *line, uint64_t id, int code, struct gw_bytes payload,
		       uint16_t flags)
{
	struct rpc_header header = {
		.kind = RPC_KIND_REPLY, .flags = flags, .method = (uint32_t)code, .call = id};
	uint8_t failure[RPC_FAILURE_BYTES_MAX];
	struct gw_error why = {0};

	/* A frame over its limit would end the connection, and the next copy's, for nothing. */
	if (code >= 0 && payload.size > line->connection->theirs.message_bytes_max) {
		header.method = (uint32_t)gw_fail(&why, GW_E_TOO_LARGE,
						  "it ran, and its reply of %zu bytes is over the "
						  "caller's limit", payload.size);
		payload = (struct gw_bytes){failure, rpc_failure_encode(NULL, why.text, failure)};
	}
	/* Who does not get an answer must not wait for it. */
	if (rpc_connection_send(line->connection, &header, payload, &why) < 0)
		rpc_connection_close(line->connection, &why);
}

/* A failure's payload in the arena; empty (and still a failure) when memory is short. */
static struct gw_bytes failure_encode(struct base_arena *arena, const char *redirect,
				      const char *text)
{
	uint8_t bytes[RPC_FAILURE_BYTES_MAX];
	size_t size = rpc_failure_encode(redirect, text, bytes);
	const char *out = base_arena_copy(arena, (struct gw_bytes){bytes, size});

	return out ? (struct gw_bytes){out, size} : (struct gw_bytes){"\0\0", 2};
}

void rpc_server_refuse(struct rpc_line *line, uint64_t id, int code, const char *redirect,
		       const char *text)
{
	uint8_t payload[RPC_FAILURE_BYTES_MAX];
	size_t size = rpc_failure_encode(redirect, text, payload);

	assert(code < 0);
	rpc_server_answer(line, id, code, (struct gw_bytes){payload, size}, RPC_FLAG_UNRUN);
}

static void count(struct gw_rpc_call *call, int code, size_t bytes_out)
{
	struct gw_rpc_method_metrics *metrics = &call->served->metrics;
	uint64_t quarters = (io_now_ns(call->server->io) - call->began_ns) / 250;
	unsigned bucket = quarters ? 64 - (unsigned)__builtin_clzll(quarters) : 0;

	assert(metrics->running > 0);
	metrics->running--;
	metrics->calls++;
	metrics->failures += code < 0;
	metrics->bytes_in += call->bytes_in + call->in.parts_done;
	metrics->bytes_out += bytes_out;
	metrics->latency[bucket < GW_RPC_LATENCY_BUCKETS ? bucket : GW_RPC_LATENCY_BUCKETS - 1]++;
}

/* The bytes of the reply in the arena. */
static int reply_pack(struct gw_rpc_call *call, const struct ProtobufCMessage *reply,
		      struct gw_bytes *out, struct gw_error *error)
{
	size_t bytes = protobuf_c_message_get_packed_size(reply);
	uint8_t *data = base_arena_alloc(&call->arena, bytes, 1);

	if (!data)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: reply of %zu bytes: out of memory",
			       call->method->full_name, bytes);
	(void)protobuf_c_message_pack(reply, data);
	*out = (struct gw_bytes){data, bytes};
	return 0;
}

/* Straight into what is sent. */
static void answer_directly(struct gw_rpc_call *call, int code,
			    const struct ProtobufCMessage *reply, size_t bytes)
{
	struct rpc_connection *connection = call->line->connection;
	struct rpc_header header = {.kind = RPC_KIND_REPLY,
				    .method = (uint32_t)code,
				    .call = call->id,
				    .payload_bytes = (uint32_t)bytes,
				    .attachment_bytes = call->out.attachment_bytes};
	uint8_t *payload = rpc_connection_begin(connection, &header);
	struct gw_error why = {0};

	if (!payload) {
		(void)gw_fail(&why, GW_E_NO_MEMORY, "reply of %zu bytes: out of memory", bytes);
		rpc_connection_close(connection, &why);
		return;
	}
	if (reply)
		(void)protobuf_c_message_pack(reply, payload);
	rpc_connection_end(connection, &header, payload);
}

static size_t finish_best_effort(struct gw_rpc_call *call, int code,
				 const struct ProtobufCMessage *reply, const char *text)
{
	size_t bytes = reply && code >= 0 ? protobuf_c_message_get_packed_size(reply) : 0;
	struct gw_bytes failure;

	if (!call->line)
		return 0;
	if (bytes > call->line->connection->theirs.message_bytes_max) {
		code = GW_E_TOO_LARGE;
		text = "the reply is over the caller's limit";
	}
	if (code >= 0) {
		answer_directly(call, code, reply, bytes);
		return bytes;
	}
	failure = failure_encode(&call->arena, call->redirect, text);
	rpc_server_answer(call->line, call->id, code, failure, 0);
	return failure.size;
}

static void answer_copies(struct gw_rpc_call *call, int code, struct gw_bytes payload,
			  uint16_t flags)
{
	while (call->copies) {
		struct gw_rpc_call *copy = call->copies;
		struct rpc_line *line = copy->line;

		assert(copy->primary == call && line);
		call->copies = copy->copies_next;
		rpc_line_remove(line, copy);
		rpc_server_answer(line, copy->id, code, payload, flags);
		rpc_server_call_free(copy);
	}
}

static size_t finish_at_most_once(struct gw_rpc_call *call, int code,
				  const struct ProtobufCMessage *reply, const char *text)
{
	struct gw_rpc_dup *dup = call->served->service->dup;
	struct gw_bytes payload = call->completion;
	struct gw_error error = {0};

	uint16_t flags = code == GW_E_STALE && call->is_unrun ? RPC_FLAG_UNRUN : 0;

	if (code >= 0 && !payload.data) {
		int result = reply_pack(call, reply, &payload, &error);

		if (result < 0) {
			code = GW_E_OUTCOME_UNKNOWN;
			text = error.text;
		}
	}
	if (code < 0)
		payload = failure_encode(&call->arena, call->redirect, text);
	/* It did not run here; at the leader, or here again when this one leads, it will. */
	if (code == GW_E_NOT_LEADER)
		dup->operations->abandon(dup, &call->once);
	else
		dup->operations->finish(dup, &call->once, code, payload);
	if (call->line)
		rpc_server_answer(call->line, call->id, code, payload, flags);
	answer_copies(call, code, payload, flags);
	return payload.size;
}

/* The attachment of the reply, while the caller wants it. */
static void send_attachment(struct gw_rpc_call *call)
{
	struct gw_error why = {0};
	struct rpc_line *line;
	int result = rpc_flow_send_all(call, call->attachment, &why);

	line = call->line;
	if (result == 0 || !line || call->is_cancelled)
		return;
	/* It was announced, and cannot be sent: only the end of the line says so. */
	(void)gw_fail_in(&why, "%s", call->method->full_name);
	rpc_connection_close(line->connection, &why);
}

void rpc_server_finish(struct gw_rpc_call *call, int code, const struct ProtobufCMessage *reply,
		       const struct gw_error *why)
{
	const char *text = why->code == code ? why->text : gw_code_text(code);
	size_t bytes;

	assert(!call->primary && call->served);
	assert(code < 0 || reply || call->method->reply_streams);
	if (code < 0)
		call->out.attachment_bytes = 0;
	if (call->is_once)
		bytes = finish_at_most_once(call, code, reply, text);
	else
		bytes = finish_best_effort(call, code, reply, text);
	if (code >= 0 && call->line && call->attachment.size > 0) {
		send_attachment(call);
		bytes += call->out.sent;
	}
	if (call->line)
		rpc_line_remove(call->line, call);
	rpc_flow_settle(call);
	count(call, code, bytes);
	rpc_server_call_free(call);
}

/* ---- What handlers ask of their call ----------------------------------------------------- */

int gw_rpc_completion(struct gw_rpc_call *call, const struct ProtobufCMessage *reply,
		      struct gw_bytes *record, struct gw_error *error)
{
	struct gw_rpc_dup *dup;
	struct base_buffer buffer = {0};
	const char *copy;
	int result;

	*record = (struct gw_bytes){NULL, 0};
	if (!call->is_once)
		return 0;
	dup = call->served->service->dup;
	result = reply_pack(call, reply, &call->completion, error);
	if (result == 0)
		result = dup->operations->record(dup, &call->once, 0, call->completion, &buffer,
						 error);
	if (result < 0)
		return result;
	copy = base_arena_copy(&call->arena, base_buffer_bytes(&buffer));
	*record = (struct gw_bytes){copy, buffer.size};
	base_buffer_done(&buffer);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: record: out of memory",
			       call->method->full_name);
	return 0;
}

bool rpc_call_identity(const struct gw_rpc_call *call, struct rpc_dup_call *identity)
{
	*identity = call->once;
	assert(!call->is_once || call->once.sequence > 0);
	return call->is_once;
}

int rpc_call_answer(struct gw_rpc_call *call, int code, struct gw_bytes payload,
		    struct gw_error *error)
{
	struct rpc_failure failure = {.text = gw_string(gw_code_text(code))};
	const char *copy;

	assert(call->is_once);
	if (code < 0) {
		/* Apply has told that it did not run, and will not. */
		call->is_unrun = code == GW_E_STALE;
		if (payload.size > 0 && rpc_failure_decode(payload, &failure, error) < 0)
			return GW_E_CORRUPT;
		return gw_fail(error, code, "%.*s", (int)failure.text.size,
			       (const char *)failure.text.data);
	}
	copy = base_arena_copy(&call->arena, payload);
	if (!copy)
		return gw_fail(error, GW_E_OUTCOME_UNKNOWN, "%s: it ran, and its reply: no memory",
			       call->method->full_name);
	call->completion = (struct gw_bytes){copy, payload.size};
	return code;
}

int gw_rpc_redirect(struct gw_rpc_call *call, const char *address, struct gw_error *error)
{
	char *copy;

	if (strlen(address) > RPC_REDIRECT_BYTES_MAX)
		return gw_fail(error, GW_E_INVALID, "redirect of more than %u bytes",
			       RPC_REDIRECT_BYTES_MAX);
	copy = strdup(address);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "redirect: out of memory");
	free(call->redirect);
	call->redirect = copy;
	return 0;
}

static int attach(struct gw_rpc_call *call, uint64_t bytes, struct gw_error *error)
{
	if (call->is_once)
		return gw_fail(error, GW_E_INVALID,
			       "%s: an at-most-once reply cannot have an attachment",
			       call->method->full_name);
	if (call->out.has_attachment)
		return gw_fail(error, GW_E_INVALID, "%s: a second attachment",
			       call->method->full_name);
	if (call->line && bytes > call->line->connection->theirs.attachment_bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: attachment of %llu bytes is too large",
			       call->method->full_name, (unsigned long long)bytes);
	call->out.has_attachment = true;
	call->out.attachment_bytes = bytes;
	return 0;
}

int gw_rpc_attach(struct gw_rpc_call *call, struct gw_bytes attachment, bool is_checked,
		  void (*release)(void *context), void *context, struct gw_error *error)
{
	int result = attach(call, attachment.size, error);

	if (result < 0) {
		if (release)
			release(context);
		return result;
	}
	call->attachment = attachment;
	call->out.is_checked = is_checked;
	call->release = release;
	call->release_context = context;
	return 0;
}

int gw_rpc_attach_parts(struct gw_rpc_call *call, uint64_t bytes, struct gw_error *error)
{
	return attach(call, bytes, error);
}

const struct gw_rpc_peer *gw_rpc_call_peer(const struct gw_rpc_call *call)
{
	return &call->peer->peer;
}

uint64_t gw_rpc_call_deadline(const struct gw_rpc_call *call)
{
	return call->deadline_ns;
}

uint64_t gw_rpc_call_trace(const struct gw_rpc_call *call)
{
	return call->trace;
}

void *gw_rpc_allocate(struct gw_rpc_call *call, size_t bytes)
{
	return base_arena_array(&call->arena, 1, bytes ? bytes : 1);
}
