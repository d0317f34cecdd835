/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - the life of a server, its services and addresses. */
#include "rpc/server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "rpc/reflection.h"
#include "task/await.h"

static void fill_in(struct gw_rpc_server_options *options)
{
	if (!options->connections_max)
		options->connections_max = GW_RPC_CONNECTIONS_MAX;
	if (!options->calls_max)
		options->calls_max = GW_RPC_CALLS_MAX;
	if (!options->connection_calls_max)
		options->connection_calls_max = GW_RPC_CONNECTION_CALLS_MAX;
	if (!options->message_bytes_max)
		options->message_bytes_max = GW_RPC_MESSAGE_BYTES_MAX;
	if (!options->attachment_bytes_max)
		options->attachment_bytes_max = GW_RPC_ATTACHMENT_BYTES_MAX;
	if (!options->keepalive_ms)
		options->keepalive_ms = GW_RPC_KEEPALIVE_MS;
	if (!options->greeting_ms)
		options->greeting_ms = options->keepalive_ms;
	if (!options->lease_ms)
		options->lease_ms = GW_RPC_LEASE_MS;
}

int gw_rpc_server_new(struct gw_rpc_server **out, const struct gw_rpc_server_options *options,
		      struct gw_error *error)
{
	struct gw_rpc_server *server = calloc(1, sizeof(*server));

	*out = NULL;
	if (!server)
		return gw_fail(error, GW_E_NO_MEMORY, "server: out of memory");
	if (options)
		server->options = *options;
	fill_in(&server->options);
	server->io = task_io();
	server->loop = task_loop();
	server->flusher.loop = server->loop;
	server->flusher.io = server->io;
	io_random(server->io, &server->incarnation, sizeof(server->incarnation));
	if (server->incarnation == 0) /* as on a simulated machine that has just died */
		server->incarnation = 1;
	*out = server;
	return 0;
}

/* ---- Services ---------------------------------------------------------------------------- */

struct rpc_served_method *rpc_server_method(const struct gw_rpc_server *server, uint32_t id)
{
	uint32_t mask = server->by_id_count - 1;

	if (server->by_id_count == 0)
		return NULL;
	assert((server->by_id_count & mask) == 0);
	for (uint32_t at = id & mask; server->by_id[at]; at = (at + 1) & mask) {
		if (server->by_id[at]->metrics.method->id == id)
			return server->by_id[at];
	}
	return NULL;
}

struct rpc_service *rpc_server_service_by_id(const struct gw_rpc_server *server, uint32_t id)
{
	for (size_t i = 0; i < server->service_count; i++) {
		if (server->services[i]->id == id)
			return server->services[i];
	}
	return NULL;
}

/* Room for `more` methods, at most half full. */
static int by_id_grow(struct gw_rpc_server *server, size_t more)
{
	uint32_t count = server->by_id_count ? server->by_id_count : 16;
	struct rpc_served_method **by_id;

	while (count < 2 * (server->method_count + more))
		count *= 2;
	by_id = calloc(count, sizeof(*by_id));
	if (!by_id)
		return GW_E_NO_MEMORY;
	for (size_t i = 0; i < server->method_count; i++) {
		uint32_t at = server->methods[i]->metrics.method->id & (count - 1);

		while (by_id[at])
			at = (at + 1) & (count - 1);
		by_id[at] = server->methods[i];
	}
	free(server->by_id);
	server->by_id = by_id;
	server->by_id_count = count;
	return 0;
}

static int add_method(struct gw_rpc_server *server, struct rpc_service *service,
		      const struct gw_rpc_method *method, struct gw_error *error)
{
	struct rpc_served_method *other = rpc_server_method(server, method->id), *served;
	uint32_t at = method->id & (server->by_id_count - 1);

	if (other)
		return gw_fail(error, GW_E_EXISTS, "%s has the same id as %s", method->full_name,
			       other->metrics.method->full_name);
	served = calloc(1, sizeof(*served));
	if (!served)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", method->full_name);
	served->service = service;
	served->metrics.method = method;
	assert(server->method_count < server->method_capacity);
	server->methods[server->method_count++] = served;
	while (server->by_id[at])
		at = (at + 1) & (server->by_id_count - 1);
	server->by_id[at] = served;
	return 0;
}

static int reserve(struct gw_rpc_server *server, size_t methods)
{
	void *grown = base_grow(server->services, sizeof(struct rpc_service *),
				&server->service_capacity, server->service_count + 1);

	if (!grown)
		return GW_E_NO_MEMORY;
	server->services = grown;
	grown = base_grow(server->methods, sizeof(struct rpc_served_method *),
			  &server->method_capacity, server->method_count + methods);
	if (!grown)
		return GW_E_NO_MEMORY;
	server->methods = grown;
	return by_id_grow(server, methods);
}

int gw_rpc_server_add(struct gw_rpc_server *server, const struct gw_rpc_service *service,
		      const void *handlers, void *context, struct gw_rpc_dup *dup,
		      struct gw_error *error)
{
	struct gw_rpc_dup_options options = {.lease_ms = server->options.lease_ms,
					     .clients_max = server->options.clients_max,
					     .bytes_max = server->options.dup_bytes_max};
	struct rpc_service *added;
	int result = 0;

	assert(!server->listenings && service->method_count > 0);
	added = calloc(1, sizeof(*added));
	if (!added || reserve(server, service->method_count) < 0) {
		free(added);
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", service->full_name);
	}
	*added = (struct rpc_service){.service = service,
				      .handlers = handlers,
				      .context = context,
				      .dup = dup,
				      .owns_dup = !dup,
				      .id = gw_rpc_method_id(service->full_name)};
	if (!dup)
		result = gw_rpc_dup_new(&added->dup, &options, error);
	if (result < 0) {
		free(added);
		return result;
	}
	server->services[server->service_count++] = added;
	for (size_t i = 0; result == 0 && i < service->method_count; i++)
		result = add_method(server, added, &service->methods[i], error);
	return result;
}

const struct gw_rpc_service *gw_rpc_server_service(const struct gw_rpc_server *server, size_t n)
{
	return n < server->service_count ? server->services[n]->service : NULL;
}

bool gw_rpc_server_metrics(const struct gw_rpc_server *server, size_t n,
			   struct gw_rpc_method_metrics *metrics)
{
	if (n >= server->method_count)
		return false;
	*metrics = server->methods[n]->metrics;
	return true;
}

/* ---- Listening --------------------------------------------------------------------------- */

/* Forgets clients whose lease is over; services with a table of their own do it by their log. */
static int keep_house(void *argument)
{
	struct gw_rpc_server *server = argument;

	while (gw_sleep_ms(server->options.lease_ms / 4 + 1) == 0) {
		for (size_t i = 0; i < server->service_count; i++) {
			if (server->services[i]->owns_dup)
				gw_rpc_dup_expire(server->services[i]->dup,
						  io_now_ns(server->io) / 1000000);
		}
	}
	return 0;
}

/* A server that was killed leaves the name of its socket: nobody answers there. A file of another
 * kind can be opened, or not even looked at, and is left alone. */
static bool is_left_over(struct io *io, const struct io_address *place)
{
	struct task_request connect = {0}, open = {0};
	struct io_stream *stream;
	struct io_file *file;
	int result;

	if (place->family != IO_FAMILY_UNIX)
		return false;
	io_connect(io, &connect.request, place, NULL, &stream, task_request_done);
	result = task_await(&connect, gw_after_ms(GW_RPC_CONNECT_TIMEOUT_MS));
	if (result == 0)
		io_stream_close(io, stream);
	if (result != GW_E_UNREACHABLE)
		return false;
	io_open(io, &open.request, place->path, IO_READ, 0, &file, task_request_done);
	result = task_await(&open, GW_FOREVER);
	if (result == 0) {
		struct task_request close = {0};

		io_close(io, &close.request, file, task_request_done);
		(void)!task_await(&close, GW_FOREVER);
	}
	return result < 0 && result != GW_E_DENIED && result != GW_E_NOT_FOUND;
}

static int make_listener(struct gw_rpc_server *server, const struct io_address *place,
			 struct io_listener **listener, struct gw_error *error)
{
	struct task_request unlink = {0};
	int result = io_listen(server->io, place, listener, error);

	if (result != GW_E_BUSY || !is_left_over(server->io, place))
		return result;
	io_unlink(server->io, &unlink.request, place->path, task_request_done);
	(void)!task_await(&unlink, GW_FOREVER);
	return io_listen(server->io, place, listener, error);
}

static int listen_at(struct gw_rpc_server *server, const struct io_address *place,
		     const char *text, struct gw_error *error)
{
	static const struct gw_spawn_options options = {.name = "rpc accept"};
	struct rpc_listening *listening;
	struct io_address bound = {0};
	int result;

	if (!server->options.tls && !server->options.insecure && !rpc_address_is_local(place))
		return gw_fail(error, GW_E_DENIED,
			       "%s: plain text for other machines is not allowed", text);
	listening = calloc(1, sizeof(*listening));
	if (!listening)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", text);
	listening->server = server;
	result = make_listener(server, place, &listening->listener, error);
	if (result == 0) {
		result = task_spawn(server->loop, NULL, &server->group, rpc_server_accept,
				    listening, &options);
		if (result < 0) {
			io_listener_close(server->io, listening->listener);
			(void)gw_fail(error, result, "%s: no task to accept in", text);
		}
	}
	if (result < 0) {
		free(listening);
		return result;
	}
	listening->next = server->listenings;
	server->listenings = listening;
	io_listener_address(server->io, listening->listener, &bound);
	(void)rpc_address_format(&bound, server->address, sizeof(server->address));
	return 0;
}

int gw_rpc_server_listen(struct gw_rpc_server *server, const char *address, struct gw_error *error)
{
	static const struct gw_spawn_options options = {.name = "rpc housekeeping"};
	struct rpc_address parsed;
	struct io_addresses places;
	const char *at = address;
	int result = rpc_address_parse(&at, &parsed, error);

	assert(server->loop == task_loop());
	if (result == 0 && *at)
		return gw_fail(error, GW_E_INVALID, "%s: listen at one address at a time", address);
	if (result == 0)
		result = rpc_address_resolve(server->io, &parsed, &places,
					     gw_after_ms(GW_RPC_CONNECT_TIMEOUT_MS), error);
	if (result == 0 && places.count == 0)
		result = gw_fail(error, GW_E_NOT_FOUND, "%s: no such address", address);
	if (result == 0 && !server->has_housekeeper)
		result = rpc_reflection_add(server, error);
	if (result == 0 && !server->has_housekeeper) {
		result = task_spawn(server->loop, NULL, &server->group, keep_house, server,
				    &options);
		if (result < 0)
			return gw_fail(error, result, "%s: no task for housekeeping", address);
		server->has_housekeeper = true;
	}
	return result < 0 ? result : listen_at(server, &places.items[0], address, error);
}

const char *gw_rpc_server_address(const struct gw_rpc_server *server)
{
	return server->address;
}

/* ---- The end ----------------------------------------------------------------------------- */

static void listenings_close(struct gw_rpc_server *server)
{
	for (struct rpc_listening *listening = server->listenings; listening;
	     listening = listening->next) {
		if (listening->listener)
			io_listener_close(server->io, listening->listener);
		listening->listener = NULL;
	}
}

int gw_rpc_server_drain(struct gw_rpc_server *server, uint64_t deadline_ns)
{
	struct rpc_header header;
	int result = 0;

	server->is_draining = true;
	(void)gw_group_done(&server->group);
	server->has_housekeeper = false;
	listenings_close(server);
	for (struct rpc_line *line = server->lines; line; line = line->next) {
		header = (struct rpc_header){.kind = RPC_KIND_AWAY};
		/* Who cannot be told finds out by the refusal of its next call. */
		(void)rpc_connection_send(line->connection, &header, (struct gw_bytes){0}, NULL);
	}
	while (server->calls > 0 && result == 0)
		result = rpc_wait(&server->idle, "for the last call of", server->address,
				  deadline_ns);
	return result;
}

static void server_forget(struct gw_rpc_server *server)
{
	while (server->pool) {
		struct gw_rpc_call *call = server->pool;

		server->pool = call->pool_next;
		base_arena_done(&call->arena);
		free(call);
	}
	while (server->listenings) {
		struct rpc_listening *listening = server->listenings;

		server->listenings = listening->next;
		free(listening);
	}
	for (size_t i = 0; i < server->service_count; i++) {
		if (server->services[i]->owns_dup)
			gw_rpc_dup_free(server->services[i]->dup);
		free(server->services[i]);
	}
	for (size_t i = 0; i < server->method_count; i++)
		free(server->methods[i]);
	assert(!server->lines && !server->active && server->calls == 0);
	free(server->services);
	free(server->methods);
	free(server->by_id);
	free(server);
}

void gw_rpc_server_free(struct gw_rpc_server *server)
{
	struct gw_error why = {0};

	if (!server)
		return;
	assert(server->loop == task_loop());
	server->is_draining = server->is_closing = true;
	(void)gw_group_done(&server->group);
	listenings_close(server);
	(void)gw_fail(&why, GW_E_CLOSED, "the server ends");
	while (server->lines)
		rpc_connection_close(server->lines->connection, &why);
	rpc_server_cancel_all(server);
	gw_shield_begin();
	while (server->calls > 0)
		(void)rpc_wait(&server->idle, "for the last call of", server->address, GW_FOREVER);
	gw_shield_end();
	rpc_flusher_join(&server->flusher);
	server_forget(server);
}
