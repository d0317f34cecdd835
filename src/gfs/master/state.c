/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - the beginning of a state, the table of its operations, and a look at all of it.
 */
#include "gfs/master/state.h"

#include <stdlib.h>

#include "base/little_endian.h"
#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"
#include "gfs/master/servers.h"

enum { WRITERS_ENDED_MAX = 16 }; /* by one record */

int gfs_state_init_empty(struct gfs_state *state, struct gw_error *error)
{
	*state = (struct gfs_state){.next_id = 1, .next_writer = 1, .next_server = 1};
	gfs_chunks_init(&state->chunks);
	return gfs_table_init(&state->table, error);
}

int gfs_state_init(struct gfs_state *state, struct gw_error *error)
{
	struct gfs_file root = {.is_directory = true, .mode = 0755, .id = 1};
	int code = gfs_state_init_empty(state, error);

	if (code == 0)
		code = gfs_put_file(state, gw_string("/"), &root, error);
	state->next_id = 2;
	state->directories = 1;
	if (code < 0)
		gfs_state_done(state);
	return code;
}

void gfs_state_done(struct gfs_state *state)
{
	gfs_table_done(&state->table);
	gfs_chunks_done(&state->chunks);
	*state = (struct gfs_state){0};
}

/* Brings nothing but its time. */
static int do_tick(struct gfs_state *state, const struct gfs_record *record,
		   struct gfs_done *done, struct gw_error *error)
{
	(void)state;
	(void)record;
	(void)done;
	(void)error;
	return 0;
}

static gfs_operation *const operations[GFS_RECORD_KINDS] = {
	[GFS_RECORD_CREATE] = gfs_do_create,
	[GFS_RECORD_MKDIR] = gfs_do_mkdir,
	[GFS_RECORD_DELETE] = gfs_do_delete,
	[GFS_RECORD_UNDELETE] = gfs_do_undelete,
	[GFS_RECORD_RENAME] = gfs_do_rename,
	[GFS_RECORD_SET] = gfs_do_set,
	[GFS_RECORD_TRUNCATE] = gfs_do_truncate,
	[GFS_RECORD_SNAPSHOT] = gfs_do_snapshot,
	[GFS_RECORD_LENGTH] = gfs_do_length,
	[GFS_RECORD_COLLECT] = gfs_do_collect,
	[GFS_RECORD_CHUNK_ADD] = gfs_do_chunk_add,
	[GFS_RECORD_CHUNK_COPY] = gfs_do_chunk_copy,
	[GFS_RECORD_CHUNK_COPIED] = gfs_do_chunk_copied,
	[GFS_RECORD_GRANT] = gfs_do_grant,
	[GFS_RECORD_RELEASE] = gfs_do_release,
	[GFS_RECORD_VERSION] = gfs_do_version,
	[GFS_RECORD_SERVER] = gfs_do_server,
	[GFS_RECORD_DRAIN] = gfs_do_drain,
	[GFS_RECORD_WRITER_OPEN] = gfs_do_writer_open,
	[GFS_RECORD_WRITER_KEEP] = gfs_do_writer_keep,
	[GFS_RECORD_WRITER_CLOSE] = gfs_do_writer_close,
	[GFS_RECORD_CLIENT] = do_tick, /* the machine's, which has the table of calls */
	[GFS_RECORD_TICK] = do_tick,
};

int gfs_state_do(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		 struct gw_error *error)
{
	int code = gfs_writers_end(state, WRITERS_ENDED_MAX, error);

	assert(record->kind > 0 && record->kind < GFS_RECORD_KINDS);
	*done = (struct gfs_done){0};
	return code < 0 ? code : operations[record->kind](state, record, done, error);
}

/* ---- A look at all of it -------------------------------------------------------------------- */

struct tally {
	const struct gfs_state *state;
	uint32_t *references, *live; /* by slot, as they are found */
	uint64_t files, directories, hidden, was, writers, ends;
};

static int wrong(struct gw_error *error, const struct gfs_cursor *cursor, const char *what)
{
	return gw_fail(error, GW_E_CORRUPT, "an entry of kind %u: %s", cursor->key[0], what);
}

/* The chunks of a file are counted where they belong. */
static int tally_file(struct tally *tally, const struct gfs_cursor *cursor,
		      const struct gfs_file *file, bool is_live, struct gw_error *error)
{
	uint64_t index = 0, chunks = 0;
	uint32_t slot;

	if (file->id == 0 || file->id >= tally->state->next_id)
		return wrong(error, cursor, "an id that was not given");
	for (; gfs_chunk_next(tally->state, file->id, &index, &slot); index++, chunks++) {
		if (!gfs_chunks_slot(&tally->state->chunks, slot))
			return wrong(error, cursor, "its chunk is not there");
		tally->references[slot]++;
		tally->live[slot] += is_live;
	}
	return chunks == file->chunks ? 0 : wrong(error, cursor, "another number of chunks");
}

static int tally_path(struct tally *tally, const struct gfs_cursor *cursor,
		      struct gw_error *error)
{
	uint8_t path[GFS_PATH_BYTES_MAX];
	struct gfs_file file, parent;
	struct gw_bytes bytes = {path, gfs_key_to_path(gfs_cursor_key(cursor), path)};

	if (gfs_file_decode(cursor->value, &file) != cursor->value.size)
		return wrong(error, cursor, "no file");
	if (gfs_path_check(bytes, error) < 0 ||
	    !gfs_find(tally->state, gfs_path_parent(bytes), &parent) || !parent.is_directory)
		return wrong(error, cursor, "it is in no directory");
	if (file.is_directory)
		tally->directories++;
	else
		tally->files++;
	return tally_file(tally, cursor, &file, true, error);
}

static int tally_hidden(struct tally *tally, const struct gfs_cursor *cursor,
			struct gw_error *error)
{
	struct gfs_file file;
	size_t size = gfs_file_decode(cursor->value, &file);
	struct gw_bytes path = {(const uint8_t *)cursor->value.data + size,
				cursor->value.size - size}, value;
	struct gfs_key key;

	if (size == 0 || file.is_directory || gfs_path_check(path, error) < 0)
		return wrong(error, cursor, "no deleted file");
	gfs_key_was(&key, path, file.id);
	if (gfs_key_read64(gfs_cursor_key(cursor), 9) != file.id ||
	    !gfs_table_get(&tally->state->table, gfs_key_bytes(&key), &value))
		return wrong(error, cursor, "it is not found by its path");
	tally->hidden++;
	return tally_file(tally, cursor, &file, false, error);
}

static int tally_copy(struct tally *tally, const struct gfs_cursor *cursor,
		      struct gw_error *error)
{
	uint64_t source = base_load64(cursor->value.data);
	uint32_t slot = gfs_key_read32(gfs_cursor_key(cursor), 1);

	if (!gfs_chunks_slot(&tally->state->chunks, slot) ||
	    !gfs_chunks_find(&tally->state->chunks, source))
		return wrong(error, cursor, "a copy of what is not there");
	tally->references[gfs_slot_of(source)]++;
	return 0;
}

static int tally_entry(struct tally *tally, const struct gfs_cursor *cursor,
		       struct gw_error *error)
{
	struct gfs_server server;
	uint64_t until_ms = 0;

	switch (cursor->key[0]) {
	case GFS_KEY_PATH:
		return tally_path(tally, cursor, error);
	case GFS_KEY_HIDDEN:
		return tally_hidden(tally, cursor, error);
	case GFS_KEY_WAS:
		tally->was++;
		return 0;
	case GFS_KEY_COPY:
		return tally_copy(tally, cursor, error);
	case GFS_KEY_GRANT:
		if (!gfs_chunks_slot(&tally->state->chunks,
				     gfs_key_read32(gfs_cursor_key(cursor), 1)))
			return wrong(error, cursor, "a grant of no chunk");
		return 0;
	case GFS_KEY_UUID:
		return gfs_server_find(tally->state, base_load32(cursor->value.data), &server)
			       ? 0
			       : wrong(error, cursor, "there is no such server");
	case GFS_KEY_WRITER:
		tally->writers++;
		return 0;
	case GFS_KEY_ENDS:
		tally->ends++;
		(void)gfs_writer_find(tally->state, gfs_key_read64(gfs_cursor_key(cursor), 9),
				      &until_ms);
		return until_ms == gfs_key_read64(gfs_cursor_key(cursor), 1)
			       ? 0
			       : wrong(error, cursor, "another time");
	default:
		return cursor->key[0] < GFS_KEY_KINDS ? 0 : wrong(error, cursor, "unknown");
	}
}

static int tally_check(const struct tally *tally, struct gw_error *error)
{
	const struct gfs_state *state = tally->state;

	for (uint32_t i = 0; i < state->chunks.slots; i++) {
		const struct gfs_chunk *chunk = gfs_chunks_slot(&state->chunks, i);

		if (tally->references[i] != (chunk ? chunk->references : 0) ||
		    tally->live[i] != (chunk ? chunk->live : 0))
			return gw_fail(error, GW_E_CORRUPT, "slot %u has %u references, %u live, "
				       "which are %u and %u", i, chunk ? chunk->references : 0,
				       chunk ? chunk->live : 0, tally->references[i],
				       tally->live[i]);
	}
	if (tally->files != state->files || tally->directories != state->directories ||
	    tally->hidden != state->hidden || tally->hidden != tally->was ||
	    tally->writers != state->writers || tally->writers != tally->ends)
		return gw_fail(error, GW_E_CORRUPT, "wrong counts: %llu files, %llu deleted",
			       (unsigned long long)tally->files,
			       (unsigned long long)tally->hidden);
	return 0;
}

int gfs_state_check(const struct gfs_state *state, struct gw_error *error)
{
	size_t slots = (size_t)state->chunks.slots + 1;
	struct gfs_cursor *cursor = malloc(sizeof(*cursor));
	struct tally tally = {.state = state,
			      .references = calloc(slots, sizeof(*tally.references)),
			      .live = calloc(slots, sizeof(*tally.live))};
	int code = cursor && tally.references && tally.live
			   ? gfs_table_check(&state->table, error)
			   : gw_fail(error, GW_E_NO_MEMORY, "no memory to look at all of it");
	bool more = code == 0 &&
		    gfs_cursor_seek(cursor, gfs_table_view(&state->table), gw_string(""));

	for (; code == 0 && more; more = gfs_cursor_next(cursor))
		code = tally_entry(&tally, cursor, error);
	if (code == 0 && !gfs_chunks_are_sound(&state->chunks))
		code = gw_fail(error, GW_E_CORRUPT, "the free slots are no list");
	if (code == 0)
		code = tally_check(&tally, error);
	free(cursor);
	free(tally.references);
	free(tally.live);
	return code;
}
