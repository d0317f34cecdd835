/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_call.c - `gw rpc call`: one call with its attachments, and what came of it.
 */
#include "cli/rpc.h"

#include "base/buffer.h"
#include "rpc/remote.h"

#include <errno.h>
#include <stdlib.h>

static int print(void *context, struct gw_bytes json, struct gw_error *error)
{
	(void)context;
	/* A message of a stream is seen when it comes. */
	if (fwrite(json.data, 1, json.size, stdout) != json.size || putchar('\n') == EOF ||
	    fflush(stdout) != 0)
		return gw_fail_errno(error, errno, "standard output");
	return 0;
}

static int read_file(const char *path, struct base_buffer *bytes, struct gw_error *error)
{
	FILE *file = fopen(path, "rb");
	char piece[65536];
	size_t size;
	int code = 0;

	if (!file)
		return gw_fail_errno(error, errno, "%s", path);
	bytes->size_max = GW_RPC_ATTACHMENT_BYTES_MAX;
	while (code == 0 && (size = fread(piece, 1, sizeof(piece), file)) > 0)
		code = base_buffer_append(bytes, piece, size, error);
	if (code == 0 && ferror(file))
		code = gw_fail_errno(error, errno, "%s", path);
	else if (code < 0)
		(void)gw_fail_in(error, "%s", path);
	(void)fclose(file);
	return code;
}

/* The file is made before the call, so that nothing is called in vain. */
static int call_with(struct cli_rpc *rpc, struct gw_rpc_client *client,
		     const struct rpc_remote *remote, struct rpc_remote_options *options,
		     struct gw_error *error)
{
	const struct rpc_remote_service *service;
	const struct rpc_schema_method *method;
	FILE *file = rpc->save ? fopen(rpc->save, "wbx") : NULL;
	size_t bytes = 0;
	int code;

	if (rpc->save && !file)
		return gw_fail_errno(error, errno, "%s", rpc->save);
	options->reply_attachment_bytes = &bytes;
	code = rpc_remote_find(remote, rpc->name, &service, &method, error);
	if (code == 0)
		code = rpc_remote_call(client, service, method, rpc->text, options, print, NULL,
				       error);
	if (!file)
		return code;
	if (code >= 0 && fwrite(options->reply_attachment, 1, bytes, file) != bytes)
		code = gw_fail_errno(error, errno, "%s", rpc->save);
	if (fclose(file) != 0 && code >= 0)
		code = gw_fail_errno(error, errno, "%s", rpc->save);
	if (code < 0)
		(void)remove(rpc->save);
	return code;
}

int cli_rpc_call(struct cli_rpc *rpc, struct gw_rpc_client *client, const struct rpc_remote *remote,
		 struct gw_error *error)
{
	struct rpc_remote_options options = {
		.deadline_ns = rpc->deadline_ns,
		.style = rpc->json ? RPC_JSON_LINE : RPC_JSON_INDENT,
	};
	struct base_buffer attachment = {0};
	int code = rpc->attachment ? read_file(rpc->attachment, &attachment, error) : 0;

	options.attachment = base_buffer_bytes(&attachment);
	if (code == 0 && rpc->save) {
		options.reply_attachment_max = GW_RPC_ATTACHMENT_BYTES_MAX;
		options.reply_attachment = malloc(GW_RPC_ATTACHMENT_BYTES_MAX);
		if (!options.reply_attachment)
			code = gw_fail(error, GW_E_NO_MEMORY, "no memory for an attachment");
	}
	if (code == 0)
		code = call_with(rpc, client, remote, &options, error);
	free(options.reply_attachment);
	base_buffer_done(&attachment);
	return code;
}
