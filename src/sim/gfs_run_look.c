/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_run_look.c - the last look of the workload gfs, when nothing is wrong any more: every file as
 * its readers see it, and as each replica has it. The n-th view of a file is made of the n-th
 * replica of each chunk, so each replica is in one.
 */
#include "sim/workload_gfs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gfs/common/gfs.rpc.h"
#include "gfs/common/limits.h"
#include "task/loop.h"

/* At rest: until half-open streams are noticed. */
enum { TRIES = 100, REST_TRIES = 450, TRY_MS = 1000 };

struct look {
	struct gfs_run_state *state;
	struct io *io;
	struct gw_loop *loop;
	struct gw_gfs_client *client;
};

/* What a file's bytes are held against: those of one writer, a part of them, or records. */
struct known {
	const struct gfs_content *content;
	const struct gfs_content_part *part; /* NULL: all */
	struct gfs_records *records;
};

/* What is wrong here stays wrong; a replica with wrong checksums is replaced. */
static void check(const struct look *look, const char *path, const struct known *known,
		  struct gw_bytes bytes)
{
	struct gw_error error = {0};
	int code;

	if (known->records)
		code = gfs_records_check(known->records, bytes, &error);
	else if (known->part)
		code = gfs_content_check_copy(known->content, known->part, bytes, &error);
	else
		code = gfs_content_check(known->content, 0, bytes, true, &error);
	if (code < 0 && sim_io_alive(look->io))
		sim_run_fail(look->state->run, "%s: %s", path, error.text);
}

/* ---- As readers see it ----------------------------------------------------------------------- */

static int look_as_reader(struct look *look, const char *path, const struct known *known,
			  uint64_t *length, struct gw_error *error)
{
	struct gw_gfs_file *file;
	uint8_t *bytes;
	size_t got;
	int code = gw_gfs_open(&file, look->client, gw_string(path), NULL, error);

	if (code < 0)
		return code;
	code = gw_gfs_file_length(file, length, error);
	bytes = malloc((size_t)*length + 1);
	assert(bytes);
	if (code == 0)
		code = gw_gfs_read(file, 0, bytes, (size_t)*length, &got, error);
	/* It may be shorter than the longest replica: what was acknowledged is looked for. */
	if (code == 0)
		check(look, path, known, (struct gw_bytes){bytes, got});
	free(bytes);
	(void)gw_gfs_close(file, NULL);
	return code;
}

/* ---- As replicas have it --------------------------------------------------------------------- */

static int read_block(struct gw_rpc_client *rpc, const struct gw_gfs_chunk *chunk, uint64_t offset,
		      uint8_t *out, size_t size, size_t *got, struct gw_error *error)
{
	const struct gw_rpc_call_options options = {.reply_attachment = out,
						    .reply_attachment_max = size,
						    .reply_attachment_bytes = got};
	Gfs__ReadRequest request = GFS__READ_REQUEST__INIT;
	Gfs__ReadReply *reply;
	int code;

	request.handle = chunk->handle;
	request.version = chunk->version;
	request.offset = offset;
	request.bytes = (uint32_t)size;
	code = chunkserver_read_with(rpc, &request, &options, &reply, error);
	if (code == 0)
		gw_rpc_reply_free(reply);
	return code;
}

/* One replica; what it has not is zeros. */
static int read_replica(const struct gw_gfs_chunk *chunk, size_t place, uint8_t *out, size_t size,
			struct gw_error *error)
{
	const struct gw_rpc_client_options options = {.insecure = true,
						      .timeout_ms = GFS_RUN_PATIENCE_MS};
	struct gw_rpc_client *rpc;
	/* Of a copy that was not made yet the bytes are those of its source. */
	const struct gw_gfs_chunk read = {
		.handle = chunk->source ? chunk->source : chunk->handle,
		.version = chunk->source ? chunk->source_version : chunk->version};
	int code = gw_rpc_client_new(&rpc, chunk->places[place].address, &options, error);

	for (size_t at = 0, got = 1; at < size && got > 0 && code == 0; at += got) {
		size_t left = size - at;

		code = read_block(rpc, &read, at, out + at,
				  left < GFS_PIECE_BYTES_MAX ? left : GFS_PIECE_BYTES_MAX, &got,
				  error);
	}
	if (code < 0)
		(void)gw_fail_in(error, "chunk %" PRIx64 " on %s", chunk->handle,
				 chunk->places[place].address);
	gw_rpc_client_free(rpc);
	return code;
}

static int look_at_view(const struct look *look, const char *path,
			const struct gw_gfs_locations *locations, size_t view, uint64_t length,
			const struct known *known, struct gw_error *error)
{
	uint8_t *bytes = calloc(1, (size_t)length + 1);
	int code = 0;

	assert(bytes);
	for (size_t i = 0; i < locations->count && code == 0; i++) {
		const struct gw_gfs_chunk *chunk = &locations->chunks[i];
		uint64_t from = chunk->index << locations->chunk_log2;
		uint64_t size = UINT64_C(1) << locations->chunk_log2;

		if (chunk->place_count == 0)
			code = gw_fail(error, GW_E_CORRUPT, "chunk %" PRIx64 " is lost",
				       chunk->handle);
		else if (from < length)
			code = read_replica(chunk, view % chunk->place_count, bytes + from,
					    (size_t)(length - from < size ? length - from : size),
					    error);
	}
	if (code == 0)
		check(look, path, known, (struct gw_bytes){bytes, (size_t)length});
	free(bytes);
	return code;
}

static int look_at_replicas(struct look *look, const char *path, const struct known *known,
			    uint64_t length, struct gw_error *error)
{
	struct gw_gfs_locations locations = {0};
	size_t views = 0;
	int code = gw_gfs_locate(look->client, gw_string(path), 0, GFS_FILE_CHUNKS_MAX, &locations,
				 error);

	for (size_t i = 0; i < locations.count; i++)
		views = locations.chunks[i].place_count > views ? locations.chunks[i].place_count
								: views;
	for (size_t i = 0; i < views && code == 0; i++)
		code = look_at_view(look, path, &locations, i, length, known, error);
	gw_gfs_locations_done(&locations);
	return code;
}

/* ---- All files ------------------------------------------------------------------------------- */

/* Whether it is what no disk or loss of power accounts for. */
static bool is_wrong(const struct look *look, int code)
{
	return code == GW_E_CORRUPT && look->state->hazard == GFS_RUN_PROCESSES;
}

static void look_at(struct look *look, const char *path, const struct known *known, bool is_there)
{
	struct gw_error error = {0};
	uint64_t length = 0;
	int code = GW_E_UNREACHABLE;

	/* Replicas may be moved, left out or replaced while they are looked at. */
	for (unsigned i = 0; i < TRIES && code < 0 && !is_wrong(look, code); i++) {
		error = (struct gw_error){0};
		code = look_as_reader(look, path, known, &length, &error);
		if (code == GW_E_NOT_FOUND && !is_there)
			return;
		if (code == 0)
			code = look_at_replicas(look, path, known, length, &error);
		if (code < 0 && gw_sleep_ms(TRY_MS) < 0)
			return;
	}
	if (code < 0 && sim_io_alive(look->io))
		sim_run_fail(look->state->run, "%s: %s", path, error.text);
}

static void look_at_client(struct look *look, const struct gfs_run_client *client)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/own%" PRIu32, client->number);
	look_at(look, path, &(struct known){.content = &client->content}, false);
	for (uint32_t i = 0; i < client->snapshot_count; i++) {
		gfs_run_snapshot_path(client, i, path);
		look_at(look, path,
			&(struct known){.content = &client->content,
					.part = &client->snapshots[i].part},
			client->snapshots[i].is_there);
	}
}

static void look_at_rest(const struct look *look)
{
	struct gw_error error = {0};
	int code = GW_E_UNREACHABLE;

	for (unsigned i = 0; i < REST_TRIES && code < 0; i++) {
		code = gfs_run_check_rest(look->state, &error);
		if (code < 0 && gw_sleep_ms(TRY_MS) < 0)
			return;
	}
	if (code < 0 && sim_io_alive(look->io))
		sim_run_fail(look->state->run, "when all is over: %s", error.text);
}

static int live(void *argument)
{
	struct look *look = argument;
	struct gfs_run_state *state = look->state;
	const struct gw_gfs_client_options options = gfs_run_client_options();
	int code = gw_gfs_client_new(&look->client, state->masters_text, &options, NULL);

	assert(code == 0);
	for (uint32_t i = 0; i < state->client_count; i++)
		look_at_client(look, &state->clients[i]);
	look_at(look, "/log", &(struct known){.records = &state->log}, false);
	look_at(look, "/once", &(struct known){.records = &state->once}, false);
	look_at_rest(look);
	gw_gfs_client_free(look->client);
	state->looked = true;
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {
		.name = sim_node_name(node), .pick = true, .silent = true};
	struct look *look = calloc(1, sizeof(*look));
	int code;

	assert(look);
	look->state = argument;
	look->io = io;
	code = task_loop_new(io, &options, &look->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(look->loop, live, look, NULL);
	assert(code == 0);
	return look;
}

static void stop(void *argument)
{
	struct look *look = argument;

	if (!sim_end_tasks(look->io, look->loop))
		sim_run_fail(look->state->run, "the tasks of who looks do not end");
	free(look);
}

const struct sim_program gfs_run_look_program = {start, stop, NULL};
