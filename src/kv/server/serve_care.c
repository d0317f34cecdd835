/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_care.c - the handlers for those who care for the cluster: status, members, backups.
 */
#include "kv/server/inside.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/dup_table.h"

/* Message types know only pointers to what may change. */
static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

static char *copy_text(struct gw_rpc_call *call, const char *from)
{
	char *to = gw_rpc_allocate(call, strlen(from) + 1);

	if (to)
		memcpy(to, from, strlen(from) + 1);
	return to ? to : text("");
}

int kv_serve_status(struct gw_rpc_call *call, void *context, const Kv__StatusRequest *request,
		    Kv__StatusReply *reply, struct gw_error *error)
{
	struct kv_server *server = context;
	struct replog_state state;
	uint8_t *cluster = gw_rpc_allocate(call, sizeof(state.cluster));

	(void)request;
	if (!cluster)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	replog_state(server->log, &state);
	memcpy(cluster, state.cluster, sizeof(state.cluster));
	reply->role = text(replog_role_name((enum replog_role)state.role));
	reply->member = state.member;
	reply->cluster.data = cluster;
	reply->cluster.len = sizeof(state.cluster);
	reply->term = state.term;
	reply->leader = state.leader;
	reply->leader_address = copy_text(call, state.leader_address);
	reply->applied = state.applied;
	reply->committed = state.commit;
	reply->last = state.last;
	reply->snapshot = state.snapshot;
	reply->wall_ms = server->state.wall_ms;
	reply->keys = server->table->keys;
	reply->bytes = server->table->bytes;
	reply->clients = dup_table_of(server->state.dup)->clients.count;
	reply->watchers = server->watcher_count;
	reply->watch_from = kv_history_first(server->state.history);
	reply->table = text(server->table->operations->name);
	reply->version = text(GW_VERSION);
	reply->failed = copy_text(call, state.failed.text);
	reply->trouble = copy_text(call, state.trouble.text);
	reply->troubles = state.troubles;
	return 0;
}

/* ---- Members -------------------------------------------------------------------------------- */

int kv_serve_members(struct gw_rpc_call *call, void *context, const Kv__MembersRequest *request,
		     Kv__MembersReply *reply, struct gw_error *error)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct kv_server *server = context;
	size_t count;
	int code = 0;

	if (!request->weak)
		code = replog_read_barrier(server->log, gw_rpc_call_deadline(call), NULL, error);
	if (code < 0)
		return kv_server_elsewhere(server, call, code, error);
	count = replog_members(server->log, members);
	reply->members = gw_rpc_allocate(call, (count + 1) * sizeof(*reply->members));
	for (size_t i = 0; reply->members && i < count; i++) {
		Kv__Member *member = gw_rpc_allocate(call, sizeof(*member));

		if (!member)
			break;
		kv__member__init(member);
		member->id = members[i].id;
		member->address = copy_text(call, members[i].address);
		member->votes = members[i].votes;
		member->standby = members[i].standby;
		member->leads = members[i].leads;
		member->match = members[i].match;
		reply->members[reply->n_members++] = member;
	}
	if (reply->n_members < count)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	return 0;
}

/* The member with that id, or with that address when id is 0. */
static bool find_member(struct kv_server *server, uint64_t id, const char *address,
			struct replog_member *out)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = replog_members(server->log, members);

	for (size_t i = 0; i < count; i++) {
		if (id ? members[i].id != id : strcmp(members[i].address, address) != 0)
			continue;
		*out = members[i];
		return true;
	}
	return false;
}

/* What the log has to say of a change of members goes to the caller; it may ask again. */
static int changed(struct kv_server *server, struct gw_rpc_call *call, int code,
		   struct gw_error *error)
{
	if (code == GW_E_NOT_LEADER || code == GW_E_OUTCOME_UNKNOWN)
		return kv_server_elsewhere(server, call, code, error);
	return code;
}

/* So that what was decided before, here or elsewhere, is known. */
static int begin_change(struct kv_server *server, struct gw_rpc_call *call, struct gw_error *error)
{
	int code = replog_read_barrier(server->log, gw_rpc_call_deadline(call), NULL, error);

	return code < 0 ? kv_server_elsewhere(server, call, code, error) : 0;
}

int kv_serve_member_add(struct gw_rpc_call *call, void *context,
			const Kv__MemberAddRequest *request, Kv__MemberReply *reply,
			struct gw_error *error)
{
	struct kv_server *server = context;
	struct replog_member member;
	int code = begin_change(server, call, error);

	if (code < 0)
		return code;
	if (find_member(server, 0, request->address, &member) && !member.votes &&
	    member.standby == request->standby) {
		reply->id = member.id;
		return 0;
	}
	code = replog_member_add(server->log, request->address, request->standby,
				 gw_rpc_call_deadline(call), &reply->id, error);
	return changed(server, call, code, error);
}

int kv_serve_member_remove(struct gw_rpc_call *call, void *context,
			   const Kv__MemberRemoveRequest *request, Kv__MemberReply *reply,
			   struct gw_error *error)
{
	struct kv_server *server = context;
	int code = begin_change(server, call, error);

	if (code < 0)
		return code;
	reply->id = request->id;
	code = replog_member_remove(server->log, request->id, gw_rpc_call_deadline(call), error);
	return changed(server, call, code, error);
}

int kv_serve_member_replace(struct gw_rpc_call *call, void *context,
			    const Kv__MemberReplaceRequest *request, Kv__MemberReply *reply,
			    struct gw_error *error)
{
	struct kv_server *server = context;
	const char *address = request->address[0] ? request->address : NULL;
	struct replog_member member;
	int code = begin_change(server, call, error);

	if (code < 0)
		return code;
	/* It was done already. */
	if (request->id && address && !find_member(server, request->id, NULL, &member) &&
	    find_member(server, 0, address, &member) && !member.votes) {
		reply->id = member.id;
		return 0;
	}
	code = replog_member_replace(server->log, request->id, address, gw_rpc_call_deadline(call),
				     &reply->id, error);
	return changed(server, call, code, error);
}

/* ---- Backups -------------------------------------------------------------------------------- */

static int send_pieces(struct gw_rpc_call *call, struct kv_snapshot_writer *writer, uint64_t index,
		       void *buffer, struct gw_error *error)
{
	Kv__BackupPiece piece = KV__BACKUP_PIECE__INIT;
	int code;

	piece.index = index;
	while ((code = kv_snapshot_read(writer, buffer, KV_BACKUP_PIECE_BYTES)) > 0) {
		piece.data.data = buffer;
		piece.data.len = (size_t)code;
		code = kv_backup_reply_send(call, &piece, error);
		if (code < 0)
			return code;
	}
	if (code < 0)
		return gw_fail(error, code, "the state cannot be read: %s", gw_code_text(code));
	piece.data.len = 0;
	piece.last = true;
	return kv_backup_reply_send(call, &piece, error);
}

int kv_serve_backup(struct gw_rpc_call *call, void *context, const Kv__BackupRequest *request,
		    struct gw_error *error)
{
	struct kv_server *server = context;
	struct kv_snapshot_writer *writer;
	void *buffer;
	int code;

	(void)request;
	if (server->backup_count >= KV_BACKUPS_MAX)
		return gw_fail(error, GW_E_OVERLOADED, "%s: %u backups are made already",
			       server->name, server->backup_count);
	if (server->state.is_restoring || server->state.is_broken)
		return gw_fail(error, GW_E_NOT_LEADER, "%s: this member has no state now",
			       server->name);
	buffer = malloc(KV_BACKUP_PIECE_BYTES);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a backup");
	server->backup_count++;
	code = kv_state_snapshot(&server->state, &writer, error);
	if (code == 0) {
		code = send_pieces(call, writer, server->state.applied, buffer, error);
		kv_snapshot_writer_free(writer);
	}
	server->backup_count--;
	free(buffer);
	return code;
}
