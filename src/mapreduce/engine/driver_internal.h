/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_internal.h - what the files of the driver share: driver.c acts, driver_event.c takes
 * events, driver_failure.c reports failures, driver_view.c answers questions.
 */
#ifndef MR_DRIVER_INTERNAL_H
#define MR_DRIVER_INTERNAL_H

#include "driver.h"

struct mr_names mr_driver_names(const struct mr_driver *driver);

/* Whether the slot runs the attempt. */
bool mr_driver_runs(const struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id);

static inline struct mr_attempt_id mr_attempt_id_of(const struct mr_attempt *attempt)
{
	return (struct mr_attempt_id){attempt->kind, attempt->task, attempt->number};
}

/* How the attempt of the slot failed, read from its live page. */
struct mr_failure mr_driver_look(const struct mr_driver *driver, uint32_t slot, enum mr_cause cause,
				 int code, bool outside);

/* Tells the observer of the failure if it is the first, or the scheduler decided because of it. */
void mr_driver_report(struct mr_driver *driver, uint32_t slot, const struct mr_failure *failure);

/* The attempt of the slot is over: notes it and forgets what it left. kept: it was committed. */
void mr_driver_end_attempt(struct mr_driver *driver, uint32_t slot, enum mr_outcome outcome);

#endif
