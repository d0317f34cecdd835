/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_read.c - the handlers of reads: wait until the state may be read, then read it without a
 * wait, and copy what is wanted. A weak read is answered by any master at once, as of the entry
 * that the answer names.
 */
#include "gfs/master/inside.h"

#include <assert.h>

#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"

enum {
	LIST_BYTES_MAX = 1 << 20, /* of names in an answer */
	LOCATE_CHUNKS_MAX = 1000, /* of an answer */
	LIST_ENDS = 1,
};

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
}

static int read_path(struct gw_rpc_call *call, struct gfs_master *master,
		     const ProtobufCBinaryData *data, bool weak, struct gw_bytes *path,
		     struct gw_error *error)
{
	int code = gfs_master_path(data, path, error);

	return code < 0 ? code : gfs_master_read(master, call, weak, error);
}

/* ---- Stat ----------------------------------------------------------------------------------- */

static int entry_of(struct gw_rpc_call *call, struct gw_bytes name, const struct gfs_file *file,
		    Gfs__Entry **out, struct gw_error *error)
{
	Gfs__Entry *entry = gw_rpc_allocate(call, sizeof(*entry) + name.size);

	*out = entry;
	if (!entry)
		return no_memory(error);
	gfs__entry__init(entry);
	entry->path = (ProtobufCBinaryData){name.size, (uint8_t *)(entry + 1)};
	memcpy(entry->path.data, name.data, name.size);
	entry->id = file->id;
	entry->kind = file->is_directory ? GFS__KIND__DIRECTORY : GFS__KIND__FILE;
	entry->mode = file->mode;
	entry->user = file->user;
	entry->group = file->group;
	entry->modified_ms = file->modified_ms;
	entry->changed_ms = file->changed_ms;
	entry->length = file->length;
	entry->chunks = file->chunks;
	entry->chunk_log2 = file->chunk_log2;
	entry->goal = file->goal;
	entry->collect_ms = file->collect_ms;
	return 0;
}

int gfs_serve_stat(struct gw_rpc_call *call, void *context, const Gfs__StatRequest *request,
		   Gfs__StatReply *reply, struct gw_error *error)
{
	struct gfs_master *master = context;
	const struct gfs_state *state = &master->machine.state;
	struct gw_bytes path;
	struct gfs_file file;
	int code = read_path(call, master, &request->path, request->weak, &path, error);

	if (code < 0)
		return code;
	reply->index = state->applied;
	reply->wall_ms = state->wall_ms;
	if (!gfs_find(state, path, &file))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such file or directory",
			       (int)path.size, (const char *)path.data);
	return entry_of(call, path, &file, &reply->entry, error);
}

/* ---- List ----------------------------------------------------------------------------------- */

struct listing {
	struct gw_rpc_call *call;
	Gfs__ListReply *reply;
	size_t limit, bytes;
	struct gw_error *error;
};

static int listing_begin(struct listing *listing, uint32_t limit)
{
	if (limit == 0 || limit > GFS_LIST_ENTRIES_MAX)
		limit = GFS_LIST_ENTRIES_MAX;
	listing->limit = limit;
	listing->reply->entries = gw_rpc_allocate(listing->call, limit * sizeof(Gfs__Entry *));
	return listing->reply->entries ? 0 : no_memory(listing->error);
}

static int add(struct listing *listing, struct gw_bytes name, const struct gfs_file *file)
{
	Gfs__ListReply *reply = listing->reply;
	int code;

	if (reply->n_entries == listing->limit || listing->bytes > LIST_BYTES_MAX) {
		reply->more = true;
		return LIST_ENDS;
	}
	code = entry_of(listing->call, name, file, &reply->entries[reply->n_entries],
			listing->error);
	if (code < 0)
		return code;
	reply->n_entries++;
	listing->bytes += name.size;
	return 0;
}

static int visit(void *context, struct gw_bytes name, const struct gfs_file *file)
{
	return add(context, name, file);
}

int gfs_serve_list(struct gw_rpc_call *call, void *context, const Gfs__ListRequest *request,
		   Gfs__ListReply *reply, struct gw_error *error)
{
	struct gfs_master *master = context;
	const struct gfs_state *state = &master->machine.state;
	struct listing listing = {.call = call, .reply = reply, .error = error};
	const struct gw_bytes after = {request->after.data, request->after.len};
	struct gw_bytes path;
	int code = read_path(call, master, &request->path, request->weak, &path, error);

	if (code == 0)
		code = listing_begin(&listing, request->limit);
	if (code < 0)
		return code;
	reply->index = state->applied;
	reply->wall_ms = state->wall_ms;
	code = gfs_list(state, path, after, visit, &listing, error);
	assert(reply->n_entries <= listing.limit);
	return code < 0 ? code : 0;
}

static int visit_deleted(void *context, const struct gfs_deleted *deleted)
{
	const struct gfs_file file = {.id = deleted->id};
	struct listing *listing = context;
	int code;

	code = add(listing, deleted->path, &file);
	if (code == 0)
		listing->reply->entries[listing->reply->n_entries - 1]->due_ms = deleted->due_ms;
	return code;
}

int gfs_serve_list_deleted(struct gw_rpc_call *call, void *context,
			   const Gfs__ListRequest *request, Gfs__ListReply *reply,
			   struct gw_error *error)
{
	struct gfs_master *master = context;
	const struct gfs_state *state = &master->machine.state;
	struct listing listing = {.call = call, .reply = reply, .error = error};
	struct gw_bytes path, after = {NULL, 0};
	int code = read_path(call, master, &request->path, request->weak, &path, error);

	if (code == 0 && request->after.len > 0)
		code = gfs_master_path(&request->after, &after, error);
	if (code == 0)
		code = listing_begin(&listing, request->limit);
	if (code < 0)
		return code;
	reply->index = state->applied;
	reply->wall_ms = state->wall_ms;
	code = gfs_list_deleted(state, path, after, visit_deleted, &listing);
	return code < 0 ? code : 0;
}

/* ---- Locate --------------------------------------------------------------------------------- */

static int locate_chunk(struct gw_rpc_call *call, struct gfs_master *master,
			const struct gfs_file *file, uint64_t index, uint32_t slot,
			Gfs__Chunk **chunk, struct gw_error *error)
{
	const struct gfs_state *state = &master->machine.state;
	uint64_t source = gfs_source_of(state, slot);
	struct gfs_set set = {0};

	if (master->cluster)
		gfs_replicas_of(&master->replicas, source ? gfs_slot_of(source) : slot, &set);
	if (master->cluster && set.count == 0)
		master->options.cluster->missing(master, slot, file->chunk_log2);
	return gfs_message_chunk(call, master, index, slot, &set, chunk, error);
}

int gfs_serve_locate(struct gw_rpc_call *call, void *context, const Gfs__LocateRequest *request,
		     Gfs__LocateReply *reply, struct gw_error *error)
{
	struct gfs_master *master = context;
	const struct gfs_state *state = &master->machine.state;
	uint64_t index = request->first, count = request->count ? request->count : 1;
	struct gw_bytes path;
	struct gfs_file file;
	uint32_t slot;
	int code = read_path(call, master, &request->path, request->weak, &path, error);

	if (code == 0)
		code = gfs_find_file(state, path, request->id, &file, error);
	if (code < 0)
		return code;
	if (count > LOCATE_CHUNKS_MAX)
		count = LOCATE_CHUNKS_MAX;
	reply->id = file.id;
	reply->length = file.length;
	reply->chunk_log2 = file.chunk_log2;
	reply->index = state->applied;
	reply->chunks = gw_rpc_allocate(call, count * sizeof(Gfs__Chunk *));
	if (!reply->chunks)
		return no_memory(error);
	for (; code == 0 && gfs_chunk_next(state, file.id, &index, &slot) &&
	       index - request->first < count; index++) {
		code = locate_chunk(call, master, &file, index, slot,
				    &reply->chunks[reply->n_chunks], error);
		if (code == 0)
			reply->n_chunks++;
	}
	return code;
}

/* ---- Status --------------------------------------------------------------------------------- */

static int text_copy(struct gw_rpc_call *call, const char *text, char **out,
		     struct gw_error *error)
{
	*out = gw_rpc_allocate(call, strlen(text) + 1);
	if (!*out)
		return no_memory(error);
	memcpy(*out, text, strlen(text) + 1);
	return 0;
}

int gfs_serve_status(struct gw_rpc_call *call, void *context, const Gfs__StatusRequest *request,
		     Gfs__StatusReply *reply, struct gw_error *error)
{
	const struct gfs_master *master = context;
	const struct gfs_state *state = &master->machine.state;
	struct replog_state log;
	int code;

	(void)request;
	replog_state(master->log, &log);
	reply->term = log.term;
	reply->applied = log.applied;
	reply->wall_ms = log.wall_ms;
	if (gfs_machine_is_whole(&master->machine)) {
		reply->files = state->files;
		reply->directories = state->directories;
		reply->chunks = state->chunks.count;
		if (master->cluster)
			master->options.cluster->status(master, reply);
	}
	code = text_copy(call, replog_role_name(log.role), &reply->role, error);
	if (code == 0)
		code = text_copy(call, log.leader_address, &reply->leader_address, error);
	return code < 0 ? code : text_copy(call, GW_VERSION, &reply->version, error);
}
