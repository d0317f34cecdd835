/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - a job from the driver's side, without processes: asks the scheduler what to do, keeps
 * what attempts publish until they are committed, then puts it on the board, adds up counters,
 * moves side files and gives memory back. Who runs the attempts is behind struct mr_driver_ops:
 * processes (host_fork.c) or this very one (host_local.c).
 *
 * The host calls an event function for what happened and mr_driver_act afterwards, which asks it
 * for what is to be done. Before that it sets driver->now_us.
 */
#ifndef MR_DRIVER_H
#define MR_DRIVER_H

#include "explain.h"
#include "pool.h"
#include "space.h"

enum { MR_SAMPLE_US_MAX = 250 * 1000 }; /* a sample is told to be content after that */

/* Who is told how the job goes; any function may be NULL. */
struct mr_observer {
	void *context;
	uint32_t tick_us; /* how often tick is called; 0: never */
	void (*tick)(void *context, const struct mr_view *view);
	/* The first failure, and the one that ends the job. */
	void (*failed)(void *context, const struct mr_failure_report *report);
	/* What a task wrote to stderr, as it comes. */
	void (*printed)(void *context, const char *data, size_t size);
};

struct mr_driver_ops {
	int (*spawn)(void *context, uint32_t slot, struct gw_error *error);
	int (*start)(void *context, uint32_t slot, const struct mr_attempt *attempt,
		     struct gw_error *error);
	int (*kill)(void *context, uint32_t slot, struct gw_error *error);
};

struct mr_driver_slot {
	struct mr_live *live;
	bool busy;
	bool strange; /* it published what cannot be: the attempt counts as failed */
	struct mr_attempt attempt;
	uint64_t from_us;
	struct mr_run *runs; /* published, not committed */
	size_t run_count, run_capacity;
	struct mr_region *outputs;
	size_t output_count, output_capacity;
	uint64_t fault_address; /* of the last gasp */
	bool gasped;
	char printed[MR_STDERR_MAX];
	size_t printed_size;
};

struct mr_driver {
	const struct mr_config *config;
	const struct mr_plan *plan;
	struct mr_store *store;
	const struct mr_observer *observer;
	const struct mr_driver_ops *ops;
	void *ops_context;
	struct mr_result *result;
	struct mr_board *board;
	struct mr_shared_space space; /* for reading what was published */
	struct mr_pool pool;
	struct mr_schedule *schedule;
	struct mr_driver_slot *slots;
	uint32_t slot_count;
	uint64_t now_us;
	uint64_t watch_us;   /* when to look at the records in flight next */
	bool over;           /* all is committed */
	bool keep_spans;     /* note every attempt in the result */
	enum mr_phase phase; /* last seen */
	struct mr_rate sums; /* of committed tasks */
	uint64_t plan_bytes_done, records_in;
	uint64_t reduce_bytes;              /* of all units that are to be reduced */
	char last_error[GW_ERROR_TEXT_MAX]; /* of the last failed attempt */
	bool reported;
	struct mr_attempt_id reported_id;
	struct mr_position reported_position;
};

/* config, plan, store, observer, ops, ops_context, result, slot_count and keep_spans are set by the
 * caller; the rest is made here. */
int mr_driver_init(struct mr_driver *driver, const struct mr_shared *shared,
		   struct gw_error *error) GW_MUST_CHECK;
void mr_driver_done(struct mr_driver *driver);

/* Does all that is to be done now. Sets driver->over at the end; negative: the job failed. */
int mr_driver_act(struct mr_driver *driver, struct gw_error *error) GW_MUST_CHECK;

/* ---- Events; those that name an attempt ignore one that the slot does not run
 * ------------------- */

void mr_driver_ready(struct mr_driver *driver, uint32_t slot);
int mr_driver_run(struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id,
		  const struct mr_run *run, struct gw_error *error) GW_MUST_CHECK;
int mr_driver_output(struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id,
		     const struct mr_region *region, struct gw_error *error) GW_MUST_CHECK;
/* 1 and the offset in the pool, 0: no room. */
int mr_driver_allocate(struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id,
		       uint64_t size, uint64_t *offset, struct gw_error *error) GW_MUST_CHECK;
int mr_driver_committed(struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id,
			struct gw_error *error) GW_MUST_CHECK;
void mr_driver_failed(struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id,
		      int code);
/* The process of the slot ended; outside: by a signal that nothing inside it raises. */
void mr_driver_died(struct mr_driver *driver, uint32_t slot, enum mr_cause cause, int code,
		    bool outside);
void mr_driver_gasp(struct mr_driver *driver, uint32_t slot, const struct mr_attempt_id *id,
		    uint64_t address);
void mr_driver_printed(struct mr_driver *driver, uint32_t slot, const char *data, size_t size);

/* ---- Time
 * ---------------------------------------------------------------------------------------- */

/* Looks at time limits; to be called at mr_driver_wake or later. */
void mr_driver_tick(struct mr_driver *driver);
/* When mr_driver_tick wants to be called; UINT64_MAX: not at all. */
uint64_t mr_driver_wake(const struct mr_driver *driver);

/* ---- Questions
 * ------------------------------------------------------------------------------------ */

void mr_driver_view(const struct mr_driver *driver, struct mr_view *view);
/* Fills in the sums of the result at the end of a job, also of a failed one. */
void mr_driver_finish(struct mr_driver *driver);

#endif
