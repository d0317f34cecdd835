/* SPDX-License-Identifier: Apache-2.0 */
/* schema_fuzz.c - descriptors of any bytes. What is taken is sound: stubs can be made of it, or it
 * is said why not, and the set of a file reads again. */
#include "rpc/schema/generate.h"

#include <assert.h>

static void check_file(const struct rpc_schema *schema, const struct rpc_schema_file *file)
{
	struct base_buffer text = {.size_max = 8 << 20}, set = {0};
	struct rpc_schema again = {0};
	struct gw_error error = {0};
	int code = rpc_generate_check(schema, file, &error);

	if (code == 0)
		code = rpc_generate_header(schema, file, &text, &error);
	if (code == 0)
		code = rpc_generate_source(schema, file, &text, &error);
	assert(code == 0 || error.text[0] != '\0');
	code = rpc_generate_set(schema, file, &set, &error);
	assert(code == 0);
	/* Without files that nothing imports a name may be missing, but nothing else is wrong. */
	code = rpc_schema_read(&again, base_buffer_bytes(&set), &error);
	assert(code == 0 || code == GW_E_CORRUPT);
	rpc_schema_done(&again);
	base_buffer_done(&set);
	base_buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_schema schema = {0};
	struct gw_error error = {0};
	int code = rpc_schema_read(&schema, (struct gw_bytes){data, size}, &error);

	assert(code == 0 || (error.code == code && error.text[0] != '\0'));
	for (size_t i = 0; code == 0 && i < schema.message_count; i++)
		assert(schema.messages[i]->depth >= 1 &&
		       schema.messages[i]->depth <= RPC_SCHEMA_DEPTH_MAX);
	for (size_t i = 0; code == 0 && i < schema.file_count && i < 4; i++)
		check_file(&schema, schema.files[i]);
	rpc_schema_done(&schema);
	return 0;
}
