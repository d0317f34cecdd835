/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_compact_test.c - what a core keeps of its log before a snapshot of its own: the lesser of so
 * many entries and so many bytes.
 */
#include "raft.h"

#include "support/unit.h"

#include <stdlib.h>

enum { ALONE = 1, ENTRIES = 40, SMALL = 36, LARGE = 1 << 20, ALL = 1 << 20 };

struct rig {
	struct raft *raft;
	struct raft_entry entries[ENTRIES];
	void *bytes;
};

static void do_all(struct rig *rig, struct raft_event event)
{
	struct raft_action action;
	uint64_t saved = 0;

	event.now_ns = 1;
	assert_int_equal(raft_step(rig->raft, &event, NULL), 0);
	while (raft_next_action(rig->raft, &action)) {
		if (action.kind == RAFT_SAVE_STATE || action.kind == RAFT_SAVE_ENTRIES)
			saved = action.number;
	}
	if (saved > 0)
		do_all(rig, (struct raft_event){.kind = RAFT_SAVED, .number = saved});
}

/* A member alone with entries 1 to ENTRIES, all committed; entry i has size(i) bytes. */
static void begin(struct rig *rig, size_t (*size)(uint64_t index))
{
	struct raft_setup setup = {.id = ALONE, .now_ns = 1, .seed = 1, .term = 1,
				   .entries = rig->entries, .entry_count = ENTRIES};
	struct raft_member member = {.id = ALONE, .votes = true};

	assert_int_equal(raft_member_add(&setup.snapshot.members, &member), 0);
	rig->bytes = calloc(1, LARGE);
	assert_non_null(rig->bytes);
	for (uint64_t i = 1; i <= ENTRIES; i++)
		rig->entries[i - 1] = (struct raft_entry){
			.term = 1, .kind = RAFT_ENTRY_COMMAND, .data = {rig->bytes, size(i)}};
	assert_int_equal(raft_new(&rig->raft, &setup, NULL), 0);
	do_all(rig, (struct raft_event){.kind = RAFT_CAMPAIGN});
	assert_true(raft_commit(rig->raft) >= ENTRIES);
}

static void end(struct rig *rig)
{
	raft_free(rig->raft);
	free(rig->bytes);
}

static void compact(struct rig *rig, uint64_t index, uint64_t keep, uint64_t keep_bytes)
{
	struct raft_snapshot snapshot = {.index = index, .term = 1};

	raft_members_at(rig->raft, index, &snapshot.members);
	do_all(rig, (struct raft_event){.kind = RAFT_COMPACT, .snapshot = &snapshot,
					.keep = keep, .keep_bytes = keep_bytes});
	/* It holds what is behind its base, and nothing else. */
	assert_null(raft_log_entry(rig->raft, raft_log_base(rig->raft)));
	assert_non_null(raft_log_entry(rig->raft, raft_log_base(rig->raft) + 1));
}

static size_t small(uint64_t index)
{
	(void)index;
	return SMALL;
}

static size_t large(uint64_t index)
{
	(void)index;
	return LARGE;
}

static size_t one_large(uint64_t index)
{
	return index == 25 ? LARGE : SMALL;
}

static void of_small_entries_so_many_are_kept(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, small);
	compact(&rig, 30, 7, ALL);
	assert_int_equal(raft_log_base(rig.raft), 23);
	compact(&rig, 32, 0, ALL);
	assert_int_equal(raft_log_base(rig.raft), 32);
	end(&rig);
}

static void of_large_entries_so_many_bytes_are_kept(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, large);
	compact(&rig, 30, ALL, 4 * (LARGE + RAFT_ENTRY_COST));
	assert_int_equal(raft_log_base(rig.raft), 26);
	compact(&rig, 35, ALL, 4 * (LARGE + RAFT_ENTRY_COST) - 1);
	assert_int_equal(raft_log_base(rig.raft), 32);
	compact(&rig, 36, ALL, LARGE);
	assert_int_equal(raft_log_base(rig.raft), 36);
	end(&rig);
}

/* Entries that are kept have no gap between them. */
static void nothing_before_a_large_entry_is_kept(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, one_large);
	compact(&rig, 30, 20, LARGE);
	assert_int_equal(raft_log_base(rig.raft), 25);
	end(&rig);
}

static void what_an_entry_costs_beside_its_bytes_counts(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, small);
	compact(&rig, 30, ALL, 10 * (SMALL + RAFT_ENTRY_COST));
	assert_int_equal(raft_log_base(rig.raft), 20);
	end(&rig);
}

static void no_more_is_kept_than_there_is(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, small);
	compact(&rig, 30, ALL, ALL);
	assert_int_equal(raft_log_base(rig.raft), 0);
	compact(&rig, 35, 10, ALL);
	assert_int_equal(raft_log_base(rig.raft), 25);
	compact(&rig, 36, ALL, ALL); /* what is gone does not come back */
	assert_int_equal(raft_log_base(rig.raft), 25);
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_small_entries_so_many_are_kept),
		cmocka_unit_test(of_large_entries_so_many_bytes_are_kept),
		cmocka_unit_test(nothing_before_a_large_entry_is_kept),
		cmocka_unit_test(what_an_entry_costs_beside_its_bytes_counts),
		cmocka_unit_test(no_more_is_kept_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
