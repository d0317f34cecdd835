/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a whole cluster in one process and one thread: many nodes, each with a `struct io` of its
 * own (clock, disk, network), whose every choice comes from one seed. The same program and seed
 * give the same run, event by event; sim_hash says so in one number.
 *
 *     struct sim *sim = sim_new(seed, NULL, &error);
 *     struct sim_node *server = sim_node_add(sim, "server", &server_program);
 *
 *     sim_node_start(server);
 *     sim_run_until(sim, 10 * SIM_SECOND);
 *     sim_node_kill(server);            // or sim_node_power_loss, sim_node_pause
 *     sim_node_start(server);           // the same disk, a new io, a new life
 *     sim_run_idle(sim, 60 * SIM_SECOND);
 *     sim_free(sim);
 *
 * Nodes. A node is a machine that runs one program over one io. A program is a start function,
 * called at each boot, which listens, sets timers or attaches a task loop, and a stop function,
 * which frees the memory of that life when the node has died. What is on the disk stays.
 *
 * Death. A node dies by sim_node_kill (the process ends: every write that was done is kept, its
 * sockets are closed by the kernel) or by sim_node_power_loss (what was not synced may be gone,
 * peers hear nothing). Its requests die with it, without done. Its io is dead from then on: calls
 * on it do nothing, io_now_ns stands still, and what it made (files, streams) is freed by the
 * simulator when stop has returned, so stop may call its ordinary functions that close things.
 * The struct io stays readable until the simulator is freed; the next life has another one. When a
 * node is killed by its own code, the code goes on until it returns to the simulator, without any
 * effect; stop is called then.
 *
 * Time. sim_now_ns is the true time of the run; a node sees it only through its clock, which has
 * an offset, drifts and can be set. Nothing takes time but what waits: code runs in no time at all.
 *
 * Order. Events at the same time happen in an order that the seed decides. The turn function of an
 * io runs right after an event, or, now and then, after several.
 *
 * Faults. Zeros everywhere are a tame world: small delays, nothing lost. Faults are switched on
 * and off at any time by the functions below, or by the fields of struct sim_link and struct
 * sim_disk. Each one that happens is counted (sim_count), so a test can see that it did.
 * What is promised under which fault is said in README.md.
 *
 * Nothing here fails for want of memory: the simulator then ends the process by an assertion.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "io/io.h"

struct sim;
struct sim_node;
struct io_rare;
struct gw_loop;

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_SECOND UINT64_C(1000000000)
#define SIM_FOREVER UINT64_MAX

enum {
	SIM_NODES_MAX = 250,
	SIM_NAME_MAX = 32,           /* of a node, with the NUL */
	SIM_SECTOR_BYTES = 512,      /* what a power loss keeps or drops as one */
	SIM_TRACE_LINE_MAX = 160,
	SIM_PPM = 1000000,           /* chances (_ppm) are in millionths */
};

/* ---- The run ------------------------------------------------------------------------- */

/* 0 is the default of each field, said behind it; a tame world. sim_options_vary draws others. */
struct sim_options {
	struct io_rare *rare;          /* for io->rare of all nodes; the caller's; NULL */
	size_t trace_records;          /* kept for sim_trace_line; 256 */

	uint64_t delay_min_ns;         /* of a packet between two nodes; 50 us */
	uint64_t delay_mean_ns;        /* on top, exponentially distributed; 50 us */
	uint64_t delay_local_ns;       /* mean inside a node; 5 us */
	uint32_t stream_buffer_bytes;  /* sent and not yet read, each direction; 256 KiB */
	uint32_t segment_bytes;        /* at most, of what arrives at once; 64 KiB */
	uint32_t backlog;              /* connections not yet accepted; 128 */
	uint32_t datagram_buffer_bytes; /* arrived and not yet received; 256 KiB */
	uint64_t connect_timeout_ns;   /* 20 s */
	uint64_t send_timeout_ns;      /* until bytes that nobody acknowledges end a stream; 60 s */
	uint32_t split_ppm;            /* an arriving piece is cut at any byte; 0 */

	uint64_t disk_bytes;           /* of each node; 16 GiB */
	uint64_t disk_files;           /* 1 million */
	uint64_t disk_delay_ns;        /* mean of all but a sync; 20 us */
	uint64_t sync_delay_ns;        /* mean; 100 us */
	uint64_t offload_delay_ns;     /* mean; 50 us */
	bool without_direct;           /* IO_DIRECT is GW_E_UNSUPPORTED */

	uint32_t batch_ppm;            /* the turn function waits for more events; 0 */
	uint64_t turn_delay_ns;        /* mean of such a wait, and between turns; 1 us */
	uint64_t wall_offset_ns_max;   /* clocks of nodes are wrong by up to this much; 0 */
	uint32_t drift_ppb_max;        /* and go too fast or slow by up to this, in billionths; 0 */
};

/* Sets the fields above (not rare, not trace_records) as the seed decides: sizes, delays and
 * chances that a program must bear, from tame to hostile. Timeouts stay above 2 s. */
void sim_options_vary(struct sim_options *options, uint64_t seed);

/* options are copied; NULL: all defaults. The caller frees it with sim_free. NULL and a sentence
 * when an option is wrong. */
struct sim *sim_new(uint64_t seed, const struct sim_options *options, struct gw_error *error);
/* Kills all nodes (so stop is called) and frees everything. NULL is fine. */
void sim_free(struct sim *sim);

uint64_t sim_now_ns(const struct sim *sim);
/* A number that the seed decides, below n; for workloads and fault plans. It does not disturb what
 * the nodes draw. */
uint64_t sim_draw(struct sim *sim, uint64_t n);
/* True with the chance given in millionths. */
bool sim_chance(struct sim *sim, uint32_t ppm);

/* One event. False: there is none, so nothing will ever happen again by itself. */
bool sim_step(struct sim *sim);
/* All events up to at_ns; the time is at_ns then. */
void sim_run_until(struct sim *sim, uint64_t at_ns);
void sim_run_for(struct sim *sim, uint64_t ns);
/* Until nothing is left to happen (true), or the time is at_ns. */
bool sim_run_idle(struct sim *sim, uint64_t at_ns);
/* Until met(context) is true, asked before each event (true), or the time is at_ns or nothing is
 * left to happen (false, and the time is as it is then). */
bool sim_run_when(struct sim *sim, bool (*met)(void *context), void *context, uint64_t at_ns);

/* Calls run(context) at a time (at once, but later, when it is past), outside all nodes: the place
 * for a fault plan. Cannot be taken back. */
void sim_at(struct sim *sim, uint64_t at_ns, void (*run)(void *context), void *context);

/* ---- Nodes --------------------------------------------------------------------------- */

struct sim_program {
	/* At each boot, in an event of its own. What it returns is passed to stop; NULL is fine. It
	 * may call sim_node_kill for a program that ends. */
	void *(*start)(struct sim_node *node, struct io *io, void *argument);
	/* The life has ended: frees its memory. The io is dead. NULL: nothing to free. */
	void (*stop)(void *life);
	void *argument;
};

enum sim_node_state {
	SIM_NODE_DOWN,     /* not started yet, or the process ended: connections are refused */
	SIM_NODE_OFF,      /* no power: no answer at all */
	SIM_NODE_RUNNING,
	SIM_NODE_PAUSED,
};

enum sim_pause {
	SIM_PAUSE_PROCESS, /* as by SIGSTOP: the clocks go on, the kernel takes packets */
	SIM_PAUSE_MACHINE, /* asleep: io_now_ns stands still, the wall clock goes on */
};

/* A node that is down. The name is copied, and is what io_resolve knows it by; its address is
 * 10.0.0.n (n = 1 for the first). The program is copied; NULL for a node that the caller drives
 * by its io between events. */
struct sim_node *sim_node_add(struct sim *sim, const char *name, const struct sim_program *program);

/* Boots: the io is there at once, the program's start is called by an event, now or after
 * delay_ns. Does nothing to a node that is up or booting. */
void sim_node_start(struct sim_node *node);
void sim_node_start_after(struct sim_node *node, uint64_t delay_ns);
/* The process ends. Does nothing to a node that is down. */
void sim_node_kill(struct sim_node *node);
/* The machine loses power: unsynced writes and names are each kept, dropped or, for a write, torn
 * at a sector. */
void sim_node_power_loss(struct sim_node *node);
/* Dies right before its n-th operation on the disk or network from now (1: the next one) takes
 * effect; n = 0 takes that back. A sync counts apart from the write that it belongs to. */
void sim_node_die_at(struct sim_node *node, uint64_t n, bool power_loss);
void sim_node_pause(struct sim_node *node, enum sim_pause pause);
/* Everything that waited comes now. */
void sim_node_resume(struct sim_node *node);
/* Kills it if it is up, and starts it after down_ns. */
void sim_node_restart(struct sim_node *node, bool power_loss, uint64_t down_ns);

/* NULL when it is not up. */
struct io *sim_node_io(const struct sim_node *node);
enum sim_node_state sim_node_state(const struct sim_node *node);
static inline bool sim_node_is_up(const struct sim_node *node)
{
	return sim_node_state(node) >= SIM_NODE_RUNNING;
}
const char *sim_node_name(const struct sim_node *node);
struct sim *sim_node_sim(const struct sim_node *node);
/* 0 for the first that was added. */
uint32_t sim_node_index(const struct sim_node *node);
struct sim_node *sim_node_at(struct sim *sim, uint32_t index);
uint32_t sim_node_count(const struct sim *sim);
/* How often it was started. */
uint32_t sim_node_lives(const struct sim_node *node);
/* 10.0.0.n and the port. */
void sim_node_address(const struct sim_node *node, uint16_t port, struct io_address *address);
/* The node whose io it is (also a dead one). */
struct sim_node *sim_node_of(struct io *io);
/*
 * In stop only, for a program of tasks or of many requests that would rather end in its own way
 * than be dropped: ends all requests under way on the dead io, and those that are started
 * meanwhile, by done with GW_E_CANCELLED, and runs the turn function, until nothing is left. Before
 * it the tasks are cancelled, behind it the loop is freed. False: there was no end to it.
 */
bool sim_io_unwind(struct io *io);
/* The same for the tasks of a loop (task/loop.h): cancels them, unwinds, and frees the loop. False:
 * tasks are left that wait without end; they are dropped, with what they hold. */
bool sim_end_tasks(struct io *io, struct gw_loop *loop);
/* Whether this io's life still lasts: false in code that runs on after its node was killed. */
bool sim_io_alive(struct io *io);

/* ---- Clocks -------------------------------------------------------------------------- */

/* Sets the wall clock forward or back. io_now_ns does not care. */
void sim_clock_jump(struct sim_node *node, int64_t ns);
/* Both clocks go faster (or slower) by this many billionths from now on. |ppb| < 500 million. */
void sim_clock_drift(struct sim_node *node, int32_t ppb);

/* ---- Network ------------------------------------------------------------------------- */

/* One direction between two nodes (or from a node to itself). May be changed at any time; holds
 * for what is sent from then on, blocked for what is under way too. */
struct sim_link {
	bool blocked;            /* nothing passes; streams wait, re-send, at last give up */
	uint64_t delay_min_ns;
	uint64_t delay_mean_ns;
	uint64_t bytes_per_s;    /* slow drip; 0: no limit */
	uint32_t drip_bytes;     /* of a segment at most; 0: the option */
	uint32_t split_ppm;
	uint32_t reset_ppm;      /* a segment resets its stream at both ends, like a middlebox */
	uint32_t hang_ppm;       /* a segment and all behind it are lost for good: half-open */
	uint32_t loss_ppm;       /* of datagrams; of a stream's segments: late by a re-send */
	uint32_t double_ppm;     /* of datagrams */
	uint32_t late_ppm;       /* of datagrams: delayed by up to late_ns */
	uint64_t late_ns;
	uint32_t refuse_ppm;     /* of connects */
};

struct sim_link *sim_link(struct sim_node *from, struct sim_node *to);

/* Blocks both directions between nodes whose bits differ in the mask (bit i: node i), opens
 * the rest. Only the first 64 nodes. */
void sim_partition(struct sim *sim, uint64_t mask);
/* Blocks what the node sends to the others, what it receives, or both. */
void sim_isolate(struct sim_node *node, bool sends, bool receives);
/* Makes all links as at the start: open and without faults. */
void sim_heal(struct sim *sim);
/* Resets all streams between the two now; returns how many. */
uint32_t sim_reset_streams(struct sim_node *a, struct sim_node *b);
/* Every stream between the two is half-open from now on: nothing arrives on it any more. */
uint32_t sim_hang_streams(struct sim_node *a, struct sim_node *b);

/* ---- Disk ---------------------------------------------------------------------------- */

/* The faults of a node's disk. May be changed at any time. */
struct sim_disk {
	uint64_t total_bytes;
	uint64_t total_files;
	uint64_t delay_ns, sync_delay_ns;
	uint32_t slow_ppm;         /* an operation takes slow_ns longer */
	uint64_t slow_ns;
	bool hung;                 /* nothing is done until it is false again */
	uint32_t read_error_ppm;   /* GW_E_IO */
	uint32_t write_error_ppm;  /* GW_E_IO; any part of the range may be written */
	uint32_t sync_error_ppm;   /* GW_E_IO; what was unsynced is lost at the next power loss,
				    * whatever a later sync says */
	uint32_t sync_lie_ppm;     /* result 0, nothing is synced */
	uint32_t misdirect_ppm;    /* a write goes to another sector of the disk */
	uint32_t rot_ppm;          /* a read finds a bit flipped, for good */
	/* At a power loss, of unsynced sectors and names. The rest of 1,000,000 is dropped. */
	uint32_t keep_ppm;         /* 1/2 at first */
	uint32_t tear_ppm;         /* of sectors: filled with rubbish; 0 at first */
	bool in_order;             /* names: what is kept is a prefix, as with a journal */
};

struct sim_disk *sim_disk(struct sim_node *node);

/*
 * Fails operations on the disk: of those in the mask (1 << IO_OPERATION_x, a write's sync is
 * IO_OPERATION_SYNC) the n-th from now on (1: the next) and `times - 1` after it; times 0 is for
 * ever. os_error: EIO, ENOSPC, ... The operation has no effect, but that a write may have left a
 * part and a failed sync loses what was unsynced. One such rule a node; n = 0 takes it back.
 */
void sim_disk_fail_at(struct sim_node *node, uint32_t mask, uint64_t n, uint64_t times,
		      int os_error);
/* The n-th sync from now on does nothing and says 0. */
void sim_disk_lie_at(struct sim_node *node, uint64_t n);
/* The n-th write from now on lands elsewhere. */
void sim_disk_misdirect_at(struct sim_node *node, uint64_t n);
/* Flips a bit of the file, or (path NULL) of any file; false when there is no such byte. */
bool sim_disk_rot(struct sim_node *node, const char *path, uint64_t offset, uint8_t bit);
/* The range cannot be read any more (GW_E_IO) until it is written. Whole sectors. */
bool sim_disk_damage(struct sim_node *node, const char *path, uint64_t offset, uint64_t size);
/* Another, empty disk. Only while the node is down. */
void sim_disk_wipe(struct sim_node *node);
/* Each gets the disk of the other, with its faults. Only while both are down. */
void sim_disk_swap(struct sim_node *one, struct sim_node *other);
/* Bytes that only the page cache has. */
uint64_t sim_disk_unsynced_bytes(struct sim_node *node);
/* For checkers: the file's bytes as the node would read them, without events. The result is what
 * was read; GW_E_NOT_FOUND. */
int64_t sim_disk_peek(struct sim_node *node, const char *path, uint64_t offset, void *data,
		      size_t size);

/* ---- What happened ------------------------------------------------------------------- */

/* Of all that happened so far: times, nodes, operations, sizes, contents, results, and draws. */
uint64_t sim_hash(const struct sim *sim);
uint64_t sim_events(const struct sim *sim);

/* One line on the record `back` before the newest (0); false when there is none. No newline. */
bool sim_trace_line(const struct sim *sim, size_t back, char line[SIM_TRACE_LINE_MAX]);
/* Adds a line of the caller's, a number and a literal, to trace and hash: "acknowledged 17". */
void sim_note(struct sim *sim, struct sim_node *node, const char *literal, int64_t number);

/* How often things happened: X(NAME, "what"). */
#define SIM_COUNT_TABLE(X)                                        \
	X(START, "nodes started")                                 \
	X(KILL, "nodes killed")                                   \
	X(POWER_LOSS, "power losses")                             \
	X(PAUSE, "pauses")                                        \
	X(CLOCK_JUMP, "clock jumps")                              \
	X(TURN, "turns")                                          \
	X(TURN_LATE, "turns after several events")                \
	X(TIMER, "timers")                                        \
	X(CONNECT, "connections made")                            \
	X(REFUSE, "connections refused")                          \
	X(CONNECT_TIMEOUT, "connects timed out")                  \
	X(SEGMENT, "segments arrived")                            \
	X(SPLIT, "segments cut at a byte")                        \
	X(RESEND, "segments sent again")                          \
	X(BLOCK, "writers blocked by a full buffer")              \
	X(RESET, "streams reset")                                 \
	X(HALF_OPEN, "streams half-open")                         \
	X(SEND_TIMEOUT, "streams ended by silence")               \
	X(DATAGRAM, "datagrams arrived")                          \
	X(DATAGRAM_LOST, "datagrams lost")                        \
	X(DATAGRAM_DOUBLED, "datagrams doubled")                  \
	X(DATAGRAM_LATE, "datagrams late")                        \
	X(READ, "reads")                                          \
	X(WRITE, "writes")                                        \
	X(SYNC, "syncs")                                          \
	X(SYNC_FAILED, "syncs failed")                            \
	X(SYNC_LIED, "syncs that lied")                           \
	X(SECTOR_KEPT, "unsynced sectors kept")                   \
	X(SECTOR_DROPPED, "unsynced sectors dropped")             \
	X(SECTOR_TORN, "unsynced sectors torn")                   \
	X(NAME_KEPT, "unsynced names kept")                       \
	X(NAME_DROPPED, "unsynced names dropped")                 \
	X(WRITE_PARTIAL, "writes cut by a death or a failure")    \
	X(DISK_ERROR, "disk errors")                              \
	X(NO_SPACE, "disks full")                                 \
	X(ROT, "bits rotten")                                     \
	X(MISDIRECT, "writes misdirected")                        \
	X(SLOW, "slow disk operations")                           \
	X(OFFLOAD, "work offloaded")

enum sim_count {
#define SIM_COUNT_ENUM(name, text) SIM_COUNT_##name,
	SIM_COUNT_TABLE(SIM_COUNT_ENUM)
#undef SIM_COUNT_ENUM
	SIM_COUNTS
};

uint64_t sim_count(const struct sim *sim, enum sim_count count);
const char *sim_count_text(enum sim_count count);

#endif
