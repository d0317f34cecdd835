/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - streams, both ways. Each direction has credit: the sender never sends more than the
 * receiver said it has room for, so a slow reader costs its own call and nothing else.
 */
#include "rpc/flow.h"

#include <assert.h>
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "rpc/message.h"

int rpc_flow_lost(const struct gw_rpc_call *call, struct gw_error *error)
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

void rpc_pieces_add(struct rpc_pieces *pieces, struct rpc_piece *piece)
{
	piece->next = NULL;
	if (pieces->last)
		pieces->last->next = piece;
	else
		pieces->first = piece;
	pieces->last = piece;
}

void rpc_pieces_drop_first(struct rpc_pieces *pieces)
{
	struct rpc_piece *piece = pieces->first;

	assert(piece && pieces->last);
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

void rpc_flow_grant(struct gw_rpc_call *call, uint32_t items, uint64_t bytes)
{
	struct rpc_header header = {
		.kind = RPC_KIND_CREDIT, .call = call->id, .method = items, .number = bytes};
	struct gw_error why = {0};

	/* Without it the other side would wait for ever. */
	if (call->line && rpc_connection_send(call->line->connection, &header,
					      (struct gw_bytes){0}, &why) < 0)
		rpc_connection_close(call->line->connection, &why);
}

/* ---- Items ------------------------------------------------------------------------------- */

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
		return rpc_flow_lost(call, error);
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
	assert(call->out.items_credit > 0);
	call->out.items_credit--;
	return 0;
}

int gw_rpc_item_end(struct gw_rpc_call *call, struct gw_error *error)
{
	struct rpc_header header = {.kind = RPC_KIND_END, .call = call->id};

	if (call->out.items_ended)
		return 0;
	if (!is_live(call))
		return rpc_flow_lost(call, error);
	call->out.items_ended = true;
	return rpc_connection_send(call->line->connection, &header, (struct gw_bytes){0}, error);
}

/* In the words of the other side, where there are any. */
static int ended_with(const struct gw_rpc_call *call, struct gw_error *error)
{
	const struct gw_error *why = call->error;

	if (why && why->code == call->code && why->text[0])
		return gw_fail(error, call->code, "%s", why->text);
	return gw_fail(error, call->code, "%s: %s", flow_name(call), gw_code_text(call->code));
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
			return ended_with(call, error);
		return result < 0 ? gw_fail(error, result, "%s: item: %s", flow_name(call),
					    gw_code_text(result)) :
				    rpc_flow_lost(call, error);
	}
	result = rpc_message_unpack_owned(
		type, (struct gw_bytes){in->items.first->bytes, in->items.first->size}, item,
		error);
	rpc_pieces_drop_first(&in->items);
	in->items_granted++;
	if (in->items_granted >= RPC_ITEMS_AHEAD / 2 && !in->items_ended) {
		in->items_room += in->items_granted;
		assert(in->items_room <= RPC_ITEMS_AHEAD);
		rpc_flow_grant(call, in->items_granted, 0);
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
	rpc_pieces_add(&call->in.items, piece);
	assert(call->in.items_room > 0);
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
