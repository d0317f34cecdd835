/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_keeper.c - the keeper of the slots (host.h). It has no opinion: it forks a slot when the
 * driver says so, kills one when told, and reports every slot that ended. It never runs user code,
 * so nothing but a SIGKILL ends it before its time; then the kernel ends its namespace, and the
 * driver sees its socket close.
 */
#include "host_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	pid_t pid; /* 0: none */
	uint32_t generation;
};

struct keeper {
	struct mr_processes *processes;
	struct child *children; /* one a slot */
	int deaths;             /* signalfd */
	pid_t pid;
};

/* ---- Slots ------------------------------------------------------------------------------------
 */

static int tell(const struct keeper *keeper, uint32_t slot, int status, int errno_value)
{
	struct mr_message message = {.kind = MR_SAY_DIED,
				     .slot = slot,
				     .generation = keeper->children[slot].generation,
				     .status = status,
				     .code = errno_value};

	assert(slot < keeper->processes->slots);
	return mr_message_send(keeper->processes->control[1], &message, NULL);
}

static int spawn(struct keeper *keeper, const struct mr_message *message)
{
	struct child *child = &keeper->children[message->slot];
	pid_t pid;

	assert(child->pid == 0);
	child->generation = message->generation;
	pid = fork();
	if (pid < 0)
		return tell(keeper, message->slot, 0, errno);
	if (pid == 0) {
		close(keeper->deaths);
		mr_slot_main(keeper->processes, message->slot, message->generation, keeper->pid);
	}
	child->pid = pid;
	return 0;
}

static void kill_slot(const struct child *child)
{
	if (child->pid == 0)
		return;
	assert(child->pid > 1); /* 1 would be everybody */
	(void)kill(-child->pid, SIGKILL);
	(void)kill(child->pid, SIGKILL);
}

static struct child *child_of(const struct keeper *keeper, pid_t pid)
{
	for (uint32_t i = 0; i < keeper->processes->slots; i++) {
		if (keeper->children[i].pid == pid)
			return &keeper->children[i];
	}
	return NULL;
}

/* Reaps all that ended; negative when the driver is gone. */
static int reap(struct keeper *keeper)
{
	for (;;) {
		siginfo_t info = {0};
		struct child *child;
		int status, code = 0;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return 0;
		/* Before it is reaped its number names nothing else: what it left goes with it. */
		child = child_of(keeper, info.si_pid);
		if (child)
			mr_session_kill(child->pid);
		if (waitpid(info.si_pid, &status, 0) < 0)
			return 0;
		if (child) {
			child->pid = 0;
			code = tell(keeper, (uint32_t)(child - keeper->children), status, 0);
		}
		if (code < 0)
			return code;
	}
}

/* ---- The end ----------------------------------------------------------------------------------
 */

/* Kills each child by its number; with a subreaper orphans are children too. */
static void kill_children(void)
{
	char path[64], numbers[4096], *at = numbers;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size = read(fd, numbers, sizeof(numbers) - 1);
	close(fd);
	numbers[size > 0 ? size : 0] = 0;
	for (char *end; *at; at = end) {
		long pid = strtol(at, &end, 10);

		if (end == at)
			break;
		if (pid > 1)
			(void)kill((pid_t)pid, SIGKILL);
	}
}

static _Noreturn void end(struct keeper *keeper)
{
	const struct mr_host_setup *setup = keeper->processes->setup;
	bool plain = keeper->processes->isolation == MR_ISOLATE_PLAIN;

	for (uint32_t i = 0; i < keeper->processes->slots; i++)
		kill_slot(&keeper->children[i]);
	do {
		if (plain)
			kill_children();
		else
			(void)kill(-1, SIGKILL); /* all of the namespace but this process */
	} while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
	mr_staging_remove(setup->staging, setup->store);
	_exit(0);
}

/* ---- The loop ---------------------------------------------------------------------------------
 */

static int obey(struct keeper *keeper)
{
	struct mr_message message;
	int more;

	while ((more = mr_message_receive(keeper->processes->control[1], &message, false, NULL,
					  NULL)) > 0) {
		struct child *child;

		assert(message.slot < keeper->processes->slots);
		child = &keeper->children[message.slot];
		if (message.kind == MR_SAY_SPAWN)
			more = spawn(keeper, &message);
		else if (message.kind == MR_SAY_KILL && child->generation == message.generation)
			kill_slot(child);
		if (more < 0)
			return more;
	}
	return more;
}

static _Noreturn void loop(struct keeper *keeper)
{
	struct pollfd wait[2] = {{.fd = keeper->processes->control[1], .events = POLLIN},
				 {.fd = keeper->deaths, .events = POLLIN}};
	struct signalfd_siginfo ignored;
	int code = 0;

	while (code >= 0) {
		if (poll(wait, 2, -1) < 0)
			continue;
		if (wait[1].revents) {
			(void)!read(keeper->deaths, &ignored, sizeof(ignored));
			code = reap(keeper);
		}
		if (code >= 0 && wait[0].revents)
			code = obey(keeper);
	}
	end(keeper);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* In a user namespace of our own, we are who we were. Best effort: files are accessed as before
 * anyway. */
static void map_user(uid_t user, gid_t group)
{
	char text[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "%u %u 1", user, user);
	write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "%u %u 1", group, group);
	write_file("/proc/self/gid_map", text);
}

static _Noreturn void keeper_main(struct mr_processes *processes, uid_t user, gid_t group)
{
	struct keeper keeper = {.processes = processes, .pid = getpid()};
	sigset_t deaths;

	mr_channels_close(processes, 0, MR_NO_SLOT);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "gw-keeper");
	if (processes->isolation == MR_ISOLATE_USER)
		map_user(user, group);
	if (processes->isolation == MR_ISOLATE_PLAIN)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	mr_original_ignore();
	sigemptyset(&deaths);
	sigaddset(&deaths, SIGCHLD);
	sigprocmask(SIG_SETMASK, &deaths, NULL);
	keeper.deaths = signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK);
	keeper.children = calloc(processes->slots, sizeof(*keeper.children));
	if (keeper.deaths < 0 || !keeper.children)
		_exit(1);
	loop(&keeper);
}

/* A fork into namespaces of its own. */
static pid_t fork_into(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

int mr_keeper_start(struct mr_processes *processes, pid_t *pid, struct gw_error *error)
{
	uid_t user = geteuid();
	gid_t group = getegid();

	assert(processes->slots > 0 && processes->channels && processes->board);
	*pid = -1;
	fflush(NULL); /* what is in buffers is the driver's to write */
	processes->isolation = processes->setup->isolation;
	if (processes->isolation == MR_ISOLATE_NAMESPACE)
		*pid = fork_into(CLONE_NEWPID);
	if (*pid < 0 && processes->isolation != MR_ISOLATE_PLAIN) {
		processes->isolation = MR_ISOLATE_USER;
		*pid = fork_into(CLONE_NEWPID | CLONE_NEWUSER);
	}
	if (*pid < 0) {
		processes->isolation = MR_ISOLATE_PLAIN;
		*pid = fork();
	}
	if (*pid < 0)
		return gw_fail_errno(error, errno, "the keeper of the slots");
	if (*pid == 0)
		keeper_main(processes, user, group);
	mr_channels_close(processes, 1, MR_NO_SLOT);
	return 0;
}
