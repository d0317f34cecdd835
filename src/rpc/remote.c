/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.c - what a server offers, as it tells itself.
 */
#include "rpc/remote.h"

#include "rpc/reflection.rpc.h"
#include "rpc/schema/field.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static int read_service(struct rpc_remote_service *made, const Groundwork__Service *told,
			struct gw_error *error)
{
	struct gw_bytes set = {told->descriptors.data, told->descriptors.len};
	int code = rpc_is_utf8(gw_string(told->name))
			   ? 0
			   : gw_fail(error, GW_E_CORRUPT, "a service whose name is not UTF-8");

	if (code == 0)
		code = rpc_schema_read(&made->schema, set, error);
	if (code < 0)
		return code;
	for (size_t i = 0; i < made->schema.service_count; i++)
		if (strcmp(made->schema.services[i]->name, told->name) == 0)
			made->service = made->schema.services[i];
	if (!made->service)
		return gw_fail(error, GW_E_CORRUPT, "its descriptors are of others");
	return 0;
}

static int read_services(struct rpc_remote *remote, const Groundwork__ListReply *reply,
			 struct gw_error *error)
{
	if (reply->n_services > RPC_REMOTE_SERVICES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%zu services, at most %d", reply->n_services,
			       RPC_REMOTE_SERVICES_MAX);
	remote->services = calloc(reply->n_services + 1, sizeof(*remote->services));
	if (!remote->services)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu services",
			       reply->n_services);
	for (size_t i = 0; i < reply->n_services; i++) {
		remote->count++;
		if (read_service(&remote->services[i], reply->services[i], error) < 0)
			return gw_fail_in(error, "service %zu that the server tells of", i + 1);
	}
	return 0;
}

int rpc_remote_read(struct rpc_remote *remote, struct gw_rpc_client *client, uint64_t deadline_ns,
		    struct gw_error *error)
{
	Groundwork__ListRequest request;
	Groundwork__ListReply *reply = NULL;
	const struct gw_rpc_call_options options = {.deadline_ns = deadline_ns};
	int code;

	assert(remote->count == 0 && !remote->reply);
	groundwork__list_request__init(&request);
	code = reflection_list_with(client, &request, &options, &reply, error);
	if (code < 0)
		return code;
	remote->reply = &reply->base;
	return read_services(remote, reply, error);
}

void rpc_remote_done(struct rpc_remote *remote)
{
	if (!remote)
		return;
	for (size_t i = 0; i < remote->count; i++)
		rpc_schema_done(&remote->services[i].schema);
	free(remote->services);
	gw_rpc_message_free(remote->reply);
	*remote = (struct rpc_remote){0};
}

static const char *short_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static const struct rpc_remote_service *find_service(const struct rpc_remote *remote,
						     const char *name)
{
	const struct rpc_remote_service *found = NULL;

	assert(name && (remote->services || remote->count == 0));
	for (size_t i = 0; i < remote->count; i++)
		if (strcmp(remote->services[i].service->name, name) == 0)
			return &remote->services[i];
	for (size_t i = 0; i < remote->count; i++) {
		if (strcmp(short_name(remote->services[i].service->name), name) != 0)
			continue;
		if (found)
			return NULL;
		found = &remote->services[i];
	}
	return found;
}

/* "..., there are kv.Kv, groundwork.Reflection" */
static int no_such_service(const struct rpc_remote *remote, const char *name,
			   struct gw_error *error)
{
	char names[512] = "";

	for (size_t i = 0; i < remote->count; i++) {
		size_t size = strlen(names);

		snprintf(names + size, sizeof(names) - size, "%s%s", i ? ", " : "",
			 remote->services[i].service->name);
	}
	return gw_fail(error, GW_E_NOT_FOUND, "%s: no such service there, or several; there are %s",
		       name, names);
}

int rpc_remote_find_service(const struct rpc_remote *remote, const char *name,
			    const struct rpc_remote_service **service, struct gw_error *error)
{
	*service = find_service(remote, name);
	return *service ? 0 : no_such_service(remote, name, error);
}

static int no_such_method(const struct rpc_schema_service *service, const char *name,
			  struct gw_error *error)
{
	char names[512] = "";

	for (size_t i = 0; i < service->method_count; i++) {
		size_t size = strlen(names);

		snprintf(names + size, sizeof(names) - size, "%s%s", i ? ", " : "",
			 service->methods[i].name);
	}
	return gw_fail(error, GW_E_NOT_FOUND, "%s has no method %s; it has %s", service->name, name,
		       names);
}

int rpc_remote_find(const struct rpc_remote *remote, const char *name,
		    const struct rpc_remote_service **service,
		    const struct rpc_schema_method **method, struct gw_error *error)
{
	const char *dot = strrchr(name, '.');
	char service_name[RPC_SCHEMA_NAME_MAX + 1];

	if (!dot || dot == name || !dot[1] || (size_t)(dot - name) >= sizeof(service_name))
		return gw_fail(error, GW_E_USAGE,
			       "%s: a method is written SERVICE.METHOD, like kv.Kv.Put", name);
	memcpy(service_name, name, (size_t)(dot - name));
	service_name[dot - name] = '\0';
	int code = rpc_remote_find_service(remote, service_name, service, error);

	if (code < 0)
		return code;
	*method = rpc_schema_method((*service)->service, dot + 1);
	return *method ? 0 : no_such_method((*service)->service, dot + 1, error);
}
