/* SPDX-License-Identifier: Apache-2.0 */
/* dup_table_test.c - the table of duplicates: what is run, answered, refused and forgotten. */
#include "rpc/dup_table.h"

#include "support/unit.h"

#include <stdlib.h>

static const struct rpc_client_id one = {{1, 1}}, two = {{2, 2}};

static struct gw_rpc_dup *table_of(const struct gw_rpc_dup_options *options)
{
	struct gw_rpc_dup *dup;

	assert_int_equal(gw_rpc_dup_new(&dup, options, NULL), 0);
	return dup;
}

static struct rpc_dup_call call_of(struct rpc_client_id client, uint64_t sequence)
{
	return (struct rpc_dup_call){.client = client,
				     .sequence = sequence,
				     .first_incomplete = 1,
				     .fingerprint = 1000 + sequence};
}

static int begin(struct gw_rpc_dup *dup, struct rpc_client_id client, uint64_t sequence)
{
	struct rpc_dup_call call = call_of(client, sequence);
	struct rpc_dup_answer answer;

	return dup->operations->begin(dup, &call, &answer, NULL);
}

static void finish(struct gw_rpc_dup *dup, struct rpc_client_id client, uint64_t sequence,
		   const char *reply)
{
	struct rpc_dup_call call = call_of(client, sequence);

	dup->operations->finish(dup, &call, 0, gw_string(reply));
}

static void expect_answer(struct gw_rpc_dup *dup, struct rpc_client_id client, uint64_t sequence,
			  const char *reply)
{
	struct rpc_dup_call call = call_of(client, sequence);
	struct rpc_dup_answer answer;

	assert_int_equal(dup->operations->begin(dup, &call, &answer, NULL), RPC_DUP_DONE);
	assert_int_equal(answer.code, 0);
	assert_int_equal(answer.reply.size, strlen(reply));
	assert_memory_equal(answer.reply.data, reply, strlen(reply));
}

static void a_call_is_new_then_running_then_done(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL);

	(void)state;
	assert_int_equal(begin(dup, one, 1), RPC_DUP_STALE); /* nobody knows this client */
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), GW_E_EXISTS);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_RUNNING);
	finish(dup, one, 1, "first");
	expect_answer(dup, one, 1, "first");
	expect_answer(dup, one, 1, "first");
	assert_int_equal(begin(dup, two, 1), RPC_DUP_STALE);
	gw_rpc_dup_free(dup);
	gw_rpc_dup_free(NULL);
}

static void forgetting_is_safe_below_the_first_incomplete_only(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL);

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(begin(dup, one, i), RPC_DUP_NEW);
		finish(dup, one, i, "answer");
	}
	dup->operations->forget_below(dup, one, 3);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_STALE);
	assert_int_equal(begin(dup, one, 2), RPC_DUP_STALE);
	expect_answer(dup, one, 3, "answer");
	/* It never goes back. */
	dup->operations->forget_below(dup, one, 1);
	assert_int_equal(begin(dup, one, 2), RPC_DUP_STALE);
	assert_int_equal(dup_table_of(dup)->bytes, 6);
	gw_rpc_dup_free(dup);
}

static void over_the_window_is_overloaded(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL);

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(begin(dup, one, GW_RPC_WINDOW + 1), GW_E_OVERLOADED);
	for (uint64_t i = GW_RPC_WINDOW; i >= 1; i--)
		assert_int_equal(begin(dup, one, i), RPC_DUP_NEW);
	for (uint64_t i = 1; i <= GW_RPC_WINDOW; i++)
		assert_int_equal(begin(dup, one, i), RPC_DUP_RUNNING);
	finish(dup, one, 1, "");
	dup->operations->forget_below(dup, one, 2);
	assert_int_equal(begin(dup, one, GW_RPC_WINDOW + 1), RPC_DUP_NEW);
	/* One that was given up and still runs holds nobody up, and ends unheard. */
	dup->operations->forget_below(dup, one, 4);
	assert_int_equal(begin(dup, one, 2), RPC_DUP_STALE);
	assert_int_equal(begin(dup, one, GW_RPC_WINDOW + 2), RPC_DUP_NEW);
	finish(dup, one, 2, "too late");
	assert_int_equal(begin(dup, one, 2), RPC_DUP_STALE);
	assert_int_equal(begin(dup, one, GW_RPC_WINDOW + 2), RPC_DUP_RUNNING);
	assert_int_equal(dup_table_of(dup)->bytes, 0);
	gw_rpc_dup_free(dup);
}

static void replies_have_a_limit(void **state)
{
	struct gw_rpc_dup_options options = {.bytes_max = 10, .clients_max = 1};
	struct gw_rpc_dup *dup = table_of(&options);

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(dup->operations->open(dup, two, NULL, NULL), GW_E_BUSY);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	finish(dup, one, 1, "twelve bytes");
	assert_int_equal(begin(dup, one, 2), GW_E_OVERLOADED);
	dup->operations->forget_below(dup, one, 2);
	assert_int_equal(begin(dup, one, 2), RPC_DUP_NEW);
	gw_rpc_dup_free(dup);
}

static void one_number_with_two_requests_is_refused(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL);
	struct rpc_dup_call call = call_of(one, 1);
	struct rpc_dup_answer answer;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	call.fingerprint++;
	assert_int_equal(dup->operations->begin(dup, &call, &answer, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "two clients have one id"));
	call = call_of(one, 1);
	call.object = 9;
	assert_int_equal(dup->operations->begin(dup, &call, &answer, NULL), GW_E_INVALID);
	gw_rpc_dup_free(dup);
}

static void what_did_not_run_may_run(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL);
	struct rpc_dup_call call = call_of(one, 1);

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	dup->operations->abandon(dup, &call);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	gw_rpc_dup_free(dup);
}

static void silent_clients_are_forgotten_after_their_lease(void **state)
{
	struct gw_rpc_dup_options options = {.lease_ms = 100};
	struct gw_rpc_dup *dup = table_of(&options);

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(dup->operations->open(dup, two, NULL, NULL), 0);
	/* The first time that is told, however late, forgets nobody. */
	gw_rpc_dup_expire(dup, 1000000);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	finish(dup, one, 1, "x");
	gw_rpc_dup_expire(dup, 1000090);
	assert_int_equal(begin(dup, two, 1), RPC_DUP_NEW); /* runs: never forgotten */
	gw_rpc_dup_expire(dup, 1000101);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_STALE);
	gw_rpc_dup_expire(dup, 9000000);
	assert_int_equal(begin(dup, two, 1), RPC_DUP_RUNNING);
	finish(dup, two, 1, "x");
	gw_rpc_dup_expire(dup, 9000050);
	expect_answer(dup, two, 1, "x");
	gw_rpc_dup_free(dup);
}

/* ---- Records ----------------------------------------------------------------------------- */

static void an_exported_table_answers_elsewhere(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL), *other = table_of(NULL);
	struct rpc_dup_call call;
	struct rpc_dup_answer answer;
	struct base_buffer records = {0};

	(void)state;
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	for (uint64_t i = 1; i <= 40; i++) {
		call = call_of(one, i);
		call.object = i % 2;
		assert_int_equal(dup->operations->begin(dup, &call, &answer, NULL), RPC_DUP_NEW);
		dup->operations->finish(dup, &call, (int)-i, gw_string("moved"));
	}
	dup->operations->forget_below(dup, one, 5);
	/* Object 1 moves: its records, and not those of object 0. */
	assert_int_equal(dup->operations->export_object(dup, 1, &records, NULL), 0);
	assert_int_equal(gw_rpc_dup_restore(other, base_buffer_bytes(&records), NULL), 0);
	assert_int_equal(gw_rpc_dup_restore(other, base_buffer_bytes(&records), NULL), 0);
	for (uint64_t i = 1; i <= 40; i++) {
		int expected = i < 5 ? RPC_DUP_STALE : i % 2 ? RPC_DUP_DONE : RPC_DUP_NEW;

		call = call_of(one, i);
		call.object = i % 2;
		assert_int_equal(other->operations->begin(other, &call, &answer, NULL), expected);
		if (expected == RPC_DUP_DONE)
			assert_int_equal(answer.code, (int)-i);
	}
	base_buffer_done(&records);
	gw_rpc_dup_free(dup);
	gw_rpc_dup_free(other);
}

/* The table of a state machine: only entries with their times change it. */
static int apply(struct gw_rpc_dup *dup, uint64_t now_ms, struct rpc_client_id client,
		 uint64_t sequence, uint64_t first_incomplete)
{
	struct rpc_dup_call call = call_of(client, sequence);
	struct rpc_dup_answer answer;
	int result;

	call.first_incomplete = first_incomplete;
	result = rpc_dup_apply(dup, now_ms, &call, &answer, NULL);
	if (result == RPC_DUP_NEW)
		dup->operations->finish(dup, &call, 0, gw_string("applied"));
	return result;
}

static void expect_same(struct gw_rpc_dup *dup, struct gw_rpc_dup *other)
{
	struct base_buffer left = {0}, right = {0};

	assert_int_equal(dup->operations->export_object(dup, UINT64_MAX, &left, NULL), 0);
	assert_int_equal(other->operations->export_object(other, UINT64_MAX, &right, NULL), 0);
	assert_int_equal(left.size, right.size);
	assert_memory_equal(left.data, right.data, left.size);
	base_buffer_done(&left);
	base_buffer_done(&right);
}

/* Otherwise a member that came by a snapshot ran what the others call stale. */
static void an_imported_table_forgets_when_the_exported_one_does(void **state)
{
	struct gw_rpc_dup_options options = {.lease_ms = 1000};
	struct gw_rpc_dup *dup = table_of(&options), *other = table_of(&options);
	struct base_buffer records = {0};

	(void)state;
	assert_int_equal(rpc_dup_apply_open(dup, 5000, one, NULL), 0);
	assert_int_equal(rpc_dup_apply_open(dup, 5300, two, NULL), 0);
	assert_int_equal(rpc_dup_apply_open(dup, 5300, two, NULL), GW_E_EXISTS);
	assert_int_equal(apply(dup, 5400, two, 1, 1), RPC_DUP_NEW);
	assert_int_equal(apply(dup, 5500, one, 1, 1), RPC_DUP_NEW);
	assert_int_equal(apply(dup, 5900, two, 2, 1), RPC_DUP_NEW);
	assert_int_equal(dup->operations->export_object(dup, UINT64_MAX, &records, NULL), 0);
	assert_int_equal(gw_rpc_dup_restore(other, base_buffer_bytes(&records), NULL), 0);
	expect_same(dup, other);
	for (int i = 0; i < 2; i++) {
		struct gw_rpc_dup *each = i ? other : dup;

		/* Heard of at 5500, and at 5900. */
		assert_int_equal(apply(each, 6500, two, 2, 1), RPC_DUP_DONE);
		assert_int_equal(apply(each, 6501, one, 1, 1), RPC_DUP_STALE);
		assert_int_equal(apply(each, 7500, two, 3, 2), RPC_DUP_NEW);
		assert_int_equal(apply(each, 7500, two, 1, 1), RPC_DUP_STALE);
		assert_int_equal(apply(each, 8501, two, 3, 2), RPC_DUP_STALE);
	}
	expect_same(dup, other);
	base_buffer_done(&records);
	gw_rpc_dup_free(dup);
	gw_rpc_dup_free(other);
}

static void looking_changes_nothing(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL), *other = table_of(NULL);
	struct rpc_dup_call call = call_of(one, 1);
	struct rpc_dup_answer answer;

	(void)state;
	assert_int_equal(dup->operations->look(dup, &call, &answer, NULL), RPC_DUP_STALE);
	assert_int_equal(rpc_dup_apply_open(dup, 10, one, NULL), 0);
	assert_int_equal(rpc_dup_apply_open(other, 10, one, NULL), 0);
	assert_int_equal(dup->operations->look(dup, &call, &answer, NULL), RPC_DUP_NEW);
	expect_same(dup, other);
	assert_int_equal(apply(dup, 20, one, 1, 1), RPC_DUP_NEW);
	assert_int_equal(dup->operations->look(dup, &call, &answer, NULL), RPC_DUP_DONE);
	assert_int_equal(answer.reply.size, strlen("applied"));
	call.fingerprint++;
	assert_int_equal(dup->operations->look(dup, &call, &answer, NULL), GW_E_INVALID);
	gw_rpc_dup_free(dup);
	gw_rpc_dup_free(other);
}

static void an_identity_goes_there_and_back(void **state)
{
	struct rpc_dup_call call = {{{1, 2}}, 3, 4, 5, 6}, back;
	uint8_t bytes[RPC_DUP_CALL_BYTES];

	(void)state;
	rpc_dup_call_encode(&call, bytes);
	rpc_dup_call_decode(bytes, &back);
	assert_memory_equal(&call, &back, sizeof(call));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], i % 8 ? 0 : i / 8 + 1);
}

static int keep(void *context, struct gw_bytes record, struct gw_error *error)
{
	return base_buffer_append(context, record.data, record.size, error);
}

static void a_table_with_a_log_comes_back_after_a_restart(void **state)
{
	struct base_buffer log = {0};
	struct gw_rpc_dup_options options = {.log = keep, .context = &log};
	struct gw_rpc_dup *dup = table_of(&options);
	struct rpc_dup_call call = call_of(one, 1);

	(void)state;
	assert_true(dup->is_durable);
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	assert_int_equal(begin(dup, one, 1), RPC_DUP_NEW);
	assert_int_equal(dup->operations->record(dup, &call, 0, gw_string("kept"), &log, NULL), 0);
	finish(dup, one, 1, "kept");
	assert_int_equal(begin(dup, one, 2), RPC_DUP_NEW); /* and the server dies */
	gw_rpc_dup_free(dup);
	dup = table_of(&options);
	assert_int_equal(gw_rpc_dup_restore(dup, base_buffer_bytes(&log), NULL), 0);
	expect_answer(dup, one, 1, "kept");
	assert_int_equal(begin(dup, one, 2), RPC_DUP_NEW);
	base_buffer_done(&log);
	gw_rpc_dup_free(dup);
}

static void damaged_records_are_refused(void **state)
{
	struct gw_rpc_dup *dup = table_of(NULL), *other;
	struct rpc_dup_call call = call_of(one, 1);
	struct base_buffer good = {0};

	(void)state;
	assert_int_equal(dup_record_client(&one, 1, &good, NULL), 0);
	assert_int_equal(dup->operations->record(dup, &call, 0, gw_string("reply"), &good, NULL),
			 0);
	for (size_t size = 0; size < good.size; size++) {
		int result;

		other = table_of(NULL);
		result = gw_rpc_dup_restore(other, (struct gw_bytes){good.data, size}, NULL);
		assert_int_equal(result, size == 0 || size == 36 ? 0 : GW_E_TRUNCATED);
		gw_rpc_dup_free(other);
	}
	for (size_t bit = 0; bit < 8 * good.size; bit++) {
		other = table_of(NULL);
		good.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		assert_true(gw_rpc_dup_restore(other, base_buffer_bytes(&good), NULL) < 0);
		good.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		gw_rpc_dup_free(other);
	}
	base_buffer_done(&good);
	gw_rpc_dup_free(dup);
}

static int all_of_it(void *context)
{
	struct base_buffer records = {0};
	struct gw_rpc_dup *dup = NULL;
	struct rpc_dup_call call = call_of(one, 1);
	struct rpc_dup_answer answer;
	int result = gw_rpc_dup_new(&dup, NULL, NULL);

	(void)context;
	if (result == 0)
		result = dup->operations->open(dup, one, NULL, NULL);
	if (result == 0)
		result = dup->operations->begin(dup, &call, &answer, NULL);
	if (result == RPC_DUP_NEW) {
		dup->operations->finish(dup, &call, 0, gw_string("a reply"));
		/* Without memory for it, copies are told that nobody knows. */
		assert_int_equal(dup->operations->begin(dup, &call, &answer, NULL), RPC_DUP_DONE);
		result = answer.code == GW_E_OUTCOME_UNKNOWN ? GW_E_NO_MEMORY : answer.code;
	}
	if (result == 0)
		result = dup->operations->export_object(dup, 0, &records, NULL);
	base_buffer_done(&records);
	gw_rpc_dup_free(dup);
	return result;
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(all_of_it, NULL) >= 5);
}

/* ---- Beside the simplest thing that does the same ---------------------------------------- */

enum { MODEL_CALLS = 3000 };

static void random_calls_are_as_in_a_plain_array(void **state)
{
	static uint8_t states[MODEL_CALLS + GW_RPC_WINDOW]; /* 0 free, 1 running, 2 done */
	struct gw_rpc_dup *dup = table_of(NULL);
	uint64_t seed = 7, first = 1;

	(void)state;
	memset(states, 0, sizeof(states));
	assert_int_equal(dup->operations->open(dup, one, NULL, NULL), 0);
	while (first < MODEL_CALLS - GW_RPC_WINDOW) {
		uint64_t at = first + test_pick(&seed, 40);

		switch (test_pick(&seed, 3)) {
		case 0:
			assert_int_equal(begin(dup, one, at), states[at] == 0 ? RPC_DUP_NEW :
							      states[at] == 1 ? RPC_DUP_RUNNING :
										RPC_DUP_DONE);
			states[at] = states[at] ? states[at] : 1;
			break;
		case 1:
			if (states[at] == 1)
				finish(dup, one, at, "reply");
			states[at] = states[at] ? 2 : 0;
			break;
		default:
			while (states[first] == 2)
				first++;
			dup->operations->forget_below(dup, one, first);
			if (first > 1)
				assert_int_equal(begin(dup, one, first - 1), RPC_DUP_STALE);
		}
	}
	gw_rpc_dup_free(dup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_new_then_running_then_done),
		cmocka_unit_test(forgetting_is_safe_below_the_first_incomplete_only),
		cmocka_unit_test(over_the_window_is_overloaded),
		cmocka_unit_test(replies_have_a_limit),
		cmocka_unit_test(one_number_with_two_requests_is_refused),
		cmocka_unit_test(what_did_not_run_may_run),
		cmocka_unit_test(silent_clients_are_forgotten_after_their_lease),
		cmocka_unit_test(an_exported_table_answers_elsewhere),
		cmocka_unit_test(an_imported_table_forgets_when_the_exported_one_does),
		cmocka_unit_test(looking_changes_nothing),
		cmocka_unit_test(an_identity_goes_there_and_back),
		cmocka_unit_test(a_table_with_a_log_comes_back_after_a_restart),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(random_calls_are_as_in_a_plain_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
