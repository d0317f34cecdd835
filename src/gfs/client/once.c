/* SPDX-License-Identifier: Apache-2.0 */
/*
 * once.c - appends that are in the file once, however often they are tried.
 *
 * A sequence goes to one chunk. Only when that chunk is full does it go to the next, and if a try
 * at the full one may have been done unheard of, that one is asked first: "done, or fence it?". A
 * chunk that cannot be asked is not given up.
 */
#include "gfs/client/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* A sequence from its first try until all below it are done. */
struct slot {
	uint64_t file;	 /* its id; 0: not tried yet */
	uint64_t index;	 /* of the chunk that it was tried at */
	bool is_unknown; /* it may have been done there */
	bool is_done, is_running;
	uint64_t offset;
};

struct gw_gfs_writer {
	struct gw_gfs_client *client;
	uint64_t id, keep_ms;
	bool has_ended;
	uint64_t first;				 /* the lowest sequence that is not done */
	struct slot slots[GW_GFS_WRITER_WINDOW]; /* of first and those above it, by remainder */
	struct gw_group group;			 /* the task that keeps it alive */
};

/* ---- The number ------------------------------------------------------------------------------ */

static int keep(struct gw_gfs_writer *writer, struct gw_error *error)
{
	Gfs__WriterRequest request = GFS__WRITER_REQUEST__INIT;
	Gfs__WriterReply *reply;
	int code;

	request.writer = writer->id;
	code = master_keep_writer(writer->client->masters, &request, &reply, error);
	if (code == GW_E_STALE)
		writer->has_ended = true;
	if (code == 0) {
		writer->keep_ms = reply->keep_ms;
		gw_rpc_reply_free(reply);
	}
	return code;
}

/* Three times in the time that it has. */
static int keep_alive(void *argument)
{
	struct gw_gfs_writer *writer = argument;

	(void)gw_deadline_set(GW_FOREVER);
	while (!writer->has_ended && gw_sleep_ms(writer->keep_ms / 3 + 1) == 0)
		(void)keep(writer, NULL);
	return 0;
}

int gw_gfs_writer_new(struct gw_gfs_writer **out, struct gw_gfs_client *client,
		      struct gw_error *error)
{
	Gfs__OpenWriterRequest request = GFS__OPEN_WRITER_REQUEST__INIT;
	struct gw_gfs_writer *writer = calloc(1, sizeof(*writer));
	struct gfs_client_call call;
	Gfs__WriterReply *reply;
	int code;

	*out = NULL;
	if (!writer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a writer");
	gfs_client_begin(client, &call);
	do
		code = master_open_writer(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	gfs_client_end(&call, code);
	if (code == 0) {
		*writer = (struct gw_gfs_writer){.client = client,
						 .first = 1,
						 .id = reply->writer,
						 .keep_ms = reply->keep_ms};
		gw_rpc_reply_free(reply);
		code = gw_spawn(&writer->group, keep_alive, writer, NULL);
		if (code < 0)
			(void)gw_fail(error, code, "no task to keep a writer alive");
	}
	if (code < 0) {
		free(writer);
		return code;
	}
	*out = writer;
	return 0;
}

void gw_gfs_writer_free(struct gw_gfs_writer *writer)
{
	Gfs__WriterRequest request = GFS__WRITER_REQUEST__INIT;
	const struct gw_rpc_call_options options = {.deadline_ns =
							    gw_after_ms(GW_GFS_PAUSE_MS_MAX)};
	Gfs__WriterReply *reply;

	if (!writer)
		return;
	(void)gw_group_done(&writer->group);
	request.writer = writer->id;
	/* If this does not come, the masters find out by themselves. */
	if (!writer->has_ended && master_close_writer_with(writer->client->masters, &request,
							   &options, &reply, NULL) == 0)
		gw_rpc_reply_free(reply);
	free(writer);
}

uint64_t gw_gfs_writer_id(const struct gw_gfs_writer *writer)
{
	return writer->id;
}

/* ---- Done, or fence it? ---------------------------------------------------------------------- */

struct outcome {
	uint64_t writer, sequence;
	bool done;
	uint64_t offset; /* in the file */
};

static int ask_outcome(struct gfs_client_mutation *mutation, const struct gfs_client_chunk *chunk,
		       const Gfs__DataId *pushed, const struct gw_rpc_call_options *options,
		       struct gw_error *error)
{
	struct outcome *outcome = mutation->context;
	Gfs__OutcomeRequest request = GFS__OUTCOME_REQUEST__INIT;
	Gfs__OutcomeReply *reply;
	int code;

	assert(!pushed && options->attachment.size == 0);
	request.handle = chunk->handle;
	request.version = chunk->version;
	request.writer = outcome->writer;
	request.sequence = outcome->sequence;
	request.fence = true;
	code = chunkserver_outcome_with(chunk->primary->rpc, &request, options, &reply, error);
	if (code < 0)
		return code;
	outcome->done = reply->done;
	outcome->offset = (chunk->index << mutation->file->chunk_log2) + reply->offset;
	code = reply->done || reply->fenced
		       ? 0
		       : gw_fail(error, GW_E_CORRUPT, "an append that is neither done nor fenced");
	gw_rpc_reply_free(reply);
	return code;
}

/* 1: it was done there; 0: it never will be. */
static int settle(struct gw_gfs_writer *writer, struct gw_gfs_file *file, struct slot *slot,
		  uint64_t sequence, struct gfs_client_call *call, struct gw_error *error)
{
	struct outcome outcome = {.writer = writer->id, .sequence = sequence};
	struct gfs_client_mutation mutation = {
		.file = file, .index = slot->index, .ask = ask_outcome, .context = &outcome};
	int code = gfs_client_mutate(&mutation, call, error);

	if (code < 0)
		return code;
	slot->offset = outcome.offset;
	slot->is_unknown = false;
	return outcome.done;
}

/* ---- Appending ------------------------------------------------------------------------------- */

static int try_chunks(struct gw_gfs_writer *writer, struct gw_gfs_file *file, struct slot *slot,
		      uint64_t sequence, struct gw_bytes data, struct gfs_client_call *call,
		      struct gw_error *error)
{
	int code = 0;

	while (code == 0) {
		struct gfs_client_append append = {.writer = writer->id,
						   .sequence = sequence,
						   .first_unanswered = writer->first};

		code = gfs_client_append_to(file, slot->index, data, &append, &slot->is_unknown,
					    call, error);
		/* A fence was set before, and nobody heard of it. */
		if (code == GW_E_DENIED) {
			slot->is_unknown = append.chunk_full = true;
			code = 0;
		}
		if (code < 0)
			return code;
		slot->offset = append.offset;
		if (!append.chunk_full)
			return 0;
		gfs_client_append_next(file, slot->index);
		if (slot->is_unknown)
			code = settle(writer, file, slot, sequence, call, error);
		if (code == 0)
			slot->index++;
	}
	return code < 0 ? code : 0;
}

/* The slot of a sequence that may be tried now. */
static int take_slot(struct gw_gfs_writer *writer, const struct gw_gfs_file *file,
		     uint64_t sequence, struct slot **out, struct gw_error *error)
{
	struct slot *slot = &writer->slots[sequence % GW_GFS_WRITER_WINDOW];

	if (writer->has_ended)
		return gw_fail(error, GW_E_STALE, "writer %" PRIu64 " was forgotten", writer->id);
	if (sequence < writer->first)
		return gw_fail(error, GW_E_INVALID,
			       "sequence %" PRIu64 " of writer %" PRIu64
			       " was done, as all below %" PRIu64,
			       sequence, writer->id, writer->first);
	if (sequence - writer->first >= GW_GFS_WRITER_WINDOW)
		return gw_fail(error, GW_E_BUSY,
			       "sequence %" PRIu64 " of writer %" PRIu64 ": %" PRIu64
			       " is not done",
			       sequence, writer->id, writer->first);
	if (slot->is_running || (slot->file != 0 && slot->file != file->id))
		return gw_fail(error, GW_E_INVALID, "sequence %" PRIu64 " of writer %" PRIu64 " %s",
			       sequence, writer->id,
			       slot->is_running ? "is appended already" : "is another file's");
	*out = slot;
	return 0;
}

static void take_done(struct gw_gfs_writer *writer, struct slot *slot)
{
	slot->is_done = true;
	for (;;) {
		struct slot *first = &writer->slots[writer->first % GW_GFS_WRITER_WINDOW];

		if (!first->is_done)
			return;
		*first = (struct slot){0};
		writer->first++;
	}
}

/* How a failure is told: what may have been done is not known. */
static int tell(struct gw_gfs_writer *writer, const struct slot *slot, int code,
		struct gw_error *error)
{
	if (code == GW_E_COMPACTED)
		writer->has_ended = true;
	if (writer->has_ended)
		code = GW_E_STALE;
	else if (slot->is_unknown && code == GW_E_UNREACHABLE)
		code = GW_E_OUTCOME_UNKNOWN;
	if (error)
		error->code = code;
	return code;
}

int gw_gfs_append_once(struct gw_gfs_writer *writer, struct gw_gfs_file *file, uint64_t sequence,
		       struct gw_bytes data, uint64_t *offset, struct gw_error *error)
{
	struct gfs_client_call call;
	struct slot *slot = NULL;
	int code = gfs_client_append_check(file, data, error);

	if (code == 0)
		code = take_slot(writer, file, sequence, &slot, error);
	if (code < 0)
		return code;
	gfs_client_begin(file->client, &call);
	slot->is_running = true;
	if (slot->file == 0)
		code = gfs_client_append_index(file, &call, error);
	if (code == 0 && slot->file == 0)
		*slot = (struct slot){
			.file = file->id, .index = file->append_index, .is_running = true};
	if (code == 0 && !slot->is_done)
		code = try_chunks(writer, file, slot, sequence, data, &call, error);
	slot->is_running = false;
	if (code == 0 && offset)
		*offset = slot->offset;
	if (code == 0)
		take_done(writer, slot);
	else
		code = tell(writer, slot, code, error);
	return gfs_client_end(&call, code);
}
