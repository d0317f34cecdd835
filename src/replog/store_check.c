/* SPDX-License-Identifier: Apache-2.0 */
/* store_check.c - a look at a directory that changes nothing; see store.h. */
#include "store_read.h"

#include "store_format.h"
#include "store_manifest.h"
#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
	struct replog_store store; /* only what reading looks at */
	struct replog_replay replay;
	struct replog_check_report *report;
	void (*found)(void *context, const char *sentence);
	void *context;
};

/* Lack of memory ends the look; everything else is a finding, and the look goes on. */
static int finding(struct check *check, int result, const struct gw_error *why,
		   struct gw_error *error)
{
	if (result >= 0)
		return 0;
	if (result == GW_E_NO_MEMORY || result == GW_E_CANCELLED)
		return gw_fail(error, result, "%s", why->text);
	check->report->findings++;
	check->found(check->context, why->text);
	return 0;
}

/* ---- The log ------------------------------------------------------------------------------ */

static int check_fit(struct check *check, struct store_reading *reading, struct gw_error *error)
{
	struct replog_recovered recovered = {.snapshot = {.index = check->report->snapshot_index}};
	struct gw_error why = {0};
	bool clear;
	int result;

	if (check->store.manifest)
		recovered.snapshot = check->store.manifest->snapshot;
	result = store_reading_fit(reading, &recovered, &clear, &why);
	return finding(check, result, &why, error);
}

static int check_segments(struct check *check, struct store_reading *reading,
			  struct gw_error *error)
{
	uint64_t before = check->report->findings;
	struct gw_error why;
	int result = 0;

	for (size_t i = 0; result == 0 && i < reading->count; i++) {
		why = (struct gw_error){0};
		result = store_reading_look(reading, i, &why);
		if (result < 0)
			reading->found[i].first_sequence = 0;
		check->report->bytes += reading->found[i].segment.size;
		result = finding(check, result, &why, error);
	}
	for (size_t i = 0; result == 0 && i < reading->count; i++) {
		why = (struct gw_error){0};
		result = store_reading_segment(reading, i, &why);
		if (result < 0) {
			reading->next = 0; /* the next one begins anew */
			replog_replay_forget(reading->replay);
		}
		result = finding(check, result, &why, error);
	}
	/* What is missing after a finding has been said. */
	if (result == 0 && check->report->findings == before)
		result = check_fit(check, reading, error);
	return result;
}

static int check_log(struct check *check, struct gw_error *error)
{
	struct store_reading reading = {.store = &check->store, .replay = &check->replay};
	struct replog_check_report *report = check->report;
	int result = store_reading_list(&reading, error);

	if (result == 0)
		result = check_segments(check, &reading, error);
	report->segments = reading.count;
	report->batches = reading.batches;
	report->torn_bytes = reading.torn_bytes;
	report->term = check->replay.term;
	report->vote = check->replay.vote;
	report->first_index = check->replay.base;
	report->last_index = check->replay.base + check->replay.count - 1;
	if (check->replay.base == 0)
		report->first_index = 1, report->last_index = 0;
	store_reading_done(&reading);
	replog_replay_done(&check->replay);
	return result;
}

/* ---- Snapshots ---------------------------------------------------------------------------- */

static int check_pieces(struct check *check, uint32_t number, uint8_t *buffer,
			struct gw_error *error)
{
	const struct replog_manifest *manifest = check->store.manifest;
	const struct replog_snapshot_file *file = &manifest->files[number];
	char path[STORE_PATH_MAX];
	int result = 0;

	store_snapshot_file_path(path, check->store.path, &manifest->snapshot, number);
	for (uint64_t i = 0; result == 0 && i < replog_file_pieces(file); i++) {
		struct gw_error why = {0};

		result = finding(check, store_read_piece(path, file, i, buffer, &why), &why,
				 error);
	}
	check->report->bytes += file->size;
	return result;
}

static int check_files(struct check *check, struct gw_error *error)
{
	uint8_t *buffer = malloc(REPLOG_PIECE_BYTES);
	int result = 0;

	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a piece");
	for (uint32_t i = 0; result == 0 && i < check->store.manifest->file_count; i++) {
		struct gw_error why = {0};
		int size = store_check_file_size(check->store.path, check->store.manifest, i, &why);

		result = finding(check, size, &why, error);
		if (size == 0 && result == 0)
			result = check_pieces(check, i, buffer, error);
		check->report->files++;
	}
	free(buffer);
	return result;
}

static int check_snapshots(struct check *check, struct gw_error *error)
{
	char directory[STORE_PATH_MAX];
	struct gw_error why = {0};
	struct raft_snapshot newest;
	struct io_list list;
	int result;

	store_path(directory, check->store.path, "snapshot");
	result = task_disk_list(directory, &list, error);
	if (result < 0)
		return result;
	store_newest_of(&list, &newest);
	io_list_free(check->store.io, &list);
	check->report->snapshot_index = newest.index;
	if (newest.index == 0)
		return 0;
	result = store_load_manifest(check->store.path, &newest, &check->store.manifest, &why);
	if (result < 0)
		return finding(check, result, &why, error);
	return check_files(check, error);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static int check_all(struct check *check, struct gw_error *error)
{
	char path[STORE_PATH_MAX];
	struct io_file *lock = NULL;
	int result;

	store_path(path, check->store.path, "lock");
	result = task_disk_open(path, IO_READ | IO_LOCKED, &lock, error);
	if (result == GW_E_BUSY)
		return gw_fail(error, GW_E_BUSY, "%s is in use by another process",
			       check->store.path);
	if (result < 0 && result != GW_E_NOT_FOUND)
		return result;
	result = check_snapshots(check, error);
	if (result == 0)
		result = check_log(check, error);
	replog_manifest_free(check->store.manifest);
	(void)task_disk_close(lock, NULL);
	return result;
}

int replog_check(const char *path, void (*found)(void *context, const char *sentence),
		 void *context, struct replog_check_report *report, struct gw_error *error)
{
	struct check *check;
	struct gw_error why = {0};
	int result;

	*report = (struct replog_check_report){0};
	result = replog_store_identity(path, &report->identity, &why);
	if (result == GW_E_CORRUPT || result == GW_E_VERSION || result == GW_E_TOO_LARGE) {
		report->findings++;
		found(context, why.text);
		return 0;
	}
	if (result < 0)
		return gw_fail(error, result, "%s", why.text);
	check = calloc(1, sizeof(*check));
	if (!check)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to look at it", path);
	check->store.io = task_io();
	strncpy(check->store.path, path, sizeof(check->store.path) - 1);
	check->store.identity = report->identity;
	check->store.segment_bytes = REPLOG_SEGMENT_BYTES;
	check->report = report;
	check->found = found;
	check->context = context;
	result = check_all(check, error);
	free(check);
	return result;
}
