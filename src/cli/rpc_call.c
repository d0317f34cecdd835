/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_call.c - `gw rpc call`: one call, and what came of it.
 */
#include "cli/rpc.h"

#include "rpc/remote.h"

#include <errno.h>

static int print(void *context, struct gw_bytes json, struct gw_error *error)
{
	(void)context;
	/* A message of a stream is seen when it comes. */
	if (fwrite(json.data, 1, json.size, stdout) != json.size || putchar('\n') == EOF ||
	    fflush(stdout) != 0)
		return gw_fail_errno(error, errno, "standard output");
	return 0;
}

int cli_rpc_call(struct cli_rpc *rpc, struct gw_rpc_client *client, const struct rpc_remote *remote,
		 struct gw_error *error)
{
	const struct rpc_remote_options options = {
		.deadline_ns = rpc->deadline_ns,
		.style = rpc->json ? RPC_JSON_LINE : RPC_JSON_INDENT,
	};
	const struct rpc_remote_service *service;
	const struct rpc_schema_method *method;
	int code = rpc_remote_find(remote, rpc->name, &service, &method, error);

	return code < 0 ? code
			: rpc_remote_call(client, service, method, rpc->text, &options, print, NULL,
					  error);
}
