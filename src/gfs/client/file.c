/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - files are opened, closed, and asked how long they are. */
#include "gfs/client/client.h"

#include <assert.h>
#include <stdlib.h>

enum { MODE = 0644 };

/* ---- Opening --------------------------------------------------------------------------------- */

/* 1: it was made here; 0: it was there. */
static int create(struct gw_gfs_file *file, const struct gw_gfs_open *open,
		  struct gfs_client_call *call, struct gw_error *error)
{
	const struct gw_gfs_client_options *options = &file->client->options;
	Gfs__CreateRequest request = GFS__CREATE_REQUEST__INIT;
	Gfs__CreateReply *reply;
	int code;

	request.path = gfs_client_bytes(file->path);
	request.mode = open->mode ? open->mode : MODE;
	request.user = options->user;
	request.group = options->group;
	request.goal = open->goal;
	request.chunk_log2 = open->chunk_log2;
	request.with_chunk = true;
	request.or_open = !open->exclusive;
	do
		code = master_create(file->client->masters, &request, &reply, error);
	while (gfs_client_again(call, code, error));
	if (code < 0)
		return code;
	file->id = reply->id;
	file->chunk_log2 = open->chunk_log2 ? open->chunk_log2 : GFS_CHUNK_LOG2;
	code = reply->existed ? 0 : 1;
	if (code == 1)
		file->created = reply->index;
	if (code == 1 && reply->lease && gfs_client_take_lease(file, reply->lease, error) < 0)
		code = error ? error->code : GW_E_CORRUPT;
	gw_rpc_reply_free(reply);
	return code;
}

/* What is known of a file that is there. */
static int look(struct gw_gfs_file *file, struct gfs_client_call *call, struct gw_error *error)
{
	Gfs__LocateRequest request = GFS__LOCATE_REQUEST__INIT;
	Gfs__LocateReply *reply;
	int code;

	request.path = gfs_client_bytes(file->path);
	request.id = file->id;
	do
		code = master_locate(file->client->masters, &request, &reply, error);
	while (gfs_client_again(call, code, error));
	if (code < 0)
		return code;
	file->id = reply->id;
	file->chunk_log2 = reply->chunk_log2;
	file->end = file->reported = reply->length;
	gw_rpc_reply_free(reply);
	if (file->chunk_log2 < GFS_CHUNK_LOG2_MIN || file->chunk_log2 > GFS_CHUNK_LOG2_MAX)
		return gw_fail(error, GW_E_CORRUPT, "%.*s: chunks of 2^%u bytes",
			       (int)file->path.size, (const char *)file->path.data,
			       file->chunk_log2);
	return 0;
}

static struct gw_gfs_file *make(struct gw_gfs_client *client, struct gw_bytes path)
{
	struct gw_gfs_file *file = calloc(1, sizeof(*file));
	void *copy = malloc(path.size + 1);

	if (!file || !copy) {
		free(file);
		free(copy);
		return NULL;
	}
	if (path.size > 0)
		memcpy(copy, path.data, path.size);
	file->client = client;
	file->path = (struct gw_bytes){copy, path.size};
	return file;
}

static void discard(struct gw_gfs_file *file)
{
	free((void *)(uintptr_t)file->path.data);
	free(file->chunks);
	free(file->unsynced);
	free(file);
}

int gw_gfs_open(struct gw_gfs_file **out, struct gw_gfs_client *client, struct gw_bytes path,
		const struct gw_gfs_open *open, struct gw_error *error)
{
	struct gw_gfs_file *file = make(client, path);
	struct gfs_client_call call;
	int code = 0;

	*out = NULL;
	if (!file)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a file");
	gfs_client_begin(client, &call);
	if (open && open->create)
		code = create(file, open, &call, error);
	if (code == 0)
		code = look(file, &call, error);
	gfs_client_end(&call, code);
	if (code < 0) {
		discard(file);
		return code;
	}
	*out = file;
	return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

uint64_t gw_gfs_file_id(const struct gw_gfs_file *file)
{
	return file->id;
}

uint64_t gw_gfs_file_chunk_bytes(const struct gw_gfs_file *file)
{
	return UINT64_C(1) << file->chunk_log2;
}

uint64_t gw_gfs_file_created(const struct gw_gfs_file *file)
{
	return file->created;
}

int gw_gfs_file_length(struct gw_gfs_file *file, uint64_t *length, struct gw_error *error)
{
	struct gfs_client_call call;
	uint64_t index;
	int code;

	gfs_client_begin(file->client, &call);
	do {
		code = gfs_client_last(file, &index, error);
		if (code == 0)
			code = gfs_client_chunk_length(file, index, length, error);
	} while (gfs_client_again(&call, code, error));
	return gfs_client_end(&call, code < 0 ? code : 0);
}

/* ---- The length at the masters --------------------------------------------------------------- */

int gfs_client_report(struct gw_gfs_file *file, struct gfs_client_call *call,
		      struct gw_error *error)
{
	Gfs__LengthRequest request = GFS__LENGTH_REQUEST__INIT;
	uint64_t length = file->end;
	Gfs__ChangeReply *reply;
	int code;

	if (length <= file->reported)
		return 0;
	request.path = gfs_client_bytes(file->path);
	request.id = file->id;
	request.length = length;
	do
		code = master_length(file->client->masters, &request, &reply, error);
	while (gfs_client_again(call, code, error));
	if (code < 0)
		return code;
	gw_rpc_reply_free(reply);
	if (length > file->reported)
		file->reported = length;
	return 0;
}

int gw_gfs_close(struct gw_gfs_file *file, struct gw_error *error)
{
	struct gfs_client_call call;
	int code;

	if (!file)
		return 0;
	gfs_client_begin(file->client, &call);
	code = gfs_client_report(file, &call, error);
	gfs_client_end(&call, code);
	discard(file);
	return code;
}
