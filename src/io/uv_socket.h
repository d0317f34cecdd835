/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_socket.h - the seam below streams, listeners and datagrams: descriptors that can be waited
 * for, and the system calls on them, as a table of ten functions, so that another engine can be
 * tried and tests can make calls short or fail. The usual one waits by uv_poll_t.
 *
 * Waiting is level-triggered and lazy: what was asked for once stays watched until an event comes
 * that nobody wants, since a change costs two system calls.
 */
#ifndef IO_UV_SOCKET_H
#define IO_UV_SOCKET_H

#include "io/io.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <uv.h>

enum {
	REAL_SOCKET_READ = 1,
	REAL_SOCKET_WRITE = 2,
};

struct io_uv;

/* Part of each object with a descriptor. */
struct real_socket {
	struct io_uv *io;
	const struct io_socket_engine *engine;
	/* The object's: something can be done (events), nobody needs its memory any more. */
	void (*ready)(struct real_socket *socket, unsigned events);
	void (*destroy)(struct real_socket *socket);
	void (*close)(struct real_socket *socket); /* as its owner would */
	int fd;
	size_t uses; /* the engine's, until it let go, and one a request */
	bool closed;
	unsigned watched;		     /* what the engine looks for */
	struct real_socket *next, *previous; /* io->sockets */
	uv_poll_t poll;			     /* the usual engine's */
};

/* Functions return -errno when they fail; none of them waits. */
struct io_socket_engine {
	/* Takes the descriptor; nothing is watched yet. */
	int (*attach)(struct real_socket *socket);
	/* From now on looks for these events and no others; 0 for none. */
	void (*watch)(struct real_socket *socket, unsigned events);
	/* Closes the descriptor at once and calls real_socket_unuse later. */
	void (*detach)(struct real_socket *socket);
	int (*connect)(struct real_socket *socket, const struct sockaddr *address, socklen_t size);
	int (*accept)(struct real_socket *socket);
	ssize_t (*receive)(struct real_socket *socket, void *data, size_t size);
	ssize_t (*send)(struct real_socket *socket, const struct iovec *pieces, size_t count);
	int (*shutdown)(struct real_socket *socket);
	ssize_t (*send_to)(struct real_socket *socket, const struct msghdr *message);
	ssize_t (*receive_from)(struct real_socket *socket, struct msghdr *message);
};

/* The usual one. */
const struct io_socket_engine *real_socket_engine(void);

/* Takes fd, with one use; closes it when it fails. The callbacks are set before. -errno. */
int real_socket_open(struct real_socket *socket, struct io_uv *io, int fd) GW_MUST_CHECK;
/* Looks for these events too. */
void real_socket_want(struct real_socket *socket, unsigned events);
/* An event came that nobody wants. */
void real_socket_unwant(struct real_socket *socket, unsigned events);
/* Closes; what waits on it is the object's to end. Once. */
void real_socket_close(struct real_socket *socket);
/* The request works on it: the memory stays until real_finish is through with the request. */
void real_socket_use(struct real_socket *socket, struct io_request *request);
void real_socket_unuse(struct real_socket *socket);

/* ---- Addresses (uv_address.c) ----------------------------------------------------------- */

enum { REAL_NAME_BYTES_MAX = 128 }; /* an address as text, with the NUL */

/* The address as the system has it: its size, or a code. */
int real_address_to(const struct io_address *address, struct sockaddr_storage *storage,
		    socklen_t *size);
void real_address_from(struct io_address *address, const struct sockaddr_storage *storage,
		       socklen_t size);
/* "10.0.0.3:7002", "[::1]:80", "unix:path"; the path may be empty. */
void real_address_text(const struct io_address *address, char text[REAL_NAME_BYTES_MAX]);

#endif
