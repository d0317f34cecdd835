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

/* Words of C and of C++, whose programs include the header too. */
static const char words[] =
	" alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl "
	"const constexpr continue decltype default delete do double else enum explicit export "
	"extern false float for friend goto if inline int long mutable namespace new noexcept not "
	"not_eq nullptr operator or or_eq private protected public register reinterpret_cast "
	"requires restrict return short signed sizeof static static_assert static_cast struct "
	"switch template this throw true try typedef typeid typename union unsigned using virtual "
	"void volatile wchar_t while xor xor_eq ";

void rpc_c_member(const char *name, char out[RPC_C_NAME_MAX])
{
	const char *dot = strrchr(name, '.');
	char between[RPC_C_NAME_MAX + 2];

	rpc_c_name(dot ? dot + 1 : name, out);
	snprintf(between, sizeof(between), " %s ", out);
	if (!strstr(words, between))
		return;
	size_t size = strlen(out);

	assert(size + 1 < RPC_C_NAME_MAX);
	memcpy(out + size, "_", 2);
}

int rpc_c_file(const char *proto, const char *suffix, char *out, size_t size,
	       struct gw_error *error)
{
	size_t stem = strlen(proto);

	if (stem > strlen(".proto") && strcmp(proto + stem - strlen(".proto"), ".proto") == 0)
		stem -= strlen(".proto");
	int length = snprintf(out, size, "%.*s%s", (int)stem, proto, suffix);

	if (length < 0 || (size_t)length >= size)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: its name is too long", proto);
	return 0;
}
