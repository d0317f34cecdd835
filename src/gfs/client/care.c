/* SPDX-License-Identifier: Apache-2.0 */
/* care.c - what a master says of itself; draining a chunkserver; rebalancing. */
#include "gfs/client/client.h"

int gw_gfs_status(struct gw_gfs_client *client, struct gw_gfs_status *status,
		  struct gw_error *error)
{
	Gfs__StatusRequest request = GFS__STATUS_REQUEST__INIT;
	Gfs__StatusReply *reply;
	int code = master_status(client->masters, &request, &reply, error);

	*status = (struct gw_gfs_status){0};
	if (code < 0)
		return code;
	gfs_client_copy(status->role, sizeof(status->role), reply->role);
	gfs_client_copy(status->leader_address, sizeof(status->leader_address),
			reply->leader_address);
	gfs_client_copy(status->version, sizeof(status->version), reply->version);
	status->term = reply->term;
	status->applied = reply->applied;
	status->wall_ms = reply->wall_ms;
	status->safe = reply->safe;
	status->files = reply->files;
	status->directories = reply->directories;
	status->chunks = reply->chunks;
	status->chunks_missing = reply->chunks_missing;
	status->chunks_short = reply->chunks_short;
	status->servers = reply->servers;
	gw_rpc_reply_free(reply);
	return 0;
}

int gw_gfs_drain(struct gw_gfs_client *client, uint32_t server, bool back,
		 struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__DrainRequest request = GFS__DRAIN_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	request.server = server;
	request.back = back;
	gfs_client_begin(client, &call);
	do
		code = master_drain(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	gfs_client_end(&call, code);
	if (code < 0)
		return code;
	if (change)
		*change = (struct gw_gfs_change){reply->index, reply->id};
	gw_rpc_reply_free(reply);
	return 0;
}

int gw_gfs_rebalance(struct gw_gfs_client *client, enum gw_gfs_rebalance_what what,
		     struct gw_gfs_rebalance *rebalance, struct gw_error *error)
{
	Gfs__RebalanceRequest request = GFS__REBALANCE_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__RebalanceReply *reply;
	int code;

	request.what = what == GW_GFS_REBALANCE_START  ? GFS__REBALANCE_REQUEST__WHAT__START
		       : what == GW_GFS_REBALANCE_STOP ? GFS__REBALANCE_REQUEST__WHAT__STOP
						       : GFS__REBALANCE_REQUEST__WHAT__LOOK;
	*rebalance = (struct gw_gfs_rebalance){0};
	gfs_client_begin(client, &call);
	do
		code = master_rebalance(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	gfs_client_end(&call, code);
	if (code < 0)
		return code;
	*rebalance = (struct gw_gfs_rebalance){
		.is_stopped = reply->stopped,
		.is_running = reply->running,
		.waits = reply->waits,
		.is_asked = reply->asked,
		.moved = reply->moved,
		.failed = reply->failed,
		.elapsed_ms = reply->elapsed_ms,
		.left = reply->left,
		.left_ms = reply->left_ms,
		.under_way = reply->under_way,
		.lowest = reply->lowest,
		.highest = reply->highest,
	};
	gw_rpc_reply_free(reply);
	return 0;
}
