/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_write.c - the sending half of TLS. Requests queue up; their bytes are encrypted as long as
 * the kernel has not much to take, into chunks that are sent in order. A request is done when the
 * chunk with its last byte is.
 */
#include "rpc/tls.h"

#include <openssl/err.h>

#include <assert.h>
#include <stdlib.h>

/* Cipher text on its way to the kernel. */
struct chunk {
	struct io_request request;
	struct rpc_tls *tls;
	struct io_request *last; /* requests up to this one are done with it; or NULL */
	struct gw_bytes piece;
	uint8_t bytes[];
};

/* ---- Requests ----------------------------------------------------------------------------- */

static void append(struct rpc_tls *tls, struct io_request *request)
{
	request->next = NULL;
	if (tls->last)
		tls->last->next = request;
	else
		tls->first = request;
	tls->last = request;
	if (!tls->plain) {
		tls->plain = request;
		tls->piece = 0;
		tls->piece_used = 0;
	}
}

static void finish_first(struct rpc_tls *tls, int result)
{
	struct io_request *request = tls->first;

	tls->first = request->next;
	if (!tls->first)
		tls->last = NULL;
	if (tls->plain == request)
		tls->plain = request->next;
	request->next = NULL;
	request->result = result;
	io_finish(request);
}

void rpc_tls_end_writes(struct rpc_tls *tls)
{
	assert(tls->busy > 0 && (tls->closing || tls->failed));
	while (tls->first)
		finish_first(tls, tls->closing ? GW_E_CANCELLED : tls->failed);
}

/* ---- Chunks ------------------------------------------------------------------------------- */

static void chunk_done(struct io_request *request, int result)
{
	struct chunk *chunk = request->data;
	struct rpc_tls *tls = chunk->tls;
	struct io_request *last = chunk->last;

	assert(tls->chunks > 0 && tls->bytes_under_way >= chunk->piece.size);
	tls->chunks--;
	tls->bytes_under_way -= chunk->piece.size;
	free(chunk);
	tls->busy++;
	if (result < 0)
		rpc_tls_fail(tls, result, NULL);
	while (result == 0 && last && tls->first && !tls->closing && !tls->failed) {
		bool is_last = tls->first == last;

		finish_first(tls, 0);
		if (is_last)
			break;
	}
	tls->busy--;
	rpc_tls_drive(tls);
}

void rpc_tls_flush(struct rpc_tls *tls, struct io_request *last)
{
	size_t size = BIO_ctrl_pending(tls->out);
	struct chunk *chunk = NULL;

	if (size == 0 || !tls->stream)
		return;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk) {
		rpc_tls_fail(tls, GW_E_NO_MEMORY, NULL);
		return;
	}
	*chunk = (struct chunk){.tls = tls, .last = last};
	chunk->request.data = chunk;
	size_t got = 0;
	int read = BIO_read_ex(tls->out, chunk->bytes, size, &got);

	assert(read == 1 && got == size);
	chunk->piece = (struct gw_bytes){chunk->bytes, size};
	tls->chunks++;
	tls->bytes_under_way += size;
	io_writev(tls->io, &chunk->request, tls->stream, &chunk->piece, 1, chunk_done);
}

/* ---- Encryption --------------------------------------------------------------------------- */

/* Goes on by size bytes of the current piece; at the request's end to the next one, and true. */
static bool advance(struct rpc_tls *tls, size_t size)
{
	const struct gw_bytes *pieces = tls->plain->u.net.pieces;

	tls->piece_used += size;
	assert(tls->piece_used <= pieces[tls->piece].size);
	while (tls->piece < tls->plain->u.net.count &&
	       tls->piece_used == pieces[tls->piece].size) {
		tls->piece++;
		tls->piece_used = 0;
	}
	if (tls->piece < tls->plain->u.net.count)
		return false;
	tls->plain = tls->plain->next;
	tls->piece = 0;
	return true;
}

static struct gw_bytes rest_of_piece(const struct rpc_tls *tls)
{
	const struct gw_bytes *piece = &tls->plain->u.net.pieces[tls->piece];

	return (struct gw_bytes){(const uint8_t *)piece->data + tls->piece_used,
				 piece->size - tls->piece_used};
}

/* The plain text of the next record: a stretch of one piece, or several put together. *last is set
 * to the request that it ends, the last of them. */
static struct gw_bytes next_record(struct rpc_tls *tls, struct io_request **last)
{
	struct gw_bytes record = {tls->shared->record, 0};
	struct gw_bytes rest = rest_of_piece(tls);
	struct io_request *request = tls->plain;

	if (rest.size >= RPC_TLS_RECORD_BYTES) {
		rest.size = RPC_TLS_RECORD_BYTES;
		if (advance(tls, rest.size))
			*last = request;
		return rest;
	}
	while (tls->plain && record.size < RPC_TLS_RECORD_BYTES) {
		rest = rest_of_piece(tls);
		request = tls->plain;
		if (rest.size > RPC_TLS_RECORD_BYTES - record.size)
			rest.size = RPC_TLS_RECORD_BYTES - record.size;
		if (rest.size > 0)
			memcpy(tls->shared->record + record.size, rest.data, rest.size);
		record.size += rest.size;
		if (advance(tls, rest.size))
			*last = request;
	}
	return record;
}

void rpc_tls_encrypt(struct rpc_tls *tls)
{
	struct io_request *last = NULL;

	ERR_clear_error();
	while (tls->plain && !tls->failed && !tls->closing &&
	       tls->bytes_under_way + BIO_ctrl_pending(tls->out) < RPC_TLS_AHEAD_BYTES) {
		struct gw_bytes record = next_record(tls, &last);
		size_t written = 0;
		int result = SSL_write_ex(tls->ssl, record.data, record.size, &written);

		if (result != 1) {
			rpc_tls_fail_ssl(tls, result);
			return;
		}
		assert(written == record.size);
	}
	rpc_tls_flush(tls, last);
}

void rpc_tls_writev(struct rpc_transport *transport, struct io_request *request,
		    const struct gw_bytes *pieces, uint32_t count, io_done *done)
{
	struct rpc_tls *tls = (struct rpc_tls *)transport;
	size_t size = 0;

	for (uint32_t i = 0; i < count; i++)
		size += pieces[i].size;
	assert(size > 0 && !tls->closing);
	io_net_begin(request, IO_OPERATION_WRITEV, tls, tls->name, done);
	request->u.net.pieces = pieces;
	request->u.net.count = count;
	append(tls, request);
	if (tls->failed)
		rpc_tls_wake(tls);
	else
		rpc_tls_encrypt(tls);
}
