/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - see text.h.
 */
#include "text.h"

#include <assert.h>
#include <stdio.h>

void mr_text_put(struct mr_text *text, const char *string)
{
	assert(text->out && string);
	if (text->code >= 0)
		text->code = base_buffer_append_string(text->out, string, text->error);
}

void mr_text_add(struct mr_text *text, const char *format, ...)
{
	va_list arguments;
	char line[MR_TEXT_LINE_MAX];

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	mr_text_put(text, line);
}

/* Bytes of the UTF-8 character at string, 0 if it is none. */
static size_t utf8_size(const unsigned char *at)
{
	size_t size = at[0] < 0x80   ? 1
		      : at[0] < 0xc2 ? 0
		      : at[0] < 0xe0 ? 2
		      : at[0] < 0xf0 ? 3
		      : at[0] < 0xf5 ? 4
				     : 0;

	for (size_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

void mr_text_escape(struct mr_text *text, const char *string)
{
	while (*string && text->code >= 0) {
		size_t size = utf8_size((const unsigned char *)string);

		if (*string == '<')
			mr_text_put(text, "&lt;");
		else if (*string == '&')
			mr_text_put(text, "&amp;");
		else if (*string == '"')
			mr_text_put(text, "&quot;");
		else if (size == 0 || (unsigned char)*string < ' ')
			mr_text_put(text, "?");
		else
			text->code = base_buffer_append(text->out, string, size, text->error);
		string += size > 0 ? size : 1;
	}
}
