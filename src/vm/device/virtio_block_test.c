/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_block_test.c - the disk as the guest sees it: what is passed on, in which order, what
 * comes back, and what happens to a guest that asks for nonsense.
 */
#include "virtio_block.h"

#include "driver_fixture.h"

#include "base/little_endian.h"
#include "support/unit.h"

#define BASE UINT64_C(0x10001000)
#define STATUS (DRIVER_BUFFERS + 0x8000)
#define DATA (DRIVER_BUFFERS + 0x1000)

enum {
	QUEUE_SIZE = 128,
	DISK_BYTES = 1 << 30,
	IN = 0,
	OUT = 1,
	FLUSH = 4,
	GET_ID = 8,
	DISCARD = 11,
	ZEROES = 13,
	UNTOUCHED = 0xee, /* what a status is before it is written */
	ASKED_MAX = 300,
};

struct asked {
	struct vm_block_request request; /* its pieces are not kept */
	uint8_t first;                   /* byte of a write */
	uint64_t bytes;                  /* of its pieces */
};

struct world {
	struct rig rig;
	struct vm_virtio_block *block;
	struct driver driver;
	struct asked asked[ASKED_MAX];
	size_t count;
	uint16_t next; /* descriptor */
};

static void request(void *context, const struct vm_block_request *wanted)
{
	struct world *world = context;
	struct asked *asked = &world->asked[world->count++];

	assert_true(world->count <= ASKED_MAX);
	asked->request = *wanted;
	asked->bytes = 0;
	for (size_t at = 0; at < wanted->piece_count; at++)
		asked->bytes += wanted->pieces[at].size;
	if (wanted->piece_count)
		memcpy(&asked->first, wanted->pieces[0].data, 1);
}

static void make(struct world *world, bool read_only)
{
	struct vm_virtio_block_setup setup = {.size = DISK_BYTES, .read_only = read_only,
					      .id = "groundwork-1", .request = request,
					      .context = world};

	*world = (struct world){0};
	rig_start(&world->rig);
	setup.ram = world->rig.ram;
	setup.wire = rig_wire(&world->rig, 0);
	assert_int_equal(vm_virtio_block_new(&world->block, &setup, NULL), 0);
	rig_add(&world->rig, BASE, vm_virtio_block_device(world->block));
	world->driver = (struct driver){.rig = &world->rig, .base = BASE};
}

static void start(struct world *world)
{
	make(world, false);
	driver_start(&world->driver, UINT64_MAX & ~VM_VIRTIO_F_EVENT_IDX, 1, QUEUE_SIZE);
}

static void end(struct world *world)
{
	vm_virtio_block_free(world->block);
	rig_end(&world->rig);
}

static uint8_t *memory(struct world *world, uint64_t address)
{
	return vm_ram_at(&world->rig.ram, address, 1);
}

/*
 * Offers a request in three descriptors: head, data (read or written), status; returns the number
 * of the first. Each has a head and a status of its own in memory.
 */
static uint16_t offer(struct world *world, uint32_t type, uint64_t sector, uint64_t data,
		      uint32_t size)
{
	uint16_t at = world->next;
	uint64_t table = world->driver.queues[0].table, head = DRIVER_BUFFERS + 16 * at;
	bool written = type == IN || type == GET_ID;

	world->next = (uint16_t)((at + 3) % (QUEUE_SIZE - QUEUE_SIZE % 3));
	base_store32(memory(world, head), type);
	base_store64(memory(world, head + 8), sector);
	*memory(world, STATUS + at) = UNTOUCHED;
	driver_describe(&world->driver, table, at, head, 16, DESCRIPTOR_NEXT, (uint16_t)(at + 1));
	driver_describe(&world->driver, table, (uint16_t)(at + 1), data, size,
			DESCRIPTOR_NEXT | (written ? DESCRIPTOR_WRITE : 0), (uint16_t)(at + 2));
	driver_describe(&world->driver, table, (uint16_t)(at + 2), STATUS + at, 1,
			DESCRIPTOR_WRITE, 0);
	driver_offer(&world->driver, 0, at);
	return at;
}

static uint16_t ask(struct world *world, uint32_t type, uint64_t sector, uint32_t size)
{
	uint16_t head = offer(world, type, sector, DATA, size);

	driver_notify(&world->driver, 0);
	return head;
}

static bool complete(struct world *world, size_t at, int status)
{
	static const uint8_t bytes[1 << 16] = {'d', 'i', 's', 'k'};
	const struct vm_block_request *asked = &world->asked[at].request;
	struct gw_bytes data = {bytes, asked->operation == VM_BLOCK_READ ? asked->size : 0};

	assert_true(data.size <= sizeof(bytes));
	return vm_virtio_block_complete(world->block, asked->id, status, data);
}

/* That the next that came back is this, with this status. */
static void assert_back(struct world *world, uint16_t head, uint8_t status, uint32_t written)
{
	uint32_t used_head, used_written;

	assert_true(driver_used(&world->driver, 0, &used_head, &used_written));
	assert_int_equal(used_head, head);
	assert_int_equal(used_written, written);
	assert_int_equal(*memory(world, STATUS + head), status);
}

static void assert_none_back(struct world *world)
{
	uint32_t head, written;

	assert_false(driver_used(&world->driver, 0, &head, &written));
}

/* Answered at once with this status, and nothing passed on. */
static void assert_refused(struct world *world, uint32_t type, uint64_t sector, uint32_t size,
			   uint8_t status)
{
	size_t before = world->count;

	assert_back(world, ask(world, type, sector, size), status, 1);
	assert_int_equal(world->count, before);
	assert_false(driver_broken(&world->driver));
}

/* ---- What it promises ------------------------------------------------------------------------ */

static void the_configuration_describes_the_disk(void **state)
{
	struct world world;
	uint64_t features;

	(void)state;
	make(&world, false);
	assert_int_equal(driver_read(&world.driver, VIRTIO_DEVICE_ID), 2);
	features = driver_negotiate(&world.driver, UINT64_MAX);
	assert_int_equal(features & 0xffffff,
			 1 << 1 | 1 << 2 | 1 << 6 | 1 << 9 | 1 << 13 | 1 << 14);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG, 8), DISK_BYTES / 512);
	assert_int_equal(driver_read(&world.driver, VIRTIO_CONFIG + 12), QUEUE_SIZE - 2);
	assert_int_equal(driver_read(&world.driver, VIRTIO_CONFIG + 20), 512);
	/* All segments full are no more than a request may have. */
	assert_true(driver_read(&world.driver, VIRTIO_CONFIG + 8) * (QUEUE_SIZE - 2) <=
		    VM_BLOCK_REQUEST_BYTES_MAX);
	end(&world);
	make(&world, true);
	features = driver_negotiate(&world.driver, UINT64_MAX);
	assert_true(features & 1 << 5);
	end(&world);
}

static void a_read_is_answered_with_its_bytes(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	start(&world);
	head = ask(&world, IN, 7, 1024);
	assert_int_equal(world.count, 1);
	assert_int_equal(world.asked[0].request.operation, VM_BLOCK_READ);
	assert_int_equal(world.asked[0].request.offset, 7 * 512);
	assert_int_equal(world.asked[0].request.size, 1024);
	assert_int_equal(*memory(&world, DATA), 0); /* not before the answer */
	assert_int_equal(*memory(&world, STATUS + head), UNTOUCHED);
	assert_none_back(&world);
	assert_int_equal(vm_virtio_block_pending(world.block), 1);
	assert_true(complete(&world, 0, 0));
	assert_back(&world, head, 0, 1025);
	assert_memory_equal(memory(&world, DATA), "disk", 5);
	assert_true(world.rig.high[0]);
	assert_int_equal(vm_virtio_block_pending(world.block), 0);
	end(&world);
}

static void a_write_passes_its_bytes_on(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	start(&world);
	*memory(&world, DATA) = 'w';
	head = ask(&world, OUT, 2, 512);
	assert_int_equal(world.asked[0].request.operation, VM_BLOCK_WRITE);
	assert_int_equal(world.asked[0].bytes, 512);
	assert_int_equal(world.asked[0].first, 'w');
	assert_true(complete(&world, 0, 0));
	assert_back(&world, head, 0, 1);
	end(&world);
}

static void a_failure_is_an_error_of_the_guests(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	start(&world);
	head = ask(&world, IN, 7, 512);
	assert_true(vm_virtio_block_complete(world.block, world.asked[0].request.id, GW_E_IO,
					     (struct gw_bytes){0}));
	assert_back(&world, head, 1, 1);
	assert_int_equal(*memory(&world, DATA), 0);
	end(&world);
}

static void flush_discard_and_zeroes_are_passed_on(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	start(&world);
	head = ask(&world, FLUSH, 0, 0);
	assert_int_equal(world.asked[0].request.operation, VM_BLOCK_FLUSH);
	assert_true(complete(&world, 0, 0));
	assert_back(&world, head, 0, 1);
	base_store64(memory(&world, DATA), 100);
	base_store32(memory(&world, DATA + 8), 8);
	base_store32(memory(&world, DATA + 12), 0);
	head = ask(&world, DISCARD, 0, 16);
	assert_int_equal(world.asked[1].request.operation, VM_BLOCK_DISCARD);
	assert_int_equal(world.asked[1].request.offset, 51200);
	assert_int_equal(world.asked[1].request.size, 4096);
	assert_true(complete(&world, 1, 0));
	assert_back(&world, head, 0, 1);
	base_store32(memory(&world, DATA + 12), 1); /* zeroes may unmap, discard must not say so */
	assert_refused(&world, DISCARD, 0, 16, 2);
	head = ask(&world, ZEROES, 0, 16);
	assert_int_equal(world.asked[2].request.operation, VM_BLOCK_ZEROES);
	assert_true(complete(&world, 2, 0));
	assert_back(&world, head, 0, 1);
	base_store32(memory(&world, DATA + 12), 2);
	assert_refused(&world, ZEROES, 0, 16, 2);
	end(&world);
}

static void the_id_is_told_at_once(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	start(&world);
	head = ask(&world, GET_ID, 0, 20);
	assert_back(&world, head, 0, 21);
	assert_memory_equal(memory(&world, DATA), "groundwork-1\0\0\0\0\0\0\0", 20);
	head = ask(&world, GET_ID, 0, 4);
	assert_back(&world, head, 0, 5);
	assert_int_equal(world.count, 0);
	end(&world);
}

static void an_answer_has_to_fit_its_request(void **state)
{
	struct world world;
	uint8_t bytes[513] = {0};

	(void)state;
	start(&world);
	ask(&world, IN, 0, 512);
	assert_false(vm_virtio_block_complete(world.block, 99, 0, (struct gw_bytes){bytes, 512}));
	assert_false(vm_virtio_block_complete(world.block, 0, 0, (struct gw_bytes){bytes, 511}));
	assert_false(vm_virtio_block_complete(world.block, 0, 0, (struct gw_bytes){bytes, 513}));
	assert_int_equal(vm_virtio_block_pending(world.block), 1);
	assert_true(vm_virtio_block_complete(world.block, 0, 0, (struct gw_bytes){bytes, 512}));
	assert_false(vm_virtio_block_complete(world.block, 0, 0, (struct gw_bytes){bytes, 512}));
	end(&world);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static void what_overlaps_waits_for_its_turn(void **state)
{
	struct world world;
	uint16_t first, second, third;

	(void)state;
	start(&world);
	first = ask(&world, OUT, 8, 1024);
	second = ask(&world, IN, 9, 512);
	third = ask(&world, IN, 100, 512); /* would not have to, but is behind */
	assert_int_equal(world.count, 1);
	assert_true(complete(&world, 0, 0));
	assert_int_equal(world.count, 3);
	assert_back(&world, first, 0, 1);
	assert_true(complete(&world, 2, 0)); /* in whichever order they end */
	assert_true(complete(&world, 1, 0));
	assert_back(&world, third, 0, 513);
	assert_back(&world, second, 0, 513);
	end(&world);
}

static void what_only_reads_or_touches_does_not_wait(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	ask(&world, IN, 8, 1024);
	ask(&world, IN, 8, 1024);
	ask(&world, OUT, 10, 512);
	ask(&world, OUT, 7, 512);
	ask(&world, FLUSH, 0, 0);
	assert_int_equal(world.count, 5);
	ask(&world, OUT, 9, 512); /* over the first two */
	assert_int_equal(world.count, 5);
	assert_true(complete(&world, 0, 0));
	assert_int_equal(world.count, 5);
	assert_true(complete(&world, 1, 0));
	assert_int_equal(world.count, 6);
	end(&world);
}

static void requests_in_flight_have_a_limit(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	for (unsigned at = 0; at < QUEUE_SIZE / 3; at++)
		offer(&world, IN, at, DATA, 512);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.count, QUEUE_SIZE / 3);
	for (unsigned at = 0; at < QUEUE_SIZE / 3; at++) /* the guest reuses what is in flight */
		offer(&world, IN, at, DATA, 512);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.count, VM_BLOCK_REQUESTS_MAX);
	assert_true(complete(&world, 5, 0));
	assert_int_equal(world.count, VM_BLOCK_REQUESTS_MAX + 1);
	assert_int_equal(vm_virtio_block_pending(world.block), VM_BLOCK_REQUESTS_MAX);
	end(&world);
}

static void bytes_in_flight_have_a_limit(void **state)
{
	struct world world;
	uint64_t table, indirect = DRIVER_BUFFERS + 0x4000;
	const uint16_t pieces = 128; /* of 32 KiB, all the same */

	(void)state;
	start(&world);
	table = world.driver.queues[0].table;
	base_store32(memory(&world, DRIVER_BUFFERS), IN);
	driver_describe(&world.driver, indirect, 0, DRIVER_BUFFERS, 16, DESCRIPTOR_NEXT, 1);
	for (uint16_t at = 1; at <= pieces; at++)
		driver_describe(&world.driver, indirect, at, DRIVER_BUFFERS + 0x10000, 32768,
				DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, (uint16_t)(at + 1));
	driver_describe(&world.driver, indirect, pieces + 1, STATUS, 1, DESCRIPTOR_WRITE, 0);
	driver_describe(&world.driver, table, 0, indirect, 16 * (pieces + 2), DESCRIPTOR_INDIRECT,
			0);
	for (unsigned at = 0; at < 10; at++)
		driver_offer(&world.driver, 0, 0);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.count, VM_BLOCK_BYTES_MAX / VM_BLOCK_REQUEST_BYTES_MAX);
	assert_int_equal(world.asked[0].request.size, VM_BLOCK_REQUEST_BYTES_MAX);
	assert_true(vm_virtio_block_complete(world.block, 0, GW_E_IO, (struct gw_bytes){0}));
	assert_int_equal(world.count, VM_BLOCK_BYTES_MAX / VM_BLOCK_REQUEST_BYTES_MAX + 1);
	end(&world);
}

/* ---- Reset, state ---------------------------------------------------------------------------- */

static void a_forgotten_request_is_answered_to_nobody(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	start(&world);
	ask(&world, OUT, 8, 512);
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	world.next = 0;
	*memory(&world, STATUS) = UNTOUCHED;
	assert_int_equal(vm_virtio_block_pending(world.block), 1);
	head = ask(&world, IN, 8, 512); /* it is still on its way to the disk */
	assert_int_equal(world.count, 1);
	assert_true(complete(&world, 0, 0));
	assert_none_back(&world);
	assert_int_equal(world.count, 2);
	assert_int_not_equal(world.asked[1].request.id, world.asked[0].request.id);
	assert_true(complete(&world, 1, 0));
	assert_back(&world, head, 0, 513);
	end(&world);
}

static void what_is_in_flight_is_saved(void **state)
{
	struct world world;
	uint16_t first, second;

	(void)state;
	start(&world);
	first = ask(&world, IN, 8, 512);
	second = ask(&world, OUT, 20, 512);
	rig_round_trip(&world.rig);
	assert_int_equal(vm_virtio_block_pending(world.block), 2);
	assert_int_equal(world.count, 2); /* loading asks nobody */
	assert_true(complete(&world, 1, 0));
	assert_true(complete(&world, 0, 0));
	assert_back(&world, second, 0, 1);
	assert_back(&world, first, 0, 513);
	end(&world);
}

static void who_goes_on_alone_asks_again(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	ask(&world, OUT, 50, 512);
	driver_start(&world.driver, 0, 1, QUEUE_SIZE); /* that one is forgotten */
	world.next = 0;
	*memory(&world, DATA) = 'a';
	ask(&world, OUT, 20, 512);
	ask(&world, IN, 8, 512);
	ask(&world, OUT, 20, 512); /* waits */
	assert_int_equal(world.count, 3);
	vm_virtio_block_again(world.block);
	assert_int_equal(world.count, 5);
	assert_int_equal(world.asked[3].request.id, world.asked[1].request.id);
	assert_int_equal(world.asked[3].first, 'a');
	assert_int_equal(world.asked[3].bytes, 512);
	assert_int_equal(world.asked[4].request.id, world.asked[2].request.id);
	assert_int_equal(vm_virtio_block_pending(world.block), 2);
	assert_true(complete(&world, 3, 0));
	assert_int_equal(world.count, 6);
	end(&world);
}

static void a_state_that_cannot_be_is_refused(void **state)
{
	struct base_buffer saved = {0};
	struct vm_device device;
	struct world world;
	uint64_t seed = 7;

	(void)state;
	start(&world);
	ask(&world, IN, 8, 512);
	ask(&world, OUT, 20, 512);
	device = vm_virtio_block_device(world.block);
	for (unsigned round = 0; round < 20000; round++) {
		struct vm_fields fields = {.way = VM_FIELDS_SAVE, .out = &saved};
		size_t at;
		uint8_t before;

		if (round == 0)
			device.kind->fields(world.block, &fields);
		assert_true(saved.size > 64);
		at = test_pick(&seed, saved.size);
		before = saved.data[at];
		saved.data[at] = (uint8_t)test_random(&seed);
		fields = (struct vm_fields){
			.way = VM_FIELDS_LOAD, .in = saved.data, .left = saved.size};
		device.kind->fields(world.block, &fields);
		saved.data[at] = before;
		for (uint64_t id = 0; id < 3; id++)
			(void)complete(&world, id % 2, 0);
		world.count = 2;
		vm_virtio_block_again(world.block);
		world.count = 2;
	}
	base_buffer_done(&saved);
	end(&world);
}

/* ---- Nonsense -------------------------------------------------------------------------------- */

static void nonsense_is_refused(void **state)
{
	const uint64_t sectors = DISK_BYTES / 512;
	struct world world;

	(void)state;
	start(&world);
	assert_refused(&world, 99, 0, 512, 2);
	assert_refused(&world, 2, 0, 512, 2);
	assert_refused(&world, OUT, sectors, 512, 1);
	assert_refused(&world, OUT, sectors - 1, 1024, 1);
	assert_refused(&world, OUT, UINT64_MAX, 512, 1);
	assert_refused(&world, OUT, UINT64_MAX / 512 + 1, 512, 1);
	assert_refused(&world, OUT, 0, 511, 1);
	assert_refused(&world, OUT, 0, 0, 1);
	assert_refused(&world, DISCARD, 0, 15, 1);
	assert_refused(&world, DISCARD, 0, 32, 1);
	base_store64(memory(&world, DATA), UINT64_MAX);
	base_store32(memory(&world, DATA + 8), 1);
	base_store32(memory(&world, DATA + 12), 0);
	assert_refused(&world, ZEROES, 0, 16, 1);
	base_store64(memory(&world, DATA), 0);
	base_store32(memory(&world, DATA + 8), 0);
	assert_refused(&world, ZEROES, 0, 16, 1);
	base_store32(memory(&world, DATA + 8), UINT32_MAX);
	assert_refused(&world, DISCARD, 0, 16, 1);
	end(&world);
}

static void a_disk_that_is_read_only_is_not_written(void **state)
{
	struct world world;
	uint16_t head;

	(void)state;
	make(&world, true);
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	assert_refused(&world, OUT, 0, 512, 1);
	base_store32(memory(&world, DATA + 8), 8);
	assert_refused(&world, DISCARD, 0, 16, 1);
	assert_refused(&world, ZEROES, 0, 16, 1);
	head = ask(&world, IN, 0, 512);
	assert_true(complete(&world, 0, 0));
	assert_back(&world, head, 0, 513);
	end(&world);
}

static void a_chain_without_head_or_status_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	driver_chain(&world.driver, 0, 0, DRIVER_BUFFERS, 15, STATUS, 1);
	driver_offer(&world.driver, 0, 0);
	driver_notify(&world.driver, 0);
	assert_true(driver_broken(&world.driver));
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	driver_chain(&world.driver, 0, 0, DRIVER_BUFFERS, 16, 0, 0);
	driver_offer(&world.driver, 0, 0);
	driver_notify(&world.driver, 0);
	assert_true(driver_broken(&world.driver));
	assert_int_equal(world.count, 0);
	end(&world);
}

/* The guest changes the chain while the disk is at it. */
static void a_chain_that_was_changed_breaks_it(void **state)
{
	struct world world;
	uint64_t table;

	(void)state;
	start(&world);
	table = world.driver.queues[0].table;
	ask(&world, IN, 0, 1024);
	driver_describe(&world.driver, table, 1, DATA, 512, DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2);
	assert_true(complete(&world, 0, 0));
	assert_true(driver_broken(&world.driver));
	assert_none_back(&world);
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	world.next = 0;
	ask(&world, IN, 0, 1024);
	driver_describe(&world.driver, table, 0, 0, 16, DESCRIPTOR_NEXT, 1);
	assert_true(complete(&world, 1, 0));
	assert_true(driver_broken(&world.driver));
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	world.next = 0;
	ask(&world, OUT, 0, 1024);
	driver_describe(&world.driver, table, 1, DATA, 512, DESCRIPTOR_NEXT, 2);
	vm_virtio_block_again(world.block);
	assert_true(driver_broken(&world.driver));
	assert_int_equal(vm_virtio_block_pending(world.block), 0);
	end(&world);
}

static void a_queue_taken_away_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	ask(&world, IN, 0, 512);
	driver_write(&world.driver, VIRTIO_QUEUE_READY, 0);
	assert_true(complete(&world, 0, 0));
	assert_true(driver_broken(&world.driver));
	end(&world);
}

/* The used ring lies over the available one: each answer makes more requests. */
static void rings_over_each_other_come_to_an_end(void **state)
{
	struct world world;
	struct driver_queue *queue = &world.driver.queues[0];

	(void)state;
	start(&world);
	driver_write(&world.driver, VIRTIO_QUEUE_READY, 0);
	queue->used = queue->available;
	driver_write(&world.driver, VIRTIO_USED, queue->used & 0xffffffff);
	driver_write(&world.driver, VIRTIO_QUEUE_READY, 1);
	offer(&world, GET_ID, 0, DATA, 20);
	base_store16(memory(&world, queue->available + 2), 2);
	driver_notify(&world.driver, 0);
	rig_round_trip(&world.rig);
	end(&world);
}

static int make_one(void *context)
{
	struct vm_virtio_block_setup setup = {.ram = *(struct vm_ram *)context, .size = 512};
	struct vm_virtio_block *block = NULL;
	int status = vm_virtio_block_new(&block, &setup, NULL);

	vm_virtio_block_free(block);
	return status;
}

static void a_disk_is_of_whole_sectors(void **state)
{
	struct vm_virtio_block_setup setup = {.size = 513};
	struct vm_virtio_block *block;
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(vm_virtio_block_new(&block, &setup, NULL), GW_E_INVALID);
	assert_int_equal(test_each_allocation_fails(make_one, &world.rig.ram), 1);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_describes_the_disk),
		cmocka_unit_test(a_read_is_answered_with_its_bytes),
		cmocka_unit_test(a_write_passes_its_bytes_on),
		cmocka_unit_test(a_failure_is_an_error_of_the_guests),
		cmocka_unit_test(flush_discard_and_zeroes_are_passed_on),
		cmocka_unit_test(the_id_is_told_at_once),
		cmocka_unit_test(an_answer_has_to_fit_its_request),
		cmocka_unit_test(what_overlaps_waits_for_its_turn),
		cmocka_unit_test(what_only_reads_or_touches_does_not_wait),
		cmocka_unit_test(requests_in_flight_have_a_limit),
		cmocka_unit_test(bytes_in_flight_have_a_limit),
		cmocka_unit_test(a_forgotten_request_is_answered_to_nobody),
		cmocka_unit_test(what_is_in_flight_is_saved),
		cmocka_unit_test(who_goes_on_alone_asks_again),
		cmocka_unit_test(a_state_that_cannot_be_is_refused),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_disk_that_is_read_only_is_not_written),
		cmocka_unit_test(a_chain_without_head_or_status_breaks_it),
		cmocka_unit_test(a_chain_that_was_changed_breaks_it),
		cmocka_unit_test(a_queue_taken_away_breaks_it),
		cmocka_unit_test(rings_over_each_other_come_to_an_end),
		cmocka_unit_test(a_disk_is_of_whole_sectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
