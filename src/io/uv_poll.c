/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_poll.c - one wait for somebody else's descriptor. It is doubled, so that several requests can
 * wait for the same one.
 */
#include "io/uv_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct real_poller {
	struct real_socket socket;
	struct io_request *request; /* NULL when it has ended */
};

static struct real_poller *poller_of(struct real_socket *socket)
{
	return (struct real_poller *)((char *)socket - offsetof(struct real_poller, socket));
}

static void poller_ready(struct real_socket *socket, unsigned events)
{
	struct real_poller *poller = poller_of(socket);
	struct io_request *request = poller->request;
	uint32_t ready = 0;

	if (events & REAL_SOCKET_READ)
		ready |= IO_POLL_READ;
	if (events & REAL_SOCKET_WRITE)
		ready |= IO_POLL_WRITE;
	poller->request = NULL;
	real_end(socket->io, request, (int)(ready & request->u.poll.events), 0);
	real_socket_close(socket);
}

static void poller_destroy(struct real_socket *socket)
{
	free(poller_of(socket));
}

void real_poll_submit(struct io_uv *io, struct io_request *request)
{
	struct real_poller *poller;
	int fd = fcntl(request->u.poll.fd, F_DUPFD_CLOEXEC, 0), wrong;

	assert(request->u.poll.events & (IO_POLL_READ | IO_POLL_WRITE));
	if (fd < 0) {
		real_end_errno(io, request, errno);
		return;
	}
	poller = calloc(1, sizeof(*poller));
	if (!poller) {
		close(fd);
		real_end_errno(io, request, ENOMEM);
		return;
	}
	poller->socket.ready = poller_ready;
	poller->socket.destroy = poller_destroy;
	poller->socket.close = real_socket_close;
	poller->request = request;
	wrong = real_socket_open(&poller->socket, io, fd);
	if (wrong < 0) {
		free(poller);
		if (wrong == -EPERM) /* a file, which is always ready */
			real_end(io, request, GW_E_UNSUPPORTED, 0);
		else
			real_end_errno(io, request, -wrong);
		return;
	}
	request->backend[0] = (uintptr_t)poller;
	request->backend_state = REAL_STATE_WAITING;
	real_socket_want(&poller->socket,
			 (request->u.poll.events & IO_POLL_READ ? REAL_SOCKET_READ : 0) |
				 (request->u.poll.events & IO_POLL_WRITE ? REAL_SOCKET_WRITE : 0));
}

void real_poll_cancel(struct io_uv *io, struct io_request *request)
{
	struct real_poller *poller = (struct real_poller *)(uintptr_t)request->backend[0];

	assert(poller->request == request);
	poller->request = NULL;
	real_socket_close(&poller->socket);
	real_end(io, request, GW_E_CANCELLED, 0);
}
