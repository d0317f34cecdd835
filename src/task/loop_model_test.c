/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_model_test.c - trees of tasks that sleep, start others, wait, cancel and leave, drawn from a
 * seed. However they are ordered: nobody outlives the group that started it, no wait lasts longer
 * than it may, all memory comes back; and the same seed is the same run.
 */
#include "task/loop_fixture.h"

enum { DEPTH = 4, SEEDS = 150 };

/* One run. */
struct model {
	uint64_t seed;
	uint64_t trace; /* of all that happened, in its order */
	size_t live, started;
};

/* A task of the tree; on the stack of its parent. */
struct node {
	struct model *model;
	unsigned depth;
	bool ended;
};

static void note(struct model *model, uint64_t what)
{
	uint64_t mixed = model->trace ^ what ^ gw_now_ns();

	model->trace = test_random(&mixed);
}

/* Whether a sleep with this deadline may have ended so. */
static void check_sleep(int result, uint64_t deadline_ns)
{
	if (result == GW_E_TIMEOUT)
		assert_true(gw_now_ns() >= gw_deadline() && gw_deadline() < deadline_ns);
	else if (result == GW_E_CANCELLED)
		assert_true(gw_cancelled());
	else
		assert_true(result == 0 && gw_now_ns() == deadline_ns);
}

static int live_as_node(void *argument);

enum { CHILDREN = 5 };

static void start_children(struct node *node, struct gw_group *group, struct node *children)
{
	struct model *model = node->model;
	uint64_t count = test_pick(&model->seed, CHILDREN + 1);

	for (uint64_t i = 0; i < count && node->depth < DEPTH; i++) {
		struct gw_spawn_options options = {
			.stack_bytes = test_pick(&model->seed, 20) == 0 ? 256 << 10 : 0};

		children[i] = (struct node){.model = model, .depth = node->depth + 1};
		assert_int_equal(gw_spawn(group, live_as_node, &children[i], &options), 0);
		model->live++;
		model->started++;
	}
}

static int act(struct model *model, struct gw_group *group)
{
	uint64_t ms = test_pick(&model->seed, 30), deadline = gw_after_ms(ms);
	int result;

	switch (test_pick(&model->seed, 6)) {
	case 0:
		return gw_yield();
	case 1:
		result = gw_sleep_ms(ms);
		check_sleep(result, deadline);
		return result;
	case 2:
		result = gw_group_wait(group, deadline);
		assert_true(result != 0 || !group->tasks);
		return result;
	case 3:
		gw_shield_begin();
		assert_int_equal(gw_sleep_ms(ms), 0);
		gw_shield_end();
		return 0;
	case 4:
		if (test_pick(&model->seed, 4) == 0)
			gw_group_cancel(group);
		return 0;
	default:
		(void)gw_deadline_set(gw_after_ms(ms + 20));
		return 0;
	}
}

static int live_as_node(void *argument)
{
	struct node *node = argument;
	struct model *model = node->model;
	struct gw_group group = {0};
	struct node children[CHILDREN] = {{0}};
	int result = 0;

	start_children(node, &group, children);
	for (uint64_t left = test_pick(&model->seed, 6); left > 0 && result == 0; left--) {
		result = act(model, &group);
		note(model, (uint64_t)(uint32_t)result << 8 | node->depth);
	}
	(void)gw_group_done(&group);
	for (size_t i = 0; i < CHILDREN; i++)
		assert_true(!children[i].model || children[i].ended);
	node->ended = true;
	model->live--;
	note(model, model->live);
	return result == 0 && test_pick(&model->seed, 10) == 0 ? GW_E_FAILED : result;
}

static uint64_t run_seed(uint64_t seed, bool pick, size_t *started)
{
	struct task_loop_options options = {.pick = pick};
	struct loop_world world;
	struct model model = {.seed = seed, .live = 1};
	struct node root = {.model = &model};

	loop_world_begin(&world, &options);
	world.fake.seed = seed;
	assert_int_equal(task_loop_spawn(world.loop, live_as_node, &root, NULL), 0);
	loop_world_run(&world);
	assert_true(root.ended);
	assert_int_equal(model.live, 0);
	assert_int_equal(task_loop_tasks(world.loop), 0);
	loop_world_end(&world);
	*started += model.started;
	return model.trace;
}

static void trees_of_tasks_leave_nothing_behind(void **state)
{
	size_t started = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		(void)run_seed(seed, false, &started);
	assert_true(started > SEEDS * 5);
}

static void the_same_seed_is_the_same_run(void **state)
{
	size_t started = 0, different = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t trace = run_seed(seed, true, &started);

		assert_true(run_seed(seed, true, &started) == trace);
		different += run_seed(seed, false, &started) != trace;
	}
	assert_true(different > SEEDS / 2); /* what the io picks makes a difference */
}

/* A loop is dropped at any moment, as a simulated machine that dies. */
static void a_loop_may_be_dropped_at_any_moment(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct loop_world world;
		struct model model = {.seed = seed, .live = 1};
		struct node root = {.model = &model};

		loop_world_begin(&world, NULL);
		assert_int_equal(task_loop_spawn(world.loop, live_as_node, &root, NULL), 0);
		for (uint64_t turns = test_pick(&model.seed, 40) + 1; turns > 0; turns--)
			(void)fake_turn(&world.fake);
		loop_world_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_of_tasks_leave_nothing_behind),
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(a_loop_may_be_dropped_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
