/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_change.c - the handlers of changes: each is an entry of the log that carries whose call it
 * is; what apply answers goes back as it is.
 */
#include "kv/server/inside.h"

#include <assert.h>
#include <stdlib.h>

#include "replog/answer.h"

int kv_server_elsewhere(struct kv_server *server, struct gw_rpc_call *call, int code,
			struct gw_error *error)
{
	return replog_elsewhere(server->log, server->options.address, server->name, call, code,
				error);
}

/* The outcome of a proposal is unknown when leadership or the disk is lost meanwhile. The call is
 * then asked again, of whoever leads, under its number: apply knows whether it was done. */
static int propose(struct kv_server *server, struct gw_rpc_call *call, struct kv_entry *entry,
		   const struct kv_operation *operations, struct gw_error *error)
{
	struct replog_result result;
	struct gw_bytes payload;
	int code = 0, answered;

	for (uint16_t i = 0; i < entry->count && code == 0; i++)
		code = kv_operation_check(&operations[i], error);
	if (code < 0)
		return code;
	entry->has_call = rpc_call_identity(call, &entry->call);
	assert(entry->has_call);
	code = kv_server_propose(server, entry, operations, gw_rpc_call_deadline(call), &result,
				 error);
	if (code < 0)
		return kv_server_elsewhere(server, call, code, error);
	code = replog_answer_read(base_buffer_bytes(&result.reply), &answered, &payload, error);
	if (code == 0)
		code = rpc_call_answer(call, answered, payload, error);
	base_buffer_done(&result.reply);
	return code;
}

static int change(void *context, struct gw_rpc_call *call, const struct kv_operation *operation,
		  struct gw_error *error)
{
	struct kv_entry entry = {.kind = KV_ENTRY_CHANGE, .count = 1};

	return propose(context, call, &entry, operation, error);
}

static int serve_put(struct gw_rpc_call *call, void *context, const Kv__PutRequest *request,
		     Kv__ChangeReply *reply, struct gw_error *error)
{
	const struct kv_operation operation = {.kind = KV_PUT,
					       .number = request->ttl_ms,
					       .key = kv_server_bytes(&request->key),
					       .value = kv_server_bytes(&request->value)};

	(void)reply;
	return change(context, call, &operation, error);
}

static int serve_append(struct gw_rpc_call *call, void *context, const Kv__AppendRequest *request,
			Kv__ChangeReply *reply, struct gw_error *error)
{
	const struct kv_operation operation = {.kind = KV_APPEND,
					       .key = kv_server_bytes(&request->key),
					       .value = kv_server_bytes(&request->value)};

	(void)reply;
	return change(context, call, &operation, error);
}

static int serve_increment(struct gw_rpc_call *call, void *context,
			   const Kv__IncrementRequest *request, Kv__IncrementReply *reply,
			   struct gw_error *error)
{
	const struct kv_operation operation = {.kind = KV_INCREMENT,
					       .number = (uint64_t)request->amount,
					       .key = kv_server_bytes(&request->key)};

	(void)reply;
	return change(context, call, &operation, error);
}

static int serve_swap(struct gw_rpc_call *call, void *context,
		      const Kv__CompareAndSwapRequest *request, Kv__CompareAndSwapReply *reply,
		      struct gw_error *error)
{
	struct kv_operation operation = {.kind = KV_SWAP,
					 .flags = request->remove ? KV_REMOVE : 0,
					 .number = request->ttl_ms,
					 .key = kv_server_bytes(&request->key),
					 .value = kv_server_bytes(&request->value)};

	(void)reply;
	if (request->expected_case == KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VALUE_EXPECTED) {
		operation.flags |= KV_IF_VALUE;
		operation.expected = kv_server_bytes(&request->value_expected);
	} else if (request->expected_case ==
		   KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VERSION_EXPECTED) {
		operation.flags |= KV_IF_VERSION;
		operation.version_expected = request->version_expected;
	}
	return change(context, call, &operation, error);
}

static int serve_expire(struct gw_rpc_call *call, void *context, const Kv__ExpireRequest *request,
			Kv__ChangeReply *reply, struct gw_error *error)
{
	const struct kv_operation operation = {
		.kind = KV_EXPIRE,
		.number = request->ttl_ms,
		.key = kv_server_bytes(&request->key)};

	(void)reply;
	return change(context, call, &operation, error);
}

static int serve_delete(struct gw_rpc_call *call, void *context, const Kv__DeleteRequest *request,
			Kv__ChangeReply *reply, struct gw_error *error)
{
	const struct kv_operation operation = {.kind = KV_DELETE,
					       .key = kv_server_bytes(&request->key)};

	(void)reply;
	return change(context, call, &operation, error);
}

static int write_operations(struct gw_rpc_call *call, const Kv__WriteRequest *request,
			    struct kv_operation **out, struct gw_error *error)
{
	struct kv_operation *operations;
	size_t bytes = 0;

	if (request->n_changes == 0 || request->n_changes > KV_KEYS_MAX)
		return gw_fail(error, GW_E_INVALID, "a write of %zu changes; 1 to %d are possible",
			       request->n_changes, KV_KEYS_MAX);
	operations = gw_rpc_allocate(call, request->n_changes * sizeof(*operations));
	if (!operations)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a write");
	for (size_t i = 0; i < request->n_changes; i++) {
		const Kv__Change *one = request->changes[i];

		if (one->remove && (one->value.len > 0 || one->ttl_ms > 0))
			return gw_fail(error, GW_E_INVALID,
				       "change %zu both deletes the key and sets it", i);
		operations[i] = (struct kv_operation){.kind = one->remove ? KV_DELETE : KV_PUT,
						      .number = one->ttl_ms,
						      .key = kv_server_bytes(&one->key),
						      .value = kv_server_bytes(&one->value)};
		bytes += one->key.len + one->value.len;
	}
	if (bytes > KV_WRITE_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a write of %zu bytes; %d are the most",
			       bytes, KV_WRITE_BYTES_MAX);
	*out = operations;
	return 0;
}

static int serve_write(struct gw_rpc_call *call, void *context, const Kv__WriteRequest *request,
		       Kv__WriteReply *reply, struct gw_error *error)
{
	struct kv_entry entry = {.kind = KV_ENTRY_WRITE, .count = (uint16_t)request->n_changes};
	struct kv_operation *operations = NULL;
	int code = write_operations(call, request, &operations, error);

	(void)reply;
	return code < 0 ? code : propose(context, call, &entry, operations, error);
}

int kv_server_open_client(void *context, struct rpc_client_id client, struct gw_rpc_call *call,
			  struct gw_error *error)
{
	const struct kv_entry entry = {.kind = KV_ENTRY_OPEN, .client = client};
	struct kv_server *server = context;
	struct replog_result result;
	struct gw_bytes payload;
	int answered;
	/* The client has not told how long it waits for this; it may ask again. */
	int code = kv_server_propose(server, &entry, NULL, gw_after_ms(GW_RPC_TIMEOUT_MS), &result,
				     error);

	if (code < 0)
		return kv_server_elsewhere(server, call, code, error);
	code = replog_answer_read(base_buffer_bytes(&result.reply), &answered, &payload, error);
	base_buffer_done(&result.reply);
	if (code == 0 && answered < 0)
		return gw_fail(error, answered, "the client cannot be remembered: %s",
			       gw_code_text(answered));
	return code;
}

const struct kv_handlers kv_server_handlers = {
	.get = kv_serve_get,
	.multi_get = kv_serve_multi_get,
	.scan = kv_serve_scan,
	.put = serve_put,
	.append = serve_append,
	.increment = serve_increment,
	.compare_and_swap = serve_swap,
	.expire = serve_expire,
	.delete = serve_delete,
	.write = serve_write,
	.watch = kv_serve_watch,
	.status = kv_serve_status,
	.members = kv_serve_members,
	.member_add = kv_serve_member_add,
	.member_remove = kv_serve_member_remove,
	.member_replace = kv_serve_member_replace,
	.backup = kv_serve_backup,
};
