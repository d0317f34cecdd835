/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - writes at an offset, and sync. */
#include "gfs/client/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- Writing --------------------------------------------------------------------------------- */

static int ask_write(struct gfs_client_mutation *mutation, const struct gfs_client_chunk *chunk,
		     const Gfs__DataId *pushed, const struct gw_rpc_call_options *options,
		     struct gw_error *error)
{
	const struct gfs_client_piece *piece = mutation->context;
	Gfs__WriteRequest request = GFS__WRITE_REQUEST__INIT;
	Gfs__DataId id;
	Gfs__WriteReply *reply;
	int code;

	request.handle = chunk->handle;
	request.version = chunk->version;
	request.offset = piece->offset - (chunk->index << mutation->file->chunk_log2);
	request.crc = gfs_client_sum(mutation->data);
	if (pushed) {
		id = *pushed;
		request.data = &id;
	}
	code = chunkserver_write_with(chunk->primary->rpc, &request, options, &reply, error);
	if (code < 0)
		return code;
	gw_rpc_reply_free(reply);
	return 0;
}

static int write_piece(struct gw_gfs_file *file, struct gfs_client_piece *piece,
		       struct gw_error *error)
{
	struct gfs_client_mutation mutation = {
		.file = file,
		.index = piece->offset >> file->chunk_log2,
		.data = {piece->data, piece->size},
		.make = true,
		.ask = ask_write,
		.context = piece,
	};
	struct gfs_client_call call;
	int code;

	gfs_client_begin(file->client, &call);
	code = gfs_client_mutate(&mutation, &call, error);
	if (code == 0) {
		gfs_client_reaches(file, piece->offset + piece->size);
		code = gfs_client_unsynced(file, mutation.index, error);
	}
	return gfs_client_end(&call, code);
}

int gw_gfs_write(struct gw_gfs_file *file, uint64_t offset, struct gw_bytes data,
		 struct gw_error *error)
{
	uint64_t bytes_max = (uint64_t)GFS_FILE_CHUNKS_MAX << file->chunk_log2;
	struct gfs_client_piece *pieces;
	struct gfs_client_call call;
	size_t count;
	int code;

	if (offset > bytes_max || data.size > bytes_max - offset)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%zu bytes at %" PRIu64 ": the file ends at %" PRIu64 " at most",
			       data.size, offset, bytes_max);
	gfs_client_begin(file->client, &call);
	code = gfs_client_pieces(file, offset, (uint8_t *)(uintptr_t)data.data, data.size,
				 write_piece, &pieces, &count, error);
	free(pieces);
	return gfs_client_end(&call, code);
}

/* ---- Sync ------------------------------------------------------------------------------------ */

static int ask_sync(struct gfs_client_mutation *mutation, const struct gfs_client_chunk *chunk,
		    const Gfs__DataId *pushed, const struct gw_rpc_call_options *options,
		    struct gw_error *error)
{
	Gfs__SyncRequest request = GFS__SYNC_REQUEST__INIT;
	Gfs__SyncReply *reply;
	int code;

	assert(!pushed && options->attachment.size == 0);
	request.handle = chunk->handle;
	request.version = chunk->version;
	code = chunkserver_sync_with(chunk->primary->rpc, &request, options, &reply, error);
	if (code < 0)
		return code;
	gfs_client_reaches(mutation->file,
			   (chunk->index << mutation->file->chunk_log2) + reply->length);
	gw_rpc_reply_free(reply);
	return 0;
}

int gw_gfs_sync(struct gw_gfs_file *file, struct gw_error *error)
{
	struct gfs_client_call call;
	int code = 0;

	gfs_client_begin(file->client, &call);
	while (file->unsynced_count > 0 && code == 0) {
		struct gfs_client_mutation mutation = {.file = file, .ask = ask_sync};

		/* Off the list before: what is written meanwhile puts it on again. */
		mutation.index = file->unsynced[--file->unsynced_count];
		code = gfs_client_mutate(&mutation, &call, error);
		if (code < 0 && gfs_client_unsynced(file, mutation.index, NULL) < 0)
			code = gw_fail(error, GW_E_NO_MEMORY, "chunk %" PRIu64
				       " is not synced, and will not be", mutation.index);
	}
	if (code == 0)
		code = gfs_client_report(file, &call, error);
	return gfs_client_end(&call, code);
}
