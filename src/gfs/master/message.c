/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - parts of answers, in the memory of their call.
 */
#include "gfs/master/inside.h"

#include <assert.h>

#include "gfs/master/grants.h"
#include "gfs/master/servers.h"

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
}

static char *text_of(struct gw_rpc_call *call, struct gw_bytes bytes)
{
	char *text = gw_rpc_allocate(call, bytes.size + 1);

	if (text && bytes.size > 0)
		memcpy(text, bytes.data, bytes.size);
	if (text)
		text[bytes.size] = '\0';
	return text;
}

int gfs_message_place(struct gw_rpc_call *call, const struct gfs_state *state, uint32_t server,
		      Gfs__Place **out, struct gw_error *error)
{
	Gfs__Place *place = gw_rpc_allocate(call, sizeof(*place));
	struct gfs_server found;

	if (!gfs_server_find(state, server, &found))
		return gw_fail(error, GW_E_NOT_FOUND, "there is no server %u", server);
	if (!place)
		return no_memory(error);
	gfs__place__init(place);
	place->server = server;
	place->address = text_of(call, found.address);
	place->rack = text_of(call, found.rack);
	*out = place;
	return place->address && place->rack ? 0 : no_memory(error);
}

int gfs_message_chunk(struct gw_rpc_call *call, const struct gfs_master *master, uint64_t index,
		      uint32_t slot, const struct gfs_set *set, Gfs__Chunk **out,
		      struct gw_error *error)
{
	const struct gfs_state *state = &master->machine.state;
	const struct gfs_chunk *record = gfs_chunks_slot(&state->chunks, slot), *source;
	Gfs__Chunk *chunk = gw_rpc_allocate(call, sizeof(*chunk));

	assert(record);
	*out = chunk;
	if (!chunk)
		return no_memory(error);
	gfs__chunk__init(chunk);
	chunk->index = index;
	chunk->handle = gfs_chunks_handle(&state->chunks, slot);
	chunk->version = record->version;
	chunk->source = gfs_source_of(state, slot);
	if (chunk->source != 0) {
		source = gfs_chunks_find(&state->chunks, chunk->source);
		assert(source);
		chunk->source_version = source->version;
	}
	chunk->places = gw_rpc_allocate(call, (set->count + 1) * sizeof(Gfs__Place *));
	if (!chunk->places)
		return no_memory(error);
	for (uint32_t i = 0; i < set->count; i++) {
		int code;

		if (!master->options.cluster->lives(master, set->servers[i]))
			continue;
		code = gfs_message_place(call, state, set->servers[i],
					 &chunk->places[chunk->n_places], error);
		if (code < 0)
			return code;
		chunk->n_places++;
	}
	return 0;
}
