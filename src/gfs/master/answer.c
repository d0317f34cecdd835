/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - messages from the state, packed. The same on every master.
 */
#include "gfs/master/answer.h"

#include "gfs/common/gfs.pb-c.h"
#include "gfs/master/grants.h"
#include "gfs/master/servers.h"

static int pack(const ProtobufCMessage *message, struct base_buffer *out, struct gw_error *error)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	int code = base_buffer_reserve(out, size, error);

	if (code < 0)
		return code;
	out->size += protobuf_c_message_pack(message, out->data + out->size);
	return 0;
}

/* The messages of a lease, and the strings they need. */
struct lease {
	Gfs__Lease lease;
	Gfs__Chunk chunk;
	Gfs__Place places[GFS_GOAL_MAX];
	Gfs__Place *pointers[GFS_GOAL_MAX];
	char addresses[GFS_GOAL_MAX][GFS_ADDRESS_BYTES_MAX + 1];
	char racks[GFS_GOAL_MAX][GFS_RACK_BYTES_MAX + 1];
};

static void string_make(char *out, struct gw_bytes bytes)
{
	if (bytes.size > 0)
		memcpy(out, bytes.data, bytes.size);
	out[bytes.size] = 0;
}

static void place_make(const struct gfs_state *state, struct lease *lease, uint32_t i,
		       uint16_t number)
{
	Gfs__Place *place = &lease->places[i];
	struct gfs_server server;
	bool found = gfs_server_find(state, number, &server);

	assert(found);
	gfs__place__init(place);
	string_make(lease->addresses[i], server.address);
	string_make(lease->racks[i], server.rack);
	place->server = number;
	place->address = lease->addresses[i];
	place->rack = lease->racks[i];
	lease->pointers[i] = place;
}

static void lease_make(const struct gfs_state *state, const struct gfs_done *done, uint64_t term,
		       struct lease *lease)
{
	uint32_t slot = gfs_slot_of(done->handle);
	const struct gfs_chunk *chunk = gfs_chunks_find(&state->chunks, done->handle);
	struct gfs_grant grant = {0};

	assert(chunk);
	gfs__lease__init(&lease->lease);
	gfs__chunk__init(&lease->chunk);
	lease->lease.chunk = &lease->chunk;
	lease->lease.term = term;
	lease->chunk.index = done->index;
	lease->chunk.handle = done->handle;
	lease->chunk.version = chunk->version;
	lease->chunk.source = gfs_source_of(state, slot);
	if (lease->chunk.source != 0)
		lease->chunk.source_version =
			gfs_chunks_find(&state->chunks, lease->chunk.source)->version;
	if (!gfs_grant_of(state, slot, &grant))
		return;
	lease->lease.primary = grant.set.servers[0];
	for (uint32_t i = 0; i < grant.set.count; i++)
		place_make(state, lease, i, grant.set.servers[i]);
	lease->chunk.places = lease->pointers;
	lease->chunk.n_places = grant.set.count;
}

static int pack_create(const struct gfs_state *state, const struct gfs_done *done, uint64_t term,
		       struct base_buffer *out, struct gw_error *error)
{
	Gfs__CreateReply reply = GFS__CREATE_REPLY__INIT;
	struct lease lease;

	reply.index = state->applied;
	reply.id = done->id;
	reply.existed = done->existed;
	if (done->handle != 0) {
		lease_make(state, done, term, &lease);
		reply.lease = &lease.lease;
	}
	return pack(&reply.base, out, error);
}

static int pack_lease(const struct gfs_state *state, const struct gfs_done *done, uint64_t term,
		      struct base_buffer *out, struct gw_error *error)
{
	Gfs__LeaseReply reply = GFS__LEASE_REPLY__INIT;
	struct lease lease;

	lease_make(state, done, term, &lease);
	reply.lease = &lease.lease;
	reply.chunk_log2 = done->chunk_log2;
	return pack(&reply.base, out, error);
}

int gfs_answer_pack(const struct gfs_state *state, const struct gfs_record *record,
		    const struct gfs_done *done, uint64_t term, struct base_buffer *out,
		    struct gw_error *error)
{
	Gfs__ChangeReply change = GFS__CHANGE_REPLY__INIT;
	Gfs__WriterReply writer = GFS__WRITER_REPLY__INIT;
	Gfs__EnrolReply enrolled = GFS__ENROL_REPLY__INIT;

	switch (record->kind) {
	case GFS_RECORD_CREATE:
		return pack_create(state, done, term, out, error);
	case GFS_RECORD_CHUNK_ADD:
	case GFS_RECORD_CHUNK_COPY:
	case GFS_RECORD_GRANT:
		return pack_lease(state, done, term, out, error);
	case GFS_RECORD_WRITER_OPEN:
	case GFS_RECORD_WRITER_KEEP:
	case GFS_RECORD_WRITER_CLOSE:
		writer.writer = done->number;
		writer.keep_ms = record->kind == GFS_RECORD_WRITER_CLOSE ? 0 : GFS_WRITER_MS;
		return pack(&writer.base, out, error);
	case GFS_RECORD_SERVER:
		enrolled.server = (uint32_t)done->number;
		return pack(&enrolled.base, out, error);
	default:
		change.index = state->applied;
		change.id = done->id;
		return pack(&change.base, out, error);
	}
}
