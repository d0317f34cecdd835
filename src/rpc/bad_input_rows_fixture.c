/* SPDX-License-Identifier: Apache-2.0 */
/* bad_input_rows_fixture.c - what is sent by peers that do not keep to the protocol. */
#include "rpc/bad_input_fixture.h"

#include "base/crc32c.h"

#include "support/unit.h"

/* ---- Frames ------------------------------------------------------------------------------- */

static void put(struct base_buffer *buffer, const void *data, size_t size)
{
	assert_int_equal(base_buffer_append(buffer, data, size, NULL), 0);
}

void frame_put(struct base_buffer *buffer, struct rpc_header header, struct gw_bytes payload)
{
	uint8_t front[RPC_FRAME_BYTES_MAX];

	header.payload_bytes = (uint32_t)payload.size;
	if (!header.payload_crc)
		header.payload_crc = rpc_payload_crc(&header, payload);
	put(buffer, front, rpc_header_encode(&header, front));
	if (payload.size > 0)
		put(buffer, payload.data, payload.size);
}

void frame_put_hello(struct base_buffer *buffer)
{
	struct rpc_hello hello = {.message_bytes_max = 1 << 20, .attachment_bytes_max = 1 << 20};
	uint8_t payload[RPC_HELLO_BYTES];

	rpc_hello_encode(&hello, payload);
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_HELLO},
		  (struct gw_bytes){payload, sizeof(payload)});
}

/* A call of Fixture.Echo. */
struct rpc_header bad_input_echo(uint64_t call)
{
	return (struct rpc_header){.kind = RPC_KIND_CALL, .call = call, .number = UINT64_MAX,
				   .method = gw_rpc_method_id("fixture.Fixture.Echo")};
}

struct gw_bytes bad_input_echo_payload(void)
{
	/* Text{text: "hello"} */
	static const uint8_t text[] = {0x0a, 5, 'h', 'e', 'l', 'l', 'o'};

	return (struct gw_bytes){text, sizeof(text)};
}

void bad_input_put_echo(struct base_buffer *buffer, uint64_t call)
{
	frame_put(buffer, bad_input_echo(call),
		  bad_input_echo_payload());
}

/* ---- What is sent ------------------------------------------------------------------------- */

static void garbage(struct base_buffer *buffer, uint64_t *seed)
{
	size_t size = 64 + test_pick(seed, 4000);

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)test_random(seed);

		put(buffer, &byte, 1);
	}
}

static void garbage_after_the_greeting(struct base_buffer *buffer, uint64_t *seed)
{
	frame_put_hello(buffer);
	garbage(buffer, seed);
}

static void another_protocol(struct base_buffer *buffer, uint64_t *seed)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: groundwork\r\n"
				   "Accept: text/html, text/plain\r\n\r\n";

	(void)seed;
	put(buffer, text, sizeof(text) - 1);
}

static void a_flipped_bit_in_a_header(struct base_buffer *buffer, uint64_t *seed)
{
	size_t start, bit;

	frame_put_hello(buffer);
	start = buffer->size;
	bad_input_put_echo(buffer, 1);
	bit = test_pick(seed, RPC_HEADER_BYTES * 8);
	buffer->data[start + bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void a_flipped_bit_in_a_message(struct base_buffer *buffer, uint64_t *seed)
{
	size_t start, bit;

	frame_put_hello(buffer);
	bad_input_put_echo(buffer, 1);
	start = buffer->size - bad_input_echo_payload().size;
	bit = test_pick(seed, bad_input_echo_payload().size * 8);
	buffer->data[start + bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* The fields of a header of an echo call set to bytes, with the right checksum. */
static void put_patched(struct base_buffer *buffer, size_t offset, const void *bytes, size_t size)
{
	struct rpc_header header = bad_input_echo(1);
	uint8_t front[RPC_FRAME_BYTES_MAX];
	uint32_t crc;

	header.payload_bytes = bad_input_echo_payload().size;
	header.payload_crc = rpc_payload_crc(&header,
		  bad_input_echo_payload());
	assert_int_equal(rpc_header_encode(&header, front), RPC_HEADER_BYTES);
	memcpy(front + offset, bytes, size);
	crc = base_crc32c(0, front, RPC_HEADER_BYTES - 4);
	memcpy(front + RPC_HEADER_BYTES - 4, &crc, 4);
	put(buffer, front, RPC_HEADER_BYTES);
	put(buffer, bad_input_echo_payload().data, bad_input_echo_payload().size);
}

static void another_version(struct base_buffer *buffer, uint64_t *seed)
{
	uint8_t version = (uint8_t)(RPC_VERSION + 1 + test_pick(seed, 250));

	put_patched(buffer, 2, &version, 1);
}

static void an_unknown_kind(struct base_buffer *buffer, uint64_t *seed)
{
	uint8_t kind = (uint8_t)(RPC_KIND_MAX + 1 + test_pick(seed, 200));

	frame_put_hello(buffer);
	put_patched(buffer, 3, &kind, 1);
}

static void unknown_flags(struct base_buffer *buffer, uint64_t *seed)
{
	uint16_t flags = (uint16_t)((RPC_FLAG_ALL + 1) << test_pick(seed, 12));

	frame_put_hello(buffer);
	put_patched(buffer, 4, &flags, 2);
}

static void a_message_over_the_limit(struct base_buffer *buffer, uint64_t *seed)
{
	uint32_t size = BAD_INPUT_MESSAGE_BYTES_MAX + 1;

	if (test_pick(seed, 2))
		size = UINT32_MAX;
	frame_put_hello(buffer);
	put_patched(buffer, 8, &size, 4);
}

static void an_attachment_over_the_limit(struct base_buffer *buffer, uint64_t *seed)
{
	uint64_t size = test_pick(seed, 2) ? UINT64_MAX : BAD_INPUT_ATTACHMENT_BYTES_MAX + 1;

	frame_put_hello(buffer);
	put_patched(buffer, 32, &size, 8);
}

static void a_greeting_that_is_huge(struct base_buffer *buffer, uint64_t *seed)
{
	static const uint8_t payload[1000];

	(void)seed;
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_HELLO},
		  (struct gw_bytes){payload, sizeof(payload)});
}

static void a_greeting_that_is_short(struct base_buffer *buffer, uint64_t *seed)
{
	static const uint8_t payload[RPC_HELLO_BYTES];

	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_HELLO},
		  (struct gw_bytes){payload, test_pick(seed, RPC_HELLO_BYTES)});
}

static void a_call_before_the_greeting(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	bad_input_put_echo(buffer, 1);
}

static void two_greetings(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	frame_put_hello(buffer);
}

static void part_of_a_frame(struct base_buffer *buffer, uint64_t *seed)
{
	size_t start;

	frame_put_hello(buffer);
	start = buffer->size;
	bad_input_put_echo(buffer, 1);
	buffer->size = start + 1 + test_pick(seed, buffer->size - start - 1);
}

static void an_answer_to_nobody(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_REPLY, .call = 1},
		  bad_input_echo_payload());
}

static void an_unknown_method(struct base_buffer *buffer, uint64_t *seed)
{
	struct rpc_header header = bad_input_echo(1);

	header.method = (uint32_t)test_random(seed);
	frame_put_hello(buffer);
	frame_put(buffer, header,
		  bad_input_echo_payload());
}

static void a_message_that_does_not_parse(struct base_buffer *buffer, uint64_t *seed)
{
	static const uint8_t texts[][4] = {
		{0x0a, 200, 'x', 'y'},        /* longer than there is */
		{0x0a, 0xff, 0xff, 0xff},     /* a length without end */
		{0xff, 0xff, 0xff, 0xff},     /* a tag without end */
		{0x0f, 0, 0, 0},              /* no such wire type */
		{0x0a, 2, 0xff, 0xfe},        /* no UTF-8 */
	};

	frame_put_hello(buffer);
	frame_put(buffer, bad_input_echo(1), (struct gw_bytes){texts[test_pick(seed, 5)], 4});
}

static void a_part_of_no_attachment(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_PART, .call = 77},
		  bad_input_echo_payload());
	bad_input_put_echo(buffer, 1);
}

static void a_cancel_of_no_call(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_CANCEL, .call = 99},
		  (struct gw_bytes){0});
	bad_input_put_echo(buffer, 1);
}

static void a_deadline_that_has_passed(struct base_buffer *buffer, uint64_t *seed)
{
	struct rpc_header header = bad_input_echo(1);

	(void)seed;
	header.number = 0;
	frame_put_hello(buffer);
	frame_put(buffer, header,
		  bad_input_echo_payload());
}

static const uint8_t part_text[] = "seven b";

/* An echo call, and its attachment in one part; crc 0: the right one. */
static void put_attachment(struct base_buffer *buffer, uint16_t flags, uint32_t crc)
{
	struct rpc_header header = bad_input_echo(1);
	struct rpc_header part = {.kind = RPC_KIND_PART, .call = 1, .flags = flags,
				  .payload_crc = crc, .attachment_bytes = sizeof(part_text)};

	header.attachment_bytes = sizeof(part_text);
	frame_put_hello(buffer);
	frame_put(buffer, header,
		  bad_input_echo_payload());
	frame_put(buffer, part, (struct gw_bytes){part_text, sizeof(part_text)});
}

static void a_part_with_a_wrong_checksum(struct base_buffer *buffer, uint64_t *seed)
{
	put_attachment(buffer, 0, 1 + (uint32_t)test_pick(seed, UINT32_MAX - 1));
}

static void a_part_with_a_checksum_of_its_own(struct base_buffer *buffer, uint64_t *seed)
{
	put_attachment(buffer, RPC_FLAG_UNCHECKED, 1 + (uint32_t)test_pick(seed, 1000));
}

static void a_call_id_that_is_in_use(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	bad_input_put_echo(buffer, 1);
	bad_input_put_echo(buffer, 1);
}

static void a_call_without_an_id(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	bad_input_put_echo(buffer, 0);
}

static void an_item_that_was_not_asked_for(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	bad_input_put_echo(buffer, 1);
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_ITEM, .call = 1},
		  bad_input_echo_payload());
}

static void more_credit_than_there_can_be(struct base_buffer *buffer, uint64_t *seed)
{
	uint32_t items = test_pick(seed, 2) ? UINT32_MAX : RPC_ITEMS_AHEAD + 1;

	frame_put_hello(buffer);
	bad_input_put_echo(buffer, 1);
	frame_put(buffer,
		  (struct rpc_header){.kind = RPC_KIND_CREDIT, .call = 1, .method = items},
		  (struct gw_bytes){0});
}

static void an_acknowledgement_of_nobody(struct base_buffer *buffer, uint64_t *seed)
{
	(void)seed;
	frame_put_hello(buffer);
	frame_put(buffer, (struct rpc_header){.kind = RPC_KIND_ACK}, (struct gw_bytes){0});
}

static void an_unknown_service(struct base_buffer *buffer, uint64_t *seed)
{
	struct rpc_header header = {.kind = RPC_KIND_OPEN, .flags = RPC_FLAG_ONCE, .call = 1};

	header.method = (uint32_t)test_random(seed);
	frame_put_hello(buffer);
	frame_put(buffer, header, (struct gw_bytes){0});
}

/* At most once, and nobody says whose call it is. */
static void put_add(struct base_buffer *buffer, uint16_t flags, const struct rpc_once *once)
{
	struct rpc_header header = bad_input_echo(1);

	header.method = gw_rpc_method_id("fixture.Fixture.Add");
	header.flags = flags;
	header.once = *once;
	frame_put_hello(buffer);
	frame_put(buffer, header, (struct gw_bytes){"\x08\x05", 2});
}

static void a_call_of_nobody(struct base_buffer *buffer, uint64_t *seed)
{
	struct rpc_once once = {.first_incomplete = 1};

	put_add(buffer, test_pick(seed, 2) ? RPC_FLAG_ONCE : 0, &once);
}

static void a_call_of_an_unknown_client(struct base_buffer *buffer, uint64_t *seed)
{
	struct rpc_once once = {{{test_random(seed), 1}}, 1 + test_random(seed) / 2,
				test_random(seed), 0, 0, 0};

	put_add(buffer, RPC_FLAG_ONCE, &once);
}

const struct bad_input bad_inputs[] = {
	{"garbage", garbage, BAD_INPUT_HUNG_UP, 0, false, 30},
	{"garbage after the greeting", garbage_after_the_greeting, BAD_INPUT_HUNG_UP, 0, false, 30},
	{"another protocol", another_protocol, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"a flipped bit in a header", a_flipped_bit_in_a_header, BAD_INPUT_HUNG_UP, 0, false, 40},
	{"a flipped bit in a message", a_flipped_bit_in_a_message, BAD_INPUT_HUNG_UP, 0, false, 20},
	{"another version", another_version, BAD_INPUT_HUNG_UP, 0, false, 5},
	{"an unknown kind", an_unknown_kind, BAD_INPUT_HUNG_UP, 0, false, 5},
	{"unknown flags", unknown_flags, BAD_INPUT_HUNG_UP, 0, false, 5},
	{"a message over the limit", a_message_over_the_limit, BAD_INPUT_HUNG_UP, 0, false, 4},
	{"an attachment over the limit", an_attachment_over_the_limit, BAD_INPUT_HUNG_UP, 0, false,
	 4},
	{"a greeting that is huge", a_greeting_that_is_huge, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"a greeting that is short", a_greeting_that_is_short, BAD_INPUT_HUNG_UP, 0, false, 5},
	{"a call before the greeting", a_call_before_the_greeting, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"two greetings", two_greetings, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"part of a frame and the end", part_of_a_frame, BAD_INPUT_HUNG_UP, 0, true, 20},
	{"an answer to nobody", an_answer_to_nobody, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"an unknown method", an_unknown_method, BAD_INPUT_ANSWERED, GW_E_NOT_FOUND, false, 3},
	{"a message that does not parse", a_message_that_does_not_parse, BAD_INPUT_ANSWERED,
	 GW_E_CORRUPT, false, 20},
	{"a part of no attachment", a_part_of_no_attachment, BAD_INPUT_ANSWERED, 0, false, 0},
	{"a cancel of no call", a_cancel_of_no_call, BAD_INPUT_ANSWERED, 0, false, 0},
	{"a part with a wrong checksum", a_part_with_a_wrong_checksum, BAD_INPUT_HUNG_UP, 0, false,
	 5},
	{"a part with a checksum of its own", a_part_with_a_checksum_of_its_own,
	 BAD_INPUT_ANSWERED, 0, false, 5},
	{"a call id that is in use", a_call_id_that_is_in_use, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"a call without an id", a_call_without_an_id, BAD_INPUT_HUNG_UP, 0, false, 0},
	{"an item that was not asked for", an_item_that_was_not_asked_for, BAD_INPUT_HUNG_UP, 0,
	 false, 0},
	{"more credit than there can be", more_credit_than_there_can_be, BAD_INPUT_HUNG_UP, 0,
	 false, 4},
	{"an acknowledgement of nobody", an_acknowledgement_of_nobody, BAD_INPUT_HUNG_UP, 0, false,
	 0},
	{"an unknown service", an_unknown_service, BAD_INPUT_ANSWERED, GW_E_NOT_FOUND, false, 3},
	{"a call of nobody", a_call_of_nobody, BAD_INPUT_ANSWERED, GW_E_INVALID, false, 4},
	{"a call of an unknown client", a_call_of_an_unknown_client, BAD_INPUT_ANSWERED,
	 GW_E_STALE, false, 5},
	{"a deadline that has passed", a_deadline_that_has_passed, BAD_INPUT_ANSWERED,
	 GW_E_TIMEOUT, false, 0},
	{0},
};
