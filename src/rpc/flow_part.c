/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_part.c - attachments, both ways, with credit in bytes. They go straight to the reader's
 * buffer when one is there; the few bytes that may come before are kept in pieces.
 */
#include "rpc/flow.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

/* ---- Attachments that come --------------------------------------------------------------- */

/* The PART follows what came before, within what was announced and allowed. */
static bool part_fits(const struct gw_rpc_call *call, const struct rpc_header *header)
{
	const struct rpc_inflow *in = &call->in;

	return (!in->has_attachment || header->attachment_bytes == in->attachment_bytes) &&
	       header->attachment_bytes <= call->line->connection->ours.attachment_bytes_max &&
	       header->number == in->parts_done && header->number <= in->granted &&
	       header->payload_bytes <= in->granted - header->number &&
	       header->number <= header->attachment_bytes &&
	       header->payload_bytes <= header->attachment_bytes - header->number;
}

static void size_known(struct gw_rpc_call *call, const struct rpc_header *header)
{
	call->in.has_attachment = true;
	call->in.attachment_bytes = header->attachment_bytes;
	call->in.is_too_large = call->options.reply_attachment &&
				header->attachment_bytes > call->options.reply_attachment_max;
}

struct io_buffer rpc_flow_part_place(struct rpc_connection *connection,
				     const struct rpc_header *header, uint32_t left)
{
	struct gw_rpc_call *call = rpc_line_find(rpc_line_of(connection), header->call);
	struct rpc_inflow *in;
	struct rpc_piece *piece;

	if (!call || !part_fits(call, header))
		return (struct io_buffer){NULL, 0};
	in = &call->in;
	if (in->spilling)
		return (struct io_buffer){in->spilling->bytes + in->spilling->size, left};
	if (!in->ahead.first && in->buffer_filled < in->buffer_size) {
		size_t room = in->buffer_size - in->buffer_filled;

		return (struct io_buffer){in->buffer + in->buffer_filled,
					  left < room ? left : room};
	}
	piece = malloc(sizeof(*piece) + left);
	if (!piece)
		return (struct io_buffer){NULL, 0};
	piece->size = piece->taken = 0;
	in->spilling = piece;
	rpc_pieces_add(&in->ahead, piece);
	return (struct io_buffer){piece->bytes, left};
}

void rpc_flow_part_filled(struct rpc_connection *connection, const struct rpc_header *header,
			  uint32_t bytes)
{
	struct gw_rpc_call *call = rpc_line_find(rpc_line_of(connection), header->call);

	if (!call || !part_fits(call, header))
		return;
	if (call->in.spilling)
		call->in.spilling->size += bytes;
	else if (call->in.buffer_filled < call->in.buffer_size)
		call->in.buffer_filled += bytes;
	call->in.arriving += bytes;
}

int rpc_flow_part_end(struct rpc_connection *connection, const struct rpc_header *header,
		      struct gw_error *error)
{
	struct gw_rpc_call *call = rpc_line_find(rpc_line_of(connection), header->call);
	struct rpc_inflow *in;

	if (!call)
		return 0;
	in = &call->in;
	if (!part_fits(call, header))
		return gw_fail(error, GW_E_CORRUPT,
			       "%s: part of an attachment at %" PRIu64 " that was not asked for",
			       flow_name(call), header->number);
	if (in->arriving != header->payload_bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: attachment: out of memory",
			       flow_name(call));
	assert(in->buffer_filled <= in->buffer_size);
	in->arriving = 0;
	in->spilling = NULL;
	size_known(call, header);
	in->parts_done += header->payload_bytes;
	connection->expects_parts = in->parts_done < in->attachment_bytes;
	rpc_wake(&call->waiters);
	return 0;
}

int rpc_flow_reply(struct gw_rpc_call *call, const struct rpc_header *header,
		   struct gw_error *error)
{
	struct rpc_inflow *in = &call->in;

	in->items_ended = true;
	if (in->has_attachment && header->attachment_bytes != in->attachment_bytes &&
	    (int32_t)header->method >= 0)
		return gw_fail(error, GW_E_CORRUPT, "%s: its attachment changed size",
			       flow_name(call));
	/* A failure says nothing of what came before it. */
	if ((int32_t)header->method >= 0 || !in->has_attachment)
		size_known(call, header);
	call->line->connection->expects_parts = in->parts_done < in->attachment_bytes;
	return 0;
}

bool rpc_flow_is_whole(const struct gw_rpc_call *call)
{
	if (!call->is_ended || call->code < 0 || !call->options.reply_attachment)
		return call->is_ended;
	return call->in.parts_done == call->in.attachment_bytes;
}

int gw_rpc_attachment_size(struct gw_rpc_call *call, uint64_t *bytes, struct gw_error *error)
{
	int result = 0;

	while (!call->in.has_attachment && is_live(call) && result == 0)
		result = rpc_call_wait(call, "for the attachment of");
	*bytes = call->in.attachment_bytes;
	if (call->in.has_attachment)
		return 0;
	return result < 0 ? gw_fail(error, result, "%s: attachment: %s", flow_name(call),
				    gw_code_text(result)) :
			    rpc_flow_lost(call, error);
}

/* Out of the pieces that came before the buffer; returns how many bytes. */
static size_t take_ahead(struct rpc_inflow *in, uint8_t *buffer, size_t size)
{
	size_t taken = 0;

	while (taken < size && in->ahead.first) {
		struct rpc_piece *piece = in->ahead.first;
		size_t have = piece->size - piece->taken;

		if (have > size - taken)
			have = size - taken;
		memcpy(buffer + taken, piece->bytes + piece->taken, have);
		piece->taken += have;
		taken += have;
		if (piece->taken < piece->size)
			break;
		if (piece == in->spilling)
			break; /* more of it is coming, in its place */
		rpc_pieces_drop_first(&in->ahead);
	}
	return taken;
}

static void grant(struct gw_rpc_call *call, uint64_t upto)
{
	struct rpc_inflow *in = &call->in;

	if (upto > in->attachment_bytes)
		upto = in->attachment_bytes;
	if (upto <= in->granted || in->parts_done == in->attachment_bytes)
		return;
	assert(upto <= in->attachment_bytes);
	in->granted = upto;
	rpc_flow_grant(call, 0, upto);
}

/* Waits until the bytes up to `upto` are here and checked. */
static int part_wait(struct gw_rpc_call *call, uint64_t upto, struct gw_error *error)
{
	int result = 0;

	while (call->in.parts_done < upto && is_live(call) && result == 0)
		result = rpc_call_wait(call, "for the attachment of");
	if (call->in.parts_done >= upto)
		return 0;
	return result < 0 ? gw_fail(error, result, "%s: attachment: %s", flow_name(call),
				    gw_code_text(result)) :
			    rpc_flow_lost(call, error);
}

int gw_rpc_part_receive(struct gw_rpc_call *call, void *buffer, size_t size,
			struct gw_error *error)
{
	struct rpc_inflow *in = &call->in;
	uint64_t bytes = 0, left;
	size_t ahead;
	int result = gw_rpc_attachment_size(call, &bytes, error);

	if (result < 0)
		return result;
	if (call->options.reply_attachment || in->is_broken)
		return gw_fail(error, GW_E_INVALID, "%s: the attachment goes elsewhere",
			       flow_name(call));
	assert(in->taken <= bytes && !in->buffer);
	left = bytes - in->taken;
	if (size > left)
		size = (size_t)left;
	if (size > INT_MAX)
		size = INT_MAX;
	/* What is being read into a piece now belongs to the part under way; wait for its end. */
	if (in->spilling && in->parts_done < in->taken + size) {
		grant(call, in->taken + size + RPC_PART_AHEAD_BYTES);
		result = part_wait(call, in->parts_done + 1, error);
		if (result < 0)
			return result;
	}
	ahead = take_ahead(in, buffer, size);
	in->buffer = buffer;
	in->buffer_size = size;
	in->buffer_filled = ahead;
	grant(call, in->taken + size + RPC_PART_AHEAD_BYTES);
	if (call->line && in->parts_done < bytes)
		call->line->connection->expects_parts = true;
	result = part_wait(call, in->taken + size, error);
	in->buffer = NULL;
	in->buffer_size = in->buffer_filled = 0;
	if (result < 0) {
		in->is_broken = true;
		return result;
	}
	in->taken += size;
	assert(in->taken <= in->parts_done);
	return (int)size;
}

/* ---- Attachments that go ----------------------------------------------------------------- */

/* A PART under way; on the sender's stack, which waits for it. */
struct part {
	struct rpc_sent sent;
	struct gw_rpc_call *call;
};

static void part_sent(struct rpc_sent *sent, int result)
{
	struct part *part = (struct part *)sent; /* its first member */
	struct gw_rpc_call *call = part->call;

	(void)result;
	assert(call->out.under_way > 0);
	call->out.under_way--;
	rpc_wake(&call->waiters);
}

void rpc_flow_settle(struct gw_rpc_call *call)
{
	gw_shield_begin();
	while (call->out.under_way > 0)
		(void)rpc_wait(&call->waiters, "for the sending of", flow_name(call), GW_FOREVER);
	gw_shield_end();
}

/* One PART: as much of the bytes as credit and frame allow; waits until it was written. */
static int send_one(struct gw_rpc_call *call, struct gw_bytes *bytes, struct gw_error *error)
{
	struct rpc_outflow *out = &call->out;
	struct rpc_header header = {.kind = RPC_KIND_PART,
				    .call = call->id,
				    .flags = out->is_checked ? RPC_FLAG_UNCHECKED : 0,
				    .number = out->sent,
				    .attachment_bytes = out->attachment_bytes};
	struct part parts[4];
	uint32_t count = 0;
	int result = 0;

	while (count < 4 && bytes->size > 0 && out->sent < out->credit && result == 0) {
		uint64_t size = out->credit - out->sent;

		if (size > RPC_PART_BYTES_MAX)
			size = RPC_PART_BYTES_MAX;
		if (size > bytes->size)
			size = bytes->size;
		header.number = out->sent;
		parts[count].call = call;
		parts[count].sent.done = part_sent;
		result = rpc_connection_send_part(call->line->connection, &header,
						  (struct gw_bytes){bytes->data, (size_t)size},
						  &parts[count].sent, error);
		if (result < 0)
			break;
		assert(size > 0 && size <= out->credit - out->sent);
		count++;
		out->under_way++;
		out->sent += size;
		bytes->data = (const uint8_t *)bytes->data + size;
		bytes->size -= (size_t)size;
	}
	rpc_flow_settle(call);
	assert(out->sent <= out->attachment_bytes);
	return result;
}

static int part_send(struct gw_rpc_call *call, struct gw_bytes bytes, struct gw_error *error)
{
	int result = 0;

	if (bytes.size > call->out.attachment_bytes - call->out.sent)
		return gw_fail(error, GW_E_INVALID, "%s: more than was announced", flow_name(call));
	while (bytes.size > 0 && result == 0 && is_live(call) && !call->is_ended) {
		if (call->out.sent >= call->out.credit) {
			result = rpc_call_wait(call, "to send the attachment of");
			continue;
		}
		result = rpc_line_wait_for_room(call, call->deadline_ns, NULL);
		if (result == 0)
			result = send_one(call, &bytes, error);
	}
	if (bytes.size == 0)
		return 0;
	if (!is_live(call) || call->is_ended)
		return rpc_flow_lost(call, error);
	return gw_fail(error, result, "%s: attachment: %s", flow_name(call), gw_code_text(result));
}

int gw_rpc_part_send(struct gw_rpc_call *call, struct gw_bytes part, struct gw_error *error)
{
	if (!call->out.has_attachment)
		return gw_fail(error, GW_E_INVALID, "%s: no attachment was announced",
			       flow_name(call));
	return part_send(call, part, error);
}

int rpc_flow_send_all(struct gw_rpc_call *call, struct gw_bytes attachment, struct gw_error *error)
{
	int result = part_send(call, attachment, error);

	/* An answer, or the loss of the line, is not a failure of the sending; the caller looks. */
	return call->is_ended || !is_live(call) ? 0 : result;
}
