/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.c - ISA-L's CRC with the inversion before and after that the standard asks for. What is
 * short (a frame's header) is done here: ISA-L's way takes as long to begin as that takes in all.
 */
#include "base/crc32c.h"

#include "base/little_endian.h"

#include <isa-l/crc.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

enum {
	PIECE_MAX = 1 << 30, /* ISA-L counts in int */
	SHORT_MAX = 192,
};

#if defined(__x86_64__)
static bool has_short(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t crc_short(uint32_t crc, const uint8_t *at,
							    size_t size)
{
	uint64_t wide = crc;

	for (; size >= sizeof(uint64_t); at += sizeof(uint64_t), size -= sizeof(uint64_t))
		wide = _mm_crc32_u64(wide, base_load64(at));
	for (crc = (uint32_t)wide; size > 0; size--)
		crc = _mm_crc32_u8(crc, *at++);
	return crc;
}
#else
static bool has_short(void)
{
	return false;
}

static uint32_t crc_short(uint32_t crc, const uint8_t *at, size_t size)
{
	(void)at;
	(void)size;
	return crc;
}
#endif

uint32_t base_crc32c(uint32_t crc, const void *data, size_t size)
{
	/* ISA-L only reads; its prototype forgot to say so. */
	unsigned char *at = (unsigned char *)(uintptr_t)data;

	crc = ~crc;
	if (size <= SHORT_MAX && has_short())
		return ~crc_short(crc, at, size);
	while (size > 0) {
		size_t piece = size < PIECE_MAX ? size : PIECE_MAX;

		crc = crc32_iscsi(at, (int)piece, crc);
		at += piece;
		size -= piece;
	}
	return ~crc;
}
