/* SPDX-License-Identifier: Apache-2.0 */
/* fake_fixture.c - the master that the client's tests talk to. */
#include "gfs/client/fake_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "gfs/common/limits.h"

static ProtobufCBinaryData bytes(const char *text)
{
	return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static int refuse(struct fake *fake, struct gw_error *error)
{
	if (fake->refusals == 0)
		return 0;
	fake->refusals--;
	return gw_fail(error, fake->refuse, "not now");
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

static Gfs__Chunk *chunk_of(struct fake *fake, struct gw_rpc_call *call, uint64_t index)
{
	Gfs__Chunk *chunk = gw_rpc_allocate(call, sizeof(*chunk));

	gfs__chunk__init(chunk);
	chunk->index = index;
	chunk->handle = index + 1;
	chunk->version = fake->chunks[index].version;
	chunk->places = gw_rpc_allocate(call, FAKE_SERVERS * sizeof(*chunk->places));
	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		Gfs__Place *place = gw_rpc_allocate(call, sizeof(*place));

		if (!(fake->chunks[index].set & (1u << i)))
			continue;
		gfs__place__init(place);
		place->server = fake->servers[i].id;
		place->address = fake->servers[i].address;
		place->rack = (char *)(uintptr_t)fake->servers[i].rack;
		chunk->places[chunk->n_places++] = place;
	}
	return chunk;
}

static Gfs__Lease *lease_of(struct fake *fake, struct gw_rpc_call *call, uint64_t index)
{
	Gfs__Lease *lease = gw_rpc_allocate(call, sizeof(*lease));

	gfs__lease__init(lease);
	lease->chunk = chunk_of(fake, call, index);
	lease->primary = fake->chunks[index].primary;
	return lease;
}

/* A version more, to those of the set that live. */
static int grant(struct fake *fake, uint64_t index, struct gw_error *error)
{
	uint32_t set = 0, primary = 0;

	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		if (fake->servers[i].rpc && (fake->chunks[index].version == 0 ||
					     fake->chunks[index].set & (1u << i)))
			set |= 1u << i;
	}
	if (__builtin_popcount(set) < GFS_GRANT_REPLICAS_MIN)
		return gw_fail(error, GW_E_UNREACHABLE, "too few replicas live");
	fake->chunks[index].version++;
	fake->chunks[index].set = set;
	for (unsigned i = FAKE_SERVERS; i > 0; i--) {
		struct fake_replica *replica = &fake->servers[i - 1].chunks[index];

		if (!(set & (1u << (i - 1))))
			continue;
		replica->is_there = true;
		replica->version = fake->chunks[index].version;
		primary = fake->servers[i - 1].id;
	}
	fake->chunks[index].primary = primary;
	return 0;
}

static int serve_lease(struct gw_rpc_call *call, void *context, const Gfs__LeaseRequest *request,
		       Gfs__LeaseReply *reply, struct gw_error *error)
{
	struct fake *fake = context;
	int code = refuse(fake, error);

	fake->leases++;
	fake->failed_version = request->failed_version;
	if (code < 0)
		return code;
	if (request->index >= FAKE_CHUNKS || fake->chunks[request->index].version == 0)
		return gw_fail(error, GW_E_NOT_FOUND, "no such chunk");
	if (request->failed_version == fake->chunks[request->index].version)
		code = grant(fake, request->index, error);
	reply->lease = lease_of(fake, call, request->index);
	return code;
}

static int serve_add_chunk(struct gw_rpc_call *call, void *context,
			   const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
			   struct gw_error *error)
{
	struct fake *fake = context;
	int code = refuse(fake, error);

	fake->adds++;
	if (code < 0)
		return code;
	if (request->index >= FAKE_CHUNKS)
		return gw_fail(error, GW_E_TOO_LARGE, "the fake has few chunks");
	if (fake->chunks[request->index].version == 0 ||
	    request->failed_version == fake->chunks[request->index].version)
		code = grant(fake, request->index, error);
	reply->lease = lease_of(fake, call, request->index);
	return code;
}

static int serve_locate(struct gw_rpc_call *call, void *context, const Gfs__LocateRequest *request,
			Gfs__LocateReply *reply, struct gw_error *error)
{
	struct fake *fake = context;
	int code = refuse(fake, error);
	uint64_t end = request->first + (request->count ? request->count : 1);

	fake->locates++;
	if (code < 0)
		return code;
	if (!fake->exists)
		return gw_fail(error, GW_E_NOT_FOUND, "no such file");
	reply->id = FAKE_ID;
	reply->length = fake->length;
	reply->chunk_log2 = fake->chunk_log2;
	reply->chunks = gw_rpc_allocate(call, FAKE_CHUNKS * sizeof(*reply->chunks));
	for (uint64_t i = request->first; i < end && i < FAKE_CHUNKS; i++) {
		if (fake->chunks[i].version > 0)
			reply->chunks[reply->n_chunks++] = chunk_of(fake, call, i);
	}
	return 0;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static int serve_create(struct gw_rpc_call *call, void *context, const Gfs__CreateRequest *request,
			Gfs__CreateReply *reply, struct gw_error *error)
{
	struct fake *fake = context;
	int code = refuse(fake, error);

	if (code < 0)
		return code;
	reply->existed = fake->exists;
	reply->id = FAKE_ID;
	if (fake->exists)
		return request->or_open ? 0 : gw_fail(error, GW_E_EXISTS, "it is there");
	fake->exists = true;
	reply->index = 5;
	if (request->with_chunk) {
		code = grant(fake, 0, error);
		reply->lease = lease_of(fake, call, 0);
	}
	return code;
}

static int serve_length(struct gw_rpc_call *call, void *context, const Gfs__LengthRequest *request,
			Gfs__ChangeReply *reply, struct gw_error *error)
{
	struct fake *fake = context;

	(void)call;
	(void)error;
	fake->length = request->length;
	reply->index = 6;
	return 0;
}

static int serve_stat(struct gw_rpc_call *call, void *context, const Gfs__StatRequest *request,
		      Gfs__StatReply *reply, struct gw_error *error)
{
	struct fake *fake = context;

	(void)error;
	(void)request;
	reply->entry = gw_rpc_allocate(call, sizeof(*reply->entry));
	gfs__entry__init(reply->entry);
	reply->entry->id = FAKE_ID;
	reply->entry->length = fake->length;
	reply->entry->chunk_log2 = fake->chunk_log2;
	reply->index = 9;
	return 0;
}

static int serve_list(struct gw_rpc_call *call, void *context, const Gfs__ListRequest *request,
		      Gfs__ListReply *reply, struct gw_error *error)
{
	Gfs__Entry *entry = gw_rpc_allocate(call, sizeof(*entry));

	(void)context;
	(void)error;
	gfs__entry__init(entry);
	entry->path = request->after.len ? request->after : bytes("first");
	entry->kind = GFS__KIND__DIRECTORY;
	reply->entries = gw_rpc_allocate(call, sizeof(*reply->entries));
	reply->entries[0] = entry;
	reply->n_entries = 1;
	reply->more = request->limit == 1;
	return 0;
}

/* Says what it was asked, so that the test sees what travels. */
static int serve_rename(struct gw_rpc_call *call, void *context, const Gfs__RenameRequest *request,
			Gfs__ChangeReply *reply, struct gw_error *error)
{
	struct fake *fake = context;
	int code = refuse(fake, error);

	(void)call;
	reply->index = request->from.len;
	reply->id = request->replace ? request->to.len : 0;
	return code;
}

static int serve_truncate(struct gw_rpc_call *call, void *context,
			  const Gfs__TruncateRequest *request, Gfs__ChangeReply *reply,
			  struct gw_error *error)
{
	struct fake *fake = context;

	(void)call;
	(void)error;
	fake->length = request->length;
	for (uint64_t i = request->length >> fake->chunk_log2; i < FAKE_CHUNKS; i++)
		fake->chunks[i].version = 0;
	reply->index = 8;
	return 0;
}

/* ---- Writers --------------------------------------------------------------------------------- */

static int serve_open_writer(struct gw_rpc_call *call, void *context,
			     const Gfs__OpenWriterRequest *request, Gfs__WriterReply *reply,
			     struct gw_error *error)
{
	(void)call;
	(void)context;
	(void)request;
	(void)error;
	reply->writer = 3;
	reply->keep_ms = 3;
	return 0;
}

static int serve_keep_writer(struct gw_rpc_call *call, void *context,
			     const Gfs__WriterRequest *request, Gfs__WriterReply *reply,
			     struct gw_error *error)
{
	struct fake *fake = context;

	(void)call;
	fake->keeps++;
	reply->writer = request->writer;
	reply->keep_ms = 3;
	return fake->keep_code ? gw_fail(error, fake->keep_code, "it has ended") : 0;
}

static const struct master_handlers master = {
	.create = serve_create,
	.rename = serve_rename,
	.truncate = serve_truncate,
	.stat = serve_stat,
	.list = serve_list,
	.locate = serve_locate,
	.lease = serve_lease,
	.add_chunk = serve_add_chunk,
	.length = serve_length,
	.open_writer = serve_open_writer,
	.keep_writer = serve_keep_writer,
};

/* ---- Begin and end --------------------------------------------------------------------------- */

static void start(struct fake *fake, unsigned i)
{
	struct fake_server *server = &fake->servers[i];
	struct gw_error error = {0};

	server->fake = fake;
	server->id = i + 1;
	server->rack = i == 0 ? "here" : "there";
	assert_int_equal(gw_rpc_server_new(&server->rpc, NULL, &error), 0);
	assert_int_equal(chunkserver_serve(server->rpc, &fake_chunkserver, server, NULL, &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(server->rpc, "127.0.0.1:0", &error), 0);
	(void)snprintf(server->address, sizeof(server->address), "%s",
		       gw_rpc_server_address(server->rpc));
}

void fake_begin(struct fake *fake, unsigned chunk_log2, const struct gw_gfs_client_options *options)
{
	struct gw_error error = {0};

	*fake = (struct fake){.chunk_log2 = chunk_log2};
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		start(fake, i);
	assert_int_equal(gw_rpc_server_new(&fake->rpc, NULL, &error), 0);
	assert_int_equal(master_serve(fake->rpc, &master, fake, NULL, &error), 0);
	assert_int_equal(gw_rpc_server_listen(fake->rpc, "127.0.0.1:0", &error), 0);
	assert_int_equal(gw_gfs_client_new(&fake->client, gw_rpc_server_address(fake->rpc),
					   options, &error), 0);
}

void fake_kill(struct fake_server *server)
{
	gw_rpc_server_free(server->rpc);
	server->rpc = NULL;
}

static void discard(struct fake_server *server)
{
	for (unsigned i = 0; i < FAKE_CHUNKS; i++)
		free(server->chunks[i].bytes);
	for (unsigned i = 0; i < server->pushed_count; i++)
		free(server->pushed[i].bytes);
}

void fake_end(struct fake *fake)
{
	gw_gfs_client_free(fake->client);
	gw_rpc_server_free(fake->rpc);
	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		fake_kill(&fake->servers[i]);
		discard(&fake->servers[i]);
	}
}

struct gw_gfs_file *fake_open(struct fake *fake)
{
	const struct gw_gfs_open open = {.create = true, .chunk_log2 = fake->chunk_log2};
	struct gw_error error = {0};
	struct gw_gfs_file *file;

	assert_int_equal(gw_gfs_open(&file, fake->client, gw_string("/f"), &open, &error), 0);
	return file;
}

void fake_run_in_a_task(void **state)
{
	assert_int_equal(gw_run((gw_task_function *)*state, NULL, NULL, NULL), 0);
}
