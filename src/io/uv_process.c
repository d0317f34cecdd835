/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_process.c - child processes of the real io: waiting for their end, signals. uv_spawn.c starts
 * them. A process is known by a descriptor, so that its number cannot come to mean another one, and
 * is reaped as soon as it has ended.
 */
#include "io/uv_process.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

static struct real_process *process_of(struct real_socket *socket)
{
	return (struct real_process *)((char *)socket - offsetof(struct real_process, socket));
}

static void tell_exit(struct real_process *process, struct io_request *request)
{
	*request->u.process.exit_out = process->exit;
	real_end(process->socket.io, request, 0, 0);
}

/* Looks whether it has ended. */
static bool reap(struct real_process *process)
{
	siginfo_t info = {0};
	struct io_request *request;
	int status;

	if (process->exited)
		return true;
	do
		status = waitid(P_PIDFD, (id_t)process->socket.fd, &info, WEXITED | WNOHANG);
	while (status < 0 && errno == EINTR);
	if (status == 0 && info.si_pid == 0)
		return false;
	/* Where the program ignores SIGCHLD the kernel forgets how it ended. */
	process->exited = true;
	if (status == 0 && info.si_code == CLD_EXITED)
		process->exit.status = info.si_status;
	else if (status == 0)
		process->exit.signal = info.si_status;
	while ((request = real_pop(&process->waits)) != NULL)
		tell_exit(process, request);
	return true;
}

static void process_ready(struct real_socket *socket, unsigned events)
{
	struct real_process *process = process_of(socket);

	(void)events;
	if (!reap(process))
		return;
	if (process->left)
		real_socket_close(socket);
	else
		real_socket_unwant(socket, REAL_SOCKET_READ);
}

static void process_destroy(struct real_socket *socket)
{
	free(process_of(socket));
}

int real_process_attach(struct real_process *process, struct io_uv *io)
{
	int wrong;

	process->socket.ready = process_ready;
	process->socket.destroy = process_destroy;
	process->socket.close = real_socket_close;
	wrong = real_socket_open(&process->socket, io, process->pidfd);
	if (wrong < 0)
		return wrong;
	real_socket_want(&process->socket, REAL_SOCKET_READ);
	return 0;
}

void real_process_submit(struct io_uv *io, struct io_request *request)
{
	struct real_process *process = (struct real_process *)request->u.process.process;

	(void)io;
	real_socket_use(&process->socket, request);
	if (process->exited) {
		tell_exit(process, request);
		return;
	}
	request->backend_state = REAL_STATE_WAITING;
	real_push(&process->waits, request);
}

void real_process_cancel(struct io_uv *io, struct io_request *request)
{
	struct real_process *process = (struct real_process *)request->u.process.process;

	real_remove(&process->waits, request);
	real_end(io, request, GW_E_CANCELLED, 0);
}

int real_kill_process(struct io *io, struct io_process *process, int signal, struct gw_error *error)
{
	struct real_process *uv = (struct real_process *)process;

	(void)io;
	if (reap(uv))
		return gw_fail(error, GW_E_NOT_FOUND, "%s (process %u) has ended", process->name,
			       process->id);
	if (pidfd_send_signal(uv->socket.fd, signal, NULL, 0) == 0)
		return 0;
	if (errno == ESRCH)
		return gw_fail(error, GW_E_NOT_FOUND, "%s (process %u) has ended", process->name,
			       process->id);
	return gw_fail_errno(error, errno, "cannot signal %s (process %u)", process->name,
			     process->id);
}

void real_process_close(struct io *io, struct io_process *process)
{
	struct real_process *uv = (struct real_process *)process;

	(void)io;
	assert(!uv->waits.first && !uv->left);
	uv->left = true;
	if (reap(uv))
		real_socket_close(&uv->socket);
	/* Else when it has ended: it is reaped then. */
}
