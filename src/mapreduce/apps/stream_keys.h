/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_keys.h - parts of a key by field and byte, written like those of sort(1): "-k1,2 -k3.2,3nr
 * -n". Hadoop's KeyFieldBasedPartitioner and KeyFieldBasedComparator, with the same meaning:
 *
 *   -k POS1[,POS2]  POS is FIELD[.BYTE], both from 1; POS1's byte is 1 by default; POS2 is
 *                   included, its byte 0 or none is the end of the field; without POS2 to the
 *                   end of the key
 *   n, r            behind a position, or as -n, -r, -nr for those without: as numbers, reversed
 */
#ifndef MR_STREAM_KEYS_H
#define MR_STREAM_KEYS_H

#include <groundwork/base.h>

enum { MR_KEY_PARTS_MAX = 32, MR_SEPARATOR_MAX = 32 };

/* A string between fields; empty: there is none. */
struct mr_separator {
	char bytes[MR_SEPARATOR_MAX];
	size_t size;
};

int mr_separator_set(struct mr_separator *separator, const char *text, struct gw_error *error)
	GW_MUST_CHECK;

/* Where separator first is in data[0..size), or size. */
size_t mr_separator_find(const struct mr_separator *separator, const char *data, size_t size);

struct mr_key_part {
	uint32_t first_field, first_byte; /* from 1 */
	uint32_t last_field, last_byte;   /* 0: the end of the key; of the field */
	bool numeric, reverse;
};

struct mr_keys {
	struct mr_separator separator;
	struct mr_key_part parts[MR_KEY_PARTS_MAX];
	uint32_t count; /* 0: the whole key as bytes */
};

/* Fills in the parts; the separator is the caller's to set. */
int mr_keys_parse(struct mr_keys *keys, const char *options, struct gw_error *error) GW_MUST_CHECK;

/* Order by the parts, < 0, 0 or > 0. A key that has not the field comes first. */
int mr_keys_compare(const struct mr_keys *keys, struct gw_bytes a, struct gw_bytes b);

/* Hadoop's partition of a key: the same fields go to the same part. */
uint32_t mr_keys_partition(const struct mr_keys *keys, struct gw_bytes key, uint32_t parts);

/* Order of two decimal numbers: [-]digits[.digits], what follows is ignored, none is 0. */
int mr_compare_numbers(struct gw_bytes a, struct gw_bytes b);

#endif
