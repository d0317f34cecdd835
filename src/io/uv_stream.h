/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_stream.h - streams, listeners and datagram sockets of the real io.
 *
 * Writes wait in the stream's queue; at the end of a turn each stream that has some is sent what
 * the kernel takes, all its requests in one call. Reading is done when the loop says that there is
 * something, until the kernel has no more or the stream's share of the turn is used up.
 */
#ifndef IO_UV_STREAM_H
#define IO_UV_STREAM_H

#include "io/uv_io.h"

enum {
	REAL_READ_BYTES_MAX = 1 << 20, /* of one stream and turn; more is read in the next */
	REAL_READS_MAX = 16,	       /* calls, likewise */
};

struct real_stream {
	struct io_stream stream;
	struct real_socket socket;
	struct io_reader *reader;
	struct io_request *connect; /* under way, or NULL */
	struct real_queue writes;   /* WRITEV and SHUTDOWN, in order */
	struct real_stream *next_dirty;
	bool dirty;   /* in io->dirty: holds a use of the socket */
	bool blocked; /* the kernel takes no more until it says so */
	bool broken;  /* a write was cancelled in its middle: nothing may follow it */
	struct io_address peer;
	char name[REAL_NAME_BYTES_MAX];
};

/* A stream of a connected descriptor, or of one that is to be connected; NULL and -errno in *wrong.
 * Takes fd in any case. name is copied; NULL: the peer's address. */
struct real_stream *real_stream_new(struct io_uv *io, int fd, const struct io_address *peer,
				    const char *name, int *wrong);

/* CONNECT, WRITEV, SHUTDOWN (uv_write.c, uv_stream.c). */
void real_stream_connect(struct io_uv *io, struct io_request *request);
void real_stream_submit(struct io_uv *io, struct io_request *request);
void real_stream_cancel(struct io_uv *io, struct io_request *request);
/* Before done of what makes streams (backend[0]): gives the stream to the caller, or closes it. */
void real_stream_made(struct io_request *request);
/* There is something to send at the end of this turn. */
void real_stream_dirty(struct real_stream *stream);
/* Sends what was written this turn. */
void real_streams_flush(struct io_uv *io);

void real_stream_peer(struct io *io, struct io_stream *stream, struct io_peer *peer);
void real_stream_read_start(struct io *io, struct io_stream *stream, struct io_reader *reader);
void real_stream_read_stop(struct io *io, struct io_stream *stream);
void real_stream_close(struct io *io, struct io_stream *stream, bool reset);

/* Listeners (uv_listen.c). */
int real_listen_at(struct io *io, const struct io_address *address, struct io_listener **listener,
		   struct gw_error *error);
void real_listener_address(struct io *io, struct io_listener *listener, struct io_address *address);
void real_listener_close(struct io *io, struct io_listener *listener);
void real_accept_submit(struct io_uv *io, struct io_request *request);
void real_accept_cancel(struct io_uv *io, struct io_request *request);
/* A socket bound to the address; a code when there is none. */
int real_bound_socket(const struct io_address *address, int type, struct gw_error *error);
void real_socket_address(struct real_socket *socket, struct io_address *address);
/* Removes the name of a UNIX socket. */
void real_socket_unlink(struct real_socket *socket);

/* Datagrams (uv_datagrams.c). */
int real_datagrams_open(struct io *io, const struct io_address *address,
			struct io_datagrams **datagrams, struct gw_error *error);
void real_datagrams_address(struct io *io, struct io_datagrams *datagrams,
			    struct io_address *address);
void real_datagrams_close(struct io *io, struct io_datagrams *datagrams);
void real_datagrams_submit(struct io_uv *io, struct io_request *request);
void real_datagrams_cancel(struct io_uv *io, struct io_request *request);

#endif
