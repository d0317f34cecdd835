/* SPDX-License-Identifier: Apache-2.0 */
/* append.c - appends at an offset that the primary of the last chunk chooses (3.3). */
#include "gfs/client/client.h"

#include <assert.h>
#include <inttypes.h>

static int ask_append(struct gfs_client_mutation *mutation, const struct gfs_client_chunk *chunk,
		      const Gfs__DataId *pushed, const struct gw_rpc_call_options *options,
		      struct gw_error *error)
{
	struct gfs_client_append *append = mutation->context;
	Gfs__AppendRequest request = GFS__APPEND_REQUEST__INIT;
	Gfs__AppendReply *reply;
	Gfs__DataId id;
	int code;

	request.handle = chunk->handle;
	request.version = chunk->version;
	request.crc = gfs_client_sum(mutation->data);
	request.writer = append->writer;
	request.sequence = append->sequence;
	request.first_unanswered = append->first_unanswered;
	if (pushed) {
		id = *pushed;
		request.data = &id;
	}
	code = chunkserver_append_with(chunk->primary->rpc, &request, options, &reply, error);
	if (code < 0)
		return code;
	append->chunk_full = reply->chunk_full;
	append->offset = (chunk->index << mutation->file->chunk_log2) + reply->offset;
	gw_rpc_reply_free(reply);
	return 0;
}

int gfs_client_append_check(const struct gw_gfs_file *file, struct gw_bytes data,
			    struct gw_error *error)
{
	uint64_t bytes_max = (UINT64_C(1) << file->chunk_log2) / GFS_APPEND_SHARE;

	if (bytes_max > GFS_APPEND_BYTES_MAX)
		bytes_max = GFS_APPEND_BYTES_MAX;
	if (data.size == 0)
		return gw_fail(error, GW_E_INVALID, "an append of nothing");
	return data.size <= bytes_max ? 0
				      : gw_fail(error, GW_E_TOO_LARGE,
						"an append of %zu bytes: %" PRIu64 " is the limit",
						data.size, bytes_max);
}

int gfs_client_append_to(struct gw_gfs_file *file, uint64_t index, struct gw_bytes data,
			 struct gfs_client_append *append, bool *is_unknown,
			 struct gfs_client_call *call, struct gw_error *error)
{
	struct gfs_client_mutation mutation = {
		.file = file,
		.index = index,
		.data = data,
		.make = true,
		.ask = ask_append,
		.context = append,
		.is_unknown = *is_unknown,
	};
	int code = gfs_client_mutate(&mutation, call, error);

	*is_unknown = mutation.is_unknown;
	if (code < 0 || append->chunk_full)
		return code;
	assert(append->offset >> file->chunk_log2 == index);
	gfs_client_reaches(file, append->offset + data.size);
	return gfs_client_unsynced(file, index, error);
}

int gfs_client_append_index(struct gw_gfs_file *file, struct gfs_client_call *call,
			    struct gw_error *error)
{
	uint64_t index = 0;
	int code = 0;

	while (!file->has_append_index) {
		code = file->created && file->end == 0 ? 0 : gfs_client_last(file, &index, error);
		if (code < 0 && !gfs_client_again(call, code, error))
			break;
		if (code < 0 || file->has_append_index)
			continue; /* another task has found it */
		file->append_index = index;
		file->has_append_index = true;
	}
	return code;
}

void gfs_client_append_next(struct gw_gfs_file *file, uint64_t index)
{
	if (file->append_index <= index)
		file->append_index = index + 1;
}

int gw_gfs_append(struct gw_gfs_file *file, struct gw_bytes data, uint64_t *offset,
		  struct gw_error *error)
{
	struct gfs_client_append append = {0};
	struct gfs_client_call call;
	bool is_unknown = false;
	int code = gfs_client_append_check(file, data, error);

	if (code < 0)
		return code;
	gfs_client_begin(file->client, &call);
	code = gfs_client_append_index(file, &call, error);
	while (code == 0) {
		uint64_t index = file->append_index;

		append.chunk_full = false;
		code = gfs_client_append_to(file, index, data, &append, &is_unknown, &call, error);
		if (code < 0 || !append.chunk_full)
			break;
		gfs_client_append_next(file, index);
	}
	if (code == 0 && offset)
		*offset = append.offset;
	return gfs_client_end(&call, code);
}
