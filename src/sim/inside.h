/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.h - what the files of the simulator's core share: events, lives, requests, the trace.
 * The network is in net.h, the disk in disk.h.
 *
 * An event is a moment in the queue and a function. Most are part of what they are about (a
 * stream, a life); those of requests and sim_at are jobs, taken from a free list. An event with a
 * `life` calls the node's own code: it is dropped when that life ends, put aside while the node
 * is paused, and followed by the io's turn function. Events without are the kernel's and the
 * network's.
 */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include "random.h"
#include "sim.h"

struct event;
struct life;

typedef void event_run(struct sim *sim, struct event *event);

struct event {
	event_run *run;
	uint64_t at_ns;
	size_t place; /* in the heap + 1; 0: not queued */
	struct life *life;
	struct event *next, *previous; /* of the life's, queued or put aside */
	bool aside;                    /* the node is paused */
	bool is_job;                   /* the first member of a struct job of a request */
};

struct heap_entry {
	uint64_t at_ns, order; /* order: random bits, then a number that grows */
	struct event *event;
};

/* A request with a moment of its own, or a call of sim_at. */
struct job {
	struct event event; /* first */
	struct io_request *request;
	void (*action)(void *context);
	void *context;
	bool told;    /* its effect was had, done is to come */
	uint8_t step; /* of a write: the sync is next */
};

enum { SIZE_CLASSES = 12, SIZE_CLASS_MIN = 6 }; /* 64 bytes to 128 KiB */

struct free_block {
	struct free_block *next;
};

enum trace_kind {
	TRACE_SUBMIT = IO_OPERATIONS,
	TRACE_READ,
	TRACE_SEGMENT,
	TRACE_TURN,
	TRACE_NODE,
	TRACE_FAULT,
	TRACE_NOTE,
	TRACE_DATA,
};

struct trace_record {
	uint64_t at_ns;
	const char *text; /* a literal, or NULL; never hashed by its address */
	int64_t a, b;
	uint32_t node; /* + 1; 0: none */
	uint32_t kind; /* enum trace_kind, or of io_operation: a request that ended */
};

struct trace {
	uint64_t hash, events, written;
	struct trace_record *records;
	size_t capacity;
};

struct clock {
	uint64_t true_ns, mono_ns; /* the same moment */
	int64_t wall_ns;           /* at that moment */
	int32_t drift_ppb;
	bool asleep;
};

/* One life of a node: from a boot to a death. */
struct life {
	struct io io; /* first */
	struct sim_node *node;
	struct life *older, *next_dying;
	bool alive, started;
	void *instance;
	struct io_turn *turn;   /* of a dead one: for sim_io_unwind */
	struct io_request *ghosts, *ghosts_last; /* under way when it died, or started since */
	size_t pending;         /* requests under way and readers started */
	struct event boot, turn_event;
	struct event *events;   /* of this life */
	struct io_request *posts_first, *posts_last;
	struct event post_event;
	struct sim_stream *streams;
	struct sim_listener *listeners;
	struct sim_datagrams *datagrams;
	struct sim_file *files;
	struct list_block *lists; /* of io_list, not yet freed */
	uint64_t died_mono_ns;
	int64_t died_wall_ns;
};

struct sim_node {
	struct sim *sim;
	char name[SIM_NAME_MAX];
	uint32_t index, lives;
	enum sim_node_state state;
	bool booting;
	struct sim_program program;
	struct life *life; /* the newest, NULL before the first */
	struct clock clock;
	struct sim_random random, disk_random;
	uint8_t boot_id[16];
	uint16_t next_port;
	uint64_t die_at; /* operations to go; 0: never */
	bool die_of_power;
	struct disk *disk;
	struct sim_link *links; /* to each node, SIM_NODES_MAX */
};

struct sim {
	struct sim_options options;
	uint64_t seed, now_ns, sequence;
	struct sim_random order, net, draw;
	struct heap_entry *heap;
	size_t heap_count, heap_capacity;
	struct sim_node *nodes[SIM_NODES_MAX];
	uint32_t node_count;
	struct life *running; /* whose code is on the stack */
	struct life *dying;   /* killed by their own code: to be buried when that returns */
	bool stepping;
	struct free_block *blocks[SIZE_CLASSES];
	struct trace trace;
	uint64_t counts[SIM_COUNTS];
	struct connection *connections;      /* all there are */
	struct connection *connections_free; /* dead at this event, freed behind it */
	struct packet *packets;              /* datagrams under way */
};

/* ---- memory.c: taken from free lists, never NULL ------------------------------------- */

void *sim_allocate(size_t size); /* zeroed; freed by free */
void *sim_take(struct sim *sim, size_t size);
void sim_give(struct sim *sim, void *block, size_t size);
void sim_memory_done(struct sim *sim);

/* ---- queue.c ------------------------------------------------------------------------- */

/* Queues the event; of a life when event->life says so. It must not be queued. */
void event_add(struct sim *sim, struct event *event, uint64_t at_ns);
/* Moves one that is queued or put aside, or adds it. */
void event_move(struct sim *sim, struct event *event, uint64_t at_ns);
/* Takes it out if it is queued or put aside. */
void event_remove(struct sim *sim, struct event *event);
/* The first event up to a time, taken out; NULL when there is none. */
struct event *event_next(struct sim *sim, uint64_t until_ns);
static inline bool event_is_queued(const struct event *event)
{
	return event->place > 0 || event->aside;
}

/* ---- trace.c ------------------------------------------------------------------------- */

void trace_start(struct trace *trace, uint64_t seed, size_t records);
void trace_add(struct sim *sim, const struct sim_node *node, uint32_t kind, const char *text,
	       int64_t a, int64_t b);
/* Contents: into the hash alone. */
void trace_data(struct sim *sim, const void *data, size_t size);
static inline void sim_counted(struct sim *sim, enum sim_count count)
{
	sim->counts[count]++;
}

/* ---- clock.c ------------------------------------------------------------------------- */

void clock_boot(struct sim_node *node, bool power);
uint64_t clock_mono(const struct sim_node *node);
int64_t clock_wall(const struct sim_node *node);
/* The first true time at which clock_mono is at_ns or more. */
uint64_t clock_true_at(const struct sim_node *node, uint64_t at_ns);
void clock_sleep(struct sim_node *node, bool asleep);
/* After a change of the clock: the timers of the node have other true times. */
void clock_timers_again(struct sim_node *node);

/* ---- request.c ----------------------------------------------------------------------- */

extern const struct io_operations sim_io_operations;      /* of a life */
extern const struct io_operations sim_io_operations_dead; /* after it */

static inline struct life *life_of(struct io *io)
{
	return (struct life *)io;
}

/* Ends the request after delay_ns, with the result that is set in it. */
void request_end_after(struct life *life, struct io_request *request, uint64_t delay_ns);
void request_end(struct life *life, struct io_request *request, int result, int os_error);
/* With the code of that errno. */
void request_end_errno(struct life *life, struct io_request *request, int os_error);
int code_of_os_error(int os_error);
/* A job for the request, of this life, not yet queued. */
struct job *request_job(struct life *life, struct io_request *request, event_run *run);
void job_free(struct sim *sim, struct job *job);
/* The moment behind a request that a job holds. */
struct job *job_of(struct io_request *request);
/* Of a life that has died: the request is one for sim_io_unwind. */
void request_ghost(struct life *life, struct io_request *request);
/* The same for a list of them, linked by next. */
void request_ghosts(struct life *life, struct io_request *first);
/* Calls done, with all that belongs to it. */
void request_finish(struct life *life, struct io_request *request);
void timer_run(struct sim *sim, struct event *event);

/* ---- node.c -------------------------------------------------------------------------- */

/* Runs the turn function after an event of the life, or sees that it will run. */
void life_turn(struct life *life);
/* Counts an operation for sim_node_die_at. False: the node has just died of it. */
bool life_operation(struct life *life);
/* Behind each event: stops lives that died in their own code. */
void life_bury_dying(struct sim *sim);
void life_start_turns(struct life *life);

/* Around calls of the node's code from events that are not of its life. */
static inline struct life *life_enter(struct life *life)
{
	struct sim *sim = life->node->sim;
	struct life *before = sim->running;

	sim->running = life;
	return before;
}

static inline void life_leave(struct life *life, struct life *before)
{
	life->node->sim->running = before;
}

static inline bool node_is_here(const struct sim_node *node)
{
	return node->state != SIM_NODE_OFF && !node->clock.asleep;
}

/* ---- What the disk and the network do for the rest ----------------------------------- */

void disk_new(struct sim_node *node);
void disk_free(struct sim_node *node);
void disk_submit(struct life *life, struct io_request *request);
/* Frees what a cancelled open has made. */
void disk_discard(struct life *life, struct io_request *request);
void disk_list_free(struct life *life, struct io_list *list);
/* The process ends: writes under way are had in part, files are closed. */
void disk_process_died(struct life *life);
void disk_power_lost(struct sim_node *node);
void disk_life_done(struct life *life);

void net_node_added(struct sim_node *node);
void net_submit(struct life *life, struct io_request *request);
void net_cancel(struct life *life, struct io_request *request);
void net_discard(struct life *life, struct io_request *request);
void net_request_finished(struct io_request *request);
void net_process_died(struct life *life, bool power_loss);
/* An event of a life that has died: what waited for it is for sim_io_unwind. */
void net_event_dropped(struct life *life, struct event *event);
void net_life_done(struct life *life);
void net_collect(struct sim *sim);
void net_free(struct sim *sim);

#endif
