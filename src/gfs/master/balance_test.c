/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balance_test.c - which replica moves where, that it comes to an end, and how long that takes.
 */
#include "gfs/master/balance.h"

#include "support/unit.h"

enum { SERVERS = 9, RACKS = 3, CHUNK = 1 << 26 };

/* Three racks, of 1,000 chunks' room each, half full. */
static void servers_make(struct gfs_plan_server servers[SERVERS])
{
	for (uint32_t i = 0; i < SERVERS; i++)
		servers[i] = (struct gfs_plan_server){.number = i + 1,
						      .rack = i % RACKS,
						      .bytes = UINT64_C(1000) * CHUNK,
						      .bytes_free = UINT64_C(500) * CHUNK,
						      .chunks = 500,
						      .usable = true};
}

static void fill(struct gfs_plan_server *server, uint64_t chunks)
{
	server->chunks = chunks;
	server->bytes_free = server->bytes - chunks * CHUNK;
}

static bool move_of(const struct gfs_plan_server *servers, uint32_t percent,
		    const struct gfs_set *has, struct gfs_move *move)
{
	struct gfs_balance balance;

	gfs_balance_of(servers, SERVERS, percent, &balance);
	return gfs_balance_move(servers, SERVERS, &balance, has, 7, move);
}

static void servers_that_are_alike_keep_what_they_have(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_balance balance;
	struct gfs_set has = {.count = 3, .servers = {1, 2, 3}};
	struct gfs_move move;

	(void)state;
	servers_make(servers);
	gfs_balance_of(servers, SERVERS, 0, &balance);
	assert_int_equal(balance.servers, SERVERS);
	assert_int_equal(balance.racks, RACKS);
	assert_int_equal(balance.lowest, GFS_SHARE_ALL / 2);
	assert_int_equal(balance.highest, GFS_SHARE_ALL / 2);
	assert_int_equal(balance.left, 0);
	assert_false(move_of(servers, 0, &has, &move));
}

static void a_replica_goes_from_the_fullest_to_the_emptiest(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_set has = {.count = 3, .servers = {1, 2, 3}};
	struct gfs_move move;

	(void)state;
	servers_make(servers);
	fill(&servers[0], 700);
	fill(&servers[1], 650);
	fill(&servers[3], 100); /* of the first one's rack, as server 7 */
	assert_true(move_of(servers, 10, &has, &move));
	assert_int_equal(move.from, 1);
	assert_int_equal(move.to, 4);
	assert_false(move_of(servers, 60, &has, &move));
	servers[3].usable = false;
	assert_true(move_of(servers, 10, &has, &move));
	assert_int_equal(move.from, 1);
	assert_int_equal(move.to, 7);
	/* Who has it gets no second one, and who has no room none. */
	has = (struct gfs_set){.count = 1, .servers = {7}};
	servers[6].bytes_free = 0;
	servers[8].bytes = servers[8].bytes_free = CHUNK / 2;
	assert_true(move_of(servers, 10, &has, &move));
	assert_int_equal(move.from, 7);
	assert_true(move.to != 9 && move.to != 4);
}

static void the_racks_of_a_chunk_become_no_fewer(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_set has = {.count = 3, .servers = {1, 2, 3}};
	struct gfs_move move;

	(void)state;
	servers_make(servers);
	fill(&servers[0], 900);
	fill(&servers[4], 0); /* of the second rack */
	/* The second's replica may go there, the first's may not. */
	assert_true(move_of(servers, 10, &has, &move));
	assert_int_equal(move.from, 2);
	assert_int_equal(move.to, 5);
	fill(&servers[1], 0);
	fill(&servers[4], 500);
	assert_true(move_of(servers, 10, &has, &move));
	assert_int_equal(move.from, 1);
	assert_int_equal((move.to - 1) % RACKS, 0);
}

static void replicas_of_one_rack_go_to_others(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_balance balance;
	struct gfs_set has = {.count = 3, .servers = {1, 4, 2}};
	const uint32_t crowded[] = {0, 0, 1}, spread[] = {0, 2, 1};
	struct gfs_move move;

	(void)state;
	servers_make(servers);
	/* Space is even, and no matter. */
	assert_true(move_of(servers, 100, &has, &move));
	assert_true(move.from == 1 || move.from == 4);
	assert_int_equal((move.to - 1) % RACKS, 2);
	gfs_balance_of(servers, SERVERS, 100, &balance);
	assert_true(gfs_balance_is_crowded(&balance, crowded, 3));
	assert_false(gfs_balance_is_crowded(&balance, spread, 3));
	assert_false(gfs_balance_is_crowded(&balance, crowded, 1));
	/* Where nobody may be used there is no rack. */
	servers[2].usable = servers[5].usable = servers[8].usable = false;
	assert_false(move_of(servers, 100, &has, &move));
	gfs_balance_of(servers, SERVERS, 100, &balance);
	assert_false(gfs_balance_is_crowded(&balance, crowded, 3));
}

static void a_replica_that_is_lost_or_drained_is_not_moved(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_set has = {.count = 3, .servers = {1, 2, 77}};
	struct gfs_move move;

	(void)state;
	servers_make(servers);
	fill(&servers[0], 900);
	fill(&servers[3], 0);
	assert_false(move_of(servers, 10, &has, &move));
	has.servers[2] = 3;
	assert_true(move_of(servers, 10, &has, &move));
	servers[0].usable = false;
	assert_false(move_of(servers, 10, &has, &move));
	has.count = 0;
	assert_false(move_of(servers, 10, &has, &move));
}

static void what_is_on_its_way_counts(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_balance balance;
	struct gfs_set has = {.count = 1, .servers = {1}};
	struct gfs_move move;

	(void)state;
	servers_make(servers);
	fill(&servers[0], 620);
	fill(&servers[3], 480);
	assert_true(move_of(servers, 10, &has, &move));
	servers[0].moves_out = 60;
	servers[3].moves_in = 60;
	assert_false(move_of(servers, 10, &has, &move));
	gfs_balance_of(servers, SERVERS, 10, &balance);
	assert_int_equal(balance.left, 0);
}

/* Disks that have room for a few chunks: a replica would go to and fro. */
static void a_move_does_not_turn_things_round(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_set has = {.count = 1, .servers = {1}};
	struct gfs_move move;

	(void)state;
	for (uint32_t i = 0; i < SERVERS; i++) {
		servers[i] = (struct gfs_plan_server){
			.number = i + 1, .bytes = 8ULL * CHUNK, .usable = true};
		fill(&servers[i], 4);
	}
	fill(&servers[0], 5);
	assert_false(move_of(servers, 10, &has, &move));
	fill(&servers[1], 3);
	assert_true(move_of(servers, 10, &has, &move));
	assert_int_equal(move.to, 2);
}

/* Chunks on servers, moved until there is nothing to be moved: shares are even then, no chunk has
 * lost a rack or a replica, and what was left was about right. */
static void moves_come_to_an_end_and_shares_are_even(void **state)
{
	enum { CHUNKS = 1500, PERCENT = 5 };
	static struct gfs_set sets[CHUNKS];
	struct gfs_plan_server servers[SERVERS];
	struct gfs_balance balance;
	uint64_t moves = 0, left, before;

	(void)state;
	servers_make(servers);
	/* All on the first six servers, two of each rack. */
	for (uint32_t i = 0; i < SERVERS; i++)
		fill(&servers[i], i < 6 ? CHUNKS / 2 : 0);
	for (uint32_t i = 0; i < CHUNKS; i++)
		for (uint32_t j = 0; j < RACKS; j++) {
			sets[i].servers[j] = (uint16_t)(1 + j + i % 2 * RACKS);
			sets[i].count = RACKS;
		}
	gfs_balance_of(servers, SERVERS, PERCENT, &balance);
	left = balance.left;
	do {
		before = moves;
		for (uint32_t i = 0; i < CHUNKS; i++) {
			struct gfs_move move;

			gfs_balance_of(servers, SERVERS, PERCENT, &balance);
			if (!gfs_balance_move(servers, SERVERS, &balance, &sets[i], i, &move))
				continue;
			assert_int_equal((move.from - 1) % RACKS, (move.to - 1) % RACKS);
			fill(&servers[move.from - 1], servers[move.from - 1].chunks - 1);
			fill(&servers[move.to - 1], servers[move.to - 1].chunks + 1);
			for (uint32_t j = 0; j < RACKS; j++)
				if (sets[i].servers[j] == move.from)
					sets[i].servers[j] = (uint16_t)move.to;
			moves++;
		}
	} while (moves > before);
	gfs_balance_of(servers, SERVERS, PERCENT, &balance);
	assert_true(balance.highest - balance.lowest <= balance.allowed + 20);
	assert_int_equal(balance.left, 0);
	assert_true(left >= moves * 9 / 10 && left <= moves * 11 / 10);
}

static void time_left_follows_from_what_was_done(void **state)
{
	(void)state;
	assert_int_equal(gfs_balance_ms_left(0, 1000, 10), 0);
	assert_int_equal(gfs_balance_ms_left(10, 1000, 5), 500);
	assert_int_equal(gfs_balance_ms_left(10, 1000, 0), 0);
	assert_int_equal(gfs_balance_ms_left(1, UINT64_MAX, UINT64_MAX), UINT64_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_that_are_alike_keep_what_they_have),
		cmocka_unit_test(a_replica_goes_from_the_fullest_to_the_emptiest),
		cmocka_unit_test(the_racks_of_a_chunk_become_no_fewer),
		cmocka_unit_test(replicas_of_one_rack_go_to_others),
		cmocka_unit_test(a_replica_that_is_lost_or_drained_is_not_moved),
		cmocka_unit_test(what_is_on_its_way_counts),
		cmocka_unit_test(a_move_does_not_turn_things_round),
		cmocka_unit_test(moves_come_to_an_end_and_shares_are_even),
		cmocka_unit_test(time_left_follows_from_what_was_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
