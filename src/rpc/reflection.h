/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflection.h - the built-in service by which a server tells what it offers.
 */
#ifndef RPC_REFLECTION_H
#define RPC_REFLECTION_H

#include <groundwork/rpc.h>

/* Adds it, if it is not there; gw_rpc_server_listen does so, when all others are there. */
int rpc_reflection_add(struct gw_rpc_server *server, struct gw_error *error) GW_MUST_CHECK;

#endif
