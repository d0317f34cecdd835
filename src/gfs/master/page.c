/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - entries in one page of the table.
 */
#include "gfs/master/page.h"

#include "base/varint.h"

enum { ENTRY_MAX = 2 * 2 + GFS_KEY_BYTES_MAX + GFS_VALUE_BYTES_MAX };

/* After a split by the middle the fuller half and one more entry fit, whatever the prefixes do. */
_Static_assert(2 * (ENTRY_MAX + 2) + GFS_KEY_BYTES_MAX + 16 < GFS_PAGE_BYTES,
	       "two entries fit a page");
_Static_assert(GFS_PAGE_BYTES <= 32768, "offsets are 16 bits");

static struct page_head *head_of(void *page)
{
	return page;
}

static size_t slots_at(const void *page)
{
	return (sizeof(struct page_head) + page_head(page)->prefix + 1) & ~(size_t)1;
}

static uint16_t slot_read(const void *page, uint32_t slot)
{
	uint16_t offset;

	assert(slot < page_head(page)->count);
	memcpy(&offset, (const uint8_t *)page + slots_at(page) + 2 * slot, sizeof(offset));
	return offset;
}

static size_t gap(const void *page)
{
	return page_head(page)->heap - (slots_at(page) + 2u * page_head(page)->count);
}

/* The entry at an offset; how many bytes it takes. */
static size_t entry_read(const void *page, size_t offset, struct page_item *item)
{
	const uint8_t *at = (const uint8_t *)page + offset;
	uint64_t rest, value;
	size_t head = base_varint_get(at, GFS_PAGE_BYTES - offset, &rest);

	assert(head > 0);
	head += base_varint_get(at + head, GFS_PAGE_BYTES - offset - head, &value);
	item->rest = (struct gw_bytes){at + head, rest};
	item->value = (struct gw_bytes){at + head + rest, value};
	assert(offset + head + rest + value <= GFS_PAGE_BYTES);
	return head + rest + value;
}

static size_t entry_bytes(size_t rest, size_t value)
{
	return base_varint_size(rest) + base_varint_size(value) + rest + value;
}

void gfs_page_init(void *page, struct gw_bytes prefix, uint32_t left)
{
	assert(prefix.size <= GFS_KEY_BYTES_MAX);
	*head_of(page) = (struct page_head){.prefix = (uint16_t)prefix.size,
					    .heap = (uint16_t)GFS_PAGE_BYTES,
					    .left = left};
	if (prefix.size > 0)
		memcpy((uint8_t *)page + sizeof(struct page_head), prefix.data, prefix.size);
}

struct page_item gfs_page_item(const void *page, uint32_t slot)
{
	struct page_item item;

	entry_read(page, slot_read(page, slot), &item);
	return item;
}

size_t gfs_page_common(struct gw_bytes a, struct gw_bytes b)
{
	const uint8_t *x = a.data, *y = b.data;
	size_t size = a.size < b.size ? a.size : b.size, common = 0;

	while (common < size && x[common] == y[common])
		common++;
	return common;
}

uint32_t gfs_page_find(const void *page, struct gw_bytes key, bool *equal)
{
	struct gw_bytes prefix = page_prefix(page), rest;
	uint32_t low = 0, high = page_head(page)->count;

	*equal = false;
	if (gfs_page_common(prefix, key) < prefix.size)
		return gw_bytes_compare(key, prefix) < 0 ? 0 : high;
	rest = (struct gw_bytes){(const uint8_t *)key.data + prefix.size, key.size - prefix.size};
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = gw_bytes_compare(gfs_page_item(page, middle).rest, rest);

		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*equal = *equal || order == 0;
	}
	return low;
}

size_t gfs_page_key(const void *page, uint32_t slot, uint8_t *out)
{
	struct gw_bytes prefix = page_prefix(page), rest = gfs_page_item(page, slot).rest;

	assert(prefix.size + rest.size <= GFS_KEY_BYTES_MAX);
	memcpy(out, prefix.data, prefix.size);
	if (rest.size > 0)
		memcpy(out + prefix.size, rest.data, rest.size);
	return prefix.size + rest.size;
}

/* Behind the prefix of the key: `more` bytes, then rest. There is room. */
static void entry_add(void *page, uint32_t slot, struct gw_bytes more, struct gw_bytes rest,
		      struct gw_bytes value)
{
	struct page_head *head = head_of(page);
	size_t size = entry_bytes(more.size + rest.size, value.size);
	uint8_t *slots = (uint8_t *)page + slots_at(page), *at;
	uint16_t offset;

	assert(slot <= head->count && size + 2 <= gap(page));
	head->heap = offset = (uint16_t)(head->heap - size);
	at = (uint8_t *)page + offset;
	at += base_varint_put(at, more.size + rest.size);
	at += base_varint_put(at, value.size);
	if (more.size > 0)
		memcpy(at, more.data, more.size);
	if (rest.size > 0)
		memcpy(at + more.size, rest.data, rest.size);
	if (value.size > 0)
		memcpy(at + more.size + rest.size, value.data, value.size);
	memmove(slots + 2 * slot + 2, slots + 2 * slot, 2 * (head->count - slot));
	memcpy(slots + 2 * slot, &offset, sizeof(offset));
	head->count++;
}

bool gfs_page_take(void *page, const void *other, uint32_t from, uint32_t to)
{
	struct gw_bytes theirs = page_prefix(other);
	size_t mine = page_head(page)->prefix;

	for (uint32_t i = from; i < to; i++) {
		struct page_item item = gfs_page_item(other, i);
		struct gw_bytes more = {NULL, 0};

		if (mine < theirs.size) {
			more = (struct gw_bytes){(const uint8_t *)theirs.data + mine,
						 theirs.size - mine};
		} else {
			assert(item.rest.size >= mine - theirs.size);
			item.rest.data = (const uint8_t *)item.rest.data + (mine - theirs.size);
			item.rest.size -= mine - theirs.size;
		}
		if (entry_bytes(more.size + item.rest.size, item.value.size) + 2 > gap(page))
			return false;
		entry_add(page, page_head(page)->count, more, item.rest, item.value);
	}
	return true;
}

/* The same entries under a prefix of so many bytes, not more than now, without holes. */
static bool rebuild(void *page, size_t prefix, void *scratch)
{
	memcpy(scratch, page, GFS_PAGE_BYTES);
	gfs_page_init(page, (struct gw_bytes){page_prefix(scratch).data, prefix},
		  page_head(scratch)->left);
	if (gfs_page_take(page, scratch, 0, page_head(scratch)->count))
		return true;
	memcpy(page, scratch, GFS_PAGE_BYTES);
	return false;
}

bool gfs_page_insert(void *page, uint32_t slot, struct gw_bytes key, struct gw_bytes value,
		 void *scratch)
{
	size_t prefix = gfs_page_common(page_prefix(page), key), need;
	struct gw_bytes rest;

	assert(key.size <= GFS_KEY_BYTES_MAX && value.size <= GFS_VALUE_BYTES_MAX);
	if (prefix < page_head(page)->prefix && !rebuild(page, prefix, scratch))
		return false;
	rest = (struct gw_bytes){(const uint8_t *)key.data + prefix, key.size - prefix};
	need = entry_bytes(rest.size, value.size) + 2;
	if (need > gap(page)) {
		if (need > gap(page) + page_head(page)->dead || !rebuild(page, prefix, scratch) ||
		    need > gap(page))
			return false;
	}
	entry_add(page, slot, (struct gw_bytes){NULL, 0}, rest, value);
	return true;
}

void gfs_page_remove(void *page, uint32_t slot)
{
	struct page_head *head = head_of(page);
	uint8_t *slots = (uint8_t *)page + slots_at(page);
	struct page_item item;

	head->dead += (uint16_t)entry_read(page, slot_read(page, slot), &item);
	memmove(slots + 2 * slot, slots + 2 * slot + 2, 2 * (head->count - slot - 1u));
	head->count--;
}

uint32_t gfs_page_used(const void *page)
{
	return (uint32_t)(GFS_PAGE_BYTES - gap(page) - page_head(page)->dead);
}
