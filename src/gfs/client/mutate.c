/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutate.c - one mutation: who is primary, data pushed along the chain, the primary asked; and all
 * of it again until it has worked (3.1, 3.2). What the primary says, and what is done then:
 *
 *   NOT_FOUND: it has not that data                 pushed again
 *   STALE: it is not primary, or another version    the masters are asked who is; if they name it
 *                                                   again, they are told that this version failed
 *   OVERLOADED                                      asked again later
 *   INVALID, TOO_LARGE, DENIED                      that is the answer
 *   COMPACTED: the writer has ended                 that, too
 *   anything else, or nothing                       the masters are told that this version failed,
 *                                                   and grant a new one to those that live
 */
#include "gfs/client/client.h"

#include <assert.h>
#include <inttypes.h>

#include "base/allocate.h"
#include "base/crc32c.h"

uint32_t gfs_client_sum(struct gw_bytes data)
{
	return base_crc32c(0, data.data, data.size);
}

/* ---- Data ------------------------------------------------------------------------------------ */

static bool is_to_be_pushed(const struct gfs_client_mutation *mutation)
{
	return mutation->data.size > GFS_INLINE_BYTES_MAX && mutation->data_id.number == 0;
}

static int push(struct gfs_client_mutation *mutation, struct gfs_client_chunk *chunk,
		struct gw_error *error)
{
	struct gw_gfs_client *client = mutation->file->client;
	struct gw_rpc_call_options options = {.attachment = mutation->data};
	Gfs__PushRequest request = GFS__PUSH_REQUEST__INIT;
	Gfs__DataId id = GFS__DATA_ID__INIT;
	Gfs__Place places[GFS_CLIENT_PLACES_MAX], *chain[GFS_CLIENT_PLACES_MAX];
	Gfs__Nothing *reply;
	int code;

	assert(chunk->place_count > 0);
	gfs_client_chain(client, chunk->places, chunk->place_count);
	for (uint32_t i = 1; i < chunk->place_count; i++) {
		gfs__place__init(&places[i]);
		places[i].server = chunk->places[i]->id;
		places[i].address = chunk->places[i]->address;
		places[i].rack = chunk->places[i]->rack;
		chain[i - 1] = &places[i];
	}
	id.client = client->data_client;
	id.number = ++client->data_number;
	request.data = &id;
	request.chain = chain;
	request.n_chain = chunk->place_count - 1;
	request.crc = gfs_client_sum(mutation->data);
	options.deadline_ns = gfs_client_attempt_ns(chunk->places[0]);
	code = chunkserver_push_with(chunk->places[0]->rpc, &request, &options, &reply, error);
	gfs_client_attempted(chunk->places[0], options.deadline_ns, code);
	if (code < 0) {
		gfs_client_avoid(chunk->places[0]);
		return code;
	}
	gw_rpc_reply_free(reply);
	mutation->data_id = id;
	return 0;
}

/* ---- One try --------------------------------------------------------------------------------- */

static int ask_primary(struct gfs_client_mutation *mutation, struct gfs_client_chunk *chunk,
		       struct gw_error *error)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = gfs_client_attempt_ns(chunk->primary),
		.attachment = mutation->data_id.number ? (struct gw_bytes){0} : mutation->data,
	};
	int code =
		mutation->ask(mutation, chunk, mutation->data_id.number ? &mutation->data_id : NULL,
			      &options, error);

	gfs_client_attempted(chunk->primary, options.deadline_ns, code);
	if (code < 0 && code != GW_E_NOT_FOUND && code != GW_E_OVERLOADED)
		mutation->is_unknown = true;
	return code;
}

/* After a failure of a chunkserver: what the next try is to do otherwise. False: none. */
static bool learn(struct gfs_client_mutation *mutation, const struct gfs_client_chunk *chunk,
		  int code)
{
	if (code == GW_E_INVALID || code == GW_E_TOO_LARGE || code == GW_E_DENIED ||
	    code == GW_E_COMPACTED || code == GW_E_CANCELLED)
		return false;
	if (code == GW_E_OVERLOADED)
		return true;
	mutation->data_id.number = 0;
	/* Who was named as primary again, and says again that it is none, has ended its grant. */
	if (code != GW_E_NOT_FOUND &&
	    (code != GW_E_STALE || mutation->stale_version == chunk->version))
		mutation->failed_version = chunk->version;
	if (code == GW_E_STALE)
		mutation->stale_version = chunk->version;
	gfs_client_forget(mutation->file, mutation->index);
	return true;
}

/* is_over: a failure is the answer. */
static int try_once(struct gfs_client_mutation *mutation, bool *is_over, struct gw_error *error)
{
	struct gfs_client_chunk chunk;
	int code = gfs_client_lease(mutation->file, mutation->index, mutation->failed_version,
				    mutation->make, &chunk, error);

	/* Busy: the chunk is being copied. */
	*is_over = code < 0 && !gfs_client_is_refusal(code) && code != GW_E_BUSY;
	if (code < 0)
		return code;
	if (is_to_be_pushed(mutation))
		code = push(mutation, &chunk, error);
	if (code == 0)
		code = ask_primary(mutation, &chunk, error);
	if (code < 0)
		*is_over = !learn(mutation, &chunk, code);
	return code;
}

int gfs_client_mutate(struct gfs_client_mutation *mutation, struct gfs_client_call *call,
		      struct gw_error *error)
{
	bool at_once = true; /* a lease that has ended is nothing to wait for */
	bool is_over;
	int code;

	for (;;) {
		code = try_once(mutation, &is_over, error);
		if (code >= 0 || is_over)
			return code;
		if (at_once && (code == GW_E_STALE || code == GW_E_NOT_FOUND))
			at_once = false;
		else if (!gfs_client_pause(call, error))
			break;
	}
	/* What a chunkserver says of its chunk is not what the caller is to hear of its file. */
	if (error)
		error->code = GW_E_UNREACHABLE;
	return GW_E_UNREACHABLE;
}

/* ---- What a sync has to do ------------------------------------------------------------------- */

int gfs_client_unsynced(struct gw_gfs_file *file, uint64_t index, struct gw_error *error)
{
	uint64_t *indexes;

	for (size_t i = file->unsynced_count; i > 0; i--) {
		if (file->unsynced[i - 1] == index)
			return 0;
	}
	indexes = base_grow(file->unsynced, sizeof(*indexes), &file->unsynced_capacity,
			    file->unsynced_count + 1);
	if (!indexes)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to remember chunk %" PRIu64,
			       index);
	file->unsynced = indexes;
	file->unsynced[file->unsynced_count++] = index;
	return 0;
}
