/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_fixture.c - see state_fixture.h.
 */
#include "gfs/master/state_fixture.h"

#include "base/little_endian.h"
#include "gfs/master/state.h"

enum { LOG_HEAD_BYTES = 12 };

void state_fixture_init(struct state_fixture *fixture)
{
	int code;

	*fixture = (struct state_fixture){.wall_ms = 1000};
	code = gfs_state_init(&fixture->state, NULL);
	assert(code == 0);
}

void state_fixture_done(struct state_fixture *fixture)
{
	gfs_state_done(&fixture->state);
	base_buffer_done(&fixture->log);
}

static int carry_out(struct gfs_state *state, const uint8_t *entry, struct gfs_done *done,
		     struct gw_error *error)
{
	struct gfs_record record;
	struct gw_bytes bytes = {entry + LOG_HEAD_BYTES, base_load32(entry + 8)};
	int code = gfs_record_decode(bytes, &record, NULL);

	assert(code == 0);
	state->applied++;
	state->wall_ms = base_load64(entry);
	return gfs_state_do(state, &record, done, error);
}

int state_do(struct state_fixture *fixture, const struct gfs_record *record)
{
	struct base_buffer *log = &fixture->log;
	size_t at = log->size;
	uint8_t head[LOG_HEAD_BYTES];
	int code;

	base_store64(head, fixture->wall_ms);
	code = base_buffer_append(log, head, sizeof(head), NULL);
	if (code == 0)
		code = gfs_record_encode(record, log, NULL);
	assert(code == 0);
	base_store32(log->data + at + 8, (uint32_t)(log->size - at - LOG_HEAD_BYTES));
	return carry_out(&fixture->state, log->data + at, &fixture->done, &fixture->error);
}

int state_create(struct state_fixture *fixture, const char *path)
{
	const struct gfs_record record = {.kind = GFS_RECORD_CREATE, .mode = 0644,
					  .path = gw_string(path)};

	return state_do(fixture, &record);
}

int state_mkdir(struct state_fixture *fixture, const char *path)
{
	const struct gfs_record record = {.kind = GFS_RECORD_MKDIR, .mode = 0755,
					  .path = gw_string(path)};

	return state_do(fixture, &record);
}

void state_checkpoint(struct gfs_state *state, struct base_buffer *out)
{
	struct gfs_checkpoint_writer *writer;
	struct base_buffer calls = {0};
	uint8_t piece[4096];
	int code = gfs_checkpoint_writer_new(&writer, state, &calls, NULL);

	assert(code == 0);
	*out = (struct base_buffer){0};
	while ((code = gfs_checkpoint_read(writer, piece, sizeof(piece))) > 0) {
		code = base_buffer_append(out, piece, (size_t)code, NULL);
		assert(code == 0);
	}
	gfs_checkpoint_writer_free(writer);
}

int state_restore(struct gfs_state *state, struct gw_bytes bytes, size_t piece,
		  struct gw_error *error)
{
	struct gfs_checkpoint_reader reader = {.state = state};
	const uint8_t *at = bytes.data;
	size_t left = bytes.size;
	int code = gfs_state_init_empty(state, error);

	while (code == 0 && left > 0) {
		size_t some = left < piece ? left : piece;

		code = gfs_checkpoint_take(&reader, (struct gw_bytes){at, some}, error);
		at += some;
		left -= some;
	}
	if (code == 0)
		code = gfs_checkpoint_end(&reader, error);
	gfs_checkpoint_reader_done(&reader);
	if (code < 0)
		gfs_state_done(state);
	return code;
}

void state_replay(struct gfs_state *state, struct gw_bytes log, size_t from)
{
	const uint8_t *bytes = log.data;
	struct gfs_done done;

	while (from < log.size) {
		(void)carry_out(state, bytes + from, &done, NULL);
		from += LOG_HEAD_BYTES + base_load32(bytes + from + 8);
	}
}
