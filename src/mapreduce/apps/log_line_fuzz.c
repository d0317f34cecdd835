/* SPDX-License-Identifier: Apache-2.0 */
/* log_line_fuzz.c - any bytes as a log line: the parts lie in the line, in their order. */
#include "log_line.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_log_line parsed;

	if (!mr_log_line_parse(&parsed, (struct gw_bytes){data, size}))
		return 0;
	const uint8_t *url = parsed.url.data, *request = parsed.request.data;

	assert(parsed.host.data == data && parsed.host.size > 0);
	assert(request >= data && parsed.request.size <= size - (size_t)(request - data));
	assert(url > request && parsed.url.size > 0);
	assert(parsed.url.size <= parsed.request.size - (size_t)(url - request));
	assert(!memchr(url, ' ', parsed.url.size) && parsed.status < 1000);
	return 0;
}
