/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - the subcommand `gw sim`.
 */
#ifndef CLI_SIM_H
#define CLI_SIM_H

#include <groundwork/base.h>

#include <stdio.h>

/* `gw sim`: runs seeds of a workload in the simulator. */
int cli_sim(int argc, char **argv);
void cli_sim_words(int argc, char **argv, FILE *file);

#endif
