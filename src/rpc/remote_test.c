/* SPDX-License-Identifier: Apache-2.0 */
/* remote_test.c - calls without stubs, by what a server tells of itself; over a real socket. */
#include "rpc/remote.h"

#include "rpc/reflection.rpc.h"
#include "rpc/service_fixture.h"

#include "support/unit.h"

#include <stdio.h>

struct pair {
	struct served served;
	struct fixture_handlers handlers;
	struct gw_rpc_server *server;
	struct gw_rpc_client *client;
	struct rpc_remote remote;
	struct base_buffer shown; /* a line each */
	struct gw_error error;
};

/* Gives back what it got. */
static int mirror(struct gw_rpc_call *call, void *context, const Fixture__Everything *request,
		  Fixture__Everything *reply, struct gw_error *error)
{
	(void)call;
	(void)context;
	(void)error;
	*reply = *request;
	return 0;
}

static void connect_pair(struct pair *pair)
{
	assert_int_equal(gw_rpc_server_listen(pair->server, "127.0.0.1:0", &pair->error), 0);
	assert_int_equal(gw_rpc_client_new(&pair->client, gw_rpc_server_address(pair->server), NULL,
					   &pair->error),
			 0);
}

static void begin(struct pair *pair)
{
	*pair = (struct pair){.handlers = served_handlers};
	pair->handlers.mirror = mirror;
	assert_int_equal(gw_rpc_server_new(&pair->server, NULL, &pair->error), 0);
	assert_int_equal(
		fixture_serve(pair->server, &pair->handlers, &pair->served, NULL, &pair->error), 0);
	connect_pair(pair);
	assert_int_equal(rpc_remote_read(&pair->remote, pair->client, 0, &pair->error), 0);
}

static void end(struct pair *pair)
{
	rpc_remote_done(&pair->remote);
	gw_rpc_client_free(pair->client);
	gw_rpc_server_free(pair->server);
	base_buffer_done(&pair->shown);
}

static int show(void *context, struct gw_bytes json, struct gw_error *error)
{
	struct pair *pair = context;
	int code = base_buffer_append(&pair->shown, json.data, json.size, error);

	return code < 0 ? code : base_buffer_append(&pair->shown, "\n", 1, error);
}

static int call_with(struct pair *pair, const char *name, const char *json,
		     const struct rpc_remote_options *options)
{
	const struct rpc_remote_service *service;
	const struct rpc_schema_method *method;
	int code = rpc_remote_find(&pair->remote, name, &service, &method, &pair->error);

	pair->shown.size = 0;
	if (code == 0)
		code = rpc_remote_call(pair->client, service, method, gw_string(json), options,
				       show, pair, &pair->error);
	return code;
}

static int call(struct pair *pair, const char *name, const char *json)
{
	const struct rpc_remote_options options = {.style = RPC_JSON_LINE};

	return call_with(pair, name, json, &options);
}

static void expect_shown(struct pair *pair, const char *name, const char *json, const char *wanted)
{
	int code = call(pair, name, json);

	if (code < 0)
		print_error("%s: %s\n", name, pair->error.text);
	assert_int_equal(code, 0);
	assert_int_equal(base_buffer_append(&pair->shown, "", 1, &pair->error), 0);
	assert_string_equal((const char *)pair->shown.data, wanted);
}

static void expect_wrong(struct pair *pair, const char *name, const char *json, int code,
			 const char *sentence)
{
	pair->error = (struct gw_error){0};
	assert_int_equal(call(pair, name, json), code);
	if (!strstr(pair->error.text, sentence))
		print_error("%s: %s\n", name, pair->error.text);
	assert_non_null(strstr(pair->error.text, sentence));
}

#define in_a_task(function)                                                                        \
	{                                                                                          \
#function, run_in_a_task, NULL, NULL, (void *)(function)                           \
	}

static void run_in_a_task(void **state)
{
	struct gw_run_options options = {.name = "test", .stack_bytes = RPC_REMOTE_STACK_BYTES};

	assert_int_equal(gw_run((gw_task_function *)*state, NULL, &options, NULL), 0);
}

static int a_server_tells_what_it_offers(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	assert_int_equal(pair.remote.count, 2);
	assert_string_equal(pair.remote.services[0].service->name, "fixture.Fixture");
	assert_string_equal(pair.remote.services[1].service->name, "groundwork.Reflection");
	const struct rpc_remote_service *found;

	assert_int_equal(rpc_remote_find_service(&pair.remote, "Fixture", &found, &pair.error), 0);
	const struct rpc_schema_service *service = found->service;

	assert_int_equal(service->method_count, 7);
	const struct rpc_schema_method *add = rpc_schema_method(service, "Add");

	assert_int_equal(add->semantics, RPC_SEMANTICS_AT_MOST_ONCE);
	assert_int_equal(add->timeout_ms, 2000);
	assert_int_equal(add->role_count, 2);
	assert_string_equal(add->roles[1], "admin");
	assert_string_equal(add->request->fields[0].name, "number");
	end(&pair);
	return 0;
}

static int a_call_in_json_is_answered_in_json(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	expect_shown(&pair, "fixture.Fixture.Echo", "{\"text\": \"hello\"}",
		     "{\"text\": \"hello\", \"data\": \"\"}\n");
	expect_shown(&pair, "Fixture.Add", "{\"number\": 5}", "{\"number\": \"5\"}\n");
	expect_shown(&pair, "Fixture.Add", "{\"number\": \"6\"}", "{\"number\": \"11\"}\n");
	assert_int_equal(pair.served.adds, 2);
	assert_int_equal(call(&pair, "Reflection.List", "{\"service\": \"fixture.Fixture\"}"), 0);
	expect_wrong(&pair, "Reflection.List", "{\"service\": \"x\"}", GW_E_NOT_FOUND,
		     "x: no such service here");
	end(&pair);
	return 0;
}

static int a_field_of_each_type_goes_there_and_back(void *argument)
{
	static const char json[] =
		"{\"aDouble\": 0.1, \"aFloat\": -0.5, \"anInt64\": \"-9223372036854775808\", "
		"\"anUint64\": \"18446744073709551615\", \"anInt32\": -1, \"aFixed64\": \"7\", "
		"\"aFixed32\": 4294967295, \"aBool\": true, \"aString\": \"h\xc3\xa4\", "
		"\"someBytes\": \"AAH/\", \"anUint32\": 9, \"colour\": \"INFRARED\", "
		"\"aSfixed32\": -5, \"aSfixed64\": \"-5\", \"aSint32\": -6, \"aSint64\": \"-7\", "
		"\"numbers\": [1, -2], \"strings\": [\"a\", \"\"], \"insides\": "
		"[{\"name\": \"x\", \"number\": {\"number\": \"3\"}}, {\"name\": \"\"}], "
		"\"colours\": [\"RED\", \"NONE\"], \"doubles\": [0.25], "
		"\"looseBools\": [true, false], \"totals\": {\"a\": \"1\"}, "
		"\"byNumber\": {\"-3\": {\"name\": \"y\"}}, \"byBool\": {\"true\": \"GREEN\"}, "
		"\"chosenInside\": {\"name\": \"z\"}}";
	struct pair pair;
	char wanted[sizeof(json) + 1];

	(void)argument;
	begin(&pair);
	snprintf(wanted, sizeof(wanted), "%s\n", json);
	/* What was not set before is not there: "inside" lies between others. */
	expect_shown(&pair, "Fixture.Mirror", json, wanted);
	end(&pair);
	return 0;
}

static int names_that_are_not_there_are_answered_with_those_that_are(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	expect_wrong(&pair, "Fixture.Nonsense", "{}", GW_E_NOT_FOUND,
		     "fixture.Fixture has no method Nonsense; it has Echo, Add, Fail");
	expect_wrong(&pair, "fixture.Other.Echo", "{}", GW_E_NOT_FOUND,
		     "fixture.Other: no such service there, or several; there are fixture.Fixture");
	expect_wrong(&pair, "Echo", "{}", GW_E_USAGE, "a method is written SERVICE.METHOD");
	expect_wrong(&pair, "Fixture.", "{}", GW_E_USAGE, "a method is written SERVICE.METHOD");
	expect_wrong(&pair, ".Echo", "{}", GW_E_USAGE, "a method is written SERVICE.METHOD");
	end(&pair);
	return 0;
}

static int json_that_does_not_fit_is_refused_before_the_call(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	expect_wrong(&pair, "Fixture.Echo", "{\"text\": 1}", GW_E_INVALID,
		     "text: a string is wanted, not an integer");
	expect_wrong(&pair, "Fixture.Echo", "{\"txt\": \"a\"}", GW_E_INVALID,
		     "fixture.Text has no field txt; it has text, data");
	expect_wrong(&pair, "Fixture.Echo", "{", GW_E_INVALID, "no JSON: line 1");
	expect_wrong(&pair, "Fixture.Sum", "{\"number\": 1}", GW_E_INVALID,
		     "fixture.Fixture.Sum takes a stream: an array of fixture.Number");
	expect_wrong(&pair, "Fixture.Sum", "[{\"number\": 1}, {\"number\": true}]", GW_E_INVALID,
		     "item 2: number: an integer is wanted");
	assert_int_equal(pair.served.echoes, 0);
	end(&pair);
	return 0;
}

static int a_failure_of_the_handler_comes_back(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	expect_wrong(&pair, "Fixture.Fail", "{\"number\": -5}", GW_E_EXISTS, "failed as asked");
	end(&pair);
	return 0;
}

static int a_method_without_a_handler_is_not_offered(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	pair.handlers.mirror = NULL;
	expect_wrong(&pair, "Fixture.Mirror", "{}", GW_E_UNSUPPORTED, "Mirror is not offered here");
	end(&pair);
	return 0;
}

static int a_server_tells_what_was_asked_of_it(void *argument)
{
	struct pair pair;
	const char *text;

	(void)argument;
	begin(&pair);
	assert_int_equal(call(&pair, "Fixture.Add", "{\"number\": 5}"), 0);
	assert_int_equal(call(&pair, "Fixture.Add", "{\"number\": 5}"), 0);
	pair.served.fail_code = GW_E_EXISTS;
	assert_int_equal(call(&pair, "Fixture.Add", "{\"number\": 5}"), GW_E_EXISTS);
	assert_int_equal(call(&pair, "Reflection.Metrics", "{\"method\": \"fixture.Fixture.Add\"}"),
			 0);
	assert_int_equal(base_buffer_append(&pair.shown, "", 1, &pair.error), 0);
	text = (const char *)pair.shown.data;
	assert_non_null(strstr(text, "\"calls\": \"3\", \"failures\": \"1\", \"running\": \"0\""));
	assert_non_null(strstr(text, "\"bytesIn\": \"6\""));
	assert_null(strstr(text, "Echo"));
	assert_int_equal(call(&pair, "Reflection.Metrics", "{}"), 0);
	assert_int_equal(base_buffer_append(&pair.shown, "", 1, &pair.error), 0);
	assert_non_null(strstr((const char *)pair.shown.data, "fixture.Fixture.Echo"));
	expect_wrong(&pair, "Reflection.Metrics", "{\"method\": \"x\"}", GW_E_NOT_FOUND,
		     "x: no such method here");
	end(&pair);
	return 0;
}

static int attachments_go_both_ways(void *argument)
{
	char back[100] = "";
	size_t bytes = 0;
	struct rpc_remote_options options = {.style = RPC_JSON_LINE,
					     .attachment = gw_string("beside the message"),
					     .reply_attachment = back,
					     .reply_attachment_max = sizeof(back),
					     .reply_attachment_bytes = &bytes};
	struct pair pair;

	(void)argument;
	begin(&pair);
	pair.served.read_bytes = 7;
	pair.served.give_back = true;
	assert_int_equal(call_with(&pair, "Fixture.Echo", "{}", &options), 0);
	assert_int_equal(bytes, strlen("beside the message"));
	assert_string_equal(back, "beside the message");
	assert_int_equal(call_with(&pair, "Fixture.Count", "{}", &options), GW_E_INVALID);
	assert_string_equal(pair.error.text, "fixture.Fixture.Count streams: attachments are of "
					     "methods that do not");
	end(&pair);
	return 0;
}

static int streams_are_arrays_and_lines(void *argument)
{
	struct pair pair;

	(void)argument;
	begin(&pair);
	expect_shown(&pair, "Fixture.Count", "{\"number\": 3}",
		     "{\"number\": \"1\"}\n{\"number\": \"2\"}\n{\"number\": \"3\"}\n");
	expect_shown(&pair, "Fixture.Sum", "[{\"number\": 3}, {\"number\": 4}]",
		     "{\"number\": \"7\"}\n");
	expect_shown(&pair, "Fixture.Sum", "[]", "{\"number\": \"0\"}\n");
	expect_shown(&pair, "Fixture.Chat", "[{\"text\": \"a\"}, {\"text\": \"b\"}]",
		     "{\"text\": \"a\", \"data\": \"\"}\n{\"text\": \"b\", \"data\": \"\"}\n");
	end(&pair);
	return 0;
}

/* ---- A server that tells nonsense ---------------------------------------------------------- */

struct teller {
	const char *name;
	struct gw_bytes descriptors;
};

static int tell(struct gw_rpc_call *call, void *context, const Groundwork__ListRequest *request,
		Groundwork__ListReply *reply, struct gw_error *error)
{
	const struct teller *teller = context;
	Groundwork__Service *service = gw_rpc_allocate(call, sizeof(*service));

	(void)request;
	(void)error;
	groundwork__service__init(service);
	service->name = (char *)(uintptr_t)teller->name;
	service->descriptors.data = (uint8_t *)(uintptr_t)teller->descriptors.data;
	service->descriptors.len = teller->descriptors.size;
	reply->services = gw_rpc_allocate(call, sizeof(service));
	reply->services[reply->n_services++] = service;
	return 0;
}

static int a_server_that_tells_nonsense_is_refused(void *argument)
{
	static const struct reflection_handlers handlers = {.list = tell};
	static const struct {
		struct teller teller;
		int code;
		const char *sentence;
	} rows[] = {
		{{"a.B", {"\xff", 1}}, GW_E_TRUNCATED, "service 1 that the server tells of: "},
		{{"a.B", {NULL, 0}}, GW_E_CORRUPT, "its descriptors are of others"},
		{{"a\xff", {NULL, 0}}, GW_E_CORRUPT, "is no UTF-8"},
	};

	(void)argument;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair pair = {0};
		struct teller teller = rows[i].teller;

		assert_int_equal(gw_rpc_server_new(&pair.server, NULL, &pair.error), 0);
		assert_int_equal(
			reflection_serve(pair.server, &handlers, &teller, NULL, &pair.error), 0);
		connect_pair(&pair);
		assert_int_equal(rpc_remote_read(&pair.remote, pair.client, 0, &pair.error),
				 rows[i].code);
		assert_non_null(strstr(pair.error.text, rows[i].sentence));
		end(&pair);
	}
	return 0;
}

static int a_server_that_is_not_there_cannot_be_asked(void *argument)
{
	struct rpc_remote remote = {0};
	struct gw_rpc_client *client;
	struct gw_error error = {0};

	(void)argument;
	assert_int_equal(gw_rpc_client_new(&client, "/nowhere/socket", NULL, &error), 0);
	assert_int_equal(rpc_remote_read(&remote, client, gw_after_ms(50), &error),
			 GW_E_UNREACHABLE);
	rpc_remote_done(&remote);
	gw_rpc_client_free(client);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(a_server_tells_what_it_offers),
		in_a_task(a_call_in_json_is_answered_in_json),
		in_a_task(a_field_of_each_type_goes_there_and_back),
		in_a_task(names_that_are_not_there_are_answered_with_those_that_are),
		in_a_task(json_that_does_not_fit_is_refused_before_the_call),
		in_a_task(a_failure_of_the_handler_comes_back),
		in_a_task(a_method_without_a_handler_is_not_offered),
		in_a_task(a_server_tells_what_was_asked_of_it),
		in_a_task(attachments_go_both_ways),
		in_a_task(streams_are_arrays_and_lines),
		in_a_task(a_server_that_tells_nonsense_is_refused),
		in_a_task(a_server_that_is_not_there_cannot_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
