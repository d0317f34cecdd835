/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - one page of the table: sorted keys with values, without the prefix that all of its keys
 * have. Numbers are the machine's own; pages are not written to disk.
 *
 *     head     struct page_head
 *     prefix   of all keys
 *     slots    u16 each, in the order of keys: where the entry is
 *     gap
 *     entries  from the end down: varint bytes of the rest of the key, varint bytes of the value,
 *              rest of the key, value
 *
 * An inner page has children as values, 4 bytes each: of keys from its key on; `left` is the child
 * of keys before the first.
 */
#ifndef GFS_MASTER_PAGE_H
#define GFS_MASTER_PAGE_H

#include "gfs/master/table.h"

struct page_head {
	uint16_t count;
	uint16_t prefix; /* bytes */
	uint16_t heap;   /* where entries begin; GFS_PAGE_BYTES in an empty page */
	uint16_t dead;   /* bytes of entries that were taken out */
	uint32_t left;
};

struct page_item {
	struct gw_bytes rest; /* of the key, behind the prefix */
	struct gw_bytes value;
};

static inline const struct page_head *page_head(const void *page)
{
	return page;
}

static inline struct gw_bytes page_prefix(const void *page)
{
	return (struct gw_bytes){(const uint8_t *)page + sizeof(struct page_head),
				 page_head(page)->prefix};
}

void gfs_page_init(void *page, struct gw_bytes prefix, uint32_t left);
struct page_item gfs_page_item(const void *page, uint32_t slot);
/* The first slot whose key is not before key; *equal: it is key. */
uint32_t gfs_page_find(const void *page, struct gw_bytes key, bool *equal);
/* Into out, which has GFS_KEY_BYTES_MAX bytes; how many. */
size_t gfs_page_key(const void *page, uint32_t slot, uint8_t *out);

/* False: it does not fit. scratch is a page's bytes. */
bool gfs_page_insert(void *page, uint32_t slot, struct gw_bytes key, struct gw_bytes value,
		 void *scratch) GW_MUST_CHECK;
void gfs_page_remove(void *page, uint32_t slot);
/* Appends slots [from, to) of another page; keys have page's prefix. False: they do not fit. */
bool gfs_page_take(void *page, const void *other, uint32_t from, uint32_t to) GW_MUST_CHECK;
/* Bytes in use by head, slots and entries that live. */
uint32_t gfs_page_used(const void *page);

/* How many bytes two keys have in common at their beginning. */
size_t gfs_page_common(struct gw_bytes a, struct gw_bytes b);

#endif
