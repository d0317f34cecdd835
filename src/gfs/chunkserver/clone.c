/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone.c - a replica is made of another one: of another server's, or of our own for a chunk that
 * two files share no longer. Checksums are tested where the bytes leave and where they arrive, and
 * the new replica has no version, and is gone at a restart, until all of it is on the disk.
 */
#include "inside.h"

#include "base/crc32c.h"
#include "io/rare.h"

#include <stdlib.h>

enum { CLONE_MS = 30000 /* of one piece */ };

/* Where the bytes come from. */
struct source {
	struct chunk_server *server;
	uint64_t handle, version;
	struct chunk *chunk;          /* ours, held; NULL: */
	struct gw_rpc_client *client;
	uint8_t *buffer;              /* of a piece */
	struct gw_bytes bytes;        /* in it */
	uint64_t length;
};

static int moved_on(const struct source *source, uint64_t version, struct gw_error *error)
{
	return gw_fail(error, GW_E_STALE, "chunk %llx went from version %llu to %llu meanwhile",
		       (unsigned long long)source->handle, (unsigned long long)source->version,
		       (unsigned long long)version);
}

/* ---- From another server --------------------------------------------------------------------- */

/* How large the chunk may be. */
static int ask_size(const struct source *source, uint8_t *chunk_log2, struct gw_error *error)
{
	Gfs__ChunkRequest request = GFS__CHUNK_REQUEST__INIT;
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(CLONE_MS)};
	Gfs__ChunkReply *reply = NULL;
	int result;

	request.handle = source->handle;
	request.version = source->version;
	result = chunkserver_length_with(source->client, &request, &options, &reply, error);
	if (result == 0)
		*chunk_log2 = reply->chunk_log2 <= GFS_CHUNK_LOG2_MAX ? (uint8_t)reply->chunk_log2
								      : 0;
	gw_rpc_reply_free(reply);
	return result;
}

static int check_pieces(const struct source *source, uint64_t offset, const Gfs__ReadReply *reply,
			struct gw_error *error)
{
	const uint8_t *at = source->bytes.data;
	size_t left = source->bytes.size;

	if (left > 0 && reply->n_crcs != chunk_blocks_of(offset, left))
		return gw_fail(error, GW_E_CORRUPT, "%zu checksums for %zu bytes", reply->n_crcs,
			       left);
	for (size_t i = 0; left > 0; i++) {
		size_t room = GFS_BLOCK_BYTES - (size_t)(offset % GFS_BLOCK_BYTES);
		size_t size = left < room ? left : room;

		if (base_crc32c(0, at, size) != reply->crcs[i] &&
		    !IO_BUG(source->server->io, "gfs.clone-unchecked"))
			return gw_fail(error, GW_E_CORRUPT,
				       "chunk %llx: bytes arrived with another checksum at %llu",
				       (unsigned long long)source->handle,
				       (unsigned long long)offset);
		at += size;
		offset += size;
		left -= size;
	}
	return 0;
}

static int fetch(struct source *source, uint64_t offset, struct gw_error *error)
{
	Gfs__ReadRequest request = GFS__READ_REQUEST__INIT;
	struct gw_rpc_call_options options = {
		.deadline_ns = gw_after_ms(CLONE_MS),
		.reply_attachment = source->buffer,
		.reply_attachment_max = GFS_PIECE_BYTES_MAX,
		.reply_attachment_bytes = &source->bytes.size,
	};
	Gfs__ReadReply *reply = NULL;
	int result;

	source->bytes = (struct gw_bytes){source->buffer, 0};
	request.handle = source->handle;
	request.version = source->version;
	request.offset = offset;
	request.bytes = GFS_PIECE_BYTES_MAX;
	request.for_clone = true;
	result = chunkserver_read_with(source->client, &request, &options, &reply, error);
	if (result == 0 && reply->version != source->version)
		result = moved_on(source, reply->version, error);
	if (result == 0)
		result = check_pieces(source, offset, reply, error);
	if (result == 0)
		source->length = reply->length;
	gw_rpc_reply_free(reply);
	return result;
}

static struct chunk_completion completion_of(const Gfs__Completion *wire)
{
	return (struct chunk_completion){
		.writer = wire->writer,
		.sequence = wire->sequence,
		.offset = wire->offset,
		.bytes = wire->bytes,
		.kind = wire->floor ? CHUNK_FLOOR : wire->fenced ? CHUNK_FENCED : CHUNK_DONE,
	};
}

static int note(struct chunk *chunk, const struct chunk_completion *completion,
		struct gw_error *error)
{
	const struct chunk_mutation mutation = {.what = CHUNK_NOTE, .completion = *completion};

	return chunk_mutate(chunk, 0, &mutation, 1, error);
}

static int fetch_completions(const struct source *source, struct chunk *chunk,
			     struct gw_error *error)
{
	Gfs__ChunkRequest request = GFS__CHUNK_REQUEST__INIT;
	Gfs__CompletionsReply *reply = NULL;
	int result;

	request.handle = source->handle;
	request.version = source->version;
	result = chunkserver_completions(source->client, &request, &reply, error);
	for (size_t i = 0; result == 0 && i < reply->n_completions; i++) {
		struct chunk_completion one = completion_of(reply->completions[i]);

		if (one.writer == 0)
			result = gw_fail(error, GW_E_INVALID, "an append of nobody");
		else
			result = note(chunk, &one, error);
	}
	gw_rpc_reply_free(reply);
	return result;
}

/* ---- From ourselves -------------------------------------------------------------------------- */

static int read_own(struct source *source, uint64_t offset, struct gw_error *error)
{
	if (source->chunk->version != source->version)
		return moved_on(source, source->chunk->version, error);
	source->length = source->chunk->length;
	return chunk_read(source->chunk, offset, GFS_PIECE_BYTES_MAX, source->buffer,
			  &source->bytes, NULL, error);
}

static int copy_completions(const struct source *source, struct chunk *chunk,
			    struct gw_error *error)
{
	const struct chunk_state *state = &source->chunk->state;
	int result = 0;

	for (size_t i = 0; i < state->completion_count && result == 0; i++)
		result = note(chunk, &state->completions[i], error);
	return result;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* No faster than told. */
static int pace(uint64_t begun_ns, uint64_t bytes, uint64_t bytes_per_second)
{
	if (bytes_per_second == 0)
		return 0;
	return gw_sleep_until(begun_ns + bytes * 1000 / bytes_per_second * 1000000);
}

static int fill(struct source *source, struct chunk *chunk, uint64_t bytes_per_second,
		struct gw_error *error)
{
	uint64_t at = 0, begun_ns = gw_now_ns();
	int result = 0;

	do {
		struct chunk_mutation write = {.offset = at};

		result = source->chunk ? read_own(source, at, error) : fetch(source, at, error);
		if (result < 0 || source->bytes.size == 0)
			break;
		write.data = source->bytes;
		result = chunk_mutate(chunk, 0, &write, 1, error);
		at += source->bytes.size;
		if (result == 0)
			result = pace(begun_ns, at, bytes_per_second);
	} while (result == 0 && at < source->length);
	if (result < 0)
		return result;
	return source->chunk ? copy_completions(source, chunk, error) :
			       fetch_completions(source, chunk, error);
}

static int complete(struct chunk *chunk, uint64_t version, struct gw_error *error)
{
	int result = chunk_sync(chunk, false, error);

	if (result == 0)
		result = chunk_grant(chunk, version, error);
	return result < 0 ? result : chunk_sync(chunk, true, error);
}

static int make(struct source *source, uint64_t handle, uint8_t chunk_log2, uint64_t version,
		uint64_t bytes_per_second, struct gw_error *error)
{
	struct chunk *chunk = NULL;
	int result = chunk_create(source->server->store, handle, chunk_log2, 0, &chunk, error);

	if (result < 0)
		return result;
	result = chunk_hold(chunk, error);
	if (result < 0) {
		/* It may have been dropped. */
		chunk = chunk_find(source->server->store, handle);
		if (chunk && chunk->is_partial)
			(void)!chunk_drop(chunk, NULL);
		return result;
	}
	source->server->clones++;
	result = fill(source, chunk, bytes_per_second, error);
	if (result == 0)
		result = complete(chunk, version, error);
	source->server->clones--;
	if (result < 0)
		(void)!chunk_drop(chunk, NULL);
	chunk_release(chunk);
	return result;
}

/* Whether what is here already will do: 1; 0: nothing is, or it is to make way. */
static int look(const struct chunk_server *server, uint64_t handle, uint64_t version,
		struct gw_error *error)
{
	const struct chunk *chunk = chunk_find(server->store, handle);

	if (!chunk)
		return 0;
	if (chunk->is_partial)
		return gw_fail(error, GW_E_BUSY, "chunk %llx is being cloned",
			       (unsigned long long)handle);
	return chunk->version >= version && !chunk->is_bad && !chunk->is_suspect;
}

static int clear_way(struct chunk_server *server, uint64_t handle, struct gw_error *error)
{
	struct chunk *chunk = chunk_find(server->store, handle);

	if (!chunk)
		return 0;
	grant_end(chunk, UINT64_MAX);
	return chunk_drop(chunk, error);
}

static void answer(const struct chunk_server *server, uint64_t handle, Gfs__GrantReply *reply)
{
	const struct chunk *chunk = chunk_find(server->store, handle);

	reply->version = chunk ? chunk->version : 0;
	reply->length = chunk ? chunk->length : 0;
}

static int take_buffer(struct source *source, struct gw_error *error)
{
	source->buffer = malloc(chunk_read_bytes(0, GFS_PIECE_BYTES_MAX));
	return source->buffer ? 0 : gw_fail(error, GW_E_NO_MEMORY, "out of memory");
}

/* All of it can be had there, and is what its checksums say. */
static int prove(struct source *source, uint64_t bytes_per_second, struct gw_error *error)
{
	uint64_t at = 0, begun_ns = gw_now_ns();
	int result;

	do {
		result = fetch(source, at, error);
		at += source->bytes.size;
		if (result == 0 && source->bytes.size > 0)
			result = pace(begun_ns, at, bytes_per_second);
	} while (result == 0 && source->bytes.size > 0 && at < source->length);
	return result;
}

/* What is here, and is stale, bad or suspect, may be all that is left if the source is no good: it
 * makes way when that has proved to be good, not before. */
static int clone_from(struct source *source, const Gfs__CloneRequest *request,
		      const char *address, struct gw_error *error)
{
	uint8_t chunk_log2 = 0;
	int result = chunk_server_peer(source->server, address, &source->client, error);

	if (result == 0)
		result = ask_size(source, &chunk_log2, error);
	if (result == 0 && chunk_find(source->server->store, request->handle))
		result = prove(source, request->bytes_per_second, error);
	if (result == 0)
		result = look(source->server, request->handle, request->version, error);
	if (result == 0) {
		result = clear_way(source->server, request->handle, error);
		if (result == 0)
			result = make(source, request->handle, chunk_log2, request->version,
				      request->bytes_per_second, error);
	}
	return result;
}

int chunk_serve_clone(struct gw_rpc_call *call, void *context, const Gfs__CloneRequest *request,
		      Gfs__GrantReply *reply, struct gw_error *error)
{
	struct source source = {
		.server = context, .handle = request->handle, .version = request->version};
	int result = chunk_server_term(source.server, request->term, error);

	(void)call;
	if (result == 0 && (request->n_from == 0 || request->version == 0))
		result = gw_fail(error, GW_E_INVALID, "a clone of nothing");
	if (result == 0)
		result = look(source.server, request->handle, request->version, error);
	if (result == 0 && take_buffer(&source, error) < 0)
		result = GW_E_NO_MEMORY;
	/* The next one when the first does not serve. */
	for (size_t i = 0; source.buffer && i < request->n_from; i++) {
		result = clone_from(&source, request, request->from[i]->address, error);
		if (result >= 0 || result == GW_E_CANCELLED)
			break;
	}
	free(source.buffer);
	answer(source.server, request->handle, reply);
	return result < 0 ? result : 0;
}

/* Of ourselves. */
static int copy(struct source *source, const Gfs__CopyRequest *request, struct gw_error *error)
{
	int result = look(source->server, request->handle, request->version, error);

	if (result != 0)
		return result;
	source->chunk = chunk_find(source->server->store, request->source);
	if (!source->chunk || source->chunk->is_suspect || request->version == 0)
		return chunk_unknown(request->source, error);
	result = chunk_hold(source->chunk, error);
	if (result < 0)
		return result;
	result = clear_way(source->server, request->handle, error);
	if (result == 0)
		result = take_buffer(source, error);
	if (result == 0)
		result = make(source, request->handle, source->chunk->chunk_log2, request->version,
			      0, error);
	free(source->buffer);
	chunk_release(source->chunk);
	return result;
}

int chunk_serve_copy(struct gw_rpc_call *call, void *context, const Gfs__CopyRequest *request,
		     Gfs__GrantReply *reply, struct gw_error *error)
{
	struct source source = {.server = context,
				.handle = request->source,
				.version = request->source_version};
	int result = chunk_server_term(source.server, request->term, error);

	(void)call;
	if (result == 0)
		result = copy(&source, request, error);
	answer(source.server, request->handle, reply);
	return result < 0 ? result : 0;
}
