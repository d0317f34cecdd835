/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <assert.h>

enum { BREAK_KEY = 3, ESCAPE = '}', ESCAPE_BIT = 0x20 };

static int digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

/* ---- Packets --------------------------------------------------------------------------------- */

static enum vm_packet_event outside(struct vm_packet_reader *reader, uint8_t byte)
{
	switch (byte) {
	case '$':
		reader->state = VM_PACKET_INSIDE;
		reader->size = 0;
		reader->sum = 0;
		reader->escaped = reader->too_long = false;
		return VM_PACKET_NOTHING;
	case '-':
		return VM_PACKET_AGAIN;
	case BREAK_KEY:
		return VM_PACKET_BREAK;
	default:
		return VM_PACKET_NOTHING;
	}
}

static void inside(struct vm_packet_reader *reader, uint8_t byte)
{
	if (byte == '#') {
		reader->state = VM_PACKET_SUM_1;
		return;
	}
	reader->sum = (uint8_t)(reader->sum + byte);
	if (byte == ESCAPE && !reader->escaped) {
		reader->escaped = true;
		return;
	}
	if (reader->escaped)
		byte ^= ESCAPE_BIT;
	reader->escaped = false;
	if (reader->size == VM_PACKET_BYTES_MAX)
		reader->too_long = true;
	else
		reader->content[reader->size++] = (char)byte;
}

static enum vm_packet_event finish(struct vm_packet_reader *reader, uint8_t byte)
{
	int high = digit((char)reader->first_digit), low = digit((char)byte);

	reader->state = VM_PACKET_OUTSIDE;
	reader->content[reader->size] = 0;
	if (high < 0 || low < 0 || reader->too_long || reader->escaped ||
	    high * 16 + low != reader->sum)
		return VM_PACKET_BAD;
	return VM_PACKET_WHOLE;
}

enum vm_packet_event vm_packet_put(struct vm_packet_reader *reader, uint8_t byte)
{
	switch (reader->state) {
	case VM_PACKET_OUTSIDE:
		return outside(reader, byte);
	case VM_PACKET_INSIDE:
		inside(reader, byte);
		return VM_PACKET_NOTHING;
	case VM_PACKET_SUM_1:
		reader->first_digit = byte;
		reader->state = VM_PACKET_SUM_2;
		return VM_PACKET_NOTHING;
	case VM_PACKET_SUM_2:
		return finish(reader, byte);
	}
	assert(!"a state that is known");
	return VM_PACKET_BAD;
}

int vm_packet_frame(struct base_buffer *out, struct gw_bytes content, struct gw_error *error)
{
	const uint8_t *bytes = content.data;
	size_t at = out->size + 1;
	char end[4];
	uint8_t sum = 0;
	int code = base_buffer_append(out, "$", 1, error);

	for (size_t i = 0; code == 0 && i < content.size; i++) {
		bool special = strchr("#$}*", bytes[i]) && bytes[i];
		uint8_t pair[] = {ESCAPE, bytes[i] ^ ESCAPE_BIT};

		code = base_buffer_append(out, special ? pair : &bytes[i], special ? 2 : 1, error);
	}
	if (code < 0)
		return code;
	while (at < out->size)
		sum = (uint8_t)(sum + out->data[at++]);
	end[0] = '#';
	end[1] = "0123456789abcdef"[sum >> 4];
	end[2] = "0123456789abcdef"[sum & 15];
	return base_buffer_append(out, end, 3, error);
}

/* ---- What is in them ------------------------------------------------------------------------- */

size_t vm_words_left(const struct vm_words *words)
{
	assert(words->at <= words->end);
	return (size_t)(words->end - words->at);
}

bool vm_words_take(struct vm_words *words, const char *prefix)
{
	size_t size = strlen(prefix);

	if (vm_words_left(words) < size || memcmp(words->at, prefix, size) != 0)
		return false;
	words->at += size;
	return true;
}

bool vm_words_number(struct vm_words *words, uint64_t *number)
{
	unsigned digits = 0;

	*number = 0;
	while (words->at < words->end && digit(*words->at) >= 0) {
		if (++digits > 16)
			return false;
		*number = *number << 4 | (uint64_t)digit(*words->at++);
	}
	return digits > 0;
}

bool vm_words_bytes(struct vm_words *words, uint8_t *to, size_t size)
{
	if (size > vm_words_left(words) / 2)
		return false;
	for (size_t at = 0; at < size; at++) {
		int high = digit(words->at[0]), low = digit(words->at[1]);

		if (high < 0 || low < 0)
			return false;
		to[at] = (uint8_t)(high * 16 + low);
		words->at += 2;
	}
	return true;
}

int vm_packet_hex(struct base_buffer *out, const void *bytes, size_t size, struct gw_error *error)
{
	const uint8_t *from = bytes;
	int code = base_buffer_reserve(out, 2 * size, error);

	if (code < 0)
		return code;
	for (size_t at = 0; at < size; at++) {
		out->data[out->size++] = (uint8_t)"0123456789abcdef"[from[at] >> 4];
		out->data[out->size++] = (uint8_t)"0123456789abcdef"[from[at] & 15];
	}
	return 0;
}
