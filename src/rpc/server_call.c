/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_call.c - a call at its server: let in or refused, looked up in the table of duplicates,
 * and run in a task of its own.
 */
#include "rpc/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "io/rare.h"
#include "rpc/message.h"

/* ---- Running ----------------------------------------------------------------------------- */

static int run(void *argument)
{
	struct gw_rpc_call *call = argument;
	const struct gw_rpc_method *method = call->method;
	const struct rpc_service *service = call->served->service;
	struct ProtobufCMessage *reply = NULL;
	struct gw_error error = {0};
	int code;

	task_trace()->low = call->trace;
	(void)gw_deadline_set(call->deadline_ns);
	if (!method->reply_streams)
		reply = rpc_message_new(method->reply, &call->arena);
	if (!reply && !method->reply_streams)
		code = gw_fail(&error, GW_E_NO_MEMORY, "%s: out of memory", method->full_name);
	else
		code = method->run(call, service->handlers, service->context, call->request, reply,
				   &error);
	if (code >= 0 && call->out.has_attachment && !call->attachment.data &&
	    call->out.sent < call->out.attachment_bytes)
		code = gw_fail(&error, GW_E_FAILED, "%s: the attachment was not sent whole",
			       method->full_name);
	rpc_server_finish(call, code, reply, &error);
	return 0;
}

static int spawn(struct gw_rpc_call *call, gw_task_function *function)
{
	struct gw_spawn_options options = {.name = call->method ? call->method->name : "open",
					   .stack_bytes = call->server->options.stack_bytes};

	assert(call->line && !call->primary);
	return task_spawn(call->server->loop, NULL, &call->group, function, call, &options);
}

void rpc_server_cancel(struct gw_rpc_call *call)
{
	struct gw_rpc_call **at;

	if (call->primary) {
		at = &call->primary->copies;
		while (*at != call)
			at = &(*at)->copies_next;
		*at = call->copies_next;
		if (call->line)
			rpc_line_remove(call->line, call);
		rpc_server_call_free(call);
		return;
	}
	/* Who lost the connection asks again; others may be waiting for this very run. */
	if (call->copies || (call->is_lost && call->is_once)) {
		if (call->line)
			rpc_line_remove(call->line, call);
		rpc_wake(&call->waiters);
		return;
	}
	call->is_cancelled = true;
	gw_group_cancel(&call->group);
	rpc_wake(&call->waiters);
}

void rpc_server_cancel_all(struct gw_rpc_server *server)
{
	for (struct gw_rpc_call *call = server->active; call; call = call->active_next) {
		assert(!call->primary && !call->line);
		call->is_cancelled = true;
		gw_group_cancel(&call->group);
		rpc_wake(&call->waiters);
	}
}

/* ---- Letting in -------------------------------------------------------------------------- */

static bool role_is_in(const char *roles, const char *role)
{
	size_t size = strlen(role);

	while (*roles) {
		const char *end = strchrnul(roles, ',');

		while (*roles == ' ')
			roles++;
		if ((size_t)(end - roles) == size && size > 0 && memcmp(roles, role, size) == 0)
			return true;
		roles = *end ? end + 1 : end;
	}
	return false;
}

/* Whoever has no certificate was let in by the address we listen on. */
static bool is_allowed(const struct gw_rpc_method *method, const struct gw_rpc_peer *peer)
{
	if (peer->kind != GW_RPC_PEER_TLS)
		return true;
	if (!method->roles)
		return false;
	return strcmp(method->roles, "*") == 0 || role_is_in(method->roles, peer->role);
}

/* Who may call nothing of a service that runs at most once needs no id there, which would be kept
 * in its table. */
static bool may_open(const struct gw_rpc_service *service, const struct gw_rpc_peer *peer)
{
	for (size_t i = 0; i < service->method_count; i++) {
		if (rpc_method_runs_once(&service->methods[i]) &&
		    is_allowed(&service->methods[i], peer))
			return true;
	}
	return false;
}

/* 0, or why one more call cannot be let in. */
static int check_room(const struct rpc_line *line, const char *name, struct gw_error *why)
{
	const struct gw_rpc_server *server = line->owner;

	if (server->is_draining)
		return gw_fail(why, GW_E_OVERLOADED, "%s: the server is about to end", name);
	if (server->calls >= server->options.calls_max)
		return gw_fail(why, GW_E_OVERLOADED, "%s: the server runs %u calls", name,
			       server->calls);
	if (line->call_count >= server->options.connection_calls_max)
		return gw_fail(why, GW_E_OVERLOADED, "%s: %u calls of this connection run", name,
			       line->call_count);
	return 0;
}

/* 0, or why the call is refused before it is looked at. */
static int admit(const struct rpc_line *line, const struct gw_rpc_method *method,
		 struct gw_error *why)
{
	if (!is_allowed(method, &line->peer->peer))
		return gw_fail(why, GW_E_DENIED, "%s: role \"%s\" (%s) may not call it",
			       method->full_name, line->peer->peer.role, line->peer->peer.name);
	return check_room(line, method->full_name, why);
}

/* The same for the opening of a session. */
static int admit_open(const struct rpc_line *line, const struct gw_rpc_service *service,
		      struct gw_error *why)
{
	if (!may_open(service, &line->peer->peer))
		return gw_fail(why, GW_E_DENIED, "%s: role \"%s\" (%s) may call nothing of it once",
			       service->full_name, line->peer->peer.role, line->peer->peer.name);
	return check_room(line, service->full_name, why);
}

static struct gw_rpc_call *call_new(struct rpc_line *line, const struct rpc_header *header,
				    struct rpc_served_method *served, struct gw_bytes payload)
{
	struct gw_rpc_server *server = line->owner;
	struct gw_rpc_call *call = rpc_server_call_new(server);
	uint64_t now_ns;

	if (!call)
		return NULL;
	now_ns = io_now_ns(server->io);
	call->id = header->call;
	call->began_ns = now_ns;
	call->deadline_ns = header->number > UINT64_MAX - now_ns ? GW_FOREVER :
								   now_ns + header->number;
	call->trace = header->trace;
	call->bytes_in = (uint32_t)payload.size;
	call->in.has_attachment = true;
	call->in.attachment_bytes = header->attachment_bytes;
	if (header->once.reply_credit_bytes > call->out.credit)
		call->out.credit = header->once.reply_credit_bytes;
	assert(call->id != 0 && line->peer);
	call->peer = line->peer;
	line->peer->references++;
	if (served) {
		call->served = served;
		call->method = served->metrics.method;
	}
	if (rpc_line_add(line, call) < 0) {
		rpc_server_call_free(call);
		return NULL;
	}
	return call;
}

/* ---- At most once ------------------------------------------------------------------------ */

enum { RUN = 1, SETTLED = 0 };

static void refuse_and_free(struct gw_rpc_call *call, int code, const char *text)
{
	struct rpc_line *line = call->line;

	assert(code < 0 && line && !call->copies);
	rpc_line_remove(line, call);
	rpc_server_refuse(line, call->id, code, NULL, text);
	rpc_server_call_free(call);
}

/* A copy of a call that runs waits for its answer. */
static void join(struct gw_rpc_call *copy, struct gw_rpc_call *primary)
{
	IO_PROBE(copy->server->io, "rpc.duplicate-waited");
	assert(primary && !primary->primary);
	copy->primary = primary;
	copy->copies_next = primary->copies;
	primary->copies = copy;
}

static int known(struct gw_rpc_call *call, int state, const struct rpc_dup_answer *answer,
		 const struct gw_error *error)
{
	struct rpc_line *line = call->line;
	struct gw_rpc_method_metrics *metrics = &call->served->metrics;
	uint64_t id = call->id;

	switch (state) {
	case RPC_DUP_NEW:
		assert(!*answer->running);
		*answer->running = call;
		call->is_once = true;
		return RUN;
	case RPC_DUP_RUNNING:
		metrics->duplicates++;
		join(call, *answer->running);
		return SETTLED;
	case RPC_DUP_DONE:
		IO_PROBE(call->server->io, "rpc.duplicate-answered");
		metrics->duplicates++;
		rpc_line_remove(line, call);
		rpc_server_call_free(call);
		if (answer->reply.data || answer->code >= 0)
			rpc_server_answer(line, id, answer->code, answer->reply, 0);
		else
			rpc_server_refuse(line, id, answer->code, NULL, "its answer was not kept");
		return SETTLED;
	case RPC_DUP_STALE:
		IO_PROBE(call->server->io, "rpc.duplicate-stale");
		refuse_and_free(call, GW_E_STALE, "the server does not know this call any more");
		return SETTLED;
	default:
		refuse_and_free(call, state, error->text);
		return SETTLED;
	}
}

static int begin_once(struct gw_rpc_call *call, const struct rpc_header *header,
		      struct gw_bytes payload)
{
	struct gw_rpc_server *server = call->server;
	struct gw_rpc_dup *dup = call->served->service->dup;
	const struct rpc_once *once = &header->once;
	struct rpc_dup_answer answer = {0};
	struct gw_error error = {0};
	int state;

	call->once = (struct rpc_dup_call){
		.client = once->client,
		.sequence = once->sequence,
		.first_incomplete = once->first_incomplete,
		.object = once->object,
		.fingerprint = (uint64_t)header->method << 32 |
			       base_crc32c(0, payload.data, payload.size)};
	if (once->incarnation && once->incarnation != server->incarnation && !dup->is_durable) {
		IO_PROBE(server->io, "rpc.other-incarnation");
		if (once->first_incomplete == 1 || !IO_BUG(server->io, "rpc.other-incarnation")) {
			refuse_and_free(call, GW_E_OUTCOME_UNKNOWN,
					"it was sent to this server before its restart");
			return SETTLED;
		}
		(void)dup->operations->open(dup, once->client, NULL, NULL);
	}
	if (once->sequence > once->first_incomplete && IO_BUG(server->io, "rpc.dup-early"))
		dup->operations->forget_below(dup, once->client, once->first_incomplete + 1);
	dup->operations->forget_below(dup, once->client, once->first_incomplete);
	state = dup->operations->begin(dup, &call->once, &answer, &error);
	return known(call, state, &answer, &error);
}

/* ---- Frames ------------------------------------------------------------------------------ */

/* What is wrong with the frame itself ends the connection. */
static int check_frame(const struct rpc_line *line, const struct rpc_header *header,
		       struct gw_error *error)
{
	if (header->call == 0 || rpc_line_find(line, header->call))
		return gw_fail(error, GW_E_CORRUPT, "%s frame with the id %llu, which is in use",
			       rpc_kind_name(header->kind), (unsigned long long)header->call);
	return 0;
}

static void start(struct gw_rpc_call *call, struct gw_bytes payload)
{
	struct gw_rpc_dup *dup = call->served->service->dup;
	struct gw_error why = {0};
	int result = 0;

	if (!call->method->request_streams)
		result = rpc_message_unpack(call->method->request, payload, &call->arena,
					    &call->request, &why);
	if (result == 0) {
		result = spawn(call, run);
		if (result == 0) {
			call->served->metrics.running++;
			return;
		}
		call->served->metrics.overloaded++;
		(void)gw_fail(&why, GW_E_OVERLOADED, "%s: no task for it: %s",
			      call->method->full_name, gw_code_text(result));
	}
	if (call->is_once)
		dup->operations->abandon(dup, &call->once);
	refuse_and_free(call, why.code, why.text);
}

int rpc_server_take_call(struct rpc_line *line, const struct rpc_header *header,
			 struct gw_bytes payload, struct gw_error *error)
{
	struct rpc_served_method *served = rpc_server_method(line->owner, header->method);
	struct gw_error why = {0};
	struct gw_rpc_call *call;
	int result = check_frame(line, header, error);

	if (result < 0)
		return result;
	if (!served) {
		rpc_server_refuse(line, header->call, GW_E_NOT_FOUND, NULL, "no such method here");
		return 0;
	}
	if (admit(line, served->metrics.method, &why) < 0) {
		served->metrics.overloaded += why.code == GW_E_OVERLOADED;
		rpc_server_refuse(line, header->call, why.code, NULL, why.text);
		return 0;
	}
	if (header->number == 0) {
		rpc_server_refuse(line, header->call, GW_E_TIMEOUT, NULL,
				  "it came after its deadline");
		return 0;
	}
	call = call_new(line, header, served, payload);
	if (!call) {
		rpc_server_refuse(line, header->call, GW_E_OVERLOADED, NULL, "out of memory");
		return 0;
	}
	if (rpc_method_runs_once(served->metrics.method)) {
		if (!(header->flags & RPC_FLAG_ONCE) || header->once.sequence == 0) {
			refuse_and_free(call, GW_E_INVALID, "it wants a client id and a number");
			return 0;
		}
		if (begin_once(call, header, payload) == SETTLED)
			return 0;
	}
	start(call, payload);
	return 0;
}

static int run_open(void *argument)
{
	struct gw_rpc_call *call = argument;
	struct gw_rpc_dup *dup = call->dup;
	struct rpc_opened opened = {.lease_ms = dup->lease_ms};
	uint8_t payload[RPC_OPENED_BYTES];
	struct gw_error error = {0};
	struct rpc_line *line;
	int result = dup->operations->open(dup, call->once.client, call, &error);

	line = call->line;
	if (line)
		rpc_line_remove(line, call);
	if (!dup->is_durable)
		opened.incarnation = call->server->incarnation;
	rpc_opened_encode(&opened, payload);
	if (line && result == 0)
		rpc_server_answer(line, call->id, 0, (struct gw_bytes){payload, sizeof(payload)},
				  0);
	else if (line)
		rpc_server_refuse(line, call->id, result, call->redirect, error.text);
	rpc_server_call_free(call);
	return 0;
}

int rpc_server_take_open(struct rpc_line *line, const struct rpc_header *header,
			 struct gw_error *error)
{
	struct rpc_service *service = rpc_server_service_by_id(line->owner, header->method);
	struct gw_error why = {0};
	struct gw_rpc_call *call;
	int result = check_frame(line, header, error);

	if (result < 0)
		return result;
	if (!service || !(header->flags & RPC_FLAG_ONCE)) {
		rpc_server_refuse(line, header->call, GW_E_NOT_FOUND, NULL, "no such service here");
		return 0;
	}
	if (admit_open(line, service->service, &why) < 0) {
		rpc_server_refuse(line, header->call, why.code, NULL, why.text);
		return 0;
	}
	call = call_new(line, header, NULL, (struct gw_bytes){0});
	if (call) {
		call->once.client = header->once.client;
		call->dup = service->dup;
		if (spawn(call, run_open) == 0)
			return 0;
		rpc_line_remove(line, call);
		rpc_server_call_free(call);
	}
	rpc_server_refuse(line, header->call, GW_E_OVERLOADED, NULL, "out of memory");
	return 0;
}
