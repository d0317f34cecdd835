/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_stream.c - see uv_stream.h: the life of a stream and its reading; uv_write.c sends.
 */
#include "io/uv_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct real_stream *stream_of(struct real_socket *socket)
{
	return (struct real_stream *)((char *)socket - offsetof(struct real_stream, socket));
}

/* ---- Reading ------------------------------------------------------------------------------ */

static void set_reader(struct real_stream *stream, struct io_reader *reader)
{
	stream->socket.io->readers += (reader != NULL);
	stream->socket.io->readers -= (stream->reader != NULL);
	stream->reader = reader;
}

/* True: the kernel may have more, and the reader wants it. The callbacks may close the stream; its
 * memory stays until the loop has let go of it. */
static bool read_once(struct real_stream *stream, size_t *done)
{
	struct io_reader *reader = stream->reader;
	struct io_buffer buffer = reader->buffer(reader);
	size_t limit = REAL_READ_BYTES_MAX;
	ssize_t size;

	if (stream->socket.closed || stream->reader != reader)
		return false; /* started again with another one: at the next event */
	if (buffer.size == 0) {
		set_reader(stream, NULL);
		return false;
	}
	do
		size = stream->socket.engine->receive(&stream->socket, buffer.data, buffer.size);
	while (size == -EINTR);
	if (size == -EAGAIN)
		return false;
	assert(size <= (ssize_t)buffer.size);
	if (size <= 0) {
		set_reader(stream, NULL);
		reader->read(reader, size == 0 ? 0 : real_code((int)-size));
		return false;
	}
	if (reader->turn_bytes > 0 && reader->turn_bytes < limit)
		limit = reader->turn_bytes;
	*done += (size_t)size;
	reader->read(reader, size > INT32_MAX ? INT32_MAX : (int)size);
	/* Less than there was room for: that was all. */
	return (size_t)size == buffer.size && *done < limit;
}

static void read_ready(struct real_stream *stream)
{
	size_t done = 0;

	for (int i = 0; i < REAL_READS_MAX; i++) {
		if (stream->socket.closed || !stream->reader || !read_once(stream, &done))
			return;
	}
}

void real_stream_read_start(struct io *io, struct io_stream *stream, struct io_reader *reader)
{
	struct real_stream *uv = (struct real_stream *)stream;

	(void)io;
	assert(reader && reader->buffer && reader->read);
	set_reader(uv, reader);
	real_socket_want(&uv->socket, REAL_SOCKET_READ);
}

void real_stream_read_stop(struct io *io, struct io_stream *stream)
{
	(void)io;
	set_reader((struct real_stream *)stream, NULL);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void connected(struct real_stream *stream)
{
	struct io_request *request = stream->connect;
	int wrong = 0;
	socklen_t size = sizeof(wrong);

	if (getsockopt(stream->socket.fd, SOL_SOCKET, SO_ERROR, &wrong, &size) < 0)
		wrong = errno;
	stream->connect = NULL;
	if (wrong)
		real_end_errno(stream->socket.io, request, wrong);
	else
		real_end(stream->socket.io, request, 0, 0);
}

static void stream_ready(struct real_socket *socket, unsigned events)
{
	struct real_stream *stream = stream_of(socket);

	if (stream->connect) {
		connected(stream);
		return;
	}
	if (events & REAL_SOCKET_WRITE) {
		stream->blocked = false;
		if (stream->writes.first)
			real_stream_dirty(stream);
		else
			real_socket_unwant(socket, REAL_SOCKET_WRITE);
	}
	if (!(events & REAL_SOCKET_READ))
		return;
	if (!stream->reader) {
		real_socket_unwant(socket, REAL_SOCKET_READ);
		return;
	}
	read_ready(stream);
	/* After an error the engine has stopped looking; what is left is still to be read. */
	if (!socket->closed && stream->reader)
		real_socket_want(socket, REAL_SOCKET_READ);
}

static void stream_destroy(struct real_socket *socket)
{
	struct real_stream *stream = stream_of(socket);

	assert(!stream->reader && !stream->connect && !stream->writes.first);
	free(stream);
}

static void stream_close(struct real_socket *socket)
{
	real_stream_close(&socket->io->io, &stream_of(socket)->stream, false);
}

struct real_stream *real_stream_new(struct io_uv *io, int fd, const struct io_address *peer,
				    const char *name, int *wrong)
{
	struct real_stream *stream = calloc(1, sizeof(*stream));
	int yes = 1;

	if (!stream) {
		close(fd);
		*wrong = -ENOMEM;
		return NULL;
	}
	stream->peer = *peer;
	if (name)
		snprintf(stream->name, sizeof(stream->name), "%s", name);
	else
		real_address_text(peer, stream->name);
	stream->stream.name = stream->name;
	stream->socket.ready = stream_ready;
	stream->socket.destroy = stream_destroy;
	stream->socket.close = stream_close;
	/* Fails for UNIX sockets, which do not wait for more to send either. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	*wrong = real_socket_open(&stream->socket, io, fd);
	if (*wrong < 0) {
		free(stream);
		return NULL;
	}
	return stream;
}

void real_stream_close(struct io *io, struct io_stream *stream, bool reset)
{
	struct real_stream *uv = (struct real_stream *)stream;
	struct linger none = {.l_onoff = 1, .l_linger = 0};

	assert(!uv->connect);
	set_reader(uv, NULL);
	while (uv->writes.first) {
		struct io_request *request = real_pop(&uv->writes);

		request->state = IO_REQUEST_CANCELLED;
		real_end(real_of(io), request, GW_E_CANCELLED, 0);
	}
	if (reset)
		(void)setsockopt(uv->socket.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	real_socket_close(&uv->socket);
}

void real_stream_peer(struct io *io, struct io_stream *stream, struct io_peer *peer)
{
	struct real_stream *uv = (struct real_stream *)stream;
	struct ucred ids;
	socklen_t ids_size = sizeof(ids);

	(void)io;
	memset(peer, 0, sizeof(*peer));
	peer->address = uv->peer;
	if (peer->address.family != IO_FAMILY_UNIX ||
	    getsockopt(uv->socket.fd, SOL_SOCKET, SO_PEERCRED, &ids, &ids_size) < 0)
		return;
	peer->has_ids = true;
	peer->process_id = (uint32_t)ids.pid;
	peer->user_id = ids.uid;
	peer->group_id = ids.gid;
}

/* ---- Connecting --------------------------------------------------------------------------- */

/* The stream exists from the start, so that what goes wrong can name it. */
static struct real_stream *new_for(struct io_uv *io, struct io_request *request, int *wrong)
{
	static const int families[] = {
		[IO_FAMILY_IP4] = AF_INET,
		[IO_FAMILY_IP6] = AF_INET6,
		[IO_FAMILY_UNIX] = AF_UNIX,
	};
	const struct io_address *to = request->u.net.to;
	int fd;

	if (to->family == IO_FAMILY_NONE || to->family > IO_FAMILY_UNIX) {
		*wrong = -EINVAL;
		return NULL;
	}
	fd = socket(families[to->family], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*wrong = -errno;
		return NULL;
	}
	return real_stream_new(io, fd, to, request->name, wrong);
}

void real_stream_connect(struct io_uv *io, struct io_request *request)
{
	int wrong = 0;
	struct real_stream *stream = new_for(io, request, &wrong);
	struct sockaddr_storage storage;
	socklen_t size = 0;

	if (!stream) {
		real_end_errno(io, request, -wrong);
		return;
	}
	request->name = stream->name;
	request->backend[0] = (uintptr_t)stream;
	real_socket_use(&stream->socket, request);
	wrong = real_address_to(request->u.net.to, &storage, &size);
	if (wrong < 0) {
		real_end(io, request, wrong, 0);
		return;
	}
	wrong = stream->socket.engine->connect(&stream->socket, (struct sockaddr *)&storage, size);
	if (wrong == -EINPROGRESS || wrong == -EINTR) {
		stream->connect = request;
		request->backend_state = REAL_STATE_WAITING;
		real_socket_want(&stream->socket, REAL_SOCKET_WRITE);
	} else if (wrong < 0) {
		real_end_errno(io, request, -wrong);
	} else {
		real_end(io, request, 0, 0);
	}
}

void real_stream_made(struct io_request *request)
{
	struct real_stream *stream = (struct real_stream *)(uintptr_t)request->backend[0];

	request->backend[0] = 0;
	if (!stream)
		return;
	if (request->state != IO_REQUEST_CANCELLED && request->result == 0)
		*request->u.net.stream_out = &stream->stream;
	else
		real_stream_close(&stream->socket.io->io, &stream->stream, false);
}
