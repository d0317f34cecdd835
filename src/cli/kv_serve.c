/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_serve.c - `gw kv serve`: a member, until SIGINT or SIGTERM; SIGHUP reads certificates anew.
 */
#include "cli/kv.h"

#include "cli/action.h"
#include "cli/serve.h"
#include "kv/front/front.h"
#include "kv/server/server.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { STOP_MS = 2000, SERVE_STACK_BYTES = 128 << 10, SPIN_US = 200, SPIN_US_MAX = 10000 };

struct kv_serve {
	struct cli_serve serve;
	bool help, standby, lease;
	const char *directory, *listen, *advertise, *join, *redis_port;
	uint64_t election_ms, heartbeat_ms, snapshot_bytes;
	int64_t spin_us;
};

static const struct gw_option serve_options[] = {
	{"dir", 0, GW_OPTION_STRING, offsetof(struct kv_serve, directory), "DIR",
	 "Where all of it is kept; made when it is not there", NULL},
	{"listen", 0, GW_OPTION_STRING, offsetof(struct kv_serve, listen), "ADDRESS",
	 "Where it listens, for clients and members (127.0.0.1:7000)", NULL},
	{"advertise", 0, GW_OPTION_STRING, offsetof(struct kv_serve, advertise), "ADDRESS",
	 "Where others reach it (as --listen; with port 0 nobody joins)", NULL},
	{"join", 0, GW_OPTION_STRING, offsetof(struct kv_serve, join), "A,B,C",
	 "An empty directory becomes a member of that cluster (a new one)", NULL},
	{"redis-port", 0, GW_OPTION_STRING, offsetof(struct kv_serve, redis_port), "PORT",
	 "Where programs for Redis are served, on this machine; or an ADDRESS (nowhere)", NULL},
	{"standby", 0, GW_OPTION_FLAG, offsetof(struct kv_serve, standby), NULL,
	 "Joins, and never votes", NULL},
	CLI_SERVE_OPTIONS(struct kv_serve, serve, "kv"),
	{"election", 0, GW_OPTION_MS, offsetof(struct kv_serve, election_ms), "TIME",
	 "A leader that is silent so long is replaced; the same on all (1s)", NULL},
	{"heartbeat", 0, GW_OPTION_MS, offsetof(struct kv_serve, heartbeat_ms), "TIME",
	 "How often an idle leader speaks (150ms)", NULL},
	{"lease", 0, GW_OPTION_FLAG, offsetof(struct kv_serve, lease), NULL,
	 "Reads ask nobody while no clock is 10 % faster than another; the same on all", NULL},
	{"snapshot-after", 0, GW_OPTION_SIZE, offsetof(struct kv_serve, snapshot_bytes), "SIZE",
	 "A snapshot is made after so much log (64M)", NULL},
	{"spin", 0, GW_OPTION_INT, offsetof(struct kv_serve, spin_us), "US",
	 "Looks for work so many us before it sleeps, while it comes that fast (200; 0: never)",
	 NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct kv_serve, help), NULL, "Print this help", NULL},
	{0},
};

/* ---- In the task --------------------------------------------------------------------------- */

static int open_front(const struct kv_serve *kv, struct kv_server *server, struct kv_front **front)
{
	char address[320];
	const struct kv_front_options options = {.address = address,
						 .insecure = kv->serve.insecure};
	bool is_address = kv->redis_port && strpbrk(kv->redis_port, ":/");
	int code;

	*front = NULL;
	if (!kv->redis_port)
		return 0;
	(void)snprintf(address, sizeof(address), "%s%s",
		       is_address ? "" : "127.0.0.1:", kv->redis_port);
	code = kv_front_new(front, server, &options, kv->serve.error);
	if (code == 0)
		printf("for programs of Redis on %s\n", kv_front_address(*front));
	return code;
}

static int serve_in_task(struct cli_serve *serve)
{
	/* The first member. */
	const struct kv_serve *kv = (const struct kv_serve *)serve;
	const struct kv_server_options options = {
		.directory = kv->directory,
		.address = cli_serve_address(kv->advertise ? kv->advertise : kv->listen),
		.listen = kv->listen,
		.join = kv->join,
		.standby = kv->standby,
		.tls = serve->tls,
		.insecure = serve->insecure,
		.peer_role = serve->peer_role,
		.election_ms = kv->election_ms,
		.heartbeat_ms = kv->heartbeat_ms,
		.lease = kv->lease,
		.snapshot_bytes = kv->snapshot_bytes,
		.failed = cli_serve_failed,
		.troubled = cli_serve_troubled,
		.context = serve,
	};
	struct kv_server *server = NULL;
	struct kv_front *front = NULL;
	int code = kv_server_new(&server, &options, serve->error);

	if (code == 0)
		code = open_front(kv, server, &front);
	if (code == 0) {
		printf("listening on %s\n", kv_server_address(server));
		code = cli_serve_wait(serve);
	}
	if (code == 0)
		kv_server_stop(server, gw_after_ms(STOP_MS));
	kv_front_free(front);
	kv_server_free(server);
	return code;
}

/* ---- The command line ---------------------------------------------------------------------- */

/* The table is a mapped file: a disk that fails under it is told here. What the member acknowledged
 * is in the log, of which the next start makes the table anew. */
static void bus_error(int number)
{
	static const char text[] = "gw kv serve: the disk has failed under the table, which is "
				   "mapped: input/output error\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(-GW_E_FAILED);
	_exit(-GW_E_IO);
}

static int start(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct gw_run_options options = {.name = "gw kv serve", .stack_bytes = SERVE_STACK_BYTES};
	const struct sigaction on_bus_error = {.sa_handler = bus_error};
	struct kv_serve *kv = values;

	(void)operands;
	(void)count;
	if (!kv->directory)
		return gw_fail(error, GW_E_USAGE, "--dir is wanted");
	if (kv->spin_us < 0 || kv->spin_us > SPIN_US_MAX)
		return gw_fail(error, GW_E_USAGE, "--spin has 0 to %d us", SPIN_US_MAX);
	options.spin_us = (unsigned)kv->spin_us;
	if (sigaction(SIGBUS, &on_bus_error, NULL) != 0)
		return gw_fail_errno(error, errno, "signals");
	return cli_serve_run(&kv->serve, &options, error);
}

static const struct kv_serve defaults = {
	.serve = {.name = "gw kv serve", .role = "kv", .serve = serve_in_task},
	.listen = "127.0.0.1:7000",
	.spin_us = SPIN_US,
};

const struct cli_action cli_kv_serve = {
	.name = "gw kv serve",
	.operands = "",
	.help = "Runs a member of the key/value service until SIGINT or SIGTERM. --dir is needed.\n"
		"Without --join an empty directory begins a cluster of one; others join it.\n\n",
	.options = serve_options,
	.values_bytes = sizeof(struct kv_serve),
	.defaults = &defaults,
	.run = start,
};
