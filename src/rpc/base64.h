/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.h - bytes as letters (RFC 4648), as JSON has them.
 */
#ifndef RPC_BASE64_H
#define RPC_BASE64_H

#include "base/buffer.h"

/* Appends the letters of the bytes, filled up with '='. */
int rpc_base64_put(struct base_buffer *buffer, struct gw_bytes bytes,
		   struct gw_error *error) GW_MUST_CHECK;

/* Appends the bytes of the letters: of the standard alphabet or that of URLs, with '=' at the end
 * or without. GW_E_INVALID for anything else. */
int rpc_base64_take(struct base_buffer *buffer, struct gw_bytes letters,
		    struct gw_error *error) GW_MUST_CHECK;

#endif
