/* SPDX-License-Identifier: Apache-2.0 */
/* transport.c - the plain transport: an io_stream, and who is at its other end. */
#include "rpc/transport.h"

#include <stdio.h>
#include <stdlib.h>

struct plain {
	struct rpc_transport transport;
	struct io *io;
	struct io_stream *stream;
};

static struct plain *plain_of(struct rpc_transport *transport)
{
	return (struct plain *)transport; /* its first member */
}

static void plain_read_start(struct rpc_transport *transport, struct io_reader *reader)
{
	io_read_start(plain_of(transport)->io, plain_of(transport)->stream, reader);
}

static void plain_read_stop(struct rpc_transport *transport)
{
	io_read_stop(plain_of(transport)->io, plain_of(transport)->stream);
}

static void plain_writev(struct rpc_transport *transport, struct io_request *request,
			 const struct gw_bytes *pieces, uint32_t count, io_done *done)
{
	io_writev(plain_of(transport)->io, request, plain_of(transport)->stream, pieces, count,
		  done);
}

static void plain_close(struct rpc_transport *transport, bool reset)
{
	struct plain *plain = plain_of(transport);

	if (reset)
		io_stream_reset(plain->io, plain->stream);
	else
		io_stream_close(plain->io, plain->stream);
	free(plain);
}

static const struct rpc_transport_operations plain_operations = {
	.read_start = plain_read_start,
	.read_stop = plain_read_stop,
	.writev = plain_writev,
	.close = plain_close,
};

static void plain_peer(struct plain *plain)
{
	struct gw_rpc_peer *out = &plain->transport.peer;
	struct io_peer peer = {0};

	io_peer(plain->io, plain->stream, &peer);
	if (peer.address.family == IO_FAMILY_UNIX && peer.has_ids) {
		out->kind = GW_RPC_PEER_UNIX;
		out->user_id = peer.user_id;
	}
	(void)snprintf(out->address, sizeof(out->address), "%s", plain->stream->name);
}

int rpc_transport_plain(struct rpc_transport **transport, struct io *io, struct io_stream *stream,
			struct gw_error *error)
{
	struct plain *plain = calloc(1, sizeof(*plain));

	*transport = NULL;
	if (!plain) {
		io_stream_close(io, stream);
		return gw_fail(error, GW_E_NO_MEMORY, "connection to a peer: out of memory");
	}
	plain->transport.operations = &plain_operations;
	plain->transport.name = stream->name;
	plain->io = io;
	plain->stream = stream;
	plain_peer(plain);
	*transport = &plain->transport;
	return 0;
}
