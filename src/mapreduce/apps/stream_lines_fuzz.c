/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_lines_fuzz.c - lines of any bytes: key, separator and value are the line again, with the
 * separator kept key and value are; and what a command says is never misread as something longer
 * than it is.
 */
#include "stream_lines.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct mr_cut *cut = context;
	struct gw_bytes key, value;
	struct mr_message message = mr_message_parse("reporter:", line);

	(void)error;
	cut->keep_separator = false;
	mr_cut_line(cut, line, &key, &value);
	assert(key.size == line.size || key.size + cut->separator.size + value.size == line.size);
	cut->keep_separator = true;
	mr_cut_line(cut, line, &key, &value);
	assert(key.size + value.size == line.size);
	assert(message.group.size + message.name.size + message.text.size <= line.size);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_cut cut = {.key_fields = 1};

	if (size < 2)
		return 0;
	cut.key_fields = 1 + data[0] % 4;
	cut.separator.size = 1 + data[1] % 2;
	memcpy(cut.separator.bytes, "\t:", 2);
	assert(mr_each_line((const char *)data + 2, size - 2, check_line, &cut, NULL) == 0);
	return 0;
}
