/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernels.c - the speed of the vector kernels alone, each of them that runs here:
 *
 *     ninja -C build bench/bench-kernels
 *     build/bench/bench-kernels FILE [NEEDLE]
 *
 * First over the same 256 KiB of FILE again and again (they stay in the L2 cache), then over the
 * whole of it (at least 64 MiB, in the page cache). Figures are 10^9 bytes a second, the best of
 * five.
 */
#include "mapreduce/apps/search.h"
#include "mapreduce/engine/splitter.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SMALL = 256 << 10, SMALL_TURNS = 200, RUNS = 5, TOKENS = 4096 };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What one kernel does with some text; returns a number to compare. */
typedef size_t work_function(const void *context, const char *data, size_t size);

static size_t find_lines(const void *context, const char *data, size_t size)
{
	const struct mr_search *search = context;
	const char *end = data + size;
	size_t hits = 0;

	while (data < end && (data = mr_search_find(search, data, end)) != NULL) {
		data = memchr(data, '\n', (size_t)(end - data));
		data = data ? data + 1 : end;
		hits++;
	}
	return hits;
}

static size_t count_lines(const void *context, const char *data, size_t size)
{
	const struct mr_search *search = context;

	return mr_count_lines(search->kernel, data, size);
}

static size_t split(const void *context, const char *data, size_t size)
{
	struct gw_token tokens[TOKENS];
	size_t position = 0, count = 0;

	while (position < size)
		count += gw_split(context, data, size, &position, tokens, TOKENS);
	return count;
}

static double best_rate(work_function *work, const void *context, const char *data, size_t size,
			int turns, size_t *result)
{
	double best = 0;

	for (int run = 0; run < RUNS; run++) {
		double begin = seconds(), rate;

		for (int turn = 0; turn < turns; turn++)
			*result = work(context, data, size);
		rate = 1e-9 * (double)size * turns / (seconds() - begin);
		best = rate > best ? rate : best;
	}
	return best;
}

static void measure(const char *name, int kernel, work_function *work, const void *context,
		    const char *data, size_t size)
{
	static const char *const kernels[] = {"plain", "avx2", "avx512"};
	size_t small_result, result;
	double small = best_rate(work, context, data, SMALL, SMALL_TURNS, &small_result);
	double large = best_rate(work, context, data, size, 1, &result);

	printf("%-12s %-7s %6.1f in L2 %6.1f over all (%zu)\n", name, kernels[kernel], small, large,
	       result);
}

static void measure_all(const char *data, size_t size, const char *needle)
{
	struct mr_search search;
	struct gw_splitter splitter;

	mr_search_init(&search, gw_string(needle), false);
	gw_splitter_init_space(&splitter);
	for (int kernel = 0; kernel < MR_SEARCH_KERNELS; kernel++) {
		search.kernel = splitter.kernel = (uint8_t)kernel;
		if (mr_search_runs_here(kernel)) {
			measure("find", kernel, find_lines, &search, data, size);
			measure("count lines", kernel, count_lines, &search, data, size);
		}
		if (mr_splitter_runs_here(kernel))
			measure("split", kernel, split, &splitter, data, size);
	}
}

int main(int argc, char **argv)
{
	int file = argc >= 2 ? open(argv[1], O_RDONLY) : -1;
	struct stat status;
	char *data;

	if (file < 0 || fstat(file, &status) != 0 || status.st_size < 64 << 20) {
		fprintf(stderr, "usage: %s FILE [NEEDLE], FILE of 64 MiB or more\n", argv[0]);
		return 2;
	}
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
	if (data == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	measure_all(data, (size_t)status.st_size, argc > 2 ? argv[2] : "mutex_unlock");
	return 0;
}
