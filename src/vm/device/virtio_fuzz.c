/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_fuzz.c - a driver that writes any bytes into its rings, to a disk, a card and a source of
 * entropy that run: nothing outside of RAM is touched, nothing crashes or hangs. The same run with
 * its devices saved and loaded at every step ends in the same state, memory and outside.
 *
 * An input is features (1), size of queues (1), then steps of 12 bytes: what, where (2), 8 bytes to
 * be written, and a number.
 */
#include "all_fixture.h"
#include "driver_fixture.h"

#include "base/little_endian.h"

#include <assert.h>

enum { STEP_BYTES = 12, STEPS_MAX = 128, RINGS_BYTES = 0x18000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned queue_counts[] = {1, 2, 1};

static void step(struct all *all, struct driver drivers[3], const uint8_t *data)
{
	static const uint8_t frame[4000] = {1, 2, 3, 4, 5, 6};
	uint8_t *rings = all->rig.bytes + base_load16(data + 1) * UINT64_C(8) % RINGS_BYTES;
	uint16_t number = base_load16(data + 1);
	struct driver *driver = &drivers[data[11] % 3];
	unsigned queue = data[11] / 3 % queue_counts[data[11] % 3];

	switch (data[0] % 8) {
	case 0:
	case 1:
		memcpy(rings, data + 3, 8);
		break;
	case 2:
		driver_describe(driver, driver->queues[queue].table, data[1] % 16,
				RIG_RAM + base_load32(data + 3) % (RIG_RAM_BYTES + 256),
				base_load16(data + 7), data[9] & 7, data[10] % 16);
		break;
	case 3:
		driver_offer(driver, queue, data[1] % 16);
		driver_notify(driver, queue);
		break;
	case 4:
		all_answer(all, number, (data[3] & 1) * GW_E_IO);
		break;
	case 5:
		(void)vm_virtio_net_receive(all->net,
					    (struct gw_bytes){frame, number % sizeof(frame)});
		break;
	case 6:
		vm_virtio_rng_fill(all->rng, (struct gw_bytes){frame, number % sizeof(frame)});
		break;
	default:
		driver_write(driver, number % 0x100 & ~3U, base_load32(data + 3));
		break;
	}
}

/* A disk's queue is filled with requests that are in order, for a start. */
static void prepare(struct all *all, struct driver drivers[3], const uint8_t *data)
{
	uint64_t features = (data[0] & 1 ? VM_VIRTIO_F_EVENT_IDX : 0) |
			    (data[0] & 2 ? VM_VIRTIO_F_INDIRECT_DESC : 0) | (data[0] & 4) << 13;
	uint16_t size = (uint16_t)(1 << data[1] % 5);

	for (unsigned at = 0; at < 3; at++) {
		drivers[at] = (struct driver){.rig = &all->rig, .base = ALL_VIRTIO + 0x1000 * at};
		driver_start(&drivers[at], features, queue_counts[at], size);
	}
}

/* Returns a hash of all there is at the end. */
static uint64_t run(const uint8_t *data, size_t size, bool save)
{
	struct driver drivers[3];
	struct all all;
	uint64_t hash;

	all_start(&all);
	prepare(&all, drivers, data);
	data += 2;
	size -= 2;
	for (size_t count = 0; count < STEPS_MAX && size >= STEP_BYTES; count++) {
		step(&all, drivers, data);
		if (save)
			rig_round_trip(&all.rig);
		data += STEP_BYTES;
		size -= STEP_BYTES;
	}
	hash = vm_devices_hash(all.rig.devices) ^ all.hash ^ vm_cpu_lines(all.rig.cpu);
	for (size_t at = 0; at < RIG_RAM_BYTES; at += 8)
		hash = (hash ^ base_load64(all.rig.bytes + at)) * UINT64_C(0x9e3779b97f4a7c15);
	all_end(&all);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 + STEP_BYTES)
		return 0;
	assert(run(data, size, false) == run(data, size, true));
	return 0;
}
