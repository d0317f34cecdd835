/* SPDX-License-Identifier: Apache-2.0 */
/* suspect_test.c - servers that lost power tell what they have of an open chunk, and settle on what
 * they are told; until then nobody reads it. */
#include "gfs/chunkserver/cluster_fixture.h"
#include "gfs/chunkserver/store_fixture.h"

#include <stdio.h>

/* As if all machines had lost power, and all of their disks' caches been written. */
static void lose_power(struct cluster *cluster)
{
	for (int i = 0; i < CLUSTER_SERVERS; i++)
		cluster_stop(cluster, i);
	for (int i = 0; i < CLUSTER_SERVERS; i++) {
		char directory[80];

		(void)snprintf(directory, sizeof(directory), "%s/%d", cluster->path, i);
		stored_forget_boot(directory, 7);
		cluster_start(cluster, i);
	}
}

static int compare(struct cluster *cluster, int which, uint64_t length,
		   Gfs__CompareReply **reply)
{
	Gfs__CompareRequest request = GFS__COMPARE_REQUEST__INIT;

	request.term = cluster->term;
	request.handle = 7;
	request.sums = length > 0;
	request.length = length;
	return chunkserver_compare(cluster->clients[which], &request, reply, NULL);
}

static int settle(struct cluster *cluster, int which, uint64_t version, uint64_t length)
{
	Gfs__SettleRequest request = GFS__SETTLE_REQUEST__INIT;
	Gfs__GrantReply *reply;
	int result;

	request.term = cluster->term;
	request.handle = 7;
	request.version = version;
	request.length = length;
	result = chunkserver_settle(cluster->clients[which], &request, &reply, NULL);
	if (result == 0) {
		assert_int_equal(reply->version, version);
		assert_int_equal(reply->length, length);
	}
	gw_rpc_reply_free(reply);
	return result;
}

static void a_suspect_tells_what_it_has(struct cluster *cluster)
{
	struct chunk_mutation more = {.offset = 13, .data = {"!", 1}};
	Gfs__CompareReply *one, *other;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, gw_string("synced "), 0, NULL), 0);
	assert_int_equal(cluster_sync(cluster, 7, 1), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, gw_string("or not"), 0, NULL), 0);
	assert_int_equal(chunk_mutate(cluster_chunk(cluster, 1, 7), 1, &more, 1, NULL), 0);
	lose_power(cluster);
	assert_int_equal(compare(cluster, 0, 0, &one), 0);
	assert_true(one->suspect);
	assert_int_equal(one->version, 1);
	assert_int_equal(one->length, 13);
	assert_int_equal(one->synced, 7);
	assert_int_equal(one->n_crcs, 0);
	gw_rpc_reply_free(one);
	assert_int_equal(compare(cluster, 0, 13, &one), 0);
	assert_int_equal(compare(cluster, 1, 13, &other), 0);
	assert_int_equal(other->length, 14);
	assert_int_equal(one->n_crcs, 1);
	assert_int_equal(other->n_crcs, 1);
	assert_int_equal(one->crcs[0], other->crcs[0]);
	gw_rpc_reply_free(one);
	gw_rpc_reply_free(other);
	assert_int_equal(compare(cluster, 0, 14, &one), GW_E_INVALID);
}

static void a_suspect_is_used_when_it_is_settled(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, gw_string("synced "), 0, NULL), 0);
	assert_int_equal(cluster_sync(cluster, 7, 1), 0);
	assert_int_equal(cluster_append(cluster, 7, 1, gw_string("or not"), 0, NULL), 0);
	lose_power(cluster);
	assert_false(cluster_has(cluster, 0, 7, 1, 0, gw_string("synced ")));
	assert_int_equal(cluster_grant(cluster, 7, 1, 2, 3), GW_E_CORRUPT);
	assert_int_equal(settle(cluster, 0, 2, 14), GW_E_INVALID);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(settle(cluster, i, 2, 9), 0);
		assert_int_equal(settle(cluster, i, 2, 9), 0);
		assert_int_equal(settle(cluster, i, 3, 8), GW_E_STALE);
		assert_true(cluster_has(cluster, i, 7, 2, 0, gw_string("synced or")));
	}
	assert_false(cluster_has(cluster, 2, 7, 1, 0, gw_string("synced ")));
	assert_int_equal(cluster_grant(cluster, 7, 2, 3, 2), 0);
	assert_int_equal(cluster_append(cluster, 7, 3, gw_string(" else"), 0, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_true(cluster_has(cluster, i, 7, 3, 0, gw_string("synced or else")));
}

static void an_older_term_settles_nothing(struct cluster *cluster)
{
	Gfs__CompareReply *reply;

	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	lose_power(cluster);
	cluster->term--;
	assert_int_equal(compare(cluster, 0, 0, &reply), GW_E_STALE);
	assert_int_equal(settle(cluster, 0, 2, 0), GW_E_STALE);
	assert_true(cluster_chunk(cluster, 0, 7)->is_suspect);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_cluster(a_suspect_tells_what_it_has),
		in_a_cluster(a_suspect_is_used_when_it_is_settled),
		in_a_cluster(an_older_term_settles_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
