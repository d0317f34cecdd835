/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_manifest.h - the manifest of a snapshot: what it stands for, its files, a checksum of each
 * piece. The same bytes are the file on disk and what a member sends to one that fetches.
 * Little-endian:
 *
 *     u32 "GWRM", u32 version 1, u64 bytes of all, u64 index, u64 term, u32 bytes of a piece,
 *     u32 count of files, u32 bytes of members, u32 0, members (raft_members_encode);
 *     each file: u64 size, u32 bytes of name, name, for each piece u32 CRC-32C;
 *     u32 CRC-32C of all before
 */
#ifndef REPLOG_STORE_MANIFEST_H
#define REPLOG_STORE_MANIFEST_H

#include "base/buffer.h"
#include "replog/store.h"

enum {
	REPLOG_MANIFEST_MAGIC = 0x4d525747, /* "GWRM" */
	REPLOG_MANIFEST_VERSION = 1,
	REPLOG_MANIFEST_HEAD_BYTES = 48,
};

/* Appends the bytes to *out, which is empty. manifest->bytes is not looked at. GW_E_NO_MEMORY,
 * GW_E_TOO_LARGE. */
int replog_manifest_encode(const struct replog_manifest *manifest, struct base_buffer *out,
			   struct gw_error *error) GW_MUST_CHECK;

/* Takes a copy of the bytes. name is for sentences. The caller frees *manifest. GW_E_CORRUPT,
 * GW_E_VERSION, GW_E_NO_MEMORY. */
int replog_manifest_decode(const char *name, struct gw_bytes in,
			   struct replog_manifest **manifest,
			   struct gw_error *error) GW_MUST_CHECK;
void replog_manifest_free(struct replog_manifest *manifest);

/* Whether a file of a snapshot may be called so. */
bool replog_is_file_name(struct gw_bytes name);

#endif
