/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - parses a command line by tables. What --help and completion print from the same
 * tables is in options_help.c.
 */
#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct parse {
	const struct gw_option_group *groups;
	int argc;
	char **argv;
	int next; /* index in argv of what was not looked at yet */
	enum gw_option_style style;
	struct gw_error *error;
};

/* An option as it was found: its row, where its value goes, and how the user wrote it. */
struct found {
	const struct gw_option *option;
	void *value;
	const char *written; /* not NUL-terminated: written_size bytes */
	int written_size;
};

static bool is_name(const struct gw_option *option, const char *name, size_t size)
{
	return strlen(option->name) == size && memcmp(option->name, name, size) == 0;
}

/* Looks for a long name (letter 0), or for a letter. */
static bool find(const struct gw_option_group *groups, const char *name, size_t size, char letter,
		 struct found *found)
{
	for (; groups->table; groups++) {
		for (const struct gw_option *option = groups->table; option->name; option++) {
			if (letter ? option->letter != letter : !is_name(option, name, size))
				continue;
			found->option = option;
			found->value = (char *)groups->values + option->offset;
			return true;
		}
	}
	return false;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t size = strlen(text);

	for (const char *at = choices; *at;) {
		size_t length = strcspn(at, "|");

		if (length == size && memcmp(at, text, size) == 0)
			return true;
		if (strcmp(at, "...") == 0)
			return true;
		at += length;
		at += *at == '|';
	}
	return false;
}

/* Usage errors name the option as it was written. */
static int usage_in(const struct parse *parse, const struct found *found)
{
	gw_fail_in(parse->error, "%.*s", found->written_size, found->written);
	if (parse->error)
		parse->error->code = GW_E_USAGE;
	return GW_E_USAGE;
}

static int parse_int(const char *text, int64_t *number, struct gw_error *error)
{
	const char *digits = text + (*text == '-');
	char *end;
	long long value;

	if (*digits < '0' || *digits > '9')
		return gw_fail(error, GW_E_INVALID, "\"%s\" is not a number", text);
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end)
		return gw_fail(error, GW_E_INVALID, "\"%s\" is not a number", text);
	if (errno == ERANGE)
		return gw_fail(error, GW_E_INVALID, "\"%s\" is too large", text);
	*number = value;
	return 0;
}

static int append(const struct parse *parse, struct gw_option_list *list, const char *item)
{
	/* There can be no more values than arguments. */
	if (!list->items)
		list->items = calloc((size_t)parse->argc, sizeof(*list->items));
	if (!list->items)
		return gw_fail(parse->error, GW_E_NO_MEMORY, "no memory for %d arguments",
			       parse->argc);
	assert(list->count < (size_t)parse->argc);
	list->items[list->count++] = item;
	return 0;
}

static int store(const struct parse *parse, const struct found *found, const char *text)
{
	const struct gw_option *option = found->option;
	struct gw_error *error = parse->error;
	int result = 0;

	switch (option->type) {
	case GW_OPTION_FLAG:
		assert(!"a flag has no value");
		break;
	case GW_OPTION_INT:
		result = parse_int(text, found->value, error);
		break;
	case GW_OPTION_SIZE:
		result = gw_parse_size(text, found->value, error);
		break;
	case GW_OPTION_MS:
		result = gw_parse_ms(text, found->value, error);
		break;
	case GW_OPTION_STRING:
		if (option->choices && !is_choice(option->choices, text))
			result = gw_fail(error, GW_E_USAGE, "\"%s\" is none of %s", text,
					 option->choices);
		else
			*(const char **)found->value = text;
		break;
	case GW_OPTION_LIST:
		result = append(parse, found->value, text);
		break;
	}
	if (result < 0 && result != GW_E_NO_MEMORY)
		return usage_in(parse, found);
	return result;
}

/* Stores the value that follows the option: attached to it, or the next argument. */
static int take_value(struct parse *parse, const struct found *found, const char *attached)
{
	if (!attached) {
		if (parse->next >= parse->argc)
			return gw_fail(parse->error, GW_E_USAGE, "%.*s: needs a value (%s)",
				       found->written_size, found->written,
				       found->option->argument);
		attached = parse->argv[parse->next++];
	}
	return store(parse, found, attached);
}

static int unknown(const struct parse *parse, const char *written, size_t size)
{
	return gw_fail(parse->error, GW_E_USAGE, "%.*s: no such option", (int)size, written);
}

/* --name, --name=VALUE, --name VALUE, --no-name; dashes is 2, or 1 in Hadoop's style. */
static int parse_long(struct parse *parse, const char *argument, size_t dashes)
{
	const char *name = argument + dashes;
	size_t size = strcspn(name, "=");
	const char *attached = name[size] ? name + size + 1 : NULL;
	struct found found = {.written = argument, .written_size = (int)(dashes + size)};
	bool set = true;

	if (!find(parse->groups, name, size, 0, &found)) {
		set = false;
		if (size <= 3 || memcmp(name, "no-", 3) != 0 ||
		    !find(parse->groups, name + 3, size - 3, 0, &found) ||
		    found.option->type != GW_OPTION_FLAG)
			return unknown(parse, argument, dashes + size);
	}
	if (found.option->type != GW_OPTION_FLAG)
		return take_value(parse, &found, attached);
	if (attached)
		return gw_fail(parse->error, GW_E_USAGE, "%.*s: takes no value", found.written_size,
			       argument);
	*(bool *)found.value = set;
	return 0;
}

/* -n VALUE, -nVALUE, -ab, -abn VALUE */
static int parse_letters(struct parse *parse, const char *argument)
{
	for (const char *at = argument + 1; *at; at++) {
		const char written[] = {'-', *at, '\0'};
		struct found found = {.written = written, .written_size = 2};

		if (!find(parse->groups, NULL, 0, *at, &found)) {
			/* In Hadoop's style the whole word may have been meant. */
			if (parse->style == GW_STYLE_HADOOP)
				return unknown(parse, argument, strcspn(argument, "="));
			return unknown(parse, written, 2);
		}
		if (found.option->type != GW_OPTION_FLAG)
			return take_value(parse, &found, at[1] ? at + 1 : NULL);
		*(bool *)found.value = true;
	}
	return 0;
}

/* Whether -name is a long option written with one dash. */
static bool is_hadoop_long(const struct parse *parse, const char *argument)
{
	struct found found;

	return parse->style == GW_STYLE_HADOOP &&
	       find(parse->groups, argument + 1, strcspn(argument + 1, "="), 0, &found);
}

static int parse_argument(struct parse *parse, const char *argument)
{
	if (argument[1] == '-')
		return parse_long(parse, argument, 2);
	if (is_hadoop_long(parse, argument))
		return parse_long(parse, argument, 1);
	return parse_letters(parse, argument);
}

static void check_tables(const struct gw_option_group *groups)
{
	for (; groups->table; groups++) {
		for (const struct gw_option *option = groups->table; option->name; option++) {
			assert(option->type >= GW_OPTION_FLAG && option->type <= GW_OPTION_LIST);
			assert((option->type == GW_OPTION_FLAG) == (option->argument == NULL));
			assert(!option->choices || option->type == GW_OPTION_STRING);
			assert(option->help);
		}
	}
}

int gw_options_parse(const struct gw_option_group *groups, enum gw_option_style style, int argc,
		     char **argv, char ***operands, size_t *operand_count, struct gw_error *error)
{
	struct parse parse = {groups, argc, argv, 1, style, error};
	char **rest = malloc(((size_t)(argc > 0 ? argc : 0) + 1) * sizeof(*rest));
	size_t count = 0;
	int result = 0;

	check_tables(groups);
	*operands = NULL;
	*operand_count = 0;
	if (!rest)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %d arguments", argc);
	while (parse.next < argc && result == 0) {
		char *argument = argv[parse.next++];

		if (strcmp(argument, "--") == 0) {
			while (parse.next < argc)
				rest[count++] = argv[parse.next++];
		} else if (argument[0] == '-' && argument[1]) {
			result = parse_argument(&parse, argument);
		} else {
			rest[count++] = argument;
		}
	}
	if (result < 0) {
		free(rest);
		gw_options_done(groups);
		return result;
	}
	assert(count <= (size_t)(argc > 0 ? argc : 0));
	rest[count] = NULL;
	*operands = rest;
	*operand_count = count;
	return 0;
}

void gw_options_done(const struct gw_option_group *groups)
{
	for (; groups->table; groups++) {
		for (const struct gw_option *option = groups->table; option->name; option++) {
			struct gw_option_list *list;

			if (option->type != GW_OPTION_LIST)
				continue;
			list = (void *)((char *)groups->values + option->offset);
			free(list->items);
			*list = (struct gw_option_list){0};
		}
	}
}
