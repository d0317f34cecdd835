/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_run_call.c - what clients of the workload kv have asked and were told.
 */
#include "sim/workload_kv.h"

#include "base/allocate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	KEY_ASKED_MAX = 80,   /* then another one takes its slot */
	KEY_UNKNOWN_MAX = 4,
};

void *kv_run_more(void *items, size_t size, size_t *capacity, size_t count)
{
	if (count < *capacity)
		return items;
	items = base_grow(items, size, capacity, count + 1);
	assert(items);
	return items;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static const char letters[KV_RUN_KEY_KINDS] = {'v', 'a', 'n', 't'};

void kv_run_key_name(const struct kv_run_state *state, uint32_t key, char name[KV_RUN_KEY_BYTES])
{
	assert(key < state->key_count);
	snprintf(name, KV_RUN_KEY_BYTES, "%c%" PRIu32, letters[state->keys[key].kind], key);
}

uint32_t kv_run_key_of(const struct kv_run_state *state, struct gw_bytes name)
{
	const char *at = name.data;
	uint64_t key = 0;

	if (name.size < 2 || name.size >= KV_RUN_KEY_BYTES)
		return KV_NO_KEY;
	for (size_t i = 1; i < name.size; i++)
		key = key * 10 + (uint64_t)(at[i] - '0');
	if (key >= state->key_count || at[0] != letters[state->keys[key].kind])
		return KV_NO_KEY;
	return (uint32_t)key;
}

static bool is_worn(const struct kv_run_key *key, enum kv_run_key_kind kind)
{
	return key->kind != kind || key->asked >= KEY_ASKED_MAX || key->unknown >= KEY_UNKNOWN_MAX;
}

uint32_t kv_run_key_take(struct kv_run_state *state, enum kv_run_key_kind kind, uint32_t slot)
{
	uint32_t *current = &state->current[kind][slot];

	if (state->key_count == 0 || is_worn(&state->keys[*current], kind)) {
		state->keys = kv_run_more(state->keys, sizeof(*state->keys), &state->key_capacity,
					  state->key_count);
		state->keys[state->key_count] = (struct kv_run_key){.kind = (uint8_t)kind};
		*current = (uint32_t)state->key_count++;
	}
	state->keys[*current].asked++;
	return *current;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

uint32_t kv_run_call_new(struct kv_run_state *state, uint32_t client, enum kv_run_kind kind,
			 uint32_t key, bool weak)
{
	state->calls = kv_run_more(state->calls, sizeof(*state->calls), &state->call_capacity,
				   state->call_count);
	state->calls[state->call_count] = (struct kv_run_call){
		.kind = (uint8_t)kind, .key = key, .client = client, .weak = weak, .history = -1};
	return (uint32_t)state->call_count++;
}

void kv_run_call_begins(struct kv_run_state *state, uint32_t number, struct gw_bytes argument,
			const struct gw_bytes *expected)
{
	static const enum sim_kind kinds[KV_RUN_KINDS] = {SIM_GET, SIM_PUT,    SIM_APPEND,
							  SIM_CAS, SIM_DELETE, SIM_ADD};
	struct kv_run_call *call = &state->calls[number];
	struct kv_run_key *key = &state->keys[call->key];
	char name[KV_RUN_KEY_BYTES];
	struct sim_operation operation = {
		.client = call->client, .kind = kinds[call->kind], .argument = argument,
		.expects_none = !expected, .number = call->kind == KV_RUN_INCREMENT,
	};

	call->must_see = state->told;
	if (call->kind != KV_RUN_GET)
		key->unknown++; /* until it ends */
	if (call->weak || key->kind == KV_RUN_MORTAL)
		return; /* may be old; or end by itself */
	kv_run_key_name(state, call->key, name);
	operation.key = gw_string(name);
	if (key->kind == KV_RUN_COUNT)
		operation.kind = SIM_ADD; /* nothing, by a get */
	if (expected)
		operation.expected = *expected;
	call->history = sim_history_call(&state->run->history, &operation);
	assert(call->history >= 0);
}

/* Codes that say for certain that it did not happen (groundwork/kv.h). */
static bool is_refusal(int code)
{
	return code == GW_E_UNREACHABLE || code == GW_E_OVERLOADED || code == GW_E_NO_SPACE ||
	       code == GW_E_DENIED || code == GW_E_INVALID || code == GW_E_TOO_LARGE ||
	       code == GW_E_NOT_LEADER;
}

static void take_answer(struct kv_run_state *state, struct kv_run_call *call,
			const struct kv_run_call *answer)
{
	struct sim_reply reply = {.unchecked = call->kind == KV_RUN_APPEND,
				  .found = answer->found,
				  .value = answer->value,
				  .number = answer->number};
	int history = call->history;

	call->outcome = KV_RUN_ANSWERED;
	call->found = answer->found;
	call->index = answer->index;
	call->ttl_ms = answer->ttl_ms;
	call->number = answer->number;
	if (answer->value.size > 0) {
		call->value.data = base_arena_copy(&state->bytes, answer->value);
		call->value.size = answer->value.size;
		assert(call->value.data);
	}
	if (history >= 0 && sim_history_reply(&state->run->history, history, &reply) < 0)
		sim_run_fail(state->run, "no memory for the history");
	if (call->weak)
		return;
	if (call->index < call->must_see)
		sim_run_fail(state->run, "call %td sees entries up to %" PRIu64
			     ", and somebody knew of %" PRIu64 " before it was asked",
			     call - state->calls, call->index, call->must_see);
	if (call->index > state->told)
		state->told = call->index;
}

void kv_run_call_ends(struct kv_run_state *state, uint32_t number, int code,
		      const struct kv_run_call *answer)
{
	struct kv_run_call *call = &state->calls[number];
	struct kv_run_key *key = &state->keys[call->key];

	assert(call->outcome == KV_RUN_OPEN);
	sim_note(state->run->sim, NULL, code < 0 ? "a call fails" : "a call is answered",
		 (int64_t)number);
	if (code >= 0) {
		take_answer(state, call, answer);
	} else if (is_refusal(code) || call->kind == KV_RUN_GET) {
		call->outcome = KV_RUN_REFUSED;
		if (call->history >= 0)
			sim_history_failed(&state->run->history, call->history);
	}
	if (call->kind != KV_RUN_GET && call->outcome != KV_RUN_OPEN)
		key->unknown--;
}
