/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_net.h - the network of io.h, which includes this one: streams over TCP and UNIX sockets,
 * datagrams, and the names of hosts.
 */
#ifndef IO_IO_NET_H
#define IO_IO_NET_H

/*
 * A listener at the address; *listener is the caller's. A UNIX path must be free. Datagram
 * sockets and listeners take port 0 for any free one; the address functions tell which.
 */
static inline int io_listen(struct io *io, const struct io_address *address,
			    struct io_listener **listener, struct gw_error *error)
{
	return io->operations->listen(io, address, listener, error);
}

static inline void io_listener_address(struct io *io, struct io_listener *listener,
				       struct io_address *address)
{
	io->operations->listener_address(io, listener, address);
}

/* An accept under way is cancelled; streams that were accepted live on; a UNIX path is removed. */
static inline void io_listener_close(struct io *io, struct io_listener *listener)
{
	io->operations->listener_close(io, listener);
}

/* For the functions below: a request on a socket, not yet submitted. */
static inline void io_net_begin(struct io_request *request, enum io_operation operation,
				void *object, const char *name, io_done *done)
{
	io_request_begin(request, operation, name, done);
	request->u.net.object = object;
	request->u.net.pieces = NULL;
	request->u.net.to = NULL;
	request->u.net.from = NULL;
	request->u.net.stream_out = NULL;
	request->u.net.buffer.data = NULL;
	request->u.net.buffer.size = 0;
	request->u.net.count = 0;
}

/* The next connection; *stream is set when done gets 0. One accept of a listener at a time. */
static inline void io_accept(struct io *io, struct io_request *request,
			     struct io_listener *listener, struct io_stream **stream, io_done *done)
{
	io_net_begin(request, IO_OPERATION_ACCEPT, listener, listener->name, done);
	request->u.net.stream_out = stream;
	io->operations->submit(io, request);
}

/* Name: the address as text, for sentences; NULL is fine. No time limit but the system's: set a
 * timer and cancel. TCP streams have TCP_NODELAY set. */
static inline void io_connect(struct io *io, struct io_request *request,
			      const struct io_address *address, const char *name,
			      struct io_stream **stream, io_done *done)
{
	io_net_begin(request, IO_OPERATION_CONNECT, NULL, name, done);
	request->u.net.to = address;
	request->u.net.stream_out = stream;
	io->operations->submit(io, request);
}

static inline void io_peer(struct io *io, struct io_stream *stream, struct io_peer *peer)
{
	io->operations->peer(io, stream, peer);
}

/* From now on the reader is called for what arrives, until reading ends (struct io_reader). A
 * stream has one reader; starting another replaces it. */
static inline void io_read_start(struct io *io, struct io_stream *stream, struct io_reader *reader)
{
	io->operations->read_start(io, stream, reader);
}

/* No call of the reader after this one; bytes that arrive wait in the kernel. */
static inline void io_read_stop(struct io *io, struct io_stream *stream)
{
	io->operations->read_stop(io, stream);
}

/* Sends all the bytes, in the order of the calls; those of one turn leave together. done gets 0
 * when the kernel has them, which says nothing of the other side. Nothing is refused for being
 * too much: who writes limits what is under way. A write that is cancelled before a byte of it was
 * sent is as if it had never been. One that is cancelled when a part of it was sent ends the
 * sending side, since nothing may follow its half: writes behind it and all later ones are
 * GW_E_CLOSED. */
static inline void io_writev(struct io *io, struct io_request *request, struct io_stream *stream,
			     const struct gw_bytes *pieces, uint32_t count, io_done *done)
{
	assert(count <= IO_PIECES_MAX);
	io_net_begin(request, IO_OPERATION_WRITEV, stream, stream->name, done);
	request->u.net.pieces = pieces;
	request->u.net.count = count;
	io->operations->submit(io, request);
}

/* Says "no more" to the other side, behind all that was written; reading goes on. */
static inline void io_shutdown(struct io *io, struct io_request *request, struct io_stream *stream,
			       io_done *done)
{
	io_net_begin(request, IO_OPERATION_SHUTDOWN, stream, stream->name, done);
	io->operations->submit(io, request);
}

/* Ends the stream now. No more calls of its reader; requests under way on it get GW_E_CANCELLED;
 * what the kernel has is still sent. */
static inline void io_stream_close(struct io *io, struct io_stream *stream)
{
	io->operations->stream_close(io, stream, false);
}

/* The same, but nothing more is sent and the other side sees a reset. */
static inline void io_stream_reset(struct io *io, struct io_stream *stream)
{
	io->operations->stream_close(io, stream, true);
}

/* A datagram socket at the address, IP or UNIX. */
static inline int io_datagrams_open(struct io *io, const struct io_address *address,
				    struct io_datagrams **datagrams, struct gw_error *error)
{
	return io->operations->datagrams_open(io, address, datagrams, error);
}

static inline void io_datagrams_address(struct io *io, struct io_datagrams *datagrams,
					struct io_address *address)
{
	io->operations->datagrams_address(io, datagrams, address);
}

static inline void io_datagrams_close(struct io *io, struct io_datagrams *datagrams)
{
	io->operations->datagrams_close(io, datagrams);
}

/* Sends one datagram; it may be lost, doubled or late. */
static inline void io_send(struct io *io, struct io_request *request,
			   struct io_datagrams *datagrams, const struct io_address *to,
			   const struct gw_bytes *pieces, uint32_t count, io_done *done)
{
	assert(count <= IO_PIECES_MAX);
	io_net_begin(request, IO_OPERATION_SEND, datagrams, datagrams->name, done);
	request->u.net.to = to;
	request->u.net.pieces = pieces;
	request->u.net.count = count;
	io->operations->submit(io, request);
}

/* The next datagram; the result is its size, GW_E_TOO_LARGE when it was longer than the buffer. */
static inline void io_receive(struct io *io, struct io_request *request,
			      struct io_datagrams *datagrams, struct io_buffer buffer,
			      struct io_address *from, io_done *done)
{
	io_net_begin(request, IO_OPERATION_RECEIVE, datagrams, datagrams->name, done);
	request->u.net.buffer = buffer;
	request->u.net.from = from;
	io->operations->submit(io, request);
}

/* The addresses of a host and a port, both as text, names or numbers; at least one when done gets
 * 0. */
static inline void io_resolve(struct io *io, struct io_request *request, const char *host,
			      const char *port, struct io_addresses *addresses, io_done *done)
{
	io_request_begin(request, IO_OPERATION_RESOLVE, host, done);
	request->u.resolve.host = host;
	request->u.resolve.port = port;
	request->u.resolve.out = addresses;
	io->operations->submit(io, request);
}

#endif
