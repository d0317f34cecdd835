/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_lmdb.c - the table in a file of LMDB, which writes nothing through: the file is a cache of
 * snapshot and log. It holds what a run of changes left only as a whole, and its applied index.
 *
 * Three databases:
 *     keys   key -> u32 CRC32C of key and the rest, u64 version, u64 expires_ms, value
 *     due    kv_due_key -> nothing
 *     meta   "table" -> u32 version of this format, u64 applied, u64 keys, u64 bytes
 * The checksum is there because LMDB has none: what rots is told, not served.
 *
 * LMDB changes the pages where they are mapped (MDB_WRITEMAP): to write each of them by a call
 * costs three times as much. The file is as long as the map, with holes; a page that finds no room
 * on the disk would end the process, so room is made ahead of each change, and a full disk is told.
 * Where that cannot be, pages are written by calls.
 */
#include "kv/server/table.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "kv/server/due.h"
#include "kv/server/room.h"

#include <assert.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FORMAT_VERSION = 1,
	META_BYTES = 28,
	ITEM_BYTES = 20, /* in front of a value */
	READERS_MAX = 8, /* handlers' one, snapshots */
	ROOM_BYTES = 4 << 20, /* made at once */
	BEGIN_BYTES = 64 << 10, /* of an empty table */
	LOCK_BYTES = 4 << 10,   /* more than its readers take */
};

struct lmdb_table {
	struct kv_table table;
	MDB_env *env;
	MDB_dbi keys, due, meta;
	MDB_txn *write; /* in a run */
	MDB_txn *read;  /* reset but between read_begin and read_end */
	bool is_reading;
	char *path;
	uint64_t map_bytes;
	bool is_mapped;      /* pages are changed in the map, in room that was made */
	uint64_t room;       /* bytes of the file that have a place on the disk */
	uint64_t pages;      /* in use when the run began */
	uint64_t changes;    /* of the run */
	uint64_t page_bytes, value_pages; /* of the run's values */
};

static struct lmdb_table *lmdb_of(struct kv_table *table)
{
	return (struct lmdb_table *)table; /* its first member */
}

static int failed(const char *path, int code, struct gw_error *error)
{
	switch (code) {
	case MDB_MAP_FULL:
	case MDB_DBS_FULL:
		return gw_fail(error, GW_E_NO_SPACE, "%s: %s", path, mdb_strerror(code));
	case MDB_VERSION_MISMATCH:
		return gw_fail(error, GW_E_VERSION, "%s: %s", path, mdb_strerror(code));
	default:
		break;
	}
	if (code > 0)
		return gw_fail_errno(error, code, "%s", path);
	return gw_fail(error, GW_E_CORRUPT, "%s: %s", path, mdb_strerror(code));
}

static MDB_val val_of(struct gw_bytes bytes)
{
	return (MDB_val){bytes.size, (void *)(uintptr_t)bytes.data};
}

static struct gw_bytes bytes_of(const MDB_val *val)
{
	return (struct gw_bytes){val->mv_data, val->mv_size};
}

static MDB_txn *txn_of(struct lmdb_table *lmdb)
{
	assert(lmdb->write || lmdb->is_reading);
	return lmdb->write ? lmdb->write : lmdb->read;
}

/* ---- Items ---------------------------------------------------------------------------------- */

static uint32_t item_crc(struct gw_bytes key, const uint8_t *bytes, size_t size)
{
	return base_crc32c(base_crc32c(0, key.data, key.size), bytes + 4, size - 4);
}

static int item_read(const char *path, struct gw_bytes key, const MDB_val *val,
		     struct kv_item *item, struct gw_error *error)
{
	const uint8_t *at = val->mv_data;

	if (val->mv_size < ITEM_BYTES || base_load32(at) != item_crc(key, at, val->mv_size))
		return gw_fail(error, GW_E_CORRUPT,
			       "%s: checksum mismatch in the value of a key of %zu bytes", path,
			       key.size);
	item->version = base_load64(at + 4);
	item->expires_ms = base_load64(at + 12);
	item->value = (struct gw_bytes){at + ITEM_BYTES, val->mv_size - ITEM_BYTES};
	return 1;
}

static int get(struct kv_table *table, struct gw_bytes key, struct kv_item *item,
	       struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	MDB_val name = val_of(key), val;
	int code = mdb_get(txn_of(lmdb), lmdb->keys, &name, &val);

	if (code == MDB_NOTFOUND)
		return 0;
	if (code != 0)
		return failed(lmdb->path, code, error);
	return item_read(lmdb->path, key, &val, item, error);
}

/* The cursor's next item, which `operation` moves to: as kv_frozen.next. */
static int cursor_next(const char *path, MDB_cursor *cursor, MDB_cursor_op operation, MDB_val *name,
		       struct kv_item *item, struct gw_error *error)
{
	MDB_val val;
	int code = mdb_cursor_get(cursor, name, &val, operation);

	if (code == MDB_NOTFOUND)
		return 0;
	if (code != 0)
		return failed(path, code, error);
	return item_read(path, bytes_of(name), &val, item, error);
}

static int walk(struct kv_table *table, struct gw_bytes begin, kv_visit *visit, void *context,
		struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	MDB_cursor_op operation = begin.size > 0 ? MDB_SET_RANGE : MDB_FIRST;
	MDB_val name = val_of(begin);
	MDB_cursor *cursor;
	struct kv_item item;
	int code = mdb_cursor_open(txn_of(lmdb), lmdb->keys, &cursor);

	if (code != 0)
		return failed(lmdb->path, code, error);
	while ((code = cursor_next(lmdb->path, cursor, operation, &name, &item, error)) > 0) {
		operation = MDB_NEXT;
		code = visit(context, bytes_of(&name), &item);
		if (code != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return code;
}

static int first_due(struct kv_table *table, struct gw_bytes *key, uint64_t *expires_ms,
		     struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	MDB_cursor *cursor;
	MDB_val name, val;
	int code = mdb_cursor_open(txn_of(lmdb), lmdb->due, &cursor);

	if (code != 0)
		return failed(lmdb->path, code, error);
	code = mdb_cursor_get(cursor, &name, &val, MDB_FIRST);
	mdb_cursor_close(cursor);
	if (code == MDB_NOTFOUND)
		return 0;
	if (code != 0)
		return failed(lmdb->path, code, error);
	if (name.mv_size <= 8)
		return gw_fail(error, GW_E_CORRUPT, "%s: a key that ends has no name", lmdb->path);
	kv_due_read(bytes_of(&name), key, expires_ms);
	return 1;
}

/* ---- Changes -------------------------------------------------------------------------------- */

/* Before a change: a run copies each page that it touches once, and adds at most so many. */
static int make_room(struct lmdb_table *lmdb, size_t value_bytes, struct gw_error *error)
{
	uint64_t touched, need;
	int code, fd;

	if (!lmdb->is_mapped)
		return 0;
	lmdb->changes++;
	lmdb->value_pages += value_bytes / lmdb->page_bytes + 2;
	touched = lmdb->changes * 10 < lmdb->pages ? lmdb->changes * 10 : lmdb->pages;
	need = lmdb->pages + 2 * touched + 3 * lmdb->changes + lmdb->value_pages + 64;
	need *= lmdb->page_bytes;
	if (need > lmdb->map_bytes)
		need = lmdb->map_bytes; /* LMDB tells */
	if (need <= lmdb->room)
		return 0;
	need = (need + ROOM_BYTES - 1) / ROOM_BYTES * ROOM_BYTES;
	if (need > lmdb->map_bytes)
		need = lmdb->map_bytes;
	code = mdb_env_get_fd(lmdb->env, &fd);
	if (code == 0)
		code = kv_room_make(fd, lmdb->room, need);
	if (code != 0)
		return failed(lmdb->path, code, error);
	lmdb->room = need;
	return 0;
}

static int change_due(struct lmdb_table *lmdb, struct gw_bytes key, uint64_t before_ms,
		      uint64_t after_ms, struct gw_error *error)
{
	uint8_t bytes[KV_DUE_BYTES_MAX];
	MDB_val name, nothing = {0, bytes};
	int code = 0;

	if (before_ms == after_ms)
		return 0;
	if (before_ms != 0) {
		name = val_of(kv_due_key(key, before_ms, bytes));
		code = mdb_del(lmdb->write, lmdb->due, &name, NULL);
	}
	if (code == 0 && after_ms != 0) {
		name = val_of(kv_due_key(key, after_ms, bytes));
		code = mdb_put(lmdb->write, lmdb->due, &name, &nothing, 0);
	}
	return code == 0 ? 0 : failed(lmdb->path, code, error);
}

/* The room for an item, at its place in the file. */
static int put_reserved(struct lmdb_table *lmdb, struct gw_bytes key, const struct kv_item *item,
			struct gw_error *error)
{
	MDB_val name = val_of(key), val = {ITEM_BYTES + item->value.size, NULL};
	int code = mdb_put(lmdb->write, lmdb->keys, &name, &val, MDB_RESERVE);
	uint8_t *at = val.mv_data;

	if (code != 0)
		return failed(lmdb->path, code, error);
	base_store64(at + 4, item->version);
	base_store64(at + 12, item->expires_ms);
	if (item->value.size > 0)
		memcpy(at + ITEM_BYTES, item->value.data, item->value.size);
	base_store32(at, item_crc(key, at, val.mv_size));
	return 0;
}

static int put(struct kv_table *table, struct gw_bytes key, const struct kv_item *old,
	       const struct kv_item *item, struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	struct kv_item put = *item;
	void *copy = NULL;
	int code;

	assert(lmdb->write && key.size > 0 && key.size <= KV_KEY_BYTES_MAX);
	/* LMDB may make room where the old value is. */
	if (old && item->value.data == old->value.data && item->value.size > 0) {
		copy = malloc(item->value.size);
		if (!copy)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for a value");
		put.value.data = memcpy(copy, item->value.data, item->value.size);
	}
	code = make_room(lmdb, item->value.size, error);
	if (code == 0)
		code = put_reserved(lmdb, key, &put, error);
	free(copy);
	if (code < 0)
		return code;
	table->keys += old ? 0 : 1;
	table->bytes += key.size + item->value.size - (old ? key.size + old->value.size : 0);
	return change_due(lmdb, key, old ? old->expires_ms : 0, item->expires_ms, error);
}

static int remove_key(struct kv_table *table, struct gw_bytes key, const struct kv_item *old,
		      struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	uint8_t bytes[KV_KEY_BYTES_MAX];
	MDB_val name;
	int code;

	assert(lmdb->write && key.size > 0 && key.size <= KV_KEY_BYTES_MAX);
	/* The key may be in the file, where things move now. */
	memcpy(bytes, key.data, key.size);
	key.data = bytes;
	name = val_of(key);
	code = make_room(lmdb, 0, error);
	if (code < 0)
		return code;
	code = mdb_del(lmdb->write, lmdb->keys, &name, NULL);
	if (code != 0)
		return failed(lmdb->path, code, error);
	table->keys--;
	table->bytes -= key.size + old->value.size;
	return change_due(lmdb, key, old->expires_ms, 0, error);
}

static int clear(struct kv_table *table, struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	int code;

	assert(lmdb->write);
	/* The numbers of all pages that become free are written down, 8 bytes each. */
	code = make_room(lmdb, (size_t)(8 * lmdb->pages), error);
	if (code < 0)
		return code;
	code = mdb_drop(lmdb->write, lmdb->keys, 0);
	if (code == 0)
		code = mdb_drop(lmdb->write, lmdb->due, 0);
	if (code != 0)
		return failed(lmdb->path, code, error);
	table->keys = table->bytes = 0;
	return 0;
}

/* ---- Runs and reads ------------------------------------------------------------------------- */

/* As a run begins: room for what any run takes. */
static int begin_write(struct lmdb_table *lmdb, struct gw_error *error)
{
	MDB_envinfo info;
	int code;

	assert(!lmdb->write);
	code = mdb_env_info(lmdb->env, &info);
	if (code != 0)
		return failed(lmdb->path, code, error);
	lmdb->pages = info.me_last_pgno + 1;
	lmdb->changes = lmdb->value_pages = 0;
	code = make_room(lmdb, 0, error);
	if (code < 0)
		return code;
	code = mdb_txn_begin(lmdb->env, NULL, 0, &lmdb->write);
	return code == 0 ? 0 : failed(lmdb->path, code, error);
}

static int begin(struct kv_table *table, struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);

	assert(!lmdb->is_reading);
	return begin_write(lmdb, error);
}

static int meta_write(struct lmdb_table *lmdb, uint64_t applied)
{
	uint8_t bytes[META_BYTES];
	MDB_val name = val_of(gw_string("table")), val = {sizeof(bytes), bytes};

	base_store32(bytes, FORMAT_VERSION);
	base_store64(bytes + 4, applied);
	base_store64(bytes + 12, lmdb->table.keys);
	base_store64(bytes + 20, lmdb->table.bytes);
	return mdb_put(lmdb->write, lmdb->meta, &name, &val, 0);
}

static int end(struct kv_table *table, uint64_t applied, struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	int code;

	assert(lmdb->write);
	code = meta_write(lmdb, applied);
	if (code == 0)
		code = mdb_txn_commit(lmdb->write);
	else
		mdb_txn_abort(lmdb->write);
	lmdb->write = NULL;
	if (code != 0)
		return failed(lmdb->path, code, error);
	table->applied = applied;
	return 0;
}

static int read_begin(struct kv_table *table, struct gw_error *error)
{
	struct lmdb_table *lmdb = lmdb_of(table);
	int code;

	assert(!lmdb->write && !lmdb->is_reading);
	code = lmdb->read ? mdb_txn_renew(lmdb->read)
			  : mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &lmdb->read);
	if (code != 0)
		return failed(lmdb->path, code, error);
	lmdb->is_reading = true;
	return 0;
}

static void read_end(struct kv_table *table)
{
	struct lmdb_table *lmdb = lmdb_of(table);

	assert(lmdb->is_reading);
	mdb_txn_reset(lmdb->read);
	lmdb->is_reading = false;
}

/* ---- As it was ------------------------------------------------------------------------------ */

struct lmdb_frozen {
	struct kv_frozen frozen;
	MDB_txn *txn; /* keeps the pages it sees; not bound to a thread */
	MDB_cursor *cursor;
	const char *path;
};

static int frozen_next(struct kv_frozen *frozen, struct gw_bytes *key, struct kv_item *item,
		       struct gw_error *error)
{
	struct lmdb_frozen *lmdb = (struct lmdb_frozen *)frozen;
	MDB_val name;
	int code = cursor_next(lmdb->path, lmdb->cursor, MDB_NEXT, &name, item, error);

	if (code > 0)
		*key = bytes_of(&name);
	return code;
}

static void frozen_free(struct kv_frozen *frozen)
{
	struct lmdb_frozen *lmdb = (struct lmdb_frozen *)frozen;

	if (!lmdb)
		return;
	if (lmdb->cursor)
		mdb_cursor_close(lmdb->cursor);
	if (lmdb->txn)
		mdb_txn_abort(lmdb->txn);
	free(lmdb);
}

static int freeze(struct kv_table *table, struct kv_frozen **out, struct gw_error *error)
{
	struct lmdb_frozen *frozen = calloc(1, sizeof(*frozen));
	struct lmdb_table *lmdb = lmdb_of(table);
	int code;

	assert(!lmdb->write);
	*out = NULL;
	if (!frozen)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	frozen->frozen.next = frozen_next;
	frozen->frozen.free = frozen_free;
	frozen->path = lmdb->path;
	code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &frozen->txn);
	if (code == 0)
		code = mdb_cursor_open(frozen->txn, lmdb->keys, &frozen->cursor);
	if (code != 0) {
		frozen_free(&frozen->frozen);
		return failed(lmdb->path, code, error);
	}
	*out = &frozen->frozen;
	return 0;
}

static int sync_table(struct kv_table *table, struct gw_error *error)
{
	int code = mdb_env_sync(lmdb_of(table)->env, 1);

	return code == 0 ? 0 : failed(lmdb_of(table)->path, code, error);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static void free_table(struct kv_table *table)
{
	struct lmdb_table *lmdb = lmdb_of(table);

	if (lmdb->write)
		mdb_txn_abort(lmdb->write);
	if (lmdb->read)
		mdb_txn_abort(lmdb->read);
	if (lmdb->env)
		mdb_env_close(lmdb->env);
	free(lmdb->path);
	free(lmdb);
}

static int meta_read(struct lmdb_table *lmdb, struct gw_error *error)
{
	MDB_val name = val_of(gw_string("table")), val;
	int code = mdb_get(lmdb->write, lmdb->meta, &name, &val);
	const uint8_t *at = val.mv_data;

	if (code == MDB_NOTFOUND)
		return 0; /* it is new */
	if (code != 0)
		return failed(lmdb->path, code, error);
	if (val.mv_size < 4 || base_load32(at) != FORMAT_VERSION)
		return gw_fail(error, GW_E_VERSION, "%s: a table of version %u, not %u",
			       lmdb->path, val.mv_size < 4 ? 0 : base_load32(at), FORMAT_VERSION);
	if (val.mv_size != META_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "%s: the table's numbers are cut", lmdb->path);
	lmdb->table.applied = base_load64(at + 4);
	lmdb->table.keys = base_load64(at + 12);
	lmdb->table.bytes = base_load64(at + 20);
	return 0;
}

static int open_databases(struct lmdb_table *lmdb, struct gw_error *error)
{
	int code = begin_write(lmdb, error);

	if (code < 0)
		return code;
	code = mdb_dbi_open(lmdb->write, "keys", MDB_CREATE, &lmdb->keys);
	if (code == 0)
		code = mdb_dbi_open(lmdb->write, "due", MDB_CREATE, &lmdb->due);
	if (code == 0)
		code = mdb_dbi_open(lmdb->write, "meta", MDB_CREATE, &lmdb->meta);
	if (code != 0)
		return failed(lmdb->path, code, error);
	code = meta_read(lmdb, error);
	if (code < 0)
		return code;
	code = mdb_txn_commit(lmdb->write);
	lmdb->write = NULL;
	return code == 0 ? 0 : failed(lmdb->path, code, error);
}

static int open_env(struct lmdb_table *lmdb, const char *path, uint64_t map_bytes,
		    struct gw_error *error)
{
	/* Read transactions are the table's, not a thread's. */
	const unsigned flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOTLS |
			       MDB_NORDAHEAD | MDB_NOMEMINIT |
			       (lmdb->is_mapped ? MDB_WRITEMAP : 0);
	int code = mdb_env_create(&lmdb->env);
	MDB_stat stat;

	lmdb->map_bytes = map_bytes ? map_bytes : (uint64_t)1 << KV_TABLE_MAP_BYTES_LOG2;
	if (code == 0)
		code = mdb_env_set_mapsize(lmdb->env, lmdb->map_bytes);
	if (code == 0)
		code = mdb_env_set_maxdbs(lmdb->env, 3);
	if (code == 0)
		code = mdb_env_set_maxreaders(lmdb->env, READERS_MAX);
	if (code == 0)
		code = mdb_env_open(lmdb->env, path, flags, 0600);
	if (code == 0)
		code = mdb_env_stat(lmdb->env, &stat);
	if (code != 0)
		return failed(path, code, error);
	lmdb->page_bytes = stat.ms_psize;
	assert(mdb_env_get_maxkeysize(lmdb->env) >= KV_DUE_BYTES_MAX);
	return 0;
}

static int open_table(struct kv_table **out, const char *path, uint64_t map_bytes, bool is_mapped,
		      struct gw_error *error)
{
	static const struct kv_table_operations operations = {
		.name = "lmdb",
		.begin = begin,
		.end = end,
		.read_begin = read_begin,
		.read_end = read_end,
		.get = get,
		.walk = walk,
		.first_due = first_due,
		.put = put,
		.remove = remove_key,
		.clear = clear,
		.freeze = freeze,
		.sync = sync_table,
		.free = free_table,
	};
	struct lmdb_table *lmdb = calloc(1, sizeof(*lmdb));
	int code;

	if (lmdb)
		lmdb->path = strdup(path);
	if (!lmdb || !lmdb->path) {
		free(lmdb);
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a table", path);
	}
	lmdb->table.operations = &operations;
	lmdb->is_mapped = is_mapped;
	code = open_env(lmdb, path, map_bytes, error);
	if (code == 0)
		code = open_databases(lmdb, error);
	if (code < 0) {
		free_table(&lmdb->table);
		return code;
	}
	*out = &lmdb->table;
	return 0;
}

int kv_table_lmdb_open(struct kv_table **out, const char *path, uint64_t map_bytes,
		       struct gw_error *error)
{
	size_t size = strlen(path) + sizeof("-lock");
	char *lock = malloc(size);
	bool lasts;
	int code = 0;

	*out = NULL;
	if (!lock)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for a table", path);
	/* That is mapped as well. */
	(void)snprintf(lock, size, "%s-lock", path);
	code = kv_room_begin(lock, LOCK_BYTES, &lasts, error);
	free(lock);
	if (code == 0)
		code = kv_room_begin(path, BEGIN_BYTES, &lasts, error);
	return code < 0 ? code : open_table(out, path, map_bytes, lasts, error);
}

int kv_table_lmdb_open_unmapped(struct kv_table **out, const char *path, uint64_t map_bytes,
				struct gw_error *error)
{
	*out = NULL;
	return open_table(out, path, map_bytes, false, error);
}
