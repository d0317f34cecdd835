/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_process.h - a child process of the real io.
 */
#ifndef IO_UV_PROCESS_H
#define IO_UV_PROCESS_H

#include "io/uv_io.h"

struct real_process {
	struct io_process process;
	struct real_socket socket; /* its pidfd */
	struct real_queue waits;
	struct io_exit exit; /* once it has ended */
	bool exited;	     /* and was reaped */
	bool left;	     /* closed by its owner */
	int pidfd;	     /* until the socket has it */
	int ends[3];	     /* of the pipes, until they are streams; -1 for none */
	char name[];
};

/* On the io's thread: looks for its end from now on. Takes the pidfd in any case. -errno. */
int real_process_attach(struct real_process *process, struct io_uv *io) GW_MUST_CHECK;

#endif
