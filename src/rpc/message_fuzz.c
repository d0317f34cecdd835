/* SPDX-License-Identifier: Apache-2.0 */
/* message_fuzz.c - bytes of any kind as each message that there is: the first byte says which. What
 * is unpacked packs to bytes that unpack again to the same; but protobuf-c reads a field number of
 * 0 that is longer than it needs to be, and packs it to what it does not read. */
#include "rpc/fixture.pb-c.h"
#include "rpc/message.h"
#include "rpc/reflection.pb-c.h"

#include <assert.h>

static const struct ProtobufCMessageDescriptor *const types[] = {
	&fixture__everything__descriptor,    &fixture__text__descriptor,
	&fixture__number__descriptor,	     &groundwork__list_request__descriptor,
	&groundwork__list_reply__descriptor, &groundwork__service__descriptor,
	&groundwork__any__descriptor,        &groundwork__metrics_request__descriptor,
	&groundwork__metrics_reply__descriptor, &groundwork__method_metrics__descriptor,
	&fixture__deep__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_arena arena = {.bytes_max = 64 << 20};
	struct base_buffer first = {0}, second = {0};
	struct ProtobufCMessage *message, *again;
	struct gw_error error = {0};

	if (size == 0)
		return 0;
	const struct ProtobufCMessageDescriptor *type =
		types[data[0] % (sizeof(types) / sizeof(types[0]))];
	int code = rpc_message_unpack(type, (struct gw_bytes){data + 1, size - 1}, &arena, &message,
				      &error);

	if (code < 0) {
		assert(!message && error.text[0] != '\0');
	} else {
		code = rpc_message_pack(message, &first, &error);
		assert(code == 0);
		code = rpc_message_unpack_owned(type, base_buffer_bytes(&first), &again, &error);
		assert(code == 0 || code == GW_E_CORRUPT);
		if (code == 0) {
			code = rpc_message_pack(again, &second, &error);
			assert(code == 0);
			assert(gw_bytes_compare(base_buffer_bytes(&first),
						base_buffer_bytes(&second)) == 0);
		}
		gw_rpc_message_free(again);
	}
	base_buffer_done(&first);
	base_buffer_done(&second);
	base_arena_done(&arena);
	return 0;
}
