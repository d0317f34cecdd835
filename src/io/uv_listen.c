/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_listen.c - listeners of the real io, and how sockets are bound.
 */
#include "io/uv_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

struct real_listener {
	struct io_listener listener;
	struct real_socket socket;
	struct io_request *accept; /* under way, or NULL */
	char name[REAL_NAME_BYTES_MAX];
};

static struct real_listener *listener_of(struct real_socket *socket)
{
	return (struct real_listener *)((char *)socket - offsetof(struct real_listener, socket));
}

/* ---- Bound sockets ------------------------------------------------------------------------ */

int real_bound_socket(const struct io_address *address, int type, struct gw_error *error)
{
	struct sockaddr_storage storage;
	socklen_t size;
	char text[REAL_NAME_BYTES_MAX];
	int fd, yes = 1, wrong;

	real_address_text(address, text);
	if (real_address_to(address, &storage, &size) < 0)
		return gw_fail(error, GW_E_INVALID, "%s is no address to bind to", text);
	fd = socket(storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return gw_fail_errno(error, errno, "cannot make a socket for %s", text);
	/* Streams only: connections that linger do not keep a new server from its port, while two
	 * datagram sockets would share one. IP6 is IP6 only, so that addresses mean the same on
	 * every machine. */
	if (type == SOCK_STREAM && address->family != IO_FAMILY_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (address->family == IO_FAMILY_IP6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&storage, size) == 0)
		return fd;
	wrong = errno;
	close(fd);
	return gw_fail_errno(error, wrong, "cannot bind to %s", text);
}

void real_socket_address(struct real_socket *socket, struct io_address *address)
{
	struct sockaddr_storage storage;
	socklen_t size = sizeof(storage);

	memset(address, 0, sizeof(*address));
	if (getsockname(socket->fd, (struct sockaddr *)&storage, &size) == 0)
		real_address_from(address, &storage, size);
}

void real_socket_unlink(struct real_socket *socket)
{
	struct io_address address;

	real_socket_address(socket, &address);
	if (address.family == IO_FAMILY_UNIX && address.path[0])
		(void)unlink(address.path);
}

/* ---- Accepting ---------------------------------------------------------------------------- */

/* The connection's stream, or -errno. */
static int take_connection(struct real_listener *listener, struct io_request *request)
{
	struct real_socket *socket = &listener->socket;
	struct sockaddr_storage storage;
	socklen_t size = sizeof(storage);
	struct io_address peer;
	int fd, wrong;

	do
		fd = socket->engine->accept(socket);
	while (fd == -EINTR || fd == -ECONNABORTED);
	if (fd < 0)
		return fd;
	if (getpeername(fd, (struct sockaddr *)&storage, &size) < 0)
		size = 0; /* gone already: no address */
	real_address_from(&peer, &storage, size);
	request->backend[0] = (uintptr_t)real_stream_new(socket->io, fd, &peer, NULL, &wrong);
	return request->backend[0] ? 0 : wrong;
}

/* True: the request has ended. */
static bool try_accept(struct real_listener *listener, struct io_request *request)
{
	int wrong = take_connection(listener, request);

	if (wrong == -EAGAIN)
		return false;
	if (wrong < 0)
		real_end_errno(listener->socket.io, request, -wrong);
	else
		real_end(listener->socket.io, request, 0, 0);
	return true;
}

static void listener_ready(struct real_socket *socket, unsigned events)
{
	struct real_listener *listener = listener_of(socket);
	struct io_request *request = listener->accept;

	(void)events;
	if (!request) {
		real_socket_unwant(socket, REAL_SOCKET_READ);
		return;
	}
	if (try_accept(listener, request))
		listener->accept = NULL;
	else
		real_socket_want(socket, REAL_SOCKET_READ);
}

void real_accept_submit(struct io_uv *io, struct io_request *request)
{
	struct real_listener *listener = (struct real_listener *)request->u.net.object;

	(void)io;
	assert(!listener->accept);
	real_socket_use(&listener->socket, request);
	if (try_accept(listener, request))
		return;
	listener->accept = request;
	request->backend_state = REAL_STATE_WAITING;
	real_socket_want(&listener->socket, REAL_SOCKET_READ);
}

void real_accept_cancel(struct io_uv *io, struct io_request *request)
{
	struct real_listener *listener = (struct real_listener *)request->u.net.object;

	assert(listener->accept == request);
	listener->accept = NULL;
	real_end(io, request, GW_E_CANCELLED, 0);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void listener_destroy(struct real_socket *socket)
{
	free(listener_of(socket));
}

static void listener_close(struct real_socket *socket)
{
	real_listener_close(&socket->io->io, &listener_of(socket)->listener);
}

int real_listen_at(struct io *io, const struct io_address *address, struct io_listener **listener,
		   struct gw_error *error)
{
	struct real_listener *uv;
	struct io_address actual; /* with the port that was free */
	int fd = real_bound_socket(address, SOCK_STREAM, error), wrong = 0;

	*listener = NULL;
	if (fd < 0)
		return fd;
	uv = calloc(1, sizeof(*uv));
	if (!uv) {
		wrong = ENOMEM;
		close(fd);
	} else {
		uv->socket.ready = listener_ready;
		uv->socket.destroy = listener_destroy;
		uv->socket.close = listener_close;
		wrong = listen(fd, SOMAXCONN) < 0 ? errno : 0;
		if (wrong)
			close(fd);
		else
			wrong = -real_socket_open(&uv->socket, real_of(io), fd);
	}
	if (wrong) {
		char text[REAL_NAME_BYTES_MAX];

		free(uv);
		if (address->family == IO_FAMILY_UNIX)
			(void)unlink(address->path); /* made by binding */
		real_address_text(address, text);
		return gw_fail_errno(error, wrong, "cannot listen at %s", text);
	}
	real_socket_address(&uv->socket, &actual);
	real_address_text(&actual, uv->name);
	uv->listener.name = uv->name;
	*listener = &uv->listener;
	return 0;
}

void real_listener_address(struct io *io, struct io_listener *listener, struct io_address *address)
{
	(void)io;
	real_socket_address(&((struct real_listener *)listener)->socket, address);
}

void real_listener_close(struct io *io, struct io_listener *listener)
{
	struct real_listener *uv = (struct real_listener *)listener;

	if (uv->accept)
		io_cancel(io, uv->accept);
	real_socket_unlink(&uv->socket);
	real_socket_close(&uv->socket);
}
