/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_text.c - what the header and the source of stubs have in common.
 */
#include "rpc/schema/generate_text.h"

#include <assert.h>
#include <stdio.h>

void rpc_text(struct rpc_text *text, const char *format, ...)
{
	va_list arguments;
	char line[2048];
	int length;

	if (text->code < 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	/* The longest piece has a few names in it, each RPC_C_NAME_MAX at most. */
	assert(length >= 0 && (size_t)length < sizeof(line));
	text->code = base_buffer_append(text->buffer, line, (size_t)length, text->error);
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

void rpc_service_names(struct rpc_names *names, const struct rpc_schema_service *service)
{
	*names = (struct rpc_names){0};
	rpc_c_name(last_part(service->name), names->service);
}

void rpc_method_names(struct rpc_names *names, const struct rpc_schema_service *service,
		      const struct rpc_schema_method *method)
{
	rpc_service_names(names, service);
	names->method = method;
	rpc_c_name(method->name, names->name);
	rpc_c_type(method->request->name, names->request);
	rpc_c_type(method->reply->name, names->reply);
}

bool rpc_stub_fits(const struct rpc_schema_method *method, enum rpc_stub stub)
{
	switch (stub) {
	case RPC_STUB_CALL:
	case RPC_STUB_CALL_WITH:
		return !method->client_streams && !method->server_streams;
	case RPC_STUB_REQUEST_SEND:
	case RPC_STUB_REQUEST_RECEIVE:
		return method->client_streams;
	case RPC_STUB_REPLY_SEND:
	case RPC_STUB_REPLY_RECEIVE:
		return method->server_streams;
	default:
		return true;
	}
}

static void put_client(struct rpc_text *text, const struct rpc_names *names, const char *suffix)
{
	rpc_text(text, "int %s_%s%s(struct gw_rpc_client *client", names->service, names->name,
		 suffix);
	if (!names->method->client_streams)
		rpc_text(text, ",\n\tconst %s *request", names->request);
}

void rpc_put_signature(struct rpc_text *text, const struct rpc_names *names, enum rpc_stub stub)
{
	static const char *const items[] = {
		[RPC_STUB_REQUEST_SEND] = "request_send",
		[RPC_STUB_REQUEST_RECEIVE] = "request_receive",
		[RPC_STUB_REPLY_SEND] = "reply_send",
		[RPC_STUB_REPLY_RECEIVE] = "reply_receive",
	};
	bool request = stub == RPC_STUB_REQUEST_SEND || stub == RPC_STUB_REQUEST_RECEIVE;
	bool send = stub == RPC_STUB_REQUEST_SEND || stub == RPC_STUB_REPLY_SEND;

	switch (stub) {
	case RPC_STUB_CALL:
		put_client(text, names, "");
		rpc_text(text, ",\n\t%s **reply, struct gw_error *error)", names->reply);
		return;
	case RPC_STUB_CALL_WITH:
		put_client(text, names, "_with");
		rpc_text(text,
			 ",\n\tconst struct gw_rpc_call_options *options, %s **reply,\n"
			 "\tstruct gw_error *error)",
			 names->reply);
		return;
	case RPC_STUB_OPEN:
		put_client(text, names, "_open");
		rpc_text(text, ",\n\tconst struct gw_rpc_call_options *options,\n"
			       "\tstruct gw_rpc_call **call, struct gw_error *error)");
		return;
	case RPC_STUB_FINISH:
		rpc_text(text, "int %s_%s_finish(struct gw_rpc_call *call", names->service,
			 names->name);
		if (!names->method->server_streams)
			rpc_text(text, ", %s **reply", names->reply);
		rpc_text(text, ",\n\tstruct gw_error *error)");
		return;
	default:
		assert(items[stub]);
		rpc_text(text, "int %s_%s_%s(struct gw_rpc_call *call, %s%s *%sitem,\n",
			 names->service, names->name, items[stub], send ? "const " : "",
			 request ? names->request : names->reply, send ? "" : "*");
		rpc_text(text, "\tstruct gw_error *error)");
		return;
	}
}
