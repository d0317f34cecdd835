/* SPDX-License-Identifier: Apache-2.0 */
/* scrub_test.c - rot is found where nobody reads: in bytes, in a log, on every chunk in turn. */
#include "gfs/chunkserver/cluster_fixture.h"
#include "gfs/chunkserver/store_fixture.h"

/* The server begins anew, and scrubs. */
static void scrub(struct cluster *cluster, int which)
{
	cluster_stop(cluster, which);
	cluster->scrub_bytes_per_second = UINT64_C(1) << 30;
	cluster->scrub_round_ms = 1;
	cluster_start(cluster, which);
}

static void what_nobody_reads_is_found_bad_and_told(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 3), 0);
	assert_int_equal(cluster_grant(cluster, 8, 0, 1, 3), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, GFS_BLOCK_BYTES, gw_string("for ever")), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 2 * GFS_BLOCK_BYTES, gw_string("end")), 0);
	assert_int_equal(cluster_sync(cluster, 7, 1), 0);
	/* Not in the last sector, which a start mends from the log. */
	stored_flip(cluster_chunk(cluster, 1, 7), "data", GFS_BLOCK_BYTES + 1);
	scrub(cluster, 1);
	while (cluster->bad_handle != 7)
		cluster_beats(cluster, 1);
	assert_int_equal(chunk_server_scrubbed(cluster->servers[1]).bad, 1);
	assert_int_equal(cluster->trouble.code, GW_E_CORRUPT);
	assert_non_null(strstr(cluster->trouble.text, "chunk 7 version 1"));
	assert_non_null(strstr(cluster->trouble.text, "block 1"));
	assert_true(cluster_chunk(cluster, 1, 7)->is_bad);
	assert_false(cluster_chunk(cluster, 1, 8)->is_bad);
	/* The others have not begun to look. */
	assert_int_equal(chunk_server_scrubbed(cluster->servers[0]).bytes, 0);
	assert_true(cluster_has(cluster, 0, 7, 1, GFS_BLOCK_BYTES, gw_string("for ever")));
}

static void all_chunks_come_in_turn_and_then_again(struct cluster *cluster)
{
	enum { CHUNKS = 5, BYTES = GFS_BLOCK_BYTES + 3 };
	struct chunk_scrubbed scrubbed = {0};

	for (uint64_t i = 1; i <= CHUNKS; i++) {
		assert_int_equal(cluster_grant(cluster, i, 0, 1, 1), 0);
		assert_int_equal(cluster_write(cluster, i, 1, GFS_BLOCK_BYTES, gw_string("end")),
				 0);
	}
	assert_int_equal(cluster_grant(cluster, CHUNKS + 1, 0, 1, 1), 0);
	scrub(cluster, 0);
	while (scrubbed.rounds < 2) {
		cluster_beats(cluster, 1);
		scrubbed = chunk_server_scrubbed(cluster->servers[0]);
	}
	assert_true(scrubbed.bytes >= 2 * CHUNKS * BYTES);
	assert_int_equal(scrubbed.bad, 0);
	assert_int_equal(cluster->trouble.code, 0);
	/* One that is known is not looked at again. */
	stored_flip(cluster_chunk(cluster, 0, 3), "data", GFS_BLOCK_BYTES);
	while (chunk_server_scrubbed(cluster->servers[0]).bad == 0)
		cluster_beats(cluster, 1);
	scrubbed = chunk_server_scrubbed(cluster->servers[0]);
	while (chunk_server_scrubbed(cluster->servers[0]).rounds < scrubbed.rounds + 3)
		cluster_beats(cluster, 1);
	assert_int_equal(chunk_server_scrubbed(cluster->servers[0]).bad, 1);
}

static void what_is_dropped_under_it_is_no_trouble(struct cluster *cluster)
{
	assert_int_equal(cluster_grant(cluster, 7, 0, 1, 1), 0);
	assert_int_equal(cluster_write(cluster, 7, 1, 0, gw_string("short lived")), 0);
	scrub(cluster, 0);
	while (chunk_server_scrubbed(cluster->servers[0]).rounds == 0)
		cluster_beats(cluster, 1);
	cluster->drop_handle = 7;
	while (cluster_chunk(cluster, 0, 7))
		cluster_beats(cluster, 1);
	cluster_beats(cluster, 2 * CLUSTER_SERVERS);
	assert_int_equal(cluster->trouble.code, 0);
}

static void a_log_that_rotted_is_as_bad_as_bytes_that_did(struct stored *stored)
{
	struct gw_error error = {0};
	struct chunk *chunk;

	chunk_store_close(stored->store);
	stored->store = NULL;
	stored->options.loaded_max = 1;
	assert_int_equal(chunk_store_open(&stored->store, &stored->options, NULL), 0);
	chunk = stored_create(stored, 7);
	assert_int_equal(stored_write(chunk, 0, 5000, 1), 0);
	assert_int_equal(chunk_sync(chunk, true, NULL), 0);
	/* Others are loaded in its place. */
	assert_int_equal(stored_write(stored_create(stored, 8), 0, 10, 2), 0);
	assert_int_equal(stored_write(stored_create(stored, 9), 0, 10, 2), 0);
	assert_false(chunk->is_loaded);
	stored_flip(chunk, "log", 10);
	assert_int_equal(chunk_hold(chunk, &error), GW_E_CORRUPT);
	assert_true(chunk->is_bad);
	stored->options.loaded_max = 0;
}

static void so_many_bytes_take_so_long(void **state)
{
	(void)state;
	assert_int_equal(chunk_scrub_step_ns(1 << 20, 8 << 20), 125000000);
	assert_int_equal(chunk_scrub_step_ns(0, 1), 0);
	assert_int_equal(chunk_scrub_step_ns(GFS_PIECE_BYTES_MAX, 1),
			 UINT64_C(1000000000) * GFS_PIECE_BYTES_MAX);
}

static void a_server_at_work_scrubs_at_a_part_of_its_rate(void **state)
{
	(void)state;
	assert_true(chunk_scrub_may(true, 1));
	for (unsigned waited = 1; waited < GFS_SCRUB_BUSY_SHARE; waited++)
		assert_false(chunk_scrub_may(false, waited));
	assert_true(chunk_scrub_may(false, GFS_SCRUB_BUSY_SHARE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_cluster(what_nobody_reads_is_found_bad_and_told),
		in_a_cluster(all_chunks_come_in_turn_and_then_again),
		in_a_cluster(what_is_dropped_under_it_is_no_trouble),
		in_a_store(a_log_that_rotted_is_as_bad_as_bytes_that_did),
		cmocka_unit_test(so_many_bytes_take_so_long),
		cmocka_unit_test(a_server_at_work_scrubs_at_a_part_of_its_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
