/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - what .proto files say, read from the FileDescriptorSet that `protoc --include_imports
 * --descriptor_set_out` writes: services, methods with our options, messages, fields, enums. The
 * generator makes stubs of it; `gw rpc` gets it from a server and makes JSON of messages.
 *
 *     struct rpc_schema schema = {0};
 *     rpc_schema_read(&schema, set, &error);
 *     service = rpc_schema_service(&schema, "kv.Kv");
 *     rpc_schema_done(&schema);
 *
 * The bytes may come from anybody. Everything is in the schema's arena and points into it or into
 * the set, which has to live as long. Nothing is taken that the rest of the room could not bear:
 * all names are resolved, messages do not contain themselves and are not nested deeper than
 * RPC_SCHEMA_DEPTH_MAX, only proto3 without `optional` fields.
 */
#ifndef RPC_SCHEMA_SCHEMA_H
#define RPC_SCHEMA_SCHEMA_H

#include "base/arena.h"
#include "base/map.h"

enum {
	RPC_SCHEMA_BYTES_MAX = 4 << 20,	  /* of a set */
	RPC_SCHEMA_MEMORY_MAX = 64 << 20, /* of what is made of it */
	RPC_SCHEMA_DEPTH_MAX = 10,	  /* messages in messages, by their fields: the stack of a
					   * task has room for it; see message.h */
	RPC_SCHEMA_NEST_MAX = 32,	  /* message types inside message types */
	RPC_SCHEMA_NAME_MAX = 255,	  /* bytes of a name with its package */
	RPC_SCHEMA_FIELDS_MAX = 1024,	  /* of a message; methods of a service */
	RPC_SCHEMA_VALUES_MAX = 4096,	  /* of an enum */
	RPC_SCHEMA_ROLES_MAX = 64,	  /* of a method */
};

/* As in google/protobuf/descriptor.proto. */
enum rpc_type {
	RPC_TYPE_DOUBLE = 1,
	RPC_TYPE_FLOAT = 2,
	RPC_TYPE_INT64 = 3,
	RPC_TYPE_UINT64 = 4,
	RPC_TYPE_INT32 = 5,
	RPC_TYPE_FIXED64 = 6,
	RPC_TYPE_FIXED32 = 7,
	RPC_TYPE_BOOL = 8,
	RPC_TYPE_STRING = 9,
	RPC_TYPE_GROUP = 10, /* refused */
	RPC_TYPE_MESSAGE = 11,
	RPC_TYPE_BYTES = 12,
	RPC_TYPE_UINT32 = 13,
	RPC_TYPE_ENUM = 14,
	RPC_TYPE_SFIXED32 = 15,
	RPC_TYPE_SFIXED64 = 16,
	RPC_TYPE_SINT32 = 17,
	RPC_TYPE_SINT64 = 18,
};

struct rpc_schema_value {
	const char *name;
	int32_t number;
};

struct rpc_schema_enum {
	const char *name; /* with the package: "kv.PutRequest.Mode" */
	struct rpc_schema_value *values;
	size_t value_count;
};

struct rpc_schema_field {
	const char *name;
	const char *json_name; /* "clientId" of client_id */
	const char *type_name; /* of MESSAGE and ENUM, as written in the set; else NULL */
	uint32_t number;
	enum rpc_type type;
	bool repeated;
	int oneof; /* which of the message's; -1: none. Of a oneof one field is set or none; other
		    * fields have a value always, but messages */
	bool is_optional; /* refused */
	struct rpc_schema_message *message;	   /* of MESSAGE */
	const struct rpc_schema_enum *enumeration; /* of ENUM */
};

struct rpc_schema_message {
	const char *name; /* with the package */
	const struct rpc_schema_file *file;
	struct rpc_schema_field *fields; /* in order of declaration */
	size_t field_count;
	bool is_map_entry; /* of a map<>: field 1 is the key, field 2 the value */
	int depth;	   /* of messages in messages: 1 without any; 0 while not known */
};

/* The option (gw.rpc) of groundwork/rpc_options.proto: its number, and the values of Semantics. */
enum { RPC_SCHEMA_OPTION = 50707 };
enum rpc_semantics {
	RPC_SEMANTICS_AT_MOST_ONCE = 0,
	RPC_SEMANTICS_BEST_EFFORT = 1,
};

struct rpc_schema_method {
	const char *name; /* "Put" */
	const char *request_name, *reply_name; /* as written in the set */
	const struct rpc_schema_message *request, *reply;
	bool client_streams, server_streams;
	uint32_t semantics;   /* enum rpc_semantics */
	uint32_t timeout_ms; /* of a call that gives no deadline; 0: the client's */
	const char **roles;   /* who may call it */
	size_t role_count;
};

struct rpc_schema_service {
	const char *name; /* with the package: "kv.Kv" */
	const struct rpc_schema_file *file;
	struct rpc_schema_method *methods;
	size_t method_count;
};

struct rpc_schema_file {
	const char *name;    /* "kv.proto" */
	const char *package; /* "" if none */
	struct gw_bytes bytes; /* its FileDescriptorProto */
	const char **imports;
	size_t import_count;
	bool is_proto3;
	bool is_options; /* descriptor.proto or rpc_options.proto: nobody needs what is in it */
};

struct rpc_schema {
	struct base_arena arena;
	struct base_map names; /* of messages and enums -> struct rpc_schema_name */
	struct rpc_schema_file **files;
	size_t file_count, file_capacity;
	struct rpc_schema_message **messages; /* in order of the set, those inside behind theirs */
	size_t message_count, message_capacity;
	struct rpc_schema_service **services;
	size_t service_count, service_capacity;
};

/* What a name stands for: one of the two. */
struct rpc_schema_name {
	struct rpc_schema_message *message;
	const struct rpc_schema_enum *enumeration;
};

/*
 * Reads a set into an empty schema; the bytes of the set must live as long as the schema.
 * GW_E_CORRUPT and GW_E_TRUNCATED for what is no such set, GW_E_UNSUPPORTED for one that says what
 * we do not do, by name; GW_E_TOO_LARGE, GW_E_NO_MEMORY. After a failure only
 * rpc_schema_done may be called.
 */
int rpc_schema_read(struct rpc_schema *schema, struct gw_bytes set,
		    struct gw_error *error) GW_MUST_CHECK;
void rpc_schema_done(struct rpc_schema *schema);

/* NULL when there is none. Of a service the name alone will do, if no other one has it. */
const struct rpc_schema_service *rpc_schema_service(const struct rpc_schema *schema,
						    const char *name);
const struct rpc_schema_method *rpc_schema_method(const struct rpc_schema_service *service,
						  const char *name);
const struct rpc_schema_message *rpc_schema_message(const struct rpc_schema *schema,
						    struct gw_bytes name);

/* By number, and by name or JSON name; NULL when there is none. */
const struct rpc_schema_field *rpc_schema_field(const struct rpc_schema_message *message,
						uint32_t number);
const struct rpc_schema_field *rpc_schema_field_named(const struct rpc_schema_message *message,
						      const char *name);

/* What it is called in a .proto: "int32", "bool", ...; of messages and enums their name. */
const char *rpc_schema_type_name(const struct rpc_schema_field *field);

#endif
