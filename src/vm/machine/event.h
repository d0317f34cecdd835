/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - what comes into a machine from outside. A run is decided by the machine's setup and its
 * events: the same events at the same counts give the same run, so a log of them is the run.
 *
 * Every event goes through vm_machine_input (machine.h), between two instructions, and takes effect
 * there at once. What the machine says to the outside (console bytes, frames, requests to the
 * disk) is not an event: it follows from the run.
 */
#ifndef VM_MACHINE_EVENT_H
#define VM_MACHINE_EVENT_H

#include <groundwork/base.h>

/* X(number, NAME, what id is, what value is, what data is); numbers are in logs, so for ever. */
#define VM_EVENT_TABLE(X)                                                                     \
	X(1, CONSOLE, "0", "0", "bytes typed; those that do not fit are lost")                \
	X(2, FRAME, "0", "0", "an Ethernet frame received")                                   \
	X(3, BLOCK, "the request's", "its status", "what was read; nothing for others")       \
	X(4, ENTROPY, "0", "0", "bytes for the request of the entropy device")                \
	X(5, TIME, "0", "ticks by which the machine's time jumps ahead", "nothing")           \
	X(6, WAKE, "0", "0", "nothing: a wfi ends though no interrupt is pending")            \
	X(7, POWER, "0", "enum vm_power", "nothing")                                          \
	X(8, LINK, "0", "1: the network is there, 0: it is gone", "nothing")

enum vm_event_kind {
#define VM_EVENT_ENUM(number, name, id, value, data) VM_EVENT_##name = number,
	VM_EVENT_TABLE(VM_EVENT_ENUM)
#undef VM_EVENT_ENUM
	VM_EVENT_KINDS, /* one more than the last */
};

enum vm_power {
	VM_POWER_OFF = 1, /* at once, as if the plug were pulled */
	VM_POWER_RESET,   /* the same, and it would start again */
};

/* What any event's data may have. A request to the disk has at most so many bytes, too. */
enum { VM_EVENT_DATA_BYTES_MAX = 4 << 20 };

struct vm_event {
	enum vm_event_kind kind;
	uint64_t count; /* of the machine's instructions, before the next of which it enters */
	uint64_t id;
	int64_t value;
	struct gw_bytes data; /* the caller's; used during the call only */
};

#endif
