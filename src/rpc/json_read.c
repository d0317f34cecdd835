/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read.c - the bytes of a message from JSON. Recursion is as deep as the message type, which
 * is bounded (schema.h), whatever the text is.
 */
#include "rpc/json.h"

#include "base/varint.h"
#include "rpc/base64.h"
#include "rpc/schema/field.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

static int put_message(const struct rpc_schema_message *type, const json_t *json,
		       struct base_buffer *buffer, struct gw_error *error);

/* "..., not a string" */
static const char *kind_of(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	default:
		return "true or false";
	}
}

/* ---- Numbers ------------------------------------------------------------------------------- */

/* What the integer types hold. */
struct range {
	int64_t low;
	uint64_t high;
};

static struct range range_of(enum rpc_type type)
{
	switch (type) {
	case RPC_TYPE_INT32:
	case RPC_TYPE_SINT32:
	case RPC_TYPE_SFIXED32:
	case RPC_TYPE_ENUM:
		return (struct range){INT32_MIN, INT32_MAX};
	case RPC_TYPE_UINT32:
	case RPC_TYPE_FIXED32:
		return (struct range){0, UINT32_MAX};
	case RPC_TYPE_UINT64:
	case RPC_TYPE_FIXED64:
		return (struct range){0, UINT64_MAX};
	default:
		return (struct range){INT64_MIN, INT64_MAX};
	}
}

/* An integer as sign and size; false when the text is none, or too large for both. */
static bool parse_integer(const char *text, bool *negative, uint64_t *size)
{
	char *end;

	*negative = *text == '-';
	text += *negative;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*size = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 && strlen(text) <= 20;
}

static bool integer_of(const json_t *json, bool *negative, uint64_t *size)
{
	if (json_is_string(json))
		return parse_integer(json_string_value(json), negative, size);
	if (json_is_integer(json)) {
		int64_t value = json_integer_value(json);

		*negative = value < 0;
		*size = *negative ? -(uint64_t)value : (uint64_t)value;
		return true;
	}
	if (json_is_real(json)) { /* 1e3 and 5.0 are integers too */
		double value = json_real_value(json);

		*negative = value < 0;
		if (value != trunc(value) || fabs(value) > 9007199254740992.0)
			return false;
		*size = (uint64_t)fabs(value);
		return true;
	}
	return false;
}

/* Two's complement. */
static int take_integer(enum rpc_type type, const json_t *json, uint64_t *value,
			struct gw_error *error)
{
	struct range range = range_of(type);
	bool negative;
	uint64_t size;

	if (!integer_of(json, &negative, &size))
		return gw_fail(error, GW_E_INVALID, "an integer is wanted, not %s%s%.40s%s",
			       kind_of(json), json_is_string(json) ? " \"" : "",
			       json_is_string(json) ? json_string_value(json) : "",
			       json_is_string(json) ? "\"" : "");
	/* -low without overflow: low is never below -2^63. */
	if (negative ? size > -(uint64_t)range.low : size > range.high)
		return gw_fail(error, GW_E_INVALID,
			       "%s%" PRIu64 " is not from %" PRId64 " to %" PRIu64,
			       negative ? "-" : "", size, range.low, range.high);
	*value = negative ? -size : size;
	return 0;
}

static int take_double(const json_t *json, double *value, struct gw_error *error)
{
	static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
	static const double values[] = {NAN, INFINITY, -INFINITY};

	if (json_is_number(json)) {
		*value = json_number_value(json);
		return 0;
	}
	if (json_is_string(json)) {
		const char *text = json_string_value(json);
		char *end;

		for (size_t i = 0; i < 3; i++) {
			*value = values[i];
			if (strcmp(text, names[i]) == 0)
				return 0;
		}
		*value = strtod(text, &end);
		if (strspn(text, "-0123456789") > 0 && *end == '\0' && isfinite(*value))
			return 0;
	}
	return gw_fail(error, GW_E_INVALID, "a number is wanted, not %s", kind_of(json));
}

static int put_real(const struct rpc_schema_field *field, const json_t *json,
		    struct base_buffer *buffer, struct gw_error *error)
{
	double value = 0;
	uint64_t bits;
	int code = take_double(json, &value, error);

	if (code < 0)
		return code;
	if (field->type == RPC_TYPE_DOUBLE) {
		memcpy(&bits, &value, sizeof(bits));
		return rpc_field_put_fixed64(buffer, field->number, bits, error);
	}
	float narrow = (float)value;
	uint32_t narrow_bits;

	if (isinf(narrow) && !isinf(value))
		return gw_fail(error, GW_E_INVALID, "%g does not fit a float", value);
	memcpy(&narrow_bits, &narrow, sizeof(narrow_bits));
	return rpc_field_put_fixed32(buffer, field->number, narrow_bits, error);
}

/* ---- One value ----------------------------------------------------------------------------- */

static int put_integer(const struct rpc_schema_field *field, uint64_t value,
		       struct base_buffer *buffer, struct gw_error *error)
{
	switch (field->type) {
	case RPC_TYPE_FIXED32:
	case RPC_TYPE_SFIXED32:
		return rpc_field_put_fixed32(buffer, field->number, (uint32_t)value, error);
	case RPC_TYPE_FIXED64:
	case RPC_TYPE_SFIXED64:
		return rpc_field_put_fixed64(buffer, field->number, value, error);
	case RPC_TYPE_SINT32:
	case RPC_TYPE_SINT64:
		value = base_zigzag((int64_t)value);
		break;
	default:
		break;
	}
	return rpc_field_put_varint(buffer, field->number, value, error);
}

static int put_enum(const struct rpc_schema_field *field, const json_t *json,
		    struct base_buffer *buffer, struct gw_error *error)
{
	const struct rpc_schema_enum *type = field->enumeration;
	uint64_t value = 0;

	assert(type && type->value_count > 0);
	if (json_is_string(json)) {
		for (size_t i = 0; i < type->value_count; i++)
			if (strcmp(type->values[i].name, json_string_value(json)) == 0)
				return rpc_field_put_varint(
					buffer, field->number,
					(uint64_t)(int64_t)type->values[i].number, error);
		return gw_fail(error, GW_E_INVALID, "%s has no value %.60s", type->name,
			       json_string_value(json));
	}
	int code = take_integer(field->type, json, &value, error);

	return code < 0 ? code : rpc_field_put_varint(buffer, field->number, value, error);
}

static int put_string(const struct rpc_schema_field *field, const json_t *json,
		      struct base_buffer *buffer, struct gw_error *error)
{
	struct gw_bytes text = {json_string_value(json), json_string_length(json)};
	struct base_buffer bytes = {0};
	int code;

	if (!json_is_string(json))
		return gw_fail(error, GW_E_INVALID, "a string is wanted, not %s", kind_of(json));
	if (field->type == RPC_TYPE_STRING)
		return rpc_field_put_bytes(buffer, field->number, text, error);
	code = rpc_base64_take(&bytes, text, error);
	if (code == 0)
		code = rpc_field_put_bytes(buffer, field->number, base_buffer_bytes(&bytes), error);
	base_buffer_done(&bytes);
	return code;
}

static int put_inside(const struct rpc_schema_field *field, const json_t *json,
		      struct base_buffer *buffer, struct gw_error *error)
{
	struct base_buffer inside = {.size_max = buffer->size_max};
	int code;

	assert(field->message && field->message->depth >= 1);
	code = put_message(field->message, json, &inside, error);

	if (code == 0)
		code = rpc_field_put_bytes(buffer, field->number, base_buffer_bytes(&inside),
					   error);
	base_buffer_done(&inside);
	return code;
}

static int put_value(const struct rpc_schema_field *field, const json_t *json,
		     struct base_buffer *buffer, struct gw_error *error)
{
	uint64_t value = 0;
	int code;

	switch (field->type) {
	case RPC_TYPE_MESSAGE:
		return put_inside(field, json, buffer, error);
	case RPC_TYPE_ENUM:
		return put_enum(field, json, buffer, error);
	case RPC_TYPE_STRING:
	case RPC_TYPE_BYTES:
		return put_string(field, json, buffer, error);
	case RPC_TYPE_DOUBLE:
	case RPC_TYPE_FLOAT:
		return put_real(field, json, buffer, error);
	case RPC_TYPE_BOOL:
		if (!json_is_boolean(json))
			return gw_fail(error, GW_E_INVALID, "true or false is wanted, not %s",
				       kind_of(json));
		return rpc_field_put_varint(buffer, field->number, json_is_true(json), error);
	default:
		code = take_integer(field->type, json, &value, error);
		return code < 0 ? code : put_integer(field, value, buffer, error);
	}
}

/* ---- Many values --------------------------------------------------------------------------- */

static int put_array(const struct rpc_schema_field *field, const json_t *json,
		     struct base_buffer *buffer, struct gw_error *error)
{
	size_t i;
	json_t *item;

	if (!json_is_array(json))
		return gw_fail(error, GW_E_INVALID, "an array is wanted, not %s", kind_of(json));
	json_array_foreach(json, i, item)
	{
		if (put_value(field, item, buffer, error) < 0)
			return gw_fail_in(error, "item %zu", i + 1);
	}
	return 0;
}

/* Keys of a map are strings in JSON, whatever they are in the message. */
static int put_key(const struct rpc_schema_field *key, const char *text, struct base_buffer *buffer,
		   struct gw_error *error)
{
	json_t *json;
	int code;

	if (key->type == RPC_TYPE_BOOL) {
		bool is_true = strcmp(text, "true") == 0;

		if (!is_true && strcmp(text, "false") != 0)
			return gw_fail(error, GW_E_INVALID, "the key is not true or false");
		return rpc_field_put_varint(buffer, key->number, is_true, error);
	}
	json = json_string_nocheck(text);
	if (!json)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a key");
	code = put_value(key, json, buffer, error);
	json_decref(json);
	return code;
}

static int put_entry(const struct rpc_schema_field *field, const char *key, const json_t *value,
		     struct base_buffer *buffer, struct gw_error *error)
{
	struct base_buffer entry = {.size_max = buffer->size_max};
	int code = put_key(rpc_schema_field(field->message, 1), key, &entry, error);

	if (code == 0)
		code = put_value(rpc_schema_field(field->message, 2), value, &entry, error);
	if (code == 0)
		code = rpc_field_put_bytes(buffer, field->number, base_buffer_bytes(&entry), error);
	base_buffer_done(&entry);
	return code;
}

static int put_map(const struct rpc_schema_field *field, const json_t *json,
		   struct base_buffer *buffer, struct gw_error *error)
{
	const char *key;
	json_t *value;

	if (!json_is_object(json))
		return gw_fail(error, GW_E_INVALID, "an object is wanted, not %s", kind_of(json));
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		if (put_entry(field, key, value, buffer, error) < 0)
			return gw_fail_in(error, "%.60s", key);
	}
	return 0;
}

static int put_field(const struct rpc_schema_field *field, const json_t *json,
		     struct base_buffer *buffer, struct gw_error *error)
{
	int code;

	if (json_is_null(json))
		return 0;
	if (field->message && field->message->is_map_entry && field->repeated)
		code = put_map(field, json, buffer, error);
	else if (field->repeated)
		code = put_array(field, json, buffer, error);
	else
		code = put_value(field, json, buffer, error);
	return code < 0 ? gw_fail_in(error, "%s", field->json_name) : 0;
}

/* ---- Messages ------------------------------------------------------------------------------ */

static int no_such_field(const struct rpc_schema_message *type, const char *name,
			 struct gw_error *error)
{
	struct base_buffer names = {0};
	int code = 0;

	for (size_t i = 0; code == 0 && i < type->field_count && i < 10; i++)
		code = base_buffer_append_format(&names, NULL, "%s%s", i ? ", " : "",
						 type->fields[i].json_name);
	if (code == 0)
		code = base_buffer_append(&names, "", 1, NULL);
	gw_fail(error, GW_E_INVALID, "%s has no field %.60s; it has %s%s", type->name, name,
		type->field_count > 0 && code == 0 ? (const char *)names.data : "none",
		type->field_count > 10 ? ", ..." : "");
	base_buffer_done(&names);
	return GW_E_INVALID;
}

/* Which fields of a message were there, a bit each. */
struct seen {
	uint8_t bits[RPC_SCHEMA_FIELDS_MAX / 8];
};

static bool was_seen(const struct seen *seen, size_t index)
{
	return seen->bits[index / 8] >> index % 8 & 1;
}

/* A field may be there once, though it has two names, and of a oneof only one. */
static int see(struct seen *seen, const struct rpc_schema_message *type,
	       const struct rpc_schema_field *field, struct gw_error *error)
{
	size_t index = (size_t)(field - type->fields);

	assert(index < RPC_SCHEMA_FIELDS_MAX && index < type->field_count);
	if (was_seen(seen, index))
		return gw_fail(error, GW_E_INVALID, "%s is there twice", field->json_name);
	for (size_t i = 0; field->oneof >= 0 && i < type->field_count; i++)
		if (type->fields[i].oneof == field->oneof && was_seen(seen, i))
			return gw_fail(error, GW_E_INVALID, "%s and %s cannot both be there",
				       type->fields[i].json_name, field->json_name);
	seen->bits[index / 8] |= (uint8_t)(1 << index % 8);
	return 0;
}

static int put_message(const struct rpc_schema_message *type, const json_t *json,
		       struct base_buffer *buffer, struct gw_error *error)
{
	struct seen seen = {0};
	const char *name;
	json_t *value;

	assert(type->depth >= 1 && type->depth <= RPC_SCHEMA_DEPTH_MAX);
	if (!json_is_object(json))
		return gw_fail(error, GW_E_INVALID, "an object is wanted, not %s", kind_of(json));
	json_object_foreach((json_t *)(uintptr_t)json, name, value)
	{
		const struct rpc_schema_field *field = rpc_schema_field_named(type, name);
		int code = field ? 0 : no_such_field(type, name, error);

		if (code == 0 && !json_is_null(value))
			code = see(&seen, type, field, error);
		if (code == 0)
			code = put_field(field, value, buffer, error);
		if (code < 0)
			return code;
	}
	return 0;
}

/* How deep arrays and objects stand in each other; the parser calls itself for each. */
static int check_depth(struct gw_bytes text, struct gw_error *error)
{
	const char *data = text.data;
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (in_string && data[i] == '\\')
			i++;
		else if (data[i] == '"')
			in_string = !in_string;
		else if (!in_string && (data[i] == '{' || data[i] == '['))
			depth++;
		else if (!in_string && (data[i] == '}' || data[i] == ']'))
			depth--;
		if (depth > RPC_JSON_DEPTH_MAX)
			return gw_fail(error, GW_E_TOO_LARGE, "JSON is nested deeper than %d",
				       RPC_JSON_DEPTH_MAX);
	}
	return 0;
}

int rpc_json_parse(struct gw_bytes text, json_t **json, struct gw_error *error)
{
	json_error_t wrong;
	int code = check_depth(text, error);

	if (code < 0)
		return code;
	if (text.size > RPC_JSON_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "JSON of %zu bytes, at most %d", text.size,
			       RPC_JSON_BYTES_MAX);
	*json = json_loadb(text.size ? text.data : "", text.size,
			   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &wrong);
	if (*json)
		return 0;
	if (json_error_code(&wrong) == json_error_out_of_memory)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu bytes of JSON", text.size);
	return gw_fail(error, GW_E_INVALID, "no JSON: line %d, column %d: %s", wrong.line,
		       wrong.column, wrong.text);
}

int rpc_json_read_value(const struct rpc_schema_message *type, const json_t *json,
			struct base_buffer *buffer, struct gw_error *error)
{
	return put_message(type, json, buffer, error);
}

int rpc_json_read(const struct rpc_schema_message *type, struct gw_bytes text,
		  struct base_buffer *buffer, struct gw_error *error)
{
	json_t *json;
	int code = rpc_json_parse(text, &json, error);

	if (code < 0)
		return code;
	code = put_message(type, json, buffer, error);
	json_decref(json);
	return code;
}
