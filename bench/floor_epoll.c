/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_epoll.c - the floor under calls: an echo on bare epoll, recv and send, without frames,
 * tasks or checks. echo.h has the arguments.
 *
 * Batched: all that has arrived is read at once, and what answers it leaves in one call.
 */
#include "echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

struct connection {
	int fd;
	bool waits;    /* for room in the kernel */
	uint64_t sent; /* client: bytes; server: of the buffer */
	uint64_t due;  /* client: bytes to be sent so far; server: in the buffer */
	uint64_t got;  /* client: bytes that came back */
	uint64_t done; /* client: messages that came back */
	char *buffer;
};

static int no_delay(int fd)
{
	int yes = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static void watch(int loop, int operation, struct connection *connection, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};

	if (epoll_ctl(loop, operation, connection->fd, &event) < 0)
		echo_fail("epoll_ctl");
}

static void want_room(int loop, struct connection *connection, bool waits)
{
	if (connection->waits == waits)
		return;
	connection->waits = waits;
	watch(loop, EPOLL_CTL_MOD, connection, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* ---- The server ----------------------------------------------------------------------------- */

/* Sends back what is in the buffer; false: there was no room. */
static bool send_back(int loop, struct connection *connection)
{
	while (connection->sent < connection->due) {
		ssize_t size = send(connection->fd, connection->buffer + connection->sent,
				    connection->due - connection->sent, MSG_NOSIGNAL);

		if (size < 0 && errno == EAGAIN) {
			want_room(loop, connection, true);
			return false;
		}
		if (size < 0)
			echo_fail("send");
		connection->sent += (uint64_t)size;
	}
	connection->sent = connection->due = 0;
	want_room(loop, connection, false);
	return true;
}

/* False: the connection has ended. */
static bool serve(const struct echo *echo, int loop, struct connection *connection)
{
	size_t most =
		echo->batched || echo->size > ECHO_BUFFER_BYTES ? ECHO_BUFFER_BYTES : echo->size;
	ssize_t size;

	if (!send_back(loop, connection))
		return true;
	do {
		size = recv(connection->fd, connection->buffer, most, 0);
		if (size < 0 && errno == EAGAIN)
			return true;
		if (size <= 0)
			return false;
		connection->due = (uint64_t)size;
	} while (send_back(loop, connection) && (size_t)size == most);
	return true;
}

static void server(const struct echo *echo, int port_pipe)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), loop = epoll_create1(0);
	struct sockaddr_in address = echo_address(0);
	socklen_t size = sizeof(address);
	struct epoll_event events[256];
	size_t open = echo->connections;

	if (listener < 0 || loop < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(listener, SOMAXCONN) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		echo_fail("cannot listen");
	echo_tell_port(port_pipe, ntohs(address.sin_port));
	for (size_t i = 0; i < echo->connections; i++) {
		struct connection *connection = calloc(1, sizeof(*connection));

		if (!connection || !(connection->buffer = malloc(ECHO_BUFFER_BYTES)))
			echo_fail("memory");
		connection->fd = no_delay(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
		if (connection->fd < 0)
			echo_fail("accept");
		watch(loop, EPOLL_CTL_ADD, connection, EPOLLIN);
	}
	while (open > 0) {
		int count = epoll_wait(loop, events, 256, -1);

		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;

			if (serve(echo, loop, connection))
				continue;
			close(connection->fd);
			open--;
		}
	}
}

/* ---- The client ----------------------------------------------------------------------------- */

static char zeros[ECHO_BUFFER_BYTES]; /* what is sent, over and over */

/* Sends what is due: all in one call, or a call a message. */
static void send_due(const struct echo *echo, int loop, struct connection *connection)
{
	while (connection->sent < connection->due) {
		uint64_t most = connection->due - connection->sent;
		ssize_t size;

		if (!echo->batched && most > echo->size)
			most = echo->size;
		if (most > sizeof(zeros))
			most = sizeof(zeros);
		size = send(connection->fd, zeros, most, MSG_NOSIGNAL);
		if (size < 0 && errno == EAGAIN) {
			want_room(loop, connection, true);
			return;
		}
		if (size < 0)
			echo_fail("send");
		connection->sent += (uint64_t)size;
	}
	want_room(loop, connection, false);
}

/* How many messages have come back whole, and sends as many anew. */
static uint64_t receive(const struct echo *echo, int loop, struct connection *connection,
			uint64_t *left)
{
	size_t most =
		echo->batched || echo->size > ECHO_BUFFER_BYTES ? ECHO_BUFFER_BYTES : echo->size;
	uint64_t before = connection->done;
	ssize_t size;

	do {
		uint64_t fresh;

		size = recv(connection->fd, connection->buffer, most, 0);
		if (size < 0 && errno == EAGAIN)
			break;
		if (size <= 0)
			echo_fail("recv");
		connection->got += (uint64_t)size;
		fresh = connection->got / echo->size - connection->done;
		connection->done += fresh;
		if (fresh > *left)
			fresh = *left;
		*left -= fresh;
		connection->due += fresh * echo->size;
		if (!echo->batched)
			send_due(echo, loop, connection);
	} while ((size_t)size == most);
	send_due(echo, loop, connection);
	return connection->done - before;
}

static void client(const struct echo *echo)
{
	struct connection *connections = calloc(echo->connections, sizeof(*connections));
	struct sockaddr_in address = echo_address(echo->port);
	struct epoll_event events[256];
	int loop = epoll_create1(0);
	uint64_t left = echo->count - echo->outstanding, done = 0;

	if (!connections || loop < 0)
		echo_fail("cannot start");
	for (size_t i = 0; i < echo->connections; i++) {
		struct connection *connection = &connections[i];

		connection->buffer = malloc(ECHO_BUFFER_BYTES);
		connection->fd = no_delay(socket(AF_INET, SOCK_STREAM, 0));
		if (!connection->buffer || connection->fd < 0 ||
		    connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			echo_fail("cannot connect");
		/* From now on it does not wait. */
		if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) < 0)
			echo_fail("fcntl");
		watch(loop, EPOLL_CTL_ADD, connection, EPOLLIN);
		connection->due = echo_share(echo, i) * echo->size;
		send_due(echo, loop, connection);
	}
	while (done < echo->count) {
		int count = epoll_wait(loop, events, 256, -1);

		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;

			if (events[i].events & EPOLLIN)
				done += receive(echo, loop, connection, &left);
			else
				send_due(echo, loop, connection);
		}
	}
	for (size_t i = 0; i < echo->connections; i++)
		close(connections[i].fd);
}

int main(int argc, char **argv)
{
	return echo_main(argc, argv, server, client);
}
