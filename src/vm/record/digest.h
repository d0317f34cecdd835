/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256 of what a machine starts from.
 */
#ifndef VM_RECORD_DIGEST_H
#define VM_RECORD_DIGEST_H

#include "format.h"

int vm_digest_bytes(struct gw_bytes bytes, uint8_t digest[VM_LOG_DIGEST_BYTES],
		    struct gw_error *error) GW_MUST_CHECK;
/* Of the first `size` bytes of a file, read now. */
int vm_digest_file(const char *path, uint64_t size, uint8_t digest[VM_LOG_DIGEST_BYTES],
		   struct gw_error *error) GW_MUST_CHECK;

#endif
