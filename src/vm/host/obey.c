/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obey.c - what other processes may ask of a machine that runs.
 */
#include "host_inside.h"

#include "vm/host/status.h"

#include <stdio.h>

static void tell_status(struct vm_host *host)
{
	const struct vm_host_watch *watch = host->watch;
	const struct vm_status status = {
		.paused = host->paused,
		.instructions = vm_machine_count(host->machine),
		.ticks = vm_machine_time(host->machine),
		.exits = host->exits,
		.events = host->events,
		.memory = host->setup.ram_size,
		.log = watch->size ? watch->size(watch->context) : 0,
		.lost = host->console.lost,
	};
	char text[VM_STATUS_TEXT_BYTES];

	vm_status_write(&status, text);
	vm_control_answer(&host->control, text, NULL);
}

static int switch_power(struct vm_host *host, enum vm_power how, struct gw_error *error)
{
	const struct vm_event event = {.kind = VM_EVENT_POWER, .value = how};
	int code = vm_host_put(host, event, error);

	host->off = code == 0;
	host->paused = false;
	vm_control_answer(&host->control, "", NULL);
	return code;
}

/* What it fails of does not hurt the machine. */
static void write_snapshot(struct vm_host *host, const char *path)
{
	const struct vm_host_watch *watch = host->watch;
	struct gw_error failure = {0};
	int code;

	if (watch->snapshot)
		code = watch->snapshot(watch->context, host->machine, path, &failure);
	else
		code = gw_fail(&failure, GW_E_UNSUPPORTED,
			       "only a machine that is recorded has snapshots");
	vm_control_answer(&host->control, "", code < 0 ? &failure : NULL);
}

int vm_host_obey(struct vm_host *host, const char *request, struct gw_error *error)
{
	struct gw_error unknown;

	if (strcmp(request, "power off") == 0)
		return switch_power(host, VM_POWER_OFF, error);
	if (strcmp(request, "power reset") == 0)
		return switch_power(host, VM_POWER_RESET, error);
	if (strcmp(request, "status") == 0) {
		tell_status(host);
	} else if (strcmp(request, "pause") == 0 || strcmp(request, "resume") == 0) {
		host->paused = request[0] == 'p';
		vm_control_answer(&host->control, "", NULL);
	} else if (strncmp(request, "snapshot ", 9) == 0) {
		write_snapshot(host, request + 9);
	} else {
		gw_fail(&unknown, GW_E_UNSUPPORTED, "%.40s: an unknown request", request);
		vm_control_answer(&host->control, NULL, &unknown);
	}
	return 0;
}
