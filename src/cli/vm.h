/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.h - `gw vm`: the machine. vm.c has the table of its actions; each is a file vm_ACTION.c.
 */
#ifndef CLI_VM_H
#define CLI_VM_H

#include <groundwork/base.h>

#include <stdio.h>

int cli_vm(int argc, char **argv);
void cli_vm_words(int argc, char **argv, FILE *file);

/* ---- Of the actions, for the table ----------------------------------------------------------- */

struct cli_vm_image {
	bool help, minimal;
	const char *cache;
};

extern const struct gw_option cli_vm_image_options[];
int cli_vm_image(void *values, char **operands, size_t count, struct gw_error *error);

struct cli_vm_control {
	bool help, watch;
};

extern const struct gw_option cli_vm_control_options[], cli_vm_status_options[];
int cli_vm_status(void *values, char **operands, size_t count, struct gw_error *error);
int cli_vm_pause(void *values, char **operands, size_t count, struct gw_error *error);
int cli_vm_resume(void *values, char **operands, size_t count, struct gw_error *error);
int cli_vm_snapshot(void *values, char **operands, size_t count, struct gw_error *error);
int cli_vm_power(void *values, char **operands, size_t count, struct gw_error *error);

struct cli_vm_run {
	bool help, restart, bare, read_only;
	const char *image, *kernel, *initrd, *firmware, *disk, *network, *append, *record;
	const char *console, *control;
	uint64_t memory_bytes;
};

extern const struct gw_option cli_vm_run_options[];
extern const struct cli_vm_run cli_vm_run_defaults;
int cli_vm_run(void *values, char **operands, size_t count, struct gw_error *error);

struct cli_vm_replay {
	bool help;
	const char *kernel, *initrd, *firmware, *disk;
	const char *from, *snapshot;
	int64_t until, gdb;
};

extern const struct gw_option cli_vm_replay_options[];
extern const struct cli_vm_replay cli_vm_replay_defaults;
int cli_vm_replay(void *values, char **operands, size_t count, struct gw_error *error);

#endif
