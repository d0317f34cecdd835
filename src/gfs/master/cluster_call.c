/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_call.c - what a master that leads tells chunkservers: grants, revocations, copies and
 * clones. Each names its term and, where a server's life matters, that life.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>

#include "task/loop.h"

enum { CONNECT_MS = 2000, BACKOFF_MS_MAX = 500, KEEPALIVE_MS = 2000 };

/* ---- Whom -------------------------------------------------------------------------------- */

static int client_of(struct gfs_master *master, uint32_t number, struct gw_rpc_client **client,
		     struct gw_error *error)
{
	const struct gw_rpc_client_options options = {
		.tls = master->options.tls,
		.insecure = master->options.insecure,
		.connect_timeout_ms = CONNECT_MS,
		.backoff_ms_max = BACKOFF_MS_MAX,
		.keepalive_ms = KEEPALIVE_MS,
		.hasty = true,
	};
	char address[GFS_ADDRESS_BYTES_MAX + 1];
	struct gfs_server server;
	int code;

	if (!gfs_server_find(&master->machine.state, number, &server))
		return gw_fail(error, GW_E_NOT_FOUND, "there is no server %u", number);
	*client = base_map_get(&master->cluster->clients, server.address);
	if (*client)
		return 0;
	memcpy(address, server.address.data, server.address.size);
	address[server.address.size] = '\0';
	code = gw_rpc_client_new(client, address, &options, error);
	if (code == 0) {
		code = base_map_put(&master->cluster->clients, gw_string(address), *client, error);
		if (code < 0)
			gw_rpc_client_free(*client);
	}
	return code;
}

void gfs_calls_done(struct gfs_master *master)
{
	struct base_map *clients = &master->cluster->clients;
	struct gw_bytes key;
	void *client;

	for (size_t at = 0; base_map_next(clients, &at, &key, &client);)
		gw_rpc_client_free(client);
	base_map_done(clients);
}

static uint64_t call_deadline(uint64_t ms, uint64_t deadline_ns)
{
	uint64_t own_ns = gw_after_ms(ms);

	return own_ns < deadline_ns ? own_ns : deadline_ns;
}

/* The places of a set, as a message wants them. */
struct places {
	Gfs__Place places[GFS_GOAL_MAX];
	Gfs__Place *pointers[GFS_GOAL_MAX];
	char addresses[GFS_GOAL_MAX][GFS_ADDRESS_BYTES_MAX + 1];
};

static size_t make_places(const struct gfs_master *master, const struct gfs_set *set,
			  struct places *out)
{
	size_t count = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		Gfs__Place *place = &out->places[count];
		struct gfs_server server;

		if (!gfs_server_find(&master->machine.state, set->servers[i], &server))
			continue;
		gfs__place__init(place);
		memcpy(out->addresses[count], server.address.data, server.address.size);
		out->addresses[count][server.address.size] = '\0';
		place->server = set->servers[i];
		place->address = out->addresses[count];
		out->pointers[count] = place;
		count++;
	}
	return count;
}

/* ---- What -------------------------------------------------------------------------------- */

/* Whoever was primary before it began anew has forgotten which numbers it gave. 0: nobody is. */
static uint32_t primary_of(const struct gfs_master *master, const struct gfs_order *order)
{
	uint32_t number = order->set.servers[0];
	const struct gfs_cluster_server *server = gfs_cluster_server(master, number);

	return server && server->incarnation == order->incarnation ? number : 0;
}

int gfs_call_grant(struct gfs_master *master, uint64_t term, uint32_t number,
		   const struct gfs_order *order, uint64_t deadline_ns, struct gw_error *error)
{
	const struct gfs_cluster_server *server = gfs_cluster_server(master, number);
	const struct gw_rpc_call_options options = {
		.deadline_ns = call_deadline(GFS_SERVER_CALL_MS, deadline_ns)};
	Gfs__GrantRequest request = GFS__GRANT_REQUEST__INIT;
	Gfs__GrantReply *reply = NULL;
	struct gw_rpc_client *client;
	struct places places;
	int code = client_of(master, number, &client, error);

	if (code < 0)
		return code;
	if (!server)
		return gw_fail(error, GW_E_UNREACHABLE, "server %u was not heard yet", number);
	request.term = term;
	request.handle = order->handle;
	request.version = order->version;
	request.version_before = order->version_before;
	request.chunk_log2 = order->chunk_log2;
	request.primary = primary_of(master, order);
	request.n_set = make_places(master, &order->set, &places);
	request.set = places.pointers;
	request.incarnation = server->incarnation;
	code = chunkserver_grant_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	return code;
}

int gfs_call_revoke(struct gfs_master *master, uint64_t term, uint32_t number,
		    const struct gfs_order *order, uint64_t deadline_ns, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = call_deadline(GFS_SERVER_CALL_MS, deadline_ns)};
	Gfs__RevokeRequest request = GFS__REVOKE_REQUEST__INIT;
	Gfs__GrantReply *reply = NULL;
	struct gw_rpc_client *client;
	int code = client_of(master, number, &client, error);

	request.term = term;
	request.handle = order->handle;
	request.version = order->version;
	if (code == 0)
		code = chunkserver_revoke_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	return code;
}

int gfs_call_copy(struct gfs_master *master, uint64_t term, uint32_t number,
		  const struct gfs_order *order, uint64_t deadline_ns, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = call_deadline(GFS_COPY_MS, deadline_ns)};
	Gfs__CopyRequest request = GFS__COPY_REQUEST__INIT;
	Gfs__GrantReply *reply = NULL;
	struct gw_rpc_client *client;
	int code = client_of(master, number, &client, error);

	request.term = term;
	request.source = order->source;
	request.source_version = order->source_version;
	request.handle = order->handle;
	request.version = order->version;
	if (code == 0)
		code = chunkserver_copy_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	return code;
}

int gfs_call_clone(struct gfs_master *master, uint64_t term, uint32_t number,
		   const struct gfs_order *order, uint64_t deadline_ns, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = call_deadline(GFS_CLONE_MS, deadline_ns)};
	Gfs__CloneRequest request = GFS__CLONE_REQUEST__INIT;
	Gfs__GrantReply *reply = NULL;
	struct gw_rpc_client *client;
	struct places places;
	int code = client_of(master, number, &client, error);

	request.term = term;
	request.handle = order->handle;
	request.version = order->version;
	request.n_from = make_places(master, &order->set, &places);
	request.from = places.pointers;
	request.bytes_per_second = order->bytes_per_second;
	if (code == 0)
		code = chunkserver_clone_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	return code;
}

int gfs_call_compare(struct gfs_master *master, uint64_t term, uint32_t number,
		     const Gfs__CompareRequest *asked, uint64_t deadline_ns,
		     Gfs__CompareReply **reply, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = call_deadline(GFS_SERVER_CALL_MS, deadline_ns)};
	Gfs__CompareRequest request = *asked;
	struct gw_rpc_client *client;
	int code = client_of(master, number, &client, error);

	*reply = NULL;
	request.term = term;
	return code < 0 ? code
			: chunkserver_compare_with(client, &request, &options, reply, error);
}

int gfs_call_settle(struct gfs_master *master, uint64_t term, uint32_t number,
		    const Gfs__SettleRequest *asked, uint64_t deadline_ns, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = call_deadline(GFS_SETTLE_MS, deadline_ns)};
	Gfs__SettleRequest request = *asked;
	Gfs__GrantReply *reply = NULL;
	struct gw_rpc_client *client;
	int code = client_of(master, number, &client, error);

	request.term = term;
	if (code == 0)
		code = chunkserver_settle_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	return code;
}

/* ---- Many at once ------------------------------------------------------------------------ */

struct one_call {
	struct gfs_master *master;
	uint64_t term, deadline_ns;
	gfs_call *call;
	const struct gfs_order *order;
	uint32_t server;
	int *code;
};

static int call_one(void *argument)
{
	const struct one_call *one = argument;

	*one->code = one->call(one->master, one->term, one->server, one->order, one->deadline_ns,
			       NULL);
	return 0;
}

int gfs_call_all(struct gfs_master *master, uint64_t term, gfs_call *call,
		 const struct gfs_set *servers, const struct gfs_order *order,
		 uint64_t deadline_ns, int codes[GFS_GOAL_MAX], struct gw_error *error)
{
	struct gw_group group = {.name = "calls of chunkservers"};
	struct one_call calls[GFS_GOAL_MAX];
	int code = 0;

	assert(servers->count <= GFS_GOAL_MAX);
	for (uint32_t i = 0; i < servers->count && code == 0; i++) {
		calls[i] = (struct one_call){.master = master, .term = term, .call = call,
					     .order = order, .deadline_ns = deadline_ns,
					     .server = servers->servers[i], .code = &codes[i]};
		codes[i] = GW_E_CANCELLED;
		code = gw_spawn(&group, call_one, &calls[i], NULL);
	}
	if (code == 0)
		code = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	return code == 0 ? 0 : gw_fail(error, code, "calls of chunkservers: %s",
				       gw_code_text(code));
}
