/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - answers of machines to bytes and back.
 */
#include "replog/answer.h"

#include <assert.h>

#include "base/little_endian.h"
#include "rpc/frame.h"

enum { HEAD_BYTES = 4 };

int replog_answer_begin(struct base_buffer *reply, int code, struct gw_error *error)
{
	uint8_t head[HEAD_BYTES];

	reply->size = 0;
	base_store32(head, (uint32_t)code);
	return base_buffer_append(reply, head, sizeof(head), error);
}

int replog_answer(struct base_buffer *reply, int code, struct gw_bytes payload,
		  struct gw_error *error)
{
	int result = replog_answer_begin(reply, code, error);

	if (result == 0 && payload.size > 0)
		result = base_buffer_append(reply, payload.data, payload.size, error);
	return result;
}

int replog_answer_failure(struct base_buffer *reply, int code, const char *why,
			  struct gw_error *error)
{
	uint8_t bytes[RPC_FAILURE_BYTES_MAX];
	size_t size = rpc_failure_encode(NULL, why, bytes);

	assert(code < 0);
	return replog_answer(reply, code, (struct gw_bytes){bytes, size}, error);
}

struct gw_bytes replog_answer_payload(const struct base_buffer *reply)
{
	assert(reply->size >= HEAD_BYTES);
	return (struct gw_bytes){reply->data + HEAD_BYTES, reply->size - HEAD_BYTES};
}

int replog_answer_read(struct gw_bytes reply, int *code, struct gw_bytes *payload,
		       struct gw_error *error)
{
	if (reply.size < HEAD_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "an answer of %zu bytes", reply.size);
	*code = (int)(int32_t)base_load32(reply.data);
	*payload = (struct gw_bytes){(const uint8_t *)reply.data + HEAD_BYTES,
				     reply.size - HEAD_BYTES};
	return 0;
}

int replog_answer_refused(int code, struct gw_bytes payload, struct gw_error *error)
{
	struct rpc_failure failure = {.text = gw_string("")};
	int result = rpc_failure_decode(payload, &failure, error);

	assert(code < 0);
	if (result < 0)
		return result;
	return gw_fail(error, code, "%.*s", (int)failure.text.size,
		       (const char *)failure.text.data);
}

int replog_elsewhere(struct replog *log, const char *own, const char *name,
		     struct gw_rpc_call *call, int code, struct gw_error *error)
{
	const char *leader = replog_leader_address(log);

	switch (code) {
	case GW_E_TIMEOUT:
	case GW_E_CANCELLED:
	case GW_E_OVERLOADED:
	case GW_E_NO_SPACE:
	case GW_E_TOO_LARGE:
	case GW_E_NO_MEMORY:
		return code;
	default:
		break;
	}
	if (code == GW_E_NOT_LEADER)
		(void)gw_fail(error, code, "%s does not lead", name);
	else if (error)
		error->code = GW_E_NOT_LEADER; /* its sentence is why it does not answer */
	if (call && leader[0] && (!own || strcmp(leader, own) != 0) &&
	    gw_rpc_redirect(call, leader, error) == GW_E_NO_MEMORY)
		return GW_E_NO_MEMORY;
	return GW_E_NOT_LEADER;
}
