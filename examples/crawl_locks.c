/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crawl_locks.c - a crawler of lecture 2, second style: tasks that share what they have seen, and a
 * lock.
 *
 *     cc crawl_locks.c -o crawl_locks $(pkg-config --cflags --libs groundwork)
 *
 * A task a link. Two loops crawl from two pages, so tasks do run at once, and between the look
 * whether a page was seen and the note that it was, no other may look: that is what the lock is
 * for. The fetch is outside of it, or all would wait for one. A task waits for those it started, so
 * their arguments can live on its stack.
 */
#include "crawl_web.h"

struct crawler {
	struct gw_mutex lock; /* over seen */
	struct seen seen;
};

struct visit {
	struct crawler *crawler;
	const char *url;
};

static int claim(struct crawler *crawler, const char *url)
{
	int result = gw_lock(&crawler->lock, GW_FOREVER);

	if (result < 0)
		return result;
	result = first_time(&crawler->seen, url);
	gw_unlock(&crawler->lock);
	return result;
}

static int crawl(void *argument)
{
	struct visit *visit = argument, visits[LINKS_MAX];
	struct gw_group group = {.name = visit->url};
	const char *const *links;
	int result = claim(visit->crawler, visit->url);

	if (result <= 0)
		return result;
	links = fetch(visit->url);
	for (size_t i = 0; result >= 0 && links && links[i]; i++) {
		visits[i] = (struct visit){visit->crawler, links[i]};
		result = gw_spawn(&group, crawl, &visits[i], NULL);
	}
	if (result >= 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	return result;
}

static int first(void *argument)
{
	struct crawler *crawler = argument;
	struct visit here = {crawler, "golang.org/"}, there = {crawler, "golang.org/pkg/io/"};
	struct gw_thread *thread;
	int result, result_there = 0;

	result = gw_thread_start(&thread, crawl, &there, NULL, NULL);
	if (result < 0)
		return result;
	result = crawl(&here);
	if (gw_thread_join(thread, &result_there, GW_FOREVER) < 0)
		return GW_E_FAILED;
	return result < 0 ? result : result_there;
}

int main(void)
{
	struct crawler crawler = {.lock = {.name = "seen", .shared = true}};

	return -gw_run(first, &crawler, NULL, NULL);
}
