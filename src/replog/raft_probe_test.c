/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_probe_test.c - how a leader finds where the log of a member ends: a core alone, whose
 * messages are looked at and whose answers are made up.
 */
#include "raft.h"

#include "support/unit.h"

enum { MINE = 1, BEHIND = 2, OTHER = 3, OLD_ENTRIES = 5, NEW_ENTRIES = 100, OLD = 1, NEW = 4 };

struct rig {
	struct raft *raft;
	struct raft_entry entries[OLD_ENTRIES + NEW_ENTRIES];
	uint64_t now_ns;
	/* Of the last step, to BEHIND. */
	struct raft_message last;
	unsigned appends;
};

static void step(struct rig *rig, struct raft_event event)
{
	struct raft_action action;
	uint64_t saved = 0;

	event.now_ns = rig->now_ns;
	assert_int_equal(raft_step(rig->raft, &event, NULL), 0);
	rig->appends = 0;
	while (raft_next_action(rig->raft, &action)) {
		if (action.kind == RAFT_SAVE_STATE || action.kind == RAFT_SAVE_ENTRIES)
			saved = action.number;
		if (action.kind == RAFT_SEND && action.message.to == BEHIND) {
			rig->last = action.message;
			rig->appends += action.message.kind == RAFT_APPEND;
		}
	}
	if (saved > 0 && event.kind != RAFT_SAVED) {
		struct rig before = *rig;

		step(rig, (struct raft_event){.kind = RAFT_SAVED, .number = saved});
		rig->last = before.last;
		rig->appends += before.appends;
	}
}

static void receive(struct rig *rig, struct raft_message message)
{
	message.to = MINE;
	step(rig, (struct raft_event){.kind = RAFT_RECEIVED, .message = &message});
}

/* A member with OLD_ENTRIES of one term and, unless it is `behind`, NEW_ENTRIES of a later one. */
static void begin(struct rig *rig, bool behind)
{
	struct raft_setup setup = {.id = MINE, .now_ns = 1, .seed = 1,
				   .term = behind ? OLD : NEW, .entries = rig->entries,
				   .entry_count = OLD_ENTRIES + (behind ? 0 : NEW_ENTRIES)};

	*rig = (struct rig){.now_ns = 1};
	for (uint64_t id = MINE; id <= OTHER; id++) {
		struct raft_member member = {.id = id, .votes = true};

		assert_int_equal(raft_member_add(&setup.snapshot.members, &member), 0);
	}
	for (size_t i = 0; i < OLD_ENTRIES + NEW_ENTRIES; i++)
		rig->entries[i] = (struct raft_entry){.term = i < OLD_ENTRIES ? OLD : NEW,
						      .kind = RAFT_ENTRY_NOTHING};
	assert_int_equal(raft_new(&rig->raft, &setup, NULL), 0);
}

/* It leads; its first message to BEHIND is out. */
static void lead(struct rig *rig)
{
	begin(rig, false);
	step(rig, (struct raft_event){.kind = RAFT_CAMPAIGN});
	receive(rig, (struct raft_message){.kind = RAFT_VOTE_REPLY, .from = OTHER, .term = NEW,
					   .pre = true, .accepted = true});
	receive(rig, (struct raft_message){.kind = RAFT_VOTE_REPLY, .from = OTHER,
					   .term = NEW + 1, .accepted = true});
	assert_int_equal(raft_role(rig->raft), RAFT_LEADER);
	assert_int_equal(rig->appends, 1);
	assert_int_equal(rig->last.index, OLD_ENTRIES + NEW_ENTRIES);
	assert_int_equal(rig->last.entry_count, 1);
}

/* BEHIND says that what was sent does not fit; index and term: its last entry that could. */
static void reject(struct rig *rig, uint64_t index, uint64_t term)
{
	receive(rig, (struct raft_message){.kind = RAFT_APPEND_REPLY, .from = BEHIND,
					   .term = NEW + 1, .index = index, .index_term = term});
}

static void what_is_asked_already_is_asked_again_without_entries(void **state)
{
	struct rig rig;

	(void)state;
	lead(&rig);
	reject(&rig, 50, 0);
	assert_int_equal(rig.last.index, 50);
	assert_int_equal(rig.last.entry_count, OLD_ENTRIES + NEW_ENTRIES + 1 - 50);
	for (int i = 0; i < 3; i++) {
		rig.now_ns += RAFT_HEARTBEAT_NS;
		step(&rig, (struct raft_event){.kind = RAFT_TICK});
		assert_int_equal(rig.appends, 1);
		assert_int_equal(rig.last.index, 50);
		assert_int_equal(rig.last.entry_count, 0);
	}
	receive(&rig, (struct raft_message){.kind = RAFT_APPEND_REPLY, .from = BEHIND,
					    .term = NEW + 1, .accepted = true, .index = 50});
	assert_int_equal(rig.appends, 1);
	assert_int_equal(rig.last.entry_count, OLD_ENTRIES + NEW_ENTRIES + 1 - 50);
	raft_free(rig.raft);
}

static void an_answer_to_what_was_asked_before_asks_nothing_new(void **state)
{
	struct rig rig;

	(void)state;
	lead(&rig);
	reject(&rig, 50, 0);
	assert_int_equal(rig.appends, 1);
	reject(&rig, 50, 0);
	assert_int_equal(rig.appends, 0);
	reject(&rig, 70, 0);
	assert_int_equal(rig.appends, 0);
	reject(&rig, 49, 0);
	assert_int_equal(rig.appends, 1);
	assert_int_equal(rig.last.index, 49);
	raft_free(rig.raft);
}

static void entries_of_later_terms_than_the_other_has_are_skipped_at_once(void **state)
{
	struct rig rig;

	(void)state;
	lead(&rig);
	reject(&rig, 50, OLD + 1);
	assert_int_equal(rig.appends, 1);
	assert_int_equal(rig.last.index, OLD_ENTRIES);
	assert_int_equal(rig.last.index_term, OLD);
	raft_free(rig.raft);
}

static void who_rejects_says_the_term_of_what_could_match(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, true);
	receive(&rig, (struct raft_message){.kind = RAFT_APPEND, .from = BEHIND, .term = NEW,
					    .index = OLD_ENTRIES, .index_term = NEW});
	assert_int_equal(rig.last.kind, RAFT_APPEND_REPLY);
	assert_false(rig.last.accepted);
	assert_int_equal(rig.last.index, OLD_ENTRIES - 1);
	assert_int_equal(rig.last.index_term, OLD);
	raft_free(rig.raft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_already_is_asked_again_without_entries),
		cmocka_unit_test(an_answer_to_what_was_asked_before_asks_nothing_new),
		cmocka_unit_test(entries_of_later_terms_than_the_other_has_are_skipped_at_once),
		cmocka_unit_test(who_rejects_says_the_term_of_what_could_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
