/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - what a machine that runs tells of itself (control.h, "status"), and from two such
 * answers how fast it goes.
 */
#ifndef VM_HOST_STATUS_H
#define VM_HOST_STATUS_H

#include <groundwork/base.h>

enum { VM_STATUS_TEXT_BYTES = 512, VM_STATUS_LINE_BYTES = 256, VM_STATUS_INTERVAL_MS = 1000 };

struct vm_status {
	bool paused;
	uint64_t instructions;
	uint64_t ticks;  /* of the guest's time, 100 ns each */
	uint64_t exits;  /* how often the machine stopped, for us to look outside or to answer it */
	uint64_t events; /* that came in */
	uint64_t memory; /* bytes */
	uint64_t log;    /* bytes; 0: it is not recorded */
	uint64_t lost;   /* bytes of output that nobody took */
};

/* Lines of a name, a space and a value. */
void vm_status_write(const struct vm_status *status, char text[VM_STATUS_TEXT_BYTES]);
/* Such lines; names that are not known are passed over, what is not there is 0. GW_E_CORRUPT. */
int vm_status_read(struct gw_bytes text, struct vm_status *status, struct gw_error *error)
	GW_MUST_CHECK;

/* One line, without its end: what the machine did in the ns between two answers, by the clock of
 * whoever asked. ns > 0. */
void vm_status_line(const struct vm_status *before, const struct vm_status *after, uint64_t ns,
		    char line[VM_STATUS_LINE_BYTES]);

/*
 * Asks the machine of a directory (control.h) every VM_STATUS_INTERVAL_MS, and tells each line,
 * until it runs no more; GW_E_NOT_FOUND: none did. What `line` returns below 0 ends it as well.
 */
int vm_status_watch(const char *directory, int (*line)(void *context, const char *line),
		    void *context, struct gw_error *error) GW_MUST_CHECK;

#endif
