/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - an ordered table from byte strings to byte strings, in pages (pages.h): a B+tree whose
 * pages leave out the bytes that all their keys begin with. All durable state of the master but the
 * chunk records is in one such table.
 *
 * What functions give points into the table and lasts until its next change. After a change has
 * failed (GW_E_NO_MEMORY) the table is not to be used.
 */
#ifndef GFS_MASTER_TABLE_H
#define GFS_MASTER_TABLE_H

#include "gfs/common/limits.h"
#include "gfs/master/pages.h"

enum {
	GFS_KEY_BYTES_MAX = GFS_PATH_BYTES_MAX + 33,    /* and what stands around it */
	GFS_VALUE_BYTES_MAX = GFS_PATH_BYTES_MAX + 129, /* and a file's attributes */
	GFS_TABLE_DEPTH_MAX = 16,
};

struct gfs_table {
	struct gfs_pages pages;
	uint32_t root;
	uint32_t depth;   /* pages from root to leaf; 0: not initialized */
	uint64_t entries;
	uint64_t bytes;   /* of keys and values as they were put */
	uint8_t *scratch; /* two pages */
};

/* A table as it is, or as it was when it was frozen; for reading. */
struct gfs_view {
	uint8_t *const *pages;
	uint32_t root, depth;
};

/* A place in a view. Of a table that is not frozen it lasts until the table changes. */
struct gfs_cursor {
	struct gfs_view view;
	struct {
		uint32_t page;
		uint32_t slot; /* inner pages: 0 is the child left of the first key */
	} path[GFS_TABLE_DEPTH_MAX];
	uint8_t key[GFS_KEY_BYTES_MAX];
	size_t key_bytes;
	struct gw_bytes value;
};

int gfs_table_init(struct gfs_table *table, struct gw_error *error) GW_MUST_CHECK;
void gfs_table_done(struct gfs_table *table); /* also of one that is zero */

bool gfs_table_get(const struct gfs_table *table, struct gw_bytes key, struct gw_bytes *value);
/* In place of what is there. value may not point into the table. */
int gfs_table_put(struct gfs_table *table, struct gw_bytes key, struct gw_bytes value,
		  struct gw_error *error) GW_MUST_CHECK;
/* 1: it was there, 0: it was not. */
int gfs_table_remove(struct gfs_table *table, struct gw_bytes key,
		     struct gw_error *error) GW_MUST_CHECK;

struct gfs_view gfs_table_view(const struct gfs_table *table);
struct gfs_view gfs_table_view_frozen(const struct gfs_table *at_freeze,
				      const struct gfs_frozen *frozen);
/* The first entry that is not before key; false: none. */
bool gfs_cursor_seek(struct gfs_cursor *cursor, struct gfs_view view, struct gw_bytes key);
bool gfs_cursor_next(struct gfs_cursor *cursor);
static inline struct gw_bytes gfs_cursor_key(const struct gfs_cursor *cursor)
{
	return (struct gw_bytes){cursor->key, cursor->key_bytes};
}

/* Looks at all of it; GW_E_CORRUPT with a sentence. For tests. */
int gfs_table_check(const struct gfs_table *table, struct gw_error *error) GW_MUST_CHECK;

#endif
