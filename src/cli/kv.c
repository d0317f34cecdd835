/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv.c - `gw kv`: the table of its actions, connecting, errors.
 */
#include "cli/kv.h"

#include "cli/action.h"
#include "cli/tls.h"

enum { KV_STACK_BYTES = 256 << 10 };

/* What those have that ask a cluster. */
static const struct gw_option ask_options[] = {
	{"at", 0, GW_OPTION_STRING, offsetof(struct cli_kv, at), "A,B,C",
	 "Addresses of members (127.0.0.1:7000)", NULL},
	{"deadline", 'd', GW_OPTION_MS, offsetof(struct cli_kv, deadline_ms), "TIME",
	 "Give up after this time, like 500ms or 10s (10s; watch and backup: never)", NULL},
	{"json", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, json), NULL,
	 "For programs: a line of JSON for each answer, and for the error", NULL},
	{"insecure", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, insecure), NULL,
	 "Plain text also to another machine", NULL},
	{"ca", 0, GW_OPTION_STRING, offsetof(struct cli_kv, ca), "FILE",
	 "TLS: the certificate of the cluster's authority", NULL},
	{"cert", 0, GW_OPTION_STRING, offsetof(struct cli_kv, certificate), "FILE",
	 "TLS: our certificate", NULL},
	{"key", 0, GW_OPTION_STRING, offsetof(struct cli_kv, key), "FILE", "TLS: its key", NULL},
	{"server-role", 0, GW_OPTION_STRING, offsetof(struct cli_kv, server_role), "ROLE",
	 "TLS: what the members must be, instead of the hosts that are called", NULL},
	{"cluster", 0, GW_OPTION_STRING, offsetof(struct cli_kv, cluster), "ID",
	 "Only members of this cluster are asked, as status tells it (any)", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, help), NULL, "Print this help", NULL},
	{0},
};

#define WEAK_OPTIONS                                                                           \
	{"weak", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, weak), NULL,                       \
	 "Of any member, from what it has: maybe old", NULL},                                  \
		{"min-index", 0, GW_OPTION_INT, offsetof(struct cli_kv, min_index), "N",       \
		 "With --weak: but not before it has this entry", NULL}
#define TTL_OPTION                                                                             \
	{"ttl", 0, GW_OPTION_MS, offsetof(struct cli_kv, ttl_ms), "TIME",                      \
	 "The key ends after this time (it stays)", NULL}
#define RANGE_OPTIONS                                                                          \
	{"prefix", 0, GW_OPTION_STRING, offsetof(struct cli_kv, prefix), "TEXT",               \
	 "Keys that begin so, instead of BEGIN and END", NULL},                                \
		{"keys-only", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, keys_only), NULL,     \
		 "No values", NULL},                                                           \
		{"limit", 'n', GW_OPTION_INT, offsetof(struct cli_kv, limit), "N",             \
		 "So many at most (all)", NULL}

static const struct gw_option no_options[] = {{0}};
static const struct gw_option get_options[] = {WEAK_OPTIONS, {0}};
static const struct gw_option put_options[] = {TTL_OPTION, {0}};
static const struct gw_option cas_options[] = {
	{"if-absent", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, if_absent), NULL,
	 "If there is no such key", NULL},
	{"if-version", 0, GW_OPTION_INT, offsetof(struct cli_kv, if_version), "N",
	 "If it has this version; 0: if there is no such key", NULL},
	{"if-value", 0, GW_OPTION_STRING, offsetof(struct cli_kv, if_value), "VALUE",
	 "If it has this value", NULL},
	{"delete", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, remove), NULL,
	 "Delete it, instead of giving it VALUE", NULL},
	TTL_OPTION,
	{0},
};
static const struct gw_option scan_options[] = {RANGE_OPTIONS, WEAK_OPTIONS, {0}};
static const struct gw_option watch_options[] = {
	RANGE_OPTIONS,
	{"from", 0, GW_OPTION_INT, offsetof(struct cli_kv, from), "N",
	 "From this entry on (from now on)", NULL},
	{0},
};
static const struct gw_option members_options[] = {
	{"weak", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, weak), NULL,
	 "As the member that is asked knows them, also when nobody leads", NULL},
	{"standby", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, standby), NULL,
	 "add: it never votes", NULL},
	{0},
};
static const struct gw_option restore_options[] = {
	{"dir", 0, GW_OPTION_STRING, offsetof(struct cli_kv, directory), "DIR",
	 "The directory to be made", NULL},
	{"advertise", 0, GW_OPTION_STRING, offsetof(struct cli_kv, advertise), "ADDRESS",
	 "The address that its member will have, for others to join (none will)", NULL},
	{"json", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, json), NULL,
	 "For programs: a line of JSON, and for the error", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, help), NULL, "Print this help", NULL},
	{0},
};
static const struct gw_option fsck_options[] = {
	{"json", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, json), NULL,
	 "For programs: a line of JSON for each finding, and for the report", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_kv, help), NULL, "Print this help", NULL},
	{0},
};

/* ---- In the task --------------------------------------------------------------------------- */

static int make_tls(const struct cli_kv *kv, struct gw_rpc_tls **tls, struct gw_error *error)
{
	const struct gw_rpc_tls_options options = {
		.ca = kv->ca,
		.certificate = kv->certificate,
		.key = kv->key,
		.server_role = kv->server_role,
	};

	return cli_tls(&options, kv->insecure, tls, error);
}

static int ask_in_task(void *argument)
{
	struct cli_kv *kv = argument;
	struct gw_kv_client_options options = {.insecure = kv->insecure,
					       .timeout_ms = kv->deadline_ms,
					       .cluster = kv->cluster};
	struct gw_rpc_tls *tls = NULL;
	int code = make_tls(kv, &tls, kv->error);

	options.tls = tls;
	if (code == 0)
		code = gw_kv_client_new(&kv->client, kv->at, &options, kv->error);
	if (code == 0 && kv->deadline_ms)
		(void)gw_deadline_set(gw_after_ms(kv->deadline_ms));
	if (code == 0)
		code = kv->ask(kv, kv->error);
	gw_kv_client_free(kv->client);
	gw_rpc_tls_free(tls);
	return code < 0 ? code : 0;
}

static int work_in_task(void *argument)
{
	struct cli_kv *kv = argument;

	return kv->ask(kv, kv->error);
}

/* ---- The command line ---------------------------------------------------------------------- */

static int run(gw_task_function *function, struct cli_kv *kv, char **operands, size_t count,
	       struct gw_error *error)
{
	const struct gw_run_options options = {.name = "gw kv", .stack_bytes = KV_STACK_BYTES};

	if (kv->from < 0 || kv->limit < 0 || kv->min_index < 0)
		return gw_fail(error, GW_E_USAGE, "a number of entries or keys is not below 0");
	kv->operands = operands;
	kv->count = count;
	kv->error = error;
	return gw_run(function, kv, &options, error);
}

#define RUN(action, function)                                                                \
	static int run_##action(void *values, char **operands, size_t count,                 \
				struct gw_error *error)                                      \
	{                                                                                    \
		((struct cli_kv *)values)->ask = cli_kv_##action;                            \
		return run(function, values, operands, count, error);                        \
	}
RUN(get, ask_in_task)
RUN(put, ask_in_task)
RUN(append, ask_in_task)
RUN(cas, ask_in_task)
RUN(delete, ask_in_task)
RUN(scan, ask_in_task)
RUN(watch, ask_in_task)
RUN(members, ask_in_task)
RUN(status, ask_in_task)
RUN(backup, ask_in_task)
RUN(restore, work_in_task)
RUN(fsck, work_in_task)
#undef RUN

static void print_error(const void *values, const char *name, int code,
			const struct gw_error *error)
{
	cli_print_error(((const struct cli_kv *)values)->json, name, code, error);
}

#define AT "127.0.0.1:7000"
static const struct cli_kv defaults = {.at = AT, .deadline_ms = GW_KV_TIMEOUT_MS, .if_version = -1};
/* What goes on until it is told to end. */
static const struct cli_kv endless = {.at = AT, .if_version = -1};

#define ACTION(action, table, more, begin)                                                \
	.name = #action, .options = table, .shared = more, .run = run_##action,           \
	.values_bytes = sizeof(struct cli_kv), .defaults = &(begin), .fail = print_error

static const struct cli_action actions[] = {
	{ACTION(get, get_options, ask_options, defaults),
	 .operands = "KEY", .operands_min = 1, .operands_max = 1,
	 .summary = "Print a value",
	 .help = "Prints the value of KEY as it is. Exit status 4: there is no such key.\n\n"},
	{ACTION(put, put_options, ask_options, defaults),
	 .operands = "KEY [VALUE]", .operands_min = 1, .operands_max = 2,
	 .summary = "Give a key a value",
	 .help = "Without VALUE, or with '-', the value is standard input as it is.\n\n"},
	{ACTION(append, no_options, ask_options, defaults),
	 .operands = "KEY [VALUE]", .operands_min = 1, .operands_max = 2,
	 .summary = "Put something behind a value",
	 .help = "Without VALUE, or with '-', it is standard input as it is.\n\n"},
	{ACTION(cas, cas_options, ask_options, defaults),
	 .operands = "KEY [VALUE]", .operands_min = 1, .operands_max = 2,
	 .summary = "Change a key if it is as expected",
	 .help = "One of the three conditions is wanted. Without VALUE, or with '-', the value\n"
		 "is standard input. Exit status 1: the key is not as expected.\n\n"},
	{ACTION(delete, no_options, ask_options, defaults),
	 .operands = "KEY", .operands_min = 1, .operands_max = 1,
	 .summary = "Delete a key",
	 .help = "That there is no such key is no failure.\n\n"},
	{ACTION(scan, scan_options, ask_options, defaults),
	 .operands = "[BEGIN [END]]", .operands_max = 2,
	 .summary = "Print a range of keys",
	 .help = "Prints keys from BEGIN on and before END, in order, each with its value behind\n"
		 "a tab. Tabs, line ends and the like in them are \\t, \\n, \\\\ and \\xHH.\n\n"},
	{ACTION(watch, watch_options, ask_options, endless),
	 .operands = "[BEGIN [END]]", .operands_max = 2,
	 .summary = "Print changes as they happen",
	 .help = "Prints each change of a key in the range, once and in order: the entry, what\n"
		 "happened, the key, the value.\n\n"},
	{ACTION(members, members_options, ask_options, defaults),
	 .operands = "[add ADDRESS | remove ID | replace ID [ADDRESS]]", .operands_max = 3,
	 .summary = "List or change the members",
	 .help = "Without operands prints the members: id, address, what it does, the last entry\n"
		 "that it has. `replace` is for a member that has lost its disk.\n\n"},
	{ACTION(status, no_options, ask_options, defaults),
	 .operands = "",
	 .summary = "Print how a member is",
	 .help = "Of the first member of --at that answers.\n\n"},
	{ACTION(backup, no_options, ask_options, endless),
	 .operands = "FILE", .operands_min = 1, .operands_max = 1,
	 .summary = "Write all of the state to a file",
	 .help = "All of it is of one moment; the service goes on. '-' is standard output.\n\n"},
	{ACTION(restore, no_options, restore_options, endless),
	 .operands = "FILE", .operands_min = 1, .operands_max = 1,
	 .summary = "Make a new cluster of a backup",
	 .help = "Makes the directory of a member, the first of a new cluster, with what FILE\n"
		 "('-': standard input) holds. `gw kv serve` starts it, others join.\n\n"},
	{ACTION(fsck, no_options, fsck_options, endless),
	 .operands = "DIR", .operands_min = 1, .operands_max = 1,
	 .summary = "Look at a directory that is not in use",
	 .help = "Reads all of a member's log and snapshots and prints what is wrong with them.\n"
		 "Changes nothing. Exit status 9: something is.\n\n"},
	{0},
};

static const struct cli_actions kv_actions = {
	.name = "gw kv",
	.help = "The key/value service: keys and values on the disks of a majority.\n"
		"gw kv serve runs a member; the others ask one.\n\n",
	.example = "gw kv serve --dir data &\n  gw kv put greeting hello && gw kv get greeting",
	.actions = actions,
};

int cli_kv(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return cli_action_run(&cli_kv_serve, argc - 1, argv + 1);
	return cli_actions_run(&kv_actions, argc, argv);
}

void cli_kv_words(int argc, char **argv, FILE *file)
{
	if (argc > 1 && strcmp(argv[1], "serve") == 0) {
		cli_action_words(&cli_kv_serve, argc - 1, argv + 1, file);
		return;
	}
	if (argc < 2)
		fputs("serve\n", file);
	cli_actions_words(&kv_actions, argc, argv, file);
}
