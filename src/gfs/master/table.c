/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - the tree of pages: finding, changing, walking. A page keeps its number for life, so a
 * copy of a frozen one changes no parent.
 *
 * A put that does not fit splits one page and begins anew; splitting a page whose parent has no
 * room splits the parent instead. Each round makes pages smaller, so the put fits in the end.
 */
#include "gfs/master/table.h"

#include <stdlib.h>

#include "base/little_endian.h"
#include "gfs/master/page.h"

struct step {
	uint32_t page;
	uint32_t slot; /* inner: which child, 0 the left one; leaf: where the key is, or belongs */
};

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for a page of the table");
}

static uint32_t child_of(const void *page, uint32_t index)
{
	return index == 0 ? page_head(page)->left
			  : base_load32(gfs_page_item(page, index - 1).value.data);
}

static const void *view_page(const struct gfs_view *view, uint32_t number)
{
	assert(view->pages[number]);
	return view->pages[number];
}

struct gfs_view gfs_table_view(const struct gfs_table *table)
{
	return (struct gfs_view){table->pages.pages, table->root, table->depth};
}

struct gfs_view gfs_table_view_frozen(const struct gfs_table *at_freeze,
				      const struct gfs_frozen *frozen)
{
	return (struct gfs_view){frozen->pages, at_freeze->root, at_freeze->depth};
}

int gfs_table_init(struct gfs_table *table, struct gw_error *error)
{
	uint8_t *page;

	*table = (struct gfs_table){.scratch = malloc(2 * GFS_PAGE_BYTES)};
	table->root = table->scratch ? gfs_pages_new(&table->pages) : GFS_PAGE_NONE;
	if (table->root == GFS_PAGE_NONE) {
		gfs_table_done(table);
		return no_memory(error);
	}
	page = gfs_pages_write(&table->pages, table->root);
	gfs_page_init(page, (struct gw_bytes){NULL, 0}, GFS_PAGE_NONE);
	table->depth = 1;
	return 0;
}

void gfs_table_done(struct gfs_table *table)
{
	gfs_pages_done(&table->pages);
	free(table->scratch);
	*table = (struct gfs_table){0};
}

/* ---- Finding -------------------------------------------------------------------------------- */

static bool descend(const struct gfs_view *view, struct gw_bytes key,
		    struct step steps[GFS_TABLE_DEPTH_MAX])
{
	uint32_t number = view->root;
	bool equal = false;

	assert(view->depth >= 1 && view->depth <= GFS_TABLE_DEPTH_MAX);
	for (uint32_t level = 0; level < view->depth; level++) {
		const void *page = view_page(view, number);

		steps[level] = (struct step){number, gfs_page_find(page, key, &equal)};
		if (level + 1 == view->depth)
			break;
		steps[level].slot += equal;
		number = child_of(page, steps[level].slot);
	}
	return equal;
}

bool gfs_table_get(const struct gfs_table *table, struct gw_bytes key, struct gw_bytes *value)
{
	struct gfs_view view = gfs_table_view(table);
	struct step steps[GFS_TABLE_DEPTH_MAX];
	const struct step *leaf = &steps[table->depth - 1];

	if (!descend(&view, key, steps))
		return false;
	*value = gfs_page_item(view_page(&view, leaf->page), leaf->slot).value;
	return true;
}

/* ---- Putting -------------------------------------------------------------------------------- */

static int grow_root(struct gfs_table *table, struct gw_error *error)
{
	uint32_t number;

	if (table->depth == GFS_TABLE_DEPTH_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "the table is too deep");
	number = gfs_pages_new(&table->pages);
	if (number == GFS_PAGE_NONE)
		return no_memory(error);
	gfs_page_init(gfs_pages_write(&table->pages, number), (struct gw_bytes){NULL, 0},
		      table->root);
	table->root = number;
	table->depth++;
	return 0;
}

/* Slots [from, to) of a copy of the page, which is in scratch, into another one. */
static void fill(void *page, const void *copy, uint32_t from, uint32_t to, uint32_t left)
{
	uint8_t first[GFS_KEY_BYTES_MAX];
	struct gw_bytes prefix = page_prefix(copy);
	bool fits;

	if (from < to) {
		struct gw_bytes a = gfs_page_item(copy, from).rest;
		struct gw_bytes b = gfs_page_item(copy, to - 1).rest;
		size_t common = gfs_page_common(a, b);

		memcpy(first, prefix.data, prefix.size);
		if (common > 0)
			memcpy(first + prefix.size, a.data, common);
		prefix = (struct gw_bytes){first, prefix.size + common};
	}
	gfs_page_init(page, prefix, left);
	fits = gfs_page_take(page, copy, from, to);
	assert(fits);
}

/* The shortest key that is behind the slot before `at` and not behind what comes there: slot `at`
 * of the page, or `next` when that is the end. */
static size_t separator(const void *page, uint32_t at, struct gw_bytes next,
			uint8_t out[GFS_KEY_BYTES_MAX])
{
	uint8_t before[GFS_KEY_BYTES_MAX];
	struct gw_bytes last = {before, gfs_page_key(page, at - 1, before)};
	size_t size;

	if (at < page_head(page)->count) {
		size = gfs_page_key(page, at, out);
	} else {
		size = next.size;
		memcpy(out, next.data, size);
	}
	size = gfs_page_common(last, (struct gw_bytes){out, size}) + 1;
	return size;
}

/* Where a page that key does not fit into is cut: at its end, when key belongs there, so that keys
 * that come in order leave full pages behind. */
static uint32_t cut_of(const void *page, bool is_leaf, uint32_t slot)
{
	uint32_t count = page_head(page)->count;

	assert(count >= 2);
	if (slot == count)
		return is_leaf ? count : count - 1;
	return count / 2;
}

/* Makes room around steps[level] for key, by one change of the tree. */
static int split(struct gfs_table *table, struct step *steps, uint32_t level, struct gw_bytes key,
		 struct gw_error *error)
{
	bool is_leaf = level + 1 == table->depth;
	uint8_t *copy = table->scratch + GFS_PAGE_BYTES, *page, *parent, *right;
	uint8_t bytes[GFS_KEY_BYTES_MAX], child[4];
	struct gw_bytes middle = {bytes, 0};
	uint32_t cut, number;

	if (level == 0)
		return grow_root(table, error);
	page = gfs_pages_write(&table->pages, steps[level].page);
	parent = gfs_pages_write(&table->pages, steps[level - 1].page);
	number = gfs_pages_new(&table->pages);
	if (!page || !parent || number == GFS_PAGE_NONE)
		return no_memory(error);
	right = gfs_pages_write(&table->pages, number);
	memcpy(copy, page, GFS_PAGE_BYTES);
	cut = cut_of(copy, is_leaf, steps[level].slot);
	middle.size = is_leaf ? separator(copy, cut, key, bytes) : gfs_page_key(copy, cut, bytes);
	base_store32(child, number);
	if (!gfs_page_insert(parent, steps[level - 1].slot, middle,
			 (struct gw_bytes){child, sizeof(child)}, table->scratch)) {
		gfs_pages_drop(&table->pages, number);
		return split(table, steps, level - 1, middle, error);
	}
	fill(page, copy, 0, cut, page_head(copy)->left);
	if (cut == page_head(copy)->count) /* of a leaf; key comes there */
		gfs_page_init(right, key, GFS_PAGE_NONE);
	else if (is_leaf)
		fill(right, copy, cut, page_head(copy)->count, GFS_PAGE_NONE);
	else
		fill(right, copy, cut + 1, page_head(copy)->count, child_of(copy, cut + 1));
	return 0;
}

/* Over an old value of the same size. */
static void overwrite(void *page, uint32_t slot, struct gw_bytes value)
{
	struct gw_bytes old = gfs_page_item(page, slot).value;
	size_t offset = (size_t)((const uint8_t *)old.data - (const uint8_t *)page);

	assert(old.size == value.size);
	if (value.size > 0)
		memcpy((uint8_t *)page + offset, value.data, value.size);
}

int gfs_table_put(struct gfs_table *table, struct gw_bytes key, struct gw_bytes value,
		  struct gw_error *error)
{
	struct step steps[GFS_TABLE_DEPTH_MAX];

	assert(key.size > 0 && key.size <= GFS_KEY_BYTES_MAX);
	assert(value.size <= GFS_VALUE_BYTES_MAX);
	for (;;) {
		struct gfs_view view = gfs_table_view(table);
		bool equal = descend(&view, key, steps);
		struct step *leaf = &steps[table->depth - 1];
		void *page = gfs_pages_write(&table->pages, leaf->page);
		int code;

		if (!page)
			return no_memory(error);
		if (equal) {
			struct gw_bytes old = gfs_page_item(page, leaf->slot).value;

			if (old.size == value.size) {
				overwrite(page, leaf->slot, value);
				return 0;
			}
			table->entries--;
			table->bytes -= key.size + old.size;
			gfs_page_remove(page, leaf->slot);
		}
		if (gfs_page_insert(page, leaf->slot, key, value, table->scratch)) {
			table->entries++;
			table->bytes += key.size + value.size;
			return 0;
		}
		code = split(table, steps, table->depth - 1, key, error);
		if (code < 0)
			return code;
	}
}

/* ---- Removing ------------------------------------------------------------------------------- */

/* Takes the child at steps[level] out of its parent, and frees it. */
static int drop_child(struct gfs_table *table, const struct step *steps, uint32_t level,
		      uint32_t index, struct gw_error *error)
{
	uint8_t *parent = gfs_pages_write(&table->pages, steps[level - 1].page);
	struct page_head *head = (struct page_head *)parent;

	if (!parent)
		return no_memory(error);
	gfs_pages_drop(&table->pages, child_of(parent, index));
	if (index > 0) {
		gfs_page_remove(parent, index - 1);
	} else if (head->count > 0) {
		head->left = child_of(parent, 1);
		gfs_page_remove(parent, 0);
	} else {
		/* It has no other child. The root always has. */
		assert(level >= 2);
		return drop_child(table, steps, level - 1, steps[level - 2].slot, error);
	}
	return 0;
}

/* A root with one child is replaced by it. */
static void shrink_root(struct gfs_table *table)
{
	while (table->depth > 1) {
		const void *root = gfs_pages_read(&table->pages, table->root);
		uint32_t left = page_head(root)->left;

		if (page_head(root)->count > 0)
			return;
		gfs_pages_drop(&table->pages, table->root);
		table->root = left;
		table->depth--;
	}
}

/* Joins a leaf that has become small with a neighbour of the same parent, if both fit a page with
 * room to spare. */
static int join(struct gfs_table *table, const struct step *steps, struct gw_error *error)
{
	uint32_t level = table->depth - 1, index = steps[level - 1].slot;
	const void *parent = gfs_pages_read(&table->pages, steps[level - 1].page);
	const uint8_t *a, *b;
	uint8_t *both = table->scratch, *page;
	uint8_t first[GFS_KEY_BYTES_MAX], last[GFS_KEY_BYTES_MAX];
	struct gw_bytes low = {first, 0}, high = {last, 0};

	if (page_head(parent)->count == 0)
		return 0;
	if (index == page_head(parent)->count)
		index--;
	a = gfs_pages_read(&table->pages, child_of(parent, index));
	b = gfs_pages_read(&table->pages, child_of(parent, index + 1));
	if (gfs_page_used(a) + gfs_page_used(b) > GFS_PAGE_BYTES * 3 / 4)
		return 0;
	low.size = gfs_page_key(a, 0, first);
	high.size = gfs_page_key(b, page_head(b)->count - 1u, last);
	low.size = gfs_page_common(low, high);
	gfs_page_init(both, low, GFS_PAGE_NONE);
	if (!gfs_page_take(both, a, 0, page_head(a)->count) ||
	    !gfs_page_take(both, b, 0, page_head(b)->count) ||
	    gfs_page_used(both) > GFS_PAGE_BYTES * 3 / 4)
		return 0;
	page = gfs_pages_write(&table->pages, child_of(parent, index));
	if (!page)
		return no_memory(error);
	memcpy(page, both, GFS_PAGE_BYTES);
	return drop_child(table, steps, level, index + 1, error);
}

int gfs_table_remove(struct gfs_table *table, struct gw_bytes key, struct gw_error *error)
{
	struct gfs_view view = gfs_table_view(table);
	struct step steps[GFS_TABLE_DEPTH_MAX];
	const struct step *leaf = &steps[table->depth - 1];
	uint32_t level = table->depth - 1;
	int code = 0;
	void *page;

	if (!descend(&view, key, steps))
		return 0;
	page = gfs_pages_write(&table->pages, leaf->page);
	if (!page)
		return no_memory(error);
	assert(table->entries > 0);
	table->entries--;
	table->bytes -= key.size + gfs_page_item(page, leaf->slot).value.size;
	gfs_page_remove(page, leaf->slot);
	if (level > 0 && page_head(page)->count == 0)
		code = drop_child(table, steps, level, steps[level - 1].slot, error);
	else if (level > 0 && gfs_page_used(page) < GFS_PAGE_BYTES / 4)
		code = join(table, steps, error);
	shrink_root(table);
	return code < 0 ? code : 1;
}

/* ---- Walking -------------------------------------------------------------------------------- */

/* What the path points at; from the end of a leaf to the next one. */
static bool cursor_load(struct gfs_cursor *cursor)
{
	uint32_t leaf = cursor->view.depth - 1, level = leaf;
	const void *page = view_page(&cursor->view, cursor->path[leaf].page);

	while (cursor->path[leaf].slot >= page_head(page)->count) {
		/* Up to the first page that has a child behind, and down its left side. */
		do {
			if (level == 0)
				return false;
			level--;
			page = view_page(&cursor->view, cursor->path[level].page);
		} while (cursor->path[level].slot >= page_head(page)->count);
		cursor->path[level].slot++;
		while (level < leaf) {
			uint32_t child = child_of(page, cursor->path[level].slot);

			cursor->path[++level].page = child;
			cursor->path[level].slot = 0;
			page = view_page(&cursor->view, child);
		}
	}
	cursor->key_bytes = gfs_page_key(page, cursor->path[leaf].slot, cursor->key);
	cursor->value = gfs_page_item(page, cursor->path[leaf].slot).value;
	return true;
}

bool gfs_cursor_seek(struct gfs_cursor *cursor, struct gfs_view view, struct gw_bytes key)
{
	struct step steps[GFS_TABLE_DEPTH_MAX];

	cursor->view = view;
	descend(&view, key, steps);
	for (uint32_t i = 0; i < view.depth; i++) {
		cursor->path[i].page = steps[i].page;
		cursor->path[i].slot = steps[i].slot;
	}
	return cursor_load(cursor);
}

bool gfs_cursor_next(struct gfs_cursor *cursor)
{
	cursor->path[cursor->view.depth - 1].slot++;
	return cursor_load(cursor);
}

/* ---- Looking at all of it ------------------------------------------------------------------- */

int gfs_table_check(const struct gfs_table *table, struct gw_error *error)
{
	struct gfs_cursor *cursor = malloc(sizeof(*cursor));
	uint8_t *before = malloc(GFS_KEY_BYTES_MAX);
	uint64_t entries = 0, bytes = 0;
	size_t before_bytes = 0;
	int code = cursor && before ? 0 : no_memory(error);
	bool more = code == 0 && gfs_cursor_seek(cursor, gfs_table_view(table), gw_string(""));

	for (; more && code == 0; more = gfs_cursor_next(cursor)) {
		struct gw_bytes key = gfs_cursor_key(cursor), found;

		if (entries > 0 &&
		    gw_bytes_compare((struct gw_bytes){before, before_bytes}, key) >= 0)
			code = gw_fail(error, GW_E_CORRUPT, "keys out of order");
		else if (!gfs_table_get(table, key, &found) || found.data != cursor->value.data)
			code = gw_fail(error, GW_E_CORRUPT, "a key that is not found");
		entries++;
		bytes += key.size + cursor->value.size;
		memcpy(before, key.data, key.size);
		before_bytes = key.size;
	}
	if (code == 0 && (entries != table->entries || bytes != table->bytes))
		code = gw_fail(error, GW_E_CORRUPT, "%llu entries counted as %llu",
			       (unsigned long long)entries, (unsigned long long)table->entries);
	free(cursor);
	free(before);
	return code;
}
