/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos.c - `gw chaos --listen A --to B`: a proxy that behaves like a bad network, until it is
 * told to end by SIGINT or SIGTERM.
 */
#include "cli/chaos.h"

#include "cli/action.h"
#include "rpc/address.h"
#include "rpc/chaos.h"
#include "task/await.h"
#include "task/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { RESOLVE_MS = 10000 };

struct chaos {
	bool help, split;
	const char *listen, *to;
	uint64_t delay_ms, jitter_ms, rate;
	const char *drop, *reset, *refuse, *half_open;
	int64_t seed;

	struct rpc_chaos_options options;
	int signals; /* a descriptor that tells of them */
	struct gw_error *error;
};

static const struct gw_option chaos_options[] = {
	{"listen", 0, GW_OPTION_STRING, offsetof(struct chaos, listen), "ADDRESS",
	 "Where to accept: host:port, port 0 for any, or the path of a UNIX socket", NULL},
	{"to", 0, GW_OPTION_STRING, offsetof(struct chaos, to), "ADDRESS",
	 "Where each connection goes", NULL},
	{"delay", 0, GW_OPTION_MS, offsetof(struct chaos, delay_ms), "TIME",
	 "Pass everything on so much later, each way", NULL},
	{"jitter", 0, GW_OPTION_MS, offsetof(struct chaos, jitter_ms), "TIME",
	 "And by chance so much later at most", NULL},
	{"rate", 0, GW_OPTION_SIZE, offsetof(struct chaos, rate), "SIZE",
	 "Bytes a second, each way of each connection", NULL},
	{"split", 0, GW_OPTION_FLAG, offsetof(struct chaos, split), NULL,
	 "Cut pieces in two at any byte", NULL},
	{"drop", 0, GW_OPTION_STRING, offsetof(struct chaos, drop), "P",
	 "Chance of a piece to vanish, with all behind it: 0.01 or 1%", NULL},
	{"reset", 0, GW_OPTION_STRING, offsetof(struct chaos, reset), "P",
	 "Chance of a piece to reset its connection", NULL},
	{"refuse", 0, GW_OPTION_STRING, offsetof(struct chaos, refuse), "P",
	 "Chance of a connection to be reset at once", NULL},
	{"half-open", 0, GW_OPTION_STRING, offsetof(struct chaos, half_open), "P",
	 "Chance of a connection whose sides do not learn of each other's end", NULL},
	{"seed", 0, GW_OPTION_INT, offsetof(struct chaos, seed), "N",
	 "Of all chances; the same seed and traffic, the same faults (by chance)", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct chaos, help), NULL, "Print this help", NULL},
	{0},
};

/* ---- Options ------------------------------------------------------------------------------- */

/* "0.015" or "1.5%" in millionths. */
static int parse_chance(const char *name, const char *text, uint32_t *ppm, struct gw_error *error)
{
	char *end;
	double value;

	*ppm = 0;
	if (!text)
		return 0;
	value = strtod(text, &end);
	if (end != text && strcmp(end, "%") == 0) {
		value /= 100;
		end++;
	}
	if (end == text || *end || !(value >= 0 && value <= 1))
		return gw_fail(error, GW_E_USAGE,
			       "--%s %s: a chance from 0 to 1, or in percent, is wanted", name,
			       text);
	*ppm = (uint32_t)(value * RPC_CHAOS_PPM + 0.5);
	return 0;
}

static int take_options(struct chaos *chaos, struct gw_error *error)
{
	struct rpc_chaos_options *options = &chaos->options;
	int code;

	if (!chaos->listen || !chaos->to)
		return gw_fail(error, GW_E_USAGE, "--listen and --to are wanted");
	options->delay_ms = chaos->delay_ms;
	options->jitter_ms = chaos->jitter_ms;
	options->bytes_per_s = chaos->rate;
	options->split = chaos->split;
	options->seed = (uint64_t)chaos->seed;
	code = parse_chance("drop", chaos->drop, &options->drop_ppm, error);
	if (code == 0)
		code = parse_chance("reset", chaos->reset, &options->reset_ppm, error);
	if (code == 0)
		code = parse_chance("refuse", chaos->refuse, &options->refuse_ppm, error);
	if (code == 0)
		code = parse_chance("half-open", chaos->half_open, &options->half_open_ppm, error);
	return code;
}

/* ---- Running ------------------------------------------------------------------------------- */

static int find(const char *text, struct io_address *address, struct gw_error *error)
{
	const char *at = text;
	struct rpc_address parsed;
	struct io_addresses found;
	int code = rpc_address_parse(&at, &parsed, error);

	if (code == 0 && *at)
		code = gw_fail(error, GW_E_USAGE, "%s: one address is wanted", text);
	if (code == 0)
		code = rpc_address_resolve(task_io(), &parsed, &found, gw_after_ms(RESOLVE_MS),
					   error);
	if (code == 0)
		*address = found.items[0];
	return code;
}

static void print_counts(const struct rpc_chaos_counts *counts)
{
	fprintf(stderr,
		"connections %" PRIu64 ", refused %" PRIu64 ", unreachable %" PRIu64
		", half-open %" PRIu64 "\n"
		"pieces %" PRIu64 ", bytes %" PRIu64 ", dropped %" PRIu64 ", resets %" PRIu64 "\n",
		counts->connections, counts->refused, counts->unreachable, counts->half_open,
		counts->pieces, counts->bytes, counts->drops, counts->resets);
}

/* The task that waits for the end of the proxy. */
struct end {
	struct task_wait *wait;
	bool gone;
};

static void proxy_gone(void *context)
{
	struct end *end = context;

	end->gone = true;
	if (end->wait && task_claim(end->wait))
		task_wake(end->wait, 0);
}

static void stop(struct rpc_chaos *proxy)
{
	struct end end = {0};
	struct task_wait wait;

	rpc_chaos_stop(proxy, proxy_gone, &end);
	if (end.gone)
		return;
	gw_shield_begin();
	task_wait_init(&wait, "for the end of", &end, "the proxy", false);
	end.wait = &wait;
	(void)task_wait(&wait, GW_FOREVER);
	gw_shield_end();
}

static int run(void *argument)
{
	struct chaos *chaos = argument;
	struct task_request told = {.error = chaos->error};
	struct io_address listen, to;
	struct rpc_chaos_counts counts;
	struct rpc_chaos *proxy;
	char text[RPC_HOST_BYTES_MAX + 16];
	int code = find(chaos->listen, &listen, chaos->error);

	if (code == 0)
		code = find(chaos->to, &to, chaos->error);
	if (code == 0)
		code = rpc_chaos_new(&proxy, task_io(), &listen, &to, &chaos->options,
				     chaos->error);
	if (code < 0)
		return code;
	rpc_chaos_address(proxy, &listen);
	printf("listening on %s\n", rpc_address_format(&listen, text, sizeof(text)));
	(void)fflush(stdout);
	io_poll_fd(task_io(), &told.request, chaos->signals, IO_POLL_READ, task_request_done);
	code = task_await(&told, GW_FOREVER);
	counts = rpc_chaos_counts(proxy);
	stop(proxy);
	print_counts(&counts);
	return code < 0 ? code : 0;
}

/* Signals come by a descriptor, so that the proxy can put its socket away. */
static int start(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct chaos *chaos = values;
	struct gw_run_options options = {.name = "chaos"};
	sigset_t set;
	int code = take_options(chaos, error);

	(void)operands;
	(void)count;
	if (code < 0)
		return code;
	chaos->error = error;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return gw_fail_errno(error, errno, "signals");
	chaos->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (chaos->signals < 0)
		return gw_fail_errno(error, errno, "signals");
	code = gw_run(run, chaos, &options, error);
	(void)close(chaos->signals);
	return code;
}

static const struct cli_action action = {
	.name = "gw chaos",
	.operands = "",
	.help = "A proxy for TCP and UNIX sockets that behaves like a bad network, to see how\n"
		"programs bear it. --listen and --to are needed. Runs until SIGINT or SIGTERM,\n"
		"then prints what it did.\n\n",
	.options = chaos_options,
	.values_bytes = sizeof(struct chaos),
	.run = start,
};

int cli_chaos(int argc, char **argv)
{
	return cli_action_run(&action, argc, argv);
}

void cli_chaos_words(int argc, char **argv, FILE *file)
{
	cli_action_words(&action, argc, argv, file);
}
