/* SPDX-License-Identifier: Apache-2.0 */
/* server_test.c - three chunkservers do what masters and clients ask: data go along a chain, a
 * primary orders, replicas are equal, and who may not is refused. */
#include "gfs/chunkserver/cluster_fixture.h"
#include "gfs/chunkserver/store_fixture.h"

#include "base/crc32c.h"

#include <stdio.h>
#include <stdlib.h>

static struct gw_bytes text(const char *bytes)
{
	return gw_string(bytes);
}

static void assert_everywhere(struct cluster *cluster, uint64_t version, uint64_t offset,
			      struct gw_bytes bytes)
{
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		assert_true(cluster_has(cluster, i, 7, version, offset, bytes));
}

static void a_write_is_at_all_replicas_when_it_is_answered(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 5, text("hello")), 0);
	assert_everywhere(cluster, 1, 5, text("hello"));
	assert_everywhere(cluster, 1, 0, (struct gw_bytes){"\0\0\0\0\0", 5});
	assert_int_equal(cluster_write(cluster, 7, 1, 6, text("E")), 0);
	assert_everywhere(cluster, 1, 5, text("hEllo"));
	assert_int_equal(cluster_sync(cluster, 7, 1), 0);
}

static void data_go_along_a_chain_and_are_written_by_their_number(struct cluster *cluster)
{
	static uint8_t bytes[CLUSTER_BYTES];
	struct gw_bytes all = {bytes, sizeof(bytes)};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 ^ i >> 9);
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_write_pushed(cluster, 7, 1, 0, 5), GW_E_NOT_FOUND);
	assert_int_equal(cluster_push(cluster, 5, all, 3), 0);
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		assert_int_equal(cluster->servers[i]->held.bytes, sizeof(bytes));
	assert_int_equal(cluster_write_pushed(cluster, 7, 1, 0, 5), 0);
	assert_everywhere(cluster, 1, 0, all);
	assert_int_equal(cluster_write_pushed(cluster, 7, 1, 1, 5), GW_E_INVALID);
}

static void what_cannot_be_written_is_refused_and_the_grant_lasts(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, CLUSTER_BYTES - 1, text("too far")),
			 GW_E_INVALID);
	assert_int_equal(cluster_push(cluster, 5, (struct gw_bytes){NULL, 0}, 3), 0);
	assert_int_equal(cluster_write_pushed(cluster, 7, 1, 0, 5), GW_E_INVALID);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("fits")), 0);
	assert_everywhere(cluster, 1, 0, text("fits"));
}

/* Whose deadline is an hour away does not wait for it. */
static void a_chain_to_a_dead_server_is_told_at_once(struct cluster *cluster)
{
	Gfs__PushRequest request = GFS__PUSH_REQUEST__INIT;
	Gfs__DataId id = GFS__DATA_ID__INIT;
	Gfs__Place place = GFS__PLACE__INIT, *chain = &place;
	struct gw_bytes data = text("for both");
	const struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(3600 * 1000),
						    .attachment = data,
						    .attachment_is_checked = true};
	Gfs__Nothing *reply = NULL;
	char address[GFS_ADDRESS_BYTES_MAX + 1];

	(void)snprintf(address, sizeof(address), "%s", chunk_server_address(cluster->servers[1]));
	cluster_stop(cluster, 1);
	place.address = address;
	id.number = 5;
	request.data = &id;
	request.crc = base_crc32c(0, data.data, data.size);
	request.chain = &chain;
	request.n_chain = 1;
	assert_int_equal(chunkserver_push_with(cluster->clients[0], &request, &options, &reply,
					       NULL),
			 GW_E_UNREACHABLE);
	gw_rpc_reply_free(reply);
}

static void a_secondary_that_forgot_the_data_gets_them_anew(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_push(cluster, 5, text("only at the first"), 1), 0);
	assert_int_equal(cluster_write_pushed(cluster, 7, 1, 0, 5), 0);
	assert_everywhere(cluster, 1, 0, text("only at the first"));
}

static void the_oldest_data_are_forgotten(struct cluster *cluster)
{
	uint8_t *bytes = calloc(1, GFS_PIECE_BYTES_MAX);

	assert_non_null(bytes);
	for (uint64_t number = 1; number <= 6; number++)
		assert_int_equal(cluster_push(cluster, number,
					      (struct gw_bytes){bytes, GFS_PIECE_BYTES_MAX}, 1), 0);
	assert_int_equal(cluster->servers[0]->held.bytes, 4 * GFS_PIECE_BYTES_MAX);
	assert_null(held_get(&cluster->servers[0]->held, 77, 2));
	held_data_unref(held_get(&cluster->servers[0]->held, 77, 3));
	free(bytes);
}

struct appender {
	struct cluster *cluster;
	int result;
	char bytes[8];
	struct appended appended;
};

static int append_one(void *argument)
{
	struct appender *appender = argument;

	appender->result = cluster_append(appender->cluster, 7, 1, text(appender->bytes), 0,
					  &appender->appended);
	return 0;
}

static void appends_that_come_at_once_lie_side_by_side(struct cluster *cluster)
{
	enum { APPENDERS = 100 };
	static struct appender appenders[APPENDERS];
	struct gw_group group = {0};
	bool taken[APPENDERS] = {false};

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	for (int i = 0; i < APPENDERS; i++) {
		appenders[i] = (struct appender){.cluster = cluster};
		(void)snprintf(appenders[i].bytes, sizeof(appenders[i].bytes), "rec %02d;", i);
		assert_int_equal(gw_spawn(&group, append_one, &appenders[i], NULL), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (int i = 0; i < APPENDERS; i++) {
		uint64_t offset = appenders[i].appended.offset;

		assert_int_equal(appenders[i].result, 0);
		assert_int_equal(offset % 7, 0);
		assert_false(taken[offset / 7]);
		taken[offset / 7] = true;
		assert_everywhere(cluster, 1, offset, text(appenders[i].bytes));
	}
}

static void a_record_that_does_not_fit_goes_to_the_next_chunk(struct cluster *cluster)
{
	uint8_t *bytes = calloc(1, GFS_INLINE_BYTES_MAX);
	struct gw_bytes most = {bytes, GFS_INLINE_BYTES_MAX - 1};
	struct appended appended;

	assert_non_null(bytes);
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(cluster_append(cluster, 7, 1, most, 0, &appended), 0);
		assert_false(appended.is_full);
	}
	assert_int_equal(cluster_append(cluster, 7, 1, most, 0, &appended), 0);
	assert_true(appended.is_full);
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		assert_int_equal(cluster_chunk(cluster, i, 7)->length, CLUSTER_BYTES);
	assert_int_equal(cluster_append(cluster, 7, 1, text("x"), 0, &appended), 0);
	assert_true(appended.is_full);
	free(bytes);
}

static void a_record_has_a_quarter_of_a_chunk_at_most(struct cluster *cluster)
{
	const size_t quarter = 4 * GFS_PIECE_BYTES_MAX; /* as much as is held here */
	struct held *held = &cluster->servers[0]->held;
	uint8_t *bytes = calloc(1, quarter + 1);
	struct gw_bytes last = {bytes + quarter - 9, 9};
	struct appended appended;

	assert_non_null(bytes);
	memcpy(bytes, "begin", 5);
	memcpy(bytes + quarter - 9, "the end.", 9);
	cluster->chunk_log2 = 24;
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	for (uint64_t i = 0; i < 4; i++) { /* of the last two the others know nothing yet */
		assert_int_equal(cluster_push(cluster, i + 1, (struct gw_bytes){bytes, quarter},
					      i < 2 ? 3 : 1),
				 0);
		assert_int_equal(cluster_append_pushed(cluster, 7, 1, i + 1, &appended), 0);
		assert_false(appended.is_full);
		assert_int_equal(appended.offset, i * quarter);
		assert_everywhere(cluster, 1, i * quarter, text("begin"));
		assert_everywhere(cluster, 1, (i + 1) * quarter - 9, last);
	}
	assert_int_equal(held->coming, 0);
	held->coming = 1; /* of somebody else */
	assert_int_equal(cluster_push(cluster, 5, (struct gw_bytes){bytes, quarter}, 1),
			 GW_E_OVERLOADED);
	held->coming = 0;
	assert_int_equal(cluster_push(cluster, 6, (struct gw_bytes){bytes, quarter + 1}, 1),
			 GW_E_TOO_LARGE);
	assert_int_equal(cluster_push(cluster, 7, (struct gw_bytes){bytes, quarter / 4 + 1}, 1), 0);
	cluster->chunk_log2 = 22;
	assert_int_equal(cluster_grant(cluster, 8, 0, 1, 3), 0);
	assert_int_equal(cluster_append_pushed(cluster, 8, 1, 7, NULL), GW_E_TOO_LARGE);
	assert_int_equal(cluster_write_pushed(cluster, 8, 1, 0, 7), GW_E_INVALID);
	assert_int_equal(cluster_append(cluster, 8, 1, text("x"), 0, &appended), 0);
	free(bytes);
}

static void an_append_once_is_not_done_twice(struct cluster *cluster)
{
	struct appended first, again;
	bool done;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, text("one"), 1, &first), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, text("one"), 1, &again), 0);
	assert_true(again.was_done && !first.was_done);
	assert_int_equal(first.offset, again.offset);
	assert_int_equal(cluster_outcome(cluster, 7, 1, 1, true, &done), 0);
	assert_true(done);
	assert_int_equal(cluster_outcome(cluster, 7, 1, 2, false, &done), 0);
	assert_false(done);
	assert_int_equal(cluster_outcome(cluster, 7, 1, 2, true, &done), 0);
	assert_false(done);
	assert_int_equal(cluster_append(cluster, 7, 1, text("two"), 2, &again), GW_E_DENIED);
	assert_int_equal(cluster_append(cluster, 7, 1, text("three"), 3, &again), 0);
	assert_int_equal(again.offset, 3);
}

static void a_dead_secondary_ends_the_grant_and_is_told(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, text("kept"), 0, NULL), 0);
	cluster_stop(cluster, 2);
	assert_true(cluster_append(cluster, 7, 1, text("lost"), 0, NULL) < 0);
	assert_int_equal(cluster_append(cluster, 7, 1, text("late"), 0, NULL), GW_E_STALE);
	while (cluster->failed_count == 0)
		cluster_beats(cluster, 1);
	assert_int_equal(cluster->failed_server, 3);
	/* With the two that are left it goes on. */
	assert_int_equal(cluster_grant(cluster, 7, 1, 2, 2), 0);
	assert_int_equal(cluster_append(cluster, 7, 2, text("anew"), 0, NULL), 0);
	assert_true(cluster_has(cluster, 0, 7, 2, 0, text("kept")));
	cluster_start(cluster, 2);
	/* It is stale, says so, and gets no part in a grant without a clone. */
	assert_false(cluster_has(cluster, 2, 7, 2, 0, text("kept")));
	assert_true(cluster_has(cluster, 2, 7, 1, 0, text("kept")));
	assert_int_equal(cluster_grant(cluster, 7, 2, 3, 3), GW_E_STALE);
}

static void replicas_that_differ_begin_a_grant_with_what_all_have(struct cluster *cluster)
{
	struct chunk_mutation extra = {.offset = 4, .data = {"more", 4},
				       .completion = {.writer = 9, .sequence = 5}};
	struct appended appended;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, text("all "), 0, NULL), 0);
	/* The primary had applied one that the others did not get. */
	assert_int_equal(chunk_mutate(cluster_chunk(cluster, 0, 7), 1, &extra, 1, NULL), 0);
	assert_int_equal(cluster_grant(cluster, 7, 1, 2, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 2, text("next"), 5, &appended), 0);
	assert_false(appended.was_done);
	assert_int_equal(appended.offset, 4);
	assert_everywhere(cluster, 2, 0, text("all next"));
}

static void without_a_lease_nothing_is_written(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	cluster->extends = false;
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		cluster->servers[i]->lease_end_ns = 0;
	cluster_beats(cluster, 6);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("no")), GW_E_STALE);
	cluster->extends = true;
	while (!chunk_server_is_leased(cluster->servers[0]))
		cluster_beats(cluster, 1);
	/* Others may have been primary meanwhile. */
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("no")), GW_E_STALE);
	assert_int_equal(cluster_grant(cluster, 7, 1, 2, 3), 0);
	assert_int_equal(cluster_write(cluster, 7, 2, 0, text("yes")), 0);
}

static int grant_late(void *argument)
{
	return cluster_grant(argument, 7, 1, 2, 3);
}

/* Its lease is over, and the Grant of version 2 has come. */
static void without_a_lease(struct cluster *cluster, struct gw_group *group)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	cluster->extends = false;
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		cluster->servers[i]->lease_end_ns = 0;
	assert_int_equal(gw_spawn(group, grant_late, cluster, NULL), 0);
	while (!cluster->servers[0]->leased.first)
		assert_int_equal(gw_yield(), 0);
	cluster_beats(cluster, 3 * CLUSTER_SERVERS);
	assert_non_null(cluster->servers[0]->leased.first);
	assert_int_equal(cluster_chunk(cluster, 0, 7)->version, 1);
}

static void a_grant_waits_for_the_lease(struct cluster *cluster)
{
	struct gw_group group = {0};

	without_a_lease(cluster, &group);
	cluster->extends = true;
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(cluster_write(cluster, 7, 2, 0, text("yes")), 0);
}

static void what_was_revoked_since_is_not_granted_with_the_lease(struct cluster *cluster)
{
	struct gw_group group = {0};

	without_a_lease(cluster, &group);
	cluster->revoke_version = 2;
	cluster->revoke_handle = 7;
	cluster->extends = true;
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_DENIED);
	assert_int_equal(cluster_write(cluster, 7, 2, 0, text("no")), GW_E_STALE);
}

static void a_revoked_grant_is_over_also_when_it_comes_late(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	cluster->revoke_version = 4;
	cluster->revoke_handle = 7;
	cluster_beats(cluster, 3 * CLUSTER_SERVERS);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("no")), GW_E_STALE);
	assert_int_equal(cluster_grant(cluster, 7, 1, 4, 3), GW_E_DENIED);
	assert_int_equal(cluster_grant(cluster, 7, 1, 5, 3), 0);
	assert_int_equal(cluster_write(cluster, 7, 5, 0, text("yes")), 0);
}

static void an_older_term_is_refused(struct cluster *cluster)
{
	cluster->term = 8;
	cluster_beats(cluster, 2 * CLUSTER_SERVERS);
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	cluster->term = 7;
	assert_int_equal(cluster_grant(cluster, 8, 0, 1, 3), GW_E_STALE);
	cluster_stop(cluster, 0);
	cluster->term = 8;
	cluster_start(cluster, 0);
	cluster->term = 7;
	assert_int_equal(cluster_grant(cluster, 8, 0, 1, 1), GW_E_STALE);
}

static void all_chunks_are_reported_and_strange_ones_dropped(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_grant(cluster, 8, 0, 1, 2), 0);
	cluster->wants_report = true;
	while (cluster->reports < CLUSTER_SERVERS)
		cluster_beats(cluster, 1);
	assert_true(cluster->reported_chunks >= 5);
	cluster->wants_report = false;
	cluster->drop_handle = 7;
	while (cluster_chunk(cluster, 0, 7) || cluster_chunk(cluster, 2, 7))
		cluster_beats(cluster, 1);
	assert_non_null(cluster_chunk(cluster, 0, 8));
}

static void what_was_granted_since_the_heartbeat_is_not_dropped(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 1), 0);
	cluster->late_drop_handle = 7;
	while (cluster->late_drop_handle)
		cluster_beats(cluster, 1);
	cluster_beats(cluster, 3 * CLUSTER_SERVERS);
	assert_non_null(cluster_chunk(cluster, 0, 7));
	assert_int_equal(cluster_write(cluster, 7, 2, 0, text("still here")), 0);
}

static int order_clone(struct cluster *cluster, int which, int from, uint64_t version)
{
	Gfs__CloneRequest request = GFS__CLONE_REQUEST__INIT;
	Gfs__Place place = GFS__PLACE__INIT, *pointer = &place;
	Gfs__GrantReply *reply;
	int result;

	place.server = (uint32_t)from + 1;
	place.address = (char *)(uintptr_t)chunk_server_address(cluster->servers[from]);
	request.term = cluster->term;
	request.handle = 7;
	request.version = version;
	request.from = &pointer;
	request.n_from = 1;
	result = chunkserver_clone(cluster->clients[which], &request, &reply, NULL);
	gw_rpc_reply_free(reply);
	return result;
}

static void a_clone_has_bytes_and_outcomes(struct cluster *cluster)
{
	struct appended appended;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 2), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, text("once"), 1, NULL), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 100000, text("far")), 0);
	assert_int_equal(order_clone(cluster, 2, 1, 2), GW_E_STALE);
	assert_null(cluster_chunk(cluster, 2, 7));
	assert_int_equal(order_clone(cluster, 2, 1, 1), 0);
	assert_everywhere(cluster, 1, 0, text("once"));
	assert_everywhere(cluster, 1, 100000, text("far"));
	assert_false(cluster_chunk(cluster, 2, 7)->is_open);
	assert_int_equal(order_clone(cluster, 2, 1, 1), 0);
	assert_int_equal(cluster_grant(cluster, 7, 1, 2, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 2, text("once"), 1, &appended), 0);
	assert_true(appended.was_done);
	assert_int_equal(chunk_hold(cluster_chunk(cluster, 2, 7), NULL), 0);
	assert_int_equal(chunk_outcome(&cluster_chunk(cluster, 2, 7)->state, 9, 1, NULL),
			 CHUNK_DONE);
	chunk_release(cluster_chunk(cluster, 2, 7));
}

static void a_replica_makes_way_when_its_source_has_proved_good(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("first")), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 100000, text("second")), 0);
	assert_int_equal(cluster_sync(cluster, 7, 1), 0);
	cluster_chunk(cluster, 2, 7)->is_suspect = true;
	/* Beginning well is not enough. */
	stored_flip(cluster_chunk(cluster, 1, 7), "data", 100000);
	assert_int_equal(order_clone(cluster, 2, 1, 1), GW_E_CORRUPT);
	assert_non_null(cluster_chunk(cluster, 2, 7));
	assert_int_equal(cluster_chunk(cluster, 2, 7)->length, 100006);
	assert_int_equal(order_clone(cluster, 2, 0, 2), GW_E_STALE);
	assert_true(cluster_chunk(cluster, 2, 7)->is_suspect);
	assert_int_equal(order_clone(cluster, 2, 0, 1), 0);
	assert_false(cluster_chunk(cluster, 2, 7)->is_suspect);
	assert_true(cluster_has(cluster, 2, 7, 1, 100000, text("second")));
}

static void what_is_revoked_is_forgotten_with_its_term(struct cluster *cluster)
{
	struct chunk_server *server = cluster->servers[0];

	for (uint64_t handle = 1; handle <= 10; handle++)
		assert_int_equal(chunk_server_revoke(server, handle, 4, NULL), 0);
	assert_int_equal(server->revoked.count, 10);
	assert_int_equal(cluster_grant(cluster, 3, 0, 4, 1), GW_E_DENIED);
	cluster->term++;
	cluster_beats(cluster, 3 * CLUSTER_SERVERS);
	assert_int_equal(chunk_server_revoke(server, 11, 4, NULL), 0);
	assert_int_equal(server->revoked.count, 1);
	assert_int_equal(cluster_grant(cluster, 3, 0, 4, 1), 0);
}

/* Of a new chunk, at server 1 alone. */
static int grant_in_life(struct cluster *cluster, uint64_t handle, uint64_t incarnation)
{
	Gfs__GrantRequest request = GFS__GRANT_REQUEST__INIT;
	Gfs__Place place = GFS__PLACE__INIT, *set = &place;
	Gfs__GrantReply *reply;
	int result;

	place.server = 1;
	request.term = cluster->term;
	request.handle = handle;
	request.version = 1;
	request.chunk_log2 = CLUSTER_LOG2;
	request.primary = 1;
	request.set = &set;
	request.n_set = 1;
	request.incarnation = incarnation;
	result = chunkserver_grant(cluster->clients[0], &request, &reply, NULL);
	gw_rpc_reply_free(reply);
	return result;
}

static void more_revocations_than_are_remembered_begin_a_life(struct cluster *cluster)
{
	struct chunk_server *server = cluster->servers[0];
	uint64_t before = server->incarnation;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 1), 0);
	cluster->extends = false;
	cluster_beats(cluster, 3 * CLUSTER_SERVERS);
	for (uint64_t i = 0; i < CHUNK_REVOKED_MAX; i++)
		assert_int_equal(chunk_server_revoke(server, 100 + i, 1, NULL), 0);
	assert_int_equal(server->revoked.count, CHUNK_REVOKED_MAX);
	assert_int_equal(server->incarnation, before);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("still primary")), 0);
	assert_int_equal(chunk_server_revoke(server, 100, 1, NULL), 0);
	assert_int_equal(server->incarnation, before);
	assert_int_equal(chunk_server_revoke(server, 99, 1, NULL), 0);
	assert_int_not_equal(server->incarnation, before);
	assert_int_equal(server->revoked.count, 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("no")), GW_E_STALE);
	/* One that was on its way comes to nobody. */
	assert_int_equal(grant_in_life(cluster, 99, before), GW_E_BUSY);
	cluster->extends = true;
	assert_int_equal(grant_in_life(cluster, 99, server->incarnation), 0);
}

static void a_copy_is_another_chunk_on_the_same_server(struct cluster *cluster)
{
	Gfs__CopyRequest request = GFS__COPY_REQUEST__INIT;
	Gfs__GrantReply *reply;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 1), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("shared")), 0);
	request.term = cluster->term;
	request.source = 7;
	request.source_version = 1;
	request.handle = 12;
	request.version = 1;
	assert_int_equal(chunkserver_copy(cluster->clients[0], &request, &reply, NULL), 0);
	assert_int_equal(reply->length, 6);
	gw_rpc_reply_free(reply);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, text("SH")), 0);
	assert_true(cluster_has(cluster, 0, 12, 1, 0, text("shared")));
	assert_true(cluster_has(cluster, 0, 7, 1, 0, text("SHared")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_cluster(a_write_is_at_all_replicas_when_it_is_answered),
		in_a_cluster(data_go_along_a_chain_and_are_written_by_their_number),
		in_a_cluster(what_cannot_be_written_is_refused_and_the_grant_lasts),
		in_a_cluster(a_chain_to_a_dead_server_is_told_at_once),
		in_a_cluster(a_secondary_that_forgot_the_data_gets_them_anew),
		in_a_cluster(the_oldest_data_are_forgotten),
		in_a_cluster(appends_that_come_at_once_lie_side_by_side),
		in_a_cluster(a_record_that_does_not_fit_goes_to_the_next_chunk),
		in_a_cluster(a_record_has_a_quarter_of_a_chunk_at_most),
		in_a_cluster(an_append_once_is_not_done_twice),
		in_a_cluster(a_dead_secondary_ends_the_grant_and_is_told),
		in_a_cluster(replicas_that_differ_begin_a_grant_with_what_all_have),
		in_a_cluster(without_a_lease_nothing_is_written),
		in_a_cluster(a_grant_waits_for_the_lease),
		in_a_cluster(what_was_revoked_since_is_not_granted_with_the_lease),
		in_a_cluster(a_revoked_grant_is_over_also_when_it_comes_late),
		in_a_cluster(an_older_term_is_refused),
		in_a_cluster(all_chunks_are_reported_and_strange_ones_dropped),
		in_a_cluster(what_was_granted_since_the_heartbeat_is_not_dropped),
		in_a_cluster(a_clone_has_bytes_and_outcomes),
		in_a_cluster(a_replica_makes_way_when_its_source_has_proved_good),
		in_a_cluster(what_is_revoked_is_forgotten_with_its_term),
		in_a_cluster(more_revocations_than_are_remembered_begin_a_life),
		in_a_cluster(a_copy_is_another_chunk_on_the_same_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
