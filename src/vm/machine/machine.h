/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the machine: a hart, RAM and devices, run from event to event. It reads no clock and
 * calls nothing outside; what it does follows from its setup and its events (event.h).
 *
 *     vm_machine_new(&machine, &setup, &error);
 *     for (;;) {
 *             enum vm_pause why = vm_machine_run(machine, count_of_the_next_event);
 *             ... event.count = vm_machine_count(machine);
 *             vm_machine_input(machine, &event, &error);
 *     }
 *     vm_machine_free(machine);
 *
 * Who runs it for real polls from time to time and puts in what came meanwhile, and when the hart
 * waits, sleeps until something comes or a timer is due and then moves the time there. Who replays
 * puts in the same events at the same counts. Where a run is interrupted, and how often, changes
 * nothing: at every count the machine's state is one.
 *
 * Time. A tick is VM_INSTRUCTIONS_PER_TICK instructions, and events of TIME add to it. Timers of
 * the guest go off at the first count at which the time has come.
 *
 * Without firmware the kernel runs in supervisor mode, and the SBI is the machine's own (sbi.h).
 *
 * Not for two threads at once. Only _new, _restart and _save allocate.
 */
#ifndef VM_MACHINE_MACHINE_H
#define VM_MACHINE_MACHINE_H

#include "vm/device/virtio_block.h"
#include "vm/device/virtio_net.h"
#include "vm/machine/event.h"
#include "vm/machine/load.h"

struct vm_machine;

#define VM_MACHINE_RAM_BYTES_MIN (UINT64_C(4) << 20)
#define VM_MACHINE_RAM_BYTES_MAX (UINT64_C(64) << 30)

/* What the machine says to the outside, each from within vm_machine_run or vm_machine_input; NULL:
 * nobody listens. They must not call the machine, and keep no pointer. */
struct vm_outside {
	void (*console)(void *context, uint8_t byte);
	void (*transmit)(void *context, struct gw_bytes frame);
	/* To be answered by an event of BLOCK. */
	void (*request)(void *context, const struct vm_block_request *request);
	/* To be answered by an event of ENTROPY, of at most size bytes. */
	void (*entropy)(void *context, size_t size);
	/* Every event that is accepted, before it takes effect: for a log. */
	void (*event)(void *context, const struct vm_event *event);
};

struct vm_machine_setup {
	uint8_t *ram; /* the caller's, page-aligned and zero, for as long as the machine lives */
	uint64_t ram_size; /* a multiple of VM_PAGE_BYTES */
	struct vm_load load; /* bytes and names live as long as the machine; tree: append only */
	uint8_t seed[VM_SEED_BYTES]; /* entropy for the kernel */
	uint64_t start_ns; /* since 1970, what the clock shows at first */
	bool has_disk;
	uint64_t disk_bytes; /* a multiple of VM_BLOCK_SECTOR */
	bool disk_read_only;
	bool has_network;
	uint8_t network_address[VM_NET_ADDRESS_BYTES];
	struct vm_outside outside;
	void *context;
	/* To prove that they are not seen; see vm_cpu_setup. */
	unsigned block_instructions_max;
	unsigned translations_max;
	size_t blocks_max;
};

/* Ready for the first instruction. GW_E_INVALID, GW_E_TOO_LARGE, GW_E_NO_MEMORY, and what vm_load
 * says. */
int vm_machine_new(struct vm_machine **machine, const struct vm_machine_setup *setup,
		   struct gw_error *error) GW_MUST_CHECK;
void vm_machine_free(struct vm_machine *machine);

/* ---- Running --------------------------------------------------------------------------------- */

enum vm_pause {
	VM_PAUSE_COUNT = 1, /* the count was reached */
	VM_PAUSE_WAIT,      /* the hart waits for an interrupt: an event is wanted */
	VM_PAUSE_ASKED,     /* a request to the disk or for entropy was passed on */
	VM_PAUSE_OFF,       /* the guest, or an event, switched the machine off: for good */
	VM_PAUSE_FAILED,    /* the same, and the guest said that it failed */
	VM_PAUSE_RESET,     /* the guest wants to start again: vm_machine_restart */
	VM_PAUSE_HIT,       /* before the next instruction, by vm_cpu_set_stops */
};

/* Runs until the count is `until`, or less far. */
enum vm_pause vm_machine_run(struct vm_machine *machine, uint64_t until) GW_MUST_CHECK;

/*
 * Puts an event in. GW_E_INVALID: it is not for this count, the machine is off, or has not what the
 * event is for, or did not ask for it; nothing happened then. What the guest has no room for (bytes
 * typed, frames) is lost, which is no failure.
 */
int vm_machine_input(struct vm_machine *machine, const struct vm_event *event,
		     struct gw_error *error) GW_MUST_CHECK;

/* After VM_PAUSE_RESET: RAM, devices and hart as at the start; count, time and disk go on. */
int vm_machine_restart(struct vm_machine *machine, struct gw_error *error) GW_MUST_CHECK;

uint64_t vm_machine_count(const struct vm_machine *machine);
uint64_t vm_machine_time(const struct vm_machine *machine); /* ticks */
/* The time at which a timer of the guest goes off; UINT64_MAX: never. */
uint64_t vm_machine_due(const struct vm_machine *machine);
/* How many typed bytes would not be lost now; what would become of a frame of so many bytes. */
size_t vm_machine_console_room(const struct vm_machine *machine);
/* How much entropy the guest waits for, at most; 0: it does not wait. */
size_t vm_machine_entropy_wanted(const struct vm_machine *machine);
enum vm_net_room vm_machine_network_room(const struct vm_machine *machine, size_t size);

/* ---- State ----------------------------------------------------------------------------------- */

/* Of hart, devices and, if that is wanted, RAM: equal states have equal ones. */
uint64_t vm_machine_hash(const struct vm_machine *machine, bool with_ram);

/*
 * The state without RAM, appended to out: 8 bytes magic with the version in the last, 8 the SBI's
 * timer, 8 why it is off, the hart's VM_CPU_STATE_BYTES, the devices', and the CRC-32C of all that.
 */
enum { VM_MACHINE_STATE_VERSION = 1 };

int vm_machine_save(struct vm_machine *machine, struct base_buffer *out, struct gw_error *error)
	GW_MUST_CHECK;
/* Into a machine of the same setup whose RAM is what it was. GW_E_CORRUPT, GW_E_VERSION: it can
 * only be freed then. */
int vm_machine_load(struct vm_machine *machine, struct gw_bytes in, struct gw_error *error)
	GW_MUST_CHECK;

struct vm_cpu *vm_machine_cpu(struct vm_machine *machine); /* for a debugger */

#endif
