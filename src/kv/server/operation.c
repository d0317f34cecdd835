/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation.c - what operations do. Everything here is a function of the state and the entry.
 */
#include "kv/server/operation.h"

#include "kv/kv.pb-c.h"
#include "rpc/message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* One operation under way. */
struct doing {
	struct kv_state *state;
	uint64_t index;
	struct kv_operation operation;
	bool found;
	struct kv_item old; /* found: what is there */
	int refused;
	struct gw_error *why;
	struct gw_error *error;
};

static void note(struct kv_state *state, uint64_t index, enum kv_change change, struct gw_bytes key,
		 const struct kv_item *item)
{
	const struct kv_event event = {.index = index,
				       .change = (uint8_t)change,
				       .key = key,
				       .value = item ? item->value : (struct gw_bytes){NULL, 0},
				       .expires_ms = item ? item->expires_ms : 0};

	kv_history_add(state->history, &event);
}

static int take_out(struct kv_state *state, uint64_t index, enum kv_change change,
		    struct gw_bytes key, const struct kv_item *old, struct gw_error *error)
{
	uint8_t copy[KV_KEY_BYTES_MAX];
	int code;

	/* The key may be the table's. */
	assert(key.size > 0 && key.size <= sizeof(copy));
	memcpy(copy, key.data, key.size);
	key.data = copy;
	code = state->table->operations->remove(state->table, key, old, error);
	if (code == 0)
		note(state, index, change, key, NULL);
	return code;
}

/* Finds what is there for this entry. */
static int look(struct doing *doing)
{
	struct kv_state *state = doing->state;
	struct gw_bytes key = doing->operation.key;
	int code = state->table->operations->get(state->table, key, &doing->old, doing->error);

	doing->found = code == 1;
	if (code <= 0 || kv_state_has(state, &doing->old))
		return code < 0 ? code : 0;
	doing->found = false;
	return take_out(state, doing->index, KV_CHANGE_EXPIRED, key, &doing->old, doing->error);
}

static int put(struct doing *doing, const struct kv_item *item)
{
	struct kv_table *table = doing->state->table;
	int code;

	/* First, because the value may be the table's own. */
	note(doing->state, doing->index, KV_CHANGE_PUT, doing->operation.key, item);
	if (item->expires_ms != 0 && item->expires_ms < doing->state->soonest_ms)
		doing->state->soonest_ms = item->expires_ms;
	code = table->operations->put(table, doing->operation.key,
				      doing->found ? &doing->old : NULL, item, doing->error);
	return code;
}

static int remove_key(struct doing *doing)
{
	return take_out(doing->state, doing->index, KV_CHANGE_DELETE, doing->operation.key,
			&doing->old, doing->error);
}

static uint64_t end_of(const struct kv_state *state, uint64_t ttl_ms)
{
	if (ttl_ms == 0)
		return 0;
	return ttl_ms > UINT64_MAX - state->wall_ms ? UINT64_MAX : state->wall_ms + ttl_ms;
}

/* ---- Operations ----------------------------------------------------------------------------- */

static int run_put(struct doing *doing, Kv__ChangeReply *reply)
{
	struct kv_item item = {doing->operation.value, doing->index,
			       end_of(doing->state, doing->operation.number)};

	reply->size = item.value.size;
	return put(doing, &item);
}

static int run_append(struct doing *doing, Kv__ChangeReply *reply)
{
	struct base_buffer *scratch = &doing->state->scratch;
	struct gw_bytes more = doing->operation.value;
	struct kv_item item = {{NULL, 0}, doing->index, 0};
	int code;

	if (!doing->found)
		doing->old = item;
	reply->size = doing->old.value.size;
	if (more.size > KV_VALUE_BYTES_MAX - doing->old.value.size) {
		doing->refused = gw_fail(doing->why, GW_E_TOO_LARGE,
					 "the value would have %zu bytes; %d are the most",
					 doing->old.value.size + more.size, KV_VALUE_BYTES_MAX);
		return 0;
	}
	scratch->size = 0;
	code = base_buffer_reserve(scratch, doing->old.value.size + more.size + 1, doing->error);
	if (code == 0 && doing->old.value.size > 0)
		code = base_buffer_append(scratch, doing->old.value.data, doing->old.value.size,
					  doing->error);
	if (code == 0 && more.size > 0)
		code = base_buffer_append(scratch, more.data, more.size, doing->error);
	if (code < 0)
		return code;
	item.value = base_buffer_bytes(scratch);
	item.expires_ms = doing->old.expires_ms;
	reply->size = item.value.size;
	return put(doing, &item);
}

static int run_expire(struct doing *doing, Kv__ChangeReply *reply)
{
	struct kv_item item = doing->old;

	if (!doing->found)
		return 0;
	reply->size = item.value.size;
	item.expires_ms = end_of(doing->state, doing->operation.number);
	return put(doing, &item);
}

/* A decimal number as programs write it: no sign but '-', no blanks, no zeros in front. */
static bool read_number(struct gw_bytes text, int64_t *number)
{
	const char *at = text.data;
	bool is_negative = text.size > 0 && at[0] == '-';
	size_t i = is_negative;
	uint64_t sum = 0, most = (uint64_t)INT64_MAX + is_negative;

	if (i == text.size || text.size > 20 || (at[i] == '0' && text.size > 1))
		return false;
	for (; i < text.size; i++) {
		unsigned digit = (unsigned)(at[i] - '0');

		if (digit > 9 || sum > (most - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*number = is_negative ? (int64_t)-sum : (int64_t)sum;
	return true;
}

static int run_increment(struct doing *doing, Kv__IncrementReply *reply)
{
	struct kv_item item = {{NULL, 0}, doing->index, doing->found ? doing->old.expires_ms : 0};
	int64_t number = 0;
	char text[24];

	if (doing->found && !read_number(doing->old.value, &number)) {
		doing->refused = gw_fail(doing->why, GW_E_INVALID,
					 "the value is not a number of 64 bits");
		return 0;
	}
	if (__builtin_add_overflow(number, (int64_t)doing->operation.number, &number)) {
		doing->refused = gw_fail(doing->why, GW_E_INVALID,
					 "the sum is not a number of 64 bits");
		return 0;
	}
	reply->value = number;
	item.value.data = text;
	item.value.size = (size_t)snprintf(text, sizeof(text), "%" PRId64, number);
	return put(doing, &item);
}

static bool is_expected(const struct doing *doing)
{
	const struct kv_operation *operation = &doing->operation;

	if (operation->flags & KV_IF_VALUE)
		return doing->found &&
		       gw_bytes_compare(doing->old.value, operation->expected) == 0;
	if (operation->flags & KV_IF_VERSION && operation->version_expected != 0)
		return doing->found && doing->old.version == operation->version_expected;
	return !doing->found;
}

static int run_swap(struct doing *doing, Kv__CompareAndSwapReply *reply)
{
	struct kv_item item = {doing->operation.value, doing->index,
			       end_of(doing->state, doing->operation.number)};

	reply->swapped = is_expected(doing);
	if (!reply->swapped) {
		reply->found = doing->found;
		if (doing->found) {
			reply->version = doing->old.version;
			reply->value.data = (uint8_t *)(uintptr_t)doing->old.value.data;
			reply->value.len = doing->old.value.size;
		}
		return 0;
	}
	if (doing->operation.flags & KV_REMOVE)
		return doing->found ? remove_key(doing) : 0;
	return put(doing, &item);
}

/* ---- Answers -------------------------------------------------------------------------------- */

static int pack(struct doing *doing, const void *reply, struct base_buffer *payload)
{
	return doing->refused < 0 ? 0 : rpc_message_pack(reply, payload, doing->error);
}

static int answer_change(struct doing *doing, struct base_buffer *payload)
{
	Kv__ChangeReply reply = KV__CHANGE_REPLY__INIT;
	int code = 0;

	reply.index = doing->index;
	reply.existed = doing->found;
	switch (doing->operation.kind) {
	case KV_PUT:
		code = run_put(doing, &reply);
		break;
	case KV_APPEND:
		code = run_append(doing, &reply);
		break;
	case KV_EXPIRE:
		code = run_expire(doing, &reply);
		break;
	default:
		assert(doing->operation.kind == KV_DELETE);
		code = doing->found ? remove_key(doing) : 0;
		break;
	}
	return code < 0 ? code : pack(doing, &reply, payload);
}

static int answer_increment(struct doing *doing, struct base_buffer *payload)
{
	Kv__IncrementReply reply = KV__INCREMENT_REPLY__INIT;
	int code;

	reply.index = doing->index;
	code = run_increment(doing, &reply);
	return code < 0 ? code : pack(doing, &reply, payload);
}

/* What is there goes into the answer before anything changes. */
static int answer_swap(struct doing *doing, struct base_buffer *payload)
{
	Kv__CompareAndSwapReply reply = KV__COMPARE_AND_SWAP_REPLY__INIT;
	int code;

	reply.index = doing->index;
	code = run_swap(doing, &reply);
	return code < 0 ? code : pack(doing, &reply, payload);
}

/* Puts and deletes; neither is ever refused. */
static int answer_write(struct doing *doing, const struct kv_entry *entry,
			struct base_buffer *payload)
{
	Kv__WriteReply reply = KV__WRITE_REPLY__INIT;
	Kv__ChangeReply one = KV__CHANGE_REPLY__INIT;
	size_t position = 0;
	int code = 0;

	reply.index = doing->index;
	while (code == 0 && kv_entry_next(entry, &position, &doing->operation)) {
		code = look(doing);
		reply.existed += doing->found;
		if (code == 0 && doing->operation.kind == KV_PUT)
			code = run_put(doing, &one);
		else if (code == 0 && doing->found)
			code = remove_key(doing);
	}
	assert(doing->refused == 0);
	return code < 0 ? code : pack(doing, &reply, payload);
}

int kv_operations_run(struct kv_state *state, uint64_t index, const struct kv_entry *entry,
		      struct base_buffer *payload, int *refused, struct gw_error *why,
		      struct gw_error *error)
{
	struct doing doing = {.state = state, .index = index, .why = why, .error = error};
	size_t position = 0;
	int code;

	if (entry->kind == KV_ENTRY_WRITE) {
		code = answer_write(&doing, entry, payload);
	} else {
		bool has_one = kv_entry_next(entry, &position, &doing.operation);

		assert(has_one && entry->kind == KV_ENTRY_CHANGE);
		code = look(&doing);
		if (code < 0)
			return code;
		if (doing.operation.kind == KV_INCREMENT)
			code = answer_increment(&doing, payload);
		else if (doing.operation.kind == KV_SWAP)
			code = answer_swap(&doing, payload);
		else
			code = answer_change(&doing, payload);
	}
	*refused = doing.refused;
	return code;
}

/* ---- Time ----------------------------------------------------------------------------------- */

int kv_expire_due(struct kv_state *state, uint64_t index, unsigned most, struct gw_error *error)
{
	const struct kv_table_operations *operations = state->table->operations;
	struct kv_item item;
	struct gw_bytes key;
	uint64_t expires_ms;
	int code = 0;

	while (most-- > 0 && code == 0) {
		code = operations->first_due(state->table, &key, &expires_ms, error);
		if (code <= 0 || expires_ms > state->wall_ms)
			return code < 0 ? code : 0;
		code = operations->get(state->table, key, &item, error);
		if (code == 0)
			return gw_fail(error, GW_E_CORRUPT, "a key whose time is over is missing");
		if (code > 0)
			code = take_out(state, index, KV_CHANGE_EXPIRED, key, &item, error);
	}
	return code;
}
