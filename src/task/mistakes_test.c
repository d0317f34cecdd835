/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mistakes_test.c - the classic mistakes of those who write crawlers, and that they are found: the
 * lock left out by the thread sanitizer, the count that is wrong, the two locks in two orders and
 * the lock taken twice by the deadlock report.
 */
#include "sync_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#define HAS(feature) __has_feature(feature)
#else
#define HAS(feature) 0
#endif
#if HAS(thread_sanitizer) || defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER
#endif

enum { PAGES = 200, STATUS_OF_THE_SANITIZER = 66, REPORT_MAX = 64 << 10 };

/* ---- Shared state: two loops, and what was seen ------------------------------------------- */

struct crawl {
	struct gw_mutex lock;
	bool without_lock;
	int arrived; /* loops; atomic */
	bool seen[PAGES];
	int fetched[PAGES]; /* atomic */
};

static int first_time(struct crawl *crawl, int page)
{
	int result = crawl->without_lock ? 0 : gw_lock(&crawl->lock, GW_FOREVER);
	bool first;

	if (result < 0)
		return result;
	first = !crawl->seen[page];
	crawl->seen[page] = true;
	if (!crawl->without_lock)
		gw_unlock(&crawl->lock);
	return first;
}

/* Begin together, but not in an order that the sanitizer could see: a race is one for certain. */
static void meet(struct crawl *crawl)
{
	__atomic_fetch_add(&crawl->arrived, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&crawl->arrived, __ATOMIC_RELAXED) < 2)
		sched_yield();
}

static int crawls(void *argument)
{
	struct crawl *crawl = argument;

	meet(crawl);
	for (int page = 0; page < PAGES; page++) {
		int result = first_time(crawl, page);

		if (result < 0)
			return result;
		if (result)
			__atomic_fetch_add(&crawl->fetched[page], 1, __ATOMIC_RELAXED);
		if (!crawl->without_lock && page % 10 == 0)
			(void)gw_yield();
	}
	return 0;
}

static int crawls_in_two_loops(void *argument)
{
	struct gw_thread *thread;
	int result, there = 0;

	result = gw_thread_start(&thread, crawls, argument, NULL, NULL);
	if (result < 0)
		return result;
	result = crawls(argument);
	if (gw_thread_join(thread, &there, GW_FOREVER) < 0)
		return GW_E_FAILED;
	return result < 0 ? result : there;
}

static void with_the_lock_each_page_is_fetched_once(void **state)
{
	struct crawl crawl = {.lock = {.name = "seen", .shared = true}};

	(void)state;
	assert_int_equal(gw_run(crawls_in_two_loops, &crawl, NULL, NULL), 0);
	for (int page = 0; page < PAGES; page++)
		assert_int_equal(crawl.fetched[page], 1);
}

#ifdef THREAD_SANITIZER
/* This program again, with a crawl without its lock; returns its exit status, and what it wrote. */
static int status_without_the_lock(char *text, size_t size)
{
	int pipes[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		setenv("TSAN_OPTIONS", "exitcode=66 halt_on_error=0", 1);
		execl("/proc/self/exe", "mistakes_test", "without-lock", NULL);
		_exit(127);
	}
	assert_true(child > 0);
	close(pipes[1]);
	while (used < size - 1 && (got = read(pipes[0], text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = 0;
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void without_the_lock_the_thread_sanitizer_reports_a_race(void **state)
{
	char *text = malloc(REPORT_MAX);

	(void)state;
	assert_non_null(text);
	assert_int_equal(status_without_the_lock(text, REPORT_MAX), STATUS_OF_THE_SANITIZER);
	assert_non_null(strstr(text, "data race"));
	assert_non_null(strstr(text, "first_time"));
	free(text);
}
#endif

/* ---- Deadlocks ----------------------------------------------------------------------------- */

/* What a run that has to end in a deadlock writes to stderr; the caller frees it. */
static char *report_of(gw_task_function *function, const char *name)
{
	struct gw_run_options options = {.name = name};
	FILE *file = tmpfile();
	int before = dup(STDERR_FILENO), result;
	char *text = calloc(1, REPORT_MAX);

	assert_true(file && before >= 0 && text);
	dup2(fileno(file), STDERR_FILENO);
	result = gw_run(function, NULL, &options, NULL);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(file);
	(void)!fread(text, 1, REPORT_MAX - 1, file);
	fclose(file);
	assert_int_equal(result, GW_E_DEADLOCK);
	return text;
}

static void assert_says(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
}

static int fetches(void *argument)
{
	const char *const *links = NULL;

	return gw_send(argument, &links, GW_FOREVER);
}

/* Starts three fetchers, and waits to hear of four. */
static int coordinates_and_miscounts(void *argument)
{
	struct gw_chan_options options = {.name = "answers"};
	struct gw_chan *answers = gw_chan_new(sizeof(void *), 0, &options);
	struct gw_group group = {.name = "fetchers"};
	int result = 0;

	(void)argument;
	for (int i = 0; result == 0 && i < 3; i++)
		result = gw_spawn(&group, fetches, answers, NULL);
	for (int i = 0; result == 0 && i < 4; i++)
		result = gw_receive(answers, NULL, GW_FOREVER);
	(void)gw_group_done(&group);
	gw_chan_unref(answers);
	return result;
}

static void a_coordinator_that_miscounts_is_named_by_the_deadlock_report(void **state)
{
	char *text = report_of(coordinates_and_miscounts, "coordinator");

	(void)state;
	assert_says(text, "deadlock: 1 task");
	assert_says(text, "task \"coordinator\" waits to receive from channel \"answers\"");
	free(text);
}

/* And the other way round: nobody is there any more to hear of the last page. */
static int coordinates_and_stops_too_early(void *argument)
{
	struct gw_chan_options options = {.name = "answers"};
	struct gw_spawn_options fetcher = {.name = "fetcher"};
	struct gw_chan *answers = gw_chan_new(sizeof(void *), 0, &options);
	struct gw_group group = {.name = "fetchers"};
	int result = 0;

	(void)argument;
	for (int i = 0; result == 0 && i < 2; i++)
		result = gw_spawn(&group, fetches, answers, &fetcher);
	if (result == 0)
		result = gw_receive(answers, NULL, GW_FOREVER);
	if (result == 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	gw_chan_unref(answers);
	return result;
}

static void a_fetcher_that_nobody_hears_is_named_by_the_deadlock_report(void **state)
{
	char *text = report_of(coordinates_and_stops_too_early, "coordinator");

	(void)state;
	assert_says(text, "task \"fetcher\" waits to send to channel \"answers\"");
	assert_says(text, "task \"coordinator\" waits for all tasks of group \"fetchers\"");
	free(text);
}

struct locks {
	struct gw_mutex *first, *second;
};

static int locks_both(void *argument)
{
	struct locks *locks = argument;
	int result = gw_lock(locks->first, GW_FOREVER);

	if (result < 0)
		return result;
	(void)gw_yield();
	result = gw_lock(locks->second, GW_FOREVER);
	if (result == 0)
		gw_unlock(locks->second);
	gw_unlock(locks->first);
	return result;
}

static int locks_in_two_orders(void *argument)
{
	struct gw_mutex seen = {.name = "seen"}, queue = {.name = "queue"};
	struct locks one = {&seen, &queue}, other = {&queue, &seen};
	struct gw_spawn_options names[2] = {{.name = "reader"}, {.name = "writer"}};
	struct gw_group group = {.name = "both"};
	int result = gw_spawn(&group, locks_both, &one, &names[0]);

	(void)argument;
	if (result == 0)
		result = gw_spawn(&group, locks_both, &other, &names[1]);
	if (result == 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	return result;
}

static void two_tasks_that_lock_in_two_orders_are_named_with_what_they_hold(void **state)
{
	char *text = report_of(locks_in_two_orders, NULL);

	(void)state;
	assert_says(text, "task \"reader\" waits to lock mutex \"queue\", which \"writer\" holds");
	assert_says(text, "task \"writer\" waits to lock mutex \"seen\", which \"reader\" holds");
	free(text);
}

static int locks_twice(void *argument)
{
	struct gw_mutex seen = {.name = "seen"};
	int result = gw_lock(&seen, GW_FOREVER);

	(void)argument;
	if (result == 0) {
		result = gw_lock(&seen, GW_FOREVER);
		gw_unlock(&seen);
	}
	return result;
}

static void a_task_that_locks_twice_is_named_at_once(void **state)
{
	char *text = report_of(locks_twice, "forgetful");

	(void)state;
	assert_says(text, "task \"forgetful\" waits to lock mutex \"seen\"");
	free(text);
}

/* A wait group that nobody counts down. */
static int forgets_to_count_down(void *argument)
{
	struct gw_wait_group pages = {.name = "pages"};

	(void)argument;
	gw_wait_group_add(&pages, 1);
	return gw_wait_group_wait(&pages, GW_FOREVER);
}

static int waits_for_a_signal(void *argument)
{
	struct gw_mutex mutex = {.name = "seen"};
	struct gw_cond cond = {.name = "changed"};
	int result = gw_lock(&mutex, GW_FOREVER);

	(void)argument;
	if (result == 0) {
		result = gw_cond_wait(&cond, &mutex, GW_FOREVER);
		gw_unlock(&mutex);
	}
	return result;
}

static int acquires_too_much(void *argument)
{
	struct gw_semaphore places = {.name = "places"};

	(void)argument;
	gw_release(&places, 2);
	return gw_acquire(&places, 3, GW_FOREVER);
}

static int selects_in_vain(void *argument)
{
	struct gw_chan_options options = {.name = "news"};
	struct gw_chan *news = gw_chan_new(1, 0, &options);
	struct gw_select_case cases[] = {{0}, {.chan = news}};
	int result = gw_select(cases, 2, GW_FOREVER);

	(void)argument;
	gw_chan_unref(news);
	return result;
}

static void every_kind_of_wait_says_what_it_is_for(void **state)
{
	const struct {
		gw_task_function *function;
		const char *words;
	} waits[] = {
		{forgets_to_count_down, "waits for wait group \"pages\""},
		{waits_for_a_signal, "waits for condition \"changed\""},
		{acquires_too_much, "waits for semaphore \"places\""},
		{selects_in_vain, "waits in select, among others for channel \"news\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		char *text = report_of(waits[i].function, NULL);

		assert_says(text, waits[i].words);
		free(text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_the_lock_each_page_is_fetched_once),
#ifdef THREAD_SANITIZER
		cmocka_unit_test(without_the_lock_the_thread_sanitizer_reports_a_race),
#endif
		cmocka_unit_test(a_coordinator_that_miscounts_is_named_by_the_deadlock_report),
		cmocka_unit_test(a_fetcher_that_nobody_hears_is_named_by_the_deadlock_report),
		cmocka_unit_test(two_tasks_that_lock_in_two_orders_are_named_with_what_they_hold),
		cmocka_unit_test(a_task_that_locks_twice_is_named_at_once),
		cmocka_unit_test(every_kind_of_wait_says_what_it_is_for),
	};
	struct crawl crawl = {.without_lock = true};

	if (argc == 2 && strcmp(argv[1], "without-lock") == 0)
		return -gw_run(crawls_in_two_loops, &crawl, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
