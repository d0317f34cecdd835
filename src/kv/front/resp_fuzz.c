/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resp_fuzz.c - any bytes as commands: what is taken apart lies within the input, and the same
 * commands come whether all of it is there at once or byte by byte.
 */
#include "kv/front/resp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const struct resp_command *command, const uint8_t *data, size_t size)
{
	assert(command->bytes > 0 && command->bytes <= size);
	for (size_t i = 0; i < command->count; i++) {
		const struct gw_bytes *argument = &command->arguments[i];

		assert((const uint8_t *)argument->data >= data);
		assert((const uint8_t *)argument->data + argument->size <= data + command->bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_arena arena = {0};
	struct resp_command command, cut;
	size_t offset = 0;

	for (;;) {
		struct gw_bytes rest = {data + offset, size - offset};
		struct gw_error error = {0};
		int code = resp_parse(rest, &arena, &command, &error);

		assert(code >= 0 || code == GW_E_INVALID);
		if (code != 1)
			break;
		check_inside(&command, rest.data, rest.size);
		/* One byte less is not a command yet, and no failure. */
		rest.size = command.bytes - 1;
		assert(resp_parse(rest, &arena, &cut, &error) == 0);
		if (command.count == 2)
			(void)resp_match(command.arguments[0], command.arguments[1]);
		offset += command.bytes;
		base_arena_reset(&arena);
	}
	base_arena_done(&arena);
	return 0;
}
