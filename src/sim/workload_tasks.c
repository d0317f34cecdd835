/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_tasks.c - tasks of one machine that pass items to each other: by a channel, by select
 * over two, or by a queue under a mutex with conditions; all go through a semaphore. Which task
 * runs next is the seed's choice. Some have deadlines, some are cancelled, some channels are closed
 * early, and the process dies.
 *
 * A round is right when each item that was sent was received, once, and when it ends: a wake-up
 * that is lost shows as a round that never does.
 */
#include "sim/workload.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

enum {
	PRODUCERS_MAX = 4,
	CONSUMERS_MAX = 4,
	ITEMS_MAX = 12, /* of each producer */
	ROOM_MAX = 3,
	PLACES_MAX = 3,
	ROUNDS_TO_CONVERGE = 10,
};

enum way { BY_CHANNEL, BY_SELECT, BY_QUEUE, WAYS };

/* Survives the machine. */
struct state {
	struct sim_run *run;
	struct sim_node *node;
	uint64_t rounds_healed;
};

/* From boot to death. */
struct life {
	struct state *state;
	struct io *io;
	struct gw_loop *loop;
};

struct queue {
	struct gw_mutex mutex;
	struct gw_cond not_empty, not_full;
	int items[ROOM_MAX + 1];
	size_t room, count;
	bool ended;
};

struct round {
	struct life *life;
	enum way way;
	struct gw_chan *chans[2];
	struct queue queue;
	struct gw_semaphore places;
	uint64_t places_count;
	uint32_t producers, consumers, items; /* items: of each producer */
	uint8_t sent[PRODUCERS_MAX * ITEMS_MAX], received[PRODUCERS_MAX * ITEMS_MAX];
};

struct producer {
	struct round *round;
	uint32_t number;
};

/* Not sim_draw: what one node draws is its own. */
static uint64_t draw(struct life *life, uint64_t n)
{
	uint64_t number;

	io_random(life->io, &number, sizeof(number));
	return number % n;
}

static uint64_t some_deadline(struct life *life)
{
	switch (draw(life, 6)) {
	case 0:
		return GW_AT_ONCE;
	case 1:
		return gw_now_ns() + 1 + draw(life, SIM_MS);
	default:
		return GW_FOREVER;
	}
}

static int rest(struct life *life)
{
	return gw_sleep_until(gw_now_ns() + 1 + draw(life, 200 * SIM_US));
}

/* ---- The queue ------------------------------------------------------------------------------ */

static int queue_put(struct queue *queue, int item, uint64_t deadline_ns)
{
	int result = gw_lock(&queue->mutex, deadline_ns);

	if (result < 0)
		return result;
	while (result == 0 && queue->count == queue->room && !queue->ended)
		result = gw_cond_wait(&queue->not_full, &queue->mutex, deadline_ns);
	if (result == 0 && queue->ended)
		result = GW_E_CLOSED;
	if (result == 0) {
		queue->items[queue->count++] = item;
		gw_cond_signal(&queue->not_empty);
	}
	gw_unlock(&queue->mutex);
	return result;
}

static int queue_get(struct queue *queue, int *item, uint64_t deadline_ns)
{
	int result = gw_lock(&queue->mutex, deadline_ns);

	if (result < 0)
		return result;
	while (result == 0 && queue->count == 0 && !queue->ended)
		result = gw_cond_wait(&queue->not_empty, &queue->mutex, deadline_ns);
	if (result == 0 && queue->count == 0)
		result = GW_E_CLOSED;
	if (result == 0) {
		*item = queue->items[--queue->count];
		gw_cond_signal(&queue->not_full);
	}
	gw_unlock(&queue->mutex);
	return result;
}

static int queue_end(struct queue *queue)
{
	int result = gw_lock(&queue->mutex, GW_FOREVER);

	if (result < 0)
		return result;
	queue->ended = true;
	gw_unlock(&queue->mutex);
	gw_cond_broadcast(&queue->not_empty);
	gw_cond_broadcast(&queue->not_full);
	return 0;
}

/* ---- The three ways ------------------------------------------------------------------------- */

static int put(struct round *round, int item)
{
	uint64_t deadline_ns = some_deadline(round->life);
	struct gw_select_case cases[] = {
		{.chan = round->chans[0], .send = &item},
		{.chan = round->chans[1], .send = &item},
	};
	int result;

	if (round->way == BY_QUEUE)
		return queue_put(&round->queue, item, deadline_ns);
	if (round->way == BY_CHANNEL)
		return gw_send(round->chans[0], &item, deadline_ns);
	result = gw_select(cases, 2, deadline_ns);
	return result < 0 ? result : cases[result].result;
}

static int get(struct round *round, int *item)
{
	uint64_t deadline_ns = some_deadline(round->life);
	struct gw_select_case cases[] = {
		{.chan = round->chans[0], .receive = item},
		{.chan = round->chans[1], .receive = item},
	};
	int result;

	if (round->way == BY_QUEUE)
		return queue_get(&round->queue, item, deadline_ns);
	if (round->way == BY_CHANNEL)
		return gw_receive(round->chans[0], item, deadline_ns);
	result = gw_select(cases, 2, deadline_ns);
	return result < 0 ? result : cases[result].result;
}

static int end(struct round *round)
{
	gw_chan_close(round->chans[0]);
	gw_chan_close(round->chans[1]);
	return queue_end(&round->queue);
}

/* Some places, or more than there are, which nobody can have; then it gives up. */
static int pass(struct round *round)
{
	uint64_t number = 1 + draw(round->life, round->places_count + 1);
	uint64_t deadline_ns = some_deadline(round->life);
	int result;

	if (number > round->places_count)
		deadline_ns = gw_now_ns() + 1 + draw(round->life, SIM_MS);
	result = gw_acquire(&round->places, number, deadline_ns);
	if (result < 0)
		return result == GW_E_TIMEOUT ? 0 : result;
	if (draw(round->life, 2))
		result = gw_yield();
	gw_release(&round->places, number);
	return result;
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

static int produce(void *argument)
{
	struct producer *producer = argument;
	struct round *round = producer->round;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < round->items;) {
		uint32_t item = producer->number * ITEMS_MAX + i;

		result = pass(round);
		if (result == 0)
			result = put(round, (int)item);
		if (result == 0) {
			round->sent[item]++;
			i++;
		} else if (result == GW_E_TIMEOUT) {
			result = rest(round->life);
		}
	}
	return result == GW_E_CLOSED ? 0 : result;
}

static int consume(void *argument)
{
	struct round *round = argument;
	int result = 0, item = 0;

	while (result == 0) {
		result = get(round, &item);
		if (result == 0)
			round->received[item]++;
		else if (result == GW_E_TIMEOUT)
			result = rest(round->life);
	}
	return result == GW_E_CLOSED ? 0 : result;
}

/* What nobody came for before the end. */
static void take_the_rest(struct round *round)
{
	int item;

	while (round->queue.count > 0)
		round->received[round->queue.items[--round->queue.count]]++;
	for (size_t i = 0; i < 2; i++)
		while (gw_receive(round->chans[i], &item, GW_AT_ONCE) == 0)
			round->received[item]++;
}

static void compare(struct round *round)
{
	for (size_t i = 0; i < PRODUCERS_MAX * ITEMS_MAX; i++) {
		if (round->sent[i] != round->received[i])
			sim_run_fail(round->life->state->run,
				     "item %zu was sent %d times and received %d times", i,
				     round->sent[i], round->received[i]);
	}
}

/* ---- Rounds --------------------------------------------------------------------------------- */

static int start_tasks(struct round *round, struct producer *producers, struct gw_group *makes,
		       struct gw_group *takes, struct gw_group *gives_up)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < round->producers; i++) {
		producers[i] = (struct producer){round, i};
		result = gw_spawn(makes, produce, &producers[i], NULL);
	}
	for (uint32_t i = 0; result == 0 && i < round->consumers; i++) {
		result = gw_spawn(takes, consume, round, NULL);
		if (result == 0)
			result = gw_spawn(gives_up, consume, round, NULL);
	}
	return result;
}

static int run_tasks(struct round *round)
{
	struct producer producers[PRODUCERS_MAX];
	struct gw_group makes = {0}, takes = {0}, gives_up = {0};
	bool early = draw(round->life, 4) == 0;
	int result = start_tasks(round, producers, &makes, &takes, &gives_up);

	for (uint64_t i = draw(round->life, 20); result == 0 && i > 0; i--)
		result = draw(round->life, 4) ? gw_yield() : rest(round->life);
	(void)gw_group_done(&gives_up);
	if (result == 0 && early)
		result = end(round);
	if (result == 0)
		result = gw_group_wait(&makes, GW_FOREVER);
	if (result == 0 && !early)
		result = end(round);
	if (result == 0)
		result = gw_group_wait(&takes, GW_FOREVER);
	(void)gw_group_done(&makes);
	(void)gw_group_done(&takes);
	return result;
}

static int one_round(struct life *life)
{
	struct round round = {.life = life};
	int result = 0;

	round.way = (enum way)draw(life, WAYS);
	round.queue.room = 1 + draw(life, ROOM_MAX);
	round.places_count = 1 + draw(life, PLACES_MAX);
	round.places.count = round.places_count;
	round.producers = 1 + (uint32_t)draw(life, PRODUCERS_MAX);
	round.consumers = 1 + (uint32_t)draw(life, CONSUMERS_MAX);
	round.items = 1 + (uint32_t)draw(life, ITEMS_MAX);
	for (size_t i = 0; i < 2; i++) {
		round.chans[i] = gw_chan_new(sizeof(int), draw(life, ROOM_MAX), NULL);
		assert(round.chans[i]);
	}
	result = run_tasks(&round);
	take_the_rest(&round);
	compare(&round);
	gw_chan_unref(round.chans[0]);
	gw_chan_unref(round.chans[1]);
	return result;
}

static int live(void *argument)
{
	struct life *life = argument;
	struct state *state = life->state;
	int result = 0;

	while (result == 0) {
		result = one_round(life);
		if (result < 0 && !gw_cancelled())
			sim_run_fail(state->run, "a round ends with %s", gw_code_text(result));
		if (result == 0)
			sim_note(state->run->sim, state->node, "round", 0);
		state->rounds_healed += result == 0 && state->run->healed;
		if (result == 0)
			result = gw_sleep_until(gw_now_ns() + 1 + draw(life, 20 * SIM_MS));
	}
	return result;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct life *life = calloc(1, sizeof(*life));
	int result;

	assert(life);
	life->state = argument;
	life->io = io;
	result = task_loop_new(io, &options, &life->loop, NULL);
	assert(result == 0);
	result = task_loop_spawn(life->loop, live, life, NULL);
	assert(result == 0);
	return life;
}

static void stop(void *argument)
{
	struct life *life = argument;

	(void)sim_end_tasks(life->io, life->loop);
	free(life);
}

/* ---- The workload --------------------------------------------------------------------------- */

static int set_up(struct sim_run *run, struct gw_error *error)
{
	struct state *state = calloc(1, sizeof(*state));
	struct sim_program program = {start, stop, state};

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	state->node = sim_node_add(run->sim, "tasks", &program);
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = UINT64_C(1) << sim_node_index(state->node),
		.down_max = 1,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULTS_CLOCK,
	});
	sim_node_start(state->node);
	return 0;
}

static bool converged(struct sim_run *run)
{
	return ((struct state *)run->state)->rounds_healed >= ROUNDS_TO_CONVERGE;
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	(void)run;
	(void)error;
	return 0; /* each round was checked */
}

static void done(struct sim_run *run)
{
	free(run->state);
}

static const struct sim_bug bugs[] = {
	{"task.wake-up-lost", "a condition is waited for a moment after the mutex was given up"},
	{"task.item-lost", "a receiver that is cancelled as it is handed an item drops it"},
	{"task.semaphore-stuck", "who gives up waiting leaves those behind waiting"},
	{"task.timer-lost", "a timer is lost when the clock jumps past it"},
	{0},
};

const struct sim_workload sim_tasks = {
	.name = "tasks",
	.about = "tasks pass items by channels, selects and conditions, and are cancelled",
	.setup = set_up,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
