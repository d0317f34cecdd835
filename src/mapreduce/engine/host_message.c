/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_message.c - see host_message.h.
 */
#include "host_message.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct mr_message) <= 64 << 10, "a message fits a socket's buffer");

/* How many bytes of the message are sent; 0 for one that cannot be. */
static size_t message_size(const struct mr_message *message)
{
	size_t head = offsetof(struct mr_message, attempt);

	switch (message->kind) {
	case MR_SAY_START:
		return head + sizeof(message->attempt);
	case MR_SAY_ROOM:
	case MR_SAY_ALLOCATE:
		return head + sizeof(message->room);
	case MR_SAY_RUNS:
		if (message->count > MR_BATCH_RUNS)
			return 0;
		return head + message->count * sizeof(message->runs[0]);
	case MR_SAY_OUTPUTS:
		if (message->count > MR_BATCH_OUTPUTS)
			return 0;
		return head + message->count * sizeof(message->outputs[0]);
	case MR_SAY_GASP:
		return head + sizeof(message->gasp);
	default:
		return message->kind < MR_MESSAGES ? head : 0;
	}
}

int mr_message_send(int socket, const struct mr_message *message, struct gw_error *error)
{
	size_t size = message_size(message);

	assert(socket >= 0 && message->kind < MR_MESSAGES);
	assert(size > 0 && size <= sizeof(*message));
	for (;;) {
		if (send(socket, message, size, MSG_NOSIGNAL) == (ssize_t)size)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
			return gw_fail(error, GW_E_CLOSED, "the other process is gone");
		if (errno != EINTR)
			return gw_fail_errno(error, errno, "a message between processes");
	}
}

static pid_t sender_of(struct msghdr *header)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		struct ucred credentials;

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
		return credentials.pid;
	}
	return 0;
}

int mr_message_receive(int socket, struct mr_message *message, bool wait, pid_t *sender,
		       struct gw_error *error)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec vector = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	ssize_t size;

	assert(socket >= 0 && message);
	if (sender) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
	}
	do
		size = recvmsg(socket, &header, wait ? 0 : MSG_DONTWAIT);
	while (size < 0 && errno == EINTR);
	if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !wait)
		return 0;
	if (size < 0 && errno != ECONNRESET)
		return gw_fail_errno(error, errno, "a message between processes");
	if (size <= 0) {
		if (wait)
			return 0;
		return gw_fail(error, GW_E_CLOSED, "the other process is gone");
	}
	if ((size_t)size < offsetof(struct mr_message, attempt) ||
	    (size_t)size != message_size(message))
		return gw_fail(error, GW_E_CORRUPT, "a message between processes has a wrong size");
	assert(message->kind < MR_MESSAGES);
	if (sender)
		*sender = sender_of(&header);
	return 1;
}
