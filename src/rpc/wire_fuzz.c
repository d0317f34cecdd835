/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_fuzz.c - bytes of any kind as each thing on the wire that is no message: header, once block,
 * greeting, answer to an opening, failure, whose call it is, and the address in a redirect. The
 * first byte says which. What is read is written to the same bytes again.
 */
#include "rpc/address.h"
#include "rpc/dup.h"
#include "rpc/frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header(struct gw_bytes in)
{
	uint8_t bytes[RPC_FRAME_BYTES_MAX];
	struct gw_error error = {0};
	struct rpc_header header;

	if (in.size < RPC_HEADER_BYTES)
		return;
	if (rpc_header_decode(in.data, &header, &error) < 0) {
		assert(error.text[0]);
		return;
	}
	assert(header.kind >= 1 && header.kind <= RPC_KIND_MAX);
	header.once = (struct rpc_once){0};
	(void)rpc_header_encode(&header, bytes);
	assert(memcmp(bytes, in.data, RPC_HEADER_BYTES) == 0);
}

static void once(struct gw_bytes in)
{
	uint8_t bytes[RPC_ONCE_BYTES];
	struct rpc_once once;

	if (in.size < RPC_ONCE_BYTES)
		return;
	rpc_once_decode(in.data, &once);
	rpc_once_encode(&once, bytes);
	assert(memcmp(bytes, in.data, sizeof(bytes)) == 0);
}

static void identity(struct gw_bytes in)
{
	uint8_t bytes[RPC_DUP_CALL_BYTES];
	struct rpc_dup_call call;

	if (in.size < RPC_DUP_CALL_BYTES)
		return;
	rpc_dup_call_decode(in.data, &call);
	rpc_dup_call_encode(&call, bytes);
	assert(memcmp(bytes, in.data, sizeof(bytes)) == 0);
}

static void greeting(struct gw_bytes in)
{
	uint8_t bytes[RPC_HELLO_BYTES];
	struct rpc_hello hello;

	if (rpc_hello_decode(in, &hello, NULL) < 0)
		return;
	rpc_hello_encode(&hello, bytes);
	assert(memcmp(bytes, in.data, 4) == 0 &&
	       memcmp(bytes + 8, (const uint8_t *)in.data + 8, 8) == 0);
}

static void opened(struct gw_bytes in)
{
	uint8_t bytes[RPC_OPENED_BYTES];
	struct rpc_opened opened;

	if (rpc_opened_decode(in, &opened, NULL) < 0)
		return;
	rpc_opened_encode(&opened, bytes);
	assert(memcmp(bytes, in.data, sizeof(bytes)) == 0);
}

static void failure(struct gw_bytes in)
{
	const uint8_t *start = in.data;
	struct rpc_failure failure;

	if (rpc_failure_decode(in, &failure, NULL) < 0)
		return;
	assert(failure.redirect.size <= RPC_REDIRECT_BYTES_MAX);
	assert((const uint8_t *)failure.redirect.data == start + 2);
	assert((const uint8_t *)failure.text.data + failure.text.size == start + in.size);
}

/* A redirect comes from a server; as text it ends at its first NUL. */
static void address(struct gw_bytes in)
{
	struct gw_error error = {0};
	struct rpc_address parsed;
	char text[RPC_REDIRECT_BYTES_MAX + 1];
	const char *at = text;
	size_t size = in.size < RPC_REDIRECT_BYTES_MAX ? in.size : RPC_REDIRECT_BYTES_MAX;

	if (size > 0)
		memcpy(text, in.data, size);
	text[size] = 0;
	while (rpc_address_parse(&at, &parsed, &error) == 0) {
		assert(at > text && at <= text + strlen(text));
		if (!*at)
			return;
	}
	assert(error.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct gw_bytes) = {header, once,    identity, greeting,
							   opened, failure, address};

	if (size > 0)
		readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](
			(struct gw_bytes){data + 1, size - 1});
	return 0;
}
