/* SPDX-License-Identifier: Apache-2.0 */
/* service_fixture.c - handlers of the fixture's service. */
#include "rpc/service_fixture.h"

#include <stdlib.h>

static void note(struct gw_rpc_call *call, struct served *served)
{
	served->deadline_ns = gw_deadline();
	served->trace = gw_rpc_call_trace(call);
	served->peer = *gw_rpc_call_peer(call);
}

static int hold(struct served *served)
{
	int result = 0;

	if (!served->hold)
		return 0;
	while (served->hold && result == 0)
		result = gw_sleep_ms(1);
	served->ended++;
	served->cancelled += result == GW_E_CANCELLED;
	return result;
}

/* A server in a pipeline: it holds one part at a time. */
static int pass_on(struct gw_rpc_call *call, struct served *served, uint64_t bytes,
		   struct gw_error *error)
{
	Fixture__Text request = FIXTURE__TEXT__INIT, *reply;
	struct gw_rpc_call_options options = {.attachment_bytes = bytes,
					      .trace = gw_rpc_call_trace(call)};
	struct gw_rpc_call *next;
	uint8_t buffer[10000];
	int result = fixture_echo_open(served->next, &request, &options, &next, error);

	if (result < 0)
		return result;
	while ((result = gw_rpc_part_receive(call, buffer, sizeof(buffer), error)) > 0) {
		result = gw_rpc_part_send(next, (struct gw_bytes){buffer, (size_t)result}, error);
		if (result < 0)
			break;
	}
	if (result < 0) {
		gw_rpc_abandon(next);
		return result;
	}
	result = fixture_echo_finish(next, &reply, error);
	gw_rpc_reply_free(reply);
	return result;
}

static int read_attachment(struct gw_rpc_call *call, struct served *served, struct gw_error *error)
{
	uint8_t *buffer = NULL;
	uint64_t bytes;
	int result = gw_rpc_attachment_size(call, &bytes, error);

	served->attachment_bytes = bytes;
	served->attachment_sum = 0;
	if (result == 0 && served->next)
		return pass_on(call, served, bytes, error);
	if (result < 0 || bytes == 0 || served->read_bytes == 0)
		return result;
	if (served->give_back)
		result = gw_rpc_attach_parts(call, bytes, error);
	buffer = malloc(served->read_bytes);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	while (result >= 0) {
		result = gw_rpc_part_receive(call, buffer, served->read_bytes, error);
		if (result <= 0)
			break;
		for (int i = 0; i < result; i++)
			served->attachment_sum += buffer[i];
		if (served->give_back)
			result = gw_rpc_part_send(call, (struct gw_bytes){buffer, (size_t)result},
						  error);
	}
	free(buffer);
	return result;
}

static int echo(struct gw_rpc_call *call, void *context, const Fixture__Text *request,
		Fixture__Text *reply, struct gw_error *error)
{
	struct served *served = context;
	int result;

	served->echoes++;
	note(call, served);
	if (served->log)
		base_log_line(served->log, BASE_LOG_INFO, 0, "echo of %s", request->text);
	result = read_attachment(call, served, error);
	if (result < 0)
		return result;
	reply->text = request->text;
	reply->data = request->data;
	return hold(served);
}

/* Nothing waits between this and the effect: it is one write. */
static int write_answer(struct gw_rpc_call *call, struct served *served,
			const Fixture__Number *reply, struct gw_error *error)
{
	struct gw_bytes record;
	int result;

	if (!served->answers)
		return 0;
	result = gw_rpc_completion(call, (const struct ProtobufCMessage *)reply, &record, error);
	if (result < 0)
		return result;
	return base_buffer_append(served->answers, record.data, record.size, error);
}

static int add(struct gw_rpc_call *call, void *context, const Fixture__Number *request,
	       Fixture__Number *reply, struct gw_error *error)
{
	struct served *served = context;
	int result;

	note(call, served);
	if (served->redirect) {
		result = *served->redirect ? gw_rpc_redirect(call, served->redirect, error) : 0;
		return result < 0 ? result : gw_fail(error, GW_E_NOT_LEADER, "not the leader");
	}
	if (served->attaches) {
		result = gw_rpc_attach(call, gw_string("a lot"), false, NULL, NULL, error);
		if (result < 0)
			return result;
	}
	reply->number = served->total + request->number;
	result = write_answer(call, served, reply, error);
	if (result < 0)
		return result;
	served->adds++;
	served->total = reply->number;
	result = hold(served);
	if (served->fail_code)
		return gw_fail(error, served->fail_code, "add fails on purpose");
	return result;
}

static int fail(struct gw_rpc_call *call, void *context, const Fixture__Number *request,
		Fixture__Text *reply, struct gw_error *error)
{
	(void)call;
	(void)context;
	(void)reply;
	return gw_fail(error, (int)request->number, "failed as asked");
}

static int count(struct gw_rpc_call *call, void *context, const Fixture__Number *request,
		 struct gw_error *error)
{
	Fixture__Number item = FIXTURE__NUMBER__INIT;
	int result = 0;

	note(call, context);
	for (item.number = 1; item.number <= request->number && result == 0; item.number++)
		result = fixture_count_reply_send(call, &item, error);
	return result;
}

static int sum(struct gw_rpc_call *call, void *context, Fixture__Number *reply,
	       struct gw_error *error)
{
	Fixture__Number *item;
	int result;

	note(call, context);
	while ((result = fixture_sum_request_receive(call, &item, error)) > 0) {
		reply->number += item->number;
		gw_rpc_reply_free(item);
	}
	return result;
}

static int chat(struct gw_rpc_call *call, void *context, struct gw_error *error)
{
	Fixture__Text *item;
	int result;

	note(call, context);
	while ((result = fixture_chat_request_receive(call, &item, error)) > 0) {
		result = fixture_chat_reply_send(call, item, error);
		gw_rpc_reply_free(item);
		if (result < 0)
			return result;
	}
	return result;
}

const struct fixture_handlers served_handlers = {
	.echo = echo,
	.add = add,
	.fail = fail,
	.count = count,
	.sum = sum,
	.chat = chat,
};

int64_t served_add(struct gw_rpc_client *client, int64_t number,
		   const struct gw_rpc_call_options *options, struct gw_error *error)
{
	Fixture__Number request = FIXTURE__NUMBER__INIT, *reply;
	int64_t result;

	request.number = number;
	result = fixture_add_with(client, &request, options, &reply, error);
	if (result >= 0)
		result = reply->number;
	gw_rpc_reply_free(reply);
	return result;
}

int served_echo(struct gw_rpc_client *client, const char *text,
		const struct gw_rpc_call_options *options, struct gw_error *error)
{
	Fixture__Text request = FIXTURE__TEXT__INIT, *reply;
	char *copy = strdup(text);
	int result;

	if (!copy)
		return GW_E_NO_MEMORY;
	request.text = copy;
	result = fixture_echo_with(client, &request, options, &reply, error);
	if (result >= 0 && strcmp(reply->text, text) != 0)
		result = gw_fail(error, GW_E_CORRUPT, "\"%s\" came back as \"%s\"", text,
				 reply->text);
	gw_rpc_reply_free(reply);
	free(copy);
	return result;
}
