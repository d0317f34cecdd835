/* SPDX-License-Identifier: Apache-2.0 */
/* http_fuzz.c - any bytes as a response, its body joined and unpacked. */
#include "http.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_http_response response;
	struct base_buffer scratch = {0};
	struct gw_bytes body;

	if (!mr_http_parse(&response, (struct gw_bytes){data, size}))
		return 0;
	assert(response.status < 1000 && response.body.size < size);
	if (mr_http_body(&response, &scratch, &body, NULL) == 0 &&
	    response.coding == MR_HTTP_IDENTITY)
		assert(body.size <= response.body.size);
	base_buffer_done(&scratch);
	return 0;
}
