/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_gasp.c - see host_gasp.h.
 *
 * The handlers find their state without a global variable: the kernel tells them where the
 * alternate stack begins, and the state lies right there, below the stack. User code that installs
 * another alternate stack or handlers of its own loses the gasp, nothing else.
 */
#include "host_gasp.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <ucontext.h>

enum { STATE_ROOM = 8192, STACK_SIZE = 64 * 1024 };

static_assert(sizeof(struct mr_gasp_state) <= STATE_ROOM, "the state fits below the stack");

static const uint64_t gasp_magic = 0x7473616c70736167u;
static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void last_gasp(int number, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;
	uint8_t *stack = interrupted->uc_stack.ss_sp;
	int errno_value = errno;

	if (stack && !(interrupted->uc_stack.ss_flags & SS_DISABLE)) {
		struct mr_gasp_state *state = (void *)(stack - STATE_ROOM);

		if (state->magic == gasp_magic) {
			state->message.gasp.signal = number;
			state->message.gasp.address = info->si_code > 0 && number != SIGABRT
							      ? (uint64_t)(uintptr_t)info->si_addr
							      : MR_NO_ADDRESS;
			(void)send(state->socket, &state->message,
				   offsetof(struct mr_message, gasp) + sizeof(state->message.gasp),
				   MSG_NOSIGNAL | MSG_DONTWAIT);
		}
	}
	errno = errno_value;
	/* The action is the default one again (SA_RESETHAND): die of the signal, once it is no
	 * longer blocked, where it was raised. */
	raise(number);
}

int mr_gasp_install(struct mr_gasp_state **state, int socket, uint32_t generation,
		    struct gw_error *error)
{
	struct sigaction action = {.sa_sigaction = last_gasp,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
	uint8_t *memory = mmap(NULL, STATE_ROOM + STACK_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_size = STACK_SIZE};

	assert(socket >= 0);
	if (memory == MAP_FAILED)
		return gw_fail_errno(error, errno, "a stack for signal handlers");
	stack.ss_sp = memory + STATE_ROOM;
	if (sigaltstack(&stack, NULL) < 0)
		return gw_fail_errno(error, errno, "a stack for signal handlers");
	*state = (void *)memory;
	(*state)->magic = gasp_magic;
	(*state)->socket = socket;
	(*state)->message.kind = MR_SAY_GASP;
	(*state)->message.generation = generation;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], &action, NULL) < 0)
			return gw_fail_errno(error, errno, "a signal handler");
	}
	return 0;
}
