/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - reading: pieces from the nearest replicas, the next one when one fails.
 *
 * A piece that comes short is the end of the file, or a gap that was never written, or came of a
 * replica that has missed something and is believed because its place is: when more is known to be
 * behind it, it is read once more from places that are asked for now. What is short then is a gap.
 */
#include "gfs/client/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"

/* ---- One replica ----------------------------------------------------------------------------- */

/* The bytes against their checksums: one for each part of a block. */
static bool is_sound(const Gfs__ReadReply *reply, uint64_t offset, const uint8_t *data, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < reply->n_crcs && at < size; i++) {
		size_t n = GFS_BLOCK_BYTES - (offset + at) % GFS_BLOCK_BYTES;

		if (n > size - at)
			n = size - at;
		if (base_crc32c(0, data + at, n) != reply->crcs[i])
			return false;
		at += n;
	}
	return at == size;
}

/* is_old: the replica knows of a later version than the chunk's. */
static int ask(struct gfs_client_server *server, const struct gfs_client_chunk *chunk,
	       uint64_t offset, struct gfs_client_piece *piece, bool *is_old,
	       struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = gfs_client_attempt_ns(server),
		.reply_attachment = piece->data,
		.reply_attachment_max = piece->size,
		.reply_attachment_bytes = &piece->got,
	};
	Gfs__ReadRequest request = GFS__READ_REQUEST__INIT;
	Gfs__ReadReply *reply;
	int code;

	request.handle = chunk->source ? chunk->source : chunk->handle;
	request.version = chunk->source ? chunk->source_version : chunk->version;
	request.offset = offset;
	request.bytes = (uint32_t)piece->size;
	piece->got = 0;
	code = chunkserver_read_with(server->rpc, &request, &options, &reply, error);
	gfs_client_attempted(server, options.deadline_ns, code);
	if (code < 0) {
		piece->got = 0;
		return code;
	}
	if (!is_sound(reply, offset, piece->data, piece->got))
		code = gw_fail(error, GW_E_CORRUPT,
			       "chunk %" PRIx64 " at %s: wrong checksum at %" PRIu64 " to %" PRIu64,
			       request.handle, server->address, offset, offset + piece->got);
	*is_old = reply->version > request.version;
	gw_rpc_reply_free(reply);
	return code;
}

int gw_gfs_read_replica(struct gw_gfs_client *client, const struct gw_gfs_chunk *chunk,
			const struct gw_gfs_place *place, uint64_t offset, void *buffer,
			size_t size, size_t *bytes, struct gw_error *error)
{
	const struct gfs_client_chunk wanted = {.handle = chunk->handle,
						.version = chunk->version,
						.source = chunk->source,
						.source_version = chunk->source_version};
	struct gfs_client_piece piece = {.size = size, .data = buffer};
	Gfs__Place from;
	struct gfs_client_server *server;
	bool is_old;
	int code;

	*bytes = 0;
	if (size > GW_GFS_PIECE_BYTES)
		return gw_fail(error, GW_E_TOO_LARGE, "%zu bytes of one replica: %d is the limit",
			       size, GW_GFS_PIECE_BYTES);
	gfs__place__init(&from);
	from.server = place->server;
	from.address = (char *)(uintptr_t)place->address; /* messages know no const */
	from.rack = (char *)(uintptr_t)place->rack;
	server = gfs_client_server(client, &from);
	if (!server)
		return gw_fail(error, GW_E_INVALID, "a chunkserver at '%s'", place->address);
	code = ask(server, &wanted, offset, &piece, &is_old, error);
	if (code == 0)
		*bytes = piece.got;
	return code;
}

/* ---- One piece ------------------------------------------------------------------------------- */

static bool is_damage(int code)
{
	return code == GW_E_CORRUPT || code == GW_E_IO;
}

/* From one replica after the other. 1: it came; 0: there is no such chunk. */
static int read_once(struct gw_gfs_file *file, struct gfs_client_piece *piece, bool fresh,
		     struct gw_error *error)
{
	uint64_t index = piece->offset >> file->chunk_log2;
	uint64_t offset = piece->offset - (index << file->chunk_log2);
	struct gfs_client_chunk chunk;
	bool is_old = false, is_damaged = true;
	int code = gfs_client_locate(file, index, fresh, &chunk, error);

	piece->got = 0;
	if (code <= 0)
		return code;
	code = gw_fail(error, GW_E_UNREACHABLE, "chunk %" PRIx64 " has no replica now",
		       chunk.handle);
	gfs_client_sort(file->client, chunk.places, chunk.place_count);
	for (uint32_t i = 0; i < chunk.place_count; i++) {
		code = ask(chunk.places[i], &chunk, offset, piece, &is_old, error);
		if (code == 0 && is_old)
			gfs_client_forget(file, index);
		if (code == 0)
			return 1;
		is_damaged = is_damaged && is_damage(code);
		gfs_client_avoid(chunk.places[i]);
	}
	gfs_client_forget(file, index);
	if (code == GW_E_CANCELLED || (fresh && is_damaged && chunk.place_count > 0))
		return code;
	if (error)
		error->code = GW_E_UNREACHABLE; /* places change, and so may the answer */
	return GW_E_UNREACHABLE;
}

static int read_again(struct gw_gfs_file *file, struct gfs_client_piece *piece, bool fresh,
		      struct gw_error *error)
{
	struct gfs_client_call call;
	int code;

	gfs_client_begin(file->client, &call);
	do {
		code = read_once(file, piece, fresh, error);
		fresh = true;
	} while (gfs_client_again(&call, code, error));
	return gfs_client_end(&call, code < 0 ? code : 0);
}

static int read_piece(struct gw_gfs_file *file, struct gfs_client_piece *piece,
		      struct gw_error *error)
{
	return read_again(file, piece, false, error);
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* What others have added, or this program before it opened the file, is behind what this handle
 * knows: whoever comes to the end asks where it is, now and then. */
static int learn_end(struct gw_gfs_file *file, struct gw_error *error)
{
	uint64_t asked_ns = gw_now_ns(), index;
	struct gfs_client_call call;
	int code;

	if (gfs_client_believes(file->end_asked_ns))
		return 0;
	gfs_client_begin(file->client, &call);
	do
		code = gfs_client_last(file, &index, error);
	while (gfs_client_again(&call, code, error));
	if (code == 0)
		file->end_asked_ns = asked_ns;
	return gfs_client_end(&call, code);
}

static bool is_short(const struct gfs_client_piece *pieces, size_t count)
{
	return count > 0 && pieces[count - 1].got < pieces[count - 1].size;
}

/* Fills gaps, and finds the end. */
static int settle(struct gw_gfs_file *file, struct gfs_client_piece *pieces, size_t count,
		  size_t *bytes, struct gw_error *error)
{
	uint64_t end;
	int result = is_short(pieces, count) ? learn_end(file, error) : 0;

	*bytes = 0;
	if (result < 0)
		return result;
	end = file->end; /* known before any place is asked for anew */
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].got > 0 && pieces[i].offset + pieces[i].got > end)
			end = pieces[i].offset + pieces[i].got;
	}
	for (size_t i = 0; i < count; i++) {
		struct gfs_client_piece *piece = &pieces[i];
		uint64_t border = ((piece->offset >> file->chunk_log2) + 1) << file->chunk_log2;
		bool has_more = piece->got < piece->size && piece->offset + piece->got < end;
		int code = has_more ? read_again(file, piece, true, error) : 0;

		if (code < 0)
			return code;
		if (piece->got < piece->size && border <= end) {
			memset(piece->data + piece->got, 0, piece->size - piece->got);
			piece->got = piece->size;
		}
		*bytes += piece->got;
		if (piece->got < piece->size)
			return 0;
	}
	return 0;
}

int gw_gfs_read(struct gw_gfs_file *file, uint64_t offset, void *buffer, size_t size, size_t *bytes,
		struct gw_error *error)
{
	struct gfs_client_call call;
	struct gfs_client_piece *pieces;
	size_t count;
	int code;

	*bytes = 0;
	if (offset >= GFS_FILE_BYTES_MAX || size > GFS_FILE_BYTES_MAX - offset)
		return gw_fail(error, GW_E_INVALID,
			       "%zu bytes from %" PRIu64 " on: no file is so long", size, offset);
	gfs_client_begin(file->client, &call);
	code = gfs_client_pieces(file, offset, buffer, size, read_piece, &pieces, &count, error);
	if (code == 0)
		code = settle(file, pieces, count, bytes, error);
	free(pieces);
	if (code == 0)
		gfs_client_reaches(file, offset + *bytes);
	return gfs_client_end(&call, code);
}
