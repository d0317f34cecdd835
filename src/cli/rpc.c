/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc.c - `gw rpc list|call`: options, connecting, errors.
 */
#include "cli/rpc.h"

#include "base/buffer.h"
#include "base/options.h"
#include "rpc/remote.h"

#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

const struct gw_option cli_rpc_options[] = {
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

struct action {
	const char *name, *operands, *summary, *help;
	cli_rpc_action *run;
	size_t operands_min, operands_max;
};

/* Ends with an entry without name. */
static const struct action actions[] = {
	{"list", "ADDRESS [SERVICE]", "Print what a server offers",
	 "Prints the services at ADDRESS and their methods; of SERVICE the messages too, with\n"
	 "their fields.\n\n",
	 cli_rpc_list, 1, 2},
	{"call", "ADDRESS SERVICE.METHOD [REQUEST]", "Call a method",
	 "Calls a method with REQUEST, a message in JSON ('{}' if it is left out; '-' reads it\n"
	 "from standard input), and prints the reply in JSON. A method that takes a stream gets\n"
	 "an array; one that gives a stream prints a message each.\n\n",
	 cli_rpc_call, 2, 3},
	{0},
};

/* ---- In the task --------------------------------------------------------------------------- */

/* What the task gets and gives. */
struct work {
	struct cli_rpc *rpc;
	const struct action *action;
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

	if (!rpc->ca && !rpc->certificate && !rpc->key && !rpc->server_role)
		return 0;
	if (!rpc->ca || !rpc->certificate || !rpc->key)
		return gw_fail(error, GW_E_USAGE, "TLS takes --ca, --cert and --key");
	if (rpc->insecure)
		return gw_fail(error, GW_E_USAGE, "--insecure and TLS are one or the other");
	return gw_rpc_tls_new(tls, &options, error);
}

static int ask(const struct work *work, struct gw_rpc_client *client)
{
	struct rpc_remote remote = {0};
	int code = rpc_remote_read(&remote, client, work->rpc->deadline_ns, work->error);

	if (code >= 0)
		code = work->action->run(work->rpc, client, &remote, work->error);
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
		code = ask(work, client);
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

static int run(struct cli_rpc *rpc, const struct action *action, char **operands, size_t count,
	       struct gw_error *error)
{
	const struct gw_run_options options = {.name = action->name,
					       .stack_bytes = RPC_REMOTE_STACK_BYTES};
	struct work work = {rpc, action, error};
	struct base_buffer input = {0};
	int code = 0;

	if (count < action->operands_min || count > action->operands_max)
		return gw_fail(error, GW_E_USAGE, "wanted: %s; see --help", action->operands);
	rpc->address = operands[0];
	rpc->name = count > 1 ? operands[1] : NULL;
	rpc->text = gw_string(count > 2 ? operands[2] : "{}");
	if (count > 2 && strcmp(operands[2], "-") == 0) {
		code = read_input(&input, error);
		rpc->text = base_buffer_bytes(&input);
	}
	if (code == 0)
		code = gw_run(run_in_task, &work, &options, error);
	if (code == 0 && fflush(stdout) != 0)
		code = gw_fail_errno(error, errno, "standard output");
	base_buffer_done(&input);
	return code;
}

static void print_error(const struct cli_rpc *rpc, const char *name, const struct gw_error *error,
			int code)
{
	const char *text = error->text[0] ? error->text : gw_code_text(code);
	json_t *json = NULL;

	if (rpc->json)
		json = json_pack("{s:{s:i,s:s,s:s}}", "error", "code", -code, "name",
				 gw_code_name(code), "text", text);
	if (json) {
		json_dumpf(json, stderr, JSON_COMPACT);
		fputc('\n', stderr);
	} else {
		fprintf(stderr, "gw rpc %s: %s\n", name, text);
	}
	json_decref(json);
}

static int run_action(const struct action *action, int argc, char **argv)
{
	struct cli_rpc rpc = {.deadline_ms = GW_RPC_TIMEOUT_MS};
	const struct gw_option_group groups[] = {{"Options", cli_rpc_options, &rpc}, {0}};
	struct gw_error error = {0};
	char **operands = NULL;
	size_t count = 0;
	int code = gw_options_parse(groups, GW_STYLE_GNU, argc, argv, &operands, &count, &error);

	if (code == 0 && rpc.help) {
		printf("Usage: gw rpc %s [OPTION...] %s\n\n%s"
		       "ADDRESS is HOST:PORT or the path of a UNIX socket.\n\n",
		       action->name, action->operands, action->help);
		gw_options_help(groups, stdout);
	} else if (code == 0) {
		code = run(&rpc, action, operands, count, &error);
	}
	if (code < 0)
		print_error(&rpc, action->name, &error, code);
	free(operands);
	gw_options_done(groups);
	return -code;
}

static const struct action *find(const char *name)
{
	for (const struct action *action = actions; action->name; action++)
		if (strcmp(action->name, name) == 0)
			return action;
	return NULL;
}

static void print_help(FILE *file)
{
	fputs("Usage: gw rpc ACTION [OPTION...] OPERAND...\n\n"
	      "Asks servers what they offer, and calls them.\n\nActions:\n",
	      file);
	for (const struct action *action = actions; action->name; action++)
		fprintf(file, "  %-6s %-34s %s\n", action->name, action->operands, action->summary);
	fputs("\ngw rpc ACTION --help says more of each. Example:\n\n"
	      "  gw rpc call localhost:7000 kv.Kv.Get '{\"key\": \"a\"}'\n",
	      file);
}

int cli_rpc(int argc, char **argv)
{
	const struct action *action = argc >= 2 ? find(argv[1]) : NULL;

	if (action)
		return run_action(action, argc - 1, argv + 1);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_help(stdout);
		return 0;
	}
	if (argc < 2)
		print_help(stderr);
	else
		fprintf(stderr, "gw rpc: %s: no such action; gw rpc --help lists them\n", argv[1]);
	return -GW_E_USAGE;
}

void cli_rpc_words(int argc, char **argv, FILE *file)
{
	const struct gw_option_group groups[] = {{NULL, cli_rpc_options, NULL}, {0}};

	if (argc >= 2) {
		if (find(argv[1]))
			base_options_words(groups, argc > 2 ? argv[argc - 1] : NULL, file);
		return;
	}
	for (const struct action *action = actions; action->name; action++)
		fprintf(file, "%s\n", action->name);
	fputs("--help\n", file);
}
