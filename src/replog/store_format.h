/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_format.h - the file "format" of a member's directory: whose it is. Little-endian:
 *
 *     u32 "GWRL", u32 version 1, u32 bytes of all, u32 0, 16 bytes cluster, u64 member,
 *     u32 bytes of members, members (raft_members_encode), u32 CRC-32C of all before
 */
#ifndef REPLOG_STORE_FORMAT_H
#define REPLOG_STORE_FORMAT_H

#include "replog/store.h"

enum {
	REPLOG_FORMAT_MAGIC = 0x4c525747, /* "GWRL" */
	REPLOG_FORMAT_VERSION = 1,
	REPLOG_FORMAT_HEAD_BYTES = 44,
	REPLOG_FORMAT_BYTES_MAX = REPLOG_FORMAT_HEAD_BYTES + RAFT_MEMBERS_BYTES_MAX + 4,
};

size_t replog_format_encode(const struct replog_identity *identity,
			    uint8_t out[REPLOG_FORMAT_BYTES_MAX]);
/* name is for sentences. GW_E_CORRUPT, GW_E_VERSION. */
int replog_format_decode(const char *name, struct gw_bytes in, struct replog_identity *identity,
			 struct gw_error *error) GW_MUST_CHECK;

#endif
