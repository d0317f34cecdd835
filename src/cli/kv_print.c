/* SPDX-License-Identifier: Apache-2.0 */
/* kv_print.c - how `gw kv` writes bytes and JSON. */
#include "cli/kv.h"

#include "rpc/base64.h"

#include <errno.h>

void cli_kv_json_bytes(json_t *json, const char *name, struct gw_bytes bytes)
{
	json_t *text = json_stringn(bytes.data ? bytes.data : "", bytes.size);
	struct base_buffer letters = {0};
	char name64[32];

	/* jansson refuses what is not UTF-8. */
	if (text) {
		json_object_set_new(json, name, text);
		return;
	}
	(void)snprintf(name64, sizeof(name64), "%s64", name);
	if (rpc_base64_put(&letters, bytes, NULL) == 0)
		json_object_set_new(json, name64,
				    json_stringn((const char *)letters.data, letters.size));
	base_buffer_done(&letters);
}

int cli_kv_print_json(json_t *json, struct gw_error *error)
{
	int result = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;

	json_decref(json);
	if (!json)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for JSON");
	if (result < 0 || putchar('\n') == EOF)
		return gw_fail_errno(error, errno, "standard output");
	return 0;
}

void cli_kv_print_escaped(struct gw_bytes bytes)
{
	const unsigned char *data = bytes.data;

	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char byte = data[i];

		if (byte == '\t')
			fputs("\\t", stdout);
		else if (byte == '\n')
			fputs("\\n", stdout);
		else if (byte == '\\')
			fputs("\\\\", stdout);
		else if (byte < ' ' || byte == 0x7f)
			printf("\\x%02x", byte);
		else
			putchar(byte);
	}
}
