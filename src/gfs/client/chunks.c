/* SPDX-License-Identifier: Apache-2.0 */
/* chunks.c - where the chunks of a file are and who is primary of them, as the masters said. */
#include "gfs/client/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/allocate.h"

/* ---- What is remembered ---------------------------------------------------------------------- */

/* The place of an index in the list, or where it would be. */
static size_t place_of(const struct gw_gfs_file *file, uint64_t index)
{
	size_t low = 0, high = file->chunk_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->chunks[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct gfs_client_chunk *find(const struct gw_gfs_file *file, uint64_t index)
{
	size_t at = place_of(file, index);

	return at < file->chunk_count && file->chunks[at].index == index ? &file->chunks[at] : NULL;
}

/* The entry of an index, empty if it is new. */
static struct gfs_client_chunk *remember(struct gw_gfs_file *file, uint64_t index)
{
	size_t at = place_of(file, index);
	struct gfs_client_chunk *chunks;

	if (at < file->chunk_count && file->chunks[at].index == index)
		return &file->chunks[at];
	if (file->chunk_count == GFS_CLIENT_CHUNKS_MAX) {
		file->chunk_count = 0; /* they are asked for again */
		at = 0;
	}
	chunks = base_grow(file->chunks, sizeof(*chunks), &file->chunk_capacity,
			   file->chunk_count + 1);
	if (!chunks)
		return NULL;
	file->chunks = chunks;
	memmove(&chunks[at + 1], &chunks[at], (file->chunk_count - at) * sizeof(*chunks));
	file->chunk_count++;
	chunks[at] = (struct gfs_client_chunk){.index = index};
	return &chunks[at];
}

void gfs_client_forget(struct gw_gfs_file *file, uint64_t index)
{
	struct gfs_client_chunk *chunk = find(file, index);

	if (!chunk)
		return;
	chunk->asked_ns = 0;
	chunk->primary = NULL;
}

bool gfs_client_believes(uint64_t asked_ns)
{
	return asked_ns != 0 && gw_now_ns() - asked_ns < GW_GFS_LOCATION_MS * UINT64_C(1000000);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static bool is_placed(const struct gfs_client_chunk *chunk, const struct gfs_client_server *server)
{
	for (uint32_t i = 0; i < chunk->place_count; i++) {
		if (chunk->places[i] == server)
			return true;
	}
	return false;
}

/* asked_ns: before the question was asked. */
static int take_chunk(struct gw_gfs_file *file, const Gfs__Chunk *from, uint64_t asked_ns,
		      struct gfs_client_chunk **out, struct gw_error *error)
{
	struct gfs_client_chunk *chunk = remember(file, from->index);

	if (!chunk)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for places of chunks");
	if (chunk->handle != from->handle || chunk->version != from->version)
		chunk->primary = NULL;
	chunk->handle = from->handle;
	chunk->version = from->version;
	chunk->source = from->source;
	chunk->source_version = from->source_version;
	chunk->asked_ns = asked_ns;
	chunk->place_count = 0;
	for (size_t i = 0; i < from->n_places && chunk->place_count < GFS_CLIENT_PLACES_MAX; i++) {
		struct gfs_client_server *server = gfs_client_server(file->client, from->places[i]);

		if (!server)
			return gw_fail(error, GW_E_INVALID, "a chunkserver at '%s'",
				       from->places[i]->address);
		chunk->places[chunk->place_count++] = server;
	}
	/* A primary that is not heard of any more is not written to. */
	if (!is_placed(chunk, chunk->primary))
		chunk->primary = NULL;
	*out = chunk;
	return 0;
}

static int take_lease(struct gw_gfs_file *file, const Gfs__Lease *lease, uint64_t asked_ns,
		      struct gfs_client_chunk **out, struct gw_error *error)
{
	int code;

	if (!lease || !lease->chunk)
		return gw_fail(error, GW_E_CORRUPT, "a lease without a chunk");
	code = take_chunk(file, lease->chunk, asked_ns, out, error);
	if (code < 0)
		return code;
	(*out)->primary = NULL;
	for (uint32_t i = 0; i < (*out)->place_count; i++) {
		if ((*out)->places[i]->id == lease->primary)
			(*out)->primary = (*out)->places[i];
	}
	(*out)->leased_ns = asked_ns;
	return (*out)->primary ? 0 : gw_fail(error, GW_E_CORRUPT, "a lease without its primary");
}

int gfs_client_take_lease(struct gw_gfs_file *file, const Gfs__Lease *lease, struct gw_error *error)
{
	struct gfs_client_chunk *chunk;

	return take_lease(file, lease, gw_now_ns(), &chunk, error);
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* Chunks from first on; *last (may be NULL) is the last index that came. 1: some did. */
static int ask_places(struct gw_gfs_file *file, uint64_t first, uint32_t count, uint64_t *last,
		      struct gw_error *error)
{
	Gfs__LocateRequest request = GFS__LOCATE_REQUEST__INIT;
	uint64_t asked_ns = gw_now_ns();
	struct gfs_client_chunk *chunk;
	Gfs__LocateReply *reply;
	int code;

	request.path = gfs_client_bytes(file->path);
	request.id = file->id;
	request.first = first;
	request.count = count;
	code = master_locate(file->client->masters, &request, &reply, error);
	if (code < 0)
		return code;
	gfs_client_reaches(file, reply->length);
	if (reply->length > file->reported)
		file->reported = reply->length;
	for (size_t i = 0; i < reply->n_chunks && code == 0; i++) {
		code = take_chunk(file, reply->chunks[i], asked_ns, &chunk, error);
		/* Whoever made it may not have told a length yet; what is before it is the file. */
		gfs_client_reaches(file, reply->chunks[i]->index << file->chunk_log2);
		if (last)
			*last = reply->chunks[i]->index;
	}
	if (code == 0)
		code = reply->n_chunks > 0;
	gw_rpc_reply_free(reply);
	return code;
}

int gfs_client_locate(struct gw_gfs_file *file, uint64_t index, bool fresh,
		      struct gfs_client_chunk *chunk, struct gw_error *error)
{
	const struct gfs_client_chunk *known = find(file, index);
	int code;

	if (!known || fresh || !gfs_client_believes(known->asked_ns)) {
		gfs_client_forget(file, index);
		code = ask_places(file, index, fresh ? 1 : GFS_CLIENT_LOCATE, NULL, error);
		if (code < 0)
			return code;
		known = find(file, index);
	}
	if (!known || known->asked_ns == 0)
		return 0; /* it did not come */
	*chunk = *known;
	return 1;
}

static int ask_lease(struct gw_gfs_file *file, uint64_t index, uint64_t failed_version, bool make,
		     struct gfs_client_chunk **chunk, struct gw_error *error)
{
	Gfs__LeaseRequest request = GFS__LEASE_REQUEST__INIT;
	struct gw_rpc_client *masters = file->client->masters;
	uint64_t asked_ns = gw_now_ns();
	Gfs__LeaseReply *reply;
	int code;

	request.path = gfs_client_bytes(file->path);
	request.id = file->id;
	request.index = index;
	request.failed_version = failed_version;
	code = make ? master_add_chunk(masters, &request, &reply, error)
		    : master_lease(masters, &request, &reply, error);
	if (code < 0)
		return code;
	code = take_lease(file, reply->lease, asked_ns, chunk, error);
	gw_rpc_reply_free(reply);
	return code;
}

int gfs_client_lease(struct gw_gfs_file *file, uint64_t index, uint64_t failed_version, bool make,
		     struct gfs_client_chunk *chunk, struct gw_error *error)
{
	struct gfs_client_chunk *known = find(file, index);
	bool is_there = known && known->handle != 0;
	int code;

	if (known && known->primary && failed_version < known->version &&
	    gfs_client_believes(known->leased_ns)) {
		*chunk = *known;
		return 0;
	}
	code = ask_lease(file, index, failed_version, make && !is_there, &known, error);
	if (code == GW_E_NOT_FOUND && make && is_there)
		code = ask_lease(file, index, failed_version, true, &known, error);
	if (code == 0)
		*chunk = *known;
	return code;
}

/* ---- The end of a file ----------------------------------------------------------------------- */

int gfs_client_last(struct gw_gfs_file *file, uint64_t *index, struct gw_error *error)
{
	uint64_t first = file->end ? (file->end - 1) >> file->chunk_log2 : 0, last;
	bool is_cut = false;
	int code;

	*index = first;
	do {
		code = ask_places(file, first, GFS_CLIENT_LOCATE, &last, error);
		if (code == 1) {
			*index = last;
			first = last + 1;
		} else if (code == 0 && first == *index && first > 0 && !is_cut) {
			is_cut = true; /* it was longer; its last chunk may be any */
			*index = first = 0;
			code = 1;
		}
	} while (code == 1);
	return code;
}

static int ask_length(struct gfs_client_server *server, const Gfs__ChunkRequest *request,
		      uint64_t *length, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = gfs_client_attempt_ns(server)};
	Gfs__ChunkReply *reply;
	int code = chunkserver_length_with(server->rpc, request, &options, &reply, error);

	gfs_client_attempted(server, options.deadline_ns, code);
	if (code < 0) {
		gfs_client_avoid(server);
		return code;
	}
	*length = reply->length;
	gw_rpc_reply_free(reply);
	return 0;
}

int gfs_client_chunk_length(struct gw_gfs_file *file, uint64_t index, uint64_t *length,
			    struct gw_error *error)
{
	Gfs__ChunkRequest request = GFS__CHUNK_REQUEST__INIT;
	struct gfs_client_chunk chunk;
	int code = gfs_client_locate(file, index, true, &chunk, error);

	*length = 0;
	if (code <= 0)
		return code;
	request.handle = chunk.source ? chunk.source : chunk.handle;
	request.version = chunk.source ? chunk.source_version : chunk.version;
	code = gw_fail(error, GW_E_UNREACHABLE, "chunk %" PRIx64 " has no replica now",
		       request.handle);
	gfs_client_sort(file->client, chunk.places, chunk.place_count);
	for (uint32_t i = 0; i < chunk.place_count && code < 0; i++)
		code = ask_length(chunk.places[i], &request, length, error);
	if (code == 0) {
		*length += index << file->chunk_log2;
		return 1;
	}
	if (error)
		error->code =
			GW_E_UNREACHABLE; /* whatever it was, another replica may tell later */
	return GW_E_UNREACHABLE;
}
