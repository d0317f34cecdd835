/* SPDX-License-Identifier: Apache-2.0 */
/*
 * due.h - the keys of a table by the end of their time: 8 bytes of milliseconds, most significant
 * first so that their order is that of time, and the key.
 */
#ifndef KV_SERVER_DUE_H
#define KV_SERVER_DUE_H

#include "kv/limits.h"

#include <groundwork/base.h>

#include <assert.h>
#include <endian.h>

enum { KV_DUE_BYTES_MAX = 8 + KV_KEY_BYTES_MAX };

/* In bytes. */
static inline struct gw_bytes kv_due_key(struct gw_bytes key, uint64_t expires_ms,
					 uint8_t bytes[KV_DUE_BYTES_MAX])
{
	uint64_t raw = htobe64(expires_ms);

	assert(key.size <= KV_KEY_BYTES_MAX);
	memcpy(bytes, &raw, sizeof(raw));
	memcpy(bytes + sizeof(raw), key.data, key.size);
	return (struct gw_bytes){bytes, sizeof(raw) + key.size};
}

static inline void kv_due_read(struct gw_bytes due, struct gw_bytes *key, uint64_t *expires_ms)
{
	uint64_t raw;

	assert(due.size > sizeof(raw));
	memcpy(&raw, due.data, sizeof(raw));
	*expires_ms = be64toh(raw);
	*key = (struct gw_bytes){(const uint8_t *)due.data + sizeof(raw), due.size - sizeof(raw)};
}

#endif
