/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_parse.c - takes a FileDescriptorSet off the wire. The numbers of fields are those of
 * google/protobuf/descriptor.proto. Repeated fields are counted first, then filled in.
 */
#include "rpc/schema/schema_parse.h"

#include "base/allocate.h"
#include "rpc/schema/field.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What a number and a kind of field are in one switch. A field of another kind is none of ours. */
#define KEY(number, wire) ((number) << 3 | RPC_WIRE_##wire)

static uint64_t key_of(const struct rpc_field *field)
{
	return (uint64_t)field->number << 3 | field->wire;
}

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for descriptors (at most %d bytes)",
		       RPC_SCHEMA_MEMORY_MAX);
}

/* How many fields of LENGTH have the number; more than max are too many. */
static int count_fields(struct gw_bytes rest, uint32_t number, size_t max, size_t *count,
			struct gw_error *error)
{
	struct rpc_field field;
	int code;

	*count = 0;
	while ((code = rpc_field_next(&rest, &field, error)) > 0)
		*count += key_of(&field) == ((uint64_t)number << 3 | RPC_WIRE_LENGTH);
	if (code == 0 && *count > max)
		return gw_fail(error, GW_E_TOO_LARGE, "%zu entries, at most %zu", *count, max);
	return code;
}

/* An array for them. */
static int make_array(struct rpc_schema *schema, struct gw_bytes bytes, uint32_t number, size_t max,
		      size_t item_size, void *array, struct gw_error *error)
{
	size_t count;
	int code = count_fields(bytes, number, max, &count, error);

	if (code < 0)
		return code;
	void *items = base_arena_array(&schema->arena, count, item_size);

	assert(count <= max);
	memcpy(array, &items, sizeof(items));
	return items ? 0 : no_memory(error);
}

/* ---- Names --------------------------------------------------------------------------------- */

enum name_kind {
	NAME_WORD,   /* of a field, method, type */
	NAME_DOTTED, /* with a package; may be empty */
	NAME_TEXT,   /* of a file, or a field in JSON */
	NAME_ROLE,   /* as in cert.h, or "*" */
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether a letter may stand in a name, first or later. */
static bool may_stand(enum name_kind kind, char c, bool first)
{
	switch (kind) {
	case NAME_WORD:
	case NAME_DOTTED:
		return is_letter(c) || (is_digit(c) && !first) || (c == '.' && kind == NAME_DOTTED);
	case NAME_TEXT:
		return c > ' ' && c <= '~' && !strchr("\"\\*?", c);
	case NAME_ROLE:
		return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
	}
	return false;
}

static bool fits(enum name_kind kind, struct gw_bytes name)
{
	const char *text = name.data;

	if (name.size > RPC_SCHEMA_NAME_MAX || (name.size == 0 && kind != NAME_DOTTED))
		return false;
	if (kind == NAME_ROLE && name.size == 1 && text[0] == '*')
		return true;
	for (size_t i = 0; i < name.size; i++)
		if (!may_stand(kind, text[i], i == 0 || text[i - 1] == '.'))
			return false;
	return true;
}

/* Names end up in C code and on terminals, so only letters that can do no harm are taken. */
static int take_name(struct rpc_schema *schema, enum name_kind kind, struct gw_bytes bytes,
		     const char **name, struct gw_error *error)
{
	if (!fits(kind, bytes))
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "a name of %zu bytes that is empty, too long or has letters that "
			       "are not possible",
			       bytes.size);
	*name = base_arena_copy(&schema->arena, bytes);
	return *name ? 0 : no_memory(error);
}

/* outer.name; outer may be "". */
static int join(struct rpc_schema *schema, const char *outer, const char **name,
		struct gw_error *error)
{
	char whole[2 * RPC_SCHEMA_NAME_MAX + 2];
	int size = snprintf(whole, sizeof(whole), "%s%s%s", outer, outer[0] ? "." : "", *name);

	assert(size >= 0 && (size_t)size < sizeof(whole));
	return take_name(schema, NAME_DOTTED, (struct gw_bytes){whole, (size_t)size}, name, error);
}

/* Puts item into one of the three lists of the schema. */
static int add(void *list, size_t *count, size_t *capacity, void *item, struct gw_error *error)
{
	void **items;

	memcpy(&items, list, sizeof(items));
	items = base_grow(items, sizeof(*items), capacity, *count + 1);
	if (!items)
		return no_memory(error);
	memcpy(list, &items, sizeof(items));
	assert(*count < *capacity);
	items[(*count)++] = item;
	return 0;
}

static int add_name(struct rpc_schema *schema, const char *name, struct rpc_schema_message *message,
		    const struct rpc_schema_enum *enumeration, struct gw_error *error)
{
	struct rpc_schema_name *entry = base_arena_array(&schema->arena, 1, sizeof(*entry));

	if (!entry)
		return no_memory(error);
	if (base_map_find(&schema->names, gw_string(name), NULL))
		return gw_fail(error, GW_E_CORRUPT, "%s: defined twice", name);
	*entry = (struct rpc_schema_name){message, enumeration};
	return base_map_put(&schema->names, gw_string(name), entry, error);
}

/* ---- Enums and fields ---------------------------------------------------------------------- */

static int parse_value(struct rpc_schema *schema, struct gw_bytes rest,
		       struct rpc_schema_value *value, struct gw_error *error)
{
	struct rpc_field field;
	int code;

	while ((code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(1, LENGTH))
			code = take_name(schema, NAME_WORD, field.bytes, &value->name, error);
		else if (key_of(&field) == KEY(2, VARINT))
			value->number = (int32_t)(uint32_t)field.value;
		if (code < 0)
			return code;
	}
	if (code == 0 && !value->name)
		return gw_fail(error, GW_E_CORRUPT, "a value without a name");
	return code;
}

static int parse_enum(struct rpc_schema *schema, const char *outer, struct gw_bytes bytes,
		      struct gw_error *error)
{
	struct rpc_schema_enum *made = base_arena_array(&schema->arena, 1, sizeof(*made));
	struct gw_bytes rest = bytes;
	struct rpc_field field;
	int code;

	if (!made)
		return no_memory(error);
	code = make_array(schema, bytes, 2, RPC_SCHEMA_VALUES_MAX, sizeof(*made->values),
			  &made->values, error);
	while (code >= 0 && (code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(1, LENGTH))
			code = take_name(schema, NAME_WORD, field.bytes, &made->name, error);
		else if (key_of(&field) == KEY(2, LENGTH))
			code = parse_value(schema, field.bytes, &made->values[made->value_count++],
					   error);
	}
	if (code < 0)
		return gw_fail_in(error, "an enum");
	if (!made->name || made->value_count == 0)
		return gw_fail(error, GW_E_CORRUPT, "an enum without a name or values");
	code = join(schema, outer, &made->name, error);
	return code < 0 ? code : add_name(schema, made->name, NULL, made, error);
}

static int parse_field(struct rpc_schema *schema, struct gw_bytes rest,
		       struct rpc_schema_field *made, struct gw_error *error)
{
	struct rpc_field field;
	int code;

	made->oneof = -1;
	while ((code = rpc_field_next(&rest, &field, error)) > 0) {
		switch (key_of(&field)) {
		case KEY(1, LENGTH):
			code = take_name(schema, NAME_WORD, field.bytes, &made->name, error);
			break;
		case KEY(3, VARINT):
			made->number =
				field.value > RPC_FIELD_NUMBER_MAX ? 0 : (uint32_t)field.value;
			break;
		case KEY(4, VARINT):
			made->repeated = field.value == 3;
			break;
		case KEY(5, VARINT):
			made->type = field.value > RPC_TYPE_SINT64 ? 0 : (enum rpc_type)field.value;
			break;
		case KEY(6, LENGTH):
			code = take_name(schema, NAME_DOTTED, field.bytes, &made->type_name, error);
			break;
		case KEY(9, VARINT):
			made->oneof = field.value > RPC_SCHEMA_FIELDS_MAX ? -1 : (int)field.value;
			break;
		case KEY(10, LENGTH):
			code = take_name(schema, NAME_TEXT, field.bytes, &made->json_name, error);
			break;
		case KEY(17, VARINT):
			made->is_optional = field.value != 0;
			break;
		}
		if (code < 0)
			return code;
	}
	if (code == 0 && (!made->name || made->number == 0 || made->type == 0))
		return gw_fail(error, GW_E_CORRUPT, "a field without a name, number or type");
	if (!made->json_name)
		made->json_name = made->name;
	return code;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* Whether its options say that the message is an entry of a map. */
static int parse_message_options(struct gw_bytes rest, struct rpc_schema_message *made,
				 struct gw_error *error)
{
	struct rpc_field field;
	int code;

	while ((code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(7, VARINT))
			made->is_map_entry = field.value != 0;
	}
	return code;
}

/* All of a message but what is defined inside it. */
static int parse_own(struct rpc_schema *schema, struct gw_bytes bytes,
		     struct rpc_schema_message *made, struct gw_error *error)
{
	struct gw_bytes rest = bytes;
	struct rpc_field field;
	int code = make_array(schema, bytes, 2, RPC_SCHEMA_FIELDS_MAX, sizeof(*made->fields),
			      &made->fields, error);

	while (code >= 0 && (code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(1, LENGTH))
			code = take_name(schema, NAME_WORD, field.bytes, &made->name, error);
		else if (key_of(&field) == KEY(2, LENGTH))
			code = parse_field(schema, field.bytes, &made->fields[made->field_count++],
					   error);
		else if (key_of(&field) == KEY(7, LENGTH))
			code = parse_message_options(field.bytes, made, error);
	}
	if (code < 0)
		return gw_fail_in(error, "message %s", made->name ? made->name : "without a name");
	if (!made->name)
		return gw_fail(error, GW_E_CORRUPT, "a message without a name");
	return 0;
}

/* Calls itself for the messages that are defined inside, RPC_SCHEMA_NEST_MAX deep at most. */
static int parse_message(struct rpc_schema *schema, const struct rpc_schema_file *file,
			 const char *outer, int depth, struct gw_bytes bytes,
			 struct gw_error *error)
{
	struct rpc_schema_message *made = base_arena_array(&schema->arena, 1, sizeof(*made));
	struct rpc_field field;
	int code;

	if (!made)
		return no_memory(error);
	if (depth > RPC_SCHEMA_NEST_MAX)
		return gw_fail(error, GW_E_UNSUPPORTED,
			       "%s: message types are nested deeper than %d", outer,
			       RPC_SCHEMA_NEST_MAX);
	made->file = file;
	code = parse_own(schema, bytes, made, error);
	if (code == 0)
		code = join(schema, outer, &made->name, error);
	if (code == 0)
		code = add_name(schema, made->name, made, NULL, error);
	if (code == 0)
		code = add(&schema->messages, &schema->message_count, &schema->message_capacity,
			   made, error);
	while (code >= 0 && (code = rpc_field_next(&bytes, &field, error)) > 0) {
		if (key_of(&field) == KEY(3, LENGTH))
			code = parse_message(schema, file, made->name, depth + 1, field.bytes,
					     error);
		else if (key_of(&field) == KEY(4, LENGTH))
			code = parse_enum(schema, made->name, field.bytes, error);
	}
	return code;
}

/* ---- Services ------------------------------------------------------------------------------ */

/* The option (gw.rpc). It is in pieces when the .proto sets its fields one by one. */
static int parse_rpc_option(struct rpc_schema *schema, struct gw_bytes bytes,
			    struct rpc_schema_method *made, struct gw_error *error)
{
	struct gw_bytes rest = bytes;
	struct rpc_field field;
	const char **roles;
	size_t count;
	int code = count_fields(bytes, 3, RPC_SCHEMA_ROLES_MAX - made->role_count, &count, error);

	if (code < 0)
		return code;
	roles = base_arena_array(&schema->arena, made->role_count + count, sizeof(*roles));
	if (!roles)
		return no_memory(error);
	for (size_t i = 0; i < made->role_count; i++)
		roles[i] = made->roles[i];
	made->roles = roles;
	while (code >= 0 && (code = rpc_field_next(&rest, &field, error)) > 0) {
		bool too_large = field.wire == RPC_WIRE_VARINT && field.value > UINT32_MAX;

		if (too_large)
			code = gw_fail(error, GW_E_CORRUPT, "option (gw.rpc): number too large");
		else if (key_of(&field) == KEY(1, VARINT))
			made->semantics = (uint32_t)field.value;
		else if (key_of(&field) == KEY(2, VARINT))
			made->timeout_ms = (uint32_t)field.value;
		else if (key_of(&field) == KEY(3, LENGTH))
			code = take_name(schema, NAME_ROLE, field.bytes,
					 &made->roles[made->role_count++], error);
	}
	return code;
}

static int parse_method_options(struct rpc_schema *schema, struct gw_bytes rest,
				struct rpc_schema_method *made, struct gw_error *error)
{
	struct rpc_field field;
	int code;

	while ((code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(RPC_SCHEMA_OPTION, LENGTH))
			code = parse_rpc_option(schema, field.bytes, made, error);
		if (code < 0)
			return code;
	}
	return code;
}

static int parse_method(struct rpc_schema *schema, struct gw_bytes rest,
			struct rpc_schema_method *made, struct gw_error *error)
{
	struct rpc_field field;
	int code;

	while ((code = rpc_field_next(&rest, &field, error)) > 0) {
		switch (key_of(&field)) {
		case KEY(1, LENGTH):
			code = take_name(schema, NAME_WORD, field.bytes, &made->name, error);
			break;
		case KEY(2, LENGTH):
			code = take_name(schema, NAME_DOTTED, field.bytes, &made->request_name,
					 error);
			break;
		case KEY(3, LENGTH):
			code = take_name(schema, NAME_DOTTED, field.bytes, &made->reply_name,
					 error);
			break;
		case KEY(4, LENGTH):
			code = parse_method_options(schema, field.bytes, made, error);
			break;
		case KEY(5, VARINT):
			made->client_streams = field.value != 0;
			break;
		case KEY(6, VARINT):
			made->server_streams = field.value != 0;
			break;
		}
		if (code < 0)
			return code;
	}
	if (code == 0 && (!made->name || !made->request_name || !made->reply_name))
		return gw_fail(error, GW_E_CORRUPT, "a method without a name or messages");
	return code;
}

static int parse_service(struct rpc_schema *schema, const struct rpc_schema_file *file,
			 struct gw_bytes bytes, struct gw_error *error)
{
	struct rpc_schema_service *made = base_arena_array(&schema->arena, 1, sizeof(*made));
	struct gw_bytes rest = bytes;
	struct rpc_field field;
	int code;

	if (!made)
		return no_memory(error);
	made->file = file;
	code = make_array(schema, bytes, 2, RPC_SCHEMA_FIELDS_MAX, sizeof(*made->methods),
			  &made->methods, error);
	while (code >= 0 && (code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(1, LENGTH))
			code = take_name(schema, NAME_WORD, field.bytes, &made->name, error);
		else if (key_of(&field) == KEY(2, LENGTH))
			code = parse_method(schema, field.bytes,
					    &made->methods[made->method_count++], error);
	}
	if (code < 0)
		return gw_fail_in(error, "service %s", made->name ? made->name : "without a name");
	if (!made->name)
		return gw_fail(error, GW_E_CORRUPT, "a service without a name");
	code = join(schema, file->package, &made->name, error);
	return code < 0 ? code
			: add(&schema->services, &schema->service_count, &schema->service_capacity,
			      made, error);
}

/* ---- Files --------------------------------------------------------------------------------- */

/* The files that only hold options: nothing in them is of use here, and they are proto2. */
static bool has_options_only(const char *name)
{
	return strcmp(name, "google/protobuf/descriptor.proto") == 0 ||
	       strcmp(name, "protobuf-c/protobuf-c.proto") == 0 ||
	       strcmp(name, "groundwork/rpc_options.proto") == 0;
}

static int parse_head(struct rpc_schema *schema, struct rpc_schema_file *made,
		      struct gw_error *error)
{
	struct gw_bytes rest = made->bytes;
	struct rpc_field field;
	int code = make_array(schema, made->bytes, 3, RPC_SCHEMA_FIELDS_MAX, sizeof(*made->imports),
			      &made->imports, error);

	made->package = "";
	while (code >= 0 && (code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(1, LENGTH))
			code = take_name(schema, NAME_TEXT, field.bytes, &made->name, error);
		else if (key_of(&field) == KEY(2, LENGTH))
			code = take_name(schema, NAME_DOTTED, field.bytes, &made->package, error);
		else if (key_of(&field) == KEY(3, LENGTH))
			code = take_name(schema, NAME_TEXT, field.bytes,
					 &made->imports[made->import_count++], error);
		else if (key_of(&field) == KEY(12, LENGTH))
			made->is_proto3 = gw_bytes_compare(field.bytes, gw_string("proto3")) == 0;
	}
	if (code == 0 && !made->name)
		return gw_fail(error, GW_E_CORRUPT, "a file without a name");
	return code;
}

static int parse_definitions(struct rpc_schema *schema, const struct rpc_schema_file *file,
			     struct gw_error *error)
{
	struct gw_bytes rest = file->bytes;
	struct rpc_field field;
	int code = 0;

	while (code >= 0 && (code = rpc_field_next(&rest, &field, error)) > 0) {
		if (key_of(&field) == KEY(4, LENGTH))
			code = parse_message(schema, file, file->package, 1, field.bytes, error);
		else if (key_of(&field) == KEY(5, LENGTH))
			code = parse_enum(schema, file->package, field.bytes, error);
		else if (key_of(&field) == KEY(6, LENGTH))
			code = parse_service(schema, file, field.bytes, error);
	}
	return code;
}

static int parse_file(struct rpc_schema *schema, struct gw_bytes bytes, struct gw_error *error)
{
	struct rpc_schema_file *made = base_arena_array(&schema->arena, 1, sizeof(*made));
	int code;

	if (!made)
		return no_memory(error);
	assert(bytes.data);
	made->bytes = bytes;
	code = parse_head(schema, made, error);
	if (code == 0)
		code = add(&schema->files, &schema->file_count, &schema->file_capacity, made,
			   error);
	if (code < 0)
		return code;
	made->is_options = has_options_only(made->name);
	if (made->is_options)
		return 0;
	if (!made->is_proto3)
		return gw_fail(error, GW_E_UNSUPPORTED, "%s: not `syntax = \"proto3\"`",
			       made->name);
	if (parse_definitions(schema, made, error) < 0)
		return gw_fail_in(error, "%s", made->name);
	return 0;
}

int rpc_schema_parse(struct rpc_schema *schema, struct gw_bytes set, struct gw_error *error)
{
	struct rpc_field field;
	int code;

	while ((code = rpc_field_next(&set, &field, error)) > 0) {
		if (key_of(&field) == KEY(1, LENGTH))
			code = parse_file(schema, field.bytes, error);
		else
			code = gw_fail(error, GW_E_CORRUPT, "no set of file descriptors");
		if (code < 0)
			break;
	}
	return code;
}
