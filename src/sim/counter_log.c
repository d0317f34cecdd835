/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter_log.c - see counter_log.h.
 */
#include "sim/counter_log.h"

static void note_record(struct disk_log_user *user, uint64_t number, struct gw_bytes payload)
{
	struct counter_log *log = (struct counter_log *)user;

	(void)number;
	log->record(log->context, payload);
}

static void note_trouble(struct disk_log_user *user, enum disk_log_trouble trouble)
{
	struct counter_log *log = (struct counter_log *)user;

	log->trouble(log->context, trouble);
}

static void note_acknowledged(struct disk_log_user *user, uint64_t first, uint32_t count)
{
	(void)user;
	(void)first;
	(void)count;
}

static void wake(struct counter_log *log, int result)
{
	struct task_wait *wait = log->wait;

	log->wait = NULL;
	if (wait && task_claim(wait))
		task_wake(wait, result);
}

static void note_ready(struct disk_log_user *user, uint64_t last)
{
	struct counter_log *log = (struct counter_log *)user;

	(void)last;
	assert(!log->ready && !log->is_broken);
	log->ready = true;
	wake(log, 0);
}

static void note_failed(struct disk_log_user *user, const struct gw_error *error)
{
	struct counter_log *log = (struct counter_log *)user;

	log->is_broken = true;
	log->failed(log->context, error);
	wake(log, GW_E_CLOSED);
}

int counter_log_open(struct counter_log *log, struct io *io, uint32_t segment_bytes)
{
	struct disk_log_options options = {.segment_bytes = segment_bytes};

	assert(log->record && log->trouble && log->failed && !log->log);
	log->user = (struct disk_log_user){note_record, note_trouble, note_acknowledged,
					   note_ready, note_failed};
	log->log = disk_log_new(io, &options, &log->user);
	return log->log ? 0 : GW_E_NO_MEMORY;
}

static int wait_ready(struct counter_log *log)
{
	struct task_wait wait;
	int result;

	if (log->ready || log->is_broken)
		return log->ready ? 0 : GW_E_CLOSED;
	assert(!log->wait);
	task_wait_init(&wait, "for the log", log, NULL, false);
	log->wait = &wait;
	result = task_wait(&wait, GW_FOREVER);
	log->wait = NULL;
	return result;
}

int counter_log_recovered(struct counter_log *log)
{
	return wait_ready(log);
}

int counter_log_append(struct counter_log *log, struct gw_bytes payload)
{
	int result;

	if (log->is_broken)
		return GW_E_CLOSED;
	assert(log->ready);
	log->ready = false;
	disk_log_append(log->log, &payload, 1);
	gw_shield_begin();
	result = wait_ready(log);
	gw_shield_end();
	return result;
}
