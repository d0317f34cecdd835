/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr_cat.c - `gw mr cat DIR`: prints the parts of a job's output in order, or its greatest lines.
 */
#include "cli/action.h"
#include "cli/mr.h"

#include "mapreduce/apps/parts.h"
#include "mapreduce/apps/top.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct cat {
	bool help, force;
	int64_t top;
	struct mr_top greatest;
};

const struct gw_option cli_mr_cat_options[] = {
	{"top", 0, GW_OPTION_INT, offsetof(struct cat, top), "N",
	 "Print the N lines with the greatest numbers behind their last tab, greatest first", NULL},
	{"force", 0, GW_OPTION_FLAG, offsetof(struct cat, force), NULL,
	 "Print what is there, even if the job did not finish", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cat, help), NULL, "Print this help", NULL},
	{0},
};

static int print(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	(void)context;
	if (fwrite(bytes.data, 1, bytes.size, stdout) != bytes.size)
		return gw_fail_errno(error, errno, "standard output");
	return 0;
}

static int take_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct cat *cat = context;
	const char *tab = line.size > 0 ? memrchr(line.data, '\t', line.size) : NULL;
	char number[24] = "";

	if (tab) {
		size_t size = line.size - (size_t)(tab + 1 - (const char *)line.data);

		memcpy(number, tab + 1, size < sizeof(number) ? size : sizeof(number) - 1);
	}
	return mr_top_add(&cat->greatest, line, strtoll(number, NULL, 10), error);
}

static int print_top(struct cat *cat, struct mr_parts *parts, struct gw_error *error)
{
	cat->greatest.max = (size_t)cat->top;
	int code = mr_parts_lines(parts, take_line, cat, error);

	mr_top_sort(&cat->greatest);
	for (size_t i = 0; code == 0 && i < cat->greatest.count; i++) {
		const struct mr_top_item *item = &cat->greatest.items[i];

		code = print(NULL, (struct gw_bytes){item->text, item->size}, error);
		if (code == 0)
			code = print(NULL, gw_string("\n"), error);
	}
	mr_top_done(&cat->greatest);
	return code;
}

static int print_parts(struct cat *cat, const char *directory, struct gw_error *error)
{
	struct mr_parts parts;
	int code = mr_parts_open(&parts, directory, cat->force, error);

	if (code == 0)
		code = cat->top > 0 ? print_top(cat, &parts, error)
				    : mr_parts_read(&parts, print, NULL, error);
	mr_parts_done(&parts);
	return code;
}

static int run(void *values, char **operands, size_t count, struct gw_error *error)
{
	struct cat *cat = values;

	assert(count == 1);
	if (cat->top < 0 || cat->top > MR_TOP_MAX)
		return gw_fail(error, GW_E_USAGE, "--top %" PRId64 ": 1 to %d are possible",
			       cat->top, MR_TOP_MAX);
	return print_parts(cat, operands[0], error);
}

static const struct cli_action action = {
	.name = "gw mr cat",
	.operands = "DIR",
	.operands_min = 1,
	.operands_max = 1,
	.help = "Prints the output of a job: the parts in DIR, in order.\n\n",
	.options = cli_mr_cat_options,
	.values_bytes = sizeof(struct cat),
	.run = run,
};

int cli_mr_cat(int argc, char **argv)
{
	return cli_action_run(&action, argc, argv);
}
