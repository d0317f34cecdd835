/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_parts.c - a machine is put together, started, and taken apart.
 */
#include "machine_inside.h"

#include "vm/machine/sbi.h"

#include "base/little_endian.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { A0 = 10, A1, A2, NS_PER_TICK = 1000000000 / VM_TICKS_PER_SECOND };

/* ---- What devices say ------------------------------------------------------------------------ */

static void send(void *context, uint8_t byte)
{
	struct vm_machine *machine = context;

	if (machine->setup.outside.console)
		machine->setup.outside.console(machine->setup.context, byte);
}

static void transmit(void *context, struct gw_bytes frame)
{
	struct vm_machine *machine = context;

	if (machine->setup.outside.transmit)
		machine->setup.outside.transmit(machine->setup.context, frame);
}

/* The run ends, so that the outside can answer soon. */
static void ask(struct vm_machine *machine)
{
	machine->asked = true;
	vm_cpu_stop(machine->cpu);
}

static void request(void *context, const struct vm_block_request *request)
{
	struct vm_machine *machine = context;

	ask(machine);
	if (machine->setup.outside.request)
		machine->setup.outside.request(machine->setup.context, request);
}

static void want(void *context, size_t size)
{
	struct vm_machine *machine = context;

	ask(machine);
	if (machine->setup.outside.entropy)
		machine->setup.outside.entropy(machine->setup.context, size);
}

static void wish(void *context, enum vm_syscon_wish wish, unsigned code)
{
	struct vm_machine *machine = context;

	(void)code;
	if (wish == VM_SYSCON_RESET)
		machine->ended = VM_PAUSE_RESET;
	else
		machine->ended = wish == VM_SYSCON_OFF ? VM_PAUSE_OFF : VM_PAUSE_FAILED;
	vm_cpu_stop(machine->cpu);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static int add(struct vm_machine *machine, uint64_t base, struct vm_device device,
	       struct gw_error *error)
{
	return vm_devices_add(machine->devices, base, device, error);
}

static struct vm_ram ram_of(struct vm_machine *machine)
{
	return (struct vm_ram){.bytes = machine->setup.ram,
			       .base = VM_MAP_RAM,
			       .size = machine->setup.ram_size,
			       .cpu = machine->cpu};
}

static struct vm_wire virtio_wire(struct vm_machine *machine, enum vm_virtio_place place)
{
	return vm_plic_wire(machine->plic, VM_INTERRUPT_VIRTIO + place);
}

static int add_virtio(struct vm_machine *machine, enum vm_virtio_place place,
		      struct vm_device device, struct gw_error *error)
{
	return add(machine, VM_MAP_VIRTIO + (uint64_t)place * VM_MAP_VIRTIO_BYTES, device, error);
}

static int make_interrupts(struct vm_machine *machine, struct gw_error *error)
{
	int code = vm_clint_new(&machine->clint, machine->cpu, error);

	if (code == 0)
		code = add(machine, VM_MAP_CLINT, vm_clint_device(machine->clint), error);
	if (code == 0)
		code = vm_plic_new(&machine->plic, machine->cpu, error);
	if (code == 0)
		code = add(machine, VM_MAP_PLIC, vm_plic_device(machine->plic), error);
	return code;
}

static int make_console(struct vm_machine *machine, struct gw_error *error)
{
	struct vm_uart_setup setup = {
		.wire = vm_plic_wire(machine->plic, VM_INTERRUPT_CONSOLE),
		.send = send,
		.context = machine,
	};
	int code = vm_uart_new(&machine->uart, &setup, error);

	if (code == 0)
		code = add(machine, VM_MAP_CONSOLE, vm_uart_device(machine->uart), error);
	return code;
}

static int make_clock(struct vm_machine *machine, struct gw_error *error)
{
	struct vm_rtc_setup setup = {
		.wire = vm_plic_wire(machine->plic, VM_INTERRUPT_RTC),
		.cpu = machine->cpu,
		.start_ns = machine->setup.start_ns,
		.tick_ns = NS_PER_TICK,
	};
	int code = vm_rtc_new(&machine->rtc, &setup, error);

	if (code == 0)
		code = add(machine, VM_MAP_RTC, vm_rtc_device(machine->rtc), error);
	return code;
}

static int make_power(struct vm_machine *machine, struct gw_error *error)
{
	struct vm_syscon_setup setup = {.wish = wish, .context = machine};
	int code = vm_syscon_new(&machine->syscon, &setup, error);

	if (code == 0)
		code = add(machine, VM_MAP_POWER, vm_syscon_device(machine->syscon), error);
	return code;
}

static int make_entropy(struct vm_machine *machine, struct gw_error *error)
{
	struct vm_virtio_rng_setup setup = {
		.ram = ram_of(machine),
		.wire = virtio_wire(machine, VM_VIRTIO_ENTROPY),
		.want = want,
		.context = machine,
	};
	int code = vm_virtio_rng_new(&machine->rng, &setup, error);

	if (code == 0)
		code = add_virtio(machine, VM_VIRTIO_ENTROPY, vm_virtio_rng_device(machine->rng),
				  error);
	return code;
}

static int make_disk(struct vm_machine *machine, struct gw_error *error)
{
	struct vm_virtio_block_setup setup = {
		.ram = ram_of(machine),
		.wire = virtio_wire(machine, VM_VIRTIO_BLOCK),
		.size = machine->setup.disk_bytes,
		.read_only = machine->setup.disk_read_only,
		.id = "groundwork",
		.request = request,
		.context = machine,
	};
	int code;

	if (!machine->setup.has_disk)
		return 0;
	code = vm_virtio_block_new(&machine->block, &setup, error);
	if (code == 0)
		code = add_virtio(machine, VM_VIRTIO_BLOCK,
				  vm_virtio_block_device(machine->block), error);
	return code;
}

static int make_network(struct vm_machine *machine, struct gw_error *error)
{
	struct vm_virtio_net_setup setup = {
		.ram = ram_of(machine),
		.wire = virtio_wire(machine, VM_VIRTIO_NETWORK),
		.transmit = transmit,
		.context = machine,
	};
	int code;

	if (!machine->setup.has_network)
		return 0;
	memcpy(setup.address, machine->setup.network_address, sizeof(setup.address));
	code = vm_virtio_net_new(&machine->net, &setup, error);
	if (code == 0)
		code = add_virtio(machine, VM_VIRTIO_NETWORK, vm_virtio_net_device(machine->net),
				  error);
	return code;
}

/* ---- The hart, and the start ----------------------------------------------------------------- */

static int make_hart(struct vm_machine *machine, struct gw_error *error)
{
	const struct vm_machine_setup *from = &machine->setup;
	struct vm_cpu_setup setup = {
		.ram = from->ram,
		.ram_base = VM_MAP_RAM,
		.ram_size = from->ram_size,
		.instructions_per_tick = VM_INSTRUCTIONS_PER_TICK,
		.ecall_stops = !from->load.bare && from->load.firmware.bytes.size == 0,
		.block_instructions_max = from->block_instructions_max,
		.translations_max = from->translations_max,
		.blocks_max = from->blocks_max,
		.bus = &vm_devices_bus,
		.device = machine->devices,
	};

	return vm_cpu_new(&machine->cpu, &setup, error);
}

/* Fills RAM and sets the hart to where that starts. */
static int start(struct vm_machine *machine, struct gw_error *error)
{
	const struct vm_machine_setup *setup = &machine->setup;
	struct vm_load load = setup->load;
	uint8_t seed[VM_SEED_BYTES];
	struct vm_start start;
	int code;

	/* Every start has another seed. */
	memcpy(seed, setup->seed, sizeof(seed));
	base_store64(seed, base_load64(seed) ^ vm_cpu_count(machine->cpu));
	load.tree.seed = seed;
	load.tree.virtio[VM_VIRTIO_ENTROPY] = true;
	load.tree.virtio[VM_VIRTIO_BLOCK] = setup->has_disk;
	load.tree.virtio[VM_VIRTIO_NETWORK] = setup->has_network;
	code = vm_load(&load, setup->ram, setup->ram_size, &start, error);
	if (code < 0)
		return code;
	if (start.mode == VM_MODE_SUPERVISOR)
		vm_sbi_prepare(machine->cpu);
	vm_cpu_set_pc(machine->cpu, start.pc);
	vm_cpu_set_x(machine->cpu, A0, 0);
	vm_cpu_set_x(machine->cpu, A1, start.tree);
	vm_cpu_set_x(machine->cpu, A2, start.told);
	machine->sbi_timer = UINT64_MAX;
	machine->ended = 0;
	return 0;
}

static int check(const struct vm_machine_setup *setup, struct gw_error *error)
{
	assert(setup->ram && setup->ram_size % VM_PAGE_BYTES == 0);
	if (setup->ram_size < VM_MACHINE_RAM_BYTES_MIN ||
	    setup->ram_size > VM_MACHINE_RAM_BYTES_MAX)
		return gw_fail(error, GW_E_INVALID,
			       "%" PRIu64 " MiB of memory: %" PRIu64 " to %" PRIu64 " are allowed",
			       setup->ram_size >> 20, VM_MACHINE_RAM_BYTES_MIN >> 20,
			       VM_MACHINE_RAM_BYTES_MAX >> 20);
	if (setup->load.bare && setup->load.firmware.bytes.size)
		return gw_fail(error, GW_E_INVALID,
			       "%s: a bare program has no firmware below it",
			       setup->load.firmware.name);
	return 0;
}

int vm_machine_new(struct vm_machine **made, const struct vm_machine_setup *setup,
		   struct gw_error *error)
{
	struct vm_machine *machine;
	int code = check(setup, error);

	if (code < 0)
		return code;
	machine = calloc(1, sizeof(*machine));
	if (!machine)
		return gw_fail(error, GW_E_NO_MEMORY, "a machine: out of memory");
	machine->setup = *setup;
	code = vm_devices_new(&machine->devices, error);
	if (code == 0)
		code = make_hart(machine, error);
	if (code == 0)
		code = make_interrupts(machine, error);
	if (code == 0)
		code = make_console(machine, error);
	if (code == 0)
		code = make_clock(machine, error);
	if (code == 0)
		code = make_power(machine, error);
	if (code == 0)
		code = make_entropy(machine, error);
	if (code == 0)
		code = make_disk(machine, error);
	if (code == 0)
		code = make_network(machine, error);
	if (code == 0)
		code = start(machine, error);
	if (code < 0) {
		vm_machine_free(machine);
		return code;
	}
	*made = machine;
	return 0;
}

void vm_machine_free(struct vm_machine *machine)
{
	if (!machine)
		return;
	vm_devices_free(machine->devices);
	vm_virtio_net_free(machine->net);
	vm_virtio_block_free(machine->block);
	vm_virtio_rng_free(machine->rng);
	vm_syscon_free(machine->syscon);
	vm_rtc_free(machine->rtc);
	vm_uart_free(machine->uart);
	vm_plic_free(machine->plic);
	vm_clint_free(machine->clint);
	vm_cpu_free(machine->cpu);
	free(machine);
}

int vm_machine_restart(struct vm_machine *machine, struct gw_error *error)
{
	const struct vm_machine_setup *setup = &machine->setup;
	uint64_t lines = vm_cpu_lines(machine->cpu);

	assert(machine->ended == VM_PAUSE_RESET);
	vm_devices_reset(machine->devices);
	vm_cpu_set_lines(machine->cpu, lines, false);
	memset(setup->ram, 0, setup->ram_size);
	vm_cpu_ram_written(machine->cpu, VM_MAP_RAM, setup->ram_size);
	vm_cpu_reset(machine->cpu);
	return start(machine, error);
}
