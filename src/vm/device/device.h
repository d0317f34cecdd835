/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - what a device is, and the bus that devices hang on.
 *
 * A device is a state machine: it is moved by what the guest reads and writes, by what the machine
 * hands in between two instructions (a byte, a frame, an answer of the disk), and by the time of
 * the hart; by nothing else. It calls nothing outside and reads no clock. What it has to say to the
 * outside goes through a callback of its setup, from within the guest's access or the call that
 * caused it; a callback keeps no pointer it was passed, and calls into no device. What was asked of
 * the outside is answered by a later call, at a count that the machine logs. So the same accesses
 * and calls at the same counts give the same state, memory, lines and callbacks.
 *
 *     vm_devices_new(&devices, &error);
 *     setup.bus = &vm_devices_bus, setup.device = devices;     (of the hart)
 *     vm_uart_new(&uart, &uart_setup, &error);
 *     vm_devices_add(devices, 0x10000000, vm_uart_device(uart), &error);
 *     for (;;) {
 *             ... vm_cpu_run(cpu, vm_cpu_count_at(cpu, vm_devices_next(devices))) ...
 *             vm_devices_tick(devices);
 *     }
 *     vm_devices_free(devices);                  (and each device by its own)
 *
 * Time is vm_cpu_time, in ticks. A device whose next instant changes within an access of the guest
 * calls vm_cpu_stop, so that the machine asks vm_devices_next again.
 *
 * An address at which there is nothing, a size that a register does not have, and a range over the
 * end of a device are access faults of the guest. Everything a guest writes is hostile input: it
 * may break its device, seen by it only, and never anything else.
 *
 * Not for two threads at once. Nothing blocks or logs; only _new and saving allocate.
 */
#ifndef VM_DEVICE_DEVICE_H
#define VM_DEVICE_DEVICE_H

#include "fields.h"
#include "ram.h"

/* ---- Wires ----------------------------------------------------------------------------------- */

/* An interrupt from a device to where it is collected; it is high or low, until set again. */
struct vm_wire {
	void (*set)(void *to, unsigned number, bool high); /* NULL: it leads nowhere */
	void *to;
	unsigned number;
};

static inline void vm_wire_set(const struct vm_wire *wire, bool high)
{
	if (wire->set)
		wire->set(wire->to, wire->number, high);
}

/* ---- Devices --------------------------------------------------------------------------------- */

/* X(number, NAME, version of its state); both are in snapshots, so for ever. */
#define VM_DEVICE_TABLE(X)    \
	X(1, CLINT, 1)        \
	X(2, PLIC, 1)         \
	X(3, UART, 1)         \
	X(4, RTC, 1)          \
	X(5, SYSCON, 1)       \
	X(6, VIRTIO_BLOCK, 1) \
	X(7, VIRTIO_NET, 1)   \
	X(8, VIRTIO_RNG, 1)

enum vm_device_number {
#define VM_DEVICE_ENUM(number, name, version) VM_DEVICE_##name = number,
	VM_DEVICE_TABLE(VM_DEVICE_ENUM)
#undef VM_DEVICE_ENUM
};

/* What a device does; a constant of its file. */
struct vm_device_kind {
	enum vm_device_number number;
	uint64_t size; /* of its range of addresses, bytes */
	/* offset + size is within the range; size is 1, 2, 4 or 8 and divides offset. 0, or
	 * negative for an access fault. */
	int (*read)(void *device, uint64_t offset, unsigned size, uint64_t *value);
	int (*write)(void *device, uint64_t offset, unsigned size, uint64_t value);
	void (*reset)(void *device); /* as after _new, but for what is said to outlive it */
	/* The time at which tick is wanted; it may be past. NULL: never. */
	uint64_t (*next)(const void *device);
	void (*tick)(void *device);
	void (*fields)(void *device, struct vm_fields *fields); /* see fields.h */
};

struct vm_device {
	const struct vm_device_kind *kind;
	void *state;
};

/* ---- The bus --------------------------------------------------------------------------------- */

enum { VM_DEVICES_MAX = 32 };

struct vm_devices;

extern const struct vm_bus vm_devices_bus; /* for vm_cpu_setup.bus, with a struct vm_devices * */

int vm_devices_new(struct vm_devices **devices, struct gw_error *error) GW_MUST_CHECK;
void vm_devices_free(struct vm_devices *devices); /* not the devices on it */

/* GW_E_INVALID: over another, over the end, not a multiple of 4096; GW_E_TOO_LARGE: too many. The
 * device is the caller's, and lives until the bus is gone. */
int vm_devices_add(struct vm_devices *devices, uint64_t base, struct vm_device device,
		   struct gw_error *error) GW_MUST_CHECK;

/* All devices as after _new. */
void vm_devices_reset(struct vm_devices *devices);

/* The earliest time at which vm_devices_tick has something to do; UINT64_MAX: never. It may be now
 * or past, which counts as now. */
uint64_t vm_devices_next(const struct vm_devices *devices);
/* Does what is due at the present time. */
void vm_devices_tick(struct vm_devices *devices);

/*
 * The state of all devices, appended to out. 8 bytes of magic with the version in the last, 4 bytes
 * count; for each device in the order of their addresses: base in 8, number in 4, version in 4,
 * size in 4, its fields; then the CRC-32C of all that in 4. GW_E_NO_MEMORY, GW_E_TOO_LARGE.
 */
enum { VM_DEVICES_STATE_VERSION = 1 };

int vm_devices_save(struct vm_devices *devices, struct base_buffer *out, struct gw_error *error)
	GW_MUST_CHECK;
/* Into devices that are made and placed as those were. GW_E_CORRUPT, GW_E_VERSION: they are then
 * all reset. The hart's lines are the hart's, and loaded with it. */
int vm_devices_load(struct vm_devices *devices, struct gw_bytes in, struct gw_error *error)
	GW_MUST_CHECK;
/* Equal states have equal ones. Allocates nothing. */
uint64_t vm_devices_hash(struct vm_devices *devices);

#endif
