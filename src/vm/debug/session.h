/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - gdb's remote protocol, as much of it as a machine that goes backwards wants: what gdb
 * says goes in, what it is told comes out; who carries the bytes is another's affair (server.h).
 *
 *     struct vm_session *session;
 *     vm_session_new(&session, &target, &error);
 *     while (!vm_session_over(session)) {
 *             ... vm_session_put(session, bytes that came, &error);
 *             ... vm_session_out(session) is sent, and vm_session_sent(session) ...
 *     }
 *
 * Answered are: ? g G p P m M X c s vCont bc bs Z z (0 to 4) H T D k, qSupported, qXfer:features,
 * qRcmd, the questions about threads, QStartNoAckMode. There is one thread.
 */
#ifndef VM_DEBUG_SESSION_H
#define VM_DEBUG_SESSION_H

#include "base/buffer.h"
#include "vm/cpu/cpu.h"

enum vm_debug_go { VM_DEBUG_RUN, VM_DEBUG_STEP, VM_DEBUG_RUN_BACK, VM_DEBUG_STEP_BACK };

enum vm_debug_why {
	VM_DEBUG_STEPPED, /* or interrupted */
	VM_DEBUG_HIT,     /* by a stop */
	VM_DEBUG_BEGIN,   /* nothing is before */
	VM_DEBUG_END,     /* nothing is behind */
};

struct vm_debug_stop {
	enum vm_debug_why why;
	struct vm_hit hit;
	struct gw_error trouble; /* code is 0: none; else its sentence is shown */
};

/* What is debugged. Registers are those of registers.h. */
struct vm_debug_target {
	void *context;
	bool (*get)(void *context, unsigned number, uint64_t *value);
	bool (*set)(void *context, unsigned number, uint64_t value);
	/* How many bytes from the first on could be. */
	size_t (*read)(void *context, uint64_t address, uint8_t *to, size_t size);
	size_t (*write)(void *context, uint64_t address, const uint8_t *from, size_t size);
	int (*set_stops)(void *context, const uint64_t *breaks, size_t break_count,
			 const struct vm_watch *watches, size_t watch_count);
	struct vm_debug_stop (*go)(void *context, enum vm_debug_go how);
	/* A command of its own; what it says is appended to out. */
	int (*monitor)(void *context, const char *command, struct base_buffer *out,
		       struct gw_error *error);
};

struct vm_session;

/* target is copied. */
int vm_session_new(struct vm_session **session, const struct vm_debug_target *target,
		   struct gw_error *error) GW_MUST_CHECK;
void vm_session_free(struct vm_session *session); /* NULL is fine */

/* GW_E_NO_MEMORY: the session is over. */
int vm_session_put(struct vm_session *session, struct gw_bytes bytes, struct gw_error *error)
	GW_MUST_CHECK;
struct gw_bytes vm_session_out(const struct vm_session *session);
void vm_session_sent(struct vm_session *session);
/* gdb has said farewell; what is to be sent may still be there. */
bool vm_session_over(const struct vm_session *session);

#endif
