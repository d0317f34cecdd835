/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_list.c - `gw rpc list`: the services of a server, their methods and messages.
 */
#include "cli/rpc.h"

#include "rpc/remote.h"

#include <errno.h>

#include <jansson.h>

static const char *semantics_text(const struct rpc_schema_method *method)
{
	return method->semantics == RPC_SEMANTICS_BEST_EFFORT ? "best effort" : "at most once";
}

/* ---- For people ---------------------------------------------------------------------------- */

static void print_method(const struct rpc_schema_method *method)
{
	printf("  %s(%s%s) returns (%s%s), %s", method->name,
	       method->client_streams ? "stream " : "", method->request->name,
	       method->server_streams ? "stream " : "", method->reply->name,
	       semantics_text(method));
	if (method->timeout_ms)
		printf(", %u ms", method->timeout_ms);
	for (size_t i = 0; i < method->role_count; i++)
		printf("%s%s", i ? ", " : ", for ", method->roles[i]);
	putchar('\n');
}

static void print_field(const struct rpc_schema_field *field)
{
	printf("  ");
	if (field->oneof >= 0)
		printf("oneof %d: ", field->oneof + 1);
	if (field->message && field->message->is_map_entry)
		printf("map<%s, %s>", rpc_schema_type_name(rpc_schema_field(field->message, 1)),
		       rpc_schema_type_name(rpc_schema_field(field->message, 2)));
	else
		printf("%s%s", field->repeated ? "repeated " : "", rpc_schema_type_name(field));
	printf(" %s = %u\n", field->name, field->number);
}

static void print_types(const struct rpc_schema *schema)
{
	struct gw_bytes name;
	void *value;

	for (size_t i = 0; i < schema->message_count; i++) {
		const struct rpc_schema_message *message = schema->messages[i];

		if (message->is_map_entry)
			continue;
		printf("message %s\n", message->name);
		for (size_t j = 0; j < message->field_count; j++)
			print_field(&message->fields[j]);
	}
	for (size_t at = 0; base_map_next(&schema->names, &at, &name, &value);) {
		const struct rpc_schema_enum *type = ((struct rpc_schema_name *)value)->enumeration;

		if (type)
			printf("enum %s\n", type->name);
		for (size_t i = 0; type && i < type->value_count; i++)
			printf("  %s = %d\n", type->values[i].name, type->values[i].number);
	}
}

static void print_service(const struct rpc_remote_service *service, bool with_types)
{
	printf("service %s\n", service->service->name);
	for (size_t i = 0; i < service->service->method_count; i++)
		print_method(&service->service->methods[i]);
	if (with_types)
		print_types(&service->schema);
}

/* ---- For programs -------------------------------------------------------------------------- */

static json_t *method_json(const struct rpc_schema_method *method)
{
	json_t *roles = json_array();

	for (size_t i = 0; i < method->role_count; i++)
		json_array_append_new(roles, json_string(method->roles[i]));
	return json_pack("{s:s,s:s,s:s,s:b,s:b,s:s,s:I,s:o}", "name", method->name, "request",
			 method->request->name, "reply", method->reply->name, "requestStreams",
			 method->client_streams, "replyStreams", method->server_streams,
			 "semantics", semantics_text(method), "timeoutMs",
			 (json_int_t)method->timeout_ms, "roles", roles);
}

static json_t *message_json(const struct rpc_schema_message *message)
{
	json_t *fields = json_array();

	for (size_t i = 0; i < message->field_count; i++) {
		const struct rpc_schema_field *field = &message->fields[i];

		json_array_append_new(fields,
				      json_pack("{s:s,s:s,s:I,s:s,s:b,s:b}", "name", field->name,
						"jsonName", field->json_name, "number",
						(json_int_t)field->number, "type",
						rpc_schema_type_name(field), "repeated",
						field->repeated, "inOneof", field->oneof >= 0));
	}
	return json_pack("{s:s,s:b,s:o}", "name", message->name, "mapEntry", message->is_map_entry,
			 "fields", fields);
}

static json_t *enum_json(const struct rpc_schema_enum *type)
{
	json_t *values = json_object();

	for (size_t i = 0; i < type->value_count; i++)
		json_object_set_new(values, type->values[i].name,
				    json_integer(type->values[i].number));
	return json_pack("{s:s,s:o}", "name", type->name, "values", values);
}

static json_t *service_json(const struct rpc_remote_service *service)
{
	json_t *methods = json_array(), *messages = json_array(), *enums = json_array();
	struct gw_bytes name;
	void *value;

	for (size_t i = 0; i < service->service->method_count; i++)
		json_array_append_new(methods, method_json(&service->service->methods[i]));
	for (size_t i = 0; i < service->schema.message_count; i++)
		json_array_append_new(messages, message_json(service->schema.messages[i]));
	for (size_t at = 0; base_map_next(&service->schema.names, &at, &name, &value);) {
		const struct rpc_schema_enum *type = ((struct rpc_schema_name *)value)->enumeration;

		if (type)
			json_array_append_new(enums, enum_json(type));
	}
	return json_pack("{s:s,s:o,s:o,s:o}", "name", service->service->name, "methods", methods,
			 "messages", messages, "enums", enums);
}

static int print_json(const struct rpc_remote_service *service, struct gw_error *error)
{
	json_t *json = service_json(service);
	int result = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;

	json_decref(json);
	if (!json)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for JSON");
	if (result < 0 || putchar('\n') == EOF)
		return gw_fail_errno(error, errno, "standard output");
	return 0;
}

int cli_rpc_list(struct cli_rpc *rpc, struct gw_rpc_client *client, const struct rpc_remote *remote,
		 struct gw_error *error)
{
	const struct rpc_remote_service *only = NULL;
	int code = 0;

	(void)client;
	if (rpc->name)
		code = rpc_remote_find_service(remote, rpc->name, &only, error);
	for (size_t i = 0; code == 0 && i < remote->count; i++) {
		const struct rpc_remote_service *service = &remote->services[i];

		if (only && service != only)
			continue;
		if (rpc->json)
			code = print_json(service, error);
		else
			print_service(service, only != NULL);
	}
	return code;
}
