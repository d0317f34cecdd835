/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_channel.c - the sockets and pipes between the processes of a job, and how each of them
 * handles signals.
 */
#include "host_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS_A_SLOT = 4, DESCRIPTORS_FREE = 64 };

static const int signals[MR_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD};

/* ---- Sockets and pipes ------------------------------------------------------------------------
 */

static void close_one(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

/* Many slots need more descriptors than a process may have by default. */
static void raise_limit(const struct mr_processes *processes)
{
	struct rlimit limit = processes->original.files;
	rlim_t wanted = (rlim_t)processes->slots * DESCRIPTORS_A_SLOT + DESCRIPTORS_FREE;

	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_channel(struct mr_channel *channel, struct gw_error *error)
{
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel->socket) < 0 ||
	    pipe2(channel->printed, O_CLOEXEC) < 0)
		return gw_fail_errno(error, errno, "a channel to a slot");
	/* The driver learns the process number of a slot as it sees it itself. */
	(void)setsockopt(channel->socket[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (fcntl(channel->printed[0], F_SETFL, O_NONBLOCK) < 0)
		return gw_fail_errno(error, errno, "a channel to a slot");
	return 0;
}

int mr_channels_open(struct mr_processes *processes, struct gw_error *error)
{
	int code = 0;

	assert(processes->slots > 0 && !processes->channels);
	processes->control[0] = processes->control[1] = -1;
	processes->channels = calloc(processes->slots, sizeof(*processes->channels));
	if (!processes->channels)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u slots", processes->slots);
	for (uint32_t i = 0; i < processes->slots; i++)
		processes->channels[i] = (struct mr_channel){{-1, -1}, {-1, -1}};
	raise_limit(processes);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, processes->control) < 0)
		return gw_fail_errno(error, errno, "a channel to the keeper of the slots");
	for (uint32_t i = 0; code == 0 && i < processes->slots; i++)
		code = open_channel(&processes->channels[i], error);
	return code;
}

void mr_channels_close(struct mr_processes *processes, int side, uint32_t but)
{
	assert(side == 0 || side == 1);
	assert(but == MR_NO_SLOT || but < processes->slots);
	if (but == MR_NO_SLOT || side == 1)
		close_one(&processes->control[side]);
	for (uint32_t i = 0; processes->channels && i < processes->slots; i++) {
		if (i == but)
			continue;
		close_one(&processes->channels[i].socket[side]);
		close_one(&processes->channels[i].printed[side]);
	}
}

void mr_channels_free(struct mr_processes *processes)
{
	mr_channels_close(processes, 0, MR_NO_SLOT);
	mr_channels_close(processes, 1, MR_NO_SLOT);
	free(processes->channels);
	processes->channels = NULL;
}

/* ---- Signals ----------------------------------------------------------------------------------
 */

void mr_original_save(struct mr_original *original)
{
	sigprocmask(SIG_SETMASK, NULL, &original->mask);
	for (unsigned i = 0; i < MR_SIGNALS; i++)
		sigaction(signals[i], NULL, &original->actions[i]);
	getrlimit(RLIMIT_NOFILE, &original->files);
}

void mr_original_restore(const struct mr_original *original)
{
	for (unsigned i = 0; i < MR_SIGNALS; i++)
		sigaction(signals[i], &original->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &original->mask, NULL);
	(void)setrlimit(RLIMIT_NOFILE, &original->files);
}

void mr_original_ignore(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	for (unsigned i = 0; i < MR_SIGNALS; i++) {
		action.sa_handler = signals[i] == SIGCHLD ? SIG_DFL : SIG_IGN;
		sigaction(signals[i], &action, NULL);
	}
}

void mr_original_block(const struct mr_original *original, sigset_t *set)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(set);
	for (unsigned i = 0; i < MR_SIGNALS; i++) {
		/* What the caller ignores (a shell's background job) stays ignored. */
		if ((signals[i] == SIGINT || signals[i] == SIGTERM) &&
		    original->actions[i].sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, set, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}
