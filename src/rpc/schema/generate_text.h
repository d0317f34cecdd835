/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_text.h - what the header and the source of stubs have in common: names, and the first
 * lines of functions.
 */
#ifndef RPC_SCHEMA_GENERATE_TEXT_H
#define RPC_SCHEMA_GENERATE_TEXT_H

#include "rpc/schema/generate.h"

/* The names of a service and of one of its methods. */
struct rpc_names {
	const struct rpc_schema_method *method;
	char service[RPC_C_NAME_MAX]; /* "kv" */
	char name[RPC_C_NAME_MAX];    /* "put" */
	char request[RPC_C_NAME_MAX]; /* "Kv__PutRequest" */
	char reply[RPC_C_NAME_MAX];
};

void rpc_service_names(struct rpc_names *names, const struct rpc_schema_service *service);
void rpc_method_names(struct rpc_names *names, const struct rpc_schema_service *service,
		      const struct rpc_schema_method *method);

/* The functions of a method. */
enum rpc_stub {
	RPC_STUB_CALL,		  /* kv_put */
	RPC_STUB_CALL_WITH,	  /* kv_put_with: and with options */
	RPC_STUB_OPEN,		  /* kv_put_open */
	RPC_STUB_FINISH,	  /* kv_put_finish */
	RPC_STUB_REQUEST_SEND,	  /* kv_put_request_send: the caller's items */
	RPC_STUB_REQUEST_RECEIVE, /* at the handler */
	RPC_STUB_REPLY_SEND,	  /* the handler's items */
	RPC_STUB_REPLY_RECEIVE,	  /* at the caller */
	RPC_STUB_COUNT,
};

/* Whether the method has it: calls are those without streams, items those with. */
bool rpc_stub_fits(const struct rpc_schema_method *method, enum rpc_stub stub);

/* "int kv_put(...)", without what follows. */
void rpc_put_signature(struct rpc_text *text, const struct rpc_names *names, enum rpc_stub stub);

#endif
