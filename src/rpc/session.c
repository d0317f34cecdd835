/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - the client's half of at most once: an id that the service knows, a number for each
 * call, and the first number that has no answer yet.
 */
#include "rpc/client.h"

#include <assert.h>
#include <stdlib.h>

#include "io/rare.h"

static struct rpc_session *session_new(struct gw_rpc_client *client, uint32_t service)
{
	struct rpc_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->service = service;
	session->references = 1;
	session->first_incomplete = session->told = 1;
	io_random(client->io, &session->id, sizeof(session->id));
	session->next = client->sessions;
	client->sessions = session;
	return session;
}

void rpc_session_unref(struct rpc_session *session)
{
	if (!session)
		return;
	assert(session->references > 0);
	if (--session->references == 0)
		free(session);
}

void rpc_session_forget(struct gw_rpc_client *client, struct rpc_session *session)
{
	struct rpc_session **at = &client->sessions;

	while (*at && *at != session)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = session->next;
	rpc_wake(&session->waiters);
	rpc_session_unref(session);
}

/* Whether the server at the end of the line knows it, as far as we know. An idle one is not used
 * for longer than half its lease: the server may be about to forget it. */
static bool session_fits(const struct gw_rpc_client *client, const struct rpc_session *session,
			 const struct rpc_line *line)
{
	if (session->incarnation &&
	    session->incarnation != line->connection->their_incarnation)
		return false;
	return session->running > 0 ||
	       io_now_ns(client->io) - session->used_ns <= session->lease_ns / 2;
}

static int session_open(struct gw_rpc_client *client, struct rpc_session *session,
			struct rpc_line *line, struct gw_rpc_call *call, struct gw_error *error)
{
	struct rpc_opened opened = {0};
	int result;

	assert(!session->is_open && !session->is_opening && session->running == 0);
	session->is_opening = true;
	session->references++;
	result = rpc_client_open_session(call, line, session->service, session->id, &opened,
					 error);
	session->is_opening = false;
	if (result == 0) {
		session->is_open = true;
		session->incarnation = opened.incarnation;
		session->lease_ns = opened.lease_ms * 1000000;
		session->used_ns = io_now_ns(client->io);
		rpc_wake(&session->waiters);
	} else {
		/* Whether the server knows the id is not known now, so it is never used. */
		rpc_session_forget(client, session);
		if (result < 0)
			(void)gw_fail_in(error, "%s", call->method->full_name);
	}
	rpc_session_unref(session);
	/* A server that is about to end has asked us to leave; others may open it. */
	if (result == GW_E_OVERLOADED && line != client->line)
		return 1;
	return result < 0 ? result : 1;
}

static uint32_t service_id(const struct gw_rpc_method *method)
{
	const char *dot = strrchr(method->full_name, '.');
	char name[GW_RPC_NAME_BYTES_MAX];
	size_t size = dot ? (size_t)(dot - method->full_name) : 0;

	if (size >= sizeof(name))
		size = sizeof(name) - 1;
	memcpy(name, method->full_name, size);
	name[size] = 0;
	return gw_rpc_method_id(name);
}

static uint32_t window(const struct gw_rpc_client *client)
{
	return IO_RARE(client->io, "rpc.short-window") ? 1 : GW_RPC_WINDOW;
}

static int session_wait(struct rpc_session *session, struct gw_rpc_call *call, const char *doing,
			struct gw_error *error)
{
	int result;

	session->references++;
	result = rpc_wait(&session->waiters, doing, call->method->full_name, call->deadline_ns);
	rpc_session_unref(session);
	if (result < 0)
		return gw_fail(error, result, "%s: %s before it was sent, %s",
			       call->method->full_name, gw_code_text(result), doing);
	return 1;
}

int rpc_session_begin(struct gw_rpc_call *call, struct rpc_line *line, struct gw_error *error)
{
	struct gw_rpc_client *client = call->client;
	uint32_t service = service_id(call->method);
	struct rpc_session *session;

	/* It was given a number, and before it was sent the server became another one. */
	if (call->session && call->times_sent == 0 && call->session->incarnation &&
	    call->session->incarnation != line->connection->their_incarnation) {
		rpc_session_forget(client, call->session);
		rpc_session_end(call);
	}
	if (call->session)
		return 0;
	session = client->sessions;
	while (session && session->service != service)
		session = session->next;
	if (session && session->is_open && !session_fits(client, session, line)) {
		rpc_session_forget(client, session);
		session = NULL;
	}
	if (!session)
		session = session_new(client, service);
	if (!session)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", call->method->full_name);
	if (session->is_opening)
		return session_wait(session, call, "for the opening of its session", error);
	if (!session->is_open)
		return session_open(client, session, line, call, error);
	if (session->last + 1 - session->first_incomplete >= window(client) &&
	    session->running > 0) {
		IO_PROBE(client->io, "rpc.window-full");
		return session_wait(session, call, "for room in the window of", error);
	}
	assert(session->last + 1 - session->first_incomplete < GW_RPC_WINDOW);
	session->references++;
	session->running++;
	call->session = session;
	call->sequence = ++session->last;
	return 0;
}

void rpc_session_once(const struct gw_rpc_call *call, struct rpc_once *once)
{
	assert(call->session->is_open && call->sequence > 0);
	call->session->told = call->session->first_incomplete;
	once->client = call->session->id;
	once->sequence = call->sequence;
	once->first_incomplete = call->session->first_incomplete;
	once->incarnation = call->session->incarnation;
	once->object = call->object;
}

void rpc_session_acknowledge(struct gw_rpc_client *client, struct rpc_line *line)
{
	for (struct rpc_session *session = client->sessions; session; session = session->next) {
		struct rpc_header header = {.kind = RPC_KIND_ACK,
					    .flags = RPC_FLAG_ONCE,
					    .method = session->service};

		if (!session->is_open || session->told == session->first_incomplete ||
		    (session->incarnation &&
		     session->incarnation != line->connection->their_incarnation))
			continue;
		IO_PROBE(client->io, "rpc.acknowledged");
		header.once.client = session->id;
		header.once.first_incomplete = session->first_incomplete;
		header.once.incarnation = session->incarnation;
		session->told = session->first_incomplete;
		/* If it does not arrive, a lease ends as well. */
		if (rpc_connection_send(line->connection, &header, (struct gw_bytes){0}, NULL) < 0)
			return;
	}
}

void rpc_session_end(struct gw_rpc_call *call)
{
	struct rpc_session *session = call->session;
	uint64_t bit;

	if (!session)
		return;
	call->session = NULL;
	assert(session->running > 0 && call->sequence >= session->first_incomplete);
	session->running--;
	session->used_ns = io_now_ns(call->client->io);
	bit = call->sequence % GW_RPC_WINDOW;
	session->done[bit / 64] |= UINT64_C(1) << (bit % 64);
	while (session->first_incomplete <= session->last) {
		bit = session->first_incomplete % GW_RPC_WINDOW;
		if (!(session->done[bit / 64] >> (bit % 64) & 1))
			break;
		session->done[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
		session->first_incomplete++;
	}
	assert(session->first_incomplete <= session->last + 1);
	rpc_wake(&session->waiters);
	rpc_session_unref(session);
}
