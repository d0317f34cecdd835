/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_connect.c - finding a server: addresses in turn, back-off between rounds, redirects. A
 * task does it while somebody waits for a line, and ends when there is one.
 */
#include "rpc/client.h"

#include <assert.h>
#include <stdlib.h>

#include "io/rare.h"
#include "task/await.h"

static uint64_t after(struct gw_rpc_client *client, uint64_t ms)
{
	return io_now_ns(client->io) + ms * 1000000;
}

/* An address may by now be that of another cluster's member, which knows nothing of our calls. */
static int check_cluster(struct gw_rpc_client *client, const struct rpc_connection *connection,
			 struct gw_error *error)
{
	if (client->options.cluster == 0 && client->options.one_cluster)
		client->options.cluster = connection->their_cluster;
	if (client->options.cluster == 0 || client->options.cluster == connection->their_cluster)
		return 0;
	return gw_fail(error, GW_E_UNREACHABLE, "%s is a server of another cluster",
		       connection->transport->name);
}

/* Waits for the greeting of client->greeting. */
static int await_greeting(struct gw_rpc_client *client, uint64_t deadline_ns,
			  struct gw_error *error)
{
	struct rpc_line *line = client->greeting;
	int result = 0;

	while (client->greeting == line && !line->connection->is_greeted && result == 0)
		result = rpc_wait(&client->ready, "for the greeting of", client->name, deadline_ns);
	if (client->greeting != line)
		return gw_fail(error, client->last_error.code, "%s", client->last_error.text);
	if (result < 0) {
		(void)gw_fail(error, result, "%s: no greeting came: %s",
			      line->connection->transport->name, gw_code_text(result));
	} else {
		result = check_cluster(client, line->connection, error);
	}
	if (result < 0)
		rpc_connection_close(line->connection, error);
	return result;
}

static int greet(struct gw_rpc_client *client, struct rpc_transport *transport,
		 uint64_t deadline_ns, struct gw_error *error)
{
	const struct gw_rpc_client_options *options = &client->options;
	struct rpc_line *line;
	int result = rpc_line_new(&line, &client->flusher, transport, &rpc_client_events, client,
				  error);

	if (result < 0)
		return result;
	assert(!client->greeting && !client->line);
	line->next = client->lines;
	if (line->next)
		line->next->previous = line;
	client->lines = line;
	client->greeting = line;
	line->connection->ours.message_bytes_max = options->message_bytes_max;
	line->connection->ours.attachment_bytes_max = options->attachment_bytes_max;
	line->connection->tick_ns = options->keepalive_ms * 1000000;
	rpc_connection_start(line->connection, 2 * options->connect_timeout_ms * 1000000);
	result = client->greeting ? await_greeting(client, deadline_ns, error) :
				    gw_fail(error, client->last_error.code, "%s",
					    client->last_error.text);
	if (result == 0)
		client->line = client->greeting;
	client->greeting = NULL;
	return result;
}

static int connect_to(struct gw_rpc_client *client, const struct rpc_address *address,
		      const struct io_address *place, uint64_t deadline_ns, struct gw_error *error)
{
	struct task_request connect = {.error = error};
	struct io_stream *stream = NULL;
	struct rpc_transport *transport;
	bool by_tls = client->options.tls && place->family != IO_FAMILY_UNIX;
	int result;

	if (!by_tls && !client->options.insecure && !rpc_address_is_local(place))
		return gw_fail(error, GW_E_DENIED,
			       "%s: plain text to another machine is not allowed",
			       address->text);
	io_connect(client->io, &connect.request, place, address->text, &stream, task_request_done);
	result = task_await(&connect, deadline_ns);
	if (result < 0)
		return result;
	if (by_tls)
		result = rpc_transport_tls(&transport, client->io, stream, client->options.tls,
					   false, address->host, deadline_ns, error);
	else
		result = rpc_transport_plain(&transport, client->io, stream, error);
	return result < 0 ? result : greet(client, transport, deadline_ns, error);
}

/* Which of silences is the address's. */
static uint8_t *silences_of(struct gw_rpc_client *client, const struct rpc_address *address)
{
	uint32_t at = 0;

	while (at < client->address_count &&
	       strcmp(client->addresses[at].text, address->text) != 0)
		at++;
	return &client->silences[at < client->address_count ? at : GW_RPC_ADDRESSES_MAX];
}

/* Whether a call is under way that one server alone can answer: it ran there, if anywhere, and no
 * other one has the table that tells. */
static bool is_bound(const struct gw_rpc_client *client)
{
	for (const struct rpc_session *at = client->sessions; at; at = at->next) {
		if (at->incarnation != 0 && at->running > 0)
			return true;
	}
	return false;
}

/* A server that is paused takes connections, its kernel does, and never greets. Whoever could ask
 * another one meanwhile waits for it briefly, and longer the next time: it may only be slow. No
 * call is sent before a greeting, so nothing is lost or done twice by going on. */
static uint64_t attempt_deadline(struct gw_rpc_client *client, uint8_t silences, bool others)
{
	uint64_t ms = client->options.patience_ms;

	for (uint8_t i = 0; i < silences && ms < client->options.connect_timeout_ms; i++)
		ms *= 2;
	if (!others || ms > client->options.connect_timeout_ms)
		ms = client->options.connect_timeout_ms;
	return after(client, ms);
}

static int try_places(struct gw_rpc_client *client, const struct rpc_address *address,
		      bool others, uint8_t silences, struct gw_error *error)
{
	struct io_addresses places;
	int result = rpc_address_resolve(client->io, address, &places,
					 attempt_deadline(client, silences, others), error);

	for (size_t i = 0; result == 0 && i < places.count; i++) {
		result = connect_to(client, address, &places.items[i],
				    attempt_deadline(client, silences,
						     others || i + 1 < places.count), error);
		if (result == 0 || gw_cancelled())
			return result;
		if (i + 1 < places.count)
			result = 0;
	}
	if (result == 0)
		result = gw_fail(error, GW_E_UNREACHABLE, "%s: no such address", address->text);
	return result;
}

static int try_address(struct gw_rpc_client *client, const struct rpc_address *address,
		       struct gw_error *error)
{
	uint8_t *silences = silences_of(client, address);
	bool others = !is_bound(client) &&
		      (client->address_count > 1 ||
		       silences == &client->silences[GW_RPC_ADDRESSES_MAX]);
	int result = try_places(client, address, others, *silences, error);

	if (result == 0)
		*silences = 0;
	else if (result == GW_E_TIMEOUT && *silences < UINT8_MAX)
		++*silences;
	return result;
}

/* Once around: the redirect first, then the list from where we last were. 0: there is a line. */
static int try_all(struct gw_rpc_client *client)
{
	struct gw_error error = {0};
	struct rpc_address redirect;
	int result = GW_E_UNREACHABLE;
	bool all_deny = true;

	if (client->has_redirect) {
		redirect = client->redirect;
		client->has_redirect = false;
		result = try_address(client, &redirect, &error);
		all_deny = result == GW_E_DENIED;
	}
	for (uint32_t i = 0; result < 0 && i < client->address_count; i++) {
		uint32_t at = (client->address_next + i) % client->address_count;

		if (gw_cancelled() || client->is_closing)
			return GW_E_CANCELLED;
		error = (struct gw_error){0};
		result = try_address(client, &client->addresses[at], &error);
		all_deny = all_deny && result == GW_E_DENIED;
		if (result == 0)
			client->address_next = at;
	}
	if (result < 0) {
		client->last_error = error;
		if (!all_deny && error.code == GW_E_DENIED)
			client->last_error.code = GW_E_UNREACHABLE; /* another may yet do */
	}
	return result;
}

/* Somewhere between half the time and all of it, so that a herd of clients spreads. */
static int back_off(struct gw_rpc_client *client)
{
	uint64_t ms = client->options.backoff_ms_min, ns, chance;
	int result;

	for (uint32_t i = 1; i < client->failures && ms < client->options.backoff_ms_max; i++)
		ms *= 2;
	if (ms > client->options.backoff_ms_max)
		ms = client->options.backoff_ms_max;
	io_random(client->io, &chance, sizeof(chance));
	assert(client->failures > 0 && ms > 0);
	ns = ms * 500000 + chance % (ms * 500000 + 1);
	ns += io_now_ns(client->io);
	do {
		result = rpc_wait(&client->ready, "to try again to reach", client->name, ns);
	} while (result == 0 && !client->is_closing);
	return client->is_closing ? GW_E_CANCELLED : result;
}

static int connect_task(void *argument)
{
	struct gw_rpc_client *client = argument;
	int result = GW_E_UNREACHABLE;

	assert(client->is_connecting && client->address_count > 0);
	while (result < 0 && !client->is_closing && !gw_cancelled()) {
		result = try_all(client);
		if (result == 0)
			break;
		client->failures++;
		/* Who was never sent need not wait for what will not change. */
		if (client->last_error.code == GW_E_DENIED)
			rpc_wake(&client->ready);
		if (client->options.hasty || client->wanting == 0 ||
		    back_off(client) == GW_E_CANCELLED)
			break;
	}
	if (result == 0)
		client->failures = 0;
	client->is_connecting = false;
	rpc_wake(&client->ready);
	return 0;
}

static int start_connecting(struct gw_rpc_client *client, struct gw_error *error)
{
	static const struct gw_spawn_options options = {.name = "rpc connect"};
	int result;

	if (client->is_connecting)
		return 0;
	result = task_spawn(client->loop, NULL, &client->group, connect_task, client, &options);
	if (result < 0)
		return gw_fail(error, result, "%s: no task to connect with: %s", client->name,
			       gw_code_text(result));
	client->is_connecting = true;
	client->last_error = (struct gw_error){0};
	return 0;
}

int rpc_client_ready(struct gw_rpc_client *client, struct gw_rpc_call *call,
		     struct rpc_line **line, struct gw_error *error)
{
	const char *name = call->method->full_name;
	bool nobody;
	int result = 0;

	while (!client->line) {
		if (client->is_closing)
			return gw_fail(error, GW_E_CANCELLED, "%s: the client was freed", name);
		result = start_connecting(client, error);
		if (result < 0)
			return result;
		client->wanting++;
		if (call->id > 100 && IO_BUG(client->io, "rpc.lost-wake"))
			(void)gw_yield(); /* who wakes now wakes nobody */
		result = rpc_wait(&client->ready, "to reach", client->name, call->deadline_ns);
		client->wanting--;
		if (result == 0 && client->options.hasty && !client->line && !client->is_connecting)
			result = GW_E_UNREACHABLE;
		nobody = result == GW_E_TIMEOUT || result == GW_E_UNREACHABLE;
		if (nobody && call->times_sent == 0 && call->redirects > 0)
			return gw_fail(error, GW_E_UNREACHABLE, "%s: no server of %s leads", name,
				       client->name);
		if (nobody && call->times_sent == 0)
			return gw_fail(error, GW_E_UNREACHABLE, "%s: %s cannot be reached: %s",
				       name, client->name,
				       client->last_error.code ? client->last_error.text :
								 "no answer");
		if (result == 0 && !client->line && call->times_sent == 0 &&
		    client->last_error.code == GW_E_DENIED)
			return gw_fail(error, GW_E_DENIED, "%s: %s", name,
				       client->last_error.text);
		if (result < 0)
			return gw_fail(error, result, "%s: %s on the way to %s", name,
				       gw_code_text(result), client->name);
	}
	assert(client->line->connection->is_greeted);
	*line = client->line;
	return 0;
}

void rpc_client_left(struct gw_rpc_client *client, struct rpc_line *line)
{
	struct gw_error why = {0};

	assert(line->owner == client);
	if (line == client->line || line == client->greeting || line->call_count > 0)
		return;
	(void)gw_fail(&why, GW_E_CLOSED, "left for another server");
	rpc_connection_close(line->connection, &why);
}

void rpc_client_retire(struct gw_rpc_client *client, struct rpc_line *line)
{
	if (client->line != line)
		return;
	client->line = NULL;
	rpc_client_left(client, line);
}

void rpc_client_redirect(struct gw_rpc_client *client, struct rpc_line *line, const char *redirect)
{
	const char *at = redirect;
	struct rpc_address address;

	IO_PROBE(client->io, "rpc.redirected");
	/* Another call has gone on to the next server already. */
	if (line && client->line != line)
		return;
	if (redirect && rpc_address_parse(&at, &address, NULL) == 0) {
		if (strcmp(client->redirect.text, address.text) != 0)
			client->silences[GW_RPC_ADDRESSES_MAX] = 0;
		client->redirect = address;
		client->has_redirect = true;
	}
	client->address_next = (client->address_next + 1) % client->address_count;
	if (line)
		rpc_client_retire(client, line);
}
