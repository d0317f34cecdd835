/* SPDX-License-Identifier: Apache-2.0 */
/* flow_test.c - streams and attachments over real sockets. */
#include "rpc/address.h"
#include "rpc/bad_input_fixture.h"
#include "rpc/pair_fixture.h"
#include "task/await.h"

#include <stdlib.h>

static int items_stream_both_ways(void *argument)
{
	struct pair pair = {0};
	struct gw_rpc_call *call;
	struct gw_error error = {0};
	Fixture__Number number = FIXTURE__NUMBER__INIT, *item, *sum;
	int64_t next = 1;

	(void)argument;
	begin(&pair, NULL, NULL);
	number.number = 1000;
	assert_int_equal(fixture_count_open(pair.client, &number, NULL, &call, &error), 0);
	while (fixture_count_reply_receive(call, &item, &error) == 1) {
		assert_int_equal(item->number, next++);
		gw_rpc_reply_free(item);
	}
	assert_int_equal(next, 1001);
	assert_int_equal(fixture_count_finish(call, &error), 0);
	assert_int_equal(fixture_sum_open(pair.client, NULL, &call, &error), 0);
	for (number.number = 1; number.number <= 1000; number.number++)
		assert_int_equal(fixture_sum_request_send(call, &number, &error), 0);
	assert_int_equal(gw_rpc_item_end(call, &error), 0);
	assert_int_equal(fixture_sum_finish(call, &sum, &error), 0);
	assert_int_equal(sum->number, 500500);
	gw_rpc_reply_free(sum);
	end(&pair);
	return 0;
}

static int a_slow_reader_of_a_stream_holds_up_its_sender_only(void *argument)
{
	struct pair pair = {0};
	struct gw_rpc_call *call;
	struct gw_error error = {0};
	Fixture__Number number = FIXTURE__NUMBER__INIT, *item;

	(void)argument;
	begin(&pair, NULL, NULL);
	number.number = 100000000;
	assert_int_equal(fixture_count_open(pair.client, &number, NULL, &call, &error), 0);
	assert_int_equal(fixture_count_reply_receive(call, &item, &error), 1);
	gw_rpc_reply_free(item);
	/* Others go on, and leaving ends the sender. */
	assert_int_equal(served_echo(pair.client, "meanwhile", NULL, &error), 0);
	gw_rpc_abandon(call);
	assert_int_equal(served_echo(pair.client, "and after", NULL, &error), 0);
	end(&pair);
	return 0;
}

enum { BULK = 3000000 };

static uint8_t *bulk(uint64_t *sum)
{
	uint8_t *bytes = malloc(BULK);

	assert_non_null(bytes);
	*sum = 0;
	for (uint64_t i = 0; i < BULK; i++) {
		bytes[i] = served_byte(i);
		*sum += bytes[i];
	}
	return bytes;
}

static int an_attachment_goes_there_and_back(void *argument)
{
	static const size_t sizes[] = {BULK, 1 << 20, 100000, 1000, 65536};
	struct pair pair = {0};
	struct gw_error error = {0};
	uint64_t sum;
	uint8_t *bytes = bulk(&sum), *back = malloc(BULK);
	size_t back_bytes = 0;
	struct gw_rpc_call_options options = {.attachment = {bytes, BULK},
					      .reply_attachment = back,
					      .reply_attachment_max = BULK,
					      .reply_attachment_bytes = &back_bytes};

	(void)argument;
	assert_non_null(back);
	begin(&pair, NULL, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		pair.served.read_bytes = sizes[i];
		pair.served.give_back = i != 1;
		memset(back, 0, BULK);
		assert_int_equal(served_echo(pair.client, "bulk", &options, &error), 0);
		assert_int_equal(pair.served.attachment_bytes, BULK);
		assert_int_equal(pair.served.attachment_sum, sum);
		assert_int_equal(back_bytes, i != 1 ? BULK : 0);
		if (i != 1)
			assert_memory_equal(back, bytes, BULK);
	}
	free(bytes);
	free(back);
	end(&pair);
	return 0;
}

static int an_attachment_passes_through_a_pipeline_of_servers(void *argument)
{
	struct pair first = {0}, second = {0};
	struct gw_error error = {0};
	uint64_t sum;
	uint8_t *bytes = bulk(&sum);
	struct gw_rpc_call_options options = {.attachment = {bytes, BULK},
					      .deadline_ns = gw_after_ms(4000),
					      .trace = 77};

	(void)argument;
	begin(&second, NULL, NULL);
	begin(&first, NULL, NULL);
	first.served.next = second.client;
	second.served.read_bytes = 30000;
	assert_int_equal(served_echo(first.client, "on and on", &options, &error), 0);
	assert_int_equal(second.served.attachment_bytes, BULK);
	assert_int_equal(second.served.attachment_sum, sum);
	assert_int_equal(second.served.trace, 77);
	/* What is left of four seconds, and not the ten that a call without a deadline has. */
	assert_true(second.served.deadline_ns <= first.served.deadline_ns + 1000000000);
	free(bytes);
	end(&first);
	end(&second);
	return 0;
}

static int an_attachment_nobody_reads_is_left_alone(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};
	uint64_t sum;
	uint8_t *bytes = bulk(&sum);
	struct gw_rpc_call_options options = {.attachment = {bytes, BULK}};

	(void)argument;
	begin(&pair, NULL, NULL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(served_echo(pair.client, "unread", &options, &error), 0);
	assert_int_equal(pair.served.attachment_bytes, BULK);
	free(bytes);
	end(&pair);
	return 0;
}

static int a_reply_attachment_over_its_buffer_is_too_large(void *argument)
{
	struct pair pair = {0};
	struct gw_error error = {0};
	uint64_t sum;
	uint8_t *bytes = bulk(&sum), small[16];
	struct gw_rpc_call_options options = {.attachment = {bytes, BULK},
					      .reply_attachment = small,
					      .reply_attachment_max = sizeof(small),
					      .deadline_ns = gw_after_ms(2000)};

	(void)argument;
	begin(&pair, NULL, NULL);
	pair.served.read_bytes = 50000;
	pair.served.give_back = true;
	assert_int_equal(served_echo(pair.client, "big", &options, &error), GW_E_TOO_LARGE);
	assert_int_equal(served_echo(pair.client, "after", NULL, &error), 0);
	free(bytes);
	end(&pair);
	return 0;
}

/* ---- Checksums on the wire ---------------------------------------------------------------- */

/* A client in a task, whose frames are read by hand. */
struct sender {
	char address[64];
	bool is_checked;
	int result;
};

static int sends(void *argument)
{
	struct sender *sender = argument;
	struct gw_rpc_call_options options = {.attachment = gw_string("with a checksum inside"),
					      .attachment_is_checked = sender->is_checked};
	struct gw_rpc_client *client;

	assert_int_equal(gw_rpc_client_new(&client, sender->address, NULL, NULL), 0);
	sender->result = served_echo(client, "x", &options, NULL);
	gw_rpc_client_free(client);
	return 0;
}

static void answer(struct raw *raw, uint64_t call)
{
	static const uint8_t text[] = {0x0a, 1, 'x'};
	struct base_buffer buffer = {0};

	frame_put(&buffer, (struct rpc_header){.kind = RPC_KIND_REPLY, .call = call},
		  (struct gw_bytes){text, sizeof(text)});
	assert_int_equal(raw_send(raw, base_buffer_bytes(&buffer)), 0);
	base_buffer_done(&buffer);
}

/* The header of the part that comes with the call. */
static struct rpc_header part_of(struct io_listener *listener, struct sender *sender)
{
	struct raw *raw = calloc(1, sizeof(*raw));
	struct task_request accept = {0};
	struct gw_group group = {0};
	struct base_buffer hello = {0};
	struct rpc_header call, part;

	assert_int_equal(gw_spawn(&group, sends, sender, NULL), 0);
	io_accept(task_io(), &accept.request, listener, &raw->stream, task_request_done);
	assert_int_equal(task_await(&accept, GW_FOREVER), 0);
	raw_begin(raw);
	frame_put_hello(&hello);
	assert_int_equal(raw_send(raw, base_buffer_bytes(&hello)), 0);
	assert_true(raw_frame(raw, &call) && call.kind == RPC_KIND_CALL);
	assert_true(raw_frame(raw, &part) && part.kind == RPC_KIND_PART);
	answer(raw, call.call);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(sender->result, 0);
	raw_close(raw, false);
	base_buffer_done(&hello);
	free(raw);
	return part;
}

static int an_attachment_with_a_checksum_of_its_own_gets_no_second(void *argument)
{
	struct io_address place = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};
	struct sender sender = {.is_checked = true};
	struct io_listener *listener;
	struct rpc_header part;

	(void)argument;
	assert_int_equal(io_listen(task_io(), &place, &listener, NULL), 0);
	io_listener_address(task_io(), listener, &place);
	(void)rpc_address_format(&place, sender.address, sizeof(sender.address));
	part = part_of(listener, &sender);
	assert_int_equal(part.flags, RPC_FLAG_UNCHECKED);
	assert_int_equal(part.payload_crc, 0);
	sender.is_checked = false;
	part = part_of(listener, &sender);
	assert_int_equal(part.flags, 0);
	assert_int_equal(part.payload_crc,
			 rpc_payload_crc(&part, gw_string("with a checksum inside")));
	io_listener_close(task_io(), listener);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(items_stream_both_ways),
		in_a_task(a_slow_reader_of_a_stream_holds_up_its_sender_only),
		in_a_task(an_attachment_goes_there_and_back),
		in_a_task(an_attachment_passes_through_a_pipeline_of_servers),
		in_a_task(an_attachment_nobody_reads_is_left_alone),
		in_a_task(a_reply_attachment_over_its_buffer_is_too_large),
		in_a_task(an_attachment_with_a_checksum_of_its_own_gets_no_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
