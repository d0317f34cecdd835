/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_names.c - what things of a .proto are called in C, by the rules of protoc-c.
 */
#include "rpc/schema/generate.h"

#include <assert.h>
#include <stdio.h>

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static char to_lower(char c)
{
	return is_upper(c) ? (char)(c | 0x20) : c;
}

static char to_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

/* Every letter becomes two at most: a dot two '_', a capital a '_' and itself. */
static_assert(RPC_C_NAME_MAX > 2 * RPC_SCHEMA_NAME_MAX, "names fit");

void rpc_c_name(const char *name, char out[RPC_C_NAME_MAX])
{
	bool was_upper = true; /* no '_' in front of the first */

	assert(strlen(name) <= RPC_SCHEMA_NAME_MAX);
	for (; *name; name++) {
		if (*name == '.') {
			*out++ = '_';
			*out++ = '_';
			was_upper = true;
			continue;
		}
		if (is_upper(*name) && !was_upper)
			*out++ = '_';
		*out++ = to_lower(*name);
		was_upper = is_upper(*name);
	}
	*out = '\0';
}

void rpc_c_type(const char *name, char out[RPC_C_NAME_MAX])
{
	bool next_upper = true;

	assert(strlen(name) <= RPC_SCHEMA_NAME_MAX);
	for (; *name; name++) {
		if (*name == '.') {
			*out++ = '_';
			*out++ = '_';
		} else if (*name != '_') {
			*out++ = next_upper ? to_upper(*name) : *name;
		}
		next_upper = *name == '.' || *name == '_';
	}
	*out = '\0';
}

static const char words[] =
	" auto break case char const continue default do double else enum extern float for goto if "
	"inline int long register restrict return short signed sizeof static struct switch typedef "
	"union unsigned void volatile while asm typeof ";

bool rpc_c_is_word(const char *name)
{
	char between[RPC_C_NAME_MAX + 2];

	snprintf(between, sizeof(between), " %s ", name);
	return strstr(words, between) != NULL;
}

int rpc_c_file(const char *proto, const char *suffix, char *out, size_t size,
	       struct gw_error *error)
{
	size_t stem = strlen(proto);

	assert(suffix[0] == '.');
	if (stem > strlen(".proto") && strcmp(proto + stem - strlen(".proto"), ".proto") == 0)
		stem -= strlen(".proto");
	int length = snprintf(out, size, "%.*s%s", (int)stem, proto, suffix);

	if (length < 0 || (size_t)length >= size)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: its name is too long", proto);
	return 0;
}
