/* SPDX-License-Identifier: Apache-2.0 */
/* care.c - status, members, backups. */
#include "kv/client/client.h"

#include <assert.h>

int gw_kv_status(struct gw_kv_client *client, struct gw_kv_status *status, struct gw_error *error)
{
	Kv__StatusRequest request = KV__STATUS_REQUEST__INIT;
	Kv__StatusReply *reply;
	int code = kv_status(client->rpc, &request, &reply, error);

	*status = (struct gw_kv_status){0};
	if (code < 0)
		return code;
	kv_client_copy(status->role, sizeof(status->role), reply->role);
	kv_client_copy(status->leader_address, sizeof(status->leader_address),
		       reply->leader_address);
	kv_client_copy(status->table, sizeof(status->table), reply->table);
	kv_client_copy(status->version, sizeof(status->version), reply->version);
	kv_client_copy(status->failed, sizeof(status->failed), reply->failed);
	kv_client_copy(status->trouble, sizeof(status->trouble), reply->trouble);
	if (reply->cluster.len == sizeof(status->cluster))
		memcpy(status->cluster, reply->cluster.data, sizeof(status->cluster));
	status->member = reply->member;
	status->term = reply->term;
	status->leader = reply->leader;
	status->applied = reply->applied;
	status->committed = reply->committed;
	status->last = reply->last;
	status->snapshot = reply->snapshot;
	status->wall_ms = reply->wall_ms;
	status->keys = reply->keys;
	status->bytes = reply->bytes;
	status->clients = reply->clients;
	status->watchers = reply->watchers;
	status->watch_from = reply->watch_from;
	status->troubles = reply->troubles;
	gw_rpc_reply_free(reply);
	return 0;
}

/* ---- Members -------------------------------------------------------------------------------- */

int gw_kv_members(struct gw_kv_client *client, bool weak,
		  struct gw_kv_member members[GW_KV_MEMBERS_MAX], struct gw_error *error)
{
	Kv__MembersRequest request = KV__MEMBERS_REQUEST__INIT;
	Kv__MembersReply *reply;
	int code;

	request.weak = weak;
	code = kv_members(client->rpc, &request, &reply, error);
	if (code < 0)
		return code;
	code = (int)reply->n_members;
	if (reply->n_members > GW_KV_MEMBERS_MAX)
		code = gw_fail(error, GW_E_TOO_LARGE, "%zu members", reply->n_members);
	for (int i = 0; i < code; i++) {
		const Kv__Member *from = reply->members[i];
		struct gw_kv_member *to = &members[i];

		*to = (struct gw_kv_member){.id = from->id,
					    .votes = from->votes,
					    .standby = from->standby,
					    .leads = from->leads,
					    .match = from->match};
		kv_client_copy(to->address, sizeof(to->address), from->address);
	}
	gw_rpc_reply_free(reply);
	return code;
}

static int take_member(int code, Kv__MemberReply *reply, uint64_t *id)
{
	if (code < 0)
		return code;
	if (id)
		*id = reply->id;
	gw_rpc_reply_free(reply);
	return 0;
}

int gw_kv_member_add(struct gw_kv_client *client, const char *address, bool standby, uint64_t *id,
		     struct gw_error *error)
{
	Kv__MemberAddRequest request;
	Kv__MemberReply *reply;
	int code;

	kv__member_add_request__init(&request);
	request.address = kv_client_text(address);
	request.standby = standby;
	code = kv_member_add(client->rpc, &request, &reply, error);
	return take_member(code, reply, id);
}

int gw_kv_member_remove(struct gw_kv_client *client, uint64_t id, struct gw_error *error)
{
	Kv__MemberRemoveRequest request = KV__MEMBER_REMOVE_REQUEST__INIT;
	Kv__MemberReply *reply;
	int code;

	request.id = id;
	code = kv_member_remove(client->rpc, &request, &reply, error);
	return take_member(code, reply, NULL);
}

int gw_kv_member_replace(struct gw_kv_client *client, uint64_t id, const char *address,
			 uint64_t *new_id, struct gw_error *error)
{
	Kv__MemberReplaceRequest request;
	Kv__MemberReply *reply;
	int code;

	kv__member_replace_request__init(&request);
	request.id = id;
	if (address)
		request.address = kv_client_text(address);
	code = kv_member_replace(client->rpc, &request, &reply, error);
	return take_member(code, reply, new_id);
}

/* ---- Backups -------------------------------------------------------------------------------- */

struct backup {
	int (*piece)(void *context, struct gw_bytes bytes, struct gw_error *error);
	void *context;
	uint64_t index;
	bool is_whole;
};

/* 1: go on. */
static int take_piece(struct backup *backup, struct gw_rpc_call *call, struct gw_error *error)
{
	Kv__BackupPiece *piece;
	int code = kv_backup_reply_receive(call, &piece, error);

	if (code <= 0)
		return code;
	backup->index = piece->index;
	backup->is_whole = piece->last;
	code = piece->data.len > 0
		       ? backup->piece(backup->context, kv_client_from(&piece->data), error)
		       : 0;
	gw_rpc_reply_free(piece);
	return code < 0 ? code : 1;
}

int gw_kv_backup(struct gw_kv_client *client,
		 int (*piece)(void *context, struct gw_bytes bytes, struct gw_error *error),
		 void *context, uint64_t *index, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {.deadline_ns = GW_FOREVER};
	Kv__BackupRequest request = KV__BACKUP_REQUEST__INIT;
	struct backup backup = {.piece = piece, .context = context};
	struct gw_rpc_call *call;
	int code = kv_backup_open(client->rpc, &request, &options, &call, error);

	if (code < 0)
		return code;
	do
		code = take_piece(&backup, call, error);
	while (code == 1);
	if (code < 0) {
		gw_rpc_abandon(call);
		return code;
	}
	code = kv_backup_finish(call, error);
	if (code == 0 && !backup.is_whole)
		code = gw_fail(error, GW_E_TRUNCATED, "the backup ended early");
	if (code == 0 && index)
		*index = backup.index;
	return code;
}
