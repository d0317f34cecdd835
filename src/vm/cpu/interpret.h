/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpret.h - runs decoded blocks. The oracle for whatever may run them faster one day.
 */
#ifndef VM_CPU_INTERPRET_H
#define VM_CPU_INTERPRET_H

#include "state.h"

enum vm_leave {
	VM_LEAVE_COUNT = 1, /* cpu->left is 0 */
	VM_LEAVE_ATTENTION, /* an instruction asked for it */
	/* Of the instruction at cpu->pc, which cpu->left still holds; or a stop before it. */
	VM_LEAVE_EXCEPTION,
};

/* From cpu->pc on, at most cpu->left instructions; both are then true. */
enum vm_leave vm_interpret(struct vm_cpu *cpu);

#endif
