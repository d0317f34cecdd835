/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - the ordered table of keys that the state machine changes: one in memory, one in LMDB.
 *
 *     begin; get, put, remove, ...; end      a run of changes, all or none of it on disk
 *     read_begin; get, walk; read_end        what a handler reads, with no wait in between
 *     freeze                                 what there is now, to be read on another thread
 *
 * What get and walk give points into the table: until the next change, or the end of the run or
 * read. A failure of a function that changes leaves the table unusable: its member steps aside.
 */
#ifndef KV_SERVER_TABLE_H
#define KV_SERVER_TABLE_H

#include "kv/limits.h"

#include <groundwork/base.h>

enum { KV_TABLE_MAP_BYTES_LOG2 = 36 }; /* of LMDB's map, and its file with holes: the most */

struct kv_item {
	struct gw_bytes value;
	uint64_t version;    /* the entry that last changed it */
	uint64_t expires_ms; /* on the log's clock; 0: it stays */
};

/* Goes on with the next key until something else than 0 is returned, which walk returns then. */
typedef int kv_visit(void *context, struct gw_bytes key, const struct kv_item *item);

/* What a table was when it was frozen. */
struct kv_frozen {
	/* The next key in order: 1, 0 at the end, or a negative code. Any thread, one at a time. */
	int (*next)(struct kv_frozen *frozen, struct gw_bytes *key, struct kv_item *item,
		    struct gw_error *error);
	/* On the table's thread, before the table is freed. */
	void (*free)(struct kv_frozen *frozen);
};

struct kv_table {
	const struct kv_table_operations *operations;
	uint64_t applied;     /* of the last run that ended */
	uint64_t keys, bytes; /* of keys and values */
};

struct kv_table_operations {
	const char *name;
	int (*begin)(struct kv_table *table, struct gw_error *error);
	/* The run lasts from now on as long as the table does; applied goes with it. */
	int (*end)(struct kv_table *table, uint64_t applied, struct gw_error *error);

	int (*read_begin)(struct kv_table *table, struct gw_error *error);
	void (*read_end)(struct kv_table *table);

	/* 1: it is there, also when its time is over; 0: it is not. GW_E_CORRUPT. */
	int (*get)(struct kv_table *table, struct gw_bytes key, struct kv_item *item,
		   struct gw_error *error);
	/* From the first key that is not before begin, in order. */
	int (*walk)(struct kv_table *table, struct gw_bytes begin, kv_visit *visit, void *context,
		    struct gw_error *error);
	/* The key whose time is over first: 1, and a key that lasts until the next change; 0: all
	 * stay. */
	int (*first_due)(struct kv_table *table, struct gw_bytes *key, uint64_t *expires_ms,
			 struct gw_error *error);

	/* old is what get has just given, NULL if it is not there. item's value may be old's. */
	int (*put)(struct kv_table *table, struct gw_bytes key, const struct kv_item *old,
		   const struct kv_item *item, struct gw_error *error);
	int (*remove)(struct kv_table *table, struct gw_bytes key, const struct kv_item *old,
		      struct gw_error *error);
	int (*clear)(struct kv_table *table, struct gw_error *error); /* in a run */

	int (*freeze)(struct kv_table *table, struct kv_frozen **frozen, struct gw_error *error);
	/* Waits until all that ended is on disk. On any thread. */
	int (*sync)(struct kv_table *table, struct gw_error *error);
	void (*free)(struct kv_table *table);
};

/* Keys come from outside, so the seed is nobody's to know; what the table holds does not depend on
 * it. */
int kv_table_memory_new(struct kv_table **table, uint64_t seed,
			struct gw_error *error) GW_MUST_CHECK;

/* The file `path` and `path`-lock, made when they are not there. What is in them is believed: after
 * a stop that was not clean remove them first. map_bytes 0: as named above. GW_E_VERSION,
 * GW_E_CORRUPT, GW_E_NO_SPACE. */
int kv_table_lmdb_open(struct kv_table **table, const char *path, uint64_t map_bytes,
		       struct gw_error *error) GW_MUST_CHECK;
/* As it is opened by itself where the file system cannot make room ahead: slower. */
int kv_table_lmdb_open_unmapped(struct kv_table **table, const char *path, uint64_t map_bytes,
				struct gw_error *error) GW_MUST_CHECK;

void kv_table_free(struct kv_table *table); /* NULL is fine */

#endif
