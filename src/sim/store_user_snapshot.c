/* SPDX-License-Identifier: Apache-2.0 */
/* store_user_snapshot.c - the program of store_user.h: snapshots that are made and fetched. */
#include "sim/store_user_life.h"

#include "base/crc32c.h"
#include "replog/store_manifest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGE_FILE_EVERY = 12, FILES_MAX = 3, DEATH_EVERY = 100, DEATH_OPERATIONS = 3 };

/* ---- Snapshots ---------------------------------------------------------------------------- */

static uint64_t file_bytes(const struct raft_snapshot *snapshot, uint32_t number)
{
	uint64_t mixed = snapshot->index * 7919 + snapshot->term * 104729 + number * 31;

	if (mixed % LARGE_FILE_EVERY == 0)
		return REPLOG_PIECE_BYTES + mixed % 5000;
	return mixed % 3000;
}

static void fill(uint8_t *out, const struct raft_snapshot *snapshot, uint32_t number, uint64_t at,
		 uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		out[i] = store_user_byte(snapshot, number, at + i);
}

static int write_file(struct store_user_life *life, struct replog_snapshot_writer *writer,
		      const struct raft_snapshot *snapshot, uint32_t number,
		      struct gw_error *error)
{
	uint64_t size = file_bytes(snapshot, number), at = 0;
	char name[16];
	int result;

	snprintf(name, sizeof(name), "part-%u", number);
	result = replog_snapshot_file(writer, name, error);
	while (result == 0 && at < size) {
		uint64_t part = 1 + store_user_draw(life, REPLOG_PIECE_BYTES);

		if (part > size - at)
			part = size - at;
		fill(life->buffer, snapshot, number, at, part);
		result = replog_snapshot_write(writer, (struct gw_bytes){life->buffer, part},
					       error);
		at += part;
	}
	return result;
}

static int write_snapshot(struct store_user_life *life, const struct raft_snapshot *snapshot,
			  struct gw_error *error)
{
	struct replog_snapshot_writer *writer;
	int result = replog_snapshot_begin(life->store, snapshot, &writer, error);

	if (result < 0)
		return result;
	for (uint32_t i = 0; result == 0 && i < 1 + snapshot->index % FILES_MAX; i++)
		result = write_file(life, writer, snapshot, i, error);
	if (result < 0 || store_user_draw(life, 8) == 0) {
		replog_snapshot_abandon(writer);
		return result < 0 ? result : GW_E_CANCELLED;
	}
	life->user->coming = *snapshot;
	return replog_snapshot_finish(writer, error);
}

int store_user_check_snapshot(struct store_user_life *life)
{
	const struct replog_manifest *manifest = replog_store_manifest(life->store);
	struct raft_snapshot snapshot;
	struct gw_error error = {0};
	uint32_t count;

	if (!manifest)
		return 0;
	snapshot = manifest->snapshot;
	count = manifest->file_count;
	if (count != 1 + snapshot.index % FILES_MAX)
		store_user_wrong(life->user, "a snapshot has %u files", count);
	for (uint32_t i = 0; i < count; i++) {
		for (uint64_t at = 0; at < file_bytes(&snapshot, i); at += REPLOG_PIECE_BYTES) {
			int size = replog_snapshot_read(life->store, snapshot.index,
							snapshot.term, i, at / REPLOG_PIECE_BYTES,
							life->buffer, &error);

			if (size < 0)
				return store_user_end_by(life, &error);
			for (int k = 0; k < size; k++) {
				if (life->buffer[k] !=
				    store_user_byte(&snapshot, i, at + (uint64_t)k)) {
					store_user_wrong(life->user, "a snapshot's bytes differ");
					return GW_E_CORRUPT;
				}
			}
		}
	}
	return 0;
}

/* After a failure that is none of the disk's. */
static int settle_snapshot(struct store_user_life *life, int result, const struct gw_error *error)
{
	struct store_user *user = life->user;

	if (result == GW_E_NO_SPACE && !replog_store_is_broken(life->store)) {
		/* Whether it got its name is not known. */
		user->no_space++;
		return user->coming.index ? store_user_end(life, result) :
					    gw_sleep_ms(STORE_USER_RETRY_MS);
	}
	if (result == GW_E_CANCELLED && sim_io_alive(life->io) && !user->coming.index)
		return 0; /* abandoned */
	return result < 0 ? store_user_end_by(life, error) : 0;
}

static int compact(struct store_user_life *life)
{
	struct gw_error error = {0};
	uint64_t index = life->user->newest.index;
	uint64_t less = store_user_draw(life, 2) ? store_user_draw(life, 20) : 0;
	int result = replog_store_compact(life->store, index > less ? index - less : 0, &error);

	return result < 0 ? store_user_end_by(life, &error) : 0;
}

static int make_snapshot(struct store_user_life *life)
{
	struct store_user *user = life->user;
	struct raft_snapshot snapshot = {.members = {.count = 0}};
	struct gw_error error = {0};
	int result;

	if (user->commit <= user->newest.index)
		return 0;
	/* As a rule as a member does: of all that is decided, so that a segment may go at once. */
	snapshot.index = user->commit;
	if (store_user_draw(life, 4) == 0)
		snapshot.index = user->newest.index + 1 +
				 store_user_draw(life, user->commit - user->newest.index);
	snapshot.term = store_user_entry(&user->durable, snapshot.index)->term;
	result = write_snapshot(life, &snapshot, &error);
	if (result < 0)
		return settle_snapshot(life, result, &error);
	user->snapshots++;
	user->newest = snapshot;
	user->coming = (struct raft_snapshot){0};
	user->durable.first = user->now.first = snapshot.index + 1;
	return compact(life);
}

/* ---- Fetching ----------------------------------------------------------------------------- */

/* The manifest of a snapshot that another member has. */
static void draw_manifest(struct store_user_life *life)
{
	struct store_user *user = life->user;
	struct replog_manifest manifest = {
		.snapshot = {
			.index = user->commit + 1 + store_user_draw(life, 40),
			.term = user->now.term + store_user_draw(life, 3),
		},
	};
	struct replog_snapshot_file files[FILES_MAX] = {0};
	uint32_t checksums[FILES_MAX][2];
	struct base_buffer bytes = {0};
	int result;

	if (manifest.snapshot.term < user->newest.term)
		manifest.snapshot.term = user->newest.term;
	manifest.file_count = 1 + (uint32_t)(manifest.snapshot.index % FILES_MAX);
	manifest.files = files;
	for (uint32_t i = 0; i < manifest.file_count; i++) {
		snprintf(files[i].name, sizeof(files[i].name), "part-%u", i);
		files[i].size = file_bytes(&manifest.snapshot, i);
		files[i].piece_checksums = checksums[i];
		for (uint64_t k = 0; k < replog_file_pieces(&files[i]); k++) {
			uint32_t size = replog_piece_bytes(&files[i], k);

			fill(life->buffer, &manifest.snapshot, i, k * REPLOG_PIECE_BYTES, size);
			checksums[i][k] = base_crc32c(0, life->buffer, size);
		}
	}
	result = replog_manifest_encode(&manifest, &bytes, NULL);
	assert(result == 0);
	free(user->manifest);
	user->manifest = bytes.data;
	user->manifest_size = bytes.size;
}

static int put_pieces(struct store_user_life *life, struct replog_fetch *fetch,
		      struct gw_error *error)
{
	const struct replog_manifest *manifest = replog_fetch_manifest(fetch);
	uint32_t file = 0;
	uint64_t piece = 0;
	int result = 0;

	while (result == 0 && replog_fetch_missing(fetch, &file, &piece)) {
		uint32_t size = replog_piece_bytes(&manifest->files[file], piece);
		struct gw_bytes bytes = {life->buffer, size};

		fill(life->buffer, &manifest->snapshot, file, piece * REPLOG_PIECE_BYTES, size);
		if (store_user_draw(life, 8) == 0) {
			life->buffer[store_user_draw(life, size)] ^= 1;
			if (replog_fetch_put(fetch, file, piece, bytes, NULL) != GW_E_CORRUPT)
				store_user_wrong(life->user, "a wrong piece was taken");
			continue;
		}
		result = replog_fetch_put(fetch, file, piece, bytes, error);
		piece++;
		if (result == 0 && store_user_draw(life, 10) == 0)
			return GW_E_CANCELLED; /* given up, for this time */
	}
	return result;
}

/* The log beside the snapshot that was fetched, as the core would have it (RAFT_INSTALLED). */
static int fit_log(struct store_user_life *life, const struct raft_snapshot *snapshot)
{
	struct store_user *user = life->user;
	struct store_user_state *now = &user->now;
	int result = 0;

	if (snapshot->index >= now->first && snapshot->index <= now->last &&
	    store_user_entry(now, snapshot->index)->term == snapshot->term) {
		/* Records that are not durable yet may be of entries before it. */
		if (user->record_count == 0)
			now->first = user->durable.first = snapshot->index + 1;
		return 0;
	}
	if (now->term < snapshot->term)
		result = store_user_add(life, (struct store_user_record){
			.kind = STORE_USER_STATE,
			.term = snapshot->term,
		}, false);
	if (result == 0)
		result = store_user_add(life, (struct store_user_record){
			.kind = STORE_USER_CLEAR,
			.index = snapshot->index + 1,
		}, true);
	return result;
}

static int fetch_begun(struct store_user_life *life, struct replog_fetch *fetch)
{
	struct store_user *user = life->user;
	struct raft_snapshot snapshot = replog_fetch_manifest(fetch)->snapshot;
	struct gw_error error = {0};
	int result = put_pieces(life, fetch, &error);

	if (result < 0) {
		replog_fetch_stop(fetch);
		return settle_snapshot(life, result, &error);
	}
	user->coming = snapshot;
	result = replog_fetch_finish(fetch, &error);
	if (result < 0)
		return settle_snapshot(life, result, &error);
	user->fetches++;
	user->newest = snapshot;
	user->coming = (struct raft_snapshot){0};
	user->commit = snapshot.index;
	result = fit_log(life, &snapshot);
	return result < 0 ? result : compact(life);
}

static int fetch_snapshot(struct store_user_life *life)
{
	struct store_user *user = life->user;
	struct replog_fetch *fetch;
	struct gw_error error = {0};
	int result;

	if (user->now.last > user->durable.last + 100)
		return 0;
	if (!user->manifest || store_user_draw(life, 3) == 0)
		draw_manifest(life);
	result = replog_fetch_begin(life->store,
				    (struct gw_bytes){user->manifest, user->manifest_size}, &fetch,
				    &error);
	if (result == GW_E_EXISTS) {
		free(user->manifest);
		user->manifest = NULL;
		return 0;
	}
	if (result < 0)
		return settle_snapshot(life, result, &error);
	return fetch_begun(life, fetch);
}

int store_user_run_snapshots(void *argument)
{
	struct store_user_life *life = argument;
	int result = 0;

	while (result == 0) {
		for (int i = 0; result == 0 && i < 10; i++)
			result = store_user_rest(life);
		if (result < 0)
			break;
		if (store_user_draw(life, 3) > 0) {
			result = make_snapshot(life);
		} else {
			life->fetching = true;
			result = fetch_snapshot(life);
			life->fetching = false;
		}
		if (result == 0 && store_user_draw(life, 4) == 0)
			result = store_user_check_snapshot(life);
	}
	return result;
}

int store_user_run_compaction(void *argument)
{
	struct store_user_life *life = argument;
	int result = 0;

	while (result == 0) {
		result = gw_sleep_until(gw_now_ns() + 1 +
					store_user_draw(life, life->user->wait_ns_max / 16));
		if (result < 0)
			break;
		if (life->user->dies && store_user_draw(life, DEATH_EVERY) == 0)
			sim_node_die_at(life->node, 1 + store_user_draw(life, DEATH_OPERATIONS),
					store_user_draw(life, 2));
		result = compact(life);
	}
	return result;
}
