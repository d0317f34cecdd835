/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - a client as the files of this room see it.
 */
#ifndef KV_CLIENT_CLIENT_H
#define KV_CLIENT_CLIENT_H

#include <groundwork/kv.h>

#include "kv/kv.rpc.h"

struct gw_kv_client {
	struct gw_rpc_client *rpc;
	uint64_t timeout_ms;
};

/* Messages know only pointers to what may change. */
static inline ProtobufCBinaryData kv_client_bytes(struct gw_bytes bytes)
{
	return (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}

static inline struct gw_bytes kv_client_from(const ProtobufCBinaryData *bytes)
{
	return (struct gw_bytes){bytes->data, bytes->len};
}

static inline char *kv_client_text(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* Copies a text of a reply, cut where there is no room. */
void kv_client_copy(char *to, size_t size, const char *from);

#endif
