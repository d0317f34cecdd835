/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - runs a job on this machine, in processes or (--in-process) in the calling one.
 *
 *     mr_config_init; mr_plan_init; mr_staging_make; config.staging = staging.path;
 *     mr_host_run; mr_staging_remove; mr_staging_done; mr_plan_done
 *
 * The processes of a job. The driver is the caller. It forks the keeper, which is process 1 of a
 * PID namespace of its own and does nothing but fork, kill and reap slots; when the driver is
 * gone, however it ended, the keeper kills all there is, grandchildren too, removes the staging
 * directories and ends. A slot runs one attempt after the other; user code runs there and nowhere
 * else. See README.md.
 */
#ifndef MR_HOST_H
#define MR_HOST_H

#include "driver.h"
#include "host_staging.h"

/* The task runner: mr_worker_init and so on, or what a test puts in its place. */
struct mr_worker_operations {
	int (*init)(struct mr_worker **worker, const struct mr_worker_setup *setup,
		    struct gw_error *error);
	int (*run)(struct mr_worker *worker, const struct mr_attempt *attempt,
		   struct gw_error *error);
	void (*free)(struct mr_worker *worker);
};

extern const struct mr_worker_operations mr_worker_real;

/* How slots are kept from outliving their job. What is not allowed here falls back to the next. */
enum mr_isolation {
	MR_ISOLATE_NAMESPACE, /* a PID namespace (root) */
	MR_ISOLATE_USER,      /* a PID namespace in a user namespace */
	MR_ISOLATE_PLAIN, /* process groups and orphans; a grandchild of a killed keeper survives */
};

struct mr_host_setup {
	const struct mr_config *config;
	const struct mr_plan *plan;
	struct mr_store *store;
	const struct mr_worker_operations *worker;
	const struct mr_observer *observer; /* or NULL */
	const struct mr_staging *staging;
	enum mr_isolation isolation;
	bool keep_spans;     /* note every attempt and the rates over time in the result */
	bool measure_memory; /* look at the processes' memory now and then: not cheap */
};

/*
 * Runs the job and makes its output visible. The caller has one thread. When it returns, every
 * process of the job is gone, and nothing of it is left but the output (if it succeeded) and
 * perhaps the staging directories. GW_E_CANCELLED: result->signal came. result has to be ended in
 * any case.
 */
int mr_host_run(const struct mr_host_setup *setup, struct mr_result *result,
		struct gw_error *error) GW_MUST_CHECK;

#endif
