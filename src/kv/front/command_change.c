/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_change.c - commands that change: each is one entry of the log, so nobody sees half of it.
 * A SET that depends on what it finds in ways that no entry knows reads first, and its entry says
 * which version it has read.
 */
#include "kv/front/inside.h"

#include "kv/kv.pb-c.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t until(void)
{
	return gw_after_ms(FRONT_TIMEOUT_MS);
}

static int no_number(struct gw_error *error)
{
	return gw_fail(error, GW_E_INVALID, "value is not an integer or out of range");
}

/* Proposes operations; *answer is the message, the caller's to be freed. */
static int change(struct front_request *request, const struct kv_operation *operations,
		  size_t count, const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer,
		  struct gw_error *error)
{
	struct base_buffer reply = {0};
	int code = kv_server_change(request->front->server, operations, (uint16_t)count, until(),
				    &reply, error);

	*answer = NULL;
	if (code == 0) {
		*answer = protobuf_c_message_unpack(type, NULL, reply.size, reply.data);
		if (!*answer)
			code = gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	}
	base_buffer_done(&reply);
	return code;
}

/* One operation whose answer is a ChangeReply. */
static int change_one(struct front_request *request, const struct kv_operation *operation,
		      bool *existed, uint64_t *size, struct gw_error *error)
{
	ProtobufCMessage *answer;
	int code = change(request, operation, 1, &kv__change_reply__descriptor, &answer, error);

	if (code < 0)
		return code;
	*existed = ((Kv__ChangeReply *)(void *)answer)->existed;
	*size = ((Kv__ChangeReply *)(void *)answer)->size;
	protobuf_c_message_free_unpacked(answer, NULL);
	return 0;
}

/* A number of units as milliseconds; 0 and less is no time. */
static int take_time(struct gw_bytes word, int64_t unit_ms, const char *command, uint64_t *ttl_ms,
		     struct gw_error *error)
{
	int64_t number;

	*ttl_ms = 0;
	if (!resp_number(word, &number))
		return no_number(error);
	if (number <= 0 || number > INT64_MAX / 4 / unit_ms)
		return gw_fail(error, GW_E_INVALID, "invalid expire time in '%s' command", command);
	*ttl_ms = (uint64_t)(number * unit_ms);
	return 0;
}

/* ---- SET ----------------------------------------------------------------------------------- */

struct set {
	struct kv_operation operation; /* key, value, time */
	bool if_absent, if_present, gets;
	bool says_number; /* SETNX: 1 or 0 */
};

static int put_plain(struct front_request *request, struct gw_bytes value, uint64_t ttl_ms,
		     struct gw_error *error)
{
	const struct kv_operation put = {
		.kind = KV_PUT, .key = request->words[1], .value = value, .number = ttl_ms};
	bool existed;
	uint64_t size;
	int code = change_one(request, &put, &existed, &size, error);

	return code == 0 ? resp_put_text(request->reply, "OK", error) : code;
}

/* What was there, as a reply, or OK; nothing when it was not done. */
static int put_outcome(struct front_request *request, const struct set *set, bool is_done,
		       const struct gw_bytes *before, struct gw_error *error)
{
	struct base_buffer *reply = request->reply;

	if (set->says_number)
		return resp_put_number(reply, is_done, error);
	if (set->gets)
		return before ? resp_put_bytes(reply, *before, error)
			      : resp_put_nothing(reply, error);
	return is_done ? resp_put_text(reply, "OK", error) : resp_put_nothing(reply, error);
}

/* Swaps: 1 when it was done, with *answer the caller's. */
static int swap(struct front_request *request, const struct kv_operation *operation,
		Kv__CompareAndSwapReply **answer, struct gw_error *error)
{
	ProtobufCMessage *message;
	int code = change(request, operation, 1, &kv__compare_and_swap_reply__descriptor, &message,
			  error);

	*answer = (Kv__CompareAndSwapReply *)(void *)message;
	return code < 0 ? code : (*answer)->swapped;
}

static int set_if_absent(struct front_request *request, const struct set *set,
			 struct gw_error *error)
{
	Kv__CompareAndSwapReply *answer;
	struct gw_bytes before;
	int code = swap(request, &set->operation, &answer, error);

	if (code < 0)
		return code;
	before = (struct gw_bytes){answer->value.data, answer->value.len};
	code = put_outcome(request, set, code == 1, answer->found ? &before : NULL, error);
	kv__compare_and_swap_reply__free_unpacked(answer, NULL);
	return code;
}

/* What is there now: 1, its version, and its value in *value; 0: nothing. */
static int look(struct front_request *request, struct base_buffer *value, uint64_t *version,
		struct gw_error *error)
{
	const struct kv_read read = {.deadline_ns = until()};
	struct kv_item item;
	int code = kv_server_read_begin(request->front->server, &read, NULL, error);

	value->size = 0;
	*version = 0;
	if (code < 0)
		return code;
	code = kv_server_get(request->front->server, request->words[1], &item, error);
	if (code == 1) {
		int copied = base_buffer_append(value, item.value.data, item.value.size, error);

		*version = item.version;
		code = copied < 0 ? copied : 1;
	}
	kv_server_read_end(request->front->server);
	return code;
}

/* Looks, and changes if nobody has meanwhile. */
static int set_after_look(struct front_request *request, struct set *set, struct gw_error *error)
{
	struct base_buffer value = {0};
	struct gw_bytes before;
	int code = 0, found = 0;

	for (int tries = 0; tries < FRONT_TRIES_MAX; tries++) {
		Kv__CompareAndSwapReply *answer;

		found = look(request, &value, &set->operation.version_expected, error);
		code = found;
		if (found < 0 || (found == 0 && set->if_present))
			break;
		set->operation.flags = KV_IF_VERSION;
		code = swap(request, &set->operation, &answer, error);
		kv__compare_and_swap_reply__free_unpacked(code < 0 ? NULL : answer, NULL);
		if (code != 0)
			break;
		code = GW_E_BUSY;
	}
	before = base_buffer_bytes(&value);
	if (code == GW_E_BUSY)
		code = gw_fail(error, code, "others change this key all the time");
	if (code >= 0)
		code = put_outcome(request, set, code == 1, found == 1 ? &before : NULL, error);
	base_buffer_done(&value);
	return code;
}

static int set_options(struct front_request *request, struct set *set, struct gw_error *error)
{
	for (size_t i = 3; i < request->count; i++) {
		const struct gw_bytes *word = &request->words[i];
		bool is_seconds = resp_is(*word, "EX");
		int code;

		if (resp_is(*word, "NX")) {
			set->if_absent = true;
		} else if (resp_is(*word, "XX")) {
			set->if_present = true;
		} else if (resp_is(*word, "GET")) {
			set->gets = true;
		} else if ((is_seconds || resp_is(*word, "PX")) && i + 1 < request->count &&
			   set->operation.number == 0) {
			code = take_time(request->words[++i], is_seconds ? 1000 : 1, "set",
					 &set->operation.number, error);
			if (code < 0)
				return code;
		} else if (resp_is(*word, "KEEPTTL") || resp_is(*word, "EXAT") ||
			   resp_is(*word, "PXAT")) {
			return gw_fail(error, GW_E_UNSUPPORTED, "SET knows no KEEPTTL, EXAT, PXAT");
		} else {
			return gw_fail(error, GW_E_USAGE, "syntax error");
		}
	}
	if (set->if_absent && set->if_present)
		return gw_fail(error, GW_E_USAGE, "syntax error");
	return 0;
}

static struct set set_of(const struct front_request *request, struct gw_bytes value)
{
	return (struct set){
		.operation = {.kind = KV_SWAP, .key = request->words[1], .value = value}};
}

int front_set(struct front_request *request, struct gw_error *error)
{
	struct set set = set_of(request, request->words[2]);
	int code = set_options(request, &set, error);

	if (code < 0)
		return code;
	if (set.if_absent)
		return set_if_absent(request, &set, error);
	if (set.if_present || set.gets)
		return set_after_look(request, &set, error);
	return put_plain(request, request->words[2], set.operation.number, error);
}

int front_setnx(struct front_request *request, struct gw_error *error)
{
	struct set set = set_of(request, request->words[2]);

	set.says_number = true;
	return set_if_absent(request, &set, error);
}

int front_getset(struct front_request *request, struct gw_error *error)
{
	struct set set = set_of(request, request->words[2]);

	set.gets = true;
	return set_after_look(request, &set, error);
}

int front_setex(struct front_request *request, struct gw_error *error)
{
	uint64_t ttl_ms;
	int code = take_time(request->words[2], 1000, "setex", &ttl_ms, error);

	return code < 0 ? code : put_plain(request, request->words[3], ttl_ms, error);
}

int front_psetex(struct front_request *request, struct gw_error *error)
{
	uint64_t ttl_ms;
	int code = take_time(request->words[2], 1, "psetex", &ttl_ms, error);

	return code < 0 ? code : put_plain(request, request->words[3], ttl_ms, error);
}

/* ---- Others of one key ---------------------------------------------------------------------- */

int front_append(struct front_request *request, struct gw_error *error)
{
	const struct kv_operation append = {
		.kind = KV_APPEND, .key = request->words[1], .value = request->words[2]};
	bool existed;
	uint64_t size;
	int code = change_one(request, &append, &existed, &size, error);

	return code == 0 ? resp_put_number(request->reply, (int64_t)size, error) : code;
}

static int add(struct front_request *request, int64_t amount, struct gw_error *error)
{
	const struct kv_operation increment = {
		.kind = KV_INCREMENT, .key = request->words[1], .number = (uint64_t)amount};
	ProtobufCMessage *answer;
	int code = change(request, &increment, 1, &kv__increment_reply__descriptor, &answer, error);

	if (code == GW_E_INVALID && request->words[1].size > 0)
		return no_number(error);
	if (code < 0)
		return code;
	code = resp_put_number(request->reply, ((Kv__IncrementReply *)(void *)answer)->value,
			       error);
	protobuf_c_message_free_unpacked(answer, NULL);
	return code;
}

int front_incr(struct front_request *request, struct gw_error *error)
{
	return add(request, 1, error);
}

int front_decr(struct front_request *request, struct gw_error *error)
{
	return add(request, -1, error);
}

int front_incrby(struct front_request *request, struct gw_error *error)
{
	int64_t amount;

	return resp_number(request->words[2], &amount) ? add(request, amount, error)
						       : no_number(error);
}

int front_decrby(struct front_request *request, struct gw_error *error)
{
	int64_t amount;

	if (!resp_number(request->words[2], &amount))
		return no_number(error);
	if (amount == INT64_MIN)
		return gw_fail(error, GW_E_INVALID, "decrement would overflow");
	return add(request, -amount, error);
}

/* ---- Time ---------------------------------------------------------------------------------- */

static int expire(struct front_request *request, int64_t unit_ms, const char *name,
		  struct gw_error *error)
{
	struct kv_operation operation = {.kind = KV_EXPIRE, .key = request->words[1]};
	bool existed;
	uint64_t size;
	int64_t number;
	int code = 0;

	if (!resp_number(request->words[2], &number))
		return no_number(error);
	if (number <= 0)
		operation.kind = KV_DELETE; /* its time is over */
	else
		code = take_time(request->words[2], unit_ms, name, &operation.number, error);
	if (code == 0)
		code = change_one(request, &operation, &existed, &size, error);
	return code == 0 ? resp_put_number(request->reply, existed, error) : code;
}

int front_expire(struct front_request *request, struct gw_error *error)
{
	return expire(request, 1000, "expire", error);
}

int front_pexpire(struct front_request *request, struct gw_error *error)
{
	return expire(request, 1, "pexpire", error);
}

/* Whether there was a time to be taken away is looked at before. */
int front_persist(struct front_request *request, struct gw_error *error)
{
	const struct kv_read read = {.deadline_ns = until()};
	const struct kv_operation operation = {.kind = KV_EXPIRE, .key = request->words[1]};
	struct kv_server *server = request->front->server;
	bool has_time = false, existed = false;
	struct kv_item item;
	uint64_t size;
	int code = kv_server_read_begin(server, &read, NULL, error);

	if (code < 0)
		return code;
	code = kv_server_get(server, request->words[1], &item, error);
	has_time = code == 1 && item.expires_ms;
	kv_server_read_end(server);
	if (code >= 0 && has_time)
		code = change_one(request, &operation, &existed, &size, error);
	return code < 0 ? code : resp_put_number(request->reply, has_time && existed, error);
}

/* ---- Several keys --------------------------------------------------------------------------- */

static int write_all(struct front_request *request, struct kv_operation *operations, size_t count,
		     uint32_t *existed, struct gw_error *error)
{
	ProtobufCMessage *answer;
	int code;

	if (count > KV_KEYS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%zu keys: at most %d go together", count,
			       KV_KEYS_MAX);
	if (count == 1) {
		bool did;
		uint64_t size;

		code = change_one(request, operations, &did, &size, error);
		*existed = code == 0 && did;
		return code;
	}
	code = change(request, operations, count, &kv__write_reply__descriptor, &answer, error);
	if (code < 0)
		return code;
	*existed = ((Kv__WriteReply *)(void *)answer)->existed;
	protobuf_c_message_free_unpacked(answer, NULL);
	return 0;
}

static int make_operations(size_t count, struct kv_operation **operations, struct gw_error *error)
{
	assert(count > 0);
	*operations = calloc(count, sizeof(**operations));
	return *operations ? 0 : gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu keys", count);
}

int front_del(struct front_request *request, struct gw_error *error)
{
	size_t count = request->count - 1;
	struct kv_operation *operations;
	uint32_t existed = 0;
	int code = make_operations(count, &operations, error);

	if (code < 0)
		return code;
	for (size_t i = 0; i < count; i++) {
		operations[i].kind = KV_DELETE;
		operations[i].key = request->words[1 + i];
	}
	code = write_all(request, operations, count, &existed, error);
	free(operations);
	return code == 0 ? resp_put_number(request->reply, existed, error) : code;
}

int front_mset(struct front_request *request, struct gw_error *error)
{
	size_t count = (request->count - 1) / 2;
	struct kv_operation *operations;
	uint32_t existed;
	int code;

	if (request->count % 2 == 0)
		return gw_fail(error, GW_E_USAGE, "wrong number of arguments for 'mset' command");
	code = make_operations(count, &operations, error);
	if (code < 0)
		return code;
	for (size_t i = 0; i < count; i++) {
		operations[i].kind = KV_PUT;
		operations[i].key = request->words[1 + 2 * i];
		operations[i].value = request->words[2 + 2 * i];
	}
	code = write_all(request, operations, count, &existed, error);
	free(operations);
	return code == 0 ? resp_put_text(request->reply, "OK", error) : code;
}

/* ---- Runs of SETs --------------------------------------------------------------------------- */

static bool is_plain_set(const struct front_request *request)
{
	return request->command && request->command->run == front_set && request->count == 3;
}

static struct kv_operation put_of(const struct front_request *request)
{
	return (struct kv_operation){
		.kind = KV_PUT, .key = request->words[1], .value = request->words[2]};
}

size_t front_count_sets(const struct front_request *requests, size_t count)
{
	size_t n = 0, bytes = 0;

	while (n < count && n < KV_KEYS_MAX && is_plain_set(&requests[n])) {
		const struct kv_operation put = put_of(&requests[n]);

		/* One that is refused fails by itself. */
		if (kv_operation_check(&put, NULL) < 0 ||
		    put.key.size + put.value.size > KV_WRITE_BYTES_MAX - bytes)
			break;
		bytes += put.key.size + put.value.size;
		n++;
	}
	return n;
}

void front_run_sets(struct front_request *requests, size_t count)
{
	struct kv_operation operations[FRONT_BATCH_MAX];
	struct base_buffer reply = {0};
	struct gw_error error = {0};
	int code;

	assert(count > 1 && count <= FRONT_BATCH_MAX);
	for (size_t i = 0; i < count; i++)
		operations[i] = put_of(&requests[i]);
	/* What it answers is how many keys there were; nobody has asked. */
	code = kv_server_change(requests->front->server, operations, (uint16_t)count, until(),
				&reply, &error);
	base_buffer_done(&reply);
	for (size_t i = 0; i < count && !requests[0].is_unanswered; i++) {
		struct front_request *first = &requests[0];
		int said = code;

		front_begin_reply(first);
		if (said >= 0)
			said = resp_put_text(first->reply, "OK", &error);
		if (said < 0)
			front_put_failure(first, said, &error);
	}
}
