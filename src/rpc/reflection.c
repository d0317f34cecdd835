/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflection.c - the built-in service by which a server tells what it offers, and what was asked of
 * it.
 */
#include "rpc/reflection.h"

#include "rpc/reflection.rpc.h"

#include <assert.h>

static bool is_wanted(const struct gw_rpc_service *service, const char *name)
{
	return name[0] == '\0' || strcmp(service->full_name, name) == 0;
}

/* The strings of a service are constant; message types only know pointers to what may change. */
static Groundwork__Service *describe(struct gw_rpc_call *call, const struct gw_rpc_service *service)
{
	Groundwork__Service *made = gw_rpc_allocate(call, sizeof(*made));

	if (!made)
		return NULL;
	groundwork__service__init(made);
	made->name = (char *)(uintptr_t)service->full_name;
	made->descriptors.data = (uint8_t *)(uintptr_t)service->descriptors.data;
	made->descriptors.len = service->descriptors.size;
	return made;
}

static int list(struct gw_rpc_call *call, void *context, const Groundwork__ListRequest *request,
		Groundwork__ListReply *reply, struct gw_error *error)
{
	const struct gw_rpc_server *server = context;
	const struct gw_rpc_service *service;
	size_t count = 0;

	assert(server);
	while (gw_rpc_server_service(server, count))
		count++;
	reply->services = gw_rpc_allocate(call, count * sizeof(*reply->services));
	for (size_t i = 0; reply->services && (service = gw_rpc_server_service(server, i)); i++) {
		if (!is_wanted(service, request->service))
			continue;
		reply->services[reply->n_services] = describe(call, service);
		if (!reply->services[reply->n_services])
			reply->services = NULL;
		else
			reply->n_services++;
	}
	if (!reply->services) {
		reply->n_services = 0;
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to tell of %zu services", count);
	}
	if (reply->n_services == 0)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: no such service here", request->service);
	return 0;
}

static Groundwork__MethodMetrics *measure(struct gw_rpc_call *call,
					  const struct gw_rpc_method_metrics *metrics)
{
	Groundwork__MethodMetrics *made = gw_rpc_allocate(call, sizeof(*made));
	uint64_t *latency = gw_rpc_allocate(call, sizeof(metrics->latency));

	if (!made || !latency)
		return NULL;
	groundwork__method_metrics__init(made);
	made->method = (char *)(uintptr_t)metrics->method->full_name;
	made->calls = metrics->calls;
	made->failures = metrics->failures;
	made->running = metrics->running;
	made->duplicates = metrics->duplicates;
	made->overloaded = metrics->overloaded;
	made->bytes_in = metrics->bytes_in;
	made->bytes_out = metrics->bytes_out;
	made->latency = latency;
	for (size_t i = 0; i < GW_RPC_LATENCY_BUCKETS; i++) {
		latency[i] = metrics->latency[i];
		if (latency[i] > 0)
			made->n_latency = i + 1;
	}
	return made;
}

static int tell_metrics(struct gw_rpc_call *call, void *context,
			const Groundwork__MetricsRequest *request, Groundwork__MetricsReply *reply,
			struct gw_error *error)
{
	const struct gw_rpc_server *server = context;
	struct gw_rpc_method_metrics metrics;
	size_t count = 0;

	while (gw_rpc_server_metrics(server, count, &metrics))
		count++;
	assert(count > 0); /* this one */
	reply->methods = gw_rpc_allocate(call, count * sizeof(*reply->methods));
	for (size_t i = 0; reply->methods && gw_rpc_server_metrics(server, i, &metrics); i++) {
		Groundwork__MethodMetrics *made;

		if (request->method[0] && strcmp(metrics.method->full_name, request->method) != 0)
			continue;
		made = measure(call, &metrics);
		if (!made)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory to tell of %zu methods",
				       count);
		reply->methods[reply->n_methods++] = made;
	}
	if (!reply->methods)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to tell of %zu methods", count);
	if (reply->n_methods == 0)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: no such method here", request->method);
	return 0;
}

int rpc_reflection_add(struct gw_rpc_server *server, struct gw_error *error)
{
	static const struct reflection_handlers handlers = {.list = list,
							   .metrics = tell_metrics};
	const struct gw_rpc_service *service;

	for (size_t i = 0; (service = gw_rpc_server_service(server, i)); i++)
		if (service == &reflection_service)
			return 0;
	return reflection_serve(server, &handlers, server, NULL, error);
}
