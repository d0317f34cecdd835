/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.c - a file or a tree, doubled: its entries are new, its chunks are shared (3.4).
 */
#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"

#include "base/little_endian.h"

#define PATH_ARGUMENTS(path) (int)(path).size, (const char *)(path).data

/* That nobody may write any of a file's chunks. */
static int check_grants(const struct gfs_state *state, const struct gfs_file *file,
			struct gw_error *error)
{
	struct gfs_grant grant;
	uint64_t index = 0;
	uint32_t slot;

	for (; !file->is_directory && gfs_chunk_next(state, file->id, &index, &slot); index++) {
		if (gfs_grant_of(state, slot, &grant))
			return gw_fail(error, GW_E_BUSY,
				       "chunk 0x%llx may be written by server %u",
				       (unsigned long long)gfs_chunks_handle(&state->chunks, slot),
				       grant.set.servers[0]);
		if (gfs_chunks_slot(&state->chunks, slot)->references == UINT32_MAX)
			return gw_fail(error, GW_E_TOO_LARGE, "a chunk in too many files");
	}
	return 0;
}

static int check_tree(const struct gfs_state *state, const struct gfs_record *record,
		      const struct gfs_file *top, struct gw_error *error)
{
	struct gfs_cursor cursor;
	struct gfs_key under;
	struct gfs_file file;
	uint64_t entries;
	int code = check_grants(state, top, error);
	bool more;

	if (code == 0 && top->is_directory)
		code = gfs_tree_check(state, record->path, record->to, &entries, error);
	gfs_key_path(&under, record->path);
	gfs_key_add(&under, "", 1);
	more = gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&under));
	for (; code == 0 && more && gfs_key_has_prefix(gfs_cursor_key(&cursor), &under);
	     more = gfs_cursor_next(&cursor)) {
		size_t size = gfs_file_decode(cursor.value, &file);

		assert(size == cursor.value.size);
		code = check_grants(state, &file, error);
	}
	return code;
}

static size_t file_granted(const struct gfs_state *state, const struct gfs_file *file,
			   struct gfs_granted *granted, size_t most)
{
	struct gfs_grant grant;
	uint64_t index = 0;
	uint32_t slot;
	size_t count = 0;

	for (; !file->is_directory && count < most &&
	       gfs_chunk_next(state, file->id, &index, &slot); index++)
		if (gfs_grant_of(state, slot, &grant))
			granted[count++] = (struct gfs_granted){
				gfs_chunks_handle(&state->chunks, slot), file->chunk_log2};
	return count;
}

size_t gfs_tree_granted(const struct gfs_state *state, struct gw_bytes path,
			struct gfs_granted *granted, size_t most)
{
	struct gfs_cursor cursor;
	struct gfs_key under;
	struct gfs_file file;
	size_t count;
	bool more;

	if (!gfs_find(state, path, &file))
		return 0;
	count = file_granted(state, &file, granted, most);
	gfs_key_path(&under, path);
	gfs_key_add(&under, "", 1);
	more = gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&under));
	for (; more && count < most && gfs_key_has_prefix(gfs_cursor_key(&cursor), &under);
	     more = gfs_cursor_next(&cursor)) {
		size_t size = gfs_file_decode(cursor.value, &file);

		assert(size == cursor.value.size);
		count += file_granted(state, &file, granted + count, most - count);
	}
	return count;
}

/* The chunks of a file are those of another one, too. */
static int share_chunks(struct gfs_state *state, uint64_t from, uint64_t to,
			struct gw_error *error)
{
	uint64_t index = 0;
	uint32_t slot;
	int code = 0;

	for (; code == 0 && gfs_chunk_next(state, from, &index, &slot); index++) {
		struct gfs_chunk *chunk = gfs_chunks_write(&state->chunks, slot);
		struct gfs_key key;
		uint8_t value[4];

		if (!chunk)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory to share a chunk");
		chunk->references++;
		chunk->live++;
		base_store32(value, slot);
		gfs_key_chunk(&key, to, (uint32_t)index);
		code = gfs_table_put(&state->table, gfs_key_bytes(&key),
				     (struct gw_bytes){value, 4}, error);
	}
	return code;
}

static int copy_entry(struct gfs_state *state, struct gw_bytes key, struct gfs_file file,
		      struct gw_error *error)
{
	uint8_t value[GFS_FILE_BYTES_MAX_ENCODED];
	uint64_t from = file.id;
	size_t size;
	int code;

	file.id = state->next_id++;
	file.changed_ms = state->wall_ms;
	size = gfs_file_encode(&file, value);
	code = gfs_table_put(&state->table, key, (struct gw_bytes){value, size}, error);
	if (file.is_directory)
		state->directories++;
	else
		state->files++;
	return code < 0 || file.is_directory ? code : share_chunks(state, from, file.id, error);
}

/* All that is under the one, under the other, where nothing is yet. */
static int copy_tree(struct gfs_state *state, const struct gfs_record *record,
		     struct gw_error *error)
{
	struct gfs_cursor cursor;
	struct gfs_key under, at, target;
	struct gfs_file file;
	int code = 0;

	gfs_key_path(&under, record->path);
	gfs_key_add(&under, "", 1);
	at = under;
	while (code == 0 && gfs_cursor_seek(&cursor, gfs_table_view(&state->table),
					    gfs_key_bytes(&at)) &&
	       gfs_key_has_prefix(gfs_cursor_key(&cursor), &under)) {
		size_t size = gfs_file_decode(cursor.value, &file);

		assert(size == cursor.value.size);
		gfs_key_path(&target, record->to);
		gfs_key_add(&target, cursor.key + under.size - 1,
			    cursor.key_bytes - under.size + 1);
		at.size = 0;
		gfs_key_add(&at, cursor.key, cursor.key_bytes);
		gfs_key_add(&at, "", 1); /* the next there can be */
		code = copy_entry(state, gfs_key_bytes(&target), file, error);
	}
	return code;
}

int gfs_do_snapshot(struct gfs_state *state, const struct gfs_record *record,
		    struct gfs_done *done, struct gw_error *error)
{
	struct gfs_file file;
	struct gfs_key key;
	int code;

	if (!gfs_find(state, record->path, &file))
		return gw_fail(error, GW_E_NOT_FOUND, "%.*s: no such file or directory",
			       PATH_ARGUMENTS(record->path));
	if (record->to.size == 0 || gfs_path_is_under(record->to, record->path))
		return gw_fail(error, GW_E_INVALID, "a snapshot of %.*s cannot be under it",
			       PATH_ARGUMENTS(record->path));
	code = gfs_check_free(state, record->to, error);
	if (code == 0)
		code = check_tree(state, record, &file, error);
	if (code < 0)
		return code;
	done->id = state->next_id;
	gfs_key_path(&key, record->to);
	code = copy_entry(state, gfs_key_bytes(&key), file, error);
	if (code == 0 && file.is_directory)
		code = copy_tree(state, record, error);
	return code < 0 ? code : gfs_touch_parent(state, record->to, error);
}
