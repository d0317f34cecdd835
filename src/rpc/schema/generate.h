/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.h - the stubs of a .proto file as C text, for gw-rpc-gen. Of a service Kv there are
 *
 *     struct kv_handlers      one function a method, what a server offers
 *     kv_serve                adds it to a server
 *     kv_put, kv_put_with     calls the method Put
 *     kv_put_open, _finish    the same with streams, or attachments in parts
 *     kv_put_request_send ... the items of a stream, with their type
 *     kv_service              all of it as data, with the descriptors for reflection
 *
 * and the types of messages are protoc-c's, in NAME.pb-c.h.
 */
#ifndef RPC_SCHEMA_GENERATE_H
#define RPC_SCHEMA_GENERATE_H

#include "base/buffer.h"
#include "rpc/schema/schema.h"

enum { RPC_C_NAME_MAX = 2 * RPC_SCHEMA_NAME_MAX + 2 }; /* with the NUL */

/* Names as C writes them, as protoc-c does. name: "PutRequest" -> put_request, and with a package
 * "kv.PutRequest" -> kv__put_request; type: "kv.PutRequest" -> Kv__PutRequest. */
void rpc_c_name(const char *name, char out[RPC_C_NAME_MAX]);
void rpc_c_type(const char *name, char out[RPC_C_NAME_MAX]);
/* Whether C has the word. protoc-c calls members of a struct as methods are called. */
bool rpc_c_is_word(const char *name);

/* "kv.proto" -> "kv" + suffix. GW_E_TOO_LARGE when it does not fit size. */
int rpc_c_file(const char *proto, const char *suffix, char *out, size_t size,
	       struct gw_error *error) GW_MUST_CHECK;

/* Text that is appended to a buffer; after the first failure nothing more is. */
struct rpc_text {
	struct base_buffer *buffer;
	struct gw_error *error;
	int code;
};

void rpc_text(struct rpc_text *text, const char *format, ...) GW_PRINTF(2, 3);

/* Whether stubs of the file can be made: no two names in it become one in C, no two methods have
 * one id (GW_E_EXISTS, with both), and none is a word of C (GW_E_UNSUPPORTED). */
int rpc_generate_check(const struct rpc_schema *schema, const struct rpc_schema_file *file,
		       struct gw_error *error) GW_MUST_CHECK;

/* Append NAME.rpc.h and NAME.rpc.c of the file. */
int rpc_generate_header(const struct rpc_schema *schema, const struct rpc_schema_file *file,
			struct base_buffer *buffer, struct gw_error *error) GW_MUST_CHECK;
int rpc_generate_source(const struct rpc_schema *schema, const struct rpc_schema_file *file,
			struct base_buffer *buffer, struct gw_error *error) GW_MUST_CHECK;

/* Appends a FileDescriptorSet of the file and those it needs, without files that only have
 * options. */
int rpc_generate_set(const struct rpc_schema *schema, const struct rpc_schema_file *file,
		     struct base_buffer *buffer, struct gw_error *error) GW_MUST_CHECK;

#endif
