/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crawl_web.h - what the three crawlers share: a small web in memory, and the set of what was seen.
 */
#ifndef EXAMPLES_CRAWL_WEB_H
#define EXAMPLES_CRAWL_WEB_H

#include <groundwork/task.h>

#include <stdio.h>

enum { LINKS_MAX = 5, URLS_MAX = 32 };

struct page {
	const char *url;
	const char *links[LINKS_MAX]; /* NULL behind the last */
};

static const struct page WEB[] = {
	{"golang.org/", {"golang.org/pkg/", "golang.org/cmd/"}},
	{"golang.org/pkg/", {"golang.org/", "golang.org/cmd/", "golang.org/pkg/fmt/",
			     "golang.org/pkg/os/"}},
	{"golang.org/pkg/fmt/", {"golang.org/", "golang.org/pkg/"}},
	{"golang.org/pkg/os/", {"golang.org/", "golang.org/pkg/", "golang.org/pkg/io/"}},
	{"golang.org/pkg/io/", {"golang.org/pkg/os/", "golang.org/pkg/io/fs/"}},
	{"golang.org/pkg/io/fs/", {"golang.org/pkg/io/"}},
};

/* The links of a page, NULL behind the last; NULL when there is no such page. It takes a moment, as
 * the network would, in which other tasks run. */
static inline const char *const *fetch(const char *url)
{
	if (gw_sleep_ms(1) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(WEB) / sizeof(WEB[0]); i++) {
		if (strcmp(WEB[i].url, url) == 0) {
			printf("found %s\n", url);
			return WEB[i].links;
		}
	}
	printf("missing %s\n", url);
	return NULL;
}

struct seen {
	const char *urls[URLS_MAX];
	size_t count;
};

/* Adds the page; false when it is there already (or there is no more room). */
static inline bool first_time(struct seen *seen, const char *url)
{
	for (size_t i = 0; i < seen->count; i++) {
		if (strcmp(seen->urls[i], url) == 0)
			return false;
	}
	if (seen->count == URLS_MAX)
		return false;
	seen->urls[seen->count++] = url;
	return true;
}

#endif
