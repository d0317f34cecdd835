/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crawl_channels.c - a crawler of lecture 2, third style: nothing is shared, links come by a
 * channel.
 *
 *     cc crawl_channels.c -o crawl_channels $(pkg-config --cflags --libs groundwork)
 *
 * One task, the coordinator, knows what was seen and starts a task for each new page; that task
 * fetches the page, sends its links, and ends. The coordinator is done when it has heard of as many
 * pages as it started. If it counts wrong and waits for one more, all tasks wait for each other,
 * and the report of that names it.
 */
#include "crawl_web.h"

struct errand {
	const char *url;
	struct gw_chan *answers; /* of const char *const *: the links of a page, or NULL */
};

static int fetcher(void *argument)
{
	struct errand *errand = argument;
	const char *const *links = fetch(errand->url);

	return gw_send(errand->answers, &links, GW_FOREVER);
}

static int coordinate(struct gw_group *fetchers, struct errand *errands, struct gw_chan *answers,
		      const char *start)
{
	const char *const first_links[] = {start, NULL}, *const *links = first_links;
	struct seen seen = {0};
	size_t heard = 0;
	int result = 0;

	for (;;) {
		for (; links && *links; links++) {
			if (!first_time(&seen, *links))
				continue;
			errands[seen.count - 1] = (struct errand){*links, answers};
			result = gw_spawn(fetchers, fetcher, &errands[seen.count - 1], NULL);
			if (result < 0)
				return result;
		}
		if (heard++ == seen.count)
			return 0;
		result = gw_receive(answers, &links, GW_FOREVER);
		if (result < 0)
			return result;
	}
}

static int first(void *argument)
{
	struct gw_group fetchers = {.name = "fetchers"};
	struct gw_chan_options options = {.name = "answers"};
	struct gw_chan *answers = gw_chan_new(sizeof(const char *const *), 0, &options);
	struct errand errands[URLS_MAX]; /* as long as the fetchers, so not in coordinate */
	int result;

	(void)argument;
	if (!answers)
		return GW_E_NO_MEMORY;
	result = coordinate(&fetchers, errands, answers, "golang.org/");
	(void)gw_group_done(&fetchers);
	gw_chan_unref(answers);
	return result;
}

int main(void)
{
	struct gw_run_options options = {.name = "coordinator"};

	return -gw_run(first, NULL, &options, NULL);
}
