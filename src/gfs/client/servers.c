/* SPDX-License-Identifier: Apache-2.0 */
/* servers.c - the chunkservers that a client was told of: how far they are, and who comes first. */
#include "gfs/client/client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "task/loop.h"

/* How far: the same machine, the same rack, elsewhere. */
enum { HERE, IN_RACK, FAR, FAILED };
enum { ATTEMPT_DECAY = 16 }; /* back to the usual time by a share of the rest at each success */

/* ---- Making ---------------------------------------------------------------------------------- */

static struct gfs_client_server *make(struct gw_gfs_client *client, const Gfs__Place *place)
{
	const struct gw_rpc_client_options options = {
		.tls = client->options.tls,
		.insecure = client->options.insecure,
		.timeout_ms = GW_GFS_ATTEMPT_MS_MAX,
		.connect_timeout_ms = GFS_CLIENT_CONNECT_MS,
		.keepalive_ms = GFS_CLIENT_KEEPALIVE_MS,
		.hasty = true,
	};
	struct gfs_client_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->attempt_ms = GW_GFS_ATTEMPT_MS;
	gfs_client_copy(server->address, sizeof(server->address), place->address);
	if (gw_rpc_client_new(&server->rpc, server->address, &options, NULL) < 0) {
		free(server);
		return NULL;
	}
	if (base_map_put(&client->servers, gw_string(server->address), server, NULL) < 0) {
		gw_rpc_client_free(server->rpc);
		free(server);
		return NULL;
	}
	return server;
}

struct gfs_client_server *gfs_client_server(struct gw_gfs_client *client, const Gfs__Place *place)
{
	struct gfs_client_server *server;

	if (strlen(place->address) >= sizeof(server->address))
		return NULL;
	server = base_map_get(&client->servers, gw_string(place->address));
	if (!server && client->servers.count < GFS_SERVERS_MAX)
		server = make(client, place);
	if (!server)
		return NULL;
	server->id = place->server;
	gfs_client_copy(server->rack, sizeof(server->rack), place->rack);
	return server;
}

void gfs_client_servers_free(struct gw_gfs_client *client)
{
	struct gw_bytes key;
	void *value;

	for (size_t at = 0; base_map_next(&client->servers, &at, &key, &value);) {
		struct gfs_client_server *server = value;

		gw_rpc_client_free(server->rpc);
		free(server);
	}
	base_map_done(&client->servers);
}

/* ---- How long they may take ------------------------------------------------------------------ */

uint64_t gfs_client_attempt_ns(const struct gfs_client_server *server)
{
	return gw_after_ms(server->attempt_ms);
}

void gfs_client_attempted(struct gfs_client_server *server, uint64_t until_ns, int code)
{
	uint64_t ms = server->attempt_ms;

	if (code >= 0)
		ms -= (ms - GW_GFS_ATTEMPT_MS) / ATTEMPT_DECAY;
	else if (gw_now_ns() >= until_ns)
		ms *= 2;
	server->attempt_ms = ms < GW_GFS_ATTEMPT_MS_MAX ? ms : GW_GFS_ATTEMPT_MS_MAX;
}

void gfs_client_avoid(struct gfs_client_server *server)
{
	server->avoid_until_ns = gw_after_ms(GW_GFS_PAUSE_MS_MAX);
}

/* ---- Distance -------------------------------------------------------------------------------- */

/* The host of an address is before its last colon. */
static bool is_host(const char *address, const char *host)
{
	const char *colon = strrchr(address, ':');
	size_t size = colon ? (size_t)(colon - address) : strlen(address);

	return host[0] && strlen(host) == size && memcmp(address, host, size) == 0;
}

static unsigned distance(const struct gfs_client_server *server, const char *host,
			 const char *rack)
{
	if (is_host(server->address, host))
		return HERE;
	return rack[0] && strcmp(server->rack, rack) == 0 ? IN_RACK : FAR;
}

static unsigned from_client(const struct gw_gfs_client *client,
			    const struct gfs_client_server *server)
{
	return server->avoid_until_ns > gw_now_ns() ? FAILED
						    : distance(server, client->host, client->rack);
}

static void swap(struct gfs_client_server **one, struct gfs_client_server **other)
{
	struct gfs_client_server *kept = *one;

	*one = *other;
	*other = kept;
}

void gfs_client_sort(const struct gw_gfs_client *client, struct gfs_client_server **servers,
		     size_t count)
{
	for (size_t i = count; i > 1; i--) {
		uint32_t chance;

		io_random(task_io(), &chance, sizeof(chance));
		swap(&servers[i - 1], &servers[chance % i]);
	}
	for (size_t i = 1; i < count; i++) {
		for (size_t j = i; j > 0 && from_client(client, servers[j]) <
						    from_client(client, servers[j - 1]); j--)
			swap(&servers[j], &servers[j - 1]);
	}
}

void gfs_client_chain(const struct gw_gfs_client *client, struct gfs_client_server **servers,
		      size_t count)
{
	gfs_client_sort(client, servers, count);
	for (size_t i = 1; i < count; i++) {
		size_t best = i;

		for (size_t j = i + 1; j < count; j++) {
			if (distance(servers[j], "", servers[i - 1]->rack) <
			    distance(servers[best], "", servers[i - 1]->rack))
				best = j;
		}
		swap(&servers[i], &servers[best]);
	}
}
