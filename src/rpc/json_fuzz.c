/* SPDX-License-Identifier: Apache-2.0 */
/* json_fuzz.c - JSON text of any bytes, and messages of any bytes, by the descriptors of the
 * fixture. What is read can be written, and what is written reads as the same. */
#include "rpc/fixture.rpc.h"
#include "rpc/json.h"

#include <assert.h>

/* The text may differ in digits that no number in it needs; the message may not. */
static void check_again(const struct rpc_schema_message *type, struct gw_bytes bytes)
{
	struct base_buffer text = {0}, back = {0};
	struct gw_error error = {0};
	int code = rpc_json_write(type, bytes, RPC_JSON_LINE, &text, &error);

	assert(code == 0);
	code = rpc_json_read(type, base_buffer_bytes(&text), &back, &error);
	assert(code == 0);
	assert(gw_bytes_compare(base_buffer_bytes(&back), bytes) == 0);
	base_buffer_done(&text);
	base_buffer_done(&back);
}

static void write_again(const struct rpc_schema_message *type, struct gw_bytes bytes)
{
	struct base_buffer text = {0}, back = {0};
	struct gw_error error = {0};

	if (rpc_json_write(type, bytes, RPC_JSON_LINE, &text, &error) < 0)
		assert(error.text[0] != '\0');
	else if (rpc_json_read(type, base_buffer_bytes(&text), &back, &error) == 0)
		check_again(type, base_buffer_bytes(&back));
	else /* JSON has no NUL in a string that it reads. */
		assert(strstr(error.text, "\\u0000"));
	base_buffer_done(&text);
	base_buffer_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_schema schema = {0};
	struct base_buffer bytes = {0};
	struct gw_error error = {0};
	int code = rpc_schema_read(&schema, fixture_service.descriptors, &error);
	const struct rpc_schema_message *type =
		rpc_schema_message(&schema, gw_string("fixture.Everything"));

	assert(code == 0 && type);
	if (size > 0 && data[0] != '{') {
		write_again(type, (struct gw_bytes){data + 1, size - 1});
	} else {
		code = rpc_json_read(type, (struct gw_bytes){data, size}, &bytes, &error);
		assert(code == 0 || error.text[0] != '\0');
		if (code == 0)
			write_again(type, base_buffer_bytes(&bytes));
	}
	base_buffer_done(&bytes);
	rpc_schema_done(&schema);
	return 0;
}
