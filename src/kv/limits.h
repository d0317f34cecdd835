/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - how large things of the key/value service may be; client and server agree on them.
 */
#ifndef KV_LIMITS_H
#define KV_LIMITS_H

#include "base/little_endian.h"

enum {
	KV_KEY_BYTES_MAX = 500,       /* LMDB takes 511 */
	KV_VALUE_BYTES_MAX = 1 << 20,
	KV_KEYS_MAX = 1000,           /* of a MultiGet, a Write, an answer to Scan */
	KV_WRITE_BYTES_MAX = 3 << 19, /* of the keys and values of a Write */
	KV_SCAN_BYTES_MAX = 1 << 20,  /* of the pairs of an answer, but for the last */
	KV_MULTI_GET_BYTES_MAX = 2 << 20,
};

enum { KV_CLUSTER_BYTES = 16 }; /* of a cluster's id */

/* What a greeting names a cluster by; never 0, which is none. */
static inline uint64_t kv_cluster_number(const uint8_t id[KV_CLUSTER_BYTES])
{
	uint64_t number = base_load64(id) ^ base_load64(id + KV_CLUSTER_BYTES / 2);

	return number ? number : 1;
}

#endif
