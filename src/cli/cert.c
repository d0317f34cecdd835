/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.c - `gw cert ca|issue|show`: makes the certificates of a cluster and prints what one says.
 */
#include "cli/cert.h"

#include "cli/action.h"
#include "rpc/cert_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

struct cert {
	bool help, client;
	const char *name, *role, *user;
	struct gw_option_list hosts;
	int64_t days;
};

static const struct gw_option ca_options[] = {
	{"name", 0, GW_OPTION_STRING, offsetof(struct cert, name), "NAME",
	 "Name of the cluster, in the authority's certificate (groundwork)", NULL},
	{"days", 0, GW_OPTION_INT, offsetof(struct cert, days), "N",
	 "Valid for so many days (3650)", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cert, help), NULL, "Print this help", NULL},
	{0},
};

static const struct gw_option issue_options[] = {
	{"role", 0, GW_OPTION_STRING, offsetof(struct cert, role), "ROLE",
	 "What the holder is: lower-case letters, digits, '-'", NULL},
	{"name", 0, GW_OPTION_STRING, offsetof(struct cert, name), "NAME",
	 "Which one it is: a host or a person", NULL},
	{"user", 0, GW_OPTION_STRING, offsetof(struct cert, user), "NAME",
	 "Short for --role user --name NAME --client", NULL},
	{"client", 0, GW_OPTION_FLAG, offsetof(struct cert, client), NULL,
	 "For callers only; no server can use it", NULL},
	{"san", 0, GW_OPTION_LIST, offsetof(struct cert, hosts), "HOST",
	 "DNS name or address of its server; may be repeated", NULL},
	{"days", 0, GW_OPTION_INT, offsetof(struct cert, days), "N",
	 "Valid for so many days (365)", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cert, help), NULL, "Print this help", NULL},
	{0},
};

static const struct gw_option show_options[] = {
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cert, help), NULL, "Print this help", NULL},
	{0},
};

/* ---- What is printed ---------------------------------------------------------------------- */

static void print_time(const char *what, int64_t time_s)
{
	time_t moment = (time_t)time_s;
	struct tm fields;
	char text[64] = "?";

	if (gmtime_r(&moment, &fields))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &fields);
	printf("%-12s %s\n", what, text);
}

static const char *standing(const struct rpc_cert *cert, int64_t now_s)
{
	if (now_s < cert->not_before_s)
		return "not yet valid";
	return now_s > cert->not_after_s ? "expired" : "valid now";
}

static const char *uses(const struct rpc_cert *cert)
{
	if (cert->is_authority)
		return "issue certificates";
	return cert->may_serve ? "serve and call" : "call";
}

static void print(const struct rpc_cert *cert, int64_t now_s)
{
	char fingerprint[2 * RPC_FINGERPRINT_BYTES + 1];

	rpc_fingerprint_text(cert->fingerprint, fingerprint);
	if (cert->role[0])
		printf("%-12s %s\n", "role", cert->role);
	printf("%-12s %s\n", "name", cert->name);
	printf("%-12s %s\n", "issued by", cert->issuer);
	printf("%-12s %s\n", "may", uses(cert));
	for (size_t i = 0; i < cert->host_count; i++)
		printf("%-12s %s\n", "host", cert->hosts[i]);
	print_time("from", cert->not_before_s);
	print_time("until", cert->not_after_s);
	printf("%-12s %s\n%-12s ", "state", standing(cert, now_s), "serial");
	for (size_t i = 0; i < cert->serial_bytes; i++)
		printf("%02x", cert->serial[i]);
	printf("\n%-12s %s\n", "fingerprint", fingerprint);
}

/* ---- The commands ------------------------------------------------------------------------- */

static int take_days(const struct cert *cert, uint32_t *days, struct gw_error *error)
{
	if (cert->days < 0 || cert->days > RPC_CERT_DAYS_MAX)
		return gw_fail(error, GW_E_USAGE, "--days %" PRId64 ": 1 to %d are allowed",
			       cert->days, RPC_CERT_DAYS_MAX);
	*days = (uint32_t)cert->days;
	return 0;
}

static int run_ca(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cert *cert = values;
	const char *directory = operands[0];
	const char *name = cert->name ? cert->name : "groundwork";
	uint32_t days = 0;
	int code = take_days(cert, &days, error);

	(void)count;
	if (code == 0)
		code = rpc_cert_files_ca(directory, name, time(NULL), days, error);
	if (code == 0)
		printf("%s/ca.crt\n%s/ca.key\n", directory, directory);
	return code;
}

static int run_issue(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cert *cert = values;
	const char *directory = operands[0];
	struct rpc_cert_request request = {
		.role = cert->user ? RPC_ROLE_USER : cert->role,
		.name = cert->user ? cert->user : cert->name,
		.hosts = cert->hosts.items,
		.host_count = cert->hosts.count,
		.client_only = cert->client || cert->user,
		.now_s = time(NULL),
	};
	char stem[RPC_CERT_STEM_BYTES_MAX + 1];
	int code = take_days(cert, &request.days, error);

	(void)count;
	if (code < 0)
		return code;
	if (cert->user && (cert->role || cert->name))
		return gw_fail(error, GW_E_USAGE, "--user stands for --role and --name");
	if (!request.role || !request.name)
		return gw_fail(error, GW_E_USAGE, "--role and --name, or --user, are wanted");
	code = rpc_cert_files_issue(directory, &request, stem, error);
	if (code == 0)
		printf("%s/%s.crt\n%s/%s.key\n", directory, stem, directory, stem);
	return code;
}

static int run_show(void *values, char **operands, size_t count, struct gw_error *error)
{
	const char *path = operands[0];
	struct rpc_pem pem;
	struct rpc_cert cert;
	int code = rpc_cert_files_read(path, NULL, &pem, error);

	(void)values;
	(void)count;
	if (code < 0)
		return code;
	code = rpc_cert_describe(gw_string(pem.certificate), &cert, error);
	if (code < 0)
		(void)gw_fail_in(error, "%s", path);
	else
		print(&cert, time(NULL));
	rpc_pem_done(&pem);
	return code;
}

static const struct cli_action actions[] = {
	{.name = "ca",
	 .operands = "DIR",
	 .summary = "Make the authority of a cluster",
	 .help = "Makes DIR with mode 0700 and in it ca.crt, which everyone gets, and ca.key,\n"
		 "which nobody gets. Nothing is overwritten.\n\n",
	 .options = ca_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cert),
	 .run = run_ca},
	{.name = "issue",
	 .operands = "DIR",
	 .summary = "Issue a certificate by the authority in DIR",
	 .help = "Makes ROLE.NAME.crt and ROLE.NAME.key in DIR. A server's role decides who may\n"
		 "be called by it and who talks to it. Nothing is overwritten.\n\n",
	 .options = issue_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cert),
	 .run = run_issue},
	{.name = "show",
	 .operands = "FILE",
	 .summary = "Print what a certificate says",
	 .help = "Prints role, name, hosts, times and the fingerprint (SHA-256) of the first\n"
		 "certificate in FILE.\n\n",
	 .options = show_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cert),
	 .run = run_show},
	{0},
};

static const struct cli_actions cert_actions = {
	.name = "gw cert",
	.help = "Certificates for TLS between the servers and users of a cluster.\n\n",
	.example = "gw cert ca certs && "
		   "gw cert issue certs --role kv --name host1 --san host1.lan",
	.actions = actions,
};

int cli_cert(int argc, char **argv)
{
	return cli_actions_run(&cert_actions, argc, argv);
}

void cli_cert_words(int argc, char **argv, FILE *file)
{
	cli_actions_words(&cert_actions, argc, argv, file);
}
