/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overflow.c - a task that needs more stack than it has meets the guard under it; the fault is
 * handled on a stack of its own and told by its address. Other faults go to whoever handled them
 * before.
 */
#include "task/state.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIGNAL_STACK_BYTES = 32 << 10 };

/* Slots of signal handlers: a process has one for each signal, and a thread one such stack. */
static struct sigaction previous_action;
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static _Thread_local struct {
	void *memory; /* NULL: the thread has one of somebody else */
	size_t users; /* loops */
} signal_stack;

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* there is nobody to be told */
}

static void say_number(size_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	say(at);
}

static void tell_overflow(const struct gw_task *task)
{
	say("stack overflow in task ");
	if (task->name[0])
		say(task->name);
	else
		say_number((size_t)task->number);
	say(": it has ");
	say_number(task->stack.bytes);
	say(" bytes, and more by stack_bytes\n");
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct gw_loop *loop = task_thread_loop;
	const struct gw_task *task = loop ? loop->current : NULL;

	if (task && task_stack_guards(&task->stack, (uintptr_t)info->si_addr)) {
		tell_overflow(task);
		previous_action.sa_handler = SIG_DFL;
		previous_action.sa_flags = 0;
	}
	if (previous_action.sa_flags & SA_SIGINFO)
		previous_action.sa_sigaction(number, info, context);
	else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN)
		previous_action.sa_handler(number);
	else
		sigaction(SIGSEGV, &previous_action, NULL); /* the fault comes again, and ends us */
}

static void install(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	action.sa_sigaction = on_fault;
	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, &previous_action);
}

int task_overflow_watch(void)
{
	stack_t stack = {0};

	pthread_once(&installed, install);
	if (signal_stack.users++ > 0)
		return 0;
	if (sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE))
		return 0;
	signal_stack.memory = malloc(SIGNAL_STACK_BYTES);
	if (!signal_stack.memory) {
		signal_stack.users--;
		return GW_E_NO_MEMORY;
	}
	stack = (stack_t){.ss_sp = signal_stack.memory, .ss_size = SIGNAL_STACK_BYTES};
	sigaltstack(&stack, NULL);
	return 0;
}

void task_overflow_forget(void)
{
	stack_t present, none = {.ss_flags = SS_DISABLE};

	assert(signal_stack.users > 0);
	if (--signal_stack.users > 0 || !signal_stack.memory)
		return;
	if (sigaltstack(NULL, &present) == 0 && present.ss_sp == signal_stack.memory)
		sigaltstack(&none, NULL);
	free(signal_stack.memory);
	signal_stack.memory = NULL;
}
