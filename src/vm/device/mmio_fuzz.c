/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmio_fuzz.c - any accesses to all devices, at any time: nothing crashes, nobody wants to be
 * ticked for ever, and what is saved is loaded.
 *
 * An input is steps of 8 bytes: what, where (2), value (4), and one that is not used.
 */
#include "all_fixture.h"

#include "base/little_endian.h"

#include <assert.h>

enum { STEP_BYTES = 8, STEPS_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Near what registers there are. */
static uint64_t address_of(unsigned device, uint16_t where)
{
	static const uint64_t bases[] = {
		ALL_SYSCON, ALL_RTC, ALL_CLINT, ALL_CLINT + 0x4000, ALL_CLINT + 0xb000,
		ALL_PLIC, ALL_PLIC + 0x1000, ALL_PLIC + 0x2000, ALL_PLIC + 0x200000, ALL_UART,
		ALL_VIRTIO, ALL_VIRTIO + 0x1000, ALL_VIRTIO + 0x2000, ALL_VIRTIO + 0x3000,
		ALL_UART - 0x1000, 0,
	};

	return bases[device % 16] + where % 0x2000;
}

static void access(struct all *all, uint8_t what, uint16_t where, uint32_t value)
{
	const unsigned width = 1U << (what >> 5 & 3);
	uint64_t address = address_of(what & 15, where), read = 0;

	if (what & 16)
		(void)vm_devices_bus.write(all->rig.devices, address, width,
					   (uint64_t)value << 32 | value);
	else if (vm_devices_bus.read(all->rig.devices, address, width, &read) == 0)
		assert(width == 8 || read >> 8 * width == 0);
}

static void from_outside(struct all *all, uint8_t what, uint16_t where, uint32_t value)
{
	uint8_t bytes[64] = {0};

	base_store32(bytes, value);
	switch (what & 7) {
	case 0:
		vm_uart_receive(all->uart, (uint8_t)value);
		break;
	case 1:
		rig_set_time(&all->rig, (uint64_t)value << where % 40);
		assert(vm_devices_next(all->rig.devices) > vm_cpu_time(all->rig.cpu));
		break;
	case 2:
		rig_round_trip(&all->rig);
		break;
	case 3:
		all_answer(all, value, (int)(where & 1) * GW_E_IO);
		break;
	case 4:
		(void)vm_virtio_net_receive(all->net, (struct gw_bytes){bytes, value % 64});
		break;
	case 5:
		vm_virtio_net_set_link(all->net, value & 1);
		break;
	case 6:
		vm_virtio_rng_fill(all->rng, (struct gw_bytes){bytes, value % 64});
		break;
	default:
		vm_devices_reset(all->rig.devices);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct all all;

	all_start(&all);
	for (size_t step = 0; step < STEPS_MAX && size >= STEP_BYTES; step++) {
		uint16_t where = base_load16(data + 1);
		uint32_t value = base_load32(data + 3);

		if (data[0] & 0x80)
			from_outside(&all, data[0], where, value);
		else
			access(&all, data[0], where, value);
		data += STEP_BYTES;
		size -= STEP_BYTES;
	}
	if (vm_devices_load(all.rig.devices, (struct gw_bytes){data, size}, NULL) < 0)
		rig_round_trip(&all.rig);
	all_end(&all);
	return 0;
}
