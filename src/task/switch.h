/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch.h - from one stack to another: a few instructions on x86-64 and aarch64, swapcontext
 * elsewhere (or where TASK_UCONTEXT is set to 1).
 *
 * The instructions stand in the middle of a function, and say that they change every register; so
 * the compiler itself saves those that hold something it needs. They leave by a jump, not by a
 * return: a processor foresees a return by the calls that went before it, which were made on the
 * other stack. Floating-point modes are not switched; they belong to the thread.
 */
#ifndef TASK_SWITCH_H
#define TASK_SWITCH_H

#include "task/announce.h"

#include <stdint.h>
#include <string.h>

#ifndef TASK_UCONTEXT
#if defined(__x86_64__) && defined(__LP64__)
#define TASK_UCONTEXT 0
#elif defined(__aarch64__)
#define TASK_UCONTEXT 0
#else
#define TASK_UCONTEXT 1
#endif
#endif

#if TASK_UCONTEXT
#include <ucontext.h>
#endif

#ifdef __AVX512F__ /* the registers that only wider vectors have */
#define TASK_SWITCH_WIDE                                                                    \
	"xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",    \
		"xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2",  \
		"k3", "k4", "k5", "k6", "k7",
#else
#define TASK_SWITCH_WIDE
#endif

/* A place to go on from: a task that does not run, or the scheduler while a task does. */
struct task_context {
#if TASK_UCONTEXT
	ucontext_t registers;
#else
	void *stack, *frame, *next; /* the order is known to the instructions below */
#endif
	struct task_side side;
};

/* Makes the context begin entry() on the stack that ends at top. entry must not return. */
static inline void task_context_begin(struct task_context *context, void *top,
				      void (*entry)(void))
{
#if TASK_UCONTEXT
	char *bottom = (char *)(uintptr_t)context->side.bottom;

	getcontext(&context->registers);
	context->registers.uc_link = NULL;
	context->registers.uc_stack.ss_sp = bottom;
	context->registers.uc_stack.ss_size = (size_t)((char *)top - bottom);
	makecontext(&context->registers, entry, 0);
#else
	uintptr_t stack = (uintptr_t)top & ~(uintptr_t)15;

	context->frame = NULL;
	memcpy(&context->next, &entry, sizeof(entry));
#ifdef __x86_64__
	stack -= 8; /* as after a call; from address 0, where a stack trace ends */
	*(uintptr_t *)stack = 0;
#endif
	context->stack = (void *)stack;
#endif
}

/* Goes on in `to`; returns when somebody goes on in `from`. */
static inline __attribute__((always_inline)) void task_switch(struct task_context *from,
							      struct task_context *to, bool ending)
{
	task_announce_leave(&from->side, &to->side, ending);
#if TASK_UCONTEXT
	swapcontext(&from->registers, &to->registers);
#elif defined(__x86_64__)
	{
		struct task_context *left = from, *entered = to;

		__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
				 "movq %%rsp, 0(%%rdi)\n\t"
				 "movq %%rbp, 8(%%rdi)\n\t"
				 "movq %%rax, 16(%%rdi)\n\t"
				 "movq 0(%%rsi), %%rsp\n\t"
				 "movq 8(%%rsi), %%rbp\n\t"
				 "jmpq *16(%%rsi)\n"
				 "1:"
				 : "+D"(left), "+S"(entered)
				 :
				 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12",
				   "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
				   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
				   "xmm12", "xmm13", "xmm14", "xmm15", TASK_SWITCH_WIDE "memory",
				   "cc");
	}
#else
	{
		register struct task_context *left __asm__("x0") = from;
		register struct task_context *entered __asm__("x1") = to;

		__asm__ volatile("adr x2, 1f\n\t"
				 "mov x3, sp\n\t"
				 "stp x3, x29, [x0]\n\t"
				 "str x2, [x0, #16]\n\t"
				 "ldp x3, x29, [x1]\n\t"
				 "ldr x2, [x1, #16]\n\t"
				 "mov sp, x3\n\t"
				 "mov x30, xzr\n\t" /* where a stack trace ends, in a new task */
				 "br x2\n"
				 "1:"
				 : "+r"(left), "+r"(entered)
				 :
				 : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
				   "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20",
				   "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
				   "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
				   "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
				   "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",
				   "v28", "v29", "v30", "v31", "memory", "cc");
	}
#endif
	task_announce_arrive(&from->side);
}

#endif
