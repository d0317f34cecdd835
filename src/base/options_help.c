/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options_help.c - what is printed from a table of options: --help, and words for the shell to
 * complete.
 */
#include "base/options.h"

enum { HELP_COLUMN = 30 }; /* where the help texts begin */

/* Without the "..." for what else is allowed. */
static void print_choices(const struct gw_option *option, const char *separator, FILE *file)
{
	for (const char *at = option->choices; *at && strcmp(at, "...") != 0;) {
		size_t size = strcspn(at, "|");

		fprintf(file, "%s%.*s", at > option->choices ? separator : "", (int)size, at);
		at += size;
		at += *at == '|';
	}
}

static void print_option(const struct gw_option *option, FILE *file)
{
	int column = option->letter ? fprintf(file, "  -%c, ", option->letter)
				    : fprintf(file, "      ");

	column += fprintf(file, "--%s", option->name);
	if (option->argument)
		column += fprintf(file, "=%s", option->argument);
	if (column > HELP_COLUMN - 2) {
		fputc('\n', file);
		column = 0;
	}
	fprintf(file, "%*s%s", HELP_COLUMN - column, "", option->help);
	if (option->choices) {
		fputs(" (", file);
		print_choices(option, ", ", file);
		fputc(')', file);
	}
	if (option->type == GW_OPTION_LIST)
		fputs(" (may be repeated)", file);
	fputc('\n', file);
}

void gw_options_help(const struct gw_option_group *groups, void *file)
{
	bool first = true;

	for (; groups->table; groups++) {
		if (groups->title)
			fprintf(file, "%s%s:\n", first ? "" : "\n", groups->title);
		for (const struct gw_option *option = groups->table; option->name; option++)
			print_option(option, file);
		first = false;
	}
}

/* The option that the word names in one of its forms and whose value is the next word, or NULL. */
static const struct gw_option *awaits_value(const struct gw_option_group *groups, const char *word)
{
	bool letter = word[0] == '-' && word[1] && word[1] != '-' && !word[2];
	const char *name = word + (word[0] == '-') + (word[0] == '-' && word[1] == '-');

	if (word[0] != '-')
		return NULL;
	for (; groups->table; groups++) {
		for (const struct gw_option *option = groups->table; option->name; option++) {
			if (option->type == GW_OPTION_FLAG)
				continue;
			if (strcmp(option->name, name) == 0 ||
			    (letter && option->letter == word[1]))
				return option;
		}
	}
	return NULL;
}

void base_options_words(const struct gw_option_group *groups, enum gw_option_style style,
			const char *previous, FILE *file)
{
	const struct gw_option *option = previous ? awaits_value(groups, previous) : NULL;

	if (option) {
		if (option->choices) {
			print_choices(option, "\n", file);
			fputc('\n', file);
		}
		return;
	}
	for (; groups->table; groups++) {
		for (option = groups->table; option->name; option++) {
			fprintf(file, "--%s\n", option->name);
			if (style == GW_STYLE_HADOOP)
				fprintf(file, "-%s\n", option->name);
			if (option->letter)
				fprintf(file, "-%c\n", option->letter);
		}
	}
}
