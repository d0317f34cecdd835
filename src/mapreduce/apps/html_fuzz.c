/* SPDX-License-Identifier: Apache-2.0 */
/* html_fuzz.c - any bytes as a page: what the visitor gets is UTF-8. */
#include "html.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void see_href(void *context, struct gw_bytes href)
{
	assert(mr_is_utf8(href));
	++*(size_t *)context;
}

static void see_text(void *context, struct gw_bytes text)
{
	assert(text.size > 0);
	++*(size_t *)context;
}

static void see_tag(void *context)
{
	++*(size_t *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t seen = 0;
	const struct mr_html_visitor visitor = {see_href, see_href, see_text, see_tag, &seen};

	assert(mr_html_visit((struct gw_bytes){data, size}, &visitor, NULL) == 0);
	return 0;
}
