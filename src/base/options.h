/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what the command line needs of an option table besides gw_options_parse: completion.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <groundwork/base.h>

#include <stdio.h>

/*
 * Prints what may stand after the word `previous`, one word a line: the choices, if it is an option
 * that has some; nothing, if it is an option with another value (the shell then offers file names);
 * else the options of all groups: with their letters, or with one dash, too. previous may be NULL.
 */
void base_options_words(const struct gw_option_group *groups, enum gw_option_style style,
			const char *previous, FILE *file);

#endif
