/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_backend.h - the far side of io.h, for those who implement a `struct io`: what a request
 * holds and the table of operations. Only io.h includes it; users of an io need not read it.
 *
 * A backend gets each request with its operation and arguments set, queues it by its next and
 * previous, and ends it by io_finish on a later turn. All backends see the same arguments, so
 * that a wrapper can trace or fail the n-th operation whatever it is. An object's name lasts
 * until the last request on it has been finished, also when the object was closed before.
 */
#ifndef IO_IO_BACKEND_H
#define IO_IO_BACKEND_H

/* Every operation that is a request: X(NAME, "what it does, for sentences"). */
#define IO_OPERATION_TABLE(X)                            \
	X(OPEN, "open")                                  \
	X(CLOSE, "close")                                \
	X(SIZE, "get the size of")                       \
	X(TRUNCATE, "set the size of")                   \
	X(PREADV, "read")                                \
	X(PWRITEV, "write")                              \
	X(SYNC, "sync")                                  \
	X(FLUSH_RANGE, "flush")                          \
	X(PREALLOCATE, "preallocate")                    \
	X(PUNCH, "punch a hole in")                      \
	X(RENAME, "rename")                              \
	X(UNLINK, "remove")                              \
	X(MKDIR, "make directory")                       \
	X(RMDIR, "remove directory")                     \
	X(LIST, "list")                                  \
	X(SYNC_DIRECTORY, "sync directory")              \
	X(SPACE, "get the free space of")                \
	X(CONNECT, "connect to")                         \
	X(ACCEPT, "accept on")                           \
	X(WRITEV, "send to")                             \
	X(SHUTDOWN, "shut down")                         \
	X(SEND, "send a datagram from")                  \
	X(RECEIVE, "receive on")                         \
	X(RESOLVE, "resolve")                            \
	X(TIMER, "wait")                                 \
	X(OFFLOAD, "work")                               \
	X(POST, "post")                                  \
	X(SPAWN, "run")                                  \
	X(WAIT, "wait for")                              \
	X(POLL, "poll")

enum io_operation {
#define IO_OPERATION_ENUM(name, text) IO_OPERATION_##name,
	IO_OPERATION_TABLE(IO_OPERATION_ENUM)
#undef IO_OPERATION_ENUM
	IO_OPERATIONS
};

enum io_request_state {
	IO_REQUEST_IDLE,      /* the caller may use it */
	IO_REQUEST_UNDER_WAY,
	IO_REQUEST_CANCELLED, /* io_cancel was called, done is still to come */
};

struct io_request {
	void *data; /* the caller's */

	/* Private to src/io and src/sim. The inline functions below fill in the arguments. */
	io_done *done;
	const char *name; /* of what is worked on, for sentences */
	uint8_t operation, state;
	uint16_t backend_state;
	int32_t result, os_error; /* os_error: errno behind a negative result, or 0 */
	struct io_request *next, *previous; /* the backend's queues */
	union {
		struct {
			const char *path, *to;
			uint32_t flags, mode;
			void *out; /* struct io_file **, io_list *, io_space * */
		} path;
		struct {
			struct io_file *file;
			uint64_t offset, size;
			const void *pieces; /* struct io_buffer or struct gw_bytes */
			uint64_t *size_out;
			uint32_t count, flags;
		} file;
		struct {
			void *object; /* struct io_stream, io_listener or io_datagrams */
			const struct gw_bytes *pieces;
			const struct io_address *to;
			struct io_address *from;
			struct io_stream **stream_out;
			struct io_buffer buffer;
			uint32_t count;
		} net;
		struct {
			const char *host, *port;
			struct io_addresses *out;
		} resolve;
		struct {
			int (*work)(void *context);
			void *context;
			uint64_t at_ns;
			uint32_t pool;
		} run;
		struct {
			const struct io_spawn_options *options;
			struct io_process **process_out;
			struct io_process *process;
			struct io_exit *exit_out;
		} process;
		struct {
			int fd;
			uint32_t events;
		} poll;
	} u;
	uint64_t backend[4]; /* the backend's: a place in a heap, a moment, a handle */
};

/* ---- The table that a backend fills in --------------------------------------------------- */

struct io_operations {
	/* Starts a request whose operation and arguments are set. It ends by io_finish. An
	 * IO_OPERATION_POST may come from any thread, all others come from the io's own. */
	void (*submit)(struct io *io, struct io_request *request);
	/* The request is under way and its state was set to cancelled: end it soon if that can
	 * be. */
	void (*cancel)(struct io *io, struct io_request *request);
	bool (*timer_stop)(struct io *io, struct io_request *request);
	void (*list_free)(struct io *io, struct io_list *list);

	uint64_t (*now_ns)(struct io *io);
	int64_t (*wall_ns)(struct io *io);
	void (*boot_id)(struct io *io, uint8_t id[16]);
	void (*random)(struct io *io, void *data, size_t size);
	uint32_t (*pick)(struct io *io, uint32_t n);
	uint32_t (*pool_of)(struct io *io, const char *path);
	void (*set_turn)(struct io *io, struct io_turn *turn);
	size_t (*pending)(struct io *io);

	int (*listen)(struct io *io, const struct io_address *address,
		      struct io_listener **listener, struct gw_error *error);
	void (*listener_address)(struct io *io, struct io_listener *listener,
				 struct io_address *address);
	void (*listener_close)(struct io *io, struct io_listener *listener);
	void (*peer)(struct io *io, struct io_stream *stream, struct io_peer *peer);
	void (*read_start)(struct io *io, struct io_stream *stream, struct io_reader *reader);
	void (*read_stop)(struct io *io, struct io_stream *stream);
	void (*stream_close)(struct io *io, struct io_stream *stream, bool reset);
	int (*datagrams_open)(struct io *io, const struct io_address *address,
			      struct io_datagrams **datagrams, struct gw_error *error);
	void (*datagrams_address)(struct io *io, struct io_datagrams *datagrams,
				  struct io_address *address);
	void (*datagrams_close)(struct io *io, struct io_datagrams *datagrams);

	int (*kill)(struct io *io, struct io_process *process, int signal, struct gw_error *error);
	void (*process_close)(struct io *io, struct io_process *process);
};

struct io_rare; /* rare.h */

/* Every backend begins with this. How one is made and run is said in the backend's own header. */
struct io {
	const struct io_operations *operations;
	struct io_rare *rare; /* switches of rare.h; NULL but in the simulator */
};

/* Backends only: the one way to end a request. The state is idle by then, so done may start it
 * again. An object made by a cancelled request must have been closed before. */
static inline void io_finish(struct io_request *request)
{
	int result = request->result;

	assert(request->state != IO_REQUEST_IDLE);
	if (request->state == IO_REQUEST_CANCELLED)
		result = GW_E_CANCELLED;
	request->result = result;
	request->state = IO_REQUEST_IDLE;
	request->done(request, result);
}

#endif
