/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crawl_serial.c - a crawler of lecture 2, first style: one page after the other.
 *
 *     cc crawl_serial.c -o crawl_serial $(pkg-config --cflags --libs groundwork)
 *
 * Depth first, and each page once, because what was seen is remembered before it is fetched. While
 * one page is on its way nothing else happens; the other two styles mend that.
 */
#include "crawl_web.h"

static void crawl(struct seen *seen, const char *url)
{
	const char *const *links;

	if (!first_time(seen, url))
		return;
	links = fetch(url);
	for (; links && *links; links++)
		crawl(seen, *links);
}

static int first(void *argument)
{
	struct seen seen = {0};

	(void)argument;
	crawl(&seen, "golang.org/");
	return 0;
}

int main(void)
{
	return -gw_run(first, NULL, NULL, NULL);
}
