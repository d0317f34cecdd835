/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.h - the guest's console on two descriptors. Input that is a terminal is put into raw
 * mode, so that all keys go to the guest but the escape key and what follows it:
 *
 *     Ctrl-A x         ends the run
 *     Ctrl-A Ctrl-A    is Ctrl-A
 *
 * From a pipe or file every byte goes to the guest; its end is no byte.
 *
 * Output that nobody takes keeps the machine for VM_CONSOLE_PATIENCE_MS, once; from then on what
 * finds no room is lost, and counted. How much it was is said where it is missing.
 */
#ifndef VM_HOST_CONSOLE_H
#define VM_HOST_CONSOLE_H

#include <groundwork/base.h>

#include <termios.h>

enum { VM_CONSOLE_ESCAPE = 1, VM_CONSOLE_BYTES = 4096, VM_CONSOLE_PATIENCE_MS = 1000 };

struct vm_console {
	int in, out;
	int listener; /* of a socket, at which one at a time is `in` and `out`; or -1 */
	int own_file; /* output that is ours to close; or -1 */
	char path[108]; /* of the socket */
	bool is_terminal;
	bool raw; /* `before` is to be put back */
	struct termios before;
	bool ended;   /* nothing comes any more */
	bool prefix;  /* the escape key was the last */
	bool escaped; /* the run is to end */
	uint8_t typed[VM_CONSOLE_BYTES];
	size_t typed_size;
	uint8_t said[VM_CONSOLE_BYTES];
	size_t said_size;
	int own_out; /* the terminal opened again, so that writing to it does not wait; or -1 */
	int patience_ms;
	uint64_t lost; /* bytes, since the last that were written */
	int failed; /* errno of a write; nothing is written any more */
};

/* Nothing is wrong with descriptors that are no terminal. */
void vm_console_open(struct vm_console *console, int in, int out);
/* Instead of the descriptors: "file:PATH", output only; "unix:PATH". GW_E_USAGE, and what the
 * system says. */
int vm_console_place(struct vm_console *console, const char *place, struct gw_error *error)
	GW_MUST_CHECK;
/* Writes what is left and restores the terminal. */
void vm_console_close(struct vm_console *console);

/* The descriptor to be polled for reading, or for somebody who comes; -1: none. */
int vm_console_descriptor(const struct vm_console *console);
/* It is readable. */
void vm_console_read(struct vm_console *console);
/* At most `room` of the bytes that were typed and not taken; valid until the next read. */
struct gw_bytes vm_console_take(struct vm_console *console, size_t room);

void vm_console_say(struct vm_console *console, uint8_t byte);
void vm_console_flush(struct vm_console *console);

/* Bytes that came from a terminal, without those that are the escape key's. For vm_console_read;
 * returns how many are left. */
size_t vm_console_filter(struct vm_console *console, uint8_t *bytes, size_t size);

#endif
