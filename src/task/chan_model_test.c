/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_model_test.c - random sends, receives, selects, closes and cancels in one loop, step by step
 * beside a reference that is so simple that it is right: it has no lists, but looks through all who
 * wait for the one who came first.
 */
#include "sync_fixture.h"

enum { WORKERS = 6, CHANS = 3, CASES = 3, CAPACITY_MAX = 3, STEPS = 300, SEEDS = 60 };

/* What a task does for the test, one order after the other. */
struct worker {
	struct gw_group group;
	struct gw_select_case cases[CASES];
	int items[CASES];
	size_t count;         /* of cases; 0: no order */
	uint64_t deadline_ns;
	bool plain;           /* by gw_send or gw_receive */
	bool done;
	int result;
	/* The reference's. */
	bool pending;
	uint64_t ticket;
	size_t chans[CASES];
	int expected, expected_result, expected_item;
};

struct model_chan {
	struct gw_chan *chan;
	size_t capacity, count;
	bool closed;
	int items[CAPACITY_MAX];
};

struct model {
	struct worker workers[WORKERS];
	struct model_chan chans[CHANS];
	uint64_t seed, tickets;
	int next_item;
};

static int one_order(struct worker *worker)
{
	struct gw_select_case *one = &worker->cases[0];

	if (!worker->plain)
		return gw_select(worker->cases, worker->count, worker->deadline_ns);
	one->result = one->send ? gw_send(one->chan, one->send, worker->deadline_ns)
				: gw_receive(one->chan, one->receive, worker->deadline_ns);
	return one->result == 0 || one->result == GW_E_CLOSED ? 0 : one->result;
}

static int work(void *argument)
{
	struct worker *worker = argument;

	for (;;) {
		if (worker->count == 0 || worker->done) {
			if (gw_yield() < 0)
				return 0;
			continue;
		}
		worker->result = one_order(worker);
		worker->done = true;
		if (worker->result == GW_E_CANCELLED)
			return 0;
	}
}

/* ---- The reference ------------------------------------------------------------------------- */

/* The one who came first of those who wait to send to, or receive from, a channel; its case. */
static struct worker *first_pending(struct model *model, size_t chan, bool sending, size_t *which)
{
	struct worker *first = NULL;

	for (size_t i = 0; i < WORKERS; i++) {
		struct worker *worker = &model->workers[i];

		if (!worker->pending || (first && first->ticket < worker->ticket))
			continue;
		for (size_t j = 0; j < worker->count; j++) {
			if (worker->chans[j] == chan && !!worker->cases[j].send == sending) {
				first = worker;
				*which = j;
				break;
			}
		}
	}
	return first;
}

static bool can_go_on(struct model *model, size_t number, bool sending)
{
	struct model_chan *chan = &model->chans[number];
	size_t which;

	if (chan->closed || first_pending(model, number, !sending, &which))
		return true;
	return sending ? chan->count < chan->capacity : chan->count > 0;
}

static void ends(struct worker *worker, size_t which, int result, int item)
{
	worker->pending = false;
	worker->expected = (int)which;
	worker->expected_result = result;
	worker->expected_item = item;
}

static void send_in_model(struct model *model, struct worker *worker, size_t which)
{
	struct model_chan *chan = &model->chans[worker->chans[which]];
	int item = worker->items[which];
	size_t other_case;
	struct worker *other = first_pending(model, worker->chans[which], false, &other_case);

	ends(worker, which, chan->closed ? GW_E_CLOSED : 0, item);
	if (chan->closed)
		return;
	if (other)
		ends(other, other_case, 0, item);
	else
		chan->items[chan->count++] = item;
}

static void receive_in_model(struct model *model, struct worker *worker, size_t which)
{
	struct model_chan *chan = &model->chans[worker->chans[which]];
	size_t other_case;
	struct worker *other = first_pending(model, worker->chans[which], true, &other_case);

	if (chan->count == 0 && !other) {
		ends(worker, which, GW_E_CLOSED, -1);
		return;
	}
	if (other)
		ends(other, other_case, 0, other->items[other_case]);
	if (chan->count == 0) {
		ends(worker, which, 0, other->items[other_case]);
		return;
	}
	ends(worker, which, 0, chan->items[0]);
	memmove(chan->items, chan->items + 1, --chan->count * sizeof(chan->items[0]));
	if (other)
		chan->items[chan->count++] = other->items[other_case];
}

static void close_in_model(struct model *model, size_t number)
{
	struct worker *worker;
	size_t which;

	model->chans[number].closed = true;
	while ((worker = first_pending(model, number, true, &which)))
		ends(worker, which, GW_E_CLOSED, worker->items[which]);
	while ((worker = first_pending(model, number, false, &which)))
		ends(worker, which, GW_E_CLOSED, -1);
}

/* ---- Steps --------------------------------------------------------------------------------- */

static void compare(struct model *model)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct worker *worker = &model->workers[i];
		int which = worker->expected;

		if (worker->count == 0)
			continue;
		assert_int_equal(worker->done, !worker->pending);
		if (!worker->done)
			continue;
		assert_int_equal(worker->result, which);
		if (which >= 0) {
			assert_int_equal(worker->cases[which].result, worker->expected_result);
			assert_int_equal(worker->items[which], worker->expected_item);
		}
		worker->count = 0;
		worker->done = false;
	}
	for (size_t i = 0; i < CHANS; i++)
		assert_int_equal(gw_chan_count(model->chans[i].chan), model->chans[i].count);
}

static void draw_cases(struct model *model, struct worker *worker)
{
	size_t count = 1 + test_pick(&model->seed, CASES);

	worker->plain = count == 1 && test_pick(&model->seed, 2);
	worker->deadline_ns = test_pick(&model->seed, 4) ? GW_FOREVER : GW_AT_ONCE;
	for (size_t i = 0; i < count; i++) {
		bool sending = test_pick(&model->seed, 2);

		worker->chans[i] = test_pick(&model->seed, CHANS);
		worker->items[i] = sending ? ++model->next_item : -1;
		worker->cases[i] = (struct gw_select_case){
			.chan = model->chans[worker->chans[i]].chan,
			.send = sending ? &worker->items[i] : NULL,
			.receive = sending ? NULL : &worker->items[i],
		};
	}
	worker->count = count;
}

/* An idle worker gets something to do. Of several cases that can go on it may choose any. */
static void give_order(struct model *model, struct worker *worker)
{
	bool any = false, allowed[CASES] = {false};

	draw_cases(model, worker);
	for (size_t i = 0; i < worker->count; i++) {
		allowed[i] = can_go_on(model, worker->chans[i], worker->cases[i].send);
		any = any || allowed[i];
	}
	settle();
	if (any) {
		assert_true(worker->done);
		assert_in_range(worker->result, 0, worker->count - 1);
		assert_true(allowed[worker->result]);
		if (worker->cases[worker->result].send)
			send_in_model(model, worker, (size_t)worker->result);
		else
			receive_in_model(model, worker, (size_t)worker->result);
	} else if (worker->deadline_ns == GW_AT_ONCE) {
		worker->expected = GW_E_TIMEOUT;
	} else {
		worker->pending = true;
		worker->ticket = model->tickets++;
	}
}

static void cancel(struct model *model, struct worker *worker)
{
	bool pending = worker->pending;

	gw_group_cancel(&worker->group);
	/* Half of them are cancelled while others go on at once. */
	if (test_pick(&model->seed, 2))
		settle();
	assert_int_equal(gw_group_done(&worker->group), 0);
	if (pending) {
		worker->pending = false;
		worker->expected = GW_E_CANCELLED;
	}
	compare(model);
	assert_int_equal(gw_spawn(&worker->group, work, worker, NULL), 0);
}

static void close_or_replace(struct model *model, size_t number)
{
	struct model_chan *chan = &model->chans[number];

	if (!chan->closed) {
		gw_chan_close(chan->chan);
		close_in_model(model, number);
		return;
	}
	gw_chan_unref(chan->chan);
	*chan = (struct model_chan){.capacity = test_pick(&model->seed, CAPACITY_MAX + 1)};
	chan->chan = int_chan(chan->capacity);
}

static void step(struct model *model)
{
	uint64_t dice = test_pick(&model->seed, 100);
	struct worker *worker = &model->workers[test_pick(&model->seed, WORKERS)];

	if (dice < 4)
		close_or_replace(model, test_pick(&model->seed, CHANS));
	else if (dice < 10)
		cancel(model, worker);
	else if (worker->count == 0)
		give_order(model, worker);
	settle();
	compare(model);
}

static void run_seed(struct model *model)
{
	for (size_t i = 0; i < CHANS; i++) {
		model->chans[i].capacity = i;
		model->chans[i].chan = int_chan(i);
	}
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(
			gw_spawn(&model->workers[i].group, work, &model->workers[i], NULL), 0);
	for (size_t i = 0; i < STEPS; i++)
		step(model);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(gw_group_done(&model->workers[i].group), 0);
	for (size_t i = 0; i < CHANS; i++)
		gw_chan_unref(model->chans[i].chan);
}

static int channels_and_selects_do_as_the_reference_does(void *argument)
{
	(void)argument;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct model model = {.seed = seed};

		run_seed(&model);
	}
	return 0;
}

/* ---- Semaphores ---------------------------------------------------------------------------- */

struct claimant {
	struct gw_group group;
	struct gw_semaphore *semaphore;
	uint64_t number, ticket;
	bool asked, done, pending;
	int result;
};

static int acquires(void *argument)
{
	struct claimant *claimant = argument;

	for (;;) {
		if (!claimant->asked || claimant->done) {
			if (gw_yield() < 0)
				return 0;
			continue;
		}
		claimant->result = gw_acquire(claimant->semaphore, claimant->number, GW_FOREVER);
		claimant->done = true;
		if (claimant->result < 0)
			return 0;
	}
}

/* The first who waits gets his, then the next, until one wants more than there is. */
static void grant_in_model(struct claimant *claimants, uint64_t *count)
{
	for (;;) {
		struct claimant *first = NULL;

		for (size_t i = 0; i < WORKERS; i++) {
			if (claimants[i].pending &&
			    (!first || claimants[i].ticket < first->ticket))
				first = &claimants[i];
		}
		if (!first || first->number > *count)
			return;
		*count -= first->number;
		first->pending = false;
	}
}

static void cancel_claimant(struct claimant *claimant, struct claimant *claimants, uint64_t *count)
{
	gw_group_cancel(&claimant->group);
	assert_int_equal(gw_group_done(&claimant->group), 0);
	if (claimant->pending) {
		assert_int_equal(claimant->result, GW_E_CANCELLED);
		claimant->pending = claimant->asked = claimant->done = false;
	}
	grant_in_model(claimants, count);
	assert_int_equal(gw_spawn(&claimant->group, acquires, claimant, NULL), 0);
}

static void step_semaphore(struct claimant *claimants, uint64_t *count, uint64_t *seed,
			   uint64_t ticket)
{
	struct claimant *claimant = &claimants[test_pick(seed, WORKERS)];
	uint64_t dice = test_pick(seed, 100), number = test_pick(seed, 4);

	if (dice < 15) {
		cancel_claimant(claimant, claimants, count);
	} else if (dice < 50) {
		gw_release(claimant->semaphore, number);
		*count += number;
	} else if (!claimant->asked) {
		claimant->number = number;
		claimant->ticket = ticket;
		claimant->asked = claimant->pending = true;
	}
	settle();
	grant_in_model(claimants, count);
	for (size_t i = 0; i < WORKERS; i++) {
		if (!claimants[i].asked)
			continue;
		assert_int_equal(claimants[i].done, !claimants[i].pending);
		if (!claimants[i].done)
			continue;
		assert_int_equal(claimants[i].result, 0);
		claimants[i].asked = claimants[i].done = false;
	}
	assert_int_equal(claimant->semaphore->count, *count);
}

static int semaphores_do_as_the_reference_does(void *argument)
{
	(void)argument;
	for (uint64_t base = 1; base <= SEEDS; base++) {
		struct gw_semaphore semaphore = {0};
		struct claimant claimants[WORKERS] = {0};
		uint64_t count = 0, seed = base;

		for (size_t i = 0; i < WORKERS; i++) {
			claimants[i].semaphore = &semaphore;
			assert_int_equal(
				gw_spawn(&claimants[i].group, acquires, &claimants[i], NULL), 0);
		}
		for (uint64_t i = 0; i < STEPS; i++)
			step_semaphore(claimants, &count, &seed, i);
		for (size_t i = 0; i < WORKERS; i++)
			assert_int_equal(gw_group_done(&claimants[i].group), 0);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(channels_and_selects_do_as_the_reference_does),
		in_a_task(semaphores_do_as_the_reference_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
