/* SPDX-License-Identifier: Apache-2.0 */
/* call_test.c - calls over real sockets of this machine: client and server in one loop. */
#include "rpc/pair_fixture.h"
#include "rpc/trace.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static int a_call_gets_its_answer(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	assert_int_equal(served_echo(pair.client, "hello", NULL, &error), 0);
	assert_int_equal(pair.served.echoes, 1);
	assert_int_equal(served_add(pair.client, 5, NULL, &error), 5);
	assert_int_equal(served_add(pair.client, 6, NULL, &error), 11);
	assert_int_equal(pair.served.adds, 2);
	end(&pair);
	return 0;
}

static int a_failure_comes_back_with_its_sentence(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};
	Fixture__Number request = FIXTURE__NUMBER__INIT;
	Fixture__Text *reply;

	(void)argument;
	begin(&pair, NULL, NULL);
	request.number = GW_E_EXISTS;
	assert_int_equal(fixture_fail(pair.client, &request, &reply, &error), GW_E_EXISTS);
	assert_null(reply);
	assert_string_equal(error.text, "failed as asked");
	end(&pair);
	return 0;
}

struct caller {
	struct pair *pair;
	int result;
};

static int calls_echo(void *argument)
{
	struct caller *caller = argument;
	char text[32];

	for (int i = 0; i < 20 && caller->result == 0; i++) {
		(void)snprintf(text, sizeof(text), "call %d", i);
		caller->result = served_echo(caller->pair->client, text, NULL, NULL);
	}
	return 0;
}

static int many_calls_share_one_connection(void *argument)
{
	struct pair pair = {0};
	struct caller callers[64] = {{0}};
	struct gw_group group = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	for (size_t i = 0; i < 64; i++) {
		callers[i].pair = &pair;
		assert_int_equal(gw_spawn(&group, calls_echo, &callers[i], NULL), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(callers[i].result, 0);
	assert_int_equal(pair.served.echoes, 64 * 20);
	end(&pair);
	return 0;
}

static int the_deadline_travels_and_ends_the_handler(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};
	uint64_t now = gw_now_ns();
	struct gw_rpc_call_options options = {.deadline_ns = now + 50000000};

	(void)argument;
	begin(&pair, NULL, NULL);
	pair.served.hold = true;
	assert_int_equal(served_echo(pair.client, "late", &options, &error), GW_E_TIMEOUT);
	assert_true(pair.served.deadline_ns >= now && pair.served.deadline_ns != GW_FOREVER);
	while (pair.served.ended == 0)
		assert_int_equal(gw_sleep_ms(1), 0);
	end(&pair);
	return 0;
}

static int holds(void *argument)
{
	struct pair *pair = argument;

	return served_echo(pair->client, "held", NULL, NULL);
}

static int a_cancelled_call_cancels_its_handler(void *argument)
{
	struct pair pair = {0};
	struct gw_group group = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	pair.served.hold = true;
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	while (pair.served.echoes == 0)
		assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(gw_group_done(&group), 0);
	while (pair.served.ended == 0)
		assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(pair.served.cancelled, 1);
	/* The connection is as good as before. */
	pair.served.hold = false;
	assert_int_equal(served_echo(pair.client, "after", NULL, NULL), 0);
	end(&pair);
	return 0;
}

static int over_its_limit_a_server_says_overloaded_at_once(void *argument)
{
	struct pair pair = {0};
	struct gw_rpc_server_options options = {.connection_calls_max = 2};
	struct gw_group group = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&pair, &options, NULL);
	pair.served.hold = true;
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	while (pair.served.echoes < 2)
		assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(served_echo(pair.client, "third", NULL, &error), GW_E_OVERLOADED);
	assert_int_equal(pair.served.echoes, 2);
	pair.served.hold = false;
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	end(&pair);
	return 0;
}

/* Over all its connections, and at the client before anything is sent. */
static int server_and_client_have_limits_of_their_own(void *argument)
{
	struct gw_rpc_server_options few = {.calls_max = 2};
	struct gw_rpc_client_options one = {.calls_max = 1};
	struct pair pair = {0};
	struct gw_rpc_client *other;
	struct gw_group group = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&pair, &few, NULL);
	assert_int_equal(gw_rpc_client_new(&other, gw_rpc_server_address(pair.server), &one,
					   &error),
			 0);
	pair.served.hold = true;
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	while (pair.served.echoes < 2)
		assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(served_echo(other, "third", NULL, &error), GW_E_OVERLOADED);
	assert_non_null(strstr(error.text, "the server runs 2 calls"));
	assert_int_equal(pair.served.echoes, 2);
	pair.served.hold = false;
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(served_echo(other, "third", NULL, &error), 0);
	gw_rpc_client_free(other);
	end(&pair);
	begin(&pair, NULL, &one);
	pair.served.hold = true;
	group = (struct gw_group){0};
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	while (pair.served.echoes < 4)
		assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(served_echo(pair.client, "second", NULL, &error), GW_E_OVERLOADED);
	assert_non_null(strstr(error.text, "1 calls of this client"));
	pair.served.hold = false;
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	end(&pair);
	return 0;
}

/* What is remembered is a message; so bulk bytes with it are refused, and nothing ran in vain. */
static int an_at_most_once_answer_has_no_attachment(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	pair.served.attaches = true;
	assert_int_equal(served_add(pair.client, 5, NULL, &error), GW_E_INVALID);
	assert_string_equal(error.text, "fixture.Fixture.Add: an at-most-once reply cannot have "
					"an attachment");
	assert_int_equal(pair.served.adds, 0);
	end(&pair);
	return 0;
}

static int an_unknown_method_is_not_found(void *argument)
{
	struct gw_rpc_method method = fixture_service.methods[0];
	struct pair pair = {0};
	struct gw_error error = {0};
	Fixture__Text request = FIXTURE__TEXT__INIT;
	struct ProtobufCMessage *reply;

	(void)argument;
	begin(&pair, NULL, NULL);
	method.full_name = "fixture.Fixture.Gone";
	method.id = gw_rpc_method_id(method.full_name);
	assert_int_equal(gw_rpc_invoke(pair.client, &method,
				       (const struct ProtobufCMessage *)&request, &reply, NULL,
				       &error),
			 GW_E_NOT_FOUND);
	end(&pair);
	return 0;
}

/* Its deadline would be the end of the test. */
static int who_is_hasty_is_told_at_once(void *argument)
{
	struct gw_rpc_client_options options = {.timeout_ms = 3600000, .hasty = true};
	struct gw_rpc_client *client;
	struct gw_error error = {0};

	(void)argument;
	assert_int_equal(gw_rpc_client_new(&client, "127.0.0.1:1", &options, &error), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(served_echo(client, "anyone", NULL, &error), GW_E_UNREACHABLE);
	gw_rpc_client_free(client);
	return 0;
}

static int where_nobody_listens_is_unreachable(void *argument)
{
	struct gw_rpc_client_options options = {.timeout_ms = 60, .backoff_ms_min = 5};
	struct gw_rpc_client *client;
	struct gw_error error = {0};

	(void)argument;
	assert_int_equal(gw_rpc_client_new(&client, "127.0.0.1:1", &options, &error), 0);
	assert_int_equal(served_echo(client, "anyone", NULL, &error), GW_E_UNREACHABLE);
	assert_non_null(strstr(error.text, "127.0.0.1:1"));
	gw_rpc_client_free(client);
	assert_int_equal(gw_rpc_client_new(&client, "nowhere", NULL, &error), GW_E_INVALID);
	assert_int_equal(gw_rpc_client_new(&client, "a:1,", NULL, &error), GW_E_INVALID);
	assert_int_equal(gw_rpc_client_new(&client, "a:99999", NULL, &error), GW_E_INVALID);
	return 0;
}

static int addresses_are_tried_in_turn(void *argument)
{
	struct pair pair = {0};
	struct gw_rpc_client *client;
	struct gw_error error = {0};
	char addresses[300];

	(void)argument;
	begin(&pair, NULL, NULL);
	(void)snprintf(addresses, sizeof(addresses), "127.0.0.1:1,/tmp/nobody-is-here.sock,%s",
		       gw_rpc_server_address(pair.server));
	assert_int_equal(gw_rpc_client_new(&client, addresses, NULL, &error), 0);
	assert_int_equal(served_add(client, 3, NULL, &error), 3);
	gw_rpc_client_free(client);
	end(&pair);
	return 0;
}

static int a_message_over_the_limit_is_refused_before_it_is_sent(void *argument)
{
	struct gw_rpc_server_options options = {.message_bytes_max = 1000};
	struct pair pair = {0};
	struct gw_error error = {0};
	char text[2000];

	(void)argument;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	begin(&pair, &options, NULL);
	assert_int_equal(served_echo(pair.client, text, NULL, &error), GW_E_TOO_LARGE);
	text[900] = 0;
	assert_int_equal(served_echo(pair.client, text, NULL, &error), 0);
	end(&pair);
	return 0;
}

enum { BIG_REPLY = 5000 };

static int answer_big(struct gw_rpc_call *call, const void *handlers, void *context,
		      const struct ProtobufCMessage *request, struct ProtobufCMessage *reply,
		      struct gw_error *error)
{
	Fixture__Text *text = (Fixture__Text *)reply;

	(void)handlers;
	(void)request;
	(void)error;
	++*(int *)context;
	text->data.data = gw_rpc_allocate(call, BIG_REPLY);
	text->data.len = BIG_REPLY;
	return 0;
}

/* It is told so, and not sent a frame that ends its connection again and again. */
static int an_at_most_once_answer_over_the_callers_limit_is_too_large(void *argument)
{
	static const struct gw_rpc_method big = {.name = "Big",
						 .full_name = "test.Big.Big",
						 .id = 0x5a2f4d5a,
						 .semantics = GW_RPC_AT_MOST_ONCE,
						 .request = &fixture__number__descriptor,
						 .reply = &fixture__text__descriptor,
						 .run = answer_big};
	static const struct gw_rpc_service service = {
		.full_name = "test.Big", .methods = &big, .method_count = 1};
	struct gw_rpc_client_options options = {.message_bytes_max = BIG_REPLY - 1};
	Fixture__Number request = FIXTURE__NUMBER__INIT;
	struct ProtobufCMessage *reply;
	struct gw_rpc_server *server;
	struct gw_rpc_client *client;
	struct gw_error error = {0};
	int runs = 0;

	(void)argument;
	assert_int_equal(gw_rpc_server_new(&server, NULL, &error), 0);
	assert_int_equal(gw_rpc_server_add(server, &service, NULL, &runs, NULL, &error), 0);
	assert_int_equal(gw_rpc_server_listen(server, "127.0.0.1:0", &error), 0);
	assert_int_equal(gw_rpc_client_new(&client, gw_rpc_server_address(server), &options,
					   &error),
			 0);
	assert_int_equal(gw_rpc_invoke(client, &big, (const struct ProtobufCMessage *)&request,
				       &reply, NULL, &error),
			 GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "it ran, and its reply of"));
	assert_int_equal(runs, 1);
	gw_rpc_client_free(client);
	gw_rpc_server_free(server);
	return 0;
}

static int an_attachment_over_the_limit_is_refused_before_it_is_sent(void *argument)
{
	struct gw_rpc_server_options options = {.attachment_bytes_max = 1000};
	struct gw_rpc_call_options call = {0};
	struct pair pair = {0};
	struct gw_error error = {0};
	char bytes[1001] = "";

	(void)argument;
	begin(&pair, &options, NULL);
	call.attachment = (struct gw_bytes){bytes, sizeof(bytes)};
	assert_int_equal(served_echo(pair.client, "big", &call, &error), GW_E_TOO_LARGE);
	assert_int_equal(pair.served.echoes, 0);
	call.attachment.size--;
	assert_int_equal(served_echo(pair.client, "fits", &call, &error), 0);
	assert_int_equal(pair.served.attachment_bytes, 1000);
	end(&pair);
	return 0;
}

static int a_big_message_arrives_whole(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};
	char *text = malloc(3 << 20);

	(void)argument;
	assert_non_null(text);
	begin(&pair, NULL, NULL);
	for (size_t size = 60000; size < 3 << 20; size = 2 * size + 13) {
		memset(text, 'a', size);
		text[size / 2] = 'b';
		text[size - 1] = 0;
		assert_int_equal(served_echo(pair.client, text, NULL, &error), 0);
	}
	free(text);
	end(&pair);
	return 0;
}

static int frees_the_client(void *argument)
{
	struct pair *pair = argument;

	gw_rpc_client_free(pair->client);
	pair->client = NULL;
	return 0;
}

static int freeing_a_client_wakes_its_callers(void *argument)
{
	struct pair pair = {0};
	struct gw_group group = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	assert_int_equal(served_echo(pair.client, "first", NULL, &error), 0);
	pair.served.hold = true;
	assert_int_equal(gw_spawn(&group, frees_the_client, &pair, NULL), 0);
	assert_int_equal(served_echo(pair.client, "held", NULL, &error), GW_E_CANCELLED);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	end(&pair);
	return 0;
}

static int a_server_that_drains_finishes_what_runs(void *argument)
{
	struct pair pair = {0};
	struct gw_group group = {0};
	struct gw_rpc_call_options soon = {.deadline_ns = gw_after_ms(300)};
	struct gw_error error = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	pair.served.hold = true;
	assert_int_equal(gw_spawn(&group, holds, &pair, NULL), 0);
	while (pair.served.echoes == 0)
		assert_int_equal(gw_sleep_ms(1), 0);
	assert_int_equal(gw_rpc_server_drain(pair.server, gw_after_ms(5)), GW_E_TIMEOUT);
	pair.served.hold = false;
	assert_int_equal(gw_rpc_server_drain(pair.server, GW_FOREVER), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(served_echo(pair.client, "too late", &soon, &error), GW_E_UNREACHABLE);
	assert_int_equal(pair.served.echoes, 1);
	end(&pair);
	return 0;
}

static int calls_are_counted_by_method(void *argument)
{
	struct pair pair = {0};
	struct gw_rpc_method_metrics metrics = {0};
	uint64_t latencies = 0;
	size_t n = 0;

	(void)argument;
	begin(&pair, NULL, NULL);
	for (int i = 0; i < 7; i++)
		assert_int_equal(served_add(pair.client, 1, NULL, NULL), i + 1);
	pair.served.fail_code = GW_E_NO_SPACE;
	assert_int_equal(served_add(pair.client, 1, NULL, NULL), GW_E_NO_SPACE);
	while (gw_rpc_server_metrics(pair.server, n, &metrics) &&
	       strcmp(metrics.method->full_name, "fixture.Fixture.Add") != 0)
		n++;
	assert_int_equal(metrics.calls, 8);
	assert_int_equal(metrics.failures, 1);
	assert_int_equal(metrics.running, 0);
	for (size_t i = 0; i < GW_RPC_LATENCY_BUCKETS; i++)
		latencies += metrics.latency[i];
	assert_int_equal(latencies, 8);
	end(&pair);
	return 0;
}

static int the_trace_id_travels(void *argument)
{
	struct gw_rpc_call_options options = {.trace = 0x1234};
	struct pair pair = {0};

	(void)argument;
	begin(&pair, NULL, NULL);
	assert_int_equal(served_echo(pair.client, "traced", &options, NULL), 0);
	assert_int_equal(pair.served.trace, 0x1234);
	assert_int_equal(served_echo(pair.client, "traced", NULL, NULL), 0);
	assert_true(pair.served.trace != 0 && pair.served.trace != 0x1234);
	end(&pair);
	return 0;
}

/* A line of what a handler does for one caller is found by the id that the caller gave. */
static int the_trace_id_is_in_log_lines(void *argument)
{
	struct gw_rpc_call_options options = {.trace = 0xa1b2};
	struct base_log log = {.level = BASE_LOG_INFO, .name = "test", .trace = rpc_trace};
	struct pair pair = {0};
	char text[400] = "";
	FILE *file = tmpfile();

	(void)argument;
	assert_non_null(file);
	log.fd = fileno(file);
	begin(&pair, NULL, NULL);
	pair.served.log = &log;
	assert_int_equal(served_echo(pair.client, "traced", &options, NULL), 0);
	rewind(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "1970-01-01T00:00:00.000Z test: info: [000000000000a1b2] "
				  "echo of traced\n");
	assert_int_equal(fclose(file), 0);
	end(&pair);
	return 0;
}

/* Wherever memory is short, at either end, while a connection is made or used: the call fails or is
 * sent again, runs at most once, and the next one is as good as ever. */
static int each_allocation_of_a_call_may_fail(void *argument)
{
	bool failed = true;
	uint64_t number;

	(void)argument;
	for (number = 1; failed && number < 500; number++) {
		struct gw_rpc_client_options options = {.backoff_ms_min = 1, .keepalive_ms = 100};
		struct gw_rpc_call_options soon = {.deadline_ns = gw_after_ms(1000)};
		struct pair pair = {0};
		int64_t total;
		int result;

		begin(&pair, NULL, &options);
		test_fail_allocation(number);
		result = served_echo(pair.client, "short of memory", &soon, NULL);
		total = served_add(pair.client, 1, &soon, NULL);
		failed = test_allocation_failed();
		test_fail_allocation(0);
		assert_true(result == 0 || result == GW_E_NO_MEMORY || result == GW_E_OVERLOADED);
		assert_true(total == 1 || total == GW_E_NO_MEMORY || total == GW_E_OVERLOADED ||
			    total == GW_E_OUTCOME_UNKNOWN);
		assert_true(pair.served.adds <= 1);
		if (total == 1)
			assert_int_equal(pair.served.adds, 1);
		assert_int_equal(served_add(pair.client, 0, NULL, NULL), pair.served.total);
		end(&pair);
	}
	assert_in_range(number, 15, 400);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(a_call_gets_its_answer),
		in_a_task(a_failure_comes_back_with_its_sentence),
		in_a_task(many_calls_share_one_connection),
		in_a_task(the_deadline_travels_and_ends_the_handler),
		in_a_task(a_cancelled_call_cancels_its_handler),
		in_a_task(over_its_limit_a_server_says_overloaded_at_once),
		in_a_task(server_and_client_have_limits_of_their_own),
		in_a_task(an_at_most_once_answer_has_no_attachment),
		in_a_task(an_unknown_method_is_not_found),
		in_a_task(who_is_hasty_is_told_at_once),
		in_a_task(where_nobody_listens_is_unreachable),
		in_a_task(addresses_are_tried_in_turn),
		in_a_task(a_message_over_the_limit_is_refused_before_it_is_sent),
		in_a_task(an_at_most_once_answer_over_the_callers_limit_is_too_large),
		in_a_task(an_attachment_over_the_limit_is_refused_before_it_is_sent),
		in_a_task(a_big_message_arrives_whole),
		in_a_task(freeing_a_client_wakes_its_callers),
		in_a_task(a_server_that_drains_finishes_what_runs),
		in_a_task(calls_are_counted_by_method),
		in_a_task(the_trace_id_travels),
		in_a_task(the_trace_id_is_in_log_lines),
		in_a_task(each_allocation_of_a_call_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
