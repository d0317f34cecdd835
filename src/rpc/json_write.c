/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write.c - JSON from the bytes of a message. Recursion is as deep as the message type, which
 * is bounded (schema.h), whatever the bytes are.
 */
#include "rpc/json.h"

#include "base/varint.h"
#include "rpc/base64.h"
#include "rpc/schema/field.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

struct writer {
	size_t values; /* made so far */
	int digits;    /* that the numbers made so far need: printing takes the same for all */
	struct gw_error *error;
};

enum { DIGITS_MIN = 15, DIGITS_MAX = 17 };

static int take_message(struct writer *writer, const struct rpc_schema_message *type,
			struct gw_bytes rest, json_t *object);

static int no_memory(struct writer *writer)
{
	return gw_fail(writer->error, GW_E_NO_MEMORY, "no memory for JSON");
}

/* ---- One value ----------------------------------------------------------------------------- */

/* A 64-bit integer; as a string, because many readers of JSON have doubles only. */
static json_t *long_json(bool is_signed, uint64_t value)
{
	char text[24];

	if (is_signed)
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)value);
	else
		snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

static json_t *real_json(struct writer *writer, double value)
{
	char text[40];

	if (isnan(value))
		return json_string("NaN");
	if (isinf(value))
		return json_string(value > 0 ? "Infinity" : "-Infinity");
	for (; writer->digits < DIGITS_MAX; writer->digits++) {
		snprintf(text, sizeof(text), "%.*g", writer->digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return json_real(value);
}

/* The double that is written with as few digits as the float needs. */
static double widen(float value)
{
	char text[40];

	for (int digits = 6; digits < 9 && isfinite(value); digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			return strtod(text, NULL);
	}
	return (double)value;
}

static json_t *float_json(struct writer *writer, uint64_t bits)
{
	uint32_t narrow = (uint32_t)bits;
	float value;

	memcpy(&value, &narrow, sizeof(value));
	return real_json(writer, widen(value));
}

static json_t *double_json(struct writer *writer, uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return real_json(writer, value);
}

static json_t *enum_json(const struct rpc_schema_enum *type, int32_t number)
{
	for (size_t i = 0; i < type->value_count; i++)
		if (type->values[i].number == number)
			return json_string(type->values[i].name);
	return json_integer(number);
}

/* The value of a number's field, whatever its wire type was. */
static json_t *number_json(struct writer *writer, const struct rpc_schema_field *field,
			   uint64_t value)
{
	switch (field->type) {
	case RPC_TYPE_DOUBLE:
		return double_json(writer, value);
	case RPC_TYPE_FLOAT:
		return float_json(writer, value);
	case RPC_TYPE_INT64:
	case RPC_TYPE_SFIXED64:
		return long_json(true, value);
	case RPC_TYPE_UINT64:
	case RPC_TYPE_FIXED64:
		return long_json(false, value);
	case RPC_TYPE_SINT64:
		return long_json(true, (uint64_t)base_unzigzag(value));
	case RPC_TYPE_SINT32:
		return json_integer((int32_t)base_unzigzag((uint32_t)value));
	case RPC_TYPE_BOOL:
		return json_boolean(value != 0);
	case RPC_TYPE_ENUM:
		return enum_json(field->enumeration, (int32_t)value);
	case RPC_TYPE_UINT32:
	case RPC_TYPE_FIXED32:
		return json_integer((uint32_t)value);
	default:
		return json_integer((int32_t)value);
	}
}

static int bytes_json(struct writer *writer, const struct rpc_schema_field *field,
		      struct gw_bytes bytes, json_t **json)
{
	struct base_buffer letters = {0};
	int code = 0;

	if (field->type == RPC_TYPE_STRING && !rpc_is_utf8(bytes))
		return gw_fail(writer->error, GW_E_CORRUPT, "a string is not UTF-8");
	if (field->type == RPC_TYPE_BYTES) {
		code = rpc_base64_put(&letters, bytes, writer->error);
		bytes = base_buffer_bytes(&letters);
	}
	if (code == 0) {
		*json = json_stringn_nocheck(bytes.size ? bytes.data : "", bytes.size);
		code = *json ? 0 : no_memory(writer);
	}
	base_buffer_done(&letters);
	return code;
}

static enum rpc_wire wire_of(enum rpc_type type)
{
	switch (type) {
	case RPC_TYPE_DOUBLE:
	case RPC_TYPE_FIXED64:
	case RPC_TYPE_SFIXED64:
		return RPC_WIRE_FIXED64;
	case RPC_TYPE_FLOAT:
	case RPC_TYPE_FIXED32:
	case RPC_TYPE_SFIXED32:
		return RPC_WIRE_FIXED32;
	case RPC_TYPE_STRING:
	case RPC_TYPE_BYTES:
	case RPC_TYPE_MESSAGE:
		return RPC_WIRE_LENGTH;
	default:
		return RPC_WIRE_VARINT;
	}
}

/* Counts a value that is made. */
static int count_value(struct writer *writer)
{
	if (++writer->values > RPC_JSON_VALUES_MAX)
		return gw_fail(writer->error, GW_E_TOO_LARGE, "more than %d values",
			       RPC_JSON_VALUES_MAX);
	return 0;
}

/* Any value; a message is put into *json when that is an object already. */
static int value_json(struct writer *writer, const struct rpc_schema_field *field,
		      const struct rpc_field *value, json_t **json)
{
	int code = count_value(writer);

	if (code < 0)
		return code;
	if (value->wire != wire_of(field->type))
		return gw_fail(writer->error, GW_E_CORRUPT, "wire type %d of a %s",
			       (int)value->wire, rpc_schema_type_name(field));
	if (field->type == RPC_TYPE_STRING || field->type == RPC_TYPE_BYTES)
		return bytes_json(writer, field, value->bytes, json);
	if (field->type != RPC_TYPE_MESSAGE) {
		*json = number_json(writer, field, value->value);
		return *json ? 0 : no_memory(writer);
	}
	*json = *json ? json_incref(*json) : json_object();
	if (!*json)
		return no_memory(writer);
	code = take_message(writer, field->message, value->bytes, *json);
	if (code < 0)
		json_decref(*json);
	return code;
}

/* ---- Many values --------------------------------------------------------------------------- */

static bool is_map(const struct rpc_schema_field *field)
{
	return field->repeated && field->message && field->message->is_map_entry;
}

/* Takes over value. */
static int append(struct writer *writer, json_t *array, json_t *value)
{
	return json_array_append_new(array, value) == 0 ? 0 : no_memory(writer);
}

static int set(struct writer *writer, json_t *object, struct gw_bytes name, json_t *value)
{
	int result = json_object_setn_new_nocheck(object, name.data, name.size, value);

	return result == 0 ? 0 : no_memory(writer);
}

/* Numbers of a repeated field, one behind the other. */
static int take_packed(struct writer *writer, const struct rpc_schema_field *field,
		       struct gw_bytes rest, json_t *array)
{
	struct rpc_field value = {.number = field->number, .wire = wire_of(field->type)};
	int code = 0;

	assert(field->repeated && value.wire != RPC_WIRE_LENGTH);
	while (code == 0 && rest.size > 0) {
		json_t *json = NULL;

		if (value.wire == RPC_WIRE_VARINT)
			code = rpc_field_varint(&rest, &value.value, writer->error);
		else
			code = rpc_field_fixed(&rest, value.wire == RPC_WIRE_FIXED32 ? 4 : 8,
					       &value.value, writer->error);
		if (code == 0)
			code = value_json(writer, field, &value, &json);
		if (code == 0)
			code = append(writer, array, json);
	}
	return code;
}

/* The text of a map's key: what is a number in the message is a string in JSON. */
static int put_entry(struct writer *writer, json_t *map, const json_t *key, json_t *value)
{
	char text[24];
	struct gw_bytes name = {json_string_value(key), json_string_length(key)};

	if (json_is_boolean(key))
		name = gw_string(json_is_true(key) ? "true" : "false");
	if (json_is_integer(key)) {
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(key));
		name = gw_string(text);
	}
	assert(name.data);
	return set(writer, map, name, json_incref(value));
}

static int take_entry(struct writer *writer, const struct rpc_schema_field *field,
		      const struct rpc_field *value, json_t *map)
{
	json_t *entry = NULL;
	int code;

	assert(is_map(field));
	code = value_json(writer, field, value, &entry);

	if (code < 0)
		return code;
	json_t *key = json_object_get(entry, rpc_schema_field(field->message, 1)->json_name);
	json_t *inside = json_object_get(entry, rpc_schema_field(field->message, 2)->json_name);
	json_t *empty = inside ? NULL : json_object(); /* a message that was left out */

	if (!key || !(inside || empty))
		code = no_memory(writer);
	else
		code = put_entry(writer, map, key, inside ? inside : empty);
	json_decref(empty);
	json_decref(entry);
	return code;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* Of a oneof the last one that comes is the one that is there. */
static void drop_others(const struct rpc_schema_message *type, const struct rpc_schema_field *field,
			json_t *object)
{
	for (size_t i = 0; field->oneof >= 0 && i < type->field_count; i++)
		if (type->fields[i].oneof == field->oneof && &type->fields[i] != field)
			json_object_del(object, type->fields[i].json_name);
}

static int take_single(struct writer *writer, const struct rpc_schema_message *type,
		       const struct rpc_schema_field *field, const struct rpc_field *value,
		       json_t *object)
{
	json_t *json = field->message ? json_object_get(object, field->json_name) : NULL;
	int code = value_json(writer, field, value, &json);

	if (code < 0)
		return code;
	drop_others(type, field, object);
	return set(writer, object, gw_string(field->json_name), json);
}

static int take_repeated(struct writer *writer, const struct rpc_schema_field *field,
			 const struct rpc_field *value, json_t *array)
{
	json_t *json = NULL;
	int code;

	if (value->wire == RPC_WIRE_LENGTH && wire_of(field->type) != RPC_WIRE_LENGTH)
		return take_packed(writer, field, value->bytes, array);
	code = value_json(writer, field, value, &json);
	return code < 0 ? code : append(writer, array, json);
}

static int take_field(struct writer *writer, const struct rpc_schema_message *type,
		      const struct rpc_field *value, json_t *object)
{
	const struct rpc_schema_field *field = rpc_schema_field(type, value->number);
	int code;

	if (!field) /* of a newer .proto */
		return 0;
	if (!field->repeated) {
		code = take_single(writer, type, field, value, object);
	} else {
		json_t *many = json_object_get(object, field->json_name);

		code = !many	       ? no_memory(writer)
		       : is_map(field) ? take_entry(writer, field, value, many)
				       : take_repeated(writer, field, value, many);
	}
	return code < 0 ? gw_fail_in(writer->error, "%s", field->json_name) : 0;
}

/* What a field that was not sent is; NULL for one that then is not there. */
static json_t *default_json(struct writer *writer, const struct rpc_schema_field *field)
{
	if (is_map(field))
		return json_object();
	if (field->repeated)
		return json_array();
	if (field->type == RPC_TYPE_STRING || field->type == RPC_TYPE_BYTES)
		return json_string("");
	return number_json(writer, field, 0);
}

static int put_defaults(struct writer *writer, const struct rpc_schema_message *type,
			json_t *object)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < type->field_count; i++) {
		const struct rpc_schema_field *field = &type->fields[i];

		if (field->oneof >= 0 || (field->message && !field->repeated))
			continue;
		code = count_value(writer);
		if (code == 0)
			code = set(writer, object, gw_string(field->json_name),
				   default_json(writer, field));
	}
	return code;
}

static int take_message(struct writer *writer, const struct rpc_schema_message *type,
			struct gw_bytes rest, json_t *object)
{
	struct rpc_field value;
	int code;

	assert(type->depth >= 1 && type->depth <= RPC_SCHEMA_DEPTH_MAX);
	code = json_object_size(object) == 0 ? put_defaults(writer, type, object) : 0;

	while (code >= 0 && (code = rpc_field_next(&rest, &value, writer->error)) > 0)
		code = take_field(writer, type, &value, object);
	return code;
}

/* Where the text goes, and whether it did; jansson does not always tell. */
struct text {
	struct base_buffer *buffer;
	struct gw_error *error;
	int code;
};

static int put_text(const char *data, size_t size, void *context)
{
	struct text *text = context;

	if (text->code == 0)
		text->code = base_buffer_append(text->buffer, data, size, text->error);
	return text->code < 0 ? -1 : 0;
}

int rpc_json_write(const struct rpc_schema_message *type, struct gw_bytes bytes,
		   enum rpc_json_style style, struct base_buffer *buffer, struct gw_error *error)
{
	struct writer writer = {.digits = DIGITS_MIN, .error = error};
	json_t *object = json_object();
	int code = object ? take_message(&writer, type, bytes, object) : no_memory(&writer);

	if (code == 0) {
		struct text text = {buffer, error, 0};
		size_t flags = JSON_REAL_PRECISION(writer.digits);

		flags |= style == RPC_JSON_INDENT ? JSON_INDENT(2) : 0;
		if (json_dump_callback(object, put_text, &text, flags) < 0 && text.code == 0)
			text.code = no_memory(&writer);
		code = text.code;
	}
	json_decref(object);
	return code;
}
