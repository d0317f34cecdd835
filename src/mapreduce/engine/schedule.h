/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.h - decides which attempt runs where (paper sections 3.1, 3.3, 3.6 and 4.6). A state
 * machine without system calls, clocks or pointers into processes: the caller tells it what
 * happened, then takes actions from mr_schedule_next until there are none.
 *
 *     mr_schedule_new; repeat: { an event; while (mr_schedule_next(...) != MR_ACTION_NONE) do it; }
 *
 * Promises, whatever the order of events:
 *   - every task is committed exactly once: the first attempt that succeeds wins, and what comes
 *     late from any other is ignored;
 *   - a slot has at most one attempt, and none before it said that it is ready;
 *   - the job ends if every attempt and every start of a slot ends: a task fails at most as often
 *     as `attempts` and the bad records allow, a slot that never gets ready is given up.
 *
 * Order: the sample alone (a failed one is dropped), then maps; then the caller plans the reduces
 * (MR_ACTION_PLAN, mr_schedule_set_reduces). PLACE tasks come as the caller finds them
 * (mr_schedule_add_place) and go before all others, since they free memory. Tasks are handed out
 * in order, those that failed first.
 *
 * Bad records. A failure names a position if user code was running. The second failure of a task
 * at the same position makes it a bad record: skipped if the job allows that, else the end of the
 * job. A block is bisected then to find its record. Errors of the engine that another try cannot
 * mend (a full disk, a missing or corrupt file) end the job at once; anything else is tried again.
 */
#ifndef MR_SCHEDULE_H
#define MR_SCHEDULE_H

#include "failure.h"

struct mr_schedule;

struct mr_schedule_setup {
	uint32_t slots;
	uint32_t maps;
	bool sample;   /* an MR_SAMPLE attempt first */
	bool map_only; /* no reduces: the job ends with the maps and their places */
	bool skip_bad_records;
	uint32_t attempts;          /* tries of a task; with skip_bad_records at least 2 */
	uint64_t record_timeout_ms; /* 0: none */
	int64_t only_map;           /* this map alone, then done; -1: all */
};

enum { MR_SLOT_STARTS_MAX = 3 }; /* deaths in a row before being ready, then the slot is given up */

enum mr_action_kind {
	MR_ACTION_NONE,  /* wait for the next event */
	MR_ACTION_SPAWN, /* start the process of `slot` */
	MR_ACTION_START, /* send `attempt` to `slot` */
	MR_ACTION_KILL,  /* kill `slot`; its death is to be reported as ever */
	MR_ACTION_PLAN,  /* all maps are committed: plan, then mr_schedule_set_reduces */
	MR_ACTION_DONE,  /* all is committed */
	MR_ACTION_FAIL,  /* the job failed: mr_schedule_verdict says why */
};

struct mr_action {
	enum mr_action_kind kind;
	uint32_t slot;
	struct mr_attempt attempt;
};

enum mr_verdict_reason {
	MR_VERDICT_NONE,
	MR_VERDICT_ERROR,      /* an error that another try cannot mend */
	MR_VERDICT_ATTEMPTS,   /* a task failed too often */
	MR_VERDICT_BAD_RECORD, /* a bad record, and the job does not skip them */
	MR_VERDICT_SKIPS,      /* more than MR_SKIPS_MAX bad records in one task */
	MR_VERDICT_SLOTS,      /* no slot could be started */
	MR_VERDICT_MEMORY,     /* the scheduler's own memory */
};

struct mr_verdict {
	enum mr_verdict_reason reason;
	struct mr_attempt_id id; /* of the attempt whose failure decided */
	struct mr_failure failure;
};

enum mr_phase { MR_PHASE_SAMPLE, MR_PHASE_MAP, MR_PHASE_PLAN, MR_PHASE_REDUCE, MR_PHASE_OVER };

int mr_schedule_new(struct mr_schedule **schedule, const struct mr_schedule_setup *setup,
		    struct gw_error *error) GW_MUST_CHECK;
void mr_schedule_free(struct mr_schedule *schedule);

enum mr_action_kind mr_schedule_next(struct mr_schedule *schedule, struct mr_action *action);

/* ---- Events --------------------------------------------------------------------------------- */

/* The process of the slot waits for work. */
void mr_schedule_ready(struct mr_schedule *schedule, uint32_t slot);

/* The attempt succeeded. True: its results count, the caller makes them visible. False: they are
 * to be thrown away (a probe, or another attempt was first, or the message is late). */
bool mr_schedule_committed(struct mr_schedule *schedule, uint32_t slot,
			   const struct mr_attempt_id *id) GW_MUST_CHECK;

/* The attempt failed and the slot lives on (MR_CAUSE_CODE). False: a late message. */
bool mr_schedule_failed(struct mr_schedule *schedule, uint32_t slot, const struct mr_attempt_id *id,
			const struct mr_failure *failure);

/* The process of the slot is gone; failure tells how, for the attempt that it ran, if any. */
void mr_schedule_died(struct mr_schedule *schedule, uint32_t slot,
		      const struct mr_failure *failure);

/* mr_live.record of the slot at now_ms; the time limit of a record is kept by calling this now and
 * then, a quarter of the limit apart. */
void mr_schedule_watch(struct mr_schedule *schedule, uint32_t slot, uint64_t record,
		       uint64_t now_ms);

/* The answer to MR_ACTION_PLAN. Negative: no memory. */
int mr_schedule_set_reduces(struct mr_schedule *schedule, uint32_t units,
			    struct gw_error *error) GW_MUST_CHECK;
/* This unit is not to be reduced (--only-reduce); called before the next mr_schedule_next. */
void mr_schedule_drop_reduce(struct mr_schedule *schedule, uint32_t unit);

/* The unit's kept output has a place now: an MR_PLACE task. */
void mr_schedule_add_place(struct mr_schedule *schedule, uint32_t unit);

/* Another attempt of a running task (a backup task, paper section 3.6). False if it is not
 * running. */
bool mr_schedule_add_backup(struct mr_schedule *schedule, enum mr_task_kind kind, uint32_t task);

/* ---- Questions ------------------------------------------------------------------------------ */

enum mr_phase mr_schedule_phase(const struct mr_schedule *schedule);
const struct mr_verdict *mr_schedule_verdict(const struct mr_schedule *schedule);
/* How many tasks of the kind there are so far, and how many of them are committed. */
void mr_schedule_count(const struct mr_schedule *schedule, enum mr_task_kind kind, uint32_t *tasks,
		       uint32_t *done);
/* The bad records of a task; returns how many, sorted by position. */
uint32_t mr_schedule_skips(const struct mr_schedule *schedule, enum mr_task_kind kind,
			   uint32_t task, const struct mr_position **skips);
/* The attempt that the slot runs; false: none. */
bool mr_schedule_running(const struct mr_schedule *schedule, uint32_t slot,
			 struct mr_attempt_id *id);
/* The last kill of the slot was for the time limit of a record. */
bool mr_schedule_timed_out(const struct mr_schedule *schedule, uint32_t slot);

#endif
