/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.c - mutations in the order of their numbers, at every replica. One that comes too early
 * waits for those before it; one that was applied already is so again. After one that failed
 * nothing more is applied under the grant.
 */
#include "inside.h"

#include "base/crc32c.h"
#include "io/rare.h"
#include "rpc/waiting.h"

#include <assert.h>
#include <stdlib.h>

static int over(const struct grant *grant, struct gw_error *error)
{
	return gw_fail(error, GW_E_STALE, "chunk %llx: the grant of version %llu is over",
		       (unsigned long long)grant->chunk->handle,
		       (unsigned long long)grant->version);
}

/* Syncs stand alone in their batch. */
static int apply_all(struct grant *grant, const struct apply_item *items, size_t count,
		     struct gw_error *error)
{
	struct chunk_mutation mutations[CHUNK_MUTATIONS_MAX];

	assert(count > 0 && count <= CHUNK_MUTATIONS_MAX);
	if (items[0].is_sync)
		return chunk_sync(grant->chunk, false, error);
	for (size_t i = 0; i < count; i++)
		mutations[i] = items[i].mutation;
	return chunk_mutate(grant->chunk, grant->version, mutations, count, error);
}

int apply_in_turn(struct grant *grant, uint64_t serial, const struct apply_item *items,
		  size_t count, struct gw_error *error)
{
	int result = 0;

	while (result == 0 && !grant->is_over && (grant->is_applying || serial > grant->next))
		result = rpc_wait(&grant->changed, "for its turn at", "a chunk", GW_FOREVER);
	if (result < 0)
		return gw_fail(error, result, "%s", gw_code_text(result));
	if (grant->is_over)
		return over(grant, error);
	if (serial < grant->next)
		return 0;
	grant->is_applying = true;
	/* Once begun it is not ended by a caller that goes away. */
	gw_shield_begin();
	result = apply_all(grant, items, count, error);
	gw_shield_end();
	grant->is_applying = false;
	if (result == 0)
		grant->next = serial + count;
	else
		grant_end(grant->chunk, grant->version);
	rpc_wake(&grant->changed);
	return result;
}

/* ---- At a secondary -------------------------------------------------------------------------- */

/* The bytes of one mutation, from the attachment or from what was pushed. */
static int take_bytes(struct chunk_server *server, const Gfs__Mutation *wire,
		      struct held_data *inlined, size_t *at, struct apply_item *item,
		      struct gw_error *error)
{
	if (wire->data) {
		item->data = held_get(&server->held, wire->data->client, wire->data->number);
		if (!item->data)
			return gw_fail(error, GW_E_NOT_FOUND, "data %llx:%llu are not here",
				       (unsigned long long)wire->data->client,
				       (unsigned long long)wire->data->number);
		item->mutation.data = (struct gw_bytes){item->data->bytes, item->data->size};
		return 0;
	}
	if (wire->bytes > inlined->size - *at)
		return gw_fail(error, GW_E_INVALID, "a mutation without its bytes");
	item->mutation.data = (struct gw_bytes){inlined->bytes + *at, wire->bytes};
	if (base_crc32c(0, inlined->bytes + *at, wire->bytes) != wire->crc)
		return gw_fail(error, GW_E_CORRUPT, "bytes arrived with another checksum");
	*at += wire->bytes;
	return 0;
}

static int take_mutation(struct chunk_server *server, const Gfs__Mutation *wire,
			 struct held_data *inlined, size_t *at, struct apply_item *item,
			 struct gw_error *error)
{
	struct chunk_mutation *mutation = &item->mutation;

	mutation->offset = wire->offset;
	mutation->first_unanswered = wire->first_unanswered;
	mutation->completion.writer = wire->writer;
	mutation->completion.sequence = wire->sequence;
	switch (wire->what) {
	case GFS__MUTATION__WHAT__WRITE:
	case GFS__MUTATION__WHAT__APPEND:
		mutation->what = CHUNK_WRITE;
		return take_bytes(server, wire, inlined, at, item, error);
	case GFS__MUTATION__WHAT__PAD:
		mutation->what = CHUNK_PAD;
		return 0;
	case GFS__MUTATION__WHAT__CUT:
		mutation->what = CHUNK_CUT;
		return 0;
	case GFS__MUTATION__WHAT__FENCE:
		mutation->what = CHUNK_NOTE;
		mutation->completion.kind = CHUNK_FENCED;
		return wire->writer ? 0 : gw_fail(error, GW_E_INVALID, "a fence for nobody");
	case GFS__MUTATION__WHAT__SYNC:
		item->is_sync = true;
		return 0;
	default:
		return gw_fail(error, GW_E_UNSUPPORTED, "mutation %d is not known",
			       (int)wire->what);
	}
}

static int take_items(struct chunk_server *server, const Gfs__ApplyRequest *request,
		      struct held_data *inlined, struct apply_item *items, struct gw_error *error)
{
	size_t at = 0;
	int result = 0;

	for (size_t i = 0; i < request->n_mutations && result == 0; i++) {
		result = take_mutation(server, request->mutations[i], inlined, &at, &items[i],
				       error);
		if (result == 0 && items[i].is_sync && request->n_mutations > 1)
			result = gw_fail(error, GW_E_INVALID, "a sync among others");
	}
	return result;
}

/* All of the attachment; each mutation has its checksum. */
static int receive_inlined(struct gw_rpc_call *call, struct held_data **data,
			   struct gw_error *error)
{
	uint64_t bytes;
	size_t at = 0;
	int result = gw_rpc_attachment_size(call, &bytes, error);

	if (result < 0)
		return result;
	if (bytes > CHUNK_BATCH_BYTES_MAX + GFS_APPEND_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%llu bytes at once",
			       (unsigned long long)bytes);
	*data = held_data_new((size_t)bytes);
	if (!*data)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	while (at < bytes) {
		result = gw_rpc_part_receive(call, (*data)->bytes + at, (size_t)bytes - at, error);
		if (result <= 0)
			return result < 0 ? result : gw_fail(error, GW_E_TRUNCATED, "cut short");
		at += (size_t)result;
	}
	return 0;
}

int chunk_serve_apply(struct gw_rpc_call *call, void *context, const Gfs__ApplyRequest *request,
		      Gfs__ApplyReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	struct held_data *inlined = NULL;
	struct grant *grant = NULL;
	struct apply_item *items;
	size_t count = request->n_mutations;
	int result;

	if (count == 0 || count > CHUNK_MUTATIONS_MAX || request->serial == 0)
		return gw_fail(error, GW_E_INVALID, "%zu mutations at once", count);
	items = calloc(count, sizeof(*items));
	result = items ? receive_inlined(call, &inlined, error) :
			 gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	if (result == 0)
		result = grant_of(server, request->handle, request->version, false, &grant, error);
	if (result == 0)
		result = take_items(server, request, inlined, items, error);
	if (result == 0) {
		chunk_call_begin(server);
		result = apply_in_turn(grant, request->serial, items, count, error);
		chunk_call_end(server);
	}
	for (size_t i = 0; items && i < count; i++)
		held_data_unref(items[i].data);
	free(items);
	held_data_unref(inlined);
	grant_unref(grant);
	reply->serial = request->serial + count - 1;
	return result;
}
