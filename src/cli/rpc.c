/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc.c - `gw rpc list|call`: options, connecting, errors.
 */
#include "cli/rpc.h"

#include "base/buffer.h"
#include "cli/action.h"
#include "cli/tls.h"
#include "rpc/remote.h"

#include <errno.h>


static const struct gw_option rpc_options[] = {
	{"deadline", 'd', GW_OPTION_MS, offsetof(struct cli_rpc, deadline_ms), "TIME",
	 "Give up after this time, like 500ms or 10s (10s)", NULL},
	{"json", 0, GW_OPTION_FLAG, offsetof(struct cli_rpc, json), NULL,
	 "For programs: a line of JSON for each answer, and for the error", NULL},
	{"insecure", 0, GW_OPTION_FLAG, offsetof(struct cli_rpc, insecure), NULL,
	 "Plain text also to another machine", NULL},
	{"ca", 0, GW_OPTION_STRING, offsetof(struct cli_rpc, ca), "FILE",
	 "TLS: the certificate of the cluster's authority", NULL},
	{"cert", 0, GW_OPTION_STRING, offsetof(struct cli_rpc, certificate), "FILE",
	 "TLS: our certificate", NULL},
	{"key", 0, GW_OPTION_STRING, offsetof(struct cli_rpc, key), "FILE", "TLS: its key", NULL},
	{"server-role", 0, GW_OPTION_STRING, offsetof(struct cli_rpc, server_role), "ROLE",
	 "TLS: what the server must be, instead of the host that is called", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_rpc, help), NULL, "Print this help", NULL},
	{0},
};

static const struct gw_option call_options[] = {
	{"attachment", 0, GW_OPTION_STRING, offsetof(struct cli_rpc, attachment), "FILE",
	 "Send the bytes of FILE with the request", NULL},
	{"save", 0, GW_OPTION_STRING, offsetof(struct cli_rpc, save), "FILE",
	 "Write the attachment of the reply to FILE, which must not exist", NULL},
	{0},
};

/* ---- In the task --------------------------------------------------------------------------- */

/* What the task gets and gives. */
struct work {
	struct cli_rpc *rpc;
	cli_rpc_action *ask;
	struct gw_error *error;
};

static int make_tls(const struct cli_rpc *rpc, struct gw_rpc_tls **tls, struct gw_error *error)
{
	const struct gw_rpc_tls_options options = {
		.ca = rpc->ca,
		.certificate = rpc->certificate,
		.key = rpc->key,
		.server_role = rpc->server_role,
	};

	return cli_tls(&options, rpc->insecure, tls, error);
}

static int look_and_ask(const struct work *work, struct gw_rpc_client *client)
{
	struct rpc_remote remote = {0};
	int code = rpc_remote_read(&remote, client, work->rpc->deadline_ns, work->error);

	if (code >= 0)
		code = work->ask(work->rpc, client, &remote, work->error);
	rpc_remote_done(&remote);
	return code;
}

static int run_in_task(void *argument)
{
	const struct work *work = argument;
	struct gw_rpc_tls *tls = NULL;
	struct gw_rpc_client *client = NULL;
	int code = make_tls(work->rpc, &tls, work->error);

	if (code >= 0) {
		const struct gw_rpc_client_options options = {.tls = tls,
							      .insecure = work->rpc->insecure};

		work->rpc->deadline_ns = gw_after_ms(work->rpc->deadline_ms);
		code = gw_rpc_client_new(&client, work->rpc->address, &options, work->error);
	}
	if (code >= 0)
		code = look_and_ask(work, client);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
	return code < 0 ? code : 0;
}

/* ---- The command line ---------------------------------------------------------------------- */

static int read_input(struct base_buffer *text, struct gw_error *error)
{
	char piece[4096];
	size_t size;
	int code = 0;

	text->size_max = RPC_JSON_BYTES_MAX;
	while (code == 0 && (size = fread(piece, 1, sizeof(piece), stdin)) > 0)
		code = base_buffer_append(text, piece, size, error);
	if (code == 0 && ferror(stdin))
		code = gw_fail_errno(error, errno, "standard input");
	return code;
}

static int run(struct cli_rpc *rpc, cli_rpc_action *ask, struct gw_error *error)
{
	const struct gw_run_options options = {.name = "gw rpc",
					       .stack_bytes = RPC_REMOTE_STACK_BYTES};
	struct work work = {rpc, ask, error};

	return gw_run(run_in_task, &work, &options, error);
}

static int run_list(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct cli_rpc *rpc = values;

	rpc->address = operands[0];
	rpc->name = count > 1 ? operands[1] : NULL;
	return run(rpc, cli_rpc_list, error);
}

static int run_call(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct cli_rpc *rpc = values;
	struct base_buffer input = {0};
	int code = 0;

	rpc->address = operands[0];
	rpc->name = operands[1];
	rpc->text = gw_string(count > 2 ? operands[2] : "{}");
	if (count > 2 && strcmp(operands[2], "-") == 0) {
		code = read_input(&input, error);
		rpc->text = base_buffer_bytes(&input);
	}
	if (code == 0)
		code = run(rpc, cli_rpc_call, error);
	base_buffer_done(&input);
	return code;
}

static void print_error(const void *values, const char *name, int code,
			const struct gw_error *error)
{
	cli_print_error(((const struct cli_rpc *)values)->json, name, code, error);
}

static const struct cli_rpc defaults = {.deadline_ms = GW_RPC_TIMEOUT_MS};

static const struct cli_action actions[] = {
	{.name = "list",
	 .operands = "ADDRESS [SERVICE]",
	 .summary = "Print what a server offers",
	 .help = "Prints the services at ADDRESS (HOST:PORT or the path of a UNIX socket) and\n"
		 "their methods; of SERVICE the messages too, with their fields.\n\n",
	 .options = rpc_options,
	 .operands_min = 1,
	 .operands_max = 2,
	 .values_bytes = sizeof(struct cli_rpc),
	 .defaults = &defaults,
	 .run = run_list,
	 .fail = print_error},
	{.name = "call",
	 .operands = "ADDRESS SERVICE.METHOD [REQUEST]",
	 .summary = "Call a method",
	 .help = "Calls a method with REQUEST, a message in JSON ('{}' if it is left out; '-'\n"
		 "reads it from standard input), and prints the reply in JSON. A method that\n"
		 "takes a stream gets an array; one that gives a stream prints a message each.\n"
		 "ADDRESS is HOST:PORT or the path of a UNIX socket.\n\n",
	 .options = call_options,
	 .shared = rpc_options,
	 .operands_min = 2,
	 .operands_max = 3,
	 .values_bytes = sizeof(struct cli_rpc),
	 .defaults = &defaults,
	 .run = run_call,
	 .fail = print_error},
	{0},
};

static const struct cli_actions rpc_actions = {
	.name = "gw rpc",
	.help = "Asks servers what they offer, and calls them.\n\n",
	.example = "gw rpc call localhost:7000 kv.Kv.Get '{\"key\": \"a\"}'",
	.actions = actions,
};

int cli_rpc(int argc, char **argv)
{
	return cli_actions_run(&rpc_actions, argc, argv);
}

void cli_rpc_words(int argc, char **argv, FILE *file)
{
	cli_actions_words(&rpc_actions, argc, argv, file);
}
