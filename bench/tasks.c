/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.c - what a switch, a start, a channel item and a live task cost. One figure a call:
 *
 *     bench-tasks switch|spawn|unbuffered|buffered|live [N]
 *
 * prints one line, `ROW N FIGURE UNIT`: nanoseconds for each of N, or bytes for each of N live
 * tasks.
 */
#include <groundwork/task.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct row {
	const char *name, *unit;
	long n;
	double (*measure)(long n);
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Switches: two tasks that make way for each other --------------------------------------- */

static int make_way(void *argument)
{
	for (long left = *(long *)argument; left > 0; left--)
		(void)gw_yield();
	return 0;
}

static double measure_switch(long n)
{
	struct gw_group group = {0};
	long half = n / 2;
	double begin;

	(void)gw_spawn(&group, make_way, &half, NULL);
	(void)gw_spawn(&group, make_way, &half, NULL);
	begin = seconds();
	(void)gw_group_wait(&group, GW_FOREVER);
	return 1e9 * (seconds() - begin) / (double)n;
}

/* ---- Starts, each with its end -------------------------------------------------------------- */

enum { TOGETHER = 64 };

static int do_nothing(void *argument)
{
	(void)argument;
	return 0;
}

static double measure_spawn(long n)
{
	struct gw_group group = {0};
	double begin = seconds();

	for (long i = 0; i < n; i += TOGETHER) {
		for (int j = 0; j < TOGETHER; j++)
			(void)gw_spawn(&group, do_nothing, NULL, NULL);
		(void)gw_group_wait(&group, GW_FOREVER);
	}
	return 1e9 * (seconds() - begin) / (double)n;
}

/* ---- Channels: one sends, one receives ------------------------------------------------------ */

struct stream {
	struct gw_chan *chan;
	long n;
};

static int send_all(void *argument)
{
	struct stream *stream = argument;

	for (long i = 0; i < stream->n; i++)
		if (gw_send(stream->chan, &i, GW_FOREVER) < 0)
			break;
	gw_chan_close(stream->chan);
	return 0;
}

static double measure_channel(long n, size_t capacity)
{
	struct stream stream = {gw_chan_new(sizeof(long), capacity, NULL), n};
	struct gw_group group = {0};
	double begin = seconds();
	long item, sum = 0;

	(void)gw_spawn(&group, send_all, &stream, NULL);
	while (gw_receive(stream.chan, &item, GW_FOREVER) == 0)
		sum += item;
	(void)gw_group_done(&group);
	gw_chan_unref(stream.chan);
	if (sum != n * (n - 1) / 2)
		fprintf(stderr, "items were lost\n");
	return 1e9 * (seconds() - begin) / (double)n;
}

static double measure_unbuffered(long n)
{
	return measure_channel(n, 0);
}

static double measure_buffered(long n)
{
	return measure_channel(n, 128);
}

/* ---- Live tasks ----------------------------------------------------------------------------- */

static int sleep_long(void *argument)
{
	(void)argument;
	return gw_sleep_ms(1000000);
}

static double resident_bytes(void)
{
	unsigned long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double measure_live(long n)
{
	struct gw_group group = {0};
	double before = resident_bytes(), after;

	for (long i = 0; i < n; i++)
		(void)gw_spawn(&group, sleep_long, NULL, NULL);
	(void)gw_yield();
	after = resident_bytes();
	(void)gw_group_done(&group);
	return (after - before) / (double)n;
}

static const struct row rows[] = {
	{"switch", "ns", 10000000, measure_switch},
	{"spawn", "ns", 2000000, measure_spawn},
	{"unbuffered", "ns", 2000000, measure_unbuffered},
	{"buffered", "ns", 10000000, measure_buffered},
	{"live", "bytes", 100000, measure_live},
};

static int run_row(void *argument)
{
	const struct row *row = argument;

	printf("%s %ld %.1f %s\n", row->name, row->n, row->measure(row->n), row->unit);
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 2 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row row = rows[i];

		if (strcmp(row.name, argv[1]) != 0)
			continue;
		if (argc > 2 && atol(argv[2]) > 0)
			row.n = atol(argv[2]);
		return -gw_run(run_row, &row, NULL, NULL);
	}
	fprintf(stderr, "usage: %s switch|spawn|unbuffered|buffered|live [N]\n", argv[0]);
	return 2;
}
