/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suspect.c - replicas that were open when power was lost, when no other one is left: what each has
 * is told, and the master settles them on what they have in common.
 */
#include "inside.h"

#include <inttypes.h>

static int find_whole(const struct chunk_server *server, uint64_t handle, struct chunk **chunk,
		      struct gw_error *error)
{
	*chunk = chunk_find(server->store, handle);
	if (!*chunk || (*chunk)->is_partial)
		return chunk_unknown(handle, error);
	if ((*chunk)->is_bad)
		return gw_fail(error, GW_E_CORRUPT, "chunk %" PRIx64 " is bad here", handle);
	return 0;
}

static int add_sums(struct gw_rpc_call *call, struct chunk *chunk, uint64_t length,
		    Gfs__CompareReply *reply, struct gw_error *error)
{
	if (length > chunk->length)
		return gw_fail(error, GW_E_INVALID, "chunk %" PRIx64 " has %" PRIu64
			       " bytes here, not %" PRIu64, chunk->handle, chunk->length, length);
	reply->n_crcs = chunk_block_count(length);
	reply->crcs = gw_rpc_allocate(call, (reply->n_crcs + 1) * sizeof(*reply->crcs));
	if (!reply->crcs)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	return chunk_checksums(chunk, length, reply->crcs, error);
}

int chunk_serve_compare(struct gw_rpc_call *call, void *context,
			const Gfs__CompareRequest *request, Gfs__CompareReply *reply,
			struct gw_error *error)
{
	struct chunk_server *server = context;
	struct chunk *chunk = NULL;
	int result = chunk_server_term(server, request->term, error);

	if (result == 0)
		result = find_whole(server, request->handle, &chunk, error);
	/* How much was synced is in its log. */
	if (result == 0)
		result = chunk_hold(chunk, error);
	if (result < 0)
		return result;
	reply->version = chunk->version;
	reply->length = chunk->length;
	reply->synced = chunk->synced_length;
	reply->suspect = chunk->is_suspect;
	if (request->sums)
		result = add_sums(call, chunk, request->length, reply, error);
	chunk_release(chunk);
	return result;
}

/* Whoever runs the server is to know that bytes were lost. */
static void tell_cut(struct chunk_server *server, const struct chunk *chunk, uint64_t before)
{
	struct gw_error said = {0};

	if (chunk->length == before)
		return;
	(void)gw_fail(&said, GW_E_TRUNCATED,
		      "chunk %" PRIx64 ": all its replicas lost power; of %" PRIu64
		      " bytes here they have %" PRIu64 " in common",
		      chunk->handle, before, chunk->length);
	chunk_server_troubled(server, &said);
}

int chunk_serve_settle(struct gw_rpc_call *call, void *context, const Gfs__SettleRequest *request,
		       Gfs__GrantReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	struct chunk *chunk = NULL;
	uint64_t before;
	int result = chunk_server_term(server, request->term, error);

	(void)call;
	if (result == 0)
		result = find_whole(server, request->handle, &chunk, error);
	if (result == 0)
		result = chunk_hold(chunk, error);
	if (result < 0)
		return result;
	before = chunk->length;
	result = chunk_settle(chunk, request->version, request->length, error);
	if (result == 0)
		tell_cut(server, chunk, before);
	reply->version = chunk->version;
	reply->length = chunk->length;
	chunk_release(chunk);
	return result;
}
