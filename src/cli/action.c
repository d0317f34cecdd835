/* SPDX-License-Identifier: Apache-2.0 */
/* action.c - runs subcommands by their tables. */
#include "cli/action.h"

#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

enum { NAME_BYTES_MAX = 64, GROUPS_MAX = 3 };

/* An action while it runs. */
struct running {
	const struct cli_action *action;
	char name[NAME_BYTES_MAX]; /* "gw cert issue" */
	void *values;
	struct gw_option_group groups[GROUPS_MAX]; /* the last is empty */
};

static void groups_of(const struct cli_action *action, void *values,
		      struct gw_option_group groups[GROUPS_MAX])
{
	groups[0] = (struct gw_option_group){"Options", action->options, values};
	groups[1] = (struct gw_option_group){NULL, action->shared, values};
	groups[2] = (struct gw_option_group){0};
}

void cli_print_error(bool json, const char *name, int code, const struct gw_error *error)
{
	json_t *line = NULL;

	if (json)
		line = json_pack("{s:{s:i,s:s,s:s}}", "error", "code", -code, "name",
				 gw_code_name(code), "text", error->text);
	if (line) {
		json_dumpf(line, stderr, JSON_COMPACT);
		fputc('\n', stderr);
	} else {
		fprintf(stderr, "%s: %s\n", name, error->text);
	}
	json_decref(line);
}

static bool wants_help(const struct running *running)
{
	for (const struct gw_option_group *group = running->groups; group->table; group++) {
		for (const struct gw_option *option = group->table; option->name; option++) {
			if (strcmp(option->name, "help") == 0)
				return *(const bool *)((const char *)running->values +
						       option->offset);
		}
	}
	assert(!"every action has --help");
	return false;
}

static void print_usage(const struct running *running)
{
	const struct cli_action *action = running->action;

	printf("Usage: %s [OPTION...]%s%s\n\n%s", running->name, action->operands[0] ? " " : "",
	       action->operands, action->help);
	gw_options_help(running->groups, stdout);
}

static int check_count(const struct cli_action *action, char **operands, size_t count,
		       struct gw_error *error)
{
	if (count > 0 && action->operands_max == 0)
		return gw_fail(error, GW_E_USAGE, "%s: no operands are wanted", operands[0]);
	if (count < action->operands_min || count > action->operands_max)
		return gw_fail(error, GW_E_USAGE, "wanted: %s; see --help", action->operands);
	return 0;
}

static int run_parsed(const struct running *running, char **operands, size_t count,
		      struct gw_error *error)
{
	const struct cli_action *action = running->action;
	int code = 0;

	if (wants_help(running)) {
		print_usage(running);
	} else {
		code = check_count(action, operands, count, error);
		if (code == 0)
			code = action->run(running->values, operands, count, error);
	}
	if (code >= 0 && fflush(stdout) != 0)
		code = gw_fail_errno(error, errno, "standard output");
	return code < 0 ? code : 0;
}

static int run(struct running *running, int argc, char **argv)
{
	const struct cli_action *action = running->action;
	struct gw_error error = {0};
	char **operands = NULL;
	size_t count = 0;
	int code;

	running->values = calloc(1, action->values_bytes);
	if (!running->values) {
		fprintf(stderr, "%s: out of memory\n", running->name);
		return -GW_E_NO_MEMORY;
	}
	if (action->defaults)
		memcpy(running->values, action->defaults, action->values_bytes);
	groups_of(action, running->values, running->groups);
	code = gw_options_parse(running->groups, GW_STYLE_GNU, argc, argv, &operands, &count,
				&error);
	if (code == 0)
		code = run_parsed(running, operands, count, &error);
	if (code < 0 && !error.text[0])
		(void)gw_fail(&error, code, "%s", gw_code_text(code));
	if (code < 0 && action->fail)
		action->fail(running->values, running->name, code, &error);
	else if (code < 0)
		cli_print_error(false, running->name, code, &error);
	free(operands);
	gw_options_done(running->groups);
	free(running->values);
	return -code;
}

int cli_action_run(const struct cli_action *action, int argc, char **argv)
{
	struct running running = {.action = action};

	(void)snprintf(running.name, sizeof(running.name), "%s", action->name);
	return run(&running, argc, argv);
}

/* ---- Several ------------------------------------------------------------------------------- */

static const struct cli_action *find(const struct cli_actions *actions, const char *name)
{
	for (const struct cli_action *action = actions->actions; action->name; action++) {
		if (strcmp(action->name, name) == 0)
			return action;
	}
	return NULL;
}

static void print_help(const struct cli_actions *actions, FILE *file)
{
	int name_width = 0, operands_width = 0;

	for (const struct cli_action *action = actions->actions; action->name; action++) {
		int name = (int)strlen(action->name), operands = (int)strlen(action->operands);

		name_width = name > name_width ? name : name_width;
		operands_width = operands > operands_width ? operands : operands_width;
	}
	fprintf(file, "Usage: %s ACTION [OPTION...] OPERAND...\n\n%sActions:\n", actions->name,
		actions->help);
	for (const struct cli_action *action = actions->actions; action->name; action++)
		fprintf(file, "  %-*s %-*s  %s\n", name_width, action->name, operands_width,
			action->operands, action->summary);
	fprintf(file, "\n%s ACTION --help says more of each. Example:\n\n  %s\n", actions->name,
		actions->example);
}

int cli_actions_run(const struct cli_actions *actions, int argc, char **argv)
{
	struct running running = {0};

	if (argc < 2) {
		print_help(actions, stderr);
		return -GW_E_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(actions, stdout);
		return 0;
	}
	running.action = find(actions, argv[1]);
	if (!running.action) {
		fprintf(stderr, "%s: %s: no such action; %s --help lists them\n", actions->name,
			argv[1], actions->name);
		return -GW_E_USAGE;
	}
	(void)snprintf(running.name, sizeof(running.name), "%s %s", actions->name, argv[1]);
	return run(&running, argc - 1, argv + 1);
}

/* ---- Completion ---------------------------------------------------------------------------- */

void cli_action_words(const struct cli_action *action, int argc, char **argv, FILE *file)
{
	struct gw_option_group groups[GROUPS_MAX];

	groups_of(action, NULL, groups);
	base_options_words(groups, GW_STYLE_GNU, argc > 1 ? argv[argc - 1] : NULL, file);
}

void cli_actions_words(const struct cli_actions *actions, int argc, char **argv, FILE *file)
{
	const struct cli_action *action = argc >= 2 ? find(actions, argv[1]) : NULL;

	if (action)
		cli_action_words(action, argc - 1, argv + 1, file);
	if (argc >= 2)
		return;
	for (action = actions->actions; action->name; action++)
		fprintf(file, "%s\n", action->name);
	fputs("--help\n", file);
}
