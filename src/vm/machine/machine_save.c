/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_save.c - the machine's state as bytes, laid out as machine.h says.
 */
#include "machine_inside.h"

#include "base/buffer.h"
#include "base/crc32c.h"
#include "base/little_endian.h"

#define MAGIC UINT64_C(0x00006d766d7767) /* "gwmvm", and 0 before the version */

enum {
	TIMER_AT = 8,
	ENDED_AT = 16,
	HART_AT = 24,
	DEVICES_AT = HART_AT + VM_CPU_STATE_BYTES,
	CRC_BYTES = 4,
};

int vm_machine_save(struct vm_machine *machine, struct base_buffer *out, struct gw_error *error)
{
	size_t before = out->size;
	uint8_t head[DEVICES_AT], crc[CRC_BYTES];
	int code;

	base_store64(head, MAGIC | (uint64_t)VM_MACHINE_STATE_VERSION << 56);
	base_store64(head + TIMER_AT, machine->sbi_timer);
	base_store64(head + ENDED_AT, machine->ended);
	vm_cpu_save(machine->cpu, head + HART_AT);
	code = base_buffer_append(out, head, sizeof(head), error);
	if (code == 0)
		code = vm_devices_save(machine->devices, out, error);
	if (code == 0) {
		base_store32(crc, base_crc32c(0, out->data + before, out->size - before));
		code = base_buffer_append(out, crc, sizeof(crc), error);
	}
	if (code < 0)
		out->size = before;
	return code;
}

int vm_machine_load(struct vm_machine *machine, struct gw_bytes in, struct gw_error *error)
{
	const uint8_t *bytes = in.data;
	uint64_t ended;
	int code;

	if (in.size < DEVICES_AT + CRC_BYTES || (base_load64(bytes) ^ MAGIC) << 8)
		return gw_fail(error, GW_E_CORRUPT, "state of a machine: there is none");
	if (bytes[7] != VM_MACHINE_STATE_VERSION)
		return gw_fail(error, GW_E_VERSION, "state of a machine: version %u, known is %d",
			       bytes[7], VM_MACHINE_STATE_VERSION);
	if (base_load32(bytes + in.size - CRC_BYTES) !=
	    base_crc32c(0, bytes, in.size - CRC_BYTES))
		return gw_fail(error, GW_E_CORRUPT, "state of a machine: checksum mismatch");
	ended = base_load64(bytes + ENDED_AT);
	if (ended && (ended < VM_PAUSE_OFF || ended > VM_PAUSE_RESET))
		return gw_fail(error, GW_E_CORRUPT, "state of a machine: one that cannot be");
	code = vm_cpu_load(machine->cpu, (struct gw_bytes){bytes + HART_AT, VM_CPU_STATE_BYTES},
			   error);
	if (code == 0)
		code = vm_devices_load(machine->devices,
				       (struct gw_bytes){bytes + DEVICES_AT,
							 in.size - DEVICES_AT - CRC_BYTES},
				       error);
	if (code < 0)
		return code;
	machine->sbi_timer = base_load64(bytes + TIMER_AT);
	machine->ended = (enum vm_pause)ended;
	return 0;
}
