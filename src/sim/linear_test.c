/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear_test.c - the checker on histories written by hand, on ones that a simple service made,
 * right and damaged by one operation, and beside a checker that tries every order.
 */
#include "sim/linear_history.h"

#include "support/unit.h"

#include <stdio.h>

enum { BRUTE_MAX = 8, CLIENTS = 4 };

/* ---- Written by hand ----------------------------------------------------------------------- */

static int call(struct sim_history *history, enum sim_kind kind, const char *key,
		const char *argument)
{
	struct sim_operation operation = {.kind = kind, .key = gw_string(key),
					  .argument = gw_string(argument)};
	int number = sim_history_call(history, &operation);

	assert_true(number >= 0);
	return number;
}

static int call_add(struct sim_history *history, const char *key, int64_t number)
{
	struct sim_operation operation = {.kind = SIM_ADD, .key = gw_string(key),
					  .number = number};

	return sim_history_call(history, &operation);
}

static int call_cas(struct sim_history *history, const char *from, const char *to)
{
	struct sim_operation operation = {.kind = SIM_CAS, .key = gw_string("k"),
					  .argument = gw_string(to),
					  .expected = gw_string(from ? from : ""),
					  .expects_none = !from};

	return sim_history_call(history, &operation);
}

/* value NULL: nothing was found. */
static void answer(struct sim_history *history, int number, const char *value)
{
	struct sim_reply reply = {.found = value != NULL,
				  .value = gw_string(value ? value : "")};

	assert_int_equal(sim_history_reply(history, number, &reply), 0);
}

static void answer_number(struct sim_history *history, int number, int64_t value)
{
	struct sim_reply reply = {.number = value};

	assert_int_equal(sim_history_reply(history, number, &reply), 0);
}

static void one(struct sim_history *history, enum sim_kind kind, const char *argument,
		const char *value)
{
	answer(history, call(history, kind, "k", argument), value);
}

static void expect(struct sim_history *history, int code, const char *sentence)
{
	struct gw_error error = {0};

	assert_int_equal(sim_linear_check(history, NULL, &error), code);
	assert_string_equal(error.text, sentence);
	sim_history_done(history);
}

static void what_happens_one_by_one_must_be_as_it_was_told(void **state)
{
	struct sim_history history = {0};

	(void)state;
	expect(&history, 0, "");
	one(&history, SIM_GET, "", NULL);
	one(&history, SIM_PUT, "a", "");
	one(&history, SIM_APPEND, "b", "a");
	one(&history, SIM_GET, "", "ab");
	one(&history, SIM_DELETE, "", "");
	one(&history, SIM_GET, "", NULL);
	one(&history, SIM_APPEND, "c", NULL);
	one(&history, SIM_GET, "", "c");
	expect(&history, 0, "");
}

static void a_stale_read_is_found(void **state)
{
	struct sim_history history = {0};

	(void)state;
	one(&history, SIM_PUT, "old", "");
	one(&history, SIM_PUT, "new", "");
	one(&history, SIM_GET, "", "old");
	expect(&history, GW_E_CORRUPT,
	       "key k: not linearizable: client 0's get answered with \"old\" fits nowhere behind "
	       "the first 2 of 3 operations");
}

static void operations_at_the_same_time_go_in_any_order(void **state)
{
	struct sim_history history = {0};

	(void)state;
	for (int last = 0; last < 2; last++) {
		int first = call(&history, SIM_PUT, "k", "a");
		int second = call(&history, SIM_PUT, "k", "b");

		answer(&history, first, "");
		answer(&history, second, "");
		one(&history, SIM_GET, "", last ? "a" : "b");
		expect(&history, 0, "");
	}
}

static void two_readers_may_not_disagree_on_the_order(void **state)
{
	struct sim_history history = {0};
	int put;

	(void)state;
	one(&history, SIM_PUT, "a", "");
	put = call(&history, SIM_PUT, "k", "b");
	one(&history, SIM_GET, "", "b");
	one(&history, SIM_GET, "", "a"); /* back in time, while the put is under way */
	answer(&history, put, "");
	expect(&history, GW_E_CORRUPT,
	       "key k: not linearizable: client 0's get answered with \"a\" fits nowhere behind "
	       "the first 3 of 4 operations");
}

static void an_unknown_outcome_may_show_late_or_never(void **state)
{
	struct sim_history history = {0};

	(void)state;
	one(&history, SIM_PUT, "a", "");
	call(&history, SIM_PUT, "k", "lost");
	call(&history, SIM_PUT, "k", "late");
	one(&history, SIM_GET, "", "a");
	one(&history, SIM_PUT, "b", "");
	one(&history, SIM_GET, "", "b");
	one(&history, SIM_GET, "", "late");
	expect(&history, 0, "");
	/* But only once. */
	call(&history, SIM_PUT, "k", "once");
	one(&history, SIM_GET, "", "once");
	one(&history, SIM_PUT, "b", "");
	one(&history, SIM_GET, "", "once");
	expect(&history, GW_E_CORRUPT,
	       "key k: not linearizable: client 0's get answered with \"once\" fits nowhere behind "
	       "the first 3 of 4 operations");
}

static void what_certainly_failed_has_no_effect(void **state)
{
	struct sim_history history = {0};

	(void)state;
	sim_history_failed(&history, call(&history, SIM_PUT, "k", "refused"));
	one(&history, SIM_GET, "", NULL);
	expect(&history, 0, "");
	sim_history_failed(&history, call(&history, SIM_PUT, "k", "refused"));
	one(&history, SIM_GET, "", "refused");
	expect(&history, GW_E_CORRUPT,
	       "key k: not linearizable: client 0's get answered with \"refused\" fits nowhere "
	       "behind the first 0 of 1 operations");
}

static void a_compare_and_set_tells_the_truth(void **state)
{
	struct sim_history history = {0};

	(void)state;
	answer(&history, call_cas(&history, NULL, "a"), "");
	answer(&history, call_cas(&history, NULL, "b"), NULL);
	answer(&history, call_cas(&history, "a", "c"), "");
	one(&history, SIM_GET, "", "c");
	expect(&history, 0, "");
	one(&history, SIM_PUT, "a", "");
	answer(&history, call_cas(&history, "b", "c"), "");
	expect(&history, GW_E_CORRUPT,
	       "key k: not linearizable: client 0's compare-and-set from \"b\" to \"c\" answered "
	       "with yes fits nowhere behind the first 1 of 2 operations");
}

static void a_counter_counts_each_add_once(void **state)
{
	struct sim_history history = {0};
	int add;

	(void)state;
	answer_number(&history, call_add(&history, "n", 0), 0);
	add = call_add(&history, "n", 5);
	call_add(&history, "n", -1); /* nobody knows */
	answer_number(&history, add, 5);
	answer_number(&history, call_add(&history, "n", 2), 6);
	expect(&history, 0, "");
	add = call_add(&history, "n", 1);
	answer_number(&history, call_add(&history, "n", 0), 2); /* ran twice */
	answer_number(&history, add, 1);
	expect(&history, GW_E_CORRUPT,
	       "key n: not linearizable: client 0's add of 0 answered with 2 fits nowhere behind "
	       "the first 1 of 2 operations");
}

static void keys_are_checked_apart_and_the_wrong_one_is_named(void **state)
{
	struct sim_history history = {0};

	(void)state;
	answer(&history, call(&history, SIM_PUT, "left", "1"), "");
	answer(&history, call(&history, SIM_PUT, "right", "2"), "");
	answer(&history, call(&history, SIM_GET, "left", ""), "1");
	answer(&history, call(&history, SIM_GET, "right", ""), "1");
	expect(&history, GW_E_CORRUPT,
	       "key right: not linearizable: client 0's get answered with \"1\" fits nowhere "
	       "behind the first 1 of 2 operations");
	answer(&history, call(&history, SIM_PUT, "k", "1"), "");
	answer_number(&history, call_add(&history, "k", 1), 1);
	expect(&history, GW_E_INVALID, "key k is both a value and a counter");
}

static void a_history_over_the_limits_is_called_undecided(void **state)
{
	struct sim_linear_limits limits = {.seen_max = 100};
	struct sim_history history = {0};
	struct gw_error error = {0};
	char value[2] = "a";

	(void)state;
	for (; value[0] < 'a' + 15; value[0]++)
		call(&history, SIM_APPEND, "k", value);
	one(&history, SIM_GET, "", "none of it");
	assert_int_equal(sim_linear_check(&history, &limits, &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text, "key k: undecided after 100 sets of its 16 operations");
	limits = (struct sim_linear_limits){.value_bytes_max = 50};
	assert_int_equal(sim_linear_check(&history, &limits, &error), GW_E_TOO_LARGE);
	sim_history_done(&history);
}

static void many_equal_unknown_adds_stay_cheap(void **state)
{
	struct sim_linear_limits limits = {.seen_max = 5000};
	struct sim_history history = {0};

	(void)state;
	for (int i = 0; i < 60; i++)
		call_add(&history, "n", 1);
	for (int i = 0; i < 30; i++)
		answer_number(&history, call_add(&history, "n", 0), 2 * i);
	assert_int_equal(sim_linear_check(&history, &limits, NULL), 0);
	answer_number(&history, call_add(&history, "n", 0), 61);
	assert_int_equal(sim_linear_check(&history, &limits, NULL), GW_E_CORRUPT);
	sim_history_done(&history);
}

static void unknown_adds_beside_many_at_once_stay_cheap(void **state)
{
	struct sim_linear_limits limits = {.seen_max = 5000};
	struct sim_history history = {0};
	int64_t total = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		call_add(&history, "n", 1); /* nobody knows */
	for (int round = 0; round < 50; round++) {
		int adds[12];

		for (int i = 0; i < 12; i++)
			adds[i] = call_add(&history, "n", 1);
		total += round % 2; /* one of the unknown ones */
		for (int i = 0; i < 12; i++)
			answer_number(&history, adds[i], ++total);
	}
	assert_int_equal(sim_linear_check(&history, &limits, NULL), 0);
	answer_number(&history, call_add(&history, "n", 0), total - 1);
	assert_int_equal(sim_linear_check(&history, &limits, NULL), GW_E_CORRUPT);
	sim_history_done(&history);
}

/* ---- A service that is right --------------------------------------------------------------- */

/* One copy of one key, as simple as can be. */
struct copy {
	bool there;
	char value[256];
	int64_t number;
};

/* Carries the operation out; what it would answer. The value is the copy's before. */
static struct sim_reply carry_out(struct copy *copy, const struct sim_operation *operation,
				  char *before)
{
	struct sim_reply reply = {.found = copy->there};
	char argument[64];

	snprintf(before, sizeof(copy->value), "%s", copy->there ? copy->value : "");
	snprintf(argument, sizeof(argument), "%.*s", (int)operation->argument.size,
		 (const char *)operation->argument.data);
	reply.value = gw_string(before);
	switch (operation->kind) {
	case SIM_CAS:
		reply.found = operation->expects_none
				      ? !copy->there
				      : copy->there && strlen(before) == operation->expected.size &&
						memcmp(before, operation->expected.data,
						       strlen(before)) == 0;
		if (!reply.found)
			break;
		/* fall through */
	case SIM_PUT:
		snprintf(copy->value, sizeof(copy->value), "%s", argument);
		copy->there = true;
		break;
	case SIM_APPEND:
		assert_true(strlen(before) + strlen(argument) < sizeof(copy->value));
		memcpy(copy->value, before, strlen(before));
		memcpy(copy->value + strlen(before), argument, strlen(argument) + 1);
		copy->there = true;
		break;
	case SIM_DELETE:
		copy->there = false;
		break;
	case SIM_ADD:
		copy->number += operation->number;
		reply.number = copy->number;
		break;
	default:
		break;
	}
	return reply;
}

/* What a client is about. */
struct client {
	bool asked, happened;
	int number;
	struct sim_operation operation;
	struct sim_reply reply;
	char argument[4], expected[4], before[256];
};

static void ask(struct sim_history *history, struct client *client, uint32_t who, bool counters,
		uint64_t *random)
{
	*client = (struct client){.asked = true};
	snprintf(client->argument, sizeof(client->argument), "%d", (int)test_pick(random, 3));
	snprintf(client->expected, sizeof(client->expected), "%d", (int)test_pick(random, 3));
	client->operation = (struct sim_operation){
		.client = who,
		.kind = counters ? SIM_ADD : (enum sim_kind)test_pick(random, SIM_ADD),
		.key = gw_string("k"),
		.argument = gw_string(client->argument),
		.expected = gw_string(client->expected),
		.expects_none = test_pick(random, 4) == 0,
		.number = (int64_t)test_pick(random, 3),
	};
	client->number = sim_history_call(history, &client->operation);
	assert_true(client->number >= 0);
}

/* Clients that ask one copy; now and then nobody hears the answer, or it never happens. */
static void make_right(struct sim_history *history, int operations, int unknown_percent,
		       uint64_t seed)
{
	uint64_t random = seed;
	struct client clients[CLIENTS] = {{0}};
	bool counters = test_pick(&random, 4) == 0;
	struct copy copy = {0};

	while (operations > 0) {
		uint32_t who = (uint32_t)test_pick(&random, CLIENTS);
		struct client *client = &clients[who];

		if (!client->asked) {
			ask(history, client, who, counters, &random);
			operations--;
		} else if (test_pick(&random, 100) < (uint64_t)unknown_percent) {
			client->asked = false;
		} else if (!client->happened) {
			client->reply = carry_out(&copy, &client->operation, client->before);
			client->happened = true;
		} else {
			assert_int_equal(
				sim_history_reply(history, client->number, &client->reply), 0);
			client->asked = false;
		}
	}
}

/* Changes what one of the answers says; false when there is none that says something. */
static bool damage(struct sim_history *history, uint64_t seed, bool impossible)
{
	for (size_t tries = 0; tries < history->count; tries++) {
		size_t at = (seed + tries) % history->count;
		struct sim_history_entry *entry = &history->entries[at];

		if (entry->state != SIM_HISTORY_REPLIED)
			continue;
		if (entry->operation.kind == SIM_ADD) {
			entry->reply.number += impossible ? 1000000 : 1;
			return true;
		}
		if (entry->operation.kind == SIM_GET) {
			entry->reply.found = impossible || !entry->reply.found;
			entry->reply.value = gw_string(impossible ? "never" : "1");
			return true;
		}
	}
	return false;
}

static void histories_of_a_right_service_pass(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct sim_history history = {0};
		struct gw_error error = {0};

		make_right(&history, seed % 10 ? 60 : 400, seed % 3 ? 2 : 0, seed);
		if (sim_linear_check(&history, NULL, &error) < 0)
			fail_msg("seed %d: %s", (int)seed, error.text);
		sim_history_done(&history);
	}
}

static void one_damaged_answer_is_found(void **state)
{
	unsigned found = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct sim_history history = {0};

		make_right(&history, 60, seed % 3 ? 2 : 0, seed);
		if (damage(&history, seed, true)) {
			assert_int_equal(sim_linear_check(&history, NULL, NULL), GW_E_CORRUPT);
			found++;
		}
		sim_history_done(&history);
	}
	assert_true(found > 250);
}

/* ---- Every order, one after the other ------------------------------------------------------ */

static bool fits(const struct sim_history_entry *entry, const struct sim_reply *reply)
{
	if (entry->state != SIM_HISTORY_REPLIED || entry->operation.kind == SIM_PUT)
		return true;
	if (entry->operation.kind == SIM_ADD)
		return entry->reply.number == reply->number;
	if (entry->reply.found != reply->found)
		return false;
	return entry->operation.kind == SIM_CAS || entry->operation.kind == SIM_DELETE ||
	       !reply->found || gw_bytes_compare(entry->reply.value, reply->value) == 0;
}

static bool may_be_next(const struct sim_history *history, uint32_t taken, size_t which)
{
	for (size_t i = 0; i < history->count; i++) {
		const struct sim_history_entry *other = &history->entries[i];

		if (!(taken & 1U << i) && other->state == SIM_HISTORY_REPLIED &&
		    other->replied < history->entries[which].called)
			return false;
	}
	return !(taken & 1U << which);
}

static bool any_order(const struct sim_history *history, uint32_t taken, const struct copy *copy)
{
	bool all = true;

	for (size_t i = 0; i < history->count; i++)
		all = all && (history->entries[i].state != SIM_HISTORY_REPLIED ||
			      (taken & 1U << i));
	if (all)
		return true;
	for (size_t i = 0; i < history->count; i++) {
		struct copy next = *copy;
		struct sim_reply reply;
		char before[256];

		if (!may_be_next(history, taken, i))
			continue;
		reply = carry_out(&next, &history->entries[i].operation, before);
		if (fits(&history->entries[i], &reply) &&
		    any_order(history, taken | 1U << i, &next))
			return true;
	}
	return false;
}

static void the_check_agrees_with_trying_every_order(void **state)
{
	unsigned right = 0, wrong = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		struct sim_history history = {0};
		struct copy copy = {0};
		bool expected;

		make_right(&history, 2 + (int)(seed % (BRUTE_MAX - 1)), 8, seed);
		if (seed % 4)
			damage(&history, seed / 4, false);
		if (seed % 4 > 1)
			damage(&history, seed / 2, false);
		expected = any_order(&history, 0, &copy);
		*(expected ? &right : &wrong) += 1;
		if ((sim_linear_check(&history, NULL, NULL) == 0) != expected)
			fail_msg("seed %d", (int)seed);
		sim_history_done(&history);
	}
	assert_true(right > 500);
	assert_true(wrong > 500);
}

static int check_a_few(void *context)
{
	struct sim_history history = {0};
	struct sim_operation operation = {.kind = SIM_PUT, .key = gw_string("k"),
					  .argument = gw_string("v")};
	struct sim_reply reply = {0};
	int code = 0;

	(void)context;
	for (int i = 0; i < 10 && code >= 0; i++) {
		code = sim_history_call(&history, &operation);
		if (code >= 0 && i % 2)
			code = sim_history_reply(&history, code, &reply);
	}
	if (code >= 0)
		code = sim_linear_check(&history, NULL, NULL);
	sim_history_done(&history);
	return code;
}

static void each_failed_allocation_is_an_error(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(check_a_few, NULL) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_happens_one_by_one_must_be_as_it_was_told),
		cmocka_unit_test(a_stale_read_is_found),
		cmocka_unit_test(operations_at_the_same_time_go_in_any_order),
		cmocka_unit_test(two_readers_may_not_disagree_on_the_order),
		cmocka_unit_test(an_unknown_outcome_may_show_late_or_never),
		cmocka_unit_test(what_certainly_failed_has_no_effect),
		cmocka_unit_test(a_compare_and_set_tells_the_truth),
		cmocka_unit_test(a_counter_counts_each_add_once),
		cmocka_unit_test(keys_are_checked_apart_and_the_wrong_one_is_named),
		cmocka_unit_test(a_history_over_the_limits_is_called_undecided),
		cmocka_unit_test(many_equal_unknown_adds_stay_cheap),
		cmocka_unit_test(unknown_adds_beside_many_at_once_stay_cheap),
		cmocka_unit_test(histories_of_a_right_service_pass),
		cmocka_unit_test(one_damaged_answer_is_found),
		cmocka_unit_test(the_check_agrees_with_trying_every_order),
		cmocka_unit_test(each_failed_allocation_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
