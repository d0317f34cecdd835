/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_run_truth.c - what is known of each entry of the log: the changes that members remember for
 * those who watch. All members must have made the same; at the end every answer and everything
 * that was watched is compared with them, entry by entry.
 */
#include "sim/workload_kv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Reading members ------------------------------------------------------------------------ */

static struct kv_truth *truth_at(struct kv_run_state *state, uint64_t index)
{
	while (index >= state->truth_count) {
		state->truth = kv_run_more(state->truth, sizeof(*state->truth),
					   &state->truth_capacity, state->truth_count);
		state->truth[state->truth_count++] = (struct kv_truth){0};
	}
	return &state->truth[index];
}

static bool is_same(const struct kv_truth_event *one, const struct kv_truth_event *other)
{
	return one->key == other->key && one->change == other->change &&
	       one->expires_ms == other->expires_ms &&
	       gw_bytes_compare(one->value, other->value) == 0;
}

enum { EVENTS_MAX = 1000 };

/* All events of one entry. */
struct gathered {
	uint64_t index;
	uint32_t count;
	struct kv_truth_event events[EVENTS_MAX];
};

static void take_entry(struct kv_run_member *member, const struct gathered *gathered)
{
	struct kv_run_state *state = member->state;
	struct kv_truth *truth = truth_at(state, gathered->index);
	size_t bytes = gathered->count * sizeof(gathered->events[0]);

	if (truth->known) {
		bool same = truth->count == gathered->count;

		for (uint32_t i = 0; same && i < truth->count; i++)
			same = is_same(&truth->events[i], &gathered->events[i]);
		if (!same)
			sim_run_fail(state->run, "%s made other changes at %" PRIu64
				     " than another member", sim_node_name(member->node),
				     gathered->index);
		return;
	}
	truth->known = true;
	truth->count = gathered->count;
	if (truth->count == 0)
		return;
	truth->events = base_arena_array(&state->bytes, gathered->count, sizeof(*truth->events));
	assert(truth->events);
	memcpy(truth->events, gathered->events, bytes);
	for (uint32_t i = 0; i < truth->count; i++) {
		struct gw_bytes *value = &truth->events[i].value;

		value->data = value->size ? base_arena_copy(&state->bytes, *value) : NULL;
		assert(value->size == 0 || value->data);
	}
}

static void gather(struct kv_run_member *member, struct gathered *gathered,
		   const struct kv_event *event)
{
	uint32_t key = kv_run_key_of(member->state, event->key);

	if (key == KV_NO_KEY || gathered->count == EVENTS_MAX) {
		sim_run_fail(member->state->run, "%s changes a key that nobody has",
			     sim_node_name(member->node));
		return;
	}
	gathered->events[gathered->count++] = (struct kv_truth_event){
		.key = key, .change = event->change, .expires_ms = event->expires_ms,
		.value = event->value};
}

void kv_truth_read(struct kv_run_member *member)
{
	struct kv_server *server = member->server;
	struct gathered gathered = {0};
	struct kv_event event;
	uint64_t from;

	if (!server || server->state.is_restoring || server->state.is_broken)
		return;
	if (server->state.restarts != member->restarts) {
		member->restarts = server->state.restarts;
		member->place = (struct kv_history_place){
			.from = kv_history_first(server->state.history)};
	}
	from = gathered.index = member->place.from;
	while (kv_history_next(server->state.history, &member->place, &event) == 1) {
		for (; gathered.index < event.index; gathered.index++) {
			take_entry(member, &gathered);
			gathered.count = 0;
		}
		gather(member, &gathered, &event);
	}
	for (; gathered.index <= server->state.applied; gathered.index++) {
		take_entry(member, &gathered);
		gathered.count = 0;
	}
	if (member->place.from < gathered.index)
		member->place.from = gathered.index;
	assert(member->place.from >= from);
}

/* ---- The last look -------------------------------------------------------------------------- */

/* A key while the entries are gone through. */
struct now {
	const struct kv_truth_event *last; /* that set it; NULL: it is absent */
};

struct look {
	struct kv_run_state *state;
	struct now *keys;
	uint64_t index, wall_ms; /* the log's time then, at least */
	struct gw_error *error;
};

static int wrong(const struct look *look, const char *what, uint32_t call)
{
	char name[KV_RUN_KEY_BYTES] = "";

	kv_run_key_name(look->state, look->state->calls[call].key, name);
	return gw_fail(look->error, GW_E_CORRUPT, "entry %" PRIu64 ", call %" PRIu32 " of client %"
		       PRIu32 ", key %s: %s", look->index, call,
		       look->state->calls[call].client, name, what);
}

/* The call that a value names at `from`; UINT32_MAX: none. */
static uint32_t named(const struct kv_run_state *state, struct gw_bytes value, size_t from)
{
	const char *text = value.data;
	uint64_t number = 0;
	size_t at = from;

	while (at < value.size && text[at] >= '0' && text[at] <= '9' && at - from < 9)
		number = number * 10 + (uint64_t)(text[at++] - '0');
	return at == from || at >= value.size || text[at] != ';' || number >= state->call_count
		       ? UINT32_MAX
		       : (uint32_t)number;
}

static int takes_effect(struct look *look, uint32_t number, uint32_t key)
{
	struct kv_run_call *call = &look->state->calls[number];

	if (call->key != key || call->kind == KV_RUN_GET)
		return wrong(look, "what took effect was not asked", number);
	if (++call->effects > 1)
		return wrong(look, "took effect twice", number);
	if (call->outcome == KV_RUN_REFUSED)
		return wrong(look, "took effect, and its caller was told that it did not", number);
	if (call->outcome == KV_RUN_ANSWERED && call->index != look->index)
		return wrong(look, "took effect at another entry than was answered", number);
	return 0;
}

static int appended(struct look *look, const struct kv_truth_event *event)
{
	const struct kv_truth_event *before = look->keys[event->key].last;
	struct gw_bytes old = before ? before->value : (struct gw_bytes){"", 0};
	uint32_t call;

	if (event->value.size < old.size ||
	    (old.size > 0 && memcmp(event->value.data, old.data, old.size) != 0))
		return gw_fail(look->error, GW_E_CORRUPT, "entry %" PRIu64
			       ": an append changes what was there", look->index);
	call = named(look->state, event->value, old.size);
	return call == UINT32_MAX ? gw_fail(look->error, GW_E_CORRUPT, "entry %" PRIu64
					    ": nobody appended that", look->index)
				  : takes_effect(look, call, event->key);
}

static int changed(struct look *look, const struct kv_truth_event *event)
{
	const struct kv_run_key *key = &look->state->keys[event->key];
	uint32_t call = UINT32_MAX;
	int code = 0;

	if (event->change == KV_CHANGE_PUT && key->kind == KV_RUN_LOG) {
		code = appended(look, event);
	} else if (event->change == KV_CHANGE_PUT && key->kind != KV_RUN_COUNT) {
		call = named(look->state, event->value, 0);
		code = call == UINT32_MAX ? gw_fail(look->error, GW_E_CORRUPT, "entry %" PRIu64
						    ": nobody put that", look->index)
					  : takes_effect(look, call, event->key);
	} else if (event->change == KV_CHANGE_EXPIRED) {
		const struct kv_truth_event *last = look->keys[event->key].last;

		if (!last || last->expires_ms == 0)
			return gw_fail(look->error, GW_E_CORRUPT, "entry %" PRIu64
				       ": a key ends that has no end", look->index);
		if (last->expires_ms > look->wall_ms)
			look->wall_ms = last->expires_ms;
	}
	look->keys[event->key].last = event->change == KV_CHANGE_PUT ? event : NULL;
	return code;
}

/* The time that a reader was told must fit what others were. */
static int check_time(struct look *look, const struct kv_run_call *call, uint32_t number)
{
	const struct kv_truth_event *last = look->keys[call->key].last;
	uint64_t wall_ms;

	if (!last || last->expires_ms == 0)
		return call->ttl_ms ? wrong(look, "a key that stays is said to end", number) : 0;
	if (!call->found) {
		if (last->expires_ms > look->wall_ms)
			look->wall_ms = last->expires_ms;
		return 0;
	}
	wall_ms = last->expires_ms - call->ttl_ms;
	if (call->ttl_ms == 0 || call->ttl_ms > last->expires_ms || wall_ms < look->wall_ms)
		return wrong(look, "is told of a key whose time was over", number);
	look->wall_ms = wall_ms;
	return 0;
}

static int check_get(struct look *look, uint32_t number)
{
	const struct kv_run_call *call = &look->state->calls[number];
	const struct kv_truth_event *last = look->keys[call->key].last;

	if (call->found && (!last || gw_bytes_compare(last->value, call->value) != 0))
		return wrong(look, "reads what the key did not hold at that entry", number);
	if (!call->found && last && last->expires_ms == 0)
		return wrong(look, "reads nothing, where there was something", number);
	return check_time(look, call, number);
}

/* What an answered change says of its entry. */
static int check_change(struct look *look, uint32_t number)
{
	const struct kv_run_call *call = &look->state->calls[number];
	const struct kv_truth_event *last = look->keys[call->key].last;
	bool sets = call->kind == KV_RUN_PUT || call->kind == KV_RUN_APPEND ||
		    (call->kind == KV_RUN_SWAP && call->found);

	if (sets && call->effects != 1)
		return wrong(look, "was answered and took no effect", number);
	if (call->kind == KV_RUN_DELETE && last)
		return wrong(look, "deleted, and the key is there", number);
	return 0;
}

static int check_call(struct look *look, uint32_t number)
{
	return look->state->calls[number].kind == KV_RUN_GET ? check_get(look, number)
							     : check_change(look, number);
}

/* ---- In the order of entries ---------------------------------------------------------------- */

struct ordered {
	uint64_t index;
	uint32_t call;
};

static int by_index(const void *one, const void *other)
{
	const struct ordered *a = one, *b = other;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	return a->call < b->call ? -1 : a->call > b->call;
}

/* Calls that were answered, by entry; the caller's to free. Increments are not told their entry. */
static struct ordered *order_calls(const struct kv_run_state *state, size_t *count)
{
	struct ordered *ordered = calloc(state->call_count + 1, sizeof(*ordered));

	assert(ordered);
	*count = 0;
	for (size_t i = 0; i < state->call_count; i++) {
		if (state->calls[i].outcome == KV_RUN_ANSWERED &&
		    state->calls[i].kind != KV_RUN_INCREMENT)
			ordered[(*count)++] =
				(struct ordered){state->calls[i].index, (uint32_t)i};
	}
	qsort(ordered, *count, sizeof(*ordered), by_index);
	return ordered;
}

static int go_through(struct look *look, const struct ordered *ordered, size_t count)
{
	struct kv_run_state *state = look->state;
	size_t at = 0;
	int code = 0;

	for (uint64_t index = 1; index < state->truth_count && code == 0; index++) {
		const struct kv_truth *truth = &state->truth[index];

		look->index = index;
		if (!truth->known)
			return gw_fail(look->error, GW_E_CORRUPT,
				       "nobody told what entry %" PRIu64 " has changed", index);
		for (uint32_t i = 0; i < truth->count && code == 0; i++)
			code = changed(look, &truth->events[i]);
		for (; at < count && ordered[at].index <= index && code == 0; at++)
			code = check_call(look, ordered[at].call);
	}
	if (code == 0 && at < count)
		return wrong(look, "was answered of an entry that never was", ordered[at].call);
	return code;
}

/* ---- Those who watched ---------------------------------------------------------------------- */

static int check_watched(const struct look *look, const struct kv_watched *watched)
{
	const struct kv_run_state *state = look->state;
	size_t at = 0;

	for (uint64_t index = watched->from; index <= watched->last; index++) {
		const struct kv_truth *truth = &state->truth[index];

		for (uint32_t i = 0; index < state->truth_count && i < truth->count; i++) {
			const struct kv_truth_event *event = &truth->events[i];

			if (watched->logs_only && state->keys[event->key].kind != KV_RUN_LOG)
				continue;
			if (at == watched->count || watched->heard[at].index != index ||
			    !is_same(&watched->heard[at].event, event))
				return gw_fail(look->error, GW_E_CORRUPT, "who watched from %"
					       PRIu64 " on was not told of change %" PRIu32
					       " of entry %" PRIu64, watched->from, i, index);
			at++;
		}
	}
	return at == watched->count ? 0
				    : gw_fail(look->error, GW_E_CORRUPT, "who watched from %"
					      PRIu64 " on was told of what entry %" PRIu64
					      " did not do", watched->from,
					      watched->heard[at].index);
}

/* ---- What a member holds -------------------------------------------------------------------- */

static int visit(void *context, struct gw_bytes name, const struct kv_item *item)
{
	struct look *look = context;
	uint32_t key = kv_run_key_of(look->state, name);
	const struct kv_truth_event *last = key == KV_NO_KEY ? NULL : look->keys[key].last;

	if (!last || gw_bytes_compare(last->value, item->value) != 0)
		return gw_fail(look->error, GW_E_CORRUPT, "%.*s holds what no entry has made",
			       (int)name.size, (const char *)name.data);
	look->keys[key].last = NULL; /* seen */
	return 0;
}

static int check_table(struct look *look, struct kv_server *server)
{
	const struct kv_read read = {.weak = true};
	int code = kv_server_read_begin(server, &read, NULL, look->error);

	if (code < 0)
		return code;
	code = kv_server_walk(server, gw_string(""), visit, look, look->error);
	for (uint32_t key = 0; key < look->state->key_count && code == 0; key++) {
		const struct kv_truth_event *last = look->keys[key].last;
		char name[KV_RUN_KEY_BYTES];

		if (!last || (last->expires_ms && last->expires_ms <= server->state.wall_ms))
			continue;
		kv_run_key_name(look->state, key, name);
		code = gw_fail(look->error, GW_E_CORRUPT, "%s is lost", name);
	}
	kv_server_read_end(server);
	return code;
}

int kv_truth_check(struct kv_run_state *state, struct kv_server *server, struct gw_error *error)
{
	struct look look = {.state = state, .error = error};
	struct ordered *ordered;
	size_t count;
	int code;

	look.keys = calloc(state->key_count + 1, sizeof(*look.keys));
	assert(look.keys);
	ordered = order_calls(state, &count);
	code = go_through(&look, ordered, count);
	for (size_t i = 0; i < state->watched_count && code == 0; i++)
		code = check_watched(&look, state->watched[i]);
	if (code == 0)
		code = check_table(&look, server);
	free(ordered);
	free(look.keys);
	return code;
}
