/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <groundwork/vm.h>

#include "vm/host/system.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CODES_MAX = 255 }; /* exit statuses */

#define SILENT_NS (UINT64_C(1000000) * VM_CONTROL_SILENT_MS)

static int path_of(char *path, size_t size, const char *directory, struct gw_error *error)
{
	int length = snprintf(path, size, "%s/control", directory);

	if (length < 0 || (size_t)length >= size)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: too long for the path of a socket",
			       directory);
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	_Static_assert(sizeof(address.sun_path) == sizeof(((struct vm_control *)0)->path),
		       "a path of a socket");
	memcpy(address.sun_path, path, strlen(path) + 1);
	return address;
}

/* A connection to the machine that listens at a path; negative: none does. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made >= 0 && connect(made, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(made);
		made = -1;
	}
	return made;
}

/* ---- The machine's side ---------------------------------------------------------------------- */

static int check_directory(const char *directory, struct gw_error *error)
{
	struct stat about;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return gw_fail_errno(error, errno, "%s", directory);
	if (lstat(directory, &about) < 0)
		return gw_fail_errno(error, errno, "%s", directory);
	if (!S_ISDIR(about.st_mode))
		return gw_fail(error, GW_E_INVALID, "%s: not a directory", directory);
	if (about.st_uid != geteuid() || about.st_mode & 077)
		return gw_fail(error, GW_E_DENIED,
			       "%s: others may enter it; rights of 0700 and its owner are wanted",
			       directory);
	return 0;
}

static int listen_at(struct vm_control *control, struct gw_error *error)
{
	struct sockaddr_un address = address_of(control->path);
	int other = connect_to(control->path);

	if (other >= 0) {
		close(other);
		return gw_fail(error, GW_E_BUSY, "%s: a machine has it", control->path);
	}
	if (unlink(control->path) < 0 && errno != ENOENT) /* of one that was killed */
		return gw_fail_errno(error, errno, "%s", control->path);
	control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listener < 0 ||
	    bind(control->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(control->listener, 8) < 0)
		return gw_fail_errno(error, errno, "%s", control->path);
	return 0;
}

int vm_control_open(struct vm_control *control, const char *directory, struct gw_error *error)
{
	int code;

	*control = (struct vm_control){.listener = -1, .connection = -1};
	code = path_of(control->path, sizeof(control->path), directory, error);
	if (code == 0)
		code = check_directory(directory, error);
	if (code == 0)
		code = listen_at(control, error);
	if (code < 0) {
		if (control->listener >= 0)
			close(control->listener);
		*control = (struct vm_control){0};
	}
	return code;
}

static void hang_up(struct vm_control *control)
{
	if (control->connection >= 0)
		close(control->connection);
	control->connection = -1;
	control->size = 0;
}

void vm_control_close(struct vm_control *control)
{
	if (!control->path[0])
		return;
	hang_up(control);
	close(control->listener);
	(void)unlink(control->path);
	*control = (struct vm_control){0};
}

void vm_control_fill(const struct vm_control *control, struct pollfd polls[VM_CONTROL_POLLS])
{
	bool open = control->path[0];

	polls[0] = (struct pollfd){.fd = open ? control->listener : -1, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = open ? control->connection : -1, .events = POLLIN};
}

/* More of the line; NULL: not all of it yet. */
static const char *read_line(struct vm_control *control)
{
	ssize_t got = recv(control->connection, control->line + control->size,
			   sizeof(control->line) - control->size, MSG_DONTWAIT);
	char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return NULL;
	if (got <= 0) {
		hang_up(control);
		return NULL;
	}
	control->size += (size_t)got;
	end = memchr(control->line, '\n', control->size);
	if (end) {
		*end = 0;
		return control->line;
	}
	if (control->size == sizeof(control->line))
		hang_up(control);
	return NULL;
}

/* Somebody comes; who came before is heard out. */
static void greet(struct vm_control *control)
{
	uint64_t now_ns = vm_system_now_ns();
	int connection;

	if (control->connection >= 0 && now_ns - control->since_ns < SILENT_NS)
		return;
	connection = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (connection < 0)
		return;
	hang_up(control);
	control->connection = connection;
	control->since_ns = now_ns;
}

const char *vm_control_polled(struct vm_control *control,
			      const struct pollfd polls[VM_CONTROL_POLLS])
{
	if (polls[1].revents) {
		const char *line = read_line(control);

		if (line)
			return line;
	}
	if (polls[0].revents)
		greet(control);
	return NULL;
}

void vm_control_answer(struct vm_control *control, const char *words,
		       const struct gw_error *failure)
{
	char text[VM_CONTROL_LINE_BYTES_MAX];
	int length;

	assert(control->connection >= 0);
	if (failure)
		length = snprintf(text, sizeof(text), "error %d %s\n", -failure->code,
				  failure->text);
	else
		length = snprintf(text, sizeof(text), "ok\n%s", words);
	if (length >= (int)sizeof(text))
		length = sizeof(text) - 1;
	/* A new connection has room for it; who does not want to hear it is left. */
	(void)!send(control->connection, text, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
	hang_up(control);
}

/* ---- The other side -------------------------------------------------------------------------- */

/* The text behind "error ". */
static int take_failure(char *text, const char *directory, struct gw_error *error)
{
	char *words;
	long code = strtol(text, &words, 10);

	if (code <= 0 || code > CODES_MAX || *words != ' ' ||
	    strcmp(gw_code_name((int)-code), gw_code_name(0)) == 0)
		return gw_fail(error, GW_E_IO, "%s: the machine's answer is none", directory);
	words[strcspn(words, "\n")] = 0;
	return gw_fail(error, (int)-code, "%s", words + 1);
}

static int read_answer(int connection, const char *directory, struct base_buffer *answer,
		       struct gw_error *error)
{
	char text[VM_CONTROL_LINE_BYTES_MAX + 1];
	size_t size = 0;
	ssize_t got;

	while (size < sizeof(text) - 1 &&
	       (got = recv(connection, text + size, sizeof(text) - 1 - size, 0)) != 0) {
		if (got < 0 && errno != EINTR)
			return gw_fail_errno(error, errno, "%s: the machine's answer", directory);
		size += got > 0 ? (size_t)got : 0;
	}
	text[size] = 0;
	if (strncmp(text, "ok\n", 3) == 0)
		return base_buffer_append_string(answer, text + 3, error);
	if (strncmp(text, "error ", 6) != 0)
		return gw_fail(error, GW_E_IO, "%s: the machine did not answer", directory);
	return take_failure(text + 6, directory, error);
}

int vm_control_ask(const char *directory, const char *request, struct base_buffer *answer,
		   struct gw_error *error)
{
	const struct timeval patience = {.tv_sec = VM_CONTROL_ANSWER_MS / 1000};
	char path[sizeof(((struct vm_control *)0)->path)], line[VM_CONTROL_LINE_BYTES_MAX];
	int connection, length, code = path_of(path, sizeof(path), directory, error);

	if (code < 0)
		return code;
	length = snprintf(line, sizeof(line), "%s\n", request);
	if (length >= (int)sizeof(line))
		return gw_fail(error, GW_E_TOO_LARGE, "a request that is too long");
	connection = connect_to(path);
	if (connection < 0)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: no machine runs there", directory);
	(void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(connection, line, (size_t)length, MSG_NOSIGNAL) != length)
		code = gw_fail(error, GW_E_IO, "%s: the machine does not listen", directory);
	else
		code = read_answer(connection, directory, answer, error);
	close(connection);
	return code;
}

int gw_vm_ask(const char *directory, const char *request, char *answer, size_t size,
	      struct gw_error *error)
{
	struct base_buffer said = {0};
	int code = vm_control_ask(directory, request, &said, error);

	if (code == 0 && size > 0) {
		size_t some = said.size < size - 1 ? said.size : size - 1;

		if (some > 0)
			memcpy(answer, said.data, some);
		answer[some] = 0;
	}
	if (code == 0)
		code = (int)said.size;
	base_buffer_done(&said);
	return code;
}
