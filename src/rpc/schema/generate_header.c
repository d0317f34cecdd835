/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_header.c - NAME.rpc.h: what users of a service see.
 */
#include "rpc/schema/generate.h"
#include "rpc/schema/generate_text.h"

/* The guard of a header, from its name. */
static void put_guard(struct rpc_text *text, const char *before, const struct rpc_schema_file *file)
{
	char guard[RPC_SCHEMA_NAME_MAX + 1];
	size_t size = 0;

	for (const char *at = file->name; *at && size < sizeof(guard) - 1; at++) {
		bool lower = *at >= 'a' && *at <= 'z';
		bool kept = (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');

		guard[size++] = lower ? (char)(*at & ~0x20) : kept ? *at : '_';
	}
	guard[size] = '\0';
	rpc_text(text, "%s %s_RPC_H\n", before, guard);
}

static void put_handler(struct rpc_text *text, const struct rpc_names *names)
{
	const struct rpc_schema_method *method = names->method;

	rpc_text(text, "\tint (*%s)(struct gw_rpc_call *call, void *context", names->name);
	if (!method->client_streams)
		rpc_text(text, ",\n\t\tconst %s *request", names->request);
	if (!method->server_streams)
		rpc_text(text, ",\n\t\t%s *reply", names->reply);
	rpc_text(text, ",\n\t\tstruct gw_error *error);\n");
}

static void put_handlers(struct rpc_text *text, const struct rpc_schema_service *service)
{
	struct rpc_names names;

	rpc_service_names(&names, service);
	rpc_text(text, "struct %s_handlers {\n", names.service);
	for (size_t i = 0; i < service->method_count; i++) {
		const struct rpc_schema_method *method = &service->methods[i];

		rpc_method_names(&names, service, method);
		rpc_text(text, "\t/* %s(%s%s) returns (%s%s), %s */\n", method->name,
			 method->client_streams ? "stream " : "", method->request->name,
			 method->server_streams ? "stream " : "", method->reply->name,
			 method->semantics == RPC_SEMANTICS_BEST_EFFORT ? "best effort"
									: "at most once");
		put_handler(text, &names);
	}
	if (service->method_count == 0)
		rpc_text(text, "\tint none; /* a structure has a member */\n");
	rpc_text(text, "};\n\n");
}

static void put_declarations(struct rpc_text *text, const struct rpc_schema_service *service)
{
	struct rpc_names names;

	for (size_t i = 0; i < service->method_count; i++) {
		rpc_method_names(&names, service, &service->methods[i]);
		for (int which = 0; which < RPC_STUB_COUNT; which++) {
			if (!rpc_stub_fits(names.method, (enum rpc_stub)which))
				continue;
			rpc_put_signature(text, &names, (enum rpc_stub)which);
			rpc_text(text, "\n\tGW_MUST_CHECK;\n");
		}
		rpc_text(text, "\n");
	}
}

static void put_service(struct rpc_text *text, const struct rpc_schema_service *service)
{
	struct rpc_names names;

	rpc_service_names(&names, service);
	rpc_text(text,
		 "/* ---- service %s ---- */\n\n"
		 "/* What a server does for each method; NULL: it does not offer it. */\n",
		 service->name);
	put_handlers(text, service);
	rpc_text(text,
		 "/* Offers it on a server; dup as in gw_rpc_server_add. */\n"
		 "int %s_serve(struct gw_rpc_server *server, const struct %s_handlers *handlers,\n"
		 "\tvoid *context, struct gw_rpc_dup *dup, struct gw_error *error)\n"
		 "\tGW_MUST_CHECK;\n\n",
		 names.service, names.service);
	put_declarations(text, service);
	rpc_text(text, "extern const struct gw_rpc_service %s_service;\n\n", names.service);
}

int rpc_generate_header(const struct rpc_schema *schema, const struct rpc_schema_file *file,
			struct base_buffer *buffer, struct gw_error *error)
{
	struct rpc_text text = {buffer, error, 0};
	char messages[RPC_C_NAME_MAX];
	int code = rpc_c_file(file->name, ".pb-c.h", messages, sizeof(messages), error);

	if (code < 0)
		return code;
	rpc_text(&text, "/* Made by gw-rpc-gen from %s. */\n", file->name);
	put_guard(&text, "#ifndef", file);
	put_guard(&text, "#define", file);
	rpc_text(&text,
		 "\n#include <groundwork/rpc.h>\n\n#include \"%s\"\n\n"
		 "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
		 messages);
	for (size_t i = 0; i < schema->service_count; i++)
		if (schema->services[i]->file == file)
			put_service(&text, schema->services[i]);
	rpc_text(&text, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
	return text.code;
}
