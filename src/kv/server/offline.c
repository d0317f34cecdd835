/* SPDX-License-Identifier: Apache-2.0 */
/* offline.c - a look at a directory, and a restore; see offline.h. */
#include "kv/server/offline.h"

#include "base/arena.h"
#include "kv/server/home.h"
#include "kv/server/snapshot.h"
#include "task/disk.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

enum {
	RESTORE_PIECE_BYTES = 256 << 10,
	RESTORE_STOP_MS = 10000,
};

/* ---- A look --------------------------------------------------------------------------------- */

int kv_check(const char *directory, void (*found)(void *context, const char *sentence),
	     void *context, struct replog_check_report *report, struct gw_error *error)
{
	struct kv_home home = {0};
	struct io_list list;
	bool is_ours = false;
	int code;

	*report = (struct replog_check_report){0};
	/* An open would make what is not there. */
	code = task_disk_list(directory, &list, error);
	if (code < 0)
		return code;
	for (size_t i = 0; i < list.count; i++)
		is_ours = is_ours || strcmp(list.entries[i].name, "format") == 0;
	io_list_free(task_io(), &list);
	if (!is_ours)
		return gw_fail(error, GW_E_NOT_FOUND,
			       "%s: not a directory of the key/value service: no file \"format\"",
			       directory);
	code = kv_home_look(&home, directory, error);
	if (code == 0)
		code = replog_check(home.log, found, context, report, error);
	kv_home_close(&home);
	return code;
}

/* ---- A restore ------------------------------------------------------------------------------- */

struct restore {
	struct kv_server *server;
	struct kv_restore_report *report;
	int64_t now_ms;
	struct base_arena arena; /* of the batch */
	struct kv_operation batch[KV_KEYS_MAX];
	uint16_t count;
	size_t bytes;
};

static int flush(struct restore *restore, struct gw_error *error)
{
	struct base_buffer reply = {0};
	int code;

	if (restore->count == 0)
		return 0;
	code = kv_server_change(restore->server, restore->batch, restore->count, GW_FOREVER, &reply,
				error);
	base_buffer_done(&reply);
	base_arena_reset(&restore->arena);
	restore->count = 0;
	restore->bytes = 0;
	return code;
}

static int take_head(void *context, const struct kv_snapshot_head *head, struct gw_error *error)
{
	struct restore *restore = context;

	(void)error;
	restore->report->index = head->index;
	return 0;
}

static int take_pair(void *context, struct gw_bytes key, const struct kv_item *item,
		     struct gw_error *error)
{
	struct restore *restore = context;
	struct kv_operation *operation;
	size_t bytes = key.size + item->value.size;
	int code = 0;

	if (item->expires_ms && (int64_t)item->expires_ms <= restore->now_ms) {
		restore->report->expired++;
		return 0;
	}
	if (restore->count == KV_KEYS_MAX || bytes > KV_WRITE_BYTES_MAX - restore->bytes)
		code = flush(restore, error);
	if (code < 0)
		return code;
	operation = &restore->batch[restore->count];
	*operation = (struct kv_operation){.kind = KV_PUT};
	operation->key = (struct gw_bytes){base_arena_copy(&restore->arena, key), key.size};
	operation->value =
		(struct gw_bytes){base_arena_copy(&restore->arena, item->value), item->value.size};
	if (!operation->key.data || !operation->value.data)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a restore");
	if (item->expires_ms)
		operation->number = item->expires_ms - (uint64_t)restore->now_ms;
	restore->count++;
	restore->bytes += bytes;
	restore->report->keys++;
	return 0;
}

static int take_calls(void *context, struct gw_bytes records, struct gw_error *error)
{
	(void)context;
	(void)records;
	(void)error;
	return 0; /* of clients of another cluster */
}

static int take_all(struct restore *restore, const struct kv_restore_options *options,
		    struct gw_error *error)
{
	struct kv_snapshot_reader reader = {
		.visitor = {restore, take_head, take_pair, take_calls},
	};
	char *piece = malloc(RESTORE_PIECE_BYTES);
	int code = piece ? 1 : gw_fail(error, GW_E_NO_MEMORY, "no memory for a restore");

	while (code > 0) {
		code = options->read(options->context, piece, RESTORE_PIECE_BYTES, error);
		if (code > 0) {
			struct gw_bytes bytes = {piece, (size_t)code};
			int taken = kv_snapshot_take(&reader, bytes, error);

			code = taken < 0 ? taken : code;
		}
	}
	if (code == 0)
		code = kv_snapshot_end(&reader, error);
	if (code == 0)
		code = flush(restore, error);
	kv_snapshot_reader_done(&reader);
	free(piece);
	return code;
}

/* Nothing of anybody is taken over. */
static int check_empty(const char *directory, struct gw_error *error)
{
	struct gw_error why = {0};
	struct io_list list;
	size_t count;
	int code = task_disk_list(directory, &list, &why);

	if (code == GW_E_NOT_FOUND)
		return 0;
	if (code < 0)
		return gw_fail(error, code, "%s", why.text);
	count = list.count;
	io_list_free(task_io(), &list);
	return count == 0
		       ? 0
		       : gw_fail(error, GW_E_EXISTS, "%s: the directory is not empty", directory);
}

int kv_restore(const struct kv_restore_options *options, struct kv_restore_report *report,
	       struct gw_error *error)
{
	const struct kv_server_options of_server = {
		.directory = options->directory,
		.address = options->address,
		.listen = "127.0.0.1:0", /* nobody is to come in meanwhile */
	};
	struct restore *restore = calloc(1, sizeof(*restore));
	int code = check_empty(options->directory, error);

	*report = (struct kv_restore_report){0};
	if (code == 0 && !restore)
		code = gw_fail(error, GW_E_NO_MEMORY, "no memory for a restore");
	if (code == 0)
		code = kv_server_new(&restore->server, &of_server, error);
	if (code == 0) {
		assert(restore->count == 0);
		restore->report = report;
		restore->now_ms = io_wall_ns(task_io()) / 1000000;
		code = take_all(restore, options, error);
		kv_server_stop(restore->server, gw_after_ms(RESTORE_STOP_MS));
		kv_server_free(restore->server);
	}
	if (restore)
		base_arena_done(&restore->arena);
	free(restore);
	return code;
}
