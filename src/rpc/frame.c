/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - frame headers to bytes and back. */
#include "rpc/frame.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>

static const char *const kind_names[RPC_KIND_MAX + 1] = {
	[RPC_KIND_HELLO] = "hello", [RPC_KIND_CALL] = "call",     [RPC_KIND_REPLY] = "reply",
	[RPC_KIND_CANCEL] = "cancel", [RPC_KIND_ACK] = "ack",     [RPC_KIND_PING] = "ping",
	[RPC_KIND_ITEM] = "item",   [RPC_KIND_END] = "end",       [RPC_KIND_CREDIT] = "credit",
	[RPC_KIND_PART] = "part",   [RPC_KIND_OPEN] = "open",     [RPC_KIND_AWAY] = "away",
};

const char *rpc_kind_name(unsigned kind)
{
	return kind >= 1 && kind <= RPC_KIND_MAX ? kind_names[kind] : "unknown";
}

void rpc_once_encode(const struct rpc_once *once, uint8_t out[RPC_ONCE_BYTES])
{
	base_store64(out, once->client.words[0]);
	base_store64(out + 8, once->client.words[1]);
	base_store64(out + 16, once->sequence);
	base_store64(out + 24, once->first_incomplete);
	base_store64(out + 32, once->object);
	base_store64(out + 40, once->incarnation);
	base_store64(out + 48, once->reply_credit_bytes);
}

void rpc_once_decode(const uint8_t in[RPC_ONCE_BYTES], struct rpc_once *once)
{
	once->client.words[0] = base_load64(in);
	once->client.words[1] = base_load64(in + 8);
	once->sequence = base_load64(in + 16);
	once->first_incomplete = base_load64(in + 24);
	once->object = base_load64(in + 32);
	once->incarnation = base_load64(in + 40);
	once->reply_credit_bytes = base_load64(in + 48);
}

size_t rpc_header_encode(const struct rpc_header *header, uint8_t out[RPC_FRAME_BYTES_MAX])
{
	assert(header->kind >= 1 && header->kind <= RPC_KIND_MAX);
	assert((header->flags & ~RPC_FLAG_ALL) == 0);
	base_store16(out, RPC_MAGIC);
	out[2] = RPC_VERSION;
	out[3] = header->kind;
	base_store16(out + 4, header->flags);
	base_store16(out + 6, 0);
	base_store32(out + 8, header->payload_bytes);
	base_store32(out + 12, header->method);
	base_store64(out + 16, header->call);
	base_store64(out + 24, header->number);
	base_store64(out + 32, header->attachment_bytes);
	base_store64(out + 40, header->trace);
	base_store32(out + 48, header->payload_crc);
	base_store32(out + 52, base_crc32c(0, out, 52));
	if (!(header->flags & RPC_FLAG_ONCE))
		return RPC_HEADER_BYTES;
	rpc_once_encode(&header->once, out + RPC_HEADER_BYTES);
	return RPC_HEADER_BYTES + RPC_ONCE_BYTES;
}

static int header_check(const uint8_t in[RPC_HEADER_BYTES], struct gw_error *error)
{
	if (base_load16(in) != RPC_MAGIC)
		return gw_fail(error, GW_E_CORRUPT, "not a frame: it begins with 0x%02x%02x", in[1],
			       in[0]);
	if (in[2] != RPC_VERSION)
		return gw_fail(error, GW_E_VERSION, "frame of version %u, we speak %u", in[2],
			       RPC_VERSION);
	if (base_load32(in + 52) != base_crc32c(0, in, 52))
		return gw_fail(error, GW_E_CORRUPT, "frame header: checksum mismatch");
	if (in[3] < 1 || in[3] > RPC_KIND_MAX)
		return gw_fail(error, GW_E_CORRUPT, "frame of unknown kind %u", in[3]);
	if (base_load16(in + 4) & ~(unsigned)RPC_FLAG_ALL || base_load16(in + 6))
		return gw_fail(error, GW_E_CORRUPT, "%s frame with unknown flags 0x%x",
			       rpc_kind_name(in[3]), base_load16(in + 4));
	return 0;
}

int rpc_header_decode(const uint8_t in[RPC_HEADER_BYTES], struct rpc_header *header,
		      struct gw_error *error)
{
	int result = header_check(in, error);

	if (result < 0)
		return result;
	header->kind = in[3];
	header->flags = base_load16(in + 4);
	header->payload_bytes = base_load32(in + 8);
	header->method = base_load32(in + 12);
	header->call = base_load64(in + 16);
	header->number = base_load64(in + 24);
	header->attachment_bytes = base_load64(in + 32);
	header->trace = base_load64(in + 40);
	header->payload_crc = base_load32(in + 48);
	header->once = (struct rpc_once){0};
	return 0;
}

uint32_t rpc_payload_crc(const struct rpc_header *header, struct gw_bytes payload)
{
	uint8_t block[RPC_ONCE_BYTES];
	uint32_t crc = 0;

	if (header->flags & RPC_FLAG_ONCE) {
		rpc_once_encode(&header->once, block);
		crc = base_crc32c(0, block, sizeof(block));
	}
	return base_crc32c(crc, payload.data, payload.size);
}

void rpc_hello_encode(const struct rpc_hello *hello, uint8_t out[RPC_HELLO_BYTES])
{
	base_store32(out, hello->message_bytes_max);
	base_store32(out + 4, 0);
	base_store64(out + 8, hello->attachment_bytes_max);
}

int rpc_hello_decode(struct gw_bytes in, struct rpc_hello *hello, struct gw_error *error)
{
	const uint8_t *data = in.data;

	if (in.size != RPC_HELLO_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "hello of %zu bytes", in.size);
	hello->message_bytes_max = base_load32(data);
	hello->attachment_bytes_max = base_load64(data + 8);
	return 0;
}

void rpc_opened_encode(const struct rpc_opened *opened, uint8_t out[RPC_OPENED_BYTES])
{
	base_store64(out, opened->incarnation);
	base_store64(out + 8, opened->lease_ms);
}

int rpc_opened_decode(struct gw_bytes in, struct rpc_opened *opened, struct gw_error *error)
{
	const uint8_t *data = in.data;

	if (in.size != RPC_OPENED_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "answer to open of %zu bytes", in.size);
	opened->incarnation = base_load64(data);
	opened->lease_ms = base_load64(data + 8);
	return 0;
}

size_t rpc_failure_encode(const char *redirect, const char *text,
			  uint8_t out[RPC_FAILURE_BYTES_MAX])
{
	size_t redirect_size = redirect ? strlen(redirect) : 0;
	size_t text_size = strnlen(text, GW_ERROR_TEXT_MAX);

	assert(redirect_size <= RPC_REDIRECT_BYTES_MAX);
	base_store16(out, (uint16_t)redirect_size);
	if (redirect_size > 0)
		memcpy(out + 2, redirect, redirect_size);
	memcpy(out + 2 + redirect_size, text, text_size);
	return 2 + redirect_size + text_size;
}

int rpc_failure_decode(struct gw_bytes in, struct rpc_failure *out, struct gw_error *error)
{
	const uint8_t *data = in.data;
	size_t redirect;

	if (in.size < 2)
		return gw_fail(error, GW_E_CORRUPT, "failed reply without a sentence");
	redirect = base_load16(data);
	if (redirect > in.size - 2 || redirect > RPC_REDIRECT_BYTES_MAX)
		return gw_fail(error, GW_E_CORRUPT, "failed reply with a redirect of %zu bytes",
			       redirect);
	out->redirect = (struct gw_bytes){data + 2, redirect};
	out->text = (struct gw_bytes){data + 2 + redirect, in.size - 2 - redirect};
	return 0;
}
