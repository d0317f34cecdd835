/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop.h - what is left of a client or server whose machine died: its memory is freed, and nothing
 * is told to anyone. For the stop function of a simulated node, before task_loop_free (the calls
 * under way are on the stacks of their tasks) and after its io is dead.
 */
#ifndef RPC_DROP_H
#define RPC_DROP_H

#include <groundwork/rpc.h>

/* NULL is fine. */
void rpc_client_drop(struct gw_rpc_client *client);
/* Tables that were passed to gw_rpc_server_add are their owner's, as ever. */
void rpc_server_drop(struct gw_rpc_server *server);

#endif
