/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - a stream of bytes to a peer: a plain io_stream, or TLS over one. A connection reads
 * and writes only through it.
 *
 * The rules are those of io_net.h: what the reader is asked for is filled straight from the socket
 * where that can be (TLS decrypts into it); writes keep their order and those of one turn leave
 * together; done is never called inside the call; a close ends reading at once and gives
 * GW_E_CANCELLED to what is under way, later.
 */
#ifndef RPC_TRANSPORT_H
#define RPC_TRANSPORT_H

#include <groundwork/rpc.h>

#include "io/io.h"

struct rpc_transport;

struct rpc_transport_operations {
	void (*read_start)(struct rpc_transport *transport, struct io_reader *reader);
	void (*read_stop)(struct rpc_transport *transport);
	void (*writev)(struct rpc_transport *transport, struct io_request *request,
		       const struct gw_bytes *pieces, uint32_t count, io_done *done);
	/* Ends it and frees it, as soon as nothing is under way; reset: nothing more is sent. */
	void (*close)(struct rpc_transport *transport, bool reset);
};

struct rpc_transport {
	const struct rpc_transport_operations *operations;
	const char *name;        /* of the other side, for sentences; lasts until the close */
	bool is_checked;         /* nobody can change bytes on the way: payloads need no CRC */
	struct gw_rpc_peer peer; /* who it is */
};

/* The stream is the transport's from here on, also when this fails. */
int rpc_transport_plain(struct rpc_transport **transport, struct io *io, struct io_stream *stream,
			struct gw_error *error) GW_MUST_CHECK;

/*
 * The same with TLS 1.3: waits (in a task) for the handshake. is_server says which side we are;
 * host is the name that a server's certificate must have, NULL at the server. In src/rpc/tls.c.
 */
int rpc_transport_tls(struct rpc_transport **transport, struct io *io, struct io_stream *stream,
		      struct gw_rpc_tls *tls, bool is_server, const char *host,
		      uint64_t deadline_ns, struct gw_error *error) GW_MUST_CHECK;

static inline void rpc_transport_close(struct rpc_transport *transport, bool reset)
{
	if (transport)
		transport->operations->close(transport, reset);
}

#endif
