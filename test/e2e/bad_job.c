/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_job.c - a job that counts lines and goes wrong in the way that a line asks for. For
 * bad_input.py and kills.py, which build it against the library as a user would.
 */
#include <groundwork/mapreduce.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct bad_options {
	bool block;
	const char *wait; /* a FIFO that is opened, and waited on, at the line `wait` */
};

static bool line_is(struct gw_bytes line, const char *word)
{
	return line.size == strlen(word) && memcmp(line.data, word, line.size) == 0;
}

/* Deeper and deeper; the volatile array keeps the compiler from making a loop of it. */
static int overflow(int depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	return depth < 0 ? 0 : overflow(depth + 1) + frame[0];
}

static void wait_on(const char *path)
{
	char byte;
	FILE *file = fopen(path, "re");

	if (file && fread(&byte, 1, 1, file) == 0)
		fputs("nobody said go\n", stderr);
	if (file)
		fclose(file);
}

static int go_wrong(struct gw_mr_task *task, struct gw_bytes line)
{
	static const struct {
		const char *word;
		int signal;
	} signals[] = {{"segv", SIGSEGV}, {"bus", SIGBUS}, {"fpe", SIGFPE}, {"ill", SIGILL},
		       {"abort", SIGABRT}, {"kill", SIGKILL}};
	const struct bad_options *options = gw_mr_context(task);

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		if (line_is(line, signals[i].word)) {
			fprintf(stderr, "about to %s\n", signals[i].word);
			raise(signals[i].signal);
		}
	}
	if (line_is(line, "null"))
		*(volatile int *)(uintptr_t)(line.size - 4) = 1;
	if (line_is(line, "overflow"))
		return overflow(0);
	if (line_is(line, "exit"))
		exit(7);
	if (line_is(line, "hang"))
		for (;;)
			pause();
	if (line_is(line, "fail"))
		return gw_mr_fail(task, "this line is not liked");
	if (line_is(line, "wait") && options->wait && !gw_mr_sampling(task))
		wait_on(options->wait);
	return 0;
}

static int map_line(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	int failed = go_wrong(task, line);

	(void)key;
	gw_mr_count(task, "lines", 1);
	gw_mr_emit_i64(task, line, 1);
	return failed;
}

static int map_block(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	size_t begin = 0;
	int failed = 0;

	while (begin < block->size && !failed) {
		const char *line = block->data + begin;
		const char *end = memchr(line, '\n', block->size - begin);
		size_t size = end ? (size_t)(end - line) : block->size - begin;

		failed = map_line(task, (struct gw_bytes){NULL, 0}, (struct gw_bytes){line, size});
		begin += size + 1;
	}
	return failed;
}

static int choose_map(struct gw_mr_job *job, char ***operands, size_t *count,
		      struct gw_error *error)
{
	const struct bad_options *options = job->context;

	(void)operands;
	(void)count;
	(void)error;
	if (options->block) {
		job->map = NULL;
		job->map_block = map_block;
	}
	return 0;
}

static int reduce_line(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	int64_t sum = 0, value;

	if (line_is(key, "reduce-segv"))
		raise(SIGSEGV);
	while (gw_mr_next_i64(values, &value))
		sum += value;
	gw_mr_emit_i64(task, key, sum);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct gw_option table[] = {
		{"block", 0, GW_OPTION_FLAG, offsetof(struct bad_options, block), NULL, "block map",
		 NULL},
		{"wait", 0, GW_OPTION_STRING, offsetof(struct bad_options, wait), "FIFO",
		 "wait here", NULL},
		{0},
	};
	struct bad_options options = {0};
	struct gw_mr_job job = {.name = "bad_job", .map = map_line, .reduce = reduce_line,
				.combine_with = GW_MR_SUM, .context = &options, .options = table,
				.prepare = choose_map};

	return gw_mr_main(argc, argv, &job);
}
