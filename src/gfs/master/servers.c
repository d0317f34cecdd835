/* SPDX-License-Identifier: Apache-2.0 */
/*
 * servers.c - chunkservers by number and uuid; writers, and when they end.
 */
#include "gfs/master/servers.h"

#include "base/little_endian.h"
#include "base/varint.h"

enum { SERVER_HEAD_BYTES = 1 + GFS_SERVER_UUID_BYTES + 1 };

/* ---- Servers -------------------------------------------------------------------------------- */

bool gfs_server_find(const struct gfs_state *state, uint64_t number, struct gfs_server *server)
{
	struct gw_bytes value;
	const uint8_t *at;
	struct gfs_key key;

	if (number == 0 || number > GFS_SERVERS_MAX)
		return false;
	gfs_key_slot(&key, GFS_KEY_SERVER, (uint32_t)number);
	if (!gfs_table_get(&state->table, gfs_key_bytes(&key), &value))
		return false;
	at = value.data;
	assert(value.size >= SERVER_HEAD_BYTES &&
	       at[SERVER_HEAD_BYTES - 1] <= value.size - SERVER_HEAD_BYTES);
	*server = (struct gfs_server){
		.number = (uint32_t)number,
		.flags = at[0],
		.uuid = {at + 1, GFS_SERVER_UUID_BYTES},
		.address = {at + SERVER_HEAD_BYTES, at[SERVER_HEAD_BYTES - 1]},
		.rack = {at + SERVER_HEAD_BYTES + at[SERVER_HEAD_BYTES - 1],
			 value.size - SERVER_HEAD_BYTES - at[SERVER_HEAD_BYTES - 1]},
	};
	return true;
}

static int server_put(struct gfs_state *state, uint32_t number, uint8_t flags,
		      const struct gfs_record *record, struct gw_error *error)
{
	uint8_t value[SERVER_HEAD_BYTES + GFS_ADDRESS_BYTES_MAX + GFS_RACK_BYTES_MAX];
	uint8_t *at = value;
	struct gfs_key key;

	assert(record->address.size <= GFS_ADDRESS_BYTES_MAX &&
	       record->rack.size <= GFS_RACK_BYTES_MAX);
	*at++ = flags;
	memcpy(at, record->uuid.data, GFS_SERVER_UUID_BYTES);
	at += GFS_SERVER_UUID_BYTES;
	*at++ = (uint8_t)record->address.size;
	memcpy(at, record->address.data, record->address.size);
	at += record->address.size;
	if (record->rack.size > 0)
		memcpy(at, record->rack.data, record->rack.size);
	at += record->rack.size;
	gfs_key_slot(&key, GFS_KEY_SERVER, number);
	return gfs_table_put(&state->table, gfs_key_bytes(&key),
			     (struct gw_bytes){value, (size_t)(at - value)}, error);
}

int gfs_do_server(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		  struct gw_error *error)
{
	struct gfs_server server = {0};
	struct gw_bytes value;
	struct gfs_key key;
	uint8_t number[4];
	int code;

	gfs_key_begin(&key, GFS_KEY_UUID);
	gfs_key_add(&key, record->uuid.data, record->uuid.size);
	if (gfs_table_get(&state->table, gfs_key_bytes(&key), &value)) {
		bool found;

		done->number = base_load32(value.data);
		done->existed = true;
		found = gfs_server_find(state, done->number, &server);
		assert(found);
		return server_put(state, server.number, server.flags, record, error);
	}
	if (state->next_server > GFS_SERVERS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%d servers were known, which is the most",
			       GFS_SERVERS_MAX);
	done->number = state->next_server++;
	base_store32(number, (uint32_t)done->number);
	code = gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){number, 4},
			     error);
	return code < 0 ? code : server_put(state, (uint32_t)done->number, 0, record, error);
}

int gfs_do_drain(struct gfs_state *state, const struct gfs_record *record, struct gfs_done *done,
		 struct gw_error *error)
{
	uint8_t value[SERVER_HEAD_BYTES + GFS_ADDRESS_BYTES_MAX + GFS_RACK_BYTES_MAX];
	struct gfs_server server;
	struct gw_bytes old;
	struct gfs_key key;
	bool found;

	if (!gfs_server_find(state, record->server, &server))
		return gw_fail(error, GW_E_NOT_FOUND, "there is no server %llu",
			       (unsigned long long)record->server);
	done->number = server.number;
	gfs_key_slot(&key, GFS_KEY_SERVER, server.number);
	found = gfs_table_get(&state->table, gfs_key_bytes(&key), &old);
	assert(found && old.size <= sizeof(value));
	memcpy(value, old.data, old.size);
	value[0] = (uint8_t)(record->options & GFS_BACK ? server.flags & ~GFS_SERVER_DRAINING
							: server.flags | GFS_SERVER_DRAINING);
	return gfs_table_put(&state->table, gfs_key_bytes(&key),
			     (struct gw_bytes){value, old.size}, error);
}

/* ---- Writers -------------------------------------------------------------------------------- */

static void writer_key(struct gfs_key *key, uint64_t writer)
{
	gfs_key_begin(key, GFS_KEY_WRITER);
	gfs_key_add64(key, writer);
}

static void ends_key(struct gfs_key *key, uint64_t until_ms, uint64_t writer)
{
	gfs_key_begin(key, GFS_KEY_ENDS);
	gfs_key_add64(key, until_ms);
	gfs_key_add64(key, writer);
}

bool gfs_writer_find(const struct gfs_state *state, uint64_t writer, uint64_t *until_ms)
{
	struct gw_bytes value;
	struct gfs_key key;
	size_t size;

	writer_key(&key, writer);
	if (!gfs_table_get(&state->table, gfs_key_bytes(&key), &value))
		return false;
	size = base_varint_get(value.data, value.size, until_ms);
	assert(size == value.size);
	return *until_ms > state->wall_ms;
}

uint64_t gfs_writers_from(const struct gfs_state *state)
{
	struct gfs_cursor cursor;
	struct gfs_key key;

	gfs_key_begin(&key, GFS_KEY_WRITER);
	if (!gfs_cursor_seek(&cursor, gfs_table_view(&state->table), gfs_key_bytes(&key)) ||
	    cursor.key[0] != GFS_KEY_WRITER)
		return state->next_writer;
	return gfs_key_read64(gfs_cursor_key(&cursor), 1);
}

static int writer_put(struct gfs_state *state, uint64_t writer, struct gw_error *error)
{
	uint64_t until_ms = state->wall_ms + GFS_WRITER_MS;
	uint8_t value[BASE_VARINT_MAX];
	struct gfs_key key;
	size_t size = base_varint_put(value, until_ms);
	int code;

	writer_key(&key, writer);
	code = gfs_table_put(&state->table, gfs_key_bytes(&key), (struct gw_bytes){value, size},
			     error);
	ends_key(&key, until_ms, writer);
	return code < 0 ? code : gfs_table_put(&state->table, gfs_key_bytes(&key),
					       (struct gw_bytes){NULL, 0}, error);
}

static int writer_remove(struct gfs_state *state, uint64_t writer, uint64_t until_ms,
			 struct gw_error *error)
{
	struct gfs_key key;
	int code;

	writer_key(&key, writer);
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	assert(code != 0);
	ends_key(&key, until_ms, writer);
	if (code >= 0)
		code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	assert(code != 0 && state->writers > 0);
	state->writers--;
	return code < 0 ? code : 0;
}

int gfs_writers_end(struct gfs_state *state, uint32_t most, struct gw_error *error)
{
	while (most-- > 0) {
		struct gfs_cursor cursor;
		struct gfs_key key;
		uint64_t until_ms;
		int code;

		gfs_key_begin(&key, GFS_KEY_ENDS);
		if (!gfs_cursor_seek(&cursor, gfs_table_view(&state->table),
				     gfs_key_bytes(&key)) ||
		    cursor.key[0] != GFS_KEY_ENDS)
			return 0;
		until_ms = gfs_key_read64(gfs_cursor_key(&cursor), 1);
		if (until_ms > state->wall_ms)
			return 0;
		code = writer_remove(state, gfs_key_read64(gfs_cursor_key(&cursor), 9), until_ms,
				     error);
		if (code < 0)
			return code;
	}
	return 0;
}

int gfs_do_writer_open(struct gfs_state *state, const struct gfs_record *record,
		       struct gfs_done *done, struct gw_error *error)
{
	(void)record;
	if (state->writers >= GFS_WRITERS_MAX)
		return gw_fail(error, GW_E_OVERLOADED, "%d writers live, which is the most",
			       GFS_WRITERS_MAX);
	done->number = state->next_writer++;
	state->writers++;
	return writer_put(state, done->number, error);
}

static int writer_stale(uint64_t writer, struct gw_error *error)
{
	return gw_fail(error, GW_E_STALE, "writer %llu has ended", (unsigned long long)writer);
}

int gfs_do_writer_keep(struct gfs_state *state, const struct gfs_record *record,
		       struct gfs_done *done, struct gw_error *error)
{
	uint64_t until_ms;
	struct gfs_key key;
	int code;

	if (!gfs_writer_find(state, record->writer, &until_ms))
		return writer_stale(record->writer, error);
	done->number = record->writer;
	ends_key(&key, until_ms, record->writer);
	code = gfs_table_remove(&state->table, gfs_key_bytes(&key), error);
	assert(code != 0);
	return code < 0 ? code : writer_put(state, record->writer, error);
}

int gfs_do_writer_close(struct gfs_state *state, const struct gfs_record *record,
			struct gfs_done *done, struct gw_error *error)
{
	uint64_t until_ms;

	if (!gfs_writer_find(state, record->writer, &until_ms))
		return writer_stale(record->writer, error);
	done->number = record->writer;
	return writer_remove(state, record->writer, until_ms, error);
}
