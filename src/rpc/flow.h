/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h - what flow.c (streams) and flow_part.c (attachments) share. Private to them. */
#ifndef RPC_FLOW_H
#define RPC_FLOW_H

#include "rpc/call.h"

static inline const char *flow_name(const struct gw_rpc_call *call)
{
	return call->method->full_name;
}

/* Something may still come and go. */
static inline bool is_live(const struct gw_rpc_call *call)
{
	return call->line && !call->is_cancelled;
}

/* Why a call is not live any more. */
int rpc_flow_lost(const struct gw_rpc_call *call, struct gw_error *error);
/* Room for so many more items, or for bytes of the attachment up to this. */
void rpc_flow_grant(struct gw_rpc_call *call, uint32_t items, uint64_t bytes);

void rpc_pieces_add(struct rpc_pieces *pieces, struct rpc_piece *piece);
void rpc_pieces_drop_first(struct rpc_pieces *pieces);

#endif
