/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.c - bytes that grow by doubling.
 */
#include "base/buffer.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int base_buffer_reserve(struct base_buffer *buffer, size_t more, struct gw_error *error)
{
	size_t limit = buffer->size_max ? buffer->size_max : PTRDIFF_MAX;
	uint8_t *moved;

	assert(buffer->size <= buffer->capacity && buffer->size <= limit);
	assert(buffer->data || buffer->capacity == 0);
	if (more <= buffer->capacity - buffer->size && more <= limit - buffer->size)
		return 0;
	if (more > limit - buffer->size)
		return gw_fail(error, GW_E_TOO_LARGE, "a buffer of %zu bytes cannot take %zu more",
			       buffer->size, more);
	moved = base_grow(buffer->data, 1, &buffer->capacity, buffer->size + more);
	if (!moved)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a buffer of %zu bytes",
			       buffer->size + more);
	buffer->data = moved;
	return 0;
}

int base_buffer_append(struct base_buffer *buffer, const void *data, size_t size,
		       struct gw_error *error)
{
	int result = base_buffer_reserve(buffer, size, error);

	if (result < 0)
		return result;
	assert(size <= buffer->capacity - buffer->size);
	if (size)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

int base_buffer_append_string(struct base_buffer *buffer, const char *text, struct gw_error *error)
{
	return base_buffer_append(buffer, text, strlen(text), error);
}

int base_buffer_append_format(struct base_buffer *buffer, struct gw_error *error,
			      const char *format, ...)
{
	va_list arguments;
	int length, result;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return gw_fail(error, GW_E_INVALID, "text that cannot be formatted: %s", format);
	result = base_buffer_reserve(buffer, (size_t)length, error);
	if (result < 0)
		return result;
	/* vsnprintf also writes a NUL, for which the limit need not leave room. */
	if (buffer->capacity - buffer->size == (size_t)length) {
		uint8_t *moved =
			base_grow(buffer->data, 1, &buffer->capacity, buffer->capacity + 1);

		if (!moved)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for a buffer");
		buffer->data = moved;
	}
	assert(buffer->capacity - buffer->size > (size_t)length);
	va_start(arguments, format);
	vsnprintf((char *)buffer->data + buffer->size, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->size += (size_t)length;
	return 0;
}

void base_buffer_done(struct base_buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	buffer->data = NULL;
	buffer->size = 0;
	buffer->capacity = 0;
}
