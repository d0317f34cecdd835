/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h - descriptors for tests, made by hand: sets that protoc would not write, too.
 */
#ifndef RPC_SCHEMA_FIXTURE_H
#define RPC_SCHEMA_FIXTURE_H

#include "base/buffer.h"
#include "rpc/schema/schema.h"

/* One thing of a set. Inside another one it is appended with that one's field number. */
struct piece {
	struct base_buffer bytes;
};

void piece_text(struct piece *piece, uint32_t number, const char *text);
void piece_number(struct piece *piece, uint32_t number, uint64_t value);
/* Takes over and frees what is inside. */
void piece_add(struct piece *piece, uint32_t number, struct piece *inside);

/* A proto3 file of a package. */
struct piece piece_file(const char *name, const char *package);
struct piece piece_message(const char *name);
/* type_name is NULL but for messages and enums. */
struct piece piece_field(const char *name, uint32_t number, enum rpc_type type,
			 const char *type_name);
struct piece piece_method(const char *name, const char *request, const char *reply);

/* A file test.proto, package t, with messages A and B and a service S { M(A) returns (B) }. */
struct piece piece_service_file(void);

/* Makes a set of the file, frees it, and reads the set; the result, whose sentence is in *error.
 * The bytes of the set go to *set, which the caller frees. */
int piece_read(struct piece *file, struct rpc_schema *schema, struct base_buffer *set,
	       struct gw_error *error);

#endif
