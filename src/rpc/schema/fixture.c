/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.c - descriptors for tests, made by hand.
 */
#include "rpc/schema/fixture.h"

#include "rpc/schema/field.h"

#include <assert.h>

void piece_text(struct piece *piece, uint32_t number, const char *text)
{
	int code = rpc_field_put_bytes(&piece->bytes, number, gw_string(text), NULL);

	assert(code == 0);
}

void piece_number(struct piece *piece, uint32_t number, uint64_t value)
{
	int code = rpc_field_put_varint(&piece->bytes, number, value, NULL);

	assert(code == 0);
}

void piece_add(struct piece *piece, uint32_t number, struct piece *inside)
{
	int code =
		rpc_field_put_bytes(&piece->bytes, number, base_buffer_bytes(&inside->bytes), NULL);

	assert(code == 0);
	base_buffer_done(&inside->bytes);
}

struct piece piece_file(const char *name, const char *package)
{
	struct piece file = {0};

	piece_text(&file, 1, name);
	piece_text(&file, 2, package);
	piece_text(&file, 12, "proto3");
	return file;
}

struct piece piece_message(const char *name)
{
	struct piece message = {0};

	piece_text(&message, 1, name);
	return message;
}

struct piece piece_field(const char *name, uint32_t number, enum rpc_type type,
			 const char *type_name)
{
	struct piece field = {0};

	piece_text(&field, 1, name);
	piece_number(&field, 3, number);
	piece_number(&field, 5, type);
	if (type_name)
		piece_text(&field, 6, type_name);
	return field;
}

struct piece piece_method(const char *name, const char *request, const char *reply)
{
	struct piece method = {0};

	piece_text(&method, 1, name);
	piece_text(&method, 2, request);
	piece_text(&method, 3, reply);
	return method;
}

struct piece piece_service_file(void)
{
	struct piece file = piece_file("test.proto", "t"), service = {0};
	struct piece a = piece_message("A"), b = piece_message("B");
	struct piece method = piece_method("M", ".t.A", ".t.B");
	struct piece field = piece_field("x", 1, RPC_TYPE_INT32, NULL);

	piece_add(&a, 2, &field);
	piece_add(&file, 4, &a);
	piece_add(&file, 4, &b);
	piece_text(&service, 1, "S");
	piece_add(&service, 2, &method);
	piece_add(&file, 6, &service);
	return file;
}

int piece_read(struct piece *file, struct rpc_schema *schema, struct base_buffer *set,
	       struct gw_error *error)
{
	struct piece whole = {0};

	piece_add(&whole, 1, file);
	*set = whole.bytes;
	return rpc_schema_read(schema, base_buffer_bytes(set), error);
}
