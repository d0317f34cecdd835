/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see server.h: what a chunkserver is made of, and whom it speaks to. */
#include "inside.h"

#include "rpc/waiting.h"
#include "task/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEER_CONNECT_MS = 2000, PEER_BACKOFF_MS_MAX = 500, PEER_KEEPALIVE_MS = 2000 };

void chunk_server_troubled(struct chunk_server *server, const struct gw_error *error)
{
	if (server->troubled)
		server->troubled(server->context, error);
}

int chunk_unknown(uint64_t handle, struct gw_error *error)
{
	return gw_fail(error, GW_E_NOT_FOUND, "chunk %llx is not here",
		       (unsigned long long)handle);
}

const char *chunk_server_address(const struct chunk_server *server)
{
	return gw_rpc_server_address(server->rpc);
}

struct chunk_store *chunk_server_store(const struct chunk_server *server)
{
	return server->store;
}

uint32_t chunk_server_number(const struct chunk_server *server)
{
	return chunk_store_home(server->store)->server;
}

/* ---- Others ---------------------------------------------------------------------------------- */

int chunk_server_client(const struct chunk_server *server, const char *address, bool hasty,
			struct gw_rpc_client **client, struct gw_error *error)
{
	const struct gw_rpc_client_options options = {
		.tls = server->tls,
		.insecure = server->insecure,
		.connect_timeout_ms = PEER_CONNECT_MS,
		.backoff_ms_max = PEER_BACKOFF_MS_MAX,
		.keepalive_ms = PEER_KEEPALIVE_MS,
		.hasty = hasty,
	};

	return gw_rpc_client_new(client, address, &options, error);
}

int chunk_server_peer(struct chunk_server *server, const char *address,
		      struct gw_rpc_client **client, struct gw_error *error)
{
	int result;

	*client = base_map_get(&server->peers, gw_string(address));
	if (*client)
		return 0;
	if (server->peers.count >= CHUNK_PEERS_MAX)
		return gw_fail(error, GW_E_OVERLOADED, "%d other servers are known already",
			       CHUNK_PEERS_MAX);
	/* One that is gone is left out of the set: whoever waits is told at once. */
	result = chunk_server_client(server, address, true, client, error);
	if (result < 0)
		return result;
	result = base_map_put(&server->peers, gw_string(address), *client, error);
	if (result < 0)
		gw_rpc_client_free(*client);
	return result;
}

static int raise_term(struct chunk_server *server, uint64_t term, struct gw_error *error)
{
	struct chunk_home home = *chunk_store_home(server->store);

	if (term < home.term)
		return gw_fail(error, GW_E_STALE, "a master of term %llu, and there is one of %llu",
			       (unsigned long long)term, (unsigned long long)home.term);
	if (term == home.term)
		return 0;
	home.term = term;
	return chunk_store_set_home(server->store, &home, error);
}

int chunk_server_term(struct chunk_server *server, uint64_t term, struct gw_error *error)
{
	int result;

	if (term == chunk_store_home(server->store)->term)
		return 0;
	result = gw_lock(&server->home_lock, GW_FOREVER);
	if (result < 0)
		return gw_fail(error, result, "%s", gw_code_text(result));
	result = raise_term(server, term, error);
	gw_unlock(&server->home_lock);
	return result;
}

/* ---- A life ---------------------------------------------------------------------------------- */

static int listen_for_calls(struct chunk_server *server, const char *address,
			    struct gw_error *error)
{
	static const struct chunkserver_handlers handlers = {
		.grant = chunk_serve_grant,
		.revoke = chunk_serve_revoke,
		.copy = chunk_serve_copy,
		.clone = chunk_serve_clone,
		.compare = chunk_serve_compare,
		.settle = chunk_serve_settle,
		.push = chunk_serve_push,
		.write = chunk_serve_write,
		.append = chunk_serve_append,
		.outcome = chunk_serve_outcome,
		.sync = chunk_serve_sync,
		.read = chunk_serve_read,
		.length = chunk_serve_length,
		.apply = chunk_serve_apply,
		.completions = chunk_serve_completions,
	};
	const struct gw_rpc_server_options options = {
		.name = "chunkserver", .tls = server->tls, .insecure = server->insecure};
	int result = gw_rpc_server_new(&server->rpc, &options, error);

	if (result == 0)
		result = chunkserver_serve(server->rpc, &handlers, server, NULL, error);
	if (result == 0)
		result = gw_rpc_server_listen(server->rpc, address, error);
	return result;
}

/* "A,B" -> a task for each. */
static int add_masters(struct chunk_server *server, const char *masters, struct gw_error *error)
{
	int result = 0;

	while (*masters && result == 0) {
		char address[GFS_ADDRESS_BYTES_MAX + 1];
		size_t size = strcspn(masters, ",");

		if (size == 0 || size >= sizeof(address))
			return gw_fail(error, GW_E_INVALID, "\"%s\": no addresses of masters",
				       masters);
		memcpy(address, masters, size);
		address[size] = '\0';
		result = chunk_server_add_master(server, address, error);
		masters += size;
		masters += *masters == ',';
	}
	return result;
}

static int copy_text(char *out, size_t size, const char *text, const char *what,
		     struct gw_error *error)
{
	if (strlen(text) >= size)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: longer than %zu bytes", what, size - 1);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int begin(struct chunk_server *server, const struct chunk_server_options *options,
		 struct gw_error *error)
{
	const struct chunk_store_options stores = {.directories = options->directories,
						   .count = options->directory_count,
						   .troubled = options->troubled,
						   .context = options->context};
	int result = chunk_store_open(&server->store, &stores, error);

	if (result == 0)
		result = listen_for_calls(server, options->listen, error);
	if (result == 0)
		result = copy_text(server->address, sizeof(server->address),
				   options->address ? options->address :
						      chunk_server_address(server),
				   "address", error);
	if (result == 0)
		result = copy_text(server->rack, sizeof(server->rack),
				   options->rack ? options->rack : "", "rack", error);
	return result < 0 ? result : add_masters(server, options->masters, error);
}

int chunk_server_new(struct chunk_server **out, const struct chunk_server_options *options,
		     struct gw_error *error)
{
	struct chunk_server *server = calloc(1, sizeof(*server));
	int result;

	if (!server)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	server->io = task_io();
	server->tls = options->tls;
	server->insecure = options->insecure;
	server->heartbeat_ms = options->heartbeat_ms ? options->heartbeat_ms : GFS_HEARTBEAT_MS;
	server->held.bytes_max = options->held_bytes_max ? options->held_bytes_max :
							   GFS_HELD_BYTES;
	server->troubled = options->troubled;
	server->context = options->context;
	server->group.name = "chunkserver";
	io_random(server->io, &server->incarnation, sizeof(server->incarnation));
	server->incarnation |= 1;
	io_random(server->io, &server->peers.seed, sizeof(server->peers.seed));
	server->scrub_bytes_per_second = options->scrub_bytes_per_second ?
						 options->scrub_bytes_per_second :
						 GFS_SCRUB_BYTES;
	server->scrub_round_ms =
		options->scrub_round_ms ? options->scrub_round_ms : GFS_SCRUB_ROUND_MS;
	result = begin(server, options, error);
	if (result == 0 && server->scrub_bytes_per_second != GFS_SCRUB_NEVER)
		result = gw_spawn(&server->group, chunk_server_scrub, server, NULL);
	if (result < 0) {
		chunk_server_free(server);
		return result;
	}
	*out = server;
	return 0;
}

void chunk_server_free(struct chunk_server *server)
{
	struct gw_bytes key;
	void *client;

	if (!server)
		return;
	if (server->store)
		chunk_server_end_grants(server);
	gw_rpc_server_free(server->rpc);
	(void)gw_group_done(&server->group);
	if (server->store)
		chunk_server_end_grants(server);
	for (size_t i = 0; i < server->master_count; i++) {
		gw_rpc_client_free(server->masters[i]->client);
		free(server->masters[i]);
	}
	for (size_t at = 0; base_map_next(&server->peers, &at, &key, &client);)
		gw_rpc_client_free(client);
	base_map_done(&server->peers);
	base_map_done(&server->revoked);
	held_done(&server->held);
	chunk_store_close(server->store);
	free(server);
}
