/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos.h - `gw chaos`: a proxy that behaves like a bad network.
 */
#ifndef CLI_CHAOS_H
#define CLI_CHAOS_H

#include <stdio.h>

int cli_chaos(int argc, char **argv);
void cli_chaos_words(int argc, char **argv, FILE *file);

#endif
