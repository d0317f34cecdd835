/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hide.c - deleting, undeleting, collecting. A deleted file has two entries: under the time when it
 * may be collected, and under the path that it had.
 */
#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"

#include "base/varint.h"

#define PATH_ARGUMENTS(path) (int)(path).size, (const char *)(path).data

enum { COLLECT_CHUNKS_MAX = 20000 }; /* freed by one record, but for those of its last file */

/* ---- Entries of deleted files --------------------------------------------------------------- */

static bool was_decode(struct gw_bytes value, struct gfs_deleted *deleted)
{
	size_t size = base_varint_get(value.data, value.size, &deleted->due_ms);

	return size > 0 && base_varint_get((const uint8_t *)value.data + size, value.size - size,
					   &deleted->deleted) == value.size - size;
}

static int was_put(struct gfs_state *state, struct gw_bytes path, uint64_t id, uint64_t due_ms,
		   struct gw_error *error)
{
	uint8_t value[2 * BASE_VARINT_MAX];
	struct gfs_key key;
	size_t size = base_varint_put(value, due_ms);

	size += base_varint_put(value + size, state->applied);
	gfs_key_was(&key, path, id);
	return gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){value, size},
			     error);
}

static int hidden_put(struct gfs_state *state, struct gw_bytes path, const struct gfs_file *file,
		      uint64_t due_ms, struct gw_error *error)
{
	uint8_t value[GFS_VALUE_BYTES_MAX];
	struct gfs_key key;
	size_t size = gfs_file_encode(file, value);

	assert(path.size <= sizeof(value) - size);
	memcpy(value + size, path.data, path.size);
	gfs_key_hidden(&key, due_ms, file->id);
	return gfs_table_put(&state->table, gfs_key_bytes(&key),
			     (struct gw_bytes){value, size + path.size}, error);
}

/* Both entries of a hidden file, gone. */
static int hidden_remove(struct gfs_state *state, struct gw_bytes path, uint64_t id,
			 uint64_t due_ms, struct gw_error *error)
{
	struct gfs_key key;
	int code;

	gfs_key_was(&key, path, id);
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	gfs_key_hidden(&key, due_ms, id);
	assert(code != 0);
	if (code >= 0)
		code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	assert(code != 0);
	return code < 0 ? code : 0;
}

/* That which was deleted last of those that had the path, or the one with the id. */
static bool find_deleted(const struct gfs_state *state, struct gw_bytes path, uint64_t id,
			 struct gfs_deleted *found)
{
	struct gfs_cursor cursor;
	struct gfs_key key;
	bool any = false, more;

	gfs_key_was(&key, path, 0);
	key.size -= 8;
	more = gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&key));
	for (; more && gfs_key_has_prefix(gfs_cursor_key(&cursor), &key);
	     more = gfs_cursor_next(&cursor)) {
		struct gfs_deleted deleted = {.path = path};
		bool is_whole = was_decode(cursor.value, &deleted);

		assert(is_whole && cursor.key_bytes == key.size + 8);
		deleted.id = gfs_key_read64(gfs_cursor_key(&cursor), key.size);
		if ((id == 0 || id == deleted.id) && (!any || deleted.deleted > found->deleted)) {
			*found = deleted;
			any = true;
		}
	}
	return any;
}

static struct gfs_file hidden_read(const struct gfs_state *state, const struct gfs_deleted *deleted)
{
	struct gw_bytes value = {NULL, 0};
	struct gfs_file file = {0};
	struct gfs_key key;
	bool found;
	size_t size;

	gfs_key_hidden(&key, deleted->due_ms, deleted->id);
	found = gfs_table_get(&state->table, gfs_key_bytes(&key), &value);
	size = found ? gfs_file_decode(value, &file) : 0;
	assert(size > 0 && size < value.size);
	return file;
}

int gfs_list_deleted(const struct gfs_state *state, struct gw_bytes path, struct gw_bytes after,
		     int (*visit)(void *context, const struct gfs_deleted *deleted), void *context)
{
	struct gfs_cursor cursor;
	struct gfs_key key, first;
	uint8_t had[GFS_PATH_BYTES_MAX];
	bool more;

	gfs_key_was(&key, path, 0);
	key.size -= 10; /* the path alone, and what begins with it */
	first = key;
	if (after.size > 0) {
		gfs_key_was(&first, after, UINT64_MAX); /* an id that none has */
		if (gw_bytes_compare(gfs_key_bytes(&first), gfs_key_bytes(&key)) < 0)
			first = key;
	}
	more = gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&first));
	for (; more && gfs_key_has_prefix(gfs_cursor_key(&cursor), &key);
	     more = gfs_cursor_next(&cursor)) {
		struct gfs_deleted deleted = {.path = {had, 0}};
		bool is_whole = was_decode(cursor.value, &deleted);
		int code;

		assert(is_whole);
		deleted.path.size = gfs_key_to_path(gfs_cursor_key(&cursor), had);
		deleted.id = gfs_key_read64(gfs_cursor_key(&cursor), cursor.key_bytes - 8);
		if (!gfs_path_is_under(deleted.path, path))
			continue;
		code = visit(context, &deleted);
		if (code != 0)
			return code;
	}
	return 0;
}

/* ---- Deleting ------------------------------------------------------------------------------- */

int gfs_hide(struct gfs_state *state, struct gw_bytes path, const struct gfs_file *file,
	     uint64_t due_ms, struct gw_error *error)
{
	struct gfs_key key;
	int code = gfs_chunks_live(state, file->id, -1, error);

	assert(!file->is_directory && state->files > 0);
	gfs_key_path(&key, path);
	if (code >= 0)
		code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	if (code >= 0)
		code = hidden_put(state, path, file, due_ms, error);
	if (code >= 0)
		code = was_put(state, path, file->id, due_ms, error);
	state->files--;
	state->hidden++;
	return code < 0 ? code : 0;
}

static int remove_directory(struct gfs_state *state, const struct gfs_record *record,
			    struct gw_error *error)
{
	struct gfs_cursor cursor;
	struct gfs_key key;
	int code;

	if (record->path.size == 1)
		return gw_fail(error, GW_E_INVALID, "the root stays");
	gfs_key_path(&key, record->path);
	gfs_key_add(&key, "", 1);
	if (gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&key)) &&
	    gfs_key_has_prefix(gfs_cursor_key(&cursor), &key))
		return gw_fail(error, GW_E_BUSY, "%.*s is not empty",
			       PATH_ARGUMENTS(record->path));
	key.size--;
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	state->directories--;
	return code < 0 ? code : gfs_touch_parent(state, record->path, error);
}

/* A file that is deleted already is collected as soon as can be. */
static int hurry(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		 struct gw_error *error)
{
	struct gfs_deleted deleted;
	struct gfs_file file;
	int code;

	if (record->id == 0 || !find_deleted(state, record->path, record->id, &deleted))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such file or directory",
			       PATH_ARGUMENTS(record->path));
	file = hidden_read(state, &deleted);
	done->id = deleted.id;
	code = hidden_remove(state, record->path, deleted.id, deleted.due_ms, error);
	if (code == 0)
		code = hidden_put(state, record->path, &file, state->wall_ms, error);
	return code < 0 ? code : was_put(state, record->path, deleted.id, state->wall_ms, error);
}

int gfs_do_delete(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		  struct gw_error *error)
{
	uint64_t due_ms = state->wall_ms;
	struct gfs_file file;
	int code;

	if (!gfs_find(state, record->path, &file) || (record->id != 0 && record->id != file.id))
		return hurry(state, record, done, error);
	done->id = file.id;
	if (file.is_directory)
		return remove_directory(state, record, error);
	if (!(record->options & GFS_NOW))
		due_ms += gfs_collect_ms_at(state, record->path);
	code = gfs_hide(state, record->path, &file, due_ms, error);
	return code < 0 ? code : gfs_touch_parent(state, record->path, error);
}

int gfs_do_undelete(struct gfs_state *state, const struct gfs_record *record,
		    struct gfs_done *done, struct gw_error *error)
{
	struct gw_bytes to = record->to.size > 0 ? record->to : record->path;
	struct gfs_deleted deleted;
	struct gfs_file file;
	int code;

	if (!find_deleted(state, record->path, record->id, &deleted))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such deleted file",
			       PATH_ARGUMENTS(record->path));
	code = gfs_check_free(state, to, error);
	if (code < 0)
		return code;
	file = hidden_read(state, &deleted);
	done->id = file.id;
	code = hidden_remove(state, record->path, deleted.id, deleted.due_ms, error);
	if (code == 0)
		code = gfs_put_file(state, to, &file, error);
	if (code == 0)
		code = gfs_chunks_live(state, file.id, 1, error);
	state->hidden--;
	state->files++;
	return code < 0 ? code : gfs_touch_parent(state, to, error);
}

/* ---- Collecting ----------------------------------------------------------------------------- */

/* The hidden file whose time was over first. */
static bool first_due(const struct gfs_state *state, struct gfs_deleted *deleted,
		      uint8_t path[GFS_PATH_BYTES_MAX])
{
	struct gfs_cursor cursor;
	struct gfs_file file;
	struct gfs_key key;
	size_t size;

	gfs_key_begin(&key, GFS_KEY_HIDDEN);
	if (!gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&key)) ||
	    cursor.key[0] != GFS_KEY_HIDDEN)
		return false;
	size = gfs_file_decode(cursor.value, &file);
	assert(size > 0 && cursor.value.size - size <= GFS_PATH_BYTES_MAX);
	deleted->due_ms = gfs_key_read64(gfs_cursor_key(&cursor), 1);
	deleted->id = file.id;
	deleted->path = (struct gw_bytes){path, cursor.value.size - size};
	memcpy(path, (const uint8_t *)cursor.value.data + size, deleted->path.size);
	return deleted->due_ms <= state->wall_ms;
}

bool gfs_is_collectable(const struct gfs_state *state)
{
	uint8_t path[GFS_PATH_BYTES_MAX];
	struct gfs_deleted deleted;

	return first_due(state, &deleted, path);
}

int gfs_do_collect(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		   struct gw_error *error)
{
	uint8_t path[GFS_PATH_BYTES_MAX];
	struct gfs_deleted deleted;
	uint64_t chunks = 0, cut;

	while (first_due(state, &deleted, path)) {
		int code;

		if (done->number == record->count || chunks >= COLLECT_CHUNKS_MAX) {
			done->more = true;
			return 0;
		}
		code = gfs_chunks_cut(state, deleted.id, 0, false, &cut, error);
		if (code == 0)
			code = hidden_remove(state, deleted.path, deleted.id, deleted.due_ms,
					     error);
		if (code < 0)
			return code;
		chunks += cut;
		done->number++;
		state->hidden--;
	}
	return 0;
}
