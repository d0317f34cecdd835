/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.h - gdb's remote protocol as bytes: $CONTENT#SUM, escapes, acknowledgements, the break
 * key; and numbers and bytes as hexadecimal. What comes in is hostile.
 */
#ifndef VM_DEBUG_PACKET_H
#define VM_DEBUG_PACKET_H

#include "base/buffer.h"

enum { VM_PACKET_BYTES_MAX = 16384 }; /* of a packet's content */

enum vm_packet_event {
	VM_PACKET_NOTHING, /* more is wanted */
	VM_PACKET_WHOLE,   /* content is there until the next byte */
	VM_PACKET_BAD,     /* too long, or its sum is another: it wants to be sent again */
	VM_PACKET_AGAIN,   /* what was sent last is wanted again */
	VM_PACKET_BREAK,   /* the break key */
};

enum vm_packet_state { VM_PACKET_OUTSIDE, VM_PACKET_INSIDE, VM_PACKET_SUM_1, VM_PACKET_SUM_2 };

/* Zero is at the beginning. */
struct vm_packet_reader {
	enum vm_packet_state state;
	char content[VM_PACKET_BYTES_MAX + 1]; /* ends in a zero that is not counted */
	size_t size;
	bool escaped, too_long;
	uint8_t sum;
	uint8_t first_digit;
};

enum vm_packet_event vm_packet_put(struct vm_packet_reader *reader, uint8_t byte);

/* Appends a packet. GW_E_NO_MEMORY. */
int vm_packet_frame(struct base_buffer *out, struct gw_bytes content, struct gw_error *error)
	GW_MUST_CHECK;

/* ---- What is in them ------------------------------------------------------------------------- */

/* Words that are taken off the front. */
struct vm_words {
	const char *at, *end;
};

bool vm_words_take(struct vm_words *words, const char *prefix);
/* A hexadecimal number of 1 to 16 digits. */
bool vm_words_number(struct vm_words *words, uint64_t *number);
/* Bytes of two digits each. */
bool vm_words_bytes(struct vm_words *words, uint8_t *to, size_t size);
size_t vm_words_left(const struct vm_words *words);

int vm_packet_hex(struct base_buffer *out, const void *bytes, size_t size, struct gw_error *error)
	GW_MUST_CHECK;

#endif
