/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_gasp.h - the last gasp (paper section 4.6): a slot in which a signal is raised by user code
 * tells the driver which signal, and the address of a bad access, before it dies of that signal.
 * The handlers run on a stack of their own, so a stack overflow reports too. What the record in
 * flight was, the driver reads from the live page; so a process that could not even gasp has left
 * that.
 */
#ifndef MR_HOST_GASP_H
#define MR_HOST_GASP_H

#include "host_message.h"

/* What the handlers need; it lies below their stack, since they get no argument. */
struct mr_gasp_state {
	uint64_t magic;
	int socket; /* where to send it */
	struct mr_message
		message; /* all but the signal and the address; the slot keeps its id up to date */
};

/* Installs the handlers in this process. *state lives until the process ends. */
int mr_gasp_install(struct mr_gasp_state **state, int socket, uint32_t generation,
		    struct gw_error *error) GW_MUST_CHECK;

#endif
