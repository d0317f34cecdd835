/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - what a server offers, as it tells itself, and calls to it without stubs: what `gw rpc`
 * is made of.
 *
 *     struct rpc_remote remote = {0};
 *     rpc_remote_read(&remote, client, "kv.Kv", 0, &error);
 *     rpc_remote_find(&remote, "kv.Kv.Put", &service, &method, &error);
 *     rpc_remote_call(client, service, method, json, &options, show, NULL, &error);
 *     rpc_remote_done(&remote);
 */
#ifndef RPC_REMOTE_H
#define RPC_REMOTE_H

#include <groundwork/rpc.h>

#include "rpc/json.h"

enum {
	RPC_REMOTE_SERVICES_MAX = 1024,
	/* A task that calls this has such a stack: JSON is read and written there. */
	RPC_REMOTE_STACK_BYTES = 256 << 10,
};

/* A service with the schema that its descriptors are. */
struct rpc_remote_service {
	struct rpc_schema schema;
	const struct rpc_schema_service *service;
};

struct rpc_remote {
	struct ProtobufCMessage *reply; /* the descriptors are in it */
	struct rpc_remote_service *services;
	size_t count;
};

/* Asks for all services. deadline_ns as in gw_rpc_call_options. What a server sends may be
 * anything: GW_E_CORRUPT and its kin with the service's name. */
int rpc_remote_read(struct rpc_remote *remote, struct gw_rpc_client *client, uint64_t deadline_ns,
		    struct gw_error *error) GW_MUST_CHECK;
void rpc_remote_done(struct rpc_remote *remote);

/* A service by its name, with the package or, if only one is called so, without. GW_E_NOT_FOUND,
 * with what there is. */
int rpc_remote_find_service(const struct rpc_remote *remote, const char *name,
			    const struct rpc_remote_service **service,
			    struct gw_error *error) GW_MUST_CHECK;
/* "kv.Kv.Put" or "Kv.Put". GW_E_NOT_FOUND, with what there is. */
int rpc_remote_find(const struct rpc_remote *remote, const char *name,
		    const struct rpc_remote_service **service,
		    const struct rpc_schema_method **method, struct gw_error *error) GW_MUST_CHECK;

struct rpc_remote_options {
	uint64_t deadline_ns; /* 0: the method's or the client's timeout */
	enum rpc_json_style style;
	/* Of a method without streams: sent with the request; and where the reply's goes, as in
	 * gw_rpc_call_options. */
	struct gw_bytes attachment;
	void *reply_attachment;
	size_t reply_attachment_max;
	size_t *reply_attachment_bytes;
};

/* Gets each reply or item as JSON, without a newline behind; negative ends the call. */
typedef int rpc_remote_show(void *context, struct gw_bytes json, struct gw_error *error);

/*
 * Calls a method. json is the request, or an array of the items when the request streams. The
 * schema stays unchanged meanwhile. GW_E_INVALID before anything is sent when the JSON is wrong;
 * else as gw_rpc_invoke.
 */
int rpc_remote_call(struct gw_rpc_client *client, const struct rpc_remote_service *service,
		    const struct rpc_schema_method *method, struct gw_bytes json,
		    const struct rpc_remote_options *options, rpc_remote_show *show, void *context,
		    struct gw_error *error) GW_MUST_CHECK;

#endif
