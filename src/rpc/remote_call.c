/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_call.c - calls without stubs. A message goes through the library as a Groundwork__Any: one
 * without fields, so that all there is are fields that it does not know, and keeps.
 */
#include "rpc/remote.h"

#include "rpc/message.h"
#include "rpc/reflection.pb-c.h"

#include <assert.h>
#include <stdio.h>

#include <jansson.h>

/* What one call needs. */
struct remote_call {
	struct gw_rpc_client *client;
	const struct rpc_schema_method *schema;
	struct gw_rpc_method method;
	char full_name[2 * RPC_SCHEMA_NAME_MAX + 2];
	const struct rpc_remote_options *options;
	rpc_remote_show *show;
	void *context;
	struct base_arena arena; /* of what is sent */
	struct gw_error *error;
};

/* The message that JSON says; it lasts until the arena is reset. */
static int take_json(struct remote_call *call, const json_t *json,
		     struct ProtobufCMessage **message)
{
	struct base_buffer bytes = {0};
	int code = rpc_json_read_value(call->schema->request, json, &bytes, call->error);

	if (code == 0)
		code = rpc_message_unpack(&groundwork__any__descriptor, base_buffer_bytes(&bytes),
					  &call->arena, message, call->error);
	base_buffer_done(&bytes);
	return code;
}

/* Shows a message and frees it. */
static int show_message(struct remote_call *call, struct ProtobufCMessage *message)
{
	struct base_buffer bytes = {0}, text = {0};
	int code = rpc_message_pack(message, &bytes, call->error);

	gw_rpc_message_free(message);
	if (code == 0)
		code = rpc_json_write(call->schema->reply, base_buffer_bytes(&bytes),
				      call->options->style, &text, call->error);
	if (code < 0)
		code = gw_fail_in(call->error, "what %s gave", call->full_name);
	else
		code = call->show(call->context, base_buffer_bytes(&text), call->error);
	base_buffer_done(&bytes);
	base_buffer_done(&text);
	return code;
}

/* ---- Streams ------------------------------------------------------------------------------- */

/* Whether all items could be sent, before the first one is. */
static int check_items(struct remote_call *call, const json_t *items)
{
	struct ProtobufCMessage *item;
	json_t *json;
	size_t i;

	if (!json_is_array(items))
		return gw_fail(call->error, GW_E_INVALID,
			       "%s takes a stream: an array of %s in JSON is wanted",
			       call->full_name, call->schema->request->name);
	json_array_foreach(items, i, json)
	{
		if (take_json(call, json, &item) < 0)
			return gw_fail_in(call->error, "item %zu", i + 1);
		base_arena_reset(&call->arena);
	}
	return 0;
}

static int send_items(struct remote_call *call, struct gw_rpc_call *open, const json_t *items)
{
	struct ProtobufCMessage *item;
	json_t *json;
	size_t i;

	json_array_foreach(items, i, json)
	{
		int code = take_json(call, json, &item);

		if (code == 0)
			code = gw_rpc_item_send(open, item, call->error);
		base_arena_reset(&call->arena);
		if (code == GW_E_CLOSED) /* the other side has enough: its reply says why */
			return 0;
		if (code < 0)
			return code;
	}
	return gw_rpc_item_end(open, call->error);
}

static int show_items(struct remote_call *call, struct gw_rpc_call *open)
{
	struct ProtobufCMessage *item;
	int code;

	while ((code = gw_rpc_item_receive(open, &item, call->error)) > 0) {
		code = show_message(call, item);
		if (code < 0)
			break;
	}
	return code;
}

/* All items are sent before one is received: what is in JSON is little. */
static int use_streams(struct remote_call *call, struct gw_rpc_call *open, const json_t *items)
{
	struct ProtobufCMessage *reply = NULL;
	int code;

	assert(!items == !call->method.request_streams);
	code = items ? send_items(call, open, items) : 0;

	if (code >= 0 && call->method.reply_streams)
		code = show_items(call, open);
	if (code < 0) {
		gw_rpc_abandon(open);
		return code;
	}
	code = gw_rpc_finish(open, &reply, call->error);
	if (code >= 0 && !call->method.reply_streams)
		return show_message(call, reply);
	gw_rpc_message_free(reply);
	return code;
}

static int call_streams(struct remote_call *call, const json_t *json)
{
	const struct gw_rpc_call_options options = {.deadline_ns = call->options->deadline_ns};
	bool sends = call->method.request_streams;
	struct ProtobufCMessage *request = NULL;
	struct gw_rpc_call *open;
	int code = sends ? check_items(call, json) : take_json(call, json, &request);

	if (code == 0)
		code = gw_rpc_open(call->client, &call->method, request, &options, &open,
				   call->error);
	return code < 0 ? code : use_streams(call, open, sends ? json : NULL);
}

/* ---- One request, one reply ---------------------------------------------------------------- */

static int call_once(struct remote_call *call, const json_t *json)
{
	const struct gw_rpc_call_options options = {
		.deadline_ns = call->options->deadline_ns,
		.attachment = call->options->attachment,
		.reply_attachment = call->options->reply_attachment,
		.reply_attachment_max = call->options->reply_attachment_max,
		.reply_attachment_bytes = call->options->reply_attachment_bytes,
	};
	struct ProtobufCMessage *request, *reply;
	int code = take_json(call, json, &request);

	if (code == 0)
		code = gw_rpc_invoke(call->client, &call->method, request, &reply, &options,
				     call->error);
	return code < 0 ? code : show_message(call, reply);
}

/* The method as stubs would have it. */
static int fill_method(struct remote_call *call, const struct rpc_schema_service *service)
{
	const struct rpc_schema_method *schema = call->schema;

	assert(schema->request && schema->reply);
	snprintf(call->full_name, sizeof(call->full_name), "%s.%s", service->name, schema->name);
	if (strlen(call->full_name) >= GW_RPC_NAME_BYTES_MAX)
		return gw_fail(call->error, GW_E_TOO_LARGE, "%s: the name is too long",
			       call->full_name);
	call->method = (struct gw_rpc_method){
		.name = schema->name,
		.full_name = call->full_name,
		.id = gw_rpc_method_id(call->full_name),
		.semantics = schema->semantics == RPC_SEMANTICS_BEST_EFFORT ? GW_RPC_BEST_EFFORT
									    : GW_RPC_AT_MOST_ONCE,
		.request_streams = schema->client_streams,
		.reply_streams = schema->server_streams,
		.timeout_ms = schema->timeout_ms,
		.request = &groundwork__any__descriptor,
		.reply = &groundwork__any__descriptor,
	};
	return 0;
}

int rpc_remote_call(struct gw_rpc_client *client, const struct rpc_remote_service *service,
		    const struct rpc_schema_method *method, struct gw_bytes text,
		    const struct rpc_remote_options *options, rpc_remote_show *show, void *context,
		    struct gw_error *error)
{
	struct remote_call call = {.client = client,
				   .schema = method,
				   .options = options,
				   .show = show,
				   .context = context,
				   .error = error};
	bool streams = method->client_streams || method->server_streams;
	json_t *json = NULL;
	int code = fill_method(&call, service->service);

	if (code == 0 && streams && (options->attachment.size > 0 || options->reply_attachment))
		code = gw_fail(error, GW_E_INVALID,
			       "%s streams: attachments are of methods that do not",
			       call.full_name);
	if (code == 0)
		code = rpc_json_parse(text, &json, error);
	if (code == 0)
		code = streams ? call_streams(&call, json) : call_once(&call, json);
	json_decref(json);
	base_arena_done(&call.arena);
	return code;
}
