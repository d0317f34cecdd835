/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c - the lives of nodes: boot, turns, pause and death.
 *
 * A death has two halves. At once, the kernel's: events are dropped, writes under way are had in
 * part, sockets are closed, the io gets the table in which nothing has an effect. Then, when none
 * of the node's code is on the stack, the program's: stop is called and what the io made is freed.
 */
#include "inside.h"

#include <stdio.h>
#include <stdlib.h>

static void tell(struct sim_node *node, const char *what)
{
	trace_add(node->sim, node, TRACE_NODE, what, (int64_t)node->lives, 0);
}

struct sim_node *sim_node_add(struct sim *sim, const char *name, const struct sim_program *program)
{
	struct sim_node *node = (struct sim_node *)sim_allocate(sizeof(*node));

	assert(sim->node_count < SIM_NODES_MAX);
	assert(strlen(name) < SIM_NAME_MAX);
	node->sim = sim;
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->index = sim->node_count;
	if (program)
		node->program = *program;
	sim_random_seed(&node->random, sim->seed, 100 + 2 * (uint64_t)node->index);
	sim_random_seed(&node->disk_random, sim->seed, 101 + 2 * (uint64_t)node->index);
	sim->nodes[sim->node_count++] = node;
	net_node_added(node);
	disk_new(node);
	return node;
}

/* ---- Boot and turns ------------------------------------------------------------------ */

static void turn_now(struct life *life)
{
	struct sim *sim = life->node->sim;
	uint64_t delay_ns;
	bool more;

	assert(life->alive && sim->running == life);
	sim_counted(sim, SIM_COUNT_TURN);
	more = life->turn->run(life->turn);
	if (!more || !life->alive || !life->turn || event_is_queued(&life->turn_event))
		return;
	delay_ns = sim_random_exponential(&life->node->random, sim->options.turn_delay_ns);
	event_add(sim, &life->turn_event, sim->now_ns + delay_ns + 1);
}

static void turn_run(struct sim *sim, struct event *event)
{
	(void)sim;
	if (event->life->turn)
		turn_now(event->life);
}

void life_turn(struct life *life)
{
	struct sim *sim = life->node->sim;

	assert(life->alive);
	if (!life->turn || event_is_queued(&life->turn_event))
		return;
	if (life->node->state == SIM_NODE_PAUSED) { /* by its own code, this moment */
		event_add(sim, &life->turn_event, sim->now_ns);
		return;
	}
	if (!sim_random_chance(&life->node->random, sim->options.batch_ppm)) {
		turn_now(life);
		return;
	}
	sim_counted(sim, SIM_COUNT_TURN_LATE);
	event_add(sim, &life->turn_event,
		  sim->now_ns + sim_random_exponential(&life->node->random,
						       sim->options.turn_delay_ns));
}

void life_start_turns(struct life *life)
{
	struct sim *sim = life->node->sim;

	if (life->turn && !event_is_queued(&life->turn_event))
		event_add(sim, &life->turn_event, sim->now_ns);
}

static void boot_run(struct sim *sim, struct event *event)
{
	struct life *life = event->life;
	struct sim_program *program = &life->node->program;

	assert(life->alive && !life->started);
	(void)sim;
	life->started = true;
	if (program->start)
		life->instance = program->start(life->node, &life->io, program->argument);
}

void sim_node_start(struct sim_node *node)
{
	struct sim *sim = node->sim;
	struct life *life;

	if (sim_node_is_up(node) || node->booting)
		return;
	clock_boot(node, node->lives == 0 || node->state == SIM_NODE_OFF);
	life = (struct life *)sim_allocate(sizeof(*life));
	life->io.operations = &sim_io_operations;
	life->io.rare = sim->options.rare;
	life->node = node;
	life->older = node->life;
	life->alive = true;
	life->boot = (struct event){.run = boot_run, .life = life};
	life->turn_event = (struct event){.run = turn_run, .life = life};
	node->life = life;
	node->lives++;
	node->state = SIM_NODE_RUNNING;
	/* Nobody uses the same ports first after each boot. */
	node->next_port = (uint16_t)(32768 + sim_random_below(&node->random, 16384));
	sim_counted(sim, SIM_COUNT_START);
	tell(node, "starts, life");
	event_add(sim, &life->boot, sim->now_ns);
}

static void start_later(void *context)
{
	struct sim_node *node = (struct sim_node *)context;

	node->booting = false;
	sim_node_start(node);
}

void sim_node_start_after(struct sim_node *node, uint64_t delay_ns)
{
	if (sim_node_is_up(node) || node->booting)
		return;
	if (delay_ns == 0) {
		sim_node_start(node);
		return;
	}
	node->booting = true;
	sim_at(node->sim, node->sim->now_ns + delay_ns, start_later, node);
}

/* ---- Death --------------------------------------------------------------------------- */

static void bury(struct life *life)
{
	assert(!life->alive && !life->events && !life->streams);
	if (life->started && life->node->program.stop)
		life->node->program.stop(life->instance);
	life->instance = NULL;
	net_life_done(life);
	disk_life_done(life);
}

void life_bury_dying(struct sim *sim)
{
	while (sim->dying) {
		struct life *life = sim->dying;

		assert(sim->running != life);
		sim->dying = life->next_dying;
		bury(life);
	}
}

static void drop_events(struct life *life)
{
	struct sim *sim = life->node->sim;

	while (life->events) {
		struct event *event = life->events;

		event_remove(sim, event);
		if (event->is_job) {
			struct io_request *request = ((struct job *)event)->request;

			job_free(sim, (struct job *)event);
			request_ghost(life, request);
		} else {
			net_event_dropped(life, event);
		}
	}
	request_ghosts(life, life->posts_first);
	life->posts_first = life->posts_last = NULL;
}

static void die(struct sim_node *node, bool power_loss)
{
	struct sim *sim = node->sim;
	struct life *life = node->life;

	if (!sim_node_is_up(node)) {
		if (power_loss && node->state != SIM_NODE_OFF) {
			node->state = SIM_NODE_OFF;
			disk_power_lost(node);
		}
		return;
	}
	sim_counted(sim, power_loss ? SIM_COUNT_POWER_LOSS : SIM_COUNT_KILL);
	tell(node, power_loss ? "loses power, life" : "is killed, life");
	life->died_mono_ns = clock_mono(node);
	life->died_wall_ns = clock_wall(node);
	life->alive = false;
	life->io.operations = &sim_io_operations_dead;
	node->state = power_loss ? SIM_NODE_OFF : SIM_NODE_DOWN;
	node->die_at = 0;
	clock_sleep(node, false);
	disk_process_died(life);
	net_process_died(life, power_loss);
	drop_events(life);
	if (power_loss)
		disk_power_lost(node);
	if (sim->running == life) {
		life->next_dying = sim->dying;
		sim->dying = life;
	} else {
		bury(life);
	}
}

void sim_node_kill(struct sim_node *node)
{
	die(node, false);
}

void sim_node_power_loss(struct sim_node *node)
{
	die(node, true);
}

void sim_node_restart(struct sim_node *node, bool power_loss, uint64_t down_ns)
{
	die(node, power_loss);
	sim_node_start_after(node, down_ns);
}

void sim_node_die_at(struct sim_node *node, uint64_t n, bool power_loss)
{
	node->die_at = n;
	node->die_of_power = power_loss;
}

bool life_operation(struct life *life)
{
	struct sim_node *node = life->node;

	if (node->die_at == 0 || --node->die_at > 0)
		return true;
	die(node, node->die_of_power);
	return false;
}

/* ---- Pause --------------------------------------------------------------------------- */

void sim_node_pause(struct sim_node *node, enum sim_pause pause)
{
	if (node->state != SIM_NODE_RUNNING)
		return;
	sim_counted(node->sim, SIM_COUNT_PAUSE);
	tell(node, pause == SIM_PAUSE_MACHINE ? "falls asleep, life" : "is paused, life");
	node->state = SIM_NODE_PAUSED;
	if (pause == SIM_PAUSE_MACHINE)
		clock_sleep(node, true);
}

/* What was put aside happens now, in an order that the seed decides. */
void sim_node_resume(struct sim_node *node)
{
	struct event *event, *next;

	if (node->state != SIM_NODE_PAUSED)
		return;
	tell(node, "goes on, life");
	node->state = SIM_NODE_RUNNING;
	clock_sleep(node, false);
	for (event = node->life->events; event && event->next; event = event->next)
		;
	/* From the oldest: an event that is queued again goes to the front of the list. */
	for (; event; event = next) {
		next = event->previous;
		if (event->aside)
			event_move(node->sim, event, node->sim->now_ns);
	}
	clock_timers_again(node);
}

/* ---- Questions ----------------------------------------------------------------------- */

struct io *sim_node_io(const struct sim_node *node)
{
	return sim_node_is_up(node) ? &node->life->io : NULL;
}

enum sim_node_state sim_node_state(const struct sim_node *node)
{
	return node->state;
}

const char *sim_node_name(const struct sim_node *node)
{
	return node->name;
}

struct sim *sim_node_sim(const struct sim_node *node)
{
	return node->sim;
}

uint32_t sim_node_index(const struct sim_node *node)
{
	return node->index;
}

struct sim_node *sim_node_at(struct sim *sim, uint32_t index)
{
	assert(index < sim->node_count);
	return sim->nodes[index];
}

uint32_t sim_node_count(const struct sim *sim)
{
	return sim->node_count;
}

uint32_t sim_node_lives(const struct sim_node *node)
{
	return node->lives;
}

void sim_node_address(const struct sim_node *node, uint16_t port, struct io_address *address)
{
	*address = (struct io_address){.family = IO_FAMILY_IP4, .port = port, .ip = {10}};
	address->ip[3] = (uint8_t)(node->index + 1);
}

struct sim_node *sim_node_of(struct io *io)
{
	return life_of(io)->node;
}

bool sim_io_alive(struct io *io)
{
	return life_of(io)->alive;
}
