/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gen.c - the program gw-rpc-gen: reads what `protoc --include_imports --descriptor_set_out` wrote,
 * and writes NAME.rpc.h and NAME.rpc.c for each NAME.proto with a service.
 */
#include "rpc/schema/generate.h"

#include <groundwork/base.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
	bool help, version, check;
	const char *out;
	struct gw_option_list files;
};

static const struct gw_option table[] = {
	{"out", 'o', GW_OPTION_STRING, offsetof(struct options, out), "DIR",
	 "Write below this directory (default: the current one)", NULL},
	{"file", 'f', GW_OPTION_LIST, offsetof(struct options, files), "NAME",
	 "Make stubs of this .proto, named as in the set (default: all with services)", NULL},
	{"check", 0, GW_OPTION_FLAG, offsetof(struct options, check), NULL,
	 "Say whether stubs could be made, and write nothing", NULL},
	{"version", 0, GW_OPTION_FLAG, offsetof(struct options, version), NULL, "Print the version",
	 NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct options, help), NULL, "Print this help", NULL},
	{0},
};

static int read_set(const char *path, struct base_buffer *set, struct gw_error *error)
{
	FILE *file = fopen(path, "rb");
	uint8_t piece[4096];
	size_t size;
	int code = 0;

	if (!file)
		return gw_fail_errno(error, errno, "%s", path);
	set->size_max = RPC_SCHEMA_BYTES_MAX;
	while (code == 0 && (size = fread(piece, 1, sizeof(piece), file)) > 0)
		code = base_buffer_append(set, piece, size, error);
	if (code == 0 && ferror(file))
		code = gw_fail_errno(error, errno, "%s", path);
	else if (code < 0)
		code = gw_fail_in(error, "%s", path);
	fclose(file);
	return code;
}

static int write_file(const char *path, struct gw_bytes bytes, struct gw_error *error)
{
	FILE *file = fopen(path, "wb");
	bool written;

	if (!file)
		return gw_fail_errno(error, errno, "%s", path);
	written = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
	if (fclose(file) != 0 || !written)
		return gw_fail_errno(error, errno, "%s", path);
	return 0;
}

typedef int generate_function(const struct rpc_schema *schema, const struct rpc_schema_file *file,
			      struct base_buffer *buffer, struct gw_error *error);

static int make(const struct options *options, const struct rpc_schema *schema,
		const struct rpc_schema_file *file, generate_function *generate, const char *suffix,
		struct gw_error *error)
{
	struct base_buffer text = {0};
	char name[RPC_C_NAME_MAX], path[4096];
	int code = rpc_c_file(file->name, suffix, name, sizeof(name), error);

	if (code == 0)
		code = generate(schema, file, &text, error);
	if (code == 0 && !options->check) {
		snprintf(path, sizeof(path), "%s/%s", options->out, name);
		code = write_file(path, base_buffer_bytes(&text), error);
	}
	base_buffer_done(&text);
	return code;
}

static int make_file(const struct options *options, const struct rpc_schema *schema,
		     const struct rpc_schema_file *file, struct gw_error *error)
{
	int code = rpc_generate_check(schema, file, error);

	if (code == 0)
		code = make(options, schema, file, rpc_generate_header, ".rpc.h", error);
	if (code == 0)
		code = make(options, schema, file, rpc_generate_source, ".rpc.c", error);
	return code;
}

static bool is_wanted(const struct options *options, const struct rpc_schema *schema,
		      const struct rpc_schema_file *file)
{
	for (size_t i = 0; i < options->files.count; i++)
		if (strcmp(options->files.items[i], file->name) == 0)
			return true;
	for (size_t i = 0; options->files.count == 0 && i < schema->service_count; i++)
		if (schema->services[i]->file == file)
			return true;
	return false;
}

static int make_all(const struct options *options, const struct rpc_schema *schema,
		    struct gw_error *error)
{
	size_t made = 0;
	int code = 0;

	for (size_t i = 0; code == 0 && i < schema->file_count; i++) {
		if (!is_wanted(options, schema, schema->files[i]))
			continue;
		code = make_file(options, schema, schema->files[i], error);
		made++;
	}
	if (code == 0 && made < (options->files.count ? options->files.count : 1))
		code = gw_fail(error, GW_E_NOT_FOUND, "%s",
			       options->files.count ? "a file of --file is not in the set"
						    : "no service in the set");
	return code;
}

static int generate(const struct options *options, const char *path, struct gw_error *error)
{
	struct base_buffer set = {0};
	struct rpc_schema schema = {0};
	int code = read_set(path, &set, error);

	if (code == 0) {
		code = rpc_schema_read(&schema, base_buffer_bytes(&set), error);
		if (code == 0)
			code = make_all(options, &schema, error);
		if (code < 0)
			code = gw_fail_in(error, "%s", path);
	}
	rpc_schema_done(&schema);
	base_buffer_done(&set);
	return code;
}

int main(int argc, char **argv)
{
	struct options options = {.out = "."};
	const struct gw_option_group groups[] = {{"Options", table, &options}, {0}};
	struct gw_error error = {0};
	char **operands = NULL;
	size_t count = 0;
	int code = gw_options_parse(groups, GW_STYLE_GNU, argc, argv, &operands, &count, &error);

	if (code == 0 && options.help) {
		fputs("Usage: gw-rpc-gen [OPTION...] SET\n\n"
		      "Makes NAME.rpc.h and NAME.rpc.c, typed stubs for calls and servers, of "
		      "each\n"
		      "NAME.proto with a service in SET, which is made by\n\n"
		      "  protoc --include_imports --descriptor_set_out=SET NAME.proto\n\n",
		      stdout);
		gw_options_help(groups, stdout);
	} else if (code == 0 && options.version) {
		puts("gw-rpc-gen " GW_VERSION);
	} else if (code == 0) {
		code = count == 1 ? generate(&options, operands[0], &error)
				  : gw_fail(&error, GW_E_USAGE,
					    "one set of descriptors is wanted, not %zu", count);
	}
	if (code < 0)
		fprintf(stderr, "gw-rpc-gen: %s\n", error.text);
	free(operands);
	gw_options_done(groups);
	return -code;
}
