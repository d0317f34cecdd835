/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_inside.h - what the files of the session know of each other.
 */
#ifndef VM_DEBUG_SESSION_INSIDE_H
#define VM_DEBUG_SESSION_INSIDE_H

#include "packet.h"
#include "session.h"

enum { VM_SESSION_READ_BYTES_MAX = VM_PACKET_BYTES_MAX / 2 };

struct vm_session {
	struct vm_debug_target target;
	struct vm_packet_reader reader;
	struct base_buffer answer; /* of the packet, without its frame */
	struct base_buffer last;   /* as it was sent */
	struct base_buffer out;
	bool silent; /* nothing is acknowledged */
	bool over;
	uint64_t breaks[VM_STOPS_MAX];
	size_t break_count;
	struct vm_watch watches[VM_STOPS_MAX];
	size_t watch_count;
	struct gw_error error; /* of an answer that could not be made */
};

/* answers.c: what is said, to be sent behind the answer's end. A failure is kept for then. */
void vm_session_keep(struct vm_session *session, int code);
void vm_session_say(struct vm_session *session, const char *words);
void vm_session_say_hex(struct vm_session *session, const void *bytes, size_t size);

/* answers.c: address and size. */
bool vm_session_take_range(struct vm_words *words, uint64_t *address, uint64_t *size);

/* answers.c: what is behind g, G, p, P, m, M and X. */
void vm_session_get_all(struct vm_session *session, struct vm_words *words);
void vm_session_set_all(struct vm_session *session, struct vm_words *words);
void vm_session_get_one(struct vm_session *session, struct vm_words *words);
void vm_session_set_one(struct vm_session *session, struct vm_words *words);
void vm_session_read_memory(struct vm_session *session, struct vm_words *words);
void vm_session_write_hex(struct vm_session *session, struct vm_words *words);
void vm_session_write_binary(struct vm_session *session, struct vm_words *words);

#endif
