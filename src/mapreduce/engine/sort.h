/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.h - stable sorting of pairs by key, through an array of (8 bytes of the key, reference).
 * Byte order by radix: the leading bits that differ are distributed at once, what is left is small
 * enough for insertion; keys that agree in 8 bytes go on with the next 8. Any other order by
 * merging.
 */
#ifndef MR_SORT_H
#define MR_SORT_H

#include <groundwork/base.h>

struct mr_sort_entry {
	uint64_t prefix;     /* mr_key_prefix(key, depth) */
	const void *item;    /* what `key` understands */
};

typedef struct gw_bytes mr_sort_key(const void *item);

/* Sorts entries by the bytes of their keys. All keys agree in their first `depth` bytes, and
 * prefix holds the next 8. scratch has room for count entries. Prefixes are undefined
 * afterwards. */
void mr_sort(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
	     size_t depth, mr_sort_key *key);

/* Sorts entries by compare(context, a, b) of their items, stable. */
typedef int mr_sort_compare(void *context, const void *a, const void *b);
void mr_sort_by(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
		mr_sort_compare *compare, void *context);

#endif
