/* SPDX-License-Identifier: Apache-2.0 */
/* url_fuzz.c - the input is a base, a newline and a reference; what is kept must be stable. */
#include "url.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t first = end ? (size_t)(end - data) : size;
	struct mr_url base, url, again;
	bool based = mr_url_resolve(&base, NULL, (struct gw_bytes){data, first});
	struct gw_bytes reference = {data + first, size - first};
	char name[256];

	mr_escape_name(name, sizeof(name), reference);
	if (!mr_url_resolve(&url, based ? &base : NULL, reference))
		return 0;
	for (size_t i = 0; i < url.size; i++)
		assert(url.text[i] > ' ' && url.text[i] < 0x7f && url.text[i] != '#');
	assert(mr_url_host_name(&url).size > 0);
	/* A target is its own spelling, with or without a base. */
	assert(mr_url_resolve(&again, NULL, mr_url_bytes(&url)));
	assert(gw_bytes_compare(mr_url_bytes(&again), mr_url_bytes(&url)) == 0);
	assert(mr_url_resolve(&again, &url, mr_url_bytes(&url)));
	assert(gw_bytes_compare(mr_url_bytes(&again), mr_url_bytes(&url)) == 0);
	return 0;
}
