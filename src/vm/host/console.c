/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ESCAPE_KEY = 'A' - '@',
	PIECE_BYTES = 512, /* a pipe with any room has room for so many */
};

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

/* Others have the terminal too, so how they write to it is left alone. */
static void open_again(struct vm_console *console)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", console->out);
	console->own_out = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void vm_console_open(struct vm_console *console, int in, int out)
{
	*console = (struct vm_console){
		.in = in, .out = out, .own_out = -1, .own_file = -1, .listener = -1,
		.patience_ms = VM_CONSOLE_PATIENCE_MS};
	console->is_terminal = isatty(in) == 1;
	if (console->is_terminal)
		make_raw(console);
	if (isatty(out) == 1)
		open_again(console);
}

static void hang_up(struct vm_console *console)
{
	close(console->in);
	console->in = console->out = -1;
}

static int listen_at(struct vm_console *console, const char *path, struct gw_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return gw_fail(error, GW_E_TOO_LARGE, "%s: too long for the path of a socket",
			       path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	console->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (console->listener < 0 ||
	    bind(console->listener, (struct sockaddr *)&address, sizeof(address)) < 0)
		return gw_fail_errno(error, errno, "%s: the console", path);
	memcpy(console->path, path, strlen(path) + 1); /* it is ours to remove */
	if (chmod(path, 0600) < 0 || listen(console->listener, 1) < 0)
		return gw_fail_errno(error, errno, "%s: the console", path);
	return 0;
}

int vm_console_place(struct vm_console *console, const char *place, struct gw_error *error)
{
	bool is_file = strncmp(place, "file:", 5) == 0;

	if (!is_file && strncmp(place, "unix:", 5) != 0)
		return gw_fail(error, GW_E_USAGE, "%s: neither file:PATH nor unix:PATH", place);
	vm_console_close(console);
	vm_console_open(console, -1, -1);
	if (!is_file)
		return listen_at(console, place + 5, error);
	console->own_file = open(place + 5, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	console->out = console->own_file;
	return console->out < 0 ? gw_fail_errno(error, errno, "%s: the console", place + 5) : 0;
}

void vm_console_close(struct vm_console *console)
{
	vm_console_flush(console);
	if (console->listener >= 0) {
		if (console->in >= 0)
			hang_up(console);
		close(console->listener);
		if (console->path[0])
			(void)unlink(console->path);
	}
	if (console->own_file >= 0)
		close(console->own_file);
	console->listener = console->own_file = -1;
	if (console->raw)
		(void)tcsetattr(console->in, TCSANOW, &console->before);
	console->raw = false;
	if (console->own_out >= 0)
		close(console->own_out);
	console->own_out = -1;
}

int vm_console_descriptor(const struct vm_console *console)
{
	if (console->listener >= 0 && console->in < 0)
		return console->listener;
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
	ssize_t got;

	if (console->in < 0) {
		console->in = console->out =
			accept4(console->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		return;
	}
	got = read(console->in, to, room);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		if (console->listener >= 0)
			hang_up(console);
		else
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

/* Whether there is room; who lost bytes already does not wait again. */
static bool has_room(const struct vm_console *console, int out)
{
	struct pollfd poll_out = {.fd = out, .events = POLLOUT};
	int got;

	do
		got = poll(&poll_out, 1, console->lost ? 0 : console->patience_ms);
	while (got < 0 && errno == EINTR);
	return got != 0;
}

/* How many bytes were written; 0: none, and none will be for a while. */
static size_t write_some(struct vm_console *console, const uint8_t *bytes, size_t size)
{
	int out = console->own_out >= 0 ? console->own_out : console->out;

	while (out >= 0 && !console->failed && has_room(console, out)) {
		ssize_t done = write(out, bytes, size < PIECE_BYTES ? size : PIECE_BYTES);

		if (done >= 0)
			return (size_t)done;
		if (errno == EINTR || errno == EAGAIN)
			continue;
		if (console->listener >= 0) {
			hang_up(console);
			return 0;
		}
		console->failed = errno;
	}
	return 0;
}

static void say_what_was_lost(struct vm_console *console)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "\r\n[gw vm: %" PRIu64 " bytes were lost]\r\n",
			    console->lost);

	if (write_some(console, (const uint8_t *)text, (size_t)size) > 0)
		console->lost = 0;
}

void vm_console_flush(struct vm_console *console)
{
	size_t at = 0, done = 1;

	if (console->lost && console->said_size)
		say_what_was_lost(console);
	while (at < console->said_size && done > 0) {
		done = console->lost ? 0 :
				       write_some(console, console->said + at,
						  console->said_size - at);
		at += done;
	}
	console->lost += console->said_size - at;
	console->said_size = 0;
}
