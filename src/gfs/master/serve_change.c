/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_change.c - the handlers of changes of names: each is a record of the log that carries whose
 * call it is; what apply answers goes back as it is. Create with a chunk, and snapshot, do work
 * with chunkservers before or behind their record, under path locks.
 */
#include "gfs/master/inside.h"

#include <assert.h>

#include "gfs/master/namespace.h"
#include "replog/answer.h"

enum { REVOKED_AT_ONCE = 64 };

int gfs_master_path(const ProtobufCBinaryData *data, struct gw_bytes *path, struct gw_error *error)
{
	*path = (struct gw_bytes){data->data, data->len};
	return gfs_path_check(*path, error);
}

/* ---- With chunkservers ---------------------------------------------------------------------- */

/* Servers for the first chunk. A file is made without one when there are none. */
static int choose(struct gfs_master *master, struct gfs_record *record, struct gw_error *error)
{
	struct gw_error why = {0};
	uint8_t goal = (uint8_t)record->goal;
	int code;

	if (goal == 0)
		goal = gfs_goal_at(&master->machine.state, record->path);
	if (record->chunk_log2 == 0)
		record->chunk_log2 = GFS_CHUNK_LOG2;
	code = master->options.cluster->choose(master, goal, (uint8_t)record->chunk_log2,
					       &record->set, &record->incarnation, &why);
	if (code == 0)
		record->options |= GFS_WITH_CHUNK;
	else if (code == GW_E_NO_MEMORY)
		return gw_fail(error, code, "%s", why.text);
	return 0;
}

/* The file is there whether or not its servers hear of it: who writes asks for a lease again. */
static int tell(struct gfs_master *master, struct gw_rpc_call *call, uint64_t chunk_log2,
		struct gw_bytes payload, struct gw_error *error)
{
	Gfs__CreateReply *reply = gfs__create_reply__unpack(NULL, payload.size, payload.data);
	uint64_t handle = reply && reply->lease ? reply->lease->chunk->handle : 0;

	if (!reply)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	gfs__create_reply__free_unpacked(reply, NULL);
	if (handle != 0)
		(void)master->options.cluster->tell(master, handle, (uint8_t)chunk_log2,
						    gw_rpc_call_deadline(call), NULL);
	return 0;
}

static int create_with_chunk(struct gfs_master *master, struct gw_rpc_call *call,
			     struct gfs_record *record, struct gw_error *error)
{
	struct replog_result result;
	struct gw_bytes payload;
	int code = choose(master, record, error), answered;

	if (code == 0)
		code = gfs_master_propose_call(master, call, record, &result, error);
	if (code < 0)
		return code;
	code = replog_answer_read(base_buffer_bytes(&result.reply), &answered, &payload, error);
	if (code == 0 && answered == 0)
		code = tell(master, call, record->chunk_log2, payload, error);
	if (code == 0)
		code = rpc_call_answer(call, answered, payload, error);
	base_buffer_done(&result.reply);
	return code;
}

/* So that no snapshot of what is above comes between the record and its servers. */
static int create_locked(struct gfs_master *master, struct gw_rpc_call *call,
			 struct gfs_record *record, struct gw_error *error)
{
	const struct gfs_lock_path path = {record->path, true};
	struct gfs_lock_set *held;
	int code = gfs_locks_take(&master->locks, &path, 1, gw_rpc_call_deadline(call), &held,
				  error);

	if (code < 0)
		return code;
	code = create_with_chunk(master, call, record, error);
	gfs_locks_drop(&master->locks, held);
	return code;
}

static int serve_create(struct gw_rpc_call *call, void *context,
			const Gfs__CreateRequest *request, Gfs__CreateReply *reply,
			struct gw_error *error)
{
	struct gfs_master *master = context;
	struct gfs_record record = {.kind = GFS_RECORD_CREATE,
				    .options = request->or_open ? GFS_OR_OPEN : 0,
				    .mode = request->mode,
				    .user = request->user,
				    .group = request->group,
				    .goal = request->goal,
				    .chunk_log2 = request->chunk_log2};
	int code = gfs_master_path(&request->path, &record.path, error);

	(void)reply;
	if (code < 0)
		return code;
	/* What cannot be is refused by the record, and so is the call of a master that does not
	 * lead. */
	if (!request->with_chunk || !master->cluster || master->term == 0 ||
	    record.goal > GFS_GOAL_MAX || record.chunk_log2 > GFS_CHUNK_LOG2_MAX)
		return gfs_master_change(master, call, &record, error);
	return create_locked(master, call, &record, error);
}

/* Ends all grants under the path, so that whoever writes has to ask. */
static int revoke_tree(struct gfs_master *master, struct gw_rpc_call *call, struct gw_bytes path,
		       struct gw_error *error)
{
	struct gfs_granted granted[REVOKED_AT_ONCE];
	int code = 0;

	while (code == 0 && master->cluster && master->term != 0) {
		size_t count = gfs_tree_granted(&master->machine.state, path, granted,
						REVOKED_AT_ONCE);

		if (count == 0)
			return 0;
		for (size_t i = 0; i < count && code == 0; i++)
			code = master->options.cluster->revoke(
				master, granted[i].handle, granted[i].chunk_log2,
				gw_rpc_call_deadline(call), error);
	}
	return code;
}

static int serve_snapshot(struct gw_rpc_call *call, void *context,
			  const Gfs__SnapshotRequest *request, Gfs__ChangeReply *reply,
			  struct gw_error *error)
{
	struct gfs_master *master = context;
	struct gfs_record record = {.kind = GFS_RECORD_SNAPSHOT};
	struct gfs_lock_path paths[2] = {{.write = true}, {.write = true}};
	struct gfs_lock_set *held;
	int code = gfs_master_path(&request->from, &record.path, error);

	(void)reply;
	if (code == 0)
		code = gfs_master_path(&request->to, &record.to, error);
	if (code < 0)
		return code;
	paths[0].path = record.path;
	paths[1].path = record.to;
	code = gfs_locks_take(&master->locks, paths, 2, gw_rpc_call_deadline(call), &held, error);
	if (code < 0)
		return code;
	code = revoke_tree(master, call, record.path, error);
	if (code == 0)
		code = gfs_master_change(master, call, &record, error);
	gfs_locks_drop(&master->locks, held);
	return code;
}

/* ---- Names alone ---------------------------------------------------------------------------- */

static int serve_mkdir(struct gw_rpc_call *call, void *context, const Gfs__MkdirRequest *request,
		       Gfs__ChangeReply *reply, struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_MKDIR,
				    .mode = request->mode,
				    .user = request->user,
				    .group = request->group};
	int code = gfs_master_path(&request->path, &record.path, error);

	(void)reply;
	return code < 0 ? code : gfs_master_change(context, call, &record, error);
}

static int serve_delete(struct gw_rpc_call *call, void *context,
			const Gfs__DeleteRequest *request, Gfs__ChangeReply *reply,
			struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_DELETE,
				    .options = request->now ? GFS_NOW : 0,
				    .id = request->id};
	int code = gfs_master_path(&request->path, &record.path, error);

	(void)reply;
	return code < 0 ? code : gfs_master_change(context, call, &record, error);
}

static int serve_undelete(struct gw_rpc_call *call, void *context,
			  const Gfs__UndeleteRequest *request, Gfs__ChangeReply *reply,
			  struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_UNDELETE, .id = request->id};
	int code = gfs_master_path(&request->path, &record.path, error);

	(void)reply;
	if (code == 0 && request->to.len > 0)
		code = gfs_master_path(&request->to, &record.to, error);
	return code < 0 ? code : gfs_master_change(context, call, &record, error);
}

static int serve_rename(struct gw_rpc_call *call, void *context,
			const Gfs__RenameRequest *request, Gfs__ChangeReply *reply,
			struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_RENAME,
				    .options = request->replace ? GFS_REPLACE : 0};
	int code = gfs_master_path(&request->from, &record.path, error);

	(void)reply;
	if (code == 0)
		code = gfs_master_path(&request->to, &record.to, error);
	return code < 0 ? code : gfs_master_change(context, call, &record, error);
}

static int serve_set(struct gw_rpc_call *call, void *context, const Gfs__SetRequest *request,
		     Gfs__ChangeReply *reply, struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_SET,
				    .mode = request->mode,
				    .user = request->user,
				    .group = request->group,
				    .modified_ms = request->modified_ms,
				    .goal = request->goal,
				    .collect_ms = request->collect_ms};
	int code = gfs_master_path(&request->path, &record.path, error);

	(void)reply;
	record.options = (request->set_mode ? GFS_SET_MODE : 0u) |
			 (request->set_owner ? GFS_SET_OWNER : 0u) |
			 (request->set_modified ? GFS_SET_MODIFIED : 0u) |
			 (request->set_goal ? GFS_SET_GOAL : 0u) |
			 (request->set_collect ? GFS_SET_COLLECT : 0u);
	return code < 0 ? code : gfs_master_change(context, call, &record, error);
}

static int serve_truncate(struct gw_rpc_call *call, void *context,
			  const Gfs__TruncateRequest *request, Gfs__ChangeReply *reply,
			  struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_TRUNCATE, .length = request->length};
	int code = gfs_master_path(&request->path, &record.path, error);

	(void)reply;
	return code < 0 ? code : gfs_master_change(context, call, &record, error);
}

static int serve_drain(struct gw_rpc_call *call, void *context, const Gfs__DrainRequest *request,
		       Gfs__ChangeReply *reply, struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_DRAIN,
				    .options = request->back ? GFS_BACK : 0,
				    .server = request->server};

	(void)reply;
	return gfs_master_change(context, call, &record, error);
}

/* ---- Lengths and writers -------------------------------------------------------------------- */

static int serve_length(struct gw_rpc_call *call, void *context,
			const Gfs__LengthRequest *request, Gfs__ChangeReply *reply,
			struct gw_error *error)
{
	struct gfs_master *master = context;
	struct gfs_record record = {.kind = GFS_RECORD_LENGTH,
				    .id = request->id,
				    .length = request->length};
	int code = gfs_master_path(&request->path, &record.path, error);

	if (code == 0)
		code = gfs_master_propose_for(master, call, &record, NULL, error);
	reply->id = request->id;
	reply->index = master->machine.state.applied;
	return code;
}

static int serve_open_writer(struct gw_rpc_call *call, void *context,
			     const Gfs__OpenWriterRequest *request, Gfs__WriterReply *reply,
			     struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_WRITER_OPEN};

	(void)request;
	(void)reply;
	return gfs_master_change(context, call, &record, error);
}

static int change_writer(struct gw_rpc_call *call, struct gfs_master *master, uint8_t kind,
			 const Gfs__WriterRequest *request, Gfs__WriterReply *reply,
			 struct gw_error *error)
{
	const struct gfs_record record = {.kind = kind, .writer = request->writer};

	reply->writer = request->writer;
	reply->keep_ms = kind == GFS_RECORD_WRITER_KEEP ? GFS_WRITER_MS : 0;
	return gfs_master_propose_for(master, call, &record, NULL, error);
}

static int serve_keep_writer(struct gw_rpc_call *call, void *context,
			     const Gfs__WriterRequest *request, Gfs__WriterReply *reply,
			     struct gw_error *error)
{
	return change_writer(call, context, GFS_RECORD_WRITER_KEEP, request, reply, error);
}

static int serve_close_writer(struct gw_rpc_call *call, void *context,
			      const Gfs__WriterRequest *request, Gfs__WriterReply *reply,
			      struct gw_error *error)
{
	return change_writer(call, context, GFS_RECORD_WRITER_CLOSE, request, reply, error);
}

/* ---- Of the cluster side -------------------------------------------------------------------- */

static int serve_lease(struct gw_rpc_call *call, void *context, const Gfs__LeaseRequest *request,
		       Gfs__LeaseReply *reply, struct gw_error *error)
{
	struct gfs_master *master = context;

	if (!master->cluster)
		return gw_fail(error, GW_E_UNREACHABLE, "%s has no chunkservers", master->name);
	return master->options.cluster->serve_lease(call, master, request, reply, error);
}

static int serve_add_chunk(struct gw_rpc_call *call, void *context,
			   const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
			   struct gw_error *error)
{
	struct gfs_master *master = context;

	if (!master->cluster)
		return gw_fail(error, GW_E_UNREACHABLE, "%s has no chunkservers", master->name);
	return master->options.cluster->serve_add_chunk(call, master, request, reply, error);
}

static int serve_rebalance(struct gw_rpc_call *call, void *context,
			   const Gfs__RebalanceRequest *request, Gfs__RebalanceReply *reply,
			   struct gw_error *error)
{
	struct gfs_master *master = context;

	if (!master->cluster)
		return gw_fail(error, GW_E_UNREACHABLE, "%s has no chunkservers", master->name);
	return master->options.cluster->serve_rebalance(call, master, request, reply, error);
}

static int serve_servers(struct gw_rpc_call *call, void *context,
			 const Gfs__ServersRequest *request, Gfs__ServersReply *reply,
			 struct gw_error *error)
{
	struct gfs_master *master = context;

	return master->cluster ? master->options.cluster->serve_servers(call, master, request,
									reply, error)
			       : 0;
}

const struct master_handlers gfs_master_handlers = {
	.create = serve_create,
	.mkdir = serve_mkdir,
	.delete = serve_delete,
	.undelete = serve_undelete,
	.rename = serve_rename,
	.set = serve_set,
	.truncate = serve_truncate,
	.snapshot = serve_snapshot,
	.stat = gfs_serve_stat,
	.list = gfs_serve_list,
	.list_deleted = gfs_serve_list_deleted,
	.locate = gfs_serve_locate,
	.lease = serve_lease,
	.add_chunk = serve_add_chunk,
	.length = serve_length,
	.open_writer = serve_open_writer,
	.keep_writer = serve_keep_writer,
	.close_writer = serve_close_writer,
	.status = gfs_serve_status,
	.servers = serve_servers,
	.rebalance = serve_rebalance,
	.drain = serve_drain,
};
