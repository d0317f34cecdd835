/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_link.c - resolves the names of a schema, and refuses by name what we do not do.
 */
#include "rpc/schema/schema_parse.h"

#include <assert.h>

/* protoc writes every name in full, with a dot in front. */
static const struct rpc_schema_name *resolve(const struct rpc_schema *schema, const char *name)
{
	return name && name[0] == '.' ? base_map_get(&schema->names, gw_string(name + 1)) : NULL;
}

static int link_type(const struct rpc_schema *schema, const struct rpc_schema_message *message,
		     struct rpc_schema_field *field, struct gw_error *error)
{
	const struct rpc_schema_name *type = resolve(schema, field->type_name);

	if (type && field->type == RPC_TYPE_MESSAGE)
		field->message = type->message;
	if (type && field->type == RPC_TYPE_ENUM)
		field->enumeration = type->enumeration;
	assert(!field->message || !field->enumeration);
	if (field->message || field->enumeration)
		return 0;
	return gw_fail(error, GW_E_CORRUPT, "%s.%s: its type %s is not among the descriptors",
		       message->name, field->name, field->type_name ? field->type_name : "");
}

static int link_field(const struct rpc_schema *schema, const struct rpc_schema_message *message,
		      struct rpc_schema_field *field, struct gw_error *error)
{
	if (field->is_optional)
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "%s.%s is `optional`, which is not supported: use a oneof with "
			       "this field alone, or a value that stands for \"none\"",
			       message->name, field->name);
	if (field->type == RPC_TYPE_GROUP)
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "%s.%s is a group, which proto3 does not "
			       "have",
			       message->name, field->name);
	if (field->type == RPC_TYPE_MESSAGE || field->type == RPC_TYPE_ENUM)
		return link_type(schema, message, field, error);
	return 0;
}

/* Two fields that nobody could tell from each other. */
static int check_pair(const struct rpc_schema_message *message, const struct rpc_schema_field *a,
		      const struct rpc_schema_field *b, struct gw_error *error)
{
	if (a->number == b->number)
		return gw_fail(error, GW_E_CORRUPT, "%s: %s and %s both have number %u",
			       message->name, a->name, b->name, a->number);
	if (strcmp(a->name, b->name) == 0 || strcmp(a->json_name, b->json_name) == 0)
		return gw_fail(error, GW_E_CORRUPT, "%s: fields %u and %u both are %s",
			       message->name, a->number, b->number, a->json_name);
	return 0;
}

static int check_fields(const struct rpc_schema_message *message, struct gw_error *error)
{
	for (size_t i = 0; i < message->field_count; i++) {
		for (size_t j = 0; j < i; j++) {
			int code = check_pair(message, &message->fields[j], &message->fields[i],
					      error);

			if (code < 0)
				return code;
		}
	}
	if (!message->is_map_entry)
		return 0;
	const struct rpc_schema_field *key = rpc_schema_field(message, 1);
	const struct rpc_schema_field *value = rpc_schema_field(message, 2);

	if (message->field_count != 2 || !key || !value || key->repeated || value->repeated ||
	    key->message || key->enumeration || key->type == RPC_TYPE_BYTES ||
	    key->type == RPC_TYPE_DOUBLE || key->type == RPC_TYPE_FLOAT ||
	    (value->message && value->message->is_map_entry))
		return gw_fail(error, GW_E_CORRUPT, "%s: no entry of a map", message->name);
	return 0;
}

/*
 * How deep messages are inside this one. Calls itself, but never deeper than the limit: a message
 * that contains itself reaches it too, so `above` counts the messages on the way here.
 */
static int find_depth(struct rpc_schema_message *message, int above, struct gw_error *error)
{
	int depth = 1;

	assert(above >= 0 && above <= RPC_SCHEMA_DEPTH_MAX);
	if (message->depth > 0)
		return message->depth;
	if (above >= RPC_SCHEMA_DEPTH_MAX)
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "messages contain each other without end or deeper than %d: %s",
			       RPC_SCHEMA_DEPTH_MAX, message->name);
	message->depth = -1;
	for (size_t i = 0; i < message->field_count; i++) {
		const struct rpc_schema_field *field = &message->fields[i];

		if (!field->message)
			continue;
		if (field->message->depth < 0)
			return gw_fail(error, GW_E_UNSUPPORTED,
				       "%s.%s: %s contains itself, which is not supported: send "
				       "a repeated field of nodes that name each other",
				       message->name, field->name, field->message->name);
		int inside = find_depth(field->message, above + 1, error);

		if (inside < 0)
			return inside;
		depth = inside + 1 > depth ? inside + 1 : depth;
	}
	if (depth > RPC_SCHEMA_DEPTH_MAX)
		return gw_fail(error, GW_E_UNSUPPORTED, "%s: messages are nested deeper than %d",
			       message->name, RPC_SCHEMA_DEPTH_MAX);
	assert(depth >= 1);
	message->depth = depth;
	return depth;
}

static int link_method(const struct rpc_schema *schema, const struct rpc_schema_service *service,
		       struct rpc_schema_method *method, struct gw_error *error)
{
	const struct rpc_schema_name *request = resolve(schema, method->request_name);
	const struct rpc_schema_name *reply = resolve(schema, method->reply_name);

	method->request = request ? request->message : NULL;
	method->reply = reply ? reply->message : NULL;
	if (!method->request || !method->reply)
		return gw_fail(error, GW_E_CORRUPT,
			       "%s.%s: its messages are not among the descriptors", service->name,
			       method->name);
	if (method->semantics > RPC_SEMANTICS_BEST_EFFORT)
		return gw_fail(error, GW_E_UNSUPPORTED, "%s.%s: semantics %u are not known",
			       service->name, method->name, method->semantics);
	return 0;
}

static int link_service(const struct rpc_schema *schema, struct rpc_schema_service *service,
			struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < service->method_count; i++) {
		code = link_method(schema, service, &service->methods[i], error);
		if (code == 0 &&
		    rpc_schema_method(service, service->methods[i].name) != &service->methods[i])
			code = gw_fail(error, GW_E_CORRUPT, "%s.%s: defined twice", service->name,
				       service->methods[i].name);
	}
	return code;
}

int rpc_schema_link(struct rpc_schema *schema, struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < schema->message_count; i++) {
		struct rpc_schema_message *message = schema->messages[i];

		for (size_t j = 0; code == 0 && j < message->field_count; j++)
			code = link_field(schema, message, &message->fields[j], error);
	}
	for (size_t i = 0; code == 0 && i < schema->message_count; i++) {
		code = check_fields(schema->messages[i], error);
		if (code == 0)
			code = find_depth(schema->messages[i], 0, error);
		assert(code < 0 || schema->messages[i]->depth == code);
		code = code > 0 ? 0 : code;
	}
	for (size_t i = 0; code == 0 && i < schema->service_count; i++)
		code = link_service(schema, schema->services[i], error);
	return code;
}
