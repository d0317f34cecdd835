/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - a command that serves until SIGINT or SIGTERM; SIGHUP reads its certificates anew.
 *
 *     struct cli_serve serve = {.name = "gw kv serve", .role = "kv", .serve = serve_in_task};
 *
 *     cli_serve_run(&serve, &run_options, &error);
 *     ... in serve_in_task: starts what is to be served, with serve->tls, then ...
 *     code = cli_serve_wait(serve);    // waits; 0 at a signal
 *     ... ends it ...
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <groundwork/rpc.h>
#include <groundwork/task.h>

#include <stddef.h>

struct cli_serve {
	/* Options: CLI_SERVE_OPTIONS. */
	bool insecure;
	const char *ca, *certificate, *key, *peer_role;

	const char *name; /* in front of sentences */
	const char *role; /* what peer_role is when it was not given */
	/* In a task that is cancelled by a signal until it has called cli_serve_wait. */
	int (*serve)(struct cli_serve *serve);
	struct gw_error *error;
	struct gw_rpc_tls *tls; /* NULL: plain text */

	/* Private. */
	int signals; /* a descriptor that tells of them */
	struct gw_group server;
	bool is_up;
	struct gw_chan *ends; /* why it is to end: an int */
};

/* For the option table of a struct that has a struct cli_serve as `member`. */
#define CLI_SERVE_OPTIONS(type, member, role_text)                                             \
	{"insecure", 0, GW_OPTION_FLAG, offsetof(type, member.insecure), NULL,                 \
	 "Plain text also on addresses that other machines reach", NULL},                      \
		{"ca", 0, GW_OPTION_STRING, offsetof(type, member.ca), "FILE",                 \
		 "TLS: the certificate of the cluster's authority", NULL},                     \
		{"cert", 0, GW_OPTION_STRING, offsetof(type, member.certificate), "FILE",      \
		 "TLS: our certificate", NULL},                                                \
		{"key", 0, GW_OPTION_STRING, offsetof(type, member.key), "FILE",               \
		 "TLS: its key", NULL},                                                        \
	{                                                                                      \
		"peer-role", 0, GW_OPTION_STRING, offsetof(type, member.peer_role), "ROLE",    \
			"TLS: what certificates of members say (" role_text ")", NULL          \
	}

/* Not in a task. error is also where sentences of tasks go. */
int cli_serve_run(struct cli_serve *serve, const struct gw_run_options *options,
		  struct gw_error *error);
/* It listens: waits until a signal (0), or until the server has failed. */
int cli_serve_wait(struct cli_serve *serve);

/* `failed` and `troubled` of servers, with a struct cli_serve as context: the server is to end;
 * something does not get on for now, which is said on standard error. */
void cli_serve_failed(void *context, const struct gw_error *error);
void cli_serve_troubled(void *context, const struct gw_error *error);

/* NULL when the address has port 0: who listens there cannot be called. */
const char *cli_serve_address(const char *address);

#endif
