/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - see serve.h. Signals come by a descriptor, so that a server can hand its work over. */
#include "cli/serve.h"

#include "cli/tls.h"
#include "task/await.h"
#include "task/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ---- In the task --------------------------------------------------------------------------- */

static int make_tls(struct cli_serve *serve)
{
	const struct gw_rpc_tls_options options = {
		.ca = serve->ca,
		.certificate = serve->certificate,
		.key = serve->key,
		.server_role = serve->peer_role ? serve->peer_role : serve->role,
	};

	if (!serve->ca && !serve->certificate && !serve->key)
		return 0;
	return cli_tls(&options, serve->insecure, &serve->tls, serve->error);
}

void cli_serve_failed(void *context, const struct gw_error *error)
{
	struct cli_serve *serve = context;

	*serve->error = *error;
	(void)gw_send(serve->ends, &error->code, GW_AT_ONCE);
}

void cli_serve_troubled(void *context, const struct gw_error *error)
{
	const struct cli_serve *serve = context;

	fprintf(stderr, "%s: %s\n", serve->name, error->text);
}

static void read_certificates(struct cli_serve *serve)
{
	struct gw_error error = {0};

	if (serve->tls && gw_rpc_tls_reload(serve->tls, &error) < 0)
		cli_serve_troubled(serve, &error);
}

/* A task: tells when a signal says that it is the end. */
static int watch_signals(void *argument)
{
	struct cli_serve *serve = argument;
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
		gw_group_cancel(&serve->server);
	code = 0;
	return gw_send(serve->ends, &code, GW_FOREVER);
}

int cli_serve_wait(struct cli_serve *serve)
{
	int code = 0, result;

	(void)fflush(stdout);
	serve->is_up = true;
	result = gw_receive(serve->ends, &code, GW_FOREVER);
	return result < 0 ? result : code;
}

static int serve_in_task(void *argument)
{
	struct cli_serve *serve = argument;

	return serve->serve(serve);
}

static int run(void *argument)
{
	struct cli_serve *serve = argument;
	struct gw_group signals = {.name = "signals"};
	int code = make_tls(serve);

	serve->server.name = "server";
	serve->ends = gw_chan_new(sizeof(int), 2, NULL);
	if (code == 0 && !serve->ends)
		code = gw_fail(serve->error, GW_E_NO_MEMORY, "out of memory");
	if (code == 0)
		code = gw_spawn(&signals, watch_signals, serve, NULL);
	if (code == 0)
		code = gw_spawn(&serve->server, serve_in_task, serve, NULL);
	if (code == 0)
		code = gw_group_wait(&serve->server, GW_FOREVER);
	(void)gw_group_done(&serve->server);
	(void)gw_group_done(&signals);
	gw_chan_unref(serve->ends);
	gw_rpc_tls_free(serve->tls);
	return code;
}

/* ---- Outside it ---------------------------------------------------------------------------- */

int cli_serve_run(struct cli_serve *serve, const struct gw_run_options *options,
		  struct gw_error *error)
{
	sigset_t set;
	int code;

	serve->error = error;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return gw_fail_errno(error, errno, "signals");
	serve->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (serve->signals < 0)
		return gw_fail_errno(error, errno, "signals");
	code = gw_run(run, serve, options, error);
	(void)close(serve->signals);
	return code;
}

const char *cli_serve_address(const char *address)
{
	size_t size = strlen(address);

	return size > 2 && strcmp(address + size - 2, ":0") == 0 ? NULL : address;
}
