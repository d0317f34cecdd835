/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_input.c - the one door through which the outside comes in. An event may come from a log,
 * so all that is in it is checked.
 */
#include "machine_inside.h"

#include <assert.h>
#include <inttypes.h>

#define TIME_MAX (UINT64_MAX / 2) /* ticks */

static const char *const names[VM_EVENT_KINDS] = {
#define NAME(number, name, id, value, data) [number] = #name,
	VM_EVENT_TABLE(NAME)
#undef NAME
};

size_t vm_machine_console_room(const struct vm_machine *machine)
{
	return vm_uart_room(machine->uart);
}

size_t vm_machine_entropy_wanted(const struct vm_machine *machine)
{
	return vm_virtio_rng_wanted(machine->rng);
}

enum vm_net_room vm_machine_network_room(const struct vm_machine *machine, size_t size)
{
	return machine->net ? vm_virtio_net_room(machine->net, size) : VM_NET_LOST;
}

static int refuse(const struct vm_event *event, const char *why, struct gw_error *error)
{
	return gw_fail(error, GW_E_INVALID, "event %s at %" PRIu64 ": %s", names[event->kind],
		       event->count, why);
}

/* ---- May it come in? ------------------------------------------------------------------------- */

/* Which of its parts an event of a kind has. */
static bool is_whole(const struct vm_event *event)
{
	bool has_id = event->kind == VM_EVENT_BLOCK;
	bool has_value = event->kind == VM_EVENT_BLOCK || event->kind == VM_EVENT_TIME ||
			 event->kind == VM_EVENT_POWER || event->kind == VM_EVENT_LINK;
	bool has_data = event->kind == VM_EVENT_CONSOLE || event->kind == VM_EVENT_FRAME ||
			event->kind == VM_EVENT_BLOCK || event->kind == VM_EVENT_ENTROPY;

	return (has_id || event->id == 0) && (has_value || event->value == 0) &&
	       (has_data || event->data.size == 0);
}

static int check_kind(struct vm_machine *machine, const struct vm_event *event,
		      struct gw_error *error)
{
	size_t size = event->data.size;

	switch (event->kind) {
	case VM_EVENT_FRAME:
	case VM_EVENT_LINK:
		return machine->net ? 0 : refuse(event, "the machine has no network", error);
	case VM_EVENT_BLOCK:
		return machine->block ? 0 : refuse(event, "the machine has no disk", error);
	case VM_EVENT_ENTROPY:
		if (size == 0 || size > vm_virtio_rng_wanted(machine->rng))
			return refuse(event, "not what was asked for", error);
		return 0;
	case VM_EVENT_TIME:
		if (event->value < 0 ||
		    (uint64_t)event->value > TIME_MAX - vm_machine_time(machine))
			return refuse(event, "a time that cannot be", error);
		return 0;
	case VM_EVENT_POWER:
		if (event->value != VM_POWER_OFF && event->value != VM_POWER_RESET)
			return refuse(event, "an unknown wish", error);
		return 0;
	default:
		return 0;
	}
}

static int check(struct vm_machine *machine, const struct vm_event *event, struct gw_error *error)
{
	if (event->kind <= 0 || event->kind >= VM_EVENT_KINDS)
		return gw_fail(error, GW_E_INVALID, "event %d at %" PRIu64 ": unknown",
			       event->kind, event->count);
	if (event->count != vm_machine_count(machine))
		return gw_fail(error, GW_E_INVALID, "event %s at %" PRIu64
			       ": the machine is at %" PRIu64, names[event->kind], event->count,
			       vm_machine_count(machine));
	if (machine->ended)
		return refuse(event, "the machine is off", error);
	if (!is_whole(event) || event->data.size > VM_EVENT_DATA_BYTES_MAX)
		return refuse(event, "malformed", error);
	return check_kind(machine, event, error);
}

/* ---- It comes in ----------------------------------------------------------------------------- */

static void power(struct vm_machine *machine, const struct vm_event *event)
{
	machine->ended = event->value == VM_POWER_OFF ? VM_PAUSE_OFF : VM_PAUSE_RESET;
}

static void apply(struct vm_machine *machine, const struct vm_event *event)
{
	const uint8_t *bytes = event->data.data;

	switch (event->kind) {
	case VM_EVENT_CONSOLE:
		for (size_t at = 0; at < event->data.size; at++)
			vm_uart_receive(machine->uart, bytes[at]);
		return;
	case VM_EVENT_FRAME:
		(void)vm_virtio_net_receive(machine->net, event->data);
		return;
	case VM_EVENT_BLOCK:
		(void)vm_virtio_block_complete(machine->block, event->id, (int)event->value,
					       event->data);
		return;
	case VM_EVENT_ENTROPY:
		vm_virtio_rng_fill(machine->rng, event->data);
		return;
	case VM_EVENT_TIME:
		vm_cpu_set_time_offset(machine->cpu, vm_cpu_time_offset(machine->cpu) +
							     (uint64_t)event->value);
		return;
	case VM_EVENT_WAKE:
		vm_cpu_set_pc(machine->cpu, vm_cpu_pc(machine->cpu));
		return;
	case VM_EVENT_POWER:
		power(machine, event);
		return;
	case VM_EVENT_LINK:
		vm_virtio_net_set_link(machine->net, event->value != 0);
		return;
	case VM_EVENT_KINDS:
		break;
	}
	assert(!"a kind that was checked");
}

int vm_machine_input(struct vm_machine *machine, const struct vm_event *event,
		     struct gw_error *error)
{
	int code = check(machine, event, error);

	if (code < 0)
		return code;
	if (machine->setup.outside.event)
		machine->setup.outside.event(machine->setup.context, event);
	apply(machine, event);
	vm_machine_tick(machine);
	return 0;
}
