/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

enum { ESCAPE_KEY = 'A' - '@' };

static void make_raw(struct vm_console *console)
{
	struct termios mode;

	if (tcgetattr(console->in, &console->before) < 0)
		return;
	mode = console->before;
	mode.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL |
				    IXON);
	mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	console->raw = tcsetattr(console->in, TCSANOW, &mode) == 0;
}

void vm_console_open(struct vm_console *console, int in, int out)
{
	*console = (struct vm_console){.in = in, .out = out};
	console->is_terminal = isatty(in) == 1;
	if (console->is_terminal)
		make_raw(console);
}

void vm_console_close(struct vm_console *console)
{
	vm_console_flush(console);
	if (console->raw)
		(void)tcsetattr(console->in, TCSANOW, &console->before);
	console->raw = false;
}

int vm_console_descriptor(const struct vm_console *console)
{
	return console->ended || console->typed_size == VM_CONSOLE_BYTES ? -1 : console->in;
}

size_t vm_console_filter(struct vm_console *console, uint8_t *bytes, size_t size)
{
	size_t left = 0;

	for (size_t at = 0; at < size; at++) {
		bool was_prefix = console->prefix;

		console->prefix = !was_prefix && bytes[at] == ESCAPE_KEY;
		if (console->prefix)
			continue;
		if (was_prefix && bytes[at] == 'x')
			console->escaped = true;
		else if (!was_prefix || bytes[at] == ESCAPE_KEY)
			bytes[left++] = bytes[at];
	}
	return left;
}

void vm_console_read(struct vm_console *console)
{
	size_t room = VM_CONSOLE_BYTES - console->typed_size;
	uint8_t *to = console->typed + console->typed_size;
	ssize_t got = read(console->in, to, room);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		console->ended = true;
		return;
	}
	console->typed_size += console->is_terminal ?
				       vm_console_filter(console, to, (size_t)got) :
				       (size_t)got;
}

struct gw_bytes vm_console_take(struct vm_console *console, size_t room)
{
	size_t size = console->typed_size < room ? console->typed_size : room;
	uint8_t taken[VM_CONSOLE_BYTES];

	/* What is taken moves behind what is left, where it stays until the next read. */
	memcpy(taken, console->typed, size);
	console->typed_size -= size;
	memmove(console->typed, console->typed + size, console->typed_size);
	memcpy(console->typed + console->typed_size, taken, size);
	return (struct gw_bytes){console->typed + console->typed_size, size};
}

void vm_console_say(struct vm_console *console, uint8_t byte)
{
	if (console->said_size == VM_CONSOLE_BYTES)
		vm_console_flush(console);
	assert(console->said_size < VM_CONSOLE_BYTES);
	console->said[console->said_size++] = byte;
}

void vm_console_flush(struct vm_console *console)
{
	size_t at = 0;

	while (at < console->said_size && !console->failed) {
		ssize_t done = write(console->out, console->said + at, console->said_size - at);

		if (done >= 0)
			at += (size_t)done;
		else if (errno != EINTR)
			console->failed = errno;
	}
	console->said_size = 0;
}
