/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr_cat.c - `gw mr cat DIR`: prints the parts of a job's output in order, or its greatest lines.
 */
#include "cli/mr.h"

#include "mapreduce/apps/parts.h"
#include "mapreduce/apps/top.h"

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
	if (code == 0 && fflush(stdout) != 0)
		code = gw_fail_errno(error, errno, "standard output");
	mr_parts_done(&parts);
	return code;
}

static int check(const struct cat *cat, size_t count, struct gw_error *error)
{
	if (count != 1)
		return gw_fail(error, GW_E_USAGE,
			       "one output directory of a job is wanted, not %zu", count);
	if (cat->top < 0 || cat->top > MR_TOP_MAX)
		return gw_fail(error, GW_E_USAGE, "--top %" PRId64 ": 1 to %d are possible",
			       cat->top, MR_TOP_MAX);
	return 0;
}

int cli_mr_cat(int argc, char **argv)
{
	struct cat cat = {0};
	const struct gw_option_group groups[] = {{"Options", cli_mr_cat_options, &cat}, {0}};
	struct gw_error error = {0};
	char **operands = NULL;
	size_t count = 0;
	int code = gw_options_parse(groups, GW_STYLE_GNU, argc, argv, &operands, &count, &error);

	if (code == 0 && cat.help) {
		fputs("Usage: gw mr cat [OPTION...] DIR\n\n"
		      "Prints the output of a job: the parts in DIR, in order.\n\n",
		      stdout);
		gw_options_help(groups, stdout);
	} else {
		if (code == 0)
			code = check(&cat, count, &error);
		if (code == 0)
			code = print_parts(&cat, operands[0], &error);
	}
	if (code < 0)
		fprintf(stderr, "gw mr cat: %s\n", error.text);
	free(operands);
	gw_options_done(groups);
	return -code;
}
