/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_data.c - bytes by themselves: pushed from server to server while they arrive, and read.
 */
#include "inside.h"

#include "base/crc32c.h"
#include "io/rare.h"

#include <stdlib.h>

enum { PART_BYTES = 64 << 10 };

/* ---- Coming ---------------------------------------------------------------------------------- */

static int check_crc(const struct held_data *data, uint32_t crc, struct gw_error *error)
{
	if (data->crc == crc)
		return 0;
	return gw_fail(error, GW_E_CORRUPT, "%zu bytes arrived with another checksum", data->size);
}

/* Receives all; each part goes on to `next`, which may be NULL. */
static int receive_parts(struct gw_rpc_call *call, struct held_data *data, struct gw_rpc_call *next,
			 int *of_next, struct gw_error *error)
{
	size_t at = 0;

	while (at < data->size) {
		size_t left = data->size - at;
		int result = gw_rpc_part_receive(call, data->bytes + at,
						 left < PART_BYTES ? left : PART_BYTES, error);

		if (result == 0)
			return gw_fail(error, GW_E_TRUNCATED, "%zu bytes of %zu came", at,
				       data->size);
		if (result < 0)
			return result;
		data->crc = base_crc32c(data->crc, data->bytes + at, (size_t)result);
		if (next && *of_next == 0)
			*of_next = gw_rpc_part_send(
				next, (struct gw_bytes){data->bytes + at, (size_t)result}, NULL);
		at += (size_t)result;
	}
	return 0;
}

static int announced(struct gw_rpc_call *call, size_t bytes_max, size_t *size,
		     struct gw_error *error)
{
	uint64_t bytes;
	int result = gw_rpc_attachment_size(call, &bytes, error);

	if (result < 0)
		return result;
	if (bytes > bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE, "%llu bytes at once, the limit is %zu",
			       (unsigned long long)bytes, bytes_max);
	*size = (size_t)bytes;
	return 0;
}

int chunk_receive(struct gw_rpc_call *call, size_t bytes_max, uint32_t crc,
		  struct held_data **data, struct gw_error *error)
{
	size_t size = 0;
	int of_next = 0, result = announced(call, bytes_max, &size, error);

	if (result < 0)
		return result;
	*data = held_data_new(size);
	if (!*data)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	result = receive_parts(call, *data, NULL, &of_next, error);
	if (result == 0)
		result = check_crc(*data, crc, error);
	if (result < 0) {
		held_data_unref(*data);
		*data = NULL;
	}
	return result;
}

/* Opens the call that carries the bytes to the next of the chain. */
static int open_next(struct chunk_server *server, const Gfs__PushRequest *request, size_t bytes,
		     struct gw_rpc_call **next, struct gw_error *error)
{
	Gfs__PushRequest onward = GFS__PUSH_REQUEST__INIT;
	struct gw_rpc_call_options options = {.attachment_bytes = bytes,
					      .attachment_is_checked = true};
	struct gw_rpc_client *client;
	int result = chunk_server_peer(server, request->chain[0]->address, &client, error);

	if (result < 0)
		return result;
	onward.data = request->data;
	onward.crc = request->crc;
	onward.chain = request->chain + 1;
	onward.n_chain = request->n_chain - 1;
	return chunkserver_push_open(client, &onward, &options, next, error);
}

static int end_next(struct gw_rpc_call *next, int of_parts, struct gw_error *error)
{
	Gfs__Nothing *reply = NULL;
	int result;

	(void)of_parts; /* the call's own end says more */
	result = chunkserver_push_finish(next, &reply, error);
	gw_rpc_reply_free(reply);
	return result;
}

/* All of the bytes, of which there are so many, and at all of the chain. */
static int receive_push(struct chunk_server *server, struct gw_rpc_call *call,
			const Gfs__PushRequest *request, size_t size, struct gw_error *error)
{
	struct gw_rpc_call *next = NULL;
	struct held_data *data = held_data_new(size);
	int of_next = 0, result = 0;

	if (!data)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	if (request->n_chain > 0)
		result = open_next(server, request, data->size, &next, error);
	if (result == 0)
		result = receive_parts(call, data, next, &of_next, error);
	if (result == 0)
		result = check_crc(data, request->crc, error);
	if (result == 0) {
		data->id[0] = request->data->client;
		data->id[1] = request->data->number;
		result = held_put(&server->held, data, error);
	}
	held_data_unref(data);
	if (result == 0 && next)
		return end_next(next, of_next, error);
	gw_rpc_abandon(next);
	return result;
}

int chunk_serve_push(struct gw_rpc_call *call, void *context, const Gfs__PushRequest *request,
		     Gfs__Nothing *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	size_t size = 0;
	int result;

	(void)reply;
	if (!request->data || request->data->number == 0 || request->n_chain > GFS_GOAL_MAX)
		return gw_fail(error, GW_E_INVALID, "a push without id or with too long a chain");
	result = announced(call, GFS_APPEND_BYTES_MAX, &size, error);
	if (result == 0)
		result = held_expect(&server->held, size, error);
	if (result < 0)
		return result;
	chunk_call_begin(server);
	result = receive_push(server, call, request, size, error);
	chunk_call_end(server);
	held_expect_end(&server->held, size);
	return result;
}

/* ---- Going ----------------------------------------------------------------------------------- */

/* A replica that may be read: of this version or above. Held by the caller's call only. */
static int find_readable(const struct chunk_server *server, uint64_t handle, uint64_t version,
			 struct chunk **chunk, struct gw_error *error)
{
	*chunk = chunk_find(server->store, handle);
	if (!*chunk || (*chunk)->is_partial)
		return chunk_unknown(handle, error);
	if ((*chunk)->is_suspect)
		return gw_fail(error, GW_E_STALE, "chunk %llx lost power and was not compared",
			       (unsigned long long)handle);
	if ((*chunk)->version < version && !IO_BUG(server->io, "gfs.stale-read"))
		return gw_fail(error, GW_E_STALE, "chunk %llx is at version %llu, not %llu",
			       (unsigned long long)handle, (unsigned long long)(*chunk)->version,
			       (unsigned long long)version);
	return 0;
}

static int serve_read(struct chunk_server *server, struct gw_rpc_call *call,
		      const Gfs__ReadRequest *request, Gfs__ReadReply *reply,
		      struct gw_error *error)
{
	struct chunk *chunk;
	struct gw_bytes out;
	uint8_t *buffer;
	int result = find_readable(server, request->handle, request->version, &chunk, error);

	if (result < 0)
		return result;
	if (request->bytes > GFS_PIECE_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a read of %u bytes", request->bytes);
	buffer = malloc(chunk_read_bytes(request->offset, request->bytes) + 1);
	reply->crcs = gw_rpc_allocate(
		call, (request->bytes / GFS_BLOCK_BYTES + 2) * sizeof(*reply->crcs));
	reply->version = chunk->version;
	reply->length = chunk->length;
	if (!buffer || !reply->crcs)
		result = gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	if (result == 0)
		result = chunk_read(chunk, request->offset, request->bytes, buffer, &out,
				    reply->crcs, error);
	if (result < 0 || out.size == 0) {
		free(buffer);
		return result;
	}
	reply->n_crcs = chunk_blocks_of(request->offset, out.size);
	return gw_rpc_attach(call, out, true, free, buffer, error);
}

int chunk_serve_read(struct gw_rpc_call *call, void *context, const Gfs__ReadRequest *request,
		     Gfs__ReadReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	int result;

	if (request->for_clone)
		return serve_read(server, call, request, reply, error);
	chunk_call_begin(server);
	result = serve_read(server, call, request, reply, error);
	chunk_call_end(server);
	return result;
}

int chunk_serve_length(struct gw_rpc_call *call, void *context, const Gfs__ChunkRequest *request,
		       Gfs__ChunkReply *reply, struct gw_error *error)
{
	struct chunk *chunk;
	int result = find_readable(context, request->handle, request->version, &chunk, error);

	(void)call;
	if (result < 0)
		return result;
	reply->version = chunk->version;
	reply->length = chunk->length;
	reply->chunk_log2 = chunk->chunk_log2;
	return 0;
}

static void fill_completion(Gfs__Completion *out, const struct chunk_completion *one)
{
	gfs__completion__init(out);
	out->writer = one->writer;
	out->sequence = one->sequence;
	out->offset = one->offset;
	out->bytes = one->bytes;
	out->fenced = one->kind == CHUNK_FENCED;
	out->floor = one->kind == CHUNK_FLOOR;
}

int chunk_serve_completions(struct gw_rpc_call *call, void *context,
			    const Gfs__ChunkRequest *request, Gfs__CompletionsReply *reply,
			    struct gw_error *error)
{
	struct chunk *chunk;
	Gfs__Completion *items;
	size_t count;
	int result = find_readable(context, request->handle, request->version, &chunk, error);

	if (result == 0)
		result = chunk_hold(chunk, error);
	if (result < 0)
		return result;
	count = chunk->state.completion_count;
	items = gw_rpc_allocate(call, count * sizeof(*items) + 1);
	reply->completions = gw_rpc_allocate(call, count * sizeof(items) + 1);
	if (!items || !reply->completions) {
		chunk_release(chunk);
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	}
	reply->n_completions = count;
	for (size_t i = 0; i < count; i++) {
		fill_completion(&items[i], &chunk->state.completions[i]);
		reply->completions[i] = &items[i];
	}
	chunk_release(chunk);
	return 0;
}
