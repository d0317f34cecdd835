/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_model_fixture.c - see chan_model_fixture.h.
 */
#include "chan_model_fixture.h"

enum { CHANS = 3, CASES = 3, CAPACITY_MAX = 3 };

/* What is asked of a keeper: the number of a worker to be ended and started anew, with LATER when
 * it may go on for a little between its cancel and its end; or nothing but an answer. */
enum { LATER = 1 << 8, ANSWER = 1 << 9 };

/* What a task does for the test, one order after the other. */
struct worker {
	struct gw_group group;
	struct gw_chan *orders; /* of no bytes: what is wanted stands here */
	struct gw_select_case cases[CASES];
	int items[CASES];
	size_t count; /* of cases; 0: no order */
	uint64_t deadline_ns;
	bool plain;   /* by gw_send or gw_receive */
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
	struct model_side *sides;
	size_t side_count;
	struct worker workers[MODEL_WORKERS];
	struct model_chan chans[CHANS];
	uint64_t seed, tickets;
	int next_item;
};

/* ---- The sides ----------------------------------------------------------------------------- */

static struct gw_chan *new_chan(size_t item_bytes, size_t capacity, bool shared)
{
	struct gw_chan_options options = {.name = "of the model", .shared = shared};
	struct gw_chan *chan = gw_chan_new(item_bytes, capacity, &options);

	assert_non_null(chan);
	return chan;
}

void model_side_init(struct model_side *side, bool shared)
{
	*side = (struct model_side){.shared = shared};
	side->commands = new_chan(sizeof(int), 0, shared);
	side->answers = new_chan(sizeof(int), 0, shared);
}

void model_side_done(struct model_side *side)
{
	gw_chan_unref(side->commands);
	gw_chan_unref(side->answers);
}

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

	while (gw_receive(worker->orders, NULL, GW_FOREVER) == 0) {
		worker->result = one_order(worker);
		worker->done = true;
	}
	return 0;
}

static int restart(struct worker *worker, bool later)
{
	int result;

	gw_group_cancel(&worker->group);
	if (later)
		settle();
	result = gw_group_done(&worker->group);
	return result < 0 ? result : gw_spawn(&worker->group, work, worker, NULL);
}

static int nothing(void *context)
{
	(void)context;
	return 0;
}

int model_keep(void *argument)
{
	struct model_side *side = argument;
	int command, answer = 0;

	while (gw_receive(side->commands, &command, GW_FOREVER) == 0) {
		if (command != ANSWER)
			answer = restart(&side->model->workers[command & ~LATER], command & LATER);
		/* Who was woken by the other loop before this began runs before this ends. */
		if (answer == 0 && side->shared)
			answer = gw_offload(nothing, NULL, GW_FOREVER);
		if (gw_send(side->answers, &answer, GW_FOREVER) < 0)
			return GW_E_FAILED;
	}
	return 0;
}

static void ask(struct model_side *side, int command)
{
	int answer;

	assert_int_equal(gw_send(side->commands, &command, GW_FOREVER), 0);
	assert_int_equal(gw_receive(side->answers, &answer, GW_FOREVER), 0);
	assert_int_equal(answer, 0);
}

/* Until all have gone as far as they can: the one who got an order, in whatever loop, and then
 * those whom that one wakes in the other. */
static void settle_all(struct model *model)
{
	for (size_t i = 0; i <= model->side_count; i++)
		ask(&model->sides[i % model->side_count], ANSWER);
}

static struct model_side *side_of(struct model *model, const struct worker *worker)
{
	return &model->sides[(size_t)(worker - model->workers) % model->side_count];
}

/* ---- The reference ------------------------------------------------------------------------- */

/* The one who came first of those who wait to send to, or receive from, a channel; its case. */
static struct worker *first_pending(struct model *model, size_t chan, bool sending, size_t *which)
{
	struct worker *first = NULL;

	for (size_t i = 0; i < MODEL_WORKERS; i++) {
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
	for (size_t i = 0; i < MODEL_WORKERS; i++) {
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
	assert_int_equal(gw_send(worker->orders, NULL, GW_AT_ONCE), 0);
	settle_all(model);
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
	int number = (int)(worker - model->workers);

	/* Half of them are cancelled while others go on at once. */
	ask(side_of(model, worker), test_pick(&model->seed, 2) ? number | LATER : number);
	if (worker->pending) {
		worker->pending = false;
		worker->expected = GW_E_CANCELLED;
	}
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
	chan->chan = new_chan(sizeof(int), chan->capacity, model->sides[0].shared);
}

static void step(struct model *model)
{
	uint64_t dice = test_pick(&model->seed, 100);
	struct worker *worker = &model->workers[test_pick(&model->seed, MODEL_WORKERS)];

	if (dice < 4)
		close_or_replace(model, test_pick(&model->seed, CHANS));
	else if (dice < 10)
		cancel(model, worker);
	else if (worker->count == 0)
		give_order(model, worker);
	settle_all(model);
	compare(model);
}

static void begin(struct model *model)
{
	bool shared = model->sides[0].shared;

	for (size_t i = 0; i < model->side_count; i++)
		model->sides[i].model = model;
	for (size_t i = 0; i < CHANS; i++) {
		model->chans[i].capacity = i;
		model->chans[i].chan = new_chan(sizeof(int), i, shared);
	}
	for (int i = 0; i < MODEL_WORKERS; i++) {
		model->workers[i].orders = new_chan(0, 1, shared);
		ask(side_of(model, &model->workers[i]), i);
	}
}

static void end(struct model *model)
{
	for (int i = 0; i < MODEL_WORKERS; i++) {
		struct worker *worker = &model->workers[i];

		gw_chan_close(worker->orders);
		ask(side_of(model, worker), i);
	}
	settle_all(model);
	for (size_t i = 0; i < MODEL_WORKERS; i++)
		gw_chan_unref(model->workers[i].orders);
	for (size_t i = 0; i < CHANS; i++)
		gw_chan_unref(model->chans[i].chan);
}

void model_run(struct model_side *sides, size_t side_count, uint64_t seed, size_t steps)
{
	struct model model = {.sides = sides, .side_count = side_count, .seed = seed};

	begin(&model);
	for (size_t i = 0; i < steps; i++)
		step(&model);
	end(&model);
}
