/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc.h - `gw rpc`: asks a server what it offers, and calls it.
 */
#ifndef CLI_RPC_H
#define CLI_RPC_H

#include <groundwork/rpc.h>

#include <stdio.h>

struct rpc_remote;

/* The options of all actions, and the operands. */
struct cli_rpc {
	bool help, json, insecure;
	uint64_t deadline_ms;
	const char *ca, *certificate, *key, *server_role;
	const char *attachment, *save; /* call: files of the request's and the reply's */
	const char *address;
	const char *name;	/* of a service or method; NULL: none was given */
	struct gw_bytes text;	/* call: the request */
	uint64_t deadline_ns;	/* from the start of the task on */
};

/* In a task, connected and with what the server told. */
typedef int cli_rpc_action(struct cli_rpc *rpc, struct gw_rpc_client *client,
			   const struct rpc_remote *remote, struct gw_error *error);

int cli_rpc_list(struct cli_rpc *rpc, struct gw_rpc_client *client,
		 const struct rpc_remote *remote, struct gw_error *error);
int cli_rpc_call(struct cli_rpc *rpc, struct gw_rpc_client *client,
		 const struct rpc_remote *remote, struct gw_error *error);

int cli_rpc(int argc, char **argv);
void cli_rpc_words(int argc, char **argv, FILE *file);

#endif
