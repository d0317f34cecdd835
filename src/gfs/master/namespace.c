/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace.c - finding, listing, creating, renaming, setting.
 */
#include "gfs/master/namespace.h"

#include "gfs/master/grants.h"

#define PATH_ARGUMENTS(path) (int)(path).size, (const char *)(path).data

/* ---- Reading -------------------------------------------------------------------------------- */

bool gfs_find(const struct gfs_state *state, struct gw_bytes path, struct gfs_file *file)
{
	struct gw_bytes value;
	struct gfs_key key;
	size_t size;

	gfs_key_path(&key, path);
	if (!gfs_table_get(&state->table, gfs_key_bytes(&key), &value))
		return false;
	size = gfs_file_decode(value, file);
	assert(size == value.size);
	return true;
}

int gfs_find_file(const struct gfs_state *state, struct gw_bytes path, uint64_t id,
		  struct gfs_file *file, struct gw_error *error)
{
	if (!gfs_find(state, path, file))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such file", PATH_ARGUMENTS(path));
	if (file->is_directory)
		return gw_fail(error, GW_E_INVALID, "%.*s is a directory", PATH_ARGUMENTS(path));
	if (id != 0 && file->id != id)
		return gw_fail(error, GW_E_STALE, "%.*s is another file now",
			       PATH_ARGUMENTS(path));
	return 0;
}

uint8_t gfs_goal_at(const struct gfs_state *state, struct gw_bytes path)
{
	while (path.size > 1) {
		struct gfs_file file;

		path = gfs_path_parent(path);
		if (gfs_find(state, path, &file) && file.is_directory && file.goal > 0)
			return file.goal;
	}
	return GFS_GOAL;
}

uint64_t gfs_collect_ms_at(const struct gfs_state *state, struct gw_bytes path)
{
	while (path.size > 1) {
		struct gfs_file file;

		path = gfs_path_parent(path);
		if (gfs_find(state, path, &file) && file.is_directory && file.collect_ms > 0)
			return file.collect_ms - 1;
	}
	return GFS_COLLECT_MS;
}

static int find_directory(const struct gfs_state *state, struct gw_bytes path,
			  struct gfs_file *file, struct gw_error *error)
{
	if (!gfs_find(state, path, file))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such directory",
			       PATH_ARGUMENTS(path));
	if (!file->is_directory)
		return gw_fail(error, GW_E_INVALID, "%.*s is no directory", PATH_ARGUMENTS(path));
	return 0;
}

int gfs_list(const struct gfs_state *state, struct gw_bytes path, struct gw_bytes after,
	     gfs_visit *visit, void *context, struct gw_error *error)
{
	struct gfs_key directory, key;
	struct gfs_cursor cursor;
	struct gfs_file file;
	int code = find_directory(state, path, &file, error);
	bool more;

	if (code < 0)
		return code;
	if (after.size > GFS_NAME_BYTES_MAX ||
	    (after.size > 0 && memchr(after.data, 0, after.size)))
		return gw_fail(error, GW_E_INVALID, "no name can be %zu such bytes", after.size);
	gfs_key_path(&directory, path);
	gfs_key_add(&directory, "", 1);
	key = directory;
	if (after.size > 0 && after.size < GFS_KEY_BYTES_MAX - key.size) {
		gfs_key_add(&key, after.data, after.size);
		gfs_key_add(&key, "\1", 1); /* behind what is under it */
	}
	more = gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&key));
	while (more && gfs_key_has_prefix(gfs_cursor_key(&cursor), &directory)) {
		const uint8_t *begin = cursor.key + directory.size;
		struct gw_bytes name = {begin, cursor.key_bytes - directory.size};
		size_t size = gfs_file_decode(cursor.value, &file);

		assert(size == cursor.value.size && !memchr(name.data, 0, name.size));
		if (after.size == 0 || gw_bytes_compare(name, after) > 0) {
			code = visit(context, name, &file);
			if (code != 0)
				return code;
		}
		if (file.is_directory) {
			key.size = 0;
			gfs_key_add(&key, cursor.key, cursor.key_bytes);
			gfs_key_add(&key, "\1", 1);
			more = gfs_cursor_seek(&cursor, cursor.view, gfs_key_bytes(&key));
		} else {
			more = gfs_cursor_next(&cursor);
		}
	}
	return 0;
}

/* ---- Helpers of operations ------------------------------------------------------------------ */

bool gfs_path_is_under(struct gw_bytes path, struct gw_bytes above)
{
	const uint8_t *at = path.data;

	if (above.size == 1)
		return true;
	return path.size >= above.size && memcmp(at, above.data, above.size) == 0 &&
	       (path.size == above.size || at[above.size] == '/');
}

int gfs_put_file(struct gfs_state *state, struct gw_bytes path, const struct gfs_file *file,
		 struct gw_error *error)
{
	uint8_t value[GFS_FILE_BYTES_MAX_ENCODED];
	struct gfs_key key;
	size_t size = gfs_file_encode(file, value);

	gfs_key_path(&key, path);
	return gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){value, size},
			     error);
}

int gfs_check_free(const struct gfs_state *state, struct gw_bytes path, struct gw_error *error)
{
	struct gfs_file file;

	if (gfs_find(state, path, &file))
		return gw_fail(error, GW_E_EXISTS, "%.*s exists", PATH_ARGUMENTS(path));
	return find_directory(state, gfs_path_parent(path), &file, error);
}

int gfs_touch_parent(struct gfs_state *state, struct gw_bytes path, struct gw_error *error)
{
	struct gw_bytes parent = gfs_path_parent(path);
	struct gfs_file file;
	bool found = gfs_find(state, parent, &file);

	assert(found && file.is_directory);
	if (file.modified_ms == state->wall_ms)
		return 0;
	file.modified_ms = state->wall_ms;
	return gfs_put_file(state, parent, &file, error);
}

int gfs_tree_check(const struct gfs_state *state, struct gw_bytes from, struct gw_bytes to,
		   uint64_t *entries, struct gw_error *error)
{
	struct gfs_cursor cursor;
	struct gfs_key under;
	bool more;

	*entries = 1;
	gfs_key_path(&under, from);
	gfs_key_add(&under, "", 1);
	more = gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&under));
	for (; more && gfs_key_has_prefix(gfs_cursor_key(&cursor), &under);
	     more = gfs_cursor_next(&cursor)) {
		if (++*entries > GFS_TREE_ENTRIES_MAX)
			return gw_fail(error, GW_E_TOO_LARGE, "%.*s has over %d entries",
				       PATH_ARGUMENTS(from), GFS_TREE_ENTRIES_MAX);
		if (cursor.key_bytes - under.size + to.size + 1 > GFS_PATH_BYTES_MAX)
			return gw_fail(error, GW_E_TOO_LARGE,
				       "a path under %.*s would be over %d bytes",
				       PATH_ARGUMENTS(to), GFS_PATH_BYTES_MAX);
	}
	return 0;
}

/* ---- Create, mkdir -------------------------------------------------------------------------- */

static struct gfs_file new_entry(struct gfs_state *state, const struct gfs_record *record)
{
	return (struct gfs_file){.mode = (uint32_t)record->mode & 07777,
				 .user = (uint32_t)record->user,
				 .group = (uint32_t)record->group,
				 .id = state->next_id++,
				 .modified_ms = state->wall_ms,
				 .changed_ms = state->wall_ms};
}

static int owner_check(const struct gfs_record *record, struct gw_error *error)
{
	if (record->user > UINT32_MAX || record->group > UINT32_MAX || record->mode > 07777)
		return gw_fail(error, GW_E_INVALID, "a mode, user or group that cannot be");
	return 0;
}

static int create_check(const struct gfs_state *state, const struct gfs_record *record,
			struct gw_error *error)
{
	int code = owner_check(record, error);

	if (code < 0)
		return code;
	if (record->goal > GFS_GOAL_MAX)
		return gw_fail(error, GW_E_INVALID, "a goal of %llu; %d is the most",
			       (unsigned long long)record->goal, GFS_GOAL_MAX);
	if (record->chunk_log2 != 0 && (record->chunk_log2 < GFS_CHUNK_LOG2_MIN ||
					record->chunk_log2 > GFS_CHUNK_LOG2_MAX))
		return gw_fail(error, GW_E_INVALID, "chunks of 2^%llu bytes",
			       (unsigned long long)record->chunk_log2);
	code = gfs_set_check(state, &record->set, error);
	return code < 0 ? code : gfs_check_free(state, record->path, error);
}

int gfs_do_create(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		  struct gw_error *error)
{
	struct gfs_file file;
	int code;

	if ((record->options & GFS_OR_OPEN) && gfs_find(state, record->path, &file)) {
		done->existed = true;
		done->id = file.id;
		return gfs_find_file(state, record->path, 0, &file, error);
	}
	code = create_check(state, record, error);
	if (code < 0)
		return code;
	file = new_entry(state, record);
	file.goal = (uint8_t)(record->goal ? record->goal : gfs_goal_at(state, record->path));
	file.chunk_log2 = (uint8_t)(record->chunk_log2 ? record->chunk_log2 : GFS_CHUNK_LOG2);
	done->id = file.id;
	if (record->options & GFS_WITH_CHUNK)
		code = gfs_chunk_attach(state, &file, 0, record, done, error);
	if (code == 0)
		code = gfs_put_file(state, record->path, &file, error);
	state->files++;
	return code < 0 ? code : gfs_touch_parent(state, record->path, error);
}

int gfs_do_mkdir(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		 struct gw_error *error)
{
	struct gfs_file file;
	int code = owner_check(record, error);

	if (code == 0)
		code = gfs_check_free(state, record->path, error);
	if (code < 0)
		return code;
	file = new_entry(state, record);
	file.is_directory = true;
	done->id = file.id;
	state->directories++;
	code = gfs_put_file(state, record->path, &file, error);
	return code < 0 ? code : gfs_touch_parent(state, record->path, error);
}

/* ---- Rename --------------------------------------------------------------------------------- */

static int rename_check(const struct gfs_state *state, const struct gfs_record *record,
			const struct gfs_file *file, bool *replaces, struct gfs_file *old,
			struct gw_error *error)
{
	uint64_t entries;

	*replaces = false;
	if (record->path.size == 1 || record->to.size <= 1)
		return gw_fail(error, GW_E_INVALID, "the root has no other name");
	if (gfs_path_is_under(record->to, record->path))
		return gw_fail(error, GW_E_INVALID, "%.*s is under %.*s",
			       PATH_ARGUMENTS(record->to), PATH_ARGUMENTS(record->path));
	if ((record->options & GFS_REPLACE) && gfs_find(state, record->to, old)) {
		if (old->is_directory || file->is_directory)
			return gw_fail(error, GW_E_EXISTS, "%.*s exists, and only files replace "
				       "files", PATH_ARGUMENTS(record->to));
		*replaces = true;
		return 0;
	}
	if (gfs_check_free(state, record->to, error) < 0)
		return gw_fail_in(error, "rename");
	return file->is_directory ? gfs_tree_check(state, record->path, record->to, &entries, error)
				  : 0;
}

/* All of the tree, one after the other. */
static int move_tree(struct gfs_state *state, struct gw_bytes from, struct gw_bytes to,
		     struct gw_error *error)
{
	uint8_t value[GFS_FILE_BYTES_MAX_ENCODED];
	struct gfs_cursor cursor;
	struct gfs_key under, target;
	int code = 0;

	gfs_key_path(&under, from);
	gfs_key_add(&under, "", 1);
	while (code >= 0 && gfs_cursor_seek(&cursor, gfs_table_view(&state->table),
					    gfs_key_bytes(&under)) &&
	       gfs_key_has_prefix(gfs_cursor_key(&cursor), &under)) {
		size_t size = cursor.value.size;

		assert(size <= sizeof(value));
		memcpy(value, cursor.value.data, size);
		gfs_key_path(&target, to);
		gfs_key_add(&target, cursor.key + under.size - 1,
			    cursor.key_bytes - under.size + 1);
		code = gfs_table_remove(&state->table, gfs_cursor_key(&cursor), error);
		if (code >= 0)
			code = gfs_table_put(&state->table, gfs_key_bytes(&target),
					     (struct gw_bytes){value, size}, error);
	}
	return code < 0 ? code : 0;
}

int gfs_do_rename(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		  struct gw_error *error)
{
	struct gfs_file file, old;
	struct gfs_key key;
	bool replaces;
	int code;

	if (!gfs_find(state, record->path, &file))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such file or directory",
			       PATH_ARGUMENTS(record->path));
	code = rename_check(state, record, &file, &replaces, &old, error);
	if (code < 0)
		return code;
	done->id = file.id;
	done->existed = replaces;
	if (replaces)
		code = gfs_hide(state, record->to, &old,
				state->wall_ms + gfs_collect_ms_at(state, record->to), error);
	gfs_key_path(&key, record->path);
	if (code >= 0)
		code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	file.changed_ms = state->wall_ms;
	if (code >= 0)
		code = gfs_put_file(state, record->to, &file, error);
	if (code >= 0 && file.is_directory)
		code = move_tree(state, record->path, record->to, error);
	if (code >= 0)
		code = gfs_touch_parent(state, record->path, error);
	return code < 0 ? code : gfs_touch_parent(state, record->to, error);
}

/* ---- Set ------------------------------------------------------------------------------------ */

static int set_check(const struct gfs_record *record, const struct gfs_file *file,
		     struct gw_error *error)
{
	if (owner_check(record, error) < 0)
		return GW_E_INVALID;
	if ((record->options & GFS_SET_GOAL) &&
	    (record->goal > GFS_GOAL_MAX || (record->goal == 0 && !file->is_directory)))
		return gw_fail(error, GW_E_INVALID, "a goal of %llu: 1 to %d can be",
			       (unsigned long long)record->goal, GFS_GOAL_MAX);
	if ((record->options & GFS_SET_COLLECT) &&
	    (!file->is_directory || record->collect_ms > UINT64_MAX / 4))
		return gw_fail(error, GW_E_INVALID, "how long deleted files stay is a directory's");
	return 0;
}

/* A shared chunk keeps the higher goal. */
static int set_goal(struct gfs_state *state, const struct gfs_file *file, struct gw_error *error)
{
	uint64_t index = 0;
	uint32_t slot;

	for (; gfs_chunk_next(state, file->id, &index, &slot); index++) {
		struct gfs_chunk *chunk = gfs_chunks_write(&state->chunks, slot);

		if (!chunk)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory to set a goal");
		if (chunk->references == 1 || chunk->goal < file->goal)
			chunk->goal = file->goal;
	}
	return 0;
}

int gfs_do_set(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
	       struct gw_error *error)
{
	struct gfs_file file;
	int code;

	if (!gfs_find(state, record->path, &file))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such file or directory",
			       PATH_ARGUMENTS(record->path));
	code = set_check(record, &file, error);
	if (code < 0)
		return code;
	done->id = file.id;
	file.changed_ms = state->wall_ms;
	if (record->options & GFS_SET_MODE)
		file.mode = (uint32_t)record->mode;
	if (record->options & GFS_SET_OWNER) {
		file.user = (uint32_t)record->user;
		file.group = (uint32_t)record->group;
	}
	if (record->options & GFS_SET_MODIFIED)
		file.modified_ms = record->modified_ms;
	if (record->options & GFS_SET_COLLECT)
		file.collect_ms = record->collect_ms;
	if (record->options & GFS_SET_GOAL)
		file.goal = (uint8_t)record->goal;
	if ((record->options & GFS_SET_GOAL) && !file.is_directory)
		code = set_goal(state, &file, error);
	return code < 0 ? code : gfs_put_file(state, record->path, &file, error);
}
