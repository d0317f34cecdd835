/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_source.c - NAME.rpc.c: the bodies of the stubs, and the service as data.
 */
#include "rpc/schema/generate.h"
#include "rpc/schema/generate_text.h"

#include "base/map.h"
#include "rpc/schema/field.h"

#include <assert.h>
#include <stdio.h>

/* FNV-1a, as gw_rpc_method_id of groundwork/rpc.h, which is not to be seen from here. */
static uint32_t method_id(const char *service, const char *method)
{
	const char *const parts[] = {service, ".", method};
	uint32_t hash = 2166136261u;

	assert(service[0] && method[0]);
	for (size_t i = 0; i < 3; i++)
		for (const char *at = parts[i]; *at; at++)
			hash = (hash ^ (uint8_t)*at) * 16777619u;
	return hash;
}

/* ---- What cannot be made ------------------------------------------------------------------- */

/* What was seen: names in C and ids, each with the name it stands for. */
struct seen {
	struct base_map names, ids;
};

/* Puts a name; there may be no second one. */
static int once(struct base_map *map, struct gw_bytes key, const char *what, const char *name,
		struct gw_error *error)
{
	void *other;

	if (base_map_find(map, key, &other))
		return gw_fail(error, GW_E_EXISTS, "%s and %s have the same %s",
			       (const char *)other, name, what);
	return base_map_put(map, key, (void *)(uintptr_t)name, error);
}

/* Names of stubs whether this method has them or not: so that a method may get streams later. */
static int check_method(const struct rpc_names *names, struct seen *seen, struct gw_error *error)
{
	static const char *const suffixes[] = {
		"",
		"_with",
		"_open",
		"_finish",
		"_request_send",
		"_request_receive",
		"_reply_send",
		"_reply_receive",
	};
	char name[2 * RPC_C_NAME_MAX + 32];
	int code = 0;

	if (rpc_c_is_word(names->name))
		return gw_fail(error, GW_E_UNSUPPORTED, "%s is a word of C: call it otherwise",
			       names->name);

	for (size_t i = 0; code == 0 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s%s", names->service, names->name, suffixes[i]);
		code = once(&seen->names, gw_string(name), "name in C", names->method->name, error);
	}
	return code;
}

static int check_service(const struct rpc_schema_service *service, struct seen *seen,
			 struct gw_error *error)
{
	static const char *const own[] = {"_handlers", "_serve", "_service", "_methods"};
	struct rpc_names names;
	char name[RPC_C_NAME_MAX + 32];
	int code = 0;

	rpc_service_names(&names, service);
	if (service->method_count == 0)
		code = gw_fail(error, GW_E_UNSUPPORTED, "a service without methods");
	for (size_t i = 0; code == 0 && i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", names.service, own[i]);
		code = once(&seen->names, gw_string(name), "name in C", service->name, error);
	}
	for (size_t i = 0; code == 0 && i < service->method_count; i++) {
		const struct rpc_schema_method *method = &service->methods[i];
		uint32_t id = method_id(service->name, method->name);

		rpc_method_names(&names, service, method);
		code = check_method(&names, seen, error);
		if (code == 0)
			code = once(&seen->ids, (struct gw_bytes){&id, sizeof(id)},
				    "id on the wire", method->name, error);
	}
	return code < 0 ? gw_fail_in(error, "%s", service->name) : 0;
}

int rpc_generate_check(const struct rpc_schema *schema, const struct rpc_schema_file *file,
		       struct gw_error *error)
{
	struct seen seen = {0};
	int code = 0;

	for (size_t i = 0; code == 0 && i < schema->service_count; i++)
		if (schema->services[i]->file == file)
			code = check_service(schema->services[i], &seen, error);
	base_map_done(&seen.names);
	base_map_done(&seen.ids);
	return code;
}

/* ---- The descriptors ----------------------------------------------------------------------- */

static const struct rpc_schema_file *find_file(const struct rpc_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->file_count; i++)
		if (strcmp(schema->files[i]->name, name) == 0)
			return schema->files[i];
	return NULL;
}

/* What the file imports is marked too. In a set every file stands behind its imports, so going
 * from the back to the front finds all. */
static void mark_needed(const struct rpc_schema *schema, size_t count, bool *needed)
{
	for (size_t i = count; i-- > 0;) {
		const struct rpc_schema_file *file = schema->files[i];

		for (size_t j = 0; needed[i] && j < file->import_count; j++)
			for (size_t k = 0; k < i; k++)
				if (strcmp(schema->files[k]->name, file->imports[j]) == 0)
					needed[k] = true;
	}
}

int rpc_generate_set(const struct rpc_schema *schema, const struct rpc_schema_file *file,
		     struct base_buffer *buffer, struct gw_error *error)
{
	struct base_arena arena = {0};
	bool *needed = base_arena_array(&arena, schema->file_count, sizeof(*needed));
	int code = 0;

	assert(find_file(schema, file->name));
	if (!needed)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu files",
			       schema->file_count);
	for (size_t i = 0; i < schema->file_count; i++)
		needed[i] = schema->files[i] == file;
	mark_needed(schema, schema->file_count, needed);
	for (size_t i = 0; code == 0 && i < schema->file_count; i++)
		if (needed[i] && !schema->files[i]->is_options)
			code = rpc_field_put_bytes(buffer, 1, schema->files[i]->bytes, error);
	base_arena_done(&arena);
	return code;
}

static void put_descriptors(struct rpc_text *text, const struct rpc_schema *schema,
			    const struct rpc_schema_file *file)
{
	struct base_buffer set = {0};

	if (text->code == 0)
		text->code = rpc_generate_set(schema, file, &set, text->error);
	rpc_text(text, "/* What reflection tells: a FileDescriptorSet. */\n"
		       "static const uint8_t descriptors[] = {");
	for (size_t i = 0; i < set.size; i++)
		rpc_text(text, "%s0x%02x,", i % 16 == 0 ? "\n\t" : " ", set.data[i]);
	rpc_text(text, "\n};\n\n");
	base_buffer_done(&set);
}

/* ---- Bodies -------------------------------------------------------------------------------- */

static const char *request_argument(const struct rpc_names *names)
{
	return names->method->client_streams ? "NULL" : "&request->base";
}

static void put_call_bodies(struct rpc_text *text, const struct rpc_names *names, size_t index)
{
	rpc_put_signature(text, names, RPC_STUB_CALL);
	rpc_text(text, "\n{\n\treturn %s_%s_with(client, request, NULL, reply, error);\n}\n\n",
		 names->service, names->name);
	rpc_put_signature(text, names, RPC_STUB_CALL_WITH);
	rpc_text(text,
		 "\n{\n\tstruct ProtobufCMessage *message = NULL;\n"
		 "\tint code = gw_rpc_invoke(client, &%s_methods[%zu], &request->base, &message,\n"
		 "\t\t\t\t options, error);\n\n"
		 "\t*reply = (%s *)message;\n\treturn code;\n}\n\n",
		 names->service, index, names->reply);
}

static void put_open_bodies(struct rpc_text *text, const struct rpc_names *names, size_t index)
{
	bool streams = names->method->server_streams;

	rpc_put_signature(text, names, RPC_STUB_OPEN);
	rpc_text(text,
		 "\n{\n\treturn gw_rpc_open(client, &%s_methods[%zu], %s, options, call, error);\n"
		 "}\n\n",
		 names->service, index, request_argument(names));
	rpc_put_signature(text, names, RPC_STUB_FINISH);
	rpc_text(text, "\n{\n\tstruct ProtobufCMessage *message = NULL;\n"
		       "\tint code = gw_rpc_finish(call, &message, error);\n\n");
	if (streams)
		rpc_text(text, "\tgw_rpc_message_free(message);\n");
	else
		rpc_text(text, "\t*reply = (%s *)message;\n", names->reply);
	rpc_text(text, "\treturn code;\n}\n\n");
}

static void put_item_bodies(struct rpc_text *text, const struct rpc_names *names,
			    enum rpc_stub send, enum rpc_stub receive, const char *type)
{
	assert(rpc_stub_fits(names->method, send) == rpc_stub_fits(names->method, receive));
	if (!rpc_stub_fits(names->method, send))
		return;
	rpc_put_signature(text, names, send);
	rpc_text(text, "\n{\n\treturn gw_rpc_item_send(call, &item->base, error);\n}\n\n");
	rpc_put_signature(text, names, receive);
	rpc_text(text,
		 "\n{\n\tstruct ProtobufCMessage *message = NULL;\n"
		 "\tint code = gw_rpc_item_receive(call, &message, error);\n\n"
		 "\t*item = (%s *)message;\n\treturn code;\n}\n\n",
		 type);
}

/* The function between the server, which knows messages only, and the handler. */
static void put_run(struct rpc_text *text, const struct rpc_names *names)
{
	const struct rpc_schema_method *method = names->method;

	rpc_text(text,
		 "static int run_%s_%s(struct gw_rpc_call *call, const void *handlers,\n"
		 "\tvoid *context, const struct ProtobufCMessage *request,\n"
		 "\tstruct ProtobufCMessage *reply, struct gw_error *error)\n{\n",
		 names->service, names->name);
	rpc_text(text, "\tconst struct %s_handlers *own = handlers;\n\n", names->service);
	if (method->client_streams)
		rpc_text(text, "\t(void)request;\n");
	if (method->server_streams)
		rpc_text(text, "\t(void)reply;\n");
	rpc_text(text,
		 "\tif (!own->%s)\n"
		 "\t\treturn gw_fail(error, GW_E_UNSUPPORTED, \"%s is not offered here\");\n",
		 names->name, method->name);
	rpc_text(text, "\treturn own->%s(call, context", names->name);
	if (!method->client_streams)
		rpc_text(text, ",\n\t\t(const %s *)request", names->request);
	if (!method->server_streams)
		rpc_text(text, ",\n\t\t(%s *)reply", names->reply);
	rpc_text(text, ", error);\n}\n\n");
}

/* ---- Data ---------------------------------------------------------------------------------- */

static void put_roles(struct rpc_text *text, const struct rpc_schema_method *method)
{
	if (method->role_count == 0)
		return;
	rpc_text(text, "\t\t.roles = \"");
	for (size_t i = 0; i < method->role_count; i++)
		rpc_text(text, "%s%s", i ? "," : "", method->roles[i]);
	rpc_text(text, "\",\n");
}

static void put_method(struct rpc_text *text, const struct rpc_schema_service *service,
		       const struct rpc_names *names)
{
	const struct rpc_schema_method *method = names->method;
	char descriptor[RPC_C_NAME_MAX];

	rpc_text(text, "\t{\n\t\t.name = \"%s\",\n\t\t.full_name = \"%s.%s\",\n", method->name,
		 service->name, method->name);
	rpc_text(text, "\t\t.id = 0x%08x,\n\t\t.semantics = %s,\n",
		 method_id(service->name, method->name),
		 method->semantics == RPC_SEMANTICS_BEST_EFFORT ? "GW_RPC_BEST_EFFORT"
								: "GW_RPC_AT_MOST_ONCE");
	if (method->client_streams)
		rpc_text(text, "\t\t.request_streams = true,\n");
	if (method->server_streams)
		rpc_text(text, "\t\t.reply_streams = true,\n");
	if (method->timeout_ms)
		rpc_text(text, "\t\t.timeout_ms = %u,\n", method->timeout_ms);
	put_roles(text, method);
	rpc_c_name(method->request->name, descriptor);
	rpc_text(text, "\t\t.request = &%s__descriptor,\n", descriptor);
	rpc_c_name(method->reply->name, descriptor);
	rpc_text(text, "\t\t.reply = &%s__descriptor,\n", descriptor);
	rpc_text(text, "\t\t.run = run_%s_%s,\n\t},\n", names->service, names->name);
}

static void put_service_data(struct rpc_text *text, const struct rpc_schema_service *service)
{
	struct rpc_names names;

	rpc_service_names(&names, service);
	if (service->method_count > 0) {
		rpc_text(text, "static const struct gw_rpc_method %s_methods[] = {\n",
			 names.service);
		for (size_t i = 0; i < service->method_count; i++) {
			rpc_method_names(&names, service, &service->methods[i]);
			put_method(text, service, &names);
		}
		rpc_text(text, "};\n\n");
	}
	rpc_text(text, "const struct gw_rpc_service %s_service = {\n\t.full_name = \"%s\",\n",
		 names.service, service->name);
	if (service->method_count > 0)
		rpc_text(text, "\t.methods = %s_methods,\n\t.method_count = %zu,\n", names.service,
			 service->method_count);
	rpc_text(text, "\t.descriptors = {descriptors, sizeof(descriptors)},\n};\n\n");
}

static void put_service(struct rpc_text *text, const struct rpc_schema_service *service)
{
	struct rpc_names names;

	rpc_text(text,
		 "/* ---- service %s "
		 "---------------------------------------------------------------------------- "
		 "*/\n\n",
		 service->name);
	for (size_t i = 0; i < service->method_count; i++) {
		rpc_method_names(&names, service, &service->methods[i]);
		put_run(text, &names);
	}
	put_service_data(text, service);
	rpc_service_names(&names, service);
	rpc_text(text,
		 "int %s_serve(struct gw_rpc_server *server, const struct %s_handlers *handlers,\n"
		 "\tvoid *context, struct gw_rpc_dup *dup, struct gw_error *error)\n{\n",
		 names.service, names.service);
	rpc_text(text,
		 "\treturn gw_rpc_server_add(server, &%s_service, handlers, context, dup, error);\n"
		 "}\n\n",
		 names.service);
	for (size_t i = 0; i < service->method_count; i++) {
		rpc_method_names(&names, service, &service->methods[i]);
		if (rpc_stub_fits(names.method, RPC_STUB_CALL))
			put_call_bodies(text, &names, i);
		put_open_bodies(text, &names, i);
		put_item_bodies(text, &names, RPC_STUB_REQUEST_SEND, RPC_STUB_REQUEST_RECEIVE,
				names.request);
		put_item_bodies(text, &names, RPC_STUB_REPLY_SEND, RPC_STUB_REPLY_RECEIVE,
				names.reply);
	}
}

int rpc_generate_source(const struct rpc_schema *schema, const struct rpc_schema_file *file,
			struct base_buffer *buffer, struct gw_error *error)
{
	struct rpc_text text = {buffer, error, 0};
	char header[RPC_C_NAME_MAX];
	int code = rpc_c_file(file->name, ".rpc.h", header, sizeof(header), error);

	if (code < 0)
		return code;
	rpc_text(&text, "/* Made by gw-rpc-gen from %s. */\n#include \"%s\"\n\n", file->name,
		 header);
	put_descriptors(&text, schema, file);
	for (size_t i = 0; i < schema->service_count; i++)
		if (schema->services[i]->file == file)
			put_service(&text, schema->services[i]);
	return text.code;
}
