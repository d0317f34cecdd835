/* SPDX-License-Identifier: Apache-2.0 */
/*
 * little_endian.h - numbers as they are on disk and on the wire: little-endian, at any address.
 */
#ifndef BASE_LITTLE_ENDIAN_H
#define BASE_LITTLE_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t base_load16(const void *from)
{
	uint16_t raw;

	memcpy(&raw, from, sizeof(raw));
	return le16toh(raw);
}

static inline uint32_t base_load32(const void *from)
{
	uint32_t raw;

	memcpy(&raw, from, sizeof(raw));
	return le32toh(raw);
}

static inline uint64_t base_load64(const void *from)
{
	uint64_t raw;

	memcpy(&raw, from, sizeof(raw));
	return le64toh(raw);
}

static inline void base_store16(void *to, uint16_t number)
{
	uint16_t raw = htole16(number);

	memcpy(to, &raw, sizeof(raw));
}

static inline void base_store32(void *to, uint32_t number)
{
	uint32_t raw = htole32(number);

	memcpy(to, &raw, sizeof(raw));
}

static inline void base_store64(void *to, uint64_t number)
{
	uint64_t raw = htole64(number);

	memcpy(to, &raw, sizeof(raw));
}

#endif
