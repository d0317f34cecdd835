/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_control.c - `gw vm status`, `pause`, `resume`, `snapshot`, `power`: a machine that runs is
 * asked and told.
 */
#include "cli/vm.h"
#include "vm/host/control.h"
#include "vm/host/status.h"

#include <errno.h>
#include <unistd.h>

const struct gw_option cli_vm_control_options[] = {
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_control, help), NULL, "Print this help",
	 NULL},
	{0},
};

const struct gw_option cli_vm_status_options[] = {
	{"watch", 'w', GW_OPTION_FLAG, offsetof(struct cli_vm_control, watch), NULL,
	 "A line a second with its speed, until it runs no more", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_control, help), NULL, "Print this help",
	 NULL},
	{0},
};

static int ask(const char *directory, const char *request, struct gw_error *error)
{
	struct base_buffer answer = {0};
	int code = vm_control_ask(directory, request, &answer, error);

	if (code == 0)
		fwrite(answer.data, 1, answer.size, stdout);
	base_buffer_done(&answer);
	return code;
}

static int say(void *context, const char *line)
{
	(void)context;
	return printf("%s\n", line) < 0 || fflush(stdout) != 0 ? GW_E_IO : 0;
}

int cli_vm_status(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cli_vm_control *status = values;

	(void)count;
	if (status->watch)
		return vm_status_watch(operands[0], say, NULL, error);
	return ask(operands[0], "status", error);
}

int cli_vm_pause(void *values, char **operands, size_t count, struct gw_error *error)
{
	(void)values, (void)count;
	return ask(operands[0], "pause", error);
}

int cli_vm_resume(void *values, char **operands, size_t count, struct gw_error *error)
{
	(void)values, (void)count;
	return ask(operands[0], "resume", error);
}

int cli_vm_power(void *values, char **operands, size_t count, struct gw_error *error)
{
	(void)values, (void)count;
	if (strcmp(operands[1], "off") == 0)
		return ask(operands[0], "power off", error);
	if (strcmp(operands[1], "reset") == 0)
		return ask(operands[0], "power reset", error);
	return gw_fail(error, GW_E_USAGE, "%s: off or reset is wanted", operands[1]);
}

/* The machine may be in another directory than we are. */
int cli_vm_snapshot(void *values, char **operands, size_t count, struct gw_error *error)
{
	char here[2048] = "", request[VM_CONTROL_LINE_BYTES_MAX];
	bool absolute = operands[1][0] == '/';
	int length;

	(void)values, (void)count;
	if (!absolute && !getcwd(here, sizeof(here)))
		return gw_fail_errno(error, errno, "where we are");
	length = snprintf(request, sizeof(request), "snapshot %s%s%s", here, absolute ? "" : "/",
			  operands[1]);
	if (length >= (int)sizeof(request) || strchr(operands[1], '\n'))
		return gw_fail(error, GW_E_USAGE, "%s: no path for a snapshot", operands[1]);
	return ask(operands[0], request, error);
}
