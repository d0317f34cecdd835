/* SPDX-License-Identifier: Apache-2.0 */
/* grep.c - the lines with a text in them: grep [options] TEXT INPUT... OUTPUT_DIR */
#define _GNU_SOURCE 1
#include <groundwork/mapreduce.h>

/* A block is many lines. None of them is looked at before the text was found in it. */
static int find(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const char *const *text = gw_mr_context(task);
	const char *at = block->data, *end = at + block->size, *hit;

	while (at < end && (hit = memmem(at, end - at, *text, strlen(*text))) != NULL) {
		const char *before = memrchr(at, '\n', hit - at);
		const char *behind = memchr(hit, '\n', end - hit);

		at = before ? before + 1 : at;
		gw_mr_write(task, at, (behind ? behind : end) - at);
		gw_mr_write(task, "\n", 1);
		at = behind ? behind + 1 : end;
	}
	return 0;
}

static int take(struct gw_mr_job *job, char ***operands, size_t *count, struct gw_error *error)
{
	if (*count == 0)
		return gw_fail(error, GW_E_USAGE, "a TEXT is missing");
	*(const char **)job->context = *(*operands)++;
	--*count;
	return 0;
}

int main(int argc, char **argv)
{
	const char *text = NULL;
	struct gw_mr_job job = {.name = "grep", .map_block = find, .map_only = true,
				.context = &text, .prepare = take};
	return gw_mr_main(argc, argv, &job);
}
