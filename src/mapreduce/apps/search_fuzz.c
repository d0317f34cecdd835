/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_fuzz.c - the kernels of search.c must agree. Input: size of the needle (low 7 bits) and
 * whether case is ignored (the high bit), the needle, the text.
 */
#include "search.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(struct mr_search *search, const char *text, size_t size)
{
	const char *from = text, *end = text + size;

	while (from) {
		const char *found, *expected;

		search->kernel = MR_SEARCH_PLAIN;
		expected = mr_search_find(search, from, end);
		for (int kernel = 1; kernel < MR_SEARCH_KERNELS; kernel++) {
			search->kernel = (uint8_t)kernel;
			if (!mr_search_runs_here(kernel))
				continue;
			found = mr_search_find(search, from, end);
			assert(found == expected);
		}
		assert(!expected || mr_search_matches(search, expected));
		from = expected ? expected + 1 : NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_search search;
	size_t needle;
	char *text;

	if (size < 2 || (data[0] & 0x7fu) == 0 || (data[0] & 0x7fu) > size - 1)
		return 0;
	needle = data[0] & 0x7f;
	mr_search_init(&search, (struct gw_bytes){data + 1, needle}, data[0] >> 7 != 0);
	size -= 1 + needle;
	text = malloc(size); /* exactly as long, so that the sanitizer sees a read behind it */
	if (!text)
		return 0;
	memcpy(text, data + 1 + needle, size);
	compare(&search, text, size);
	for (int kernel = 1; kernel < MR_SEARCH_KERNELS; kernel++) {
		if (mr_search_runs_here(kernel))
			assert(mr_count_lines(kernel, text, size) ==
			       mr_count_lines(MR_SEARCH_PLAIN, text, size));
	}
	free(text);
	return 0;
}
