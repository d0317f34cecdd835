/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_damage_test.c - what rots, is cut or is missing: told with file and offset, and never taken
 * for the end of the log; and what a look at the directory finds.
 */
#include "store_fixture.h"

enum { ENTRIES = 30, SECTOR = REPLOG_SECTOR_BYTES };

/* ENTRIES entries, a batch each, then closed. */
static void place_fill(struct place *place)
{
	place_create(place);
	place_open(place, NULL);
	add_state(place, 2, 7);
	for (uint64_t i = 1; i <= ENTRIES; i++) {
		add_entries(place, i, 1, 2);
		commit(place);
	}
	place_close(place);
}

static void assert_whole(struct place *place, const struct replog_recovered *recovered)
{
	(void)place;
	assert_int_equal(recovered->term, 2);
	assert_int_equal(recovered->vote, 7);
	assert_int_equal(recovered->entry_count, ENTRIES);
	for (uint64_t i = 0; i < ENTRIES; i++)
		assert_true(is_entry(&recovered->entries[i], i + 1, 2));
}

struct findings {
	unsigned count;
	char first[GW_ERROR_TEXT_MAX];
};

static void note_finding(void *context, const char *sentence)
{
	struct findings *findings = context;

	if (findings->count++ == 0)
		snprintf(findings->first, sizeof(findings->first), "%s", sentence);
}

static struct findings look(struct place *place, struct replog_check_report *report)
{
	struct findings findings = {0};
	struct replog_check_report own;
	struct gw_error error = {0};

	if (!report)
		report = &own;
	assert_int_equal(replog_check(place->path, note_finding, &findings, report, &error), 0);
	assert_int_equal(report->findings, findings.count);
	return findings;
}

/* ---- A bit -------------------------------------------------------------------------------- */

/* A bit of the segment, anywhere: an error that names the file, or it did not matter. */
static unsigned flip_each(struct place *place, const char *name, uint64_t size)
{
	unsigned refused = 0;

	for (uint64_t at = 0; at < size; at += 3) {
		struct replog_recovered recovered;
		struct gw_error error = {0};
		int result;

		place_flip(place, name, at);
		result = replog_store_open(&place->store, place->path, &place->options,
					   &recovered, &error);
		if (result < 0) {
			assert_true(result == GW_E_CORRUPT || result == GW_E_VERSION);
			assert_non_null(strstr(error.text, name));
			assert_true(look(place, NULL).count > 0);
			refused++;
			place->store = NULL;
		} else {
			assert_whole(place, &recovered);
			replog_recovered_done(&recovered);
			place_close(place);
		}
		place_flip(place, name, at);
	}
	return refused;
}

static void a_flipped_bit_of_a_segment_is_told_or_does_not_matter(struct place *place)
{
	place_fill(place);
	/* Of its head 60 bytes count, of each batch about 100 of a sector. */
	assert_true(flip_each(place, "log/0000000000000001", 8 * SECTOR) > 8 * 20);
}

static void damage_in_the_middle_names_file_and_offset(struct place *place)
{
	place_fill(place);
	place_flip(place, "log/0000000000000001", 5 * SECTOR + 40);
	place_refuses(place, GW_E_CORRUPT, "log/0000000000000001: damage at offset 2560, where "
		      "batch 5 should begin: batch 6 behind it is whole");
	assert_non_null(strstr(look(place, NULL).first, "damage at offset 2560"));
}

static void damage_of_a_segments_first_batch_is_no_unused_segment(struct place *place)
{
	place_fill(place);
	place_flip(place, "log/0000000000000002", SECTOR + 30);
	place_refuses(place, GW_E_CORRUPT, "log/0000000000000002: damage at offset 512");
}

static void damage_of_the_last_entry_before_a_close_is_not_a_torn_end(struct place *place)
{
	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 1, 1);
	commit(place);
	place_close(place); /* which puts a mark behind it */
	/* Sector 1 has the state, 2 the entry. */
	place_flip(place, "log/0000000000000001", 2 * SECTOR + 40);
	place_refuses(place, GW_E_CORRUPT, "log/0000000000000001: damage at offset 1024");
}

static void a_torn_last_write_is_dropped_and_counted(struct place *place)
{
	struct replog_recovered recovered;
	uint8_t zeros[SECTOR] = {0};
	struct store_open_segment *current;
	char name[32];

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 2, 1);
	commit(place);
	add_entries(place, 3, 12, 1);
	commit(place);
	/* As a crash leaves it: no close, and of two sectors the second is not there. */
	current = &place->store->current;
	snprintf(name, sizeof(name), "log/%016x", (unsigned)current->head.number);
	place_poke(place, name, current->offset - SECTOR, zeros, SECTOR);
	current->begun = false;
	place->store->marked = true;
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 2);
	assert_true(recovered.torn_bytes > 500);
	replog_recovered_done(&recovered);
	place_close(place);
	assert_int_equal(look(place, NULL).count, 0);
}

/* ---- Files -------------------------------------------------------------------------------- */

static void a_missing_segment_is_told(struct place *place)
{
	char path[STORE_PATH_MAX];

	place_fill(place);
	store_path(path, place->path, "log/0000000000000001");
	assert_int_equal(task_disk_unlink(path, NULL), 0);
	place_refuses(place, GW_E_CORRUPT, "the log begins at index");
	assert_int_equal(look(place, NULL).count, 1);
}

static void a_segment_of_another_number_or_directory_is_told(struct place *place)
{
	char path[STORE_PATH_MAX], to[STORE_PATH_MAX];

	place_fill(place);
	store_path(path, place->path, "log/0000000000000001");
	store_path(to, place->path, "log/0000000000000009");
	assert_int_equal(task_disk_rename(path, to, NULL), 0);
	place_refuses(place, GW_E_CORRUPT, "log/0000000000000009: it is segment 1");
}

static void a_segment_of_another_version_is_refused_by_name(struct place *place)
{
	place_fill(place);
	place_poke(place, "log/0000000000000001", 4, "\2", 1);
	place_refuses(place, GW_E_VERSION, "log/0000000000000001: version 2 of a segment, not 1");
}

/* ---- A look ------------------------------------------------------------------------------- */

static void a_look_tells_what_is_there(struct place *place)
{
	struct replog_check_report report;

	place_fill(place);
	assert_int_equal(look(place, &report).count, 0);
	assert_int_equal(report.identity.member, 7);
	assert_int_equal(report.term, 2);
	assert_int_equal(report.vote, 7);
	assert_int_equal(report.first_index, 1);
	assert_int_equal(report.last_index, ENTRIES);
	assert_true(report.segments >= 3);
	assert_true(report.batches >= ENTRIES);
}

static void a_look_at_an_open_directory_is_refused(struct place *place)
{
	struct replog_check_report report;
	struct findings findings;
	struct gw_error error = {0};

	place_create(place);
	place_open(place, NULL);
	assert_int_equal(replog_check(place->path, note_finding, &findings, &report, &error),
			 GW_E_BUSY);
	assert_non_null(strstr(error.text, "is in use by another process"));
}

static void a_look_finds_several_things(struct place *place)
{
	place_fill(place);
	place_flip(place, "log/0000000000000001", 5 * SECTOR + 40);
	place_flip(place, "log/0000000000000002", 3 * SECTOR + 40);
	assert_int_equal(look(place, NULL).count, 2);
	place_flip(place, "format", 33);
	assert_non_null(strstr(look(place, NULL).first, "format: wrong checksum"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_place(a_flipped_bit_of_a_segment_is_told_or_does_not_matter),
		in_a_place(damage_in_the_middle_names_file_and_offset),
		in_a_place(damage_of_a_segments_first_batch_is_no_unused_segment),
		in_a_place(damage_of_the_last_entry_before_a_close_is_not_a_torn_end),
		in_a_place(a_torn_last_write_is_dropped_and_counted),
		in_a_place(a_missing_segment_is_told),
		in_a_place(a_segment_of_another_number_or_directory_is_told),
		in_a_place(a_segment_of_another_version_is_refused_by_name),
		in_a_place(a_look_tells_what_is_there),
		in_a_place(a_look_at_an_open_directory_is_refused),
		in_a_place(a_look_finds_several_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
