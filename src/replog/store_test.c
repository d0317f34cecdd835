/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_test.c - the store on real files: what it keeps from one opening to the next, whom it
 * refuses, what it says of damage. Crashes and disks that fail are src/sim's.
 */
#include "store_fixture.h"

/* ---- Directories ---------------------------------------------------------------------------- */

static void a_new_directory_opens_empty(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, &recovered);
	assert_int_equal(recovered.identity.member, 7);
	assert_int_equal(recovered.term, 0);
	assert_int_equal(recovered.entry_count, 0);
	assert_int_equal(recovered.snapshot.index, 0);
	assert_int_equal(recovered.snapshot.members.count, 1);
	assert_int_equal(replog_store_next_index(place->store), 1);
	assert_null(replog_store_manifest(place->store));
	replog_recovered_done(&recovered);
}

static void a_directory_is_created_once(struct place *place)
{
	struct gw_error error = {0};

	place_create(place);
	assert_int_equal(replog_store_create(place->path, &place->identity, &error),
			 GW_E_EXISTS);
	assert_non_null(strstr(error.text, "holds a replicated log already"));
}

static void a_directory_with_something_in_it_is_not_taken(struct place *place)
{
	struct gw_error error = {0};

	place_write_file(place, "letter", "dear", 4);
	assert_int_equal(replog_store_create(place->path, &place->identity, &error),
			 GW_E_EXISTS);
	assert_non_null(strstr(error.text, "is not empty: it has letter"));
}

static void a_wiped_directory_is_not_opened(struct place *place)
{
	struct replog_recovered recovered;
	struct gw_error error = {0};

	assert_int_equal(replog_store_open(&place->store, place->path, &place->options,
					   &recovered, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "holds no replicated log"));
}

static void a_directory_of_another_cluster_or_member_is_refused(struct place *place)
{
	struct replog_recovered recovered;
	struct gw_error error = {0};
	uint8_t other[REPLOG_CLUSTER_BYTES] = {9};

	place_create(place);
	place->options.cluster = other;
	assert_int_equal(replog_store_open(&place->store, place->path, &place->options,
					   &recovered, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "is of another cluster"));
	place->options.cluster = place->identity.cluster;
	place->options.member = 8;
	assert_int_equal(replog_store_open(&place->store, place->path, &place->options,
					   &recovered, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "is of member 7, not 8"));
}

static void two_cannot_have_one_directory_open(struct place *place)
{
	struct replog_store *second;
	struct replog_recovered recovered;
	struct gw_error error = {0};

	place_create(place);
	place_open(place, NULL);
	assert_int_equal(replog_store_open(&second, place->path, &place->options, &recovered,
					   &error), GW_E_BUSY);
	assert_non_null(strstr(error.text, "is in use by another process"));
}

static void a_format_of_another_version_is_refused_by_name(struct place *place)
{
	struct replog_identity identity;
	struct gw_error error = {0};
	uint8_t version = 2;

	place_create(place);
	place_poke(place, "format", 4, &version, 1);
	assert_int_equal(replog_store_identity(place->path, &identity, &error), GW_E_VERSION);
	assert_non_null(strstr(error.text, "format: version 2 of a replicated log, not 1"));
	place_poke(place, "format", 4, "\1", 1);
	place_poke(place, "format", 20, "\377", 1);
	assert_int_equal(replog_store_identity(place->path, &identity, &error), GW_E_CORRUPT);
}

/* ---- The log ------------------------------------------------------------------------------ */

static void what_was_committed_is_there_when_it_is_opened_again(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, NULL);
	add_state(place, 3, 7);
	add_entries(place, 1, 10, 3);
	commit(place);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.term, 3);
	assert_int_equal(recovered.vote, 7);
	assert_int_equal(recovered.entry_count, 10);
	for (uint64_t i = 0; i < 10; i++)
		assert_true(is_entry(&recovered.entries[i], i + 1, 3));
	assert_int_equal(replog_store_next_index(place->store), 11);
	replog_recovered_done(&recovered);
}

static void what_was_not_committed_is_gone(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 2, 1);
	commit(place);
	add_entries(place, 3, 2, 1);
	assert_true(replog_store_added_bytes(place->store) > 0);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 2);
	replog_recovered_done(&recovered);
}

static void entries_that_were_replaced_do_not_come_back(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 10, 1);
	commit(place);
	add_entries(place, 4, 2, 2);
	commit(place);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 5);
	assert_true(is_entry(&recovered.entries[2], 3, 1));
	assert_true(is_entry(&recovered.entries[4], 5, 2));
	replog_recovered_done(&recovered);
	assert_int_equal(replog_store_add_cut(place->store, 3, NULL), 0);
	commit(place);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 2);
	replog_recovered_done(&recovered);
}

static void a_log_goes_over_many_segments_and_openings(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, NULL);
	for (uint64_t i = 0; i < 200; i++) {
		add_state(place, i + 1, 0);
		add_entries(place, 1 + i * 2, 2, i + 1);
		commit(place);
		if (i % 50 == 49) {
			place_reopen(place, &recovered);
			assert_int_equal(recovered.entry_count, 2 * (i + 1));
			assert_int_equal(recovered.term, i + 1);
			replog_recovered_done(&recovered);
		}
	}
	assert_true(place_count(place, "log") > 5);
	for (int i = 0; i < 20; i++)
		place_reopen(place, NULL);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 400);
	for (uint64_t i = 0; i < 400; i++)
		assert_true(is_entry(&recovered.entries[i], i + 1, i / 2 + 1));
	replog_recovered_done(&recovered);
}

static void openings_without_a_write_leave_no_segments(struct place *place)
{
	size_t count;

	place_create(place);
	place_open(place, NULL);
	place_reopen(place, NULL);
	place_reopen(place, NULL);
	count = place_count(place, "log");
	for (int i = 0; i < 10; i++)
		place_reopen(place, NULL);
	assert_true(place_count(place, "log") <= count + 1);
}

static void an_entry_may_be_larger_than_a_segment(struct place *place)
{
	struct replog_recovered recovered;
	size_t size = 300000;
	uint8_t *bytes = malloc(size);
	struct raft_entry entry = {1, RAFT_ENTRY_COMMAND, {bytes, size}};

	assert_non_null(bytes);
	memset(bytes, 'x', size);
	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 3, 1);
	commit(place);
	assert_int_equal(replog_store_add_entry(place->store, 4, &entry, NULL), 0);
	commit(place);
	add_entries(place, 5, 3, 1);
	commit(place);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 7);
	assert_int_equal(recovered.entries[3].data.size, size);
	assert_memory_equal(recovered.entries[3].data.data, bytes, size);
	replog_recovered_done(&recovered);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_place(a_new_directory_opens_empty),
		in_a_place(a_directory_is_created_once),
		in_a_place(a_directory_with_something_in_it_is_not_taken),
		in_a_place(a_wiped_directory_is_not_opened),
		in_a_place(a_directory_of_another_cluster_or_member_is_refused),
		in_a_place(two_cannot_have_one_directory_open),
		in_a_place(a_format_of_another_version_is_refused_by_name),
		in_a_place(what_was_committed_is_there_when_it_is_opened_again),
		in_a_place(what_was_not_committed_is_gone),
		in_a_place(entries_that_were_replaced_do_not_come_back),
		in_a_place(a_log_goes_over_many_segments_and_openings),
		in_a_place(openings_without_a_write_leave_no_segments),
		in_a_place(an_entry_may_be_larger_than_a_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
