/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.h - the checksum of everything on disk and on the wire: CRC-32C (Castagnoli, as in iSCSI),
 * at the speed of memory.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <groundwork/base.h>

/* The checksum of data behind bytes whose checksum is crc; crc is 0 at the start. */
uint32_t base_crc32c(uint32_t crc, const void *data, size_t size);

#endif
