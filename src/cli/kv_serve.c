/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_serve.c - `gw kv serve`: a member, until SIGINT or SIGTERM; SIGHUP reads certificates anew.
 */
#include "cli/kv.h"

#include "cli/action.h"
#include "cli/tls.h"
#include "kv/front/front.h"
#include "kv/server/server.h"
#include "task/await.h"
#include "task/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { STOP_MS = 2000, SERVE_STACK_BYTES = 128 << 10, SPIN_US = 200, SPIN_US_MAX = 10000 };

struct serve {
	bool help, insecure, standby, lease;
	const char *directory, *listen, *advertise, *join;
	const char *ca, *certificate, *key, *peer_role, *redis_port;
	uint64_t election_ms, heartbeat_ms, snapshot_bytes;
	int64_t spin_us;

	int signals; /* a descriptor that tells of them */
	struct gw_rpc_tls *tls;
	struct gw_group member;
	bool is_up;	      /* it listens; until then a signal cancels it */
	struct gw_chan *ends; /* why the member is to end: an int */
	struct gw_error *error;
};

static const struct gw_option serve_options[] = {
	{"dir", 0, GW_OPTION_STRING, offsetof(struct serve, directory), "DIR",
	 "Where all of it is kept; made when it is not there", NULL},
	{"listen", 0, GW_OPTION_STRING, offsetof(struct serve, listen), "ADDRESS",
	 "Where it listens, for clients and members (127.0.0.1:7000)", NULL},
	{"advertise", 0, GW_OPTION_STRING, offsetof(struct serve, advertise), "ADDRESS",
	 "Where others reach it (as --listen; with port 0 nobody joins)", NULL},
	{"join", 0, GW_OPTION_STRING, offsetof(struct serve, join), "A,B,C",
	 "An empty directory becomes a member of that cluster (a new one)", NULL},
	{"redis-port", 0, GW_OPTION_STRING, offsetof(struct serve, redis_port), "PORT",
	 "Where programs for Redis are served, on this machine; or an ADDRESS (nowhere)", NULL},
	{"standby", 0, GW_OPTION_FLAG, offsetof(struct serve, standby), NULL,
	 "Joins, and never votes", NULL},
	{"insecure", 0, GW_OPTION_FLAG, offsetof(struct serve, insecure), NULL,
	 "Plain text also on addresses that other machines reach", NULL},
	{"ca", 0, GW_OPTION_STRING, offsetof(struct serve, ca), "FILE",
	 "TLS: the certificate of the cluster's authority", NULL},
	{"cert", 0, GW_OPTION_STRING, offsetof(struct serve, certificate), "FILE",
	 "TLS: our certificate", NULL},
	{"key", 0, GW_OPTION_STRING, offsetof(struct serve, key), "FILE", "TLS: its key", NULL},
	{"peer-role", 0, GW_OPTION_STRING, offsetof(struct serve, peer_role), "ROLE",
	 "TLS: what certificates of members say (kv)", NULL},
	{"election", 0, GW_OPTION_MS, offsetof(struct serve, election_ms), "TIME",
	 "A leader that is silent so long is replaced; the same on all (1s)", NULL},
	{"heartbeat", 0, GW_OPTION_MS, offsetof(struct serve, heartbeat_ms), "TIME",
	 "How often an idle leader speaks (150ms)", NULL},
	{"lease", 0, GW_OPTION_FLAG, offsetof(struct serve, lease), NULL,
	 "Reads ask nobody while no clock is 10 % faster than another; the same on all", NULL},
	{"snapshot-after", 0, GW_OPTION_SIZE, offsetof(struct serve, snapshot_bytes), "SIZE",
	 "A snapshot is made after so much log (64M)", NULL},
	{"spin", 0, GW_OPTION_INT, offsetof(struct serve, spin_us), "US",
	 "Looks for work so many us before it sleeps, while it comes that fast (200; 0: never)",
	 NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct serve, help), NULL, "Print this help", NULL},
	{0},
};

/* ---- In the task --------------------------------------------------------------------------- */

static int make_tls(struct serve *serve)
{
	const struct gw_rpc_tls_options options = {
		.ca = serve->ca,
		.certificate = serve->certificate,
		.key = serve->key,
		.server_role = serve->peer_role ? serve->peer_role : "kv",
	};

	if (!serve->ca && !serve->certificate && !serve->key)
		return 0;
	return cli_tls(&options, serve->insecure, &serve->tls, serve->error);
}

static void member_failed(void *context, const struct gw_error *error)
{
	struct serve *serve = context;

	*serve->error = *error;
	(void)gw_send(serve->ends, &error->code, GW_AT_ONCE);
}

/* What goes on when it is mended; `gw kv status` tells it too. */
static void member_troubled(void *context, const struct gw_error *error)
{
	(void)context;
	fprintf(stderr, "gw kv serve: %s\n", error->text);
}

static void read_certificates(struct serve *serve)
{
	struct gw_error error = {0};

	if (serve->tls && gw_rpc_tls_reload(serve->tls, &error) < 0)
		fprintf(stderr, "gw kv serve: %s\n", error.text);
}

/* A task: tells when a signal says that it is the end. */
static int watch_signals(void *argument)
{
	struct serve *serve = argument;
	struct signalfd_siginfo told;
	int code = 0;

	for (;;) {
		struct task_request poll = {0};

		io_poll_fd(task_io(), &poll.request, serve->signals, IO_POLL_READ,
			   task_request_done);
		code = task_await(&poll, GW_FOREVER);
		if (code < 0)
			return code;
		if (read(serve->signals, &told, sizeof(told)) != sizeof(told))
			continue;
		if (told.ssi_signo != SIGHUP)
			break;
		read_certificates(serve);
	}
	/* One that waits for a cluster to join may wait for long. */
	if (!serve->is_up)
		gw_group_cancel(&serve->member);
	code = 0;
	return gw_send(serve->ends, &code, GW_FOREVER);
}

static int open_front(const struct serve *serve, struct kv_server *server, struct kv_front **front)
{
	char address[320];
	const struct kv_front_options options = {.address = address, .insecure = serve->insecure};
	bool is_address = serve->redis_port && strpbrk(serve->redis_port, ":/");
	int code;

	*front = NULL;
	if (!serve->redis_port)
		return 0;
	(void)snprintf(address, sizeof(address), "%s%s",
		       is_address ? "" : "127.0.0.1:", serve->redis_port);
	code = kv_front_new(front, server, &options, serve->error);
	if (code == 0)
		printf("for programs of Redis on %s\n", kv_front_address(*front));
	return code;
}

/* Until a signal, or until the member has stepped aside. */
static int wait_for_end(struct serve *serve, const struct kv_server *server)
{
	int code = 0, result;

	printf("listening on %s\n", kv_server_address(server));
	(void)fflush(stdout);
	serve->is_up = true;
	result = gw_receive(serve->ends, &code, GW_FOREVER);
	return result < 0 ? result : code;
}

static bool has_port_0(const char *address)
{
	size_t size = strlen(address);

	return size > 2 && strcmp(address + size - 2, ":0") == 0;
}

static int serve_in_task(void *argument)
{
	struct serve *serve = argument;
	const char *address = serve->advertise ? serve->advertise : serve->listen;
	const struct kv_server_options options = {
		.directory = serve->directory,
		.address = has_port_0(address) ? NULL : address,
		.listen = serve->listen,
		.join = serve->join,
		.standby = serve->standby,
		.tls = serve->tls,
		.insecure = serve->insecure,
		.peer_role = serve->peer_role,
		.election_ms = serve->election_ms,
		.heartbeat_ms = serve->heartbeat_ms,
		.lease = serve->lease,
		.snapshot_bytes = serve->snapshot_bytes,
		.failed = member_failed,
		.troubled = member_troubled,
		.context = serve,
	};
	struct kv_server *server = NULL;
	struct kv_front *front = NULL;
	int code = kv_server_new(&server, &options, serve->error);

	if (code == 0)
		code = open_front(serve, server, &front);
	if (code == 0)
		code = wait_for_end(serve, server);
	if (code == 0)
		kv_server_stop(server, gw_after_ms(STOP_MS));
	kv_front_free(front);
	kv_server_free(server);
	return code;
}

static int run(void *argument)
{
	struct serve *serve = argument;
	struct gw_group signals = {.name = "signals"};
	int code = make_tls(serve);

	serve->member.name = "member";
	serve->ends = gw_chan_new(sizeof(int), 2, NULL);
	if (code == 0 && !serve->ends)
		code = gw_fail(serve->error, GW_E_NO_MEMORY, "out of memory");
	if (code == 0)
		code = gw_spawn(&signals, watch_signals, serve, NULL);
	if (code == 0)
		code = gw_spawn(&serve->member, serve_in_task, serve, NULL);
	if (code == 0)
		code = gw_group_wait(&serve->member, GW_FOREVER);
	(void)gw_group_done(&serve->member);
	(void)gw_group_done(&signals);
	gw_chan_unref(serve->ends);
	gw_rpc_tls_free(serve->tls);
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

/* Signals come by a descriptor, so that the member can hand its work over. */
static int start(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct gw_run_options options = {.name = "gw kv serve", .stack_bytes = SERVE_STACK_BYTES};
	const struct sigaction on_bus_error = {.sa_handler = bus_error};
	struct serve *serve = values;
	sigset_t set;
	int code;

	(void)operands;
	(void)count;
	if (!serve->directory)
		return gw_fail(error, GW_E_USAGE, "--dir is wanted");
	if (serve->spin_us < 0 || serve->spin_us > SPIN_US_MAX)
		return gw_fail(error, GW_E_USAGE, "--spin has 0 to %d us", SPIN_US_MAX);
	options.spin_us = (unsigned)serve->spin_us;
	serve->error = error;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGBUS, &on_bus_error, NULL) != 0)
		return gw_fail_errno(error, errno, "signals");
	serve->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (serve->signals < 0)
		return gw_fail_errno(error, errno, "signals");
	code = gw_run(run, serve, &options, error);
	(void)close(serve->signals);
	return code;
}

static const struct serve defaults = {.listen = "127.0.0.1:7000", .spin_us = SPIN_US};

const struct cli_action cli_kv_serve = {
	.name = "gw kv serve",
	.operands = "",
	.help = "Runs a member of the key/value service until SIGINT or SIGTERM. --dir is needed.\n"
		"Without --join an empty directory begins a cluster of one; others join it.\n\n",
	.options = serve_options,
	.values_bytes = sizeof(struct serve),
	.defaults = &defaults,
	.run = start,
};
