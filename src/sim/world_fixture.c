/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_fixture.c - see world_fixture.h.
 */
#include "sim/world_fixture.h"

enum { FILE_MODE = 0600 };

static const uint64_t op_patience_ns = 3600 * SIM_SECOND;

void world_start(struct world *world, uint64_t seed, const struct sim_options *options)
{
	static const char *const names[WORLD_NODES] = {"one", "two", "three"};
	struct gw_error error;

	world->sim = sim_new(seed, options, &error);
	assert_non_null(world->sim);
	for (unsigned i = 0; i < WORLD_NODES; i++) {
		world->nodes[i] = sim_node_add(world->sim, names[i], NULL);
		sim_node_start(world->nodes[i]);
	}
}

void world_end(struct world *world)
{
	sim_free(world->sim);
}

struct io *world_io(struct world *world, unsigned node)
{
	struct io *io = sim_node_io(world->nodes[node]);

	assert_non_null(io);
	return io;
}

struct op op_of(struct world *world)
{
	return (struct op){.sim = world->sim};
}

void op_done(struct io_request *request, int result)
{
	struct op *op = (struct op *)request;

	op->calls++;
	op->result = result;
	op->at_ns = sim_now_ns(op->sim);
	if (result < 0)
		assert_int_equal(io_request_error(request, &op->error), result);
}

static bool op_has_ended(void *context)
{
	return ((struct op *)context)->calls > 0;
}

int op_wait(struct op *op)
{
	assert_true(sim_run_when(op->sim, op_has_ended, op, sim_now_ns(op->sim) + op_patience_ns));
	assert_int_equal(op->calls, 1);
	return op->result;
}

/* ---- Files --------------------------------------------------------------------------------- */

static int open_with(struct world *world, unsigned node, const char *path, uint32_t flags,
		     struct io_file **file)
{
	struct op op = op_of(world);

	io_open(world_io(world, node), &op.request, path, flags, FILE_MODE, file, op_done);
	return op_wait(&op);
}

struct io_file *file_open(struct world *world, unsigned node, const char *path, uint32_t flags)
{
	struct io_file *file = NULL;

	assert_int_equal(open_with(world, node, path, flags, &file), 0);
	return file;
}

int file_open_result(struct world *world, unsigned node, const char *path, uint32_t flags)
{
	struct io_file *file = NULL;
	int result = open_with(world, node, path, flags, &file);

	if (result == 0)
		assert_int_equal(file_close(world, node, file), 0);
	return result;
}

int file_write(struct world *world, unsigned node, struct io_file *file, uint64_t offset,
	       const void *data, size_t size, uint32_t flags)
{
	struct op op = op_of(world);
	struct gw_bytes piece = {data, size};

	io_pwritev(world_io(world, node), &op.request, file, &piece, 1, offset, flags, op_done);
	return op_wait(&op);
}

int file_sync(struct world *world, unsigned node, struct io_file *file)
{
	struct op op = op_of(world);

	io_sync(world_io(world, node), &op.request, file, op_done);
	return op_wait(&op);
}

int file_read(struct world *world, unsigned node, struct io_file *file, uint64_t offset,
	      void *data, size_t size)
{
	struct op op = op_of(world);
	struct io_buffer buffer = {data, size};

	io_preadv(world_io(world, node), &op.request, file, &buffer, 1, offset, op_done);
	return op_wait(&op);
}

int file_truncate(struct world *world, unsigned node, struct io_file *file, uint64_t size)
{
	struct op op = op_of(world);

	io_truncate(world_io(world, node), &op.request, file, size, op_done);
	return op_wait(&op);
}

int file_close(struct world *world, unsigned node, struct io_file *file)
{
	struct op op = op_of(world);

	io_close(world_io(world, node), &op.request, file, op_done);
	return op_wait(&op);
}

int path_sync(struct world *world, unsigned node, const char *path)
{
	struct op op = op_of(world);

	io_sync_directory(world_io(world, node), &op.request, path, op_done);
	return op_wait(&op);
}

int path_rename(struct world *world, unsigned node, const char *path, const char *to)
{
	struct op op = op_of(world);

	io_rename(world_io(world, node), &op.request, path, to, 0, op_done);
	return op_wait(&op);
}

int path_unlink(struct world *world, unsigned node, const char *path)
{
	struct op op = op_of(world);

	io_unlink(world_io(world, node), &op.request, path, op_done);
	return op_wait(&op);
}

int path_mkdir(struct world *world, unsigned node, const char *path)
{
	struct op op = op_of(world);

	io_mkdir(world_io(world, node), &op.request, path, 0700, op_done);
	return op_wait(&op);
}

uint64_t path_free_bytes(struct world *world, unsigned node)
{
	struct op op = op_of(world);
	struct io_space space;

	io_space(world_io(world, node), &op.request, ".", &space, op_done);
	assert_int_equal(op_wait(&op), 0);
	return space.free_bytes;
}

void file_make(struct world *world, unsigned node, const char *path, uint8_t value, size_t size)
{
	struct io_file *file =
		file_open(world, node, path, IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE);
	uint8_t *bytes = (uint8_t *)malloc(size);

	assert_non_null(bytes);
	memset(bytes, value, size);
	assert_int_equal(file_write(world, node, file, 0, bytes, size, IO_WRITE_SYNC), 0);
	free(bytes);
	assert_int_equal(file_close(world, node, file), 0);
	assert_int_equal(path_sync(world, node, "."), 0);
}

bool file_is(struct world *world, unsigned node, const char *path, uint8_t value, size_t size)
{
	uint8_t *bytes = (uint8_t *)malloc(size + 1);
	bool same;

	assert_non_null(bytes);
	same = sim_disk_peek(world->nodes[node], path, 0, bytes, size + 1) == (int64_t)size;
	for (size_t i = 0; same && i < size; i++)
		same = bytes[i] == value;
	free(bytes);
	return same;
}

void power_cycle(struct world *world, unsigned node)
{
	sim_node_power_loss(world->nodes[node]);
	sim_node_start(world->nodes[node]);
}

/* ---- Streams ------------------------------------------------------------------------------- */

static struct io_buffer collector_buffer(struct io_reader *reader)
{
	struct collector *collector = (struct collector *)reader;
	size_t left = collector->capacity - collector->size;

	if (collector->step > 0 && left > collector->step)
		left = collector->step;
	return (struct io_buffer){collector->bytes + collector->size, left};
}

static void collector_read(struct io_reader *reader, int result)
{
	struct collector *collector = (struct collector *)reader;

	collector->reads++;
	collector->last = result;
	collector->last_ns = sim_now_ns(collector->sim);
	if (result > 0)
		collector->size += (size_t)result;
	else
		collector->ended = true;
}

void collector_start(struct collector *collector, struct world *world, unsigned node,
		     struct io_stream *stream, void *bytes, size_t capacity)
{
	size_t step = collector->step;

	*collector = (struct collector){
		.reader = {collector_buffer, collector_read, 0},
		.sim = world->sim,
		.bytes = (uint8_t *)bytes,
		.capacity = capacity,
		.step = step,
		.last = 1,
	};
	io_read_start(world_io(world, node), stream, &collector->reader);
}

struct collector_wish {
	const struct collector *collector;
	size_t size;
};

static bool collector_has(void *context)
{
	const struct collector_wish *wish = (const struct collector_wish *)context;

	return wish->collector->size >= wish->size || wish->collector->ended;
}

bool collector_wait(struct collector *collector, size_t size, uint64_t ns)
{
	struct collector_wish wish = {collector, size};

	(void)sim_run_when(collector->sim, collector_has, &wish, sim_now_ns(collector->sim) + ns);
	return collector->size >= size;
}

void pair_make(struct pair *pair, struct world *world, unsigned from, unsigned to)
{
	struct op connect = op_of(world), accept = op_of(world);
	struct io_address address;
	struct gw_error error;

	sim_node_address(world->nodes[to], 0, &address);
	assert_int_equal(io_listen(world_io(world, to), &address, &pair->listener, &error), 0);
	io_listener_address(world_io(world, to), pair->listener, &address);
	io_accept(world_io(world, to), &accept.request, pair->listener, &pair->ends[1], op_done);
	io_connect(world_io(world, from), &connect.request, &address, NULL, &pair->ends[0],
		   op_done);
	assert_int_equal(op_wait(&connect), 0);
	assert_int_equal(op_wait(&accept), 0);
}

int stream_send(struct world *world, unsigned node, struct io_stream *stream, const void *data,
		size_t size)
{
	struct op op = op_of(world);
	struct gw_bytes piece = {data, size};

	io_writev(world_io(world, node), &op.request, stream, &piece, 1, op_done);
	return op_wait(&op);
}
