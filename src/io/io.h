/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h - everything that the system can do to a program: time, randomness, files, network, other
 * processes, and the order in which things happen. Code that sees the outside only through a
 * `struct io` runs unchanged on the real backend (libuv) and in the seeded simulator, where one
 * process and one thread hold a whole cluster and the same seed gives the same run, byte for
 * byte.
 *
 * Requests. What may have to wait is a request:
 *
 *     static void opened(struct io_request *request, int result);
 *
 *     struct io_request request = {0};        // the caller's memory, often part of a bigger struct
 *     request.data = my_state;                // the caller's field, never touched
 *     io_open(io, &request, "log/000001", IO_READ | IO_WRITE | IO_LOCKED, 0600, &file, opened);
 *
 * - A request starts as {0}, is the caller's, and stays at its address until done is called; it
 *   may then be used again, also from inside done. Its fields but `data` are private to this
 *   room.
 * - done is called exactly once, on the thread of the io, and never inside the call that started
 *   the request. io_x returns nothing: whatever goes wrong arrives by done. (When a simulated
 *   machine dies, its requests die with it, without done.)
 * - What is passed by pointer (paths, arrays of pieces, the bytes of a write, the buffers of a
 *   read, what is to be filled in) is not copied and must last, untouched, until done.
 * - io_cancel asks for an early end: done then gets GW_E_CANCELLED, whatever else has happened.
 *   It comes as soon as nothing uses the caller's memory any more, so a read that hangs in a disk
 *   is not hurried. Effects (bytes written, a file renamed) may or may not have happened; an
 *   object that was made on the way (a file, a stream, a process) is closed by the backend.
 *
 * Results. 0 or positive is fine, negative a code of GW_ERROR_TABLE. io_request_error, called
 * inside done, turns a failure into a sentence that names the file or the peer. Calls that never
 * wait return int and take a struct gw_error themselves, or cannot fail.
 *
 * Objects. Files, streams, listeners, datagram sockets and processes are made by the backend and
 * belong to whoever asked for them until they are closed. After the close the pointer is invalid.
 * A file or process is closed when none of its requests is under way; closing a stream, listener
 * or socket cancels what is under way on it.
 *
 * Threads. An io belongs to one thread; everything here is called from it, and all callbacks run
 * on it, but for two: io_post may be called from any thread, and the work of io_offload runs on
 * another one. A process never forks while an io lives in it; io_spawn is the way to other
 * programs.
 *
 * Units: sizes and offsets are bytes, times nanoseconds (_ns). Limits are in one enum below.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include <groundwork/base.h>

#include <assert.h>

#ifdef __cplusplus
extern "C" {
#endif

struct io;
struct io_request;

enum {
	IO_PIECES_MAX = 1024,               /* of one read, write or datagram */
	IO_TRANSFER_BYTES_MAX = 1 << 30,    /* of one file read or write: an int holds the result */
	IO_DATAGRAM_BYTES_MAX = 65507,
	IO_PATH_BYTES_MAX = 4096,           /* with the NUL */
	IO_UNIX_PATH_BYTES_MAX = 108,       /* of a socket's name, with the NUL */
	IO_ADDRESSES_MAX = 8,               /* answers of one io_resolve */
	IO_LIST_ENTRIES_MAX = 1 << 24,      /* of one directory; more: GW_E_TOO_LARGE */
	IO_DIRECT_ALIGN_BYTES = 4096,       /* of buffers, sizes and offsets of an IO_DIRECT file */
	IO_LOG_ALIGN_BYTES = 512,           /* of sizes and offsets that IO_LOG is for */
};

/* Memory to be filled; laid out like struct iovec, as is struct gw_bytes, which is memory to be
 * written. */
struct io_buffer {
	void *data;
	size_t size;
};

typedef void io_done(struct io_request *request, int result);

/* ---- Objects: each backend's begin with these -------------------------------------------- */

struct io_file {
	const char *name; /* the path it was opened by; lasts as long as the file */
};

struct io_stream {
	const char *name; /* of the other side, as text; for error sentences */
};

struct io_listener {
	const char *name;
};

struct io_datagrams {
	const char *name;
};

struct io_process {
	const char *name;             /* the program */
	uint32_t id;                  /* of the process, for people */
	struct io_stream *streams[3]; /* for IO_STDIO_PIPE, else NULL; the caller closes them */
};

enum io_family {
	IO_FAMILY_NONE,
	IO_FAMILY_IP4,  /* ip[0..4) */
	IO_FAMILY_IP6,
	IO_FAMILY_UNIX, /* path; bytes after its NUL are 0 */
};

/* An address. Bytes that its family does not use are 0, so that equal addresses are equal bytes. */
struct io_address {
	uint16_t family; /* enum io_family */
	uint16_t port;   /* in this machine's byte order; 0 in io_listen: any free one */
	uint32_t scope;  /* interface of a link-local IP6 address */
	uint8_t ip[16];  /* in network byte order */
	char path[IO_UNIX_PATH_BYTES_MAX];
};

static inline bool io_address_equal(const struct io_address *a, const struct io_address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct io_addresses {
	size_t count;
	struct io_address items[IO_ADDRESSES_MAX];
};

/* Who is at the other end of a stream. The kernel vouches for the ids of a UNIX socket's peer. */
struct io_peer {
	struct io_address address;
	bool has_ids;
	uint32_t process_id, user_id, group_id; /* when it connected */
};

struct io_entry {
	const char *name;
	bool is_directory;
};

/* A directory without "." and "..", sorted by the bytes of the names. */
struct io_list {
	struct io_entry *entries;
	size_t count;
	void *memory; /* private: what io_list_free frees */
};

struct io_space {
	uint64_t total_bytes;
	uint64_t free_bytes; /* that this process may still use */
	uint64_t free_files;
};

enum io_open_flag {
	IO_READ = 1,
	IO_WRITE = 2,
	IO_CREATE = 4,     /* make it when it is absent, with the mode */
	IO_EXCLUSIVE = 8,  /* with IO_CREATE: GW_E_EXISTS when it is there */
	IO_TRUNCATE = 16,  /* to size 0 */
	IO_DIRECT = 32,    /* around the page cache; GW_E_UNSUPPORTED where that cannot be */
	IO_LOCKED = 64,    /* one opener at a time, of all processes; else GW_E_BUSY */
	IO_LOG = 128,      /* a hint: most that is written is small, has IO_WRITE_SYNC, begins and
			    * ends at multiples of IO_LOG_ALIGN_BYTES in bytes that were written
			    * before (to fill the file), is not read soon, and nobody else writes
			    * there. Such writes are quicker then; nothing else is different */
};

enum io_write_flag {
	IO_WRITE_SYNC = 1, /* done when the bytes, and what is needed to find them, are durable */
};

enum io_rename_flag {
	IO_RENAME_EXCLUSIVE = 1, /* GW_E_EXISTS when `to` is there; else it is replaced */
};

enum io_poll_event {
	IO_POLL_READ = 1,
	IO_POLL_WRITE = 2,
};

enum io_stdio {
	IO_STDIO_NULL,    /* /dev/null */
	IO_STDIO_INHERIT, /* this process's own */
	IO_STDIO_PIPE,    /* a stream in struct io_process: written for 0, read for 1 and 2 */
};

struct io_spawn_options {
	const char *const *arguments;   /* [0]: the program, searched in PATH; ended by NULL */
	const char *const *environment; /* "NAME=value", ended by NULL; NULL: this process's */
	const char *directory;          /* to run in; NULL: this process's */
	uint8_t stdio[3];               /* enum io_stdio of input, output, errors */
	bool die_with_parent;           /* killed by the kernel when this process ends */
};

struct io_exit {
	int status; /* exit status, when signal is 0 */
	int signal; /* that ended it, or 0 */
};

/* Reads what arrives on a stream; the caller's, from io_read_start until reading ended. */
struct io_reader {
	/* Where the next bytes go; asked right before they are read, so it can be the middle of
	 * what a frame is to fill. Size 0 ends reading without a call of read, until the next
	 * io_read_start. */
	struct io_buffer (*buffer)(struct io_reader *reader);
	/* > 0: bytes now in the buffer; 0: the other side sends no more; negative: a code.
	 * Reading has ended after the last two. May stop, start again with another reader, or
	 * close the stream. */
	void (*read)(struct io_reader *reader, int result);
	/* When so many bytes were read in one turn, the rest is for the next: what is written
	 * meanwhile leaves before, and the other side works on it at the same time. 0: no limit
	 * but the backend's. May change at any time. */
	uint32_t turn_bytes;
};

/* Runs once a turn of the loop, after the callbacks of all that was ready and before what was
 * written is sent: the place to run tasks. True: there is more to run, so the loop does not wait
 * for events. */
struct io_turn {
	bool (*run)(struct io_turn *turn);
};

/* What a request holds and what a backend has to do are in io_backend.h. */
#include "io/io_backend.h"

/* ---- Requests ---------------------------------------------------------------------------- */

/* For the functions below: the start of every request. */
static inline void io_request_begin(struct io_request *request, enum io_operation operation,
				    const char *name, io_done *done)
{
	assert(request->state == IO_REQUEST_IDLE);
	assert(done);
	request->done = done;
	request->name = name;
	request->operation = (uint8_t)operation;
	request->state = IO_REQUEST_UNDER_WAY;
	request->result = 0;
	request->os_error = 0;
}

/* Asks for an early end: done comes with GW_E_CANCELLED, later. Nothing happens to an idle
 * request. */
static inline void io_cancel(struct io *io, struct io_request *request)
{
	if (request->state != IO_REQUEST_UNDER_WAY)
		return;
	request->state = IO_REQUEST_CANCELLED;
	io->operations->cancel(io, request);
}

/* Between the call that starts a request and its done. */
static inline bool io_under_way(const struct io_request *request)
{
	return request->state != IO_REQUEST_IDLE;
}

static inline const char *io_operation_text(unsigned operation)
{
	switch (operation) {
#define IO_OPERATION_TEXT(name, text) \
	case IO_OPERATION_##name:     \
		return text;
		IO_OPERATION_TABLE(IO_OPERATION_TEXT)
#undef IO_OPERATION_TEXT
	default:
		return "unknown operation on";
	}
}

/* The sentence of a request that failed, as gw_fail makes it; returns the code. Inside done only,
 * where the name of the thing still lasts. */
static inline int io_request_error(const struct io_request *request, struct gw_error *error)
{
	const char *text = io_operation_text(request->operation);
	const char *name = request->name ? request->name : "";

	assert(request->result < 0);
	if (!request->os_error || request->result == GW_E_CANCELLED)
		return gw_fail(error, request->result, "cannot %s %s: %s", text, name,
			       gw_code_text(request->result));
	(void)gw_fail_errno(error, request->os_error, "cannot %s %s", text, name);
	if (error)
		error->code = request->result;
	return request->result;
}

/* Files and network: more of this interface, in files of their own for their length. */
#include "io/io_file.h"
#include "io/io_net.h"

/* ---- Time and chance --------------------------------------------------------------------- */

/* Never goes back, and is not related to any other machine's; stands still while the machine
 * sleeps. */
static inline uint64_t io_now_ns(struct io *io)
{
	return io->operations->now_ns(io);
}

/* Since 1970 in UTC, as far as this machine knows; jumps either way when it is set. */
static inline int64_t io_wall_ns(struct io *io)
{
	return io->operations->wall_ns(io);
}

/* The same 16 bytes for all processes of this machine until it starts anew. */
static inline void io_boot_id(struct io *io, uint8_t id[16])
{
	io->operations->boot_id(io, id);
}

/* Bytes that no one can guess (in the simulator: that the seed decides). */
static inline void io_random(struct io *io, void *data, size_t size)
{
	io->operations->random(io, data, size);
}

/* One of 0..n-1, n > 0: which of the things that could go first goes first. The real backend says
 * 0, so put the fair choice there; the simulator says any, which is how it finds the orders
 * nobody thought of. */
static inline uint32_t io_pick(struct io *io, uint32_t n)
{
	assert(n > 0);
	return n == 1 ? 0 : io->operations->pick(io, n);
}

static inline void io_run_begin(struct io_request *request, enum io_operation operation,
				io_done *done)
{
	io_request_begin(request, operation, "", done);
	request->u.run.work = NULL;
	request->u.run.context = NULL;
	request->u.run.at_ns = 0;
	request->u.run.pool = 0;
}

/* done gets 0 when io_now_ns has reached at_ns, never before; at once, but later, when it is
 * past. */
static inline void io_timer(struct io *io, struct io_request *request, uint64_t at_ns,
			    io_done *done)
{
	io_run_begin(request, IO_OPERATION_TIMER, done);
	request->u.run.at_ns = at_ns;
	io->operations->submit(io, request);
}

/* Forgets a timer without calling done: true, and the request is idle. False when it was not
 * under way. */
static inline bool io_timer_stop(struct io *io, struct io_request *request)
{
	if (request->state == IO_REQUEST_IDLE)
		return false;
	assert(request->operation == IO_OPERATION_TIMER);
	return io->operations->timer_stop(io, request);
}

/* ---- Work elsewhere, and the loop -------------------------------------------------------- */

enum { IO_POOL_CPU = 0 }; /* the pool for computing; the others are one for each disk */

/* The pool that the files at path wait in. A disk that hangs stops its pool and no other. */
static inline uint32_t io_pool_of(struct io *io, const char *path)
{
	return io->operations->pool_of(io, path);
}

/*
 * Runs work(context) on a thread of the pool; done gets what it returned. The work sees its
 * context and nothing else of this io. Work that has begun is not interrupted by a cancel; work
 * that has not is not begun.
 */
static inline void io_offload(struct io *io, struct io_request *request, uint32_t pool,
			      int (*work)(void *context), void *context, io_done *done)
{
	io_run_begin(request, IO_OPERATION_OFFLOAD, done);
	request->u.run.work = work;
	request->u.run.context = context;
	request->u.run.pool = pool;
	io->operations->submit(io, request);
}

/* Calls done soon on the io's own thread. May be called from any thread: the request is the io's
 * from here on, and what the caller wrote before is seen by done. Posts of one thread keep their
 * order. */
static inline void io_post(struct io *io, struct io_request *request, io_done *done)
{
	io_run_begin(request, IO_OPERATION_POST, done);
	io->operations->submit(io, request);
}

/* The one turn function of this io; NULL for none. */
static inline void io_set_turn(struct io *io, struct io_turn *turn)
{
	io->operations->set_turn(io, turn);
}

/* How many requests are under way and readers started: 0 means that nothing more will happen here
 * by itself, which is how a deadlock is told from a wait. */
static inline size_t io_pending(struct io *io)
{
	return io->operations->pending(io);
}

/* One wait for a descriptor of somebody else's library: the result is the io_poll_events that are
 * ready. The real backend only; elsewhere GW_E_UNSUPPORTED. */
static inline void io_poll_fd(struct io *io, struct io_request *request, int fd, uint32_t events,
			      io_done *done)
{
	io_request_begin(request, IO_OPERATION_POLL, "a descriptor", done);
	request->u.poll.fd = fd;
	request->u.poll.events = events;
	io->operations->submit(io, request);
}

/* ---- Processes --------------------------------------------------------------------------- */

/* Runs a program; *process is set when done gets 0, and a program that cannot be run is a failure
 * here. */
static inline void io_spawn(struct io *io, struct io_request *request,
			    const struct io_spawn_options *options, struct io_process **process,
			    io_done *done)
{
	assert(options->arguments && options->arguments[0]);
	io_request_begin(request, IO_OPERATION_SPAWN, options->arguments[0], done);
	request->u.process.options = options;
	request->u.process.process_out = process;
	request->u.process.process = NULL;
	request->u.process.exit_out = NULL;
	io->operations->submit(io, request);
}

/* Sends a signal; one that has ended already is GW_E_NOT_FOUND, never another process with its
 * number. */
static inline int io_kill(struct io *io, struct io_process *process, int signal,
			  struct gw_error *error)
{
	return io->operations->kill(io, process, signal, error);
}

/* Until the process has ended; *exit says how. May be asked again. */
static inline void io_wait(struct io *io, struct io_request *request, struct io_process *process,
			   struct io_exit *exit, io_done *done)
{
	io_request_begin(request, IO_OPERATION_WAIT, process->name, done);
	request->u.process.options = NULL;
	request->u.process.process_out = NULL;
	request->u.process.process = process;
	request->u.process.exit_out = exit;
	io->operations->submit(io, request);
}

/* Gives the object back; a process that still runs goes on, and leaves no zombie. */
static inline void io_process_close(struct io *io, struct io_process *process)
{
	io->operations->process_close(io, process);
}

#ifdef __cplusplus
}
#endif

#endif
