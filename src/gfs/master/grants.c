/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.c - chunks of files, their references, copies and grants.
 */
#include "gfs/master/grants.h"

#include "base/little_endian.h"
#include "base/varint.h"
#include "gfs/master/namespace.h"
#include "gfs/master/servers.h"

enum { GRANT_BYTES_MAX = BASE_VARINT_MAX * (2 + GFS_GOAL_MAX) };

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory to change a chunk");
}

/* ---- Reading -------------------------------------------------------------------------------- */

bool gfs_chunk_of(const struct gfs_state *state, uint64_t id, uint64_t index, uint32_t *slot)
{
	struct gw_bytes value;
	struct gfs_key key;

	if (index >= GFS_FILE_CHUNKS_MAX)
		return false;
	gfs_key_chunk(&key, id, (uint32_t)index);
	if (!gfs_table_get(&state->table, gfs_key_bytes(&key), &value))
		return false;
	assert(value.size == 4);
	*slot = base_load32(value.data);
	return true;
}

bool gfs_chunk_next(const struct gfs_state *state, uint64_t id, uint64_t *index, uint32_t *slot)
{
	struct gfs_cursor cursor;
	struct gfs_key key;

	if (*index >= GFS_FILE_CHUNKS_MAX)
		return false;
	gfs_key_chunk(&key, id, (uint32_t)*index);
	if (!gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&key)) ||
	    cursor.key[0] != GFS_KEY_CHUNK || gfs_key_read64(gfs_cursor_key(&cursor), 1) != id)
		return false;
	*index = gfs_key_read32(gfs_cursor_key(&cursor), 9);
	*slot = base_load32(cursor.value.data);
	return true;
}

/* The bytes of a grant; false: they are none. */
static bool grant_decode(struct gw_bytes bytes, struct gfs_grant *grant)
{
	const uint8_t *at = bytes.data;
	uint64_t number;
	size_t size = base_varint_get(at, bytes.size, &grant->incarnation), took;

	took = size > 0 ? base_varint_get(at + size, bytes.size - size, &number) : 0;
	if (took == 0 || number == 0 || number > GFS_GOAL_MAX)
		return false;
	size += took;
	grant->set.count = (uint32_t)number;
	for (uint32_t i = 0; i < grant->set.count; i++, size += took) {
		took = base_varint_get(at + size, bytes.size - size, &number);
		if (took == 0 || number > GFS_SERVERS_MAX)
			return false;
		grant->set.servers[i] = (uint16_t)number;
	}
	return size == bytes.size;
}

bool gfs_grant_of(const struct gfs_state *state, uint32_t slot, struct gfs_grant *grant)
{
	struct gw_bytes value;
	struct gfs_key key;
	bool is_whole;

	gfs_key_slot(&key, GFS_KEY_GRANT, slot);
	if (!gfs_table_get(&state->table, gfs_key_bytes(&key), &value))
		return false;
	is_whole = grant_decode(value, grant);
	assert(is_whole);
	return true;
}

uint64_t gfs_source_of(const struct gfs_state *state, uint32_t slot)
{
	struct gw_bytes value;
	struct gfs_key key;

	gfs_key_slot(&key, GFS_KEY_COPY, slot);
	if (!gfs_table_get(&state->table, gfs_key_bytes(&key), &value))
		return 0;
	assert(value.size == 8);
	return base_load64(value.data);
}

/* ---- Changing ------------------------------------------------------------------------------- */

int gfs_set_check(const struct gfs_state *state, const struct gfs_set *set, struct gw_error *error)
{
	struct gfs_server server;

	assert(set->count <= GFS_GOAL_MAX);
	for (uint32_t i = 0; i < set->count; i++)
		if (!gfs_server_find(state, set->servers[i], &server))
			return gw_fail(error, GW_E_INVALID, "there is no server %u",
				       set->servers[i]);
	return 0;
}

static int grant_put(struct gfs_state *state, uint32_t slot, const struct gfs_record *record,
		     struct gw_error *error)
{
	uint8_t value[GRANT_BYTES_MAX];
	struct gfs_key key;
	size_t size = base_varint_put(value, record->incarnation);

	assert(record->set.count > 0);
	size += base_varint_put(value + size, record->set.count);
	for (uint32_t i = 0; i < record->set.count; i++)
		size += base_varint_put(value + size, record->set.servers[i]);
	gfs_key_slot(&key, GFS_KEY_GRANT, slot);
	return gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){value, size},
			     error);
}

static int chunk_put(struct gfs_state *state, uint64_t id, uint64_t index, uint32_t slot,
		     struct gw_error *error)
{
	struct gfs_key key;
	uint8_t value[4];

	assert(index < GFS_FILE_CHUNKS_MAX);
	base_store32(value, slot);
	gfs_key_chunk(&key, id, (uint32_t)index);
	return gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){value, 4},
			     error);
}

int gfs_chunk_attach(struct gfs_state *state, struct gfs_file *file, uint64_t index,
		     const struct gfs_record *record, struct gfs_done *done,
		     struct gw_error *error)
{
	bool is_granted = record->set.count > 0;
	int code = gfs_chunks_add(&state->chunks, is_granted ? 1 : 0, file->goal, &done->handle,
				  error);

	if (code < 0)
		return code;
	file->chunks++;
	done->index = index;
	done->chunk_log2 = file->chunk_log2;
	code = chunk_put(state, file->id, index, gfs_slot_of(done->handle), error);
	if (code == 0 && is_granted)
		code = grant_put(state, gfs_slot_of(done->handle), record, error);
	return code;
}

int gfs_chunk_release(struct gfs_state *state, uint32_t slot, bool was_live,
		      struct gw_error *error)
{
	struct gfs_chunk *chunk = gfs_chunks_write(&state->chunks, slot);
	uint64_t source;
	struct gfs_key key;
	int code;

	if (!chunk)
		return no_memory(error);
	assert(chunk->references > 0 && chunk->live >= was_live);
	chunk->references--;
	chunk->live -= was_live;
	if (chunk->references > 0)
		return 0;
	source = gfs_source_of(state, slot);
	gfs_key_slot(&key, GFS_KEY_GRANT, slot);
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	gfs_key_slot(&key, GFS_KEY_COPY, slot);
	if (code >= 0)
		code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	if (code >= 0)
		code = gfs_chunks_free(&state->chunks, slot, error);
	if (code >= 0 && state->freed)
		state->freed(state->context, slot);
	/* A source is no copy that is under way itself, so this ends here. */
	if (code >= 0 && source != 0)
		code = gfs_chunk_release(state, gfs_slot_of(source), false, error);
	return code < 0 ? code : 0;
}

int gfs_chunks_cut(struct gfs_state *state, uint64_t id, uint64_t index, bool was_live,
		   uint64_t *cut, struct gw_error *error)
{
	struct gfs_key key;
	uint32_t slot;

	*cut = 0;
	while (gfs_chunk_next(state, id, &index, &slot)) {
		int code;

		gfs_key_chunk(&key, id, (uint32_t)index);
		code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
		if (code >= 0)
			code = gfs_chunk_release(state, slot, was_live, error);
		if (code < 0)
			return code;
		++*cut;
	}
	return 0;
}

int gfs_chunks_live(struct gfs_state *state, uint64_t id, int by, struct gw_error *error)
{
	uint64_t index = 0;
	uint32_t slot;

	for (; gfs_chunk_next(state, id, &index, &slot); index++) {
		struct gfs_chunk *chunk = gfs_chunks_write(&state->chunks, slot);

		if (!chunk)
			return no_memory(error);
		assert(by == 1 || (by == -1 && chunk->live > 0));
		chunk->live += (uint32_t)by;
		assert(chunk->live <= chunk->references);
	}
	return 0;
}

/* ---- Records -------------------------------------------------------------------------------- */

static int find_chunk(const struct gfs_state *state, uint64_t handle,
		      const struct gfs_chunk **chunk, struct gw_error *error)
{
	*chunk = gfs_chunks_find(&state->chunks, handle);
	if (!*chunk)
		return gw_fail(error, GW_E_NOT_FOUND, "there is no chunk 0x%llx",
			       (unsigned long long)handle);
	return 0;
}

int gfs_do_chunk_add(struct gfs_state *state, const struct gfs_record *record,
		     struct gfs_done *done, struct gw_error *error)
{
	struct gfs_file file;
	uint32_t slot;
	int code = gfs_find_file(state, record->path, record->id, &file, error);

	if (code < 0)
		return code;
	done->id = file.id;
	if (gfs_chunk_of(state, file.id, record->index, &slot)) {
		done->existed = true;
		done->handle = gfs_chunks_handle(&state->chunks, slot);
		done->index = record->index;
		done->chunk_log2 = file.chunk_log2;
		return 0;
	}
	if (record->index >= GFS_FILE_CHUNKS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a file has %d chunks at most",
			       GFS_FILE_CHUNKS_MAX);
	code = gfs_set_check(state, &record->set, error);
	if (code == 0)
		code = gfs_chunk_attach(state, &file, record->index, record, done, error);
	return code < 0 ? code : gfs_put_file(state, record->path, &file, error);
}

/* The file's reference goes to the new chunk, and the old one keeps it as that of a copy. */
int gfs_do_chunk_copy(struct gfs_state *state, const struct gfs_record *record,
		      struct gfs_done *done, struct gw_error *error)
{
	const struct gfs_chunk *old;
	struct gfs_chunk *source;
	struct gfs_file file;
	struct gfs_key key;
	uint8_t value[8];
	uint32_t slot, goal, version;
	int code = gfs_find_file(state, record->path, record->id, &file, error);

	if (code == 0)
		code = find_chunk(state, record->handle, &old, error);
	if (code < 0)
		return code;
	if (!gfs_chunk_of(state, file.id, record->index, &slot) ||
	    slot != gfs_slot_of(record->handle))
		return gw_fail(error, GW_E_STALE, "the file has another chunk there now");
	if (old->references < 2)
		return gw_fail(error, GW_E_INVALID, "the chunk is not shared");
	if (gfs_source_of(state, slot) != 0)
		return gw_fail(error, GW_E_BUSY, "the chunk is being copied itself");
	goal = old->goal;
	version = old->version;
	code = gfs_chunks_add(&state->chunks, version, (uint8_t)goal, &done->handle, error);
	source = code == 0 ? gfs_chunks_write(&state->chunks, slot) : NULL;
	if (code == 0 && !source)
		code = no_memory(error);
	if (code < 0)
		return code;
	source->live--;
	done->id = file.id;
	done->index = record->index;
	done->chunk_log2 = file.chunk_log2;
	base_store64(value, record->handle);
	gfs_key_slot(&key, GFS_KEY_COPY, gfs_slot_of(done->handle));
	code = gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){value, 8},
			     error);
	return code < 0 ? code : chunk_put(state, file.id, record->index,
					   gfs_slot_of(done->handle), error);
}

int gfs_do_chunk_copied(struct gfs_state *state, const struct gfs_record *record,
			struct gfs_done *done, struct gw_error *error)
{
	const struct gfs_chunk *chunk;
	uint32_t slot = gfs_slot_of(record->handle);
	uint64_t source;
	struct gfs_key key;
	int code = find_chunk(state, record->handle, &chunk, error);

	if (code < 0)
		return code;
	done->handle = record->handle;
	source = gfs_source_of(state, slot);
	if (source == 0)
		return 0;
	gfs_key_slot(&key, GFS_KEY_COPY, slot);
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	return code < 0 ? code : gfs_chunk_release(state, gfs_slot_of(source), false, error);
}

int gfs_do_grant(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		 struct gw_error *error)
{
	const struct gfs_chunk *chunk;
	struct gfs_chunk *changed;
	uint32_t slot = gfs_slot_of(record->handle);
	int code = find_chunk(state, record->handle, &chunk, error);

	if (code == 0)
		code = gfs_set_check(state, &record->set, error);
	if (code < 0)
		return code;
	if (record->set.count == 0)
		return gw_fail(error, GW_E_INVALID, "a grant to nobody");
	if (record->version <= chunk->version || record->version > UINT32_MAX)
		return gw_fail(error, GW_E_STALE, "a grant of version %llu; the chunk has %u",
			       (unsigned long long)record->version, chunk->version);
	if (chunk->references > 1)
		return gw_fail(error, GW_E_BUSY, "the chunk is shared: it is copied first");
	if (gfs_source_of(state, slot) != 0)
		return gw_fail(error, GW_E_BUSY, "the chunk is not copied yet");
	changed = gfs_chunks_write(&state->chunks, slot);
	if (!changed)
		return no_memory(error);
	changed->version = (uint32_t)record->version;
	done->handle = record->handle;
	return grant_put(state, slot, record, error);
}

int gfs_do_release(struct gfs_state *state, const struct gfs_record *record,
		   struct gfs_done *done, struct gw_error *error)
{
	const struct gfs_chunk *chunk;
	struct gfs_key key;
	int code = find_chunk(state, record->handle, &chunk, error);

	if (code < 0)
		return code;
	done->handle = record->handle;
	if (record->version != chunk->version)
		return gw_fail(error, GW_E_STALE, "version %llu was granted anew",
			       (unsigned long long)record->version);
	gfs_key_slot(&key, GFS_KEY_GRANT, gfs_slot_of(record->handle));
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	return code < 0 ? code : 0;
}

int gfs_do_version(struct gfs_state *state, const struct gfs_record *record,
		   struct gfs_done *done, struct gw_error *error)
{
	const struct gfs_chunk *chunk;
	struct gfs_chunk *changed;
	struct gfs_key key;
	int code = find_chunk(state, record->handle, &chunk, error);

	if (code < 0)
		return code;
	if (record->version <= chunk->version || record->version > UINT32_MAX)
		return gw_fail(error, GW_E_STALE, "version %llu is not above %u",
			       (unsigned long long)record->version, chunk->version);
	done->handle = record->handle;
	changed = gfs_chunks_write(&state->chunks, gfs_slot_of(record->handle));
	if (!changed)
		return no_memory(error);
	changed->version = (uint32_t)record->version;
	/* Whoever held a grant of a lower version is not to write. */
	gfs_key_slot(&key, GFS_KEY_GRANT, gfs_slot_of(record->handle));
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	return code < 0 ? code : 0;
}

/* ---- Lengths -------------------------------------------------------------------------------- */

int gfs_do_truncate(struct gfs_state *state, const struct gfs_record *record,
		    struct gfs_done *done, struct gw_error *error)
{
	struct gfs_file file;
	uint64_t bytes, cut;
	int code = gfs_find_file(state, record->path, 0, &file, error);

	if (code < 0)
		return code;
	bytes = (uint64_t)1 << file.chunk_log2;
	if (record->length > bytes * GFS_FILE_CHUNKS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a length of %llu",
			       (unsigned long long)record->length);
	done->id = file.id;
	code = gfs_chunks_cut(state, file.id, (record->length + bytes - 1) / bytes, true, &cut,
			      error);
	if (code < 0)
		return code;
	assert(cut <= file.chunks);
	file.chunks -= cut;
	file.length = record->length;
	file.modified_ms = state->wall_ms;
	return gfs_put_file(state, record->path, &file, error);
}

int gfs_do_length(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		  struct gw_error *error)
{
	struct gfs_file file;
	int code = gfs_find_file(state, record->path, record->id, &file, error);

	if (code < 0)
		return code;
	if (record->length > (uint64_t)GFS_FILE_CHUNKS_MAX << file.chunk_log2)
		return gw_fail(error, GW_E_TOO_LARGE, "a length of %llu",
			       (unsigned long long)record->length);
	done->id = file.id;
	if (record->length <= file.length)
		return 0;
	file.length = record->length;
	file.modified_ms = state->wall_ms;
	return gfs_put_file(state, record->path, &file, error);
}
