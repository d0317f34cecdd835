/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - streams and attachments, both ways. Each direction has credit: the sender never sends
 * more than the receiver said it has room for, so a slow reader costs its own call and nothing
 * else. Bytes of an attachment go straight to the reader's buffer when one is there; the few that
 * may come before are kept in pieces.
 */
#include "rpc/call.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "rpc/message.h"

static const char *flow_name(const struct gw_rpc_call *call)
{
	return call->method->full_name;
}

static int flow_lost(const struct gw_rpc_call *call, struct gw_error *error)
{
	if (call->is_cancelled)
		return gw_fail(error, GW_E_CANCELLED, "%s: the caller gave up", flow_name(call));
	return gw_fail(error, GW_E_CLOSED, "%s: %s", flow_name(call),
		       call->is_ended ? "the call has ended" : "the connection was lost");
}

static void pieces_free(struct rpc_pieces *pieces)
{
	while (pieces->first) {
		struct rpc_piece *piece = pieces->first;

		pieces->first = piece->next;
		free(piece);
	}
	pieces->last = NULL;
}

static void pieces_add(struct rpc_pieces *pieces, struct rpc_piece *piece)
{
	piece->next = NULL;
	if (pieces->last)
		pieces->last->next = piece;
	else
		pieces->first = piece;
	pieces->last = piece;
}

static void pieces_drop_first(struct rpc_pieces *pieces)
{
	struct rpc_piece *piece = pieces->first;

	pieces->first = piece->next;
	if (!pieces->first)
		pieces->last = NULL;
	free(piece);
}

void rpc_flow_begin(struct gw_rpc_call *call)
{
	call->in = (struct rpc_inflow){.items_room = RPC_ITEMS_AHEAD,
				       .granted = RPC_PART_AHEAD_BYTES};
	call->out = (struct rpc_outflow){.items_credit = RPC_ITEMS_AHEAD,
					 .credit = RPC_PART_AHEAD_BYTES};
}

void rpc_flow_done(struct gw_rpc_call *call)
{
	pieces_free(&call->in.items);
	pieces_free(&call->in.ahead);
	call->in.spilling = NULL;
	call->in.buffer = NULL;
	call->in.buffer_size = 0;
}

static bool is_live(const struct gw_rpc_call *call)
{
	return call->line && !call->is_cancelled;
}

static int send_credit(struct gw_rpc_call *call, uint32_t items, uint64_t bytes)
{
	struct rpc_header header = {
		.kind = RPC_KIND_CREDIT, .call = call->id, .method = items, .number = bytes};

	if (!call->line)
		return 0;
	return rpc_connection_send(call->line->connection, &header, (struct gw_bytes){0}, NULL);
}

/* ---- Items ------------------------------------------------------------------------------------ */

static const struct ProtobufCMessageDescriptor *item_type(const struct gw_rpc_call *call,
							  bool incoming)
{
	bool is_request = call->is_served == incoming;

	if (is_request)
		return call->method->request_streams ? call->method->request : NULL;
	return call->method->reply_streams ? call->method->reply : NULL;
}

int gw_rpc_item_send(struct gw_rpc_call *call, const struct ProtobufCMessage *item,
		     struct gw_error *error)
{
	struct rpc_header header = {.kind = RPC_KIND_ITEM, .call = call->id};
	int result = 0;
	size_t bytes = protobuf_c_message_get_packed_size(item);
	uint8_t *payload;

	if (!item_type(call, false) || call->out.items_ended)
		return gw_fail(error, GW_E_INVALID, "%s: nothing is streamed this way",
			       flow_name(call));
	while (is_live(call) && !call->is_ended && call->out.items_credit == 0 && result == 0)
		result = rpc_call_wait(call, "to send an item of");
	if (result == 0 && is_live(call) && !call->is_ended)
		result = rpc_line_wait_for_room(call, call->deadline_ns, error);
	if (result < 0)
		return gw_fail(error, result, "%s: item: %s", flow_name(call),
			       gw_code_text(result));
	if (!is_live(call) || call->is_ended)
		return flow_lost(call, error);
	if (bytes > call->line->connection->theirs.message_bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: item of %zu bytes, the limit is %u",
			       flow_name(call), bytes,
			       call->line->connection->theirs.message_bytes_max);
	header.payload_bytes = (uint32_t)bytes;
	payload = rpc_connection_begin(call->line->connection, &header);
	if (!payload)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: item: out of memory", flow_name(call));
	(void)protobuf_c_message_pack(item, payload);
	rpc_connection_end(call->line->connection, &header, payload);
	call->out.items_credit--;
	return 0;
}

int gw_rpc_item_end(struct gw_rpc_call *call, struct gw_error *error)
{
	struct rpc_header header = {.kind = RPC_KIND_END, .call = call->id};

	if (call->out.items_ended)
		return 0;
	if (!is_live(call))
		return flow_lost(call, error);
	call->out.items_ended = true;
	return rpc_connection_send(call->line->connection, &header, (struct gw_bytes){0}, error);
}

int gw_rpc_item_receive(struct gw_rpc_call *call, struct ProtobufCMessage **item,
			struct gw_error *error)
{
	const struct ProtobufCMessageDescriptor *type = item_type(call, true);
	struct rpc_inflow *in = &call->in;
	int result = 0;

	*item = NULL;
	if (!type)
		return gw_fail(error, GW_E_INVALID, "%s: nothing is streamed this way",
			       flow_name(call));
	while (!in->items.first && !in->items_ended && is_live(call) && result == 0)
		result = rpc_call_wait(call, "for an item of");
	if (!in->items.first) {
		if (in->items_ended && !(call->is_ended && call->code < 0))
			return 0;
		if (call->is_ended && call->code < 0)
			return gw_fail(error, call->code, "%s: %s", flow_name(call),
				       gw_code_text(call->code));
		return result < 0 ? gw_fail(error, result, "%s: item: %s", flow_name(call),
					    gw_code_text(result)) :
				    flow_lost(call, error);
	}
	result = rpc_message_unpack_owned(
		type, (struct gw_bytes){in->items.first->bytes, in->items.first->size}, item, error);
	pieces_drop_first(&in->items);
	in->items_granted++;
	if (in->items_granted >= RPC_ITEMS_AHEAD / 2 && !in->items_ended) {
		in->items_room += in->items_granted;
		(void)send_credit(call, in->items_granted, 0);
		in->items_granted = 0;
	}
	return result < 0 ? result : 1;
}

static int take_item(struct gw_rpc_call *call, struct gw_bytes payload, struct gw_error *error)
{
	struct rpc_piece *piece;

	if (!item_type(call, true) || call->in.items_ended || call->in.items_room == 0)
		return gw_fail(error, GW_E_CORRUPT, "%s: an item that was not asked for",
			       flow_name(call));
	piece = malloc(sizeof(*piece) + payload.size);
	if (!piece)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: item: out of memory", flow_name(call));
	piece->size = payload.size;
	piece->taken = 0;
	if (payload.size > 0)
		memcpy(piece->bytes, payload.data, payload.size);
	pieces_add(&call->in.items, piece);
	call->in.items_room--;
	return 0;
}

static int take_credit(struct gw_rpc_call *call, const struct rpc_header *header,
		       struct gw_error *error)
{
	if (header->method > RPC_ITEMS_AHEAD ||
	    call->out.items_credit + header->method > RPC_ITEMS_AHEAD)
		return gw_fail(error, GW_E_CORRUPT, "%s: credit for %u items", flow_name(call),
			       header->method);
	call->out.items_credit += header->method;
	if (header->number > call->out.credit)
		call->out.credit = header->number;
	return 0;
}

int rpc_flow_frame(struct rpc_line *line, struct gw_rpc_call *call, const struct rpc_header *header,
		   struct gw_bytes payload, struct gw_error *error)
{
	int result = 0;

	/* The call is over here, and the other side did not know yet. */
	if (!call || call->is_cancelled)
		return 0;
	assert(call->line == line);
	if (header->kind == RPC_KIND_ITEM)
		result = take_item(call, payload, error);
	else if (header->kind == RPC_KIND_CREDIT)
		result = take_credit(call, header, error);
	else
		call->in.items_ended = true;
	rpc_wake(&call->waiters);
	return result;
}

/* ---- Attachments that come ------------------------------------------------------------------- */

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

struct io_buffer rpc_flow_part_place(struct rpc_line *line, const struct rpc_header *header,
				     uint32_t left)
{
	struct gw_rpc_call *call = rpc_line_find(line, header->call);
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
	pieces_add(&in->ahead, piece);
	return (struct io_buffer){piece->bytes, left};
}

void rpc_flow_part_filled(struct rpc_line *line, const struct rpc_header *header, uint32_t bytes)
{
	struct gw_rpc_call *call = rpc_line_find(line, header->call);

	if (!call || !part_fits(call, header))
		return;
	if (call->in.spilling)
		call->in.spilling->size += bytes;
	else if (call->in.buffer_filled < call->in.buffer_size)
		call->in.buffer_filled += bytes;
	call->in.arriving += bytes;
}

int rpc_flow_part_end(struct rpc_line *line, const struct rpc_header *header,
		      struct gw_error *error)
{
	struct gw_rpc_call *call = rpc_line_find(line, header->call);
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
	in->arriving = 0;
	in->spilling = NULL;
	size_known(call, header);
	in->parts_done += header->payload_bytes;
	line->connection->expects_parts = in->parts_done < in->attachment_bytes;
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
			    flow_lost(call, error);
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
		pieces_drop_first(&in->ahead);
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
	in->granted = upto;
	(void)send_credit(call, 0, upto);
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
			    flow_lost(call, error);
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
	return (int)size;
}

/* ---- Attachments that go --------------------------------------------------------------------- */

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
		count++;
		out->under_way++;
		out->sent += size;
		bytes->data = (const uint8_t *)bytes->data + size;
		bytes->size -= (size_t)size;
	}
	rpc_flow_settle(call);
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
		return flow_lost(call, error);
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
