/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_snapshot.c - snapshots. One task makes them: the machine is frozen, which is cheap, and
 * read piece by piece on another thread while it goes on. Another task fetches the leader's, when
 * what this member needs next is in no log any more: a manifest first, then the pieces that are
 * missing, each checked against it; what was fetched before a break is kept.
 *
 * A snapshot has two files: `replog`, ours (4 bytes version, 4 zero, 8 wall_ms; little-endian), and
 * `state`, the machine's.
 */
#include "driver.h"

#include "base/little_endian.h"
#include "io/rare.h"

#include <stdlib.h>

enum {
	RETRY_MS = 1000,
	FETCHED_LATELY_MS = 5000, /* since a member at our snapshot was heard, or had a piece */
	PATIENCE = 8,             /* but for so many times snapshot_bytes */
	PIECE_MS = 120000,        /* a peer that is gone is noticed earlier */
	MANIFEST_BYTES_FIRST = 256,
};

/* ---- Making ------------------------------------------------------------------------------- */

struct reading {
	struct replog *log;
	void *snapshot;
	void *buffer;
};

static int read_piece(void *context)
{
	struct reading *reading = context;

	return reading->log->machine.read_piece(reading->snapshot, reading->buffer,
						REPLOG_PIECE_BYTES);
}

static int write_state(struct reading *reading, struct replog_snapshot_writer *writer,
		       struct gw_error *error)
{
	int result = replog_snapshot_file(writer, "state", error);

	while (result >= 0) {
		result = gw_offload(read_piece, reading, GW_FOREVER);
		if (result == 0)
			return 0;
		if (result < 0)
			return gw_fail(error, result, "%s: the state cannot be read",
				       replog_name(reading->log));
		result = replog_snapshot_write(
			writer, (struct gw_bytes){reading->buffer, (size_t)result}, error);
	}
	return result;
}

static int write_files(struct reading *reading, const struct raft_snapshot *snapshot,
		       uint64_t wall_ms, struct gw_error *error)
{
	struct replog_snapshot_writer *writer;
	uint8_t header[16] = {0};
	int result = replog_snapshot_begin(reading->log->store, snapshot, &writer, error);

	if (result < 0)
		return result;
	base_store32(header, 1);
	base_store64(header + 8, wall_ms);
	result = replog_snapshot_file(writer, "replog", error);
	if (result >= 0)
		result = replog_snapshot_write(writer, (struct gw_bytes){header, sizeof header},
					       error);
	if (result >= 0)
		result = write_state(reading, writer, error);
	if (result < 0) {
		replog_snapshot_abandon(writer);
		return result;
	}
	return replog_snapshot_finish(writer, error);
}

/* The state now. False: there is nothing new to be saved. */
static bool describe(const struct replog *log, struct raft_snapshot *snapshot)
{
	const struct raft_entry *entry = raft_log_entry(log->raft, log->applied);
	const struct replog_manifest *newest = replog_store_manifest(log->store);

	if (!entry || log->applied > raft_commit(log->raft) || log->is_restoring ||
	    (newest && newest->snapshot.index >= log->applied))
		return false;
	snapshot->index = log->applied;
	snapshot->term = entry->term;
	raft_members_at(log->raft, log->applied, &snapshot->members);
	return true;
}

/* The disk keeps what the core has kept. What stays there too long harms nobody; the next one takes
 * it along. */
static void compact(struct replog *log)
{
	if (replog_store_compact(log->store, raft_log_base(log->raft), NULL) < 0)
		IO_PROBE(log->io, "replog.compact-failed");
}

static int make(struct replog *log, struct gw_error *error)
{
	struct raft_snapshot snapshot;
	struct raft_event event = {.kind = RAFT_COMPACT, .snapshot = &snapshot,
				   .keep = log->options.keep_entries,
				   .keep_bytes = log->options.keep_bytes};
	struct reading reading = {.log = log};
	uint64_t wall_ms = log->wall_ms;
	int result;

	if (!describe(log, &snapshot))
		return 0;
	reading.buffer = malloc(REPLOG_PIECE_BYTES);
	if (!reading.buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	result = log->machine.freeze(log->context, &reading.snapshot, error);
	if (result >= 0) {
		log->bytes_applied = 0;
		result = write_files(&reading, &snapshot, wall_ms, error);
		log->machine.thaw(log->context, reading.snapshot);
	}
	free(reading.buffer);
	if (result < 0)
		return result;
	IO_PROBE(log->io, "replog.snapshot");
	result = replog_step(log, &event);
	if (result >= 0)
		compact(log);
	return result;
}

/* Another member is at our snapshot, or has just been. Over a slow link a piece alone takes longer
 * than any time that could be named here: who is still at it is told by its answers to offers. */
static bool is_fetched(const struct replog *log)
{
	const uint64_t lately_ns = FETCHED_LATELY_MS * REPLOG_MS;

	return raft_is_fetched(log->raft, lately_ns) ||
	       (log->served_ns != 0 && io_now_ns(log->io) - log->served_ns < lately_ns);
}

void replog_snapshot_due(struct replog *log)
{
	if (is_fetched(log) && log->bytes_applied < PATIENCE * log->options.snapshot_bytes)
		return;
	log->snapshot_wanted = true;
	rpc_wake(&log->maker);
}

/* What harms the snapshot alone is tried again; a broken store is the end. */
static bool is_passing(int code)
{
	return code == GW_E_NO_SPACE || code == GW_E_NO_MEMORY || code == GW_E_EXISTS ||
	       code == GW_E_CANCELLED;
}

static int make_locked(struct replog *log, struct gw_error *error)
{
	int result = gw_lock(&log->snapshot_lock, GW_FOREVER);

	if (result < 0)
		return gw_fail(error, result, "%s: no snapshot was made", replog_name(log));
	result = make(log, error);
	gw_unlock(&log->snapshot_lock);
	return result;
}

int replog_run_maker(void *argument)
{
	struct replog *log = argument;
	int result = 0;

	while (!log->ended && result >= 0) {
		struct gw_error error = {0};

		if (!log->snapshot_wanted) {
			result = rpc_wait(&log->maker, "for a snapshot of", replog_name(log),
					  GW_FOREVER);
			continue;
		}
		log->snapshot_wanted = false;
		log->snapshot_code = make_locked(log, &error);
		log->snapshots_tried++;
		rpc_wake(&log->changed);
		replog_troubled(log, REPLOG_NO_SNAPSHOT,
				log->snapshot_code < 0 && log->snapshot_code != GW_E_EXISTS &&
						log->snapshot_code != GW_E_CANCELLED ?
					&error :
					NULL);
		if (log->snapshot_code >= 0 || log->ended)
			continue;
		if (!is_passing(log->snapshot_code))
			replog_fail(log, &error);
		else
			result = gw_sleep_ms(RETRY_MS);
	}
	return 0;
}

static const char *why_none(const struct replog *log)
{
	const struct gw_error *told = &log->troubles[REPLOG_NO_SNAPSHOT];

	return told->code == log->snapshot_code ? told->text : gw_code_text(log->snapshot_code);
}

int replog_snapshot(struct replog *log, struct gw_error *error)
{
	uint64_t tries = log->snapshots_tried + 1;
	int result = replog_refused(log, error);

	/* One that is being made is not new enough. */
	if (log->snapshot_lock.holder)
		tries++;
	log->users++;
	while (result >= 0 && log->snapshots_tried < tries) {
		log->snapshot_wanted = true;
		rpc_wake(&log->maker);
		result = rpc_wait(&log->changed, "for a snapshot of", replog_name(log),
				  GW_FOREVER);
		if (result < 0)
			(void)gw_fail(error, result, "%s: no snapshot was waited for",
				      replog_name(log));
		else
			result = replog_refused(log, error);
	}
	log->users--;
	rpc_wake(&log->changed);
	if (result >= 0 && log->snapshot_code < 0 && log->snapshot_code != GW_E_EXISTS)
		return gw_fail(error, log->snapshot_code, "%s: the snapshot failed: %s",
			       replog_name(log), why_none(log));
	return result < 0 ? result : 0;
}

/* ---- Fetching ------------------------------------------------------------------------------- */

static ProtobufCBinaryData own_cluster(const struct replog *log)
{
	return (ProtobufCBinaryData){
		REPLOG_CLUSTER_BYTES,
		(uint8_t *)(uintptr_t)replog_store_owner(log->store)->cluster};
}

static int get_manifest_of(struct replog *log, struct gw_rpc_client *client, size_t size_max,
			   struct replog_fetch **fetch, struct gw_error *error)
{
	Replog__ManifestRequest request;
	Replog__Nothing *reply;
	size_t size = 0;
	void *bytes = malloc(size_max);
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(PIECE_MS),
					      .reply_attachment = bytes,
					      .reply_attachment_max = size_max,
					      .reply_attachment_bytes = &size};
	int result;

	if (!bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a manifest");
	replog__manifest_request__init(&request);
	request.cluster = own_cluster(log);
	request.index = log->fetch.index;
	request.term = log->fetch.term;
	result = members_manifest_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	if (result >= 0)
		result = replog_fetch_begin(log->store, (struct gw_bytes){bytes, size}, fetch,
					    error);
	free(bytes);
	return result;
}

/* Four bytes for each piece: a member that may be short of memory does not begin with what the
 * largest needs. */
static int get_manifest(struct replog *log, struct gw_rpc_client *client,
			struct replog_fetch **fetch, struct gw_error *error)
{
	size_t size_max = MANIFEST_BYTES_FIRST;
	int result = get_manifest_of(log, client, size_max, fetch, error);

	while (result == GW_E_TOO_LARGE && size_max < REPLOG_MANIFEST_BYTES_MAX) {
		size_max *= 16;
		if (size_max > REPLOG_MANIFEST_BYTES_MAX)
			size_max = REPLOG_MANIFEST_BYTES_MAX;
		if (error)
			*error = (struct gw_error){0};
		result = get_manifest_of(log, client, size_max, fetch, error);
	}
	return result;
}

static int get_piece(struct replog *log, struct gw_rpc_client *client, struct replog_fetch *fetch,
		     uint32_t file, uint64_t number, void *buffer, struct gw_error *error)
{
	Replog__PieceRequest request;
	Replog__Nothing *reply;
	size_t size = 0;
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(PIECE_MS),
					      .reply_attachment = buffer,
					      .reply_attachment_max = REPLOG_PIECE_BYTES,
					      .reply_attachment_bytes = &size};
	int result;

	replog__piece_request__init(&request);
	request.cluster = own_cluster(log);
	request.index = replog_fetch_manifest(fetch)->snapshot.index;
	request.term = replog_fetch_manifest(fetch)->snapshot.term;
	request.file = file;
	request.piece = number;
	result = members_piece_with(client, &request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	if (result >= 0)
		result = replog_fetch_put(fetch, file, number, (struct gw_bytes){buffer, size},
					  error);
	return result;
}

static int get_pieces(struct replog *log, struct gw_rpc_client *client, struct replog_fetch *fetch,
		      struct gw_error *error)
{
	void *buffer = malloc(REPLOG_PIECE_BYTES);
	uint64_t number = 0;
	uint32_t file = 0;
	int result = 0;

	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	while (result >= 0 && !log->ended && replog_fetch_missing(fetch, &file, &number)) {
		result = get_piece(log, client, fetch, file, number, buffer, error);
		number++;
	}
	free(buffer);
	return result;
}

static int get_snapshot(struct replog *log, struct gw_rpc_client *client, struct gw_error *error)
{
	struct replog_fetch *fetch = NULL;
	int result = get_manifest(log, client, &fetch, error);

	if (result < 0)
		return result;
	result = get_pieces(log, client, fetch, error);
	if (result >= 0 && !log->ended)
		return replog_fetch_finish(fetch, error);
	replog_fetch_stop(fetch);
	return result;
}

/* The machine's task restores it, and tells the core. */
static void have_installed(struct replog *log)
{
	log->install_wanted = true;
	rpc_wake(&log->applier);
	while (log->install_wanted && !log->ended && !gw_cancelled())
		(void)rpc_wait(&log->fetcher, "for a snapshot of", replog_name(log), GW_FOREVER);
	if (!log->ended)
		compact(log);
}

static int fetch_once(struct replog *log, struct gw_error *error)
{
	const char *address = replog_address_of(log, log->fetch_from);
	struct gw_rpc_client *client;
	int result;

	log->fetch_from = 0;
	if (!address || !address[0])
		return 0;
	result = replog_client_new(log, address, &client, error);
	if (result < 0)
		return result;
	result = get_snapshot(log, client, error);
	gw_rpc_client_free(client);
	/* It is here already, from before a break. */
	if (result >= 0 || result == GW_E_EXISTS)
		have_installed(log);
	return result == GW_E_EXISTS ? 0 : result;
}

int replog_run_fetcher(void *argument)
{
	struct replog *log = argument;
	int result = 0;

	while (!log->ended && result >= 0) {
		struct gw_error error = {0};

		if (log->fetch_from == 0 || log->fetch.index <= raft_commit(log->raft)) {
			result = rpc_wait(&log->fetcher, "for offers to", replog_name(log),
					  GW_FOREVER);
			continue;
		}
		result = gw_lock(&log->snapshot_lock, GW_FOREVER);
		if (result < 0)
			break;
		if (fetch_once(log, &error) < 0) {
			IO_PROBE(log->io, "replog.fetch-failed");
			(void)gw_fail_in(&error, "%s: the leader's snapshot cannot be fetched",
					 replog_name(log));
		}
		replog_troubled(log, REPLOG_NO_FETCH, error.code < 0 ? &error : NULL);
		gw_unlock(&log->snapshot_lock);
		/* The leader offers again; until then nothing is asked. */
	}
	return 0;
}
