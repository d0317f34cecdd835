/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter_log.h - the log of disk_log.h for tasks: append waits until the record is durable.
 */
#ifndef SIM_COUNTER_LOG_H
#define SIM_COUNTER_LOG_H

#include "sim/disk_log.h"

#include "task/wait.h"

struct counter_log {
	struct disk_log_user user;
	struct disk_log *log;
	struct gw_mutex lock;
	struct task_wait *wait; /* who waits until it is ready; NULL: nobody */
	bool ready, is_broken;
	/* The owner's. During recovery, each record. */
	void (*record)(void *context, struct gw_bytes payload);
	void (*trouble)(void *context, enum disk_log_trouble trouble);
	/* The log cannot go on; the process is to end. */
	void (*failed)(void *context, const struct gw_error *error);
	void *context;
};

/* Begins recovery; record, trouble, failed and context are set. */
int counter_log_open(struct counter_log *log, struct io *io, uint32_t segment_bytes) GW_MUST_CHECK;
/* Waits until recovery is over. */
int counter_log_recovered(struct counter_log *log) GW_MUST_CHECK;
/* Waits until the record is durable, whatever else happens. The lock is held. GW_E_CLOSED when the
 * log has failed, and with it the process: the record may be there or not. */
int counter_log_append(struct counter_log *log, struct gw_bytes payload) GW_MUST_CHECK;

#endif
