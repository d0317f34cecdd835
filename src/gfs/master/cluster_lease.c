/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_lease.c - who may write to a chunk: the handlers of Lease and AddChunk. A shared chunk is
 * copied first (3.4). Both hold a read lock of the path, so that no snapshot of what is above comes
 * between what they look at and what they make of it.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>

#include "gfs/master/namespace.h"
#include "io/rare.h"
#include "task/loop.h"

/* What a handler is about. */
struct asked {
	struct gw_rpc_call *call;
	struct gfs_master *master;
	const Gfs__LeaseRequest *request;
	struct gw_bytes path;
	uint64_t term, deadline_ns;
	bool make;         /* the chunk, if it is not there */
	struct gfs_file file;
	uint32_t slot;     /* of the chunk */
	uint64_t handle;
};

static uint64_t handle_of(const struct gfs_master *master, uint32_t slot)
{
	return gfs_chunks_handle(&master->machine.state.chunks, slot);
}

/* The file as it is now, and its chunk. 0: it has none at the index. */
static int look(struct asked *asked, struct gw_error *error)
{
	const struct gfs_state *state = &asked->master->machine.state;
	int code = gfs_find_file(state, asked->path, asked->request->id, &asked->file, error);

	if (code < 0)
		return code;
	if (!gfs_chunk_of(state, asked->file.id, asked->request->index, &asked->slot))
		return 0;
	asked->handle = handle_of(asked->master, asked->slot);
	return 1;
}

/* ---- A chunk of its own ------------------------------------------------------------------ */

static int start_copy(struct asked *asked, struct gw_error *error)
{
	const struct gfs_record record = {.kind = GFS_RECORD_CHUNK_COPY,
					  .id = asked->file.id,
					  .index = asked->request->index,
					  .handle = asked->handle,
					  .path = asked->path};

	return gfs_master_propose(asked->master, &record, asked->deadline_ns, NULL, NULL, error);
}

/* On the servers that have the source; over when as many have it as a grant needs. */
static int copy(struct asked *asked, uint64_t source_handle, struct gw_error *error)
{
	struct gfs_master *master = asked->master;
	const struct gfs_chunk *source = gfs_cluster_chunk(master, source_handle);
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, asked->handle);
	const struct gfs_record copied = {.kind = GFS_RECORD_CHUNK_COPIED,
					  .handle = asked->handle};
	struct gfs_order order = {.handle = asked->handle, .source = source_handle};
	uint32_t least = gfs_replicas_min(chunk->goal), good = 0;
	int codes[GFS_GOAL_MAX], code;
	struct gfs_set set;

	assert(source);
	order.version = chunk->version;
	order.source_version = source->version;
	gfs_cluster_alive(master, gfs_slot_of(source_handle), &set, NULL);
	if (IO_BUG(task_io(), "gfs.copy-skipped"))
		return gfs_master_propose(master, &copied, asked->deadline_ns, NULL, NULL, error);
	code = gfs_call_all(master, asked->term, gfs_call_copy, &set, &order, asked->deadline_ns,
			    codes, error);
	if (code < 0)
		return code;
	if (!gfs_cluster_leads(master, asked->term))
		return gfs_cluster_lost_lead(error);
	if (!gfs_cluster_chunk(master, asked->handle))
		return gw_fail(error, GW_E_BUSY, "the file has another chunk there now");
	for (uint32_t i = 0; i < set.count; i++) {
		if (codes[i] == 0)
			gfs_cluster_add(master, gfs_slot_of(asked->handle), set.servers[i]);
		good += codes[i] == 0;
	}
	if (good < least)
		return gw_fail(error, GW_E_UNREACHABLE,
			       "chunk %llx is shared, and %u servers could copy it: %u are needed",
			       (unsigned long long)source_handle, good, least);
	return gfs_master_propose(master, &copied, asked->deadline_ns, NULL, NULL, error);
}

/* The chunk becomes the file's alone. */
static int own(struct asked *asked, struct gw_error *error)
{
	struct gfs_master *master = asked->master;
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, asked->handle);
	uint64_t source = gfs_source_of(&master->machine.state, asked->slot);
	struct gfs_hold *hold = NULL;
	int code = 0;

	if (chunk->references > 1 && source == 0) {
		code = start_copy(asked, error);
		if (code == 0)
			code = look(asked, error);
		if (code <= 0)
			return code < 0 ? code
					: gw_fail(error, GW_E_BUSY, "the file was cut meanwhile");
		source = gfs_source_of(&master->machine.state, asked->slot);
	}
	if (source == 0)
		return 0;
	code = gfs_cluster_hold(master, asked->handle, asked->deadline_ns, &hold, error);
	if (code < 0)
		return code;
	/* Another task may have copied it meanwhile. */
	source = gfs_source_of(&master->machine.state, asked->slot);
	if (source != 0 && gfs_cluster_chunk(master, asked->handle))
		code = copy(asked, source, error);
	gfs_cluster_let_go(master, hold);
	return code;
}

/* ---- A new chunk ------------------------------------------------------------------------- */

static int add(struct asked *asked, struct gw_error *error)
{
	struct gfs_record record = {.kind = GFS_RECORD_CHUNK_ADD,
				    .id = asked->file.id,
				    .index = asked->request->index,
				    .path = asked->path};
	int code = gfs_cluster_choose(asked->master, asked->file.goal, asked->file.chunk_log2,
				      &record.set, &record.incarnation, error);

	if (code == 0)
		code = gfs_master_propose(asked->master, &record, asked->deadline_ns, NULL, NULL,
					  error);
	if (code < 0)
		return code;
	code = look(asked, error);
	return code == 0 ? gw_fail(error, GW_E_BUSY, "the file was cut meanwhile") : code;
}

/* ---- The answer -------------------------------------------------------------------------- */

static int answer(struct asked *asked, Gfs__LeaseReply *reply, struct gw_error *error)
{
	struct gfs_master *master = asked->master;
	struct gfs_grant grant;
	bool is_granted = gfs_grant_of(&master->machine.state, asked->slot, &grant);
	int code;

	assert(is_granted);
	reply->chunk_log2 = asked->file.chunk_log2;
	reply->lease = gw_rpc_allocate(asked->call, sizeof(*reply->lease));
	if (!reply->lease)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	gfs__lease__init(reply->lease);
	reply->lease->primary = grant.set.servers[0];
	reply->lease->term = asked->term;
	code = gfs_message_chunk(asked->call, master, asked->request->index, asked->slot,
				 &grant.set, &reply->lease->chunk, error);
	return code;
}

static int grant(struct asked *asked, struct gw_error *error)
{
	struct gfs_secure what = {.term = asked->term,
				  .handle = asked->handle,
				  .deadline_ns = asked->deadline_ns,
				  .chunk_log2 = asked->file.chunk_log2,
				  .failed_version = asked->request->failed_version};
	uint64_t handle = asked->handle;
	int code = gfs_cluster_secure_held(asked->master, &what, error);

	if (code == 0)
		code = look(asked, error);
	if (code < 0)
		return code;
	return code == 1 && asked->handle == handle
		       ? 0
		       : gw_fail(error, GW_E_BUSY, "the file has another chunk there now");
}

static int work(struct asked *asked, Gfs__LeaseReply *reply, struct gw_error *error)
{
	int code = gfs_master_read(asked->master, asked->call, false, error);

	if (code == 0)
		code = look(asked, error);
	if (code == 0 && !asked->make)
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s has no chunk %llu",
			       (int)asked->path.size, (const char *)asked->path.data,
			       (unsigned long long)asked->request->index);
	if (code == 0)
		code = add(asked, error);
	if (code > 0)
		code = own(asked, error);
	if (code == 0)
		code = grant(asked, error);
	if (code == 0)
		code = answer(asked, reply, error);
	/* Whoever asks may ask again: this is no call that runs at most once. */
	if (code == GW_E_OUTCOME_UNKNOWN)
		code = gw_fail(error, GW_E_UNREACHABLE, "the log of %s does not get on",
			       asked->master->name);
	return code;
}

/* ---- The handlers ------------------------------------------------------------------------ */

static int serve(struct asked *asked, Gfs__LeaseReply *reply, struct gw_error *error)
{
	struct gfs_master *master = asked->master;
	struct gfs_lock_path path = {.write = false};
	struct gfs_lock_set *held;
	int code = gfs_master_path(&asked->request->path, &asked->path, error);

	if (code < 0)
		return code;
	asked->term = master->term;
	asked->deadline_ns = gw_rpc_call_deadline(asked->call);
	if (asked->term == 0)
		return gfs_master_elsewhere(master, asked->call, GW_E_NOT_LEADER, error);
	path.path = asked->path;
	code = gfs_locks_take(&master->locks, &path, 1, asked->deadline_ns, &held, error);
	if (code < 0)
		return code;
	code = work(asked, reply, error);
	gfs_locks_drop(&master->locks, held);
	return code == GW_E_NOT_LEADER
		       ? gfs_master_elsewhere(master, asked->call, GW_E_NOT_LEADER, error)
		       : code;
}

int gfs_cluster_serve_lease(struct gw_rpc_call *call, struct gfs_master *master,
			    const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
			    struct gw_error *error)
{
	struct asked asked = {.call = call, .master = master, .request = request};

	return serve(&asked, reply, error);
}

int gfs_cluster_serve_add_chunk(struct gw_rpc_call *call, struct gfs_master *master,
				const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
				struct gw_error *error)
{
	struct asked asked = {.call = call, .master = master, .request = request, .make = true};

	return serve(&asked, reply, error);
}
