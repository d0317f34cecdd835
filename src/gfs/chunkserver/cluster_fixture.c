/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_fixture.c - see cluster_fixture.h. */
#include "gfs/chunkserver/cluster_fixture.h"

#include "base/crc32c.h"

#include <stdio.h>
#include <stdlib.h>

enum { BEAT_MS = 20 };

/* ---- The master ------------------------------------------------------------------------------ */

static int enrol(struct gw_rpc_call *call, void *context, const Gfs__EnrolRequest *request,
		 Gfs__EnrolReply *reply, struct gw_error *error)
{
	struct cluster *cluster = context;
	uint8_t *id = gw_rpc_allocate(call, CHUNK_CLUSTER_BYTES);

	(void)error;
	assert_non_null(id);
	id[0] = 1;
	reply->cluster = (ProtobufCBinaryData){CHUNK_CLUSTER_BYTES, id};
	for (int i = 0; i < CLUSTER_SERVERS; i++) {
		if (cluster->servers[i] &&
		    strcmp(chunk_server_address(cluster->servers[i]), request->address) == 0)
			reply->server = (uint32_t)i + 1;
	}
	return reply->server ? 0 : gw_fail(error, GW_E_BUSY, "not yet");
}

static int heartbeat(struct gw_rpc_call *call, void *context, const Gfs__HeartbeatRequest *request,
		     Gfs__HeartbeatReply *reply, struct gw_error *error)
{
	struct cluster *cluster = context;
	Gfs__Revoked *revoked = gw_rpc_allocate(call, sizeof(*revoked));
	void **lists = gw_rpc_allocate(call, 2 * sizeof(void *));
	uint64_t drop = cluster->drop_handle;

	(void)error;
	assert_true(revoked && lists);
	cluster->beats++;
	if (cluster->late_drop_handle && request->server == 1) {
		drop = cluster->late_drop_handle;
		cluster->late_drop_handle = 0;
		assert_int_equal(cluster_grant(cluster, drop, 1, 2, 1), 0);
	}
	if (request->n_bad > 0)
		cluster->bad_handle = request->bad[0];
	reply->term = cluster->term;
	reply->sequence = request->sequence;
	reply->extended = cluster->extends;
	reply->lease_ms = cluster->lease_ms;
	reply->report = cluster->wants_report;
	gfs__revoked__init(revoked);
	revoked->handle = cluster->revoke_handle;
	revoked->version = cluster->revoke_version;
	lists[0] = revoked;
	reply->revoke = (Gfs__Revoked **)lists;
	reply->n_revoke = cluster->revoke_handle != 0;
	lists[1] = (void *)(uintptr_t)drop;
	reply->drop = (uint64_t *)(lists + 1);
	reply->n_drop = drop != 0;
	return 0;
}

static int report(struct gw_rpc_call *call, void *context, const Gfs__ReportRequest *request,
		  Gfs__Nothing *reply, struct gw_error *error)
{
	struct cluster *cluster = context;
	uint64_t bytes;
	int result = gw_rpc_attachment_size(call, &bytes, error);

	(void)reply;
	if (result < 0)
		return result;
	cluster->reports += request->last;
	cluster->reported_chunks += (unsigned)(bytes / GFS_REPORT_BYTES);
	return 0;
}

static int failed(struct gw_rpc_call *call, void *context, const Gfs__FailedRequest *request,
		  Gfs__Nothing *reply, struct gw_error *error)
{
	struct cluster *cluster = context;

	(void)call;
	(void)reply;
	(void)error;
	cluster->failed_count++;
	cluster->failed_server = request->n_servers ? request->servers[0] : 0;
	return 0;
}

/* ---- Servers --------------------------------------------------------------------------------- */

static void troubled(void *context, const struct gw_error *error)
{
	struct cluster *cluster = context;

	cluster->trouble = *error;
}

void cluster_start(struct cluster *cluster, int which)
{
	char directory[80];
	const char *const directories[] = {directory};
	const struct chunk_server_options options = {
		.directories = directories,
		.directory_count = 1,
		.masters = gw_rpc_server_address(cluster->master),
		.listen = "127.0.0.1:0",
		.heartbeat_ms = BEAT_MS,
		.held_bytes_max = 4 * GFS_PIECE_BYTES_MAX,
		.scrub_bytes_per_second = cluster->scrub_bytes_per_second,
		.scrub_round_ms = cluster->scrub_round_ms,
		.troubled = troubled,
		.context = cluster,
	};
	struct gw_error error = {0};

	(void)snprintf(directory, sizeof(directory), "%s/%d", cluster->path, which);
	if (chunk_server_new(&cluster->servers[which], &options, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(gw_rpc_client_new(&cluster->clients[which],
					   chunk_server_address(cluster->servers[which]), NULL,
					   NULL), 0);
	while (chunk_server_number(cluster->servers[which]) == 0 ||
	       !chunk_server_is_leased(cluster->servers[which]))
		cluster_beats(cluster, 1);
}

void cluster_stop(struct cluster *cluster, int which)
{
	gw_rpc_client_free(cluster->clients[which]);
	chunk_server_free(cluster->servers[which]);
	cluster->clients[which] = NULL;
	cluster->servers[which] = NULL;
}

void cluster_beats(struct cluster *cluster, unsigned count)
{
	unsigned until = cluster->beats + count;

	while (cluster->beats < until)
		assert_int_equal(gw_sleep_ms(1), 0);
}

struct run {
	cluster_test *test;
	struct cluster cluster;
};

static int run(void *argument)
{
	static const struct cluster_handlers handlers = {
		.enrol = enrol, .heartbeat = heartbeat, .report = report, .failed = failed};
	struct run *one = argument;
	struct cluster *cluster = &one->cluster;

	assert_int_equal(gw_rpc_server_new(&cluster->master, NULL, NULL), 0);
	assert_int_equal(cluster_serve(cluster->master, &handlers, cluster, NULL, NULL), 0);
	assert_int_equal(gw_rpc_server_listen(cluster->master, "127.0.0.1:0", NULL), 0);
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		cluster_start(cluster, i);
	one->test(cluster);
	for (int i = 0; i < CLUSTER_SERVERS; i++) {
		if (cluster->servers[i])
			cluster_stop(cluster, i);
	}
	gw_rpc_server_free(cluster->master);
	return 0;
}

void cluster_run_test(void **state)
{
	struct run one = {
		.test = (cluster_test *)*state,
		.cluster = {.path = "/tmp/chunkservers-XXXXXX", .extends = true, .term = 3,
			    .lease_ms = 600000, .chunk_log2 = CLUSTER_LOG2,
			    .scrub_bytes_per_second = GFS_SCRUB_NEVER},
	};
	char command[96];

	assert_non_null(mkdtemp(one.cluster.path));
	assert_int_equal(gw_run(run, &one, NULL, NULL), 0);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", one.cluster.path);
	assert_int_equal(system(command), 0);
}

struct chunk *cluster_chunk(struct cluster *cluster, int which, uint64_t handle)
{
	return chunk_find(chunk_server_store(cluster->servers[which]), handle);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void place_of(const struct cluster *cluster, int which, Gfs__Place *place)
{
	gfs__place__init(place);
	place->server = (uint32_t)which + 1;
	/* A server that is stopped was somewhere. */
	place->address = (char *)(uintptr_t)(cluster->servers[which] ?
		chunk_server_address(cluster->servers[which]) : "127.0.0.1:9");
}

int cluster_grant(struct cluster *cluster, uint64_t handle, uint64_t before, uint64_t version,
		  int set)
{
	Gfs__Place places[CLUSTER_SERVERS], *pointers[CLUSTER_SERVERS];
	int first = 0;

	for (int i = 0; i < CLUSTER_SERVERS; i++) {
		place_of(cluster, i, &places[i]);
		pointers[i] = &places[i];
	}
	/* The primary is the last to know. */
	for (int i = set - 1; i >= 0; i--) {
		Gfs__GrantRequest request = GFS__GRANT_REQUEST__INIT;
		Gfs__GrantReply *reply;
		int result;

		request.term = cluster->term;
		request.handle = handle;
		request.version = version;
		request.version_before = before;
		request.chunk_log2 = cluster->chunk_log2;
		request.primary = 1;
		request.set = pointers;
		request.n_set = (size_t)set;
		request.incarnation = cluster->servers[i]->incarnation;
		result = chunkserver_grant(cluster->clients[i], &request, &reply, NULL);
		gw_rpc_reply_free(reply);
		if (result < 0 && first == 0)
			first = result;
	}
	return first;
}

int cluster_push(struct cluster *cluster, uint64_t number, struct gw_bytes bytes, int chain)
{
	Gfs__PushRequest request = GFS__PUSH_REQUEST__INIT;
	Gfs__DataId id = GFS__DATA_ID__INIT;
	Gfs__Place places[CLUSTER_SERVERS], *pointers[CLUSTER_SERVERS];
	struct gw_rpc_call_options options = {.attachment = bytes, .attachment_is_checked = true};
	Gfs__Nothing *reply;
	int result;

	for (int i = 1; i < chain; i++) {
		place_of(cluster, i, &places[i]);
		pointers[i] = &places[i];
	}
	id.client = 77;
	id.number = number;
	request.data = &id;
	request.crc = base_crc32c(0, bytes.data, bytes.size);
	request.chain = pointers + 1;
	request.n_chain = (size_t)chain - 1;
	result = chunkserver_push_with(cluster->clients[0], &request, &options, &reply, NULL);
	gw_rpc_reply_free(reply);
	return result;
}

static int write_with(struct cluster *cluster, Gfs__WriteRequest *request, struct gw_bytes bytes)
{
	struct gw_rpc_call_options options = {.attachment = bytes, .attachment_is_checked = true};
	Gfs__WriteReply *reply;
	int result = chunkserver_write_with(cluster->clients[0], request, &options, &reply, NULL);

	gw_rpc_reply_free(reply);
	return result;
}

int cluster_write(struct cluster *cluster, uint64_t handle, uint64_t version, uint64_t offset,
		  struct gw_bytes bytes)
{
	Gfs__WriteRequest request = GFS__WRITE_REQUEST__INIT;

	request.handle = handle;
	request.version = version;
	request.offset = offset;
	request.crc = base_crc32c(0, bytes.data, bytes.size);
	return write_with(cluster, &request, bytes);
}

int cluster_write_pushed(struct cluster *cluster, uint64_t handle, uint64_t version,
			 uint64_t offset, uint64_t number)
{
	Gfs__WriteRequest request = GFS__WRITE_REQUEST__INIT;
	Gfs__DataId id = GFS__DATA_ID__INIT;

	id.client = 77;
	id.number = number;
	request.data = &id;
	request.handle = handle;
	request.version = version;
	request.offset = offset;
	return write_with(cluster, &request, (struct gw_bytes){NULL, 0});
}

static int append_with(struct cluster *cluster, Gfs__AppendRequest *request,
		       struct gw_bytes bytes, struct appended *appended)
{
	struct gw_rpc_call_options options = {.attachment = bytes, .attachment_is_checked = true};
	Gfs__AppendReply *reply;
	int result = chunkserver_append_with(cluster->clients[0], request, &options, &reply, NULL);

	if (result == 0 && appended)
		*appended = (struct appended){reply->chunk_full, reply->was_done, reply->offset};
	gw_rpc_reply_free(reply);
	return result;
}

int cluster_append(struct cluster *cluster, uint64_t handle, uint64_t version,
		   struct gw_bytes bytes, uint64_t sequence, struct appended *appended)
{
	Gfs__AppendRequest request = GFS__APPEND_REQUEST__INIT;

	request.handle = handle;
	request.version = version;
	request.crc = base_crc32c(0, bytes.data, bytes.size);
	request.writer = sequence ? 9 : 0;
	request.sequence = sequence;
	return append_with(cluster, &request, bytes, appended);
}

int cluster_append_pushed(struct cluster *cluster, uint64_t handle, uint64_t version,
			  uint64_t number, struct appended *appended)
{
	Gfs__AppendRequest request = GFS__APPEND_REQUEST__INIT;
	Gfs__DataId id = GFS__DATA_ID__INIT;

	id.client = 77;
	id.number = number;
	request.data = &id;
	request.handle = handle;
	request.version = version;
	return append_with(cluster, &request, (struct gw_bytes){NULL, 0}, appended);
}

int cluster_outcome(struct cluster *cluster, uint64_t handle, uint64_t version, uint64_t sequence,
		    bool fence, bool *done)
{
	Gfs__OutcomeRequest request = GFS__OUTCOME_REQUEST__INIT;
	Gfs__OutcomeReply *reply;
	int result;

	request.handle = handle;
	request.version = version;
	request.writer = 9;
	request.sequence = sequence;
	request.fence = fence;
	result = chunkserver_outcome(cluster->clients[0], &request, &reply, NULL);
	if (result == 0) {
		*done = reply->done;
		assert_int_equal(reply->fenced, fence && !reply->done);
	}
	gw_rpc_reply_free(reply);
	return result;
}

int cluster_sync(struct cluster *cluster, uint64_t handle, uint64_t version)
{
	Gfs__SyncRequest request = GFS__SYNC_REQUEST__INIT;
	Gfs__SyncReply *reply;
	int result;

	request.handle = handle;
	request.version = version;
	result = chunkserver_sync(cluster->clients[0], &request, &reply, NULL);
	gw_rpc_reply_free(reply);
	return result;
}

int cluster_read(struct cluster *cluster, int which, uint64_t handle, uint64_t version,
		 uint64_t offset, uint32_t bytes, uint8_t *buffer, size_t *size)
{
	Gfs__ReadRequest request = GFS__READ_REQUEST__INIT;
	struct gw_rpc_call_options options = {.reply_attachment = buffer,
					      .reply_attachment_max = bytes,
					      .reply_attachment_bytes = size};
	Gfs__ReadReply *reply;
	int result;

	*size = 0;
	request.handle = handle;
	request.version = version;
	request.offset = offset;
	request.bytes = bytes;
	result = chunkserver_read_with(cluster->clients[which], &request, &options, &reply, NULL);
	gw_rpc_reply_free(reply);
	return result;
}

bool cluster_has(struct cluster *cluster, int which, uint64_t handle, uint64_t version,
		 uint64_t offset, struct gw_bytes bytes)
{
	uint8_t *buffer = malloc(bytes.size + 1);
	size_t size;
	bool has;

	assert_non_null(buffer);
	has = cluster_read(cluster, which, handle, version, offset, (uint32_t)bytes.size, buffer,
			   &size) == 0 &&
	      size == bytes.size && memcmp(buffer, bytes.data, size) == 0;
	free(buffer);
	return has;
}
