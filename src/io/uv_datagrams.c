/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_datagrams.c - datagram sockets of the real io. Sends and receives wait in queues when the
 * kernel has no room or nothing to give.
 */
#include "io/uv_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct real_datagrams {
	struct io_datagrams datagrams;
	struct real_socket socket;
	struct real_queue sends, receives;
	char name[REAL_NAME_BYTES_MAX];
};

static struct real_datagrams *datagrams_of(struct real_socket *socket)
{
	return (struct real_datagrams *)((char *)socket - offsetof(struct real_datagrams, socket));
}

/* 0 or a size: sent, received; -errno; a code of ours in *code. */
static ssize_t send_one(struct real_datagrams *uv, struct io_request *request, int *code)
{
	struct sockaddr_storage storage;
	socklen_t size;
	union {
		const void *given;
		struct iovec *wanted; /* laid out alike, and only read */
	} vector = {.given = request->u.net.pieces};
	struct msghdr message = {
		.msg_name = &storage, .msg_iov = vector.wanted, .msg_iovlen = request->u.net.count};
	ssize_t sent;

	*code = real_address_to(request->u.net.to, &storage, &size);
	if (*code < 0)
		return 0;
	message.msg_namelen = size;
	do
		sent = uv->socket.engine->send_to(&uv->socket, &message);
	while (sent == -EINTR);
	return sent < 0 ? sent : 0;
}

static ssize_t receive_one(struct real_datagrams *uv, struct io_request *request, int *code)
{
	struct sockaddr_storage storage;
	struct iovec vector = {request->u.net.buffer.data, request->u.net.buffer.size};
	struct msghdr message = {.msg_name = &storage,
				 .msg_namelen = sizeof(storage),
				 .msg_iov = &vector,
				 .msg_iovlen = 1};
	ssize_t size;

	do
		size = uv->socket.engine->receive_from(&uv->socket, &message);
	while (size == -EINTR);
	if (size < 0)
		return size;
	if (request->u.net.from)
		real_address_from(request->u.net.from, &storage, message.msg_namelen);
	if ((size_t)size > request->u.net.buffer.size)
		*code = GW_E_TOO_LARGE;
	return size;
}

/* True: it has ended. */
static bool try_one(struct real_datagrams *uv, struct io_request *request)
{
	int code = 0;
	ssize_t result = request->operation == IO_OPERATION_SEND ? send_one(uv, request, &code)
								 : receive_one(uv, request, &code);

	if (result == -EAGAIN)
		return false;
	if (result < 0)
		real_end_errno(uv->socket.io, request, (int)-result);
	else
		real_end(uv->socket.io, request, code < 0 ? code : (int)result, 0);
	return true;
}

static void try_all(struct real_datagrams *uv, struct real_queue *queue, unsigned event)
{
	while (queue->first) {
		struct io_request *request = queue->first;

		real_remove(queue, request);
		request->backend_state = REAL_STATE_ELSEWHERE;
		if (try_one(uv, request))
			continue;
		request->backend_state = REAL_STATE_WAITING;
		real_push_first(queue, request);
		real_socket_want(&uv->socket, event);
		return;
	}
	real_socket_unwant(&uv->socket, event);
}

static void datagrams_ready(struct real_socket *socket, unsigned events)
{
	struct real_datagrams *uv = datagrams_of(socket);

	if (events & REAL_SOCKET_WRITE)
		try_all(uv, &uv->sends, REAL_SOCKET_WRITE);
	if (events & REAL_SOCKET_READ)
		try_all(uv, &uv->receives, REAL_SOCKET_READ);
}

void real_datagrams_submit(struct io_uv *io, struct io_request *request)
{
	struct real_datagrams *uv = (struct real_datagrams *)request->u.net.object;
	bool sends = request->operation == IO_OPERATION_SEND;
	struct real_queue *queue = sends ? &uv->sends : &uv->receives;

	(void)io;
	real_socket_use(&uv->socket, request);
	if (!queue->first && try_one(uv, request))
		return;
	request->backend_state = REAL_STATE_WAITING;
	real_push(queue, request);
	real_socket_want(&uv->socket, sends ? REAL_SOCKET_WRITE : REAL_SOCKET_READ);
}

void real_datagrams_cancel(struct io_uv *io, struct io_request *request)
{
	struct real_datagrams *uv = (struct real_datagrams *)request->u.net.object;
	bool sends = request->operation == IO_OPERATION_SEND;

	real_remove(sends ? &uv->sends : &uv->receives, request);
	real_end(io, request, GW_E_CANCELLED, 0);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void datagrams_destroy(struct real_socket *socket)
{
	free(datagrams_of(socket));
}

static void datagrams_close(struct real_socket *socket)
{
	real_datagrams_close(&socket->io->io, &datagrams_of(socket)->datagrams);
}

int real_datagrams_open(struct io *io, const struct io_address *address,
			struct io_datagrams **datagrams, struct gw_error *error)
{
	struct real_datagrams *uv;
	char text[REAL_NAME_BYTES_MAX];
	int fd = real_bound_socket(address, SOCK_DGRAM, error), wrong = -ENOMEM;

	*datagrams = NULL;
	if (fd < 0)
		return fd;
	real_address_text(address, text);
	uv = calloc(1, sizeof(*uv));
	if (uv) {
		uv->socket.ready = datagrams_ready;
		uv->socket.destroy = datagrams_destroy;
		uv->socket.close = datagrams_close;
		memcpy(uv->name, text, sizeof(text));
		uv->datagrams.name = uv->name;
		wrong = real_socket_open(&uv->socket, real_of(io), fd);
	} else {
		close(fd);
	}
	if (wrong < 0) {
		free(uv);
		if (address->family == IO_FAMILY_UNIX)
			(void)unlink(address->path); /* made by binding */
		return gw_fail_errno(error, -wrong, "cannot open a socket at %s", text);
	}
	*datagrams = &uv->datagrams;
	return 0;
}

void real_datagrams_address(struct io *io, struct io_datagrams *datagrams,
			    struct io_address *address)
{
	(void)io;
	real_socket_address(&((struct real_datagrams *)datagrams)->socket, address);
}

void real_datagrams_close(struct io *io, struct io_datagrams *datagrams)
{
	struct real_datagrams *uv = (struct real_datagrams *)datagrams;

	while (uv->sends.first)
		io_cancel(io, uv->sends.first);
	while (uv->receives.first)
		io_cancel(io, uv->receives.first);
	real_socket_unlink(&uv->socket);
	real_socket_close(&uv->socket);
}
