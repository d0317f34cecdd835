/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_disk_log.c - one machine that appends to a log (disk_log.h) and recovers from whatever
 * happens to it. What was acknowledged, or read after a recovery, must be there ever after.
 *
 * In some seeds the log does not sync; then it promises to survive the death of its process, and
 * no power is lost. In seeds that exceed the promise bits rot on the disk: then records may be
 * gone, if the log says so.
 */
#include "sim/disk_log.h"
#include "sim/workload.h"

#include "base/allocate.h"
#include "base/crc32c.h"
#include "io/rare.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
	BATCHES_TO_CONVERGE = 20,
	WITHOUT_SYNC_EVERY = 5,
	FINAL_RECOVERIES = 3,
	PAYLOAD_MAX = 256,
};

/* What is known of the log from outside; survives the machine. */
struct state {
	struct sim_run *run;
	struct sim_node *node;
	struct disk_log_options options;
	uint64_t wait_ns_max;     /* between two batches */
	uint32_t *checksums;      /* of the record that was last tried, by number */
	size_t capacity;
	uint64_t tried;           /* the last record that may be there */
	uint64_t promised;        /* the last one that must be there */
	uint64_t recoveries, batches_healed;
	bool tail, lost;          /* told since the last recovery that was completed */
};

/* From boot to death. */
struct life {
	struct disk_log_user user;
	struct state *state;
	struct io *io;
	struct disk_log *log;
	struct io_request timer;
	int64_t due_wall_ns;
	bool recovered;
	uint64_t last; /* record that is there */
};

/* ---- What the log tells -------------------------------------------------------------------- */

static void note_record(struct disk_log_user *user, uint64_t number, struct gw_bytes payload)
{
	struct state *state = ((struct life *)user)->state;

	if (number > state->tried)
		sim_run_fail(state->run, "record %" PRIu64 " is there; nobody wrote it", number);
	else if (base_crc32c(0, payload.data, payload.size) != state->checksums[number])
		sim_run_fail(state->run, "record %" PRIu64 " is not what was written", number);
}

static void note_trouble(struct disk_log_user *user, enum disk_log_trouble trouble)
{
	struct state *state = ((struct life *)user)->state;

	if (trouble == DISK_LOG_TAIL)
		state->tail = true;
	else
		state->lost = true;
	if (state->lost && !state->run->beyond)
		sim_run_fail(state->run, "the log lost records, and nothing harmed the disk");
}

static void note_acknowledged(struct disk_log_user *user, uint64_t first, uint32_t count)
{
	struct state *state = ((struct life *)user)->state;

	sim_note(state->run->sim, state->node, "acknowledged", (int64_t)(first + count - 1));
	assert(first + count - 1 <= state->tried);
	if (first + count - 1 > state->promised)
		state->promised = first + count - 1;
	state->batches_healed += state->run->healed;
}

static void note_failed(struct disk_log_user *user, const struct gw_error *error)
{
	struct state *state = ((struct life *)user)->state;

	sim_note(state->run->sim, state->node, "ends after a failure", error->code);
	sim_node_kill(state->node);
}

static void note_recovered(struct life *life, uint64_t last)
{
	struct state *state = life->state;
	bool excused = state->run->beyond && (state->tail || state->lost);

	sim_note(state->run->sim, state->node, "recovered up to", (int64_t)last);
	if (last < state->promised && !excused)
		sim_run_fail(state->run,
			     "record %" PRIu64 " was acknowledged; the log ends at %" PRIu64
			     " and says nothing",
			     state->promised, last);
	state->tried = state->promised = last;
	state->tail = state->lost = false;
	state->recoveries++;
	life->recovered = true;
}

/* ---- Appending ----------------------------------------------------------------------------- */

static void try_record(struct state *state, uint64_t number, struct gw_bytes payload)
{
	if (number >= state->capacity) {
		state->checksums = base_grow(state->checksums, sizeof(*state->checksums),
					     &state->capacity, number + 1);
		assert(state->checksums);
	}
	assert(number == state->tried + 1 || number <= state->tried);
	state->checksums[number] = base_crc32c(0, payload.data, payload.size);
	state->tried = number;
}

static void append(struct life *life)
{
	uint8_t bytes[DISK_LOG_BATCH_MAX][PAYLOAD_MAX];
	struct gw_bytes payloads[DISK_LOG_BATCH_MAX];
	struct sim *sim = life->state->run->sim;
	uint32_t count = 1 + (uint32_t)sim_draw(sim, DISK_LOG_BATCH_MAX);

	for (uint32_t i = 0; i < count; i++) {
		payloads[i] = (struct gw_bytes){bytes[i], 1 + sim_draw(sim, PAYLOAD_MAX)};
		io_random(life->io, bytes[i], payloads[i].size);
		try_record(life->state, life->last + 1 + i, payloads[i]);
	}
	disk_log_append(life->log, payloads, count);
}

static void timer_rang(struct io_request *request, int result)
{
	struct life *life = request->data;
	int64_t early_ns = life->due_wall_ns - io_wall_ns(life->io);

	assert(result == 0);
	if (early_ns > 0 && IO_BUG(life->io, "disk-log.timer-by-wall-clock")) {
		io_timer(life->io, request, io_now_ns(life->io) + (uint64_t)early_ns, timer_rang);
		return;
	}
	append(life);
}

static void go_on(struct disk_log_user *user, uint64_t last)
{
	struct life *life = (struct life *)user;
	uint64_t wait_ns = sim_draw(life->state->run->sim, life->state->wait_ns_max);

	if (!life->recovered)
		note_recovered(life, last);
	life->last = last;
	life->due_wall_ns = io_wall_ns(life->io) + (int64_t)wait_ns;
	io_timer(life->io, &life->timer, io_now_ns(life->io) + wait_ns, timer_rang);
}

/* ---- The node ------------------------------------------------------------------------------ */

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct life *life = calloc(1, sizeof(*life));

	(void)node;
	assert(life);
	life->user = (struct disk_log_user){note_record, note_trouble, note_acknowledged, go_on,
					    note_failed};
	life->state = argument;
	life->io = io;
	life->timer.data = life;
	life->log = disk_log_new(io, &life->state->options, &life->user);
	assert(life->log);
	return life;
}

static void stop(void *argument)
{
	struct life *life = argument;

	disk_log_free(life->log);
	free(life);
}

/* ---- The workload -------------------------------------------------------------------------- */

static int set_up(struct sim_run *run, struct gw_error *error)
{
	static const uint64_t waits_ms[] = {5, 50, 300};
	struct state *state = calloc(1, sizeof(*state));
	uint32_t bears = SIM_FAULTS_PROCESS | SIM_FAULTS_CLOCK | SIM_FAULTS_DISK;
	struct sim_program program = {start, stop, state};

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	state->node = sim_node_add(run->sim, "log", &program);
	state->options.segment_bytes = 1024 + (uint32_t)sim_draw(run->sim, 16 << 10);
	state->options.without_sync = sim_draw(run->sim, WITHOUT_SYNC_EVERY) == 0;
	state->wait_ns_max = waits_ms[sim_draw(run->sim, 3)] * SIM_MS;
	if (!state->options.without_sync)
		bears |= SIM_FAULTS_POWER;
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = UINT64_C(1) << sim_node_index(state->node),
		.down_max = 1,
		.bears = bears,
		.beyond = SIM_FAULT_BIT(ROT),
		.in_order = sim_draw(run->sim, 2),
	});
	sim_node_start(state->node);
	return 0;
}

static bool converged(struct sim_run *run)
{
	struct state *state = run->state;

	return state->batches_healed >= BATCHES_TO_CONVERGE;
}

/* Everything is over: dies a few times more, and what was acknowledged is there. */
static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct state *state = run->state;
	int code = 0;

	for (int i = 0; i < FINAL_RECOVERIES && code == 0; i++)
		code = sim_run_recover(run, state->node, !state->options.without_sync,
				       &state->recoveries, error);
	return code;
}

static void done(struct sim_run *run)
{
	struct state *state = run->state;

	if (state)
		free(state->checksums);
	free(state);
}

static const struct sim_bug bugs[] = {
	{"disk-log.acknowledge-early", "a batch is acknowledged before it is written"},
	{"disk-log.no-sync", "a batch is written without a sync"},
	{"disk-log.no-directory-sync", "the directory of a new segment is not synced"},
	{"disk-log.rename-unsynced", "a segment gets its name before its bytes are durable"},
	{"disk-log.trust-the-cache", "what recovery read is not written anew"},
	{"disk-log.no-checksum", "recovery takes a torn record for a whole one"},
	{"disk-log.silent-loss", "records that rotted are cut off, and nobody is told"},
	{"disk-log.shared-sector", "a batch begins in the sector where an older one ends"},
	{"disk-log.timer-by-wall-clock", "a timer is lost when the clock is set back"},
	{0},
};

const struct sim_workload sim_disk_log = {
	.name = "disk-log",
	.about = "a machine appends to a log and recovers from whatever happens to it",
	.setup = set_up,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
