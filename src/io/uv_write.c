/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_write.c - what was written to a stream is sent, once a turn and in order. A request that was
 * sent in part goes on at piece backend[1], byte backend[2].
 */
#include "io/uv_stream.h"

#include <errno.h>

static struct real_stream *stream_of(struct io_request *request)
{
	return (struct real_stream *)request->u.net.object;
}

void real_stream_dirty(struct real_stream *stream)
{
	if (stream->dirty || stream->blocked)
		return;
	stream->dirty = true;
	stream->socket.uses++;
	stream->next_dirty = stream->socket.io->dirty;
	stream->socket.io->dirty = stream;
}

void real_stream_submit(struct io_uv *io, struct io_request *request)
{
	struct real_stream *stream;

	if (request->operation == IO_OPERATION_CONNECT) {
		real_stream_connect(io, request);
		return;
	}
	stream = stream_of(request);
	real_socket_use(&stream->socket, request);
	if (stream->broken) {
		real_end(io, request, GW_E_CLOSED, 0);
		return;
	}
	request->backend[1] = 0;
	request->backend[2] = 0;
	request->backend_state = REAL_STATE_WAITING;
	real_push(&stream->writes, request);
	real_stream_dirty(stream);
}

static void fail_all(struct real_stream *stream, int os_error)
{
	struct io_request *request;

	while ((request = real_pop(&stream->writes)) != NULL) {
		if (os_error)
			real_end_errno(stream->socket.io, request, os_error);
		else
			real_end(stream->socket.io, request, GW_E_CLOSED, 0);
	}
}

/* Whether a byte of it was sent. */
static bool begun(const struct io_request *request)
{
	for (size_t i = 0; i < request->backend[1]; i++)
		if (request->u.net.pieces[i].size > 0)
			return true;
	return request->backend[2] > 0;
}

void real_stream_cancel(struct io_uv *io, struct io_request *request)
{
	struct real_stream *stream;

	if (request->operation == IO_OPERATION_CONNECT) {
		stream = (struct real_stream *)(uintptr_t)request->backend[0];
		assert(stream->connect == request);
		stream->connect = NULL;
		real_end(io, request, GW_E_CANCELLED, 0);
		return;
	}
	stream = stream_of(request);
	real_remove(&stream->writes, request);
	real_end(io, request, GW_E_CANCELLED, 0);
	if (!begun(request))
		return;
	/* A part of it is on its way: whatever followed would be taken for the rest. */
	stream->broken = true;
	fail_all(stream, 0);
}

/* The bytes to send next, of as many requests as fit; stops at a shutdown. */
static size_t gather(const struct real_stream *stream, struct iovec *vector, size_t *size)
{
	const struct io_request *request = stream->writes.first;
	size_t used = 0;

	*size = 0;
	for (; request && request->operation == IO_OPERATION_WRITEV; request = request->next) {
		size_t offset = request->backend[2];

		for (size_t i = request->backend[1]; i < request->u.net.count; i++) {
			const struct gw_bytes *piece = &request->u.net.pieces[i];

			if (used == IO_PIECES_MAX)
				return used;
			if (piece->size > offset) {
				vector[used].iov_base = (char *)(uintptr_t)piece->data + offset;
				vector[used++].iov_len = piece->size - offset;
				*size += piece->size - offset;
			}
			offset = 0;
		}
	}
	return used;
}

/* So many bytes of the queue were sent: ends the requests that this completes. */
static void advance(struct real_stream *stream, size_t sent)
{
	struct io_request *request;

	while ((request = stream->writes.first) && request->operation == IO_OPERATION_WRITEV) {
		while (request->backend[1] < request->u.net.count) {
			size_t left = request->u.net.pieces[request->backend[1]].size -
				      request->backend[2];

			if (sent < left) {
				request->backend[2] += sent;
				return;
			}
			sent -= left;
			request->backend[1]++;
			request->backend[2] = 0;
		}
		real_remove(&stream->writes, request);
		real_end(stream->socket.io, request, 0, 0);
	}
	assert(sent == 0);
}

/* Sends once; false: no more can be sent now. */
static bool send_once(struct real_stream *stream)
{
	struct iovec vector[IO_PIECES_MAX];
	size_t size, count = gather(stream, vector, &size);
	ssize_t sent = 0;

	if (count > 0) {
		do
			sent = stream->socket.engine->send(&stream->socket, vector, count);
		while (sent == -EINTR);
	}
	if (sent == -EAGAIN)
		sent = 0;
	if (sent < 0) {
		fail_all(stream, (int)-sent);
		return false;
	}
	assert((size_t)sent <= size);
	advance(stream, (size_t)sent);
	stream->blocked = (size_t)sent < size;
	return !stream->blocked;
}

static void send_all(struct real_stream *stream)
{
	while (stream->writes.first && !stream->socket.closed) {
		struct io_request *request = stream->writes.first;
		int wrong;

		if (request->operation == IO_OPERATION_WRITEV) {
			if (!send_once(stream))
				break;
			continue;
		}
		wrong = stream->socket.engine->shutdown(&stream->socket);
		real_remove(&stream->writes, request);
		if (wrong < 0)
			real_end_errno(stream->socket.io, request, -wrong);
		else
			real_end(stream->socket.io, request, 0, 0);
	}
	if (stream->blocked && !stream->socket.closed)
		real_socket_want(&stream->socket, REAL_SOCKET_WRITE);
}

void real_streams_flush(struct io_uv *io)
{
	while (io->dirty) {
		struct real_stream *stream = io->dirty;

		io->dirty = stream->next_dirty;
		stream->dirty = false;
		send_all(stream);
		real_socket_unuse(&stream->socket);
	}
}
