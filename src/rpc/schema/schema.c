/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.c - what .proto files say: reading as a whole, and asking.
 */
#include "rpc/schema/schema.h"

#include "rpc/schema/schema_parse.h"

#include <assert.h>
#include <stdlib.h>

int rpc_schema_read(struct rpc_schema *schema, struct gw_bytes set, struct gw_error *error)
{
	int code;

	assert(schema->file_count == 0 && schema->arena.bytes == 0);
	if (set.size > RPC_SCHEMA_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "descriptors of %zu bytes, at most %d",
			       set.size, RPC_SCHEMA_BYTES_MAX);
	schema->arena.bytes_max = RPC_SCHEMA_MEMORY_MAX;
	code = rpc_schema_parse(schema, set, error);
	return code < 0 ? code : rpc_schema_link(schema, error);
}

void rpc_schema_done(struct rpc_schema *schema)
{
	if (!schema)
		return;
	base_arena_done(&schema->arena);
	base_map_done(&schema->names);
	free(schema->files);
	free(schema->messages);
	free(schema->services);
	*schema = (struct rpc_schema){0};
}

/* The part behind the last dot. */
static const char *short_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

const struct rpc_schema_service *rpc_schema_service(const struct rpc_schema *schema,
						    const char *name)
{
	const struct rpc_schema_service *found = NULL;

	assert(name);
	for (size_t i = 0; i < schema->service_count; i++)
		if (strcmp(schema->services[i]->name, name) == 0)
			return schema->services[i];
	for (size_t i = 0; i < schema->service_count; i++) {
		if (strcmp(short_name(schema->services[i]->name), name) != 0)
			continue;
		if (found)
			return NULL;
		found = schema->services[i];
	}
	return found;
}

const struct rpc_schema_method *rpc_schema_method(const struct rpc_schema_service *service,
						  const char *name)
{
	for (size_t i = 0; i < service->method_count; i++)
		if (strcmp(service->methods[i].name, name) == 0)
			return &service->methods[i];
	return NULL;
}

const struct rpc_schema_message *rpc_schema_message(const struct rpc_schema *schema,
						    struct gw_bytes name)
{
	const struct rpc_schema_name *entry = base_map_get(&schema->names, name);

	assert(!entry || !entry->message || !entry->enumeration);
	return entry ? entry->message : NULL;
}

const struct rpc_schema_field *rpc_schema_field(const struct rpc_schema_message *message,
						uint32_t number)
{
	for (size_t i = 0; i < message->field_count; i++)
		if (message->fields[i].number == number)
			return &message->fields[i];
	return NULL;
}

const struct rpc_schema_field *rpc_schema_field_named(const struct rpc_schema_message *message,
						      const char *name)
{
	for (size_t i = 0; i < message->field_count; i++)
		if (strcmp(message->fields[i].name, name) == 0 ||
		    strcmp(message->fields[i].json_name, name) == 0)
			return &message->fields[i];
	return NULL;
}

const char *rpc_schema_type_name(const struct rpc_schema_field *field)
{
	static const char *const names[] = {
		[RPC_TYPE_DOUBLE] = "double",	  [RPC_TYPE_FLOAT] = "float",
		[RPC_TYPE_INT64] = "int64",	  [RPC_TYPE_UINT64] = "uint64",
		[RPC_TYPE_INT32] = "int32",	  [RPC_TYPE_FIXED64] = "fixed64",
		[RPC_TYPE_FIXED32] = "fixed32",	  [RPC_TYPE_BOOL] = "bool",
		[RPC_TYPE_STRING] = "string",	  [RPC_TYPE_BYTES] = "bytes",
		[RPC_TYPE_UINT32] = "uint32",	  [RPC_TYPE_SFIXED32] = "sfixed32",
		[RPC_TYPE_SFIXED64] = "sfixed64", [RPC_TYPE_SINT32] = "sint32",
		[RPC_TYPE_SINT64] = "sint64",
	};

	if (field->message)
		return field->message->name;
	if (field->enumeration)
		return field->enumeration->name;
	assert(field->type < sizeof(names) / sizeof(names[0]) && names[field->type]);
	return names[field->type];
}
