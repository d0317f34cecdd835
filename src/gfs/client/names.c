/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - the calls that change names and attributes. */
#include "gfs/client/client.h"

#include <inttypes.h>

/* The end of each of them. */
static int take_change(const struct gfs_client_call *call, int code, Gfs__ChangeReply *reply,
		       struct gw_gfs_change *change)
{
	if (code < 0)
		return gfs_client_end(call, code);
	if (change)
		*change = (struct gw_gfs_change){reply->index, reply->id};
	gw_rpc_reply_free(reply);
	return gfs_client_end(call, 0);
}

int gw_gfs_mkdir(struct gw_gfs_client *client, struct gw_bytes path, uint32_t mode,
		 struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__MkdirRequest request = GFS__MKDIR_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	request.path = gfs_client_bytes(path);
	request.mode = mode;
	request.user = client->options.user;
	request.group = client->options.group;
	gfs_client_begin(client, &call);
	do
		code = master_mkdir(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}

static int delete(struct gw_gfs_client *client, const Gfs__DeleteRequest *request,
		  struct gw_gfs_change *change, struct gw_error *error)
{
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	gfs_client_begin(client, &call);
	do
		code = master_delete(client->masters, request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}

int gw_gfs_delete(struct gw_gfs_client *client, struct gw_bytes path, bool now,
		  struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__DeleteRequest request = GFS__DELETE_REQUEST__INIT;

	request.path = gfs_client_bytes(path);
	request.now = now;
	return delete(client, &request, change, error);
}

int gw_gfs_delete_forever(struct gw_gfs_client *client, struct gw_bytes path, uint64_t id,
			  struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__DeleteRequest request = GFS__DELETE_REQUEST__INIT;

	request.path = gfs_client_bytes(path);
	request.now = true;
	request.id = id;
	return delete(client, &request, change, error);
}

int gw_gfs_undelete(struct gw_gfs_client *client, struct gw_bytes path, uint64_t id,
		    struct gw_bytes to, struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__UndeleteRequest request = GFS__UNDELETE_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	request.path = gfs_client_bytes(path);
	request.id = id;
	request.to = gfs_client_bytes(to);
	gfs_client_begin(client, &call);
	do
		code = master_undelete(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}

int gw_gfs_rename(struct gw_gfs_client *client, struct gw_bytes from, struct gw_bytes to,
		  bool replace, struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__RenameRequest request = GFS__RENAME_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	request.from = gfs_client_bytes(from);
	request.to = gfs_client_bytes(to);
	request.replace = replace;
	gfs_client_begin(client, &call);
	do
		code = master_rename(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}

int gw_gfs_snapshot(struct gw_gfs_client *client, struct gw_bytes from, struct gw_bytes to,
		    struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__SnapshotRequest request = GFS__SNAPSHOT_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	request.from = gfs_client_bytes(from);
	request.to = gfs_client_bytes(to);
	gfs_client_begin(client, &call);
	do
		code = master_snapshot(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}

int gw_gfs_set(struct gw_gfs_client *client, struct gw_bytes path,
	       const struct gw_gfs_attributes *attributes, struct gw_gfs_change *change,
	       struct gw_error *error)
{
	Gfs__SetRequest request = GFS__SET_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ChangeReply *reply;
	int code;

	request.path = gfs_client_bytes(path);
	request.set_mode = attributes->set_mode;
	request.mode = attributes->mode;
	request.set_owner = attributes->set_owner;
	request.user = attributes->user;
	request.group = attributes->group;
	request.set_modified = attributes->set_modified;
	request.modified_ms = attributes->modified_ms;
	request.set_goal = attributes->set_goal;
	request.goal = attributes->goal;
	request.set_collect = attributes->set_collect;
	request.collect_ms = attributes->collect_ms;
	gfs_client_begin(client, &call);
	do
		code = master_set(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}

int gw_gfs_truncate(struct gw_gfs_client *client, struct gw_bytes path, uint64_t length,
		    struct gw_gfs_change *change, struct gw_error *error)
{
	Gfs__TruncateRequest request = GFS__TRUNCATE_REQUEST__INIT;
	struct gfs_client_call call;
	struct gw_gfs_stat stat;
	Gfs__ChangeReply *reply;
	int code = gw_gfs_stat(client, path, false, false, &stat, error);

	if (code < 0)
		return code;
	if (stat.entry.chunk_log2 >= 64 || length & ((UINT64_C(1) << stat.entry.chunk_log2) - 1))
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "%.*s: cut at %" PRIu64 ", which is no border of its chunks",
			       (int)path.size, (const char *)path.data, length);
	request.path = gfs_client_bytes(path);
	request.length = length;
	gfs_client_begin(client, &call);
	do
		code = master_truncate(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	return take_change(&call, code, reply, change);
}
