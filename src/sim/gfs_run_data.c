/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_run_data.c - what clients of the workload gfs do with files. What they read of their own file
 * is checked at once.
 */
#include "sim/workload_gfs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gfs/client/frame.h"

/* What a client has while it lives. */
struct gfs_run_data {
	struct gw_gfs_file *own, *log, *once;
	struct gw_gfs_writer *writer;
	size_t first_write; /* to the own file, in this life */
	bool has_set;
	uint64_t frame_writer, frame_sequence, once_sequence;
};

/* ---- The own file ---------------------------------------------------------------------------- */

/* Bytes that differ from those of other writes. */
static void fill(struct io *io, uint8_t *bytes, size_t size)
{
	uint64_t state = gfs_run_draw(io, UINT64_MAX);

	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(state >> 56);
	}
}

/* Whether what was answered lasts: part of it may have been done before all lost power. */
static bool is_certain(const struct gfs_run_life *life, uint64_t blackouts)
{
	return sim_io_alive(life->io) && life->state->blackouts == blackouts;
}

static int write(struct gfs_run_life *life)
{
	struct gfs_content *content = &life->node->content;
	uint64_t offset = gfs_run_draw(life->io, GFS_RUN_FILE_BYTES);
	size_t size = 1 + (size_t)gfs_run_draw(life->io, life->state->write_bytes_max);
	uint8_t *bytes = malloc(size);
	struct gw_bytes data = {bytes, size};
	uint64_t blackouts = life->state->blackouts;
	int number, code;

	assert(bytes);
	fill(life->io, bytes, size);
	number = gfs_content_write(content, offset, data, NULL);
	assert(number >= 0);
	code = gw_gfs_write(life->data->own, offset, data, NULL);
	if (code == 0 && is_certain(life, blackouts))
		gfs_content_acknowledged(content, number);
	free(bytes);
	return code;
}

static int read(struct gfs_run_life *life)
{
	uint64_t offset = gfs_run_draw(life->io, GFS_RUN_FILE_BYTES);
	size_t size = 1 + (size_t)gfs_run_draw(life->io, life->state->write_bytes_max), bytes;
	uint8_t *buffer = malloc(size);
	struct gw_error error = {0};
	int code;

	assert(buffer);
	code = gw_gfs_read(life->data->own, offset, buffer, size, &bytes, &error);
	if (code == 0 && sim_io_alive(life->io) &&
	    gfs_content_check(&life->node->content, offset, (struct gw_bytes){buffer, bytes},
			      bytes < size, &error) < 0)
		sim_run_fail(life->state->run, "client %" PRIu32 " reads its file: %s",
			     life->node->number, error.text);
	if (code == GW_E_CORRUPT && sim_io_alive(life->io) && life->state->hazard != GFS_RUN_ROT)
		sim_run_fail(life->state->run,
			     "client %" PRIu32 " reads, and nothing harmed a disk: %s",
			     life->node->number, error.text);
	free(buffer);
	return code;
}

static int sync_own(struct gfs_run_life *life)
{
	uint64_t blackouts = life->state->blackouts;
	int code = gw_gfs_sync(life->data->own, NULL);

	if (code == 0 && is_certain(life, blackouts))
		gfs_content_synced(&life->node->content, life->data->first_write);
	return code;
}

static int sync_records(struct gfs_run_life *life)
{
	struct gfs_run_data *data = life->data;
	uint64_t blackouts = life->state->blackouts;
	int code = gw_gfs_sync(data->log, NULL);

	if (code == 0 && is_certain(life, blackouts))
		gfs_records_synced(&life->state->log, data->frame_writer);
	if (code == 0)
		code = gw_gfs_sync(data->once, NULL);
	if (code == 0 && data->writer && is_certain(life, blackouts))
		gfs_records_synced(&life->state->once, gw_gfs_writer_id(data->writer));
	return code;
}

/* ---- Records --------------------------------------------------------------------------------- */

/* The frame of a new record; its size. */
static size_t make_record(struct gfs_run_life *life, uint64_t writer, uint64_t sequence,
			  uint8_t *frame)
{
	uint8_t data[GFS_RUN_RECORD_MAX];
	size_t size = (size_t)gfs_run_draw(life->io, sizeof(data));

	fill(life->io, data, size);
	return gfs_frame_put(
		frame,
		&(struct gfs_frame){.writer = writer, .sequence = sequence, .data = {data, size}});
}

static int append(struct gfs_run_life *life)
{
	uint8_t frame[GFS_RUN_RECORD_MAX + GW_GFS_RECORD_FRAME_BYTES];
	struct gfs_records *records = &life->state->log;
	uint64_t sequence = ++life->data->frame_sequence, offset;
	uint64_t blackouts = life->state->blackouts;
	struct gw_bytes record = {frame,
				  make_record(life, life->data->frame_writer, sequence, frame)};
	int number = gfs_records_append(records, life->data->frame_writer, sequence, false, NULL);
	int code = gw_gfs_append(life->data->log, record, &offset, NULL);

	assert(number >= 0);
	if (code == 0 && is_certain(life, blackouts))
		gfs_records_acknowledged(records, number, offset);
	return code;
}

/* A sequence is tried until it is done, or the writer has ended. */
static int append_once(struct gfs_run_life *life)
{
	uint8_t frame[GFS_RUN_RECORD_MAX + GW_GFS_RECORD_FRAME_BYTES];
	struct gfs_records *records = &life->state->once;
	uint64_t writer, sequence, offset, blackouts = life->state->blackouts;
	struct gw_bytes record;
	int number, code = 0;

	if (!life->data->writer)
		code = gw_gfs_writer_new(&life->data->writer, life->client, NULL);
	if (code < 0)
		return code;
	writer = gw_gfs_writer_id(life->data->writer);
	sequence = ++life->data->once_sequence;
	record = (struct gw_bytes){frame, make_record(life, writer, sequence, frame)};
	number = gfs_records_append(records, writer, sequence, true, NULL);
	assert(number >= 0);
	do {
		code = gw_gfs_append_once(life->data->writer, life->data->once, sequence, record,
					  &offset, NULL);
		(void)gw_deadline_set(gw_after_ms(GFS_RUN_PATIENCE_MS));
	} while (code < 0 && code != GW_E_STALE && !gw_cancelled());
	if (code == 0 && is_certain(life, blackouts))
		gfs_records_acknowledged(records, number, offset);
	if (code == GW_E_STALE) {
		gw_gfs_writer_free(life->data->writer);
		life->data->writer = NULL;
		life->data->once_sequence = 0;
	}
	return code;
}

/* ---- One of them ----------------------------------------------------------------------------- */

static int open_file(struct gfs_run_life *life, struct gw_gfs_file **file, const char *path,
		     uint32_t chunk_log2)
{
	const struct gw_gfs_open open = {
		.create = true, .chunk_log2 = chunk_log2, .goal = GFS_RUN_GOAL};

	return *file ? 0 : gw_gfs_open(file, life->client, gw_string(path), &open, NULL);
}

/* What is deleted is collected soon. */
static int set_collect(struct gfs_run_life *life)
{
	const struct gw_gfs_attributes attributes = {
		.set_collect = true, .collect_ms = 1 + life->state->collect_ms};
	int code = life->data->has_set ? 0
				       : gw_gfs_set(life->client, gw_string("/"), &attributes, NULL,
						    NULL);

	life->data->has_set = life->data->has_set || code == 0;
	return code;
}

/* What is not open yet. */
static int open_all(struct gfs_run_life *life)
{
	struct gfs_run_data *data = life->data;
	char path[16];
	int code;

	if (!data) {
		data = life->data = calloc(1, sizeof(*data));
		assert(data);
		io_random(life->io, &data->frame_writer, sizeof(data->frame_writer));
		data->first_write = life->node->content.count;
	}
	(void)snprintf(path, sizeof(path), "/own%" PRIu32, life->node->number);
	code = open_file(life, &data->own, path, GFS_RUN_OWN_LOG2);
	if (code == 0)
		code = open_file(life, &data->log, "/log", GFS_RUN_LOG_LOG2);
	if (code == 0)
		code = open_file(life, &data->once, "/once", GFS_RUN_LOG_LOG2);
	return code < 0 ? code : set_collect(life);
}

int gfs_run_ask_data(struct gfs_run_life *life)
{
	static int (*const kinds[])(struct gfs_run_life *) = {write,
							      write,
							      read,
							      read,
							      sync_own,
							      sync_records,
							      gfs_run_ask_snapshot,
							      append,
							      append,
							      append_once,
							      append_once,
							      gfs_run_ask_names,
							      gfs_run_ask_names};
	int code = open_all(life);

	return code < 0 ? code
			: kinds[gfs_run_draw(life->io, sizeof(kinds) / sizeof(kinds[0]))](life);
}

void gfs_run_leave_data(struct gfs_run_life *life)
{
	struct gfs_run_data *data = life->data;

	if (!data)
		return;
	gw_gfs_writer_free(data->writer);
	(void)gw_gfs_close(data->own, NULL);
	(void)gw_gfs_close(data->log, NULL);
	(void)gw_gfs_close(data->once, NULL);
	free(data);
}
