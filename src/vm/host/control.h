/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - a machine that runs is asked and told by other processes of its user, through a
 * socket in a directory that nobody else may enter: DIR/control. A request is a line; its answer
 * is text, "ok" and a line end before it, or "error", the number of the code in GW_ERROR_TABLE and
 * a sentence, with spaces between. Then the connection ends.
 *
 *     status            lines of a name, a space and a value
 *     pause, resume     nothing of the guest is carried out in between, and its time stands still
 *     power off, power reset
 *     snapshot PATH     to a new file; of a machine that is recorded
 *
 * One connection at a time is listened to; one that says nothing for VM_CONTROL_SILENT_MS makes way
 * for the next.
 */
#ifndef VM_HOST_CONTROL_H
#define VM_HOST_CONTROL_H

#include "base/buffer.h"

#include <poll.h>

enum { VM_CONTROL_LINE_BYTES_MAX = 4096, VM_CONTROL_POLLS = 2 };
enum { VM_CONTROL_SILENT_MS = 1000, VM_CONTROL_ANSWER_MS = 10000 };

struct vm_control {
	char path[108]; /* of the socket; empty: there is none */
	int listener, connection; /* -1: none */
	uint64_t since_ns; /* when the connection was made */
	char line[VM_CONTROL_LINE_BYTES_MAX];
	size_t size;
};

/* Makes the directory if it is not there. GW_E_DENIED: others may enter it, or it is another's;
 * GW_E_BUSY: a machine has it. */
int vm_control_open(struct vm_control *control, const char *directory, struct gw_error *error)
	GW_MUST_CHECK;
/* Zero is fine; the directory stays. */
void vm_control_close(struct vm_control *control);

/* What is to be polled; descriptors may be -1. */
void vm_control_fill(const struct vm_control *control, struct pollfd polls[VM_CONTROL_POLLS]);
/* They were polled. The request that came, without its line end; NULL: none did. */
const char *vm_control_polled(struct vm_control *control,
			      const struct pollfd polls[VM_CONTROL_POLLS]);
/* Answers the request that came: ok with words, or what failed. */
void vm_control_answer(struct vm_control *control, const char *words,
		       const struct gw_error *failure);

/* The other side: asks the machine of a directory; what it answers behind "ok" is appended. Fails
 * as the machine says, or with GW_E_NOT_FOUND: none runs there. */
int vm_control_ask(const char *directory, const char *request, struct base_buffer *answer,
		   struct gw_error *error) GW_MUST_CHECK;

#endif
