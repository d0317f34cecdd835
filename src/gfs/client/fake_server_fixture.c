/* SPDX-License-Identifier: Apache-2.0 */
/* fake_server_fixture.c - the chunkservers that the client's tests talk to. */
#include "gfs/client/fake_fixture.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "gfs/common/limits.h"

static int fails(struct fake_server *server, enum fake_call call, bool afterwards,
		 struct gw_error *error)
{
	struct fake_failure *failure = &server->failures[call];

	if (failure->count == 0 || failure->afterwards != afterwards)
		return 0;
	failure->count--;
	return gw_fail(error, failure->code, "the test wants it so");
}

/* The replica of a primary's chunk; version: that of the request. */
static int find(struct fake_server *server, uint64_t handle, uint64_t version,
		struct fake_replica **replica, struct gw_error *error)
{
	*replica = &server->chunks[handle - 1];
	if (!(*replica)->is_there)
		return gw_fail(error, GW_E_NOT_FOUND, "no such chunk here");
	if ((*replica)->version < version)
		return gw_fail(error, GW_E_STALE, "this replica is old");
	return 0;
}

static int find_primary(struct fake_server *server, uint64_t handle, uint64_t version,
			struct fake_replica **replica, struct gw_error *error)
{
	struct fake *fake = server->fake;

	if (fake->chunks[handle - 1].primary != server->id ||
	    fake->chunks[handle - 1].version != version)
		return gw_fail(error, GW_E_STALE, "not the primary of that version");
	return find(server, handle, version, replica, error);
}

/* ---- Data ------------------------------------------------------------------------------------ */

static struct fake_pushed *find_pushed(struct fake_server *server, const Gfs__DataId *id)
{
	for (unsigned i = 0; i < server->pushed_count; i++) {
		if (server->pushed[i].client == id->client &&
		    server->pushed[i].number == id->number)
			return &server->pushed[i];
	}
	return NULL;
}

static void hold(struct fake_server *server, const Gfs__DataId *id, const uint8_t *data,
		 size_t size)
{
	struct fake_pushed *pushed = &server->pushed[server->pushed_count % FAKE_PUSHED];

	assert_true(server->pushed_count < FAKE_PUSHED);
	server->pushed_count++;
	*pushed = (struct fake_pushed){id->client, id->number, malloc(size), size};
	assert_non_null(pushed->bytes);
	memcpy(pushed->bytes, data, size);
}

/* All of the chain are in this process. */
static int serve_push(struct gw_rpc_call *call, void *context, const Gfs__PushRequest *request,
		      Gfs__Nothing *reply, struct gw_error *error)
{
	struct fake_server *server = context;
	int code = fails(server, FAKE_PUSH, false, error);
	uint8_t *data = gw_rpc_allocate(call, GFS_APPEND_BYTES_MAX);
	size_t size = 0;
	int part;

	(void)reply;
	server->calls[FAKE_PUSH]++;
	while ((part = gw_rpc_part_receive(call, data + size, GFS_APPEND_BYTES_MAX - size,
					   error)) > 0)
		size += (size_t)part;
	if (code < 0)
		return code;
	assert_true(size > 0 && part == 0);
	assert_int_equal(base_crc32c(0, data, size), request->crc);
	hold(server, request->data, data, size);
	for (size_t i = 0; i < request->n_chain; i++) {
		struct fake_server *next = &server->fake->servers[request->chain[i]->server - 1];

		if (!next->rpc)
			return gw_fail(error, GW_E_UNREACHABLE, "the chain is broken");
		hold(next, request->data, data, size);
	}
	return 0;
}

/* What a mutation brings: pushed, or with the request. */
static int take_data(struct fake_server *server, struct gw_rpc_call *call, const Gfs__DataId *id,
		     uint32_t crc, struct gw_bytes *data, struct gw_error *error)
{
	uint8_t *inline_data = gw_rpc_allocate(call, GFS_INLINE_BYTES_MAX);
	const struct fake_pushed *pushed;
	int size;

	if (id) {
		pushed = find_pushed(server, id);
		if (!pushed)
			return gw_fail(error, GW_E_NOT_FOUND, "data is not held");
		*data = (struct gw_bytes){pushed->bytes, pushed->size};
	} else {
		size = gw_rpc_part_receive(call, inline_data, GFS_INLINE_BYTES_MAX, error);
		if (size < 0)
			return size;
		*data = (struct gw_bytes){inline_data, (size_t)size};
	}
	assert_int_equal(base_crc32c(0, data->data, data->size), crc);
	return 0;
}

static void grow(const struct fake *fake, struct fake_replica *replica, uint64_t end)
{
	if (!replica->bytes)
		replica->bytes = calloc(1, (size_t)1 << fake->chunk_log2);
	assert_non_null(replica->bytes);
	assert_true(end <= UINT64_C(1) << fake->chunk_log2);
	if (end > replica->length)
		replica->length = (uint32_t)end;
}

/* On all of the set, or here only. */
static void put(struct fake_server *server, uint64_t handle, uint64_t offset, struct gw_bytes data,
		bool only_here)
{
	struct fake *fake = server->fake;

	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		struct fake_replica *replica = &fake->servers[i].chunks[handle - 1];

		if (!(fake->chunks[handle - 1].set & (1u << i)) ||
		    (only_here && &fake->servers[i] != server))
			continue;
		grow(fake, replica, offset + data.size);
		memcpy(replica->bytes + offset, data.data, data.size);
	}
}

/* ---- Mutations ------------------------------------------------------------------------------- */

static int serve_write(struct gw_rpc_call *call, void *context, const Gfs__WriteRequest *request,
		       Gfs__WriteReply *reply, struct gw_error *error)
{
	struct fake_server *server = context;
	struct fake_replica *replica = NULL;
	struct gw_bytes data = {0};
	int code;

	server->calls[FAKE_WRITE]++;
	code = take_data(server, call, request->data, request->crc, &data, error);
	if (code == 0)
		code = fails(server, FAKE_WRITE, false, error);
	if (code == 0)
		code = find_primary(server, request->handle, request->version, &replica, error);
	if (code < 0)
		return code;
	put(server, request->handle, request->offset, data,
	    server->failures[FAKE_WRITE].count > 0 && server->failures[FAKE_WRITE].only_here);
	reply->length = replica->length;
	return fails(server, FAKE_WRITE, true, error);
}

static const struct fake_record *find_record(const struct fake_replica *replica, uint64_t writer,
					     uint64_t sequence)
{
	for (unsigned i = 0; i < replica->record_count; i++) {
		if (replica->records[i].writer == writer &&
		    replica->records[i].sequence == sequence)
			return &replica->records[i];
	}
	return NULL;
}

static void note(struct fake *fake, uint64_t handle, struct fake_record record)
{
	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		struct fake_replica *replica = &fake->servers[i].chunks[handle - 1];

		assert_true(replica->record_count < FAKE_RECORDS);
		if (fake->chunks[handle - 1].set & (1u << i))
			replica->records[replica->record_count++] = record;
	}
}

static int append(struct fake_server *server, const Gfs__AppendRequest *request,
		  struct gw_bytes data, Gfs__AppendReply *reply, struct gw_error *error)
{
	struct fake *fake = server->fake;
	const struct fake_record *record = NULL;
	struct fake_replica *replica = NULL;
	int code = find_primary(server, request->handle, request->version, &replica, error);
	uint64_t chunk_bytes = UINT64_C(1) << fake->chunk_log2;

	if (code < 0)
		return code;
	if (request->writer && !fake->is_blind)
		record = find_record(replica, request->writer, request->sequence);
	if (record && record->fenced)
		return gw_fail(error, GW_E_STALE, "fenced");
	reply->was_done = record != NULL;
	reply->offset = record ? record->offset : replica->length;
	if (record)
		return 0;
	reply->chunk_full = data.size > chunk_bytes - replica->length;
	if (reply->chunk_full) {
		for (unsigned i = 0; i < FAKE_SERVERS; i++)
			grow(fake, &fake->servers[i].chunks[request->handle - 1], chunk_bytes);
		return 0;
	}
	put(server, request->handle, reply->offset, data, false);
	if (request->writer)
		note(fake, request->handle,
		     (struct fake_record){request->writer, request->sequence, reply->offset,
					  false});
	return 0;
}

static int serve_append(struct gw_rpc_call *call, void *context, const Gfs__AppendRequest *request,
			Gfs__AppendReply *reply, struct gw_error *error)
{
	struct fake_server *server = context;
	struct gw_bytes data = {0};
	int code;

	server->calls[FAKE_APPEND]++;
	code = take_data(server, call, request->data, request->crc, &data, error);
	if (code == 0)
		code = fails(server, FAKE_APPEND, false, error);
	if (code == 0)
		code = append(server, request, data, reply, error);
	return code < 0 ? code : fails(server, FAKE_APPEND, true, error);
}

static int serve_outcome(struct gw_rpc_call *call, void *context,
			 const Gfs__OutcomeRequest *request, Gfs__OutcomeReply *reply,
			 struct gw_error *error)
{
	struct fake_server *server = context;
	const struct fake_record *record;
	struct fake_replica *replica = NULL;
	int code = find_primary(server, request->handle, request->version, &replica, error);

	(void)call;
	server->calls[FAKE_OUTCOME]++;
	if (code == 0)
		code = fails(server, FAKE_OUTCOME, false, error);
	if (code < 0)
		return code;
	record = find_record(replica, request->writer, request->sequence);
	reply->done = record && !record->fenced;
	reply->fenced = !reply->done;
	reply->offset = record ? record->offset : 0;
	if (!record)
		note(server->fake, request->handle,
		     (struct fake_record){request->writer, request->sequence, 0, true});
	return 0;
}

static int serve_sync(struct gw_rpc_call *call, void *context, const Gfs__SyncRequest *request,
		      Gfs__SyncReply *reply, struct gw_error *error)
{
	struct fake_server *server = context;
	struct fake_replica *replica = NULL;
	int code = find_primary(server, request->handle, request->version, &replica, error);

	(void)call;
	server->calls[FAKE_SYNC]++;
	if (code == 0)
		code = fails(server, FAKE_SYNC, false, error);
	if (code == 0)
		reply->length = replica->length;
	return code;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void free_copy(void *copy)
{
	free(copy);
}

static void sum(struct gw_rpc_call *call, const Gfs__ReadRequest *request, const uint8_t *data,
		size_t size, Gfs__ReadReply *reply)
{
	reply->crcs = gw_rpc_allocate(call, (size / GFS_BLOCK_BYTES + 2) * sizeof(*reply->crcs));
	for (size_t at = 0; at < size;) {
		size_t n = GFS_BLOCK_BYTES - (request->offset + at) % GFS_BLOCK_BYTES;

		if (n > size - at)
			n = size - at;
		reply->crcs[reply->n_crcs++] = base_crc32c(0, data + at, n);
		at += n;
	}
}

static int serve_read(struct gw_rpc_call *call, void *context, const Gfs__ReadRequest *request,
		      Gfs__ReadReply *reply, struct gw_error *error)
{
	struct fake_server *server = context;
	struct fake_replica *replica = NULL;
	int code = find(server, request->handle, request->version, &replica, error);
	uint64_t left;
	uint8_t *copy;

	server->calls[FAKE_READ]++;
	if (code == 0)
		code = fails(server, FAKE_READ, false, error);
	if (code < 0)
		return code;
	reply->version = replica->version;
	reply->length = replica->length;
	left = request->offset < replica->length ? replica->length - request->offset : 0;
	if (left > request->bytes)
		left = request->bytes;
	if (left == 0)
		return 0;
	copy = malloc(left);
	assert_non_null(copy);
	memcpy(copy, replica->bytes + request->offset, left);
	sum(call, request, copy, left, reply);
	if (server->flips > 0) {
		server->flips--;
		copy[left / 2] ^= 1;
	}
	return gw_rpc_attach(call, (struct gw_bytes){copy, left}, true, free_copy, copy, error);
}

static int serve_length(struct gw_rpc_call *call, void *context, const Gfs__ChunkRequest *request,
			Gfs__ChunkReply *reply, struct gw_error *error)
{
	struct fake_server *server = context;
	struct fake_replica *replica = NULL;
	int code = find(server, request->handle, request->version, &replica, error);

	(void)call;
	if (code < 0)
		return code;
	reply->version = replica->version;
	reply->length = replica->length;
	return 0;
}

const struct chunkserver_handlers fake_chunkserver = {
	.push = serve_push,
	.write = serve_write,
	.append = serve_append,
	.outcome = serve_outcome,
	.sync = serve_sync,
	.read = serve_read,
	.length = serve_length,
};
