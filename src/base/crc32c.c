/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.c - ISA-L's CRC with the inversion before and after that the standard asks for.
 */
#include "base/crc32c.h"

#include <isa-l/crc.h>

/* ISA-L counts in int. */
enum { PIECE_MAX = 1 << 30 };

uint32_t base_crc32c(uint32_t crc, const void *data, size_t size)
{
	/* ISA-L only reads; its prototype forgot to say so. */
	unsigned char *at = (unsigned char *)(uintptr_t)data;

	crc = ~crc;
	while (size > 0) {
		size_t piece = size < PIECE_MAX ? size : PIECE_MAX;

		crc = crc32_iscsi(at, (int)piece, crc);
		at += piece;
		size -= piece;
	}
	return ~crc;
}
