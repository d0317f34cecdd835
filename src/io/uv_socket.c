/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_socket.c - see uv_socket.h: the usual engine, and what all objects with a descriptor share.
 */
#include "io/uv_io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- The usual engine ------------------------------------------------------------------- */

static struct real_socket *socket_of(uv_handle_t *handle)
{
	return (struct real_socket *)handle->data;
}

static int usual_attach(struct real_socket *socket)
{
	int flags = fcntl(socket->fd, F_GETFL);
	int wrong = uv_poll_init(&socket->io->loop, &socket->poll, socket->fd);

	if (wrong)
		return wrong;
	/* It made the descriptor non-blocking, which is somebody else's to choose. */
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(socket->fd, F_SETFL, flags);
	socket->poll.data = socket;
	return 0;
}

static void usual_event(uv_poll_t *poll, int status, int events)
{
	struct real_socket *socket = socket_of((uv_handle_t *)poll);
	unsigned ready = 0;

	socket->io->events++;
	if (events & UV_READABLE)
		ready |= REAL_SOCKET_READ;
	if (events & UV_WRITABLE)
		ready |= REAL_SOCKET_WRITE;
	if (status < 0) { /* an error is pending on it: the loop has stopped looking */
		ready = REAL_SOCKET_READ | REAL_SOCKET_WRITE;
		socket->watched = 0;
	}
	socket->ready(socket, ready);
}

static void usual_watch(struct real_socket *socket, unsigned events)
{
	int wanted = 0;

	if (events & REAL_SOCKET_READ)
		wanted |= UV_READABLE;
	if (events & REAL_SOCKET_WRITE)
		wanted |= UV_WRITABLE;
	if (wanted)
		(void)uv_poll_start(&socket->poll, wanted, usual_event);
	else
		(void)uv_poll_stop(&socket->poll);
}

static void usual_closed(uv_handle_t *handle)
{
	real_socket_unuse(socket_of(handle));
}

static void usual_detach(struct real_socket *socket)
{
	uv_close((uv_handle_t *)&socket->poll, usual_closed);
	close(socket->fd);
}

static int usual_connect(struct real_socket *socket, const struct sockaddr *address, socklen_t size)
{
	return connect(socket->fd, address, size) < 0 ? -errno : 0;
}

static int usual_accept(struct real_socket *socket)
{
	int fd = accept4(socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static ssize_t usual_receive(struct real_socket *socket, void *data, size_t size)
{
	ssize_t received = recv(socket->fd, data, size, 0);

	return received < 0 ? -errno : received;
}

static ssize_t usual_send_to(struct real_socket *socket, const struct msghdr *message)
{
	ssize_t sent = sendmsg(socket->fd, message, MSG_NOSIGNAL);

	return sent < 0 ? -errno : sent;
}

static ssize_t usual_send(struct real_socket *socket, const struct iovec *pieces, size_t count)
{
	union {
		const struct iovec *given;
		struct iovec *wanted; /* sendmsg only reads */
	} vector = {.given = pieces};
	struct msghdr message = {.msg_iov = vector.wanted, .msg_iovlen = count};

	if (count == 1) {
		ssize_t sent = send(socket->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);

		return sent < 0 ? -errno : sent;
	}
	return usual_send_to(socket, &message);
}

static int usual_shutdown(struct real_socket *socket)
{
	return shutdown(socket->fd, SHUT_WR) < 0 ? -errno : 0;
}

static ssize_t usual_receive_from(struct real_socket *socket, struct msghdr *message)
{
	ssize_t received = recvmsg(socket->fd, message, MSG_TRUNC);

	return received < 0 ? -errno : received;
}

const struct io_socket_engine *real_socket_engine(void)
{
	static const struct io_socket_engine usual = {
		.attach = usual_attach,
		.watch = usual_watch,
		.detach = usual_detach,
		.connect = usual_connect,
		.accept = usual_accept,
		.receive = usual_receive,
		.send = usual_send,
		.shutdown = usual_shutdown,
		.send_to = usual_send_to,
		.receive_from = usual_receive_from,
	};

	return &usual;
}

/* ---- What all objects share ------------------------------------------------------------- */

int real_socket_open(struct real_socket *socket, struct io_uv *io, int fd)
{
	int wrong;

	assert(socket->ready && socket->destroy && socket->close);
	socket->io = io;
	socket->engine = io->engine;
	socket->fd = fd;
	wrong = socket->engine->attach(socket);
	if (wrong < 0) {
		close(fd);
		return wrong;
	}
	socket->uses = 1;
	socket->next = io->sockets;
	if (io->sockets)
		io->sockets->previous = socket;
	io->sockets = socket;
	return 0;
}

void real_socket_want(struct real_socket *socket, unsigned events)
{
	assert(!socket->closed);
	if ((socket->watched & events) == events)
		return;
	socket->watched |= events;
	socket->engine->watch(socket, socket->watched);
}

void real_socket_unwant(struct real_socket *socket, unsigned events)
{
	if (socket->closed || !(socket->watched & events))
		return;
	socket->watched &= ~events;
	socket->engine->watch(socket, socket->watched);
}

void real_socket_close(struct real_socket *socket)
{
	assert(!socket->closed);
	socket->closed = true;
	if (socket->previous)
		socket->previous->next = socket->next;
	else
		socket->io->sockets = socket->next;
	if (socket->next)
		socket->next->previous = socket->previous;
	socket->engine->detach(socket);
}

void real_socket_use(struct real_socket *socket, struct io_request *request)
{
	assert(!socket->closed);
	request->backend[3] = (uintptr_t)socket;
	socket->uses++;
}

void real_socket_unuse(struct real_socket *socket)
{
	assert(socket->uses > 0);
	if (--socket->uses == 0)
		socket->destroy(socket);
}
