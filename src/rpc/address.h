/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - where a server is: host:port, [v6 address]:port, or the path of a UNIX socket, which
 * contains a '/'.
 */
#ifndef RPC_ADDRESS_H
#define RPC_ADDRESS_H

#include "io/io.h"

enum {
	RPC_HOST_BYTES_MAX = 254, /* with the NUL */
	RPC_PORT_BYTES_MAX = 6,
};

struct rpc_address {
	bool is_unix;
	char host[RPC_HOST_BYTES_MAX]; /* or the path */
	char port[RPC_PORT_BYTES_MAX];
	char text[RPC_HOST_BYTES_MAX + RPC_PORT_BYTES_MAX + 3];
};

/* One address of the list that begins at *text; *text is moved behind it and its comma.
 * GW_E_INVALID names what is wrong. */
int rpc_address_parse(const char **text, struct rpc_address *address,
		      struct gw_error *error) GW_MUST_CHECK;

/* Its places, for io_connect and io_listen; waits for names. */
int rpc_address_resolve(struct io *io, const struct rpc_address *address,
			struct io_addresses *out, uint64_t deadline_ns,
			struct gw_error *error) GW_MUST_CHECK;

/* Nobody but this machine can be there. */
bool rpc_address_is_local(const struct io_address *address);

/* As text, "10.0.0.1:80"; returns out. */
const char *rpc_address_format(const struct io_address *address, char *out, size_t size);

#endif
