/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.h - bytes that grow. Zero is an empty buffer without a limit.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <groundwork/base.h>

struct base_buffer {
	uint8_t *data;   /* owned; moves when it grows */
	size_t size;     /* bytes in use */
	size_t capacity; /* bytes allocated */
	size_t size_max; /* size never exceeds it; 0: no limit */
};

/* Makes sure that `more` bytes fit behind those in use. GW_E_NO_MEMORY or, past size_max,
 * GW_E_TOO_LARGE; the buffer is then as before. */
int base_buffer_reserve(struct base_buffer *buffer, size_t more,
			struct gw_error *error) GW_MUST_CHECK;

int base_buffer_append(struct base_buffer *buffer, const void *data, size_t size,
		       struct gw_error *error) GW_MUST_CHECK;
int base_buffer_append_string(struct base_buffer *buffer, const char *text,
			      struct gw_error *error) GW_MUST_CHECK;
int base_buffer_append_format(struct base_buffer *buffer, struct gw_error *error,
			      const char *format, ...) GW_MUST_CHECK GW_PRINTF(3, 4);

/* What is in use; valid until the buffer changes. */
static inline struct gw_bytes base_buffer_bytes(const struct base_buffer *buffer)
{
	return (struct gw_bytes){buffer->data, buffer->size};
}

/* Frees the bytes; the buffer is empty as at the start, its limit kept. */
void base_buffer_done(struct base_buffer *buffer);

#endif
